"""Rows of measurements or workloads as plain NumPy columns, and what their free text says.

The columns are those of the measurement schema; text is an object array with ``""`` for missing, numbers are float64
with NaN for missing. No pandas here, so that predicting one cell from the shipped posterior stays quick.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import InvalidWorkloadError

Table = dict[str, NDArray[Any]]

TEXT_COLUMNS = (
    "source",
    "model",
    "model_family",
    "hardware",
    "device",
    "precision",
    "layout",
    "runtime",
    "runtime_version",
    "mode",
    "item",
    "note",
    "input_size",
)
NUMBER_COLUMNS = (
    "parameters",
    "gmacs",
    "activations_m",
    "sequence_length",
    "n_devices",
    "batch_size",
    "throughput",
    "latency_ms",
    "memory_mb",
)

#: Prompt length of a prefill whose source gives none: the mean of LocalScore's nine shapes (its TTFT rows).
DEFAULT_PROMPT = 1024.0
#: Context of a decode step whose source gives none.
DEFAULT_CONTEXT = 512.0


def _objects(column: Any) -> list[Any]:
    """A column as Python objects, with None for whatever its container calls missing."""
    # pandas' NA is known by its name, so that pandas need not be imported; a NaN is not equal to itself
    return [None if type(v).__name__ == "NAType" or v != v else v for v in np.asarray(column, dtype=object).tolist()]


def _text(values: Iterable[Any]) -> NDArray[Any]:
    return np.array(["" if v is None else str(v).strip() for v in values], dtype=object)


def _number(name: str, values: Iterable[Any]) -> NDArray[np.float64]:
    out = []
    for v in values:
        try:
            out.append(np.nan if v is None or v == "" else float(v))
        except (TypeError, ValueError):
            raise InvalidWorkloadError(f"{name} must be a number, got {v!r}") from None
    return np.array(out, dtype=float)


def table(frame: Any) -> Table:
    """Schema columns of a DataFrame, a mapping of columns or a list of mappings; absent columns become missing.

    Parameters
    ----------
    frame : pandas.DataFrame or Mapping of str to array-like or list of Mapping
        Rows in the measurement schema. ``table``, where given, takes the place of ``source``: one source file may
        hold several tables that were measured differently.

    Returns
    -------
    dict of str to ndarray
        Every column of the schema, shape (row,).

    Raises
    ------
    InvalidWorkloadError
        If a column of numbers holds something else; the message has the column and the value.
    """
    if isinstance(frame, list):
        keys = {k for row in frame for k in row}
        frame = {k: [row.get(k) for row in frame] for k in keys}
    names = set(frame.columns if hasattr(frame, "columns") else frame)
    n = len(frame[next(iter(names))]) if names else 0
    out: Table = {}
    for name in TEXT_COLUMNS:
        column = frame[name] if name in names else [""] * n
        out[name] = _text(_objects(column))
    if "table" in names:
        tables = _text(_objects(frame["table"]))
        out["source"] = np.where(tables != "", tables, out["source"])
    for name in NUMBER_COLUMNS:
        column = frame[name] if name in names else [np.nan] * n
        try:
            out[name] = np.asarray(column, dtype=float).copy()
        except (TypeError, ValueError):
            out[name] = _number(name, _objects(column))
    return out


def length(rows: Table) -> int:
    """Number of rows."""
    return len(rows["model"])


def take(rows: Table, index: NDArray[Any]) -> Table:
    """The rows at ``index`` (integers or a mask)."""
    return {name: column[index] for name, column in rows.items()}


_SIDES = re.compile(r"(\d+(?:\.\d+)?)(?:[x*](\d+(?:\.\d+)?))?(?:[x*]\d+)*(?:,[\s\dx*]+)?", re.ASCII)


@cache
def pixels(input_size: str) -> float:
    """Side of a square image with as many pixels: ``"224"`` and ``"224x224x3"`` → 224, ``"480x640"`` → 554.3.

    Of several inputs the first counts. What is not the size of an image (``"2.0s"`` of sound) is NaN.
    """
    sides = _SIDES.fullmatch(input_size.strip())
    if sides is None:
        return float("nan")
    height = float(sides[1])
    return math.sqrt(height * float(sides[2] or height)) or float("nan")


#: Phases of a workload: what one step is.
FORWARD, PREFILL, DECODE, GENERATE = "forward", "prefill", "decode", "generate"


@cache
def phase(item: str, note_head: str) -> str:
    """Phase of a row from its ``item`` and the beginning of its note (``token`` rows say there what they time)."""
    if item == "token_prefill":
        return PREFILL
    if item == "token_decode":
        return DECODE
    if item == "token":
        if note_head.startswith("prefill"):
            return PREFILL
        return GENERATE if note_head.startswith("whole gen") else DECODE
    return FORWARD


_PROMPT = re.compile(
    r"\bpp(\d+)\b|\bISL=(\d+)|\binput tokens=(\d+)|\bprompt of (\d+) tokens|^(\d+)-token decoder prompt"
)
_ACTIVE = re.compile(r"active(?: params| parameters)?[= ](\d+(?:\.\d+)?e\+?\d{1,2}|\d{7,})\b", re.ASCII)
_SETTINGS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"threads=(\d+)"), "threads={}"),
    (re.compile(r"gpu_device=(\d)"), "gpu"),
    (re.compile(r"powersave=2"), "little cores"),
    (re.compile(r"config=(\d)\s?[Cc]ore"), "cores={}"),
    (re.compile(r"\bcores=(\d+)"), "cores={}"),
    (re.compile(r"(single|multi) thread"), "{} thread"),
    (re.compile(r"x (\d+) instances"), "instances={}"),
    (re.compile(r"[ ,](singlestream|multistream|offline|server|interactive)[,;]", re.IGNORECASE), "{}"),
    (re.compile(r"(device-only|program-level)"), "{}"),
    (re.compile(r"(?:flash_attn|fa)=(?:-fa )?(1|on)"), "flash attention"),
    (re.compile(r"(5-token batch)"), "{}"),
    (re.compile(r"\bunit=(\w+)"), "unit={}"),
    (re.compile(r"(?:latency=)?(p90|p99)\b(?! ms)"), "{}"),
    (re.compile(r"(TTFT incl\. queueing)"), "queueing"),
    (re.compile(r"attn_dp=(\d+)"), "dp={}"),
    (re.compile(r"(n_batch)=1\b"), "n_batch=1"),
    (re.compile(r"ran_on=(\w+)"), "{}"),
)


def prompt_tokens(note: str) -> float:
    """Prompt length that a note states ("prefill pp512", "ISL=4096"), NaN if it states none."""
    found = _PROMPT.search(note)
    return float(next(g for g in found.groups() if g)) if found else float("nan")


def active_parameters(note: str) -> float:
    """Active parameters of a mixture of experts that a note states, NaN if it states none."""
    found = _ACTIVE.search(note)
    return float(found.group(1)) if found else float("nan")


_OUTPUT = re.compile(r"output (\d+) tokens.*OUTPUT tokens/s")


def generated_tokens(note: str) -> float:
    """Output length of a whole generation whose throughput counts output tokens only, NaN if the note is silent."""
    found = _OUTPUT.search(note)
    return float(found.group(1)) if found else float("nan")


def setting(note: str) -> str:
    """How the harness was set (threads, MLPerf scenario, flash attention …) as a short label, ``""`` if unsaid."""
    out = []
    for pattern, label in _SETTINGS:
        found = pattern.search(note)
        if found:
            out.append(label.format(*(g.lower() for g in found.groups() if g)))
    return " ".join(out)


def by_unique(function: Any, *columns: NDArray[Any]) -> list[Any]:
    """``function`` over rows, called once per distinct combination of the columns."""
    seen: dict[Any, Any] = {}
    out = []
    for key in zip(*(c.tolist() for c in columns), strict=True):
        if key not in seen:
            seen[key] = function(*key)
        out.append(seen[key])
    return out
