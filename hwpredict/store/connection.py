"""Opening DuckDB: one writer or many readers, a lock that is waited for, and errors that say who holds it."""

from __future__ import annotations

import os
import random
import re
import time
from pathlib import Path

import duckdb

from hwpredict.errors import StoreError
from hwpredict.store import tabular

MEMORY = ":memory:"
#: A DuckDB file says so in these bytes, after a checksum.
_MAGIC = (8, b"DUCK")

#: Where the store is when neither a path nor the environment variable says so.
DEFAULT = "hwpredict.duckdb"
ENVIRONMENT = "HWPREDICT_DATABASE"

#: Seconds for which a locked store is waited for by default.
WAIT = 5.0

#: No extension is fetched over the network unless a remote store asks for it, and a Python variable is never mistaken
#: for a table.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "python_enable_replacements": False,
}

#: What a store in a file may hold in memory; beyond it DuckDB spills to a folder beside the file. Two million rows load
#: as fast under it, in half the memory.
MEMORY_LIMIT = "1GB"


def default_store(given: str | os.PathLike[str] | None = None) -> str:
    """What to read: as given, else ``HWPREDICT_DATABASE``, else ``hwpredict.duckdb`` here; a path or a URL."""
    return os.fspath(given or os.environ.get(ENVIRONMENT) or DEFAULT)


def default_path(given: str | os.PathLike[str] | None = None) -> Path:
    """Where to write: as :func:`default_store`, on this machine.

    Raises
    ------
    StoreError
        It is a URL.
    """
    text = default_store(given)
    if "://" in text:
        raise StoreError(f"{text} is read as it lies and cannot be written to: import it into a DuckDB file")
    return Path(text).expanduser()


def connect(path: str, *, read_only: bool = False, wait: float = WAIT) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file, waiting for it while another process has it locked.

    Parameters
    ----------
    path : str
        A file, or ":memory:".
    read_only : bool
        The file must exist, and several processes may open it so at once.
    wait : float
        Seconds to go on trying while the file is locked; tried again at growing, jittered intervals.

    Raises
    ------
    StoreError
        It says which process holds the lock, or what is wrong with the path.
    """
    if path != MEMORY:
        _check_path(path, read_only)
    config = CONFIG if path == MEMORY else {**CONFIG, "memory_limit": MEMORY_LIMIT}
    deadline, pause = time.monotonic() + wait, 0.02
    while True:
        try:
            return duckdb.connect(path, read_only=read_only, config=config)
        except duckdb.Error as error:
            if not _is_locked(error) or time.monotonic() + pause > deadline:
                raise _opening_error(path, error, wait) from error
        time.sleep(pause * random.uniform(0.5, 1.0))  # two writers that wait must not step in time
        pause = min(pause * 1.7, 0.5)


def is_duckdb(path: Path) -> bool:
    """Whether a file is a DuckDB database, by its content."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    return head[_MAGIC[0] :] == _MAGIC[1]


def _check_path(path: str, read_only: bool) -> None:
    if read_only and not Path(path).exists():
        raise StoreError(f"no such store: {path}")
    if Path(path).is_dir():
        raise StoreError(f"{path} is a directory, not a DuckDB file")
    if not Path(path).parent.is_dir():
        raise StoreError(f"cannot create {path}: no directory {Path(path).parent}")
    holds = Path(path).exists() and Path(path).stat().st_size > 0
    if holds and os.access(path, os.R_OK) and not is_duckdb(Path(path)):  # DuckDB opens tables too, and keeps nothing
        raise StoreError(f"{path} is not a DuckDB database, or it is damaged")


def _is_locked(error: duckdb.Error) -> bool:
    return "lock on file" in str(error)


def _opening_error(path: str, error: duckdb.Error, waited: float) -> StoreError:
    message = str(error)
    if _is_locked(error):
        holder = re.search(r"\(PID (\d+)\)", message)
        who = f"process {holder[1]}" if holder else "another process"
        return StoreError(
            f"{path} is in use by {who}: wait for it or stop it, or work on another file "
            f"(several processes may read a store, but only while none writes; waited {waited:g} s)"
        )
    if "different configuration" in message:
        return StoreError(f"{path} is open in this process already, in the other mode; close that store first")
    if "not a valid DuckDB" in message:
        return StoreError(f"{path} is not a DuckDB database, or it is damaged")
    return StoreError(f"cannot open {path}: {tabular.brief(error)}")
