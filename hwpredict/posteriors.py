"""The posterior that a predictor uses: the one that ships or one's own, given the caller's measurements."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwpredict.config import Config
from hwpredict.errors import HwpredictError, InvalidWorkloadError, PosteriorError, StoreError
from hwpredict.performance import rows as r
from hwpredict.performance.posterior import Posterior

if TYPE_CHECKING:
    import pandas as pd

REFERENCE = "reference.nc"
#: Rows that are taken in while a prediction waits (a second for each 250 or so); more of them are fitted once instead.
MOST = 1000

_log = logging.getLogger(__name__)


def reference_path() -> Path:
    """The posterior that ships with the package.

    Raises
    ------
    PosteriorError
        It is missing from the installation.
    """
    inside = Path(str(resources.files("hwpredict"))) / "models" / REFERENCE
    checkout = Path(__file__).resolve().parent.parent / "models" / REFERENCE
    for path in (inside, checkout):
        if path.is_file():
            return path
    raise PosteriorError(f"the reference posterior {inside} is missing from this installation: reinstall hwpredict")


def load(given: Posterior | str | os.PathLike[str] | None) -> Posterior:
    """A posterior that is given or lies at a path; None is the one that ships.

    Raises
    ------
    PosteriorError
    """
    if isinstance(given, Posterior):
        return given
    path = reference_path() if given is None else Path(given)
    found = Posterior.load(path)
    _log.info("posterior %s: %s, %d levels", path, found.fingerprint, len(found.keys))
    return found


def check(config: Config) -> None:
    """See that the measurements that are named are there.

    Raises
    ------
    StoreError
    """
    folder, store = config.benchmark_dir, config.database
    if folder is not None and not folder.is_dir():
        raise StoreError(f"benchmark_dir {folder} is not a folder: give the one that holds the results")
    if isinstance(store, Path) and not store.exists():
        raise StoreError(f"database {store} does not exist: give a DuckDB store, a Parquet or a CSV file")


def read(config: Config) -> pd.DataFrame:
    """Measurements of the database and of every file below the benchmark folder whose format is known.

    Raises
    ------
    InvalidWorkloadError
        There is neither, or nothing in them.
    StoreError
        The database cannot be read.
    """
    import pandas as pd

    from hwpredict.store import read_measurements

    frames = []
    if config.benchmark_dir is not None:
        frames.append(_import_folder(config.benchmark_dir))
    if config.database is not None:
        frames.append(read_measurements(config.database))
    if not frames:
        raise InvalidWorkloadError("no measurements are given: give a frame, a benchmark_dir or a database_path")
    frame = pd.concat(frames, ignore_index=True)
    if frame.empty:
        raise InvalidWorkloadError(f"{config.benchmark_dir or config.database} holds no measurements")
    return frame


def _import_folder(folder: Path) -> pd.DataFrame:
    """Measurements of the files of a folder; what cannot be read is said."""
    from hwpredict.store import BenchmarkStore, importers

    with BenchmarkStore() as store:
        for path, _ in importers.files([folder]):
            try:
                report = store.import_file(path)
            except HwpredictError as error:
                _log.warning("not read: %s", error)
                continue
            if report.rejected:
                _log.warning("%s: %d rows were not taken, `hwpredict import` says why", path, report.rejected)
        return store.measurements()


def condition(posterior: Posterior, frame: Any, *, seed: int = 0) -> Posterior:
    """Condition a posterior on those of the rows whose source it does not know.

    Parameters
    ----------
    posterior : Posterior
    frame : pandas.DataFrame or mapping of columns or list of mappings
        Rows in the measurement schema.
    seed : int

    Returns
    -------
    Posterior
        That knows their sources, so that no row counts twice.

    Raises
    ------
    InvalidWorkloadError
        None of the rows that are new has a figure.
    """
    rows = r.table(frame)
    known = set(posterior.attrs.get("sources", []))
    new = np.array([source not in known for source in rows["source"].tolist()], dtype=bool)
    return take_in(posterior, r.take(rows, np.flatnonzero(new)), seed=seed) if new.any() else posterior


def take_in(posterior: Posterior, rows: r.Table, *, seed: int = 0) -> Posterior:
    """Condition a posterior on rows, and note their sources.

    Parameters
    ----------
    posterior : Posterior
    rows : dict of str to ndarray
    seed : int
    """
    from hwpredict.performance.update import update

    out = update(posterior, rows, seed=seed)
    sources = set(posterior.attrs.get("sources", [])) | set(rows["source"].tolist())
    return replace(out, attrs=out.attrs | {"sources": sorted(sources)})


def condition_quickly(posterior: Posterior, config: Config) -> Posterior:
    """The posterior given the measurements that the settings name, if those are few enough to wait for."""
    try:
        frame = read(config)
    except InvalidWorkloadError as error:
        _log.warning("%s", error)
        return posterior
    known = set(posterior.attrs.get("sources", []))
    fresh = frame[~frame["source"].fillna("").isin(known)]
    if len(fresh) > MOST:
        _log.warning(
            "%d measurements are too many to take in on the fly: run `hwpredict fit` on them and give its posterior; "
            "the prediction does not know them",
            len(fresh),
        )
        return posterior
    _log.info("%d of %d measurements are new to the posterior", len(fresh), len(frame))
    return condition(posterior, fresh, seed=config.seed) if len(fresh) else posterior
