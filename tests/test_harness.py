"""What a harness implies: who it is, and the precision of its submissions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from hwpredict.performance import harness, notes, rows as r
from hwpredict.performance.covariates import covariates

CLOSED = "MLPerf Inference v4.0 closed, NVIDIA, DGX-H100_TRT, Offline, model dir {}; accuracy target {}"
REFERENCE = "MLPerf Inference v3.1 closed, CTuning, x-reference-cpu-onnxruntime-v1.15.1-default_config, Offline"


@pytest.mark.parametrize(
    ("model", "accuracy", "expected"),
    [
        ("bert-large-squad", "99%", "int8"),
        ("bert-large-squad", "99.9%", "fp16"),
        ("resnet50-v1.5", "", "int8"),
        ("rnnt", "99%", "fp16"),
        ("llama-2-70b-chat", "99.9%", "fp8"),
        ("a-network-nobody-knows", "99%", "unstated"),
    ],
)
def test_a_submission_runs_in_the_format_that_its_accuracy_allows(model: str, accuracy: str, expected: str) -> None:
    assert harness.precision("", model, CLOSED.format(model, accuracy)) == expected


def test_reference_implementations_run_in_whatever_they_like() -> None:
    assert harness.precision("", "bert-large-squad", REFERENCE) == "unstated"


@given(st.sampled_from(["fp16", "int8", "q4_0"]), st.text(max_size=20), st.text(max_size=20))
def test_what_is_stated_counts(stated: str, model: str, note: str) -> None:
    assert harness.precision(stated, model, CLOSED + note) == stated


@given(st.text(max_size=20), st.text(max_size=30).filter(lambda n: not n.startswith("MLPerf Inference v")))
def test_other_tables_keep_their_name_and_say_nothing_of_precision(source: str, note: str) -> None:
    assert harness.identity(source, note) == source
    assert harness.precision("", "resnet50", note) == "unstated"


def test_tables_of_one_harness_are_one_harness() -> None:
    rows = r.table(
        [
            {
                "source": s,
                "note": CLOSED.format("resnet50", ""),
                "model": "resnet50",
                "hardware": "cuda",
                "device": "T4",
            }
            for s in ("a", "b")
        ]
        + [
            {
                "source": "c",
                "note": "MLPerf Inference v4.0 open",
                "model": "resnet50",
                "hardware": "cuda",
                "device": "T4",
            }
        ]
    )
    labels = covariates(rows).labels
    assert labels["harness"].tolist() == ["mlperf_inference", "mlperf_inference", "c"]
    assert labels["source"].tolist() == ["a", "b", "c"]


def test_instances_on_one_device_are_one_batch() -> None:
    note = "1 socket x 14 instances x 4 cores; aggregate throughput over instances"
    one, many = (
        covariates(r.table([{"model": "resnet50", "hardware": "cpu", "batch_size": b, "note": n}]))
        for b, n in ((14, ""), (1, note))
    )
    assert notes.instances(note) == 14
    assert one.numbers["log_flops"] == many.numbers["log_flops"]
    assert one.numbers["log_items"] == many.numbers["log_items"]


def test_a_batch_that_is_stated_of_each_device_counts_on_all_of_them() -> None:
    row = {"model": "resnet50", "hardware": "cuda", "throughput": 1.0, "n_devices": 8, "batch_size": 32}
    each = row | {"note": "Offline; batch_size=gpu_batch_size of the submitter's config"}
    assert np.exp(covariates(r.table([row, each])).numbers["log_items"]).tolist() == pytest.approx([32, 256])


@pytest.mark.parametrize(("hardware", "batch"), [("cuda", 512), ("tpu", 512), ("cpu", 64)])
def test_accelerators_write_waiting_texts_in_large_batches(hardware: str, batch: int) -> None:
    note = "MLPerf Inference v4.1 closed, NVIDIA, DGX, Offline, model dir llama2-70b-99"
    row = {"model": "llama-2-70b", "model_family": "text_generation", "hardware": hardware, "throughput": 1.0}
    x = covariates(r.table([row | {"item": "token", "note": note}])).numbers
    assert np.exp(x["log_items"]).tolist() == pytest.approx([batch])


@pytest.mark.parametrize(
    ("note", "machine"),
    [
        ('discussion 57; Win; Chrome 122; WebGPU adapter "nvidia turing"', "discussion 57"),
        (CLOSED.format("resnet50", ""), "NVIDIA, DGX-H100_TRT"),
        ("Q4_K - Medium, accelerator memory 24 GB, host AMD Ryzen 9 7950X (znver4), Linux", "AMD Ryzen 9 7950X"),
        ("1 socket x 14 instances; example=static; table=ONNX Models", "example=static; table=ONNX Models"),
        ("E2E throughput, multi thread; DPU MHz=350; vitis-ai v2.5; table=VCK5000", "DPU MHz=350"),
        ("prefill pp512", ""),
    ],
)
def test_notes_tell_machines_of_a_source_apart(note: str, machine: str) -> None:
    assert notes.machine(note) == machine


def test_who_names_no_harness_has_some_machine_or_other() -> None:
    rows = [{"model": "resnet50", "hardware": "cuda", "source": source} for source in (r.UNSTATED, "lab")]
    assert covariates(r.table(rows)).labels["machine"].tolist() == [r.UNSTATED, ""]


@pytest.mark.parametrize(
    ("framework", "item", "tokens", "devices", "faster"),
    [
        ("llama.cpp", "token_decode", 4096, 4, 1.0),
        ("llama.cpp", "token_prefill", 512, 4, 1.0),
        ("llama.cpp", "token_prefill", 4096, 4, 4 * 8 / 11),
        ("llama.cpp", "token_prefill", 4096, 1, 1.0),
        ("vLLM", "token_prefill", 512, 4, 4.0),
    ],
)
def test_devices_that_take_turns_read_a_long_prompt_in_pieces(
    framework: str, item: str, tokens: int, devices: int, faster: float
) -> None:
    row = {
        "model": "llama-3-8b", "model_family": "text_generation", "hardware": "cuda", "runtime": framework,
        "item": item, "sequence_length": tokens, "n_devices": devices, "batch_size": 1,
    }  # fmt: skip
    assert np.exp(covariates(r.table([row])).numbers["log_parallel"]).tolist() == pytest.approx([faster])


def test_the_first_prompt_after_a_start_is_a_phase_of_its_own() -> None:
    row = {"model": "llama-3-8b", "model_family": "text_generation", "hardware": "cuda", "item": "token_prefill"}
    rows = [row | {"note": note} for note in ("llama-bench pp512", "one cold prompt pass (first batch)")]
    assert covariates(r.table(rows)).labels["phase"].tolist() == [notes.PREFILL, notes.COLD]


def test_webassembly_computes_in_single_precision() -> None:
    row = {"model": "resnet50", "hardware": "cpu", "device": "Apple M3", "runtime": "onnxruntime-web wasm (1 thread)"}
    peaks = covariates(r.table([row | {"precision": p} for p in ("fp32", "fp16", "int8")])).numbers["log_peak"]
    assert len(set(peaks.tolist())) == 1


def test_a_language_model_of_unstated_precision_runs_as_published() -> None:
    rows = [
        {"model": model, "model_family": family, "hardware": hardware, "source": "lab"}
        for model, family, hardware in (
            ("llama-3-8b", "text_generation", "cuda"),
            ("llama-3-8b", "text_generation", "cpu"),
            ("resnet50", "vision", "cuda"),
        )
    ]
    assert covariates(r.table(rows)).labels["precision"].tolist() == ["bf16", "unstated", "unstated"]


def test_what_a_recommender_counts_is_its_inputs() -> None:
    rows = [
        {"model": "ncf", "model_family": "recommendation", "hardware": "cuda", "source": "lab"},
        {"model": "waveglow", "model_family": "audio", "hardware": "cuda", "source": "lab"},
    ]
    labels = covariates(r.table(rows)).labels
    assert (labels["odd"].tolist(), labels["picture"].tolist()) == (["", "odd"], ["picture", ""])


def test_training_for_mlperf_is_in_mixed_precision() -> None:
    rows = [
        {"model": model, "model_family": family, "hardware": "cuda", "mode": "training", "source": "mlperf_training"}
        for model, family in (("resnet", "vision"), ("llama31_405b", "text_generation"))
    ]
    assert covariates(r.table(rows)).labels["precision"].tolist() == ["amp", "bf16"]


@pytest.mark.parametrize(
    ("source", "model", "note", "tokens"),
    [
        ("lab", "bert-large-squad", CLOSED.format("bert", "99%"), 180),
        ("mlperf_training", "bert", "", 256),
        ("lab", "bert-large-squad", "", 384),
    ],
)
def test_bert_is_computed_without_padding(source: str, model: str, note: str, tokens: int) -> None:
    row = {
        "model": model, "model_family": "embedding", "hardware": "cuda", "item": "sequence", "sequence_length": 384,
        "batch_size": 1, "source": source, "note": note,
    }  # fmt: skip
    plain = row | {"source": "lab", "note": "", "sequence_length": tokens, "model": "bert-large"}
    x = covariates(r.table([row | {"model": "bert-large"}, plain])).numbers
    assert x["log_macs_item"][0] == x["log_macs_item"][1]


@pytest.mark.parametrize(
    ("note", "devices", "batch"),
    [
        ("", 1, 16),
        ("", 8, 128),
        ("MLPerf Inference v4.0 closed, NVIDIA, DGX, Offline, model dir resnet50", 1, 64),
        ("MLPerf Inference v4.0 closed, NVIDIA, DGX, Server, model dir resnet50", 8, 512),
        ("MLPerf Inference v4.0 closed, NVIDIA, DGX, SingleStream, model dir resnet50", 1, 16),
    ],
)
def test_a_batch_that_nobody_states_is_middling_or_fills_every_device(note: str, devices: int, batch: int) -> None:
    row = {"model": "resnet50", "hardware": "cuda", "throughput": 1.0, "n_devices": devices, "note": note}
    assert np.exp(covariates(r.table([row])).numbers["log_items"]).tolist() == pytest.approx([batch])


@pytest.mark.parametrize(
    ("model", "note", "expected"),
    [
        ("3d-unet", "MLPerf Inference v0.7 closed, NVIDIA, Offline", "unet_3d_medical"),
        ("3d-unet", "MLPerf Inference v1.1 closed, NVIDIA, Offline", "unet_3d_medical"),
        ("3d-unet", "MLPerf Inference v2.0 closed, NVIDIA, Offline", "3d-unet"),
        ("resnet50", "MLPerf Inference v0.7 closed, NVIDIA, Offline", "resnet50"),
        ("3d-unet", "", "3d-unet"),
    ],
)
def test_a_benchmark_means_another_network_by_a_name_in_another_version(model: str, note: str, expected: str) -> None:
    assert harness.network(model, note) == expected


def test_training_for_mlperf_means_retinanet_by_ssd() -> None:
    assert harness.network("ssd", "", "mlperf_training") == "retinanet-resnext50"
    assert harness.network("ssd", "", "nvidia_dle") == "ssd"


def work(**row: object) -> float:
    base = {"hardware": "cuda", "device": "NVIDIA A100-SXM4-40GB", "precision": "fp16", "batch_size": 1}
    return float(np.exp(covariates(r.table([base | row])).numbers["log_macs_item"][0]))


def test_a_submission_to_the_open_division_costs_what_its_original_costs() -> None:
    original, submitted = ({"model": f"resnet50-v1.5{by}", "model_family": "vision"} for by in ("", "[open:NVIDIA]"))
    assert work(**submitted) == work(**original)


def test_a_prompt_of_whisper_is_read_by_its_decoder() -> None:
    prompt = {"model": "whisper-large-v3-turbo", "model_family": "audio", "item": "token_prefill"}
    short, long = (work(**prompt, note=f"{n}-token decoder prompt") for n in (128, 256))
    assert long == pytest.approx(256 * 0.176e9, rel=0.1)  # 4 layers of the decoder, not the encoder's 1,137 G
    assert long == pytest.approx(2 * short, rel=0.1)


def test_what_a_microcontroller_holds_bounds_what_nobody_stated() -> None:
    row = {"model": "nobody-knows-this-model", "model_family": "vision", "hardware": "cpu", "device": "ST STM32H747I"}
    row |= {"precision": "int8", "note": "engine=1 CPU; total_ram=~281 KiB; total_flash=~332 KiB"}
    assert np.exp(covariates(r.table([row])).numbers["log_parameters"][0]) <= 332 * 1024


@pytest.mark.parametrize(("source", "runtime", "expected"), [
    ("lambda", "pytorch-eager", "tf32"), ("mlcommons", "onnxruntime", "tf32"), ("mlcommons", "pytorch-eager", "fp32"),
])  # fmt: skip
def test_who_computes_text_in_tf32(source: str, runtime: str, expected: str) -> None:
    row = {"model": "bert-base-uncased", "model_family": "embedding", "hardware": "cuda", "precision": "fp32"}
    row |= {"device": "NVIDIA A100-SXM4-40GB", "source": source, "runtime": runtime, "item": "sequence"}
    assert covariates(r.table([row])).labels["unit"][0] == expected


def test_a_translators_launches_are_those_of_its_decoder() -> None:
    def depth(encoder: int, decoder: int) -> float:
        arch = f"arch enc d512 L{encoder} ffn1024 dec d512 L{decoder} ffn1024 arb2"
        row = {"model": f"HAT-{encoder}-{decoder}", "model_family": "text_generation", "hardware": "cuda"}
        row |= {"item": "sequence", "mode": "inference", "sequence_length": 30, "note": arch, "batch_size": 1}
        return float(np.exp(covariates(r.table([row])).numbers["log_depth"][0]))

    assert depth(6, 4) == pytest.approx(2 * depth(6, 2))
    assert depth(3, 2) == pytest.approx(depth(6, 2))


@pytest.mark.parametrize(("model", "guessed"), [("resnet50", False), ("nobody-knows-this-model", True)])
def test_only_imputed_activations_have_a_slope_of_their_own(model: str, guessed: bool) -> None:
    row = {"model": model, "model_family": "vision", "hardware": "cuda", "mode": "training", "batch_size": 8}
    assert (covariates(r.table([row])).numbers["log_guessed"][0] != 0) == guessed
