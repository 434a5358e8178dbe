"""Scores of decisions: the published formula on the published figures, reliability, regret."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from hwpredict.evaluate.decisions import (
    Purchase,
    bootstrap,
    most_users,
    realised_regret,
    reliability,
    success_overspend,
    worst,
)


def test_success_and_overspend_by_hand() -> None:
    found = success_overspend([Purchase(12.0, 10.0, True), Purchase(10.0, 10.0, True), Purchase(1.0, 10.0, False)])
    assert found.success == pytest.approx(2 / 3)
    assert found.overspend == pytest.approx(0.1)
    assert found.score == pytest.approx(2 * (2 / 3) * 0.9 / (2 / 3 + 0.9))
    assert success_overspend([Purchase(float("nan"), 1.0, False)]).score == 0
    assert success_overspend([Purchase(30.0, 10.0, True)]).score == 0  # overspend of 200 %
    assert success_overspend([]).score == 0


def test_users_within_the_limits_stop_at_the_first_violation() -> None:
    latencies = {"itl": np.array([[10.0], [60.0], [20.0]]), "ttft": np.array([[1.0], [1.0], [1.0]])}
    assert most_users(latencies, np.array([1, 2, 4]), {"itl": 50, "ttft": 5}).tolist() == [1]
    assert most_users(latencies, np.array([1, 2, 4]), {"itl": 5, "ttft": 5}).tolist() == [0]
    assert most_users(latencies, np.array([1, 2, 4]), {"itl": 100, "ttft": 5}).tolist() == [4]


def test_reliability_of_honest_and_of_boastful_probabilities() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(size=20_000)
    honest = reliability(p, rng.uniform(size=p.size) < p)
    assert worst(honest) < 0.05
    assert sum(b.n for b in honest) == p.size
    boastful = reliability(p, rng.uniform(size=p.size) < p / 2)
    assert worst(boastful) > 0.4
    assert np.isnan(worst(reliability(np.array([0.5]), np.array([True]))))


def test_regret_and_bootstrap() -> None:
    assert realised_regret(np.array([1.0, 3.0]), 0) == 2.0
    assert realised_regret(np.array([1.0, 3.0]), 1) == 0.0
    low, high = bootstrap(list(np.random.default_rng(1).normal(5, 1, 100)), lambda v: float(np.mean(v)))
    assert low < 5 < high
    assert high - low < 0.5


def test_the_published_methods_score_as_published(repository: Path) -> None:
    folder = repository.parent / "shared" / "raw" / "llm_pilot"
    if not folder.exists():
        pytest.skip("the published predictions are not beside this checkout")
    benchmark = importlib.import_module("decisions")
    published = {row[""]: row for row in benchmark.read(folder / "expected_recommendation_scores.csv")}
    for method, purchases in benchmark.score_published(folder).items():
        found = success_overspend(purchases)
        assert found.score == pytest.approx(float(published[method]["so_score"]), abs=1e-6), method
        assert 100 * found.success == pytest.approx(float(published[method]["success_rate"]))
