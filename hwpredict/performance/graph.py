"""The model as a PyMC graph: its definition, for prior and posterior prediction, NUTS on small data and checks.

    scale_e^2 ~ Scaled-Inv-Chi2(2, prior scale of e)             for every learned effect e
    b_e[level] ~ Normal(0, scale_e) or StudentT(df_e, 0, scale_e)
    eta[i, k] = offset[i, k] + sum over effects e of part k of value · b_e[level of i]
    mu[i] = logsumexp_k eta[i, k] + row effects - concurrency
    noise_g^2 ~ Scaled-Inv-Chi2(4, center),   log center ~ Normal(log 0.05, 1)
    y[i] ~ StudentT(4, mu[i], noise[group of i])

The sparse engine conditions the same density with scales and noise at their marginal mode; tests hold the two together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from hwpredict.performance.design import Design
from hwpredict.performance.engine import NOISE_PRIOR, SCALE_PRIOR
from hwpredict.performance.parts import NOISE_DF, NOISE_SCALE, PARTS, Effect

#: Stands for a part that costs nothing; exp(-200) vanishes beside any real cost.
NOTHING = -200.0


def variable_name(effect_name: str) -> str:
    """PyMC and netCDF name of an effect: ``"device:compute"`` → ``"device_compute"``."""
    return effect_name.replace(":", "_").replace(" ", "_")


def build_model(d: Design, *, centered: bool = True) -> pm.Model:
    """PyMC model of a design.

    Parameters
    ----------
    d : Design
        Small enough for a dense (obs, part) array per effect.
    centered : bool
        Whether levels are free variables; otherwise their multiples of the scale are (``<effect>_z``), which NUTS walks
        more easily where levels are known badly (Papaspiliopoulos, Roberts & Sköld 2007).

    Returns
    -------
    pymc.Model
        Free variables: one per effect with levels, ``scale2_<effect>`` per learned scale, ``noise2``, ``log_center``;
        coordinates carry level names.
    """
    starts = d.starts
    coords: dict[str, Any] = {"obs": np.arange(len(d.y)), "noise_group": d.noise_names}
    names = [variable_name(e.name) for e in d.effects]
    for effect, name, keys in zip(d.effects, names, d.keys, strict=True):
        if len(keys):
            coords[f"{name}_level"] = d.vocabulary.level_names(effect.labels, keys)
    with pm.Model(coords=coords) as model:
        eta: list[Any] = [pt.as_tensor(np.where(np.isfinite(d.x[:, k]), d.x[:, k], NOTHING)) for k in range(len(PARTS))]
        row: Any = pt.zeros(len(d.y))
        owner = d.effect[d.level]
        for position, (effect, name) in enumerate(zip(d.effects, names, strict=True)):
            if not len(d.keys[position]):
                continue
            if effect.learned:
                nu = SCALE_PRIOR
                scale = pt.sqrt(pm.InverseGamma(f"scale2_{name}", alpha=nu / 2, beta=nu / 2 * effect.scale**2))
            else:
                scale = pt.constant(effect.scale)
            b = _levels(effect, name, scale, centered)
            mine = owner == position
            for part in np.unique(d.part[mine]):
                entry = mine & (d.part == part)
                level, value = np.zeros(len(d.y), dtype=int), np.zeros(len(d.y))
                level[d.obs[entry]] = d.level[entry] - starts[position]
                value[d.obs[entry]] = d.value[entry]
                term = pt.constant(value) * b[level]
                if part < 0:
                    row = row + term
                else:
                    eta[part] = eta[part] + term
        mu = pm.math.logsumexp(pt.stack(eta, axis=1), axis=1, keepdims=False) + row
        center = pm.Normal("log_center", np.log(NOISE_SCALE), 1.0)
        noise2 = pm.InverseGamma(
            "noise2", alpha=NOISE_PRIOR / 2, beta=NOISE_PRIOR / 2 * pt.exp(2 * center), dims="noise_group"
        )
        pm.StudentT("y", nu=NOISE_DF, mu=mu, sigma=pt.sqrt(noise2)[d.noise], observed=d.y, dims="obs")
    return model


def _levels(effect: Effect, name: str, scale: Any, centered: bool) -> Any:
    dims, own = f"{name}_level", name if centered else f"{name}_z"
    unit = scale if centered else 1.0
    if np.isinf(effect.df):
        b = pm.Normal(own, 0.0, unit, dims=dims)
    else:
        b = pm.StudentT(own, nu=effect.df, mu=0.0, sigma=unit, dims=dims)
    return b if centered else pm.Deterministic(name, scale * b, dims=dims)


def sample(
    d: Design,
    *,
    draws: int = 500,
    tune: int = 500,
    chains: int = 4,
    seed: int = 0,
    centered: bool = True,
    **options: Any,
) -> Any:
    """Sample a small design by NUTS: the reference that the sparse engine is held to.

    Parameters
    ----------
    d : Design
    draws, tune, chains, seed : int
    centered : bool
        See :func:`build_model`.
    **options
        Passed on to :func:`pymc.sample`, such as ``target_accept``.

    Returns
    -------
    xarray.DataTree
        Groups posterior, sample_stats, observed_data, constant_data.
    """
    from pytensor.configdefaults import config

    # fastmath makes draws depend on whether the compile cache is warm
    with build_model(d, centered=centered), config.change_flags(numba__fastmath=False):
        return pm.sample(draws, tune=tune, chains=chains, random_seed=seed, progressbar=False, quiet=True, **options)
