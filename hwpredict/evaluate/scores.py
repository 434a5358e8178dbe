"""Scores of predictive draws against what was measured, on the log scale (ratios matter, not differences)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Summary of a set of predictions.

    Attributes
    ----------
    n : int
    medape : float
        Median absolute percentage error of the predictive median, as a fraction.
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
    crps: float
    coverage50: float
    coverage90: float
    width90: float
    bias: float

    def as_dict(self) -> dict[str, float]:
        """The scores by name."""
        return asdict(self)


def crps(draws: Array, observed: Array) -> Array:
    """Continuous ranked probability score of each case from its draws (Gneiting & Raftery 2007, eq. 21).

    Parameters
    ----------
    draws : ndarray, shape (case, draw)
    observed : ndarray, shape (case,)

    Returns
    -------
    ndarray, shape (case,)
        ``E|X - y| - E|X - X'| / 2``, the second expectation over all pairs (fair estimator).
    """
    m = draws.shape[1]
    ordered = np.sort(draws, axis=1)
    weights = 2 * np.arange(1, m + 1) - m - 1
    spread = ordered @ weights / (m * (m - 1))
    return np.asarray(np.abs(draws - observed[:, None]).mean(axis=1) - spread)


def pit(draws: Array, observed: Array) -> Array:
    """Probability integral transform of each case, shape (case,)."""
    return np.asarray((draws < observed[:, None]).mean(axis=1))


def score(draws: Array, observed: Array) -> Scores:
    """Score positive figures.

    Parameters
    ----------
    draws : ndarray, shape (case, draw)
        Predictive draws, natural units.
    observed : ndarray, shape (case,)

    Returns
    -------
    Scores
    """
    x, y = np.log(draws.astype(float)), np.log(observed.astype(float))
    q05, q25, q50, q75, q95 = np.quantile(x, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1)
    return Scores(
        n=len(y),
        medape=float(np.median(np.abs(np.expm1(q50 - y)))),
        crps=float(crps(x, y).mean()),
        coverage50=float(((y >= q25) & (y <= q75)).mean()),
        coverage90=float(((y >= q05) & (y <= q95)).mean()),
        width90=float((q95 - q05).mean()),
        bias=float(np.median(y - q50)),
    )
