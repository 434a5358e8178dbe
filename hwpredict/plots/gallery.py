"""All figures of a matrix by name, and all of them at once into a folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwpredict.errors import InvalidWorkloadError, NothingToShowError, unknown
from hwpredict.matrix.dataset import check_matrix
from hwpredict.plots import panels, style
from hwpredict.plots.batch_scaling import batch_scaling, panel_height as scaling_height
from hwpredict.plots.best_hardware import best_hardware
from hwpredict.plots.bottlenecks import bottlenecks
from hwpredict.plots.efficiency import efficiency
from hwpredict.plots.hardware_comparison import hardware_comparison
from hwpredict.plots.memory_usage import MOST, memory_usage
from hwpredict.plots.pareto import pareto
from hwpredict.plots.precision_impact import precision_impact

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of figure.

    Attributes
    ----------
    draw : callable
        Dataset and options to Figure.
    metrics : tuple of str
        One file each; empty for a figure that takes none.
    height : callable
        Inches of a row of panels, of a matrix.
    columns : int
        Panels beside each other.
    needs : callable
        What a matrix lacks for it; empty if nothing.
    """

    draw: Callable[..., Figure]
    metrics: tuple[str, ...]
    height: Callable[[xr.Dataset], float]
    columns: int = panels.COLUMNS
    needs: Callable[[xr.Dataset], str] = lambda _: ""


def _rows(data: xr.Dataset) -> float:
    return panels.panel_height(data.sizes["hardware"])


def _rows_of(dim: str, most: int = 99) -> Callable[[xr.Dataset], float]:
    return lambda data: panels.panel_height(data.sizes["hardware"], panels.row_pitch(min(data.sizes[dim], most)))


def _several(dim: str, what: str) -> Callable[[xr.Dataset], str]:
    return lambda data: "" if data.sizes[dim] > 1 else f"the matrix has one {what} only"


KINDS: dict[str, Kind] = {
    "hardware-comparison": Kind(hardware_comparison, ("throughput", "latency"), _rows),
    "batch-scaling": Kind(
        batch_scaling, ("throughput", "latency"), lambda data: scaling_height(data.sizes["hardware"]), 1,
        _several("batch_size", "batch size"),
    ),
    "efficiency": Kind(
        efficiency, (), _rows, needs=lambda data: "" if "speedup" in data else "the matrix has no CPU to compare with"
    ),
    "memory-usage": Kind(memory_usage, (), _rows_of("batch_size", MOST)),
    "precision-impact": Kind(
        precision_impact, ("throughput",), _rows_of("precision"), needs=_several("precision", "precision")
    ),
    "bottlenecks": Kind(bottlenecks, (), _rows, needs=lambda data: "" if "time_share" in data else "no time_share"),
    "best-hardware": Kind(
        best_hardware, (), lambda _: 2.2, 1,
        lambda data: "" if "p_best" in data and data.sizes["batch_size"] > 1 else "the matrix has one batch size only",
    ),
    "pareto": Kind(
        pareto, (), lambda _: style.PAGE, 1, lambda data: "" if "latency_draw" in data else "the matrix keeps no draws"
    ),
}  # fmt: skip
#: The five that the guide promises, and what :func:`visualize` draws when nothing is said.
GUIDE_KINDS = ("hardware-comparison", "batch-scaling", "efficiency", "memory-usage", "precision-impact")


def visualize(
    data: xr.Dataset,
    output_dir: str | os.PathLike[str] = "visualizations",
    *,
    kinds: Sequence[str] | None = None,
    format: str = "png",
    **chosen: Any,
) -> list[Path]:
    """Draw figures of a matrix into a folder, one file a figure and as many pages as its models need.

    Parameters
    ----------
    data : xarray.Dataset
        A prediction matrix.
    output_dir : path
        Made if it does not exist.
    kinds : sequence of str, optional
        Keys of :data:`KINDS`, or ``all``; the guide's five by default. What the matrix cannot show is left out by
        default and an error if it was asked for.
    format : {"png", "svg", "pdf"}
    **chosen
        ``precision``, ``batch_size``, ``sequence_length``, ``phase``: the slice drawn.

    Returns
    -------
    list of pathlib.Path
        In the order they were written.

    Raises
    ------
    UnknownNameError, InvalidWorkloadError, StoreError
    """
    check_matrix(data)
    style.check_format(format)
    asked = list(kinds or GUIDE_KINDS)
    strict = kinds is not None and "all" not in asked
    if "all" in asked:
        asked = list(KINDS)
    for name in asked:
        if name not in KINDS:
            raise unknown("kind of figure", name, (*KINDS, "all"))
    out: list[Path] = []
    for name in asked:
        kind = KINDS[name]
        lacks = kind.needs(data)
        if lacks and strict:
            raise InvalidWorkloadError(f"{name} cannot be drawn: {lacks}")
        if lacks:
            _log.info("%s is left out: %s", name, lacks)
            continue
        for metric in kind.metrics or (None,):
            stem = name.replace("-", "_") + (f"_{metric}" if metric else "")
            for number, page in enumerate(panels.pages(data, kind.height(data), kind.columns), start=1):
                try:
                    figure = kind.draw(page, **({"metric": metric} if metric else {}), **_accepted(kind, chosen))
                except NothingToShowError as error:  # a page of one model, which has no such phase
                    _log.info("%s: %s", name, error)
                    continue
                suffix = "" if number == 1 else f"_{number}"
                out.append(style.save(figure, Path(output_dir) / f"{stem}{suffix}.{format}"))
    return out


def _accepted(kind: Kind, chosen: dict[str, Any]) -> dict[str, Any]:
    """The choices that a figure takes: one that shows all precisions has none to choose."""
    from inspect import signature

    takes = signature(kind.draw).parameters
    return {k: v for k, v in chosen.items() if v is not None and k in takes}
