"""Synthetic inputs of a graph: right in shape, type and range, random in value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hwpredict.measure.graphs.builder import Input

#: Scale of random activations and cache entries.
_SCALE = 0.5


def shape(given: Input, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Shape of an input for a workload.

    Parameters
    ----------
    given : Input
    sizes : Mapping of str to int
        Size of each dimension that is named: batch, sequence, context.
    """
    return tuple(d if isinstance(d, int) else sizes[d] for d in given.shape)


def arrays(inputs: Sequence[Input], sizes: Mapping[str, int], *, seed: int = 0) -> dict[str, Any]:
    """Random inputs.

    Parameters
    ----------
    inputs : sequence of Input
    sizes : Mapping of str to int
    seed : int

    Returns
    -------
    dict of str to ndarray
    """
    rng = np.random.default_rng(seed)
    return {i.name: _array(i, shape(i, sizes), rng) for i in inputs}


def _array(given: Input, size: tuple[int, ...], rng: np.random.Generator) -> Any:
    if given.kind == "ids":
        return rng.integers(0, given.high, size, dtype=np.int64)
    if given.kind in ("ones", "zeros"):
        return np.full(size, given.kind == "ones", dtype=given.dtype)
    values = rng.standard_normal(size, dtype=np.float32) * np.float32(_SCALE)
    if given.dtype == "bfloat16":
        import ml_dtypes

        return values.astype(ml_dtypes.bfloat16)
    return values.astype(given.dtype)
