"""Baselines on the same rows: what a user would reach for instead.

LightGBM is an optional dependency of the benchmarks, not of the package.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance import rows as r
from hwpredict.performance.covariates import covariates

Array = NDArray[np.float64]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_NUMBERS = (
    "log_flops",
    "log_macs_item",
    "log_activation_bytes",
    "log_weight_bytes",
    "log_kv_bytes",
    "log_peak",
    "log_bandwidth",
    "log_devices",
    "log_batch",
    "log_length",
    "log_parameters",
)
_LABELS = (
    "platform", "precision", "mode", "family", "architecture", "model", "phase", "item", "framework", "compiled",
    "runtime", "version", "layout", "source", "setting", "device", "generation", "segment",
)  # fmt: skip


def features(rows: r.Table) -> tuple[Array, list[list[str]]]:
    """What the baselines see: the same catalog figures and labels as the model, as numbers and label columns."""
    x = covariates(rows)
    numbers = np.stack([np.where(np.isfinite(x.numbers[n]), x.numbers[n], -50.0) for n in _NUMBERS], axis=1)
    return numbers, [x.labels[n].tolist() for n in _LABELS]


class LightGBMQuantiles:
    """Gradient-boosted quantile regression of log figures, one model per quantile."""

    def __init__(self, rounds: int = 300, leaves: int = 63, rate: float = 0.1) -> None:
        self._parameters = {
            "objective": "quantile",
            "num_leaves": leaves,
            "learning_rate": rate,
            "min_data_in_leaf": 20,
            "verbose": -1,
            "num_threads": 2,
            "seed": 0,
        }
        self._rounds = rounds
        self._boosters: list[Any] = []
        self._index: list[dict[str, int]] = []

    def fit(self, rows: r.Table, log_figure: Array) -> LightGBMQuantiles:
        """Fit to log figures, shape (row,)."""
        import lightgbm

        numbers, labels = features(rows)
        self._index = [{v: i for i, v in enumerate(sorted(set(column)))} for column in labels]
        x = self._matrix(numbers, labels)
        categories = list(range(numbers.shape[1], x.shape[1]))
        data = lightgbm.Dataset(x, log_figure, categorical_feature=categories, free_raw_data=False)
        self._boosters = [
            lightgbm.train(self._parameters | {"alpha": q}, data, num_boost_round=self._rounds) for q in QUANTILES
        ]
        return self

    def _matrix(self, numbers: Array, labels: list[list[str]]) -> Array:
        codes = [[index.get(v, -1) for v in column] for index, column in zip(self._index, labels, strict=True)]
        return np.column_stack([numbers, *codes])

    def predict(self, rows: r.Table, draws: int = 200) -> Array:
        """Pseudo-draws of the figure, shape (row, draw): the quantile function, linear between and beyond its knots."""
        x = self._matrix(*features(rows))
        knots = np.sort(np.stack([np.asarray(b.predict(x)) for b in self._boosters], axis=1), axis=1)
        p = (np.arange(draws) + 0.5) / draws
        q = np.array(QUANTILES)
        segment = np.clip(np.searchsorted(q, p) - 1, 0, len(q) - 2)
        weight = (p - q[segment]) / (q[segment + 1] - q[segment])
        return np.asarray(np.exp(knots[:, segment] * (1 - weight) + knots[:, segment + 1] * weight))


def roofline(rows: r.Table) -> Array:
    """Log seconds of a step by the plain roofline: the larger of arithmetic and memory traffic, shape (row,)."""
    x = covariates(rows).numbers
    traffic = np.logaddexp(x["log_activation_bytes"], x["log_weight_bytes"]) - x["log_bandwidth"]
    return np.asarray(np.maximum(x["log_flops"] - x["log_peak"], traffic) - x["log_devices"])
