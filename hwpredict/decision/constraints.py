"""Chance constraints: what must hold, and with what probability.

Written as people say them::

    latency <= 20 ms with probability 0.95
    memory fits with probability 0.99
    price <= 3 usd/h
    cost per million <= 0.5 usd
    P(throughput >= 1000 /s) >= 80 %
    precision in fp16, bf16
    platform in cuda, rocm
    available in cloud

Each is evaluated draw by draw on joint draws, so that the probability that all of them hold together is a figure too.
Without "with probability", :data:`DEFAULT_PROBABILITY` counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog import devices
from hwpredict.catalog.economics import list_prices
from hwpredict.decision.outcomes import Candidate, Outcomes
from hwpredict.errors import InvalidWorkloadError, unknown
from hwpredict.workload import PRECISIONS, Platform, choice

Array = NDArray[np.float64]

#: Probability of a constraint that states none.
DEFAULT_PROBABILITY = 0.9
#: An option that more likely than not runs out of memory is no option, unless a constraint on fitting says otherwise.
DEFAULT_FIT = 0.5

_NUMBER = r"[-+]?(?:\d[\d,_]*\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_CONDITION = re.compile(rf"^(?P<what>[a-z0-9_ $/]+?)\s*(?P<op><=|>=|<|>)\s*(?P<value>{_NUMBER})\s*(?P<unit>.*)$")
_PROBABILITY = re.compile(
    r"^(?P<what>.*?)[,\s]+with\s+(?:a\s+)?(?:probability|prob\.?|p)\s*(?:of\s+|>=|=|at least\s+)*"
    rf"(?P<p>{_NUMBER})\s*(?P<pc>%?)$"
)
_P_OF = re.compile(rf"^p\s*\((?P<what>.*)\)\s*(?:>=|>)\s*(?P<p>{_NUMBER})\s*(?P<pc>%?)$")
_CHOICE = re.compile(r"^(?P<what>precision|platform|device|vendor)\s*(?:==|=|:|\bin\b|\bis\b)\s*(?P<values>.+)$")

#: Quantity by what people call it, and factors of its units (to the unit of ``QUANTITIES``).
_ALIASES: Mapping[str, str] = {
    "latency": "latency",
    "time": "latency",
    "throughput": "throughput",
    "speed": "throughput",
    "memory": "memory",
    "price": "price",
    "budget": "price",
    "cost": "price",
    "cost per hour": "price",
    "usd per hour": "price",
    "cost per million": "cost_per_million",
    "cost per million items": "cost_per_million",
    "power": "power",
    "energy": "energy_per_item",
    "energy per item": "energy_per_item",
    "carbon per million": "grams_per_million",
    "grams per million": "grams_per_million",
    "batch size": "batch_size",
    "devices": "n_devices",
}
_HOUR = {"usd/h": 1.0, "$/h": 1.0, "usd/hour": 1.0, "$/hour": 1.0, "usd": 1.0, "$": 1.0, "usdperhour": 1.0}
_UNITS: Mapping[str, Mapping[str, float]] = {
    "latency": {"ms": 1.0, "s": 1e3, "us": 1e-3, "µs": 1e-3, "min": 6e4},
    "throughput": {"/s": 1.0, "persecond": 1.0, "items/s": 1.0, "it/s": 1.0, "/min": 1 / 60, "/h": 1 / 3600}
    | dict.fromkeys(("images/s", "img/s", "tokens/s", "tok/s", "sequences/s", "samples/s"), 1.0),
    "memory": {"mb": 1.0, "gb": 1e3, "mib": 1.048576, "gib": 1073.741824},
    "price": _HOUR | {"usd/month": 1 / 730, "$/month": 1 / 730, "usd/day": 1 / 24, "$/day": 1 / 24},
    "cost_per_million": {"usd": 1.0, "$": 1.0},
    "power": {"w": 1.0, "kw": 1e3},
    "energy_per_item": {"j": 1.0, "mj": 1e-3, "kj": 1e3, "wh": 3600.0},
    "grams_per_million": {"g": 1.0, "kg": 1e3},
    "batch_size": {},
    "n_devices": {},
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """One thing that must hold.

    Attributes
    ----------
    text : str
        How it reads.
    holds : callable
        From outcomes to 1 or 0, broadcastable to (option, draw).
    probability : float
        With what probability it must hold.
    """

    text: str
    holds: Callable[[Outcomes], Any]
    probability: float = DEFAULT_PROBABILITY

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise InvalidWorkloadError(f"the probability of {self.text!r} is {self.probability}: give one in (0, 1]")

    def __call__(self, outcomes: Outcomes) -> NDArray[np.bool_]:
        """Whether it holds, shape (option, draw)."""
        return np.broadcast_to(np.asarray(self.holds(outcomes), dtype=bool), outcomes.shape)

    def __str__(self) -> str:
        return self.text if self.probability == 1 else f"{self.text} with probability {self.probability:g}"


#: Peak memory stays within the device's.
FITS = Constraint("memory fits", lambda o: o["fits"], DEFAULT_FIT)


def parse(text: str | Constraint) -> Constraint:
    """A constraint from what a user writes.

    Raises
    ------
    InvalidWorkloadError
        It cannot be read; the message shows the forms.
    UnknownNameError
        A quantity, unit, precision or platform that does not exist.
    """
    if isinstance(text, Constraint):
        return text
    # "<=" may come as "≤", and from a shell-shy user as "=<"
    plain = " ".join(str(text).replace("≤", "<=").replace("≥", ">=").replace("=<", "<=").split()).casefold()
    what, probability = _split(plain)
    if re.fullmatch(r"(it |memory |the model )*fits?( in(to)? memory)?", what) or what in (
        "no oom",
        "no out of memory",
    ):
        return replace(FITS, probability=DEFAULT_PROBABILITY if probability is None else probability)
    constraint = _available(what) or _choice(what) or _comparison(what)
    if constraint is None:
        raise InvalidWorkloadError(
            f"cannot read the constraint {str(text)!r}: write e.g. 'latency <= 20 ms with probability 0.95', "
            "'memory fits with probability 0.99', 'price <= 3 usd/h', 'precision in fp16, bf16' or 'available in cloud'"
        )
    return constraint if probability is None else replace(constraint, probability=probability)


def parse_all(texts: str | Constraint | Sequence[str | Constraint] | None) -> tuple[Constraint, ...]:
    """Several constraints; fitting into memory is added unless one of them speaks of it."""
    given = () if texts is None else (texts,) if isinstance(texts, (str, Constraint)) else tuple(texts)
    out = tuple(parse(t) for t in given)
    return out if any(c.text == FITS.text for c in out) else (*out, FITS)


def _split(text: str) -> tuple[str, float | None]:
    """A condition and its probability."""
    found = _P_OF.match(text) or _PROBABILITY.match(text)
    if found is None:
        return text, None
    p = _number(found["p"]) / (100 if found["pc"] else 1)
    if not 0 < p <= 1:
        raise InvalidWorkloadError(f"the probability in {text!r} is {p:g}: give one in (0, 1], or up to 100 %")
    return found["what"].strip(), p


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("_", ""))


def _comparison(text: str) -> Constraint | None:
    found = _CONDITION.match(text)
    if found is None:
        return None
    name = found["what"].strip().replace("_", " ")
    if name not in _ALIASES:
        raise unknown("quantity", name, _ALIASES)
    quantity = _ALIASES[name]
    unit = found["unit"].replace(" ", "").rstrip(".")
    factors = _UNITS[quantity]
    if unit and unit not in factors:
        raise unknown(f"unit of {name}", unit, factors)
    bound = _number(found["value"]) * factors.get(unit, 1.0)
    op = found["op"]
    if not np.isfinite(bound):
        raise InvalidWorkloadError(f"the bound in {text!r} is not a finite number")

    def holds(o: Outcomes) -> Any:
        value = o[quantity]
        return {"<=": value <= bound, "<": value < bound, ">=": value >= bound, ">": value > bound}[op]

    return Constraint(text, holds)


def _choice(text: str) -> Constraint | None:
    found = _CHOICE.match(text)
    if found is None:
        return None
    what = found["what"]
    given = [v.strip(" '\"") for v in re.split(r"[,|{}()\[\]]|\bor\b", found["values"]) if v.strip(" '\"")]
    if not given:
        raise InvalidWorkloadError(f"the constraint {text!r} names no {what}")
    if what == "precision":
        values = [choice("precision", v, PRECISIONS) for v in given]
    elif what == "platform":
        values = [choice("platform", v, Platform) for v in given]
    else:
        values = [devices.find(v).name for v in given] if what == "device" else given
    allowed = frozenset(v.casefold() for v in values)

    def of(c: Candidate) -> str:
        if what == "vendor":
            known = devices.match(c.device, c.platform) if c.device else None
            return known.vendor if known is not None else ""
        return str(getattr(c, what))

    return Constraint(text, lambda o: _column(o, lambda c: of(c).casefold() in allowed), 1.0)


def _available(text: str) -> Constraint | None:
    found = re.fullmatch(r"available(?: (?:in|on|from|at) (?:the )?(?P<where>cloud|.+)| to (?P<own>own|buy))?", text)
    if found is None:
        return None
    where = (found["where"] or "").strip()
    if where and where != "cloud":
        providers = {p.source.split()[0].casefold() for prices in list_prices().values() for p in prices}
        if where.split()[0] not in providers:
            raise unknown("cloud", where, providers)

    def rentable(c: Candidate) -> bool:
        listed = list_prices().get(c.device, ())
        return any(where in ("", "cloud") or p.source.casefold().startswith(where) for p in listed)

    def buyable(c: Candidate) -> bool:
        known = devices.match(c.device, c.platform) if c.device else None
        return known is not None and bool(known.price_usd)

    def holds(c: Candidate) -> bool:
        if found["own"]:
            return buyable(c)
        return rentable(c) if where else rentable(c) or buyable(c)

    return Constraint(text, lambda o: _column(o, holds), 1.0)


def _column(outcomes: Outcomes, test: Callable[[Candidate], bool]) -> Array:
    return np.array([float(test(c)) for c in outcomes.candidates])[:, None]


@dataclass(frozen=True)
class Feasibility:
    """How well options meet constraints.

    Attributes
    ----------
    constraints : tuple of Constraint
    probability : ndarray, shape (option, constraint)
        Probability that each holds.
    joint : ndarray, shape (option,)
        Probability that all hold in the same draw.
    feasible : ndarray of bool, shape (option,)
        Whether every constraint holds with its probability.
    """

    constraints: tuple[Constraint, ...]
    probability: Array
    joint: Array
    feasible: NDArray[np.bool_]

    def failures(self, option: int) -> list[str]:
        """Constraints that an option does not meet, with the probability that it reaches."""
        return [
            f"{c} (reaches {_short_of(p, c.probability)})"
            for c, p in zip(self.constraints, self.probability[option], strict=True)
            if p < c.probability
        ]


def _short_of(reached: float, required: float) -> str:
    """A probability in as few digits as show that it is less than what is required: .897 is not ".9"."""
    short = (f"{reached:.{digits}g}" for digits in range(2, 6))
    return next((text for text in short if float(text) < required), f"{reached:g}")


def evaluate(constraints: Sequence[Constraint], outcomes: Outcomes) -> Feasibility:
    """Evaluate constraints draw by draw.

    Parameters
    ----------
    constraints : sequence of Constraint
    outcomes : Outcomes

    Returns
    -------
    Feasibility
    """
    n = len(outcomes.names)
    together = np.ones(outcomes.shape, dtype=bool)
    each = np.empty((n, len(constraints)))
    for k, constraint in enumerate(constraints):
        holds = constraint(outcomes)
        each[:, k] = holds.mean(axis=1)
        together &= holds
    required = np.array([c.probability for c in constraints])
    # a probability of 1 means every draw; 0.95 of 400 draws is 380, whatever rounding says
    met = (each >= required - 1e-9).all(axis=1) if len(constraints) else np.ones(n, dtype=bool)
    return Feasibility(tuple(constraints), each, together.mean(axis=1), met)
