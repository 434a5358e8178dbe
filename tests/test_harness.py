"""What a harness implies: who it is, the precision of its submissions, and the memory that its runs ran into."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from hwpredict.performance import harness, notes, rows as r
from hwpredict.performance.covariates import covariates
from hwpredict.performance.design import observe

CLOSED = "MLPerf Inference v4.0 closed, NVIDIA, DGX-H100_TRT, Offline, model dir {}; accuracy target {}"
DEVICE = {"model": "resnet50", "hardware": "cuda", "device": "T4"}
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


@given(st.integers(2, 4096))
def test_the_largest_batch_that_ran_bounds_its_memory(batch: int) -> None:
    row = {"source": "timm", "hardware": "cuda", "batch_size": batch}
    hint = harness.log_memory_hint(r.table([row]), np.log([24000.0]))[0]
    if batch in (256, 512, 1024, 2048):
        assert np.isnan(hint)
    else:
        assert np.log(24000 / 1.5) < hint < np.log(24000)


def test_a_hint_enters_as_a_figure_of_memory_and_a_measured_one_stays() -> None:
    row = {"source": "timm", "hardware": "cuda", "device": "NVIDIA GeForce RTX 3090", "model": "resnet50"}
    rows = r.table(
        [row | {"batch_size": 384}, row | {"batch_size": 384, "memory_mb": 9000.0}, row | {"batch_size": 512}]
    )
    seen = observe(rows, covariates(rows))
    assert seen.memory.tolist() == [True, True]
    assert np.exp(seen.y).tolist() == pytest.approx([24000 / np.sqrt(4 / 3), 9000.0])
