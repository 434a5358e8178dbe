"""Simulation-based calibration (Talts et al. 2018): ranks of the truth among posterior draws are uniform."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers import build, measurements
from scipy import stats

from hwpredict.performance.design import Design
from hwpredict.performance.engine import SCALE_PRIOR, laplace
from hwpredict.performance.linearise import simulate
from hwpredict.performance.parts import NOISE_DF

EFFECTS = ("intercept:compute", "intercept:overhead", "device:all", "framework:compute", "model:row", "source:row")
DRAWS, BINS = 63, 8


def from_prior(d: Design, rng: np.random.Generator) -> tuple[Design, np.ndarray]:
    """Scales, effects and figures drawn from the prior (the noise scale at its typical value)."""
    b = np.empty(d.n_levels)
    for position, effect in enumerate(d.effects):
        scale = effect.scale
        if effect.learned:
            scale *= np.sqrt(SCALE_PRIOR / rng.chisquare(SCALE_PRIOR))
        s = slice(d.starts[position], d.starts[position + 1])
        n = s.stop - s.start
        b[s] = scale * (rng.standard_normal(n) if np.isinf(effect.df) else rng.standard_t(effect.df, n))
    b = np.clip(b, -4, 4)  # two degrees of freedom would now and then put a device a million times off
    return replace(d, y=simulate(d, b) + 0.05 * rng.standard_t(NOISE_DF, len(d.y))), b


@pytest.mark.slow
def test_ranks_of_the_truth_are_uniform() -> None:
    """Of the means of figures, which predictions are made of; 200 tables drawn from the prior."""
    rows = [row | {"memory_mb": None} for row in measurements() if row["source"] in ("lab one", "lab two")]
    base = build(rows[::5], *EFFECTS)
    ranks = []
    for replication in range(200):
        rng = np.random.default_rng(replication)
        d, truth = from_prior(base, rng)
        state = laplace(d, iterations=15, rng=rng)
        draws = state.sample(DRAWS, rng)[0]
        which = rng.integers(len(d.y))
        mean = np.array([simulate(d, b)[which] for b in draws])
        ranks.append(int((mean < simulate(d, truth)[which]).sum()))
    counts = np.bincount(np.array(ranks) * BINS // (DRAWS + 1), minlength=BINS)
    print("ranks of the truth, in eighths:", counts)
    assert stats.chisquare(counts).pvalue > 1e-3
