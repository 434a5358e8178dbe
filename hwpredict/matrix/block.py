"""One block of a matrix: rows of the schema in, medians, quantiles and probabilities out; the same anywhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.matrix.grid import Grid
from hwpredict.matrix.plan import Block, Plan
from hwpredict.performance import rows as r
from hwpredict.performance.cells import Cells, predict_cells, to_rows
from hwpredict.performance.notes import FORWARD
from hwpredict.performance.parts import TIME_PARTS
from hwpredict.performance.plain import sorted_quantiles
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import processors
from hwpredict.workload import Evidence, Metric

Draws = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]

#: Rows whose draws are sorted at a time: they fit a processor's cache.
PIECE = 512

#: Evidence as numbers (CF flags), weakest first; 0 marks a cell that has no prediction.
EVIDENCE_FLAGS: tuple[str, ...] = ("none", *(str(e) for e in reversed(Evidence)))


def compute_block(posterior: Posterior, plan: Plan, block: Block, threads: int | None = None) -> Arrays:
    """Predict the cells of one block.

    Parameters
    ----------
    posterior : Posterior
    plan : Plan
    block : tuple of slice
        One per dimension of the grid; all of the hardware.
    threads : int, optional
        As in :func:`hwpredict.performance.predictive.predict`.

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
    cells = predict_cells(
        posterior, rows, draws=plan.draws, seed=plan.seed, on_unknown=plan.on_unknown, threads=threads
    )
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
    _compare(plan, cells, where.reshape(*shape[:2], -1), out)
    return {name: a.reshape(shape + a.shape[1:]) for name, a in out.items()}


def compute_blocks(posterior: Posterior, plan: Plan, wanted: Sequence[Block]) -> Iterator[Arrays]:
    """Predict blocks, as many at a time as there are processors; the results in order.

    At most one block more than that waits to be taken, so memory stays bounded however slowly they are.
    """
    workers = min(processors(), len(wanted))
    if workers < 2:
        yield from (compute_block(posterior, plan, block) for block in wanted)
        return
    left = iter(wanted)
    with ThreadPoolExecutor(workers) as pool:
        running = deque(pool.submit(compute_block, posterior, plan, b, 1) for b in islice(left, workers + 1))
        try:
            while running:
                done = running.popleft().result()
                running.extend(pool.submit(compute_block, posterior, plan, b, 1) for b in islice(left, 1))
                yield done
        finally:  # the caller has had enough, or a block failed
            for future in running:
                future.cancel()


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
    families = {
        f: np.array([[bool(grid.blocked(f, t, x)) for x in precisions] for t in grid.targets])
        for f in {x.known_family for x in models}
    }
    blocked = np.stack([families[x.known_family] for x in models])
    absent = np.array([[bool(grid.inapplicable(x, y)) for y in phases] for x in models])
    runs = ~blocked[m, h, p] & ~absent[m, f]
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
    out = np.empty((len(draws), len(probabilities) + 1), np.float32)
    for start in range(0, len(draws), PIECE):
        piece = np.sort(draws[start : start + PIECE], axis=1)
        out[start : start + PIECE] = sorted_quantiles(piece, (*probabilities, 0.5))
    return out[:, :-1], out[:, -1]


def _compare(plan: Plan, cells: Cells, where: NDArray[np.int64], out: Arrays) -> None:
    """Fill in how hardware compares in every draw, model by model, so that their draws stay in the cache.

    Parameters
    ----------
    plan : Plan
    cells : Cells
    where : ndarray of int, shape (model, hardware, rest)
        Row of each cell, -1 where it cannot run.
    out : dict of str to ndarray, first dimension the cell
        ``p_best`` and, with a baseline, ``speedup`` and ``speedup_quantile`` are set.
    """
    p, baseline = cells.prediction, plan.grid.baseline
    for m, rows in enumerate(where):
        at = slice(m * rows.size, (m + 1) * rows.size)
        value = np.full((*rows.shape, p.throughput.shape[1]), np.nan, np.float32)
        runs = rows >= 0
        value[runs] = p.throughput[rows[runs]]
        if baseline is not None:
            faster = value / value[baseline]
            q, median = _quantiles(faster.reshape(rows.size, -1), plan.quantiles)
            q[~runs.reshape(-1)], median[~runs.reshape(-1)] = np.nan, np.nan
            out["speedup_quantile"][at], out["speedup"][at] = q, median
        out["p_best"][at] = _p_best(value, cells, rows).reshape(-1)


def _p_best(value: Draws, cells: Cells, rows: NDArray[np.int64]) -> Draws:
    """Probability that each hardware has the highest throughput of all that fit; NaN if it cannot run.

    ``value``, shape (hardware, rest, draw), is overwritten.
    """
    runs = rows >= 0
    mine = rows[runs]
    # an unknown capacity counts as enough
    over = cells.prediction.memory[mine] > cells.capacity[mine, None]
    value[runs] = np.where(over, -np.inf, value[runs])
    value[~runs] = -np.inf
    best = value.max(axis=0)
    share = ((value == best) & (best > -np.inf)).mean(axis=-1, dtype=np.float32)
    return np.where(runs, share, np.float32(np.nan))
