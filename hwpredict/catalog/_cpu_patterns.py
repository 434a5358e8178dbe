"""Spellings and tables that :mod:`hwpredict.catalog.derived` reads CPU descriptions with."""

from __future__ import annotations

import re

_MARKS = re.compile(r"\((?:r|tm|c)\)|[®™©]", re.IGNORECASE)
_GPU = re.compile(r"\[[^\]]*gpu[^\]]*\]|\(webgl|\(i?gpu\)|cpu\s*\+\s*i?gpu|\bigpu\b\)?$|\bnpu\b\)?$", re.IGNORECASE)
_PLACE = re.compile(r"\[\d{4}-\d\d-\d\d\]|\bof (?:desktop|notebook|laptop)\b", re.IGNORECASE)
_DETAIL = re.compile(
    r"\((?=[^)]*(?:\d\s*[gm]hz|vcpu|thread|core|unstated|aarch64|x86|no tsx|ibrs|rapids|lake))"
    r"[^()]*(?:\([^()]*\)[^()]*)*\)?",
    re.IGNORECASE,
)
_X86 = re.compile(
    r"intel|amd\b|\bkvm\b|\bqemu\b|virtual cpu|xeon|ryzen|epyc|threadripper|opteron|celeron|pentium|x86|"
    r"core(?:\s?2|\s+i\d|\s+m|\s+ultra)",
    re.IGNORECASE,
)
_DROPPED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^\(?\d+\s?x\)?\s+",  # 2x: the number of sockets is not the product
        r"\b\d+th gen(?:eration)?\b|\b(?:1st|2nd|3rd) gen(?:eration)?\b",
        r"\s*@\s*\d.*$",
        r"\s+(?:w/|with)\s.*$",
        r"^\w+-core\s",
        r"(?<=\s)(?:\d+[\s-]|[a-z]+-)cores?(?:\s+processor)?\b.*$",
        r"\s+\d+[pe]\+\d+e\b|\s+\d+[pe]\+\d+e\+\d+gpu\b|\s+\d+\s?gb\b",
        r"\bprocessor\b|(?<=xeon) 6(?= \d{4})",
    )
)
#: Left out of the key of a product: makers, and the tiers of Xeon that its number repeats.
_TIERS = frozenset(
    ("intel", "amd", "qualcomm", "platinum", "gold", "silver", "bronze", "tm", "apple", "mediatek", "samsung")
)
_SEPARATORS = str.maketrans({c: " " for c in map(chr, range(128)) if not (c.isalnum() or c in "+.")})
_CLUSTER_SPLIT = re.compile(r"[;,]|\s\+\s?|(?<=[a-z)\d])\+\s|&&|\bwith\b", re.IGNORECASE)
_ACCELERATOR = re.compile(
    r"adreno|mali|immortalis|radeon|vega|nvidia (?:pascal|volta|ampere|maxwell)|tensor core|powervr|bx[em]-|graphics|"
    r"gpu\b|\bnpu\b|overclock to 1\.",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(\d{1,4}(?:\.\d{1,4})?)\s?([gm])hz", re.IGNORECASE | re.ASCII)
_COUNT = re.compile(
    r"(?<![.\d])(\d{1,3})\s*[x*]\s*(?:\d+(?:\.\d+)?\s?[gm]hz|(?=[a-z]))|hz\)?\s*[x*]\s*(\d{1,3})(?![\d.]|\s?[gm]hz)|"
    r"\s[x*]\s?(\d{1,3})(?![\d.]|\s?[gm]hz)|\bmp(\d{1,3})\b|\b(\d{1,3})[\s-]cores?\b|\(x(\d{1,3}) cores\)",
    re.IGNORECASE | re.ASCII,
)
_WORD_COUNT = {"single": 1, "dual": 2, "two": 2, "quad": 4, "four": 4, "six": 6, "hexa": 6, "octa": 8, "eight": 8}
_WORDS = re.compile(rf"\b({'|'.join(_WORD_COUNT)})[\s-]cores?\b", re.IGNORECASE)
_THREADS = re.compile(r"(\d{1,4})\s*(?:vcpus?|threads)\b", re.IGNORECASE | re.ASCII)
#: What descriptions call a core, besides its name in ``core_types.csv``.
_SPELLINGS = (
    (r"big\.?little", ""),
    (r"\bcores? a(\d{1,3}(?:ae)?)\b", r"core cortex-a\1"),
    (r"\bcortex[\s-]?([amrx]\d)", r"cortex-\1"),
    (r"\bk(?:ry|yr)o[\s-]?(\d{3})?", r"kryo \1 "),
    (r"\bzen\s?\+", "znver1"),
    (r"\bzen\s?([1-5])\b(?!\.\d)", r"znver\1"),
    (r"\bzen\b(?!\d)", "znver1"),
    (r"\bc910v\b", "c910"),
    (r"\bc906[a-z]?\b", "c906"),
    (r"(?<!-)\bu(74|54)\b", r"sifive-u\1"),
    (r"(?<!-)\bx(60|100)\b", r"spacemit-x\1"),
    (r"\bnv-denver", "denver"),
    (r"\bsw_64\b", "sw831"),
    (r"\bneoverse[\s-]?", "neoverse-"),
    (r"\bapple a7\b", "cyclone"),
    (r"\bapple a8\b", "typhoon"),
)
#: Instances: family → its processor; ``:1`` where a virtual CPU is a whole core instead of one of two threads.
_CLOUD = dict(
    entry.strip().split("=", 1)
    for entry in """
    a1=AWS Graviton:1|c4=Intel Xeon E5-2666 v3|m4=Intel Xeon E5-2686 v4|r4=Intel Xeon E5-2686 v4
    t2=Intel Xeon E5-2686 v4|p2=Intel Xeon E5-2686 v4|p3=Intel Xeon E5-2686 v4|g3=Intel Xeon E5-2686 v4
    c5=Intel Xeon Platinum 8275CL|c5n=Intel Xeon Platinum 8124M|m5=Intel Xeon Platinum 8259CL
    r5=Intel Xeon Platinum 8259CL|t3=Intel Xeon Platinum 8259CL|g4dn=Intel Xeon Platinum 8259CL
    p4d=Intel Xeon Platinum 8275CL|p4de=Intel Xeon Platinum 8275CL|inf1=Intel Xeon Platinum 8275CL
    c5a=AMD EPYC 7R32|g5=AMD EPYC 7R32|g4ad=AMD EPYC 7R32|m5a=AMD EPYC 7571|r5a=AMD EPYC 7571|t3a=AMD EPYC 7571
    c6i=Intel Xeon Platinum 8375C|m6i=Intel Xeon Platinum 8375C|r6i=Intel Xeon Platinum 8375C
    trn1=Intel Xeon Platinum 8375C|c6a=AMD EPYC 7R13|m6a=AMD EPYC 7R13|r6a=AMD EPYC 7R13|inf2=AMD EPYC 7R13
    g6=AMD EPYC 7R13|p5=AMD EPYC 7R13|c6g=AWS Graviton2:1|m6g=AWS Graviton2:1|r6g=AWS Graviton2:1|t4g=AWS Graviton2:1
    g5g=AWS Graviton2:1|c7g=AWS Graviton3:1|m7g=AWS Graviton3:1|r7g=AWS Graviton3:1|c7gn=AWS Graviton3E:1
    c8g=AWS Graviton4:1|m8g=AWS Graviton4:1|r8g=AWS Graviton4:1|c7i=Intel Xeon Platinum 8488C
    m7i=Intel Xeon Platinum 8488C|r7i=Intel Xeon Platinum 8488C|c7a=AMD EPYC 9R14:1|m7a=AMD EPYC 9R14:1
    r7a=AMD EPYC 9R14:1|c8i=Intel Xeon 6975P-C|m8i=Intel Xeon 6975P-C|r8i=Intel Xeon 6975P-C|c8a=AMD EPYC 9R45:1
    m8a=AMD EPYC 9R45:1|n1=Intel Xeon (Skylake)|e2=Intel Xeon (Skylake)|n2=Intel Xeon (Cascade Lake)
    c2=Intel Xeon (Cascade Lake)|g2=Intel Xeon (Cascade Lake)|a2=Intel Xeon (Cascade Lake)|n2d=AMD EPYC 7B12
    c2d=AMD EPYC 7B13|t2d=AMD EPYC 7B13:1|c3=Intel Xeon Platinum 8481C|c3d=AMD EPYC 9B14
    c4-=Intel Xeon Platinum 8581C|n4=Intel Xeon Platinum 8581C|c4a=Google Axion:1|c4d=AMD EPYC 9B45
    t2a=Ampere Altra Q80-30:1|azure2=Intel Xeon Platinum 8272CL|azure3=Intel Xeon E5-2673 v4|
    azure4=Intel Xeon Platinum 8272CL
    azure5=Intel Xeon Platinum 8370C|azure6=Intel Xeon Platinum 8573C|azure7=Intel Xeon 6975P-C
    azurea4=AMD EPYC 7452|azurea5=AMD EPYC 7763|azurea6=AMD EPYC 9V74|azurea7=AMD EPYC 9V45
    azurep5=Ampere Altra Q64-30:1|azurep6=Microsoft Azure Cobalt 100:1
    """.replace("\n", "|").split("|")
    if entry.strip()
)
_AWS = re.compile(r"\b([a-z]{1,4}\d[a-z]{0,3})\.(medium|large|xlarge|(\d{1,3})xlarge)\b", re.IGNORECASE | re.ASCII)
_GCP = re.compile(r"\b([a-z]\d[a-z]?)-(?:standard|highcpu|highmem|highgpu)-(\d{1,3})", re.IGNORECASE | re.ASCII)
_AZURE = re.compile(r"\bstandard[\s_]([def])(\d{1,3})([a-z]*)[\s_]?v(\d)", re.IGNORECASE | re.ASCII)
_MODELS = re.compile(
    r"i[3579]-\d{3,5}\w*|core ultra \w?\d \w+|core m-\w+|"
    r"xeon (?:\w+ )?(?:e[357]-\d{4}\w*(?: v\d)?|[we]-?\d-?\d{4}\w*|\d{4}\w*\+?)|"
    r"ryzen (?:\w+ ){1,3}\d{4}\w*|ryzen ai \w+\+? \w+ ?\d*|epyc \w{4,5}|threadripper (?:pro )?\d{4}\w*|"
    r"\brk3\d{3}\w*|\bsnapdragon (?:\d\w*\+? gen \d|\d{3}\+?|x\d? \w+|8 elite(?: gen \d)?)|"
    r"dimensity \d+\+?|exynos \d+|kirin \d+\w?|helio \w\d+|"
    r"jetson (?:agx |orin |xavier )?\w+|raspberry pi \w+|\bapple m\d(?: pro| max| ultra)?|loongson \w+",
    re.IGNORECASE,
)
#: First digit of an Intel Core i model number or two digits → micro-architecture; last digit of EPYC, first of Ryzen.
_CORE_GENERATION = (
    "nehalem nehalem sandybridge ivybridge haswell broadwell skylake skylake skylake skylake skylake rocketlake "
    "alderlake raptorlake raptorlake"
).split()
_RYZEN_GENERATION = "znver1 znver1 znver1 znver2 znver2 znver3 znver3 znver4 znver4 znver5".split()
_XEON_GENERATION = "skylake-avx512 skylake-avx512 cascadelake icelake-server sapphirerapids emeraldrapids".split()
_E5_GENERATION = ("sandybridge", "ivybridge", "haswell", "broadwell", "skylake", "skylake")
#: Cores of a product class: pattern, cores up to 2017 and since.
_CLASS_CORES = (
    (re.compile(r"threadripper", re.IGNORECASE), 16, 24),
    (re.compile(r"epyc", re.IGNORECASE), 32, 32),
    (re.compile(r"xeon (?:platinum|gold)", re.IGNORECASE), 20, 32),
    (re.compile(r"xeon", re.IGNORECASE), 8, 12),
    (re.compile(r"i9-|ryzen 9|ultra 9", re.IGNORECASE), 8, 12),
    (re.compile(r"i7-|ryzen (?:\w+ )?7|ultra 7", re.IGNORECASE), 4, 8),
    (re.compile(r"i5-|ryzen (?:\w+ )?5|ultra 5", re.IGNORECASE), 4, 6),
    (re.compile(r"i3-|pentium|celeron|core\s?2 duo|athlon", re.IGNORECASE), 2, 4),
)
#: Chips of 24 cores and more run slower than the usual clock of their core.
_SERVER_CLOCK = 0.75
#: Bandwidth by class, GB/s: launch of the newest core up to that year, 32/64-bit embedded memory, 128-bit PC memory.
_BANDWIDTH = ((2012, 6.0, 21.0), (2016, 12.0, 30.0), (2019, 25.0, 45.0), (9999, 40.0, 80.0))
#: … and per core where there are 16 or more, or where the memory is shared with other tenants.
_BANDWIDTH_PER_CORE = 4.0
