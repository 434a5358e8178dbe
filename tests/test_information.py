"""Value of information against closed forms of the linear-Gaussian case, and the loop that measures until settled."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from hwpredict.decision.information import Campaign, advice, condition, gains, next_benchmarks, run_until_settled
from hwpredict.decision.outcomes import Outcomes
from hwpredict.decision.preferences import Preferences
from hwpredict.decision.recommend import rank
from hwpredict.decision.utility import UTILITIES
from hwpredict.errors import InvalidWorkloadError, UnknownNameError
from tests.outcomes import outcomes

SPEED = UTILITIES["throughput"]


def expected_gain(gap: float, sd: float) -> float:
    """E[max(0, N(-gap, sd²))]: worth of learning something that moves the lead by ``sd``."""
    n = NormalDist()
    return sd * n.pdf(gap / sd) - gap * n.cdf(-gap / sd)


@pytest.mark.parametrize(("gap", "sd", "noise"), [(0.1, 0.3, 0.03), (0.3, 0.3, 0.03), (0.1, 0.3, 0.3)])
def test_evsi_of_one_of_two_independent_options(gap: float, sd: float, noise: float) -> None:
    ranking = rank(outcomes([gap, 0.0], [sd, sd], draws=8_000), SPEED)
    found = {b.name: b for b in next_benchmarks(ranking, noise=noise, imagined=200)}
    # measuring either tells of that one alone: the lead moves by what the noise leaves
    moved = sd**2 / math.sqrt(sd**2 + noise**2)
    for name in ("a", "b"):
        expected = expected_gain(gap, moved)
        assert abs(found[name].evsi - expected) < 3 * found[name].standard_error + 0.1 * expected
    assert ranking.evpi == pytest.approx(expected_gain(gap, math.sqrt(2) * sd), rel=0.05)


def test_a_certain_option_is_not_worth_measuring() -> None:
    ranking = rank(outcomes([0.0, 0.0], [0.3, 1e-4]), SPEED)
    first, last = next_benchmarks(ranking, by="benchmark")
    assert first.name == "a"
    assert first.evsi == pytest.approx(ranking.evpi, rel=0.2)
    assert last.evsi == pytest.approx(0.0, abs=0.01)
    assert first.p_settles > 0.9 > last.p_settles
    text = advice([first, last], "bert-base at batch 8")
    assert text.startswith("Measure bert-base at batch 8 on a: ")
    assert "chance to settle it" in text


@settings(max_examples=8)
@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=4), st.floats(0.0, 0.9), st.integers(0, 9))
def test_no_benchmark_is_worth_more_than_perfect_information(speeds: list[float], r: float, seed: int) -> None:
    ranking = rank(outcomes(speeds, 0.3, correlation=r, draws=800, seed=seed), SPEED)
    for b in next_benchmarks(ranking, imagined=48):
        assert 0 <= b.evsi <= ranking.evpi + 4 * b.standard_error + 0.02


def test_correlated_options_teach_of_one_another() -> None:
    o = outcomes([0.0, 0.0], 0.4, correlation=0.8, draws=8000)
    seen = condition(o, 0, {"latency": float(np.median(o["latency"][0])) * math.exp(-0.4)}, noise=0.03)
    moved = np.log(seen["throughput"]).mean(axis=1)
    assert moved[0] == pytest.approx(0.4, abs=0.02)
    assert moved[1] == pytest.approx(0.8 * 0.4, abs=0.03)
    # var given y = var (1 - r²), and of the measured one the noise
    assert np.log(seen["throughput"][1]).std() == pytest.approx(0.4 * math.sqrt(1 - 0.8**2), abs=0.02)
    assert np.log(seen["throughput"][0]).std() == pytest.approx(0.03, abs=0.005)


def test_latency_and_throughput_of_one_run_are_one_observation() -> None:
    o = outcomes([0.0, 0.0], 0.4)
    once = condition(o, 0, {"latency": 8e3}, noise=0.2)
    both = condition(o, 0, {"latency": 8e3, "throughput": 1.0}, noise=0.2)
    np.testing.assert_allclose(once["throughput"], both["throughput"])
    by_throughput = condition(o, 0, {"throughput": 1.0}, noise=0.2)
    assert np.log(by_throughput["throughput"][0]).std() == pytest.approx(np.log(once["throughput"][0]).std(), rel=0.1)
    with pytest.raises(InvalidWorkloadError):
        condition(o, 0, {})
    with pytest.raises(InvalidWorkloadError):
        condition(o, 0, {"latency": -1.0})


def test_chance_correlations_are_dropped() -> None:
    rng = np.random.default_rng(0)
    y = rng.standard_normal(400)
    target = rng.standard_normal((200, 400))
    assert (gains(target, y, 0.1, 400) == 0).mean() > 0.9
    assert gains(y[None], y, 0.0, 400)[0] == pytest.approx(1.0, rel=1e-6)


def test_ranking_per_dollar_puts_what_has_no_price_last() -> None:
    o = outcomes([0.0, 0.0, 0.0], 0.3)
    ranking = rank(o, SPEED)
    assert all(math.isnan(b.dollars) for b in next_benchmarks(ranking, by="dollar"))
    minutes = next_benchmarks(ranking, by="minute")
    assert all(b.minutes > 5 for b in minutes)
    with pytest.raises(UnknownNameError):
        next_benchmarks(ranking, by="euro")
    with pytest.raises(UnknownNameError):
        next_benchmarks(ranking, options=["nowhere"])


def simulate(seed: int, *, advised: bool) -> tuple[int, float]:
    """Benchmarks until settled, and the regret that is left, when the truth is one of the draws."""
    o = outcomes([0.0, 0.1, -0.6, -1.5, -1.0, 0.05], [0.3, 0.3, 0.3, 0.1, 0.1, 0.02], draws=300, seed=seed)
    rng = np.random.default_rng(seed)
    drawn = int(rng.integers(300))
    truth = {m: np.asarray(o[m][:, drawn]) for m in ("latency", "throughput", "memory")}
    order = rng.permutation(o.names)
    preferences = Preferences()

    def run(name: str) -> dict[str, float]:
        i = o.names.index(name)
        return {"latency": float(truth["latency"][i]), "memory": float(truth["memory"][i])}

    ranking = preferences.rank(o)
    if advised:
        done = run_until_settled(ranking, run, preferences.rank, settled=0.03, imagined=16)
    else:
        turn = iter(order)
        # one option at a time, whatever it is worth
        done = Campaign(ranking)
        measured, current = [], o
        rng_noise = np.random.default_rng(0)
        while done.ranking.evpi > 0.03 and len(measured) < 6:
            name = str(next(turn))
            current = condition(current, o.names.index(name), run(name), rng=rng_noise)
            done.ranking = preferences.rank(current)
            measured.append(name)
        done.measured = measured
    pick = o.names.index(done.ranking.options[0].name)
    left = math.log(truth["throughput"].max()) - math.log(truth["throughput"][pick])
    return len(done.measured), left


def test_advice_settles_with_fewer_benchmarks_than_chance() -> None:
    advised = [simulate(s, advised=True) for s in range(12)]
    chance = [simulate(s, advised=False) for s in range(12)]
    assert np.mean([n for n, _ in advised]) < 0.7 * np.mean([n for n, _ in chance])
    assert np.mean([r for _, r in advised]) < 0.05


def test_the_loop_stops_and_says_why() -> None:
    o = outcomes([0.0, 0.05], 0.3)
    preferences = Preferences()
    ranking = preferences.rank(o)
    done = run_until_settled(ranking, lambda _: None, preferences.rank)
    assert done.reason == "nothing is left to measure"
    done = run_until_settled(ranking, lambda _: {"latency": 8e3}, preferences.rank, most=1, settled=1e-9)
    assert done.reason == "1 benchmarks were run"
    assert len(done.regret) == 2
    done = run_until_settled(ranking, lambda _: {"latency": 8e3}, preferences.rank, settled=10.0)
    assert done.measured == []
    assert "at most 10" in done.reason


def test_the_loop_can_learn_by_the_posterior() -> None:
    calls = []
    o = outcomes([0.0, 0.05], 0.3)

    def learn(current: Outcomes, name: str, result: dict[str, float]) -> Outcomes:
        calls.append((name, result))
        return outcomes([0.0, 1.0], 0.01)

    done = run_until_settled(Preferences().rank(o), lambda _: {"latency": 8e3}, Preferences().rank, learn=learn)
    assert len(calls) == 1
    assert done.ranking.options[0].name == "b"
