"""What each part of a step costs before anything is learnt: work over rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance.parts import MEMORY_PARTS, PART_NAMES, PARTS, TIME_PARTS

Array = NDArray[np.float64]


def offsets(numbers: dict[str, Array]) -> Array:
    """Log cost of each part before any effect, shape (row, part); ``-inf`` where a part costs nothing.

    ``numbers`` are those of :class:`hwpredict.performance.covariates.Covariates`, shape (row,).
    """
    out = np.empty((len(next(iter(numbers.values()))), len(PARTS)))
    for k, part in enumerate(PARTS):
        out[:, k] = part.constant
        for name in part.work:
            out[:, k] += numbers[name]
        for name in part.rate:
            out[:, k] -= numbers[name]
    return out


def log_seconds(numbers: dict[str, Array]) -> Array:
    """Log seconds of a step before any effect, shape (row,)."""
    return np.asarray(np.logaddexp.reduce(offsets(numbers)[:, : len(TIME_PARTS)], axis=1))


def point_offsets(point: Array) -> Array:
    """Figures of an outside predictor as the one part of each metric, shape (row, part)."""
    out = np.full((len(point), len(PARTS)), -np.inf)
    out[:, PART_NAMES.index(TIME_PARTS[0])] = point[:, 0]
    out[:, PART_NAMES.index(MEMORY_PARTS[0])] = point[:, 1]
    return out
