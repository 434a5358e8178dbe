"""How memory was read, and what the batches of full devices say of activations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from hwpredict.performance import meters, rows as r
from hwpredict.performance.covariates import covariates
from hwpredict.performance.design import design, observe
from hwpredict.performance.parts import PART_NAMES

TRAINING = {
    "source": "timm",
    "hardware": "cuda",
    "device": "NVIDIA GeForce RTX 3090",
    "model": "resnet50",
    "mode": "training",
    "precision": "amp",
}


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("peak memory=whole-device used (nvidia-smi/pynvml)", meters.DEVICE),
        ("memory_mb = VRAM+GTT delta over idle (MiB)", meters.DEVICE),
        ("memory=max RSS of the process (host, shared memory)", meters.RESIDENT),
        ("memory=sum of logged device buffers (weights+KV for n_ctx+compute), all devices", meters.ALLOCATED),
        ("board=QCS8550 (Proxy); unit=NPU; mem_min_mb=2", meters.SHOWN),
        ("total_ram=719.38 KiB; total_flash=522.12 KiB", meters.PLANNED),
        ("no word of it", "that of a table"),
    ],
)
def test_a_note_says_how_memory_was_read(note: str, expected: str) -> None:
    assert meters.meter("a table", "cuda", note) == expected


@pytest.mark.parametrize("source", ["", r.UNSTATED])
def test_who_names_no_harness_gets_what_is_usually_read(source: str) -> None:
    assert meters.meter(source, "cuda", "") == meters.meter(source, "rocm", "") == meters.DEVICE
    assert {meters.meter(source, p, "") for p in ("cpu", "openvino", "mps")} == {meters.RESIDENT}
    assert meters.meter(source, "qnn", "") == meters.SHOWN


def test_the_own_harness_knows_what_a_runtime_takes_without_a_model() -> None:
    row = {"model": "resnet50", "hardware": "cpu", "source": "hwpredict"}
    x = covariates(r.table([row | {"runtime": name} for name in ("onnxruntime", "openvino-sync", "pytorch-eager")]))
    assert set(x.labels["meter"]) == {meters.CHILD}
    assert np.exp(x.numbers["log_context"]) == pytest.approx(list(meters.CHILD_MB.values()))


def test_an_allocator_does_not_count_the_context_and_a_plan_has_none() -> None:
    context = [meters.CONTEXT_MB[m] for m in (meters.DEVICE, meters.ALLOCATED, meters.PLANNED)]
    assert context == sorted(context, reverse=True)


def test_memory_of_all_devices_is_not_shared_out_among_them() -> None:
    row = {"model": "llama-7b", "hardware": "cuda", "device": "A100", "n_devices": 4, "item": "token_decode"}
    each, total = covariates(r.table([row | {"note": n} for n in ("", "memory=sum of buffers, all devices")])).numbers[
        "log_memory_sharded"
    ]
    assert each == pytest.approx(np.log(4))
    assert total == 0


@given(st.integers(2, 4096))
def test_a_batch_that_was_cut_leaves_less_than_the_device_holds(batch: int) -> None:
    rows = r.table([TRAINING | {"batch_size": batch}])
    left = meters.log_memory_left(rows, covariates(rows))[0]
    if batch in (256, 512, 1024, 2048):
        assert np.isnan(left)
    else:
        weights = 12 * 25.6
        assert 24000 / 1.5 - 1000 - weights - 600 < np.exp(left) < 24000


def test_inference_and_measured_runs_say_nothing_of_what_was_left() -> None:
    rows = r.table(
        [TRAINING | {"batch_size": 96, "mode": "inference"}, TRAINING | {"batch_size": 96, "memory_mb": 9e3}]
    )
    assert np.isnan(meters.log_memory_left(rows, covariates(rows))).all()


def test_what_was_left_is_held_against_the_activations_alone() -> None:
    rows = r.table([TRAINING | {"batch_size": 384}, TRAINING | {"batch_size": 384, "memory_mb": 9000.0}])
    seen = observe(rows, covariates(rows))
    assert seen.memory.tolist() == [True, True]
    assert seen.left.tolist() == [False, True]
    assert seen.row.tolist() == [1, 0]
    d = design(rows)
    finite = np.isfinite(d.x[:, [PART_NAMES.index(p) for p in ("m_weights", "m_activation", "m_state", "m_context")]])
    assert finite.tolist() == [[True] * 4, [False, True, False, False]]
