"""What the time of a step goes to, and what is said of platforms whose device nobody named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from hwpredict import HardwareModelPredictor
from hwpredict.decision.bottlenecks import KINDS, in_words, summarise
from hwpredict.performance.cells import predict_cells, probability_of_fitting, share_draws, to_rows
from hwpredict.performance.fit import fit
from hwpredict.performance.parts import TIME_PARTS
from hwpredict.performance.posterior import Posterior
from hwpredict.workload import Target, Workload
from tests.helpers import measurements

QUERY: dict[str, Any] = {"batch_size": 8, "precision": "fp16"}


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return fit(measurements(), iterations=8, draws=48)


@pytest.fixture(scope="module")
def predictor(posterior: Posterior) -> HardwareModelPredictor:
    return HardwareModelPredictor(posterior=posterior, draws=96)


def test_draws_of_shares_average_to_the_shares_of_the_fast_path(posterior: Posterior) -> None:
    pairs = [(Workload("resnet50", batch_size=8), Target("cuda", d)) for d in ("NVIDIA T4", "NVIDIA L4", None)]
    rows = to_rows(pairs)
    drawn = share_draws(posterior, rows, draws=80, seed=3)
    assert drawn.shape == (3, len(TIME_PARTS), 80)
    np.testing.assert_allclose(drawn.sum(axis=1), 1, atol=1e-5)
    mean = predict_cells(posterior, rows, draws=80, seed=3).prediction.shares[:, : len(TIME_PARTS)]
    np.testing.assert_allclose(drawn[:2].mean(axis=2), mean[:2], atol=1e-5)
    # of a platform each draw is of one device, and the mean of the fast path is over all of them
    np.testing.assert_allclose(drawn[2].mean(axis=1), mean[2], atol=0.1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_shares_by_kind_add_up_and_lie_within_their_intervals(seed: int, draws: int) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.dirichlet(np.full(len(TIME_PARTS), 0.7), size=draws).T
    found = summarise(dict(zip(TIME_PARTS, raw, strict=True)))
    assert {"compute", "bandwidth", "overhead"} <= set(found) <= set(KINDS)
    assert sum(s.mean for s in found.values()) == pytest.approx(1, abs=0.006)
    means = [s.mean for s in found.values()]
    assert means == sorted(means, reverse=True)
    assert all(0 <= s.low <= s.high <= 1 + 1e-12 for s in found.values())
    assert in_words(found).count(" to ") == len(found)


def test_the_explanation_has_shares_with_intervals(predictor: HardwareModelPredictor) -> None:
    r = predictor.predict_optimal_hardware("resnet50", **QUERY, available_hardware=["a100", "t4"])
    assert "Time of its step: " in r["explanation"]
    best = r["all_scores"][r["primary_recommendation"]]
    for kind in ("compute", "bandwidth", "overhead"):
        assert best[f"share_{kind}_low"] <= best[f"share_{kind}"] <= best[f"share_{kind}_high"]
        assert f"{100 * best[f'share_{kind}']:.0f} % ({100 * best[f'share_{kind}_low']:.0f} to " in r["explanation"]
    assert r.table.share_compute.notna().all()


def test_several_devices_have_them_too(predictor: HardwareModelPredictor) -> None:
    r = predictor.predict_optimal_hardware(
        "gpt2", batch_size=16, precision="fp16", mode="training", is_distributed=True, gpu_count=2,
        available_hardware=["a100"],
    )  # fmt: skip
    assert r["explanation"].count("memory traffic ") == 1
    shares = r.table.filter(regex="^share_[a-z]+$").fillna(0)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=0.01)


def test_a_bare_platform_is_held_against_the_memory_of_its_devices(predictor: HardwareModelPredictor) -> None:
    r = predictor.predict_optimal_hardware("llama-7b", precision="fp16", available_hardware=["cuda", "cpu", "h200"],
                                           constraints="memory fits with probability 0.01")  # fmt: skip
    scores = r["all_scores"]
    # 13.5 GB of weights: some of the devices that stand for CUDA have 8 GB, some 141
    assert 0.1 < scores["cuda"]["p_fits"] < scores["h200"]["p_fits"]
    assert np.isnan(scores["cpu"]["p_fits"])
    assert "No device is named of " in r["explanation"]
    assert "8 to 141 GB" in r["explanation"]
    assert "P(fits) is unknown for cpu" in r["explanation"]
    sized = predictor.predict_optimal_hardware("resnet50", available_hardware=["a100", "t4"])["explanation"]
    assert "No device" not in sized
    assert "unknown" not in sized


def test_draws_without_a_stated_memory_do_not_count() -> None:
    memory = np.array([1.0, 2.0, 3.0, 4.0])
    assert probability_of_fitting(memory, np.array([2.5, 2.5, 2.5, np.nan])) == pytest.approx(2 / 3)
    assert np.isnan(probability_of_fitting(memory, np.array([2.5, np.nan, np.nan, np.nan])))
