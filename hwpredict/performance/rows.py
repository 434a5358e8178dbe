"""Rows of measurements or workloads as plain NumPy columns.

The columns are those of the measurement schema; text is an object array with ``""`` for missing, numbers are float64
with NaN for missing. No pandas here, so that predicting one cell from the shipped posterior stays quick.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
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

#: Source of the rows of a caller who names no harness: a level never seen, drawn from its population.
UNSTATED = "(unstated)"


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
        Rows in the measurement schema; other columns are not looked at.

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


@dataclass(frozen=True, slots=True)
class Runs:
    """Neighbouring rows that are alike in everything but their batch size: what is looked up for one holds for all.

    Attributes
    ----------
    first : ndarray of int, shape (run,)
        First row of each run.
    of_row : ndarray of int, shape (row,)
        Run of each row.
    """

    first: NDArray[np.int64]
    of_row: NDArray[np.int64]

    def spread(self, columns: Table) -> Table:
        """Columns of runs, shape (run,), as columns of rows."""
        if len(self.first) == len(self.of_row):
            return columns
        return {name: column[self.of_row] for name, column in columns.items()}


def runs(rows: Table) -> Runs:
    """Runs of rows that differ in their batch size only; of a matrix one per model, target, precision and length.

    A comparison of neighbours costs a tenth of a look-up. Whether a batch size is stated at all counts as a difference.
    """
    n = length(rows)
    differs = np.zeros(max(n - 1, 0), bool)
    for name in TEXT_COLUMNS:
        differs |= rows[name][1:] != rows[name][:-1]
    for name in NUMBER_COLUMNS:
        column = np.isnan(rows[name]) if name == "batch_size" else rows[name].view(np.uint64)  # a NaN equals itself
        differs |= column[1:] != column[:-1]
    starts = np.concatenate([np.ones(min(n, 1), bool), differs])
    return Runs(np.flatnonzero(starts), np.cumsum(starts) - 1)


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


def by_unique(function: Any, *columns: NDArray[Any]) -> list[Any]:
    """``function`` over rows, called once per distinct combination of the columns."""
    keys = list(zip(*(c.tolist() for c in columns), strict=True))
    values = {key: function(*key) for key in dict.fromkeys(keys)}
    return [values[key] for key in keys]
