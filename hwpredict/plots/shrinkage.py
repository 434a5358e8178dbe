"""Shrinkage: levels of an effect over the number of their observations, within the band of their population."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwpredict.plots import ends, labels, panels, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 1.75
MARGIN = 0.33
#: Levels named: the farthest from their population.
NAMED = 12
#: Share of the levels at either end that may lie beyond the axis.
EDGE = 0.005
#: Normal deviate of the end of a 90 % interval.
Z90 = 1.645


@style.styled
def shrinkage(tables: Sequence[xr.Dataset]) -> Figure:
    """A panel per effect: each level's factor on time with its 90 % interval, the fewer observations the nearer to 1.

    Parameters
    ----------
    tables : sequence of xarray.Dataset
        Of :func:`hwpredict.evaluate.effects.effect_table`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig = style.new_figure(style.COLUMN, len(tables) * (HEIGHT + 0.5))
    axes = fig.subplots(len(tables), 1, squeeze=False)[:, 0]
    for ax, table in zip(axes, tables, strict=True):
        _panel(ax, table)
    axes[-1].set_xlabel("observations of the level", loc="left")
    return fig


def _panel(ax: Axes, table: xr.Dataset) -> None:
    mean, q = np.exp(table["effect"].to_numpy()), np.exp(table["effect_quantile"].to_numpy())
    count = np.maximum(table["count"].to_numpy(), 1)
    band = np.exp(Z90 * float(table["scale"]))
    # a few mislabelled boards must not squeeze the rest: what lies beyond is drawn at the edge
    low, high = np.quantile(mean, (EDGE, 1 - EDGE))
    low, high = min(low, 1 / band) / 1.3, max(high, band) * 1.3
    ax.set_ylim(low, high)
    mean = np.clip(mean, low * 1.03, high / 1.03)
    if "platform" in table.coords:
        looks = [style.look(str(p)) for p in table["platform"].to_numpy()]
    else:
        looks = [style.Look(style.PAIR[0], "o")] * len(mean)
    ax.axhspan(1 / band, band, color=style.NEUTRAL[3], lw=0, zorder=0)
    ax.axhline(1, color=style.NEUTRAL[1], lw=0.5, zorder=1)
    colours = [seen.colour for seen in looks]
    faint = 0.5 if len(mean) < 200 else 0.2
    ax.vlines(count, q[:, 0], q[:, -1], colors=colours, lw=0.4, alpha=faint, zorder=1)
    for marker in dict.fromkeys(seen.marker for seen in looks):
        mine = np.array([seen.marker == marker for seen in looks])
        ax.scatter(count[mine], mean[mine], s=5, marker=marker, c=np.array(colours)[mine], lw=0, zorder=2,
                   alpha=0.9 if len(mean) < 200 else 0.6)  # fmt: skip
    top = float(count.max()) * 1.5
    ax.set_xlim(0.8, 0.8 * (top / 0.8) ** (1 / (1 - MARGIN)))
    panels.log_axis(ax, "x", upto=top)
    panels.log_axis(ax, "y", most=5)
    ax.set_ylabel("factor on time")
    parts = str(table.attrs["parts"]).split()
    what = "the whole step" if len(parts) > 2 or parts == ["row"] else " and ".join(parts)
    n = len(mean)
    ax.set_title(f"{table.attrs['effect'].partition(':')[0]} effects on {what} ({n:,} levels)", fontsize=6.5)
    far = np.argsort(-np.abs(table["effect"].to_numpy()))[:NAMED]
    key = "device" if "device" in table.coords else "level"
    texts = [str(v) for v in table[key].to_numpy()[far]]
    texts = [
        labels.short_device(t) if key == "device" else t.replace("|", ", ").replace("text_generation", "text")
        for t in texts
    ]
    ends.name_ends(
        ax, [(float(count[i]), float(mean[i])) for i in far], texts, [colours[i] for i in far], start=1 - MARGIN + 0.02,
        height=HEIGHT,
    )  # fmt: skip
