"""Predictions, posteriors and validations at rest."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from hwpredict.errors import InvalidWorkloadError, StoreError, UnknownNameError
from hwpredict.store import loading, names
from hwpredict.store.schema import BY_NAME, METRICS, identifier
from hwpredict.store.tables import CONFIGURATION

#: Posteriors up to this size go into the database, larger ones stay where they are.
INSIDE_BYTES = 64 * 2**20

_VIEW = "hwpredict_predictions"
_SUPPORT = (
    "posterior_fingerprint",
    "seed",
    "evidence",
    "n_measurements",
    "epistemic_share",
    "epistemic_share_memory",
    "p_fits",
)
_SCORES = ("coverage50", "coverage90", "crps", "medape", "bias", "pit_mean", "bias_z", "bias_p", "spread_z", "spread_p")


def add(connection: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, Any]], *, origin: str) -> int:
    """Keep predictions; one that is there already, of the same posterior and seed, is left as it is."""
    if not rows:
        return 0
    import pyarrow as pa

    at = loading.now()
    prepared = [_prepared(row, origin) | {"predicted_at": at} for row in rows]
    table = pa.Table.from_pylist(prepared, schema=_arrow_schema())
    connection.register(_VIEW, table)
    try:
        added = connection.execute(
            f"insert into predictions by name select prediction_id::UUID as prediction_id, * exclude (prediction_id) "
            f"from {_VIEW} on conflict do nothing"
        ).fetchall()[0][0]
        names.resolve(connection, _VIEW)
    finally:
        connection.unregister(_VIEW)
    return int(added)


def _arrow_schema() -> Any:
    import pyarrow as pa

    kinds = {"VARCHAR": pa.string(), "DOUBLE": pa.float64(), "BIGINT": pa.int64()}
    support = dict.fromkeys(("posterior_fingerprint", "evidence"), pa.string())
    support |= dict.fromkeys(("seed", "n_measurements"), pa.int64())
    return pa.schema([
        ("prediction_id", pa.string()),
        ("predicted_at", pa.timestamp("us")),
        ("origin", pa.string()),
        *((name, support.get(name, pa.float64())) for name in _SUPPORT),
        *((f"{metric}_quantiles", pa.list_(pa.float32())) for metric in METRICS),
        *((name, kinds[BY_NAME[name].sql_type]) for name in CONFIGURATION),
    ])  # fmt: skip


def _prepared(row: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """A row of the table, addressed by what was asked and of whom."""
    out: dict[str, Any] = {name: _plain(row.get(name)) for name in (*CONFIGURATION, *_SUPPORT)}
    for name in CONFIGURATION:
        if out[name] is not None and BY_NAME[name].sql_type == "BIGINT":
            out[name] = int(out[name])
    for name in ("model", "hardware"):
        if not out[name]:
            raise InvalidWorkloadError(f"a prediction to be stored has no {name}")
    for metric in METRICS:
        values = row.get(f"{metric}_quantiles")
        out[f"{metric}_quantiles"] = None if values is None else [float(value) for value in values]
    asked = {name: out[name] for name in (*CONFIGURATION, "posterior_fingerprint", "seed")} | {"origin": origin}
    if not out["posterior_fingerprint"]:  # who says no posterior is told apart by what was said
        asked |= {metric: out[f"{metric}_quantiles"] for metric in METRICS}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:32]
    return out | {"prediction_id": digest, "origin": origin}


def _plain(value: Any) -> Any:
    """A NumPy scalar as Python's, and what is missing as None."""
    value = value.item() if hasattr(value, "item") else value
    missing = value is None or value == "" or (isinstance(value, float) and not math.isfinite(value))
    return None if missing else value


def add_posterior(connection: duckdb.DuckDBPyConnection, path: Path, name: str, inside: bool | None) -> str:
    """Keep a posterior file; returns its fingerprint."""
    if not path.is_file():
        raise StoreError(f"no posterior at {path}: give the .nc file that `hwpredict fit` wrote")
    fingerprint, provenance = _identify(path)
    content = path.read_bytes()
    keep = len(content) <= INSIDE_BYTES if inside is None else inside
    connection.execute(
        "insert into posteriors values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
        [
            fingerprint, loading.now(), name or path.name, len(content), hashlib.sha256(content).hexdigest(),
            None if keep else str(path.resolve()), content if keep else None, provenance,
        ],
    )  # fmt: skip
    return fingerprint


def _identify(path: Path) -> tuple[str, str]:
    """Fingerprint and provenance that a posterior states in its attributes."""
    from netCDF4 import Dataset

    try:
        with Dataset(path, "r") as file:
            return str(file.fingerprint), str(file.provenance)
    except (OSError, RuntimeError, AttributeError) as error:
        raise StoreError(f"{path} is not a posterior that hwpredict wrote ({error})") from error


def extract_posterior(connection: duckdb.DuckDBPyConnection, fingerprint: str, target: Path) -> Path:
    """Write a posterior to a file, whether it is inside the database or beside it."""
    rows = connection.execute(
        "select fingerprint, content, path, sha256 from posteriors where starts_with(fingerprint, ?)", [fingerprint]
    ).fetchall()
    if not rows:
        there = [f for (f,) in connection.execute("select fingerprint from posteriors order by added_at").fetchall()]
        raise UnknownNameError(
            f"no posterior {fingerprint!r} in the store: "
            + (f"there are {', '.join(there)}" if there else "it has none")
        )
    if len(rows) > 1:
        raise UnknownNameError(f"{fingerprint!r} begins several fingerprints: {', '.join(row[0] for row in rows)}")
    name, content, path, digest = rows[0]
    if content is None:
        if not Path(path).is_file():
            raise StoreError(f"the posterior {name} was kept at {path}, which is gone: fit it again")
        content = Path(path).read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise StoreError(f"the posterior {name}{f' at {path}' if path else ''} has changed since it was stored")
    if not target.parent.is_dir():
        raise StoreError(f"cannot write {target}: no directory {target.parent}")
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.write_bytes(content)
    os.replace(partial, target)
    return target


def add_validations(connection: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Keep scores; those that were found before and have not changed are not repeated."""
    at, added = loading.now(), 0
    columns = ("posterior_fingerprint", "metric", "grouping", "member", "n", "clusters", *_SCORES, "refit")
    for row in rows:
        values = {name: _plain(row.get(name)) for name in columns}
        rounded = {k: float(f"{v:.9g}") if isinstance(v, float) else v for k, v in values.items()}
        digest = hashlib.sha256(json.dumps(rounded, sort_keys=True, default=str).encode()).hexdigest()[:32]
        added += connection.execute(
            f"insert into validations (validation_id, validated_at, {', '.join(map(identifier, columns))}) "
            f"values (?::UUID, ?, {', '.join('?' * len(columns))}) on conflict do nothing",
            [digest, at, *values.values()],
        ).fetchall()[0][0]
    return added
