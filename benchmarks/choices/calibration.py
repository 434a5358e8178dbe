"""P(best), P(feasible) and P(fits) against what was measured."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from choices.heldout import LEAST, Fold, contexts, logs
from choices.regret import GB
from hwpredict.evaluate.decisions import ENOUGH, reliability, worst
from hwpredict.evaluate.recalibrate import recalibration
from hwpredict.performance import rows as r
from hwpredict.performance.cells import capacity
from hwpredict.performance.predictive import Prediction, predict

EVENTS = ("P(best)", "P(feasible)", "P(fits)")
#: Limits that people write: 1, 2 or 5 times a power of ten.
ROUND = np.log(np.outer(10.0 ** np.arange(-4, 8), (1, 2, 5)).ravel())


@dataclass
class Cases:
    """Cases of one event.

    Attributes
    ----------
    stated : list of float
        Probabilities.
    came : list of bool
        Whether it came true.
    model : list of str
        Cases of one model are not independent: its memory is held against eight sizes, its speed compared in pairs.
    """

    stated: list[float] = field(default_factory=list)
    came: list[bool] = field(default_factory=list)
    model: list[str] = field(default_factory=list)

    def add(self, stated: np.ndarray, came: np.ndarray, model: np.ndarray) -> None:
        """Append some."""
        for into, values in ((self.stated, stated), (self.came, came), (self.model, model)):
            into.extend(values.tolist())


type Events = dict[str, Cases]


def calibration(folds: Sequence[Fold], args: argparse.Namespace) -> dict[str, Any]:
    """Stated probabilities in ten bins, beside how often the event came true, without and with recalibration.

    Draws that ship are recalibrated on folds of their own. Here those of a fold are stretched by what the other folds
    say; of a single one, the models are halved, and either half is stretched by what the other says.
    """
    parts = []
    for fold in folds:
        held = fold.held
        p = predict(fold.posterior, held, draws=args.draws, seed=args.seed, calibrated=False)
        some = [np.ones(r.length(held), bool)] if len(folds) > 1 else [m for m, _ in halves(held["model"], args.seed)]
        parts += [(fold.posterior, r.take(held, mine), of_rows(p, mine)) for mine in some if mine.any()]
    plain, after = ({event: Cases() for event in EVENTS} for _ in range(2))
    for k, (posterior, held, p) in enumerate(parts):
        factors = recalibration((h, q) for j, (_, h, q) in enumerate(parts) if j != k)
        collect(plain, held, p)
        posterior = replace(posterior, calibration=factors)
        collect(after, held, predict(posterior, held, draws=args.draws, seed=args.seed))
    by = "the other folds" if len(folds) > 1 else "the other half of the models"
    return report(plain, "as drawn") | {"recalibrated": report(after, f"recalibrated on {by}")}


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


def collect(into: Events, held: r.Table, p: Prediction) -> None:
    """Add the stated probability of every event, and whether it came true."""
    speed, latency = logs(p)
    model = held["model"]
    for c in contexts(held):
        s = speed[c.index]
        into["P(best)"].add((s == s.max(axis=0)).mean(axis=1), c.log_speed == c.log_speed.max(), model[c.index])
        ok = np.isfinite(c.log_latency)
        if ok.sum() >= LEAST:
            mine = latency[c.index[ok]]
            limit = round_limit(mine)
            into["P(feasible)"].add((mine <= limit).mean(axis=1), c.log_latency[ok] <= limit, model[c.index[ok]])
    seen = held["memory_mb"]
    known = np.flatnonzero(np.isfinite(seen) & (seen > 0))
    places = zip(held["device"][known].tolist(), held["hardware"][known].tolist(), strict=True)
    own = np.array([capacity(device, platform) for device, platform in places])
    for size in GB:
        stated = given_that_it_ran(p.memory[known], size * 1e3, own)
        some = np.isfinite(stated)
        into["P(fits)"].add(stated[some], seen[known][some] <= size * 1e3, model[known][some])


def given_that_it_ran(memory: np.ndarray, size: float, own: np.ndarray) -> np.ndarray:
    """Probability of fitting into a size, for rows that are there because they fitted into what they were measured on.

    Whatever was stated, a row fits into the memory of its own device, and into any larger one: runs that did not are
    in no table. Only smaller sizes are something to be right or wrong about, and of the draws only those that fit.

    Parameters
    ----------
    memory : ndarray, shape (row, draw)
        MB.
    size : float
        MB.
    own : ndarray, shape (row,)
        Memory of the device that a row was measured on, MB; NaN if unknown.

    Returns
    -------
    ndarray, shape (row,)
        NaN where the size is no smaller than its own, or no draw fits into that.
    """
    limit = np.where(np.isnan(own), np.inf, own)
    ran = (memory <= limit[:, None]).mean(axis=1)
    fits = (memory <= size).mean(axis=1)
    return np.where((size < limit) & (ran > 0), fits / np.where(ran > 0, ran, 1.0), np.nan)


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


def report(found: Events, how: str) -> dict[str, Any]:
    """Print and return the bins of each event."""
    out: dict[str, Any] = {}
    print(f"  {how}")
    for name, c in found.items():
        bins = reliability(np.array(c.stated), np.array(c.came), clusters=np.array(c.model, dtype=str))
        print(f"  {name}: {len(c.stated)} cases, worst bin of at least {ENOUGH} off by {worst(bins):.3f}")
        for b in bins:
            print(f"    {b.low:.1f}-{b.high:.1f}  n {b.n:>6}  stated {b.stated:.3f}  observed {b.observed:.3f}  "
                  f"off by {b.deviation:+.3f} ± {b.error:.3f}")  # fmt: skip
        out[name] = {"worst": worst(bins), "bins": [asdict(b) for b in bins]}
    return out
