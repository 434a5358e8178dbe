"""Measurements from wherever they lie, as one frame in the schema."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hwpredict.errors import StoreError, unknown
from hwpredict.store.benchmark_store import BenchmarkStore

if TYPE_CHECKING:
    import pandas as pd

_FILES = (".parquet", ".csv")


def read_measurements(path: str | os.PathLike[str], *, sources: Sequence[str] | None = None) -> pd.DataFrame:
    """Measurements of a DuckDB store, or of a Parquet or CSV file in the schema's columns.

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
    if not Path(path).is_file():
        raise StoreError(f"no measurements at {path}: give a DuckDB store, a Parquet or a CSV file")
    if Path(path).suffix.casefold() in _FILES:
        with BenchmarkStore() as store:
            store.load(path)
            frame = store.measurements()
    else:
        with BenchmarkStore(path, read_only=True) as store:
            frame = store.measurements()
    if sources:
        name = (
            frame["table"].where(frame["table"].fillna("") != "", frame["source"])
            if "table" in frame
            else frame["source"]
        )
        for source in sources:
            if source not in set(name):
                raise unknown("source", source, set(name.dropna()))
        frame = frame[name.isin(list(sources))].reset_index(drop=True)
    return frame
