"""What is held out: rows that a fit may not see, the fit without them, and the decisions that they make up."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness import data
from hwpredict.evaluate.splits import grouped_folds, grouped_split, split_keys
from hwpredict.performance import rows as r
from hwpredict.performance.fit import fit
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import Prediction, predict

#: What makes one decision, and what are its options.
WORKLOAD = ("model", "mode", "item", "input_size", "sequence_length")
OPTION = ("device", "hardware", "precision", "runtime", "layout", "n_devices")
#: Fewest options of a decision.
LEAST = 3


@dataclass(frozen=True)
class Context:
    """One decision: what was measured for one workload.

    Attributes
    ----------
    index : ndarray of int
        Rows, one per option.
    log_speed, log_latency : ndarray, shape (option,)
        As measured; NaN where a figure is missing.
    kind : str
        "timm", "language models" or "other".
    """

    index: np.ndarray
    log_speed: np.ndarray
    log_latency: np.ndarray
    kind: str = "other"

    def take(self, some: np.ndarray) -> Context:
        """The same decision among fewer options."""
        return Context(self.index[some], self.log_speed[some], self.log_latency[some], self.kind)


def capped(rows: r.Table, args: argparse.Namespace) -> r.Table:
    """At most so many rows of each source: a fit has to end in minutes."""
    return r.take(rows, data.capped(rows["source"], args.rows_per_source, np.random.default_rng(args.seed)))


def fitted(path: Path | None, rows: r.Table, test: np.ndarray, args: argparse.Namespace) -> Posterior:
    """A posterior that was fitted without the test rows: the one given, or a fit with few iterations."""
    if path is not None:
        return Posterior.load(path)
    return fit(capped(r.take(rows, ~test), args), iterations=args.iterations, seed=args.seed)


@dataclass(frozen=True)
class Fold:
    """Rows of which some were held out, and a posterior that did not see these.

    Attributes
    ----------
    rows : dict of str to ndarray
        Without what is held out and not tested: that is not for rivals to learn from.
    test : ndarray of bool, shape (row,)
    posterior : Posterior
    """

    rows: r.Table
    test: np.ndarray
    posterior: Posterior

    @property
    def held(self) -> r.Table:
        """The rows that are tested."""
        return r.take(self.rows, self.test)


def folds(rows: r.Table, kind: str, path: Path | None, args: argparse.Namespace) -> list[Fold]:
    """One fold with a fifth of the groups held out, or as many as hold every group out once.

    Parameters
    ----------
    rows : dict of str to ndarray
    kind : str
        What is unseen: see :func:`hwpredict.evaluate.splits.split_keys`.
    path : Path or None
        A posterior that was fitted without the rows of the one fold.
    args : argparse.Namespace
    """
    names = split_keys(rows, kind)
    rng = np.random.default_rng(args.seed)
    if args.folds == 1:
        splits = [grouped_split(rows, kind, rng=rng)]
    else:
        fold = grouped_folds(names, args.folds, rng)
        splits = [fold == k for k in range(args.folds)]
    out = []
    for split in splits:
        test = sample_groups(names, split, args.test_rows, args.seed)
        seen = ~split | test
        out.append(Fold(r.take(rows, seen), test[seen], fitted(path, rows, split, args)))
    return out


def predicted(posterior: Posterior, rows: r.Table, args: argparse.Namespace) -> Prediction:
    """Draws of rows."""
    return predict(posterior, rows, draws=args.draws, seed=args.seed)


def logs(p: Prediction) -> tuple[np.ndarray, np.ndarray]:
    """Draws of log throughput and of log latency, shape (row, draw)."""
    return np.log(p.throughput.astype(float)), np.log(p.latency.astype(float))


def sample_groups(names: np.ndarray, test: np.ndarray, most: int, seed: int) -> np.ndarray:
    """The test rows, or whole groups of them drawn at random until there are about ``most``."""
    if not most or test.sum() <= most:
        return test
    order = np.array(sorted(set(names[test].tolist())), dtype=object)
    sizes = {name: int((test & (names == name)).sum()) for name in order}
    kept, total = set(), 0
    for name in np.random.default_rng(seed).permutation(order):
        if total >= most:
            break
        kept.add(name)
        total += sizes[name]
    return test & np.isin(names, list(kept))


def contexts(rows: r.Table, options: Sequence[str] = OPTION) -> Iterator[Context]:
    """Workloads that were measured on at least three options, the newest row of each option."""
    speed, latency = np.log(rows["throughput"]), np.log(rows["latency_ms"])
    # LLM rows compare at one batch; timm reports each option at its own largest batch
    batch = np.where(rows["model_family"] == "vision", 0.0, np.nan_to_num(rows["batch_size"]))
    names = ["|".join(map(str, k)) for k in zip(*(rows[c].tolist() for c in WORKLOAD), batch.tolist(), strict=True)]
    who = ["|".join(map(str, k)) for k in zip(*(rows[c].tolist() for c in options), strict=True)]
    groups: dict[str, dict[str, int]] = {}
    for i in np.flatnonzero(np.isfinite(speed)):
        groups.setdefault(names[i], {})[who[i]] = int(i)
    for group in groups.values():
        if len(group) >= LEAST:
            index = np.array(list(group.values()))
            yield Context(index, speed[index], latency[index], _kind(rows, index))


def _kind(rows: r.Table, index: np.ndarray) -> str:
    if (rows["source"][index] == "timm").all():
        return "timm"
    return "language models" if rows["model_family"][index[0]] == "text_generation" else "other"


def slo_of(c: Context) -> float:
    """A limit on log latency that half of the options keep."""
    return float(np.nanmedian(c.log_latency))
