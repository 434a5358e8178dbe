"""P(best) over batch size: which hardware is the fastest, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwpredict.errors import InvalidWorkloadError
from hwpredict.plots import ends, labels, panels, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

#: What never reaches this probability is drawn grey and not named.
NAMED = 0.05
HEIGHT = 1.25
MARGIN = 0.4


@style.styled
def best_hardware(
    data: xr.Dataset, *, precision: str | None = None, sequence_length: int | None = None, phase: str | None = None
) -> Figure:
    """A line per hardware: the probability that it has the highest throughput of all and fits; a panel per model.

    Parameters
    ----------
    data : xarray.Dataset
        A prediction matrix.
    precision, sequence_length, phase
        The slice drawn.

    Returns
    -------
    matplotlib.figure.Figure
    """
    if "p_best" not in data:
        raise InvalidWorkloadError("this matrix has no p_best: make it again with `hwpredict matrix`")
    part = panels.pick(data, precision=precision, sequence_length=sequence_length, phase=phase).sortby("batch_size")
    k, batch = part.sizes["model"], part["batch_size"].to_numpy().astype(float)
    names = labels.shortened(part["hardware"].to_numpy().tolist())
    looks = [style.look(p) for p in panels.platforms_of(part)]
    p_best = part["p_best"].transpose("model", "hardware", "batch_size").to_numpy()
    shown = [np.flatnonzero(np.nan_to_num(p).max(axis=1) >= NAMED) for p in p_best]
    heights = [max(HEIGHT, len(s) * ends.LABEL * 1.2) for s in shown]
    fig = style.new_figure(style.COLUMN, sum(heights) + 0.45 * k + 0.3)
    axes = fig.subplots(k, 1, squeeze=False, height_ratios=heights)[:, 0]
    for i, ax in enumerate(axes):
        rest = [h for h in range(len(names)) if h not in shown[i]]
        for h in rest:
            ax.plot(batch, p_best[i, h], color=style.NEUTRAL[2], lw=0.5, zorder=1)
        for h in shown[i].tolist():
            ax.plot(batch, p_best[i, h], color=looks[h].colour, marker=looks[h].marker, ms=3.2, lw=1, zorder=2)
        room = (batch[-1] / batch[0]) ** 0.06 if len(batch) > 1 else 1.5
        wide = (batch[-1] * room * room / batch[0]) ** (1 / (1 - MARGIN))
        ax.set_xscale("log")
        ax.set_xlim(batch[0] / room, batch[0] / room * wide)
        top = float(np.nan_to_num(p_best[i]).max())
        ax.set_xticks(batch, [f"{int(b):,}" for b in batch])
        ax.set_xticks([], minor=True)
        ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
        ax.set_ylim(-0.02, next((t for t in (0.25, 0.5, 0.75) if top <= t), 1.0) * 1.02)
        ax.grid(axis="y")
        ax.spines["bottom"].set_bounds(batch[0], batch[-1])
        ax.set_title(labels.short_model(str(part["model"].to_numpy()[i]))[:40], fontsize=6.5)
        ax.set_ylabel("P(best)")
        last = [(float(batch[-1]), float(np.nan_to_num(p_best[i, h, -1]))) for h in shown[i]]
        ends.name_ends(
            ax, last, [names[h] for h in shown[i]], [looks[h].colour for h in shown[i]], start=1 - MARGIN + 0.07,
            height=heights[i],
        )  # fmt: skip
    axes[-1].set_xlabel("batch size", loc="left")
    grey = "; grey: never above 5 %" if any(len(s) < len(names) for s in shown) else ""
    fig.suptitle(f"probability of being the fastest, {part.precision.item()}{grey}", fontsize=7.5, x=0.01, ha="left")
    return fig
