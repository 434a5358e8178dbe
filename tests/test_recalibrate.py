"""Recalibration: factors from held-out figures that bring probabilities of events to how often they come true."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from hwpredict.evaluate.recalibrate import recalibration
from hwpredict.performance import rows as r
from hwpredict.performance.calibration import key
from hwpredict.performance.parts import PARTS
from hwpredict.performance.plain import ANCHORS, sorted_quantiles, stretched
from hwpredict.performance.predictive import Prediction

N, DRAWS = 2000, 400


def held_out(spread: float, situation: int, rng: np.random.Generator) -> tuple[r.Table, Prediction]:
    """Figures that lie ``spread`` times as far from the median as draws do in the middle, and as far at the ends."""
    truth = rng.standard_normal(N)
    far = np.minimum(np.abs(truth) / 1.645, 1)
    truth = truth * (spread + (1 - spread) * far)
    draws = np.exp(rng.standard_normal((N, DRAWS))).astype(np.float32)
    table = r.table([
        {"model": f"m{i % 400}", "device": f"d{i % 300}", "hardware": "cuda", "source": f"s{i % 200}",
         "latency_ms": float(np.exp(y)), "memory_mb": float(np.exp(y))}
        for i, y in enumerate(truth)
    ])  # fmt: skip
    p = Prediction(
        draws, 1 / draws, draws.copy(), np.zeros((N, 2)), np.zeros((N, len(PARTS))), [""] * N, np.zeros(N, np.int64),
        np.full((N, 2), situation),
    )  # fmt: skip
    return table, p


def covered(table: r.Table, p: Prediction, metric: str, quantiles: Sequence[float]) -> float:
    """Share of the figures within an interval of the recalibrated draws."""
    log_draws = np.log({"time": p.latency, "memory": p.memory}[metric])
    figures, found = np.log(table["latency_ms"]), recalibration([(table, p)])
    cases = zip(p.situation[:, 0].tolist(), table["hardware"].tolist(), table["source"].tolist(), strict=True)
    factors = np.array([found.of(metric, *case) for case in cases], np.float32)
    anchors = sorted_quantiles(np.sort(log_draws, axis=1), ANCHORS)
    low, high = np.quantile(stretched(log_draws, anchors, factors), quantiles, axis=1)
    return float(((low <= figures) & (figures <= high)).mean())


@pytest.mark.parametrize("metric", ["time", "memory"])
@pytest.mark.parametrize("situation", [0, 2, 4], ids=["all seen", "new device", "new model"])
def test_a_middle_that_is_too_wide_is_narrowed_and_the_ends_are_kept(metric: str, situation: int) -> None:
    table, p = held_out(0.5, situation, np.random.default_rng(0))
    core, tail = recalibration([(table, p)]).factors[key(metric, situation, "")]
    assert core < 0.7
    assert tail == pytest.approx(1, abs=0.05)
    assert covered(table, p, metric, (0.25, 0.75)) == pytest.approx(0.5, abs=0.05)
    assert covered(table, p, metric, (0.05, 0.95)) == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("situation", [0, 4])
def test_honest_draws_stay_as_they_are(situation: int) -> None:
    factors = recalibration([held_out(1.0, situation, np.random.default_rng(1))]).factors
    assert set(factors) == {key(metric, situation, "") for metric in ("time", "memory")}
    for core, tail in factors.values():
        assert core == pytest.approx(1, abs=0.12)
        assert tail == pytest.approx(1, abs=0.08)


def test_a_known_source_has_factors_of_its_own() -> None:
    """One table's figures lie as far as draws do, another's half as far."""
    wide, p = held_out(1.0, 4, np.random.default_rng(2))
    narrow, q = held_out(0.4, 4, np.random.default_rng(3))
    named = [
        (t | {"source": np.full(N, name, dtype=object)}, x) for t, x, name in ((wide, p, "wide"), (narrow, q, "b"))
    ]
    found = recalibration(named)
    of = [found.of("time", 4, "cuda", source)[0] for source in ("b", "", "wide")]
    assert of[0] < of[1] < of[2]
    assert found.of("time", 5, "cuda", "b") == (1.0, 1.0), "of new sources nothing was held out"
