"""Scores of decisions: the published formula on the published figures, reliability, regret."""

from __future__ import annotations

import json
from pathlib import Path

import helpers
import numpy as np
import pandas as pd
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


def test_cases_that_come_true_together_count_once() -> None:
    """Ten copies of each case: the error is that of the originals, not of ten times as many."""
    rng = np.random.default_rng(2)
    p = rng.uniform(0.4, 0.5, size=400)
    came = rng.uniform(size=p.size) < p
    (once,) = reliability(p, came)
    (copied,) = reliability(np.repeat(p, 10), np.repeat(came, 10), clusters=np.repeat(np.arange(p.size), 10))
    assert once.error == pytest.approx(np.sqrt(0.45 * 0.55 / p.size), rel=0.1)
    assert copied.error == pytest.approx(once.error)
    assert abs(once.deviation) < 3 * once.error


def test_regret_and_bootstrap() -> None:
    assert realised_regret(np.array([1.0, 3.0]), 0) == 2.0
    assert realised_regret(np.array([1.0, 3.0]), 1) == 0.0
    low, high = bootstrap(list(np.random.default_rng(1).normal(5, 1, 100)), lambda v: float(np.mean(v)))
    assert low < 5 < high
    assert high - low < 0.5


# -- the benchmark of decisions


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("decisions") / "rows.parquet"
    pd.DataFrame(helpers.measurements()).to_parquet(path)
    return path


def test_the_benchmark_prints_every_part(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("lightgbm")
    import decisions

    out = tmp_path / "figures.json"
    results = decisions.main([str(table), "--quick", "--rows-per-source", "200", "--out", str(out)])
    printed = capsys.readouterr().out
    parts = {"regret", "calibration", "calibration of cells", "information"}
    assert json.loads(out.read_text()).keys() == parts == results.keys()
    assert "LLM-Pilot: left out; give --pilot" in printed
    fastest = results["regret"]["fastest"]
    assert fastest["decisions"] >= 1
    assert 0 <= fastest["expected utility"] < np.log(10)
    for method in ("expected utility", "point estimate", "LightGBM median", "plain roofline"):
        assert f"{method:<18} mean regret" in printed
    for part in ("calibration", "calibration of cells"):
        for found in (results[part], results[part]["recalibrated"]):
            assert all(sum(b["n"] for b in found[e]["bins"]) > 0 for e in ("P(best)", "P(feasible)", "P(fits)"))


def test_folds_hold_every_group_out_once(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from choices import heldout, settings

    rows = heldout.r.table(pd.read_parquet(table))
    args = settings.parse("", [str(table), "--quick", "--folds", "2", "--rows-per-source", "40", "--test-rows", "0"])
    found = heldout.folds(rows, "model", None, args)
    held = [set(f.held["model"].tolist()) for f in found]
    assert not held[0] & held[1]
    assert held[0] | held[1] == set(rows["model"].tolist())
    assert all(not set(f.rows["model"][~f.test].tolist()) & h for f, h in zip(found, held, strict=True))
    from choices.calibration import calibration

    seen = calibration(found, args)
    assert "recalibrated on the other folds" in capsys.readouterr().out
    cases = sum(np.isfinite(f.held["memory_mb"]).sum() for f in found)
    assert 0 < sum(b["n"] for b in seen["P(fits)"]["bins"]) <= 8 * cases
    with pytest.raises(SystemExit):
        settings.parse("", ["rows.parquet", "--folds", "5", "--cell-posterior", "p.nc"])


def test_limits_that_are_held_against_are_set_before_anything_is_measured() -> None:
    from choices.calibration import halves, round_limit

    assert np.exp(round_limit(np.log([[9.0, 11.0, 16.0], [3.0, 4.0, 4.5], [30.0, 31.0, 90.0]]))) == pytest.approx(10)
    models = np.array(list("abcabcdd"), dtype=object)
    (learn, judge), (second, other) = halves(models, 0)
    assert not set(models[learn]) & set(models[judge])
    assert (learn == other).all()
    assert (judge == second).all()
    assert (learn | judge).all()


def test_what_ran_is_not_asked_whether_it_fits_where_it_ran() -> None:
    from choices.calibration import given_that_it_ran

    memory = np.array([[1.0, 3.0, 5.0, 9.0]] * 4)
    own = np.array([8.0, 4.0, np.nan, 0.5])
    found = given_that_it_ran(memory, 4.0, own)
    assert found[0] == pytest.approx(2 / 3)  # of the three draws that fit into 8
    assert np.isnan(found[1])  # measured on such a device: it fitted
    assert found[2] == pytest.approx(0.5)  # nobody knows what it was measured on
    assert np.isnan(found[3])  # should not have run where it did

    rng = np.random.default_rng(0)
    draws, truth = np.exp(rng.standard_normal((4000, 200))), np.exp(rng.standard_normal(4000))
    ran = truth <= 2.0  # the others are in no table
    stated = given_that_it_ran(draws[ran], 1.0, np.full(ran.sum(), 2.0))
    assert stated.mean() == pytest.approx((truth[ran] <= 1.0).mean(), abs=0.03)
    assert (draws[ran] <= 1.0).mean() < (truth[ran] <= 1.0).mean() - 0.1


def test_settings_of_the_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    from choices import settings

    quick = settings.parse("", ["rows.parquet", "--quick", "--draws", "33"])
    assert quick.iterations == settings.QUICK["iterations"]
    assert quick.draws == 33
    assert settings.parse("", ["rows.parquet"]).iterations > quick.iterations
    with pytest.raises(SystemExit):
        settings.parse("", ["rows.parquet", "--parts", "regrets"])
    assert "unknown part 'regrets'" in capsys.readouterr().err


def test_curves_of_different_lengths_are_averaged(capsys: pytest.CaptureFixture[str]) -> None:
    from choices.information import report

    found = report({"advice": [[0.2, 0.0], [0.1]], "chance": [[0.2, 0.2, 0.0], [0.1, 0.1, 0.1, 0.0]]})
    assert found["advice"] == pytest.approx([0.15, 0.05, 0.05, 0.05])
    assert found["chance"] == pytest.approx([0.15, 0.15, 0.05, 0.0])
    assert found["to 0.05"] == {"advice": 1, "chance": 2}
    assert "after 3 benchmarks" in capsys.readouterr().out
    assert report({"advice": [], "chance": []})["decisions"] == 0


def test_held_out_rows_are_thinned_by_whole_groups() -> None:
    from choices.heldout import sample_groups

    names = np.array(list("aaabbbcccddd"), dtype=object)
    test = np.array([1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0], dtype=bool)
    some = sample_groups(names, test, 4, seed=0)
    assert some.sum() == 6
    assert all(some[names == n].all() or not some[names == n].any() for n in "abc")
    assert not some[~test].any()
    assert (sample_groups(names, test, 0, seed=0) == test).all()


def test_a_profile_is_bought_by_expected_utility() -> None:
    """Half the draws say that two pods of the cheap profile do; the dear one is sure."""
    from choices.pilot import recommend_profile

    prices, real = {"cheap": 1.0, "dear": 1.3}, {"cheap": 100, "dear": 100}
    doubtful = {"cheap": np.array([100.0, 40.0] * 50), "dear": np.full(100, 100.0)}
    bought, what = recommend_profile(doubtful, real, prices)
    assert what == "2 of dear"
    assert bought.met
    assert bought.expense / bought.cheapest == pytest.approx(1.3)
    sure, what = recommend_profile({k: np.full(100, 100.0) for k in prices}, real, prices)
    assert (what, sure.expense) == ("2 of cheap", 2.0)
    nothing, what = recommend_profile({"cheap": np.zeros(100)}, real, prices)
    assert what == "nothing"
    assert not nothing.met
