"""The fast path: the compiled kernel agrees with NumPy bit for bit, whatever the chunks and threads."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy import stats

from hwpredict.errors import PosteriorError
from hwpredict.performance import arithmetic as a, hashing, predictive, rows as r
from hwpredict.performance.calibration import Calibration, key
from hwpredict.performance.key_index import KeyIndex
from hwpredict.performance.layout import layout
from hwpredict.performance.parts import Effect
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import Prediction, predict
from hwpredict.posteriors import load, reference_path

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FIGURES = ("latency", "throughput", "memory", "epistemic", "shares", "n_measurements", "situation")


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return load(None)


@pytest.fixture(scope="module")
def rows(posterior: Posterior) -> r.Table:
    """Seen and unseen models, devices and harnesses, one that overlaps its steps, training and decoding."""
    harness, item = posterior.harnesses[0].split("|")
    return r.table([
        {"model": m, "hardware": h, "device": d, "source": s, "item": i, "batch_size": b, "precision": p, "mode": mode}
        for m in ("bert-base-uncased", "resnet50", "nobody-knows-this-model")
        for h, d in (("cuda", "NVIDIA T4"), ("cpu", "No such processor"))
        for s, i in (("", "sequence"), ("timm", "image"), (harness, item), ("", "token_decode"))
        for b in (1, 8, 64)
        for p, mode in (("fp16", "inference"), ("fp32", "training"))
    ])  # fmt: skip


def same(x: Prediction, y: Prediction) -> None:
    for name in FIGURES:
        np.testing.assert_array_equal(getattr(x, name), getattr(y, name), err_msg=name)
    assert x.evidence == y.evidence


@pytest.mark.parametrize("draws", [400, 113, 2])
@pytest.mark.parametrize("probabilities", [None, QUANTILES])
def test_kernel_and_numpy_give_the_same_bits(
    posterior: Posterior, rows: r.Table, draws: int, probabilities: tuple[float, ...] | None
) -> None:
    plain, compiled = (
        predict(posterior, rows, draws=draws, seed=5, probabilities=probabilities, compiled=way)
        for way in (False, True)
    )
    assert np.isfinite(plain.latency).all()
    same(plain, compiled)


def test_a_stretch_keeps_them_the_same(posterior: Posterior, rows: r.Table) -> None:
    factors = {key(m, s, ""): (0.7 + 0.1 * s, 1.3) for m in ("time", "memory") for s in range(8)}
    stretched = replace(posterior, calibration=Calibration(factors))
    for probabilities in (None, QUANTILES):
        same(*(predict(stretched, rows, draws=200, probabilities=probabilities, compiled=w) for w in (False, True)))


@pytest.mark.parametrize("compiled", [False, True])
def test_chunks_threads_and_other_rows_do_not_matter(
    posterior: Posterior, rows: r.Table, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = predict(posterior, rows, draws=100, compiled=compiled, threads=1)
    monkeypatch.setattr(predictive, "KERNEL_ROWS", 7)
    monkeypatch.setattr(predictive, "PLAIN_ROWS", 5)
    for threads in (1, 3):
        same(whole, predict(posterior, rows, draws=100, compiled=compiled, threads=threads))
    order = np.random.default_rng(3).permutation(r.length(rows))
    shuffled = predict(posterior, r.take(rows, order), draws=100, compiled=compiled)
    np.testing.assert_array_equal(shuffled.latency, whole.latency[order])


def test_quantiles_are_those_of_the_draws(posterior: Posterior, rows: r.Table) -> None:
    draws = predict(posterior, rows, draws=400)
    quantiles = predict(posterior, rows, draws=400, probabilities=QUANTILES)
    for name in ("latency", "throughput", "memory"):
        expected = np.quantile(getattr(draws, name), QUANTILES, axis=1).T
        np.testing.assert_allclose(getattr(quantiles, name), expected, rtol=1e-5)


def test_one_cell_needs_neither_numba_nor_scipy() -> None:
    code = (
        "import sys; from hwpredict.cli.main import main\n"
        "try: main('recommend bert-base-uncased --batch-size 8 --precision fp16'.split())\n"
        "except SystemExit as e: assert not e.code\n"
        "heavy = {'numba', 'scipy', 'pandas', 'xarray', 'pymc', 'matplotlib', 'duckdb', 'arviz'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-79, 79, width=32), min_size=1, max_size=40))
def test_elementary_functions(values: list[float]) -> None:
    x = np.array(values, np.float32)
    np.testing.assert_allclose(a.exp(x), np.exp(x.astype(float)), rtol=3e-7)
    y = np.exp(x.astype(float)).astype(np.float32)
    np.testing.assert_allclose(a.log(y), np.log(y.astype(float)), rtol=3e-7, atol=1e-7)
    w = x / np.float32(320)
    np.testing.assert_allclose(a.sine_of_turns(w), np.sin(2 * np.pi * w.astype(float)), atol=3e-7)


@pytest.mark.parametrize(("df", "expected"), [(float("inf"), stats.norm), (4.0, stats.t(4)), (2.0, stats.t(2))])
def test_deviates_have_their_distribution(df: float, expected: stats.rv_continuous) -> None:
    drawn = hashing.DEVIATES[df](hashing.bits(hashing.seeds(["a", "b"], "test"), 20_000))
    inner = drawn.reshape(-1)[np.abs(drawn.reshape(-1)) < 9]
    uniform = (expected.cdf(inner) - expected.cdf(-9)) / (expected.cdf(9) - expected.cdf(-9))
    assert stats.kstest(uniform, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(drawn)[0, 1]) < 0.05
    assert np.abs(drawn).max() <= a.LONGEST


def test_degrees_of_freedom_that_nothing_draws_are_refused() -> None:
    with pytest.raises(PosteriorError, match="degrees of freedom"):
        layout([Effect("x", "time", (), ("compute",), 1.0, df=3.0)], {})


def test_draws_are_read_as_they_are_asked_for(posterior: Posterior, tmp_path: Path) -> None:
    thin = replace(posterior, deviation=np.asarray(posterior.deviation)[:4], scale=posterior.scale[:4])
    path = tmp_path / "thin.nc"
    thin.save(path)
    few = np.array([0, 3, len(thin.keys) - 1])
    read = Posterior.load(path)
    np.testing.assert_array_equal(read.deviations(few), thin.deviation[:, few].T)
    assert read.fingerprint == thin.fingerprint
    np.testing.assert_array_equal(np.asarray(read.deviation), thin.deviation)
    whole: NDArray[np.int16] = pickle.loads(pickle.dumps(Posterior.load(path))).deviation
    np.testing.assert_array_equal(whole, thin.deviation)
    late = Posterior.load(path)
    os.utime(path, (1, 1))
    with pytest.raises(PosteriorError, match="load it again"):
        late.deviations(few)


def test_the_shipped_file_is_small_and_opens_as_a_tree() -> None:
    import xarray as xr

    assert reference_path().stat().st_size < 25e6
    with xr.open_datatree(reference_path(), engine="netcdf4") as tree:
        assert {"posterior", "constant_data"} <= set(tree.children)
        assert tree["posterior"]["deviation"].dims == ("chain", "draw", "level")


@given(st.lists(st.lists(st.integers(0, 2**40), max_size=6, unique=True), min_size=1, max_size=5), st.data())
def test_one_search_finds_levels_of_any_effect(keys: list[list[int]], data: st.DataObject) -> None:
    starts = np.cumsum([0, *map(len, keys)])
    flat = np.array([k for mine in keys for k in sorted(mine)], np.int64)
    index = KeyIndex.of(flat, starts)
    wanted = np.array([data.draw(st.sampled_from([*mine, 3, -1, 2**46])) for mine in keys], np.int64)[:, None]
    for effect, (mine, one, found) in enumerate(zip(keys, wanted[:, 0], index.find(wanted)[:, 0], strict=True)):
        assert found == (starts[effect] + sorted(mine).index(one) if one in mine else -1)


def test_more_keys_than_64_bits_number_are_refused() -> None:
    with pytest.raises(PosteriorError, match="fewer labels"):
        KeyIndex.of(np.array([2**62, 2**62], np.int64), np.array([0, 1, 2]))
