"""Posterior predictive draws of latency, throughput and memory for any rows, and their quantiles.

Two ways lead to the same bits: NumPy (:mod:`hwpredict.performance.plain`), which needs nothing else, and a kernel
compiled by numba (:mod:`hwpredict.performance.kernel`), which is some thirty times as fast and costs a second or more
to import. A call takes the kernel where it has :data:`WORTH_COMPILING` draws to make; as no figure depends on the way,
nor on chunks or threads, that choice never shows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance import plain, rows as r
from hwpredict.performance.layout import Layout
from hwpredict.performance.parts import PARTS
from hwpredict.performance.plain import Figures
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.prepare import Prepared, prepare

Array = NDArray[np.float64]
Draws = NDArray[np.float32]

#: Rows times draws from which on the kernel is worth its import.
WORTH_COMPILING = 1_000_000
#: Rows that NumPy computes at a time: bounds its arrays of (row, part, draw).
PLAIN_ROWS = 128
#: Rows that a thread hands to the kernel at a time: bounds the table of levels that the posterior has not seen.
KERNEL_ROWS = 4096

type Way = Callable[[Prepared, Layout, int, Sequence[float] | None, Figures], tuple[Draws, Draws]]


@dataclass(frozen=True)
class Prediction:
    """Joint predictive draws.

    Attributes
    ----------
    latency, throughput, memory : ndarray of float32, shape (row, draw)
        Milliseconds, items per second, MB. In every draw throughput = items · concurrency / latency.
    epistemic : ndarray, shape (row, 2)
        Share of the variance of log latency and of log memory that more data would remove.
    shares : ndarray, shape (row, part)
        Mean share of each time part in the step, and of each memory part in the peak.
    evidence : list of str, length row
    n_measurements : ndarray of int, shape (row,)
        Observations of the same model, device and precision.
    situation : ndarray of int, shape (row, 2)
        What of the row is new to the posterior's time and memory figures
        (:func:`hwpredict.performance.calibration.situations`).
    """

    latency: Draws
    throughput: Draws
    memory: Draws
    epistemic: Array
    shares: Array
    evidence: list[str]
    n_measurements: NDArray[np.int64]
    situation: NDArray[np.int64]


def predict(
    posterior: Posterior,
    rows: r.Table,
    *,
    draws: int = 256,
    seed: int = 0,
    calibrated: bool = True,
    point: Array | None = None,
    probabilities: Sequence[float] | None = None,
    compiled: bool | None = None,
    threads: int | None = None,
) -> Prediction:
    """Predict every row.

    Parameters
    ----------
    posterior : Posterior
    rows : dict of str to ndarray
        Output of :func:`hwpredict.performance.rows.table`; figures in it are not looked at.
    draws : int
        Predictive draws. The posterior's draws are repeated in order; noise and unseen levels are new in each.
    seed : int
        Seeds noise and unseen levels; equal seeds give equal draws, whatever the chunking and the other rows.
    calibrated : bool
        Whether the posterior's recalibration and the data sheet's limit are applied.
    point : ndarray, shape (row, 2), optional
        Log seconds of a step and log MB by the outside predictor that the posterior was fitted around.
    probabilities : sequence of float, optional
        Keep these quantiles of the draws and not the draws: ``latency``, ``throughput`` and ``memory`` then have the
        shape (row, quantile).
    compiled : bool, optional
        Whether the kernel draws; by default where it is worth it. The figures are the same.
    threads : int, optional
        Threads of the kernel; by default as many as there are processors for this process.

    Returns
    -------
    Prediction
    """
    n, width = r.length(rows), draws if probabilities is None else len(probabilities)
    chosen = draws > 1 and (n * draws >= WORTH_COMPILING if compiled is None else compiled)
    out = Prediction(
        **{name: np.empty((n, width), np.float32) for name in ("latency", "throughput", "memory")},
        epistemic=np.empty((n, 2)),
        shares=np.empty((n, len(PARTS))),
        evidence=[""] * n,
        n_measurements=np.empty(n, np.int64),
        situation=np.empty((n, 2), np.int64),
    )
    way = _kernel() if chosen else plain.draw
    size = KERNEL_ROWS if chosen else PLAIN_ROWS

    def chunk(start: int) -> None:
        s = slice(start, min(start + size, n))
        mine = {name: column[s] for name, column in rows.items()}
        figures = None if point is None else point[s]
        p = prepare(posterior, mine, draws=draws, seed=seed, calibrated=calibrated, point=figures)
        into = (out.latency[s], out.throughput[s], out.memory[s])
        out.shares[s], spread = way(p, posterior.layout, draws, probabilities, into)
        _fill(out, s, p, spread)

    starts = range(0, n, size)
    workers = min(threads or processors(), len(starts))
    if not chosen or workers < 2:
        for start in starts:
            chunk(start)
    else:  # the kernel lets go of the interpreter: one thread prepares while another one draws
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(chunk, starts))
    return out


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _kernel() -> Way:
    from hwpredict.performance import kernel  # with numba

    return kernel.draw


def _fill(out: Prediction, s: slice, p: Prepared, spread: Draws) -> None:
    """Put what is known of a chunk besides its draws where it belongs."""
    group = np.empty(len(p.order), np.int64)
    group[p.order] = np.repeat(np.arange(len(p.group_start) - 1), np.diff(p.group_start))
    noise = p.noise_range[p.noise_group[group]].astype(float) ** 2
    latent = spread.astype(float) ** 2
    out.epistemic[s] = latent / np.maximum(latent + noise, 1e-12)
    out.evidence[s] = [p.evidence[g] for g in group.tolist()]
    out.n_measurements[s] = p.n_measurements[group]
    out.situation[s] = p.situation[group]
