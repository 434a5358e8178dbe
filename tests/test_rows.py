"""Rows: any container gives the same columns, and free text says what it says or nothing."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from helpers import measurements
from hypothesis import given, strategies as st

from hwpredict.errors import InvalidWorkloadError
from hwpredict.performance import notes, rows as r
from hwpredict.performance.covariates import covariates
from hwpredict.performance.runtimes import compiled, framework

ROWS = measurements()[:40]


def same(a: r.Table, b: r.Table) -> bool:
    return a.keys() == b.keys() and all(
        np.array_equal(a[k], b[k], equal_nan=a[k].dtype == float) and a[k].dtype == b[k].dtype for k in a
    )


def test_frame_mapping_and_list_agree() -> None:
    frame = pd.DataFrame(ROWS)
    columns = {k: frame[k].tolist() for k in frame}
    listed = r.table(ROWS)
    assert r.length(listed) == len(ROWS)
    assert same(r.table(frame), listed)
    assert same(r.table(columns), listed)
    assert same(r.table(frame.set_index(frame.index[::-1])), listed)


@pytest.mark.parametrize(
    "missing",
    [
        lambda f: f.astype(object).where(f.notna(), None),
        lambda f: f.convert_dtypes(),
        lambda f: f.convert_dtypes(dtype_backend="pyarrow"),
    ],
    ids=["None", "nullable", "arrow"],
)
def test_every_kind_of_missing_value_is_missing(missing) -> None:  # type: ignore[no-untyped-def]
    frame = pd.DataFrame(ROWS)
    assert frame.isna().any(axis=None)
    assert same(r.table(missing(frame)), r.table(ROWS))


def test_absent_columns_are_missing() -> None:
    table = r.table([{"model": " resnet50 ", "batch_size": "8"}, {"model": None, "hardware": "cpu"}])
    assert table["model"].tolist() == ["resnet50", ""]
    assert table["hardware"].tolist() == ["", "cpu"]
    assert table["batch_size"][0] == 8
    assert np.isnan(table["batch_size"][1])
    assert table.keys() == {*r.TEXT_COLUMNS, *r.NUMBER_COLUMNS}
    assert (table["runtime"] == "").all()
    assert np.isnan(table["throughput"]).all()


def test_nothing_is_an_empty_table() -> None:
    for empty in ([], {}, pd.DataFrame(), pd.DataFrame(columns=["model", "throughput"])):
        assert r.length(r.table(empty)) == 0


def test_a_column_outside_the_schema_changes_nothing() -> None:
    assert same(r.table([ROWS[0] | {"table": "another"}]), r.table(ROWS[:1]))


def test_what_is_not_a_number_is_refused_by_name() -> None:
    with pytest.raises(InvalidWorkloadError, match=r"batch_size.*eight"):
        r.table([{"model": "a", "hardware": "cpu", "batch_size": "eight"}])


def test_take_keeps_columns_together() -> None:
    table = r.table(ROWS)
    some = r.take(table, np.array([3, 1]))
    assert some["model"].tolist() == [ROWS[3]["model"], ROWS[1]["model"]]
    assert some["throughput"].tolist() == [ROWS[3]["throughput"], ROWS[1]["throughput"]]


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("224", 224),
        ("224x224x3", 224),
        ("480x640", math.sqrt(480 * 640)),
        ("299.0", 299),
        ("224*128", math.sqrt(224 * 128)),
        ("640x640x3, 1x80x512", 640),
    ],
)
def test_pixels(text: str, side: float) -> None:
    assert r.pixels(text) == pytest.approx(side)


@pytest.mark.parametrize("text", ["", "large", "0", "0x640", "2.0s", "`S <https://host.example/2023-07-18/v1.zip>`_"])
def test_no_pixels(text: str) -> None:
    assert math.isnan(r.pixels(text))


@pytest.mark.parametrize(
    ("item", "note", "expected"),
    [
        ("image", "", notes.FORWARD),
        ("sequence", "prefill", notes.FORWARD),
        ("", "", notes.FORWARD),
        ("token_prefill", "", notes.PREFILL),
        ("token_decode", "prefill p", notes.DECODE),
        ("token", "prefill p", notes.PREFILL),
        ("token", "whole gen", notes.GENERATE),
        ("token", "decode, 5", notes.DECODE),
    ],
)
def test_phase(item: str, note: str, expected: str) -> None:
    assert notes.phase(item, note) == expected


@pytest.mark.parametrize(
    ("note", "tokens"),
    [
        ("prefill pp512, threads=4", 512),
        ("ISL=4096 OSL=128", 4096),
        ("whole generate, input tokens=32", 32),
        ("a prompt of 77 tokens", 77),
        ("128-token decoder prompt", 128),
    ],
)
def test_prompt_tokens(note: str, tokens: float) -> None:
    assert notes.prompt_tokens(note) == tokens


@pytest.mark.parametrize("note", ["", "pp", "app512", "a 128-token decoder prompt"])
def test_no_prompt_tokens(note: str) -> None:
    assert math.isnan(notes.prompt_tokens(note))


def test_active_parameters() -> None:
    assert notes.active_parameters("MoE, active params=3.6e9") == 3.6e9
    assert notes.active_parameters("active parameters 12900000000") == 12.9e9
    for silent in ("active", "active=..e5", "active=1.2.3e9 of them"):
        assert math.isnan(notes.active_parameters(silent))


@pytest.mark.parametrize(
    ("phase", "note", "length", "expected"),
    [
        (notes.GENERATE, "whole generation: input 32 output 128 tokens; OUTPUT tokens/s", 160, (32, 128, 96, 128)),
        (notes.GENERATE, "whole generate(): input=32 output=128 tokens; all tokens/s", 160, (32, 128, 96, 160)),
        (notes.GENERATE, "whole generate() of 10 new tokens incl. prefill of 16 / new tokens", 21, (16, 10, 21, 10)),
        (notes.GENERATE, "", 200, (100, 100, 150, 200)),
        (notes.PREFILL, "prefill pp512 depth=4096", 4608, (512, 0, 4608, 512)),
        (notes.PREFILL, "mean over 9 shapes (pp16-4096, tg16-2048)", -1, (1332, 0, 1332, 1332)),
        (notes.PREFILL, "", 77, (77, 0, 77, 77)),
        (notes.DECODE, "decode tok/s; n_p_eval=52; n_eval=100", 2048, (1, 0, 102, 1)),
        (notes.DECODE, "", -1, (1, 0, notes.DEFAULT_CONTEXT, 1)),
        (notes.FORWARD, "", 128, (1, 0, 128, 1)),
    ],
)
def test_passage(phase: str, note: str, length: float, expected: tuple[float, ...]) -> None:
    found = notes.passage(phase, note, length)
    assert (found.prompt, found.generated, found.context, found.counted) == expected


@pytest.mark.parametrize(
    ("note", "label"),
    [
        ("", ""),
        ("a plain remark", ""),
        ("threads=4", "threads=4"),
        ("threads=4 flash_attn=1", "threads=4 flash attention"),
        ("fa=-fa on", "flash attention"),
        ("fa=0", ""),
        ("MLPerf 5.0, Offline, closed", "offline"),
        ("config=1 Core", "cores=1"),
        ("Single thread", ""),
        ("multi thread", "multi thread"),
        ("p99 latency", "p99"),
        ("p99 ms", ""),
        ("gpu_device=0", "gpu"),
    ],
)
def test_setting(note: str, label: str) -> None:
    assert notes.setting(note) == label


@pytest.mark.parametrize(
    ("runtime", "name", "ahead"),
    [
        ("", "unstated", False),
        ("pytorch-eager", "pytorch", False),
        ("torch.compile", "pytorch", True),
        ("TensorRT 8.6", "tensorrt", False),
        ("tensorrt-llm", "tensorrt-llm", False),
        ("llama.cpp b1234", "llama.cpp", False),
        ("OpenVINO-sync", "openvino", False),
        ("onnxruntime", "onnxruntime", False),
        ("stable-diffusion-webui-forge.git-medvram", "sd-webui", False),
        ("SD.next-zluda", "sd-webui", False),
        ("automatic.git-ipex", "sd-webui", False),
        ("TensorFlow-Lite 2.2.0 + custom patches", "tflite", False),
        ("TF", "tensorflow", False),
        ("genie", "qnn", False),
        ("NVIDIA Merlin HugeCTR Release 23.09", "hugectr", False),
        ("Zebra 3", "zebra", False),
        ("123", "unstated", False),
    ],
)
def test_framework(runtime: str, name: str, ahead: bool) -> None:
    assert framework(runtime) == name
    assert compiled(runtime) is ahead


#: Text that comes close to what the patterns look for, and text that does not.
near = st.from_regex(
    re.compile(r"(active[= ]|pp|ISL=|threads=|output |input tokens=|prompt of )[\d.e+x]{0,12}( tokens)?", re.ASCII)
)
anything = st.one_of(st.text(max_size=40), near)


@given(anything, anything)
def test_no_text_makes_the_readers_fail(text: str, item: str) -> None:
    for number in (r.pixels(text), notes.prompt_tokens(text), notes.active_parameters(text)):
        assert math.isnan(number) or number >= 0
    assert isinstance(notes.setting(text), str)
    assert notes.phase(item, text[:9]) in (notes.FORWARD, notes.PREFILL, notes.DECODE, notes.GENERATE)
    assert framework(text)
    assert compiled(text) in (True, False)


words = st.fixed_dictionaries({name: anything for name in r.TEXT_COLUMNS})
numbers = st.fixed_dictionaries({
    name: st.one_of(st.none(), st.floats(1e-3, 1e12), st.integers(1, 10**6)) for name in r.NUMBER_COLUMNS
})  # fmt: skip


@given(words, numbers)
def test_no_row_makes_the_covariates_fail(text: dict[str, str], figures: dict[str, float]) -> None:
    x = covariates(r.table([text | figures]))
    assert len(x) == 1
    for name, values in x.numbers.items():
        assert name == "log_capacity" or values[0] < np.inf, (name, values)
    assert all(isinstance(v[0], str) for v in x.labels.values())


def test_by_unique_calls_once_for_each_combination() -> None:
    calls: list[tuple[str, int]] = []

    def function(a: str, b: int) -> str:
        calls.append((a, b))
        return f"{a}{b}"

    assert r.by_unique(function, np.array(["x", "y", "x"]), np.array([1, 1, 1])) == ["x1", "y1", "x1"]
    assert calls == [("x", 1), ("y", 1)]


def test_runs_are_neighbours_that_differ_in_their_batch_size_alone() -> None:
    base = {"model": "gpt2", "hardware": "cuda", "sequence_length": None, "parameters": 1e8}
    changes: list[dict[str, object]] = [
        {"batch_size": 1}, {"batch_size": 8}, {"batch_size": None}, {"batch_size": 2, "note": "x"},
        {"batch_size": 4, "note": "x", "sequence_length": 64}, {"batch_size": 1},
    ]  # fmt: skip
    found = r.runs(r.table([base | change for change in changes]))
    assert found.first.tolist() == [0, 2, 3, 4, 5]
    assert found.of_row.tolist() == [0, 0, 1, 2, 3, 4]
    assert found.spread({"x": np.arange(5)})["x"].tolist() == [0, 0, 1, 2, 3, 4]
    assert r.runs(r.table([])).first.tolist() == []


@given(st.lists(st.tuples(words, numbers, st.lists(st.integers(1, 4096), min_size=1, max_size=4)), max_size=4))
def test_covariates_of_a_run_are_those_of_its_rows(
    drawn: list[tuple[dict[str, str], dict[str, float], list[int]]],
) -> None:
    rows = r.table([text | figures | {"batch_size": b} for text, figures, batches in drawn for b in batches])
    together = covariates(rows)
    assert len(together) == r.length(rows)
    for i in range(r.length(rows)):
        alone = covariates(r.take(rows, np.array([i])))
        for name, values in alone.numbers.items():
            assert np.array_equal(values, together.numbers[name][[i]], equal_nan=True), name
        for name, label in alone.labels.items():
            assert label[0] == together.labels[name][i], name
