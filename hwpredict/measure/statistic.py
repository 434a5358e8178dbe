"""How well a median is known: a distribution-free interval, for samples that need not be independent.

For independent samples the interval between two order statistics covers the median with a probability that the
binomial distribution gives exactly (Le Boudec, *Performance Evaluation of Computer and Communication Systems*, 2010,
theorem 2.1). Successive latencies are correlated (clock, caches, neighbours), so the number of samples is first reduced
to its effective size by the autocorrelation at lag one (a first-order process: n (1 - r) / (1 + r)).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, floor, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Probability with which the interval covers the median.
CONFIDENCE = 0.95
#: Samples below which no interval reaches that confidence: 2 · 0.5^n ≤ 0.05.
FEWEST = 6
#: Percentiles that are kept of each measurement.
PERCENTILES = (5, 25, 50, 75, 90, 95, 99)
#: Above this many samples the binomial is replaced by its normal limit.
_EXACT = 70
#: 97.5 % quantile of the standard normal.
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Median:
    """A median and how well it is known.

    Attributes
    ----------
    value : float
    low, high : float
        Ends of the interval; infinite apart (0 and infinity) below :data:`FEWEST` effective samples.
    effective : float
        Effective number of samples.
    """

    value: float
    low: float
    high: float
    effective: float

    @property
    def relative(self) -> float:
        """Half the width of the interval relative to the median."""
        return (self.high - self.low) / (2 * self.value)


def effective_size(samples: ArrayLike) -> float:
    """Number of independent samples that say as much as these.

    Parameters
    ----------
    samples : array_like, shape (n,)
        In the order in which they were taken.

    Returns
    -------
    float
        Between 1 and n; the correlation is that of the ranks, which one long pause does not decide.
    """
    x = np.asarray(samples, dtype=float)
    n = len(x)
    if n < 3 or np.ptp(x) == 0:
        return float(n)
    ranks = np.argsort(np.argsort(x)).astype(float)
    centred = ranks - ranks.mean()
    r = float((centred[1:] * centred[:-1]).sum() / (centred**2).sum())
    r = min(max(r, 0.0), 1 - 2 / n)
    return max(1.0, n * (1 - r) / (1 + r))


def _rank(n: int) -> int:
    """Largest k (from 1) such that the interval from the k-th smallest to the k-th largest of n is wide enough."""
    if n > _EXACT:
        return max(1, floor((n - _Z * sqrt(n)) / 2))
    tail, k = 0.5**n, 0
    while tail <= (1 - CONFIDENCE) / 2:
        k += 1
        tail += comb(n, k) * 0.5**n
    return k


def median(samples: ArrayLike) -> Median:
    """Median of latencies with its interval.

    Parameters
    ----------
    samples : array_like, shape (n,)
        Positive, in the order in which they were taken.

    Returns
    -------
    Median
        The interval covers the true median with a probability of :data:`CONFIDENCE` or more.
    """
    x = np.sort(np.asarray(samples, dtype=float))
    effective = effective_size(samples)
    k = _rank(int(effective))
    value = float(np.median(x))
    if k < 1:
        return Median(value, 0.0, float("inf"), effective)
    # the k-th of the effective sample, in the full one: the same share of the values lies below it
    share = (k - 1) / (int(effective) - 1)
    low, high = np.quantile(x, [share, 1 - share], method="inverted_cdf")
    return Median(value, float(low), float(high), effective)


def percentiles(samples: ArrayLike) -> dict[str, float]:
    """Percentiles, mean and extremes of latencies, under the names of the columns they are kept in."""
    x: NDArray[np.float64] = np.asarray(samples, dtype=float)
    values = np.percentile(x, PERCENTILES)
    named = {f"latency_p{p}_ms": float(v) for p, v in zip(PERCENTILES, values, strict=True)}
    return named | {"latency_mean_ms": float(x.mean()), "latency_max_ms": float(x.max())}
