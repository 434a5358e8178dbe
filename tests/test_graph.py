"""The PyMC graph defines the model; the sparse engine conditions the same one."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import build, drawn, measurements

from hwpredict.performance.design import Design
from hwpredict.performance.engine import NOISE_PRIOR, SCALE_PRIOR, laplace, log_density
from hwpredict.performance.graph import build_model, sample, variable_name
from hwpredict.performance.linearise import simulate
from hwpredict.performance.parts import NOISE_SCALE

#: Gaussian and Student-t effects of one part, of several and of the row; slopes; memory; concurrency; fixed scales.
EFFECTS = (
    "intercept:compute",
    "intercept:overhead",
    "intercept:m_weights",
    "intercept:m_context",
    "framework:compute",
    "device:all",
    "model:row",
    "source:row",
    "batch slope:row",
    "concurrency",
    "device:memory",
)


@pytest.fixture(scope="module")
def small() -> Design:
    return build(measurements()[::2], *EFFECTS)


def density_of_graph(d: Design, b: np.ndarray, scale: np.ndarray, noise: np.ndarray) -> float:
    """Log density of data and effects given the scales, from the PyMC graph."""
    model = build_model(d)
    point: dict[str, object] = {}
    for position, effect in enumerate(d.effects):
        if len(d.keys[position]):
            name = variable_name(effect.name)
            point[name] = b[d.starts[position] : d.starts[position + 1]]
            if effect.learned:
                point[f"scale2_{name}_log__"] = np.log(scale[position] ** 2)
    point["noise2_log__"] = np.log(noise**2)
    point["log_center"] = np.log(NOISE_SCALE)
    wanted = [v for v in model.basic_RVs if not v.name.startswith(("scale2", "noise2", "log_center"))]
    return float(model.compile_logp(vars=wanted, sum=True)(point))


def test_engine_and_graph_have_the_same_density(small: Design) -> None:
    rng = np.random.default_rng(0)
    scale = np.exp(rng.normal(-1.2, 0.3, len(small.effects)))
    scale = np.where([e.learned for e in small.effects], scale, [e.scale for e in small.effects])
    noise = np.exp(rng.normal(-2.5, 0.3, len(small.noise_names)))
    points = [0.3 * rng.standard_normal(small.n_levels) for _ in range(2)]
    for b in points:
        assert density_of_graph(small, b, scale, noise) == pytest.approx(log_density(small, b, scale, noise), rel=1e-9)


def test_the_graph_names_its_levels(small: Design) -> None:
    model = build_model(small)
    assert "NVIDIA T4|cuda" in model.coords["device_all_level"]
    assert set(model.coords["noise_group"]) == set(small.noise_names)


@pytest.mark.slow
def test_the_engine_agrees_with_nuts() -> None:
    """Posterior means within a fifth of a standard deviation or so, widths within a third, of what figures identify."""
    rng = np.random.default_rng(8)
    names = ("intercept:compute", "intercept:overhead", "device:all", "model:row", "framework:compute")
    d = build([row for row in measurements() if row["source"] == "lab one"], *names)
    scale = np.array([0.3 if e.learned else e.scale for e in d.effects])
    d, _ = drawn(d, rng, scale=scale, noise=0.05)
    state = laplace(d, iterations=30, rng=rng)
    tree = sample(d, draws=600, tune=800, chains=4, seed=2)
    mine, theirs = state.sample(2000, np.random.default_rng(5))[0], []
    for position, effect in enumerate(d.effects):
        if len(d.keys[position]):
            values = tree.posterior[variable_name(effect.name)].values
            theirs.append(values.reshape(-1, values.shape[-1]))
    nuts = np.concatenate(theirs, axis=1)
    sd = nuts.std(axis=0)
    assert np.abs((mine.mean(axis=0) - nuts.mean(axis=0)) / sd).max() < 0.5
    ratio = mine.std(axis=0) / sd
    print("widths, engine / NUTS:", np.quantile(ratio, (0.1, 0.5, 0.9)))
    assert np.median(ratio) == pytest.approx(1.0, abs=0.25)
    # sums, which is what predictions are made of
    pairs = [np.stack([simulate(d, b) for b in draws[:400]]) for draws in (mine, nuts[rng.permutation(len(nuts))])]
    touched = pairs[1].std(axis=0) > 1e-9  # memory has no effect among these
    pairs = [figures[:, touched] for figures in pairs]
    gap = np.abs(pairs[0].mean(axis=0) - pairs[1].mean(axis=0)) / pairs[1].std(axis=0)
    assert np.median(gap) < 0.3
    assert np.median(pairs[0].std(axis=0) / pairs[1].std(axis=0)) == pytest.approx(1.0, abs=0.15)


def test_the_prior_weights_are_those_of_the_graph() -> None:
    assert (SCALE_PRIOR, NOISE_PRIOR) == (50.0, 4.0)  # docs/model.md quotes that of the scales
