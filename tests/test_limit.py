"""Draws that are quicker than the data sheet allows are believed less, and move to where the others are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from hwpredict.performance import plain, rows as r
from hwpredict.performance.calibration import BELIEVED
from hwpredict.performance.plain import ANCHORS, limited, sorted_quantiles
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import predict
from hwpredict.performance.prepare import prepare
from hwpredict.posteriors import load


def held(draws: np.ndarray, floor: float) -> np.ndarray:
    """Draws of one row, ascending, held to a limit."""
    ordered = np.sort(draws)[None].astype(np.float32)
    return limited(ordered, sorted_quantiles(ordered, ANCHORS), np.array([floor], np.float32))[0]


def logistic(n: int, scale: float = 1.0) -> np.ndarray:
    u = (np.arange(n) + 0.5) / n
    return scale * np.log(u / (1 - u))


@settings(deadline=None)
@given(st.floats(-4, 4), st.floats(0.05, 3))
def test_draws_below_the_limit_count_less(floor: float, scale: float) -> None:
    before = logistic(20_000, scale)
    after = held(before, floor * scale)
    below = float(np.mean(before < floor * scale))
    expected = BELIEVED * below / (BELIEVED * below + 1 - below)
    assert float(np.mean(after < floor * scale)) == pytest.approx(expected, abs=0.01)
    assert (np.diff(after) >= -1e-5 * scale).all()  # ranks are kept, and with them what draws of cells have in common


def test_what_lies_wholly_on_one_side_stays() -> None:
    draws = logistic(1000)
    for floor in (-40.0, 40.0):
        np.testing.assert_allclose(held(draws, floor), draws, atol=2e-3)


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return load(None)


def table(**changes: object) -> r.Table:
    row = {"model": "resnet50", "hardware": "cuda", "device": "NVIDIA H200", "precision": "fp16", "item": "image"}
    return r.table([row | {"batch_size": 4096, "source": "never-seen", "runtime": "never-seen"} | changes])


def test_an_unseen_harness_seldom_beats_the_data_sheet(posterior: Posterior) -> None:
    rows = table()
    floor = prepare(posterior, rows, draws=8, seed=0, calibrated=True, point=None).floor[0]
    fastest = 4096 / np.exp(floor)
    assert 1e5 < fastest < 1e6  # 989 TFLOP/s over 8.2 GFLOP an image
    with_limit = predict(posterior, rows, draws=2000, seed=0).throughput[0]
    without = predict(posterior, rows, draws=2000, seed=0, calibrated=False).throughput[0]
    assert np.mean(with_limit > fastest) <= np.mean(without > fastest)
    assert np.mean(with_limit > fastest) < 0.05


@pytest.mark.parametrize("unknown", [{"model": "nobody-knows-this-model"}, {"device": "No such GPU"}])
def test_no_limit_where_work_or_peak_are_guessed(posterior: Posterior, unknown: dict[str, str]) -> None:
    assert np.isneginf(prepare(posterior, table(**unknown), draws=8, seed=0, calibrated=True, point=None).floor).all()


def test_no_limit_without_recalibration(posterior: Posterior) -> None:
    assert np.isneginf(prepare(posterior, table(), draws=8, seed=0, calibrated=False, point=None).floor).all()


def test_a_limit_keeps_what_draws_have_in_common(posterior: Posterior) -> None:
    rows = table()
    p = prepare(posterior, rows, draws=400, seed=0, calibrated=True, point=None)
    figures = tuple(np.empty((1, 400), np.float32) for _ in range(3))
    plain.draw(p, posterior.layout, 400, None, figures)
    raw = predict(posterior, rows, draws=400, seed=0, calibrated=False, compiled=False)
    assert np.corrcoef(np.argsort(np.argsort(figures[0][0])), np.argsort(np.argsort(raw.latency[0])))[0, 1] > 0.999
