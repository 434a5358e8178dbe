"""Panels of marks with intervals: a row per hardware, a panel per model. Most figures of a matrix are made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hwpredict.errors import InvalidWorkloadError
from hwpredict.matrix.block import EVIDENCE_FLAGS
from hwpredict.plots import labels, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Inches between rows of 6.5 pt text, and around a panel.
ROW, HEAD, FOOT = 0.135, 0.24, 0.42
#: Panels beside each other.
COLUMNS = 2


def pick(data: xr.Dataset, **chosen: Any) -> xr.Dataset:
    """A slice of a matrix at one label of each named dimension; None takes the middle one.

    Raises
    ------
    InvalidWorkloadError
        No such label; the message lists those there are.
    """
    for dim, label in chosen.items():
        if dim not in data.dims:
            continue
        there = data[dim].to_numpy().tolist()
        if label is None:
            label = there[0] if dim in ("sequence_length", "phase", "precision") else there[len(there) // 2]
        if label not in there:
            raise InvalidWorkloadError(f"{dim} {label!r} is not in this matrix, which has {', '.join(map(str, there))}")
        data = data.sel({dim: label})
    return data


def ends(data: xr.Dataset, name: str) -> xr.DataArray:
    """Ends of the inner and the outer interval and the median, dim ``quantile`` of length 5.

    A matrix with other quantiles gives the outermost and, twice, whatever is next to the median.
    """
    if f"{name}_quantile" not in data:
        raise InvalidWorkloadError(f"this matrix has no {name}_quantile: make it again with `hwpredict matrix`")
    q = data[f"{name}_quantile"]
    n = q.sizes["quantile"]
    return q.isel(quantile=[0, n // 4, n // 2, n - 1 - n // 4, n - 1])


def pages(data: xr.Dataset, height: float, columns: int = COLUMNS) -> Iterator[xr.Dataset]:
    """The matrix by as many models as fit on a page.

    Parameters
    ----------
    data : xarray.Dataset
    height : float
        Inches that a row of panels takes.
    columns : int
        Panels in a row.
    """
    step = max(int((style.PAGE - 0.8) // height), 1) * columns
    for start in range(0, data.sizes["model"], step):
        yield data.isel(model=slice(start, start + step))


def row_pitch(members: int) -> float:
    """Inches of a row with so many marks above each other."""
    return ROW * max(1.0, 0.4 * members + 0.25)


def order_of(data: xr.Dataset, name: str, largest_first: bool = True) -> list[int]:
    """Positions of the hardware, best median first; what runs nowhere last."""
    values = np.log(data[name].to_numpy().reshape(data.sizes["model"], data.sizes["hardware"], -1).astype(float))
    with np.errstate(all="ignore"):
        rank = np.array([np.nanmean(v) if np.isfinite(v).any() else -np.inf for v in values.swapaxes(0, 1)])
    key = -rank if largest_first else np.where(np.isfinite(rank), rank, np.inf)
    return [int(i) for i in np.argsort(key, kind="stable")]


def interval_panels(
    data: xr.Dataset,
    name: str,
    *,
    xlabel: str,
    series: str | None = None,
    series_label: Callable[[Any], str] = str,
    largest_first: bool = True,
    reference: float | None = None,
    capacity: bool = False,
    tick: Callable[[float, object], str] = labels.figure,
    title: str = "",
) -> Figure:
    """Median and intervals of a variable: a panel per model, a row per hardware, a mark per member of ``series``.

    Parameters
    ----------
    data : xarray.Dataset
        Dims (model, hardware[, series]).
    name : str
        Variable, with its quantiles beside it.
    xlabel : str
    series : str, optional
        Dimension drawn as marks above each other within a row, from light to dark.
    series_label : callable
        Its entries in the legend.
    largest_first : bool
    reference : float, optional
        Where a vertical line is drawn.
    capacity : bool
        Draw the memory of each device as a bar across its row.
    tick : callable
        Formatter of the axis.
    title : str
        What all panels share.

    Returns
    -------
    matplotlib.figure.Figure
    """
    order = order_of(data, name, largest_first)
    data = data.isel(hardware=order).transpose("model", "hardware", ...)
    n, k = data.sizes["hardware"], data.sizes["model"]
    members = data[series].to_numpy().tolist() if series else [None]
    pitch = row_pitch(len(members))
    columns = min(COLUMNS, k)
    rows = -(-k // columns)
    handles = legend_handles(data, [series_label(m) for m in members] if series else [], capacity)
    fig = style.new_figure(style.COLUMN, rows * panel_height(n, pitch) + legend_height(handles))
    grid = fig.subplots(rows, columns, squeeze=False)
    names = labels.shortened(data["hardware"].to_numpy().tolist())
    q = ends(data, name).transpose("model", "hardware", *([series] if series else []), "quantile").to_numpy()
    flags = data["evidence"].transpose("model", "hardware", *([series] if series else [])).to_numpy()
    if not series:
        q, flags = q[:, :, None], flags[:, :, None]
    for i, ax in enumerate(grid.ravel()):
        if i >= k:
            ax.set_axis_off()
            continue
        _panel(ax, q[i], flags[i], data, capacity)
        if reference is not None:
            ax.axvline(reference, color=style.NEUTRAL[1], lw=0.6, zorder=1)
        ax.set_title(labels.short_model(str(data["model"].to_numpy()[i]))[:24], fontsize=6.5)
        log_axis(ax, "x", tick, most=2 if tick is labels.bytes_of else 4)  # "100 MB" is as wide as two others
        ax.grid(axis="x")
        ax.set_ylim(n - 0.4, -0.6)
        label_rows(ax, names if i % columns == 0 else [])
        if i >= k - columns:
            ax.set_xlabel(xlabel)
    add_legend(fig, handles)
    if title:
        fig.suptitle(title, fontsize=7.5, x=0.01, ha="left")
    return fig


def label_rows(ax: Axes, names: Sequence[str]) -> None:
    """Names beside the rows of a panel, without ticks: those of the first panel serve its neighbours."""
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def log_axis(
    ax: Axes,
    axis: str,
    tick: Callable[[float, object], str] = labels.figure,
    most: int = 4,
    upto: float | None = None,
) -> None:
    """A log axis with at most ``most`` labels, on powers of ten equally far apart, and none beyond ``upto``.

    A panel with nothing on it (a model that has no such phase) says so.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    which = ax.xaxis if axis == "x" else ax.yaxis
    (ax.set_xscale if axis == "x" else ax.set_yscale)("log")
    low, high = sorted(ax.get_xlim() if axis == "x" else ax.get_ylim())
    which.set_minor_locator(NullLocator())
    if low <= 0:
        which.set_major_locator(NullLocator())
        if not ax.texts:
            ax.text(0.5, 0.5, "nothing to show", transform=ax.transAxes, ha="center", va="center", fontsize=6.5)
        return
    if upto is not None:
        high = upto
        ax.spines["bottom" if axis == "x" else "left"].set_bounds(low, high)
    which.set_major_locator(FixedLocator(labels.log_ticks(low, high, most)))
    which.set_major_formatter(FuncFormatter(tick))


def panel_height(n: int, pitch: float = ROW) -> float:
    """Inches of one row of panels with ``n`` rows of hardware."""
    return max(n * pitch, 0.5) + HEAD + FOOT


def _panel(ax: Axes, q: Any, flags: Any, data: xr.Dataset, capacity: bool) -> None:
    """Marks of one model; ``q`` has dims (hardware, series, quantile)."""
    n, members = q.shape[:2]
    offsets = np.linspace(-0.28, 0.28, members) if members > 1 else np.zeros(1)
    y = np.arange(n)[:, None] + offsets
    looks = [style.look(p) for p in platforms_of(data)]
    colours = np.array([[tint(seen.colour, s, members) for s in range(members)] for seen in looks])
    there = np.isfinite(q).all(axis=2)
    for low, high, width in ((0, 4, 0.6), (1, 3, 1.8)):
        ax.hlines(y[there], q[there][:, low], q[there][:, high], colors=colours[there], lw=width, capstyle="butt")
    empty = np.array([[style.hollow(EVIDENCE_FLAGS[int(f)]) for f in row] for row in flags])
    for marker in dict.fromkeys(seen.marker for seen in looks):
        mine = there & np.array([seen.marker == marker for seen in looks])[:, None]
        face = np.where(empty, "#FFFFFF", colours)
        ax.scatter(
            q[mine][:, 2], y[mine], s=11 if members == 1 else 8, marker=marker, c=face[mine], edgecolors=colours[mine],
            linewidths=0.7, zorder=3,
        )  # fmt: skip
    for h in np.flatnonzero(~there.any(axis=1)):
        ax.annotate("cannot run", (0.02, h), xycoords=("axes fraction", "data"), va="center", fontsize=5.5,
                    color=style.NEUTRAL[1])  # fmt: skip
    if capacity and "capacity" in data.coords:
        size = data["capacity"].to_numpy()
        known = np.flatnonzero(np.isfinite(size))
        ax.vlines(size[known], known - 0.42, known + 0.42, color=style.NEUTRAL[0], lw=1.3, capstyle="butt", zorder=4)


def tint(colour: str, step: int, steps: int) -> str:
    """``colour``, lighter for the first of several members of a series and itself for the last."""
    from matplotlib.colors import to_hex, to_rgb

    share = 1.0 if steps == 1 else 0.45 + 0.55 * step / (steps - 1)
    red, green, blue = (1 - share * (1 - c) for c in to_rgb(colour))
    return to_hex((red, green, blue))


def platforms_of(data: xr.Dataset) -> list[str]:
    """Platform of each hardware; its own name where a matrix does not say."""
    return [str(p) for p in data["platform" if "platform" in data.coords else "hardware"].to_numpy()]


def legend_handles(data: xr.Dataset, members: Sequence[str] = (), capacity: bool = False) -> list[Any]:
    """Keys of what is drawn: platforms, members of the series, intervals, hollow marks, capacity."""
    from matplotlib.lines import Line2D

    grey = style.NEUTRAL[1]
    present = [p for p in style.PLATFORM_LOOKS if p in set(platforms_of(data))]
    out = [
        Line2D([], [], color=style.look(p).colour, marker=style.look(p).marker, ms=3.2, lw=0, label=str(p))
        for p in present
    ]
    out += [
        Line2D([], [], color=tint(grey, i, len(members)), marker="o", ms=3, lw=0, label=m)
        for i, m in enumerate(members)
    ]
    out += [Line2D([], [], color=grey, lw=1.8, label="50 %"), Line2D([], [], color=grey, lw=0.6, label="90 %")]
    if "evidence" in data and any(style.hollow(EVIDENCE_FLAGS[int(f)]) for f in np.unique(data["evidence"])):
        out.append(Line2D([], [], marker="o", ms=3, mfc="white", mec=grey, mew=0.7, lw=0, label="prior only"))
    if capacity:
        out.append(Line2D([], [], color=style.NEUTRAL[0], marker="|", ms=6, mew=1.3, lw=0, label="capacity"))
    return out


#: Entries of a legend beside each other, and inches that a line of them takes.
LEGEND_COLUMNS, LEGEND_LINE = 5, 0.125


def legend_height(handles: Sequence[Any]) -> float:
    """Inches under the panels that a legend takes."""
    return -(-len(handles) // LEGEND_COLUMNS) * LEGEND_LINE + 0.1


def add_legend(fig: Figure, handles: Sequence[Any]) -> None:
    """One legend under all panels."""
    fig.legend(
        handles=handles, loc="outside lower center", ncols=min(LEGEND_COLUMNS, len(handles)), handletextpad=0.3,
        columnspacing=0.9, handlelength=1.3, labelspacing=0.25, borderaxespad=0.2, fontsize=6,
    )  # fmt: skip
