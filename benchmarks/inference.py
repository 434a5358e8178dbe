r"""NUTS beside the sparse engine on a subset of real rows: convergence, predictive checks, sensitivity to the priors.

    uv run python benchmarks/inference.py DATA.parquet [--sources neusight,u39kun] [--rows 150] [--draws 1000]

Prints R-hat, effective sample sizes and divergences of NUTS on the PyMC graph; how far the engine's posterior means and
widths of the figures' expectations are from those of NUTS; where the measured figures lie in the prior and posterior
predictive distributions; and how much power-scaling of prior and likelihood moves the scales (Kallioinen et al. 2024).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pymc as pm

from hwpredict.evaluate.scores import score
from hwpredict.performance import rows as r
from hwpredict.performance.design import Design, design
from hwpredict.performance.engine import laplace
from hwpredict.performance.graph import build_model, sample, variable_name
from hwpredict.performance.linearise import simulate
from hwpredict.performance.parts import EFFECTS
from hwpredict.store import read_measurements

#: Effects that a few hundred rows of two or three harnesses can say something about.
NAMES = (
    "intercept:compute intercept:activation intercept:weights intercept:overhead device:all device:compute "
    "framework:compute framework:overhead architecture:compute architecture:activation source:row model:row"
)  # fmt: skip


def chosen(names: list[str]) -> tuple[Any, ...]:
    """Effects by name; a name may hold a space."""
    return tuple(e for e in EFFECTS if e.name in names)


def subset(path: Path, sources: list[str], n: int, seed: int) -> r.Table:
    """At most ``n`` rows of each source."""
    rows = r.table(read_measurements(path))
    rng = np.random.default_rng(seed)
    keep: list[int] = []
    for source in sources:
        mine = np.flatnonzero(rows["source"] == source)
        keep += (mine if len(mine) <= n else rng.choice(mine, n, replace=False)).tolist()
    return r.take(rows, np.sort(keep))


def flat(tree: Any, d: Design) -> np.ndarray:
    """Draws of all levels in the order of the design, shape (draw, level)."""
    pieces = []
    for position, effect in enumerate(d.effects):
        if len(d.keys[position]):
            values = tree.posterior[variable_name(effect.name)].values
            pieces.append(values.reshape(-1, values.shape[-1]))
    return np.concatenate(pieces, axis=1)


def figures(d: Design, draws: np.ndarray, n: int = 400) -> np.ndarray:
    """Expected log figures under some draws, shape (draw, obs)."""
    return np.stack([simulate(d, b) for b in draws[:: max(len(draws) // n, 1)]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sources", default="neusight,u39kun,mac_ml_speed_test")
    parser.add_argument("--rows", type=int, default=150)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rows = subset(args.data, args.sources.split(","), args.rows, args.seed)
    names = [n.replace("_", " ") for n in NAMES.split()]
    d = design(rows, effects=chosen(names))
    print(
        f"{r.length(rows)} rows of {args.sources}, {len(d.y)} figures, {d.n_levels} levels of {len(d.effects)} effects"
    )
    began = time.perf_counter()
    tree = sample(
        d, draws=args.draws, tune=args.draws, chains=4, seed=args.seed, centered=False, target_accept=0.95, cores=2
    )
    print(f"NUTS: {time.perf_counter() - began:.0f} s, {int(tree.sample_stats.diverging.sum())} divergences")
    scales = [v for v in tree.posterior.data_vars if v.startswith(("scale2_", "noise2"))]
    effects = [variable_name(e.name) for e, keys in zip(d.effects, d.keys, strict=True) if len(keys)]
    summary = az.summary(tree, var_names=[*scales, *effects], kind="diagnostics", round_to="none")
    print(f"  worst R-hat {summary.r_hat.max():.3f}, bulk ESS {summary.ess_bulk.min():.0f}, tail ESS "
          f"{summary.ess_tail.min():.0f}")  # fmt: skip
    rng = np.random.default_rng(args.seed)
    began = time.perf_counter()
    state = laplace(d, iterations=30, rng=rng)
    mine = figures(d, state.sample(400, rng)[0])
    print(f"engine: {time.perf_counter() - began:.0f} s")
    theirs = figures(d, flat(tree, d))
    gap = np.abs(mine.mean(axis=0) - theirs.mean(axis=0)) / theirs.std(axis=0)
    ratio = mine.std(axis=0) / theirs.std(axis=0)
    print(
        "  expected figures: distance of means in standard deviations, 10/50/90 %:",
        np.quantile(gap, (0.1, 0.5, 0.9)).round(2),
    )
    print("  widths, engine / NUTS, 10/50/90 %:", np.quantile(ratio, (0.1, 0.5, 0.9)).round(2))
    with build_model(d, centered=False) as model:
        prior = pm.sample_prior_predictive(500, random_seed=args.seed).prior_predictive["y"].values
        posterior = pm.sample_posterior_predictive(tree, random_seed=args.seed, progressbar=False)
        pm.stats.compute_log_likelihood(tree, progressbar=False)
        free = [v.name for v in model.free_RVs if v.name in scales]
        pm.stats.compute_log_prior(tree, var_names=free, progressbar=False)
    for name, draws in (("prior", prior), ("posterior", posterior.posterior_predictive["y"].values)):
        s = score(np.exp(np.clip(draws.reshape(-1, len(d.y)).T[:, :2000], -50, 50)), np.exp(d.y))
        print(
            f"{name} predictive: 50 % interval covers {s.coverage50:.2f}, 90 % covers {s.coverage90:.2f}, "
            f"width {s.width90:.2f}"
        )
    print(az.psense_summary(tree, var_names=scales).to_string())


if __name__ == "__main__":
    main()
