"""Looking after a store: its size, its soundness, its export, its compaction."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb

from hwpredict.errors import StoreError
from hwpredict.store import connection as opening, schema, tabular
from hwpredict.store.schema import BY_NAME, COLUMN_NAMES, EXTRA, REPLICATES, identifier, literal
from hwpredict.store.tables import TABLES

#: Folder of an exported store that holds the measurements; the other tables stand beside it.
MEASUREMENTS = "measurements"


def stats(connection: duckdb.DuckDBPyConnection, path: str) -> dict[str, Any]:
    """Size of a store by table, in rows, and of its file, in bytes."""
    run = connection.execute
    counts = {name: run(f"select count(*) from {name}").fetchall()[0][0] for name in TABLES if name != "meta"}
    current = run("select count(*) from current_measurements").fetchall()[0][0]
    first, last = run("select min(started_at), max(started_at) from runs where rows_added > 0").fetchall()[0]
    meta = dict(run("select key, value from meta").fetchall())
    files = [Path(path), Path(f"{path}.wal")] if path != opening.MEMORY else []
    return {
        "path": path,
        "schema_version": int(meta["schema_version"]),
        "created_at": meta.get("created_at"),
        "bytes": sum(f.stat().st_size for f in files if f.exists()) or None,
        "current_measurements": current,
        **counts,
        "first_import": first.isoformat(sep=" ", timespec="seconds") if first else None,
        "last_import": last.isoformat(sep=" ", timespec="seconds") if last else None,
    }


#: Columns as they are when a row is addressed: every number a DOUBLE.
_NUMBERS = {name for name, column in BY_NAME.items() if column.is_number}
_AS_ADDRESSED = ", ".join(
    f"{identifier(name)}::{'DOUBLE' if name in _NUMBERS else 'VARCHAR'} as {identifier(name)}"
    for name in (EXTRA, *COLUMN_NAMES)
)

#: What must be nowhere, with the sentence that says how many there are.
_CHECKS: tuple[tuple[str, str], ...] = (
    (
        f"select count(*) from (select row_id, {_AS_ADDRESSED} from measurements) "
        f"where row_id <> {schema.content_hash((EXTRA, *COLUMN_NAMES))}",
        "{:,} measurements have an address that does not fit what they say",
    ),
    (
        "select count(*) from measurements where run_id not in (select run_id from runs)",
        "{:,} measurements belong to no run",
    ),
    (
        "select count(*) from runs left join (select run_id, count(*) as n from measurements group by all) m "
        "using (run_id) where kind <> 'correction' and rows_added <> coalesce(n, 0)",
        "{:,} runs are incomplete: they do not have the rows that they brought",
    ),
    (
        "select count(*) from corrections where old_row_id not in (select row_id from measurements) "
        "or new_row_id not in (select row_id from measurements)",
        "{:,} corrections point to measurements that are not there",
    ),
    (
        "select count(*) from rejects where run_id not in (select run_id from runs)",
        "{:,} rejected rows belong to no run",
    ),
    (
        "select count(*) from posteriors where content is not null and sha256 <> sha256(content)",
        "{:,} posteriors have changed since they were stored",
    ),
)


def problems(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """What is wrong with the store itself, one sentence each."""
    found = []
    for sql, text in _CHECKS:
        try:
            count = connection.execute(sql).fetchall()[0][0]
        except duckdb.Error as error:
            found.append(f"a check could not be made: {tabular.brief(error)}")
            continue
        if count:
            found.append(text.format(count))
    return found


def export_measurements(connection: duckdb.DuckDBPyConnection, target: Path, *, order: str = "order by rowid") -> Path:
    """Write the current measurements to one file, Parquet or CSV by its ending."""
    columns = ", ".join(map(identifier, (*COLUMN_NAMES, REPLICATES, EXTRA)))
    query = f"select {columns} from measurements where row_id not in (select old_row_id from superseded) {order}"
    return _copy(connection, query, target)


def export(connection: duckdb.DuckDBPyConnection, target: Path) -> Path:
    """Write the store to a file of measurements or, by any other name, to a folder with all its tables."""
    if target.suffix.lower() in (".parquet", ".csv"):
        return export_measurements(connection, target)
    if target.is_file():
        raise StoreError(f"{target} is a file: name one that ends in .parquet or .csv, or a folder")
    folder = target / MEASUREMENTS
    folder.mkdir(parents=True, exist_ok=True)
    export_measurements(connection, folder / "measurements.parquet")
    for name in TABLES:
        if name not in ("meta", "measurements"):
            _copy(connection, f"select * from {name}", target / f"{name}.parquet")
    _copy(
        connection,
        "select * from measurements where row_id in (select old_row_id from superseded) order by rowid",
        target / "superseded.parquet",
    )
    return target


def _copy(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> Path:
    """Write a query's rows to a file that takes its name when it is complete."""
    if not target.parent.is_dir():
        raise StoreError(f"cannot write {target}: no directory {target.parent}")
    options = "format csv, header" if target.suffix.lower() == ".csv" else "format parquet, compression zstd"
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        connection.execute(f"copy ({query}) to {literal(str(partial))} ({options})").fetchall()
        partial.replace(target)
    except (duckdb.Error, OSError) as error:
        raise StoreError(f"cannot write {target}: {tabular.brief(error)}") from error
    finally:
        partial.unlink(missing_ok=True)
    return target


def compact(connection: duckdb.DuckDBPyConnection, path: str) -> tuple[int, int, duckdb.DuckDBPyConnection]:
    """Write the file anew without the space of what is gone, and open it again.

    The new file takes the old one's name when it is complete; killed before that, the old one is there as it was.

    Returns
    -------
    tuple of (int, int, DuckDBPyConnection)
        Bytes before and after, and the connection to go on with.
    """
    if path == opening.MEMORY:
        return 0, 0, connection
    target = Path(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        connection.execute("checkpoint")
        before = target.stat().st_size
        name = connection.execute("select current_database()").fetchall()[0][0]
        connection.execute(f"attach {literal(str(partial))} as compacted")
        connection.execute(f"copy from database {identifier(name)} to compacted")
        connection.execute("detach compacted")
        connection.close()
        partial.replace(target)
    except (duckdb.Error, OSError) as error:
        raise StoreError(f"cannot compact {path}: {tabular.brief(error)}") from error
    finally:
        partial.unlink(missing_ok=True)
        partial.with_name(partial.name + ".wal").unlink(missing_ok=True)
    return before, target.stat().st_size, opening.connect(path)
