"""Leave-one-out log densities of measurements that a posterior has seen, by importance sampling."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hwpredict.evaluate.reliability import COLUMNS
from hwpredict.performance import plain, rows as r
from hwpredict.performance.parts import NOISE_DF
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import PLAIN_ROWS
from hwpredict.performance.prepare import prepare

Array = NDArray[np.float64]


def leave_one_out(posterior: Posterior, rows: r.Table, metric: str, *, seed: int = 0) -> tuple[Array, Array]:
    """Log density of each figure under the posterior that has seen all but this figure.

    Pareto-smoothed importance sampling (Vehtari, Gelman & Gabry 2017, doi:10.1007/s11222-016-9696-4) over the
    posterior's draws: each is weighted by one over the likelihood of the figure. Recalibration does not enter.

    Parameters
    ----------
    posterior : Posterior
    rows : dict of str to ndarray
        With the figures.
    metric : {"throughput", "latency", "memory"}
    seed : int

    Returns
    -------
    density : ndarray, shape (row,)
        Nats, of the log of the figure.
    k : ndarray, shape (row,)
        Shape of the Pareto tail of the weights. Above :func:`largest_k` the density is not to be trusted: so much
        hangs on this figure that it takes a fit without it.
    """
    from arviz_stats.base import array_stats  # type: ignore[attr-defined]  # arviz_stats fills it in when imported
    from scipy.special import logsumexp

    likelihood = log_likelihood(posterior, rows, metric, seed=seed)
    # weights that sum to one
    weight, k = array_stats.psislw(likelihood, axis=-1)  # type: ignore[no-untyped-call]  # arviz_stats is not
    return np.asarray(logsumexp(weight + likelihood, axis=1)), np.asarray(k, float)


def largest_k(draws: int) -> float:
    """Largest tail shape at which so many draws suffice (Vehtari et al. 2024, JMLR 25(72))."""
    return min(1 - 1 / math.log10(draws), 0.7)


def log_likelihood(posterior: Posterior, rows: r.Table, metric: str, *, seed: int = 0) -> Array:
    """Log likelihood of the log of each figure in each draw of the posterior.

    Returns
    -------
    ndarray, shape (row, draw)
    """
    from scipy.stats import t

    draws = len(posterior.scale)
    out = np.empty((r.length(rows), draws))
    for start in range(0, len(out), PLAIN_ROWS):
        s = slice(start, start + PLAIN_ROWS)
        p = prepare(
            posterior, r.take(rows, np.arange(len(out))[s]), draws=draws, seed=seed, calibrated=False, point=None
        )
        at = plain.locations(p, posterior.layout, draws)
        location = getattr(at, metric).astype(float)
        scale = (at.memory_noise if metric == "memory" else at.time_noise).astype(float)
        observed = np.log(rows[COLUMNS[metric]][s])[:, None]
        out[s] = t.logpdf((observed - location) / scale, NOISE_DF) - np.log(scale)
    return out
