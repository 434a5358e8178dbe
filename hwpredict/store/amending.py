"""Amending single measurements by hand: a corrected row, a withdrawal, a reinstatement. Each is a run of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import duckdb

from hwpredict.errors import InvalidWorkloadError
from hwpredict.store import corrections, loading, tabular
from hwpredict.store.loading import Job
from hwpredict.store.schema import EXTRA
from hwpredict.store.staging import match_columns, staging


def correct(connection: duckdb.DuckDBPyConnection, row_id: str, changes: Mapping[str, object], reason: str) -> str:
    """Add the corrected row and let it stand in the place of the old one; returns its address."""
    old = corrections.find(connection, row_id)
    new = corrections.corrected(old, changes) | {EXTRA: old[EXTRA]}
    scan = tabular.rows(connection, [new], "correction")
    address, problem = connection.execute(
        f"select row_id::VARCHAR, reason from ({staging(scan, match_columns(scan))})"
    ).fetchall()[0]
    if problem:
        raise InvalidWorkloadError(f"the corrected row makes no sense: {problem}")
    run_id, at = _run(connection, "supersede", reason)
    loading.add(connection, scan, Job("correction"), run_id=run_id)
    if _is_superseded(connection, address):  # corrected back to what it was once
        corrections.record(connection, address, None, "reinstate", run_id, at, reason)
    corrections.record(connection, str(old["row_id"]), address, "supersede", run_id, at, reason)
    return str(address)


def withdraw(connection: duckdb.DuckDBPyConnection, row_id: str, action: str, reason: str) -> None:
    """Withdraw a measurement, or take back what took it out."""
    old = str(corrections.find(connection, row_id)["row_id"])
    if _is_superseded(connection, old) != (action == "reinstate"):
        state = "is withdrawn or superseded already" if action == "retract" else "was never withdrawn or superseded"
        raise InvalidWorkloadError(f"the measurement {old} {state}")
    run_id, at = _run(connection, action, reason)
    corrections.record(connection, old, None, action, run_id, at, reason)


def _run(connection: duckdb.DuckDBPyConnection, action: str, reason: str) -> tuple[int, datetime]:
    run_id, at = loading.next_id(connection, "runs", "run_id"), loading.now()
    job = Job("correction", provenance={"action": action, "reason": reason})
    loading.add_run(connection, run_id, at, "correction", (0, 0, 0), job)
    return run_id, at


def _is_superseded(connection: duckdb.DuckDBPyConnection, row_id: str) -> bool:
    return bool(connection.execute("select 1 from superseded where old_row_id = ?", [row_id]).fetchall())
