"""Bottleneck shares: what the time of a step goes to, hardware by hardware."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwpredict.errors import InvalidWorkloadError
from hwpredict.plots import labels, panels, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure


@style.styled
def bottlenecks(
    data: xr.Dataset,
    *,
    precision: str | None = None,
    batch_size: int | None = None,
    sequence_length: int | None = None,
    phase: str | None = None,
) -> Figure:
    """A bar per hardware, divided by the mean share of each part of the roofline in a step; a panel per model.

    Parameters
    ----------
    data : xarray.Dataset
        A prediction matrix.
    precision, batch_size, sequence_length, phase
        The slice drawn.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.patches import Patch

    if "time_share" not in data:
        raise InvalidWorkloadError("this matrix has no time_share: make it again with `hwpredict matrix`")
    part = panels.pick(data, precision=precision, batch_size=batch_size, sequence_length=sequence_length, phase=phase)
    part = part.isel(hardware=panels.order_of(part, "throughput"))
    n, k = part.sizes["hardware"], part.sizes["model"]
    share = part["time_share"].transpose("model", "hardware", "part").to_numpy()
    names = part["part"].to_numpy().tolist()
    used = [i for i in range(len(names)) if np.nan_to_num(share[..., i]).max() > 0.005]
    columns = min(panels.COLUMNS, k)
    rows = -(-k // columns)
    fig = style.new_figure(style.COLUMN, rows * panels.panel_height(n) + 0.4)
    grid = fig.subplots(rows, columns, squeeze=False)
    devices = labels.shortened(part["hardware"].to_numpy().tolist())
    for i, ax in enumerate(grid.ravel()):
        if i >= k:
            ax.set_axis_off()
            continue
        left = np.zeros(n)
        for j in used:
            width = np.nan_to_num(share[i, :, j])
            ax.barh(range(n), width, left=left, height=0.72, color=style.PART_COLOURS[names[j]], lw=0)
            left += width
        ax.set_title(labels.short_model(str(part["model"].to_numpy()[i]))[:24], fontsize=6.5)
        ax.set_xlim(0, 1)
        ax.set_ylim(n - 0.4, -0.6)
        panels.label_rows(ax, devices if i % columns == 0 else [])
        ax.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"] if i >= k - columns else [])
    fig.legend(
        handles=[Patch(color=style.PART_COLOURS[names[j]], label=style.PART_LABELS[names[j]]) for j in used],
        loc="outside lower center", ncols=3, handlelength=1, columnspacing=1, handletextpad=0.4,
    )  # fmt: skip
    fig.suptitle(
        f"share of the time of a step, {part.precision.item()}, batch {part.batch_size.item()}",
        fontsize=7.5, x=0.01, ha="left",
    )  # fmt: skip
    return fig
