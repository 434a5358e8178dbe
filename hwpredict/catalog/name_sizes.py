"""Parameter counts that the names of language models state ("13b", "8x7b", "30b-a3b").

They are nominal, within a tenth or so of the true counts: for models that no table knows. Numbers that mean something
else in such names (quantisation, version, context, training tokens) are left alone: where a name says two sizes, or one
that could be read in two ways, it says none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from math import nan

from hwpredict.catalog.names import normalise

#: Families whose names state parameters. Those of image models state widths, resolutions and letters of sizes.
FAMILIES = frozenset({"text_generation", "embedding", "audio", "multimodal"})
#: Share of the weights of one expert's model that is repeated for each expert: that of the feed-forward in Mistral 7B
#: (5.64 of 7.24 B).
#: With it "8x7b" is 45 B (Mixtral: 46.7) and "8x22b" 142 B (140.6), of which two experts act: 12.5 and 39 B
#: (12.9 and 39.1).
_EXPERT_SHARE = 0.78
_EXPERTS_USED = 2
#: Fewer "m" are minutes of training data ("wav2vec2-base-10m") or millions of context tokens ("-1m").
_LEAST_MILLIONS = 11.0
_MOST = 5e12

_NUMBER = r"(\d{1,4}(?:\.\d{1,3})?)"
_MIXTURE = re.compile(rf"(?<![\d.])(\d{{1,3}})x{_NUMBER}b(?![a-z0-9])")
_ACTIVE = re.compile(rf"(?<![\d._]){_NUMBER}b[-_]?a{_NUMBER}b(?![a-z0-9])")
_SIZE = re.compile(rf"(?<![\d.]){_NUMBER}(b|m)(?![a-z0-9])(?![-_]\d+e(?![a-z0-9]))")
#: What stands directly before a number that is no size: one letter ("a3b" is the active part, "e4b" the effective one,
#: "q4" and "w8" formats), or the name of a format.
_LETTERS = re.compile(r"([a-z]+)[-_.]?$")
_FORMATS = frozenset("int uint fp bf nf mxfp nvfp tq iq bnb awq gptq ggml gguf".split())


@dataclass(frozen=True, slots=True)
class NamedSize:
    """Parameters that a name states.

    Attributes
    ----------
    total, active : float
        All parameters, and those that act on one token.
    """

    total: float
    active: float


def _plain(text: str) -> list[float]:
    """All sizes in a name, in parameters, each once: those in billions, or if there are none in millions."""
    found: dict[str, set[float]] = {"b": set(), "m": set()}
    for size in _SIZE.finditer(text):
        number, unit = float(size[1]), size[2]
        before = text[: size.start()]
        if re.search(r"\d_$", before) and len(size[1]) == 1:
            # "0_5b" is half a billion, "llama_2_7b" seven; "stablelm_2_1_6b" could be either
            whole = re.search(r"(\d+)_$", before)
            if whole is None or whole[1] not in "0234":
                return []
            number = float(f"0.{size[1]}") if whole[1] == "0" else number
        letters = _LETTERS.search(before)
        joined = before[-1:].isalpha()
        if letters and (letters[1] in _FORMATS or (joined and len(letters[1]) == 1)):
            continue
        if unit == "m" and number < _LEAST_MILLIONS:
            continue
        if number > 0:
            found[unit].add(number * (1e9 if unit == "b" else 1e6))
    return sorted(found["b"] or found["m"])


@cache
def named_size(name: str) -> NamedSize | None:
    """Parameters that the name of a language model states.

    Parameters
    ----------
    name : str
        Any name of a model of one of :data:`FAMILIES`.

    Returns
    -------
    NamedSize or None
        None if it states none, or more than one.

    Examples
    --------
    >>> named_size("WizardLM-13B-V1.2-Q4_K_M")
    NamedSize(total=13000000000.0, active=13000000000.0)
    >>> named_size("Qwen3-30B-A3B").active
    3000000000.0
    >>> named_size("resnet-50-int8-4bit") is None
    True
    """
    text = normalise(name)
    active = _ACTIVE.search(text)
    if active:
        return _sound(float(active[1]) * 1e9, float(active[2]) * 1e9)
    mixture = _MIXTURE.search(text)
    if mixture:
        experts, each = int(mixture[1]), float(mixture[2]) * 1e9
        used = min(experts, _EXPERTS_USED)
        return _sound(each * (1 + _EXPERT_SHARE * (experts - 1)), each * (1 + _EXPERT_SHARE * (used - 1)))
    sizes = _plain(text)
    return _sound(sizes[0], sizes[0]) if len(sizes) == 1 else None


def _sound(total: float, active: float) -> NamedSize | None:
    return NamedSize(total, active) if 0 < active <= total < _MOST else None


@cache
def named_parameters(name: str, family: str) -> float:
    """Parameters that a name states; NaN if it states none, or is not of a family whose names do."""
    found = named_size(name) if family in FAMILIES else None
    return found.total if found else nan


@cache
def active_fraction(name: str) -> float:
    """Active share of a mixture of experts that says it in its name ("Qwen3-30B-A3B" → 0.1), else NaN."""
    found = named_size(name)
    return found.active / found.total if found and found.active < found.total else nan
