"""The guide's own words: its keys are there, and every platform of it answers."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from hwpredict import HardwareModelPredictor, train_prediction_models
from hwpredict.workload import Evidence

PLATFORMS = ("cuda", "rocm", "mps", "cpu", "openvino", "webnn", "webgpu")


@pytest.fixture(scope="module")
def predictor() -> HardwareModelPredictor:
    return HardwareModelPredictor(draws=100)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (HardwareModelPredictor, "benchmark_dir database_path config_path"),
        (
            HardwareModelPredictor.predict_optimal_hardware,
            "model_name model_family batch_size sequence_length mode precision available_hardware",
        ),
        (
            HardwareModelPredictor.predict_performance,
            "model_name model_family hardware batch_size sequence_length mode precision",
        ),
        (
            HardwareModelPredictor.create_hardware_prediction_matrix,
            "models batch_sizes hardware_platforms precision mode",
        ),
        (HardwareModelPredictor.visualize_matrix, "matrix output_dir"),
        (train_prediction_models, "db_path output_dir"),
    ],
)
def test_arguments_have_the_guides_names_and_order(function: Any, arguments: str) -> None:
    names = [n for n in inspect.signature(function).parameters if n != "self"]
    assert names[: len(arguments.split())] == arguments.split()


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
