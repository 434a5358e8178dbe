"""What new measurements change: predictions of the same cells before and after the posterior is conditioned on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hwpredict.performance import rows as r
from hwpredict.performance.cells import predict_cells
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.update import update
from hwpredict.workload import Metric

#: Measurement column of each metric.
_COLUMNS = {Metric.LATENCY: "latency_ms", Metric.MEMORY: "memory_mb"}
_DRAWS = 400


@dataclass(frozen=True, slots=True)
class Change:
    """One measured figure and its predictions.

    Attributes
    ----------
    cell : str
        Model, precision, runtime and batch size.
    metric : str
        ``latency`` (ms) or ``memory`` (MB); throughput of a synchronous loop follows from latency.
    measured : float
    before, after : tuple of float
        Median, lower and upper end of the central interval.
    """

    cell: str
    metric: str
    measured: float
    before: tuple[float, float, float]
    after: tuple[float, float, float]

    @property
    def inside(self) -> bool:
        """Whether the measured value lies in the interval after."""
        return self.after[1] <= self.measured <= self.after[2]

    @property
    def narrowing(self) -> float:
        """Width of the interval after over that before, on the log scale."""
        return float(np.log(self.after[2] / self.after[1]) / np.log(self.before[2] / self.before[1]))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"inside": self.inside, "narrowing": self.narrowing}


def compare(
    before: Posterior,
    after: Posterior,
    rows: Sequence[Mapping[str, Any]],
    *,
    probability: float = 0.9,
    draws: int = _DRAWS,
    seed: int = 0,
) -> list[Change]:
    """Predict measured rows with two posteriors.

    Parameters
    ----------
    before, after : Posterior
    rows : sequence of Mapping
        In the measurement schema, with their figures.
    probability : float
        Of the central intervals.
    draws, seed : int

    Returns
    -------
    list of Change
        A latency and a memory figure for every row that has them.
    """
    table = r.table([dict(row) for row in rows])
    tail = (1 - probability) / 2
    spans: list[dict[Metric, Any]] = []
    for posterior in (before, after):
        p = predict_cells(posterior, table, draws=draws, seed=seed, on_unknown="prior").prediction
        spans.append({m: np.quantile(getattr(p, str(m)), [0.5, tail, 1 - tail], axis=1).T for m in _COLUMNS})
    changes = []
    for i, row in enumerate(rows):
        label = f"{row['model']} {row['precision']} {row['runtime']} batch {int(row['batch_size'])}"
        for metric, column in _COLUMNS.items():
            if np.isfinite(measured := float(table[column][i])):
                old, new = (tuple(map(float, s[metric][i])) for s in spans)
                changes.append(Change(label, str(metric), measured, old, new))  # type: ignore[arg-type] # three each
    return changes


def condition(
    posterior: Posterior, rows: Sequence[Mapping[str, Any]], *, seed: int = 0
) -> tuple[Posterior, list[Change]]:
    """Condition a posterior on new rows and say what that changes.

    Parameters
    ----------
    posterior : Posterior
    rows : sequence of Mapping
        In the measurement schema.
    seed : int
        Of the predictive draws.

    Returns
    -------
    tuple of (Posterior, list of Change)
    """
    after = update(posterior, r.table([dict(row) for row in rows]))
    return after, compare(posterior, after, rows, seed=seed)
