"""How well devices work together: the priors of ``data/scaling.toml``, as draws.

The same uncertain figure (what share of a link collectives reach, how much of it hides) is one draw for all options
that use the link, so that strategies are compared within a draw.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog.devices import Device
from hwpredict.performance.hashing import normals, seeds

Array = NDArray[np.float64]

#: Devices that share a fast link, by interconnect: eight to a baseboard, 72 to an NVL72 rack, two to a bridge.
NODES = {"bridge": 2, "GB200": 72, "GB300": 72}
NODE = 8
#: One direction of a link, where the catalog gives both.
ONE_WAY = 0.5
#: GB/s both ways of a device whose link nobody states: PCIe 3.0 x16.
DEFAULT_LINK = 32.0


@cache
def facts() -> dict[str, Any]:
    """``data/scaling.toml``."""
    text = (resources.files("hwpredict.catalog") / "data" / "scaling.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass(frozen=True, slots=True)
class Link:
    """A link that a collective runs over.

    Attributes
    ----------
    kind : str
        nvlink (or another vendor's fabric), pcie, infiniband or ethernet.
    gb_s : float
        One direction, per device.
    """

    kind: str
    gb_s: float


def node_size(device: Device) -> int:
    """Devices that share the fast link of one machine."""
    for word, size in NODES.items():
        if word in device.interconnect or word in device.name:
            return size
    return NODE


def link(device: Device, devices: int, network_gb_s: float | None = None) -> Link:
    """The slowest link that a group of devices needs.

    Parameters
    ----------
    device : Device
    devices : int
        How many, packed machine by machine.
    network_gb_s : float, optional
        GB/s one way per device between machines; by default what such devices are sold with.
    """
    if devices > node_size(device):
        kind = "datacenter" if device.segment == "datacenter" else "other"
        network = facts()["network"][kind]
        return Link(network["link"], network["gb_s"] if network_gb_s is None else network_gb_s)
    slow = not device.interconnect or device.interconnect.startswith("PCIe")
    return Link("pcie" if slow else "nvlink", ONE_WAY * (device.interconnect_gb_s or DEFAULT_LINK))


@dataclass(frozen=True)
class Scaling:
    """Draws of what a link and a strategy cost.

    Attributes
    ----------
    bus : ndarray, shape (draw,)
        Share of the link bandwidth that collectives reach.
    overlap : ndarray, shape (draw,)
        Communication that hides behind computation, in steps.
    straggler : ndarray, shape (draw,)
        Loss per doubling of the number of devices, log scale.
    residual : ndarray, shape (draw,)
        Rest of the log of a step.
    """

    bus: Array
    overlap: Array
    straggler: Array
    residual: Array


@lru_cache(maxsize=64)
def _deviates(name: str, draws: int, seed: int) -> Array:
    out = np.asarray(normals(seeds([name], f"{seed}|scaling"), draws)[0], dtype=float)
    out.flags.writeable = False  # shared by all options
    return out


def lognormal(name: str, prior: Sequence[float], draws: int, seed: int) -> Array:
    """Draws of a positive figure, given its median and the sd of its log, that depend on its name alone."""
    median, sd = prior
    return np.asarray(median * np.exp(sd * _deviates(name, draws, seed)))


@cache
def scaling(kind: str, draws: int, seed: int) -> Scaling:
    """Draws of a link's scaling."""
    f = facts()["link"][kind]
    bus = np.minimum(lognormal(f"{kind}|bus", f["bus"], draws, seed), 0.95)
    mean, sd = f["overlap"]
    overlap = np.clip(mean + sd * _deviates(f"{kind}|overlap", draws, seed), 0.0, 1.0)
    straggler = lognormal(f"{kind}|straggler", f["straggler"], draws, seed)
    # a straggler that costs more than a third per doubling is a broken machine
    return Scaling(bus, overlap, np.minimum(straggler, 0.4), f["residual"] * _deviates(f"{kind}|rest", draws, seed))


def tensor_straggler(mode: str, draws: int, seed: int) -> Array:
    """Loss per doubling of tensor parallelism beyond its communication."""
    return lognormal(f"tensor|{mode}", facts()["tensor"][f"{mode}_straggler"], draws, seed)


def replica_straggler(draws: int, seed: int) -> Array:
    """Loss per doubling of replicas that serve apart."""
    return np.minimum(lognormal("replicas", facts()["replicas"]["straggler"], draws, seed), 0.4)
