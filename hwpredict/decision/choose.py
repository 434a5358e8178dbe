"""A question and its answer: targets compared, a workload searched over, or a plan for several devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hwpredict.catalog import devices
from hwpredict.decision.distributed import Setup, least_devices, strategies
from hwpredict.decision.options import from_cells
from hwpredict.decision.outcomes import Outcomes
from hwpredict.decision.preferences import Preferences
from hwpredict.decision.recommend import Ranking
from hwpredict.decision.search import Front, axes, best_per_target, combinations, front
from hwpredict.errors import InfeasibleError
from hwpredict.performance.cells import Cells
from hwpredict.workload import Mode, Target, Workload

#: What a plan for several devices considers when no hardware is named: what is rented by the machine of eight.
DISTRIBUTED_TARGETS = ("a100", "h100", "h200", "mi300x", "l40s")

type Predict = Callable[[Sequence[tuple[Workload, Target]]], Cells]


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
    """

    ranking: Ranking
    outcomes: Outcomes
    per_target: dict[str, str] = field(default_factory=dict)
    searched: bool = False
    distributed: bool = False

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
    """

    work: Workload
    targets: Sequence[Target]
    wanted: Preferences
    named: bool
    posterior_draws: int
    seed: int = 0

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
        outcomes = from_cells(
            names, predict(pairs), self.wanted.economics, posterior_draws=self.posterior_draws,
            preferences=self.wanted.platforms,
        )  # fmt: skip
        return Choice(self._rank(outcomes), outcomes)

    def _rank(self, outcomes: Outcomes) -> Ranking:
        return self.wanted.rank(outcomes) if self.named else self.wanted.rank_known(outcomes)

    def distributed(self, predict: Predict, setup: Setup) -> Choice:
        """Strategies on several devices."""
        outcomes = strategies(
            self.work, self.targets, setup, self.wanted, predict, posterior_draws=self.posterior_draws, seed=self.seed
        )
        try:
            ranking = self._rank(outcomes)
        except InfeasibleError as error:
            raise InfeasibleError(f"{error}{self._how_many(setup)}", error.options) from None
        per_target = _first_of_each(ranking, [t.name for t in self.targets])
        best = ranking.options[0].candidate.details
        ranking.notes.append(
            f"Scaling efficiency {best['scaling_efficiency']:.0%} "
            f"({best['scaling_efficiency_low']:.0%} to {best['scaling_efficiency_high']:.0%})."
        )
        return Choice(ranking, outcomes, per_target, searched=True, distributed=True)

    def _how_many(self, setup: Setup) -> str:
        """How many devices a training step would take."""
        if self.work.mode != Mode.TRAINING:
            return ""
        said = []
        for target in self.targets:
            device = devices.match(target.device, target.platform) if target.device else None
            count = least_devices(self.work, device, setup.optimizer) if device is not None else None
            if count is not None and count > setup.devices:
                said.append(f"{count} {target.name}")
        return f". Without offloading, this takes {' or '.join(said)}" if said else ""


def _first_of_each(ranking: Ranking, targets: Sequence[str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for option in ranking.options:
        target = option.name.split(" × ")[0]
        if target in targets:
            out.setdefault(target, option.name)
    return out
