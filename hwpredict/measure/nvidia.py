"""NVIDIA GPUs: asked of NVML, else of ``nvidia-smi``, else of the kernel driver, else of the PCI bus."""

from __future__ import annotations

from typing import Any

from hwpredict.measure.pci import present
from hwpredict.measure.probes import NotObtainedError, Probes
from hwpredict.measure.report import FoundDevice, PlatformReport, available, not_known, unavailable
from hwpredict.workload import Platform

PLATFORM = str(Platform.CUDA)
_VENDOR = 0x10DE
_QUERY = "name,memory.total,driver_version,compute_cap"
#: nvidia-smi counts MiB, the library bytes.
_MIB = 2**20


def detect_nvidia(probes: Probes) -> PlatformReport:
    """Find NVIDIA GPUs.

    Parameters
    ----------
    probes : Probes

    Returns
    -------
    PlatformReport
        Of platform ``cuda``.
    """
    if probes.system == "Darwin":
        return unavailable(PLATFORM, "there is no CUDA for macOS")
    tried = []
    for way, ask in (("NVML", _nvml), ("nvidia-smi", _smi), ("kernel driver", _driver)):
        try:
            found = ask(probes)
        except NotObtainedError as error:
            tried.append(str(error))
            continue
        if found:
            return available(PLATFORM, f"{way}: driver {found[0].details.get('driver', 'version not stated')}", *found)
        tried.append(f"{way} lists no GPU")
    on_bus = present(probes, _VENDOR)
    if on_bus:
        return unavailable(PLATFORM, f"an NVIDIA device is on the PCI bus, but no driver answers ({'; '.join(tried)})")
    if on_bus is None:
        return not_known(PLATFORM, "; ".join(tried))
    return unavailable(PLATFORM, f"no NVIDIA device on the PCI bus ({tried[0]})")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _nvml(probes: Probes) -> list[FoundDevice]:
    nvml = probes.load("pynvml")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        raise NotObtainedError(f"NVML says: {error}") from error
    try:
        driver, found = _text(nvml.nvmlSystemGetDriverVersion()), []
        for index in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
            details = {"driver": driver, "compute_capability": f"{major}.{minor}", "index": str(index)}
            memory = float(nvml.nvmlDeviceGetMemoryInfo(handle).total) / 1e6
            found.append(FoundDevice(_text(nvml.nvmlDeviceGetName(handle)), PLATFORM, memory, details))
        return found
    except nvml.NVMLError as error:
        raise NotObtainedError(f"NVML says: {error}") from error
    finally:
        nvml.nvmlShutdown()


def _smi(probes: Probes) -> list[FoundDevice]:
    found = []
    answer = probes.run(["nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"])
    for index, line in enumerate(answer.splitlines()):
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != 4:
            continue
        name, memory, driver, capability = cells
        size = float(memory) * _MIB / 1e6 if memory.replace(".", "", 1).isdecimal() else None
        details = {"driver": driver, "compute_capability": capability, "index": str(index)}
        found.append(FoundDevice(name, PLATFORM, size, details))
    return found


def _driver(probes: Probes) -> list[FoundDevice]:
    files = probes.glob("/proc/driver/nvidia/gpus/*/information")
    if not files:
        raise NotObtainedError("the NVIDIA kernel driver is not loaded")
    version = probes.text("/sys/module/nvidia/version")
    found = []
    for path in files:
        values = dict(line.split(":", 1) for line in probes.text(path).splitlines() if ":" in line)
        if name := values.get("Model", "").strip():
            found.append(FoundDevice(name, PLATFORM, None, {"driver": version} if version else {}))
    return found
