"""Hardware comparison: each metric of every model on every hardware, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwpredict.plots import labels, panels, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

AXES = {"throughput": "items s⁻¹", "latency": "latency (ms)", "memory": "peak memory"}


@style.styled
def hardware_comparison(
    data: xr.Dataset,
    metric: str = "throughput",
    *,
    precision: str | None = None,
    batch_size: int | None = None,
    sequence_length: int | None = None,
    phase: str | None = None,
) -> Figure:
    """A panel per model, a row per hardware (best first), median with the 50 % and 90 % interval on a log axis.

    Parameters
    ----------
    data : xarray.Dataset
        A prediction matrix.
    metric : {"throughput", "latency", "memory"}
    precision, batch_size, sequence_length, phase
        The slice drawn; the first precision, length and phase and the middle batch size by default.

    Returns
    -------
    matplotlib.figure.Figure
    """
    part = panels.pick(data, precision=precision, batch_size=batch_size, sequence_length=sequence_length, phase=phase)
    return panels.interval_panels(
        part,
        metric,
        xlabel=AXES[metric],
        largest_first=metric == "throughput",
        tick=labels.bytes_of if metric == "memory" else labels.figure,
        title=f"{metric}, {part.precision.item()}, batch {part.batch_size.item()}",
    )
