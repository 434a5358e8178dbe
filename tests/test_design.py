"""Design: which figures are observations, and which level of which effect multiplies which part of them."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import A100, OVERLAPPED, Row, build, measurements, subset
from hypothesis import given, strategies as st

from hwpredict.catalog import models
from hwpredict.performance import rows as r
from hwpredict.performance.costs import offsets
from hwpredict.performance.covariates import covariates
from hwpredict.performance.design import (
    SEPARATOR,
    Labels,
    Vocabulary,
    design,
    mark_overlapped,
    observe,
    overlapped_harnesses,
    part_indices,
)
from hwpredict.performance.parts import (
    CONCURRENCY,
    EFFECTS,
    MEMORY,
    MEMORY_PARTS,
    NOISE_LABELS,
    PART_NAMES,
    PARTS,
    ROW,
    TIME,
    TIME_PARTS,
)
from hwpredict.performance.prepare import SEEN_BY

STEP = {"model": "resnet50", "hardware": "cuda", "device": A100, "precision": "fp16", "batch_size": 8, "item": "image"}


def row(**figures: object) -> Row:
    return STEP | {"source": "lab"} | figures


def observed(*rows: Row) -> tuple[list[int], list[float], list[bool], list[bool]]:
    table = r.table(list(rows))
    seen = observe(table, covariates(table))
    return seen.row.tolist(), seen.y.tolist(), seen.memory.tolist(), seen.interval.tolist()


def test_figures_that_agree_are_one_observation() -> None:
    index, y, memory, interval = observed(row(throughput=40.0, latency_ms=200.0))
    assert (index, memory, interval) == ([0], [False], [False])
    assert y == pytest.approx([np.log(0.2)])


def test_figures_that_disagree_are_two_observations() -> None:
    index, y, _, interval = observed(row(throughput=40.0, latency_ms=600.0))
    assert index == [0, 0]
    assert y == pytest.approx([np.log(0.6), np.log(0.2)])
    assert interval == [False, True]


def test_the_latency_of_a_whole_job_is_no_figure_of_a_step() -> None:
    rows = r.table([row(latency_ms=5e5, item="workload"), row(latency_ms=5.0)])
    assert observe(rows, covariates(rows)).row.tolist() == [1]


def test_throughput_alone_is_an_interval_and_memory_is_an_observation_of_its_own() -> None:
    index, y, memory, interval = observed(row(throughput=40.0), row(memory_mb=500.0), row())
    assert index == [0, 1]
    assert y == pytest.approx([np.log(8 / 40), np.log(500)])
    assert memory == [False, True]
    assert interval == [True, False]


@pytest.mark.parametrize("figure", [0.0, -3.0, float("inf"), float("nan")])
def test_impossible_figures_are_not_observations(figure: float) -> None:
    for column in ("throughput", "latency_ms", "memory_mb"):
        assert observed(row(**{column: figure}))[0] == []


def test_a_generation_is_one_step_of_prompt_and_new_tokens() -> None:
    whole = {
        "model": "gpt2",
        "hardware": "cuda",
        "item": "token",
        "note": "whole generate: input 64 output 100 tokens, OUTPUT tokens/s",
        "sequence_length": 164,
        "batch_size": 4,
        "latency_ms": 2000.0,
        "throughput": 200.0,
    }
    index, y, _, _ = observed(whole)
    assert index == [0]
    assert y == pytest.approx([np.log(2.0)])


def test_a_prefill_step_processes_the_whole_prompt() -> None:
    prefill = {"model": "gpt2", "hardware": "cuda", "item": "token_prefill", "sequence_length": 500, "batch_size": 2}
    _, y, _, _ = observed(prefill | {"throughput": 4000.0})
    assert y == pytest.approx([np.log(2 * 500 / 4000)])


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({}, 20),
        ({"sequence_length": 50}, 50),
        ({"note": "end-to-end 30-step generation; unet_iter_per_s=6"}, 30),
        ({"mode": "training"}, 1),
        ({"item": "item"}, 1),
        ({"source": "sd_community"}, 1),
        ({"model": "resnet50", "model_family": "vision"}, 1),
    ],
)
def test_an_image_of_a_diffusion_pipeline_takes_its_denoising_steps(changes: dict[str, object], passes: int) -> None:
    pipeline = {"model": "stable-diffusion-xl", "model_family": "multimodal", "hardware": "cuda", "item": "image"}
    once = covariates(r.table([pipeline | changes | {"item": "item", "note": "", "sequence_length": None}])).numbers
    x = covariates(r.table([pipeline | changes])).numbers
    for name in ("log_flops", "log_activation_bytes", "log_weight_bytes", "log_depth"):
        assert x[name][0] - once[name][0] == pytest.approx(np.log(passes))
    assert x["log_live_bytes"][0] == pytest.approx(once["log_live_bytes"][0])


def test_a_harness_overlaps_when_more_than_a_few_rows_disagree() -> None:
    agree, apart = {"throughput": 40.0, "latency_ms": 200.0}, {"throughput": 40.0, "latency_ms": 600.0}
    rows = [row(source="steady", **agree)] * 19 + [row(source="steady", **apart)]
    rows += [row(source="served", **agree), row(source="served", **apart), row(source="blind", throughput=1.0)]
    table = r.table(rows)
    x = covariates(table)
    assert overlapped_harnesses(table, x) == ["served|image"]
    mark_overlapped(x, ["served|image"])
    assert x.labels["overlapped"].tolist() == [""] * 20 + ["served|image"] * 2 + [""]


def test_only_rows_of_an_overlapped_harness_have_a_concurrency() -> None:
    d = build([row(source="steady", throughput=40.0), row(source="served", throughput=40.0, latency_ms=600.0)])
    at = [e.name for e in d.effects].index("concurrency")
    assert d.harnesses == ["served|image"]
    assert d.vocabulary.level_names(("overlapped",), d.keys[at]) == ["served|image"]
    entries = d.effect[d.level] == at
    observation = d.obs[entries]
    assert d.observations.row[observation].tolist() == [1]
    assert d.observations.interval[observation].all()
    assert d.value[entries].tolist() == [-1.0]


def test_keys_round_trip_to_names() -> None:
    table = r.table(measurements())
    d = design(table)
    x = covariates(table)
    mark_overlapped(x, d.harnesses)
    for position, effect in enumerate(d.effects):
        keys = d.keys[position]
        assert (np.diff(keys) > 0).all()
        names = d.vocabulary.level_names(effect.labels, keys)
        entries = np.flatnonzero(d.effect[d.level] == position)
        level = d.level[entries] - d.starts[position]
        source = d.observations.row[d.obs[entries]]
        labels = Labels(x.labels, Vocabulary(d.vocabulary.names | {"item": [], "overlapped": []}))
        if effect.labels:
            assert [names[i] for i in level] == labels.joined(effect.labels, source)
        else:
            assert names == ["all"] * len(keys)


words = st.text(alphabet="ab|", max_size=2)


@given(st.lists(st.tuples(words, words, words), min_size=1, max_size=8), st.tuples(words, words, words))
def test_a_key_tells_levels_apart(known: list[tuple[str, str, str]], other: tuple[str, str, str]) -> None:
    def columns(rows: list[tuple[str, str, str]]) -> dict[str, np.ndarray]:
        return {n: np.array(c, dtype=object) for n, c in zip("xyz", zip(*rows, strict=True), strict=True)}

    vocabulary = Vocabulary.of(columns(known))
    keys = Labels(columns(known), vocabulary).keys("xyz")
    for i, a in enumerate(known):
        for j, b in enumerate(known):
            if a[0] and b[0]:
                assert (keys[i] == keys[j]) == (a == b)
        assert (keys[i] == -2) == (a[0] == "")
    (key,) = Labels(columns([other]), vocabulary).keys("xyz").tolist()
    seen = all(v in vocabulary.names[n] for n, v in zip("xyz", other, strict=True))
    if other[0] == "":
        assert key == -2
    elif not seen:
        assert key == -1
    else:
        assert vocabulary.level_names("xyz", np.array([key])) == [SEPARATOR.join(other)]


def test_an_unknown_label_is_minus_one_and_an_empty_first_one_minus_two() -> None:
    vocabulary = Vocabulary({"device": ["", "a", "b"], "platform": ["cpu"]})
    values = {
        "device": np.array(["b", "c", "", "a"], dtype=object),
        "platform": np.array(["cpu", "cpu", "?", "?"], dtype=object),
    }
    labels = Labels(values, vocabulary)
    assert labels.keys(("device", "platform")).tolist() == [2, -1, -2, -1]
    assert labels.keys(()).tolist() == [0, 0, 0, 0]


def test_a_part_that_costs_nothing_is_minus_infinity() -> None:
    rows = [
        row(throughput=1.0),
        row(throughput=1.0, mode="training"),
        row(throughput=1.0, mode="training", n_devices=4),
        {"model": "gpt2", "hardware": "cuda", "item": "token_decode", "sequence_length": 256, "batch_size": 1},
    ]
    cost = np.isfinite(offsets(covariates(r.table(rows)).numbers))
    part = {name: cost[:, i].tolist() for i, name in enumerate(PART_NAMES)}
    assert part["kv"] == part["m_kv"] == [False, False, False, True]
    assert part["m_state"] == [False, True, True, False]
    assert part["comm"] == [False, False, True, False]
    for name in ("compute", "activation", "weights", "overhead", "m_weights", "m_activation", "m_context"):
        assert part[name] == [True] * 4, name


def test_an_observation_sees_the_parts_of_its_metric_only() -> None:
    d = build([row(latency_ms=200.0, memory_mb=500.0)])
    time, memory = (np.isfinite(d.x[d.observations.memory == m]) for m in (False, True))
    assert not time[:, [PART_NAMES.index(p) for p in MEMORY_PARTS]].any()
    assert not memory[:, [PART_NAMES.index(p) for p in TIME_PARTS]].any()
    assert np.isfinite(d.x[d.obs, d.part][d.part >= 0]).all()
    for position, effect in enumerate(d.effects):
        on_memory = d.observations.memory[d.obs[d.effect[d.level] == position]]
        if effect.metric != "both":
            assert (on_memory == (effect.metric == MEMORY)).all(), effect.name


def test_counts_are_observations_and_starts_bound_the_effects() -> None:
    d = build(measurements())
    assert d.starts[-1] == d.n_levels == len(d.counts)
    for position in range(len(d.effects)):
        start, stop = d.starts[position], d.starts[position + 1]
        assert (d.effect[start:stop] == position).all()
        mine = d.effect[d.level] == position
        pairs = set(zip(d.obs[mine].tolist(), d.level[mine].tolist(), strict=True))
        assert (
            np.bincount([p[1] - start for p in pairs], minlength=stop - start).tolist() == d.counts[start:stop].tolist()
        )
    assert (d.counts > 0).all()


def test_noise_groups_are_harnesses_by_metric() -> None:
    d = build([row(latency_ms=200.0, memory_mb=500.0), row(source="other", latency_ms=1.0)])
    names = [d.noise_names[i] for i in d.noise]
    assert names == ["time|lab|cuda|forward", "time|other|cuda|forward", "memory|lab|cuda|forward"]
    assert len(NOISE_LABELS) == names[0].count(SEPARATOR)


def test_a_slope_multiplies_by_its_covariate() -> None:
    d = build([row(latency_ms=200.0, batch_size=64)], "batch slope:row")
    assert d.value == pytest.approx([2 * np.tanh(np.log(64 / 8) / 2)])
    assert build([row(latency_ms=200.0, batch_size=8)], "batch slope:row", "intercept:compute").n_levels == 1


def test_the_table_of_effects_is_consistent() -> None:
    names = [e.name for e in EFFECTS]
    assert len(set(names)) == len(names)
    for effect in EFFECTS:
        metrics = {PARTS[k].metric for k in part_indices(effect)}
        assert effect.metric == "both" or metrics <= {effect.metric}, effect.name
        assert effect.parts in ((ROW,), (CONCURRENCY,)) or len(part_indices(effect)) == len(effect.parts)
        assert effect.scale > 0
        assert effect.df in (2, 4, np.inf)
    x = covariates(r.table([row()]))
    mark_overlapped(x, [])
    assert {label for e in EFFECTS for label in e.labels} <= set(x.labels)
    assert {e.slope for e in EFFECTS} - {""} <= set(x.numbers)
    assert {n for p in PARTS for n in (*p.work, *p.rate)} <= set(x.numbers)
    assert {p.metric for p in PARTS} == {TIME, MEMORY}
    assert subset("concurrency")[0].parts == (CONCURRENCY,)


def test_the_synthetic_served_harness_is_recognised() -> None:
    assert build(measurements()).harnesses == [f"{OVERLAPPED}|image", f"{OVERLAPPED}|sequence"]


@pytest.mark.parametrize(("runtime", "faster"), [("llama.cpp", False), ("vllm", True)])
def test_devices_that_take_turns_hold_more_and_are_no_faster(runtime: str, faster: bool) -> None:
    row = {
        "model": "llama-2-7b", "model_family": "text_generation", "hardware": "cuda", "device": A100,
        "precision": "fp16", "batch_size": 1, "item": "token_decode", "source": "lab", "runtime": runtime,
    }  # fmt: skip
    one, four = (covariates(r.table([row | {"n_devices": n}])) for n in (1, 4))
    gain = np.nan_to_num(offsets(one.numbers), neginf=0)[0] - np.nan_to_num(offsets(four.numbers), neginf=0)[0]
    parts = dict(zip(PART_NAMES, gain.tolist(), strict=True))
    assert parts["weights"] == parts["kv"] == pytest.approx(np.log(4) if faster else 0)
    assert parts["m_weights"] == pytest.approx(np.log(4))


@pytest.mark.parametrize(
    ("changes", "unit"),
    [
        ({}, "tf32"),
        ({"runtime": "tensorflow", "model": "bert-base", "model_family": "embedding"}, "tf32"),
        ({"model": "bert-base", "model_family": "embedding"}, "fp32"),  # PyTorch shortens convolutions only
        ({"runtime": "onnxruntime", "model": "bert-base", "model_family": "embedding"}, "tf32"),
        ({"device": "NVIDIA V100-SXM2-16GB"}, "fp32"),  # has none
        ({"precision": "fp16"}, "fp16"),
    ],
)
def test_fp32_of_newer_gpus_is_tf32_where_the_framework_says_so(changes: dict[str, object], unit: str) -> None:
    row = {
        "model": "resnet50", "model_family": "vision", "hardware": "cuda", "device": A100, "runtime": "pytorch-eager",
        "precision": "fp32", "batch_size": 1, "item": "image", "source": "lab",
    }  # fmt: skip
    assert covariates(r.table([row | changes])).labels["unit"].tolist() == [unit]


def test_the_cache_of_a_long_context_ends_at_the_window() -> None:
    row = {
        "model": "gemma-3-27b", "model_family": "text_generation", "hardware": "cuda", "device": A100,
        "precision": "bf16", "batch_size": 2, "item": "token_decode", "sequence_length": 100_000, "source": "lab",
    }  # fmt: skip
    x = covariates(r.table([row])).numbers
    assert np.exp(x["log_cache_bytes"][0]) == pytest.approx(2 * models.features("gemma-3-27b").kv_bytes(100_000))


def test_untold_models_are_told_apart_by_their_table() -> None:
    rows = [
        {"model": name, "model_family": "vision", "hardware": "cuda", "source": "lab"}
        for name in ("resnet50", "no-such-network", "pspnet_r50-d8_512x512_80k_ade20k")
    ]
    assert covariates(r.table(rows)).labels["untold"].tolist() == ["", "lab", ""]


def test_what_was_seen_is_told_by_effects_that_exist() -> None:
    known = {e.name: e.labels for e in EFFECTS}
    for metric, (source, device, model) in SEEN_BY.items():
        labels = [known[name][0] for name in (source, device, model)]
        assert labels == ["harness" if metric == TIME else "source", "device", "model"]
