"""Measurements at rest: the schema of one measurement and the store that keeps them in DuckDB.

Importing this package imports neither pandas nor the statistical model.
"""

from hwpredict.store.benchmark_store import BenchmarkStore, LoadReport
from hwpredict.store.connection import default_path, default_store
from hwpredict.store.folder import FolderStore
from hwpredict.store.read import open_store, read_measurements

__all__ = [
    "BenchmarkStore",
    "FolderStore",
    "LoadReport",
    "default_path",
    "default_store",
    "open_store",
    "read_measurements",
]
