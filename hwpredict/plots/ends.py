"""Lines that are named where they end, so that no legend has to be searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hwpredict.plots import labels, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Inches that a 6 pt label takes in height, and one of its characters in width; and what is left of the axes.
LABEL, CHARACTER, SIDE = 0.1, 0.051, 0.55


def ink(colour: str) -> str:
    """``colour`` as text: darkened where it would be faint on white (WCAG relative luminance above 0.25)."""
    from matplotlib.colors import to_hex, to_rgb

    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    red, green, blue = (float(c) for c in rgb * min(1.0, (0.25 / max(luminance, 1e-6)) ** 0.45))
    return to_hex((red, green, blue))


def name_ends(
    ax: Axes,
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    colours: Sequence[str],
    *,
    start: float,
    height: float,
    tails: Sequence[str] | None = None,
) -> None:
    """Write names right of their points, moved apart, with a thin line from each point to its name.

    Parameters
    ----------
    ax : Axes
        With its final limits and scales.
    points : sequence of (float, float)
        Data coordinates.
    names, colours : sequence of str
    start : float
        Where the names begin, as a share of the axes' width.
    height : float
        Height of the axes, inches.
    tails : sequence of str, optional
        What follows each name and is not cut where the name is too long.
    """
    from matplotlib.collections import LineCollection

    if not points:
        return
    to_axes = ax.transData + ax.transAxes.inverted()
    at = to_axes.transform(np.array(points, float))
    moved = labels.spread(at[:, 1].tolist(), LABEL / height, 0.0, 1.0)
    leads = [[(x + 0.012, y), (start - 0.01, to)] for (x, y), to in zip(at, moved, strict=True)]
    ax.add_collection(
        LineCollection(leads, colors=list(colours), linewidths=0.35, transform=ax.transAxes, clip_on=False),
        autolim=False,
    )
    figure = ax.get_figure(root=True)
    width = figure.get_figwidth() if figure is not None else style.COLUMN
    most = int((1 - start) * (width - SIDE) / CHARACTER)
    for place, full, colour, tail in zip(moved, names, colours, tails or [""] * len(names), strict=True):
        left = most - len(tail)
        name = full if len(full) <= left else full[: left - 1].rstrip() + "…"
        written = ax.text(start, place, name + tail, transform=ax.transAxes, va="center", fontsize=6, color=ink(colour))
        written.set_in_layout(False)
