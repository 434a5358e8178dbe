"""Limits of the control group that this process runs in: a container may have less than the machine.

Both hierarchies are read: version 2 (``cpu.max``, ``memory.max``) and version 1 (``cpu.cfs_quota_us``,
``memory.limit_in_bytes``), at every level from the process's group to the root, since the tightest one binds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from hwpredict.measure.probes import Probes

_ROOT = "/sys/fs/cgroup"
#: Version 1 writes "no limit" as the largest multiple of a page below 2^63.
_UNLIMITED = 2**60


@dataclass(frozen=True, slots=True)
class Limits:
    """What the control group allows; None is no limit.

    Attributes
    ----------
    cpus : float or None
        Processors' worth of time (a quota of 1.5 is 150 ms in every 100 ms).
    memory_bytes : int or None
    """

    cpus: float | None = None
    memory_bytes: int | None = None


def _groups(text: str) -> dict[str, str]:
    """Path of this process's group by controller; ``""`` is the unified hierarchy."""
    found = {}
    for line in text.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            for controller in parts[1].split(","):
                found[controller] = parts[2]
    return found


def _levels(root: str, group: str) -> Iterator[str]:
    """The directory of a group and those above it; inside a container the path may not exist below the mount."""
    path = PurePosixPath(group)
    for level in (path, *path.parents):
        yield str(PurePosixPath(root) / str(level).lstrip("/"))


def _v2_quota(text: str) -> float | None:
    quota, _, period = text.partition(" ")
    return int(quota) / int(period or 100_000) if quota.isdecimal() else None


def _v1_quota(probes: Probes, directory: str) -> float | None:
    quota, period = (probes.number(f"{directory}/cpu.cfs_{name}_us") for name in ("quota", "period"))
    return quota / period if quota and period and quota > 0 else None


def _memory(value: int | None) -> int | None:
    return value if value is not None and 0 < value < _UNLIMITED else None


def limits(probes: Probes) -> Limits:
    """Read the limits that apply to this process.

    Parameters
    ----------
    probes : Probes

    Returns
    -------
    Limits
        No limits where there are no control groups.
    """
    groups = _groups(probes.text("/proc/self/cgroup"))
    cpus: list[float | None] = []
    memory: list[int | None] = []
    for directory in _levels(_ROOT, groups.get("", "/")) if "" in groups else ():
        cpus.append(_v2_quota(probes.text(f"{directory}/cpu.max")))
        memory.append(_memory(probes.number(f"{directory}/memory.max")))
    if "cpu" in groups:
        cpus += [_v1_quota(probes, d) for d in _levels(f"{_ROOT}/cpu", groups["cpu"])]
    if "memory" in groups:
        memory += [
            _memory(probes.number(f"{d}/memory.limit_in_bytes")) for d in _levels(f"{_ROOT}/memory", groups["memory"])
        ]
    return Limits(
        min((c for c in cpus if c is not None), default=None), min((m for m in memory if m is not None), default=None)
    )
