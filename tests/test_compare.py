"""Comparison of posteriors: distances are right, equal posteriors are equal, and data favour the better one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from drawn import overlapping, texts
from helpers import A100, T4, measurements
from hypothesis import given, settings, strategies as st
from scipy import stats

from hwpredict.cli import main
from hwpredict.errors import InvalidWorkloadError, UnknownNameError
from hwpredict.evaluate.compare import compare, elpd, overlap, wasserstein
from hwpredict.evaluate.density import elpd_difference, log_density
from hwpredict.evaluate.effects import effect_summary, effect_table, find_effect
from hwpredict.evaluate.few_shots import few_shots
from hwpredict.evaluate.leave_one_out import largest_k, leave_one_out, log_likelihood
from hwpredict.evaluate.reliability import LEVELS, from_draws, reliability
from hwpredict.evaluate.roofline_curve import measured_rates, roofline_curve
from hwpredict.performance import rows as r
from hwpredict.performance.fit import fit
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import predict
from hwpredict.plots import visualize_posterior
from hwpredict.plots.comparison import draw_comparison, effect_shift, prediction_shift

ROWS = measurements()
#: A device that the first posterior has not seen.
HELD = [row for row in ROWS if row["device"] == T4]
KNOWN = [row for row in ROWS if row["device"] != T4]


#: What the effects of harnesses on the whole of time and of memory pool over.
WHOLE = {"time": ("harness", "platform"), "memory": ("source", "platform")}


@pytest.fixture(scope="module")
def a() -> Posterior:
    return fit(KNOWN, iterations=5, draws=64)


@pytest.fixture(scope="module")
def b() -> Posterior:
    return fit(ROWS, iterations=5, draws=64, seed=1)


@pytest.fixture(scope="module")
def tree(a: Posterior, b: Posterior) -> xr.DataTree:
    cells = r.table(
        [{k: v for k, v in row.items() if k not in ("throughput", "latency_ms", "memory_mb")} for row in ROWS[::9]]
    )
    return compare(a, b, names=("before", "after"), cells=cells, measurements=HELD[::3], draws=100)


# --- distances


@settings(max_examples=30)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 9))
def test_wasserstein_agrees_with_scipy(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = np.sort(rng.normal(size=(n, 2)), axis=0), np.sort(rng.normal(1, 2, size=(k, 2)), axis=0)
    expected = [stats.wasserstein_distance(x[:, i], y[:, i]) for i in range(2)]
    # quantile functions on the finer of two grids: exact for equal lengths
    np.testing.assert_allclose(wasserstein(x, y), expected, rtol=1e-6 if n == k else 0.6, atol=1e-9 if n == k else 0.4)


@settings(max_examples=30)
@given(st.floats(-3, 3), st.floats(0.1, 3), st.floats(-3, 3), st.floats(0.1, 3))
def test_overlap_is_the_area_under_the_lower_density(m: float, s: float, k: float, t: float) -> None:
    x = np.linspace(-25, 25, 200_001)
    area = np.minimum(stats.norm.pdf(x, m, s), stats.norm.pdf(x, k, t)).sum() * (x[1] - x[0])
    found = overlap(*(np.array([v]) for v in (m, s, k, t)))
    assert found[0] == pytest.approx(area, abs=2e-3)


def test_log_density_is_that_of_the_distribution_drawn_from() -> None:
    rng = np.random.default_rng(0)
    y = rng.standard_t(4, 2000)
    draws = rng.standard_t(4, (2000, 400))
    found = log_density(draws, y)
    assert found.mean() == pytest.approx(stats.t.logpdf(y, 4).mean(), abs=0.06)
    wrong = log_density(3 * draws, y)
    assert found.mean() > wrong.mean() + 0.2


def test_the_error_of_a_difference_counts_groups_as_units() -> None:
    difference = np.repeat([1.0, -1.0, 1.0, -1.0], 25)
    total, error = elpd_difference(difference, np.zeros(100))
    assert total == 0
    assert error == pytest.approx(np.sqrt(100 * difference.var(ddof=1)))
    _, by_group = elpd_difference(difference, np.zeros(100), np.repeat([0, 1, 2, 3], 25))
    assert by_group > 4 * error


# --- posteriors


def test_a_posterior_is_equal_to_itself(a: Posterior) -> None:
    effects = compare(a, a)["effects"].to_dataset()
    there = effects["levels_common"] > 0
    assert there.any()
    np.testing.assert_allclose(effects["wasserstein"].where(there, drop=True), 0, atol=1e-6)
    np.testing.assert_allclose(effects["overlap"].where(there, drop=True), 1, atol=1e-3)


def test_a_shift_is_found_where_it_is(a: Posterior) -> None:
    name = find_effect(a, ("device", "platform"), "compute")
    position = [e.name for e in a.effects].index(name)
    mean = a.mean.copy()
    mean[a.effect_slice(position)] += 0.5
    effects = compare(a, replace(a, mean=mean))["effects"].to_dataset()
    assert float(effects["wasserstein"].sel(effect=name)) == pytest.approx(0.5, abs=1e-3)
    others = effects.drop_sel(effect=name)
    assert float(others["wasserstein"].fillna(0).max()) < 1e-6


def test_effects_that_one_lacks_are_listed(a: Posterior, b: Posterior) -> None:
    fewer = replace(
        b, effects=b.effects[:-1], starts=b.starts[:-1], keys=b.keys[: b.starts[-2]], mean=b.mean[: b.starts[-2]],
        deviation=b.deviation[:, : b.starts[-2]], counts=b.counts[: b.starts[-2]], scale=b.scale[:, :-1],
    )  # fmt: skip
    effects = compare(a, fewer)["effects"].to_dataset()
    assert float(effects["levels_b"].sel(effect=b.effects[-1].name)) == 0


def test_the_new_device_is_where_predictions_move(tree: xr.DataTree) -> None:
    shift = tree["predictions"].to_dataset()
    time = np.abs(shift["log_ratio"].sel(metric="latency"))
    assert float(time[shift["device"] == T4].mean()) > float(time[shift["device"] == A100].mean())
    width = shift["width_ratio"].sel(metric="latency")
    assert float(width[shift["device"] == T4].mean()) < float(width[shift["device"] == A100].mean())


def test_data_favour_the_posterior_that_has_seen_them(tree: xr.DataTree) -> None:
    score = tree["elpd"].to_dataset().sel(metric="throughput")
    assert float(score["difference"]) > 2 * float(score["error"]) > 0
    assert float(score["n"]) > 10
    for tag in "ab":
        inner, outer = (float(score[f"coverage_{level}_{tag}"]) for level in (50, 90))
        assert 0 <= inner <= outer <= 1
    whole = tree["calibration_b"].to_dataset()["coverage"].sel(group="all", level=0.9)
    assert float(whole) == float(score["coverage_90_b"])


@pytest.mark.parametrize(("metric", "column"), [("throughput", "throughput"), ("memory", "memory_mb")])
def test_leaving_a_figure_out_lowers_its_density(b: Posterior, metric: str, column: str) -> None:
    rows = r.table([row for row in ROWS if row.get(column)][::7])
    seen = log_likelihood(b, rows, metric)
    assert seen.shape == (len(rows["model"]), len(b.scale))
    inside = np.log(np.exp(seen).mean(axis=1))
    density, k = leave_one_out(b, rows, metric)
    assert density.mean() < inside.mean()
    # where no weight stands out, what the harmonic mean of the likelihoods estimates
    harmonic = -np.log(np.exp(-seen).mean(axis=1))
    tame = np.exp(-seen).max(axis=1) < 8 * np.exp(-seen).mean(axis=1)
    assert tame.any()
    np.testing.assert_allclose(density[tame], harmonic[tame], atol=0.25)
    assert np.isfinite(k).all()
    # the likelihood is that of the draws: a kernel estimate from these says nearly the same
    drawn = getattr(predict(b, rows, draws=2000, calibrated=False), metric)
    assert inside.mean() == pytest.approx(log_density(np.log(drawn), np.log(rows[column])).mean(), abs=0.15)


def test_leaving_out_agrees_with_a_fit_without_the_figure(b: Posterior) -> None:
    """Of a figure on which little hangs: one of several of its device, model and harness."""
    at = next(i for i, row in enumerate(ROWS) if row.get("throughput") and row["batch_size"] == 8)
    without = fit(ROWS[:at] + ROWS[at + 1 :], iterations=5, draws=64, seed=1)
    one = r.table([ROWS[at]])
    density, _ = leave_one_out(b, one, "throughput")
    exact = np.log(np.exp(log_likelihood(without, one, "throughput")).mean())
    assert float(density[0]) == pytest.approx(float(exact), abs=0.5)


def test_densities_of_seen_figures_say_how_far_they_are_to_be_trusted(a: Posterior, b: Posterior) -> None:
    score = elpd(a, b, KNOWN[::5], seen=True, draws=50)["elpd"].sel(metric="throughput")
    assert abs(float(score["difference"])) < 2 * len(KNOWN[::5])  # they saw nearly the same, in five iterations
    assert 0 <= float(score["unreliable_a"]) <= 1
    assert "unreliable_a" not in elpd(a, b, KNOWN[::5], draws=50)["elpd"]
    assert largest_k(112) == pytest.approx(0.512, abs=1e-3)
    assert largest_k(10_000) == 0.7


def test_a_comparison_is_a_file_and_figures(tree: xr.DataTree, tmp_path: Path) -> None:
    tree.to_netcdf(tmp_path / "compare.nc")
    with xr.open_datatree(tmp_path / "compare.nc") as read:
        xr.testing.assert_allclose(read["effects"].to_dataset(), tree["effects"].to_dataset())
    files = draw_comparison(tree, tmp_path)
    assert [f.stem for f in files] == ["effect_shift", "prediction_shift", "calibration"]


def test_figures_of_a_comparison_can_be_read(tree: xr.DataTree) -> None:
    names = ("reference_as_it_was_before_the_refit_of_spring", "own")
    effects, predictions = (tree[g].to_dataset() for g in ("effects", "predictions"))
    for figure in (effect_shift(effects, names), prediction_shift(predictions, names)):
        assert overlapping(figure) == []
        whole = figure.bbox
        for text, box in texts(figure):
            assert whole.x0 <= box.x0, text
            assert box.x1 <= whole.x1, text


def test_scoring_needs_figures(a: Posterior) -> None:
    bare = [{k: v for k, v in ROWS[0].items() if k not in ("throughput", "latency_ms", "memory_mb")}]
    with pytest.raises(InvalidWorkloadError, match="nothing to score"):
        elpd(a, a, bare)


def test_the_command_compares(a: Posterior, b: Posterior, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a.save(tmp_path / "a.nc")
    b.save(tmp_path / "b.nc")
    command = f"compare {tmp_path}/a.nc {tmp_path}/b.nc --draws 40 -o {tmp_path}/c.nc --output-dir {tmp_path}/fig"
    with pytest.raises(SystemExit) as done:
        main(command.split())
    assert done.value.code == 0
    printed = capsys.readouterr().out
    assert "contraction" in printed
    assert "throughput of 810 cells of the default matrix" in printed
    assert (tmp_path / "c.nc").exists()
    assert {f.name for f in (tmp_path / "fig").iterdir()} == {"effect_shift.png", "prediction_shift.png"}


def test_the_command_compares_on_data(
    a: Posterior, b: Posterior, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a.save(tmp_path / "a.nc")
    b.save(tmp_path / "b.nc")
    pd.DataFrame(HELD[::3]).to_parquet(tmp_path / "held.parquet")
    command = f"compare {tmp_path}/a.nc {tmp_path}/b.nc --draws 40"

    def run(more: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            main(f"{command} {more}".split())
        out, err = capsys.readouterr()
        return int(done.value.code or 0), out, err

    status, out, _ = run(f"--data {tmp_path}/held.parquet --format json")
    found = json.loads(out)
    assert status == 0
    assert {p["metric"] for p in found["predictions"]} == {"throughput", "latency", "memory"}
    assert all(p["ratio_low"] <= p["ratio"] <= p["ratio_high"] for p in found["predictions"])
    assert found["elpd"][0]["coverage_90_b"] >= found["elpd"][0]["coverage_50_b"]
    status, out, _ = run(f"--data {tmp_path}/held.parquet --loo")
    assert status == 0
    for said in ("leave-one-out", "standard error", "intervals cover", "not to be trusted"):
        assert said in out
    status, out, err = run("--loo")
    assert (status, out) == (2, "")
    assert "--data" in err


# --- views of one posterior


def test_effects_are_found_by_what_they_pool_over(a: Posterior) -> None:
    name = find_effect(a, ("platform", "device"), "compute")
    table = effect_table(a, name)
    assert set(table["device"].to_numpy()) <= {row["device"] for row in KNOWN}
    assert (table["effect_quantile"].diff("quantile") >= 0).all()
    assert (table["contraction"] >= 0).all()
    with pytest.raises(UnknownNameError, match="device"):
        effect_table(a, "devise:compute")
    with pytest.raises(UnknownNameError, match="effect of this posterior"):
        find_effect(a, ("colour",), "compute")
    pools = {e.name: e for e in a.effects}
    whole = {m: pools[find_effect(a, labels, "row", m)] for m, labels in WHOLE.items()}
    assert {m: e.metric for m, e in whole.items()} == {"time": "time", "memory": "memory"}
    with pytest.raises(UnknownNameError, match="source × platform on row of time"):
        find_effect(a, WHOLE["memory"], "row")  # of memory alone: not to be taken for one of time
    summary = effect_summary(a)
    assert int(summary["levels"].sum()) == len(a.keys)


def test_reliability_counts_what_lies_inside() -> None:
    draws = np.exp(np.tile(np.linspace(-2, 2, 401), (4, 1)))
    data = from_draws(draws, np.exp([-1.9, -0.5, 0.1, 5.0]), ["x", "x", "y", "y"])
    np.testing.assert_allclose(data["pit"], [0.025, 0.375, 0.525, 1.0], atol=0.01)
    assert float(data["coverage"].sel(group="all", level=0.5)) == 0.5
    assert float(data["coverage"].sel(group="y", level=0.95)) == 0.5
    assert data["group"].to_numpy().tolist() == ["all", "x", "y"]
    assert len(data["level"]) == len(LEVELS)


def test_a_fit_is_reliable_on_its_own_data(b: Posterior) -> None:
    data = reliability(b, ROWS[::2], by="hardware")
    assert 0.75 < float(data["coverage"].sel(group="all", level=0.9)) <= 1
    with pytest.raises(InvalidWorkloadError, match="nothing to compare"):
        reliability(b, [ROWS[0] | {"memory_mb": None}], metric="memory")


def test_a_few_measurements_narrow_a_new_device(a: Posterior) -> None:
    data = few_shots(a, HELD, shots=(0, 6), repeats=1, draws=60)
    for name in ("medape", "width90"):
        before, after = data[name].squeeze("repeat").to_numpy()
        assert after < before
    with pytest.raises(InvalidWorkloadError, match="at least 10 more"):
        few_shots(a, HELD[:8], shots=(0, 6))


def test_a_roofline_rises_and_levels_off(b: Posterior) -> None:
    data = roofline_curve(b, "t4", "fp16", measurements=ROWS, draws=60)
    rate = data["rate_quantile"].sel(quantile=0.5).to_numpy()
    slope = np.diff(np.log(rate)) / np.diff(np.log(data["intensity"].to_numpy()))
    assert slope[0] == pytest.approx(1, abs=0.25)  # bound by bandwidth
    assert slope[-1] < 0.5  # bound by arithmetic
    assert data["roof"].max() == data.attrs["peak"]
    intensity, reached, names = measured_rates(ROWS, "cuda", T4, "fp16")
    assert len(intensity) == len(reached) == len(names) == data.sizes["point"] > 5
    assert (reached < data.attrs["peak"]).all()
    with pytest.raises(InvalidWorkloadError, match="platform"):
        roofline_curve(b, "cuda", "fp16")


def test_figures_of_a_posterior(a: Posterior, b: Posterior, tmp_path: Path) -> None:
    files = visualize_posterior(
        b, tmp_path, kinds=["roofline", "shrinkage", "calibration"], hardware=["t4"], measurements=ROWS[::5]
    )
    assert [f.name for f in files] == ["roofline_t4_fp16.png", "shrinkage.png", "calibration.png"]
    few = visualize_posterior(a, tmp_path, kinds=["contraction"], hardware=["t4"], measurements=ROWS)
    assert few[0].name == "contraction.png"
    with pytest.raises(InvalidWorkloadError, match="needs 35 rows of a device"):
        visualize_posterior(a, tmp_path, kinds=["contraction"], measurements=ROWS[:9])
    for kind, says in (("roofline", "--hardware"), ("calibration", "--data"), ("contraction", "--data")):
        with pytest.raises(InvalidWorkloadError, match=says):
            visualize_posterior(b, tmp_path, kinds=[kind])
