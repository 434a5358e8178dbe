"""Training of posteriors of one's own from a store, as the guide's ``train_prediction_models`` does."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from hwpredict.performance.posterior import Posterior
from hwpredict.posteriors import FILE

_log = logging.getLogger(__name__)


def train_prediction_models(
    db_path: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    *,
    sources: list[str] | None = None,
    seed: int = 0,
    **options: Any,
) -> Posterior:
    """Fit a posterior to the measurements of a store and save it as netCDF.

    Parameters
    ----------
    db_path : path
        A store: DuckDB file, Parquet or CSV; or results of any known format, a file or a folder of them.
    output_dir : path
        Folder that receives ``posterior.nc``; made where there is none. A DuckDB store keeps the posterior too.
    sources : list of str, optional
        Only measurements of these sources.
    seed : int
    **options
        As in :func:`hwpredict.performance.fit.fit`: ``iterations``, ``draws``, ``checkpoint``, ``progress``.

    Returns
    -------
    Posterior
        To be used as ``predictor.prediction_models = …`` or ``HardwareModelPredictor(posterior=…)``.

    Raises
    ------
    StoreError
        There are no measurements at ``db_path``.
    InvalidWorkloadError
        None of them has a figure.
    """
    from hwpredict.performance.fit import fit
    from hwpredict.store.connection import is_duckdb
    from hwpredict.store.read import read_measurements

    frame = read_measurements(db_path, sources=sources)
    _log.info("%d measurements from %s", len(frame), db_path)
    folder = Path(output_dir).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    posterior = fit(frame, seed=seed, **options)
    posterior.save(folder / FILE)
    store = Path(db_path).expanduser()
    if store.is_file() and is_duckdb(store):
        from hwpredict.store.benchmark_store import BenchmarkStore

        with BenchmarkStore(store) as opened:
            opened.add_posterior(folder / FILE, name=str(folder / FILE))
    return posterior
