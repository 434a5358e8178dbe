"""Names as sources spell them, beside what the catalog knows: the tables ``models`` and ``devices``."""

from __future__ import annotations

import hashlib
import json
import math
from functools import cache
from importlib import resources
from typing import Any

import duckdb

from hwpredict import __version__
from hwpredict.catalog import devices, models
from hwpredict.store.tables import COMPUTE_FORMATS


@cache
def catalog_version() -> str:
    """What tells one state of the catalog from another: a short hash of its tables, after the version."""
    digest = hashlib.sha256()
    data = resources.files("hwpredict.catalog").joinpath("data")
    for file in sorted(data.iterdir(), key=lambda f: f.name):
        if file.is_file():
            digest.update(file.name.encode() + file.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:8]}"


def resolve(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Look up the names in ``relation`` that are new, and those that an older catalog knew.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the tables ``models`` and ``devices``, writable.
    relation : str
        SQL that stands after ``from``, with the columns model, hardware and device.

    Returns
    -------
    int
        Names that were looked up.
    """
    version = catalog_version()
    names = connection.execute(
        f"select distinct model from {relation} where model is not null union select name from models "
        "where catalog <> $1 except select name from models where catalog = $1 order by 1",
        [version],
    ).fetchall()
    pairs = connection.execute(
        f"select distinct hardware, device from {relation} where device is not null union select hardware, name "
        "from devices where catalog <> $1 except select hardware, name from devices where catalog = $1 order by 1, 2",
        [version],
    ).fetchall()
    _insert(connection, "models", [_model(name, version) for (name,) in names])
    _insert(connection, "devices", [_device(name, hardware, version) for hardware, name in pairs])
    return len(names) + len(pairs)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    types = connection.execute(f"select column_name, column_type from (describe {table})").fetchall()
    shape = json.dumps([dict(types)])
    connection.execute(  # as JSON, for Arrow and pandas take seconds to import
        f"insert or replace into {table} by name select unnest(from_json($1, $2), recursive := true)",
        [json.dumps(rows), shape],
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def _model(name: str, version: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(
        (
            "catalog_name", "family", "architecture", "parameters", "active_parameters", "embedding_parameters",
            "gmacs", "activations_m", "input_size", "sequence_length",
        )
    )  # fmt: skip
    row |= {"name": name, "label": models.canonical(name), "catalog": version}
    found = models.match(name)
    if found is not None:
        row |= {
            "catalog_name": found.name,
            "family": found.family,
            "architecture": found.architecture,
            "parameters": _finite(found.parameters),
            "active_parameters": _finite(found.active_parameters),
            "embedding_parameters": _finite(found.embedding_parameters),
            "input_size": found.default_input_size,
            "sequence_length": found.default_sequence_length,
        }
        if found.family == "vision":  # the work of a sequence depends on its length
            row |= {"gmacs": _finite(found.macs() / 1e9), "activations_m": _finite(found.activations() / 1e6)}
    return row


def _device(name: str, hardware: str, version: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(
        (
            "catalog_name", "vendor", "kind", "architecture", "segment", "year", "memory_mb", "bandwidth_gb_s", "tdp_w",
            "derived", *(f"peak_{compute}" for compute in COMPUTE_FORMATS),
        )
    )  # fmt: skip
    row |= {"hardware": hardware, "name": name, "catalog": version}
    found = devices.match(name, hardware)
    if found is not None:
        row |= {
            "catalog_name": found.name,
            "vendor": found.vendor,
            "kind": found.kind,
            "architecture": found.architecture,
            "segment": found.segment,
            "year": found.year,
            "memory_mb": found.memory_gb * 1e3 if found.memory_gb else None,
            "bandwidth_gb_s": found.bandwidth_gb_s,
            "tdp_w": found.tdp_w,
            "derived": found.derived,
        }
        for compute in COMPUTE_FORMATS:
            peak = found.peak(compute)
            row[f"peak_{compute}"] = peak[0] if peak else None
    return row
