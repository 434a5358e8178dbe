"""Attitudes to risk against their closed forms on Gaussian and log-normal draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from hwpredict.decision.risk import CRRA, CVaR, Exponential, Neutral, Quantile, Risk, get_risk, standard_error
from hwpredict.errors import InvalidWorkloadError, UnknownNameError

Z10 = 1.2815515655446004


def gaussian(mean: float, sd: float, draws: int = 200_000) -> np.ndarray:
    return mean + sd * np.random.default_rng(0).standard_normal((1, draws))


@pytest.mark.parametrize(
    ("risk", "expected"),
    [
        (Neutral(), 2.0),
        (Exponential(1.5), 2.0 - 1.5 * 0.5**2 / 2),  # mean - a var / 2
        (Exponential(-1.5), 2.0 + 1.5 * 0.5**2 / 2),
        (Quantile(0.1), 2.0 - Z10 * 0.5),
        (CVaR(0.1), 2.0 - 0.5 * np.exp(-(Z10**2) / 2) / np.sqrt(2 * np.pi) / 0.1),
        (CVaR(1.0), 2.0),
    ],
)
def test_certainty_equivalent_of_a_gaussian(risk: Risk, expected: float) -> None:
    value, influence = risk.certainty_equivalent(gaussian(2.0, 0.5))
    assert value[0] == pytest.approx(expected, abs=0.01)
    assert influence.mean() == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("aversion", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_crra_of_a_log_normal(aversion: float) -> None:
    # E[u^(1-g)]^(1/(1-g)) of a log-normal: exp(mu + (1 - g) s² / 2)
    value, _ = CRRA(aversion).certainty_equivalent(np.exp(gaussian(0.3, 0.4)))
    assert value[0] == pytest.approx(np.exp(0.3 + (1 - aversion) * 0.4**2 / 2), rel=0.01)
    with pytest.raises(InvalidWorkloadError, match="positive"):
        CRRA(2.0).certainty_equivalent(gaussian(0.0, 1.0))


@pytest.mark.parametrize("risk", [Neutral(), Exponential(1.0), CRRA(2.0), CVaR(0.2), Quantile(0.2)])
def test_standard_errors_are_those_of_repeated_simulation(risk: Risk) -> None:
    rng = np.random.default_rng(2)
    values, errors = [], []
    for _ in range(200):
        u = np.exp(0.3 * rng.standard_normal((1, 400)))
        value, influence = risk.certainty_equivalent(u)
        values.append(value[0])
        errors.append(standard_error(influence, np.arange(400))[0])
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.25)


def test_draws_that_share_a_posterior_draw_count_once() -> None:
    rng = np.random.default_rng(3)
    repeated = np.repeat(rng.standard_normal((1, 50)), 8, axis=1)
    cluster = np.repeat(np.arange(50), 8)
    _, influence = Neutral().certainty_equivalent(repeated)
    naive, honest = (standard_error(influence, c)[0] for c in (np.arange(400), cluster))
    assert honest == pytest.approx(naive * np.sqrt(8), rel=0.05)


@given(st.floats(0.01, 0.99), st.integers(0, 5))
def test_an_averse_attitude_never_exceeds_the_mean(level: float, seed: int) -> None:
    u = np.random.default_rng(seed).standard_normal((2, 500))
    for risk in (CVaR(level), Exponential(level * 3)):
        assert (risk.certainty_equivalent(u)[0] <= u.mean(axis=1) + 1e-9).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("neutral", Neutral()), ("cvar:0.1", CVaR(0.1)), ("CVaR 0.2", CVaR(0.2)), ("quantile=0.05", Quantile(0.05)),
        ("exponential(2)", Exponential(2.0)), ("crra", CRRA(2.0)), (None, Neutral()),
    ],
)  # fmt: skip
def test_attitudes_by_name(text: str | None, expected: Risk) -> None:
    assert get_risk(text) == expected


@pytest.mark.parametrize("text", ["cvar:0", "cvar:2", "quantile:1", "exponential:0", "cvar:a", "neutral:1", "crra:-1"])
def test_a_figure_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InvalidWorkloadError):
        get_risk(text)


def test_an_unknown_attitude_is_refused() -> None:
    with pytest.raises(UnknownNameError):
        get_risk("brave")
