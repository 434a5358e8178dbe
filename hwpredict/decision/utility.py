"""Utilities: plain functions of draws, dims kept, that add and multiply.

A utility maps the quantities of an outcome (:data:`hwpredict.decision.outcomes.QUANTITIES`) to how good it is. It
works alike on :class:`hwpredict.decision.outcomes.Outcomes`, on a dict of arrays and on an ``xarray.Dataset``. The
defaults are logarithms: doubling the speed is worth as much on a phone as in a rack, a heavy tail cannot decide alone,
and a difference of 0.1 reads as ten per cent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hwpredict.decision.expression import compile_expression
from hwpredict.errors import InvalidWorkloadError, unknown

type Draws = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Utility:
    """How good an outcome is.

    Attributes
    ----------
    name : str
        What it is called in tables and explanations.
    function : callable
        From a mapping of quantities, each broadcastable to (option, draw), to utility of that shape.
    unit : str
        What a difference of 1 means.

    Examples
    --------
    >>> fast_and_cheap = 0.7 * UTILITIES["throughput"] + 0.3 * UTILITIES["throughput_per_dollar"]
    >>> Utility("squared", lambda q: -(q["latency"] ** 2), "ms²").name
    'squared'
    """

    name: str
    function: Callable[[Draws], Any]
    unit: str = "nats"

    def __call__(self, draws: Draws) -> Any:
        """Utility of each draw."""
        return self.function(draws)

    def __add__(self, other: Utility) -> Utility:
        if not isinstance(other, Utility):
            return NotImplemented
        unit = self.unit if self.unit == other.unit else f"{self.unit} and {other.unit}"
        return Utility(f"{self.name} + {other.name}", lambda q: self(q) + other(q), unit)

    def __mul__(self, factor: object) -> Utility:
        if not isinstance(factor, (int, float)) or not np.isfinite(factor):
            raise InvalidWorkloadError(f"the weight of {self.name} is {factor!r}: give a finite number")
        weight = float(factor)
        return replace(self, name=f"{weight:g} {self.name}", function=lambda q: weight * self(q))

    __rmul__ = __mul__

    def __neg__(self) -> Utility:
        return replace(self, name=f"-({self.name})", function=lambda q: -self(q))

    def __sub__(self, other: Utility) -> Utility:
        return self + (-other)


def _items_per_gram(q: Draws) -> Any:
    # W / 1000 · g/kWh / 3600 s = g/s
    return np.log(q["throughput"]) - np.log(q["power"] * q["carbon_intensity"] / 3.6e6)


UTILITIES: dict[str, Utility] = {
    "throughput": Utility("log throughput", lambda q: np.log(q["throughput"])),
    "latency": Utility("-log latency", lambda q: -np.log(q["latency"])),
    "throughput_per_dollar": Utility(
        "log throughput per dollar", lambda q: np.log(q["throughput"]) - np.log(q["price"] / 3600)
    ),
    "throughput_per_watt": Utility("log throughput per watt", lambda q: np.log(q["throughput"]) - np.log(q["power"])),
    "throughput_per_gram": Utility("log throughput per gram CO2", _items_per_gram),
    "cost": Utility("-cost per million items", lambda q: -q["cost_per_million"], "USD per million items"),
    "linear_throughput": Utility("throughput", lambda q: 1.0 * q["throughput"], "items/s"),
    "memory": Utility("-log memory", lambda q: -np.log(q["memory"])),
}

#: Selection weights of the HARDWARE_SELECTION_GUIDE of ipfs_accelerate_py (2025-03), "selection_criteria". Its weight
#: of ``convergence`` (training, 0.3) has no figure to weigh: hardware does not change what a step learns.
GUIDE_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "inference": {"latency": 0.4, "throughput": 0.3, "memory": 0.2, "compatibility": 0.1},
    "training": {"throughput": 0.4, "convergence": 0.3, "memory": 0.2, "compatibility": 0.1},
}


def guide(mode: str = "inference", weights: Mapping[str, Mapping[str, float]] | None = None) -> Utility:
    """The guide's weighted score on log figures.

    Parameters
    ----------
    mode : {"inference", "training"}
    weights : mapping, optional
        Of the shape of :data:`GUIDE_WEIGHTS`; missing modes keep the guide's.

    Returns
    -------
    Utility
        ``latency``, ``throughput`` and ``memory`` enter as logs, so that weights compare ratios and no figure needs an
        arbitrary unit. ``compatibility`` counts whether the draw fits into memory: what cannot run at all is not
        ranked. Hand-set preferences of platforms (cost, availability, power factors) multiply the score, as there.
    """
    table = {**GUIDE_WEIGHTS, **(weights or {})}
    if mode not in table:
        raise unknown("mode", mode, table)
    known = {"latency": UTILITIES["latency"], "throughput": UTILITIES["throughput"], "memory": UTILITIES["memory"]}
    chosen = dict(table[mode])
    for name in chosen:
        if name not in (*known, "compatibility", "convergence"):
            raise unknown("selection weight", name, (*known, "compatibility", "convergence"))

    def score(q: Draws) -> Any:
        total = chosen.get("compatibility", 0.0) * q["fits"] + np.log(q["preference"])
        for name, utility in known.items():
            total = total + chosen.get(name, 0.0) * utility(q)
        return total

    return Utility(f"the guide's weights for {mode}", score)


def weighted(weights: Mapping[str, float]) -> Utility:
    """Weighted sum of named utilities, e.g. ``{"throughput": 0.7, "throughput_per_dollar": 0.3}``.

    Raises
    ------
    UnknownNameError, InvalidWorkloadError
    """
    if not weights:
        raise InvalidWorkloadError(f"the weighted utility has no terms: name some of {', '.join(UTILITIES)}")
    terms = [w * get_utility(name) for name, w in weights.items()]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def expression(text: str) -> Utility:
    """A utility written as arithmetic on quantities: see :mod:`hwpredict.decision.expression`."""
    evaluate, _ = compile_expression(text)
    return Utility(" ".join(text.split()), evaluate, "units")


def get_utility(spec: str | Utility | Mapping[str, float] | Callable[[Draws], Any], mode: str = "inference") -> Utility:
    """A utility from what a user gives: a name, an expression, weights, a function.

    Parameters
    ----------
    spec : str, mapping, callable or Utility
        A key of :data:`UTILITIES`, ``"guide"``, an expression such as ``"log(throughput) - log(price)"``, a mapping
        from names to weights, or a function of the draws.
    mode : str
        For ``"guide"``.

    Raises
    ------
    UnknownNameError, InvalidWorkloadError
    """
    if isinstance(spec, Utility):
        return spec
    if isinstance(spec, Mapping):
        return weighted(spec)
    if callable(spec):
        return Utility(getattr(spec, "__name__", "given function"), spec, "units")
    text = str(spec).strip()
    key = text.replace("-", "_").replace(" ", "_").casefold()
    if key in UTILITIES:
        return UTILITIES[key]
    if key == "guide":
        return guide(mode)
    if text.isidentifier() or not text:
        raise unknown("utility", spec, (*UTILITIES, "guide"), hint="Or write an expression, e.g. 'throughput / price'.")
    return expression(text)
