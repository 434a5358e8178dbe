"""Batch-size scaling: how throughput or latency grows with the batch, hardware by hardware."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwpredict.matrix.block import EVIDENCE_FLAGS
from hwpredict.plots import ends, labels, panels, style
from hwpredict.plots.hardware_comparison import AXES

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Inches of a panel at least.
LEAST = 1.25
#: Share of the panel's width that the labels take.
MARGIN = 0.42


def panel_height(n: int) -> float:
    """Inches of a panel with ``n`` lines, each labelled."""
    return max(LEAST, n * ends.LABEL) + 0.5


@style.styled
def batch_scaling(
    data: xr.Dataset,
    metric: str = "throughput",
    *,
    precision: str | None = None,
    sequence_length: int | None = None,
    phase: str | None = None,
) -> Figure:
    """A panel per model: a line per hardware over the batch size, with 50 % bands and 90 % whiskers, named at its end.

    Parameters
    ----------
    data : xarray.Dataset
        A prediction matrix with at least two batch sizes.
    metric : {"throughput", "latency", "memory"}
    precision, sequence_length, phase
        The slice drawn.

    Returns
    -------
    matplotlib.figure.Figure
    """
    part = panels.pick(data, precision=precision, sequence_length=sequence_length, phase=phase).sortby("batch_size")
    n, k = part.sizes["hardware"], part.sizes["model"]
    handles = panels.legend_handles(part)
    fig = style.new_figure(style.COLUMN, k * panel_height(n) + panels.legend_height(handles))
    axes = fig.subplots(k, 1, squeeze=False)[:, 0]
    names = labels.shortened(part["hardware"].to_numpy().tolist())
    for i, ax in enumerate(axes):
        _panel(ax, part.isel(model=i), metric, names)
        ax.set_title(labels.short_model(str(part["model"].to_numpy()[i]))[:40], fontsize=6.5)
        ax.set_ylabel(AXES[metric])
        if i == k - 1:
            ax.set_xlabel("batch size", loc="left")
    panels.add_legend(fig, handles)
    fig.suptitle(f"{metric} over batch size, {part.precision.item()}", fontsize=7.5, x=0.01, ha="left")
    return fig


def _panel(ax: Axes, part: xr.Dataset, metric: str, names: list[str]) -> None:
    q = panels.ends(part, metric).transpose("hardware", "batch_size", "quantile").to_numpy()
    flags = part["evidence"].transpose("hardware", "batch_size").to_numpy()
    batch = part["batch_size"].to_numpy().astype(float)
    shown = [h for h in range(len(q)) if np.isfinite(q[h]).all(axis=1).any()]
    # whiskers of neighbours beside each other, not on top of each other
    span = np.log(batch[-1] / batch[0]) if len(batch) > 1 else 1.0
    shift = np.linspace(-0.5, 0.5, len(shown)) * min(0.35 * span / max(len(batch) - 1, 1), 0.35)
    last: list[tuple[int, float, float]] = []
    whiskers = []
    platforms = panels.platforms_of(part)
    for position, h in enumerate(shown):
        seen = style.look(platforms[h])
        there = np.isfinite(q[h]).all(axis=1)
        x = batch[there] * np.exp(shift[position])
        median = q[h][there][:, 2]
        whiskers.append((x, q[h][there], [seen.colour] * len(x)))
        ax.plot(x, median, color=seen.colour, lw=0.8, zorder=2)
        empty = [style.hollow(EVIDENCE_FLAGS[int(f)]) for f in flags[h][there]]
        ax.scatter(
            x, median, s=9, marker=seen.marker, c=["#FFFFFF" if e else seen.colour for e in empty],
            edgecolors=seen.colour, linewidths=0.6, zorder=3,
        )  # fmt: skip
        last.append((h, float(x[-1]), float(median[-1])))
    if whiskers:  # of all hardware together: matplotlib draws few large collections sooner than many small ones
        x, y = np.concatenate([w[0] for w in whiskers]), np.concatenate([w[1] for w in whiskers])
        colours = [c for w in whiskers for c in w[2]]
        ax.vlines(x, y[:, 0], y[:, 4], colors=colours, lw=0.4, alpha=0.45, zorder=1)
        ax.vlines(x, y[:, 1], y[:, 3], colors=colours, lw=1.3, alpha=0.35, zorder=1)
    panels.log_axis(ax, "y", labels.bytes_of if metric == "memory" else labels.figure)
    ax.grid(axis="y")
    ax.set_xscale("log")
    ax.set_xticks(batch, [f"{int(b):,}" for b in batch])
    ax.set_xticks([], minor=True)
    room = np.exp(0.3 * span / max(len(batch) - 1, 1))
    ax.set_xlim(batch[0] / room, batch[0] / room * (batch[-1] * room * room / batch[0]) ** (1 / (1 - MARGIN)))
    ax.spines["bottom"].set_bounds(batch[0], batch[-1])
    ends.name_ends(
        ax, [(x, y) for _, x, y in last], [names[h] for h, _, _ in last],
        [style.look(platforms[h]).colour for h, _, _ in last], start=1 - MARGIN + 0.07,
        height=max(LEAST, len(last) * ends.LABEL),
    )  # fmt: skip
