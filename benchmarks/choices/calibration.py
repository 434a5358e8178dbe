"""P(best), P(feasible) and P(fits) against what was measured."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from choices.heldout import LEAST, contexts, logs
from choices.regret import GB
from hwpredict.evaluate.decisions import reliability, worst
from hwpredict.evaluate.recalibrate import recalibration
from hwpredict.performance import rows as r
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import Prediction, predict
from recalibrate import stretched

EVENTS = ("P(best)", "P(feasible)", "P(fits)")
#: Limits that people write: 1, 2 or 5 times a power of ten.
ROUND = np.log(np.outer(10.0 ** np.arange(-4, 8), (1, 2, 5)).ravel())

type Cases = dict[str, tuple[list[float], list[bool]]]


def calibration(rows: r.Table, test: np.ndarray, posterior: Posterior, args: argparse.Namespace) -> dict[str, Any]:
    """Stated probabilities in ten bins, beside how often the event came true, without and with recalibration.

    Draws that ship are recalibrated on folds of their own. Here the held-out models are halved, and the draws of either
    half are stretched by what the other half says.
    """
    held = r.take(rows, test)
    p = predict(posterior, held, draws=args.draws, seed=args.seed, calibrated=False)
    plain = cases(held, p)
    after: Cases = {event: ([], []) for event in EVENTS}
    for learn, judge in halves(held["model"], args.seed):
        if not judge.any():
            continue
        factors = recalibration([(r.take(held, learn), of_rows(p, learn))] if learn.any() else [])
        mine, q = r.take(held, judge), of_rows(p, judge)
        for event, (stated, came) in cases(mine, replace(q, **stretched(q, mine, factors))).items():
            after[event][0].extend(stated)
            after[event][1].extend(came)
    return report(plain, "as drawn") | {"recalibrated": report(after, "recalibrated on the other half of the models")}


def halves(models: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn from and rows to judge, twice: no model is on both sides."""
    names = np.random.default_rng(seed).permutation(sorted(set(models.tolist())))
    first = np.isin(models, names[: len(names) // 2])
    yield first, ~first
    yield ~first, first


def of_rows(p: Prediction, some: np.ndarray) -> Prediction:
    """The prediction of some of the rows."""
    return Prediction(
        p.latency[some], p.throughput[some], p.memory[some], p.epistemic[some], p.shares[some],
        np.array(p.evidence)[some].tolist(), p.n_measurements[some], p.situation[some],
    )  # fmt: skip


def cases(held: r.Table, p: Prediction) -> Cases:
    """Stated probability of every event, and whether it came true."""
    speed, latency = logs(p)
    out: Cases = {event: ([], []) for event in EVENTS}

    def add(event: str, stated: np.ndarray, came: np.ndarray) -> None:
        out[event][0].extend(stated.tolist())
        out[event][1].extend(came.tolist())

    for c in contexts(held):
        s = speed[c.index]
        add("P(best)", (s == s.max(axis=0)).mean(axis=1), c.log_speed == c.log_speed.max())
        ok = np.isfinite(c.log_latency)
        if ok.sum() >= LEAST:
            mine = latency[c.index[ok]]
            limit = round_limit(mine)
            add("P(feasible)", (mine <= limit).mean(axis=1), c.log_latency[ok] <= limit)
    seen = held["memory_mb"]
    known = np.isfinite(seen) & (seen > 0)
    for size in GB:
        add("P(fits)", (p.memory[known] <= size * 1e3).mean(axis=1), seen[known] <= size * 1e3)
    return out


def round_limit(latency: np.ndarray) -> float:
    """A limit on log latency as a user sets it beforehand: the round number next to what is predicted.

    A limit taken from what was measured (the median of the options, say) is kept by the option that sets it, whatever
    was stated: with three options, one case in three would come true by construction.

    Parameters
    ----------
    latency : ndarray, shape (option, draw)
        Draws of log latency.
    """
    middle = np.median(np.median(latency, axis=1))
    return float(ROUND[np.abs(ROUND - middle).argmin()])


def report(found: Cases, how: str) -> dict[str, Any]:
    """Print and return the bins of each event."""
    out: dict[str, Any] = {}
    print(f"  {how}")
    for name, (stated, came) in found.items():
        bins = reliability(np.array(stated), np.array(came))
        print(f"  {name}: {len(stated)} cases, worst bin of at least 100 off by {worst(bins):.3f}")
        for b in bins:
            print(f"    {b.low:.1f}-{b.high:.1f}  n {b.n:>6}  stated {b.stated:.3f}  observed {b.observed:.3f}")
        out[name] = {"worst": worst(bins), "bins": [asdict(b) for b in bins]}
    return out
