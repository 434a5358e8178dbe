"""Fitting: rows of measurements in, posterior out."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hwpredict import __version__
from hwpredict.errors import InvalidWorkloadError
from hwpredict.performance import rows as r
from hwpredict.performance.design import Design, design
from hwpredict.performance.engine import Laplace, laplace
from hwpredict.performance.outliers import outliers, write_report
from hwpredict.performance.parts import EFFECTS, Effect
from hwpredict.performance.posterior import DRAWS, Posterior
from hwpredict.performance.tables import of_one_table, powers

#: Newton and expectation-maximisation steps; the scales move by some per cent in the last ones.
ITERATIONS = 30
#: Newton steps for what single tables know, given what they share.
ITERATIONS_OF_TABLES = 20

Progress = Callable[[int, dict[str, float]], None]


def fit(
    frame: Any,
    *,
    iterations: int = ITERATIONS,
    draws: int = DRAWS,
    seed: int = 0,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    attrs: dict[str, Any] | None = None,
    effects: tuple[Effect, ...] = EFFECTS,
    point: Any = None,
    report: str | os.PathLike[str] | None = None,
) -> Posterior:
    """Fit the model to measurements.

    Where a table has more observations than it weighs as in what tables share (:mod:`hwpredict.performance.tables`),
    what it alone knows is fitted afterwards to all of its rows, in :data:`ITERATIONS_OF_TABLES` further steps.

    Parameters
    ----------
    frame : pandas.DataFrame or mapping of columns or list of mappings
        Rows in the measurement schema.
    iterations, draws, seed : int
    checkpoint : path, optional
        ``.npz`` that receives mode and scales after every iteration; if it exists and belongs to the same rows, the
        fit goes on from it. Those further steps are not in it: a fit that is stopped there begins them anew.
    progress : callable, optional
        Called with the iteration and its record (largest step, median absolute residual, seconds).
    attrs : dict, optional
        Provenance to keep with the posterior.
    effects : tuple of Effect
        The effects to fit.
    point : ndarray, shape (row, 2), optional
        Log seconds of a step and log MB by an outside predictor, in place of the parts.
    report : path, optional
        CSV that receives the measurements that the model finds hardest to believe
        (:func:`hwpredict.performance.outliers.outliers`).

    Returns
    -------
    Posterior

    Raises
    ------
    InvalidWorkloadError
        No row has a throughput, a latency or a memory figure.
    """
    rows = r.table(frame)
    if not r.length(rows) or not np.isfinite([rows[c] for c in ("throughput", "latency_ms", "memory_mb")]).any():
        raise InvalidWorkloadError(
            "nothing to fit: no row has a throughput, latency_ms or memory_mb; see the measurement schema in docs/"
        )
    d = design(rows, effects=effects, point=point)
    rng = np.random.default_rng(seed)
    start, done = _resume(checkpoint, d)

    power = powers(d)
    step = _after_each(progress, done, checkpoint)
    state = laplace(d, iterations=max(iterations - done, 1), rng=rng, start=start, power=power, progress=step)
    drawn = state.sample(draws, rng)
    if (power < 1).any():
        state = _finish(state, rng, _after_each(progress, iterations))
        drawn = state.sample(draws, rng, given=drawn)
    if report is not None:
        write_report(report, outliers(state, rows))
    sources = sorted(set(rows["source"].tolist()))
    provenance = {
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "hwpredict": __version__,
        "seed": seed,
        "iterations": iterations,
        "rows": r.length(rows),
        "observations": len(d.y),
        "levels": d.n_levels,
        "sources": sources,
    }
    return Posterior.from_laplace(state, *drawn, attrs=provenance | (attrs or {}))


def _after_each(
    progress: Progress | None, done: int, checkpoint: str | os.PathLike[str] | None = None
) -> Callable[[int, dict[str, float], Laplace], None]:
    """What to do after each iteration, ``done`` of which came before."""

    def step(iteration: int, record: dict[str, float], state: Laplace) -> None:
        if checkpoint is not None:
            _save_checkpoint(checkpoint, state.design, state, done + iteration + 1)
        if progress is not None:
            progress(done + iteration, record)

    return step


def _finish(
    shared: Laplace, rng: np.random.Generator, step: Callable[[int, dict[str, float], Laplace], None]
) -> Laplace:
    """Fit what single tables know to all of their rows, given what they share: see :mod:`.tables`."""
    d = shared.design
    start = (shared.mode, shared.scale, shared.noise)
    state = laplace(d, iterations=ITERATIONS_OF_TABLES, rng=rng, start=start, free=of_one_table(d), progress=step)
    state.history = shared.history + state.history
    return state


def _signature(d: Design) -> float:
    """What a checkpoint must share with a design to belong to it."""
    return float(len(d.y) * 1e6 + d.n_levels + np.sum(d.y))


def _save_checkpoint(path: str | os.PathLike[str], d: Design, state: Laplace, iteration: int) -> None:
    target = Path(path)
    temporary = target.with_suffix(f".{os.getpid()}.npz")
    np.savez(
        temporary,
        signature=_signature(d),
        iteration=iteration,
        mode=state.mode,
        scale=state.scale,
        noise=state.noise,
    )
    os.replace(temporary, target)


def _resume(path: str | os.PathLike[str] | None, d: Design) -> tuple[tuple[Any, Any, Any] | None, int]:
    if path is None or not Path(path).is_file():
        return None, 0
    with np.load(path) as saved:
        if float(saved["signature"]) != _signature(d):
            return None, 0
        return (saved["mode"], saved["scale"], saved["noise"]), int(saved["iteration"])
