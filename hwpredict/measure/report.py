"""What detection found: one entry a platform, each with a status, a reason and the devices it drives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hwpredict.catalog import devices
from hwpredict.measure.cpu import CpuInfo
from hwpredict.workload import Target


class Status(StrEnum):
    """Whether a platform can be used on this machine, as far as can be told."""

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """One device of one platform.

    Attributes
    ----------
    name : str
        As the driver calls it.
    platform : str
    memory_mb : float or None
        Memory that this process can have of it, 10^6 bytes.
    details : Mapping of str to str
        Driver version, compute capability, …
    """

    name: str
    platform: str
    memory_mb: float | None = None
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def catalog(self) -> devices.Device | None:
        """The catalog's specification of it, or None."""
        return devices.match(self.name, self.platform)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        known = self.catalog
        return {
            "name": self.name,
            "memory_mb": self.memory_mb,
            "catalog": known.name if known else None,
            "catalog_source": known.source if known else None,
            "derived": known.derived if known else None,
            **dict(self.details),
        }


@dataclass(frozen=True, slots=True)
class PlatformReport:
    """One platform on this machine; true where it is available.

    Attributes
    ----------
    platform : str
        Value of :class:`hwpredict.workload.Platform`.
    status : Status
    reason : str
        How it is known, or what is missing.
    devices : tuple of FoundDevice
    """

    platform: str
    status: Status
    reason: str
    devices: tuple[FoundDevice, ...] = ()

    def __bool__(self) -> bool:
        return self.status is Status.AVAILABLE

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "status": str(self.status),
            "reason": self.reason,
            "devices": [device.as_dict() for device in self.devices],
        }


def available(platform: str, reason: str, *found: FoundDevice) -> PlatformReport:
    """Report of a platform that can be used."""
    return PlatformReport(platform, Status.AVAILABLE, reason, found)


def unavailable(platform: str, reason: str, *found: FoundDevice) -> PlatformReport:
    """Report of a platform that cannot be used; ``found`` are devices that something is missing for."""
    return PlatformReport(platform, Status.UNAVAILABLE, reason, found)


def not_known(platform: str, reason: str) -> PlatformReport:
    """Report of a platform that nobody here can tell of."""
    return PlatformReport(platform, Status.UNKNOWN, reason)


@dataclass(frozen=True, slots=True)
class Software:
    """A runtime that is installed, or why it is not.

    Attributes
    ----------
    name, version : str
        Python package; version empty if it is not installed.
    backends : tuple of str
        What it says that it can run on.
    reason : str
        Why there are none.
    """

    name: str
    version: str = ""
    backends: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class HardwareReport(Mapping[str, PlatformReport]):
    """What this machine has: a mapping from platform to :class:`PlatformReport`, true where it is available.

    Attributes
    ----------
    cpu : CpuInfo
    platforms : tuple of PlatformReport
    software : tuple of Software
    """

    cpu: CpuInfo
    platforms: tuple[PlatformReport, ...]
    software: tuple[Software, ...] = ()

    def __getitem__(self, platform: str) -> PlatformReport:
        for report in self.platforms:
            if report.platform == platform:
                return report
        raise KeyError(platform)

    def __iter__(self) -> Iterator[str]:
        return (report.platform for report in self.platforms)

    def __len__(self) -> int:
        return len(self.platforms)

    def targets(self) -> list[Target]:
        """Targets that can be used here and that the catalog knows, for a recommendation among them.

        Returns
        -------
        list of Target
            Labelled ``platform:device``, with the memory that can be used of each; equal devices once, the one of the
            least memory.
        """
        found: dict[str, Target] = {}
        for report in self.platforms:
            for device in report.devices if report else ():
                if known := device.catalog:
                    label = f"{report.platform}:{known.name}"
                    here = Target(report.platform, device.name, label=label, memory_mb=device.memory_mb)
                    size = found[label].memory_mb if label in found else None
                    if label not in found or (here.memory_mb or math.inf) < (size or math.inf):
                        found[label] = here
        return list(found.values())

    def unmatched(self) -> list[FoundDevice]:
        """Devices that can be used here but of which the catalog has no specification."""
        return [d for report in self.platforms if report for d in report.devices if d.catalog is None]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "cpu": self.cpu.as_dict(),
            "platforms": {report.platform: report.as_dict() for report in self.platforms},
            "software": {
                s.name: {"version": s.version or None, "backends": list(s.backends), "reason": s.reason or None}
                for s in self.software
            },
        }
