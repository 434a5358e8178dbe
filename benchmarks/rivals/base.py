"""What every rival is: a fit from inputs and log figures to a function that returns predictive quantiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]

#: Levels at which every rival gives its predictive quantiles: the midpoints of 200 slices of equal probability.
LEVELS = (np.arange(200) + 0.5) / 200
#: Quantiles that are fitted by those that fit quantiles one by one.
KNOTS = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Inputs:
    """What a rival sees: the covariates of the model, numbers and labels, shape (row,) each."""

    numbers: Mapping[str, Array]
    labels: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.labels["platform"])

    def take(self, index: NDArray[Any]) -> Inputs:
        """The rows at ``index`` (integers or a mask)."""
        return Inputs({k: v[index] for k, v in self.numbers.items()}, {k: v[index] for k, v in self.labels.items()})


#: From inputs to quantiles of the log figure at ``LEVELS``, shape (row, level).
Predictor = Callable[[Inputs], Array]
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Rival:
    """One rival.

    Attributes
    ----------
    fit : callable
        ``fit(inputs, log_figure, threads=, seed=, **options)`` returns a predictor.
    grid : tuple of dict
        Options to choose from on grouped inner folds of the training rows.
    max_rows : int or None
        At most so many training rows, drawn at random, where the algorithm's cost allows no more.
    tune_rows : int
        At most so many rows for choosing the options.
    """

    fit: Callable[..., Predictor]
    grid: tuple[Options, ...]
    max_rows: int | None = None
    tune_rows: int = 4000


def from_knots(knots: Array) -> Array:
    """Quantile function at ``LEVELS`` from values at ``KNOTS``: linear between and beyond, never decreasing.

    Parameters
    ----------
    knots : ndarray, shape (row, knot)

    Returns
    -------
    ndarray, shape (row, level)
    """
    ordered, p = np.sort(knots, axis=1), np.array(KNOTS)
    segment = np.clip(np.searchsorted(p, LEVELS) - 1, 0, len(p) - 2)
    weight = (LEVELS - p[segment]) / (p[segment + 1] - p[segment])
    return np.asarray(ordered[:, segment] * (1 - weight) + ordered[:, segment + 1] * weight)


def gaussian(mean: Array, sd: Array) -> Array:
    """Quantiles of normal distributions, shape (row, level)."""
    return np.asarray(mean[:, None] + sd[:, None] * stats.norm.ppf(LEVELS))
