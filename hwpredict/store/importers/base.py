"""What an importer is: a format with a way to recognise it and a way to read it, and what it hands over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from hwpredict.errors import StoreError
from hwpredict.store.importers.document import Document
from hwpredict.store.loading import Job, Refused
from hwpredict.store.staging import LOCATION

#: Milliseconds in a unit of time.
TIME = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
#: Megabytes (10^6 bytes) in a unit of memory.
MEMORY = {
    "bytes": 1e-6, "kB": 1e-3, "KiB": 1024e-6, "MB": 1.0, "MiB": 1024**2 * 1e-6, "GB": 1e3, "GiB": 1024**3 * 1e-6,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Format:
    """One outside format.

    Attributes
    ----------
    name : str
        Short name: the importer on record, and the source of its rows by default.
    title : str
        What it is, for messages and documentation.
    sniff : callable
        Whether a document is of this format, by its content.
    read : callable
        Reads a document into a :class:`Reading`.
    """

    name: str
    title: str
    sniff: Callable[[Document], bool]
    read: Callable[[Document, Reading], None]


@dataclass(slots=True)
class Reading:
    """What an importer collects.

    Attributes
    ----------
    document : Document
    format : Format
    assumed : Mapping of str to str
        What the user says where the file does not (``--set``, ``--source``).
    rows, predictions : list of dict
        Measurements in columns of the schema, anything else besides going into ``extra``; and predictions.
    refused : list of Refused
        What could not be turned into a row.
    """

    document: Document
    format: Format
    assumed: Mapping[str, str]
    rows: list[dict[str, Any]] = field(default_factory=list)
    predictions: list[dict[str, Any]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    conversions: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    table: Path | None = None

    def add(self, location: str, row: Mapping[str, Any]) -> None:
        """Take a row; what is None or empty is not stated.

        Parameters
        ----------
        location : str
            Where it stands: "line 17", or the path of a key.
        row : mapping
            Columns of the schema, and whatever else is worth keeping.
        """
        said = {key: value for key, value in row.items() if value is not None and value != ""}
        said.setdefault("source", self.assumed.get("source") or self.format.name)
        said.setdefault("source_path", self.document.name)
        self.rows.append(said | {LOCATION: location})

    def reject(self, location: str, reason: str, given: object) -> None:
        """Keep what could not be turned into a row, with the reason."""
        self.refused.append(Refused(location, reason, given))

    def refuse(self, what: str) -> NoReturn:
        """Refuse the whole file.

        Raises
        ------
        StoreError
            Names the file and what is missing or wrong.
        """
        raise StoreError(f"{self.document.path} ({self.format.title}): {what}")

    def need(self, column: str, value: object, where: str) -> None:
        """Refuse the file when it does not say something that every row needs, and the user has not said it either."""
        if value in (None, "") and column not in self.assumed:
            self.refuse(f"{where} does not say the {column}; add --set {column}=…")

    def milliseconds(self, value: Any, unit: str, column: str = "latency_ms") -> float | None:
        """A time in milliseconds; the conversion is reported."""
        return self._converted(value, unit, TIME, "ms", column)

    def megabytes(self, value: Any, unit: str, column: str = "memory_mb") -> float | None:
        """An amount of memory in megabytes (10^6 bytes); the conversion is reported."""
        return self._converted(value, unit, MEMORY, "MB", column)

    def scaled(self, value: Any, factor: float, what: str) -> float | None:
        """Any other conversion, such as millions of parameters to parameters; ``what`` is how it is reported."""
        number = as_number(value)
        if number is None:
            return None
        self.conversions[what] += 1
        return number * factor

    def _converted(self, value: Any, unit: str, factors: Mapping[str, float], target: str, column: str) -> float | None:
        number = as_number(value)
        if number is None:
            return None
        if unit not in factors:
            self.refuse(f"unknown unit {unit!r} of {column}: one of {', '.join(factors)}")
        if unit != target:
            self.conversions[f"{column}: {unit} → {target}"] += 1
        return number * factors[unit]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file that was read, ready for the store; ``table`` where DuckDB reads it itself."""

    importer: str
    assumed: Mapping[str, str]
    rows: list[dict[str, Any]]
    predictions: list[dict[str, Any]]
    refused: tuple[Refused, ...]
    conversions: Mapping[str, int]
    notes: tuple[str, ...]
    provenance: Mapping[str, Any]
    table: Path | None = None

    def job(self, corrects: str = "") -> Job:
        """What the store needs to know of the import besides its rows."""
        return Job(
            importer=self.importer,
            assumed=self.assumed,
            refused=self.refused,
            conversions=self.conversions,
            notes=self.notes,
            provenance=self.provenance,
            corrects=corrects,
            allow_empty=bool(self.refused or self.predictions),
        )


def as_number(value: Any) -> float | None:
    """A number from what a file holds, None when it holds none."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return None if value != value else float(value)
    text = str(value).strip().replace(",", "")
    try:
        return float(text)
    except ValueError:
        return None


def median(values: list[float]) -> float | None:
    """Median of a list, None of an empty one."""
    if not values:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def rate(items: float | None, milliseconds: float | None) -> float | None:
    """Items per second of so many items in so many milliseconds."""
    return items * 1e3 / milliseconds if items and milliseconds else None
