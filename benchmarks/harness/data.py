"""Rows of measurements with their covariates, computed once and then only taken from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.evaluate.splits import years
from hwpredict.performance import rows as r
from hwpredict.performance.covariates import covariates
from hwpredict.store import read_measurements

Array = NDArray[np.float64]
Edit = Callable[[Any], Any]

#: Metric → column of the schema.
METRICS = {"throughput": "throughput", "latency": "latency_ms", "memory": "memory_mb"}


@dataclass(frozen=True)
class Target:
    """What is predicted: a metric, perhaps of one phase only (TTFT is the latency of a prefill).

    Rivals are fitted to each target by itself, hwpredict to all measurements at once.
    """

    name: str
    metric: str
    phase: str | None = None


#: The three metrics, whatever the phase.
TARGETS = tuple(Target(metric, metric) for metric in METRICS)


@dataclass(frozen=True)
class Data:
    """Rows and what is known of them.

    Attributes
    ----------
    rows : dict of str to ndarray, shape (row,)
        The measurement schema.
    numbers, labels : mapping of str to ndarray, shape (row,)
        The covariates of the model (see :class:`hwpredict.performance.covariates.Covariates`).
    when : ndarray, shape (row,)
        Decimal years of measurement, NaN where unknown.
    """

    rows: r.Table
    numbers: Mapping[str, Array]
    labels: Mapping[str, NDArray[Any]]
    when: Array

    def __len__(self) -> int:
        return r.length(self.rows)

    def take(self, index: NDArray[Any]) -> Data:
        """The rows at ``index`` (integers or a mask)."""
        return Data(
            r.take(self.rows, index),
            {k: v[index] for k, v in self.numbers.items()},
            {k: v[index] for k, v in self.labels.items()},
            self.when[index],
        )

    def log_figure(self, target: Target) -> Array:
        """Log of the measured figure, NaN where the row has none or is of another phase, shape (row,)."""
        figure = self.rows[METRICS[target.metric]]
        ok = np.isfinite(figure) & (figure > 0)
        if target.phase is not None:
            ok &= self.labels["phase"] == target.phase
        return np.log(np.where(ok, figure, np.nan))

    def fingerprint(self) -> str:
        """Hash of what was measured where: a cached prediction belongs to these rows and no others."""
        digest = hashlib.sha256()
        for name in sorted(self.rows):
            column = self.rows[name]
            content = column.tobytes() if column.dtype.kind == "f" else "\x1f".join(map(str, column.tolist())).encode()
            digest.update(name.encode() + content)
        return digest.hexdigest()[:16]


def from_frame(frame: Any) -> Data:
    """Data of a DataFrame in the measurement schema."""
    rows = r.table(frame)
    x = covariates(rows)
    return Data(rows, x.numbers, x.labels, years(frame["measured"].tolist()))


def capped(
    source: NDArray[Any],
    cap: int | None,
    rng: np.random.Generator,
    *,
    own: str | None = None,
    others: int | None = None,
) -> NDArray[np.int64]:
    """Indices of at most ``cap`` rows of each source, drawn at random, in their old order.

    Where there is an ``own`` source, the cap is for it and ``others`` for the rest.
    """
    kept = []
    for name in sorted(set(source.tolist())):
        mine = np.flatnonzero(source == name)
        most = cap if own in (None, name) else others
        kept.append(mine if most is None or len(mine) <= most else rng.choice(mine, most, replace=False))
    return np.sort(np.concatenate(kept))


def load(
    path: Path,
    *,
    sources: Sequence[str] | None = None,
    cap: int | None = None,
    own: str | None = None,
    others: int | None = None,
    seed: int = 0,
    edit: Edit | None = None,
) -> Data:
    """Read measurements.

    Parameters
    ----------
    path : path
        Parquet, CSV or DuckDB store in the measurement schema.
    sources : sequence of str, optional
        Only these tables.
    cap, own, others : optional
        See :func:`capped`.
    seed : int
        Seeds which rows those are.
    edit : callable, optional
        From the DataFrame to the one to use (fewer rows, other units), before the cap.
    """
    frame = read_measurements(path, sources=sources)
    if edit is not None:
        frame = edit(frame).reset_index(drop=True)
    name = frame["table"] if "table" in frame else frame["source"]
    keep = capped(name.to_numpy(dtype=object), cap, np.random.default_rng(seed), own=own, others=others)
    return from_frame(frame.iloc[keep].reset_index(drop=True))
