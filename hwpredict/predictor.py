"""The façade: names in, predictions and recommendations out. No statistics here."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwpredict import config as configuration
from hwpredict.config import Config
from hwpredict.decision.recommend import rank
from hwpredict.decision.utility import Utility, get_utility
from hwpredict.errors import InvalidWorkloadError, PosteriorError, StoreError
from hwpredict.performance import rows as r
from hwpredict.performance.cells import Cells, predict_cells, to_rows
from hwpredict.performance.posterior import Posterior
from hwpredict.query import Model, describe, resolve_model, resolve_models, resolve_targets
from hwpredict.results import PerformancePrediction, Recommendation, to_dataset
from hwpredict.workload import Target, Workload

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from hwpredict.measure.report import HardwareReport

REFERENCE = "reference.nc"

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


class HardwareModelPredictor:
    """Predict performance and recommend hardware.

    Parameters
    ----------
    benchmark_dir : path, optional
        Folder of measurements; :meth:`fit` reads them.
    database_path : path, optional
        Measurements (DuckDB, Parquet or CSV); :meth:`fit` reads them.
    config_path : path, optional
        TOML or JSON of :class:`hwpredict.config.Config`; what is given here goes before what it says.
    posterior : Posterior or path, optional
        By default the reference posterior that ships with the package.
    draws, seed : int, optional
        Predictive draws (400) and their seed (0).

    Raises
    ------
    ConfigError, StoreError
        A file or folder that was given does not exist, or is not what it should be.

    Examples
    --------
    >>> predictor = HardwareModelPredictor()
    >>> p = predictor.predict_performance("bert-base-uncased", hardware=["a100", "cpu"], batch_size=8)
    >>> sorted(p["predictions"])
    ['a100', 'cpu']
    """

    def __init__(
        self,
        benchmark_dir: str | os.PathLike[str] | None = None,
        database_path: str | os.PathLike[str] | None = None,
        config_path: str | os.PathLike[str] | None = None,
        *,
        posterior: Posterior | str | os.PathLike[str] | None = None,
        draws: int | None = None,
        seed: int | None = None,
    ) -> None:
        settings = Config() if config_path is None else configuration.read(config_path)
        given = {"benchmark_dir": benchmark_dir, "database": database_path, "draws": draws, "seed": seed}
        self.config = configuration.override(settings, {k: v for k, v in given.items() if v is not None})
        self._given = posterior if posterior is not None else self.config.posterior
        folder, store = self.config.benchmark_dir, self.config.database
        if folder is not None and not folder.is_dir():
            raise StoreError(f"benchmark_dir {folder} is not a folder: give the one that holds the results")
        if store is not None and not store.exists():
            raise StoreError(f"database {store} does not exist: give a DuckDB store, a Parquet or a CSV file")

    @property
    def draws(self) -> int:
        """Predictive draws."""
        return self.config.draws

    @property
    def seed(self) -> int:
        """Seed of the predictive draws."""
        return self.config.seed

    @property
    def database_path(self) -> Path | None:
        """Where :meth:`fit` finds measurements."""
        return self.config.database

    @cached_property
    def posterior(self) -> Posterior:
        """The posterior in use; loaded at the first prediction."""
        if isinstance(self._given, Posterior):
            return self._given
        path = Path(self._given) if self._given is not None else reference_path()
        found = Posterior.load(path)
        _log.info("posterior %s: %s, %d levels", path, found.fingerprint, len(found.keys))
        if self.config.database is not None or self.config.benchmark_dir is not None:
            _log.warning(
                "the posterior does not know the measurements in %s: fit() conditions on them",
                self.config.database or self.config.benchmark_dir,
            )
        return found

    def _attrs(self) -> dict[str, str]:
        return {"posterior_fingerprint": self.posterior.fingerprint, "seed": str(self.seed)}

    def _predict(self, rows: r.Table, on_unknown: str = "error", draws: int | None = None) -> Cells:
        return predict_cells(self.posterior, rows, draws=draws or self.draws, seed=self.seed, on_unknown=on_unknown)

    def predict(
        self, workloads: pd.DataFrame | Sequence[Any], *, on_unknown: str = "error", draws: int | None = None
    ) -> xr.Dataset:
        """Predict rows: the primitive under everything else.

        Parameters
        ----------
        workloads : pandas.DataFrame or list of dict or list of (Workload, Target)
            Columns of the measurement schema; any but ``model`` and ``hardware`` may be missing. A model may be the
            path of its config.json.
        on_unknown : {"error", "prior"}
            Refuse a model, device, runtime or precision that is not known, or draw it from its family's, platform's
            or population's prior.
        draws : int, optional

        Returns
        -------
        xarray.Dataset
            Dims (cell, draw); see :func:`hwpredict.results.to_dataset`.

        Raises
        ------
        UnknownNameError
            A name that is not known; the message has the nearest ones.
        InvalidWorkloadError
            No rows, a column that is missing, a number that makes no sense.
        """
        return self.dataset(self.cells(workloads, on_unknown=on_unknown, draws=draws))

    def dataset(self, cells: Cells) -> xr.Dataset:
        """Cells as a Dataset, with where they come from."""
        return to_dataset(cells, self._attrs())

    def cells(
        self, workloads: pd.DataFrame | Sequence[Any], *, on_unknown: str = "error", draws: int | None = None
    ) -> Cells:
        """What :meth:`predict` returns, as NumPy arrays: xarray and pandas take longer to import than this to run."""
        if isinstance(workloads, (list, tuple)) and workloads and isinstance(workloads[0], tuple):
            return self._predict(to_rows(workloads), on_unknown, draws)
        if not hasattr(workloads, "columns") and not isinstance(workloads, list):
            raise InvalidWorkloadError(
                f"workloads is a {type(workloads).__name__}: give a DataFrame, a list of dicts or of "
                "(Workload, Target) pairs"
            )
        names = set(workloads.columns) if hasattr(workloads, "columns") else {k for w in workloads for k in w}
        for column in ("model", "hardware"):
            if column not in names and len(workloads):
                raise InvalidWorkloadError(f"the column {column!r} is missing; there are {sorted(names)}")
        return self._predict(resolve_models(r.table(workloads)), on_unknown, draws)

    def predict_performance(
        self,
        model_name: Model = None,
        model_family: str | None = None,
        hardware: str | Sequence[str] | None = None,
        batch_size: int = 1,
        sequence_length: int | None = None,
        mode: str = "inference",
        precision: str = "fp32",
        *,
        runtime: str | None = None,
        n_devices: int = 1,
        on_unknown: str = "error",
        **features: Any,
    ) -> PerformancePrediction:
        """Predict one workload on one or several targets.

        Parameters
        ----------
        model_name : str, Mapping, path or ModelFeatures, optional
            Its name; or, for a model that the catalog does not know, its config.json, parsed or the path of it.
        model_family : str, optional
            Enough for a model of which no more is known.
        hardware : str or list of str, optional
            Devices ("a100"), platforms ("cuda": some device of it) or both ("openvino:core i7-8700"); by default the
            package's usual candidates.
        batch_size : int
        sequence_length : int, optional
            128 for models that read sequences.
        mode : {"inference", "training"}
        precision : str
        runtime : str, optional
            By default the config's, else the platform's usual one.
        n_devices : int
        on_unknown : {"error", "prior"}
            Refuse a name that is not known, or draw it from its population's prior.
        **features
            Further fields of :class:`Workload`: ``item``, ``input_size``, ``parameters``, ``gmacs``, ``activations_m``.

        Returns
        -------
        PerformancePrediction

        Raises
        ------
        UnknownNameError, InvalidWorkloadError
        """
        work, targets = self._query(
            model_name, model_family, hardware, batch_size, sequence_length, mode, precision, runtime, n_devices,
            features,
        )  # fmt: skip
        cells = self._predict(to_rows([(work, t) for t in targets]), on_unknown)
        return PerformancePrediction([t.name for t in targets], cells, describe(work, cells.rows), self._attrs())

    def predict_optimal_hardware(
        self,
        model_name: Model = None,
        model_family: str | None = None,
        batch_size: int = 1,
        sequence_length: int | None = None,
        mode: str = "inference",
        precision: str = "fp32",
        available_hardware: str | Sequence[str | Target] | None = None,
        *,
        utility: str | Utility | None = None,
        runtime: str | None = None,
        n_devices: int = 1,
        on_unknown: str = "error",
        **features: Any,
    ) -> Recommendation:
        """Rank targets by expected utility.

        Parameters
        ----------
        model_name, model_family, batch_size, sequence_length, mode, precision, runtime, n_devices, on_unknown
        **features
            As in :meth:`predict_performance`.
        available_hardware : str or list of (str or Target), optional
            What to choose from; by default the config's candidates, else the package's usual ones.
            ``predictor.detect_hardware().targets()`` are those of this machine.
        utility : {"throughput", "latency"} or Utility, optional
            By default the config's ("throughput").

        Returns
        -------
        Recommendation

        Raises
        ------
        UnknownNameError, InvalidWorkloadError
        IncompatibleError
            No target can run the workload.
        """
        work, targets = self._query(
            model_name, model_family, available_hardware, batch_size, sequence_length, mode, precision, runtime,
            n_devices, features,
        )  # fmt: skip
        cells = self._predict(to_rows([(work, t) for t in targets]), on_unknown)
        ranking = rank([t.name for t in targets], cells, get_utility(utility or self.config.utility))
        return Recommendation(ranking, describe(work, cells.rows), self._attrs())

    def detect_hardware(self, *, browser: bool = True) -> HardwareReport:
        """Find out what this machine has: a mapping from platform to report, true where it is available.

        Parameters
        ----------
        browser : bool
            Whether a headless browser may be started to ask for WebGPU and WebNN (some seconds).

        Returns
        -------
        HardwareReport
            Its ``targets()`` go into :meth:`predict_optimal_hardware` as ``available_hardware``.
        """
        from hwpredict.measure.detect import detect

        return detect(browser=browser)

    def fit(self, measurements: Any = None, *, seed: int = 0, **options: Any) -> HardwareModelPredictor:
        """Refit on measurements and use the result.

        Parameters
        ----------
        measurements : pandas.DataFrame, optional
            Rows in the schema; by default those of the database and the benchmark folder given at construction.
        seed : int
        **options
            As in :func:`hwpredict.performance.fit.fit`.

        Returns
        -------
        HardwareModelPredictor
            Itself.
        """
        from hwpredict.performance.fit import fit

        self._given = fit(self._measurements() if measurements is None else measurements, seed=seed, **options)
        self.__dict__.pop("posterior", None)
        return self

    def _measurements(self) -> pd.DataFrame:
        """What was measured, from the database and the folder given at construction."""
        folder = self.config.benchmark_dir
        paths = sorted(p for p in folder.rglob("*") if p.suffix in (".parquet", ".csv")) if folder is not None else []
        paths += [self.config.database] if self.config.database is not None else []
        if not paths:
            where = f"{folder} holds no .parquet or .csv file" if folder else "no measurements are given"
            raise InvalidWorkloadError(f"nothing to fit: {where}; give a frame, or database_path at construction")
        import pandas as pd

        from hwpredict.store import read_measurements

        return pd.concat([read_measurements(path) for path in paths], ignore_index=True)

    def update(self, measurements: Any, *, seed: int = 0) -> HardwareModelPredictor:
        """Condition the posterior in use on further rows (a frame in the schema), in about a second.

        See :func:`hwpredict.performance.update.update`.
        """
        from hwpredict.performance.update import update

        self._given = update(self.posterior, measurements, seed=seed)
        self.__dict__.pop("posterior", None)
        return self

    def _query(
        self,
        model_name: Model,
        model_family: str | None,
        hardware: str | Sequence[str | Target] | None,
        batch_size: int,
        sequence_length: int | None,
        mode: str,
        precision: str,
        runtime: str | None,
        n_devices: int,
        features: dict[str, Any],
    ) -> tuple[Workload, list[Target]]:
        name, family = resolve_model(model_name, model_family)
        work = Workload(name, family, batch_size, sequence_length, precision=precision, mode=mode, **features)
        return work, resolve_targets(hardware, self.config, runtime=runtime, n_devices=n_devices)
