"""The sparse engine: stationary at its mode, exact in its draws, and right about effects that it did not see."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from helpers import A100, M1, T4, XEON, Array, Row, build, drawn

from hwpredict.performance import engine
from hwpredict.performance.design import Design
from hwpredict.performance.engine import FIRST_PACE, LONGEST_CHANGE, Laplace, _Pace, laplace, log_density, simulate
from hwpredict.performance.parts import NOISE_DF

DEVICES = {A100: "cuda", T4: "cuda", XEON: "cpu", M1: "mps"}
NETWORKS = ("resnet18", "resnet50", "vgg16", "mobilenet_v2", "densenet121", "alexnet", "squeezenet1_0", "vgg19")
#: Parts, rows, Gaussian and Student-t levels, slopes, and a fixed scale: one of each.
EFFECTS = ("intercept:compute", "intercept:overhead", "device:all", "framework:compute", "model:row", "batch slope:row")


def grid(*, copies: int = 1, networks: tuple[str, ...] = NETWORKS) -> list[Row]:
    """A crossed table of latencies that are yet to be drawn."""
    return [
        {
            "source": f"lab {k}",
            "model": model,
            "model_family": "vision",
            "hardware": DEVICES[device],
            "device": device,
            "precision": "fp32",
            "runtime": runtime,
            "batch_size": batch,
            "item": "image",
            "latency_ms": 1.0,
        }
        for k in range(copies)
        for device, model, runtime, batch in product(DEVICES, networks, ("pytorch-eager", "onnxruntime"), (1, 64))
    ]


def scales(d: Design, value: float = 0.3) -> Array:
    return np.full(len(d.effects), value)


def effects(d: Design, b: Array, name: str) -> Array:
    at = [e.name for e in d.effects].index(name)
    return b[d.starts[at] : d.starts[at + 1]]


@pytest.fixture(scope="module")
def fitted() -> tuple[Design, Array, Laplace]:
    """A design drawn from the model, what it was drawn with, and the fit."""
    rng = np.random.default_rng(3)
    d, b = drawn(build(grid(copies=2), *EFFECTS), rng, scale=scales(build(grid(), *EFFECTS)), noise=0.02)
    return d, b, laplace(d, iterations=25, rng=rng)


def test_the_smooth_maximum_adds_costs() -> None:
    d = build(grid()[:1], "intercept:compute")
    b = np.array([0.4])
    parts = d.x[0].copy()
    parts[d.part[0]] += 0.4
    assert simulate(d, b)[0] == pytest.approx(np.log(np.exp(parts[np.isfinite(parts)]).sum()))


def test_the_mode_is_stationary_given_the_scales(fitted: tuple[Design, Array, Laplace]) -> None:
    d, _, state = fitted
    rng = np.random.default_rng(4)
    # Newton steps on the exact density from where the fit stopped: expectation-maximisation adds what the effects'
    # own spread explains of the residuals, so that its mode is not quite that of the density
    here = settle(d, state.mode, state.scale, state.noise)
    for _ in range(5):
        direction = rng.standard_normal(d.n_levels)
        direction /= np.linalg.norm(direction)
        slope, curve = derivatives(lambda t, u=direction: log_density(d, here + t * u, state.scale, state.noise))  # type: ignore[misc]
        assert curve < 0
        # how far the top of the parabola is, in units of its width
        assert abs(slope / curve) * np.sqrt(-curve) < 1e-3
    at_start, at_mode = (log_density(d, b, state.scale, state.noise) for b in (state.mode, here))
    assert 0 <= at_mode - at_start < 0.05 * len(d.y)


def test_scales_come_to_rest(fitted: tuple[Design, Array, Laplace]) -> None:
    d, _, state = fitted
    further = laplace(d, iterations=12, rng=np.random.default_rng(5), start=(state.mode, state.scale, state.noise))
    # draws estimate the variances that scales are made of, so they rest within some per cent, and do not swing
    assert np.abs(np.log(further.scale / state.scale)).max() < 0.1


def test_effects_that_share_what_they_explain_do_not_swing() -> None:
    pace = _Pace(np.full(3, FIRST_PACE), np.zeros(3))
    taken = np.array([pace.taken(np.array([0.2 * (-1) ** i, 0.01, 9.0])) for i in range(8)])
    assert np.abs(taken[-1, 0]) < 0.002  # what turns every time comes to rest
    assert taken[-1, 1] > 3 * taken[0, 1]  # what creeps one way gets faster
    assert np.abs(taken).max() <= LONGEST_CHANGE


def derivatives(f: Callable[[float], float], h: float = 1e-4) -> tuple[float, float]:
    low, mid, high = f(-h), f(0.0), f(h)
    return (high - low) / (2 * h), (high - 2 * mid + low) / h**2


def settle(d: Design, b: Array, scale: Array, noise: Array) -> Array:
    """The mode of :func:`log_density` near ``b``, by reweighted least squares: dense, and independent of the engine."""
    sd, df = (np.repeat(x, np.diff(d.starts)) for x in (scale, [e.df for e in d.effects]))
    student, finite = np.isfinite(df), np.where(np.isfinite(df), df, 1.0)
    sigma, unit = noise[d.noise], np.eye(len(b))
    for _ in range(100):
        residual = d.y - simulate(d, b)
        jacobian = np.stack([(simulate(d, b + 1e-5 * u) - simulate(d, b - 1e-5 * u)) / 2e-5 for u in unit], axis=1)
        weight = (NOISE_DF + 1) / (NOISE_DF * sigma**2 + residual**2)
        precision = np.where(student, (finite + 1) / (finite * sd**2 + b**2), 1 / sd**2)
        slope = jacobian.T @ (weight * residual) - precision * b
        step = np.linalg.solve(jacobian.T @ (weight[:, None] * jacobian) + np.diag(precision), slope)
        if step @ slope < 1e-10:
            return b
        b = b + step
    pytest.fail("no mode found")


def test_figures_that_repeat_exactly_leave_some_noise() -> None:
    d, _ = drawn(build(grid(), *EFFECTS), np.random.default_rng(0), scale=scales(build(grid(), *EFFECTS)), noise=0.0)
    state = laplace(d, iterations=40, rng=np.random.default_rng(1))
    assert (state.noise >= engine.NOISE_FLOOR).all()
    assert np.isfinite(state.mode).all()


def test_a_step_of_levels_that_make_up_for_each_other_is_shortened_as_a_whole() -> None:
    class Sum:
        def linearise(self, b: np.ndarray) -> np.ndarray:
            return np.array([b.sum()])

    class Observed:
        y = np.array([2.0])

    one, two = np.ones(1), np.ones(2)
    # cut level by level, nothing would be left of it: 1 - 1
    whole = np.array([12.0, -10.0])
    step = engine._line_search(Sum(), Observed(), np.zeros(2), whole, 100 * one, 0.1 * two, 2 * one)  # type: ignore[arg-type]
    assert step == pytest.approx(whole / 12)
