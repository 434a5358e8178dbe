"""The schema of a database file: made when the file is new, brought forward when it is older, refused when later."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb

from hwpredict.errors import StoreError
from hwpredict.store import names, tables, tabular, views

#: Tables that every version of a store has had.
_ESSENTIAL = {"meta", "measurements", "rejects"}


def ensure(connection: duckdb.DuckDBPyConnection, path: str, *, read_only: bool) -> None:
    """Make, check or bring forward the schema, in one transaction.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    path : str
        What to call the store in an error.
    read_only : bool
        Then nothing is changed, and an older store is refused too.

    Raises
    ------
    StoreError
        The file is not a store, or is one of a later version.
    """
    try:
        present = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
        if not present and not read_only:
            _transaction(connection, [*tables.ddl(), *_stamp(), *views.statements()])
            return
        if not present >= _ESSENTIAL:
            raise StoreError(f"{path} is a DuckDB database, but not one of hwpredict's")
        meta = dict(connection.execute("select key, value from meta").fetchall())
        version = _version(meta.get("schema_version", ""), path)
        stale = meta.get("views") != views.fingerprint()
        if read_only:
            if version < tables.SCHEMA_VERSION:
                raise StoreError(
                    f"{path} has schema version {version}, and this hwpredict reads {tables.SCHEMA_VERSION}: bring it "
                    "forward once with `hwpredict db upgrade` (nothing is lost)"
                )
            return
        if version < tables.SCHEMA_VERSION or stale:
            _transaction(connection, _forward(connection, version), look_up=version < tables.SCHEMA_VERSION)
    except duckdb.Error as error:
        raise StoreError(f"cannot open {path}: {tabular.brief(error)}") from error


def _version(text: str, path: str) -> int:
    if not text.isdecimal():
        raise StoreError(f"{path} does not say which version of the schema it has (found {text!r})")
    if int(text) > tables.SCHEMA_VERSION:
        raise StoreError(
            f"{path} has schema version {text}, and this hwpredict knows up to {tables.SCHEMA_VERSION}: "
            "upgrade hwpredict to read it"
        )
    return int(text)


def _stamp() -> list[str]:
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return [
        f"insert into meta values ('schema_version', '{tables.SCHEMA_VERSION}'), ('created_at', '{created}'), "
        f"('views', '{views.fingerprint()}')"
    ]


def _forward(connection: duckdb.DuckDBPyConnection, version: int) -> list[str]:
    """Statements from a version to this one: old views go, tables change, new views come."""
    old = connection.execute("select view_name from duckdb_views() where not internal").fetchall()
    steps = [f"drop view if exists {name}" for (name,) in old]
    for step in range(version, tables.SCHEMA_VERSION):
        steps += tables.MIGRATIONS[step]
    stamped = {"schema_version": str(tables.SCHEMA_VERSION), "views": views.fingerprint()}
    steps += [f"insert or replace into meta values ('{key}', '{value}')" for key, value in stamped.items()]
    return [*steps, *views.statements()]


def _transaction(connection: duckdb.DuckDBPyConnection, statements: list[str], *, look_up: bool = False) -> None:
    connection.execute("begin transaction")
    try:
        for statement in statements:
            connection.execute(statement)
        if look_up:
            names.resolve(connection, "measurements")
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")
