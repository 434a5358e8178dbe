"""Conditioning of an ensemble: its sub-steps are exact, and intervals hold what they say where the truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from helpers import SYNCHRONOUS, Array, Row, measurements
from hypothesis import given, settings, strategies as st
from scipy.stats import t

from hwpredict.performance import rows as r
from hwpredict.performance.design import design
from hwpredict.performance.ensemble import LEARNT, _Cross, _Noise, typical
from hwpredict.performance.fit import fit
from hwpredict.performance.linearise import simulate
from hwpredict.performance.parts import NOISE_DF
from hwpredict.performance.posterior import STEP, Posterior
from hwpredict.performance.predictive import predict
from hwpredict.performance.update import _extend, _match, update

KNOWN = [row for row in measurements() if row["source"] in SYNCHRONOUS]
#: A harness and a machine that the posterior has never seen, at three batch sizes.
MINE = [
    {k: row[k] for k in row if k not in ("throughput", "latency_ms", "memory_mb")}
    | {"source": "me", "device": "AMD EPYC 7401P", "latency_ms": 1.0}
    for row in KNOWN
    if row["source"] == SYNCHRONOUS[0] and row["hardware"] == "cpu" and row["precision"] == "fp32"
]
GROUP = "time|me|cpu|forward"


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return fit(KNOWN, iterations=20, draws=112)


def without(p: Posterior, draw: int) -> Posterior:
    keep = np.arange(p.n_draws) != draw
    return replace(p, deviation=np.ascontiguousarray(np.asarray(p.deviation)[keep]), scale=p.scale[keep])


def simulated(p: Posterior, draw: int, rng: np.random.Generator, noise: float) -> list[Row]:
    """Rows of :data:`MINE` as they would be if one draw of the posterior were the truth."""
    d = design(r.table(MINE), effects=p.effects, harnesses=p.harnesses)
    old = _match(p, d, *_extend(p, d.vocabulary))
    fresh = old < 0
    b = np.empty(d.n_levels)
    b[~fresh] = p.mean[old[~fresh]] + STEP * p.deviation[draw, old[~fresh]]
    effect = d.effect[fresh]
    df = np.array([e.df for e in d.effects])[effect]
    heavy = np.where(np.isfinite(df), rng.standard_t(np.where(np.isfinite(df), df, 1)), rng.standard_normal(len(df)))
    b[fresh] = p.scale[draw, effect] * np.clip(heavy, -10, 10)
    y = simulate(d, b) + noise * rng.standard_t(NOISE_DF, len(d.y))
    out = [dict(row) for row in MINE]
    for row, value in zip(d.observations.row, y, strict=True):
        out[row]["latency_ms"] = 1e3 * float(np.exp(value))
    return out


def test_intervals_hold_other_batch_sizes_of_an_unseen_harness(posterior: Posterior) -> None:
    """One batch size of each model teaches the others: nine tenths of them lie inside, in much narrower intervals."""
    inside: list[bool] = []
    ratio: list[float] = []
    centre, spread = posterior.noise_population[0]
    for k in range(0, posterior.n_draws, 6):
        rng = np.random.default_rng(k)
        rows = simulated(posterior, k, rng, float(np.exp(centre + spread * rng.standard_normal())))
        given_rows, held = ([row for row in rows if (row["batch_size"] == 8) is is_8] for is_8 in (True, False))
        before = without(posterior, k)
        after = update(before, given_rows, seed=k)
        low, high = np.quantile(predict(after, r.table(held), draws=224).latency, (0.05, 0.95), axis=1)
        old = np.quantile(np.log(predict(before, r.table(held), draws=224).latency), (0.05, 0.95), axis=1)
        measured = np.array([row["latency_ms"] for row in held])
        inside += ((low <= measured) & (measured <= high)).tolist()
        ratio.append(float(np.median(np.log(high / low)) / np.median(old[1] - old[0])))
    assert 0.85 < np.mean(inside) < 0.99
    assert np.median(ratio) < 0.6


def test_one_row_leaves_the_noise_of_its_harness_uncertain(posterior: Posterior) -> None:
    """A level follows a single row wherever it goes: the row says next to nothing of the noise."""
    after = update(posterior, MINE[:1])
    mean, spread = after.attrs[LEARNT][GROUP]
    assert spread == pytest.approx(posterior.noise_population[0, 1], rel=0.4)
    assert after.noise[after.noise_index[GROUP]] > np.exp(mean)
    assert LEARNT not in posterior.attrs


def test_rows_that_come_one_after_another_go_on_teaching_the_noise(posterior: Posterior) -> None:
    rows = simulated(posterior, 5, np.random.default_rng(5), 0.5)
    first = update(posterior, rows[:3])
    second = update(first, rows[3:])
    assert second.noise_names == first.noise_names
    assert second.attrs[LEARNT][GROUP][1] < first.attrs[LEARNT][GROUP][1]
    assert second.noise[second.noise_index[GROUP]] != first.noise[first.noise_index[GROUP]]


def test_known_harnesses_keep_their_noise(posterior: Posterior) -> None:
    after = update(posterior, [row for row in KNOWN if row["source"] == SYNCHRONOUS[0]][:5])
    assert after.noise.tolist() == posterior.noise.tolist()
    assert after.attrs[LEARNT] == {}


def test_noise_scales_follow_their_residuals() -> None:
    rng = np.random.default_rng(2)
    noise = _Noise(np.log([0.1, 0.1]), np.array([0.8, 0.0]), np.repeat([0, 1], 200))
    residual = 0.4 * rng.standard_t(NOISE_DF, (50, 400))
    drawn = noise.given(residual, rng)
    assert np.exp(drawn[:, 0]).mean() == pytest.approx(0.4, rel=0.05)
    assert np.exp(drawn[:, 1]) == pytest.approx(0.1)  # known


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 7), st.integers(1, 9), st.floats(0.05, 1.0), st.integers(0, 2**32 - 1))
def test_the_sparse_product_is_the_dense_one(obs: int, levels: int, density: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    j = sp.csc_array(sp.random_array((obs, levels), density=density, rng=rng, format="csc"))
    variance: Array = rng.random((3, levels))
    found = _Cross.of(j).product(j.data, variance)
    assert found == pytest.approx(np.stack([j.toarray() * v @ j.toarray().T for v in variance]))


@settings(deadline=None, max_examples=30)
@given(st.floats(-4, 1), st.floats(0, 1.2), st.integers(0, 2**32 - 1))
def test_the_typical_scale_has_the_interval_of_the_mixture(centre: float, spread: float, seed: int) -> None:
    log_scale = centre + spread * np.random.default_rng(seed).standard_normal(112)
    end = t.ppf(0.95, NOISE_DF) * typical(log_scale)
    assert np.mean(2 * t.cdf(end / np.exp(log_scale), NOISE_DF) - 1) == pytest.approx(0.9, abs=1e-3)
