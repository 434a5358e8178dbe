"""A question and its answer: targets compared, a workload searched over, or a plan for several devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from hwpredict.catalog import devices
from hwpredict.decision.bottlenecks import Shares, of_cells
from hwpredict.decision.distributed import Setup, least_devices, strategies
from hwpredict.decision.information import SETTLED, Campaign, run_until_settled
from hwpredict.decision.options import from_cells
from hwpredict.decision.outcomes import Outcomes
from hwpredict.decision.preferences import Preferences
from hwpredict.decision.recommend import Option, Ranking
from hwpredict.decision.search import Front, axes, best_per_target, combinations, front
from hwpredict.errors import InfeasibleError, InvalidWorkloadError
from hwpredict.performance.cells import Cells
from hwpredict.workload import Mode, Target, Workload

#: What a plan for several devices considers when no hardware is named: what is rented by the machine of eight.
DISTRIBUTED_TARGETS = ("a100", "h100", "h200", "mi300x", "l40s")

#: Options, from the best on, whose time of a step is taken apart.
EXPLAINED = 8

#: Predicts (workload, target) pairs, as measured by a harness ("" for one that is not known).
type Predict = Callable[[Sequence[tuple[Workload, Target]], str], Cells]
#: Measures a workload on a target: rows in the measurement schema, none if it cannot be measured.
type Measure = Callable[[Workload, Target], Sequence[Mapping[str, Any]]]
#: Takes rows into the posterior that the next predictions are made from.
type Learn = Callable[[list[dict[str, Any]]], Any]


@dataclass(frozen=True, slots=True)
class Loop:
    """How to measure until a choice is settled.

    Attributes
    ----------
    measure : callable
        Runs a benchmark of the workload on one target.
    learn : callable
        Conditions the posterior in use on its rows.
    settled : float
        Expected regret at which to stop, units of utility.
    most : int
        Benchmarks at most.
    """

    measure: Measure
    learn: Learn
    settled: float = SETTLED
    most: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.settled < float("inf"):
            raise InvalidWorkloadError(f"settled is {self.settled}: give an expected regret from 0 on")


@dataclass(frozen=True)
class Choice:
    """A ranking, and what belongs to a search over the workload.

    Attributes
    ----------
    ranking : Ranking
    outcomes : Outcomes
        Of all options, infeasible ones included.
    per_target : dict of str to str
        Best option of each target, where several of it were options.
    searched, distributed : bool
        Whether the workload was searched over; whether options are strategies on several devices.
    campaign : Campaign or None
        What was measured on the way, where that was asked for.
    """

    ranking: Ranking
    outcomes: Outcomes
    per_target: dict[str, str] = field(default_factory=dict)
    searched: bool = False
    distributed: bool = False
    campaign: Campaign | None = None

    @cached_property
    def front(self) -> Front:
        """Pareto front of cost, latency and throughput."""
        return front(self.outcomes)


@dataclass(frozen=True)
class Query:
    """A workload, where it could run, and by what to choose.

    Attributes
    ----------
    work : Workload
    targets : sequence of Target
    wanted : Preferences
    named : bool
        Whether the caller named the targets: a price that is missing is then an error, not a reason to leave one out.
    posterior_draws, seed : int
    shares : callable, optional
        Draws of what the time of a step goes to, for the options that are explained.
    """

    work: Workload
    targets: Sequence[Target]
    wanted: Preferences
    named: bool
    posterior_draws: int
    seed: int = 0
    shares: Shares | None = None

    def answer(
        self,
        predict: Predict,
        over: str | Sequence[str] | Mapping[str, Sequence[Any]] | None = None,
        setup: Setup | None = None,
        loop: Loop | None = None,
    ) -> Choice:
        """The answer: several devices if a set-up is given, a search if axes are, measuring if a loop is."""
        if setup is not None and over is not None:
            raise InvalidWorkloadError("a distributed plan already searches batches and strategies: leave out optimize")
        if loop is not None and (setup is not None or over is not None):
            raise InvalidWorkloadError("measuring until settled compares targets as they are: leave out the search")
        if loop is not None:
            return self.settled(predict, loop)
        if setup is not None:
            return self.distributed(predict, setup)
        return self.optimised(predict, over) if over is not None else self.compared(predict)

    def compared(self, predict: Predict) -> Choice:
        """The targets on the workload as it is."""
        return self._choice([t.name for t in self.targets], [(self.work, t) for t in self.targets], predict)

    def optimised(self, predict: Predict, over: str | Sequence[str] | Mapping[str, Sequence[Any]]) -> Choice:
        """The targets with every batch size and precision asked for."""
        names, pairs = combinations(self.work, self.targets, axes(over, self.work.mode))
        found = self._choice(names, pairs, predict)
        targets = [t.name for t in self.targets]
        return Choice(found.ranking, found.outcomes, best_per_target(found.ranking, targets), searched=True)

    def _choice(self, names: list[str], pairs: list[tuple[Workload, Target]], predict: Predict) -> Choice:
        outcomes = self._outcomes(names, predict(pairs, ""))
        return Choice(self._explained(self._rank(outcomes), names, pairs), outcomes)

    def _explained(self, ranking: Ranking, names: Sequence[str], pairs: Sequence[tuple[Workload, Target]]) -> Ranking:
        """The ranking whose first options know, with intervals, what the time of a step goes to."""
        if self.shares is None:
            return ranking
        pair = dict(zip(names, pairs, strict=True))
        first = ranking.options[:EXPLAINED]
        found = of_cells(self.shares([pair[o.name] for o in first]))
        known = [replace(o, candidate=replace(o.candidate, intervals=i)) for o, i in zip(first, found, strict=True)]
        return replace(ranking, options=[*known, *ranking.options[EXPLAINED:]])

    def _outcomes(self, names: list[str], cells: Cells) -> Outcomes:
        return from_cells(
            names, cells, self.wanted.economics, posterior_draws=self.posterior_draws,
            preferences=self.wanted.platforms,
        )  # fmt: skip

    def settled(self, predict: Predict, loop: Loop) -> Choice:
        """The targets compared, measuring what is worth most until the choice is settled."""
        names = [t.name for t in self.targets]
        pairs = [(self.work, t) for t in self.targets]
        start = self.compared(predict)
        rows: dict[str, Sequence[Mapping[str, Any]]] = {}

        def run(name: str) -> dict[str, float] | None:
            rows[name] = loop.measure(self.work, self.targets[names.index(name)])
            return _figures(rows[name]) if rows[name] else None

        def again(_: Outcomes, name: str, __: dict[str, float]) -> Outcomes:
            loop.learn([dict(row) for row in rows[name]])
            # what is predicted from now on is what this harness would measure
            return self._outcomes(names, predict(pairs, str(rows[name][0].get("source") or "")))

        done = run_until_settled(
            start.ranking, run, self._rank, learn=again, settled=loop.settled, most=loop.most, seed=self.seed
        )  # fmt: skip
        return Choice(self._explained(done.ranking, names, pairs), done.ranking.outcomes, campaign=done)

    def _rank(self, outcomes: Outcomes) -> Ranking:
        return self.wanted.rank(outcomes) if self.named else self.wanted.rank_known(outcomes)

    def distributed(self, predict: Predict, setup: Setup) -> Choice:
        """Strategies on several devices."""

        def alone(pairs: Sequence[tuple[Workload, Target]]) -> Cells:
            return predict(pairs, "")

        outcomes = strategies(
            self.work,
            self.targets,
            setup,
            self.wanted,
            alone,
            posterior_draws=self.posterior_draws,
            seed=self.seed,
            shares=self.shares,
        )
        try:
            ranking = self._rank(outcomes)
        except InfeasibleError as error:
            raise InfeasibleError(f"{error}{self._how_many(setup)}", error.options) from None
        per_target = _first_of_each(ranking, [t.name for t in self.targets])
        ranking.notes.extend(_plan(ranking.options[0]))
        return Choice(ranking, outcomes, per_target, searched=True, distributed=True)

    def _how_many(self, setup: Setup) -> str:
        """How many devices a training step would take."""
        if self.work.mode != Mode.TRAINING:
            return ""
        said = []
        for target in self.targets:
            device = devices.match(target.device, target.platform) if target.device else None
            if device is None:
                continue
            count = least_devices(self.work, device, setup.optimizer, memory_mb=target.memory_mb)
            if count is not None and count > setup.devices:
                said.append(f"{count} {target.name}")
        return f". Without offloading, this takes {' or '.join(said)}" if said else ""


def _plan(best: Option) -> list[str]:
    """The strategy in words: how the step is split, what each device holds, and what the devices cost each other."""
    d = best.candidate.details
    batch = f"batch {d['micro_batch']}" + (f" × {d['accumulation']} accumulated" if d["accumulation"] > 1 else "")
    states = "weights, gradients and optimizer states" if d.get("optimizer") else "weights"
    room = "" if d["capacity_mb"] is None else f" of its {d['capacity_mb']:,.0f} MB"
    return [
        f"Strategy: {d['strategy']} on {d['devices']} devices, {batch}"
        f"{', activation checkpointing' if d['checkpointing'] else ''}.",
        f"Each device holds {best.memory.median:,.0f} MB{room}, {d['static_memory_mb']:,.0f} of them {states}.",
        f"Scaling efficiency {d['scaling_efficiency']:.0%} "
        f"({d['scaling_efficiency_low']:.0%} to {d['scaling_efficiency_high']:.0%}).",
    ]


def _figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Medians of what was measured, by metric."""
    columns = {"latency": "latency_ms", "throughput": "throughput", "memory": "memory_mb"}
    found = {m: [float(row[c]) for row in rows if row.get(c)] for m, c in columns.items()}
    return {m: float(np.median(values)) for m, values in found.items() if values}


def _first_of_each(ranking: Ranking, targets: Sequence[str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for option in ranking.options:
        target = option.name.split(" × ")[0]
        if target in targets:
            out.setdefault(target, option.name)
    return out
