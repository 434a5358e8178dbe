"""BenchmarkStore: measurements in an embedded DuckDB database, append-only and addressed by content.

An import is one transaction: it is there as a whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from hwpredict.errors import StoreError
from hwpredict.store import amending, connection as opening, loading, maintenance, names, predictions, tabular
from hwpredict.store.loading import Job
from hwpredict.store.reading import Reader
from hwpredict.store.report import LoadReport
from hwpredict.store.staging import check_assumed
from hwpredict.store.upgrade import ensure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BenchmarkStore", "LoadReport"]


class BenchmarkStore(Reader):
    """Measurements at rest.

    Parameters
    ----------
    path : str or path, default ":memory:"
        A DuckDB file, made when it does not exist; ":memory:" keeps nothing after closing.
    read_only : bool, default False
        Open an existing file without the right to change it. Several processes may read at the same time; a process
        that writes has the file for itself.
    wait : float, default 5
        Seconds to wait for a file that another process has locked.

    Examples
    --------
    >>> import pandas as pd
    >>> with BenchmarkStore() as store:
    ...     print(store.load(pd.DataFrame({"model": ["gpt2"], "hardware": ["cpu"], "latency_ms": [41.5]})))
    data frame: 1 rows read, 1 added
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = opening.MEMORY,
        read_only: bool = False,
        *,
        wait: float = opening.WAIT,
    ) -> None:
        self.path = os.fspath(path) if os.fspath(path) == opening.MEMORY else str(Path(path).expanduser())
        self.read_only = read_only
        if self.path == opening.MEMORY and read_only:
            raise StoreError("a store in memory is empty, so it cannot be opened for reading only; give a path")
        super().__init__(opening.connect(self.path, read_only=read_only, wait=wait))
        try:
            ensure(self._connection, self.path, read_only=read_only)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"BenchmarkStore({self.path!r}, read_only={self.read_only})"

    # --- in -----------------------------------------------------------------------------------------------------------

    def load(
        self,
        given: str | os.PathLike[str] | pd.DataFrame,
        *,
        assume: Mapping[str, object] | None = None,
        corrects: str = "",
        kind: str = "import",
        provenance: Mapping[str, Any] | None = None,
    ) -> LoadReport:
        """Add measurements; all of them, or none when something fails on the way.

        Parameters
        ----------
        given : path or DataFrame
            Parquet, CSV or a data frame with columns of the schema, in any order and any case. The columns ``model``,
            ``hardware`` and one of ``throughput``, ``latency_ms``, ``memory_mb`` must be there. An empty or NaN value
            means that the source did not say.
        assume : mapping of str to value, optional
            Values of columns of the schema wherever the rows do not say them.
        corrects : str, optional
            Why these rows stand in the place of older ones with the same configuration and origin. The older ones stay
            in the table and can be reinstated.
        kind : str
            What made the rows: "import", "benchmark" …
        provenance : mapping, optional
            What else to keep of the run, as JSON: command line, machine, versions.

        Returns
        -------
        LoadReport
            How many rows were read, added, known already, repeated and rejected, and why.

        Raises
        ------
        StoreError, InvalidWorkloadError
            The file cannot be read, a column is missing, or the store is open for reading only.
        """
        job = Job(kind, assumed=check_assumed(assume or {}), provenance=dict(provenance or {}), corrects=corrects)
        with self._writing():
            scan = tabular.scan(self._connection, given)
            with self._transaction():
                return loading.add(self._connection, scan, job)

    def import_file(
        self,
        path: str | os.PathLike[str],
        *,
        source: str | None = None,
        assume: Mapping[str, object] | None = None,
        corrects: str = "",
    ) -> LoadReport:
        """Import a file of any known format, recognised by its content (see docs/importers.md).

        Parameters
        ----------
        path : path
        source : str, optional
            Who published the figures, where the file does not say; the name of the format by default.
        assume, corrects
            As in :meth:`load`.

        Returns
        -------
        LoadReport

        Raises
        ------
        StoreError
            The file is of no known format, or of a known one without what a measurement needs; the message names the
            file and the line or key.
        """
        from hwpredict.store.importers import read as read_file

        self._refuse_read_only()
        assumed = check_assumed((dict(assume) if assume else {}) | ({"source": source} if source else {}))
        read = read_file(path, assumed)
        if read.table is not None:
            return self.load(read.table, assume=read.assumed, corrects=corrects, provenance=read.provenance)
        with self._writing(), self._transaction():
            scan = tabular.rows(self._connection, read.rows, str(path))
            report = loading.add(self._connection, scan, read.job(corrects))
            if read.predictions:
                stored = predictions.add(self._connection, read.predictions, origin=read.importer)
                report = loading.with_predictions(report, stored, len(read.predictions))
            return report

    def correct(self, row_id: str, changes: Mapping[str, object], reason: str) -> str:
        """Put a corrected row in the place of a measurement, which stays in the table.

        Parameters
        ----------
        row_id : str
            Address of the measurement.
        changes : mapping of str to value
            Columns of the schema and their right values; None for "not stated".
        reason : str

        Returns
        -------
        str
            Address of the corrected row.
        """
        with self._writing(), self._transaction():
            return amending.correct(self._connection, row_id, changes, reason)

    def retract(self, row_id: str, reason: str) -> None:
        """Withdraw a measurement: it stays in the table and is used no more."""
        with self._writing(), self._transaction():
            amending.withdraw(self._connection, row_id, "retract", reason)

    def reinstate(self, row_id: str, reason: str) -> None:
        """Take back what superseded or withdrew a measurement."""
        with self._writing(), self._transaction():
            amending.withdraw(self._connection, row_id, "reinstate", reason)

    def add_predictions(self, rows: Sequence[Mapping[str, Any]], *, origin: str = "hwpredict") -> int:
        """Keep predictions, to be held against measurements of the same cells later.

        Parameters
        ----------
        rows : sequence of mappings
            Output of :func:`hwpredict.evaluate.record.rows`: the configuration in columns of the schema,
            ``<metric>_quantiles`` (evenly spaced quantiles, ascending), and what supports them.
        origin : str
            Who predicts.

        Returns
        -------
        int
            Predictions that are new in the store.
        """
        with self._writing(), self._transaction():
            return predictions.add(self._connection, rows, origin=origin)

    def add_posterior(self, path: str | os.PathLike[str], *, name: str = "", inside: bool | None = None) -> str:
        """Keep a posterior: its netCDF inside the database, or its path.

        Parameters
        ----------
        path : path
            A posterior that hwpredict wrote.
        name : str, optional
            What to call it; the file's name by default.
        inside : bool, optional
            Whether to copy the file into the database; by default when it is smaller than 64 MB.

        Returns
        -------
        str
            Its fingerprint.
        """
        with self._writing(), self._transaction():
            return predictions.add_posterior(self._connection, Path(path).expanduser(), name, inside)

    def add_validations(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Keep scores of predictions against measurements; returns how many say something new."""
        with self._writing(), self._transaction():
            return predictions.add_validations(self._connection, rows)

    # --- out ----------------------------------------------------------------------------------------------------------

    def posterior(self, fingerprint: str, target: str | os.PathLike[str]) -> Path:
        """Write a posterior that is kept here to a netCDF file.

        Parameters
        ----------
        fingerprint : str
            As :meth:`query` shows it in the table ``posteriors``; its beginning is enough.
        target : path
            File to write.

        Returns
        -------
        pathlib.Path
            The file.
        """
        return predictions.extract_posterior(self._connection, fingerprint, Path(target).expanduser())

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write all current measurements to one Parquet file, which :meth:`load` reads back without loss.

        Parameters
        ----------
        path : str or path
            File to write; an existing one is replaced only when the new one is complete.
        """
        return maintenance.export_measurements(self._connection, Path(path).expanduser())

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the store: ``.parquet`` or ``.csv`` the current measurements, anything else a folder with all tables.

        The folder is a store itself, read lazily by :func:`hwpredict.store.open_store`.
        """
        return maintenance.export(self._connection, Path(path).expanduser())

    def stats(self) -> dict[str, Any]:
        """Size of the store: rows of each table, bytes, schema version, span of time."""
        return maintenance.stats(self._connection, self.path)

    def problems(self) -> list[str]:
        """What is wrong with the store itself, such as an address that does not fit its row; usually nothing."""
        return maintenance.problems(self._connection)

    def vacuum(self) -> tuple[int, int]:
        """Look up names again that an older catalog knew, and write the file anew without the space of what is gone.

        Returns
        -------
        tuple of int
            Bytes before and after.
        """
        with self._writing(), self._transaction():
            names.resolve(self._connection, "measurements")
        before, after, self._connection = maintenance.compact(self._connection, self.path)
        return before, after

    # --- how ----------------------------------------------------------------------------------------------------------

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise StoreError(f"{self.path} was opened for reading only; open it with read_only=False to add to it")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._refuse_read_only()
        try:
            yield
        except duckdb.Error as error:
            raise StoreError(f"cannot write to {self.path}: {tabular.brief(error)}") from error
        finally:
            tabular.release(self._connection)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._run("begin transaction")
        try:
            yield
        except BaseException:
            self._run("rollback")
            raise
        self._run("commit")
