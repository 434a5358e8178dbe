"""BenchmarkStore: measurements in an embedded DuckDB database, append-only and addressed by content.

All row work is SQL, so a few hundred thousand rows load in seconds. An import is one transaction: it is there as a
whole or not at all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import duckdb

from hwpredict.errors import InvalidWorkloadError, StoreError, unknown
from hwpredict.store import schema, tabular
from hwpredict.store.schema import BY_NAME, COLUMN_NAMES, EXTRA, METRICS, REPLICATES, identifier, literal
from hwpredict.store.staging import ROW_NUMBER, match_columns, numbered, staging, unknown_columns

if TYPE_CHECKING:
    import pandas as pd

_MEMORY = ":memory:"

#: No extension is fetched over the network, and a Python variable is never mistaken for a table.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "python_enable_replacements": False,
}

#: What a store in a file may hold in memory; beyond it DuckDB spills to a folder beside the file. Two million rows load
#: as fast under it, in half the memory.
_MEMORY_LIMIT = "1GB"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What became of the rows of one import; ``read = added + known + duplicates + rejected``.

    Attributes
    ----------
    origin : str
        The file, or "data frame".
    read : int
        Rows that were given.
    added : int
        Rows that are new in the store.
    known : int
        Rows that the store had already.
    duplicates : int
        Repetitions within what was given; the store keeps how many in the column ``replicates``.
    rejected : int
        Rows that make no sense; they are in the table ``rejects`` with the reason.
    reasons : Mapping of str to int
        Reason of rejection to number of rows, most frequent first.
    unknown_columns : tuple of str
        Columns that the schema does not have; their values are in the JSON column ``extra``.
    """

    origin: str
    read: int
    added: int
    known: int
    duplicates: int
    rejected: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    unknown_columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{self.origin}: {self.read:,} rows read, {self.added:,} added"
        if self.known:
            text += f", {self.known:,} known already"
        if self.duplicates:
            text += f", {self.duplicates:,} repeated"
        if self.rejected:
            shown = ", ".join(f"{reason} ({count:,})" for reason, count in list(self.reasons.items())[:3])
            more = ", …" if len(self.reasons) > 3 else ""
            text += f", {self.rejected:,} rejected: {shown}{more}"
        if self.unknown_columns:
            text += f"; columns kept as extra: {', '.join(self.unknown_columns)}"
        return text


class BenchmarkStore:
    """Measurements at rest.

    Parameters
    ----------
    path : str or path, default ":memory:"
        A DuckDB file, made when it does not exist; ":memory:" keeps nothing after closing.
    read_only : bool, default False
        Open an existing file without the right to change it. Several processes may read at the same time; a process
        that writes has the file for itself.

    Examples
    --------
    >>> import pandas as pd
    >>> with BenchmarkStore() as store:
    ...     print(store.load(pd.DataFrame({"model": ["gpt2"], "hardware": ["cpu"], "latency_ms": [41.5]})))
    data frame: 1 rows read, 1 added
    """

    def __init__(self, path: str | os.PathLike[str] = _MEMORY, read_only: bool = False) -> None:
        self.path = os.fspath(path) if os.fspath(path) == _MEMORY else str(Path(path).expanduser())
        self.read_only = read_only
        self._connection = _connect(self.path, read_only)
        try:
            _check_schema(self._connection, self.path, read_only)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"BenchmarkStore({self.path!r}, read_only={self.read_only})"

    def close(self) -> None:
        """Close the database; another process may then write to it."""
        self._connection.close()

    # --- in -----------------------------------------------------------------------------------------------------------

    def load(self, given: str | os.PathLike[str] | pd.DataFrame) -> LoadReport:
        """Add measurements; all of them, or none when something fails on the way.

        Parameters
        ----------
        given : path or DataFrame
            Parquet, CSV or a data frame with columns of the schema, in any order and any case. The columns ``model``,
            ``hardware`` and one of ``throughput``, ``latency_ms``, ``memory_mb`` must be there. An empty or NaN value
            means that the source did not say.

        Returns
        -------
        LoadReport
            How many rows were read, added, known already, repeated and rejected, and why.
        """
        if self.read_only:
            raise StoreError(f"{self.path} was opened for reading only; open it with read_only=False to add to it")
        try:
            scan = tabular.scan(self._connection, given)
            columns = match_columns(scan)
            with self._transaction():
                try:
                    self._run(f"create or replace temp table staged as {staging(scan, columns)}")
                except duckdb.Error as error:
                    raise StoreError(f"cannot read {scan.origin}: {tabular.brief(error)}") from error
                return self._add_staged(scan, columns)
        except duckdb.Error as error:
            raise StoreError(f"cannot write to {self.path}: {tabular.brief(error)}") from error
        finally:
            tabular.release(self._connection)

    def _add_staged(self, scan: tabular.Scan, columns: Mapping[str, str]) -> LoadReport:
        read, rejected = self._run("select count(*), count(reason) from staged")[0]
        if read == 0:
            raise InvalidWorkloadError(f"{scan.origin} has no rows")
        # the first of several equal rows stands for them
        self._run(
            f"create or replace temp table distinct_rows as select row_id, min(n) as n, sum({REPLICATES})::BIGINT as "
            f"{REPLICATES} from staged where reason is null group by row_id"
        )
        distinct = self._run("select count(*) from distinct_rows")[0][0]
        import_id = self._run("select coalesce(max(import_id), 0) + 1 from imports")[0][0]
        names = [name for name in COLUMN_NAMES if name in columns]
        added = self._run(
            f"insert into measurements by name select d.row_id, {import_id} as import_id, d.{REPLICATES}, "
            f"{', '.join(f's.{identifier(name)}' for name in names)}, s.{EXTRA} "
            "from distinct_rows d join staged s using (n) "
            "where not exists (select 1 from measurements m where m.row_id = d.row_id) order by n"
        )[0][0]
        self._run(
            f"update measurements set {REPLICATES} = d.{REPLICATES} from distinct_rows d "
            f"where measurements.row_id = d.row_id and d.{REPLICATES} > measurements.{REPLICATES}"
        )
        reasons = dict(
            self._run("select reason, count(*) from staged where reason is not null group by all order by 2 desc, 1")
        )
        refused = self._add_rejects(scan, import_id) if rejected else 0
        if added or refused:  # an import that brings nothing new leaves no trace
            now = datetime.now(UTC).replace(tzinfo=None)
            self._run(
                "insert into imports values (?, ?, ?, ?, ?, ?)", import_id, now, scan.origin, read, added, refused
            )
        self._run("drop table staged")
        self._run("drop table distinct_rows")
        return LoadReport(
            origin=scan.origin,
            read=read,
            added=added,
            known=distinct - added,
            duplicates=read - rejected - distinct,
            rejected=rejected,
            reasons=reasons,
            unknown_columns=unknown_columns(scan, columns),
        )

    def _add_rejects(self, scan: tabular.Scan, import_id: int) -> int:
        """Keep the rejected rows as they were given; returns how many were not there before."""
        number, refused = identifier(ROW_NUMBER), "select n from staged where reason is not null"
        count: int = self._run(
            f"insert into rejects select left(sha256(given::VARCHAR), 32)::UUID, {import_id}, min(n), count(*), "
            f"min(reason), given from (select {number} as n, {schema.as_json_object(scan.types)} as given "
            f"from {numbered(scan)} where {number} in ({refused})) join staged using (n) "
            "group by given order by min(n) on conflict do nothing"
        )[0][0]
        return count

    # --- out ----------------------------------------------------------------------------------------------------------

    def measurements(
        self, where: str | None = None, columns: Sequence[str] | None = None, params: Sequence[object] = ()
    ) -> pd.DataFrame:
        """Measurements as a data frame, in the order in which they came in.

        Parameters
        ----------
        where : str, optional
            SQL condition on the columns, such as ``"hardware = 'cuda' and batch_size >= 8"``. The column ``table`` is
            written ``"table"``.
        columns : sequence of str, optional
            Columns to return; all of the schema by default. ``row_id``, ``import_id``, ``replicates`` and ``extra`` may
            be asked for too.
        params : sequence, optional
            Values of the question marks in ``where``.

        Returns
        -------
        pandas.DataFrame
            Text columns as text and all numbers as float64, NaN where the source did not say.
        """
        known = (*COLUMN_NAMES, "row_id", "import_id", REPLICATES, EXTRA)
        chosen = list(COLUMN_NAMES if columns is None else columns)
        for name in chosen:
            if name not in known:
                raise unknown("column", name, known)
        if not chosen:
            raise InvalidWorkloadError("no columns asked for")
        selected = ", ".join(f"{_as_given(name)} as {identifier(name)}" for name in chosen)
        return self._frame(f"select {selected} from measurements {_condition(where)} order by rowid", params)

    def count(self, where: str | None = None, params: Sequence[object] = ()) -> int:
        """Count the measurements that fulfil a condition (see :meth:`measurements`)."""
        try:
            rows = self._run(f"select count(*) from measurements {_condition(where)}", *params)
        except duckdb.Error as error:
            raise _bad_query(error) from error
        return int(rows[0][0])

    def sources(self) -> pd.DataFrame:
        """One row per source: its rows, models, devices and platforms, and how many rows have each metric."""
        given = ", ".join(f"count({name}) as {name}" for name in METRICS)
        return self._frame(
            'select source, "table", count(*) as rows, count(distinct model) as models, '
            "count(distinct device) as devices, string_agg(distinct hardware, ' ' order by hardware) as hardware, "
            f'{given} from measurements group by all order by rows desc, source, "table"'
        )

    def rejects(self) -> pd.DataFrame:
        """Rows that were not taken: where they stood, why, and what they said (JSON)."""
        return self._frame(
            f"select origin, row_number, r.{REPLICATES}, reason, given::VARCHAR as given "
            "from rejects r join imports using (import_id) order by import_id, row_number"
        )

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write all measurements to one Parquet file, which :meth:`load` reads back without loss.

        Parameters
        ----------
        path : str or path
            File to write; an existing one is replaced only when the new one is complete.
        """
        target = Path(path).expanduser()
        if not target.parent.is_dir():
            raise StoreError(f"cannot write {target}: no directory {target.parent}")
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        columns = ", ".join(map(identifier, (*COLUMN_NAMES, REPLICATES, EXTRA)))
        try:
            self._run(
                f"copy (select {columns} from measurements order by rowid) to {literal(str(partial))} "
                "(format parquet, compression zstd)"
            )
            partial.replace(target)
        except (duckdb.Error, OSError) as error:
            raise StoreError(f"cannot write {target}: {tabular.brief(error)}") from error
        finally:
            partial.unlink(missing_ok=True)
        return target

    # --- how ----------------------------------------------------------------------------------------------------------

    def _run(self, sql: str, *params: object) -> list[Any]:
        return self._connection.execute(sql, params).fetchall()

    def _frame(self, sql: str, params: Sequence[object] = ()) -> pd.DataFrame:
        try:
            # through Arrow, because it keeps the type of a column that has no value at all
            frame: pd.DataFrame = self._connection.sql(sql, params=list(params)).to_arrow_table().to_pandas()
        except duckdb.Error as error:
            raise _bad_query(error) from error
        return frame

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._run("begin transaction")
        try:
            yield
        except BaseException:
            self._run("rollback")
            raise
        self._run("commit")


def _condition(where: str | None) -> str:
    return "" if where is None else f"where ({where}\n)"  # the line break ends a comment


def _as_given(name: str) -> str:
    column = BY_NAME.get(name)
    if column is not None and column.is_number:
        return f"{identifier(name)}::DOUBLE"
    return f"{identifier(name)}::VARCHAR" if name in ("row_id", EXTRA) else identifier(name)


def _bad_query(error: duckdb.Error) -> StoreError:
    return StoreError(f"cannot query the measurements: {tabular.brief(error)}")


# --- opening ----------------------------------------------------------------------------------------------------------


def _connect(path: str, read_only: bool) -> duckdb.DuckDBPyConnection:
    if path == _MEMORY and read_only:
        raise StoreError("a store in memory is empty, so it cannot be opened for reading only; give a path")
    if path != _MEMORY:
        if read_only and not Path(path).exists():
            raise StoreError(f"no such store: {path}")
        if Path(path).is_dir():
            raise StoreError(f"{path} is a directory, not a DuckDB file")
        if not Path(path).parent.is_dir():
            raise StoreError(f"cannot create {path}: no directory {Path(path).parent}")
    config = _CONFIG if path == _MEMORY else {**_CONFIG, "memory_limit": _MEMORY_LIMIT}
    try:
        return duckdb.connect(path, read_only=read_only, config=config)
    except duckdb.Error as error:
        raise _opening_error(path, str(error), error) from error


def _opening_error(path: str, message: str, error: duckdb.Error) -> StoreError:
    if "lock" in message:
        holder = re.search(r"\(PID (\d+)\)", message)
        who = f"process {holder[1]}" if holder else "another process"
        return StoreError(
            f"{path} is in use by {who}: wait for it or stop it, or work on another file "
            "(several processes may read a store, but only while none writes)"
        )
    if "different configuration" in message:
        return StoreError(f"{path} is open in this process already, in the other mode; close that store first")
    if "not a valid DuckDB" in message:
        return StoreError(f"{path} is not a DuckDB database, or it is damaged")
    return StoreError(f"cannot open {path}: {tabular.brief(error)}")


def _check_schema(connection: duckdb.DuckDBPyConnection, path: str, read_only: bool) -> None:
    """Create the tables of a new store; refuse what is not a store, or is one of a later version."""
    try:
        tables = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
        if not tables and not read_only:
            connection.execute("begin transaction")
            for statement in schema.ddl():
                connection.execute(statement)
            connection.execute(
                "insert into meta values ('schema_version', ?), ('created_at', ?)",
                [str(schema.SCHEMA_VERSION), datetime.now(UTC).isoformat(timespec="seconds")],
            )
            connection.execute("commit")
            return
        if not {"meta", "measurements", "imports", "rejects"} <= tables:
            raise StoreError(f"{path} is a DuckDB database, but not one of hwpredict's")
        rows = connection.execute("select value from meta where key = 'schema_version'").fetchall()
    except duckdb.Error as error:
        raise StoreError(f"cannot open {path}: {tabular.brief(error)}") from error
    version = rows[0][0] if rows else ""
    if not version.isdecimal():
        raise StoreError(f"{path} does not say which version of the schema it has (found {version!r})")
    if int(version) > schema.SCHEMA_VERSION:
        raise StoreError(
            f"{path} has schema version {version}, and this hwpredict knows up to {schema.SCHEMA_VERSION}: "
            "upgrade hwpredict to read it"
        )
