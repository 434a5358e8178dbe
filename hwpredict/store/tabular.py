"""Anything tabular as something that DuckDB can scan: a Parquet file, a CSV file, a data frame.

Nothing is guessed that could lose a row: the dialect of a CSV file is read from its header line and then held to, and a
line with too many or too few fields is an error that names the line. Data frames go through Arrow, because DuckDB 2.0.0
has a bug in its own scan of pandas and NumPy memory.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from hwpredict.errors import InvalidWorkloadError, StoreError
from hwpredict.store.schema import METRICS, REQUIRED, literal

if TYPE_CHECKING:
    import pandas as pd

_DELIMITERS = ",\t;|"
_VIEW = "hwpredict_given"
_EXACT = 2**53  # whole numbers up to here are exact in a double


@dataclass(frozen=True, slots=True)
class Scan:
    """A table that is not in the store yet.

    Attributes
    ----------
    origin : str
        What to call it: the path, or "data frame".
    relation : str
        SQL that stands after ``from``.
    types : dict
        Its columns, name to DuckDB type.
    """

    origin: str
    relation: str
    types: dict[str, str]


def scan(connection: duckdb.DuckDBPyConnection, given: str | os.PathLike[str] | pd.DataFrame) -> Scan:
    """Make a file or a data frame readable in SQL.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where it will be read.
    given : path or DataFrame
        ``.parquet``, ``.csv`` or ``.tsv`` (also ``.gz``); other endings are told apart by content.
    """
    if isinstance(given, str | os.PathLike):
        path = Path(given).expanduser()
        if not path.exists():
            raise StoreError(f"no such file: {path}")
        if not path.is_file():
            raise StoreError(f"{path} is not a file; give one Parquet or CSV file at a time")
        origin, relation = str(path), file_relation(path)
    elif hasattr(given, "columns") and hasattr(given, "dtypes"):
        origin, relation = "data frame", _VIEW
        connection.register(_VIEW, _as_arrow(given))
    else:
        raise InvalidWorkloadError(f"measurements must be a path or a data frame, not {type(given).__name__}")
    try:
        return Scan(origin, relation, describe(connection, relation))
    except duckdb.Error as error:
        raise StoreError(f"cannot read {origin}: {brief(error)}") from error


def describe(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Columns of a relation, name to DuckDB type."""
    described = connection.execute(f"describe select * from {relation}").fetchall()
    return {name: sql_type for name, sql_type, *_ in described}


def rows(connection: duckdb.DuckDBPyConnection, given: Sequence[Mapping[str, Any]], origin: str) -> Scan:
    """Make rows of plain values readable in SQL.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where they will be read.
    given : sequence of mappings
        Column to number, text or None; a missing key is None. A column of both numbers and text becomes text, and
        lists and mappings become JSON.
    origin : str
    """
    import pyarrow as pa

    names = dict.fromkeys(name for row in given for name in row)
    columns = {name: _column([row.get(name) for row in given]) for name in names}
    if not columns:
        columns = {name: pa.array([], pa.string()) for name in (*REQUIRED, *METRICS)}
    table = pa.table(columns)
    connection.register(_VIEW, table)
    return Scan(origin, _VIEW, describe(connection, _VIEW))


def _column(values: list[Any]) -> Any:
    import pyarrow as pa

    present = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        whole = all(isinstance(value, int) and abs(value) < _EXACT for value in present)
        return pa.array(values, pa.int64() if whole and present else pa.float64(), from_pandas=True)
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping | list | tuple) else str(value)


def release(connection: duckdb.DuckDBPyConnection) -> None:
    """Let go of the data frame that :func:`scan` registered, if any."""
    connection.unregister(_VIEW)


def brief(error: Exception) -> str:
    """What a DuckDB error says, in one line without its advice."""
    lines = []
    for line in str(error).splitlines():
        if line.startswith(("Possible", "LINE", "  file =")):
            break
        if line.strip():
            lines.append(line.strip())
    return re.sub(r"^[A-Z][A-Za-z ]* Error: ", "", "; ".join(lines))[:300]


def file_relation(path: Path) -> str:
    """SQL relation of a Parquet or CSV file, by its ending or its first bytes."""
    name = path.name.lower()
    if name.endswith((".parquet", ".pq")) or _starts_with(path, b"PAR1"):
        return f"read_parquet({literal(str(path))})"
    return _csv_relation(path)


def _starts_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error


def _csv_relation(path: Path) -> str:
    names, delimiter = _csv_header(path)
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({literal(str(path))}, auto_detect = false, header = true, delim = {literal(delimiter)}, "
        f"quote = '\"', escape = '\"', columns = {{{columns}}})"
    )


def _csv_header(path: Path) -> tuple[list[str], str]:
    """Column names and delimiter, from the first line."""
    try:
        opener: Any = gzip.open if path.name.lower().endswith(".gz") else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            first = file.readline()
    except UnicodeDecodeError as error:
        raise StoreError(f"cannot read {path}: neither Parquet nor text in UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        raise StoreError(f"cannot read {path}: {error}") from error
    delimiter = max(_DELIMITERS, key=first.count)
    names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    if not any(names):
        raise StoreError(f"cannot read {path}: its first line, which should name the columns, is empty")
    _refuse_repeats(names, str(path))
    return [name or f"column {k + 1}" for k, name in enumerate(names)], delimiter


def _refuse_repeats(names: list[str], origin: str) -> None:
    folded = [name.casefold() for name in names if name]
    repeated = sorted({name for name in folded if folded.count(name) > 1})
    if repeated:
        raise InvalidWorkloadError(f"{origin} has several columns called {', '.join(map(repr, repeated))}")


def _as_arrow(frame: pd.DataFrame) -> Any:
    import pyarrow as pa

    names = [str(name) for name in frame.columns]
    _refuse_repeats(names, "the data frame")
    frame = frame.set_axis(names, axis="columns")
    mixed = {name: "string" for name in names if frame[name].dtype == object}  # Arrow wants one type in a column
    try:
        return pa.Table.from_pandas(frame.astype(mixed), preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, ValueError) as error:
        raise InvalidWorkloadError(f"cannot read the data frame: {' '.join(str(error).split())}") from error
