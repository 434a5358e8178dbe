"""Spellings of device names: one key for every way a product is written.

A key has no vendor, no trademark signs, no case, no punctuation: ``NVIDIA GeForce RTX 3090``, ``RTX3090`` and
``GeForce rtx-3090`` are all ``rtx3090``. Words that tell products apart (Ti, SUPER, XT, Ada, SFF, Quadro, Laptop) stay,
so that a look-up can fail but not take a sibling.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

#: Makers: left out of a key, but they decide between two products of one key (NVIDIA A16, Apple A16).
# fmt: off
MAKERS = frozenset((
    "nvidia", "geforce", "tesla", "amd", "ati", "radeon", "instinct", "intel", "apple", "google", "qualcomm",
    "samsung", "huawei", "hisilicon", "mediatek", "rockchip", "amlogic", "arm", "xilinx", "sophgo", "axera", "aws",
))
# fmt: on

#: Words that never tell two products apart.
NOISE = MAKERS | {
    "gpu",
    "graphics",
    "processor",
    "accelerator",
    "generation",
    "with",
    "design",
    "edition",
    "of",
    "desktop",
}

_MARKS = re.compile(r"\((?:r|tm|c)\)|[®™©]", re.IGNORECASE)
_ROLES = (
    ("cpu+gpu", re.compile(r"\(?\bcpu\s*\+\s*i?gpu\b\)?")),
    ("gpu", re.compile(r"\[vulkan gpu\]|\(webgl gpu\)|\bi-?gpu\b")),
    ("npu", re.compile(r"\bnpu\b|\bneural engine\b")),
    ("cpu", re.compile(r"\bhost cpu of\b|\bcpu\b")),
)
_SAME = {"mobile": "laptop", "notebook": "laptop", "+": "plus", "gib": "gb"}
_WORD = re.compile(r"[a-z0-9.]+|\+")
_CAPACITY = re.compile(r"^\d+(?:\.\d+)?gb$|^(?:hbm|gddr|lpddr)\d?[a-z]?$")
_EXTRAS = re.compile(r"\[\d{4}-\d\d-\d\d\]|\b(?:openvino|rocm|cuda|driver):\S+|^\d+\s?[x*]\s|\s[x*]\s?\d+$|\(x\d+\)")
_BRACKETS = re.compile(r"[(\[][^)\]]*[)\]]?")
_PARTS = re.compile(r"[,;|()\[\]&]|\s[-/]\s|\s?\+\s|\bw/|\bwith\b|\bon\b")
_CLOCK = re.compile(r"@?\s*\d+(?:\.\d+)?\s*[gm]hz.*$|\s+\d+(?:\.\d+)?\s*[gm]b\b.*$|\boverclock to\b.*$")
_NAMING = re.compile(r"[a-z].*\d|\d.*[a-z]|[a-z] +[a-z]")
_APPLE = re.compile(r"\b(m\d)\s*(pro|max|ultra)?\b")
_APPLE_CORES = re.compile(r"(\d+)[\s-]*core gpu|\+\s*(\d+)\s*gpu")


def plain(name: str) -> str:
    """Lower case, compatibility characters folded, trademark signs, underscores and typographic hyphens gone."""
    text = _MARKS.sub(" ", name) if "(" in name or not name.isascii() else name
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.replace("\u2011", "-").replace("\u2013", "-"))
    return text.lower().replace("_", " ").strip()


def role(text: str) -> tuple[str, str | None]:
    """Take the hint which part of a chip is meant out of a plain name.

    Returns
    -------
    tuple
        The name without the hint, and one of cpu, gpu, npu, cpu+gpu or None.
    """
    if "pu" not in text and "neural" not in text:
        return text, None
    for label, pattern in _ROLES:
        shorter, count = pattern.subn(" ", text)
        if count:
            return shorter, label
    return text, None


def split(text: str) -> tuple[list[str], frozenset[str]]:
    """Words of a plain name that tell products apart, and the makers it names."""
    found: list[str] = []
    for raw in _WORD.findall(text):
        word = _SAME.get(raw) or raw.strip(".")
        previous = found[-1] if found else ""
        if word == "q" and previous == "max":
            found[-1] = "maxq"
        elif word == "gb" and previous.isdecimal():
            found[-1] = previous + word
        elif word:
            found.append(word.replace("gib", "gb") if word.endswith("gib") else word)
    return [w for w in found if w not in NOISE] or found, MAKERS.intersection(found)


def words(text: str) -> list[str]:
    """Words of a plain name that tell products apart."""
    return split(text)[0]


def key(name: str) -> str:
    """Spell a name in the one way used by the index, with ``#gpu``, ``#cpu`` or ``#npu`` where it says so."""
    text, hint = role(plain(name))
    joined = "".join(words(text))
    return f"{joined}#{hint}" if hint else joined


def apple(text: str) -> str | None:
    """Name of the GPU of an Apple M chip in a plain description, or None."""
    found = _APPLE.search(text)
    if found is None or not re.search(r"\bapple\b|mac|\bipad\b", text):
        return None
    chip = f"Apple {found[1].upper()}" + (f" {found[2].capitalize()}" if found[2] else "")
    cores = _APPLE_CORES.search(text)
    return f"{chip} ({cores[1] or cores[2]}-core GPU)" if cores else chip


def looser(text: str) -> Iterator[str]:
    """Yield a plain name with more and more of what is not the product left out.

    In this order: software versions, dates and counts (``2x``); what stands in brackets; capacities and types of
    memory. Never a word of the product itself, so that ``RTX 4000 SFF Ada`` cannot become ``RTX 4000 Ada``.
    """
    text = _EXTRAS.sub(" ", text)
    outside = _BRACKETS.sub(" ", text)
    yield from (text, outside)
    for part in (text, outside):
        yield " ".join(w for w in words(part) if not _CAPACITY.match(w))


def parts(text: str) -> Iterator[str]:
    """Yield the parts of a description of a machine (between commas, brackets, plus signs), also without clocks."""
    for part in _PARTS.split(_EXTRAS.sub(" ", text)):
        for short in (part, _CLOCK.sub("", part)):
            if _NAMING.search(short):  # "unstated" or "linux" alone is no product
                yield short
