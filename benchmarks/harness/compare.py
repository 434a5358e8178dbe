"""Runs the methods on a task and keeps what they predicted."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from harness.cache import Cache, Entry
from harness.data import Array, Target
from harness.tasks import Index, Task, capped_test
from hwpredict.evaluate.recalibrate import recalibration
from hwpredict.evaluate.scores import cases, summarise
from hwpredict.performance import rows as r
from hwpredict.performance.calibration import Calibration
from hwpredict.performance.fit import fit
from hwpredict.performance.predictive import predict
from rivals.base import Inputs
from rivals.conformal import calibrate
from rivals.table import CONFORMAL, MODEL, RIVALS, rival
from rivals.tuning import fit_tuned, fit_with, sample

#: Most rows that conformal prediction calibrates on.
_CALIBRATION = 4000
#: Inner folds that hwpredict's recalibration is fitted on.
INNER_FOLDS = 3


@dataclass(frozen=True)
class Run:
    """How to run.

    Attributes
    ----------
    methods : sequence of str
        Methods to run; the others are taken from the cache if they are there.
    targets : sequence of Target
    cache : Cache
    refresh : bool
        Whether to run methods again that the cache has.
    threads, seed, iterations, draws : int
        The last two are of hwpredict.
    calibration : str
        Recalibration of hwpredict: none, inner (see :func:`inner_calibration`) or a JSON file of factors.
    min_rows : int
        Fewest training and test rows of a target for it to be scored.
    """

    methods: Sequence[str]
    targets: Sequence[Target]
    cache: Cache
    refresh: bool = False
    threads: int = 1
    seed: int = 0
    iterations: int = 18
    draws: int = 400
    calibration: str = "none"
    min_rows: int = 30


def inputs(task: Task, rows: Index) -> Inputs:
    """What rivals see of some rows of the data."""
    return Inputs(task.data.numbers, task.data.labels).take(rows)


def usable(task: Task, target: Target, run: Run) -> tuple[Index, Index, Array] | None:
    """Training and test rows that have the target, and the log figure of all rows; None if there are too few."""
    y = task.data.log_figure(target)
    train, test = task.train[np.isfinite(y[task.train])], task.test[np.isfinite(y[task.test])]
    return (train, test, y) if min(len(train), len(test)) >= run.min_rows else None


def run_task(task: Task, run: Run) -> None:
    """Run what is missing in the cache."""
    mark = task.fingerprint()
    targets = [t for t in run.targets if usable(task, t, run) is not None]

    def wanted(target: Target, method: str) -> bool:
        return method in run.methods and (run.refresh or run.cache.get(task.slug, mark, target.name, method) is None)

    for target in targets:
        for method in [*RIVALS, CONFORMAL]:
            if wanted(target, method):
                with threadpool_limits(run.threads):  # idle workers of linear algebra spin
                    if method == CONFORMAL:
                        entry = run_conformal(task, target, run, mark)
                    else:
                        entry = run_rival(task, target, method, run)
                keep(task, mark, target, method, entry, run)
    if any(wanted(target, MODEL) for target in targets):
        for target, entry in run_model(task, targets, run).items():
            keep(task, mark, target, MODEL, entry, run)


def keep(task: Task, mark: str, target: Target, method: str, entry: Entry, run: Run) -> None:
    """Put an entry into the cache and say how good it is."""
    run.cache.put(task.slug, mark, target.name, method, entry)
    s = summarise(entry.cases)
    print(
        f"{task.split} · {task.part} · {target.name:<10} {method:<18} n {s.n:>6}  medAPE {s.medape:8.1%}  "
        f"CRPS {s.crps:6.3f}  50 % {s.coverage50:.2f}  90 % {s.coverage90:.2f}  width {s.width90:5.2f}  "
        f"{entry.about['train_rows']:>6} rows {entry.about['cpu_seconds']:6.1f} s {entry.about.get('options', '')}",
        flush=True,
    )


def run_rival(task: Task, target: Target, method: str, run: Run) -> Entry:
    """Tune and fit a rival on the training rows of a target and predict the test rows."""
    found = usable(task, target, run)
    assert found is not None  # run_task asks first
    train, test, y = found
    began = time.process_time()
    tuned = fit_tuned(
        rival(method),
        inputs(task, train),
        y[train],
        lambda rows, rng: task.inner(train[rows], rng),
        metric=target.metric,
        threads=run.threads,
        seed=run.seed,
    )
    reduced = cases(tuned.predict(inputs(task, test)), y[test], fair=False)
    about = {
        "options": tuned.options,
        "inner_crps": tuned.inner_crps,
        "train_rows": tuned.rows,
        "cpu_seconds": time.process_time() - began,
    }
    return Entry(test, reduced, about)


def run_conformal(task: Task, target: Target, run: Run, mark: str) -> Entry:
    """Split conformal prediction around the rival that did best on the inner fold."""
    found = usable(task, target, run)
    assert found is not None  # run_task asks first
    train, test, y = found
    known = {name: run.cache.get(task.slug, mark, target.name, name) for name in RIVALS}
    done = {name: entry.about for name, entry in known.items() if entry is not None}
    if not done:
        raise SystemExit(f"{CONFORMAL} wraps the best of the other rivals: run them first (--methods rivals)")
    best = min(done, key=lambda name: done[name]["inner_crps"])
    began = time.process_time()
    rng = np.random.default_rng(run.seed + 2)
    proper, held = task.inner(train, rng)
    fitted, calibration = train[proper], train[held]
    fitted = fitted[sample(len(fitted), rival(best).max_rows, rng)]
    calibration = calibration[sample(len(calibration), _CALIBRATION, rng)]
    base = fit_with(
        rival(best),
        done[best]["options"],
        inputs(task, fitted),
        y[fitted],
        metric=target.metric,
        threads=run.threads,
        seed=run.seed,
    )
    predictor = calibrate(base, inputs(task, calibration), y[calibration])
    about = {"options": {"base": best}, "train_rows": len(fitted) + len(calibration)}
    reduced = cases(predictor(inputs(task, test)), y[test], fair=False)
    return Entry(test, reduced, about | {"cpu_seconds": time.process_time() - began})


def factors(task: Task, run: Run) -> Calibration:
    """Recalibration that the run asks for."""
    if run.calibration == "none":
        return Calibration({})
    if run.calibration == "inner":
        return inner_calibration(task, run)
    read = json.loads(Path(run.calibration).read_text(encoding="utf-8"))
    return Calibration({name: (float(core), float(tail)) for name, (core, tail) in read.items()})


def inner_calibration(task: Task, run: Run) -> Calibration:
    """Factors from inner folds of the training rows: of other fits, which did not see what the factors are from."""
    rows, folds = task.data.rows, []
    for k in range(INNER_FOLDS):
        proper, held = task.inner(task.train, np.random.default_rng(run.seed + 2 + k))
        posterior = fit(r.take(rows, task.train[proper]), iterations=run.iterations, seed=run.seed)
        out = r.take(rows, capped_test(task.train[held], run.seed))
        folds.append((out, predict(posterior, out, draws=run.draws, seed=run.seed + 1, calibrated=False)))
    return recalibration(folds)


def run_model(task: Task, targets: Sequence[Target], run: Run) -> dict[Target, Entry]:
    """Fit hwpredict on all training rows and predict every target of the test rows."""
    began = time.process_time()
    rows = task.data.rows
    posterior = fit(r.take(rows, task.train), iterations=run.iterations, seed=run.seed)
    fitted = time.process_time() - began
    posterior = replace(posterior, calibration=factors(task, run))
    held = r.take(rows, task.test)
    p = predict(posterior, held, draws=run.draws, seed=run.seed + 1)
    about: dict[str, Any] = {"train_rows": len(task.train), "cpu_seconds": time.process_time() - began}
    options = {"iterations": run.iterations, "calibration": run.calibration}
    about |= {"options": options, "fit_seconds": fitted}
    out = {}
    for target in targets:
        y = task.data.log_figure(target)[task.test]
        ok = np.isfinite(y)
        out[target] = Entry(task.test[ok], cases(np.log(getattr(p, target.metric)[ok]), y[ok]), about)
    return out


def collect(
    tasks: Sequence[Task], run: Run, methods: Sequence[str]
) -> dict[tuple[str, str, str], list[tuple[Task, Entry]]]:
    """What the cache knows of the tasks: (split, target, method) to the entries of the parts.

    A method counts only where it predicted every part of the split, so that all are scored on the same rows.
    """
    out: dict[tuple[str, str, str], list[tuple[Task, Entry]]] = {}
    for split in dict.fromkeys(t.split for t in tasks):
        mine = [(t, t.fingerprint()) for t in tasks if t.split == split]
        for target in run.targets:
            parts = [(t, mark) for t, mark in mine if usable(t, target, run) is not None]
            for method in methods if parts else ():
                entries = [(t, run.cache.get(t.slug, mark, target.name, method)) for t, mark in parts]
                found = [(t, e) for t, e in entries if e is not None]
                if len(found) == len(parts):
                    out[split, target.name, method] = found
                elif found:
                    print(f"{split} · {target.name} · {method}: {len(found)} of {len(parts)} parts done, left out")
    return out
