"""Scores of predictive draws against what was measured, on the log scale (ratios matter, not differences)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Summary of a set of predictions.

    Attributes
    ----------
    n : int
    medape, mape : float
        Median and mean absolute percentage error of the predictive median, as fractions.
    crps : float
        Mean continuous ranked probability score of log figures.
    coverage50, coverage90 : float
        Share of measurements inside the central 50 % and 90 % interval.
    width90 : float
        Mean width of the 90 % interval in log units.
    bias : float
        Median of log(measured / predicted median).
    """

    n: int
    medape: float
    mape: float
    crps: float
    coverage50: float
    coverage90: float
    width90: float
    bias: float

    def as_dict(self) -> dict[str, float]:
        """The scores by name."""
        return asdict(self)


def crps(draws: Array, observed: Array, *, fair: bool = True) -> Array:
    """Continuous ranked probability score of each case from its draws (Gneiting & Raftery 2007, eq. 21).

    Parameters
    ----------
    draws : ndarray, shape (case, draw)
    observed : ndarray, shape (case,)
    fair : bool
        Whether the draws are random, so that the spread of the distribution they come from is to be estimated without
        bias; False for an evenly spaced quantile function, which *is* the distribution.

    Returns
    -------
    ndarray, shape (case,)
        ``E|X - y| - E|X - X'| / 2``, the second expectation over all pairs of different draws (fair) or all pairs.
    """
    m = draws.shape[1]
    ordered = np.sort(draws, axis=1)
    weights = 2 * np.arange(1, m + 1) - m - 1
    spread = ordered @ weights / (m * (m - 1 if fair else m))
    return np.asarray(np.abs(draws - observed[:, None]).mean(axis=1) - spread)


def pit(draws: Array, observed: Array) -> Array:
    """Probability integral transform of each case, shape (case,)."""
    return np.asarray((draws < observed[:, None]).mean(axis=1))


@dataclass(frozen=True, slots=True)
class Cases:
    """What is kept of the prediction of each case: enough for every score, whatever the cases are grouped by.

    Attributes
    ----------
    observed : ndarray, shape (case,)
        Log of what was measured.
    quantiles : ndarray, shape (case, 5)
        Predictive quantiles of the log figure at :data:`LEVELS`.
    crps, pit : ndarray, shape (case,)
    """

    observed: Array
    quantiles: Array
    crps: Array
    pit: Array

    def take(self, index: NDArray[Any]) -> Cases:
        """The cases at ``index`` (integers or a mask)."""
        return Cases(self.observed[index], self.quantiles[index], self.crps[index], self.pit[index])


#: Levels of the predictive quantiles that the scores need.
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def cases(log_draws: Array, log_observed: Array, *, fair: bool = True) -> Cases:
    """Reduce predictive draws of log figures to what the scores need.

    Parameters
    ----------
    log_draws : ndarray, shape (case, draw)
    log_observed : ndarray, shape (case,)
    fair : bool
        See :func:`crps`.

    Returns
    -------
    Cases
    """
    x, y = log_draws.astype(float), log_observed.astype(float)
    quantiles = np.quantile(x, LEVELS, axis=1, method="hazen").T
    return Cases(y, quantiles, crps(x, y, fair=fair), pit(x, y))


def summarise(c: Cases) -> Scores:
    """Scores of a set of cases; NaN, and ``n`` of 0, if there are none."""
    if not len(c.observed):
        nan = float("nan")
        return Scores(0, nan, nan, nan, nan, nan, nan, nan)
    y = c.observed
    q05, q25, q50, q75, q95 = c.quantiles.T
    error = np.abs(np.expm1(q50 - y))
    return Scores(
        n=len(y),
        medape=float(np.median(error)),
        mape=float(error.mean()),
        crps=float(c.crps.mean()),
        coverage50=float(((y >= q25) & (y <= q75)).mean()),
        coverage90=float(((y >= q05) & (y <= q95)).mean()),
        width90=float((q95 - q05).mean()),
        bias=float(np.median(y - q50)),
    )


def score(draws: Array, observed: Array) -> Scores:
    """Score predictive draws of positive figures.

    Parameters
    ----------
    draws : ndarray, shape (case, draw)
        Predictive draws, natural units.
    observed : ndarray, shape (case,)

    Returns
    -------
    Scores
    """
    return summarise(cases(np.log(draws.astype(float)), np.log(observed.astype(float))))
