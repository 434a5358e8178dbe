"""Training of posteriors of one's own from a store, as the guide's ``train_prediction_models`` does."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from hwpredict.errors import PosteriorError
from hwpredict.performance.posterior import Posterior

#: Name of the posterior in its folder.
FILE = "posterior.nc"

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
        A store: DuckDB file, Parquet or CSV, or a folder of results of any known format.
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
    from hwpredict.store.read import is_duckdb, read_measurements

    frame = read_measurements(db_path, sources=sources)
    _log.info("%d measurements from %s", len(frame), db_path)
    folder = Path(output_dir).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    fit(frame, seed=seed, **options).save(folder / FILE)
    posterior = Posterior.load(folder / FILE)  # as it is at rest, rounded: what is returned is what was saved
    posterior.save(folder / FILE)
    store = Path(db_path).expanduser()
    if store.is_file() and is_duckdb(store):
        from hwpredict.store.benchmark_store import BenchmarkStore

        with BenchmarkStore(store) as opened:
            opened.add_posterior(folder / FILE, name=str(folder / FILE))
    return posterior


def load_prediction_models(models: Posterior | str | os.PathLike[str]) -> Posterior:
    """A posterior from what :func:`train_prediction_models` returns or wrote.

    Parameters
    ----------
    models : Posterior or path
        A posterior, its file, or the folder that holds ``posterior.nc``.

    Raises
    ------
    PosteriorError
        It is none of these.
    """
    if isinstance(models, Posterior):
        return models
    if not isinstance(models, str | os.PathLike):
        raise PosteriorError(
            f"prediction_models is a {type(models).__name__}: give what train_prediction_models returned, or its folder"
        )
    path = Path(models).expanduser()
    return Posterior.load(path / FILE if path.is_dir() else path)
