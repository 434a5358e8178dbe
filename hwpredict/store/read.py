"""Opening a store by what is at a path, and measurements from wherever they lie as one frame in the schema."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hwpredict.errors import StoreError, unknown
from hwpredict.store import remote
from hwpredict.store.benchmark_store import BenchmarkStore
from hwpredict.store.connection import WAIT
from hwpredict.store.folder import FolderStore

if TYPE_CHECKING:
    import pandas as pd

#: A DuckDB file says so in these bytes, after a checksum.
_MAGIC = (8, b"DUCK")


def is_duckdb(path: Path) -> bool:
    """Whether a file is a DuckDB database, by its content."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    return head[_MAGIC[0] :] == _MAGIC[1]


def open_store(
    path: str | os.PathLike[str], *, read_only: bool = True, wait: float = WAIT
) -> BenchmarkStore | FolderStore:
    """Open whatever store is at a path.

    Parameters
    ----------
    path : path
        A DuckDB file; or, for reading, Parquet or CSV files: one, a folder of them, a glob, or a URL on object storage.
    read_only : bool, default True
    wait : float
        Seconds to wait for a database that another process has locked.

    Returns
    -------
    BenchmarkStore or FolderStore

    Raises
    ------
    StoreError
        There is nothing to read, or Parquet files were to be written to.
    """
    text = os.fspath(path)
    local = Path(text).expanduser()
    if remote.protocol(text) is None and ((local.is_file() and is_duckdb(local)) or local.suffix == ".duckdb"):
        return BenchmarkStore(local, read_only, wait=wait)
    if not read_only:
        if remote.protocol(text) is None and not local.exists():
            return BenchmarkStore(local, wait=wait)
        raise StoreError(f"{text} is read as it lies and cannot be written to: import it into a DuckDB file")
    return FolderStore(text)


def read_measurements(path: str | os.PathLike[str], *, sources: Sequence[str] | None = None) -> pd.DataFrame:
    """Measurements of a store (see :func:`open_store`), those that no correction has taken out.

    Parameters
    ----------
    path : path
    sources : sequence of str, optional
        Only rows of these source tables.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    StoreError
        The path does not exist or cannot be read.
    UnknownNameError
        A source that is not in the data.
    """
    with open_store(path) as store:
        if not sources:
            return store.measurements()
        name = "coalesce(nullif(\"table\", ''), source)"
        known = [row[0] for row in store.query(f"select distinct {name} from measurements").itertuples(index=False)]
        for source in sources:
            if source not in known:
                raise unknown("source", source, [k for k in known if isinstance(k, str)])
        return store.measurements(f"{name} in (select unnest(?))", params=[list(sources)])
