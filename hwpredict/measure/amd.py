"""AMD GPUs: asked of amdsmi, else read from sysfs (the amdgpu kernel driver and libdrm's table of names)."""

from __future__ import annotations

import re

from hwpredict.measure.pci import present
from hwpredict.measure.probes import NotObtainedError, Probes
from hwpredict.measure.report import FoundDevice, PlatformReport, available, not_known, unavailable
from hwpredict.workload import Platform

PLATFORM = str(Platform.ROCM)
_VENDOR = 0x1002
#: Names by PCI device number and revision, installed with libdrm.
_NAMES = ("/usr/share/libdrm/amdgpu.ids", "/opt/amdgpu/share/libdrm/amdgpu.ids")
#: Device through which ROCm computes, made by the kernel driver.
_KFD = "/dev/kfd"


def detect_amd(probes: Probes) -> PlatformReport:
    """Find AMD GPUs.

    Parameters
    ----------
    probes : Probes

    Returns
    -------
    PlatformReport
        Of platform ``rocm``. A card is available if the kernel offers ``/dev/kfd``: a card that only drives a
        display is not.
    """
    if probes.system == "Darwin":
        return unavailable(PLATFORM, "there is no ROCm for macOS")
    try:
        found, how = _amdsmi(probes), "amdsmi"
    except NotObtainedError as error:
        found, how = _sysfs(probes), str(error)
        if not found:
            bus = present(probes, _VENDOR)
            if bus is None:
                return not_known(PLATFORM, how)
            return unavailable(PLATFORM, f"no AMD GPU with the amdgpu driver ({how})")
        how = "sysfs"
    if not found:
        return unavailable(PLATFORM, f"{how} lists no GPU")
    if probes.system == "Linux" and not probes.glob(_KFD):
        missing = f"an AMD GPU is there ({found[0].name}), but not {_KFD}: load ROCm's driver"
        return unavailable(PLATFORM, missing, *found)
    return available(PLATFORM, how, *found)


def _amdsmi(probes: Probes) -> list[FoundDevice]:
    smi = probes.load("amdsmi")
    try:
        smi.amdsmi_init()
    except smi.AmdSmiException as error:
        raise NotObtainedError(f"amdsmi: {error}") from error
    try:
        found = []
        for handle in smi.amdsmi_get_processor_handles():
            asic = smi.amdsmi_get_gpu_asic_info(handle)
            vram = smi.amdsmi_get_gpu_vram_info(handle)
            size = vram.get("vram_size")  # MB, by AMD's documentation
            details = {"gfx": str(asic["target_graphics_version"])} if asic.get("target_graphics_version") else {}
            memory = float(size) * 2**20 / 1e6 if isinstance(size, (int, float)) else None
            found.append(FoundDevice(str(asic["market_name"]), PLATFORM, memory, details))
        return found
    except smi.AmdSmiException as error:
        raise NotObtainedError(f"amdsmi: {error}") from error
    finally:
        smi.amdsmi_shut_down()


def _sysfs(probes: Probes) -> list[FoundDevice]:
    found = []
    for directory in probes.glob("/sys/class/drm/card*/device"):
        if not re.search(r"/card\d+/device$", directory) or probes.number(f"{directory}/vendor") != _VENDOR:
            continue
        memory = probes.number(f"{directory}/mem_info_vram_total")
        number, revision = probes.number(f"{directory}/device"), probes.number(f"{directory}/revision")
        name = probes.text(f"{directory}/product_name") or _name(probes, number, revision)
        details = {"pci": f"1002:{number:04x}"} if number is not None else {}
        found.append(FoundDevice(name, PLATFORM, memory / 1e6 if memory else None, details))
    return found


def _name(probes: Probes, number: int | None, revision: int | None) -> str:
    """Product by its PCI numbers, in libdrm's table; the bare number where the table has none."""
    if number is None:
        return "AMD GPU"
    row = re.compile(rf"^{number:X},\s*{revision or 0:X},\s*(.+)$", re.MULTILINE | re.IGNORECASE)
    for path in _NAMES:
        if named := row.search(probes.text(path)):
            return named[1].strip()
    return f"AMD GPU 1002:{number:04x}"
