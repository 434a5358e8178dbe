"""What can be asked of a store, whether it is a database or a folder of Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import duckdb

from hwpredict.errors import InvalidWorkloadError, StoreError, unknown
from hwpredict.store import tabular
from hwpredict.store.schema import BY_NAME, COLUMN_NAMES, EXTRA, METRICS, REPLICATES, identifier

if TYPE_CHECKING:
    import pandas as pd

#: Kept beside the columns of the schema.
BESIDE = ("row_id", "run_id", REPLICATES, EXTRA)


class Reader:
    """Questions to a store. Opened by :class:`BenchmarkStore` and :class:`FolderStore`.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where the tables and views of the store are.
    """

    #: SQL that brings rows into the order in which they came in.
    _order = "order by rowid"

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; another process may then write to it."""
        self._connection.close()

    def measurements(
        self,
        where: str | None = None,
        columns: Sequence[str] | None = None,
        params: Sequence[object] = (),
        *,
        superseded: bool = False,
    ) -> pd.DataFrame:
        """Measurements as a data frame, in the order in which they came in.

        Parameters
        ----------
        where : str, optional
            SQL condition on the columns, such as ``"hardware = 'cuda' and batch_size >= 8"``. The column ``table`` is
            written ``"table"``.
        columns : sequence of str, optional
            Columns to return; all of the schema by default. ``row_id``, ``run_id``, ``replicates`` and ``extra`` may
            be asked for too.
        params : sequence, optional
            Values of the question marks in ``where``.
        superseded : bool, default False
            Also the rows that a correction has taken out.

        Returns
        -------
        pandas.DataFrame
            Text columns as text and all numbers as float64, NaN where the source did not say.
        """
        known = (*COLUMN_NAMES, *BESIDE)
        chosen = list(COLUMN_NAMES if columns is None else columns)
        for name in chosen:
            if name not in known:
                raise unknown("column", name, known)
        if not chosen:
            raise InvalidWorkloadError("no columns asked for")
        selected = ", ".join(f"{_as_given(name)} as {identifier(name)}" for name in chosen)
        return self._frame(f"select {selected} from {self._source(where, superseded)} {self._order}", params)

    def count(self, where: str | None = None, params: Sequence[object] = (), *, superseded: bool = False) -> int:
        """Count the measurements that fulfil a condition (see :meth:`measurements`)."""
        try:
            rows = self._run(f"select count(*) from {self._source(where, superseded)}", *params)
        except duckdb.Error as error:
            raise _bad_query(error) from error
        return int(rows[0][0])

    def sources(self) -> pd.DataFrame:
        """One row per source: its rows, models, devices and platforms, and how many rows have each metric."""
        given = ", ".join(f"count({name}) as {name}" for name in METRICS)
        return self._frame(
            'select source, "table", count(*) as rows, count(distinct model) as models, '
            "count(distinct device) as devices, string_agg(distinct hardware, ' ' order by hardware) as hardware, "
            f'{given} from current_measurements group by all order by rows desc, source, "table"'
        )

    def coverage(self) -> pd.DataFrame:
        """What is measured on each platform, by family and mode (view ``coverage_by_platform``)."""
        return self.query("select * from coverage_by_platform")

    def flagged(self) -> pd.DataFrame:
        """Measurements that a quality screen doubts, with the reason (view ``flagged``)."""
        return self.query("select * replace (row_id::VARCHAR as row_id) from flagged order by screen, harness, row_id")

    def predicted(self, posterior: str | None = None, *, out_of_sample: bool = True) -> list[dict[str, Any]]:
        """Predictions beside the measurements of the same cells (view ``predicted_vs_actual``).

        Parameters
        ----------
        posterior : str, optional
            Only those of this posterior; the beginning of its fingerprint is enough.
        out_of_sample : bool, default True
            Only measurements that came in after the prediction.

        Returns
        -------
        list of dict
            Of each measurement, metric and posterior the latest prediction before it.
        """
        conditions = ["out_of_sample"] if out_of_sample else []
        params: list[object] = []
        if posterior is not None:
            conditions.append("starts_with(coalesce(posterior_fingerprint, origin), ?)")
            params.append(posterior)
        where = f"where {' and '.join(conditions)}" if conditions else ""
        cursor = self._connection.execute(
            f"select * from predicted_vs_actual {where} qualify row_number() over (partition by row_id, metric, "
            "coalesce(posterior_fingerprint, origin) order by predicted_at desc) = 1 order by measured_at, row_id",
            params,
        )
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]

    def rejects(self) -> pd.DataFrame:
        """Rows that were not taken: where they stood, why, and what they said (JSON)."""
        return self._frame(
            f"select origin, row_number, location, r.{REPLICATES}, reason, given::VARCHAR as given "
            "from rejects r join runs using (run_id) order by run_id, row_number, location"
        )

    def runs(self) -> pd.DataFrame:
        """Every import, benchmark run and correction that brought something, in order."""
        return self._frame(
            "select * replace (conversions::VARCHAR as conversions, provenance::VARCHAR as provenance) from runs "
            "order by run_id"
        )

    def query(self, sql: str, params: Sequence[object] = ()) -> pd.DataFrame:
        """Answer of any SQL query on the tables and views (see docs/store.md).

        Parameters
        ----------
        sql : str
            For example ``"select * from measurement_wide where device_label like '%A100%'"``.
        params : sequence, optional
            Values of its question marks.
        """
        self._prepare()
        return self._frame(sql, params)

    def _prepare(self) -> None:
        """Whatever the views on the catalog need; nothing in a database, which has it since the import."""

    def _source(self, where: str | None, superseded: bool) -> str:
        """SQL that stands after ``from``: measurements under a condition."""
        conditions = []
        if not superseded and self._run("select count(*) from corrections")[0][0]:  # else no address need be known
            conditions.append("row_id not in (select old_row_id from superseded)")
        if where is not None:
            conditions.append(f"({where}\n)")  # the line break ends a comment
        return "measurements" + (f" where {' and '.join(conditions)}" if conditions else "")

    def _run(self, sql: str, *params: object) -> list[Any]:
        return self._connection.execute(sql, params).fetchall()

    def _frame(self, sql: str, params: Sequence[object] = ()) -> pd.DataFrame:
        try:
            # through Arrow, because it keeps the type of a column that has no value at all
            frame: pd.DataFrame = self._connection.sql(sql, params=list(params)).to_arrow_table().to_pandas()
        except duckdb.Error as error:
            raise _bad_query(error) from error
        return frame


def _as_given(name: str) -> str:
    column = BY_NAME.get(name)
    if column is not None and column.is_number:
        return f"{identifier(name)}::DOUBLE"
    return f"{identifier(name)}::VARCHAR" if name in ("row_id", EXTRA) else identifier(name)


def _bad_query(error: duckdb.Error) -> StoreError:
    return StoreError(f"cannot query the measurements: {tabular.brief(error)}")
