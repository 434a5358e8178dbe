"""Predicted against actual: what is stored, what it is held against, and when it calls for a refit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pandas as pd
import pytest

import hwpredict as hp
from hwpredict.errors import InvalidWorkloadError, PosteriorError, StoreError, UnknownNameError
from hwpredict.evaluate import monitor, record, scores
from hwpredict.performance.fit import fit
from hwpredict.store import BenchmarkStore, open_store, read_measurements
from hwpredict.training import FILE, load_prediction_models

LEVELS = (np.arange(record.QUANTILES) + 0.5) / record.QUANTILES
START = dt.datetime(2026, 1, 1)


def pairs(
    rng: np.random.Generator,
    *,
    devices: int = 6,
    each: int = 12,
    share: float = 0.5,
    shift: float = 0.0,
    stretch: float = 1.0,
    change: float = 0.0,
    width: float = 0.3,
) -> list[dict[str, Any]]:
    """Pairs of a predictor that is calibrated but for a shift, a stretch, and a change half-way; t4 noise."""
    own, common = width * np.sqrt(1 - share), width * np.sqrt(share)
    sample = own / np.sqrt(2) * rng.standard_t(4, 4000) + common * rng.standard_normal(4000)
    quantiles = np.exp(np.quantile(sample, LEVELS))
    out = []
    for d in range(devices):
        error = common * rng.standard_normal()
        for i in range(each):
            noise = error + own / np.sqrt(2) * rng.standard_t(4)
            y = stretch * noise + width * (shift + (change if i >= each // 2 else 0.0))
            out.append({
                "metric": "latency_ms", "hardware": "cuda" if d % 2 else "cpu", "family": "vision",
                "device_label": f"board {d}", "evidence": "device", "posterior_fingerprint": "abc",
                "origin": "hwpredict", "predicted_at": START, "measured_at": START + dt.timedelta(days=1 + 5 * i),
                "measured": float(np.exp(y)), "quantiles": quantiles.tolist(),
                "epistemic_share": share, "epistemic_share_memory": share,
            })  # fmt: skip
    return out


@pytest.mark.parametrize(("devices", "share"), [(1, 0.1), (1, 0.9), (4, 0.5)])
def test_a_calibrated_posterior_is_rarely_blamed(rng: np.random.Generator, share: float, devices: int) -> None:
    reports = [monitor.evaluate(pairs(rng, devices=devices, share=share), by=())[0] for _ in range(100)]
    assert sum(r.refit for r in reports) <= 4  # ALPHA of 100 is 1; 5 or more have a chance of 0.4 %
    overall = [r.groups[0] for r in reports]
    assert abs(np.mean([g.bias_z for g in overall])) < 0.35
    assert 0.8 < np.mean([g.coverage90 for g in overall]) < 0.97
    assert abs(np.mean([g.pit_mean for g in overall]) - 0.5) < 0.05


@pytest.mark.parametrize(
    ("wrong", "statistic"),
    [({"shift": 2.5}, "bias_z"), ({"shift": -2.5}, "bias_z"), ({"stretch": 3.0}, "spread_z"),
     ({"stretch": 0.1}, "spread_z")],
)  # fmt: skip
def test_a_posterior_that_is_off_calls_for_a_refit(
    rng: np.random.Generator, wrong: dict[str, float], statistic: str
) -> None:
    reports = [monitor.evaluate(pairs(rng, devices=8, each=20, share=0.3, **wrong), by=())[0] for _ in range(20)]
    assert sum(r.refit for r in reports) >= 18
    signs = np.sign([getattr(r.groups[0], statistic) for r in reports])
    expected = 1 if wrong.get("shift", 0) > 0 or wrong.get("stretch", 0) > 1 else -1
    assert (signs == expected).mean() > 0.9
    assert "refit (`hwpredict fit`)" in reports[0].advice
    assert "bias z" in reports[0].advice


def test_a_change_half_way_is_drift_and_names_it(rng: np.random.Generator) -> None:
    reports = [monitor.evaluate(pairs(rng, devices=4, each=20, share=0.8, change=0.9))[0] for _ in range(10)]
    assert sum(r.refit for r in reports) >= 9
    drift = [g for g in reports[0].groups if g.grouping == "drift"]
    assert drift[0].bias_z > 3
    assert drift[0].n == 40
    assert "drift z +" in reports[0].advice


def test_measurements_on_one_device_do_not_count_as_many(rng: np.random.Generator) -> None:
    """A hundred measurements that share one error of 1.5 standard deviations are one surprise, not a hundred."""
    one = pairs(rng, devices=1, each=100, share=0.97, shift=0.0)
    z = monitor.evaluate(one, by=())[0].groups[0]
    assert abs(z.bias_z) < 4
    assert z.clusters == 1


def test_groups_partition_the_measurements(rng: np.random.Generator) -> None:
    report = monitor.evaluate(pairs(rng))[0]
    for grouping in monitor.GROUPINGS:
        groups = [g for g in report.groups if g.grouping == grouping]
        assert sum(g.n for g in groups) == 72
    assert {g.member for g in report.groups if g.grouping == "platform"} == {"cpu", "cuda"}
    assert {g.member for g in report.groups if g.grouping == "time"} == {"2026-01", "2026-02"}
    assert int(report.pit["latency_ms"].sum()) == 72
    with pytest.raises(UnknownNameError, match="unknown grouping 'vendor'"):
        monitor.evaluate(pairs(rng), by=("vendor",))
    with pytest.raises(InvalidWorkloadError, match="no measurement has come in of a cell"):
        monitor.evaluate([])


def test_scores_agree_with_those_of_draws(rng: np.random.Generator) -> None:
    draws = np.exp(0.4 * rng.standard_normal((1, 4000)))
    quantiles = np.quantile(draws[0], LEVELS)
    y = np.array([0.3, 0.9, 1.0, 2.5])
    found = monitor._scores([quantiles] * 4, y)
    same = np.repeat(np.log(draws), 4, axis=0)
    np.testing.assert_allclose(found[:, 1], scores.pit(same, np.log(y)), atol=0.01)
    np.testing.assert_allclose(found[:, 3], scores.crps(same, np.log(y)), rtol=0.02, atol=1e-3)


def test_far_outside_counts_as_far_outside() -> None:
    quantiles = np.exp(np.quantile(np.random.default_rng(0).standard_normal(4000), LEVELS)).tolist()
    z = monitor._scores([quantiles] * 5, np.exp([-9.0, -4.0, 0.0, 4.0, 9.0]))[:, 2].tolist()
    assert z == sorted(z)
    assert -6 < z[0] < z[1] < -2.6 < abs(z[2]) < 2.6 < z[3] < z[4] < 6


def test_point_predictions_have_errors_but_no_coverage() -> None:
    base = pairs(np.random.default_rng(0), devices=1, each=10)
    points = [p | {"quantiles": [1.0], "posterior_fingerprint": None, "origin": "guide_matrix"} for p in base]
    report = monitor.evaluate(points + base)[0]
    assert report.posterior in ("abc", "guide_matrix")
    by_name = {r.posterior: r for r in monitor.evaluate(points + base)}
    group = by_name["guide_matrix"].groups[0]
    assert np.isnan(group.coverage90)
    assert np.isnan(group.bias_z)
    assert group.medape > 0
    assert not by_name["guide_matrix"].refit


# --- from prediction to measurement, through the store ----------------------------------------------------------------

CELL = {"model": "resnet50", "hardware": "cuda", "device": "NVIDIA T4", "precision": "fp16", "batch_size": 8,
        "runtime": "pytorch-eager", "item": "image", "n_devices": 1, "mode": "inference"}  # fmt: skip


@pytest.fixture(scope="module")
def predictor() -> hp.HardwareModelPredictor:
    """Of a small posterior, so that the tests do not depend on the one that is shipped."""
    return hp.HardwareModelPredictor(posterior=fit(helpers.measurements(), iterations=2, draws=16), draws=200)


@pytest.fixture
def store() -> Iterator[BenchmarkStore]:
    with BenchmarkStore() as opened:
        yield opened


def test_a_prediction_is_kept_once_and_met_by_measurements_of_its_cell(
    predictor: hp.HardwareModelPredictor, store: BenchmarkStore
) -> None:
    data = predictor.predict([CELL, CELL | {"batch_size": 16}], store=store)
    assert store.count() == 0
    predictor.predict([CELL], store=store)
    kept = store.query("select * from predictions order by batch_size")
    assert kept["batch_size"].tolist() == [8, 16]
    assert kept["posterior_fingerprint"].unique().tolist() == [predictor.posterior.fingerprint]
    stored = np.array(kept["latency_ms_quantiles"][0])
    np.testing.assert_allclose(stored, np.quantile(data.latency[0], LEVELS), rtol=1e-5)
    truth = float(np.median(data.latency[0]))
    store.load(pd.DataFrame([
        CELL | {"latency_ms": truth, "throughput": 8e3 / truth},
        CELL | {"device": "Tesla T4", "model": "ResNet-50", "latency_ms": 1.1 * truth, "runtime": "pytorch"},
        CELL | {"precision": "fp32", "latency_ms": truth}, CELL | {"batch_size": 32, "latency_ms": truth},
        CELL | {"device": "NVIDIA L4", "latency_ms": truth}, CELL | {"runtime": "tensorrt", "latency_ms": truth},
        CELL | {"input_size": "384", "latency_ms": truth}, CELL | {"input_size": "3x224x224", "latency_ms": truth},
    ]))  # fmt: skip
    met = store.predicted()
    assert sorted((p["metric"], round(p["measured"] / truth, 3)) for p in met if p["metric"] == "latency_ms") == [
        ("latency_ms", 1.0), ("latency_ms", 1.0), ("latency_ms", 1.1),
    ]  # fmt: skip
    assert len(met) == 4
    for pair in met:
        assert pair["predicted_low"] < pair["predicted"] < pair["predicted_high"]
        assert 0 <= pair["pit"] <= 1
    report = monitor.evaluate(met)[0]
    assert report.posterior == predictor.posterior.fingerprint
    assert "are needed for a test" in report.advice
    assert report.groups[0].coverage90 == 1.0


def test_measurements_that_were_there_before_are_not_a_test(
    predictor: hp.HardwareModelPredictor, store: BenchmarkStore
) -> None:
    store.load(pd.DataFrame([CELL | {"latency_ms": 10.0}]))
    predictor.predict([CELL], store=store)
    assert store.predicted() == []
    assert len(store.predicted(out_of_sample=False)) == 1
    assert store.predicted("ffff", out_of_sample=False) == []
    assert len(store.predicted(predictor.posterior.fingerprint[:6], out_of_sample=False)) == 1


def test_a_retracted_measurement_tests_nothing(predictor: hp.HardwareModelPredictor, store: BenchmarkStore) -> None:
    predictor.predict_performance("resnet50", hardware="t4", batch_size=8, precision="fp16", store=store)
    store.load(pd.DataFrame([CELL | {"latency_ms": 10.0}]))
    (row,) = store.measurements(columns=["row_id"])["row_id"]
    assert len(store.predicted()) == 1
    store.retract(row, "the fan had stopped")
    assert store.predicted() == []


def test_what_cannot_run_is_not_kept(predictor: hp.HardwareModelPredictor, tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    predictor.predict_performance("resnet50", hardware=["webnn", "t4"], mode="training", store=path)
    with open_store(path) as store:
        assert store.query("select device from predictions")["device"].tolist() == ["NVIDIA T4"]


def test_scores_are_kept_once(predictor: hp.HardwareModelPredictor, store: BenchmarkStore) -> None:
    predictor.predict([CELL], store=store)
    store.load(pd.DataFrame([CELL | {"latency_ms": 10.0}]))
    report = monitor.evaluate(store.predicted())[0]
    rows = [g.as_dict() | {"posterior_fingerprint": report.posterior} for g in report.groups]
    assert store.add_validations(rows) == len(rows)
    assert store.add_validations(rows) == 0
    assert len(store.query("select * from validations where grouping = 'all'")) == 1


# --- posteriors -------------------------------------------------------------------------------------------------------


def test_posteriors_are_kept_inside_or_beside_and_come_out_unchanged(
    predictor: hp.HardwareModelPredictor, tmp_path: Path
) -> None:
    own = tmp_path / "own.nc"
    predictor.posterior.save(own)
    posterior = hp.Posterior.load(own)
    posterior.save(own)
    for inside in (True, False):
        path = tmp_path / f"{inside}.duckdb"
        with BenchmarkStore(path) as store:
            fingerprint = store.add_posterior(own, name="mine", inside=inside)
            assert store.add_posterior(own, inside=inside) == fingerprint == posterior.fingerprint
            out = store.posterior(fingerprint[:8], tmp_path / "out.nc")
            assert hp.Posterior.load(out).fingerprint == fingerprint
            assert store.problems() == []
            with pytest.raises(UnknownNameError, match="no posterior 'ffff' in the store: there are "):
                store.posterior("ffff", tmp_path / "x.nc")
    own.write_bytes(own.read_bytes()[:-1])
    with BenchmarkStore(tmp_path / "False.duckdb", read_only=True) as store:
        with pytest.raises(StoreError, match="has changed since it was stored"):
            store.posterior(fingerprint, tmp_path / "x.nc")
        own.unlink()
        with pytest.raises(StoreError, match="which is gone: fit it again"):
            store.posterior(fingerprint, tmp_path / "x.nc")


def test_what_is_no_posterior_is_not_kept(store: BenchmarkStore, tmp_path: Path) -> None:
    (tmp_path / "x.nc").write_bytes(b"not netCDF")
    with pytest.raises(StoreError, match="is not a posterior that hwpredict wrote"):
        store.add_posterior(tmp_path / "x.nc")
    with pytest.raises(StoreError, match="no posterior at"):
        store.add_posterior(tmp_path / "missing.nc")


def test_the_guides_training_and_use_of_models(tmp_path: Path) -> None:
    rows = pd.DataFrame(helpers.measurements())
    for name in ("data.parquet", "data.duckdb"):
        if name.endswith("parquet"):
            rows.to_parquet(tmp_path / name)
        else:
            with BenchmarkStore(tmp_path / name) as store:
                store.load(rows)
    custom = hp.train_prediction_models(
        db_path=str(tmp_path / "data.duckdb"), output_dir=str(tmp_path / "models"), iterations=2, draws=16
    )
    assert sorted(p.name for p in (tmp_path / "models").iterdir()) == [FILE]
    with BenchmarkStore(tmp_path / "data.duckdb", read_only=True) as store:
        assert store.query("select fingerprint from posteriors")["fingerprint"].tolist() == [custom.fingerprint]
    again = hp.train_prediction_models(tmp_path / "data.parquet", tmp_path / "m2", iterations=2, draws=16)
    assert again.fingerprint == custom.fingerprint  # the same rows, whatever holds them
    predictor = hp.HardwareModelPredictor(draws=50)
    predictor.prediction_models = custom
    assert predictor.posterior is custom
    predictor.prediction_models = tmp_path / "models"
    assert predictor.prediction_models.fingerprint == custom.fingerprint
    found = predictor.predict_optimal_hardware("bert-base-uncased", available_hardware=["t4", "cpu"])
    assert found["posterior_fingerprint"] == custom.fingerprint
    for wrong in (42, None, {"models": 1}):
        with pytest.raises(PosteriorError, match="give what train_prediction_models returned"):
            predictor.prediction_models = wrong  # type: ignore[assignment]
    with pytest.raises(PosteriorError, match="no posterior at"):
        load_prediction_models(tmp_path)
    with pytest.raises(StoreError, match="no measurements at"):
        hp.train_prediction_models(tmp_path / "missing", tmp_path / "m3")


def test_a_folder_of_results_is_read_whatever_their_format(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pd.DataFrame([CELL | {"latency_ms": 10.0}]).to_csv(tmp_path / "own.csv", index=False)
    (tmp_path / "timm").mkdir()
    name = "benchmark-infer-amp-nhwc-pt240-cu124-rtx3090.csv"
    (tmp_path / "timm" / name).write_text("model,infer_samples_per_sec,infer_step_time\nresnet18,10,100\n")
    (tmp_path / "notes.md").write_text("# nothing\n")
    frame = read_measurements(tmp_path)
    assert sorted(frame["model"]) == ["resnet18", "resnet50"]
    assert "notes.md" in caplog.text
    assert len(read_measurements(tmp_path, sources=["timm"])) == 1
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "notes.md").write_text("# nothing\n")
    with pytest.raises(StoreError, match=r"no measurements in .*notes.md is of no known format"):
        read_measurements(tmp_path / "only")
