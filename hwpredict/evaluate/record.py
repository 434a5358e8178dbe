"""Predictions as rows that a store keeps, to be held against measurements of the same cells later."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from hwpredict.performance.cells import Cells
from hwpredict.store.benchmark_store import BenchmarkStore
from hwpredict.store.schema import BY_NAME
from hwpredict.store.tables import CONFIGURATION
from hwpredict.workload import Metric

#: Quantiles that are kept of each predictive distribution, in the middle of so many equal parts of probability: what
#: coverage, CRPS and PIT need, in a quarter of the space of the draws.
QUANTILES = 100
#: Column of the schema of each metric.
COLUMNS = {Metric.THROUGHPUT: "throughput", Metric.LATENCY: "latency_ms", Metric.MEMORY: "memory_mb"}


def rows(cells: Cells, *, fingerprint: str, seed: int) -> list[dict[str, Any]]:
    """Predicted cells as rows for :meth:`hwpredict.store.BenchmarkStore.add_predictions`.

    Parameters
    ----------
    cells : Cells
    fingerprint : str
        Of the posterior that predicted.
    seed : int

    Returns
    -------
    list of dict
        One per cell that can run: its configuration in columns of the schema, :data:`QUANTILES` evenly spaced quantiles
        of each metric, and what supports them.
    """
    p = cells.prediction
    levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
    quantiles = {
        column: np.quantile(getattr(p, str(metric)).astype(float), levels, axis=1).T
        for metric, column in COLUMNS.items()
    }
    out = []
    for i, reason in enumerate(cells.reasons):
        if reason is not None:
            continue
        row = {name: _plain(name, cells.rows[name][i]) for name in CONFIGURATION if name in cells.rows}
        row |= {f"{column}_quantiles": q[i].tolist() for column, q in quantiles.items() if np.isfinite(q[i]).all()}
        out.append(row | {
            "posterior_fingerprint": fingerprint,
            "seed": seed,
            "evidence": str(p.evidence[i]),
            "n_measurements": int(p.n_measurements[i]),
            "epistemic_share": float(p.epistemic[i, 0]),
            "epistemic_share_memory": float(p.epistemic[i, 1]),
            "p_fits": float(cells.fits[i]),
        })  # fmt: skip
    return out


def _plain(name: str, value: Any) -> Any:
    if BY_NAME[name].is_number:
        return None if value != value else float(value)
    return value or None


def keep(cells: Cells, store: BenchmarkStore | str | os.PathLike[str], *, fingerprint: str, seed: int) -> int:
    """Store predicted cells; returns how many are new in the store.

    Parameters
    ----------
    cells : Cells
    store : BenchmarkStore or path
        A path is opened for writing, and made where there is none.
    fingerprint, seed
        As in :func:`rows`.
    """
    kept = rows(cells, fingerprint=fingerprint, seed=seed)
    if isinstance(store, BenchmarkStore):
        return store.add_predictions(kept)
    with BenchmarkStore(store) as opened:
        return opened.add_predictions(kept)
