"""Devices on the PCI bus of a Linux machine, by the number of their maker."""

from __future__ import annotations

from collections.abc import Iterator

from hwpredict.measure.probes import Probes

_DEVICES = "/sys/bus/pci/devices"


def devices_of(probes: Probes, vendor: int) -> Iterator[str]:
    """Directories in ``/sys/bus/pci/devices`` of a maker's devices.

    Parameters
    ----------
    probes : Probes
    vendor : int
        PCI vendor number: 0x10de NVIDIA, 0x1002 AMD, 0x8086 Intel.
    """
    for directory in probes.glob(f"{_DEVICES}/*"):
        if probes.number(f"{directory}/vendor") == vendor:
            yield directory


def present(probes: Probes, vendor: int) -> bool | None:
    """Whether a maker's device is on the bus; None where the bus cannot be seen (not Linux, or no sysfs)."""
    if probes.system != "Linux":
        return None
    if not probes.glob(f"{_DEVICES}/*"):
        return False if probes.glob("/sys/bus/*") else None  # a small virtual machine has no PCI bus at all
    return any(True for _ in devices_of(probes, vendor))
