"""Linearisation of the smooth maximum around given effects, and the sparse normal equations that follow from it."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from hwpredict.performance.cholesky import cholesky
from hwpredict.performance.design import Array, Codes, Design


@numba.njit(cache=True)
def _add_effects(eta: Array, row: Array, obs: Codes, part: Codes, level: Codes, value: Array, b: Array) -> None:
    for e in range(len(obs)):
        term = value[e] * b[level[e]]
        if part[e] < 0:
            row[obs[e]] += term
        else:
            eta[obs[e], part[e]] += term


@numba.njit(cache=True)
def _softmax(eta: Array, row: Array, mean: Array, share: Array) -> None:
    n, k = eta.shape
    for i in range(n):
        top = -np.inf
        for j in range(k):
            top = max(top, eta[i, j])
        total = 0.0
        for j in range(k):
            share[i, j] = np.exp(eta[i, j] - top)
            total += share[i, j]
        mean[i] = top + np.log(total) + row[i]
        for j in range(k):
            share[i, j] /= total


@numba.njit(cache=True)
def _jacobian(data: Array, where: Codes, obs: Codes, part: Codes, value: Array, share: Array) -> None:
    data[:] = 0.0
    for e in range(len(obs)):
        data[where[e]] += value[e] if part[e] < 0 else value[e] * share[obs[e], part[e]]


@numba.njit(cache=True, parallel=True)
def _normal_matrix(
    out: Array,
    out_ptr: NDArray[Any],
    out_col: NDArray[Any],
    ptr: NDArray[Any],
    col: NDArray[Any],
    data: Array,
    t_ptr: NDArray[Any],
    t_row: NDArray[Any],
    t_where: NDArray[Any],
    weight: Array,
    diagonal: Array,
    threads: int,
) -> None:
    """Upper triangle of J'WJ + diag on a fixed pattern, one column at a time (Gustavson 1978)."""
    n = len(diagonal)
    for thread in numba.prange(threads):
        work = np.zeros(n)
        for c in range(thread, n, threads):
            for t in range(t_ptr[c], t_ptr[c + 1]):
                i = t_row[t]
                v = weight[i] * data[t_where[t]]
                for s in range(t_where[t], ptr[i + 1]):
                    work[col[s]] += v * data[s]
            work[c] += diagonal[c]
            for s in range(out_ptr[c], out_ptr[c + 1]):
                out[s] = work[out_col[s]]
                work[out_col[s]] = 0.0


def simulate(d: Design, b: Array) -> Array:
    """Mean of every observation under effects ``b``: log seconds or log MB, shape (obs,)."""
    eta, row = d.x.copy(), np.zeros(len(d.y))
    mean, share = np.empty(len(d.y)), np.empty_like(d.x)
    _add_effects(eta, row, d.obs, d.part, d.level, d.value, b)
    _softmax(eta, row, mean, share)
    return mean


class Linearisation:
    """Mean of a design at given effects, and its Jacobian on a sparsity pattern that is found once."""

    def __init__(self, d: Design) -> None:
        n, p = len(d.y), d.n_levels
        unique, self._where = np.unique(d.obs * p + d.level, return_inverse=True)
        self.jac = sp.csr_array((np.ones(len(unique)), (unique // p, unique % p)), shape=(n, p))
        self.jac.sort_indices()
        self._design = d
        self._eta = np.empty_like(d.x)
        self._row, self._mean = np.empty(n), np.empty(n)
        self._share = np.empty_like(d.x)

    def linearise(self, b: Array) -> Array:
        """Mean at ``b``, shape (obs,); the Jacobian ``jac`` is taken there too."""
        d = self._design
        self._eta[:] = d.x
        self._row[:] = 0.0
        _add_effects(self._eta, self._row, d.obs, d.part, d.level, d.value, b)
        _softmax(self._eta, self._row, self._mean, self._share)
        _jacobian(self.jac.data, self._where, d.obs, d.part, d.value, self._share)
        return self._mean


class NormalEquations(Linearisation):
    """The factor of J'WJ + P for the levels that are free, on a sparsity pattern that is found once.

    Parameters
    ----------
    d : Design
    free : ndarray of bool, shape (level,), optional
        Levels to solve for; all others are held where they are. All by default.
    """

    def __init__(self, d: Design, free: NDArray[np.bool_] | None = None) -> None:
        super().__init__(d)
        self.free = np.ones(d.n_levels, dtype=bool) if free is None else free
        self._levels = np.flatnonzero(self.free)
        n, p = len(d.y), len(self._levels)
        entry = np.arange(1, len(self.jac.indices) + 1)
        free_part = sp.csr_array((entry, self.jac.indices, self.jac.indptr), shape=self.jac.shape)[:, self._levels]
        self._entries, self._entry_ptr, self._entry_col = free_part.data - 1, free_part.indptr, free_part.indices
        index = np.arange(1, len(self._entries) + 1)
        transposed = sp.csc_array((index, self._entry_col, self._entry_ptr), shape=(p, n)).tocsr()
        self._t_ptr, self._t_row, self._t_where = transposed.indptr, transposed.indices, transposed.data - 1
        binary = free_part.astype(bool)
        pattern = (binary.T @ binary).tocsr() + sp.eye_array(p, dtype=bool, format="csr")
        upper = sp.csr_array(sp.triu(pattern, format="csr"))
        upper.sort_indices()
        self._ptr, self._col = upper.indptr, upper.indices
        self._factor = cholesky()
        self._shape = (p, p)
        self.diagonal = np.ones(d.n_levels)

    def factorise(self, weight: Array, precision: Array) -> None:
        """Factorise J' diag(weight) J + diag(precision)."""
        normal = np.empty(len(self._col))
        _normal_matrix(
            normal, self._ptr, self._col, self._entry_ptr, self._entry_col, self.jac.data[self._entries],
            self._t_ptr, self._t_row, self._t_where, weight, precision[self._levels], numba.get_num_threads(),
        )  # fmt: skip
        self.diagonal = np.where(self.free, 1.0, precision)
        self.diagonal[self._levels] = normal[self._ptr[:-1]]
        self._factor.factorise(sp.csr_matrix((normal, self._col, self._ptr), shape=self._shape))

    def solve(self, v: Array) -> Array:
        """Solve with the factor, shape of ``v``: 0 where a level is held."""
        out = np.zeros_like(v)
        out[self._levels] = self._factor.solve(np.ascontiguousarray(v[self._levels]))
        return out

    def transposed_product(self, v: Array) -> Array:
        """J'v."""
        return np.asarray(self.jac.T @ v)

    def product(self, v: Array) -> Array:
        """J v."""
        return np.asarray(self.jac @ v)
