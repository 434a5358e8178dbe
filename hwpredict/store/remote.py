"""Object storage: what DuckDB needs in order to read ``s3://``, ``gs://``, ``https://`` … as if they were files."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime

import duckdb

from hwpredict.errors import StoreError
from hwpredict.store import tabular
from hwpredict.store.schema import literal

_URL = re.compile(r"^([a-z][a-z0-9+.-]+)://", re.IGNORECASE)

#: Protocols of DuckDB's own extension ``httpfs``; for any other, and where it cannot be had, fsspec is asked.
HTTPFS = ("http", "https", "s3", "s3a", "s3n", "gs", "gcs", "r2", "hf")

#: Standard environment variables and the parameter of a DuckDB secret that each one is.
_S3_VARIABLES = {
    "AWS_ACCESS_KEY_ID": "key_id",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "session_token",
    "AWS_REGION": "region",
    "AWS_DEFAULT_REGION": "region",
    "AWS_ENDPOINT_URL": "endpoint",
}


def protocol(path: str) -> str | None:
    """Protocol of a URL in lower case; None for a path of this machine."""
    found = _URL.match(path)
    return found[1].lower() if found and found[1].lower() != "file" else None


def prepare(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    """Enable a connection to read from where ``path`` points, if it is a URL.

    DuckDB's extension ``httpfs`` is loaded, and installed the first time (from DuckDB's server, into ``~/.duckdb``).
    Without it, a file system that fsspec knows for the protocol serves as well. Credentials of S3 are those of the
    usual ``AWS_…`` variables, or of a secret that DuckDB keeps.

    Raises
    ------
    StoreError
        Neither can be had; the message says how to get one.
    """
    name = protocol(path)
    if name is None:
        return
    problem = "" if name in HTTPFS else f"DuckDB has no file system for {name}://"
    if not problem:
        problem = _load_httpfs(connection)
        if not problem:
            _s3_secret(connection, name)
            return
    if not _register_fsspec(connection, name):
        raise StoreError(
            f"cannot read {path}: {problem}; install one that fsspec knows ({_package(name)}), or DuckDB's httpfs with "
            "a connection to the internet"
        )


def _load_httpfs(connection: duckdb.DuckDBPyConnection) -> str:
    """Load the extension; returns what stands in the way, empty when nothing does."""
    for statement in ("load httpfs", "install httpfs", "load httpfs"):
        try:
            connection.execute(statement)
        except duckdb.Error as error:
            problem = f"DuckDB's extension httpfs cannot be loaded ({tabular.brief(error)[:120]})"
            if statement == "install httpfs":
                return problem
        else:
            if statement == "load httpfs":
                return ""
    return problem


def _s3_secret(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    if not name.startswith("s3") or "AWS_ACCESS_KEY_ID" not in os.environ:
        return
    options = {option: os.environ[variable] for variable, option in _S3_VARIABLES.items() if variable in os.environ}
    if "endpoint" in options:
        scheme, _, host = options["endpoint"].rpartition("://")
        options |= {"endpoint": host.rstrip("/"), "url_style": "path", "use_ssl": str(scheme != "http").lower()}
    settings = ", ".join(f"{option} {literal(value)}" for option, value in options.items())
    connection.execute(f"create or replace secret hwpredict_s3 (type s3, {settings})")


def _register_fsspec(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    try:
        import fsspec
    except ImportError:
        return False
    try:
        filesystem = fsspec.filesystem(name, skip_instance_cache=True)  # one of our own, since it may be changed here
    except (ImportError, ValueError):
        return False
    if type(filesystem).modified is fsspec.AbstractFileSystem.modified:  # DuckDB asks, and fsspec's http cannot tell
        opened = datetime.now(UTC)
        filesystem.modified = lambda path: opened
    connection.register_filesystem(filesystem)
    return True


def hint(path: str, message: str) -> str:
    """What DuckDB says of a URL that it cannot read, or what to do instead where it suggests what would not help."""
    if "allow_asterisks_in_http_paths" in message:
        return (
            f"{protocol(path)} has no listing of files: name one that ends in .parquet or .csv, or use s3:// or gs://"
        )
    return message


def _package(name: str) -> str:
    return {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}.get(
        name, "fsspec and its plug-in"
    )
