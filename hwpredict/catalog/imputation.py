"""Prior means of features that nobody stated.

Images: a line in logs with an intercept for each architecture of five models or more, drawn towards the common one;
fitted by ``benchmarks/feature_imputation.py`` over the models of the catalog and of public benchmark tables
(``data/feature_imputation.csv``). Of held-out models the root mean square errors in log units are 0.51 for MACs (0.89
with one line for all), 0.33 for activations (0.49), 1.09 for parameters (2.2), 0.44 where MACs are known (0.85). They
are means only: each model without a stated feature also gets an effect of its own, whose spread is learned
(``no_macs``, ``no_acts``, ``no_size`` in :mod:`hwpredict.performance.parts`).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog.architectures.facts import number, rows_of

Array = NDArray[np.float64]

#: FLOP/s and byte/s at which a device without a spec sheet starts: a mid-range edge device. Its platform's learned
#: ``no_sheet`` effect moves it to where such devices are.
PEAK = 1e12
BANDWIDTH = 3e10

#: Median parameter count per family in the public tables.
_PARAMETERS = {
    "vision": 1.1e7,
    "text_generation": 8.0e9,
    "embedding": 1.1e8,
    "audio": 7.2e7,
    "multimodal": 8.6e8,
    "recommendation": 3.0e7,
}
_DEFAULT_SIZE = {"vision": 224.0, "multimodal": 512.0, "audio": 500.0}
_DEFAULT_TOKENS = 128.0
_IMAGES = ("vision", "multimodal", "")


@cache
def _fitted() -> dict[str, tuple[dict[str, float], dict[str, float]]]:
    """Slopes of the common line, and the intercepts added for architectures, by target."""
    found: dict[str, tuple[dict[str, float], dict[str, float]]] = {}
    for row in rows_of("feature_imputation.csv"):
        if row["architecture"]:
            found[row["target"]][1][row["architecture"]] = number(row, "intercept")
        else:
            names = ("intercept", "log_parameters", "log_macs", "log_size")
            found[row["target"]] = {name: number(row, name) for name in names}, {}
    return found


def _line(target: str, architecture: NDArray[Any] | None, **logs: Array) -> Array:
    slopes, added = _fitted()[target]
    line = slopes["intercept"] + sum(slopes[f"log_{name}"] * value for name, value in logs.items())
    if architecture is None:
        return np.asarray(line)
    return np.asarray(line + np.array([added.get(label, 0.0) for label in architecture.tolist()]))


@cache
def parameters(family: str) -> float:
    """Typical parameter count of a model known by its family alone."""
    return _PARAMETERS.get(family, 2.5e7)


def log_parameters(
    family: NDArray[Any],
    architecture: NDArray[Any],
    log_macs: Array,
    size: Array,
    whole: NDArray[np.bool_] | None = None,
) -> Array:
    """Log parameter count of models of which the architecture is known, and perhaps the work.

    Parameters
    ----------
    family, architecture : ndarray of str, shape (row,)
        The label of :func:`hwpredict.catalog.models.architecture`.
    log_macs : ndarray, shape (row,)
        Natural log of the MACs of one item at its size; NaN if they are not known.
    size : ndarray, shape (row,)
        Side of the image in pixels; NaN for the family's usual size.
    whole : ndarray of bool, shape (row,), optional
        Whether a sequence passes through at once: those who time that of a model of text time a small one (a
        translator, an LSTM), not one that is served.

    Returns
    -------
    ndarray, shape (row,)
        Images: from the fitted line of the architecture. Other families: their median.
    """
    median = np.log(np.array([parameters(f) for f in family.tolist()]))
    if whole is not None:
        median = np.where(whole & (family == "text_generation"), np.log(parameters("embedding")), median)
    log_size = np.log(_size(family, size))
    known = ~np.isnan(log_macs)
    given = _line("parameters_given_macs", architecture, macs=np.where(known, log_macs, 0.0), size=log_size)
    vision = np.isin(family, ("vision", ""))
    guess = np.where(known, given, _line("parameters", architecture))
    return np.where(vision | (np.isin(family, _IMAGES) & known), guess, median)


def _size(family: NDArray[Any], size: Array) -> Array:
    default = np.array([_DEFAULT_SIZE.get(f, _DEFAULT_TOKENS) for f in family])
    return np.where(np.isnan(size), default, np.maximum(size, 1.0))


def log_macs(
    family: NDArray[Any], log_parameters: Array, size: Array, architecture: NDArray[Any] | None = None
) -> Array:
    """Log multiply-accumulates of one item from its parameter count, its size and its architecture.

    Parameters
    ----------
    family : ndarray of str, shape (row,)
    log_parameters : ndarray, shape (row,)
        Natural log of the parameter count.
    size : ndarray, shape (row,)
        Side of the image in pixels or tokens of the sequence; NaN for the family's usual size.
    architecture : ndarray of str, shape (row,), optional
        Label of :func:`hwpredict.catalog.models.architecture`.

    Returns
    -------
    ndarray, shape (row,)
        Images: from the fitted line. Sequences: one multiply-accumulate a parameter and token.
    """
    log_size = np.log(_size(family, size))
    line = _line("macs", architecture, parameters=log_parameters, size=log_size)
    return np.where(np.isin(family, _IMAGES), line, log_parameters + log_size)


def log_activations(
    family: NDArray[Any],
    log_macs: Array,
    log_parameters: Array,
    size: Array,
    architecture: NDArray[Any] | None = None,
) -> Array:
    """Log activation elements of one item (timm's count: outputs of convolutions and linear layers).

    Parameters
    ----------
    family : ndarray of str, shape (row,)
    log_macs, log_parameters : ndarray, shape (row,)
        Natural logs of the MACs of one item and of the parameter count.
    size : ndarray, shape (row,)
        Side of the image in pixels or tokens of the sequence; NaN for the family's usual size.
    architecture : ndarray of str, shape (row,), optional
        Label of :func:`hwpredict.catalog.models.architecture`.

    Returns
    -------
    ndarray, shape (row,)
        Images: from the fitted line. Sequences: 16 elements per token, layer and hidden unit of a transformer of 12
        layers (``P = 12 · layers · hidden²``).
    """
    log_size = np.log(_size(family, size))
    sequence = log_size + np.log(16.0 * 12.0) + 0.5 * (log_parameters - np.log(144.0))
    line = _line("activations", architecture, macs=log_macs, parameters=log_parameters, size=log_size)
    return np.where(np.isin(family, _IMAGES), line, sequence)
