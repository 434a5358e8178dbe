r"""Fit the recalibration of a posterior on grouped folds, and report coverage before and after it.

    uv run python benchmarks/recalibrate.py DATA.parquet --posterior models/reference.nc [--out calibration.json]

Every fold leaves out a fifth of the sources, devices, models or cells, fits all other rows and predicts what was left
out, at most ``--cap`` rows of a source and ``--test`` in all: folds of times without the memory figures (some five
minutes each) and folds of memory alone, of which there can be more, for they take seconds. The factors that bring
held-out coverage to its level are written into the posterior. The scores "after" are those of factors fitted on the
other folds: no fold is scored with factors that saw it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.data import capped
from hwpredict.evaluate.recalibrate import recalibration
from hwpredict.evaluate.reliability import COLUMNS
from hwpredict.evaluate.scores import score
from hwpredict.evaluate.splits import grouped_split, split_keys
from hwpredict.performance import rows as r
from hwpredict.performance.covariates import covariates
from hwpredict.performance.design import observe
from hwpredict.performance.fit import fit
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import Prediction, predict
from hwpredict.store import read_measurements

FOLDS = "source:1,device:1,model:1,cell:1,source:2,device:2,model:2,source:3,source:4,device:3,model:3"
MEMORY_FOLDS = ",".join(f"{kind}:{seed}" for kind in ("source", "device", "model", "cell") for seed in range(1, 7))
TIMES = ("throughput", "latency_ms")


def of_times(rows: r.Table) -> r.Table:
    """Rows with a time, without their memory."""
    timed = np.isfinite(rows["throughput"]) | np.isfinite(rows["latency_ms"])
    return r.take(rows | {"memory_mb": np.full(r.length(rows), np.nan)}, timed)


def of_memory(rows: r.Table) -> r.Table:
    """Rows that tell of memory, by a figure or by the batch that filled a device, without their times."""
    untimed = rows | {name: np.full(r.length(rows), np.nan) for name in TIMES}
    tells = observe(untimed, covariates(untimed))
    return r.take(untimed, np.unique(tells.row))


def fold(
    rows: r.Table, labels: r.Table, drawn: np.ndarray, kind: str, seed: int, args: argparse.Namespace
) -> tuple[r.Table, Posterior]:
    """Those of the ``drawn`` rows that are held out, and a posterior that did not see their groups."""
    few_rows, few_labels = r.take(rows, drawn), r.take(labels, drawn)
    test = grouped_split(few_rows, kind, rng=np.random.default_rng(seed), labels=few_labels)
    keys = split_keys(rows, kind, labels).astype(str)
    train = ~np.isin(keys, np.unique(keys[drawn][test]))
    index = np.flatnonzero(test)
    if len(index) > args.test:
        index = np.sort(np.random.default_rng(0).choice(index, args.test, replace=False))
    posterior = fit(r.take(rows, train), iterations=args.iterations, draws=96, seed=seed)
    return r.take(few_rows, index), posterior


def held_out(
    rows: r.Table, names: str, args: argparse.Namespace
) -> Iterator[tuple[str, str, r.Table, Posterior, Prediction]]:
    """Name and kind of each fold ("model:1"), its held-out rows, its posterior and what that predicts of them."""
    labels, drawn = covariates(rows).labels, capped(rows["source"], args.cap, np.random.default_rng(0))
    for name in filter(None, names.split(",")):
        kind, seed = name.split(":")
        held, posterior = fold(rows, labels, drawn, kind, int(seed), args)
        yield name, kind, held, posterior, predict(posterior, held, draws=192, seed=1, calibrated=False)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of :func:`held_out`."""
    parser.add_argument("--cap", type=int, default=1200)
    parser.add_argument("--test", type=int, default=8000)
    parser.add_argument("--iterations", type=int, default=26)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--posterior", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--folds", default=FOLDS)
    parser.add_argument("--memory-folds", default=MEMORY_FOLDS)
    add_options(parser)
    args = parser.parse_args()
    everything = r.table(read_measurements(args.data))
    done: list[tuple[str, r.Table, Posterior, Prediction]] = []
    for names, part in ((args.memory_folds, of_memory), (args.folds, of_times)):
        began = time.perf_counter()
        for name, kind, held, posterior, p in held_out(part(everything), names, args):
            done.append((kind, held, posterior, p))
            print(f"{name}: {r.length(held)} rows held out, {time.perf_counter() - began:.0f} s", flush=True)
            began = time.perf_counter()
            factors = recalibration((h, p) for _, h, _, p in done)
            if args.out:
                args.out.write_text(json.dumps(factors.factors, indent=1))
    for i, (kind, held, posterior, p) in enumerate(done):
        others = recalibration((h, q) for j, (_, h, _, q) in enumerate(done) if j != i)
        after = predict(replace(posterior, calibration=others), held, draws=192, seed=1)
        for metric, column in COLUMNS.items():
            ok = np.isfinite(held[column]) & (held[column] > 0)
            if ok.sum() < 30:
                continue
            a, b = score(getattr(p, metric)[ok], held[column][ok]), score(getattr(after, metric)[ok], held[column][ok])
            print(
                f"{kind:<7} {metric:<10} n {a.n:>6}  CRPS {a.crps:.3f} -> {b.crps:.3f}  50 % {a.coverage50:.2f} -> "
                f"{b.coverage50:.2f}  90 % {a.coverage90:.2f} -> {b.coverage90:.2f}  "
                f"width {a.width90:.2f} -> {b.width90:.2f}",
                flush=True,
            )
    if args.posterior:
        replace(Posterior.load(args.posterior), calibration=factors).save(args.posterior)


if __name__ == "__main__":
    main()
