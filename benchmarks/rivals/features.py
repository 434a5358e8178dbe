"""The covariates of the model as matrices that the rivals can read, and the physics that they may start from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.model_selection import KFold
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

from rivals.base import Array, Inputs

#: Labels of few levels, and of many.
FEW = (
    "platform",
    "precision",
    "mode",
    "family",
    "phase",
    "item",
    "framework",
    "compiled",
    "layout",
    "several",
    "segment",
)
MANY = ("architecture", "model", "device", "generation", "source", "runtime", "version", "setting", "size")
#: Times of the parts of a step: work minus rate, both logs.
_TIMES = {
    "compute": ("log_flops", "log_peak"),
    "activation": ("log_activation_bytes", "log_bandwidth"),
    "weight": ("log_weight_bytes", "log_bandwidth"),
    "kv": ("log_kv_bytes", "log_bandwidth"),
    "communication": ("log_comm_bytes", "log_interconnect"),
}
_RESIDENT = ("log_resident_bytes", "log_activation_bytes", "log_state_bytes", "log_kv_bytes")
#: Log of what is too small to matter (a millisecond is -7): stands for absent work in methods that need numbers.
_FLOOR = -14.0


def roofline(x: Inputs) -> Array:
    """Log seconds of a step by the plain roofline: the larger of arithmetic and memory traffic, shape (row,)."""
    n = x.numbers
    traffic = np.logaddexp(n["log_activation_bytes"], n["log_weight_bytes"])
    traffic = np.logaddexp(traffic, n["log_kv_bytes"]) - n["log_bandwidth"]
    return np.asarray(np.maximum(n["log_flops"] - n["log_peak"], traffic) - n["log_devices"])


def resident(x: Inputs) -> Array:
    """Log MB that must be held: weights, activations, optimizer state, KV cache, shape (row,)."""
    parts = np.stack([x.numbers[name] for name in _RESIDENT])
    return np.asarray(np.logaddexp.reduce(parts) - np.log(1e6))


def physics(x: Inputs, metric: str) -> Array:
    """What the physics alone says of the log figure, shape (row,)."""
    if metric == "memory":
        return resident(x)
    if metric == "latency":
        return np.asarray(roofline(x) + x.numbers["log_span"] + np.log(1e3))
    return np.asarray(x.numbers["log_items"] - roofline(x))


def matrix(x: Inputs) -> tuple[Array, list[str]]:
    """Every number, with the times of the parts and the roofline; NaN where there is no such work."""
    columns = {name: x.numbers[name] for name in sorted(x.numbers)}
    for part, (work, rate) in _TIMES.items():
        columns[f"{part} time"] = x.numbers[work] - x.numbers[rate] - x.numbers["log_devices"]
    columns |= {"roofline": roofline(x), "resident": resident(x)}
    values = np.stack(list(columns.values()), axis=1)
    return np.where(np.isfinite(values), values, np.nan), list(columns)


def mostly_unseen(known: Inputs, new: Inputs) -> tuple[str, ...]:
    """Labels whose level was never seen before in most of the new rows: a name that a rival can do without there."""
    out = []
    for name in MANY:
        seen = set(_column(known, name))
        if np.mean([v not in seen for v in _column(new, name)]) > 0.5:
            out.append(name)
    return tuple(out)


def _column(x: Inputs, name: str) -> list[str]:
    return [str(v) for v in x.labels[name]]


@dataclass
class Codes:
    """Numbers and integer codes of the labels; -1 is a level that was not in training."""

    exclude: tuple[str, ...]
    levels: list[dict[str, int]] = field(default_factory=list)

    def fit(self, x: Inputs) -> Codes:
        """Number the levels."""
        self.levels = [{v: i for i, v in enumerate(sorted(set(_column(x, name))))} for name in self.names]
        return self

    def __call__(self, x: Inputs) -> Array:
        """Matrix of the rows, shape (row, column)."""
        numbers, _ = matrix(x)
        columns = zip(self.names, self.levels, strict=True)
        return np.column_stack([numbers, *([index.get(v, -1) for v in _column(x, name)] for name, index in columns)])

    @property
    def names(self) -> list[str]:
        """Labels that are used."""
        return [name for name in (*FEW, *MANY) if name not in self.exclude]

    @property
    def categorical(self) -> list[int]:
        """Positions of the codes, from the end of the matrix."""
        return list(range(-len(self.levels), 0))


@dataclass
class Encoded:
    """Numbers alone: labels of few levels as indicators, of many as cross-fitted means of the target.

    Absent work counts as next to none. ``standard`` scales the columns, for methods that compare distances or slopes.
    """

    exclude: tuple[str, ...]
    standard: bool = False
    _one_hot: Any = None
    _target: Any = None
    _center: Array | None = None
    _scale: Array | None = None

    def _text(self, x: Inputs, names: tuple[str, ...]) -> Any:
        return np.array([_column(x, name) for name in names], dtype=object).T

    def fit(self, x: Inputs, y: Array, seed: int = 0) -> Array:
        """Learn the encoding; returns the matrix of the training rows, whose target means are cross-fitted."""
        self._many = tuple(name for name in MANY if name not in self.exclude)
        self._one_hot = OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist", sparse_output=False)
        indicators = self._one_hot.fit_transform(self._text(x, FEW))
        self._target = TargetEncoder(target_type="continuous", cv=KFold(5, shuffle=True, random_state=seed))
        means = self._target.fit_transform(self._text(x, self._many), y)
        return self._join(x, indicators, means, learn=True)

    def __call__(self, x: Inputs) -> Array:
        """Matrix of the rows, shape (row, column)."""
        indicators = self._one_hot.transform(self._text(x, FEW))
        return self._join(x, indicators, self._target.transform(self._text(x, self._many)), learn=False)

    def _join(self, x: Inputs, indicators: Array, means: Array, *, learn: bool) -> Array:
        numbers, names = matrix(x)
        floor = np.array([_FLOOR if name.endswith("time") else 0.0 for name in names])
        values = np.column_stack([np.where(np.isnan(numbers), floor, numbers), means])
        if not self.standard:
            return np.column_stack([values, indicators])
        if learn:
            self._center, self._scale = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
        return np.column_stack([(values - self._center) / self._scale, indicators])
