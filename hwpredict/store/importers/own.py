"""Our own schema: CSV, Parquet, and JSON as records, as columns or one record a line."""

from __future__ import annotations

from typing import Any

import duckdb

from hwpredict.store import tabular
from hwpredict.store.importers.base import Format, Reading
from hwpredict.store.importers.document import Document
from hwpredict.store.schema import METRICS


def _has_columns(names: Any) -> bool:
    folded = {str(name).strip().casefold() for name in names}
    return "model" in folded and bool(folded & set(METRICS))


def _columns(document: Document) -> Any:
    if document.is_parquet:
        try:
            with duckdb.connect() as connection:
                return tabular.describe(connection, tabular.file_relation(document.path))
        except duckdb.Error:
            return ()
    return document.header


def _as_records(document: Document) -> list[dict[str, Any]]:
    """Records of a JSON file: a list, lines, one record, or columns of equal length."""
    given = document.json
    if isinstance(given, dict) and "measurements" in given and isinstance(given["measurements"], list):
        return [record for record in given["measurements"] if isinstance(record, dict)]
    if isinstance(given, dict) and given and all(isinstance(values, list) for values in given.values()):
        lengths = {len(values) for values in given.values()}
        if len(lengths) == 1:
            return [dict(zip(given, values, strict=True)) for values in zip(*given.values(), strict=True)]
    return document.records


def sniff(document: Document) -> bool:
    """Whether it has the columns of a measurement."""
    if document.json is not None:
        records = _as_records(document)
        return bool(records) and _has_columns(records[0])
    return _has_columns(_columns(document))


def read(document: Document, reading: Reading) -> None:
    """Hand a table to DuckDB; turn JSON into rows."""
    if document.json is None:
        reading.table = document.path
        return
    for number, record in enumerate(_as_records(document)):
        row = {str(name).strip().casefold(): value for name, value in record.items()}
        said = {name: value for name, value in row.items() if value is not None}
        reading.add(f"[{number}]", {"source": said.get("source"), "source_path": said.get("source_path")} | said)


FORMAT = Format("hwpredict", "measurements in the schema's columns", sniff, read)
