"""FolderStore: Parquet files as they lie, here or on object storage, read lazily and changed by nobody.

DuckDB reads only the columns and row groups that a question needs, so the files may be larger than memory. Rows are
cleaned and judged as in an import, on the way; what an import would reject is left out and listed by ``rejects``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb

from hwpredict.errors import StoreError
from hwpredict.store import connection as opening, maintenance, names, remote, schema, tables, tabular, views
from hwpredict.store.reading import Reader
from hwpredict.store.schema import COLUMN_NAMES, EXTRA, REPLICATES, identifier, literal
from hwpredict.store.staging import lazily, match_columns

_GLOB = "*?["


class FolderStore(Reader):
    """Measurements in Parquet files.

    Parameters
    ----------
    path : str or path
        A folder (all ``*.parquet`` in it and below, or those in ``measurements/`` if it is an exported store), a file
        (Parquet or CSV), a glob (``runs/2026-*/*.parquet``), or the URL of either on object storage
        (``s3://bucket/runs/*.parquet``).

    Raises
    ------
    StoreError
        There is nothing to read, or it cannot be read.
    """

    _order = ""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.read_only = True
        super().__init__(duckdb.connect(config={**opening.CONFIG, "memory_limit": opening.MEMORY_LIMIT}))
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"FolderStore({self.path!r})"

    def _open(self) -> None:
        remote.prepare(self._connection, self.path)
        relation, beside = self._relation()
        try:
            types = tabular.describe(self._connection, relation)
        except duckdb.Error as error:
            raise StoreError(f"cannot read {self.path}: {remote.hint(self.path, tabular.brief(error))}") from error
        scan = tabular.Scan(self.path, relation, types)
        columns = match_columns(scan)
        for statement in tables.ddl(measurements=False):
            self._run(statement)
        self._run("insert into runs values (0, 'folder', '1970-01-01', null, ?, null, 0, 0, 0, null, null)", self.path)
        absent = [name for name in COLUMN_NAMES if name not in columns]
        empty = "".join(f", null::{schema.BY_NAME[n].sql_type} as {identifier(n)}" for n in absent)
        judged = lazily(scan, columns)
        self._run(f"create view judged as select *{empty} from ({judged})")
        self._run(
            f"create view measurements as select row_id, 0::BIGINT as run_id, {REPLICATES}, "
            f"{', '.join(map(identifier, COLUMN_NAMES))}, {EXTRA}::JSON as {EXTRA} from judged where reason is null"
        )
        for name in ("corrections", "predictions", "posteriors", "validations"):
            file = f"{beside}/{name}.parquet"
            if beside and self._lists(file):
                self._run(f"insert into {name} by name select * from read_parquet({literal(file)})")
        for statement in views.statements():
            self._run(statement)
        if not self._run("select count(*) from corrections")[0][0]:  # then no row need be addressed to be read
            self._run("create or replace view current_measurements as select * from measurements")
        self._prepared = False

    def _relation(self) -> tuple[str, str]:
        """SQL relation of the files, and the folder of an exported store's other tables (empty: there are none)."""
        if remote.protocol(self.path) is None:
            return _local(self.path)
        if self.path.lower().endswith(".csv"):
            return f"read_csv({literal(self.path)})", ""
        if self.path.lower().endswith(".parquet"):
            return _parquet(self.path), ""
        folder = self.path.rstrip("/")
        inner = f"{folder}/{maintenance.MEASUREMENTS}/**/*.parquet"
        return (_parquet(inner), folder) if self._lists(inner) else (_parquet(f"{folder}/**/*.parquet"), "")

    def _lists(self, target: str) -> bool:
        """Whether there is such a file, or a match of such a glob; no where there is no listing (http).

        Raises
        ------
        StoreError
            Elsewhere the listing failed: corrections that are there would be left out.
        """
        try:
            return bool(self._run(f"select count(*) from glob({literal(target)})")[0][0])
        except (duckdb.Error, OSError) as error:
            if remote.protocol(self.path) in ("http", "https"):
                return False
            raise StoreError(
                f"cannot list {target} ({error}); check the credentials and the connection, and try again"
            ) from error

    def _prepare(self) -> None:
        if not self._prepared:
            names.resolve(self._connection, "measurements")
            names.resolve(self._connection, "predictions")
            self._prepared = True

    def predicted(self, posterior: str | None = None, *, out_of_sample: bool = True) -> list[dict[str, Any]]:
        """Predictions of an exported store against its measurements, of which the files do not say when they came in.

        Raises
        ------
        StoreError
            Measurements that came in after their prediction were asked for.
        """
        if out_of_sample:
            raise StoreError(
                f"{self.path} does not say when its rows came in: hold all of them against the predictions (--all, "
                "out_of_sample=False), or evaluate the database itself"
            )
        return super().predicted(posterior, out_of_sample=False)

    def rejects(self) -> Any:
        """Rows that are left out, with the reason and how many there are of them."""
        return self._frame(
            "select ? as origin, reason, count(*) as rows from judged where reason is not null group by all "
            "order by rows desc, reason",
            [self.path],
        )

    def stats(self) -> dict[str, Any]:
        """Rows that are read, and rows that are left out."""
        read, left_out = self._run("select count(*), count(reason) from judged")[0]
        return {"path": self.path, "current_measurements": read - left_out, "rejects": left_out}

    def problems(self) -> list[str]:
        """What is wrong with the files, one sentence each."""
        found = self._run(
            "select reason, count(*) from judged where reason is not null group by all order by 2 desc, 1"
        )
        return [f"{count:,} rows are left out: {reason}" for reason, count in found]

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write the measurements to one Parquet file."""
        return maintenance.export_measurements(self._connection, Path(path).expanduser(), order="")

    export = to_parquet


def _local(path: str) -> tuple[str, str]:
    """As :meth:`FolderStore._relation`, on a disk."""
    local = Path(path).expanduser()
    if any(sign in path for sign in _GLOB) and not local.exists():
        return _parquet(str(local)), ""
    if local.is_file():
        return tabular.file_relation(local), ""
    if not local.is_dir():
        raise StoreError(f"no measurements at {path}: give a DuckDB store, a Parquet or CSV file, or a folder of them")
    inner = local / maintenance.MEASUREMENTS
    target = inner if inner.is_dir() else local
    if not any(target.rglob("*.parquet")):
        raise StoreError(f"{path} has no Parquet files: import what is in it with `hwpredict import {path}`")
    return _parquet(str(target / "**" / "*.parquet")), str(local) if inner.is_dir() else ""


def _parquet(target: str) -> str:
    return f"read_parquet({literal(target)}, union_by_name = true)"
