"""Efficiency: throughput relative to the CPU that stands first in the matrix, draw by draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwpredict.errors import InvalidWorkloadError
from hwpredict.plots import labels, panels, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure


@style.styled
def efficiency(
    data: xr.Dataset,
    *,
    precision: str | None = None,
    batch_size: int | None = None,
    sequence_length: int | None = None,
    phase: str | None = None,
) -> Figure:
    """Speed-up over the baseline hardware with intervals of the ratio (what both share cancels in every draw).

    Parameters
    ----------
    data : xarray.Dataset
        A prediction matrix with a CPU among its hardware.
    precision, batch_size, sequence_length, phase
        The slice drawn.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InvalidWorkloadError
        There is no CPU to compare with.
    """
    if "speedup" not in data:
        raise InvalidWorkloadError("this matrix has no CPU to compare with: add one to its hardware")
    part = panels.pick(data, precision=precision, batch_size=batch_size, sequence_length=sequence_length, phase=phase)
    baseline = labels.short_device(str(data.attrs["baseline"]))
    return panels.interval_panels(
        part,
        "speedup",
        xlabel="speed-up",
        reference=1.0,
        title=f"speed-up over {baseline}, {part.precision.item()}, batch {part.batch_size.item()}",
    )
