"""The shipped posterior: what it predicts obeys the physics, and bad input never yields a number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwpredict.errors import InvalidWorkloadError, PosteriorError, UnknownNameError
from hwpredict.performance import design as d, rows as r
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import predict
from hwpredict.predictor import HardwareModelPredictor


@pytest.fixture(scope="module")
def predictor() -> HardwareModelPredictor:
    return HardwareModelPredictor(draws=200)


def test_throughput_times_latency_is_the_batch_in_every_draw(predictor: HardwareModelPredictor) -> None:
    data = predictor.predict_performance("bert-base-uncased", hardware=["a100", "t4"], batch_size=8).dataset
    np.testing.assert_allclose(data.throughput * data.latency / 1e3, 8.0, rtol=1e-4)


def test_memory_grows_with_the_batch(predictor: HardwareModelPredictor) -> None:
    small, large = (
        predictor.predict_performance("resnet50", hardware="t4", batch_size=b)["predictions"]["t4"]["memory_usage"]
        for b in (1, 256)
    )
    assert large > small


def test_a_larger_model_is_slower_and_half_precision_is_faster(predictor: HardwareModelPredictor) -> None:
    speed = {
        (model, precision): predictor.predict_performance(model, hardware="a100", batch_size=32, precision=precision)[
            "predictions"
        ]["a100"]["throughput"]
        for model in ("bert-base-uncased", "bert-large-uncased")
        for precision in ("fp32", "fp16")
    }
    assert speed["bert-base-uncased", "fp32"] > speed["bert-large-uncased", "fp32"]
    assert speed["bert-base-uncased", "fp16"] > speed["bert-base-uncased", "fp32"]


def test_equal_seeds_give_equal_draws_whatever_the_other_rows(predictor: HardwareModelPredictor) -> None:
    rows = [
        {"model": m, "hardware": "cuda", "device": "NVIDIA T4", "precision": "fp16", "batch_size": 4}
        for m in ("resnet50", "vit_base_patch16_224", "a-model-nobody-knows")
    ]
    together = predict(predictor.posterior, r.table(rows), draws=64, seed=3)
    alone = predict(predictor.posterior, r.table(rows[2:]), draws=64, seed=3)
    np.testing.assert_array_equal(together.latency[2], alone.latency[0])


def test_an_unknown_device_is_wider_than_a_measured_one(predictor: HardwareModelPredictor) -> None:
    row = {"model": "resnet50", "hardware": "cuda", "precision": "fp16", "batch_size": 4, "source": "timm"}
    data = predictor.predict(
        [row | {"device": "NVIDIA GeForce RTX 3090"}, row | {"device": "No Such Board 9000"}], on_unknown="prior"
    )
    width = np.log(data.latency).quantile(0.95, "draw") - np.log(data.latency).quantile(0.05, "draw")
    assert float(width[1]) > float(width[0])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"model_name": "bert-bas-uncased"}, UnknownNameError),
        ({"hardware": "a1000000"}, UnknownNameError),
        ({"precision": "fp17"}, UnknownNameError),
        ({"batch_size": -4}, InvalidWorkloadError),
        ({"batch_size": 0}, InvalidWorkloadError),
        ({"batch_size": float("nan")}, InvalidWorkloadError),
    ],
)
def test_bad_input_is_refused_in_one_line(
    predictor: HardwareModelPredictor, arguments: dict[str, object], error: type[Exception]
) -> None:
    query = {"model_name": "bert-base-uncased", "hardware": "a100"} | arguments
    with pytest.raises(error) as raised:
        predictor.predict_performance(**query)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


def test_incompatible_has_a_reason_and_no_number(predictor: HardwareModelPredictor) -> None:
    entry = predictor.predict_performance("resnet50", hardware="webnn", mode="training")["predictions"]["webnn"]
    assert not entry["compatible"]
    assert "webnn" in entry["reason"]
    assert "throughput" not in entry


def test_posterior_survives_a_round_trip(predictor: HardwareModelPredictor, tmp_path) -> None:  # type: ignore[no-untyped-def]
    full = predictor.posterior
    thin = replace(full, deviation=full.deviation[:10], scale=full.scale[:10])  # compressing all of it takes a minute
    thin.save(tmp_path / "copy.nc")
    assert Posterior.load(tmp_path / "copy.nc").fingerprint == thin.fingerprint != full.fingerprint
    (tmp_path / "broken.nc").write_bytes(b"not a posterior")
    for name in ("broken.nc", "missing.nc"):
        with pytest.raises(PosteriorError):
            Posterior.load(tmp_path / name)


def test_a_synchronous_row_is_one_observation_and_an_overlapped_one_two() -> None:
    base = {"model": "resnet50", "hardware": "cpu", "batch_size": 4, "item": "image", "throughput": 40.0}
    rows = r.table([base | {"latency_ms": 100.0, "source": "a"}, base | {"latency_ms": 300.0, "source": "b"}])
    built = d.design(rows)
    assert len(built.y) == 3
    assert built.harnesses == ["b|image"]


def test_a_posterior_of_other_labels_is_refused(predictor: HardwareModelPredictor) -> None:
    own = predictor.posterior
    effects = tuple(replace(e, labels=("colour",)) if e.labels == ("model",) else e for e in own.effects)
    vocabulary = d.Vocabulary({**own.vocabulary.names, "colour": own.vocabulary.names["model"]})
    foreign = HardwareModelPredictor(posterior=replace(own, effects=effects, vocabulary=vocabulary))
    with pytest.raises(PosteriorError, match="colour; fit it again"):
        foreign.predict_performance("gpt2", hardware="a100")


@pytest.mark.parametrize("prefix", ["", "cpu:"])
def test_a_processor_is_known_by_the_words_of_detect(predictor: HardwareModelPredictor, prefix: str) -> None:
    name = "AMD EPYC (znver4) @ 2.60 GHz, 2 cores"
    data = predictor.predict_performance("resnet18", hardware=prefix + name, batch_size=8).dataset
    assert np.isfinite(data.latency).all()
    with pytest.raises(UnknownNameError, match="unknown device"):
        predictor.predict_performance("resnet18", hardware=prefix + "AMD EPYC (znver4), 2 cores")
