"""Scores against closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hwpredict.evaluate.scores import LEVELS, Cases, cases, crps, pit, score, summarise


def gaussian_crps(mean: float, sd: float, y: np.ndarray) -> np.ndarray:
    """Closed form for a normal distribution (Gneiting & Raftery 2007, eq. 22, sign reversed)."""
    z = (y - mean) / sd
    return sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))


def test_crps_of_draws_agrees_with_the_normal_closed_form(rng: np.random.Generator) -> None:
    y = np.array([-2.0, -0.3, 0.7, 1.9, 5.0])
    draws = rng.normal(0.7, 1.3, (len(y), 40_000))
    np.testing.assert_allclose(crps(draws, y), gaussian_crps(0.7, 1.3, y), rtol=0.03)


def test_crps_of_a_quantile_function_agrees_with_the_normal_closed_form() -> None:
    y = np.array([-2.0, -0.3, 0.7, 1.9, 5.0])
    levels = (np.arange(200) + 0.5) / 200
    quantiles = np.tile(stats.norm.ppf(levels, 0.7, 1.3), (len(y), 1))
    np.testing.assert_allclose(crps(quantiles, y, fair=False), gaussian_crps(0.7, 1.3, y), rtol=4e-3)


def test_crps_is_the_mean_pinball_loss_of_a_quantile_function(rng: np.random.Generator) -> None:
    levels = (np.arange(50) + 0.5) / 50
    quantiles, y = np.sort(rng.normal(size=(7, 50)), axis=1), rng.normal(size=7)
    error = y[:, None] - quantiles
    pinball = np.maximum(levels * error, (levels - 1) * error)
    np.testing.assert_allclose(crps(quantiles, y, fair=False), 2 * pinball.mean(axis=1), rtol=1e-12)


def test_the_fair_estimate_does_not_depend_on_the_number_of_draws(rng: np.random.Generator) -> None:
    """In expectation: three draws a case score like a thousand; the other estimator would be a third off."""
    y = rng.normal(size=60_000)
    few = crps(rng.normal(size=(len(y), 3)), y).mean()
    biased = crps(rng.normal(size=(len(y), 3)), y, fair=False).mean()
    expected = gaussian_crps(0.0, 1.0, y).mean()
    assert few == pytest.approx(expected, abs=0.01)
    assert biased > expected + 0.1


def test_crps_of_a_certain_prediction_is_the_absolute_error() -> None:
    np.testing.assert_allclose(crps(np.full((2, 5), 3.0), np.array([1.0, 3.5])), [2.0, 0.5])


def test_pit_is_uniform_when_the_prediction_is_right(rng: np.random.Generator) -> None:
    u = pit(rng.normal(size=(4000, 400)), rng.normal(size=4000))
    assert stats.kstest(u, "uniform").pvalue > 0.001


def test_scores_of_calibrated_log_normal_predictions(rng: np.random.Generator) -> None:
    center = rng.uniform(-3, 8, 6000)
    draws = np.exp(center[:, None] + 0.4 * rng.normal(size=(6000, 300)))
    s = score(draws, np.exp(center + 0.4 * rng.normal(size=6000)))
    assert s.n == 6000
    assert s.coverage50 == pytest.approx(0.5, abs=0.02)
    assert s.coverage90 == pytest.approx(0.9, abs=0.015)
    assert s.width90 == pytest.approx(2 * 1.645 * 0.4, rel=0.02)
    assert s.crps == pytest.approx(0.4 / np.sqrt(np.pi), rel=0.03)
    assert s.bias == pytest.approx(0, abs=0.02)
    inside = stats.norm.cdf(np.log1p(s.medape) / 0.4) - stats.norm.cdf(np.log1p(-s.medape) / 0.4)
    assert inside == pytest.approx(0.5, abs=0.02)  # half of the errors are smaller than the median error
    assert s.mape > s.medape


def test_scores_do_not_depend_on_the_unit(rng: np.random.Generator) -> None:
    draws, y = np.exp(rng.normal(size=(200, 50))), np.exp(rng.normal(size=200))
    in_ms, in_s = score(draws * 1e3, y * 1e3), score(draws, y)
    for name, value in in_s.as_dict().items():
        assert in_ms.as_dict()[name] == pytest.approx(value, abs=1e-9), name


def test_cases_of_parts_summarise_like_the_whole(rng: np.random.Generator) -> None:
    draws, y = rng.normal(size=(90, 40)), rng.normal(size=90)
    whole = cases(draws, y)
    parts = [cases(draws[i], y[i]) for i in (slice(0, 20), slice(20, 90))]
    joined = Cases(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("observed", "quantiles", "crps", "pit")))
    assert summarise(joined) == summarise(whole)
    assert whole.quantiles.shape == (90, len(LEVELS))
    assert summarise(whole.take(np.arange(5))).n == 5


def test_no_cases_have_no_score() -> None:
    s = summarise(Cases(np.empty(0), np.empty((0, len(LEVELS))), np.empty(0), np.empty(0)))
    assert s.n == 0
    assert np.isnan([v for k, v in s.as_dict().items() if k != "n"]).all()
