"""The report: one self-contained page with tables to sort and filter, figures, and every interval under the pointer.

Data, style, script and figures are in the file; it asks the network for nothing.
"""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from hwpredict.errors import InvalidWorkloadError, StoreError
from hwpredict.matrix.block import EVIDENCE_FLAGS
from hwpredict.matrix.dataset import check_matrix
from hwpredict.matrix.grid import CELL_DIMS
from hwpredict.matrix.guide import number
from hwpredict.plots import KINDS, style, visualize

if TYPE_CHECKING:
    import xarray as xr

#: Cells of one report: a browser sorts and filters so many without a pause.
MOST_CELLS = 60_000
_METRICS = ("throughput", "latency", "memory")
_TITLES = {
    "hardware-comparison": "Hardware comparison",
    "batch-scaling": "Batch-size scaling",
    "efficiency": "Efficiency against a CPU",
    "memory-usage": "Memory usage",
    "precision-impact": "Precision impact",
    "bottlenecks": "Where the time goes",
    "best-hardware": "Probability of being the fastest",
    "pareto": "Throughput within a latency",
}


def render(data: xr.Dataset, *, kinds: Sequence[str] | None = None, title: str = "") -> str:
    """The page.

    Parameters
    ----------
    data : xarray.Dataset
        A prediction matrix.
    kinds : sequence of str, optional
        Kinds of figures (:data:`hwpredict.plots.KINDS`); by default all that the matrix can show.
    title : str
        Heading.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    InvalidWorkloadError
        More cells than a browser can handle.
    """
    check_matrix(data)
    cells = int(data["throughput"].size)
    if cells > MOST_CELLS:
        raise InvalidWorkloadError(
            f"the matrix has {cells:,} cells, a report shows at most {MOST_CELLS:,}: choose a part of it, "
            "e.g. fewer models"
        )
    payload = table(data)
    # "</script>" inside a string would end the script
    encoded = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("</", "<\\/")
    heading = title or "Prediction matrix"
    parts = {
        "title": html.escape(heading),
        "lead": html.escape(_lead(data)),
        "style": _asset("report.css"),
        "script": _asset("report.js"),
        "data": encoded,
        "figures": _figures(data, kinds),
        "provenance": _provenance(data),
        "incompatible": _incompatible(data),
    }
    page = _asset("report.html")
    for key, value in parts.items():
        page = page.replace("{{" + key + "}}", value)
    return page


def write_report(
    data: xr.Dataset, path: str | os.PathLike[str], *, kinds: Sequence[str] | None = None, title: str = ""
) -> Path:
    """Write the page; see :func:`render`.

    Raises
    ------
    StoreError
        It cannot be written.
    """
    target = Path(path)
    page = render(data, kinds=kinds, title=title)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(page, encoding="utf-8")
        os.replace(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def table(data: xr.Dataset) -> dict[str, Any]:
    """Rows of the table, column by column, and what the script needs to know of them.

    Returns
    -------
    dict
        ``columns`` (name, kind, unit), ``rows`` (one list a cell that runs), ``looks`` (platform to colour).
    """
    dims = [d for d in (*CELL_DIMS, "phase") if d in data.dims]
    flat = data.transpose(*dims, ...)
    shown = [d for d in dims if d in ("model", "hardware") or data.sizes[d] > 1]
    axes = np.unravel_index(np.arange(flat["throughput"].size), [data.sizes[d] for d in dims])
    ok = np.flatnonzero(np.isfinite(flat["throughput"].to_numpy().ravel()))
    columns: list[dict[str, Any]] = []
    values: list[list[Any]] = []
    for dim in shown:
        names = data[dim].to_numpy().tolist()
        columns.append({"name": dim.replace("_", " "), "kind": "label"})
        values.append([names[i] for i in axes[dims.index(dim)][ok].tolist()])
    for metric in _METRICS:
        columns.append({"name": metric, "kind": "interval", "unit": str(data[metric].attrs.get("units", ""))})
        median = flat[metric].to_numpy().ravel()[ok]
        if f"{metric}_quantile" in data:
            q = flat[f"{metric}_quantile"].to_numpy().reshape(-1, data.sizes["quantile"])[ok]
            values.append([[number(m), *(number(x) for x in row)] for m, row in zip(median, q, strict=True)])
        else:
            values.append([[number(m)] for m in median])
    for name, text in (("p_fits", "P(fits)"), ("p_best", "P(best)"), ("epistemic_share", "epistemic")):
        if name in data:
            columns.append({"name": text, "kind": "share"})
            values.append([number(x) for x in flat[name].to_numpy().ravel()[ok]])
    if "evidence" in data:
        columns.append({"name": "evidence", "kind": "label"})
        values.append([EVIDENCE_FLAGS[i] for i in flat["evidence"].to_numpy().ravel()[ok].tolist()])
    platforms = data["platform" if "platform" in data.coords else "hardware"].to_numpy().tolist()
    colours = {h: style.look(p).colour for h, p in zip(data["hardware"].to_numpy().tolist(), platforms, strict=True)}
    return {
        "columns": columns,
        "rows": [list(row) for row in zip(*values, strict=True)],
        "quantiles": data["quantile"].to_numpy().tolist() if "quantile" in data.dims else [],
        "colours": colours,
    }


def _lead(data: xr.Dataset) -> str:
    sizes = " × ".join(f"{data.sizes[d]} {d.replace('_', ' ')}{'s' if data.sizes[d] > 1 else ''}"
                       for d in (*CELL_DIMS, "phase") if d in data.dims)  # fmt: skip
    mode = str(data["mode"].item()) if "mode" in data.coords else "inference"
    q = data["quantile"].to_numpy().tolist() if "quantile" in data.dims else []
    text = f"{mode}: {sizes}. Figures are posterior medians"
    return text + (f"; in brackets the interval from {100 * q[0]:g} to {100 * q[-1]:g} %." if q else ".")


def _figures(data: xr.Dataset, kinds: Sequence[str] | None) -> str:
    """Figures as embedded SVG images, a section per kind."""
    out = []
    with TemporaryDirectory() as folder:
        for kind in kinds or KINDS:
            if kinds is None and KINDS[kind].needs(data):
                continue
            files = visualize(data, folder, kinds=[kind], format="svg")
            images = "".join(
                f'<img alt="{html.escape(_TITLES[kind])}, {html.escape(f.stem.replace("_", " "))}" '
                f'src="data:image/svg+xml;base64,{base64.b64encode(f.read_bytes()).decode()}">'
                for f in files
            )
            out.append(f'<section class="figure" id="{kind}"><h3>{html.escape(_TITLES[kind])}</h3>{images}</section>')
    return "\n".join(out)


def _provenance(data: xr.Dataset) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(str(k).replace('_', ' '))}</th><td>{html.escape(str(v))}</td></tr>"
        for k, v in data.attrs.items()
    )
    return f"<table class='plain'>{rows}</table>"


def _incompatible(data: xr.Dataset) -> str:
    if "incompatible" not in data:
        return ""
    rows = [
        f"<li><b>{html.escape(str(h))}, {html.escape(str(p))}</b>: {html.escape(str(reason))}</li>"
        for h, line in zip(data["hardware"].to_numpy(), data["incompatible"].to_numpy(), strict=True)
        for p, reason in zip(data["precision"].to_numpy(), line, strict=True)
        if str(reason)
    ]
    return f"<h2>Cannot run</h2><ul class='plain'>{''.join(rows)}</ul>" if rows else ""


def _asset(name: str) -> str:
    return (resources.files("hwpredict.report") / name).read_text(encoding="utf-8")
