"""Precision impact: what fewer bits buy, hardware by hardware."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwpredict.plots import labels, panels, style
from hwpredict.plots.hardware_comparison import AXES
from hwpredict.workload import PRECISIONS

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure


@style.styled
def precision_impact(
    data: xr.Dataset,
    metric: str = "throughput",
    *,
    batch_size: int | None = None,
    sequence_length: int | None = None,
    phase: str | None = None,
) -> Figure:
    """A row per hardware with a mark per precision, fewer bits darker.

    Parameters
    ----------
    data : xarray.Dataset
        A prediction matrix.
    metric : {"throughput", "latency", "memory"}
    batch_size, sequence_length, phase
        The slice drawn.

    Returns
    -------
    matplotlib.figure.Figure
    """
    part = panels.pick(data, batch_size=batch_size, sequence_length=sequence_length, phase=phase)
    bits = [PRECISIONS[str(p)].weight_bits for p in part["precision"].to_numpy()]
    part = part.isel(precision=sorted(range(len(bits)), key=lambda i: -bits[i]))
    return panels.interval_panels(
        part,
        metric,
        xlabel=AXES[metric],
        series="precision",
        largest_first=metric == "throughput",
        tick=labels.bytes_of if metric == "memory" else labels.figure,
        title=f"{metric} by precision, batch {part.batch_size.item()}",
    )
