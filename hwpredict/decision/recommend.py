"""Ranking of options by expected utility, with how sure we are that the order is right.

Everything is read off joint draws: in every draw each option has a throughput, a latency and a peak memory, hence a
utility, and one of them is best. Probabilities of being best, regrets and the odds of pairs are averages over draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.config import OOM_SLOWDOWN
from hwpredict.decision.constraints import FITS, Constraint, Feasibility, evaluate
from hwpredict.decision.outcomes import Candidate, Outcomes
from hwpredict.decision.risk import Neutral, Risk, standard_error
from hwpredict.decision.utility import Utility
from hwpredict.errors import IncompatibleError, InfeasibleError, InvalidWorkloadError
from hwpredict.performance.cells import probability_of_fitting

Array = NDArray[np.float64]

#: Two options are told apart when one beats the other in at least this share of the draws.
SEPARABLE = 0.75
PROBABILITY = 0.9
#: Fallback options that hedge.
FALLBACKS = 2

BOTTLENECKS = {
    "compute": "arithmetic",
    "activation": "memory traffic of activations",
    "weights": "memory traffic of weights",
    "kv": "memory traffic of the KV cache",
    "overhead": "fixed overhead of launches and runtime",
    "comm": "communication between devices",
    "bubble": "the pipeline bubble",
}


@dataclass(frozen=True, slots=True)
class Interval:
    """Median and central interval of a metric."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the ranking.

    Attributes
    ----------
    name : str
    expected_utility, monte_carlo_error : float
        Certainty equivalent under the attitude to risk (the mean, if neutral), with its standard error.
    p_best : float
        Probability of having the highest utility of all feasible options.
    expected_regret : float
        Utility lost on average by choosing it instead of what turns out best.
    p_feasible : float
        Probability that all constraints hold together.
    p_fits : float
        Probability that memory suffices; NaN where the device's memory is unknown.
    throughput, latency, memory : Interval
        Item/s, ms, MB; 90 %.
    evidence : str
    bottleneck : str
        Time part with the largest mean share, and that share.
    group : int
        1 for the options that the data do not tell apart from the first, 2 for those not told apart from the best of
        the rest, and so on; 0 for an infeasible option.
    candidate : Candidate
    failures : tuple of str
        Constraints that it does not meet.
    """

    name: str
    expected_utility: float
    monte_carlo_error: float
    p_best: float
    expected_regret: float
    p_feasible: float
    p_fits: float
    throughput: Interval
    latency: Interval
    memory: Interval
    evidence: str
    bottleneck: str
    group: int
    candidate: Candidate
    failures: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Flat dictionary; intervals as ``metric``, ``metric_low``, ``metric_high``."""
        out: dict[str, Any] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, Interval):
                out |= {name: value.median, f"{name}_low": value.low, f"{name}_high": value.high}
            elif name not in ("candidate", "failures"):
                out[name] = value
        for kind, s in self.candidate.intervals.items():
            out |= {f"share_{kind}": s.mean, f"share_{kind}_low": s.low, f"share_{kind}_high": s.high}
        c = self.candidate
        out |= {"batch_size": c.batch_size, "precision": c.precision, "n_devices": c.n_devices}
        out["price_per_hour"] = c.price.usd_per_hour * c.n_devices if c.price is not None else None
        return out | dict(c.details) | ({"fails": "; ".join(self.failures)} if self.failures else {})


@dataclass(frozen=True)
class Ranking:
    """Options from best to worst.

    Attributes
    ----------
    options : list of Option
        Feasible ones, best first.
    infeasible : list of Option
        Those that run but do not meet a constraint, most feasible first.
    incompatible : dict of str to str
        Options that cannot run, with the reason.
    inseparable : list of str
        Options that the data do not tell apart from the first (it included).
    fallbacks : list of str
        Options that hedge the first best: see :func:`hedges`.
    beats : ndarray, shape (option, option)
        Probability that the row's option has a higher utility than the column's; ties count half.
    utility : Utility
    risk : Risk
    constraints : tuple of Constraint
    outcomes : Outcomes
        Of the feasible options, in their order.
    value : ndarray, shape (option, draw)
        Their utilities.
    slowdown : float
        How many times slower a draw counted that ran out of memory.
    """

    options: list[Option]
    infeasible: list[Option]
    incompatible: dict[str, str]
    inseparable: list[str]
    fallbacks: list[str]
    beats: Array
    utility: Utility
    risk: Risk
    constraints: tuple[Constraint, ...]
    outcomes: Outcomes
    value: Array
    slowdown: float = OOM_SLOWDOWN
    notes: list[str] = field(default_factory=list)

    @property
    def explanation(self) -> str:
        """Why the first option comes first, and what would change that, in plain words."""
        from hwpredict.decision.explain import explain  # it reads rankings

        return explain(self)

    @property
    def evpi(self) -> float:
        """Expected value of perfect information: the expected regret of the first option, in units of utility."""
        return self.options[0].expected_regret


def rank(
    outcomes: Outcomes,
    utility: Utility,
    *,
    risk: Risk | None = None,
    constraints: Sequence[Constraint] = (FITS,),
    slowdown: float = OOM_SLOWDOWN,
) -> Ranking:
    """Rank options by expected utility.

    Parameters
    ----------
    outcomes : Outcomes
        Draws are joint over options.
    utility : Utility
    risk : Risk, optional
        Neutral by default.
    constraints : sequence of Constraint
    slowdown : float
        How many times slower a draw counts that does not fit into memory.

    Returns
    -------
    Ranking

    Raises
    ------
    IncompatibleError
        No option can run the workload.
    InfeasibleError
        None meets the constraints.
    MissingFigureError
        The utility or a constraint needs a price or power that nobody states.
    """
    attitude = risk or Neutral()
    if not outcomes.names:
        raise IncompatibleError("no option can run this: " + "; ".join(dict.fromkeys(outcomes.blocked.values())))
    met = evaluate(constraints, outcomes)
    value = _utility(utility, outcomes.priced(slowdown))
    equivalent, influence = attitude.certainty_equivalent(value)
    error = standard_error(influence, outcomes.cluster)
    feasible = np.flatnonzero(met.feasible)
    order = feasible[np.argsort(-equivalent[feasible], kind="stable")]
    rest = np.flatnonzero(~met.feasible)
    rest = rest[np.lexsort((-equivalent[rest], _excess(outcomes)[rest], -met.joint[rest]))]
    best = value[order].max(axis=0) if len(order) else np.full(value.shape[1], np.nan)
    ties = (value[order] == best).sum(axis=0) if len(order) else np.ones(value.shape[1])
    beats = _beats(value[order])
    groups = _groups(beats)
    options = [
        _option(
            outcomes, i, met, equivalent[i], error[i],
            float(((value[i] == best) / ties).mean()), float((best - value[i]).mean()), groups[k],
        )
        for k, i in enumerate(order.tolist())
    ]  # fmt: skip
    infeasible = [_option(outcomes, i, met, equivalent[i], error[i], 0.0, float("nan"), 0) for i in rest.tolist()]
    if not options:
        raise _infeasible(infeasible, constraints)
    return Ranking(
        options=options,
        infeasible=infeasible,
        incompatible=outcomes.blocked,
        inseparable=[o.name for o in options if o.group == 1],
        fallbacks=[outcomes.names[order[j]] for j in hedges(value[order], FALLBACKS)],
        beats=beats,
        utility=utility,
        risk=attitude,
        constraints=tuple(constraints),
        outcomes=outcomes.take(order),
        value=value[order],
        slowdown=slowdown,
    )


def _utility(utility: Utility, outcomes: Outcomes) -> Array:
    """Utility of every option in every draw.

    Raises
    ------
    InvalidWorkloadError
        The utility gives something of another shape, or a NaN.
    """
    with np.errstate(all="ignore"):
        given = np.asarray(utility(outcomes), dtype=float)
    try:
        value = np.broadcast_to(given, outcomes.shape)
    except ValueError:
        raise InvalidWorkloadError(
            f"the utility {utility.name!r} gives shape {given.shape}; it must keep (option, draw) = {outcomes.shape}"
        ) from None
    if not np.isfinite(value).all():
        raise InvalidWorkloadError(f"the utility {utility.name!r} is not a finite number in every draw: mend it")
    return np.array(value)


def _beats(value: Array) -> Array:
    """Probability that each row beats each column; ties count half."""
    n = len(value)
    out = np.full((n, n), 0.5)
    for i in range(n):
        out[i] = (value[i] > value).mean(axis=1) + 0.5 * (value[i] == value).mean(axis=1)
    return out


def _groups(beats: Array) -> list[int]:
    """Number of the group of each option, which come best first: a group is what its first does not clearly beat."""
    out, group, head = [], 0, -1
    for i in range(len(beats)):
        if head < 0 or beats[head, i] >= SEPARABLE:
            group, head = group + 1, i
        out.append(group)
    return out


def hedges(value: Array, count: int) -> list[int]:
    """Options that insure the first best.

    Parameters
    ----------
    value : ndarray, shape (option, draw)
        Utilities, best option first.
    count : int

    Returns
    -------
    list of int
        Greedily the option that adds most to the expected maximum of those already chosen: the one that is good where
        they disappoint, which need not be the next in rank. Where nothing adds more than its Monte Carlo error, the
        next in rank.
    """
    chosen, out = value[0].copy(), [0]
    while len(out) <= count and len(out) < len(value):
        left = [j for j in range(len(value)) if j not in out]
        gain = np.maximum(value[left] - chosen, 0.0)
        mean, error = gain.mean(axis=1), gain.std(axis=1) / np.sqrt(value.shape[1])
        top = int(mean.argmax())
        pick = left[top] if mean[top] > 2 * error[top] else left[0]
        out.append(pick)
        chosen = np.maximum(chosen, value[pick])
    return out[1:]


def _option(
    outcomes: Outcomes,
    i: int,
    met: Feasibility,
    equivalent: float,
    error: float,
    p_best: float,
    regret: float,
    group: int,
) -> Option:
    candidate = outcomes.candidates[i]
    room = np.broadcast_to(outcomes["capacity"], outcomes.shape)[i]
    top = max(candidate.shares, key=lambda part: candidate.shares[part], default="")
    return Option(
        name=candidate.name,
        expected_utility=float(equivalent),
        monte_carlo_error=float(error),
        p_best=p_best,
        expected_regret=regret,
        p_feasible=float(met.joint[i]),
        p_fits=probability_of_fitting(outcomes["memory"][i], room),
        throughput=interval(outcomes["throughput"][i]),
        latency=interval(outcomes["latency"][i]),
        memory=interval(outcomes["memory"][i]),
        evidence=candidate.evidence,
        bottleneck=f"{BOTTLENECKS[top]} ({candidate.shares[top]:.0%} of the step)" if top else "",
        group=group,
        candidate=candidate,
        failures=tuple(met.failures(i)),
    )


def _excess(outcomes: Outcomes) -> Array:
    """How many times its device's memory each option takes, in the median; 1 where it fits, or nothing is known."""
    # a draw whose capacity nobody states takes nothing over it
    times = np.median(np.nan_to_num(outcomes["memory"] / outcomes["capacity"]), axis=1)
    return np.fmax(times, 1.0)


def _infeasible(options: list[Option], constraints: Sequence[Constraint]) -> InfeasibleError:
    nearest = options[0]
    wanted = "; ".join(str(c) for c in constraints)
    return InfeasibleError(
        f"no option meets the constraints ({wanted}): nearest is {nearest.name}, which meets all of them together with "
        f"probability {nearest.p_feasible:.2g} and misses {'; '.join(nearest.failures)}. Relax one, or name other "
        "hardware",
        [o.as_dict() for o in options],
    )


def interval(draws: Array, probability: float = PROBABILITY) -> Interval:
    """Median and central interval of draws, shape (draw,)."""
    tail = (1 - probability) / 2
    low, median, high = np.quantile(draws, [tail, 0.5, 1 - tail])
    return Interval(float(median), float(low), float(high))
