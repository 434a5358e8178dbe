"""One block of a matrix: rows of the schema in, medians, quantiles and probabilities out; the same anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.matrix.grid import Grid
from hwpredict.matrix.plan import Block, Plan
from hwpredict.performance import rows as r
from hwpredict.performance.cells import Cells, predict_cells, to_rows
from hwpredict.performance.notes import FORWARD
from hwpredict.performance.parts import TIME_PARTS
from hwpredict.performance.posterior import Posterior
from hwpredict.workload import Evidence, Metric

Draws = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]

#: Evidence as numbers (CF flags), weakest first; 0 marks a cell that has no prediction.
EVIDENCE_FLAGS: tuple[str, ...] = ("none", *(str(e) for e in reversed(Evidence)))


def compute_block(posterior: Posterior, plan: Plan, block: Block) -> Arrays:
    """Predict the cells of one block.

    Parameters
    ----------
    posterior : Posterior
    plan : Plan
    block : tuple of slice
        One per dimension of the grid; all of the hardware.

    Returns
    -------
    dict of str to ndarray
        The variables of :data:`hwpredict.matrix.dataset.VARIABLES` that the plan asks for, of the block's shape (and
        ``quantile``, ``part`` or ``draw``); NaN where a cell cannot run.
    """
    grid, shape = plan.grid, tuple(s.stop - s.start for s in block)
    rows, where, runs = block_rows(grid, block)
    n = len(runs)
    out = _empty(plan, n)
    if not runs.any():
        return {name: a.reshape(shape + a.shape[1:]) for name, a in out.items()}
    cells = predict_cells(posterior, rows, draws=plan.draws, seed=plan.seed, on_unknown=plan.on_unknown)
    p, at = cells.prediction, where[runs]
    for metric in Metric:
        draws = getattr(p, str(metric))
        q, median = _quantiles(draws, plan.quantiles)
        out[f"{metric}_quantile"][runs], out[str(metric)][runs] = q[at], median[at]
        if plan.keep_draws:
            out[f"{metric}_draw"][runs] = draws[at]
    out["p_fits"][runs] = cells.fits[at]
    out["epistemic_share"][runs] = p.epistemic[at, 0]
    out["time_share"][runs] = p.shares[at, : len(TIME_PARTS)]
    out["n_measurements"][runs] = p.n_measurements[at]
    out["evidence"][runs] = np.array([EVIDENCE_FLAGS.index(e) for e in p.evidence], np.int8)[at]
    folded = (*shape[:2], -1)  # (model, hardware, everything else)
    out["p_best"][:] = _p_best(cells, where, runs, folded).reshape(-1)
    if grid.baseline is not None:
        speedup = _speedup(cells, where, runs, folded, grid.baseline)
        q, median = _quantiles(speedup, plan.quantiles)
        out["speedup_quantile"][runs], out["speedup"][runs] = q[runs], median[runs]
    return {name: a.reshape(shape + a.shape[1:]) for name, a in out.items()}


def block_rows(grid: Grid, block: Block) -> tuple[r.Table, NDArray[np.int64], NDArray[np.bool_]]:
    """Rows to predict for a block, each distinct one once.

    Returns
    -------
    rows : dict of str to ndarray, shape (row,)
    where : ndarray of int, shape (cell,)
        Row of each cell of the block, in row-major order; -1 where it cannot run.
    runs : ndarray of bool, shape (cell,)
    """
    grid.register()
    models, precisions = grid.models[block[0]], grid.precisions[block[2]]
    lengths, batches = grid.sequence_lengths[block[4]], np.array(grid.batch_sizes[block[3]], float)
    phases = grid.phases[block[5]] if grid.phases else (FORWARD,)
    sizes = (len(models), len(grid.targets), len(precisions), len(batches), len(lengths), len(phases))
    m, h, p, b, s, f = np.unravel_index(np.arange(int(np.prod(sizes))), sizes)
    blocked = np.array([[bool(grid.blocked(t, x)) for x in precisions] for t in grid.targets])
    absent = np.array([[bool(grid.inapplicable(x, y)) for y in phases] for x in models])
    runs = ~blocked[h, p] & ~absent[m, f]
    works = [grid.workload(x, y, z, w) for x in models for y in precisions for z in lengths for w in phases]
    base = to_rows([(work, target) for work in works for target in grid.targets])

    def origin(length: NDArray[np.intp]) -> NDArray[np.intp]:
        work = np.ravel_multi_index((m, p, length, f), (sizes[0], sizes[2], sizes[4], sizes[5]))
        return np.asarray(work * sizes[1] + h)

    s = np.where(np.isnan(base["sequence_length"][origin(s)]), 0, s)  # what has no length is predicted once
    cell = np.ravel_multi_index((m, h, p, b, s, f), sizes)
    needed, row = np.unique(cell[runs], return_inverse=True)
    where = np.full(len(cell), -1)
    where[runs] = row
    rows = r.take(base, origin(s)[needed])
    rows["batch_size"] = batches[b[needed]]
    return rows, where, runs


def _empty(plan: Plan, n: int) -> Arrays:
    """Variables with nothing in them yet, first dimension the cell."""
    names = [str(m) for m in Metric] + (["speedup"] if plan.grid.baseline is not None else [])
    out: Arrays = {name: np.full(n, np.nan, np.float32) for name in (*names, "p_fits", "p_best", "epistemic_share")}
    out |= {f"{name}_quantile": np.full((n, len(plan.quantiles)), np.nan, np.float32) for name in names}
    out["time_share"] = np.full((n, len(TIME_PARTS)), np.nan, np.float32)
    out["n_measurements"] = np.zeros(n, np.int32)
    out["evidence"] = np.zeros(n, np.int8)
    if plan.keep_draws:
        out |= {f"{m}_draw": np.full((n, plan.draws), np.nan, np.float32) for m in Metric}
    return out


def _quantiles(draws: Draws, probabilities: tuple[float, ...]) -> tuple[Draws, Draws]:
    """Quantiles, shape (row, quantile), and median, shape (row,), linear between order statistics."""
    ordered = np.sort(draws, axis=1)
    place = np.array([*probabilities, 0.5]) * (draws.shape[1] - 1)
    low = np.floor(place).astype(int)
    weight = (place - low).astype(np.float32)
    a, b = ordered[:, low], ordered[:, np.minimum(low + 1, draws.shape[1] - 1)]
    value = a + (b - a) * weight
    return value[:, :-1], value[:, -1]


def _unfold(values: Draws, where: NDArray[np.int64], runs: NDArray[np.bool_], folded: tuple[int, ...]) -> Draws:
    """Draws of rows as (model, hardware, rest, draw), NaN where a cell cannot run."""
    full = np.full((len(where), values.shape[1]), np.nan, np.float32)
    full[runs] = values[where[runs]]
    return full.reshape(*folded, values.shape[1])


def _p_best(cells: Cells, where: NDArray[np.int64], runs: NDArray[np.bool_], folded: tuple[int, ...]) -> Draws:
    """Probability that each hardware has the highest throughput of all that fit; NaN if it cannot run."""
    p = cells.prediction
    fits = ~(p.memory > cells.capacity[:, None])  # an unknown capacity counts as enough
    value = _unfold(np.where(fits, p.throughput, np.float32(-np.inf)), where, runs, folded)
    best = np.where(np.isnan(value), -np.inf, value).max(axis=1, keepdims=True)
    share = ((value == best) & np.isfinite(value)).mean(axis=-1, dtype=np.float32)
    return np.where(runs.reshape(share.shape), share, np.float32(np.nan))


def _speedup(
    cells: Cells, where: NDArray[np.int64], runs: NDArray[np.bool_], folded: tuple[int, ...], baseline: int
) -> Draws:
    """Throughput over that of the baseline hardware, draw by draw, shape (cell, draw)."""
    value = _unfold(cells.prediction.throughput, where, runs, folded)
    return np.asarray(value / value[:, baseline : baseline + 1]).reshape(len(where), -1)
