"""The processor: what it is called, what its cores are and can do, and how much of it this process may use."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from hwpredict.catalog import devices
from hwpredict.catalog.derived import cpu_name
from hwpredict.measure import microarchitecture
from hwpredict.measure.cgroup import Limits, limits
from hwpredict.measure.probes import NotObtainedError, Probes

#: Instruction sets that decide how fast a network runs, by the name that a system gives them.
_ISA = {
    # Linux, x86
    "avx": "AVX",
    "avx2": "AVX2",
    "fma": "FMA",
    "f16c": "F16C",
    "avx512f": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512_bf16": "AVX-512 BF16",
    "avx512_fp16": "AVX-512 FP16",
    "avx_vnni": "AVX-VNNI",
    "amx_tile": "AMX",
    "amx_int8": "AMX INT8",
    "amx_bf16": "AMX BF16",
    "amx_fp16": "AMX FP16",
    # Linux, Arm
    "asimd": "NEON",
    "neon": "NEON",
    "asimdhp": "NEON FP16",
    "asimddp": "dot product",
    "i8mm": "I8MM",
    "bf16": "BF16",
    "sve": "SVE",
    "sve2": "SVE2",
    "sme": "SME",
    "sme2": "SME2",
    # macOS: hw.optional.…, machdep.cpu.features
    "arm.feat_fp16": "NEON FP16",
    "arm.feat_dotprod": "dot product",
    "arm.feat_i8mm": "I8MM",
    "arm.feat_bf16": "BF16",
    "arm.feat_sme": "SME",
    "arm.feat_sme2": "SME2",
    "avx1_0": "AVX",
    "avx2_0": "AVX2",
}


@dataclass(frozen=True, slots=True)
class CpuInfo:
    """The processor of this machine.

    Attributes
    ----------
    name : str
        Product name, as short as it tells it; empty if the system does not say.
    microarchitecture : str
        Core, by its name in ``catalog/data/core_types.csv`` (of several kinds joined by +); empty if not known.
    cores, threads : int or None
        Physical cores and logical processors of the machine as the system shows them.
    usable_threads : int or None
        Logical processors that this process may use: by affinity, and by the quota of its control group rounded up.
    ghz : float or None
        Clock: the base clock if the name has it, else the current one.
    isa : tuple of str
        Instruction sets that matter for networks.
    virtual : bool
        A hypervisor is there: cores may be half of a core, and the name may hide the product.
    memory_mb, memory_limit_mb : float or None
        Memory of the machine, and what the control group allows, 10^6 bytes.
    cpu_limit : float or None
        Quota of the control group, processors' worth of time.
    """

    name: str = ""
    microarchitecture: str = ""
    cores: int | None = None
    threads: int | None = None
    usable_threads: int | None = None
    ghz: float | None = None
    isa: tuple[str, ...] = ()
    virtual: bool = False
    memory_mb: float | None = None
    memory_limit_mb: float | None = None
    cpu_limit: float | None = None

    @property
    def usable_memory_mb(self) -> float | None:
        """The smaller of the machine's memory and the control group's limit, MB."""
        return min((m for m in (self.memory_mb, self.memory_limit_mb) if m is not None), default=None)

    @property
    def usable_cores(self) -> int | None:
        """Physical cores that this process may use: the threads to run a network with."""
        if self.cores is None or self.usable_threads is None:
            return self.cores or self.usable_threads
        if self.threads and self.usable_threads < self.threads:
            return min(self.cores, self.usable_threads)
        return self.cores

    @property
    def description(self) -> str:
        """What the catalog can be asked: the product if it is one, else core, clock and number of cores.

        Of a product of which only some threads are here (a virtual machine, a container), the number is said too, so
        that the catalog answers with that share of it.
        """
        known = devices.match(self.name, "cpu") if self.name else None
        if known is not None and not known.derived:
            threads = self.usable_threads or self.threads
            few = threads is not None and known.cores is not None and threads < known.cores
            return f"{known.name} ({threads} vCPU)" if few else known.name
        if not self.microarchitecture:
            return self.name
        clock = f" @ {self.ghz:.2f} GHz" if self.ghz else ""
        count = f", {self.usable_cores} cores" if self.usable_cores else ""
        return f"{self.name or 'Processor'} ({self.microarchitecture}){clock}{count}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            **{k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()},
            "usable_memory_mb": self.usable_memory_mb,
            "description": self.description,
        }


def detect_cpu(probes: Probes) -> CpuInfo:
    """Describe the processor.

    Parameters
    ----------
    probes : Probes

    Returns
    -------
    CpuInfo
        Fields that the system does not tell are empty.
    """
    found = {"Linux": _linux, "Darwin": _mac, "Windows": _windows}.get(probes.system, _other)(probes)
    bounds = limits(probes) if probes.system == "Linux" else Limits()
    usable = [n for n in (found.get("threads"), probes.affinity and len(probes.affinity)) if n]
    if bounds.cpus is not None:
        usable.append(max(1, -int(-bounds.cpus // 1)))
    return CpuInfo(
        **found,
        usable_threads=min(usable, default=None),
        memory_limit_mb=bounds.memory_bytes / 1e6 if bounds.memory_bytes is not None else None,
        cpu_limit=bounds.cpus,
    )


def _isa(flags: set[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(label for flag, label in _ISA.items() if flag in flags))


def _base_clock(name: str) -> float | None:
    found = re.search(r"@\s*(\d+(?:\.\d+)?)\s*GHz", name)
    return float(found[1]) if found else None


# --- Linux ------------------------------------------------------------------------------------------------------------


def _blocks(text: str) -> list[dict[str, str]]:
    """Blocks of ``key : value`` lines, one a logical processor."""
    blocks = []
    for block in re.split(r"\n\s*\n", text):
        pairs = (line.partition(":") for line in block.splitlines() if ":" in line)
        values = {key.strip(): value.strip() for key, _, value in pairs}
        if values:
            blocks.append(values)
    return blocks


def _linux(probes: Probes) -> dict[str, Any]:
    blocks = _blocks(probes.text("/proc/cpuinfo"))
    processors = [b for b in blocks if "processor" in b]
    total = re.search(r"MemTotal:\s*(\d+) kB", probes.text("/proc/meminfo"))
    common = {"memory_mb": int(total[1]) * 1024 / 1e6 if total else None, "threads": len(processors) or None}
    if processors and "CPU implementer" in processors[0]:
        return common | _linux_arm(probes, processors)
    return common | _linux_x86(processors)


def _linux_x86(processors: list[dict[str, str]]) -> dict[str, Any]:
    first = processors[0] if processors else {}
    flags = set(first.get("flags", "").split())
    texts = [first.get(key, "") for key in ("cpu family", "model", "stepping")]
    numbers = [int(text) for text in texts if text.isdecimal()]
    core = microarchitecture.x86(first.get("vendor_id", ""), *numbers) if len(numbers) == 3 else ""
    pairs = {(b.get("physical id", "0"), b["core id"]) for b in processors if "core id" in b}
    name = first.get("model name", "")
    current = first.get("cpu MHz", "")
    return {
        "name": cpu_name(name) if name else "",
        "microarchitecture": core,
        "cores": len(pairs) or len(processors) or None,
        "ghz": _base_clock(name) or (round(float(current) / 1e3, 2) if current else None),
        "isa": _isa(flags),
        "virtual": "hypervisor" in flags,
    }


def _linux_arm(probes: Probes, processors: list[dict[str, str]]) -> dict[str, Any]:
    kinds: Counter[str] = Counter()
    for b in processors:
        kinds[microarchitecture.arm(int(b["CPU implementer"], 16), int(b.get("CPU part", "0"), 16))] += 1
    board = probes.text("/proc/device-tree/model") or probes.text("/sys/class/dmi/id/product_name")
    fastest = probes.number("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")
    known = board if board and devices.match(board, "cpu") else ""
    return {
        "name": known or processors[0].get("model name", "") or board,
        "microarchitecture": "+".join(k for k, _ in kinds.most_common() if k),
        "cores": len(processors),  # 64-bit Arm cores run one thread each
        "ghz": fastest / 1e6 if fastest else None,
        "isa": _isa(set(processors[0].get("Features", "").split())),
        "virtual": bool(probes.text("/sys/hypervisor/type")) or "KVM" in probes.text("/sys/class/dmi/id/sys_vendor"),
    }


# --- macOS, Windows ---------------------------------------------------------------------------------------------------


def sysctl(probes: Probes) -> dict[str, str]:
    """All values of ``hw`` and ``machdep.cpu`` on macOS; empty where there is no sysctl."""
    try:
        text = probes.run(["sysctl", "hw", "machdep.cpu"])
    except NotObtainedError:
        return {}
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _mac(probes: Probes) -> dict[str, Any]:
    values = sysctl(probes)
    prefix = "hw.optional."
    flags = {k.removeprefix(prefix).lower() for k, v in values.items() if k.startswith(prefix) and v == "1"}
    flags |= set(values.get("machdep.cpu.features", "").lower().split())
    memory, clock = _whole(values.get("hw.memsize")), _whole(values.get("hw.cpufrequency"))
    name = values.get("machdep.cpu.brand_string", "")
    return {
        "name": cpu_name(name) if name else "",
        "cores": _whole(values.get("hw.physicalcpu")),
        "threads": _whole(values.get("hw.logicalcpu")),
        "ghz": _base_clock(name) or (clock / 1e9 if clock else None),
        "isa": (("NEON",) if name.startswith("Apple") else ()) + _isa(flags - {"neon"}),
        "virtual": values.get("kern.hv_vmm_present") == "1" or "VirtualApple" in name,
        "memory_mb": memory / 1e6 if memory else None,
    }


_WINDOWS_QUERY = (
    "$p = @(Get-CimInstance Win32_Processor); $s = Get-CimInstance Win32_ComputerSystem; "
    "ConvertTo-Json @{name=$p[0].Name; mhz=$p[0].MaxClockSpeed; memory=$s.TotalPhysicalMemory; "
    "cores=($p | Measure-Object NumberOfCores -Sum).Sum; virtual=$s.HypervisorPresent; "
    "threads=($p | Measure-Object NumberOfLogicalProcessors -Sum).Sum}"
)


def _windows(probes: Probes) -> dict[str, Any]:
    try:
        said = json.loads(probes.run(["powershell", "-NoProfile", "-Command", _WINDOWS_QUERY]))
    except (NotObtainedError, ValueError):
        return {}
    name = str(said.get("name") or "")
    return {
        "name": cpu_name(name) if name else "",
        "cores": said.get("cores"),
        "threads": said.get("threads"),
        "ghz": _base_clock(name) or (said["mhz"] / 1e3 if said.get("mhz") else None),
        "memory_mb": said["memory"] / 1e6 if said.get("memory") else None,
    }


def _other(probes: Probes) -> dict[str, Any]:
    return {"name": probes.machine}
