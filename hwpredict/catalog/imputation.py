"""Prior means of features that nobody stated.

Least-squares lines over the models of public benchmark tables whose features are stated (timm's result tables for
vision, 1,778 models; 2022–2025). They are means only: each model without a stated feature also gets an effect of its
own, whose spread is learned (``no_macs``, ``no_acts``, ``no_size`` in :mod:`hwpredict.performance.parts`).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


@cache
def parameters(family: str) -> float:
    """Typical parameter count of a model known by its family alone."""
    return _PARAMETERS.get(family, 2.5e7)


def _size(family: NDArray[Any], size: Array) -> Array:
    default = np.array([_DEFAULT_SIZE.get(f, _DEFAULT_TOKENS) for f in family])
    return np.where(np.isnan(size), default, np.maximum(size, 1.0))


def log_macs(family: NDArray[Any], log_parameters: Array, size: Array) -> Array:
    """Log multiply-accumulates of one item from its parameter count and its size.

    Parameters
    ----------
    family : ndarray of str, shape (row,)
    log_parameters : ndarray, shape (row,)
        Natural log of the parameter count.
    size : ndarray, shape (row,)
        Side of the image in pixels or tokens of the sequence; NaN for the family's usual size.

    Returns
    -------
    ndarray, shape (row,)
        Vision: ``2.20 + 0.915 log P + 0.867 log size``, residual sd 0.87 (3,647 models). Sequences: one
        multiply-accumulate a parameter and token.
    """
    log_size = np.log(_size(family, size))
    image = np.isin(family, ("vision", "multimodal", ""))
    return np.where(image, 2.20 + 0.915 * log_parameters + 0.867 * log_size, log_parameters + log_size)


def log_activations(family: NDArray[Any], log_macs: Array, log_parameters: Array, size: Array) -> Array:
    """Log activation elements of one item (timm's count: outputs of convolutions and linear layers).

    Returns
    -------
    ndarray, shape (row,)
        Vision: ``-3.26 + 0.031 log P + 1.353 log size + 0.535 log MACs``, residual sd 0.48 (1,778 models).
        Sequences: 16 elements per token, layer and hidden unit of a transformer of 12 layers
        (``P = 12 · layers · hidden²``).
    """
    log_size = np.log(_size(family, size))
    image = np.isin(family, ("vision", "multimodal", ""))
    sequence = log_size + np.log(16.0 * 12.0) + 0.5 * (log_parameters - np.log(144.0))
    return np.where(image, -3.26 + 0.031 * log_parameters + 1.353 * log_size + 0.535 * log_macs, sequence)


_ACTIVE = re.compile(r"(\d+(?:\.\d+)?)b-?a(\d+(?:\.\d+)?)b", re.IGNORECASE)


@cache
def active_fraction(name: str) -> float:
    """Active share of a mixture of experts that says it in its name ("Qwen3-30B-A3B" → 0.1), else NaN."""
    found = _ACTIVE.search(name)
    return float(found.group(2)) / float(found.group(1)) if found else float("nan")
