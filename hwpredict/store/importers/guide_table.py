"""The guide's table of benchmarks (``hardware_model_benchmark_db.parquet``, or the same as CSV)."""

from __future__ import annotations

from typing import Any

import duckdb

from hwpredict.store import tabular
from hwpredict.store.importers.base import Format, Reading, as_number
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.words import family_of, item_of
from hwpredict.workload import Platform

_COLUMNS = {"hardware", "batch_size", "throughput", "latency_mean"}
_NAMES = {"model_name", "model"}
_FAMILIES = {"text_embedding": "embedding", "image": "vision", "multimodal": "multimodal"}


def sniff(document: Document) -> bool:
    """Whether it has the columns of the guide's table."""
    names = set(_types(document)) if document.is_parquet else set(document.header)
    return names >= _COLUMNS and bool(names & _NAMES)


def _types(document: Document) -> dict[str, str]:
    try:
        with duckdb.connect() as connection:
            return tabular.describe(connection, tabular.file_relation(document.path))
    except duckdb.Error:
        return {}


def read(document: Document, reading: Reading) -> None:
    """One row per successful benchmark."""
    try:
        with duckdb.connect() as connection:
            cursor = connection.execute(f"select * from {tabular.file_relation(document.path)}")
            names = [column[0] for column in cursor.description or ()]
            rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    except duckdb.Error as error:
        reading.refuse(f"it cannot be read: {tabular.brief(error)}")
    for number, row in enumerate(rows, 1):
        _read_row(f"row {number}", row, reading)


def _read_row(location: str, row: dict[str, Any], reading: Reading) -> None:
    status = row.get("status")
    if status not in (None, "", "success", "completed"):
        reading.reject(location, f"status is {status!r}, not success", row)
        return
    figures = {
        "throughput": as_number(row.get("throughput")),
        "latency_ms": as_number(row.get("latency_mean")),
        "memory_mb": as_number(row.get("memory_usage")),
    }
    if not any(figures.values()):
        reading.reject(location, "no figures: throughput, latency_mean and memory_usage are 0 or missing", row)
        return
    model = str(row.get("model_name") or row.get("model") or "")
    category = str(row.get("category") or "")
    family = family_of(model) or _FAMILIES.get(category, category or None)
    hardware = str(row.get("hardware") or "")
    if hardware.startswith("distributed_"):
        reading.reject(location, f"hardware is {hardware!r}: a strategy, not a platform", row)
        return
    used = {"model", "model_name", "category", "hardware", "throughput", "latency_mean", "memory_usage", "status"}
    reading.add(location, {
        **{name: value for name, value in row.items() if name not in used},
        "model": model,
        "model_family": family,
        "hardware": hardware,
        "item": item_of(model, family),
        "measured": row.get("timestamp"),
        **{name: value or None for name, value in figures.items()},  # 0 is how it says "not measured"
        "device": row.get("device") if hardware in set(map(str, Platform)) else None,
    })  # fmt: skip


FORMAT = Format("guide_table", "table of benchmarks of the guide", sniff, read)
