"""The part of the façade that tabulates and draws; a file of its own for its length only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from hwpredict.query import resolve_targets

if TYPE_CHECKING:
    import xarray as xr

    from hwpredict.config import Config
    from hwpredict.matrix import PredictionMatrix
    from hwpredict.performance.posterior import Posterior


class Predicts(Protocol):
    """What these methods need of the predictor that they belong to."""

    config: Config

    @property
    def posterior(self) -> Posterior:
        """The posterior in use."""
        ...

    @property
    def draws(self) -> int:
        """Predictive draws."""
        ...

    @property
    def seed(self) -> int:
        """Seed of the draws."""
        ...


class MatrixMethods:
    """Methods of :class:`hwpredict.HardwareModelPredictor` that make and draw prediction matrices."""

    def create_hardware_prediction_matrix(
        self: Predicts,
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
            matrix.gather(named, file), batch_sizes,
            resolve_targets(hardware_platforms, self.config, runtime=runtime, n_devices=n_devices),
            precision, mode, sequence_lengths, phases,
        )  # fmt: skip
        chosen = {} if quantiles is None else {"quantiles": tuple(quantiles)}
        plan = matrix.Plan(grid, self.draws, self.seed, keep_draws=keep_draws, on_unknown=on_unknown, **chosen)
        compute = matrix.compute_lazily if lazy else matrix.compute
        return matrix.PredictionMatrix(compute(plan, self.posterior))

    def visualize_matrix(
        self,
        matrix: PredictionMatrix | xr.Dataset | dict[str, Any],
        output_dir: str | os.PathLike[str] = "visualizations",
        *,
        kinds: Sequence[str] | None = None,
        format: str = "png",
        **chosen: Any,
    ) -> list[str]:
        """Draw figures of a matrix; see :func:`hwpredict.plots.visualize`.

        Parameters
        ----------
        matrix : PredictionMatrix, xarray.Dataset or dict
            Of :meth:`create_hardware_prediction_matrix`, or the guide's dictionary as it was read from JSON.
        output_dir : path
        kinds, format, **chosen
            As in :func:`hwpredict.plots.visualize`.

        Returns
        -------
        list of str
            The files written.
        """
        from hwpredict.matrix import as_dataset
        from hwpredict.plots import visualize

        files = visualize(as_dataset(matrix), output_dir, kinds=kinds, format=format, **chosen)
        return [str(f) for f in files]
