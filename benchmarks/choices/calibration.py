"""P(best), P(feasible) and P(fits) against what was measured."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

import numpy as np

from choices.heldout import LEAST, contexts, logs, predicted, slo_of
from choices.regret import GB
from hwpredict.evaluate.decisions import reliability, worst
from hwpredict.performance import rows as r
from hwpredict.performance.posterior import Posterior


def calibration(rows: r.Table, test: np.ndarray, posterior: Posterior, args: argparse.Namespace) -> dict[str, Any]:
    """Stated probabilities in ten bins, beside how often the event came true."""
    held = r.take(rows, test)
    p = predicted(posterior, held, args)
    speed, latency = logs(p)
    stated: dict[str, list[float]] = {"P(best)": [], "P(feasible)": [], "P(fits)": []}
    came: dict[str, list[bool]] = {k: [] for k in stated}
    for c in contexts(held):
        s = speed[c.index]
        stated["P(best)"] += (s == s.max(axis=0)).mean(axis=1).tolist()
        came["P(best)"] += (c.log_speed == c.log_speed.max()).tolist()
        ok = np.isfinite(c.log_latency)
        if ok.sum() >= LEAST:
            limit = slo_of(c)
            stated["P(feasible)"] += (latency[c.index[ok]] <= limit).mean(axis=1).tolist()
            came["P(feasible)"] += (c.log_latency[ok] <= limit).tolist()
    seen = held["memory_mb"]
    known = np.isfinite(seen) & (seen > 0)
    for size in GB:
        stated["P(fits)"] += (p.memory[known] <= size * 1e3).mean(axis=1).tolist()
        came["P(fits)"] += (seen[known] <= size * 1e3).tolist()
    out = {}
    for name, values in stated.items():
        bins = reliability(np.array(values), np.array(came[name]))
        print(f"  {name}: {len(values)} cases, worst bin of at least 100 off by {worst(bins):.3f}")
        for b in bins:
            print(f"    {b.low:.1f}-{b.high:.1f}  n {b.n:>6}  stated {b.stated:.3f}  observed {b.observed:.3f}")
        out[name] = {"worst": worst(bins), "bins": [asdict(b) for b in bins]}
    return out
