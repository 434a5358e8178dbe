"""Opening a store by what is at a path, and measurements from wherever they lie as one frame in the schema."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hwpredict.errors import HwpredictError, StoreError, unknown
from hwpredict.store import remote
from hwpredict.store.benchmark_store import BenchmarkStore
from hwpredict.store.connection import WAIT
from hwpredict.store.folder import FolderStore
from hwpredict.store.maintenance import MEASUREMENTS

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)

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
        A store; or a folder of results of any known format, which are imported on the way.
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
    with _opened(path) as store:
        if not sources:
            return store.measurements()
        name = "coalesce(nullif(\"table\", ''), source)"
        known = [row[0] for row in store.query(f"select distinct {name} from measurements").itertuples(index=False)]
        for source in sources:
            if source not in known:
                raise unknown("source", source, [k for k in known if isinstance(k, str)])
        return store.measurements(f"{name} in (select unnest(?))", params=[list(sources)])


def _opened(path: str | os.PathLike[str]) -> BenchmarkStore | FolderStore:
    """The store at a path; of a folder of results in other formats, one in memory with all of them."""
    folder = Path(path).expanduser()
    if remote.protocol(os.fspath(path)) is not None or not folder.is_dir() or _is_parquet_alone(folder):
        return open_store(path)
    from hwpredict.store import importers

    store, problem = BenchmarkStore(), f"{folder} holds no results"
    for file, _ in importers.files([folder]):
        try:
            store.import_file(file)
        except HwpredictError as error:
            problem = str(error)
            _log.warning("left out: %s", error)
    if not store.count():
        store.close()
        raise StoreError(f"no measurements in {folder}: {problem}")
    return store


def _is_parquet_alone(folder: Path) -> bool:
    """Whether a folder is an exported store or has nothing but Parquet files."""
    if (folder / MEASUREMENTS).is_dir():
        return True
    files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")]
    return all(p.suffix.lower() == ".parquet" for p in files)
