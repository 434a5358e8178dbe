"""Apple GPUs, driven through Metal (MPS): which chip by sysctl, how many GPU cores by the registry of devices."""

from __future__ import annotations

import re

from hwpredict.measure.cpu import sysctl
from hwpredict.measure.probes import NotObtainedError, Probes
from hwpredict.measure.report import FoundDevice, PlatformReport, available, not_known, unavailable
from hwpredict.workload import Platform

PLATFORM = str(Platform.MPS)


def detect_apple(probes: Probes) -> PlatformReport:
    """Find the GPU of a Mac.

    Parameters
    ----------
    probes : Probes

    Returns
    -------
    PlatformReport
        Of platform ``mps``.
    """
    if probes.system != "Darwin":
        return unavailable(PLATFORM, f"{probes.system or 'this system'} is not macOS")
    values = sysctl(probes)
    chip = values.get("machdep.cpu.brand_string", "")
    if not chip:
        return not_known(PLATFORM, "sysctl does not say which chip this Mac has")
    if not chip.startswith("Apple"):
        return not_known(PLATFORM, f"a Mac with {chip}: whether its graphics card supports Metal is not known")
    memory = values.get("hw.memsize", "")
    cores = _gpu_cores(probes)
    name = f"{chip} ({cores}-core GPU)" if cores else chip
    size = int(memory) / 1e6 if memory.isdecimal() else None
    return available(PLATFORM, "Apple silicon; memory is shared with the CPU", FoundDevice(name, PLATFORM, size))


def _gpu_cores(probes: Probes) -> int | None:
    try:
        text = probes.run(["ioreg", "-r", "-d", "1", "-c", "AGXAccelerator"])
    except NotObtainedError:
        return None
    found = re.search(r'"gpu-core-count"\s*=\s*(\d+)', text)
    return int(found[1]) if found else None
