"""Sparse Cholesky factorisation of a symmetric positive definite matrix whose pattern stays and whose figures change.

MKL PARDISO (extra ``fast``) where it is installed: supernodal, both cores, ten times as quick as SuperLU of SciPy,
which serves everywhere else. Results agree to rounding.
"""

from __future__ import annotations

import importlib.util
import weakref
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

Array = NDArray[np.float64]

#: Rows that SuperLU eliminates last whatever their degree.
DENSE = 1000
_SYMMETRIC: dict[str, Any] = {"diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True, "Equil": False}}


class Cholesky(Protocol):
    """A factor of the upper triangle it was last given."""

    def factorise(self, upper: Any) -> None:
        """Factorise the matrix with this upper triangle (CSR, sorted, the same pattern in every call)."""

    def solve(self, v: Array) -> Array:
        """Solve for right-hand sides of shape (n,) or (n, k)."""


def cholesky() -> Cholesky:
    """The quickest factorisation that is installed."""
    return Pardiso() if importlib.util.find_spec("pypardiso") else SuperLU()


class SuperLU:
    """SciPy's SuperLU in symmetric mode, ordered once."""

    def __init__(self) -> None:
        self._order: Any = None
        self._lu: Any = None

    def factorise(self, upper: Any) -> None:
        """See :class:`Cholesky`."""
        h = (upper + sp.triu(upper, 1).T).tocsc()
        if self._order is None:
            self._order = elimination_order(h)
        self._lu = splu(h[self._order][:, self._order].tocsc(), permc_spec="NATURAL", **_SYMMETRIC)

    def solve(self, v: Array) -> Array:
        """See :class:`Cholesky`."""
        out = np.empty_like(v)
        out[self._order] = self._lu.solve(np.ascontiguousarray(v[self._order]))
        return out


class Pardiso:
    """MKL PARDISO, analysed once (parallel nested dissection)."""

    def __init__(self) -> None:
        from pypardiso import PyPardisoSolver

        self._solver = PyPardisoSolver(mtype=2)
        self._solver.set_iparm(1, 1)  # the next ones are ours, not the defaults
        self._solver.set_iparm(2, 3)  # parallel nested dissection
        self._upper: Any = None
        weakref.finalize(self, self._solver.free_memory, everything=True)

    def factorise(self, upper: Any) -> None:
        """See :class:`Cholesky`."""
        zero = np.zeros((upper.shape[0], 1))
        first = self._upper is None
        self._upper = upper
        for phase in (11, 22) if first else (22,):
            self._solver.set_phase(phase)
            self._solver._call_pardiso(upper, zero)

    def solve(self, v: Array) -> Array:
        """See :class:`Cholesky`."""
        self._solver.set_phase(33)
        rhs = np.asfortranarray(v.reshape(len(v), -1))
        return np.asarray(self._solver._call_pardiso(self._upper, rhs)).reshape(v.shape)


def elimination_order(h: Any) -> NDArray[Any]:
    """Fill-reducing order: minimum degree on all but the densest levels, which go last.

    Minimum degree itself takes minutes when a few thousand levels touch nearly everything, and would put them last
    anyway.
    """
    degree = np.diff(h.indptr)
    dense = np.zeros(len(degree), dtype=bool)
    if len(degree) > 20 * DENSE:
        dense[np.argsort(degree, kind="stable")[-DENSE:]] = True
    sparse = np.flatnonzero(~dense)
    order = np.argsort(splu(h[sparse][:, sparse].tocsc(), permc_spec="MMD_AT_PLUS_A", **_SYMMETRIC).perm_c)
    last = np.flatnonzero(dense)
    return np.concatenate([sparse[order], last[np.argsort(degree[last], kind="stable")]])
