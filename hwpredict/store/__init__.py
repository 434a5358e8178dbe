"""Measurements at rest: the schema of one measurement and the store that keeps them in DuckDB.

Importing this package imports neither pandas nor the statistical model.
"""

from hwpredict.store.benchmark_store import BenchmarkStore, LoadReport
from hwpredict.store.read import read_measurements

__all__ = ["BenchmarkStore", "LoadReport", "read_measurements"]
