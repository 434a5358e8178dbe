"""Any point predictor as the prior mean: its figures, the pooled residual around them, and so calibrated intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwpredict.errors import InvalidWorkloadError
from hwpredict.performance import rows as r
from hwpredict.performance.covariates import covariates
from hwpredict.performance.fit import fit
from hwpredict.performance.parts import MEMORY, ROW, TIME, Effect
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import Prediction, predict

Array = NDArray[np.float64]

_FIGURES = ("latency_ms", "throughput", "memory_mb")
_LEVELS: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("bias", (), 1.0),
    ("platform", ("platform",), 0.3),
    ("phase", ("phase", "mode"), 0.3),
    ("precision", ("precision", "platform"), 0.2),
    ("framework", ("framework", "platform"), 0.2),
    ("generation", ("generation", "platform"), 0.2),
    ("device", ("device", "platform"), 0.2),
    ("source", ("source", "platform"), 0.2),
    ("family", ("family", "platform"), 0.2),
    ("architecture", ("architecture", "family"), 0.2),
    ("model", ("model",), 0.2),
    ("cell", ("model", "device", "platform", "precision"), 0.1),
)
_SLOPES = (("batch slope", "batch_slope"), ("length slope", "length_slope"), ("size slope", "log_size"))


def _effects() -> tuple[Effect, ...]:
    out = []
    for metric, suffix in ((TIME, "row"), (MEMORY, "memory")):
        out += [Effect(f"{n}:{suffix}", metric, labels, (ROW,), s, learned=bool(labels)) for n, labels, s in _LEVELS]
        out += [Effect(f"{n}:{suffix}", metric, ("phase",), (ROW,), 0.2, slope=slope) for n, slope in _SLOPES]
    return tuple(out)


@dataclass(frozen=True)
class ResidualPredictor:
    """An outside predictor with intervals.

    Attributes
    ----------
    posterior : Posterior
        Of the residual: bias, and how it varies by platform, device, model, harness, batch …
    """

    posterior: Posterior

    def predict(self, frame: Any, predicted: ArrayLike, *, figure: str = "latency_ms", **options: Any) -> Prediction:
        """Predict rows around the outside predictor's figures for them.

        Parameters
        ----------
        frame : pandas.DataFrame or list of mappings
            Rows in the measurement schema.
        predicted : array-like, shape (row,)
            The outside predictor's figure of each row.
        figure : {"latency_ms", "throughput", "memory_mb"}
        **options
            ``draws`` and ``seed`` of :func:`hwpredict.performance.predictive.predict`.

        Returns
        -------
        Prediction
            Only the metrics that ``figure`` speaks of mean anything.
        """
        rows = r.table(frame)
        return predict(self.posterior, rows, point=_point(rows, predicted, figure), **options)


def from_point_predictor(
    measurements: Any, predicted: ArrayLike, *, figure: str = "latency_ms", iterations: int = 30, seed: int = 0
) -> ResidualPredictor:
    """Turn a point predictor into calibrated intervals.

    Parameters
    ----------
    measurements : pandas.DataFrame or list of mappings
        Rows in the measurement schema, with ``figure`` measured.
    predicted : array-like, shape (row,)
        What the outside predictor says of each row, in the unit of ``figure``.
    figure : {"latency_ms", "throughput", "memory_mb"}
        What both speak of.
    iterations, seed : int

    Returns
    -------
    ResidualPredictor

    Raises
    ------
    InvalidWorkloadError
        A figure that does not exist, predictions of another length, or ones that are not positive numbers.
    """
    rows = r.table(measurements)
    point = _point(rows, predicted, figure)
    for other in _FIGURES:
        if other != figure:
            rows[other] = np.full(r.length(rows), np.nan)
    return ResidualPredictor(fit(rows, iterations=iterations, seed=seed, effects=_effects(), point=point))


def _point(rows: r.Table, predicted: ArrayLike, figure: str) -> Array:
    """Log seconds of a step and log MB that the predicted figures mean, 0 for the other one, shape (row, 2)."""
    if figure not in _FIGURES:
        raise InvalidWorkloadError(f"figure is {figure!r}: give one of {', '.join(_FIGURES)}")
    values = np.asarray(predicted, dtype=float)
    if values.shape != (r.length(rows),):
        raise InvalidWorkloadError(f"{values.size} predicted figures for {r.length(rows)} rows: give one a row")
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if len(bad):
        raise InvalidWorkloadError(f"the predicted figure of row {bad[0]} is {values[bad[0]]}: it must be positive")
    numbers, out = covariates(rows).numbers, np.zeros((len(values), 2))
    if figure == "memory_mb":
        out[:, 1] = np.log(values)
    elif figure == "latency_ms":
        out[:, 0] = np.log(values / 1e3) - numbers["log_span"]
    else:
        out[:, 0] = numbers["log_items"] - np.log(values)
    return out
