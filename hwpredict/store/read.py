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
from hwpredict.store.connection import WAIT, is_duckdb
from hwpredict.store.folder import FolderStore
from hwpredict.store.maintenance import MEASUREMENTS

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)


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
        A store; or results of any known format, a file or a folder of them, which are imported on the way.
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
    """The store at a path; of results in other formats, one in memory with all of them."""
    local = Path(path).expanduser()
    if remote.protocol(os.fspath(path)) is not None or not local.exists() or _is_a_store(local):
        return open_store(path)
    store = import_folder(local)
    if not store.count():
        store.close()
        raise StoreError(f"no measurements in {local}: `hwpredict import` says why")
    return store


def _is_a_store(path: Path) -> bool:
    """Whether a file or folder is to be read as it lies: ours, or of no format that is known."""
    from hwpredict.store.importers import detect, own

    if path.is_dir():  # an exported store, or nothing but Parquet files
        files = [p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")]
        return (path / MEASUREMENTS).is_dir() or all(p.suffix.lower() == ".parquet" for p in files)
    try:
        document, found = detect(path)
    except StoreError:
        return True
    return found is own.FORMAT and document.json is None


def import_folder(folder: Path) -> BenchmarkStore:
    """A store in memory with the measurements of every file in a folder, or of one; what is not read is said."""
    from hwpredict.store import importers

    store = BenchmarkStore()
    for path, _ in importers.files([folder]):
        try:
            report = store.import_file(path)
        except HwpredictError as error:
            _log.warning("not read: %s", error)
            continue
        if report.rejected:
            _log.warning("%s: %d rows were not taken, `hwpredict import` says why", path, report.rejected)
    return store
