"""PIT and coverage: whether intervals are as wide as they say, and neither tilted nor bent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwpredict.plots import ends, style

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 20
MARGIN = 0.34


@style.styled
def calibration(studies: Mapping[str, xr.Dataset]) -> Figure:
    """Histogram of PIT values with the range that chance allows, and coverage over the nominal level.

    Parameters
    ----------
    studies : mapping of str to xarray.Dataset
        Of :func:`hwpredict.evaluate.reliability.reliability`, by title: one, drawn by group, or several (two posteriors
        on the same data) to compare.

    Returns
    -------
    matplotlib.figure.Figure
    """
    k = len(studies)
    fig = style.new_figure(style.COLUMN, 1.35 * (k + 1) + 0.7)
    axes = fig.subplots(k + 1, 1, height_ratios=[1] * k + [1.45])
    for i, (name, one) in enumerate(studies.items()):
        colour = style.PAIR[i % 2] if k > 1 else style.NEUTRAL[1]
        _histogram(axes[i], one["pit"].to_numpy(), colour)
        axes[i].set_title(f"{name + ': ' if name else ''}{one.sizes['case']:,} {one.attrs.get('metric', '')} figures",
                          fontsize=6.5)  # fmt: skip
    axes[k - 1].set_xlabel("probability integral transform")
    _coverage(axes[k], studies)
    return fig


def _histogram(ax: Axes, pit: object, colour: str) -> None:
    values = np.asarray(pit)
    counts, edges = np.histogram(values, bins=BINS, range=(0, 1))
    density = counts / len(values) * BINS
    ax.stairs(density, edges, fill=True, color=colour, alpha=0.55, lw=0)
    # binomial spread of one bin if the predictions were right (and cases independent)
    sd = np.sqrt(BINS * (1 - 1 / BINS) / len(values) * 1.0)
    ax.axhspan(1 - 1.96 * sd, 1 + 1.96 * sd, color=style.NEUTRAL[2], alpha=0.6, lw=0, zorder=3)
    ax.axhline(1, color=style.NEUTRAL[0], lw=0.6, zorder=4)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, max(2.0, float(density.max()) * 1.08))
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    ax.set_ylabel("density")


def _coverage(ax: Axes, studies: Mapping[str, xr.Dataset]) -> None:
    points, names, colours = [], [], []
    ax.plot([0, 1], [0, 1], color=style.NEUTRAL[1], lw=0.6, ls=(0, (2, 2)))
    for i, (title, one) in enumerate(studies.items()):
        level, coverage = one["level"].to_numpy(), one["coverage"].transpose("group", "level").to_numpy()
        for g, group in enumerate(one["group"].to_numpy().tolist()):
            if len(studies) > 1:
                if group != "all":
                    continue
                colour, label = style.PAIR[i % 2], title
            else:
                colour = style.NEUTRAL[0] if group == "all" else style.look(group).colour
                label = f"{group} ({int(one['n'][g]):,})"
            ax.plot(level, coverage[g], color=colour, lw=1.4 if group == "all" else 0.8)
            points.append((float(level[-1]), float(coverage[g, -1])))
            names.append(label)
            colours.append(colour)
    ax.set_xlim(0, 1 / (1 - MARGIN))
    ax.set_ylim(0, 1)
    ax.set_xticks([0, 0.5, 0.9], ["0", "50 %", "90 %"])
    ax.set_yticks([0, 0.5, 0.9], ["0", "50 %", "90 %"])
    ax.grid()
    ax.spines["bottom"].set_bounds(0, 1)
    ax.set_xlabel("nominal level of the central interval", loc="left")
    ax.set_ylabel("share inside")
    ends.name_ends(ax, points, names, colours, start=1 - MARGIN + 0.04, height=1.35)
