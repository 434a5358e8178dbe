"""Attitudes to risk: from the draws of a utility to one figure per option.

Each attitude gives a certainty equivalent, in the unit of the utility: the sure value that is worth as much as the
uncertain one. Its Monte Carlo error comes from the influence function of that functional (Hampel 1974), summed over
draws that share a posterior draw.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import InvalidWorkloadError, unknown

Array = NDArray[np.float64]


class Risk(Protocol):
    """An attitude to risk."""

    @property
    def name(self) -> str:
        """How tables and explanations call it."""
        ...

    def certainty_equivalent(self, utility: Array) -> tuple[Array, Array]:
        """Certainty equivalent, shape (option,), and influence of each draw, shape (option, draw)."""
        ...


@dataclass(frozen=True, slots=True)
class Neutral:
    """Risk neutral: the mean."""

    name: str = "risk neutral"

    def certainty_equivalent(self, utility: Array) -> tuple[Array, Array]:
        """Mean over draws."""
        mean = utility.mean(axis=1)
        return mean, utility - mean[:, None]


@dataclass(frozen=True, slots=True)
class Exponential:
    """Constant absolute risk aversion: ``-log E[exp(-a u)] / a`` (Pratt 1964).

    Attributes
    ----------
    aversion : float
        ``a`` per unit of utility; positive averse, negative seeking.
    """

    aversion: float = 1.0

    def __post_init__(self) -> None:
        _check("risk aversion", self.aversion, self.aversion != 0 and np.isfinite(self.aversion), "a number except 0")

    @property
    def name(self) -> str:
        """Name with its parameter."""
        return f"exponential, aversion {self.aversion:g}"

    def certainty_equivalent(self, utility: Array) -> tuple[Array, Array]:
        """Certainty equivalent under exponential utility."""
        e = -self.aversion * utility
        top = e.max(axis=1, keepdims=True)
        weight = np.exp(e - top)
        mean = weight.mean(axis=1, keepdims=True)
        value = -(top + np.log(mean))[:, 0] / self.aversion
        return value, -(weight / mean - 1) / self.aversion


@dataclass(frozen=True, slots=True)
class CRRA:
    """Constant relative risk aversion: ``E[u^(1-g)]^(1/(1-g))``, the geometric mean at ``g = 1`` (Arrow 1965).

    For utilities that are positive amounts (items per dollar), not for logs.

    Attributes
    ----------
    aversion : float
        ``g``, from 0 (neutral) on.
    """

    aversion: float = 2.0

    def __post_init__(self) -> None:
        _check("relative risk aversion", self.aversion, 0 <= self.aversion < np.inf, "a number from 0 on")

    @property
    def name(self) -> str:
        """Name with its parameter."""
        return f"CRRA, aversion {self.aversion:g}"

    def certainty_equivalent(self, utility: Array) -> tuple[Array, Array]:
        """Certainty equivalent under power utility."""
        if not (utility > 0).all():
            raise InvalidWorkloadError(
                "CRRA needs a utility that is positive in every draw; take a linear one (linear throughput, items per "
                "dollar) or the exponential attitude"
            )
        # in logs: with an aversion of 20 the powers would underflow
        log = (1 - self.aversion) * np.log(utility)
        if self.aversion == 1:
            value = np.exp(np.log(utility).mean(axis=1))
            return value, value[:, None] * (np.log(utility) - np.log(value)[:, None])
        top = log.max(axis=1, keepdims=True)
        power = np.exp(log - top)
        mean = power.mean(axis=1, keepdims=True)
        value = np.exp((top + np.log(mean))[:, 0] / (1 - self.aversion))
        return value, value[:, None] / (1 - self.aversion) * (power / mean - 1)


@dataclass(frozen=True, slots=True)
class Quantile:
    """The utility that is exceeded with probability ``1 - level``.

    Attributes
    ----------
    level : float
        0.1: nine times of ten it is better than this.
    """

    level: float = 0.1

    def __post_init__(self) -> None:
        _check("quantile", self.level, 0 < self.level < 1, "a number between 0 and 1")

    @property
    def name(self) -> str:
        """Name with its parameter."""
        return f"{self.level:.0%} quantile"

    def certainty_equivalent(self, utility: Array) -> tuple[Array, Array]:
        """Quantile over draws; the density at it is taken from the quantiles beside it (Bofinger 1975)."""
        draws = utility.shape[1]
        value = np.quantile(utility, self.level, axis=1)
        step = min(self.level, 1 - self.level, max(0.5 * draws**-0.2 * 0.5, 1 / draws))
        above, below = (np.quantile(utility, self.level + s, axis=1) for s in (step * 0.999, -step * 0.999))
        sparsity = (above - below) / (2 * step)
        return value, (self.level - (utility <= value[:, None])) * sparsity[:, None]


@dataclass(frozen=True, slots=True)
class CVaR:
    """Conditional value at risk: the mean of the worst share of the draws (Rockafellar & Uryasev 2000).

    Attributes
    ----------
    level : float
        Share of the draws: 0.1 is the mean of the worst tenth.
    """

    level: float = 0.1

    def __post_init__(self) -> None:
        _check("CVaR level", self.level, 0 < self.level <= 1, "a number between 0 and 1")

    @property
    def name(self) -> str:
        """Name with its parameter."""
        return f"mean of the worst {self.level:.0%}"

    def certainty_equivalent(self, utility: Array) -> tuple[Array, Array]:
        """``q - E[(q - u)+] / level`` at the quantile ``q``."""
        q = np.quantile(utility, self.level, axis=1)[:, None]
        shortfall = q - np.maximum(q - utility, 0) / self.level
        value = shortfall.mean(axis=1)
        return value, shortfall - value[:, None]


_NAMES = {
    "neutral": (Neutral, 0),
    "exponential": (Exponential, 1),
    "crra": (CRRA, 1),
    "quantile": (Quantile, 1),
    "cvar": (CVaR, 1),
}


def get_risk(spec: str | Risk | None) -> Risk:
    """An attitude from what a user writes: ``"neutral"``, ``"cvar:0.1"``, ``"exponential 2"``, ``"quantile=0.05"``.

    Raises
    ------
    UnknownNameError, InvalidWorkloadError
    """
    if spec is None:
        return Neutral()
    if not isinstance(spec, str):
        return spec
    parts = [p for p in re.split(r"[\s:=(),]+", spec.strip()) if p]
    name = parts[0].casefold() if parts else ""
    if name not in _NAMES:
        raise unknown("risk attitude", spec, _NAMES)
    kind, most = _NAMES[name]
    if len(parts) - 1 > most:
        raise InvalidWorkloadError(f"the risk attitude {spec!r} has too many figures: write e.g. '{name}:0.1'")
    try:
        made: Risk = kind(*map(float, parts[1:]))
    except ValueError as error:
        if isinstance(error, InvalidWorkloadError):
            raise
        raise InvalidWorkloadError(f"the risk attitude {spec!r} needs a number: write e.g. '{name}:0.1'") from None
    return made


def standard_error(influence: Array, cluster: NDArray[np.int64]) -> Array:
    """Monte Carlo standard error of a functional of draws.

    Parameters
    ----------
    influence : ndarray, shape (option, draw)
        Influence of each draw, mean zero.
    cluster : ndarray of int, shape (draw,)
        Draws with the same number share a posterior draw and are not independent.

    Returns
    -------
    ndarray, shape (option,)
    """
    _, index = np.unique(cluster, return_inverse=True)
    groups = int(index.max()) + 1
    sums = np.zeros((influence.shape[0], groups))
    np.add.at(sums.T, index, influence.T)
    correction = groups / (groups - 1) if groups > 1 else 1.0
    return np.asarray(np.sqrt(correction * (sums**2).sum(axis=1)) / influence.shape[1])


def _check(what: str, value: float, ok: bool, expected: str) -> None:
    if not ok:
        raise InvalidWorkloadError(f"the {what} is {value}: give {expected}")
