"""Spec sheets of devices: peak rates, memory, power, interconnect, price; and look-up by any usual spelling.

The facts are in ``data/devices_*.csv``, one row a device, each with its source. Rates are *dense* (no structured
sparsity) at boost clock, of the fastest unit that computes the format.

Shorthands that could mean several variants take the most common one: ``a100`` is the SXM4 80 GB, ``h100`` the SXM5
80 GB, ``v100`` the SXM2 16 GB, ``p100`` the PCIe 16 GB, ``gh200`` the 96 GB, ``m3 max`` the chip with all GPU cores.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from types import MappingProxyType

from hwpredict.catalog import _device_names as names
from hwpredict.errors import unknown
from hwpredict.workload import Platform

#: Number formats with a peak rate in the catalog (:attr:`hwpredict.workload.Format.compute`).
RATES = ("fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "fp4", "int8", "int4")

#: What software computes in when a device has no unit for a format, in order of preference.
FALLBACKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "fp64": ("fp32",),
        "fp32": ("tf32", "bf16", "fp16"),  # TPUs and most accelerators run fp32 graphs in 16 bits
        "tf32": ("fp32", "bf16", "fp16"),
        "fp16": ("bf16", "fp32"),
        "bf16": ("fp32", "fp16"),  # frameworks emulate it in fp32: the exponent does not fit fp16
        "fp8": ("fp16", "bf16", "fp32"),
        "fp4": ("fp8", "fp16", "bf16", "fp32"),
        "int8": ("fp16", "bf16", "fp32"),
        "int4": ("int8", "fp16", "bf16", "fp32"),
    }
)

#: Software emulation of fp64 on fp32 units costs about this factor (double-float arithmetic).
FP64_EMULATION = 32.0

_KINDS_OF_ROLE = {"cpu": {"cpu"}, "gpu": {"gpu", "igpu"}, "npu": {"npu", "asic", "tpu"}}
_RANK = {kind: i for i, kind in enumerate(("gpu", "tpu", "asic", "fpga", "npu", "soc", "igpu", "cpu"))}

#: Devices that stand for "some device of this platform": launched since 2018, on sale or in wide use, well measured,
#: and spread over the classes (server, workstation, desktop, laptop, edge) that the platform is found in.
_REPRESENTATIVES: Mapping[str, str] = MappingProxyType(
    {
        "cuda": "H200|H100|A100-SXM4-80GB|A100-SXM4-40GB|L40S|L4|A10G|T4|V100-SXM2-32GB|RTX 6000 Ada|RTX A6000|"
        "RTX 5090|RTX 4090|RTX 3090|RTX 5070|RTX 4060|RTX 3060|RTX 4060 Laptop GPU|Jetson AGX Orin",
        "rocm": "MI300X|MI325X|MI250|MI210|Radeon AI PRO R9700|RX 9070 XT|RX 7900 XTX|RX 7800 XT|RX 7600|RX 6700 XT|"
        "Radeon 8060S|Radeon 780M",
        "mps": "M1|M1 Pro|M1 Max|M2|M2 Pro|M2 Ultra|M3|M3 Pro|M3 Max|M4|M4 Pro|M4 Max|M5",
        "cpu": "Xeon Platinum 8480+|Xeon Platinum 8592+|Xeon Platinum 8275CL|EPYC 9654|EPYC 7R32|Core i9-13900K|"
        "Core i7-12700|Core Ultra 7 155H|Ryzen 9 7950X|Ryzen 7 5800X|Apple M1 CPU|Apple M3 CPU|Raspberry Pi 5",
        "openvino": "Xeon Platinum 8480+|Core i9-13900K|Core i7-12700|Core Ultra 7 155H CPU|Core Ultra 7 155H iGPU|"
        "Arc 140V|Iris Xe Graphics|UHD Graphics 770|Arc A770|Arc B580|Data Center GPU Flex 170|Core Ultra 7 258V NPU",
        "webnn": "Core Ultra 7 155H iGPU|Core Ultra 7 258V NPU|Arc 140V|Iris Xe Graphics|RTX 4060 Laptop GPU|RTX 3060|"
        "Radeon 780M|Apple M1|Apple M3",
        "webgpu": "Iris Xe Graphics|Core Ultra 7 155H iGPU|Radeon 780M|RX 6700 XT|RTX 4060 Laptop GPU|RTX 3060|"
        "RTX 4090|Apple M1|Apple M2|Apple M3|Apple M3 Max|Adreno 740",
        "qnn": "Snapdragon 8 Elite|Snapdragon 8 Elite Gen 5|Snapdragon 8 Gen 3|Snapdragon 8 Gen 2|Snapdragon X Elite|"
        "Snapdragon 7 Gen 4|QCS6490|SA8775P",
        "tpu": "TPU v3|TPU v4|TPU v5e|TPU v5p|TPU v6e|TPU v7",
        "other": "Inferentia2|Trainium|Gaudi2|Gaudi3|Cloud AI 100 Pro|Data Center GPU Max 1550|Hailo-8|Hailo-10H|"
        "RK3588|BM1684X|Kria KV260|Coral Edge TPU",
    }
)

#: What ``recommend`` considers when no hardware is named, as (platform, device): one or two of every class a reader
#: could buy or rent, on the platform that it is usually driven by.
DEFAULT_TARGETS: tuple[tuple[str, str], ...] = (
    ("cuda", "NVIDIA H100-SXM5-80GB"),
    ("cuda", "NVIDIA A100-SXM4-80GB"),
    ("cuda", "NVIDIA L4"),
    ("cuda", "NVIDIA T4"),
    ("cuda", "NVIDIA GeForce RTX 4090"),
    ("rocm", "AMD Instinct MI300X"),
    ("rocm", "AMD Radeon RX 7900 XTX"),
    ("mps", "Apple M3 Max (40-core GPU)"),
    ("cpu", "Intel Xeon Platinum 8480+"),
    ("cpu", "AMD EPYC 9654"),
    ("openvino", "Intel Arc Graphics (Core Ultra 7 155H)"),
    ("webgpu", "Apple M3 (10-core GPU)"),
    ("qnn", "Snapdragon 8 Elite"),
    ("tpu", "Google TPU v5e"),
    ("other", "AWS Inferentia2"),
)


@dataclass(frozen=True, slots=True)
class Device:
    """One product (or one configuration of it) as its maker specifies it.

    Attributes
    ----------
    name : str
        Canonical product name.
    platforms : tuple of str
        Software platforms that drive it (:class:`hwpredict.workload.Platform`).
    vendor, kind, architecture, segment : str
        Maker; gpu, igpu, cpu, npu, soc, tpu, fpga or asic; micro-architecture; datacenter, workstation, consumer,
        laptop, edge, mobile, embedded or unstated.
    year : int or None
        Year of launch.
    rates : Mapping of str to float
        Dense peak per number format of :data:`RATES`, TFLOP s-1 (TOP s-1 for integers). A format without hardware is
        missing.
    bandwidth_gb_s, memory_gb, tdp_w : float or None
        Memory bandwidth in GB s-1, memory in GB (the largest option where it varies), board power in W.
    cores : int or None
        Shader, compute or CPU cores as the maker counts them.
    interconnect : str
    interconnect_gb_s : float or None
        Total of both directions, GB s-1 per device.
    price_usd : float or None
        List price at launch, where published.
    price_date : str
        Its month, YYYY-MM.
    aliases : tuple of str
        Further spellings.
    source : str
        Where the figures are from.
    derived : bool
        Computed from a description, not from a spec sheet.
    """

    name: str
    platforms: tuple[str, ...]
    vendor: str = ""
    kind: str = "gpu"
    architecture: str = ""
    segment: str = ""
    year: int | None = None
    rates: Mapping[str, float] = field(default_factory=dict, hash=False)
    bandwidth_gb_s: float | None = None
    memory_gb: float | None = None
    tdp_w: float | None = None
    cores: int | None = None
    interconnect: str = ""
    interconnect_gb_s: float | None = None
    price_usd: float | None = None
    price_date: str = ""
    aliases: tuple[str, ...] = ()
    source: str = ""
    derived: bool = False

    def peak(self, compute: str) -> tuple[float, str] | None:
        """Peak rate that software reaches for a number format, falling back as software does.

        A format that the device lacks, or that runs slower than fp32 on it (fp16 on GeForce GTX 10), is computed in
        the next of :data:`FALLBACKS`.

        Parameters
        ----------
        compute : str
            One of :data:`RATES`.

        Returns
        -------
        tuple of (float, str) or None
            FLOP s-1 (OP s-1) and the format whose rate it is; None if the device cannot compute it at all, such as
            floating point on an int8-only accelerator.
        """
        if compute not in FALLBACKS:
            raise unknown("number format", compute, RATES)
        native = self.rates.get(compute)
        slower = compute != "fp64" and native is not None and native < self.rates.get("fp32", 0.0)
        if native is not None and not slower:
            return native * 1e12, compute
        for other in self._fallbacks(compute):
            rate = self.rates.get(other)
            if rate is not None:
                return rate * 1e12 / (FP64_EMULATION if compute == "fp64" else 1.0), other
        return None

    def _fallbacks(self, compute: str) -> Iterable[str]:
        usual = FALLBACKS[compute]
        if self.rates.get("fp32", 0.0) > max(self.rates.get("fp16", 0.0), self.rates.get("bf16", 0.0)):
            # 16-bit arithmetic that is slower than fp32 is only storage: the sums are done in fp32
            return sorted(usual, key=lambda other: other in ("fp16", "bf16"))
        return usual


def _number(text: str) -> float | None:
    return float(text) if text else None


@cache
def _rows() -> Mapping[str, Mapping[str, str]]:
    """Raw rows of the data files by canonical name."""
    found: dict[str, Mapping[str, str]] = {}
    data = resources.files("hwpredict.catalog").joinpath("data")
    for file in sorted((f for f in data.iterdir() if f.name.startswith("devices_")), key=lambda f: f.name):
        rows = csv.reader(file.read_text(encoding="utf-8").splitlines())
        columns = next(rows)
        for row in rows:
            found[row[0]] = dict(zip(columns, row, strict=True))
    return found


@cache
def _device(name: str) -> Device:
    row = _rows()[name]
    return Device(
        name=name,
        platforms=tuple(row["platforms"].split()),
        vendor=row["vendor"],
        kind=row["kind"],
        architecture=row["architecture"],
        segment=row["segment"],
        year=int(row["year"]) if row["year"] else None,
        rates=MappingProxyType({f: float(rate) for f in RATES if (rate := row[f])}),
        bandwidth_gb_s=_number(row["bandwidth_gb_s"]),
        memory_gb=_number(row["memory_gb"]),
        tdp_w=_number(row["tdp_w"]),
        cores=int(float(row["cores"])) if row["cores"] else None,
        interconnect=row["interconnect"],
        interconnect_gb_s=_number(row["interconnect_gb_s"]),
        price_usd=_number(row["price_usd"]),
        price_date=row["price_date"],
        aliases=tuple(row["aliases"].split("|")) if row["aliases"] else (),
        source=row["source"],
    )


class _Catalog(Mapping[str, Device]):
    """All devices; each is built when it is asked for, since a look-up needs one of thousands."""

    def __getitem__(self, name: str) -> Device:
        return _device(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_rows())

    def __len__(self) -> int:
        return len(_rows())


def catalog() -> Mapping[str, Device]:
    """All devices by canonical name, in the order of the data files.

    Returns
    -------
    Mapping of str to Device
    """
    return _Catalog()


#: What an index holds of a spelling: the canonical name of its device and the makers that the spelling names.
type _Entry = tuple[str, frozenset[str]]


def _spellings() -> Iterator[tuple[_Entry, list[str], str | None]]:
    for name, row in _rows().items():
        for spelling in (name, *row["aliases"].split("|")):
            text, role = names.role(names.plain(spelling))
            words, makers = names.split(text)
            if words:
                yield (name, makers), words, role


@cache
def _index() -> dict[str, list[_Entry]]:
    """Devices by joined words, ``#role`` appended where the spelling names one part of a chip."""
    index: dict[str, list[_Entry]] = {}
    short: dict[str, set[_Entry]] = {}
    for entry, words, role in _spellings():
        joined = "".join(words)
        index.setdefault(f"{joined}#{role}" if role else joined, []).append(entry)
        if words[0] in ("rtx", "gtx", "rx") and ("GeForce" in entry[0] or "Radeon RX" in entry[0]):
            short.setdefault("".join(words[1:]), set()).add((entry[0], frozenset()))
    for shorthand, entries in short.items():  # "4090": only where it is one product's
        if len(entries) == 1:
            index.setdefault(shorthand, list(entries))
    return index


@cache
def _index_of_words() -> dict[frozenset[str], list[_Entry]]:
    """Devices by the words of their name in any order (``A100 40GB PCIe``, ``A100-PCIE-40GB``)."""
    index: dict[frozenset[str], list[_Entry]] = {}
    for entry, words, role in _spellings():
        if role is None:
            index.setdefault(frozenset(words), []).append(entry)
    return index


def _pick(entries: Iterable[_Entry], makers: frozenset[str], platform: str | None, role: str | None) -> Device | None:
    """Choose the device that the platform drives and the role means.

    Of several, the one whose maker is named; then an accelerator before the CPU beside it.
    """

    def allowed(entry: _Entry) -> bool:
        row = _rows()[entry[0]]
        if platform is not None and platform not in row["platforms"].split():
            return False
        return role not in _KINDS_OF_ROLE or row["kind"] in _KINDS_OF_ROLE[role]

    def order(entry: _Entry) -> tuple[int, int]:
        return -len(entry[1] & makers), _rank(_rows()[entry[0]]["kind"])

    best = min(filter(allowed, entries), key=order, default=None)
    return _device(best[0]) if best else None


def _rank(kind: str) -> int:
    return _RANK.get(kind, len(_RANK))


def _lookup(text: str, hint: str | None, platform: str | None) -> Device | None:
    """Exact look-up of a plain name without its role."""
    words, makers = names.split(text)
    if not words:
        return None
    joined = "".join(words)
    role = hint or ("cpu" if platform == Platform.CPU else None)
    if role and (found := _pick(_index().get(f"{joined}#{role}", ()), makers, platform, None)):
        return found
    if role == "cpu+gpu":
        return None
    if found := _pick(_index().get(joined, ()), makers, platform, role):
        return found
    return _pick(_index_of_words().get(frozenset(words), ()), makers, platform, role)


def find(name: str, platform: str | None = None) -> Device:
    """Device by canonical name, alias or shorthand; case, spaces and vendor do not matter.

    Parameters
    ----------
    name : str
        ``a100``, ``RTX3090``, ``m3 max``, ``NVIDIA H100-SXM5-80GB`` …
    platform : str, optional
        Only devices that this platform drives; it also tells the CPU of a chip from its GPU.

    Returns
    -------
    Device

    Raises
    ------
    UnknownNameError
        If there is none; says which names are close.
    """
    text, hint = names.role(names.plain(name))
    found = _lookup(text, hint, platform)
    if found is None:
        if platform and (elsewhere := _lookup(text, hint, None)):
            raise unknown("device", name, [elsewhere.name], hint=f"It runs on {', '.join(elsewhere.platforms)}.")
        known = [d.name for d in catalog().values() if platform is None or platform in d.platforms]
        short = [" ".join(w for w in n.split() if w.lower() not in names.NOISE) for n in known]
        raise unknown("device", name, [n for n in (*known, *short) if n])
    return found


@cache
def match(name: str, platform: str | None = None) -> Device | None:
    """Device meant by a spelling in a measurement table, or None.

    Tolerates vendor prefixes, memory suffixes, clocks, host text around the product and the wordings of usual tools;
    a name that could be a sibling of a known product is not matched. Where the catalog has nothing, the specification
    is derived from the description if it says enough.

    Parameters
    ----------
    name : str
    platform : str, optional
        Platform of the measurement; decides between the CPU and the GPU of one chip.

    Returns
    -------
    Device or None
    """
    if platform is not None and name in _rows() and platform in _rows()[name]["platforms"].split():
        return _device(name)  # the canonical name: no index of all spellings is needed
    text, hint = names.role(names.plain(name))
    found = _lookup(text, hint, platform)
    if found is None and hint == "cpu+gpu":
        found = _together(_lookup(text, "cpu", platform), _lookup(text, "gpu", platform))
    if found is None and hint is None and (chip := names.apple(text)):
        found = _lookup(names.plain(chip), None, platform)
    if found is None and "vcpu" in text:  # a share of a processor is not the processor
        found = _derive(name, platform)
    if found is None:
        found = next((d for whole in names.looser(text) if (d := _lookup(whole, hint, platform))), None)
    if found is None:  # a description of a machine: of the products it names, the graphics card before the built-in one
        named = [d for part in names.parts(text) if (d := _lookup(part, hint, platform))]
        found = min(named, key=lambda d: _rank(d.kind), default=None)
    return found or _derive(name, platform)


def _together(cpu: Device | None, gpu: Device | None) -> Device | None:
    """Both parts of a chip driven as one device: their rates add up, their memory is the same."""
    if cpu is None or gpu is None:
        return None
    peaks = {f: (cpu.peak(f), gpu.peak(f)) for f in gpu.rates}
    return replace(
        gpu,
        name=f"{cpu.name} (CPU+iGPU)",
        architecture=f"{cpu.architecture} and {gpu.architecture}",
        rates=MappingProxyType({f: (a[0] + b[0]) / 1e12 for f, (a, b) in peaks.items() if a and b}),
        aliases=(),
        source=f"sum of {cpu.name} and {gpu.name}",
        derived=True,
    )


def _derive(name: str, platform: str | None) -> Device | None:
    from hwpredict.catalog import derived  # it imports Device from here

    return derived.derive(name, platform)


@cache
def representatives(platform: str) -> tuple[str, ...]:
    """Devices that stand for a platform whose device is not named.

    Parameters
    ----------
    platform : str
        One of :class:`hwpredict.workload.Platform`.

    Returns
    -------
    tuple of str
        Canonical names, some 6 to 20.
    """
    if platform not in _REPRESENTATIVES:
        raise unknown("platform", platform, _REPRESENTATIVES)
    return tuple(find(name, platform).name for name in _REPRESENTATIVES[platform].split("|"))
