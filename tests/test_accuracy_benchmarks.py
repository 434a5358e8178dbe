"""The harness of the accuracy benchmarks: caps, tasks, cache, tables, recommendations; and the rivals, if installed."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from harness import recommendation
from harness.cache import Cache, Entry
from harness.data import TARGETS, Data, Target, capped, from_frame
from harness.results import best_rival, dataset, markdown, method_table, number, percent, share
from harness.tables import bars_table, judged
from harness.tasks import MAX_TEST, Task, capped_test, grouped_tasks, left_out
from hwpredict.evaluate.scores import cases, summarise
from rivals.base import KNOTS, LEVELS, Inputs, Rival, from_knots, gaussian
from rivals.conformal import calibrate
from rivals.table import METHODS, MODEL, RIVALS

DEVICES = ("NVIDIA A100-SXM4-40GB", "NVIDIA T4", "NVIDIA H100-SXM5-80GB", "NVIDIA L4", "NVIDIA Tesla V100-SXM2-16GB")
MODELS = ("resnet50", "resnet18", "vit_base_patch16_224", "mobilenet_v2", "densenet121", "efficientnet_b0", "vgg16")


@pytest.fixture(scope="module")
def data() -> Data:
    """Throughput that falls with work and rises with the device, and memory for some rows."""
    rng = np.random.default_rng(5)
    rows: list[dict[str, Any]] = []
    for i, model in enumerate(MODELS):
        for j, device in enumerate(DEVICES):
            for k, batch in enumerate((1, 8, 32, 128)):
                rows.append({
                    "table": f"table {j % 2}", "source": "s", "measured": f"{2018 + k}-0{1 + i % 9}", "model": model,
                    "model_family": "vision", "hardware": "cuda", "device": device, "precision": "fp16",
                    "runtime": "pytorch-eager", "batch_size": batch, "mode": "inference", "item": "image",
                    "throughput": float(np.exp(6 - 0.4 * i + 0.3 * j + 0.3 * k + 0.1 * rng.normal())),
                    "latency_ms": np.nan, "memory_mb": 900.0 + 10 * batch if j == 0 else np.nan,
                })  # fmt: skip
    return from_frame(pd.DataFrame(rows))


def entry(task: Task, target: Target, error: float, seed: int = 0) -> Entry:
    """Predictions that are off by a constant."""
    y = task.data.log_figure(target)[task.test]
    rows, y = task.test[np.isfinite(y)], y[np.isfinite(y)]
    draws = y[:, None] + error + 0.2 * np.random.default_rng(seed).normal(size=(len(y), 100))
    return Entry(rows, cases(draws, y), {"train_rows": 10, "cpu_seconds": 1.5, "inner_crps": 0.1, "options": {}})


# --- data and tasks ---------------------------------------------------------------------------------------------------


def test_a_cap_keeps_so_many_rows_of_each_source() -> None:
    source = np.array(["a"] * 50 + ["b"] * 5 + ["a"] * 50, dtype=object)
    kept = capped(source, 20, np.random.default_rng(0))
    assert sorted(source[kept].tolist()) == ["a"] * 20 + ["b"] * 5
    assert (np.diff(kept) > 0).all()
    assert len(capped(source, None, np.random.default_rng(0))) == 105
    other = capped(source, None, np.random.default_rng(0), own="b", others=7)
    assert sorted(source[other].tolist()) == ["a"] * 7 + ["b"] * 5


def test_a_target_of_one_phase_has_only_its_rows(data: Data) -> None:
    assert np.isfinite(data.log_figure(TARGETS[0])).all()
    assert np.isnan(data.log_figure(Target("TTFT", "throughput", "prefill"))).all()
    assert np.isfinite(data.log_figure(Target("memory", "memory"))).sum() == len(MODELS) * 4


def test_the_fingerprint_is_of_the_rows(data: Data) -> None:
    assert data.fingerprint() == data.take(np.arange(len(data))).fingerprint()
    other = data.take(np.arange(len(data)))
    other.rows["throughput"][3] *= 1.001
    assert other.fingerprint() != data.fingerprint()


def test_folds_and_groups_left_out_share_nothing_with_training(data: Data) -> None:
    for kind in ("model", "device", "cell", "time"):
        for task in grouped_tasks(data, kind, folds=5, first=5, seed=1):
            assert len(task.test)
            assert not set(task.train) & set(task.test)
            if kind != "time":
                assert not set(task.keys[task.train]) & set(task.keys[task.test])
    folds = list(grouped_tasks(data, "device", folds=5, first=5, seed=1))
    assert np.array_equal(np.sort(np.concatenate([t.test for t in folds])), np.arange(len(data)))


def test_shots_are_trained_on_and_not_tested(data: Data) -> None:
    among = data.rows["source"] == "table 0"
    tasks = list(left_out(data, "device", data.labels["device"], among=among, shots=5, seed=2))
    assert [t.part for t in tasks] == sorted(set(data.labels["device"][among].tolist()))
    for task in tasks:
        mine = task.keys == task.part
        assert mine[task.train].sum() == 5
        assert mine[task.test].all()
        assert not set(task.train) & set(task.test)
        assert len(task.train) + len(task.test) == len(data)


def test_inner_folds_divide_as_the_split_does(data: Data) -> None:
    rng = np.random.default_rng(0)
    (model,) = grouped_tasks(data, "model", folds=5, first=1, seed=1)
    train, test = model.inner(model.train, rng)
    assert not set(model.keys[model.train[train]]) & set(model.keys[model.train[test]])
    assert (train ^ test).all()
    (when,) = grouped_tasks(data, "time", folds=5, first=1, seed=1)
    train, test = when.inner(when.train, rng)
    assert data.when[when.train[train]].max() < data.when[when.train[test]].min()


def test_very_many_test_rows_are_sampled() -> None:
    index = np.arange(MAX_TEST * 2)
    assert len(capped_test(index, 0)) == MAX_TEST
    assert len(capped_test(index[:9], 0)) == 9


# --- cache ------------------------------------------------------------------------------------------------------------


def test_the_cache_returns_what_was_put_for_these_rows_only(data: Data, tmp_path: Path) -> None:
    (task,) = grouped_tasks(data, "model", folds=5, first=1, seed=1)
    cache, given = Cache(tmp_path), entry(task, TARGETS[0], 0.1)
    assert cache.get(task.slug, task.fingerprint(), "throughput", "CatBoost") is None
    cache.put(task.slug, task.fingerprint(), "throughput", "CatBoost", given)
    found = cache.get(task.slug, task.fingerprint(), "throughput", "CatBoost")
    assert found is not None
    assert found.about == given.about
    np.testing.assert_array_equal(found.rows, given.rows)
    np.testing.assert_allclose(found.cases.quantiles, given.cases.quantiles, rtol=1e-5)
    assert summarise(found.cases).crps == pytest.approx(summarise(given.cases).crps, rel=1e-5)
    other = replace(task, test=task.test[:-1])
    assert cache.get(other.slug, other.fingerprint(), "throughput", "CatBoost") is None
    assert not list(tmp_path.rglob("*.[0-9]*.npz")), "a temporary file was left behind"


# --- scores and tables ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scores(data: Data) -> xr.Dataset:
    collected = {}
    for kind in ("model", "device"):
        tasks = list(grouped_tasks(data, kind, folds=5, first=5, seed=1))
        for i, method in enumerate((MODEL, "CatBoost", "Plain roofline")):
            collected[kind, "throughput", method] = [(t, entry(t, TARGETS[0], 0.3 * i, seed=i)) for t in tasks]
    return dataset(collected, attrs={"title": "A test", "rows": len(data), "seed": 1}, least=20)


def test_scores_are_pooled_over_the_parts(data: Data, scores: xr.Dataset) -> None:
    assert scores.sizes["predictor"] == 3
    assert list(scores.crps.dims) == ["split", "metric", "group", "predictor"]
    s = scores.sel(split="model", metric="throughput", group="all")
    assert (s.n == len(data)).all()
    assert float(s.bias.sel(predictor="CatBoost")) == pytest.approx(-0.3, abs=0.05)
    np.testing.assert_allclose(s.pit.sum("bin"), 1, rtol=1e-5)
    assert float(s.train_rows.sel(predictor=MODEL)) == 10
    assert float(s.cpu_seconds.sel(predictor=MODEL)) == pytest.approx(7.5)
    by_device = scores.sel(split="device", metric="throughput", predictor=MODEL)
    parts = by_device.n.where(by_device.group_kind == "part", drop=True)
    assert float(parts.sum()) == len(data)
    assert "platform: cuda" in scores.group.values
    assert set(scores.group_kind.values) == {"all", "platform", "phase", "platform × phase", "source", "part"}


def test_scores_survive_a_file(scores: xr.Dataset, tmp_path: Path) -> None:
    scores.to_netcdf(tmp_path / "s.nc")
    with xr.open_dataset(tmp_path / "s.nc") as back:
        xr.testing.assert_allclose(back, scores)
        assert back.attrs["title"] == "A test"


def test_the_best_rival_is_not_the_model(scores: xr.Dataset) -> None:
    least = best_rival(scores).sel(split="model", metric="throughput", group="all")
    expected = scores.crps.sel(split="model", metric="throughput", group="all", predictor="CatBoost")
    assert float(least) == float(expected)
    assert np.isnan(best_rival(scores.sel(predictor=[MODEL]))).all()


def test_a_method_table_is_ordered_by_crps(scores: xr.Dataset) -> None:
    lines = method_table(scores, "model", "throughput").splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["**hwpredict**", "CatBoost", "Plain roofline"]
    assert len({line.count("|") for line in lines}) == 1


def test_the_bars_are_judged_where_there_are_enough_rows(scores: xr.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(scores) == []  # 140 rows are too few
    monkeypatch.setattr("harness.tables.JUDGED", 100)
    rows = judged(scores)
    assert {r["group"] for r in rows} == {"all", "platform: cuda"}
    assert all(r["sharp"] and r["rival"] == "CatBoost" for r in rows)
    worse = scores.copy(deep=True)
    worse.crps.loc[{"predictor": MODEL}] = 9.0
    worse.coverage90.loc[{"predictor": MODEL}] = 0.95
    assert not any(r["sharp"] or r["coverage90_ok"] for r in judged(worse))
    assert "below every rival's in 0 of 4" in bars_table(worse)
    assert "✗" in bars_table(worse)
    assert "hwpredict has not been run" in bars_table(scores.drop_sel(predictor=MODEL))


@pytest.mark.parametrize(
    ("render", "value", "text"),
    [
        (number, 0.1234, ".123"), (number, 1.5, "1.50"), (number, float("nan"), "–"),
        (percent, 0.0123, "1.2%"), (percent, 0.456, "46%"), (percent, float("nan"), "–"),
        (share, 0.9, ".90"), (share, 1.0, "1.0"), (share, float("nan"), "–"),
    ],
)  # fmt: skip
def test_figures_in_tables(render: Any, value: float, text: str) -> None:
    assert render(value) == text


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    lines = markdown(["a", "b"], [["x|y", "z"]]).splitlines()
    assert len(lines) == 3
    assert len(re.split(r"(?<!\\)\|", lines[2])) == 4


def test_the_page_and_its_figures(scores: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import report

    (tmp_path / "results").mkdir()
    full = scores.assign_attrs(rows_per_source=0, created="2026-11-22T00:00:00")
    full.to_netcdf(tmp_path / "results" / "splits.nc")
    arguments = ["report.py", "--results", str(tmp_path / "results"), "--docs", str(tmp_path / "docs")]
    monkeypatch.setattr("sys.argv", arguments)
    report.main()
    page = (tmp_path / "docs" / "accuracy.md").read_text(encoding="utf-8")
    assert "## A test" in page
    for name in re.findall(r"!\[.*?\]\((.*?)\)", page):
        assert (tmp_path / "docs" / name).stat().st_size > 1000
    assert page.count("accuracy-splits-crps") == 2


# --- recommendations --------------------------------------------------------------------------------------------------


def loads(gpu: str, itl: list[float], model: str = "m") -> pd.DataFrame:
    users = [1, 2, 4, 8][: len(itl)]
    return pd.DataFrame({"model": model, "gpu": gpu, "num_users": users, "itl": itl, "nttft": 1.0})


def test_users_are_counted_up_to_the_first_load_that_fails() -> None:
    frame = pd.concat([loads("good", [10, 20, 30, 40]), loads("dips", [10, 60, 30, 40]), loads("bad", [51, 60])])
    assert recommendation.most_users(frame, "nttft", "itl") == {"good": 8, "dips": 1}


def test_recommendations_are_scored_as_in_the_paper() -> None:
    """Hand-worked: 200 users, 8 or 4 a pod; "slow" costs 50 pods × 1, "fast" 25 × 3."""
    prices = {"fast": 3.0, "slow": 1.0}
    truth = pd.concat([loads("fast", [10, 20, 30, 40]), loads("slow", [10, 20, 30, 80])])
    kwargs: dict[str, Any] = {"first": "nttft", "following": "itl"}
    right = recommendation.score_recommendations(truth, truth, prices, **kwargs)
    assert (right.success, right.overspend, right.score) == (1.0, 0.0, 1.0)
    timid = pd.concat([loads("fast", [10, 20, 30, 40]), loads("slow", [80, 80, 80, 80])])
    dear = recommendation.score_recommendations(truth, timid, prices, **kwargs)
    assert (dear.success, dear.overspend, dear.score) == (1.0, 0.5, pytest.approx(2 / 3))
    bold = pd.concat([loads("fast", [10, 20, 30, 40]), loads("slow", [10, 20, 30, 40])])
    assert recommendation.score_recommendations(truth, bold, prices, **kwargs).score == 0.0
    none = pd.concat([loads("fast", [90] * 4), loads("slow", [90] * 4)])
    assert recommendation.score_recommendations(truth, none, prices, **kwargs).success == 0.0


def test_the_score_reproduces_the_published_ones(repository: Path) -> None:
    folder = repository.parent / "shared" / "raw" / "llm_pilot"
    if not folder.is_dir():
        pytest.skip("the authors' predictions are not beside this checkout")
    published = pd.read_csv(folder / "expected_recommendation_scores.csv", index_col=0)
    for method in recommendation.AUTHORS:
        s = recommendation.summarise(recommendation.of_authors(folder, method))
        assert s.score == pytest.approx(published.loc[method, "so_score"], abs=1e-6), method
        assert 100 * s.success == pytest.approx(published.loc[method, "success_rate"])
        assert 100 * s.overspend == pytest.approx(published.loc[method, "overspend"], abs=1e-6)
        assert s.interval[0] <= s.score <= s.interval[1]


# --- rivals -----------------------------------------------------------------------------------------------------------


def test_knots_become_a_quantile_function() -> None:
    q = from_knots(np.array([[3.0, 1.0, 2.0, 2.5, 0.0]]))  # crossed quantiles are put in order
    assert (np.diff(q) >= 0).all()
    np.testing.assert_allclose(np.interp(KNOTS, LEVELS, q[0]), [0, 1, 2, 2.5, 3], atol=0.02)
    np.testing.assert_allclose(np.interp(0.5, LEVELS, gaussian(np.array([3.0]), np.array([2.0]))[0]), 3.0)


def test_conformal_prediction_covers_whatever_the_base_says(rng: np.random.Generator) -> None:
    """The base is far too narrow and off; its wrapper is calibrated on rows it has not seen."""
    n = 3000
    x = Inputs({"level": rng.normal(size=n)}, {"platform": np.full(n, "cuda", dtype=object)})
    y = x.numbers["level"] + 0.5 + rng.standard_t(4, n)
    narrow = calibrate(lambda z: gaussian(z.numbers["level"], np.full(len(z), 0.1)), x.take(np.arange(1500)), y[:1500])
    s = summarise(cases(narrow(x.take(np.arange(1500, n))), y[1500:], fair=False))
    assert s.coverage50 == pytest.approx(0.5, abs=0.05)
    assert s.coverage90 == pytest.approx(0.9, abs=0.03)
    assert s.bias == pytest.approx(0, abs=0.1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", RIVALS)
def test_every_rival_learns_and_returns_quantiles(name: str, data: Data) -> None:
    for module in ("sklearn", "lightgbm", "catboost", "ngboost", "quantile_forest"):
        pytest.importorskip(module)
    from rivals.table import rival
    from rivals.tuning import fit_with

    (task,) = grouped_tasks(data, "cell", folds=5, first=1, seed=1)
    x, y = Inputs(data.numbers, data.labels), data.log_figure(TARGETS[0])
    options = {k: v for k, v in rival(name).grid[-1].items() if k != "labels"}
    options |= {"exclude": ()} if "labels" in rival(name).grid[-1] else {}
    options |= {"rounds": 40} if "rounds" in inspect.signature(rival(name).fit).parameters else {}
    predict = fit_with(rival(name), options, x.take(task.train), y[task.train], metric="throughput", threads=1, seed=0)
    q = predict(x.take(task.test))
    assert q.shape == (len(task.test), len(LEVELS))
    assert np.isfinite(q).all()
    assert (np.diff(q, axis=1) >= -1e-9).all()
    if name != "Plain roofline":  # which knows nothing of these made-up figures
        assert np.abs(np.median(q, axis=1) - y[task.test]).mean() < 0.8 * np.std(y)


@pytest.mark.filterwarnings("ignore")
def test_options_are_chosen_on_inner_folds(data: Data) -> None:
    pytest.importorskip("sklearn")
    from rivals.tuning import FEW_ROWS, REPEATS, fit_tuned, tune

    (task,) = grouped_tasks(data, "model", folds=5, first=1, seed=1)
    x, y = Inputs(data.numbers, data.labels).take(task.train), data.log_figure(TARGETS[0])[task.train]
    fitted: list[tuple[Any, int]] = []

    def fit(z: Inputs, figure: np.ndarray, *, threads: int, seed: int, off: float, exclude: Any) -> Any:
        fitted.append(((off, exclude), len(z)))
        return lambda new: gaussian(np.full(len(new), figure.mean() + off), np.full(len(new), figure.std()))

    def split(rows: Any, rng: np.random.Generator) -> Any:
        return task.inner(task.train[rows], rng)

    grid = tuple({"labels": labels, "off": off} for off in (5.0, 0.0, -5.0) for labels in ("all", "seen", "all"))
    chosen, score = tune(Rival(fit, grid), x, y, split, metric="throughput", threads=1, seed=0)
    assert chosen["off"] == 0.0
    assert 0 < score < 2 * y.std()
    assert len(y) <= FEW_ROWS
    assert len(fitted) == REPEATS * 6, "three offsets, with and without the name of the model, repeats left out"
    unseen = {exclude for (_, exclude), _ in fitted} - {()}
    assert len(unseen) == 1
    assert "model" in unseen.pop()
    fitted.clear()
    tuned = fit_tuned(Rival(fit, grid[:1], max_rows=30), x, y, split, metric="throughput", threads=1, seed=0)
    assert tuned.rows == 30
    assert fitted[-1] == ((5.0, ()), 30)
    assert max(n for _, n in fitted) < len(y)


def test_every_method_has_a_place_in_the_tables() -> None:
    assert METHODS[0] == MODEL
    assert len(set(METHODS)) == len(METHODS) == len(RIVALS) + 2
