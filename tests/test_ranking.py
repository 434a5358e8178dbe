"""Ranking: its probabilities are consistent, and the explanation says what the draws say."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from hwpredict.decision.constraints import FITS, parse_all
from hwpredict.decision.preferences import Preferences
from hwpredict.decision.recommend import SEPARABLE, Ranking, hedges, rank
from hwpredict.decision.risk import CVaR
from hwpredict.decision.utility import UTILITIES
from hwpredict.errors import IncompatibleError, InfeasibleError, InvalidWorkloadError, MissingFigureError
from tests.outcomes import outcomes

SPEED = UTILITIES["throughput"]


def names(ranking: Ranking) -> list[str]:
    return [o.name for o in ranking.options]


def test_two_gaussians_rank_as_their_formulas_say() -> None:
    gap, spread = 0.2, 0.3
    ranking = rank(outcomes([0.0, gap], spread, draws=40_000), SPEED)
    sd = math.sqrt(2) * spread
    wins = NormalDist().cdf(gap / sd)
    best, second = ranking.options
    assert names(ranking) == ["b", "a"]
    assert best.p_best == pytest.approx(wins, abs=0.01)
    assert ranking.beats[0, 1] == pytest.approx(wins, abs=0.01)
    # E[max(0, N(-gap, sd²))]
    n = NormalDist()
    regret = sd * n.pdf(gap / sd) - gap * n.cdf(-gap / sd)
    assert best.expected_regret == pytest.approx(regret, rel=0.05)
    assert ranking.evpi == best.expected_regret
    assert second.expected_regret == pytest.approx(regret + gap, rel=0.05)
    assert best.monte_carlo_error == pytest.approx(spread / math.sqrt(40_000), rel=0.05)


@settings(max_examples=15)
@given(
    st.lists(st.floats(-2, 2), min_size=1, max_size=6), st.floats(0.01, 1.0), st.floats(0.0, 0.95), st.integers(0, 99)
)
def test_probabilities_are_consistent(speeds: list[float], spread: float, correlation: float, seed: int) -> None:
    ranking = rank(outcomes(speeds, spread, correlation=correlation, draws=300, seed=seed), SPEED)
    assert sum(o.p_best for o in ranking.options) == pytest.approx(1.0)
    np.testing.assert_allclose(ranking.beats + ranking.beats.T, 1.0)
    utilities = [o.expected_utility for o in ranking.options]
    assert utilities == sorted(utilities, reverse=True)
    # the expected regret of the best is the smallest, and none is negative
    regrets = [o.expected_regret for o in ranking.options]
    assert min(regrets) == pytest.approx(regrets[0])
    assert regrets[0] >= 0
    groups = [o.group for o in ranking.options]
    assert groups == sorted(groups)
    assert groups[0] == 1
    for i, o in enumerate(ranking.options):
        assert (o.group > 1) == (ranking.beats[0, i] >= SEPARABLE and i > 0) or o.group > 1
    assert set(ranking.fallbacks) <= set(names(ranking)[1:])
    assert ranking.explanation


def test_identical_options_are_not_told_apart_and_share_first_place() -> None:
    o = outcomes([0.0, 0.0])
    same = o.replaced(**{m: np.repeat(o[m][:1], 2, axis=0) for m in ("throughput", "latency", "memory")})
    ranking = rank(same, SPEED)
    assert [x.p_best for x in ranking.options] == [0.5, 0.5]
    assert ranking.beats[0, 1] == 0.5
    assert ranking.inseparable == ["a", "b"]
    assert "Not separable" in ranking.explanation


def test_long_lists_and_wide_ratios_stay_readable() -> None:
    ranking = rank(outcomes([0.0] * 7, 3.0), SPEED)
    assert "and 3 more." in ranking.explanation
    assert "e+0" not in ranking.explanation  # 270 times, not 2.7e+02


def test_a_draw_out_of_memory_counts_as_a_hundredfold_slowdown() -> None:
    tight = outcomes([math.log(10), math.log(9)], 1e-6, memory=[1000, 500], capacity=[1000, 1000], draws=20_000)
    ranking = rank(tight, SPEED, constraints=(), slowdown=100.0)
    assert names(ranking) == ["b", "a"]
    p_oom = 1 - next(o for o in ranking.options if o.name == "a").p_fits
    assert p_oom == pytest.approx(0.5, abs=0.01)
    expected = math.log(10) - p_oom * math.log(100)
    assert next(o for o in ranking.options if o.name == "a").expected_utility == pytest.approx(expected, abs=1e-3)
    assert names(rank(tight, SPEED, constraints=(), slowdown=1.0)) == ["a", "b"]
    # the price of a wrong "fits" is the same in every unit: cost rises a hundredfold too
    dear = outcomes([math.log(10)], 1e-6, memory=[1000], capacity=[1], price=[1.0])
    cost = rank(dear, UTILITIES["cost"], constraints=()).options[0].expected_utility
    assert cost == pytest.approx(-100 * 1.0 / 3600 / 10 * 1e6, rel=1e-3)
    with pytest.raises(InvalidWorkloadError):
        rank(tight, SPEED, slowdown=0.5)


def test_infeasible_options_are_listed_with_what_they_fail() -> None:
    o = outcomes([math.log(100), math.log(400)], 0.1, price=[1.0, 9.0])
    ranking = rank(o, SPEED, constraints=parse_all(["price <= 5 usd/h", "latency <= 100 ms with probability 0.9"]))
    assert names(ranking) == ["a"]
    assert [x.name for x in ranking.infeasible] == ["b"]
    assert "price <= 5" in ranking.infeasible[0].failures[0]
    assert ranking.infeasible[0].p_feasible == 0.0
    assert "Without the constraint price <= 5" in ranking.explanation
    assert "b would come first" in ranking.explanation


def test_nothing_feasible_is_an_error_that_says_how_near_it_was() -> None:
    o = outcomes([math.log(100), math.log(200)], 0.1)
    with pytest.raises(InfeasibleError, match="nearest is b") as raised:
        rank(o, SPEED, constraints=parse_all("latency <= 1 ms with probability 0.9"))
    assert isinstance(raised.value, IncompatibleError)
    assert {x["name"] for x in raised.value.options} == {"a", "b"}
    assert "\n" not in str(raised.value)


def test_risk_changes_the_order() -> None:
    o = outcomes([0.0, 0.05], [0.05, 0.8])
    assert names(rank(o, SPEED)) == ["b", "a"]
    assert names(rank(o, SPEED, risk=CVaR(0.1))) == ["a", "b"]


def test_the_fallback_hedges_rather_than_comes_next() -> None:
    """Two options stand and fall together; the third is worse, but good where they disappoint."""
    rng = np.random.default_rng(0)
    z, e = rng.standard_normal(4000), 0.01 * rng.standard_normal((3, 4000))
    value = np.stack([z + 0.3 + e[0], z + 0.2 + e[1], -z * 0.5 + e[2]])
    assert hedges(value, 1) == [2]
    assert hedges(value[:2], 2) == [1]
    certain = np.array([[3.0], [2.0], [1.0]]) + 1e-3 * rng.standard_normal((3, 500))
    assert hedges(certain, 2) == [1, 2]  # nothing to hedge: the next in rank


def test_the_explanation_gives_break_even_figures_that_break_even() -> None:
    o = outcomes([0.0, 0.2], 0.05, price=[1.0, 1.0])
    ranking = rank(o, UTILITIES["throughput_per_dollar"])
    text = ranking.explanation
    assert "a being 22% faster than predicted" in text  # exp(0.2) - 1
    assert "its price falling by 18%" in text  # 1 - exp(-0.2)
    assert "arithmetic 60%" in text
    assert "fixed overhead of launches and runtime 40%" in text
    flipped = rank(o.scaled(0, speed=math.exp(0.21)), UTILITIES["throughput_per_dollar"])
    assert names(flipped) == ["a", "b"]


def test_prior_only_is_said_plainly() -> None:
    from dataclasses import replace

    o = outcomes([0.0])
    prior = o.relabelled([replace(o.candidates[0], evidence="prior", platform="webnn")])
    assert "prior only" in rank(prior, SPEED).explanation


def test_options_without_a_price_are_set_aside_only_if_nobody_named_them() -> None:
    o = outcomes([0.0, 1.0], price=[1.0, float("nan")])
    by_cost = Preferences(utility=UTILITIES["cost"])
    with pytest.raises(MissingFigureError):
        by_cost.rank(o)
    ranking = by_cost.rank_known(o)
    assert names(ranking) == ["a"]
    assert "b" in ranking.incompatible
    with pytest.raises(MissingFigureError):
        by_cost.rank_known(outcomes([0.0, 1.0]))


def test_nothing_that_runs_is_an_error() -> None:
    o = outcomes([0.0]).take([])
    o.blocked["x"] = "has no such format"
    with pytest.raises(IncompatibleError, match="has no such format"):
        rank(o, SPEED, constraints=(FITS,))
