"""Realised regret: what is lost by choosing by expected utility, by point estimates, and by rivals."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from choices.heldout import Context, Fold, contexts, logs, predicted, slo_of
from choices.point_rivals import log_memory, log_throughput
from hwpredict.evaluate.decisions import bootstrap, realised_regret
from hwpredict.performance import rows as r
from hwpredict.performance.posterior import Posterior

VIOLATION = np.log(10.0)  #: a broken SLO counts as a tenth of the speed
OOM = np.log(100.0)  #: running out of memory as a hundredth
GB = (4, 6, 8, 11, 16, 24, 40, 80)  #: capacities that memory is held against
TASKS = ("fastest", "fastest within an SLO")
#: Decisions that are reported by themselves too.
KINDS = ("timm", "language models")
#: What is one choice of a batch size.
ONE_DEVICE = ("model", "precision", "mode", "source", "device", "input_size", "n_devices")

type Regrets = dict[str, list[float]]


def regret(folds: Sequence[Fold], args: argparse.Namespace) -> dict[str, Any]:
    """Mean realised regret of four ways to choose, with a paired bootstrap against the first."""
    lost: dict[str, Regrets] = {task: {} for task in TASKS}
    kinds: dict[str, list[str]] = {task: [] for task in TASKS}
    for fold in folds:
        choose(fold, lost, kinds, args)
    out: dict[str, Any] = {}
    for task in TASKS:
        out[task] = report(task, lost[task])
        for kind in KINDS:
            of_kind = {m: [x for x, k in zip(v, kinds[task], strict=True) if k == kind] for m, v in lost[task].items()}
            out[f"{task}, {kind}"] = report(f"{task}, {kind}", of_kind)
    return out | {"largest batch in memory": batches(folds, args)}


def choose(fold: Fold, lost: dict[str, Regrets], kinds: dict[str, list[str]], args: argparse.Namespace) -> None:
    """Add the regrets of one fold, and what kind each decision is."""
    held = fold.held
    speed, latency = logs(predicted(fold.posterior, held, args))
    boosted, plain = log_throughput(r.take(fold.rows, ~fold.test), held, args)
    items = np.log(held["batch_size"]) + np.log(1e3)
    # a point predictor of throughput implies a latency: that of a synchronous loop
    methods: dict[str, tuple[np.ndarray, np.ndarray]] = {
        "expected utility": (speed, latency),
        "point estimate": (np.median(speed, axis=1)[:, None], np.median(latency, axis=1)[:, None]),
        "LightGBM median": (boosted[:, None], (items - boosted)[:, None]),
        "plain roofline": (plain[:, None], (items - plain)[:, None]),
    }
    for task in TASKS:
        mine = {m: lost[task].setdefault(m, []) for m in methods}
        for c in contexts(held):
            slo = None if task == "fastest" else slo_of(c) if np.isfinite(c.log_latency).all() else np.nan
            if slo is not None and np.isnan(slo):
                continue
            realised = c.log_speed - (0 if slo is None else VIOLATION * (c.log_latency > slo))
            kinds[task].append(c.kind)
            for name, (s, t) in methods.items():
                mine[name].append(realised_regret(realised, chosen_by(c, s[c.index], t[c.index], slo)))


def chosen_by(c: Context, speed: np.ndarray, latency: np.ndarray, slo: float | None) -> int:
    """Best option by draws of log throughput and log latency, shape (option, draw)."""
    value = speed if slo is None else speed - VIOLATION * (latency > slo)
    return int(value.mean(axis=1).argmax())


def batches(folds: Sequence[Fold], args: argparse.Namespace) -> dict[str, Any]:
    """Choose a batch for a device of so much memory: too large a one counts as a hundredth of the speed."""
    lost: Regrets = {}
    for fold in folds:
        rows = fold.rows
        sized = np.isfinite(rows["memory_mb"]) & (rows["memory_mb"] > 0) & np.isfinite(rows["batch_size"])
        held, train = r.take(rows, fold.test & sized), r.take(rows, ~fold.test & sized)
        if r.length(held) and r.length(train):
            choose_batch(held, train, fold.posterior, lost, args)
    return report("largest batch in memory", lost) if lost else {}


def choose_batch(held: r.Table, train: r.Table, posterior: Posterior, lost: Regrets, args: argparse.Namespace) -> None:
    """Add the regrets of one fold."""
    boosted, plain = log_memory(train, held, args)
    draws = np.log(predicted(posterior, held, args).memory.astype(float))
    methods = {
        "expected utility": draws,
        "point estimate": np.median(draws, axis=1)[:, None],
        "LightGBM median": boosted[:, None],
        "plain physics": plain[:, None],
    }
    groups: dict[str, dict[float, int]] = {}
    for i, key in enumerate(zip(*(held[c].tolist() for c in ONE_DEVICE), strict=True)):
        groups.setdefault("|".join(map(str, key)), {})[float(held["batch_size"][i])] = i
    for name in methods:
        lost.setdefault(name, [])
    for group in groups.values():
        index = np.array(list(group.values()))
        size, seen = np.log(list(group)), held["memory_mb"][index]
        for capacity in GB:
            fits = seen <= capacity * 1e3
            if fits.all() or not fits.any():
                continue
            realised = size - OOM * ~fits
            for name, x in methods.items():
                value = size - OOM * (x[index] > np.log(capacity * 1e3)).mean(axis=1)
                lost[name].append(realised_regret(realised, int(value.argmax())))


def report(task: str, lost: Regrets) -> dict[str, Any]:
    """Print mean regrets, and how much more than that of the first method they are."""
    first = next(iter(lost.values()))
    print(f"  {task}: {len(first)} decisions")
    for name, values in lost.items():
        gap = [a - b for a, b in zip(values, first, strict=True)]
        low, high = bootstrap(gap, lambda v: float(np.mean(v))) if gap else (np.nan, np.nan)
        mean, more = (float(np.mean(v)) if v else np.nan for v in (values, gap))
        print(f"    {name:<18} mean regret {mean:.4f}   more than by expected utility: {more:+.4f} "
              f"[{low:+.4f}, {high:+.4f}]", flush=True)  # fmt: skip
    return {"decisions": len(first)} | {m: float(np.mean(v)) if v else None for m, v in lost.items()}
