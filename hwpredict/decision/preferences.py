"""What a decision is taken by: utility, attitude to risk, constraints, prices; from a configuration and from a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hwpredict.catalog.economics import Economics
from hwpredict.config import OOM_SLOWDOWN, Config
from hwpredict.decision.constraints import FITS, Constraint, parse_all
from hwpredict.decision.outcomes import Outcomes
from hwpredict.decision.recommend import Ranking, rank
from hwpredict.decision.risk import Neutral, Risk, get_risk
from hwpredict.decision.utility import UTILITIES, Utility, get_utility, guide
from hwpredict.errors import MissingFigureError


@dataclass(frozen=True)
class Preferences:
    """What a decision is taken by.

    Attributes
    ----------
    utility : Utility
    risk : Risk
    constraints : tuple of Constraint
    economics : Economics
    slowdown : float
        How many times slower a draw counts that does not fit into memory.
    platforms : mapping of str to float
        Hand-set factor by platform, for the guide's weights.
    """

    utility: Utility = UTILITIES["throughput"]
    risk: Risk = field(default_factory=Neutral)
    constraints: tuple[Constraint, ...] = (FITS,)
    economics: Economics = field(default_factory=Economics)
    slowdown: float = OOM_SLOWDOWN
    platforms: Mapping[str, float] = field(default_factory=dict)

    def rank(self, outcomes: Outcomes) -> Ranking:
        """Rank options by these preferences: see :func:`hwpredict.decision.recommend.rank`."""
        return rank(
            outcomes, self.utility, risk=self.risk, constraints=self.constraints, slowdown=self.slowdown
        )  # fmt: skip

    def rank_known(self, outcomes: Outcomes) -> Ranking:
        """The same where nobody named the options: those without a price or power that is needed are set aside."""
        try:
            return self.rank(outcomes)
        except MissingFigureError as error:
            if not error.options or len(error.options) == len(outcomes.names):
                raise
            keep = [i for i, name in enumerate(outcomes.names) if name not in error.options]
            left = outcomes.take(keep)
            left.blocked |= dict.fromkeys(error.options, "no price or power is known of it, and the utility needs one")
            return self.rank_known(left)


def preferences(config: Config, mode: str, **given: Any) -> Preferences:
    """Preferences of a configuration, with what a call says in the place of the rest.

    Parameters
    ----------
    config : Config
    mode : str
        For the guide's weights.
    **given
        ``utility``, ``risk``, ``constraints``, ``prices``, ``power``, ``price_basis``, ``grid``, ``oom_slowdown``, as
        in :class:`hwpredict.config.Config` or as objects; None is as good as nothing.

    Returns
    -------
    Preferences

    Raises
    ------
    UnknownNameError, InvalidWorkloadError
    """
    said = {k: v for k, v in given.items() if v is not None}
    utility = said.get("utility", config.utility)
    if isinstance(utility, str) and utility.strip().casefold() == "guide":
        chosen = guide(mode, config.selection_criteria)
    else:
        chosen = get_utility(utility, mode)
    constraints: str | Constraint | Sequence[str | Constraint] = said.get("constraints", config.constraints)
    economics = Economics(
        prices={**config.prices, **said.get("prices", {})},
        power={**config.power, **said.get("power", {})},
        grid=str(said.get("grid", config.grid)),
        basis=said.get("price_basis", config.price_basis),
    )
    return Preferences(
        chosen,
        get_risk(said.get("risk", config.risk)),
        parse_all(constraints),
        economics,
        float(said.get("oom_slowdown", config.oom_slowdown)),
        config.hardware_preferences,
    )
