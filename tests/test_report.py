"""The report: one page with everything in it, sorted, filtered and hovered in a real browser."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import xarray as xr
from matrices import synthetic

from hwpredict import matrix as m
from hwpredict.cli import main
from hwpredict.errors import InvalidWorkloadError, UnknownNameError
from hwpredict.report.page import render, table, write_report

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
DESKTOP, PHONE = (1280, 900), (400, 800)


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    return synthetic(
        ["bert-base-uncased", "gpt2"], ["a100", "NVIDIA GeForce RTX 4090", "cpu", "webnn"], precision=["fp16", "bf16"]
    )


@pytest.fixture(scope="module")
def page(data: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(data, tmp_path_factory.mktemp("report") / "report.html", kinds=["memory-usage", "bottlenecks"])


def test_the_page_needs_nothing_but_itself(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    outside = re.findall(r"(?:src|href)\s*=\s*[\"']?(?!data:)[a-z]*:?//", text) + re.findall(r"@import|url\(", text)
    assert outside == []
    assert "default-src 'none'" in text
    assert text.count("data:image/svg+xml;base64,") == 2
    assert "{{" not in text


def test_the_table_has_every_cell_that_runs_with_its_interval(data: xr.Dataset) -> None:
    found = table(data)
    names = [c["name"] for c in found["columns"]]
    assert names == [
        *("model", "hardware", "precision", "batch size", "throughput", "latency", "memory", "P(fits)", "P(best)"),
        *("epistemic", "evidence"),
    ]
    assert len(found["rows"]) == int(data.throughput.notnull().sum()) < data.throughput.size
    cell = {"model": "gpt2", "hardware": "cpu", "precision": "fp16", "batch_size": 8}
    row = next(r for r in found["rows"] if r[:4] == list(cell.values()))
    one = data.sel(cell).squeeze()
    assert row[4][0] == pytest.approx(float(one.throughput), rel=1e-5)
    assert row[4][1:] == pytest.approx(one.throughput_quantile.to_numpy().tolist(), rel=1e-5)
    json.dumps(found, allow_nan=False)


def test_reasons_and_provenance_are_there(page: Path, data: xr.Dataset) -> None:
    text = page.read_text(encoding="utf-8")
    assert "webnn, bf16" in text
    assert html.escape(str(data.incompatible.sel(hardware="webnn", precision="bf16").to_numpy()[0])) in text
    assert data.attrs["posterior_fingerprint"] in text


def test_names_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    nasty = "</script><script>alert(1)</script><b>&"
    data = synthetic(["gpt2"], ["a100", "cpu"]).assign_coords(model=[nasty])
    text = render(data, kinds=[], title="<b>" + nasty)
    assert "<script>alert" not in text
    assert text.count("</script>") == 2
    found = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    assert json.loads(found[1])["rows"][0][0] == nasty


def test_what_no_browser_can_handle_is_refused(data: xr.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwpredict.report.page.MOST_CELLS", 5)
    with pytest.raises(InvalidWorkloadError, match="at most 5"):
        render(data)
    monkeypatch.undo()
    with pytest.raises(UnknownNameError, match="bottlenecks"):
        render(data, kinds=["bottleneck"])


def test_the_command_writes_the_page(data: xr.Dataset, tmp_path: Path) -> None:
    m.save(data, tmp_path / "matrix.nc")
    with pytest.raises(SystemExit) as done:
        main(f"report {tmp_path}/matrix.nc -o {tmp_path}/report.html --kind efficiency --title Plan".split())
    assert done.value.code == 0
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<h1>Plan</h1>" in text
    assert 'id="efficiency"' in text


# --- in a browser

#: Appended to a copy of the page: does what a user would, and writes what is seen into the title.
PROBE = """
<script>
"use strict";
const seen = {};
const lines = () => [...document.querySelectorAll("#cells tbody tr")];
const rows = () => lines().map((tr) => [...tr.children].map((td) => td.textContent));
seen.first = rows().slice(0, 3);
seen.count = document.getElementById("count").textContent;
document.querySelectorAll("#cells th button")[5].click();
seen.byLatency = rows().map((r) => r[5]);
seen.sort = document.querySelectorAll("#cells th")[5].getAttribute("aria-sort");
document.querySelectorAll("#cells th button")[5].click();
seen.again = rows().map((r) => r[5]);
const find = document.querySelector("input[type=search]");
find.value = "rtx gpt2";
find.dispatchEvent(new Event("input"));
seen.found = rows().map((r) => r[0] + "|" + r[1]);
seen.hash = location.hash;
const cell = document.querySelector("#cells td.interval");
cell.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 50, clientY: 50 }));
seen.tip = document.getElementById("tip").textContent;
seen.tipHidden = document.getElementById("tip").hidden;
seen.wide = document.documentElement.scrollWidth - window.innerWidth;
seen.images = [...document.images].every((i) => i.complete && i.naturalWidth > 0);
seen.bars = document.querySelectorAll("#chart circle").length;
const box = (e) => e.getBoundingClientRect();
seen.narrowest = Math.min(...[...document.querySelectorAll(".figure img")].map((i) => box(i).width));
document.title = JSON.stringify(seen);
</script>
"""

#: The same for a page that is only looked at.
LOOK = PROBE.partition("seen.count")[0] + "document.title = JSON.stringify(seen);</script>"


def browse(page: Path, size: tuple[int, int], fragment: str = "", probe: str = PROBE) -> dict[str, object]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    copy = page.with_name(f"probe_{size[0]}.html")
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", probe + "</body>"), encoding="utf-8")
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={size[0]},{size[1]}",
            "--virtual-time-budget=5000", "--disable-dev-shm-usage", "--dump-dom", copy.as_uri() + fragment,
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    found = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert found is not None, done.stderr[-500:]
    result = json.loads(html.unescape(found[1]))
    assert isinstance(result, dict)
    return result


def number(text: str) -> float:
    return float(text.partition("[")[0].replace(",", ""))


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_sorts_filters_and_tells_intervals(page: Path, data: xr.Dataset, size: tuple[int, int]) -> None:
    seen = browse(page, size)
    total = int(data.throughput.notnull().sum())
    assert seen["count"] == f"{total} of {total} cells"
    latencies = [number(t) for t in seen["byLatency"]]  # type: ignore[attr-defined]
    assert latencies == sorted(latencies)
    assert seen["sort"] == "ascending"
    assert [number(t) for t in seen["again"]] == sorted(latencies, reverse=True)  # type: ignore[attr-defined]
    assert set(seen["found"]) == {"gpt2|NVIDIA GeForce RTX 4090"}  # type: ignore[call-overload]
    assert "find=rtx" in str(seen["hash"])
    assert not seen["tipHidden"]
    for part in ("throughput (items/s)", "median", "5 %", "95 %", "evidence"):
        assert part in str(seen["tip"])
    assert seen["images"]
    assert seen["bars"] == 6
    assert float(str(seen["wide"])) <= 0, "the page is wider than the screen"
    assert float(str(seen["narrowest"])) > 250


def test_a_view_can_be_linked_to(page: Path) -> None:
    fragment = "#hardware=a100&sort=-memory&chart=latency"
    seen = browse(page, DESKTOP, fragment, LOOK)
    first = seen["first"]
    assert isinstance(first, list)
    assert {row[1] for row in first} == {"a100"}
    memory = [number(row[6]) for row in first]
    assert memory == sorted(memory, reverse=True)
