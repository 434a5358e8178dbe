"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const columns = data.columns, quantiles = data.quantiles, PAGE = 200, CHART = 40;
  const at = (name) => columns.findIndex((c) => c.name === name);
  const state = { sort: null, down: true, filters: {}, text: "", metric: "throughput", limit: PAGE };
  const body = document.querySelector("#cells tbody"), head = document.querySelector("#cells thead");
  const tip = document.getElementById("tip");

  function figure(x) {
    if (x === null || x === undefined) return "–";
    if (x >= 1000) { const d = Math.pow(10, Math.max(Math.floor(Math.log10(x)) - 2, 0)); return (Math.round(x / d) * d).toLocaleString("en"); }
    return String(Number(x.toPrecision(3)));
  }
  const share = (x) => (x === null ? "–" : Math.round(100 * x) + " %");
  const percent = (q) => Number((100 * q).toPrecision(3)) + " %";

  function key(row, i) {
    const v = row[i];
    return columns[i].kind === "interval" ? v[0] : v;
  }

  function rowsShown() {
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    let rows = data.rows.filter((row) => {
      for (const name in state.filters) if (state.filters[name] !== "" && String(row[at(name)]) !== state.filters[name]) return false;
      if (!words.length) return true;
      const text = columns.map((c, i) => (c.kind === "label" ? row[i] : "")).join(" ").toLowerCase();
      return words.every((w) => text.includes(w));
    });
    if (state.sort !== null) {
      const i = state.sort, sign = state.down ? -1 : 1;
      rows = rows.slice().sort((a, b) => {
        const x = key(a, i), y = key(b, i);
        if (x === y) return 0;
        if (x === null) return 1;
        if (y === null) return -1;
        return typeof x === "number" ? sign * (x - y) : sign * String(x).localeCompare(String(y), "en", { numeric: true });
      });
    }
    return rows;
  }

  function describe(row, i) {
    const c = columns[i], v = row[i], lines = [c.name + (c.unit ? " (" + c.unit + ")" : ""), "median  " + figure(v[0])];
    quantiles.forEach((q, k) => lines.push(percent(q).padEnd(8) + figure(v[k + 1])));
    const e = at("evidence");
    if (e >= 0) lines.push("evidence: " + row[e]);
    return lines.join("\n");
  }

  function cell(row, i) {
    const td = document.createElement("td"), c = columns[i], v = row[i];
    td.className = c.kind;
    if (c.kind === "interval") {
      td.textContent = figure(v[0]);
      if (v.length > 2) {
        const small = document.createElement("small");
        small.textContent = "[" + figure(v[1]) + ", " + figure(v[v.length - 1]) + "]";
        td.append(small);
      }
      td.dataset.tip = describe(row, i);
    } else if (c.kind === "share") {
      td.textContent = share(v);
    } else {
      if (c.name === "hardware") {
        const dot = document.createElement("span"), colour = data.colours[v] || "#000", e = at("evidence");
        dot.className = "dot";
        dot.style.borderColor = colour;
        dot.style.background = e >= 0 && row[e] === "prior" ? "#fff" : colour;
        td.append(dot);
      }
      if (v === "prior" && c.name === "evidence") td.classList.add("prior");
      td.append(String(v));
    }
    return td;
  }

  function drawTable(rows) {
    body.replaceChildren(...rows.slice(0, state.limit).map((row) => {
      const tr = document.createElement("tr");
      tr.append(...columns.map((_, i) => cell(row, i)));
      return tr;
    }));
    head.querySelectorAll("th").forEach((th, i) => {
      th.setAttribute("aria-sort", state.sort === i ? (state.down ? "descending" : "ascending") : "none");
    });
    document.getElementById("count").textContent = rows.length.toLocaleString("en") + " of " + data.rows.length.toLocaleString("en") + " cells";
    document.getElementById("more").hidden = rows.length <= state.limit;
  }

  function drawChart(rows) {
    const box = document.getElementById("chart"), i = at(state.metric);
    box.replaceChildren();
    if (i < 0 || !rows.length || rows[0][i].length < 3) return;
    const shown = rows.slice(0, CHART), narrow = window.innerWidth < 640;
    const W = narrow ? 420 : 1000, left = narrow ? 150 : 330, right = 12, step = 16, top = 22, H = top + shown.length * step + 6;
    const values = shown.flatMap((r) => r[i]).filter((x) => x > 0);
    const lo = Math.log10(Math.min(...values)), hi = Math.log10(Math.max(...values)), span = Math.max(hi - lo, 0.1);
    const x = (v) => left + ((Math.log10(v) - lo) / span) * (W - left - right);
    const ns = "http://www.w3.org/2000/svg";
    const make = (tag, attributes, text) => {
      const node = document.createElementNS(ns, tag);
      for (const k in attributes) node.setAttribute(k, attributes[k]);
      if (text !== undefined) node.textContent = text;
      return node;
    };
    const svg = make("svg", { viewBox: "0 0 " + W + " " + H, role: "img", "aria-label": state.metric + " with intervals" });
    let last = -99;
    for (let d = Math.ceil(lo); d <= Math.floor(hi); d++) {
      const place = x(Math.pow(10, d));
      svg.append(make("line", { x1: place, x2: place, y1: top - 4, y2: H, stroke: "#e4e4e4" }));
      if (place - last > 46) { svg.append(make("text", { x: place, y: 12, "text-anchor": "middle", class: "axis" }, figure(Math.pow(10, d)))); last = place; }
    }
    const labels = columns.map((c, k) => (c.kind === "label" && c.name !== "evidence" ? k : -1)).filter((k) => k >= 0);
    const unit = columns[i].unit;
    svg.append(make("text", { x: 0, y: 12, class: "axis" }, state.metric + (unit ? " (" + unit + ")" : "")));
    shown.forEach((row, n) => {
      const y = top + n * step + step / 2, v = row[i], q = v.slice(1).filter((w) => w > 0), colour = data.colours[row[at("hardware")]] || "#000";
      const text = labels.map((k) => row[k]).join(", "), most = narrow ? 24 : 54;
      svg.append(make("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, text.length > most ? "…" + text.slice(text.length - most + 1) : text));
      if (q.length > 1) {
        svg.append(make("line", { x1: x(q[0]), x2: x(q[q.length - 1]), y1: y, y2: y, stroke: colour, "stroke-width": 1 }));
        const a = Math.floor(q.length / 4);
        svg.append(make("line", { x1: x(q[a]), x2: x(q[q.length - 1 - a]), y1: y, y2: y, stroke: colour, "stroke-width": 4 }));
      }
      const e = at("evidence"), empty = e >= 0 && row[e] === "prior";
      svg.append(make("circle", { cx: x(v[0]), cy: y, r: 4, fill: empty ? "#fff" : colour, stroke: colour, "stroke-width": 1.5 }));
      const hit = make("rect", { x: 0, y: y - step / 2, width: W, height: step, class: "hit" });
      hit.dataset.tip = text + "\n" + describe(row, i);
      svg.append(hit);
    });
    box.append(svg);
  }

  function draw() {
    const rows = rowsShown();
    drawTable(rows);
    drawChart(rows);
  }

  function remember() {
    const p = new URLSearchParams();
    for (const name in state.filters) if (state.filters[name] !== "") p.set(name, state.filters[name]);
    if (state.text) p.set("find", state.text);
    if (state.sort !== null) p.set("sort", (state.down ? "-" : "") + columns[state.sort].name);
    if (state.metric !== "throughput") p.set("chart", state.metric);
    try { history.replaceState(null, "", "#" + p.toString()); } catch (e) { /* a sandboxed frame has no history of its own */ }
  }

  function recall() {
    const p = new URLSearchParams(location.hash.slice(1));
    p.forEach((value, name) => {
      if (name === "find") state.text = value;
      else if (name === "chart" && at(value) >= 0) state.metric = value;
      else if (name === "sort" && at(value.replace(/^-/, "")) >= 0) { state.sort = at(value.replace(/^-/, "")); state.down = value[0] === "-"; }
      else if (at(name) >= 0) state.filters[name] = value;
    });
  }

  function change() { state.limit = PAGE; remember(); draw(); }

  function control(text, node) {
    const label = document.createElement("label");
    label.append(text, node);
    document.getElementById("controls").append(label);
  }

  function build() {
    const tr = document.createElement("tr");
    columns.forEach((c, i) => {
      const th = document.createElement("th"), button = document.createElement("button");
      th.scope = "col";
      th.className = c.kind;
      button.type = "button";
      button.textContent = c.name + (c.unit ? " (" + c.unit + ")" : "");
      button.addEventListener("click", () => {
        if (state.sort === i) state.down = !state.down; else { state.sort = i; state.down = c.kind !== "label" && c.name !== "latency" && c.name !== "memory"; }
        change();
      });
      th.append(button);
      tr.append(th);
      if (c.kind !== "label") return;
      const values = [...new Set(data.rows.map((r) => String(r[i])))];
      if (values.length < 2) return;
      const select = document.createElement("select");
      select.append(new Option("all", ""), ...values.map((v) => new Option(v, v)));
      select.value = state.filters[c.name] || "";
      select.addEventListener("change", () => { state.filters[c.name] = select.value; change(); });
      control(c.name, select);
    });
    head.append(tr);
    const find = document.createElement("input");
    find.type = "search";
    find.placeholder = "words";
    find.value = state.text;
    find.addEventListener("input", () => { state.text = find.value; change(); });
    control("find", find);
    const metric = document.createElement("select");
    metric.append(...columns.filter((c) => c.kind === "interval").map((c) => new Option(c.name, c.name)));
    metric.value = state.metric;
    metric.addEventListener("change", () => { state.metric = metric.value; change(); });
    control("chart", metric);
    document.getElementById("more").addEventListener("click", () => { state.limit += 5 * PAGE; draw(); });
    const show = (event) => {
      const from = event.target.closest("[data-tip]");
      tip.hidden = !from;
      if (!from) return;
      tip.textContent = from.dataset.tip;
      const w = tip.offsetWidth, h = tip.offsetHeight;
      tip.style.left = Math.max(Math.min(event.clientX + 14, window.innerWidth - w - 8), 4) + "px";
      tip.style.top = Math.max(Math.min(event.clientY + 14, window.innerHeight - h - 8), 4) + "px";
    };
    document.addEventListener("pointermove", show);
    document.addEventListener("pointerdown", show);
    window.addEventListener("resize", () => drawChart(rowsShown()));
  }

  recall();
  build();
  draw();
})();
