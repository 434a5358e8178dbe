"""Corrections: a new row stands in the place of an old one, which stays and can be reinstated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import duckdb

from hwpredict.errors import InvalidWorkloadError, UnknownNameError, unknown
from hwpredict.store.schema import BY_NAME, COLUMN_NAMES, METRICS, identifier

#: What may differ between a row and its correction; all else tells one measurement from another.
_CORRECTABLE = (*METRICS, "note")
_IDENTITY = tuple(name for name in COLUMN_NAMES if name not in _CORRECTABLE)


def identity(alias: str) -> str:
    """SQL expression of what tells one measurement from another: everything but its figures and its note."""
    values = ", ".join(f"coalesce({alias}.{identifier(name)}::VARCHAR, '')" for name in _IDENTITY)
    return f"md5(concat_ws(chr(31), {values}))"


def supersede(connection: duckdb.DuckDBPyConnection, run_id: int, reason: str, at: datetime) -> int:
    """Let the rows of a run stand in the place of older current rows with the same identity.

    Rows that the run gave again unchanged (they are in the temporary table ``distinct_rows``) stay.

    Returns
    -------
    int
        Rows that were superseded.
    """
    rows = connection.execute(
        f"""insert into corrections
        with fresh as (select {identity("m")} as key, min(row_id) as row_id from measurements m
            where run_id = $run group by key),
          old as (select {identity("m")} as key, m.row_id from current_measurements m where m.run_id <> $run
            and m.row_id not in (select row_id from distinct_rows))
        select (select coalesce(max(correction_id), 0) from corrections) + row_number() over (order by old.row_id),
          old.row_id, fresh.row_id, 'supersede', $run, $at, $reason
        from old join fresh using (key)""",
        {"run": run_id, "at": at, "reason": reason},
    ).fetchall()
    return int(rows[0][0])


def record(
    connection: duckdb.DuckDBPyConnection, old: str, new: str | None, action: str, run_id: int, at: datetime, why: str
) -> None:
    """Write one correction down."""
    connection.execute(
        "insert into corrections select (select coalesce(max(correction_id), 0) + 1 from corrections), ?, ?, ?, ?, "
        "?, ?",
        [old, new, action, run_id, at, why],
    )


def find(connection: duckdb.DuckDBPyConnection, row_id: object) -> dict[str, Any]:
    """The measurement at an address, by column, as it was given.

    Raises
    ------
    UnknownNameError
        There is none.
    """
    try:
        address = str(UUID(str(row_id)))
    except ValueError:
        raise UnknownNameError(f"{row_id!r} is no row_id: it looks like 930910d9-00c5-ae85-f72f-84a2debbca87") from None
    cursor = connection.execute("select * from measurements where row_id = ?", [address])
    names = [column[0] for column in cursor.description or ()]
    rows = cursor.fetchall()
    if not rows:
        raise UnknownNameError(f"no measurement has the row_id {address}: see the column row_id of `measurements`")
    return dict(zip(names, rows[0], strict=True))


def corrected(old: Mapping[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:
    """The row that a correction yields.

    Raises
    ------
    UnknownNameError, InvalidWorkloadError
        A column that the schema does not have, or nothing that changes.
    """
    for name in changes:
        if name not in BY_NAME:
            raise unknown("column", name, COLUMN_NAMES)
    new = {name: old[name] for name in COLUMN_NAMES} | dict(changes)
    if all(new[name] == old[name] for name in COLUMN_NAMES):
        raise InvalidWorkloadError("the correction changes nothing: give a column and its new value")
    return new
