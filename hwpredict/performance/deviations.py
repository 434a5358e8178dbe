"""Posterior draws in their file: read a few levels at a time, as predictions ask for them, or all at once.

A prediction looks at some hundred of two hundred thousand levels. Inflating the others takes longer than everything
else that answers a question, so it is put off until somebody wants them.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import PosteriorError

Steps = NDArray[np.int16]


class StoredDeviations:
    """Stands for the int16 array (draw, level) of a file.

    :meth:`of` reads what it needs; anything else that is done with an array (indexing, ``np.asarray``, arithmetic on
    that) reads the whole once. The file is opened for each reading and closed again: netCDF does not survive files
    that the garbage collector closes.

    Parameters
    ----------
    path : path
    variable : netCDF4.Variable
        Of the file, which may be closed afterwards; dims (chain, draw, level), one chain.
    """

    def __init__(self, path: str | os.PathLike[str], variable: Any) -> None:
        self._path = Path(path).resolve()
        self._stamp = self._now()
        self._lock = threading.RLock()
        self._whole: Steps | None = None
        self._pieces: dict[int, Steps] = {}
        self.shape = (int(variable.shape[1]), int(variable.shape[2]))
        self.dtype = np.dtype(np.int16)
        self.ndim = 2
        chunks = variable.chunking()
        self._width = self.shape[1] if chunks == "contiguous" else int(chunks[2])

    def _now(self) -> tuple[int, int, int]:
        found = os.stat(self._path)
        return found.st_ino, found.st_size, found.st_mtime_ns

    @contextmanager
    def _variable(self) -> Iterator[Any]:
        """The variable of the file as it was."""
        from netCDF4 import Dataset

        try:
            with _alone(), Dataset(self._path, "r") as file:
                if self._now() != self._stamp:
                    raise PosteriorError(f"{self._path} was replaced after it was loaded: load it again")
                variable = file["posterior"]["deviation"]
                variable.set_auto_maskandscale(False)
                yield variable
        except OSError as error:
            raise PosteriorError(f"{self._path} was moved or damaged after it was loaded ({error})") from error

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
            if missing:
                with self._variable() as variable:
                    for c in missing:
                        self._pieces[c] = variable[0, :, c * self._width : (c + 1) * self._width]
            out = np.empty((len(levels), self.shape[0]), np.int16)
            for c in needed:
                mine = chunk == c
                out[mine] = self._pieces[c][:, levels[mine] - c * self._width].T
            return out

    def whole(self) -> Steps:
        """The array, read at the first call."""
        with self._lock:
            if self._whole is None:
                with self._variable() as variable:
                    self._whole = np.asarray(variable[0])
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
