"""Runs the methods on a task and keeps what they predicted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.cache import Cache, Entry
from harness.data import METRICS, Array
from harness.tasks import Index, Task
from hwpredict.evaluate.scores import cases, summarise
from hwpredict.performance import rows as r
from hwpredict.performance.fit import fit
from hwpredict.performance.predictive import predict
from rivals.base import Inputs
from rivals.conformal import calibrate
from rivals.table import CONFORMAL, MODEL, RIVALS, rival
from rivals.tuning import fit_tuned, fit_with, sample

#: Most rows that conformal prediction calibrates on.
_CALIBRATION = 4000


@dataclass(frozen=True)
class Run:
    """How to run.

    Attributes
    ----------
    methods : sequence of str
        Methods to run; the others are taken from the cache if they are there.
    metrics : sequence of str
    cache : Cache
    refresh : bool
        Whether to run methods again that the cache has.
    threads, seed, iterations, draws : int
        The last two are of hwpredict.
    min_rows : int
        Fewest training and test rows of a metric for it to be scored.
    """

    methods: Sequence[str]
    metrics: Sequence[str]
    cache: Cache
    refresh: bool = False
    threads: int = 1
    seed: int = 0
    iterations: int = 18
    draws: int = 400
    min_rows: int = 30


def inputs(task: Task, rows: Index) -> Inputs:
    """What rivals see of some rows of the data."""
    return Inputs(task.data.numbers, task.data.labels).take(rows)


def usable(task: Task, metric: str, run: Run) -> tuple[Index, Index, Array] | None:
    """Training and test rows that have the metric, and the log figure of all rows; None if there are too few."""
    y = task.data.log_figure(metric)
    train, test = task.train[np.isfinite(y[task.train])], task.test[np.isfinite(y[task.test])]
    return (train, test, y) if min(len(train), len(test)) >= run.min_rows else None


def run_task(task: Task, run: Run) -> None:
    """Run what is missing in the cache."""
    mark = task.fingerprint()
    metrics = [m for m in run.metrics if usable(task, m, run) is not None]

    def wanted(metric: str, method: str) -> bool:
        return method in run.methods and (run.refresh or run.cache.get(task.slug, mark, metric, method) is None)

    for metric in metrics:
        for method in [*RIVALS, CONFORMAL]:
            if wanted(metric, method):
                if method == CONFORMAL:
                    entry = run_conformal(task, metric, run, mark)
                else:
                    entry = run_rival(task, metric, method, run)
                keep(task, mark, metric, method, entry, run)
    if any(wanted(metric, MODEL) for metric in metrics):
        for metric, entry in run_model(task, metrics, run).items():
            keep(task, mark, metric, MODEL, entry, run)


def keep(task: Task, mark: str, metric: str, method: str, entry: Entry, run: Run) -> None:
    """Put an entry into the cache and say how good it is."""
    run.cache.put(task.slug, mark, metric, method, entry)
    s = summarise(entry.cases)
    print(
        f"{task.split} · {task.part} · {metric:<10} {method:<18} n {s.n:>6}  medAPE {s.medape:8.1%}  "
        f"CRPS {s.crps:6.3f}  50 % {s.coverage50:.2f}  90 % {s.coverage90:.2f}  width {s.width90:5.2f}  "
        f"{entry.about['train_rows']:>6} rows {entry.about['cpu_seconds']:6.1f} s {entry.about.get('options', '')}",
        flush=True,
    )


def run_rival(task: Task, metric: str, method: str, run: Run) -> Entry:
    """Tune and fit a rival on the training rows of a metric and predict the test rows."""
    found = usable(task, metric, run)
    assert found is not None  # run_task asks first
    train, test, y = found
    began = time.process_time()
    tuned = fit_tuned(
        rival(method),
        inputs(task, train),
        y[train],
        lambda rows, rng: task.inner(train[rows], rng),
        metric=metric,
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


def run_conformal(task: Task, metric: str, run: Run, mark: str) -> Entry:
    """Split conformal prediction around the rival that did best on the inner fold."""
    found = usable(task, metric, run)
    assert found is not None  # run_task asks first
    train, test, y = found
    known = {name: run.cache.get(task.slug, mark, metric, name) for name in RIVALS}
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
        metric=metric,
        threads=run.threads,
        seed=run.seed,
    )
    predictor = calibrate(base, inputs(task, calibration), y[calibration])
    about = {"options": {"base": best}, "train_rows": len(fitted) + len(calibration)}
    reduced = cases(predictor(inputs(task, test)), y[test], fair=False)
    return Entry(test, reduced, about | {"cpu_seconds": time.process_time() - began})


def run_model(task: Task, metrics: Sequence[str], run: Run) -> dict[str, Entry]:
    """Fit hwpredict on all training rows and predict every metric of the test rows."""
    began = time.process_time()
    rows = task.data.rows
    posterior = fit(r.take(rows, task.train), iterations=run.iterations, seed=run.seed)
    fitted = time.process_time() - began
    held = r.take(rows, task.test)
    p = predict(posterior, held, draws=run.draws, seed=run.seed + 1)
    about: dict[str, Any] = {"train_rows": len(task.train), "cpu_seconds": time.process_time() - began}
    about |= {"options": {"iterations": run.iterations}, "fit_seconds": fitted}
    out = {}
    for metric in metrics:
        y = task.data.log_figure(metric)[task.test]
        ok = np.isfinite(y)
        out[metric] = Entry(task.test[ok], cases(np.log(getattr(p, metric)[ok]), y[ok]), about)
    return out


def collect(
    tasks: Sequence[Task], run: Run, methods: Sequence[str]
) -> dict[tuple[str, str, str], list[tuple[Task, Entry]]]:
    """What the cache knows of the tasks: (split, metric, method) to the entries of the parts.

    A method counts only where it predicted every part of the split, so that all are scored on the same rows.
    """
    out: dict[tuple[str, str, str], list[tuple[Task, Entry]]] = {}
    for split in dict.fromkeys(t.split for t in tasks):
        mine = [(t, t.fingerprint()) for t in tasks if t.split == split]
        for metric in METRICS:
            parts = [(t, mark) for t, mark in mine if usable(t, metric, run) is not None]
            for method in methods if parts else ():
                entries = [(t, run.cache.get(t.slug, mark, metric, method)) for t, mark in parts]
                found = [(t, e) for t, e in entries if e is not None]
                if len(found) == len(parts):
                    out[split, metric, method] = found
                elif found:
                    print(f"{split} · {metric} · {method}: {len(found)} of {len(parts)} parts done, left out")
    return out
