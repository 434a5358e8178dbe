"""Search over batch sizes and precisions, and the Pareto front."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from hwpredict.decision.recommend import rank
from hwpredict.decision.search import TRAINING_PRECISIONS, axes, best_per_target, combinations, front
from hwpredict.decision.utility import UTILITIES
from hwpredict.errors import InvalidWorkloadError, UnknownNameError
from hwpredict.workload import Target, Workload
from tests.outcomes import outcomes


def test_axes_as_people_write_them() -> None:
    assert list(axes("batch-size,precision", "inference")) == ["batch_size", "precision"]
    assert axes({"precision": ["fp16", "int8", "fp16"]}, "inference") == {"precision": ("fp16", "int8")}
    assert axes(["precision"], "training")["precision"] == TRAINING_PRECISIONS
    with pytest.raises(UnknownNameError, match="batch-size"):
        axes("batchsize", "inference")
    for nothing in ("", [], {"precision": []}):
        with pytest.raises(InvalidWorkloadError):
            axes(nothing, "inference")  # type: ignore[arg-type]


def test_combinations_have_names_of_their_own() -> None:
    targets = [Target("cuda", "NVIDIA T4", label="t4"), Target("cpu", None, label="cpu")]
    names, pairs = combinations(
        Workload("resnet50", batch_size=4), targets, {"batch_size": (1, 8), "precision": ("fp16",)}
    )
    assert names[:2] == ["t4, fp16, batch 1", "t4, fp16, batch 8"]
    assert len(set(names)) == len(pairs) == 4
    assert pairs[1][0].batch_size == 8


def test_the_front_of_certain_options_is_the_usual_one() -> None:
    speed = [math.log(x) for x in (100, 200, 50, 200)]
    o = outcomes(speed, 1e-9, price=[1.0, 4.0, 1.0, 5.0])
    # c is slower than a at the same price, d dearer than b at the same speed (up to its last digit)
    found = front(o.replaced(latency=np.array([[1.0], [1.0], [1.0], [1.0]]) + 0 * o["latency"],
                             throughput=np.exp(np.array(speed))[:, None] + 0 * o["latency"]))  # fmt: skip
    assert dict(zip(found.names, found.probability, strict=True)) == {"a": 1.0, "b": 1.0}
    assert [r["name"] for r in found.rows()] == found.names


def test_without_prices_the_front_leaves_cost_out() -> None:
    assert list(front(outcomes([0.0, 1.0])).quantities) == ["latency", "throughput"]


@settings(max_examples=15)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40), st.integers(0, 5))
def test_the_front_agrees_with_pairwise_comparison(speeds: list[float], seed: int) -> None:
    n = len(speeds)
    names = [f"o{i}" for i in range(n)]
    rng = np.random.default_rng(seed)
    o = outcomes(speeds, 0.2, draws=20, seed=seed, names=names, price=rng.uniform(1, 2, n).tolist())
    found = front(o)
    cost, latency, throughput = (np.broadcast_to(o[q], o.shape) for q in found.quantities)
    on = np.zeros(o.shape, dtype=bool)
    for d in range(20):
        for i in range(n):
            on[i, d] = not any(
                cost[j, d] <= cost[i, d] and latency[j, d] <= latency[i, d] and throughput[j, d] >= throughput[i, d]
                and (cost[j, d] < cost[i, d] or latency[j, d] < latency[i, d] or throughput[j, d] > throughput[i, d])
                for j in range(n)
            )  # fmt: skip
    expected = dict(zip(names, on.mean(axis=1), strict=True))
    assert {k: v for k, v in expected.items() if v > 0} == pytest.approx(
        dict(zip(found.names, found.probability, strict=True))
    )


def test_what_does_not_fit_is_on_no_front_and_hides_nothing() -> None:
    found = front(outcomes([0.0, 5.0], 1e-6, memory=[1.0, 1e6], capacity=[1e5, 1e5]))
    assert found.names == ["a"]


def test_the_best_of_each_target() -> None:
    o = outcomes([0.0, 1.0, 2.0, 0.5], 1e-6, names=["t4, batch 1", "t4, batch 8", "t40, batch 1", "cpu, batch 1"])
    found = best_per_target(rank(o, UTILITIES["throughput"]), ["t4", "t40", "cpu"])
    assert found == {"t40": "t40, batch 1", "t4": "t4, batch 8", "cpu": "cpu, batch 1"}
