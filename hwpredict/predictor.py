"""The façade: names in, predictions and recommendations out. No statistics here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hwpredict import config as configuration
from hwpredict.decision.choose import DISTRIBUTED_TARGETS, Loop, Measure, Query
from hwpredict.decision.constraints import Constraint
from hwpredict.decision.distributed import Setup
from hwpredict.decision.information import SETTLED
from hwpredict.decision.options import measured_by, refine
from hwpredict.decision.preferences import preferences
from hwpredict.decision.risk import Risk
from hwpredict.decision.utility import Utility
from hwpredict.errors import InvalidWorkloadError
from hwpredict.performance import rows as r
from hwpredict.performance.cells import Cells, predict_cells, share_draws, to_rows
from hwpredict.performance.posterior import Posterior
from hwpredict.posteriors import InUse
from hwpredict.query import Model, describe, read_rows, resolve_model, resolve_targets
from hwpredict.results import PerformancePrediction, Recommendation, to_dataset
from hwpredict.workload import Target, Workload

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from hwpredict.matrix import PredictionMatrix
    from hwpredict.measure.report import HardwareReport
    from hwpredict.store.benchmark_store import BenchmarkStore


class HardwareModelPredictor(InUse):
    """Predict performance and recommend hardware.

    Parameters
    ----------
    benchmark_dir : path, optional
        Folder of measurements of your own, Parquet or CSV.
    database_path : path, optional
        A store of them: DuckDB, Parquet or CSV. The posterior is conditioned on both at the first prediction, as by
        :meth:`update`; if they are too many for that, a warning says so, and :meth:`fit` takes them all.
    config_path : path, optional
        TOML or JSON of :class:`hwpredict.config.Config`; what is given here goes before what it says.
    posterior : Posterior or path, optional
        By default the reference posterior that ships with the package.
    draws, seed : int, optional
        Predictive draws (400) and their seed (0).

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
        given = {"benchmark_dir": benchmark_dir, "database": database_path, "draws": draws, "seed": seed}
        super().__init__(configuration.load(config_path, given), posterior)

    @property
    def draws(self) -> int:
        """Predictive draws."""
        return self.config.draws

    @property
    def seed(self) -> int:
        """Seed of the predictive draws."""
        return self.config.seed

    def _attrs(self) -> dict[str, str]:
        return {"posterior_fingerprint": self.posterior.fingerprint, "seed": str(self.seed)}

    def _predict(
        self, rows: r.Table, on_unknown: str = "error", draws: int | None = None, labels: list[str] | None = None
    ) -> Cells:
        found = predict_cells(self.posterior, rows, draws=draws or self.draws, seed=self.seed, on_unknown=on_unknown)
        return refine(found, labels)

    def keep(self, cells: Cells, store: BenchmarkStore | str | os.PathLike[str] | None) -> Cells:
        """Predicted cells as they are; kept in a store, if one is given, to be held against later measurements."""
        if store is not None:
            from hwpredict.evaluate.record import keep  # with DuckDB, which predicting does without

            keep(cells, store, fingerprint=self.posterior.fingerprint, seed=self.seed)
        return cells

    def predict(
        self,
        workloads: pd.DataFrame | Sequence[Any],
        *,
        on_unknown: str = "error",
        draws: int | None = None,
        store: BenchmarkStore | str | os.PathLike[str] | None = None,
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
        store : BenchmarkStore or path, optional
            Keeps the predictions, to be held against later measurements (``hwpredict evaluate``).

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
        return self.dataset(self.keep(self.cells(workloads, on_unknown=on_unknown, draws=draws), store))

    def dataset(self, cells: Cells) -> xr.Dataset:
        """Cells as a Dataset, with where they come from."""
        return to_dataset(cells, self._attrs())

    def cells(
        self, workloads: pd.DataFrame | Sequence[Any], *, on_unknown: str = "error", draws: int | None = None
    ) -> Cells:
        """What :meth:`predict` returns, as NumPy arrays: xarray and pandas take longer to import than this to run."""
        return self._predict(read_rows(workloads), on_unknown, draws)

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
        browser: str | Sequence[str] | None = None,
        runtime: str | None = None,
        n_devices: int = 1,
        on_unknown: str = "error",
        store: BenchmarkStore | str | os.PathLike[str] | None = None,
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
            Devices ("a100"), platforms ("cuda": some device of it) or both ("openvino:core i7-8700"), a browser beside
            a web platform ("webgpu@firefox:apple m3"); by default the package's usual candidates.
        batch_size : int
        sequence_length : int, optional
            128 for models that read sequences.
        mode : {"inference", "training"}
        precision : str
        browser : str or list of str, optional
            Chrome, Edge, Firefox, Safari or "all": every web platform is answered for once per browser.
        runtime : str, optional
            By default the config's, else the platform's usual one.
        n_devices : int
        on_unknown : {"error", "prior"}
            Refuse a name that is not known, or draw it from its population's prior.
        store : BenchmarkStore or path, optional
            Keeps the predictions, to be held against later measurements (``hwpredict evaluate``).
        **features
            Further fields of :class:`Workload`: ``item``, ``input_size``, ``parameters``, ``gmacs``, ``activations_m``.

        Returns
        -------
        PerformancePrediction

        Raises
        ------
        UnknownNameError, InvalidWorkloadError
        """
        where = {"runtime": runtime, "n_devices": n_devices, "browser": browser}
        work, targets = self._query(
            model_name, model_family, hardware, where, batch_size=batch_size, sequence_length=sequence_length,
            mode=mode, precision=precision, **features,
        )  # fmt: skip
        names = [t.name for t in targets]
        cells = self.keep(self._predict(to_rows([(work, t) for t in targets]), on_unknown, labels=names), store)
        return PerformancePrediction(names, cells, describe(work, cells.rows), self._attrs())

    def predict_optimal_hardware(
        self,
        model_name: Model = None,
        model_family: str | None = None,
        batch_size: int | None = None,
        sequence_length: int | None = None,
        mode: str = "inference",
        precision: str = "fp32",
        available_hardware: str | Sequence[str | Target] | None = None,
        *,
        utility: str | Utility | Mapping[str, float] | Callable[..., Any] | None = None,
        risk: str | Risk | None = None,
        constraints: str | Constraint | Sequence[str | Constraint] | None = None,
        prices: Mapping[str, float] | None = None,
        power: Mapping[str, float] | None = None,
        grid: str | float | None = None,
        oom_slowdown: float | None = None,
        optimize: str | Sequence[str] | Mapping[str, Sequence[Any]] | None = None,
        is_distributed: bool = False,
        gpu_count: int | None = None,
        optimizer: str = "adamw",
        network_gb_s: float | None = None,
        measure: Measure | None = None,
        settled: float = SETTLED,
        browser: str | Sequence[str] | None = None,
        runtime: str | None = None,
        n_devices: int = 1,
        on_unknown: str = "error",
        **features: Any,
    ) -> Recommendation:
        """Rank targets by expected utility.

        Parameters
        ----------
        model_name, model_family, sequence_length, mode, precision, browser, runtime, n_devices, on_unknown
        **features
            As in :meth:`predict_performance`.
        batch_size : int, optional
            1; in a plan for several devices, one item for each.
        available_hardware : str or list of (str or Target), optional
            What to choose from; by default the config's candidates, else the package's usual ones.
            ``predictor.detect_hardware().targets()`` are those of this machine.
        utility : str, Utility, mapping or callable, optional
            A name (``"throughput"``, ``"latency"``, ``"throughput_per_dollar"``, ``"guide"`` …), an expression on
            quantities, weights of names, or a function of draws: see :func:`hwpredict.decision.utility.get_utility`.
            By default the config's ("throughput").
        risk, constraints, prices, power, grid, oom_slowdown : optional
            As in :class:`hwpredict.config.Config`: ``"cvar:0.1"``, ``"latency <= 20 ms with probability 0.95"``, USD
            per device-hour, W per device, a country or g CO2/kWh, how many times slower a draw without room counts.
        optimize : str, sequence or mapping, optional
            Search over ``"batch-size"``, ``"precision"`` or both too: :attr:`Recommendation.per_target` then has the
            best of each target and :attr:`Recommendation.front` the Pareto front of cost, latency and throughput.
        is_distributed : bool
            Plan for several devices: ``batch_size`` is then that of all together, and options are strategies (DDP,
            ZeRO, FSDP, tensor and pipeline parallelism) on up to ``gpu_count`` devices.
        gpu_count, optimizer, network_gb_s : optional
            Devices at most (8); ``adamw``, ``adamw_8bit``, ``sgd_momentum`` …; GB/s one way between machines.
        measure : callable, optional
            Runs a benchmark: from a workload and a target to rows in the schema, none if it cannot. What is worth most
            is then measured, and the posterior in use conditioned on it, until the expected regret is below
            ``settled`` (0.05); :attr:`Recommendation.campaign` says what was.

        Returns
        -------
        Recommendation

        Raises
        ------
        UnknownNameError, InvalidWorkloadError, MissingFigureError, IncompatibleError, InfeasibleError
            The last three: a price or power that is needed is not known; no target runs it; none meets the constraints.
        """
        wanted = preferences(
            self.config, mode, utility=utility, risk=risk, constraints=constraints, prices=prices, power=power,
            grid=grid, oom_slowdown=oom_slowdown,
        )  # fmt: skip
        if gpu_count is not None and not is_distributed:
            raise InvalidWorkloadError("gpu_count says how many devices work together: set is_distributed too")
        setup = Setup(gpu_count or 8, optimizer, network_gb_s=network_gb_s) if is_distributed else None
        if batch_size is None:
            batch_size = setup.devices if setup is not None else 1
        named = available_hardware is not None or bool(self.config.candidates)
        if is_distributed and not named:
            available_hardware = list(DISTRIBUTED_TARGETS)
        where = {"runtime": runtime, "n_devices": n_devices, "browser": browser}
        work, targets = self._query(
            model_name, model_family, available_hardware, where, batch_size=batch_size, sequence_length=sequence_length,
            mode=mode, precision=precision, **features,
        )  # fmt: skip

        def predict(pairs: Sequence[tuple[Workload, Target]], harness: str) -> Cells:
            return self._predict(measured_by(to_rows(pairs), harness), on_unknown, labels=[t.name for _, t in pairs])

        def shares(pairs: Sequence[tuple[Workload, Target]]) -> Any:
            return share_draws(self.posterior, to_rows(pairs), draws=self.draws, seed=self.seed)

        given = Query(
            work, targets, wanted, named=named, posterior_draws=self.posterior.n_draws, seed=self.seed, shares=shares
        )  # fmt: skip
        loop = None if measure is None else Loop(measure, self.update, settled)
        found = given.answer(predict, optimize, setup, loop)
        return Recommendation(found, describe(work, to_rows([(work, targets[0])])), self._attrs())

    def detect_hardware(self, *, browser: bool = True) -> HardwareReport:
        """Find out what this machine has: a mapping from platform to report, true where it is available.

        Its ``targets()`` go into :meth:`predict_optimal_hardware` as ``available_hardware``. ``browser`` says whether a
        headless browser may be started to ask for WebGPU and WebNN (some seconds).
        """
        from hwpredict.measure.detect import detect

        return detect(browser=browser)

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
        batch_sizes, sequence_lengths : list of int, optional
            1, 8 and 32; and 128 by default.
        hardware_platforms, precision : str or list of str, optional
            The package's usual candidates; and fp32, fp16 and int8 by default.
        phases : list of {"forward", "prefill", "decode"}, optional
            Adds a dimension ``phase``.
        quantiles : list of float, optional
            0.05, 0.25, 0.5, 0.75 and 0.95 by default; with ``keep_draws`` the draws are kept as well.
        lazy : bool
            dask arrays (extra ``dask``) that are predicted when they are looked at.
        mode, n_devices, runtime, on_unknown
            As in :meth:`predict_performance`.

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
            matrix.gather(named, file), batch_sizes,
            resolve_targets(hardware_platforms, self.config, runtime=runtime, n_devices=n_devices),
            precision, mode, sequence_lengths, phases,
        )  # fmt: skip
        chosen = {} if quantiles is None else {"quantiles": tuple(quantiles)}
        plan = matrix.Plan(grid, self.draws, self.seed, keep_draws=keep_draws, on_unknown=on_unknown, **chosen)
        compute = matrix.compute_lazily if lazy else matrix.compute
        return matrix.PredictionMatrix(compute(plan, self.posterior))

    def visualize_matrix(
        self, matrix: Any, output_dir: str | os.PathLike[str] = "visualizations", **chosen: Any
    ) -> list[str]:
        """Draw figures of a matrix, and give the names of the files written; see :func:`hwpredict.plots.visualize`.

        ``matrix`` is one of :meth:`create_hardware_prediction_matrix`, its Dataset, or the guide's dictionary as it was
        read from JSON; ``kinds`` and ``format`` (png, svg, pdf) may follow.
        """
        from hwpredict.matrix import as_dataset
        from hwpredict.plots import visualize

        files = visualize(as_dataset(matrix), output_dir, **chosen)
        return [str(f) for f in files]

    def _query(
        self, model: Model, family: str | None, hardware: str | Sequence[str | Target] | None,
        where: Mapping[str, Any], **workload: Any,
    ) -> tuple[Workload, list[Target]]:  # fmt: skip
        name, family = resolve_model(model, family)
        return Workload(name, family, **workload), resolve_targets(hardware, self.config, family=family, **where)
