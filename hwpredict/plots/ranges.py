"""Rows of a median with its intervals: the plainest figure of a table of answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hwpredict.plots import labels, panels, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

#: Characters of a label that leave room for the axis.
NAME = 34


@style.styled
def ranges(
    data: xr.DataArray,
    *,
    xlabel: str,
    title: str = "",
    colours: Sequence[str] | None = None,
    reference: float | None = 1.0,
    log: bool = True,
    tick: Callable[[float, object], str] = labels.figure,
) -> Figure:
    """A row per label with the median, the 50 % and the 90 % interval.

    Parameters
    ----------
    data : xarray.DataArray
        Dims (label, quantile); the quantiles are the ends of the intervals and the median, five in all.
    xlabel, title : str
    colours : sequence of str, optional
        One per row.
    reference : float, optional
        Where a vertical line is drawn.
    log : bool
    tick : callable
        Formatter of the axis.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows, dim = str(data.dims[0]), data.sizes["quantile"]
    q = data.transpose(rows, "quantile").to_numpy()
    n = len(q)
    shades = list(colours) if colours is not None else [style.NEUTRAL[0]] * n
    fig = style.new_figure(style.COLUMN, n * panels.ROW + 0.75)
    ax = fig.subplots()
    y = np.arange(n)
    ax.hlines(y, q[:, 0], q[:, dim - 1], colors=shades, lw=0.6)
    ax.hlines(y, q[:, 1], q[:, dim - 2], colors=shades, lw=1.8)
    ax.scatter(q[:, dim // 2], y, s=10, c=shades, zorder=3, lw=0)
    if log:
        panels.log_axis(ax, "x", tick, most=5)
    else:
        ax.xaxis.set_major_formatter(tick)
    if reference is not None:
        ax.axvline(reference, color=style.NEUTRAL[1], lw=0.6, zorder=0)
    ax.grid(axis="x")
    ax.set_ylim(n - 0.4, -0.6)
    panels.label_rows(ax, labels.shortened(data[rows].to_numpy().tolist(), str, limit=NAME))
    ax.set_xlabel(xlabel)
    if title:
        fig.suptitle(title, fontsize=7, x=0.01, ha="left")
    return fig
