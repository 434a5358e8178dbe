"""Memory usage: peak memory at every batch size beside what each device has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwpredict.plots import labels, panels, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

#: Batch sizes drawn: more marks than these in a row cannot be told apart.
MOST = 4


@style.styled
def memory_usage(
    data: xr.Dataset,
    *,
    precision: str | None = None,
    sequence_length: int | None = None,
    phase: str | None = None,
) -> Figure:
    """A row per hardware with a mark per batch size (darker is larger) and a bar at the device's memory.

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
    part = panels.pick(data, precision=precision, sequence_length=sequence_length, phase=phase).sortby("batch_size")
    n = part.sizes["batch_size"]
    part = part.isel(batch_size=np.unique(np.linspace(0, n - 1, min(n, MOST)).round().astype(int)))
    return panels.interval_panels(
        part,
        "memory",
        xlabel="peak memory",
        series="batch_size",
        series_label=lambda b: f"batch {b}",
        largest_first=False,
        capacity=True,
        tick=labels.bytes_of,
        title=f"memory, {part.precision.item()}",
    )
