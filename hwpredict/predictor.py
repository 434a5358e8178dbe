"""The façade: names in, predictions and recommendations out. No statistics here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwpredict.catalog import devices, models
from hwpredict.decision.recommend import rank
from hwpredict.decision.utility import Utility, get_utility
from hwpredict.errors import InvalidWorkloadError, PosteriorError
from hwpredict.performance import rows as r
from hwpredict.performance.cells import predict_cells, resolve_target, to_rows
from hwpredict.performance.posterior import Posterior
from hwpredict.results import PerformancePrediction, Recommendation, to_dataset
from hwpredict.workload import Target, Workload

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from hwpredict.matrix import PredictionMatrix

#: Predictive draws: 400 give the ends of a 90 % interval to about 3 % of its width.
DRAWS = 400
REFERENCE = "reference.nc"


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
    posterior : Posterior or path, optional
        By default the reference posterior that ships with the package.
    database_path : path, optional
        Measurements (DuckDB, Parquet or CSV); :meth:`fit` reads them.
    draws, seed : int
        Predictive draws and their seed.

    Examples
    --------
    >>> predictor = HardwareModelPredictor()
    >>> p = predictor.predict_performance("bert-base-uncased", hardware=["a100", "cpu"], batch_size=8)
    >>> sorted(p["predictions"])
    ['a100', 'cpu']
    """

    def __init__(
        self,
        posterior: Posterior | str | os.PathLike[str] | None = None,
        *,
        database_path: str | os.PathLike[str] | None = None,
        draws: int = DRAWS,
        seed: int = 0,
    ) -> None:
        self._given = posterior
        self.database_path = database_path
        self.draws, self.seed = draws, seed

    @cached_property
    def posterior(self) -> Posterior:
        """The posterior in use; loaded at the first prediction."""
        if isinstance(self._given, Posterior):
            return self._given
        return Posterior.load(self._given if self._given is not None else reference_path())

    def _attrs(self) -> dict[str, str]:
        return {"posterior_fingerprint": self.posterior.fingerprint, "seed": str(self.seed)}

    def predict(
        self, workloads: pd.DataFrame | Sequence[Any], *, on_unknown: str = "error", draws: int | None = None
    ) -> xr.Dataset:
        """Predict rows: the primitive under everything else.

        Parameters
        ----------
        workloads : pandas.DataFrame or list of dict or list of (Workload, Target)
            Columns of the measurement schema; any but ``model`` and ``hardware`` may be missing.
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
        UnknownNameError, InvalidWorkloadError
        """
        if isinstance(workloads, (list, tuple)) and workloads and isinstance(workloads[0], tuple):
            rows = to_rows(workloads)
        else:
            if not hasattr(workloads, "columns") and not isinstance(workloads, list):
                raise InvalidWorkloadError(
                    f"workloads is a {type(workloads).__name__}: give a DataFrame, a list of dicts or of "
                    "(Workload, Target) pairs"
                )
            names = set(workloads.columns) if hasattr(workloads, "columns") else {k for w in workloads for k in w}
            for column in ("model", "hardware"):
                if column not in names and len(workloads):
                    raise InvalidWorkloadError(f"the column {column!r} is missing; there are {sorted(names)}")
            rows = r.table(workloads if not isinstance(workloads, tuple) else list(workloads))
        cells = predict_cells(self.posterior, rows, draws=draws or self.draws, seed=self.seed, on_unknown=on_unknown)
        return to_dataset(cells, self._attrs())

    def predict_performance(
        self,
        model_name: str,
        model_family: str | None = None,
        hardware: str | Sequence[str] | None = None,
        batch_size: int = 1,
        sequence_length: int | None = None,
        mode: str = "inference",
        precision: str = "fp32",
        *,
        runtime: str | None = None,
        n_devices: int = 1,
        **features: Any,
    ) -> PerformancePrediction:
        """Predict one workload on one or several targets.

        Parameters
        ----------
        model_name : str
        model_family : str, optional
            Enough for a model that the catalog does not know.
        hardware : str or list of str, optional
            Devices ("a100"), platforms ("cuda": some device of it) or both ("openvino:core i7-8700"); by default the
            package's usual candidates.
        batch_size : int
        sequence_length : int, optional
            128 for models that read sequences.
        mode : {"inference", "training"}
        precision : str
        runtime : str, optional
        n_devices : int
        **features
            Further fields of :class:`Workload`: ``item``, ``input_size``, ``parameters``, ``gmacs``, ``activations_m``.

        Returns
        -------
        PerformancePrediction
        """
        work, targets = self._query(
            model_name,
            model_family,
            hardware,
            batch_size,
            sequence_length,
            mode,
            precision,
            runtime,
            n_devices,
            features,
        )
        cells = predict_cells(self.posterior, to_rows([(work, t) for t in targets]), draws=self.draws, seed=self.seed)
        return PerformancePrediction([t.name for t in targets], cells, _describe(work, cells.rows), self._attrs())

    def predict_optimal_hardware(
        self,
        model_name: str,
        model_family: str | None = None,
        batch_size: int = 1,
        sequence_length: int | None = None,
        mode: str = "inference",
        precision: str = "fp32",
        available_hardware: str | Sequence[str] | None = None,
        *,
        utility: str | Utility = "throughput",
        runtime: str | None = None,
        n_devices: int = 1,
        **features: Any,
    ) -> Recommendation:
        """Rank targets by expected utility.

        Parameters
        ----------
        model_name, model_family, batch_size, sequence_length, mode, precision, runtime, n_devices, **features
            As in :meth:`predict_performance`.
        available_hardware : str or list of str, optional
        utility : {"throughput", "latency"} or Utility

        Returns
        -------
        Recommendation

        Raises
        ------
        IncompatibleError
            No target can run the workload.
        """
        work, targets = self._query(
            model_name, model_family, available_hardware, batch_size, sequence_length, mode, precision, runtime,
            n_devices, features,
        )  # fmt: skip
        cells = predict_cells(self.posterior, to_rows([(work, t) for t in targets]), draws=self.draws, seed=self.seed)
        ranking = rank([t.name for t in targets], cells, get_utility(utility))
        return Recommendation(ranking, _describe(work, cells.rows), self._attrs())

    def create_hardware_prediction_matrix(
        self,
        models: Sequence[Any] | str | os.PathLike[str] | None = None,
        batch_sizes: Sequence[int] | None = None,
        hardware_platforms: str | Sequence[str] | None = None,
        precision: str | Sequence[str] | None = None,
        mode: str = "inference",
        *,
        sequence_lengths: Sequence[int] | None = None,
        phases: Sequence[str] | None = None,
        n_devices: int = 1,
        runtime: str | None = None,
        quantiles: Sequence[float] | None = None,
        keep_draws: bool = False,
        on_unknown: str = "error",
        lazy: bool = False,
    ) -> PredictionMatrix:
        """Tabulate every model on every hardware at every precision, batch size and sequence length.

        Parameters
        ----------
        models : list of str or of mapping, or path, optional
            Names; mappings with ``name``, ``family`` (``category``) and features; or a TOML, JSON or text file of them.
            The guide's six by default.
        batch_sizes : list of int, optional
            1, 8 and 32 by default.
        hardware_platforms : str or list of str, optional
            The package's usual candidates by default.
        precision : str or list of str, optional
            fp32, fp16 and int8 by default.
        mode : {"inference", "training"}
        sequence_lengths : list of int, optional
            128 by default.
        phases : list of {"forward", "prefill", "decode"}, optional
            Adds a dimension ``phase``.
        n_devices : int
        runtime : str, optional
        quantiles : list of float, optional
            0.05, 0.25, 0.5, 0.75 and 0.95 by default.
        keep_draws : bool
            Keep the predictive draws as well.
        on_unknown : {"error", "prior"}
        lazy : bool
            dask arrays (extra ``dask``) that are predicted when they are looked at.

        Returns
        -------
        PredictionMatrix
            The guide's dictionary, with ``.dataset`` (xarray) behind it.

        Raises
        ------
        UnknownNameError, InvalidWorkloadError
        """
        from hwpredict import matrix

        named, file = (None, models) if isinstance(models, (str, os.PathLike)) else (models, None)
        grid = matrix.make_grid(
            matrix.gather(named, file), batch_sizes, hardware_platforms, precision, mode, sequence_lengths, phases,
            n_devices=n_devices, runtime=runtime,
        )  # fmt: skip
        chosen = {} if quantiles is None else {"quantiles": tuple(quantiles)}
        plan = matrix.Plan(grid, self.draws, self.seed, keep_draws=keep_draws, on_unknown=on_unknown, **chosen)
        compute = matrix.compute_lazily if lazy else matrix.compute
        return matrix.PredictionMatrix(compute(plan, self.posterior))

    def fit(self, measurements: Any = None, *, seed: int = 0, **options: Any) -> HardwareModelPredictor:
        """Refit on measurements (a frame in the schema, or the database given at construction) and use the result."""
        from hwpredict.performance.fit import fit

        if measurements is None:
            if self.database_path is None:
                raise InvalidWorkloadError("nothing to fit: give measurements, or database_path at construction")
            from hwpredict.store import read_measurements

            measurements = read_measurements(self.database_path)
        self._given = fit(measurements, seed=seed, **options)
        self.__dict__.pop("posterior", None)
        return self

    def _query(
        self,
        model_name: str,
        model_family: str | None,
        hardware: str | Sequence[str] | None,
        batch_size: int,
        sequence_length: int | None,
        mode: str,
        precision: str,
        runtime: str | None,
        n_devices: int,
        features: dict[str, Any],
    ) -> tuple[Workload, list[Target]]:
        work = Workload(
            model_name, model_family, batch_size, sequence_length, precision=precision, mode=mode, **features
        )
        if hardware is None:
            named = [Target(platform, device, runtime, None, n_devices) for platform, device in devices.DEFAULT_TARGETS]
            return work, named
        names = [hardware] if isinstance(hardware, str) else list(hardware)
        if not names:
            raise InvalidWorkloadError("the list of hardware is empty: name at least one platform or device")
        return work, [resolve_target(h, n_devices=n_devices, runtime=runtime) for h in dict.fromkeys(names)]


def _describe(work: Workload, rows: r.Table) -> dict[str, Any]:
    """The query as the guide's results repeat it."""
    known = models.match(work.model)
    length = rows["sequence_length"][0]
    return {
        "model_name": work.model,
        "model_family": rows["model_family"][0] or None,
        "model_size": work.parameters or (known.parameters if known else None),
        "batch_size": int(work.batch_size),
        "sequence_length": None if length != length else int(length),
        "mode": work.mode,
        "precision": work.precision,
    }
