"""Reading of the tables of facts that the catalog of models is made from."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping

_DATA = os.path.join(os.path.dirname(os.path.dirname(__file__)), "data")

type Row = dict[str, str]


def rows_of(file: str) -> Iterator[Row]:
    """Rows of a table in the catalog's data directory; lines that start with # are comments."""
    with open(os.path.join(_DATA, file), encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(line for line in lines if not line.startswith("#"))


def number(row: Mapping[str, str], column: str, default: float = 0.0) -> float:
    """Value of a column as a number; ``default`` if it is empty or absent."""
    text = row.get(column)
    return float(text) if text else default


def parse_size(text: str) -> int | tuple[int, int]:
    """Image size from its text: "224", or height and width as in "800x1344"."""
    height, _, width = text.partition("x")
    return (int(height), int(width)) if width else int(height)
