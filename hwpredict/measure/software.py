"""Runtimes that are installed, and what each says that it can run on: OpenVINO, ONNX Runtime, PyTorch."""

from __future__ import annotations

from typing import Any

from hwpredict.measure.cpu import CpuInfo
from hwpredict.measure.pci import devices_of
from hwpredict.measure.probes import NotObtainedError, Probes
from hwpredict.measure.report import FoundDevice, PlatformReport, Software, available, unavailable
from hwpredict.workload import Platform

_INTEL = 0x8086
#: PCI classes of displays and of processing accelerators (an NPU is one).
_DISPLAY, _ACCELERATOR = 0x03, 0x12


def detect_software(probes: Probes) -> tuple[Software, ...]:
    """Ask the runtimes that are installed.

    Parameters
    ----------
    probes : Probes

    Returns
    -------
    tuple of Software
        ONNX Runtime with its execution providers, OpenVINO with its devices, PyTorch with its backends; those that are
        not installed with the reason.
    """
    return tuple(
        _ask(probes, name, module, backends)
        for name, module, backends in (
            ("onnxruntime", "onnxruntime", lambda m: m.get_available_providers()),
            ("openvino", "openvino", lambda m: m.Core().available_devices),
            ("torch", "torch", _torch_backends),
        )
    )


def _ask(probes: Probes, name: str, module: str, backends: Any) -> Software:
    try:
        loaded = probes.load(module)
    except NotObtainedError as error:
        return Software(name, reason=str(error))
    version = str(loaded.__version__).partition("-")[0]  # OpenVINO's goes on with its build
    try:
        answer = tuple(str(backend) for backend in backends(loaded))
    except Exception as error:  # whatever a native library raises is its answer
        return Software(name, version, reason=f"{name} failed: {error}")
    return Software(name, version, answer)


def _torch_backends(torch: Any) -> list[str]:
    found = ["cpu"]
    if torch.cuda.is_available():
        found.append("rocm" if getattr(torch.version, "hip", None) else "cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    xpu = getattr(torch, "xpu", None)
    if xpu is not None and xpu.is_available():
        found.append("xpu")
    return found


def detect_openvino(probes: Probes, cpu: CpuInfo) -> PlatformReport:
    """Ask OpenVINO for its devices: Intel GPUs and NPUs, and the processor.

    Parameters
    ----------
    probes : Probes
    cpu : CpuInfo
        The processor, whose description the catalog knows better than OpenVINO's bare name for it.

    Returns
    -------
    PlatformReport
        Of platform ``openvino``.
    """
    platform = str(Platform.OPENVINO)
    try:
        core = probes.load("openvino").Core()
        found = [_device(core, platform, str(name), cpu) for name in core.available_devices]
    except NotObtainedError as error:
        return unavailable(platform, f"{error}{_intel_hint(probes)}: pip install 'hwpredict[openvino]'")
    except RuntimeError as error:  # OpenVINO's own exceptions
        return unavailable(platform, f"OpenVINO does not start: {error}")
    if not found:
        return unavailable(platform, "OpenVINO finds no device")
    return available(platform, f"OpenVINO lists {', '.join(d.details['openvino'] for d in found)}", *found)


def _device(core: Any, platform: str, name: str, cpu: CpuInfo) -> FoundDevice:
    full = str(core.get_property(name, "FULL_DEVICE_NAME"))
    formats = " ".join(map(str, core.get_property(name, "OPTIMIZATION_CAPABILITIES")))
    details = {"openvino": name, "capabilities": formats}
    if name == "CPU":
        return FoundDevice(cpu.description or full, platform, cpu.usable_memory_mb, details)
    if name == "NPU":  # it shares the processor's memory
        if not cpu.name:
            return FoundDevice(full, platform, cpu.usable_memory_mb, details)
        details["full_name"] = full  # "Intel(R) AI Boost" names no product: the processor that it is part of does
        return FoundDevice(f"{cpu.name} NPU", platform, cpu.usable_memory_mb, details)
    return FoundDevice(full, platform, _gpu_memory(core, name, cpu), details)


def _gpu_memory(core: Any, name: str, cpu: CpuInfo) -> float | None:
    """Memory of an Intel GPU, MB; of one without its own no more than this process may have. None if it is not told."""
    try:
        size = float(core.get_property(name, "GPU_DEVICE_TOTAL_MEM_SIZE")) / 1e6
        integrated = "INTEGRATED" in str(core.get_property(name, "DEVICE_TYPE")).upper()
    except RuntimeError:  # OpenVINO's own exceptions: no GPU, or no such property
        return None
    return min(size, cpu.usable_memory_mb or size) if integrated else size


def _intel_hint(probes: Probes) -> str:
    """What of Intel's is on the bus and would be found."""
    classes = {(probes.number(f"{d}/class") or 0) >> 16 for d in devices_of(probes, _INTEL)}
    kinds = [kind for code, kind in ((_DISPLAY, "a GPU"), (_ACCELERATOR, "an NPU")) if code in classes]
    return f"; {' and '.join(kinds)} of Intel's is there" if kinds else ""


def detect_qualcomm(probes: Probes, cpu: CpuInfo, software: tuple[Software, ...]) -> PlatformReport:
    """Find a Qualcomm NPU: a Snapdragon with ONNX Runtime's QNN provider.

    Parameters
    ----------
    probes : Probes
    cpu : CpuInfo
    software : tuple of Software

    Returns
    -------
    PlatformReport
        Of platform ``qnn``.
    """
    platform = str(Platform.QNN)
    board = probes.text("/proc/device-tree/compatible").replace("\x00", " ")
    if not any(word in f"{cpu.name} {board}".casefold() for word in ("snapdragon", "qualcomm", "qcom")):
        return unavailable(platform, f"{cpu.name or 'the processor'} is not Qualcomm's")
    runtime = next(s for s in software if s.name == "onnxruntime")
    if "QNNExecutionProvider" not in runtime.backends:
        return unavailable(platform, runtime.reason or "ONNX Runtime has no QNN provider: pip install onnxruntime-qnn")
    chip = cpu.name.partition(" - ")[0]  # Windows says "Snapdragon X Elite - X1E80100 - Qualcomm Oryon CPU"
    return available(platform, "ONNX Runtime's QNN provider", FoundDevice(chip, platform))
