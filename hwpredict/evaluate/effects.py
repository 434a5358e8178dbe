"""What a posterior says of its effects: a table of levels, and how far each group of parameters has contracted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import unknown
from hwpredict.performance.design import SEPARATOR
from hwpredict.performance.parts import TIME
from hwpredict.performance.posterior import STEP, Posterior

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

#: Ends of the inner and outer interval, and the median.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def effect_position(posterior: Posterior, name: str) -> int:
    """Position of an effect by its name.

    Raises
    ------
    UnknownNameError
        The posterior has no such effect; the message names the nearest.
    """
    names = [e.name for e in posterior.effects]
    if name not in names:
        raise unknown("effect of this posterior", name, names)
    return names.index(name)


def find_effect(posterior: Posterior, labels: tuple[str, ...], part: str, metric: str = TIME) -> str:
    """Name of the effect with just these labels that multiplies this part of time or memory and has no slope.

    Effects are renamed from version to version; what they pool over is what a caller means.

    Parameters
    ----------
    posterior : Posterior
    labels : tuple of str
        In any order.
    part : str
        Of :data:`hwpredict.performance.parts.PARTS`, or ``row``: the whole, of which time and memory each have one.
    metric : {"time", "memory"}

    Raises
    ------
    UnknownNameError
    """
    for e in posterior.effects:
        if set(e.labels) == set(labels) and part in e.parts and e.metric == metric and not e.slope:
            return e.name
    there = [f"{' × '.join(e.labels)} on {', '.join(e.parts)} of {e.metric}" for e in posterior.effects if e.labels]
    raise unknown("effect of this posterior", f"{' × '.join(labels)} on {part} of {metric}", there)


def effect_table(posterior: Posterior, name: str) -> xr.Dataset:
    """Levels of one effect.

    Parameters
    ----------
    posterior : Posterior
    name : str

    Returns
    -------
    xarray.Dataset
        Dim ``level``: ``effect`` (posterior mean, log scale), ``effect_quantile`` (level, quantile), ``count``
        (observations), ``contraction`` (share of the prior variance that is gone); scalar ``scale`` (standard deviation
        of the population, log scale); each label of the effect as a coordinate.
    """
    import xarray as xr

    position = effect_position(posterior, name)
    effect, s = posterior.effects[position], posterior.effect_slice(position)
    draws = posterior.draws(position).astype(float)
    scale = float(np.median(posterior.scale[:, position]))
    levels = posterior.level_names(position)
    columns = list(zip(*(n.split(SEPARATOR) for n in levels), strict=False)) if effect.labels else []
    coords = {
        label: ("level", np.array(values, dtype=str)) for label, values in zip(effect.labels, columns, strict=False)
    }
    data = xr.Dataset(
        {
            "effect": ("level", draws.mean(axis=0), {"units": "1", "long_name": "posterior mean, log scale"}),
            "effect_quantile": (("level", "quantile"), np.quantile(draws, QUANTILES, axis=0).T, {"units": "1"}),
            "count": ("level", posterior.counts[s].astype(np.int64), {"units": "1", "long_name": "observations"}),
            "contraction": (
                "level",
                1 - np.minimum(draws.var(axis=0) / max(scale**2, 1e-12), 1.0),
                {"units": "1", "long_name": "share of the prior variance that is gone"},
            ),
            "scale": ((), scale, {"units": "1", "long_name": "standard deviation of the population, log scale"}),
        },
        coords | {"level": np.array(levels, dtype=str), "quantile": list(QUANTILES)},
        attrs={"effect": name, "parts": " ".join(effect.parts), "posterior_fingerprint": posterior.fingerprint},
    )
    return data


def effect_summary(posterior: Posterior) -> xr.Dataset:
    """One row per effect: levels, population scale, and contraction of its levels.

    Returns
    -------
    xarray.Dataset
        Dim ``effect``: ``levels``, ``scale`` and its 5 % and 95 % quantile, ``prior_scale``, ``contraction`` (mean over
        levels, weighted by nothing).
    """
    import xarray as xr

    contraction, levels = [], []
    for position in range(len(posterior.effects)):
        s = posterior.effect_slice(position)
        levels.append(s.stop - s.start)
        variance = (STEP * posterior.deviation[:, s].astype(np.float32)).var(axis=0)
        prior = float(np.median(posterior.scale[:, position])) ** 2
        contraction.append(float(1 - np.minimum(variance / max(prior, 1e-12), 1).mean()) if levels[-1] else np.nan)
    low, median, high = np.quantile(posterior.scale, (0.05, 0.5, 0.95), axis=0)
    return xr.Dataset(
        {
            "levels": ("effect", np.array(levels)),
            "scale": ("effect", median),
            "scale_low": ("effect", low),
            "scale_high": ("effect", high),
            "prior_scale": ("effect", np.array([e.scale for e in posterior.effects])),
            "contraction": ("effect", np.array(contraction)),
        },
        {"effect": np.array([e.name for e in posterior.effects], dtype=str)},
        attrs={"posterior_fingerprint": posterior.fingerprint},
    )
