"""Utilities: plain functions of draws, dims kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import unknown

Array = NDArray[np.float64]
Draws = Mapping[str, Array]

#: What a draw that does not fit into memory is worth: a hundredth of its speed (log utility). Somebody has to notice,
#: shrink the batch or quantise, and deploy again.
OOM_PENALTY = float(np.log(100.0))


@dataclass(frozen=True, slots=True)
class Utility:
    """How good an outcome is.

    Attributes
    ----------
    name : str
        What it is called in tables and explanations.
    function : callable
        Draws of ``throughput`` (item/s), ``latency`` (ms), ``memory`` and ``capacity`` (MB), each of shape
        (option, draw), to utility of that shape.
    unit : str
        What a difference of 1 means.
    """

    name: str
    function: Callable[[Draws], Array]
    unit: str = "nats"

    def __call__(self, draws: Draws) -> Array:
        """Utility of each draw."""
        return self.function(draws)


def fits(draws: Draws) -> NDArray[np.bool_]:
    """Whether peak memory stays within the device's; unknown capacity counts as enough."""
    return np.asarray(~(draws["memory"] > draws["capacity"]))


def _log_throughput(draws: Draws) -> Array:
    return np.asarray(np.log(draws["throughput"]) - OOM_PENALTY * ~fits(draws))


def _log_latency(draws: Draws) -> Array:
    return np.asarray(-np.log(draws["latency"]) - OOM_PENALTY * ~fits(draws))


#: Log utilities: doubling the speed is worth as much on a phone as in a rack, and a heavy tail cannot decide alone.
UTILITIES: dict[str, Utility] = {
    "throughput": Utility("log throughput", _log_throughput),
    "latency": Utility("-log latency", _log_latency),
}


def get_utility(name: str | Utility) -> Utility:
    """A utility by its name.

    Raises
    ------
    UnknownNameError
    """
    if isinstance(name, Utility):
        return name
    if name not in UTILITIES:
        raise unknown("utility", name, UTILITIES)
    return UTILITIES[name]
