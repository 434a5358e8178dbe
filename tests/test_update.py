"""Few-shot conditioning and outside predictors: what a handful of rows teaches, and that it agrees with a refit."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import A100, SYNCHRONOUS, T4, Row, measurements

from hwpredict.errors import InvalidWorkloadError
from hwpredict.evaluate.scores import score
from hwpredict.performance import rows as r
from hwpredict.performance.fit import fit
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import predict
from hwpredict.performance.residual import from_point_predictor
from hwpredict.performance.update import update

ROWS = [row for row in measurements() if row["source"] in SYNCHRONOUS]
KNOWN = [row for row in ROWS if row["device"] != T4]
NEW = [row for row in ROWS if row["device"] == T4 and row["source"] == SYNCHRONOUS[0]]
SHOTS, REST = NEW[::4], [row for i, row in enumerate(NEW) if i % 4]


@pytest.fixture(scope="module")
def before() -> Posterior:
    return fit(KNOWN, iterations=40, draws=256)


@pytest.fixture(scope="module")
def after(before: Posterior) -> Posterior:
    return update(before, SHOTS)


def latency(posterior: Posterior, rows: list[Row]) -> np.ndarray:
    return predict(posterior, r.table(rows), draws=256, seed=1).latency


def seen(rows: list[Row]) -> np.ndarray:
    return np.array([row["latency_ms"] for row in rows], dtype=float)


def test_a_few_rows_narrow_the_intervals_of_their_device(before: Posterior, after: Posterior) -> None:
    old, new = (score(latency(p, REST), seen(REST)) for p in (before, after))
    assert new.width90 < 0.6 * old.width90
    assert new.crps < 0.7 * old.crps
    assert new.coverage90 > 0.7


def test_models_never_measured_on_the_device_learn_too(before: Posterior) -> None:
    """Rows of one model tell of the device, and so of the other models."""
    taught = [row for row in SHOTS if row["model"] == "resnet50"]
    others = [row for row in REST if row["model"] != "resnet50"]
    after = update(before, taught)
    old, new = (np.log(latency(p, others)).std(axis=1).mean() for p in (before, after))
    assert new < 0.85 * old


def test_it_agrees_with_a_refit(after: Posterior) -> None:
    refit = fit(KNOWN + SHOTS, iterations=40, draws=256)
    mine, theirs = (np.log(latency(p, REST)) for p in (after, refit))
    spread = theirs.std(axis=1)
    gap = np.abs(np.median(mine, axis=1) - np.median(theirs, axis=1)) / spread
    assert np.median(gap) < 0.5
    assert np.median(mine.std(axis=1) / spread) == pytest.approx(1.0, abs=0.4)


def test_what_is_measured_elsewhere_hardly_moves(before: Posterior, after: Posterior) -> None:
    elsewhere = [row for row in KNOWN if row["device"] == A100 and row["latency_ms"]][:12]
    old, new = (np.log(latency(p, elsewhere)) for p in (before, after))
    moved = np.abs(np.median(new, axis=1) - np.median(old, axis=1)) / old.std(axis=1)
    assert np.median(moved) < 0.5


def test_the_given_posterior_stays_and_the_new_one_is_whole(before: Posterior, after: Posterior) -> None:
    assert before.fingerprint != after.fingerprint
    assert "updated_with" not in before.attrs
    for position in range(len(after.effects)):
        keys = after.keys[after.effect_slice(position)]
        assert (np.diff(keys) > 0).all()
    at = [e.name for e in after.effects].index("device:all")
    assert f"{T4}|cuda" in after.level_names(at)
    assert f"{T4}|cuda" not in before.level_names(at)


def test_nothing_to_learn_from_is_refused(before: Posterior) -> None:
    with pytest.raises(InvalidWorkloadError, match="nothing to learn"):
        update(before, [{"model": "resnet50", "hardware": "cuda"}])


def test_an_outside_predictor_gets_its_bias_removed_and_an_honest_width() -> None:
    rng = np.random.default_rng(4)
    rows = [row for row in ROWS if row["latency_ms"]]
    wrong = seen(rows) * 0.5 * np.exp(0.1 * rng.standard_normal(len(rows)))  # twice too optimistic, and noisy
    test = np.arange(len(rows)) % 5 == 0
    train = [row for row, t in zip(rows, test, strict=True) if not t]
    held = [row for row, t in zip(rows, test, strict=True) if t]
    model = from_point_predictor(train, wrong[~test], iterations=15)
    s = score(model.predict(held, wrong[test], draws=256).latency, seen(held))
    assert s.medape < 0.2
    assert s.coverage90 > 0.75
    assert s.width90 < 0.8


@pytest.mark.parametrize(("predicted", "message"), [([1.0], "one a row"), ([1.0, -2.0], "positive")])
def test_an_outside_predictor_must_predict(predicted: list[float], message: str) -> None:
    with pytest.raises(InvalidWorkloadError, match=message):
        from_point_predictor(ROWS[:2], predicted)
    with pytest.raises(InvalidWorkloadError, match="figure"):
        from_point_predictor(ROWS[:2], [1.0, 2.0], figure="speed")
