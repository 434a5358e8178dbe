"""Processors known only by a description: their name in the catalog, or a specification read from the text.

Benchmark tables describe processors in words: ``Rockchip RK3399 (Cortex-A72 1.8GHz x 2 + Cortex-A53 1.5GHz x 4)``,
``Intel Xeon CPU @ 2.20GHz (2 vCPU)``, ``AWS c5.4xlarge Instance``. In this order, :func:`derive` finds the product in
the catalog; takes the instance's share of the cloud provider's processor; adds up the clusters of cores described;
or guesses cores and clock from the class of the product. Rates are cores x GHz x operations per cycle, the last from
``data/core_types.csv``. Bandwidth, which descriptions never state, is a rule of thumb for the class.
"""

from __future__ import annotations

import csv
import dataclasses
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from hwpredict.catalog._cpu_patterns import (
    _ACCELERATOR,
    _AWS,
    _AZURE,
    _BANDWIDTH,
    _BANDWIDTH_PER_CORE,
    _CLASS_CORES,
    _CLOCK,
    _CLOUD,
    _CLUSTER_SPLIT,
    _CORE_GENERATION,
    _COUNT,
    _DETAIL,
    _DROPPED,
    _E5_GENERATION,
    _GCP,
    _GPU,
    _MARKS,
    _MODELS,
    _PLACE,
    _RYZEN_GENERATION,
    _SEPARATORS,
    _SERVER_CLOCK,
    _SPELLINGS,
    _THREADS,
    _TIERS,
    _WORD_COUNT,
    _WORDS,
    _X86,
    _XEON_GENERATION,
)
from hwpredict.catalog.devices import Device, catalog


@dataclass(frozen=True, slots=True)
class CoreType:
    """A processor core: operations per cycle by number format, and its usual clock.

    Attributes
    ----------
    name : str
    per_cycle : dict of str to float
        fp32, fp16, bf16 (FLOP) and int8 (OP) per cycle; a format that is missing is not supported.
    ghz : float
        Typical sustained clock.
    year : int
    """

    name: str
    per_cycle: dict[str, float]
    ghz: float
    year: int


@dataclass(frozen=True, slots=True)
class _Cluster:
    core: CoreType
    count: int
    ghz: float

    def __str__(self) -> str:
        return f"{self.count} {self.core.name} x {self.ghz:g} GHz x {self.core.per_cycle['fp32']:g} flop/cycle"


@cache
def core_types() -> dict[str, CoreType]:
    """All core types by lower-case name.

    Returns
    -------
    dict of str to CoreType
    """
    columns = {"fp32": "fp32_flop", "fp16": "fp16_flop", "bf16": "bf16_flop", "int8": "int8_op"}
    found: dict[str, CoreType] = {}
    with resources.files("hwpredict.catalog").joinpath("data/core_types.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            rates = {f: float(row[f"{c}_per_cycle"]) for f, c in columns.items() if row[f"{c}_per_cycle"]}
            found[row["core"].lower()] = CoreType(row["core"], rates, float(row["typical_ghz"]), int(row["year"]))
    return found


@cache
def _core_pattern() -> re.Pattern[str]:
    names = sorted((n for n in core_types() if n != "generic-x86"), key=len, reverse=True)
    return re.compile(rf"(?<![a-z0-9-])({'|'.join(map(re.escape, names))})(?![a-z0-9])")


@cache
def _products() -> dict[str, str]:
    """Names of the processors of the catalog by the key of every spelling."""
    found: dict[str, str] = {}
    for file in ("devices_cpu.csv", "devices_soc.csv"):
        with resources.files("hwpredict.catalog").joinpath("data", file).open(encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                if row["kind"] == "cpu":
                    for spelling in (row["name"], *filter(None, row["aliases"].split("|"))):
                        found.setdefault(_key(spelling), row["name"])
    return found


def _product(spelling: str) -> Device | None:
    name = _products().get(_key(spelling))
    return catalog()[name] if name else None


def _key(name: str) -> str:
    lowered = name.lower() if name.isascii() else name.lower().encode("ascii", "replace").decode()
    return "".join([w for w in lowered.translate(_SEPARATORS).split() if w not in _TIERS])


def _plain(name: str) -> str:
    """Compatibility characters folded, trademark signs and typographic hyphens gone, single spaces."""
    text = unicodedata.normalize("NFKC", _MARKS.sub(" ", name)).replace("×", "x")
    return " ".join(re.sub("[\u2010-\u2015]", "-", text).split())


def cpu_name(name: str) -> str:
    """Shorten what an operating system or a table calls a processor to its product name.

    Parameters
    ----------
    name : str
        ``13th Gen Intel(R) Core(TM) i7-13700H @ 2.40GHz (alderlake)``, ``AMD Ryzen 7 5800H with Radeon Graphics`` …

    Returns
    -------
    str
        ``Intel Core i7-13700H``, ``AMD Ryzen 7 5800H``; a name without such additions comes back as it is.

    Examples
    --------
    >>> cpu_name("Intel(R) Xeon(R) CPU E5-2697 v2 @ 2.70GHz (ivybridge)")
    'Intel Xeon E5-2697 v2'
    >>> cpu_name("AMD Ryzen 9 5950X 16-Core Processor (znver3)")
    'AMD Ryzen 9 5950X'
    """
    text = _PLACE.sub(" ", _plain(name))
    micro = rf"\((?:{'|'.join(re.escape(n) for n in core_types())})\)"
    text = re.sub(micro, " ", text, flags=re.IGNORECASE)
    text = _DETAIL.sub(" ", text) if not text.startswith("(") else text
    text = re.sub(r"\(\s*cpu\s*\)", "CPU", text, flags=re.IGNORECASE)
    for pattern in _DROPPED:
        text = pattern.sub(" ", text)
    if _X86.search(text):
        text = re.sub(r"\bcpu\b", " ", text, flags=re.IGNORECASE)
        text = re.sub(r"^(?=(?:ryzen|epyc|threadripper)\b)", "AMD ", text.strip(), flags=re.IGNORECASE)
        text = re.sub(r"^(?=(?:core|xeon)\b)", "Intel ", text, flags=re.IGNORECASE)
        text = re.sub(r"^AMD (?=threadripper)", "AMD Ryzen ", text, flags=re.IGNORECASE)
        text = re.sub(r"(?<=FX|on) +(?=-?\d)", " ", text).replace("FX -", "FX-")
        text = re.sub(r"(?<=E5-\d{4}) 0$", "", text.rstrip())
    return " ".join(text.split()).strip(" ,") or _plain(name)


def _known(text: str) -> Device | None:
    """Catalog entry of a processor named in a text."""
    short = cpu_name(text)
    outside = re.sub(r"\([^()]*\)?", " ", short)
    candidates = [c for c in (text, short, outside, outside.split(",")[-1]) if c.strip()]
    for model in _MODELS.findall(text):
        candidates.append(f"core {model}" if model[0] in "iI" else model)
    for candidate in candidates:
        for spelling in (candidate, f"{candidate} CPU", re.sub(r"\s+cpu$", "", candidate, flags=re.IGNORECASE)):
            if found := _product(spelling):
                return found
    return None


def _share(device: Device, cores: float, name: str) -> Device:
    """Give the part of a processor that a virtual machine gets: rates and bandwidth by its cores."""
    part = cores / (device.cores or cores)
    return dataclasses.replace(
        device,
        name=name,
        rates={f: r * part for f, r in device.rates.items()},
        bandwidth_gb_s=device.bandwidth_gb_s and device.bandwidth_gb_s * part,
        memory_gb=None,
        tdp_w=device.tdp_w and device.tdp_w * part,
        cores=max(1, round(cores)),
        price_usd=None,
        price_date="",
        aliases=(),
        source=f"derived from the description: {cores:g} of {device.cores} cores of {device.name} ({device.source})",
        derived=True,
    )


def _instance(text: str) -> tuple[str, int] | None:
    """Family and virtual CPUs of a cloud instance named in a text."""
    if found := _AWS.search(text):
        size = {"medium": 1, "large": 2, "xlarge": 4}.get(found[2].lower())
        vcpus = size if size else 4 * int(found[3])
        return found[1].lower(), 36 if found[0].lower() == "c4.8xlarge" else vcpus
    if found := _AZURE.search(text):
        vendor = next((v for v in "ap" if v in found[3].lower()), "")
        return f"azure{vendor}{found[4]}", int(found[2])
    if found := _GCP.search(text):
        family = found[1].lower()
        return "c4-" if family == "c4" else family, int(found[2])
    return None


def _cloud(text: str) -> Device | None:
    if (instance := _instance(text)) is None:
        return None
    family, vcpus = instance
    processor, _, whole = _CLOUD.get(family, "").partition(":")
    inside = re.search(r"\(([^()]*(?:xeon|epyc)[^()]*)\)", text, re.IGNORECASE)
    device = (_known(inside[1]) if inside else None) or _product(processor)
    return _share(device, max(vcpus if whole else vcpus / 2, 0.5), text) if device and vcpus else None


def _clocks(text: str) -> list[float]:
    values = [float(v) / (1e3 if unit in "mM" else 1.0) for v, unit in _CLOCK.findall(text)]
    return [v for v in values if 0.01 <= v <= 7.0]


def _count(text: str) -> int | None:
    if found := _COUNT.search(text):
        number = int(next(g for g in found.groups() if g))
        return number if number >= 1 else None
    words = _WORDS.search(text)
    return _WORD_COUNT[words[1].lower()] if words else None


def _respelled(text: str) -> str:
    text = text.lower()
    for pattern, replacement in _SPELLINGS:
        text = re.sub(pattern, replacement, text)
    return " ".join(text.split())


def _core(text: str) -> CoreType | None:
    found = _core_pattern().search(text)
    if found is None:
        return None
    name = found[1]
    if name == "kryo" and (number := re.match(r" (\d{3})", text[found.end() :])):
        name = "kryo 485" if number[1] >= "4" else "kryo 385" if number[1] >= "3" else "kryo 260"
    return core_types()[name]


def _clusters(text: str) -> list[_Cluster]:
    """Clusters of cores of a description, in its order."""
    found: list[tuple[CoreType, int | None, float | None]] = []
    pending: CoreType | None = None
    for segment in _CLUSTER_SPLIT.split(_respelled(text)):
        if _ACCELERATOR.search(segment) and not _core_pattern().search(segment):
            continue
        core, clocks, count = _core(segment), _clocks(segment), _count(segment)
        if core is None and not clocks:
            continue  # the name of a board, or a number that is not of a core
        if core is None and found and pending is None:
            core = found[-1][0]
        core = core or pending
        if core is None:
            continue
        pending = None if clocks or count else core
        if clocks or count:
            found.append((core, count, sum(clocks[:2]) / len(clocks[:2]) if clocks else None))
        elif not any(c.name == core.name for c, _, _ in found):
            found.append((core, None, None))
            continue
        if len(found) > 1 and found[-2] == (found[-1][0], None, None):
            found.pop(-2)  # "C910V, 1.848 GHz x 4": the core was pending
    return [_Cluster(_silver(c, g, found), n or _default_count(found), g or c.ghz) for c, n, g in found]


def _silver(core: CoreType, ghz: float | None, found: Sequence[tuple[CoreType, int | None, float | None]]) -> CoreType:
    """Name the slow cluster of a Kryo chip since 2018 what it is: efficiency cores."""
    slow = ghz is not None and ghz < 2.0 and len(found) > 1
    return core_types()["kryo silver"] if slow and core.name >= "Kryo 3" and core.name.startswith("Kryo ") else core


def _default_count(found: Sequence[tuple[CoreType, int | None, float | None]]) -> int:
    """Cores of a cluster whose number is not said: one beside counted clusters or with a clock, else four."""
    return 1 if any(n for _, n, _ in found) else 4


def _generation(text: str) -> str | None:
    """Micro-architecture of an x86 product from the digits of its model number."""
    if found := re.search(r"\bi[3579]-(\d{3,5})", text, re.ASCII):
        digits = found[1]
        number = 1 if len(digits) == 3 else int(digits[:2]) if len(digits) == 5 or digits[0] == "1" else int(digits[0])
        return _CORE_GENERATION[number] if number < len(_CORE_GENERATION) else None
    if found := re.search(r"\be[357]-\d{4}\w?(?: v([1-6]))?", text, re.ASCII):
        return _E5_GENERATION[int(found[1] or 1) - 1]
    if found := re.search(r"\b(?:platinum|gold|silver|bronze) \d([1-5])\d\d", text, re.ASCII):
        return _XEON_GENERATION[int(found[1])]
    if found := re.search(r"\bepyc \w{3}([1-5])", text, re.ASCII):
        return f"znver{found[1]}"
    if found := re.search(r"\b(?:ryzen|threadripper) (?:\w+ )*(\d)\d{3}", text, re.ASCII):
        return _RYZEN_GENERATION[int(found[1])]
    return "meteorlake" if "core ultra" in text else None


def _x86(text: str) -> list[_Cluster]:
    """One cluster for an x86 processor whose model is not in the catalog."""
    lowered = _respelled(text)
    core = _core(lowered) or core_types().get(_generation(lowered) or "")
    clocks, count, threads = _clocks(lowered), _count(lowered), _THREADS.search(lowered)
    if core is None and not (clocks or count or threads):
        return []
    core = core or core_types()["generic-x86"]
    if count is None and threads:
        count = max(1, math.ceil(int(threads[1]) / 2))
    if count is None:
        old = core.year <= 2017
        count = next((before if old else since for p, before, since in _CLASS_CORES if p.search(lowered)), 4)
    usual = core.ghz * (_SERVER_CLOCK if count >= 24 else 1.0)
    return [_Cluster(core, max(count, 1), sum(clocks[:2]) / len(clocks[:2]) if clocks else usual)]


def _bandwidth(clusters: Sequence[_Cluster], pc: bool, shared: bool) -> tuple[float, str]:
    cores = sum(c.count for c in clusters)
    if cores >= 16 or shared:
        return _BANDWIDTH_PER_CORE * cores, f"{_BANDWIDTH_PER_CORE:g} GB/s per core"
    year = max(c.core.year for c in clusters)
    _, embedded, desktop = next(b for b in _BANDWIDTH if year <= b[0])
    return (desktop, "two channels of its time") if pc else (embedded, "embedded memory of its time")


def _formats(clusters: Sequence[_Cluster]) -> Iterator[tuple[str, float]]:
    """Rates of the whole chip, TFLOP/s, of the formats that all its cores have."""
    for form in ("fp32", "fp16", "bf16", "int8"):
        if all(form in c.core.per_cycle for c in clusters):
            yield form, round(sum(c.count * c.ghz * c.core.per_cycle[form] for c in clusters) / 1e3, 9)


def described(name: str) -> Device | None:
    """Processor computed from the words of its description alone, without a look in the catalog.

    Parameters
    ----------
    name : str
        Clusters of cores (``Cortex-A72 1.8GHz x 2 + Cortex-A53 1.5GHz x 4``), or an x86 processor with its clock,
        its cores or threads, its LLVM name in brackets, or a model number that tells its generation.

    Returns
    -------
    Device or None
        With ``derived`` true and ``source`` saying what was read or assumed; None if nothing can be read.

    Examples
    --------
    >>> described("Some Board (Cortex-A72 2.0GHz x 2 + Cortex-A53 1.5GHz x 4)").rates["fp32"]
    0.08
    """
    text = _plain(name)
    pc = bool(_X86.search(text)) or any(word.startswith(("znver", "bdver")) for word in _respelled(text).split())
    clusters = _x86(text) if pc else _clusters(text)
    if not clusters:
        return None
    bandwidth, rule = _bandwidth(clusters, pc, shared=bool(_THREADS.search(text)))
    return Device(
        name=text,
        platforms=("cpu",),
        kind="cpu",
        architecture="+".join(dict.fromkeys(c.core.name for c in clusters)),
        segment="unstated",
        year=max(c.core.year for c in clusters),
        rates=dict(_formats(clusters)),
        bandwidth_gb_s=bandwidth,
        cores=sum(c.count for c in clusters),
        source=f"derived from the description: {' + '.join(map(str, clusters))}; bandwidth: {rule}",
        derived=True,
    )


def derive(name: str, platform: str | None) -> Device | None:
    """Processor that a free description means, from the catalog or computed from the text.

    Parameters
    ----------
    name : str
        Any text; descriptions of GPUs, such as ``… [Vulkan GPU]``, give None.
    platform : str or None
        Only ``cpu`` and ``openvino`` are answered.

    Returns
    -------
    Device or None
        A catalog entry where the text names one; else a share of one (cloud instances) or what :func:`described`
        reads, both with ``derived`` true; None if nothing can be read.
    """
    if platform not in ("cpu", "openvino") or _GPU.search(name) or re.search(r"\bhost cpu of\b", name, re.IGNORECASE):
        return None
    text = _plain(name)
    if cloud := _cloud(text):
        return cloud
    if (known := _known(text)) is None:
        return described(text)
    threads, cores = _THREADS.search(text), known.cores or 0
    if threads and 0 < int(threads[1]) < cores:  # a virtual machine; a count of all threads says nothing new
        return _share(known, max(int(threads[1]) / 2, 0.5), text)
    return known
