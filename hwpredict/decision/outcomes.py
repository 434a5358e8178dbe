"""Outcomes: joint draws of what each option would do, with what it costs, draws and holds.

An option is anything to choose between: a device, a device with a batch size, a strategy over eight of them. Outcomes
are a mapping from the names of quantities to arrays that broadcast to (option, draw); utilities and constraints are
functions of that mapping, and read any of :data:`QUANTITIES`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog.economics import Price
from hwpredict.config import OOM_SLOWDOWN
from hwpredict.decision.bottlenecks import Share
from hwpredict.errors import InvalidWorkloadError, MissingFigureError, unknown

Array = NDArray[np.float64]

#: Every quantity that a utility, an expression or a constraint may name, with its unit.
QUANTITIES: Mapping[str, str] = {
    "throughput": "items/s, all devices together",
    "latency": "ms of one step of the whole batch",
    "memory": "MB at the peak on one device",
    "capacity": "MB of one device",
    "fits": "1 if memory <= capacity, else 0; unknown capacity counts as enough",
    "price": "USD per hour, all devices together",
    "power": "W, all devices together",
    "carbon_intensity": "g CO2 per kWh",
    "cost_per_million": "USD per million items",
    "energy_per_item": "J per item",
    "grams_per_million": "g CO2 per million items",
    "batch_size": "items in a step, all devices together",
    "n_devices": "devices working together",
    "preference": "hand-set factor of the platform, 1 if none",
}

_HOW_TO_GIVE = {
    "price": "give prices={'<device>': <USD per hour>} (--price '<device>=<USD>')",
    "power": "give power={'<device>': <W>} (--power '<device>=<W>')",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """What an option is.

    Attributes
    ----------
    name : str
        Key of the results.
    platform, device, precision, mode, family : str
        ``device`` is empty where only a platform was named.
    batch_size : float
    n_devices : int
    evidence : str
        See :class:`hwpredict.workload.Evidence`.
    n_measurements : int
    shares : Mapping of str to float
        Mean share of each time part in the step.
    intervals : Mapping of str to Share
        The same by what bounds a step, with intervals; empty where the option is not among the explained ones.
    price : Price or None
    details : Mapping of str to Any
        What else describes it: browser, strategy.
    """

    name: str
    platform: str
    device: str = ""
    precision: str = ""
    mode: str = ""
    family: str = ""
    batch_size: float = 1.0
    n_devices: int = 1
    evidence: str = ""
    n_measurements: int = 0
    shares: Mapping[str, float] = field(default_factory=dict, hash=False)
    price: Price | None = None
    intervals: Mapping[str, Share] = field(default_factory=dict, hash=False)
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)


class Outcomes(Mapping[str, Array]):
    """Joint draws of the outcomes of several options.

    Parameters
    ----------
    candidates : sequence of Candidate, length option
    throughput, latency, memory : array, shape (option, draw)
        Items/s, ms, MB; draws are joint over options.
    figures : mapping of str to array, shape (option,)
        Further quantities: ``capacity`` (MB), ``price`` (USD/h, all devices), ``power`` (W, all devices),
        ``carbon_intensity`` (g/kWh), ``preference``. NaN is unknown: reading it raises, except ``capacity``, which may
        also have the shape (option, draw): a platform whose device is not named is another device in every draw.
    cluster : array of int, shape (draw,), optional
        Draws that share a posterior draw share a number: Monte Carlo errors count clusters, not draws.
    blocked : mapping of str to str, optional
        Options that cannot run, with the reason.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        throughput: Array,
        latency: Array,
        memory: Array,
        figures: Mapping[str, Array],
        *,
        cluster: NDArray[np.int64] | None = None,
        blocked: Mapping[str, str] | None = None,
    ) -> None:
        self.candidates = tuple(candidates)
        self.blocked = dict(blocked or {})
        self._draws = {
            name: np.asarray(value, dtype=float)
            for name, value in (("throughput", throughput), ("latency", latency), ("memory", memory))
        }
        n, draws = self._draws["throughput"].shape
        self._figures = {
            name: np.asarray(value, dtype=float).reshape((n, draws) if np.ndim(value) == 2 else n)
            for name, value in figures.items()
        }
        self.cluster = np.arange(draws) if cluster is None else np.asarray(cluster)
        names = [c.name for c in self.candidates]
        if len(names) != n or len(set(names)) != n:
            raise InvalidWorkloadError(f"options need distinct names, one per row of draws; there are {names}")

    @property
    def names(self) -> list[str]:
        """Names of the options."""
        return [c.name for c in self.candidates]

    @property
    def shape(self) -> tuple[int, int]:
        """Options and draws."""
        n, draws = self._draws["throughput"].shape
        return int(n), int(draws)

    def __getitem__(self, name: str) -> Array:
        if name in self._draws:
            return self._draws[name]
        if name == "fits":
            return np.asarray(1.0 - (self["memory"] > self["capacity"]), dtype=float)
        if name == "capacity":
            return self._figures["capacity"].reshape(self.shape[0], -1)
        if name in ("batch_size", "n_devices"):
            return np.array([float(getattr(c, name)) for c in self.candidates])[:, None]
        if name in self._figures:
            return self._figure(name)
        if name in ("cost_per_million", "energy_per_item", "grams_per_million"):
            return self._derived(name)
        raise unknown("quantity", name, QUANTITIES)

    def _figure(self, name: str) -> Array:
        value = self._figures[name]
        missing = tuple(c.name for c, v in zip(self.candidates, value, strict=True) if np.isnan(v))
        if missing:
            how = _HOW_TO_GIVE.get(name, "give it")
            raise MissingFigureError(
                f"no {name} is known of {', '.join(missing)}: name a device whose {name} is listed, or {how}", missing
            )
        return value[:, None]

    def _derived(self, name: str) -> Array:
        if name == "cost_per_million":
            return self["price"] / 3600 / self["throughput"] * 1e6
        energy = self["power"] / self["throughput"]
        return energy if name == "energy_per_item" else energy / 3.6e6 * self["carbon_intensity"] * 1e6

    def __iter__(self) -> Iterator[str]:
        return iter(QUANTITIES)

    def __len__(self) -> int:
        return len(QUANTITIES)

    def take(self, index: Sequence[int] | NDArray[Any]) -> Outcomes:
        """Some of the options."""
        chosen = [int(i) for i in np.asarray(index, dtype=np.int64)]
        return self._with(
            {k: v[chosen] for k, v in self._draws.items()},
            [self.candidates[i] for i in chosen],
            {k: v[chosen] for k, v in self._figures.items()},
        )

    def priced(self, slowdown: float = OOM_SLOWDOWN) -> Outcomes:
        """The same with every draw that does not fit into memory ``slowdown`` times slower."""
        if not 1 <= slowdown < np.inf:
            raise InvalidWorkloadError(f"the slowdown of running out of memory is {slowdown}: give a number from 1 on")
        factor = slowdown ** (1.0 - self["fits"])
        draws = self._draws | {
            "throughput": self._draws["throughput"] / factor,
            "latency": self._draws["latency"] * factor,
        }
        return self._with(draws)

    def scaled(self, option: int, *, speed: float = 1.0, price: float = 1.0) -> Outcomes:
        """The same with one option ``speed`` times faster and ``price`` times as dear."""
        draws = {k: v.copy() for k, v in self._draws.items()}
        draws["throughput"][option] *= speed
        draws["latency"][option] /= speed
        figures = {k: v.copy() for k, v in self._figures.items()}
        if "price" in figures:
            figures["price"][option] *= price
        return self._with(draws, figures=figures)

    def replaced(self, **draws: Array) -> Outcomes:
        """The same options with other draws."""
        return self._with(self._draws | draws)

    def relabelled(self, candidates: Sequence[Candidate]) -> Outcomes:
        """The same draws under other candidates."""
        return self._with(self._draws, candidates)

    def named(self, names: Sequence[str]) -> Outcomes:
        """The same options under other names."""
        return self.relabelled([replace(c, name=n) for c, n in zip(self.candidates, names, strict=True)])

    def _with(
        self,
        draws: Mapping[str, Array],
        candidates: Sequence[Candidate] | None = None,
        figures: Mapping[str, Array] | None = None,
    ) -> Outcomes:
        return Outcomes(
            self.candidates if candidates is None else candidates,
            draws["throughput"],
            draws["latency"],
            draws["memory"],
            self._figures if figures is None else figures,
            cluster=self.cluster,
            blocked=self.blocked,
        )
