"""Ranking of options by expected utility, with how sure we are that the order is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.decision.utility import Utility
from hwpredict.errors import IncompatibleError
from hwpredict.performance.cells import Cells
from hwpredict.performance.parts import TIME_PARTS

Array = NDArray[np.float64]

#: Two options are told apart when one beats the other in at least this share of the draws.
SEPARABLE = 0.75
PROBABILITY = 0.9


@dataclass(frozen=True, slots=True)
class Interval:
    """Median and central interval of a metric."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Option:
    """One feasible target in the ranking.

    Attributes
    ----------
    name : str
    expected_utility, monte_carlo_error : float
    p_best : float
        Probability of having the highest utility of all options.
    expected_regret : float
        Utility lost on average by choosing it instead of what turns out best.
    p_fits : float
        Probability that memory suffices; NaN where the device's memory is unknown.
    throughput, latency, memory : Interval
        Item/s, ms, MB; 90 %.
    evidence : str
    bottleneck : str
        Time part with the largest mean share, and that share.
    """

    name: str
    expected_utility: float
    monte_carlo_error: float
    p_best: float
    expected_regret: float
    p_fits: float
    throughput: Interval
    latency: Interval
    memory: Interval
    evidence: str
    bottleneck: str

    def as_dict(self) -> dict[str, Any]:
        """Flat dictionary; intervals as ``metric``, ``metric_low``, ``metric_high``."""
        out: dict[str, Any] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, Interval):
                out |= {name: value.median, f"{name}_low": value.low, f"{name}_high": value.high}
            else:
                out[name] = value
        return out


@dataclass(frozen=True)
class Ranking:
    """Options from best to worst.

    Attributes
    ----------
    options : list of Option
    incompatible : dict of str to str
        Options that cannot run, with the reason.
    inseparable : list of str
        Options that the data do not tell apart from the first (it included).
    beats : ndarray, shape (option, option)
        Probability that the row's option has a higher utility than the column's.
    utility : Utility
    """

    options: list[Option]
    incompatible: dict[str, str]
    inseparable: list[str]
    beats: Array
    utility: Utility

    @property
    def explanation(self) -> str:
        """Why the first option comes first, in plain words."""
        best = self.options[0]
        text = (
            f"{best.name}: {best.throughput.median:,.4g} items/s (90 % interval {best.throughput.low:,.3g} to "
            f"{best.throughput.high:,.3g}), {best.latency.median:,.3g} ms, {best.memory.median:,.0f} MB; "
            f"best of {len(self.options)} with probability {best.p_best:.0%} by {self.utility.name}. "
            f"Mostly {best.bottleneck}. Evidence: {best.evidence}."
        )
        if len(self.inseparable) > 1:
            text += f" Not separable with this data: {', '.join(self.inseparable)}."
        if not np.isnan(best.p_fits) and best.p_fits < 0.95:
            text += f" It fits into memory with probability {best.p_fits:.0%} only."
        return text


def rank(names: list[str], cells: Cells, utility: Utility) -> Ranking:
    """Rank options by expected utility.

    Parameters
    ----------
    names : list of str, length option
    cells : Cells
        One cell per option; draws are joint over options.
    utility : Utility

    Returns
    -------
    Ranking

    Raises
    ------
    IncompatibleError
        No option can run the workload.
    """
    blocked = {n: reason for n, reason in zip(names, cells.reasons, strict=True) if reason is not None}
    feasible = [i for i, reason in enumerate(cells.reasons) if reason is None]
    if not feasible:
        raise IncompatibleError("no option can run this: " + "; ".join(blocked.values()))
    p = cells.prediction
    draws = {m: getattr(p, m)[feasible].astype(float) for m in ("throughput", "latency", "memory")}
    draws["capacity"] = cells.capacity[feasible][:, None]
    value = utility(draws)
    best = value.max(axis=0)
    order = np.argsort(-value.mean(axis=1), kind="stable")
    beats = (value[order][:, None, :] > value[order][None, :, :]).mean(axis=2)
    options = []
    for i in order:
        cell = feasible[i]
        shares = p.shares[cell, : len(TIME_PARTS)]
        top = int(shares.argmax())
        options.append(
            Option(
                name=names[cell],
                expected_utility=float(value[i].mean()),
                monte_carlo_error=float(value[i].std() / np.sqrt(value.shape[1])),
                p_best=float((value[i] == best).mean()),
                expected_regret=float((best - value[i]).mean()),
                p_fits=float(cells.fits[cell]),
                throughput=interval(draws["throughput"][i]),
                latency=interval(draws["latency"][i]),
                memory=interval(draws["memory"][i]),
                evidence=p.evidence[cell],
                bottleneck=f"{BOTTLENECKS[TIME_PARTS[top]]} ({shares[top]:.0%} of the step)",
            )
        )
    close = [o.name for o, b in zip(options, beats[0], strict=True) if b < SEPARABLE]
    return Ranking(options, blocked, close, beats, utility)


BOTTLENECKS = {
    "compute": "arithmetic",
    "activation": "memory traffic of activations",
    "weights": "memory traffic of weights",
    "kv": "memory traffic of the KV cache",
    "overhead": "fixed overhead of launches and runtime",
    "comm": "communication between devices",
}


def interval(draws: Array, probability: float = PROBABILITY) -> Interval:
    """Median and central interval of draws, shape (draw,)."""
    tail = (1 - probability) / 2
    low, median, high = np.quantile(draws, [tail, 0.5, 1 - tail])
    return Interval(float(median), float(low), float(high))
