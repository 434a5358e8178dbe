"""Scores of decisions against what was measured: regret, calibration of probabilities, success and overspend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Fewest cases in a bin whose deviation counts.
ENOUGH = 100


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases whose stated probability lies in one interval.

    Attributes
    ----------
    low, high : float
    n : int
    stated, observed : float
        Mean stated probability, and share of the cases in which the event came true.
    error : float
        Standard error of ``observed - stated``, where cases of one cluster come true or not together.
    """

    low: float
    high: float
    n: int
    stated: float
    observed: float
    error: float = float("nan")

    @property
    def deviation(self) -> float:
        """Observed minus stated."""
        return self.observed - self.stated


def reliability(stated: Array, happened: Array, bins: int = 10, clusters: NDArray[Any] | None = None) -> list[Bin]:
    """Stated probabilities against observed frequencies.

    Parameters
    ----------
    stated : ndarray, shape (case,)
        Probabilities.
    happened : ndarray of bool, shape (case,)
    bins : int
        Equal intervals of [0, 1].
    clusters : ndarray, shape (case,), optional
        What makes cases depend on each other (the model whose memory is held against eight sizes); each case is one of
        its own by default.

    Returns
    -------
    list of Bin
        Those with any case.
    """
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, stated, side="right") - 1, 0, bins - 1)
    cluster = np.arange(len(stated)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    out = []
    for k in range(bins):
        mine = place == k
        if mine.any():
            out.append(
                Bin(
                    float(edges[k]),
                    float(edges[k + 1]),
                    int(mine.sum()),
                    float(stated[mine].mean()),
                    float(np.mean(happened[mine])),
                    _clustered_error(happened[mine] - stated[mine], cluster[mine]),
                )
            )
    return out


def _clustered_error(deviation: Array, cluster: NDArray[np.int64]) -> float:
    """Standard error of a mean deviation whose cases depend on each other within clusters."""
    centred = deviation - deviation.mean()
    return float(np.sqrt(np.sum(np.bincount(cluster, centred) ** 2)) / len(deviation))


def worst(bins: Sequence[Bin], enough: int = ENOUGH) -> float:
    """Largest deviation of a bin with enough cases; NaN if there is none."""
    return max((abs(b.deviation) for b in bins if b.n >= enough), default=float("nan"))


def realised_regret(utility: Array, chosen: int) -> float:
    """Utility lost by a choice against the best that was measured.

    Parameters
    ----------
    utility : ndarray, shape (option,)
        Of what was measured.
    chosen : int
    """
    return float(np.max(utility) - utility[chosen])


@dataclass(frozen=True, slots=True)
class Purchase:
    """One recommendation of LLM-Pilot's setting, and how it turned out.

    Attributes
    ----------
    expense : float
        Price of what was recommended; NaN if nothing was.
    cheapest : float
        Price of the cheapest that meets the demand in truth.
    met : bool
        Whether what was recommended meets the demand.
    """

    expense: float
    cheapest: float
    met: bool


@dataclass(frozen=True, slots=True)
class SuccessOverspend:
    """Success rate, mean overspend of the successes, and their harmonic score (LLM-Pilot, SC'24, section 5.4).

    Attributes
    ----------
    success, overspend, score : float
    """

    success: float
    overspend: float
    score: float


def success_overspend(purchases: Sequence[Purchase]) -> SuccessOverspend:
    """Score recommendations as LLM-Pilot's authors do.

    ``2 s max(0, 1 - o) / (s + max(0, 1 - o))`` with the share ``s`` of recommendations that meet the demand and their
    mean overspend ``o`` against the cheapest that does.
    """
    success = float(np.mean([p.met for p in purchases])) if purchases else 0.0
    over = [p.expense / p.cheapest - 1 for p in purchases if p.met]
    overspend = float(np.mean(over)) if over else float("nan")
    thrift = max(0.0, 1 - overspend) if over else 0.0
    score = 2 * success * thrift / (success + thrift) if success > 0 and thrift > 0 else 0.0
    return SuccessOverspend(success, overspend, score)


def bootstrap[T](
    cases: Sequence[T], statistic: Callable[[Sequence[T]], float], *, times: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """90 % percentile interval of a statistic over resampled cases."""
    rng = np.random.default_rng(seed)
    values = [statistic([cases[i] for i in rng.integers(0, len(cases), len(cases))]) for _ in range(times)]
    low, high = np.nanquantile(values, [0.05, 0.95])
    return float(low), float(high)


def most_users(latencies: Mapping[str, Array], loads: Array, limits: Mapping[str, float]) -> NDArray[np.int64]:
    """Largest load up to which every latency keeps its limit.

    Parameters
    ----------
    latencies : mapping of str to ndarray, shape (load, ...)
        In the order of the loads.
    loads : ndarray, shape (load,)
        Concurrent users, ascending.
    limits : mapping of str to float

    Returns
    -------
    ndarray of int, shape (...)
        0 where even the smallest load breaks one. As in LLM-Pilot, what lies behind the first violation does not count.
    """
    counts = []
    for name, limit in limits.items():
        held = np.logical_and.accumulate(np.asarray(latencies[name]) <= limit, axis=0)
        counts.append(held.sum(axis=0))
    fewest = np.min(counts, axis=0)
    return np.asarray(np.where(fewest > 0, loads[np.maximum(fewest - 1, 0)], 0), dtype=np.int64)
