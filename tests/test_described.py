"""Models that no table knows: by their config.json, their features, or their family alone."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwpredict import HardwareModelPredictor
from hwpredict.catalog.models import canonical, features, from_config, known, match, register
from hwpredict.errors import InvalidWorkloadError, UnknownNameError
from hwpredict.query import resolve_model

BERT: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "vocab_size": 30522,
    "max_position_embeddings": 512,
}
DEEPER = BERT | {"num_hidden_layers": 48, "_name_or_path": "lab/deep-bert"}


@pytest.fixture(scope="module")
def predictor() -> HardwareModelPredictor:
    return HardwareModelPredictor(draws=100)


def speed(predictor: HardwareModelPredictor, model: Any, **query: Any) -> float:
    result = predictor.predict_performance(model, hardware="a100", batch_size=8, **query)
    return float(result["predictions"]["a100"]["throughput"])


def test_the_config_of_a_known_network_is_that_network(predictor: HardwareModelPredictor) -> None:
    assert register(from_config(BERT)) == "bert-base-uncased"
    assert register(from_config(BERT | {"_name_or_path": "me/my-fine-tune"})) == "bert-base-uncased"
    assert speed(predictor, BERT) == speed(predictor, "bert-base-uncased")


def test_another_network_under_a_known_name_is_not_taken_for_it() -> None:
    name = register(from_config(DEEPER | {"_name_or_path": "bert-base-uncased"}))
    assert name != "bert-base-uncased"
    assert features("bert-base-uncased").layers == 12
    assert features(name).layers == 48


def test_a_registered_model_is_found_by_every_look_up_and_only_once() -> None:
    name = register(from_config(DEEPER))
    assert name == register(from_config(DEEPER))
    assert canonical(name) == name
    found = match(name)
    assert found is not None
    assert found.parameters > 3 * features("bert-base-uncased").parameters
    assert name not in known()  # suggestions stay those of the catalog


def test_mapping_file_folder_and_features_agree(predictor: HardwareModelPredictor, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(DEEPER), encoding="utf-8")
    given = [DEEPER, file, str(file), tmp_path, str(tmp_path), from_config(DEEPER)]
    assert len({speed(predictor, model) for model in given}) == 1
    frame = predictor.predict([{"model": str(file), "hardware": "cuda", "device": "NVIDIA T4"}])
    assert str(frame.model[0].item()).startswith("deep-bert@")


def test_a_config_tells_more_than_a_name(predictor: HardwareModelPredictor) -> None:
    assert speed(predictor, DEEPER) < speed(predictor, BERT)
    entry = predictor.predict_performance(DEEPER, hardware="a100")["predictions"]["a100"]
    assert entry["evidence"] == "device"
    assert entry["n_measurements"] == 0


def test_a_model_by_its_features(predictor: HardwareModelPredictor) -> None:
    small, large = (
        speed(
            predictor, "a-net-of-ours", model_family="vision", parameters=25e6 * k, gmacs=4.1 * k, activations_m=11 * k
        )
        for k in (1, 30)
    )
    assert small > 2 * large
    assert speed(predictor, "a-net-of-ours", parameters=25e6, gmacs=4.1) > 0


def test_a_model_by_its_family_alone_is_wider(predictor: HardwareModelPredictor) -> None:
    def width(**query: Any) -> float:
        low, high = predictor.predict_performance(hardware="t4", batch_size=8, **query)["predictions"]["t4"][
            "throughput_interval"
        ]
        return float(np.log(high / low))

    family = predictor.predict_performance(model_family="vision", hardware="t4")
    assert family["model_name"] == "some vision model"
    assert family["model_size"] is None
    assert family["predictions"]["t4"]["evidence"] == "device"
    assert width(model_family="vision") > width(model_name="resnet50")


def test_neither_model_nor_family_is_refused(predictor: HardwareModelPredictor) -> None:
    with pytest.raises(InvalidWorkloadError, match="no model is named"):
        predictor.predict_performance(hardware="t4")
    with pytest.raises(InvalidWorkloadError, match="no name"):
        predictor.predict_performance(" ", hardware="t4")
    with pytest.raises(UnknownNameError, match="text_generation"):
        predictor.predict_performance(model_family="text_generating", hardware="t4")


def test_a_family_that_contradicts_the_catalog_is_said_and_not_used(
    predictor: HardwareModelPredictor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "hwpredict"):
        assert resolve_model("gpt2", "vision") == ("gpt2", "text_generation")
    assert "gpt2 is known as text_generation" in caplog.text
    assert speed(predictor, "gpt2", model_family="vision") == speed(predictor, "gpt2")


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("{", InvalidWorkloadError, "not JSON"),
        ("[]", InvalidWorkloadError, "holds a list"),
        ("{}", InvalidWorkloadError, "model_type"),
        ('{"model_type": "brt"}', UnknownNameError, "bert"),
        ('{"model_type": "bert", "hidden_size": -1}', InvalidWorkloadError, "hidden_size"),
    ],
)
def test_a_config_that_says_nothing_is_refused(tmp_path: Path, text: str, error: type[Exception], says: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(error, match=says):
        resolve_model(tmp_path)
    with pytest.raises(InvalidWorkloadError, match="cannot read"):
        resolve_model(str(tmp_path / "missing.json"))


def test_an_unknown_name_is_predicted_only_on_request(predictor: HardwareModelPredictor) -> None:
    with pytest.raises(UnknownNameError, match="bert-base-uncased"):
        predictor.predict_performance("bert-bas-uncased", hardware="t4")
    entry = predictor.predict_performance("bert-bas-uncased", hardware="t4", on_unknown="prior")["predictions"]["t4"]
    assert entry["throughput"] > 0
