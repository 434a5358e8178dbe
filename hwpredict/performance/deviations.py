"""Posterior draws in their file: read a few levels at a time, as predictions ask for them, or all at once.

A prediction looks at some hundred of two hundred thousand levels. Inflating the others takes longer than everything
else that answers a question, so it is put off until somebody wants them.
"""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.int16]


class StoredDeviations:
    """Stands for an int16 array (draw, level) of an open file.

    :meth:`of` reads what it needs; anything else that is done with an array (indexing, ``np.asarray``, arithmetic on
    that) reads the whole once.

    Parameters
    ----------
    file : netCDF4.Dataset
        Kept open.
    variable : netCDF4.Variable
        Dims (chain, draw, level), of one chain.
    """

    def __init__(self, file: Any, variable: Any) -> None:
        variable.set_auto_maskandscale(False)
        self._file, self._variable = file, variable
        self._lock = threading.RLock()
        self._whole: Steps | None = None
        self._pieces: dict[int, Steps] = {}
        self.shape = (int(variable.shape[1]), int(variable.shape[2]))
        self.dtype = np.dtype(np.int16)
        self.ndim = 2
        chunks = variable.chunking()
        self._width = self.shape[1] if chunks == "contiguous" else int(chunks[2])

    def of(self, levels: NDArray[np.int64]) -> Steps:
        """Draws of some levels, shape (level, draw)."""
        with self._lock:
            if self._whole is not None:
                return np.ascontiguousarray(self._whole[:, levels].T)
            chunk = levels // self._width
            needed = np.unique(chunk).tolist()
            missing = [c for c in needed if c not in self._pieces]
            if len(self._pieces) + len(missing) > self.shape[1] // self._width // 2:
                return np.ascontiguousarray(self.whole()[:, levels].T)
            with _alone():
                for c in missing:
                    self._pieces[c] = self._variable[0, :, c * self._width : (c + 1) * self._width]
            out = np.empty((len(levels), self.shape[0]), np.int16)
            for c in needed:
                mine = chunk == c
                out[mine] = self._pieces[c][:, levels[mine] - c * self._width].T
            return out

    def whole(self) -> Steps:
        """The array, read at the first call."""
        with self._lock:
            if self._whole is None:
                with _alone():
                    self._whole = np.asarray(self._variable[0])
                    self._file.close()
                self._pieces.clear()
            return self._whole

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.whole(), dtype=dtype, copy=copy)

    def __getitem__(self, key: Any) -> Any:
        return self.whole()[key]

    def __len__(self) -> int:
        return self.shape[0]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # not while it is being made or copied
            raise AttributeError(name)
        return getattr(self.whole(), name)

    def __reduce__(self) -> tuple[Any, ...]:
        return np.asarray, (self.whole(),)  # a worker elsewhere gets the draws, not the file


def _alone() -> ExitStack:
    """Hold the locks under which xarray reads netCDF, if it is in use: the library takes one caller at a time."""
    stack = ExitStack()
    if "xarray" in sys.modules:
        from xarray.backends.locks import HDF5_LOCK, NETCDFC_LOCK

        for lock in (HDF5_LOCK, NETCDFC_LOCK):
            stack.enter_context(lock)
    return stack
