"""What throughput counts where a table leaves it out, and what follows for the work of a row."""

from __future__ import annotations

import numpy as np
import pytest

from hwpredict.catalog import tasks
from hwpredict.performance import notes, rows as r, units
from hwpredict.performance.costs import log_seconds
from hwpredict.performance.covariates import WASM, covariates


@pytest.mark.parametrize(
    ("stated", "source", "mode", "model", "family", "expected"),
    [
        ("", "mlperf_training", "training", "rnnt", "audio", units.Unit("sequence")),
        ("", "mlperf_training", "training", "gpt3", "text_generation", units.Unit("token")),
        ("", "aws_neuron", "inference", "gpt2", "text_generation", units.Unit("token_decode")),
        ("image", "aws_neuron", "inference", "resnet50", "vision", units.Unit("image")),
        ("sequence", "lab", "inference", "resnet50", "vision", units.Unit("image")),
        ("sequence", "lab", "inference", "bert-base", "embedding", units.Unit("sequence")),
        ("", "lambda", "training", "waveglow", "audio", units.Unit("sample", 8000.0)),
        ("", "lab", "training", "waveglow", "audio", units.Unit("")),
    ],
)
def test_what_throughput_counts(
    stated: str, source: str, mode: str, model: str, family: str, expected: units.Unit
) -> None:
    found = units.counted(stated, source, mode, model, family)
    assert found.item == expected.item
    assert found.per_input == pytest.approx(expected.per_input, nan_ok=True)


@pytest.mark.parametrize(
    ("source", "model", "length", "each"),
    [("lambda", "transformer-xl-base", 192.0, 192.0), ("lambda", "gnmt", None, 50.0), ("gavel", "gnmt", None, 1.0)],
)
def test_training_counts_the_tokens_of_its_sequences(source: str, model: str, length: float, each: float) -> None:
    row = {
        "model": model, "model_family": "text_generation", "hardware": "cuda", "mode": "training", "batch_size": 8,
        "sequence_length": length, "source": source,
    }  # fmt: skip
    x = covariates(r.table([row]))
    assert x.labels["phase"].tolist() == [notes.FORWARD]
    assert np.exp(x.numbers["log_items"]) == pytest.approx(8 * each)


@pytest.mark.parametrize(
    ("name", "stated", "family"),
    [
        ("ResNet50 V1.5", "text_generation", "vision"),
        ("SE_ResNeXt50_32x4d-mine", "text_generation", "vision"),
        ("bert-base-uncased", "vision", "embedding"),
        ("no-such-network", "audio", "audio"),
        ("resnet-of-mine", "", ""),
    ],
)
def test_the_family_of_a_known_model_is_its_own(name: str, stated: str, family: str) -> None:
    assert tasks.family(name, stated) == family


def test_a_translation_is_written_token_by_token() -> None:
    row = {
        "model": "HAT-1", "model_family": "text_generation", "hardware": "cuda", "device": "NVIDIA TITAN Xp",
        "item": "sequence", "sequence_length": 30, "batch_size": 1, "source": "lab",
        "note": "arch enc d640 L6 ffn1877 dec d512 L2 ffn2048 arb2.5",
    }  # fmt: skip
    x = covariates(r.table([row]))
    assert x.labels["phase"].tolist() == [notes.GENERATE]
    assert np.exp(x.numbers["log_depth"]) == pytest.approx(31 * 2 / np.sqrt(32))  # the two layers of its decoder
    assert x.numbers["log_items"].tolist() == [0.0]


def test_a_text_of_mlperf_is_one_item() -> None:
    note = "MLPerf Inference v4.0 closed, NVIDIA, DGX, Offline, model dir gptj-99"
    row = {"model": "gpt-j-6b", "model_family": "text_generation", "item": "sequence", "hardware": "cuda", "note": note}
    x = covariates(r.table([row | {"batch_size": 4, "source": "lab"}]))
    assert x.labels["phase"].tolist() == [notes.GENERATE]
    assert np.exp(x.numbers["log_items"]) == pytest.approx(4)


SERVED = {
    "model": "llama-2-7b", "model_family": "text_generation", "hardware": "cuda", "device": "NVIDIA A100-SXM4-80GB",
    "precision": "fp16", "batch_size": 8, "sequence_length": 1024, "runtime": "vllm", "source": "lab",
}  # fmt: skip
READ, WRITTEN = 1024, 128


@pytest.mark.parametrize(
    ("item", "throughput"),
    [
        ("token_prefill", f"throughput=whole-run input tok/s (includes decode time); ISL={READ} OSL={WRITTEN}, tp1"),
        (
            "token_decode",
            f"throughput=output tokens/s of the whole service; mean in={READ} out={WRITTEN} tok",
        ),
    ],
)
def test_throughput_of_whole_requests_takes_reading_and_writing(item: str, throughput: str) -> None:
    row = SERVED | {"item": item}
    written = SERVED | {"item": "token_decode", "sequence_length": READ + WRITTEN / 2}
    x = covariates(r.table([row, row | {"note": throughput}, SERVED | {"item": "token_prefill"}, written]))
    items, time = np.exp(x.numbers["log_items"]), np.exp(log_seconds(x.numbers))
    whole = time[2] + WRITTEN * time[3]
    tokens = 8 * (READ if item == "token_prefill" else WRITTEN)
    assert items[1] / time[1] == pytest.approx(tokens / whole), "latency is that of the phase, throughput of the whole"
    assert items[0] / time[0] > 1.1 * tokens / whole


def test_webassembly_runs_on_one_core() -> None:
    rows = [
        {"model": "bert-base", "hardware": "cpu", "device": "AMD EPYC 7763", "batch_size": 1, "runtime": runtime}
        for runtime in ("onnxruntime", "onnxruntime-web wasm (1 thread)")
    ]
    x = covariates(r.table(rows))
    assert x.labels["platform"].tolist() == ["cpu", WASM]
    assert np.exp(np.diff(x.numbers["log_peak"])) == pytest.approx(1 / 64)


def test_adapters_have_no_gradients_of_the_weights() -> None:
    rows = [
        {
            "model": "llama-2-7b", "model_family": "text_generation", "hardware": "cuda", "mode": "training",
            "precision": "bf16", "batch_size": 1, "sequence_length": 256, "item": "sequence", "note": note,
        }
        for note in ("", "fp16+peft (LoRA adapters only)")
    ]  # fmt: skip
    x = covariates(r.table(rows)).numbers
    assert np.exp(np.diff(x["log_flops"])) == pytest.approx(2 / 3)
    assert np.exp(np.diff(x["log_state_bytes"])) == pytest.approx(0.005)


def test_an_unknown_model_fits_the_device_that_runs_it() -> None:
    row = {
        "model": "no-such-gesture",
        "model_family": "audio",
        "hardware": "other",
        "precision": "fp32",
        "item": "clip",
    }
    rows = [row | {"device": device} for device in ("ST STM32U5", "NVIDIA A100-SXM4-40GB")]
    small, large = covariates(r.table(rows)).numbers["log_parameters"]
    assert np.exp(small) <= 0.79e6 / 4 < np.exp(large)


@pytest.mark.parametrize(("note", "fused"), [("", True), ("one forward, eager attention", False)])
def test_language_models_do_not_write_their_attention_scores(note: str, fused: bool) -> None:
    row = {
        "model": "llama-2-7b", "model_family": "text_generation", "hardware": "cuda", "precision": "fp16",
        "batch_size": 1, "item": "token_prefill", "note": note,
    }  # fmt: skip
    x = covariates(r.table([row | {"sequence_length": n} for n in (1024, 8192)])).numbers
    grown = np.exp(np.diff(x["log_activation_bytes"]))
    assert grown == pytest.approx(8) if fused else grown > 9
