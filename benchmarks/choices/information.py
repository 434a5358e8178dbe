"""Value of information: how many benchmarks of unseen devices a small regret takes, by advice and by chance."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from choices.heldout import contexts, predicted
from hwpredict.decision.information import condition, run_until_settled
from hwpredict.decision.outcomes import Candidate, Outcomes
from hwpredict.decision.preferences import Preferences
from hwpredict.decision.utility import UTILITIES
from hwpredict.performance import rows as r
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import Prediction

#: Mean regrets (log throughput) to be reached.
TARGETS = (0.1, 0.05, 0.02)
#: Fewest devices of a decision, so that there is something to search.
DEVICES = 4


def information(rows: r.Table, test: np.ndarray, posterior: Posterior, args: argparse.Namespace) -> dict[str, Any]:
    """Benchmarks until the realised regret is small, by advice and by chance."""
    held = r.take(rows, test)
    p = predicted(posterior, held, args)
    wanted = Preferences(utility=UTILITIES["throughput"], constraints=())
    rng = np.random.default_rng(args.seed)
    found = [c for c in contexts(held, options=("device", "hardware")) if len(c.index) >= DEVICES]
    rng.shuffle(found)  # type: ignore[arg-type]
    curves: dict[str, list[list[float]]] = {"advice": [], "chance": []}
    for whole in found[: args.decisions]:
        # a shortlist, as a buyer has one
        c = whole.take(np.sort(rng.permutation(len(whole.index))[: args.options]))
        o = as_outcomes(p, held, c.index, args.draws)
        truth = {name: float(np.exp(v)) for name, v in zip(o.names, c.log_speed, strict=True)}
        curves["advice"].append(follow(o, truth, wanted))
        curves["chance"].append(follow(o, truth, wanted, order=rng.permutation(o.names)))
    return report(curves)


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
    mean = {k: np.mean([x + x[-1:] * (longest - len(x)) for x in v], axis=0) for k, v in curves.items() if v}
    out: dict[str, Any] = {"decisions": len(curves["advice"])}
    print(f"  {out['decisions']} decisions among devices that were never measured")
    for k in range(longest):
        print(f"    after {k} benchmarks: regret by advice {mean['advice'][k]:.4f}, by chance {mean['chance'][k]:.4f}")
    for target in TARGETS:
        need: dict[str, int | None] = {
            k: next((i for i, x in enumerate(v) if x <= target), None) for k, v in mean.items()
        }
        print(f"    to a mean regret of {target:g}: advice {need.get('advice')}, chance {need.get('chance')}")
        out[f"to {target:g}"] = need
    return out | {k: v.tolist() for k, v in mean.items()}
