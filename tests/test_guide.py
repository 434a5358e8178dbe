"""The guide's own words: its snippets run as printed, and its keys are there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from hwpredict import BenchmarkStore, HardwareModelPredictor
from hwpredict.workload import Evidence

PLATFORMS = ("cuda", "rocm", "mps", "cpu", "openvino", "webnn", "webgpu")


@pytest.fixture(scope="module")
def predictor() -> HardwareModelPredictor:
    return HardwareModelPredictor(draws=100)


def test_the_guides_first_snippet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "benchmark_results").mkdir()
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with BenchmarkStore(tmp_path / "benchmark_db.duckdb") as store:
        row = {"source": "my lab", "model": "bert-base-uncased", "hardware": "cuda", "device": "NVIDIA T4"}
        store.load(pd.DataFrame([row | {"batch_size": 8, "latency_ms": 20.0, "precision": "fp32", "item": "sequence"}]))
    predictor = HardwareModelPredictor(
        benchmark_dir=tmp_path / "benchmark_results",
        database_path=tmp_path / "benchmark_db.duckdb",
        config_path=tmp_path / "config.json",
    )
    recommendation = predictor.predict_optimal_hardware(
        model_name="bert-base-uncased",
        model_family="embedding",
        batch_size=8,
        sequence_length=128,
        mode="inference",
        precision="fp32",
    )
    print(f"Primary recommendation: {recommendation['primary_recommendation']}")
    print(f"Fallback options: {recommendation['fallback_options']}")
    print(f"Explanation: {recommendation['explanation']}")
    performance = predictor.predict_performance(
        model_name="bert-base-uncased", model_family="embedding", hardware="cuda", batch_size=8, precision="fp32"
    )
    hw = "cuda"
    if hw in performance["predictions"]:
        pred = performance["predictions"][hw]
        print(f"Throughput: {pred.get('throughput', 'N/A'):.2f} items/sec")
        print(f"Latency: {pred.get('latency', 'N/A'):.2f} ms")
        print(f"Memory Usage: {pred.get('memory_usage', 'N/A'):.2f} MB")
    out = capsys.readouterr().out
    assert out.count("\n") == 6
    assert "None" not in out


def test_the_guides_web_snippet(predictor: HardwareModelPredictor) -> None:
    recommendation = predictor.predict_optimal_hardware(
        model_name="bert-base-uncased", model_family="embedding", available_hardware=["webnn", "webgpu", "cpu"]
    )
    assert sorted(recommendation["compatible_hardware"]) == ["cpu", "webgpu", "webnn"]
    performance = predictor.predict_performance(
        model_name="bert-base-uncased", model_family="embedding", hardware=["webnn", "webgpu"], precision="fp16"
    )
    assert list(performance["predictions"]) == ["webnn", "webgpu"]


def test_every_key_of_the_guide_is_there(predictor: HardwareModelPredictor) -> None:
    query = {"model_name", "model_family", "batch_size", "sequence_length", "mode", "precision"}
    answer = predictor.predict_performance("gpt2", hardware=["cuda", "cpu"], batch_size=8)
    assert query | {"predictions"} <= answer.keys()
    assert answer["sequence_length"] == 128
    for entry in answer["predictions"].values():
        assert {"throughput", "latency", "memory_usage", "source"} <= entry.keys()
    choice = predictor.predict_optimal_hardware("gpt2", batch_size=8, available_hardware=["cuda", "cpu"])
    assert query | {
        "model_size", "model_size_category", "batch_category", "primary_recommendation", "fallback_options",
        "all_scores", "compatible_hardware", "available_hardware", "predicted_memory_mb", "prediction_source",
        "explanation",
    } <= choice.keys()  # fmt: skip
    assert (choice["model_size_category"], choice["batch_category"]) == ("medium", "medium")
    assert choice["model_size"] == pytest.approx(124.4e6, rel=0.01)
    assert choice["prediction_source"] == "posterior"
    for option in choice["all_scores"].values():
        assert option["score"] == option["expected_utility"]
        assert option["predictions"].keys() == {"throughput", "latency", "memory_usage"}
    for result in (answer, choice):
        assert json.loads(json.dumps(result.to_dict()))["model_name"] == "gpt2"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_platform_of_the_guide_answers(predictor: HardwareModelPredictor, platform: str) -> None:
    entry: dict[str, Any] = predictor.predict_performance("resnet50", hardware=platform)["predictions"][platform]
    assert entry["compatible"]
    assert entry["throughput_interval"][0] < entry["throughput"] < entry["throughput_interval"][1]
    # no image model was measured in a browser
    unmeasured = platform in ("webnn", "webgpu")
    assert entry["evidence"] in (Evidence.PRIOR if unmeasured else Evidence.PLATFORM, Evidence.DEVICE)


def test_predicting_writes_nothing(
    predictor: HardwareModelPredictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    predictor.predict_optimal_hardware("gpt2", available_hardware=["cuda", "cpu"])
    HardwareModelPredictor(benchmark_dir=tmp_path).predict_performance("gpt2", hardware="t4")
    assert not list(tmp_path.iterdir())
