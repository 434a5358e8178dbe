"""Which core a processor has, from the numbers by which it identifies itself.

The names are those of ``catalog/data/core_types.csv`` (LLVM's for x86). Hypervisors hide the product name ("AMD EPYC",
"Intel Xeon Processor") but hardly ever these numbers, and they are what the rates per cycle follow from.

Sources: Linux ``arch/x86/include/asm/intel-family.h`` and ``arch/x86/kernel/cpu/amd.c``; AMD processor programming
references; MIDR part numbers as in Linux ``arch/arm64/include/asm/cputype.h`` and Arm's technical reference manuals.
"""

from __future__ import annotations

#: Intel family 6: model numbers of each core.
_INTEL = {
    "nehalem": (26, 30, 31, 46),
    "westmere": (37, 44, 47),
    "sandybridge": (42, 45),
    "ivybridge": (58, 62),
    "haswell": (60, 63, 69, 70),
    "broadwell": (61, 71, 79, 86),
    "skylake": (78, 94, 142, 158, 165, 166),
    "icelake-client": (125, 126),
    "icelake-server": (106, 108),
    "tigerlake": (140, 141),
    "rocketlake": (167,),
    "alderlake": (151, 154),
    "raptorlake": (183, 186, 191),
    "meteorlake": (170, 172),
    "arrowlake": (181, 197),
    "arrowlake-s": (198,),
    "lunarlake": (189,),
    "pantherlake": (204,),
    "sapphirerapids": (143,),
    "emeraldrapids": (207,),
    "graniterapids": (173, 174),
    "sierraforest": (175,),
    "silvermont": (55, 74, 76, 77, 90, 93),
    "goldmont": (92, 95),
    "goldmont-plus": (122,),
    "tremont": (134, 138, 150, 156),
    "gracemont": (190,),
    "knl": (87, 133),
}
_INTEL_MODELS = {model: core for core, models in _INTEL.items() for model in models}

#: AMD families: (first model, core) in ascending order.
_AMD: dict[int, tuple[tuple[int, str], ...]] = {
    0x10: ((0, "amdfam10"),),
    0x15: ((0, "bdver1"), (0x10, "bdver2"), (0x30, "bdver3")),
    0x16: ((0, "btver2"),),
    0x17: ((0, "znver1"), (0x30, "znver2")),
    0x19: ((0, "znver3"), (0x10, "znver4"), (0x20, "znver3"), (0x60, "znver4"), (0x80, "znver3"), (0x90, "znver4")),
    0x1A: ((0, "znver5"), (0x20, "znver5-mobile"), (0x40, "znver5"), (0x60, "znver5-mobile"), (0x70, "znver5")),
}

#: Implementer and part number of the MIDR of a 64-bit Arm core.
_ARM = {
    (0x41, 0xD03): "Cortex-A53",
    (0x41, 0xD04): "Cortex-A35",
    (0x41, 0xD05): "Cortex-A55",
    (0x41, 0xD07): "Cortex-A57",
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD09): "Cortex-A73",
    (0x41, 0xD0A): "Cortex-A75",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse-N1",
    (0x41, 0xD0D): "Cortex-A77",
    (0x41, 0xD0E): "Cortex-A76AE",
    (0x41, 0xD40): "Neoverse-V1",
    (0x41, 0xD41): "Cortex-A78",
    (0x41, 0xD42): "Cortex-A78AE",
    (0x41, 0xD44): "Cortex-X1",
    (0x41, 0xD46): "Cortex-A510",
    (0x41, 0xD47): "Cortex-A710",
    (0x41, 0xD48): "Cortex-X2",
    (0x41, 0xD49): "Neoverse-N2",
    (0x41, 0xD4A): "Neoverse-E1",
    (0x41, 0xD4B): "Cortex-A78C",
    (0x41, 0xD4D): "Cortex-A715",
    (0x41, 0xD4E): "Cortex-X3",
    (0x41, 0xD4F): "Neoverse-V2",
    (0x41, 0xD80): "Cortex-A520",
    (0x41, 0xD81): "Cortex-A720",
    (0x41, 0xD82): "Cortex-X4",
    (0x41, 0xD84): "Neoverse-V3",
    (0x41, 0xD85): "Cortex-X925",
    (0x41, 0xD87): "Cortex-A725",
    (0x46, 0x001): "A64FX",
    (0x48, 0xD01): "TaiShan-v110",
    (0x4E, 0x003): "Denver2",
    (0x4E, 0x004): "Carmel",
    (0x61, 0x022): "Icestorm",
    (0x61, 0x023): "Firestorm",
    (0x61, 0x032): "Blizzard",
    (0x61, 0x033): "Avalanche",
}


def _cascade_lake(stepping: int) -> str:
    """Tell the three products of Intel model 85 apart: Skylake-SP up to 4, Cascade Lake 5 to 7, Cooper Lake from 10."""
    return "skylake-avx512" if stepping <= 4 else "cascadelake" if stepping < 10 else "cooperlake"


def x86(vendor: str, family: int, model: int, stepping: int = 0) -> str:
    """Core of an x86 processor.

    Parameters
    ----------
    vendor : str
        ``GenuineIntel``, ``AuthenticAMD`` or ``HygonGenuine``.
    family, model, stepping : int
        As the processor and ``/proc/cpuinfo`` say them (the extended fields added).

    Returns
    -------
    str
        Name in ``core_types.csv``, empty if it is not known.
    """
    if vendor == "GenuineIntel" and family == 6:
        return _cascade_lake(stepping) if model == 85 else _INTEL_MODELS.get(model, "")
    if vendor == "HygonGenuine" and family == 0x18:  # Dhyana: first-generation Zen under licence
        return "znver1"
    known = _AMD.get(family, ()) if vendor == "AuthenticAMD" else ()
    return next((core for first, core in reversed(known) if model >= first), "")


def arm(implementer: int, part: int) -> str:
    """Core of a 64-bit Arm processor, empty if it is not known.

    Parameters
    ----------
    implementer, part : int
        Fields of the main identification register, as ``/proc/cpuinfo`` shows them for each core.
    """
    return _ARM.get((implementer, part), "")
