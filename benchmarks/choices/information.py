"""Value of information: how many benchmarks of unseen devices a small regret takes, by advice and by chance."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from choices.heldout import Context, Fold, contexts, predicted
from hwpredict.decision.information import condition, run_until_settled
from hwpredict.decision.outcomes import Candidate, Outcomes
from hwpredict.decision.preferences import Preferences
from hwpredict.decision.utility import UTILITIES
from hwpredict.evaluate.decisions import bootstrap
from hwpredict.performance import rows as r
from hwpredict.performance.predictive import Prediction

#: Mean regrets (log throughput) to be reached.
TARGETS = (0.1, 0.05, 0.02)
#: Random orders that "chance" is the mean of.
ORDERS = 5
#: Fewest devices of a decision, so that there is something to search.
DEVICES = 4


def information(folds: Sequence[Fold], args: argparse.Namespace) -> dict[str, Any]:
    """Benchmarks until the realised regret is small, by advice and by chance."""
    wanted = Preferences(utility=UTILITIES["throughput"], constraints=())
    rng = np.random.default_rng(args.seed)
    curves: dict[str, list[list[float]]] = {"advice": [], "chance": []}
    sources = []
    for fold in folds:
        held = fold.held
        chosen = decisions(held, args, rng)
        if not chosen:
            continue
        rows = r.take(held, np.concatenate([c.index for c in chosen]))
        p, first = predicted(fold.posterior, rows, args), 0
        for c in chosen:
            o = as_outcomes(p, rows, np.arange(first, first + len(c.index)), args.draws)
            first += len(c.index)
            truth = {name: float(np.exp(v)) for name, v in zip(o.names, c.log_speed, strict=True)}
            curves["advice"].append(follow(o, truth, wanted))
            orders = [follow(o, truth, wanted, order=rng.permutation(o.names)) for _ in range(ORDERS)]
            curves["chance"].append(np.mean(orders, axis=0).tolist())
            sources.append(str(held["source"][c.index[0]]))
    print(f"  of {', '.join(f'{s} {n}' for s, n in Counter(sources).most_common())}")
    return report(curves)


def decisions(held: r.Table, args: argparse.Namespace, rng: np.random.Generator) -> list[Context]:
    """Decisions among devices, each a shortlist as a buyer has one; no table gives more than a few of them.

    One table of architecture search has nine tenths of the workloads that were measured on several devices, and the
    same five devices in each: without the limit, the figures would be of that one decision.
    """
    by_source: dict[str, list[Context]] = {}
    for c in contexts(held, options=("device", "hardware")):
        if len(c.index) >= DEVICES:
            by_source.setdefault(str(held["source"][c.index[0]]), []).append(c)
    out = []
    for source in sorted(by_source):
        mine = by_source[source]
        for k in rng.permutation(len(mine))[: args.per_source]:
            whole = mine[k]
            out.append(whole.take(np.sort(rng.permutation(len(whole.index))[: args.options])))
    return [out[k] for k in rng.permutation(len(out))[: args.decisions]]


def as_outcomes(p: Prediction, rows: r.Table, index: np.ndarray, draws: int) -> Outcomes:
    """Predicted rows as options."""
    unknown = np.full(len(index), np.nan)
    return Outcomes(
        [Candidate(f"{k}: {rows['device'][i]}", str(rows["hardware"][i])) for k, i in enumerate(index)],
        p.throughput[index], p.latency[index], p.memory[index],
        {"capacity": unknown, "price": unknown, "power": unknown},
        cluster=np.arange(draws),
    )  # fmt: skip


def follow(
    o: Outcomes, truth: dict[str, float], wanted: Preferences, order: Sequence[str] | None = None
) -> list[float]:
    """Realised regret of the choice before the first benchmark and after each, by advice or in an order."""
    best = max(truth.values())

    def run(name: str) -> dict[str, float]:
        return {"throughput": truth[name]}

    def lost(current: Outcomes) -> float:
        return float(np.log(best / truth[wanted.rank(current).options[0].name]))

    out, current = [lost(o)], o

    def learn(_: Outcomes, name: str, result: dict[str, float]) -> Outcomes:
        nonlocal current
        current = condition(current, current.names.index(name), result, rng=np.random.default_rng(0))
        out.append(lost(current))
        return current

    if order is None:
        run_until_settled(wanted.rank(o), run, wanted.rank, learn=learn, settled=1e-9, most=len(truth))
    else:
        for name in order:
            learn(current, name, run(name))
    return out


def report(curves: dict[str, list[list[float]]]) -> dict[str, Any]:
    """Print and return mean regret after each number of benchmarks; a search that is settled keeps its choice."""
    longest = max((len(x) for v in curves.values() for x in v), default=0)
    full = {k: np.array([x + x[-1:] * (longest - len(x)) for x in v]) for k, v in curves.items() if v}
    out: dict[str, Any] = {"decisions": len(curves["advice"])}
    print(f"  {out['decisions']} decisions among devices that were never measured")
    if not full:
        return out
    mean = {k: v.mean(axis=0) for k, v in full.items()}
    for k in range(longest):
        print(f"    after {k} benchmarks: regret by advice {mean['advice'][k]:.4f}, by chance {mean['chance'][k]:.4f}")
    pairs = list(zip(full["advice"], full["chance"], strict=True))
    for target in TARGETS:
        need = {k: benchmarks_to(target, v) for k, v in mean.items()}
        ratio, low, high = effort(target, pairs), np.nan, np.nan
        if np.isfinite(ratio):
            with np.errstate(invalid="ignore"):  # an end that lies among resamples that never reach it is NaN
                low, high = bootstrap(pairs, partial(effort, target))
        print(f"    to a mean regret of {target:g}: advice {need['advice']:.2f}, chance {need['chance']:.2f} "
              f"benchmarks; ratio {ratio:.2f} [{low:.2f}, {high:.2f}]")  # fmt: skip
        out[f"to {target:g}"] = need
        out[f"ratio to {target:g}"] = {"ratio": ratio, "interval": [low, high]}
    return out | {k: v.tolist() for k, v in mean.items()}


def effort(target: float, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Benchmarks to a mean regret by advice, over those by chance; NaN if chance needs none or neither reaches it."""
    advice, chance = (benchmarks_to(target, np.mean(curves, axis=0)) for curves in zip(*pairs, strict=True))
    return advice / chance if chance else float("nan")


def benchmarks_to(target: float, curve: np.ndarray) -> float:
    """Benchmarks until a mean regret is reached, interpolated between whole numbers of them; infinite if it never is.

    Parameters
    ----------
    target : float
    curve : ndarray, shape (benchmark,)
        Mean regret after 0, 1, 2 … benchmarks.
    """
    below = np.flatnonzero(curve <= target)
    if not len(below):
        return float("inf")
    k = int(below[0])
    return float(k - (target - curve[k]) / (curve[k - 1] - curve[k])) if k else 0.0
