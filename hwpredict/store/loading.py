"""One import: rows are staged, judged, told from what is there already, and added; all of them or none.

All row work is SQL, so a few hundred thousand rows load in seconds. The caller has begun a transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import duckdb

from hwpredict import __version__
from hwpredict.errors import InvalidWorkloadError, StoreError
from hwpredict.store import corrections, names, schema, tabular
from hwpredict.store.report import LoadReport
from hwpredict.store.schema import COLUMN_NAMES, EXTRA, REPLICATES, identifier
from hwpredict.store.staging import ROW_NUMBER, match_columns, numbered, staging, unknown_columns

_REFUSED = "hwpredict_refused"


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that an importer could not turn into a measurement.

    Attributes
    ----------
    location : str
        Where it stood: a line, or the path of a key.
    reason : str
    given : object
        What stood there; anything that JSON can hold.
    """

    location: str
    reason: str
    given: object


@dataclass(frozen=True, slots=True)
class Job:
    """What else is known of an import besides its rows.

    Attributes
    ----------
    kind : str
        "import", "benchmark", or whatever made the rows.
    importer : str
        Name of the format.
    assumed : Mapping of str to str
        Values of columns where the rows do not say them.
    refused : tuple of Refused
        What the importer rejected before.
    conversions : Mapping of str to int
    notes : tuple of str
    provenance : Mapping
        Anything worth keeping of the run: file hash, command line, machine.
    corrects : str
        Reason for which the rows supersede older ones of the same configuration; empty when they do not.
    allow_empty : bool
        Whether an import of no rows at all is in order.
    """

    kind: str = "import"
    importer: str = "hwpredict"
    assumed: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    conversions: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    corrects: str = ""
    allow_empty: bool = False


def now() -> datetime:
    """Tell the time, UTC, as DuckDB keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)


def add(
    connection: duckdb.DuckDBPyConnection, scan: tabular.Scan, job: Job, *, run_id: int | None = None
) -> LoadReport:
    """Add the rows of a table.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        In a transaction.
    scan : Scan
    job : Job
    run_id : int, optional
        A run that is on record already.

    Returns
    -------
    LoadReport
    """
    started = now()
    columns = match_columns(scan, job.assumed)
    try:
        connection.execute(f"create or replace temp table staged as {staging(scan, columns, job.assumed)}")
    except duckdb.Error as error:
        raise StoreError(f"cannot read {scan.origin}: {tabular.brief(error)}") from error
    run = connection.execute
    read, rejected = run("select count(*), count(reason) from staged").fetchall()[0]
    if read + len(job.refused) == 0 and not job.allow_empty:
        raise InvalidWorkloadError(f"{scan.origin} has no rows")
    # the first of several equal rows stands for them
    run(
        f"create or replace temp table distinct_rows as select row_id, min(n) as n, sum({REPLICATES})::BIGINT as "
        f"{REPLICATES} from staged where reason is null group by row_id"
    )
    distinct = run("select count(*) from distinct_rows").fetchall()[0][0]
    own_run = run_id is None
    run_id = next_id(connection, "runs", "run_id") if run_id is None else run_id
    added = _insert(connection, columns, job, run_id)
    run(
        f"update measurements set {REPLICATES} = d.{REPLICATES} from distinct_rows d "
        f"where measurements.row_id = d.row_id and d.{REPLICATES} > measurements.{REPLICATES}"
    )
    superseded = corrections.supersede(connection, run_id, job.corrects, started) if job.corrects else 0
    reasons: dict[str, int] = dict(
        run("select reason, count(*) from staged where reason is not null group by all order by 2 desc, 1").fetchall()
    )
    refused = _add_rejects(connection, scan, run_id) if rejected else 0
    refused += _add_refused(connection, job.refused, run_id)
    for refusal in job.refused:
        reasons[refusal.reason] = reasons.get(refusal.reason, 0) + 1
    if added:
        names.resolve(connection, f"(select * from measurements where run_id = {run_id})")
    if own_run and (added or refused or superseded):  # an import that brings nothing new leaves no trace
        counts = (read + len(job.refused), added, refused)
        add_run(connection, run_id, started, scan.origin, counts, job)
    run("drop table staged")
    run("drop table distinct_rows")
    return LoadReport(
        origin=scan.origin,
        read=read + len(job.refused),
        added=added,
        known=distinct - added,
        duplicates=read - rejected - distinct,
        rejected=rejected + len(job.refused),
        reasons=dict(sorted(reasons.items(), key=lambda item: -item[1])),
        unknown_columns=unknown_columns(scan, columns),
        importer=job.importer,
        conversions=job.conversions,
        notes=job.notes,
        superseded=superseded,
    )


def next_id(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> int:
    """The next whole number of a key; only one process writes at a time."""
    rows = connection.execute(f"select coalesce(max({column}), 0) + 1 from {table}").fetchall()
    return int(rows[0][0])


def _insert(connection: duckdb.DuckDBPyConnection, columns: Mapping[str, str], job: Job, run_id: int) -> int:
    present = [name for name in COLUMN_NAMES if name in columns or name in job.assumed]
    return int(
        connection.execute(
            f"insert into measurements by name select d.row_id, {run_id} as run_id, d.{REPLICATES}, "
            f"{', '.join(f's.{identifier(name)}' for name in present)}, s.{EXTRA} "
            "from distinct_rows d join staged s using (n) "
            "where not exists (select 1 from measurements m where m.row_id = d.row_id) order by n"
        ).fetchall()[0][0]
    )


def _add_rejects(connection: duckdb.DuckDBPyConnection, scan: tabular.Scan, run_id: int) -> int:
    """Keep the rejected rows as they were given; returns how many were not there before."""
    number, refused = identifier(ROW_NUMBER), "select n from staged where reason is not null"
    rows = connection.execute(
        f"insert into rejects by name select left(sha256(given::VARCHAR), 32)::UUID as row_id, {run_id} as run_id, "
        f"min(n) as row_number, count(*) as {REPLICATES}, min(reason) as reason, given, min(location) as location "
        f"from (select {number} as n, {schema.as_json_object(scan.types)} as given from {numbered(scan)} "
        f"where {number} in ({refused})) join staged using (n) group by given order by min(n) on conflict do nothing"
    ).fetchall()
    return int(rows[0][0])


def _add_refused(connection: duckdb.DuckDBPyConnection, refused: tuple[Refused, ...], run_id: int) -> int:
    if not refused:
        return 0
    import pyarrow as pa

    given = [json.dumps(r.given, default=str, ensure_ascii=False, sort_keys=True) for r in refused]
    table = pa.table({
        "n": pa.array(range(1, len(refused) + 1), pa.int64()),
        "location": [r.location for r in refused],
        "reason": [r.reason for r in refused],
        "given": pa.array(given, pa.string()),
    })  # fmt: skip
    connection.register(_REFUSED, table)
    try:
        rows = connection.execute(
            "insert into rejects by name select left(sha256(concat_ws(chr(31), location, reason, given)), 32)::UUID as "
            f"row_id, {run_id} as run_id, min(n) as row_number, count(*) as {REPLICATES}, reason, "
            f"given::JSON as given, location from {_REFUSED} group by location, reason, given order by min(n) "
            "on conflict do nothing"
        ).fetchall()
    finally:
        connection.unregister(_REFUSED)
    return int(rows[0][0])


def add_run(
    connection: duckdb.DuckDBPyConnection,
    run_id: int,
    started: datetime,
    origin: str,
    counts: tuple[int, int, int],
    job: Job,
) -> None:
    """Put a run on record; ``counts`` are the rows read, added and rejected."""
    provenance = dict(job.provenance) | {"hwpredict": __version__}
    if job.assumed:
        provenance["assumed"] = dict(job.assumed)
    connection.execute(
        "insert into runs (run_id, kind, started_at, finished_at, origin, importer, rows_read, rows_added, "
        "rows_rejected, conversions, provenance) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            run_id, job.kind, started, now(), origin, job.importer, *counts,
            json.dumps(dict(job.conversions)) if job.conversions else None,
            json.dumps(provenance, default=str),
        ],
    )  # fmt: skip


def with_predictions(report: LoadReport, stored: int, given: int) -> LoadReport:
    """The report of an import that brought predictions too."""
    again = f"{given - stored:,} predictions were known already"
    return replace(report, predictions=stored, notes=(*report.notes, again) if given > stored else report.notes)
