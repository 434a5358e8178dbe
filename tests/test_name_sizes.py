"""Parameter counts that names of language models state."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from hwpredict.catalog.models import features
from hwpredict.catalog.name_sizes import active_fraction, named_parameters, named_size
from hwpredict.performance import rows as r
from hwpredict.performance.covariates import covariates

WORDS = st.sampled_from(["wizardlm", "olmo", "Acme/Big_LM", "nova", "zeta-chat", "x-large-lm"])
SUFFIXES = st.sampled_from(
    [
        "",
        "-q4_0",
        "-Q4_K_M",
        "-w8a8",
        "-fp8",
        "-4bit",
        ":8-bit",
        "-int4",
        "-IQ3_XS",
        "-v1.2",
        "-awq",
        "-chat-1m",
        "-gptq-4b",
        "-instruct-128k",
        "_3t",
        "-a100",
    ]
)


@pytest.mark.parametrize(
    ("name", "billions", "active"),
    [
        ("WizardLM-13B-V1.2", 13, 13),
        ("mamba-2.8b", 2.8, 2.8),
        ("smollm-135m", 0.135, 0.135),
        ("Qwen3-30B-A3B-Instruct-2507", 30, 3),
        ("llama-3-8b-4bit", 8, 8),
        ("qwen2_5_0_5b", 0.5, 0.5),
        ("llama_2_7b_chat", 7, 7),
        ("llama7b", 7, 7),
        ("glm-4-9b-chat-1m", 9, 9),
        ("wav2vec2-xls-r-300m", 0.3, 0.3),
        ("GPT3-46B pre-training", 46, 46),
    ],
)
def test_sizes_in_names(name: str, billions: float, active: float) -> None:
    found = named_size(name)
    assert found is not None
    assert (found.total, found.active) == pytest.approx((billions * 1e9, active * 1e9))


@pytest.mark.parametrize(
    "name",
    [
        "bert-8bit",
        "llama-q4_0",
        "bert-w8a8",
        "llama-fp8",
        "llama-awq-4b",
        "wav2vec2-base-10m",
        "hunyuan-a13b",
        "gemma-3n-e4b",
        "llama-4-scout-17b-16e",
        "olmoe-1b-7b",
        "stablelm_2_1_6b",
        "distil-large-v3",
        "",
        "vit-b-16",
    ],
)
def test_other_numbers_are_no_sizes(name: str) -> None:
    assert named_size(name) is None


@pytest.mark.parametrize("name", ["mixtral-8x7b", "mixtral-8x22b"])
def test_experts_share_what_is_not_feed_forward(name: str) -> None:
    known, found = features(name), named_size(name)
    assert found is not None
    assert found.total == pytest.approx(known.parameters, rel=0.06)
    assert found.active == pytest.approx(known.active_parameters, rel=0.06)


@given(word=WORDS, size=st.integers(11, 9999), unit=st.sampled_from("bm"), suffix=SUFFIXES)
def test_a_size_is_read_whatever_follows(word: str, size: int, unit: str, suffix: str) -> None:
    scale = 1e9 if unit == "b" else 1e6
    value = size / 10 if unit == "b" else float(size)
    found = named_size(f"{word}-{value:g}{unit}{suffix}")
    if size * scale / 10 < 5e12:
        assert found is not None
        assert found.total == pytest.approx(value * scale)


@given(word=WORDS, suffix=SUFFIXES)
def test_formats_and_versions_alone_are_no_sizes(word: str, suffix: str) -> None:
    assert named_size(word + suffix) is None


@given(st.text(max_size=40))
def test_any_name_gives_a_sound_size_or_none(name: str) -> None:
    found = named_size(name)
    if found is not None:
        assert 1e6 <= found.active <= found.total < 5e12


@pytest.mark.parametrize("name", ["qwen2.5-7b", "llama-3.1-405b", "pythia-410m", "falcon-40b", "deepseek-coder-33b"])
def test_names_agree_with_the_catalog(name: str) -> None:
    assert named_parameters(name, "text_generation") == pytest.approx(features(name).parameters, rel=0.13)


def test_only_language_like_families_state_sizes() -> None:
    assert math.isnan(named_parameters("resnet-50m", "vision"))
    assert named_parameters("acme-13b", "multimodal") == 13e9
    assert active_fraction("acme-30b-a3b") == pytest.approx(0.1)
    assert math.isnan(active_fraction("acme-30b"))


def test_a_row_of_a_named_size_is_not_labelled_unknown() -> None:
    row: dict[str, Any] = {"hardware": "cuda", "device": "a100", "precision": "fp16", "batch_size": 1}
    row |= {"item": "token_decode", "mode": "inference", "model_family": "text_generation", "sequence_length": 128.0}
    names = ["acme-13b", "acme-x", "acme-40b-a4b"]
    found = covariates(r.table([row | {"model": name} for name in names]))
    assert [label != "" for label in found.labels["no_size"]] == [False, True, False]
    assert np.exp(found.numbers["log_parameters"]) == pytest.approx([13e9, 8e9, 40e9])
    work = np.exp(found.numbers["log_macs_item"])
    assert work[2] == pytest.approx(4e9, rel=0.01)
