"""Grouped splits: what a test row shares with no training row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import unknown

#: Columns of the measurement schema that a split keeps apart.
GROUPS: dict[str, tuple[str, ...]] = {
    "cell": ("model", "device", "hardware", "precision", "runtime", "batch_size", "sequence_length", "mode", "source"),
    "model": ("model",),
    "device": ("device", "hardware"),
    "source": ("source",),
}


def grouped_split(
    rows: Mapping[str, NDArray[Any]], kind: str, *, share: float = 0.2, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Mark the test rows of a split by groups.

    Parameters
    ----------
    rows : mapping of str to ndarray, shape (row,)
    kind : {"cell", "model", "device", "source"}
        What is unseen in the test rows.
    share : float
        Share of the groups held out.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of bool, shape (row,)

    Raises
    ------
    UnknownNameError
        ``kind`` is not a known split.
    """
    if kind not in GROUPS:
        raise unknown("split", kind, GROUPS)
    keys = np.array(["|".join(map(str, k)) for k in zip(*(rows[c].tolist() for c in GROUPS[kind]), strict=True)])
    names, codes = np.unique(keys, return_inverse=True)
    held = rng.random(len(names)) < share
    if not held.any():
        held[rng.integers(len(names))] = True
    return np.asarray(held[codes])
