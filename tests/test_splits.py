"""Grouped splits: nothing of the group is on both sides, and spellings do not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from hwpredict.errors import InvalidWorkloadError, UnknownNameError
from hwpredict.evaluate.splits import GROUPS, KINDS, grouped_folds, grouped_split, split_keys, time_split, years
from hwpredict.performance import rows as r

DEVICES = [("cuda", "NVIDIA A100-SXM4-40GB"), ("cuda", "NVIDIA T4"), ("cuda", "NVIDIA H100-SXM5-80GB"), ("cpu", "")]
MODELS = ["resnet50", "bert-base-uncased", "gpt2", "vit_base_patch16_224", "mobilenet_v2", "resnet18"]


@pytest.fixture(scope="module")
def rows() -> r.Table:
    return r.table([
        {
            "model": model, "hardware": hardware, "device": device, "batch_size": batch, "precision": "fp16",
            "source": f"source {i % 3}", "throughput": 10.0, "mode": "inference",
        }
        for i, model in enumerate(MODELS) for hardware, device in DEVICES for batch in (1, 8)
    ])  # fmt: skip


@pytest.mark.parametrize("kind", GROUPS)
def test_no_group_is_on_both_sides(rows: r.Table, kind: str) -> None:
    test = grouped_split(rows, kind, rng=np.random.default_rng(1))
    keys = split_keys(rows, kind)
    assert test.any()
    assert not test.all()
    assert not set(keys[test]) & set(keys[~test])


@pytest.mark.parametrize("kind", GROUPS)
def test_folds_partition_the_groups(rows: r.Table, kind: str) -> None:
    keys = split_keys(rows, kind)
    fold = grouped_folds(keys, 2, np.random.default_rng(0))
    assert set(fold[keys != ""]) == {0, 1}
    assert set(fold[keys == ""]) <= {-1}
    assert not set(keys[fold == 0]) & set(keys[fold == 1])


@given(
    groups=st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", ""]), min_size=1, max_size=60),
    n=st.integers(2, 5),
    seed=st.integers(0, 99),
)
def test_every_known_row_is_held_out_once(groups: list[str], n: int, seed: int) -> None:
    keys = np.array(groups, dtype=object)
    known = sorted(set(groups) - {""})
    if len(known) < n:
        with pytest.raises(InvalidWorkloadError, match="cannot be dealt"):
            grouped_folds(keys, n, np.random.default_rng(seed))
        return
    fold = grouped_folds(keys, n, np.random.default_rng(seed))
    assert ((fold == -1) == (keys == "")).all()
    sizes = [len(set(keys[fold == k])) for k in range(n)]
    assert sum(sizes) == len(known)
    assert max(sizes) - min(sizes) <= 1
    np.testing.assert_array_equal(fold, grouped_folds(keys, n, np.random.default_rng(seed)))


def test_spellings_of_one_model_and_one_device_are_one_group() -> None:
    rows = r.table([
        {"model": "resnet50", "hardware": "cuda", "device": "NVIDIA Tesla V100-SXM2-16GB"},
        {"model": "ResNet-50", "hardware": "cuda", "device": "Tesla V100-SXM2-16GB"},
        {"model": "timm/resnet50.a1_in1k", "hardware": "cuda", "device": "NVIDIA T4"},
    ])  # fmt: skip
    assert len(set(split_keys(rows, "model"))) == 1
    devices = split_keys(rows, "device")
    assert devices[0] == devices[1] != devices[2]
    generations = split_keys(rows, "generation")
    assert generations[0] == "cuda|Volta"
    assert generations[2] == "cuda|Turing"


def test_what_is_not_stated_is_never_held_out(rows: r.Table) -> None:
    for kind in ("device", "generation"):
        assert set(split_keys(rows, kind)[rows["device"] == ""]) == {""}
        for seed in range(5):
            assert not grouped_split(rows, kind, rng=np.random.default_rng(seed))[rows["device"] == ""].any()


def test_an_unknown_split_names_the_known_ones(rows: r.Table) -> None:
    with pytest.raises(UnknownNameError, match="device"):
        grouped_split(rows, "devise", rng=np.random.default_rng(0))
    assert set(KINDS) == {*GROUPS, "time"}


def test_one_group_cannot_be_split() -> None:
    rows = r.table([{"model": "gpt2", "hardware": "cuda", "source": "s"}] * 3)
    with pytest.raises(InvalidWorkloadError, match="nothing would be left"):
        grouped_split(rows, "source", rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2024-09-04", 2024 + 8.5 / 12),
        ("HEAD (2026-01-20)", 2026 + 0.5 / 12),
        ("2023-09 (v3.1)", 2023 + 8.5 / 12),
        ("7/22/2024", 2024 + 6.5 / 12),
        ("ngc-21.11", 2021 + 10.5 / 12),
        ("2020-2023", 2020.5),
        ("2022", 2022.5),
        ("v7.0", np.nan),
        ("MLPerf Training v5.0", np.nan),
        (None, np.nan),
        (float("nan"), np.nan),
    ],
)
def test_dates_as_sources_write_them(text: object, year: float) -> None:
    np.testing.assert_allclose(years([text]), [year], equal_nan=True)


@given(st.lists(st.one_of(st.integers(2015, 2026).map(float), st.just(float("nan"))), min_size=1, max_size=50))
def test_test_rows_are_newer_than_all_training_rows(when: list[float]) -> None:
    dates = np.array(when)
    if len(set(dates[np.isfinite(dates)])) < 2:
        with pytest.raises(InvalidWorkloadError, match="two dates"):
            time_split(dates)
        return
    train, test = time_split(dates)
    assert train.any()
    assert test.any()
    assert dates[train].max() < dates[test].min()
    assert ((train | test) == np.isfinite(dates)).all()
