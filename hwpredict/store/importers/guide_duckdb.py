"""The guide's ``benchmark_db.duckdb``: its core schema, without the rows that it marks as simulated."""

from __future__ import annotations

import json
from typing import Any

import duckdb

from hwpredict.store import tabular
from hwpredict.store.importers.base import Format, Reading, as_number
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.words import family_of, item_of
from hwpredict.store.schema import literal

_TABLES = {"performance_results", "models", "hardware_platforms"}
_QUERY = """
select r.result_id, r.test_case, r.batch_size, r.precision, r.average_latency_ms, r.throughput_items_per_second,
  r.memory_peak_mb, r.iterations, r.warmup_iterations, r.metrics::VARCHAR as metrics,
  r.created_at::VARCHAR as created_at,
  {simulated} as simulated, {reason} as simulation_reason,
  m.model_name, m.model_family, m.parameters_million, h.hardware_type, h.device_name, h.platform_version,
  h.driver_version, h.memory_gb
from foreign_db.performance_results r
left join foreign_db.models m using (model_id) left join foreign_db.hardware_platforms h using (hardware_id)
order by r.result_id
"""
#: Names that the program gives to hardware that it knows nothing of.
_NAMELESS = {"cpu", "nvidia gpu", "amd gpu", "apple silicon", "openvino", "webnn", "webgpu"}
_MODES = {"training": "training", "train": "training"}
#: Keys of the JSON column ``metrics`` that say more of a row.
_LENGTHS = ("sequence_length", "seq_length", "seq_len")


def _connect(document: Document) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    connection.execute(f"attach {literal(str(document.path))} as foreign_db (read_only)")
    return connection


def sniff(document: Document) -> bool:
    """Whether it is a DuckDB database with the tables of the core schema."""
    if not document.is_duckdb:
        return False
    try:
        with _connect(document) as connection:
            found = connection.execute(
                "select table_name from duckdb_tables() where database_name = 'foreign_db'"
            ).fetchall()
    except duckdb.Error:
        return False
    return {name for (name,) in found} >= _TABLES


def read(document: Document, reading: Reading) -> None:
    """One row per result."""
    try:
        with _connect(document) as connection:
            columns = {
                name for (name,) in connection.execute(
                    "select column_name from duckdb_columns() where database_name = 'foreign_db' "
                    "and table_name = 'performance_results'"
                ).fetchall()
            }  # fmt: skip
            cursor = connection.execute(_QUERY.format(
                simulated="coalesce(r.is_simulated, false)" if "is_simulated" in columns else "false",
                reason="r.simulation_reason" if "simulation_reason" in columns else "null",
            ))  # fmt: skip
            names = [column[0] for column in cursor.description or ()]
            rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    except duckdb.Error as error:
        reading.refuse(f"it cannot be read: {tabular.brief(error)}")
    simulated = 0
    for row in rows:
        location = f"performance_results.result_id {row['result_id']}"
        if row["simulated"]:
            simulated += 1
            why = f": {row['simulation_reason']}" if row["simulation_reason"] else ""
            reading.reject(location, f"simulated, not measured{why}", row)
        elif not any(
            as_number(row[name]) for name in ("average_latency_ms", "throughput_items_per_second", "memory_peak_mb")
        ):
            reading.reject(location, "no figures: latency, throughput and memory are 0 or missing", row)
        else:
            reading.add(location, _measurement(row, reading))
    if simulated:
        reading.notes.append(f"{simulated} rows are marked as simulated and were left out")


def _measurement(row: dict[str, Any], reading: Reading) -> dict[str, Any]:
    metrics = _metrics(row["metrics"])
    device = row["device_name"]
    model = str(row["model_name"] or "")
    family = family_of(model) or _family(row["model_family"])
    length = next((metrics[key] for key in _LENGTHS if metrics.get(key)), None)
    return {
        "model": model,
        "model_family": family,
        "parameters": reading.scaled(row["parameters_million"] or None, 1e6, "parameters: millions → 1"),
        "hardware": row["hardware_type"],
        "device": device if device and device.lower() not in _NAMELESS else None,
        "precision": row["precision"],
        "mode": _MODES.get(str(metrics.get("mode") or row["test_case"]).lower(), "inference"),
        "batch_size": row["batch_size"],
        "sequence_length": length,
        "throughput": row["throughput_items_per_second"] or None,  # 0 is how it says "not measured"
        "latency_ms": row["average_latency_ms"] or None,
        "memory_mb": row["memory_peak_mb"] or None,
        "item": item_of(model, family),
        "measured": row["created_at"],
        "test_case": row["test_case"],
        "iterations": row["iterations"],
        "metrics": row["metrics"],
        "driver_version": row["driver_version"],
    }


def _metrics(text: str | None) -> dict[str, Any]:
    try:
        given = json.loads(text) if text else {}
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _family(name: str | None) -> str | None:
    return {"llm": "text_generation", "bert": "embedding", "t5": "text_generation", "vision": "vision",
            "audio": "audio", "multimodal": "multimodal", "text_generation": "text_generation",
            "embedding": "embedding"}.get(str(name or "").lower())  # fmt: skip


FORMAT = Format("guide_duckdb", "benchmark database of the guide", sniff, read)
