"""Few-shot conditioning: a posterior and a handful of the user's rows in, the posterior given both out, in a second.

Levels that the rows introduce (their harness, their device, their software) are drawn from their priors and conditioned
exactly; all other levels move along with them by the covariance of the posterior draws. This is randomised maximum
likelihood with a linear update of an ensemble (Chen & Oliver 2012; Evensen 2018): each draw is pulled to its own
perturbed copy of the measurements,

    b_s ← b_s + Σ_s J' (J Σ_s J' + R)⁻¹ (y + e_s − f(b_s)),    Σ_s = draws' covariance ⊕ diag(prior variance of draw s)

with the Student-t of new levels and of the noise as scale mixtures and a few Gauss-Newton steps for the smooth maximum.
As every old level moves within the span of the draws, what the draws know of sums of effects stays known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import InvalidWorkloadError
from hwpredict.performance import rows as r
from hwpredict.performance.design import Design, Vocabulary, design
from hwpredict.performance.engine import NOISE_PRIOR
from hwpredict.performance.linearise import Linearisation
from hwpredict.performance.parts import MEMORY, NOISE_DF
from hwpredict.performance.posterior import STEP, Posterior

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Gauss-Newton steps.
ITERATIONS = 6
#: Observations that are taken in at once; more of them go in one batch after another.
BATCH = 250


def update(posterior: Posterior, frame: Any, *, seed: int = 0) -> Posterior:
    """Condition a posterior on further measurements.

    Parameters
    ----------
    posterior : Posterior
    frame : pandas.DataFrame or mapping of columns or list of mappings
        Rows in the measurement schema, with at least one of ``throughput``, ``latency_ms`` and ``memory_mb``.
    seed : int
        Of the perturbations and of the levels that are new.

    Returns
    -------
    Posterior
        With the new levels added and every draw conditioned; the given one is unchanged.

    Raises
    ------
    InvalidWorkloadError
        No row has a figure.
    """
    rows = frame if isinstance(frame, dict) and "model" in frame and "note" in frame else r.table(frame)
    figures = [np.isfinite(rows[c]) & (rows[c] > 0) for c in ("throughput", "latency_ms", "memory_mb")]
    measured = np.any(figures, axis=0)
    if not measured.any():
        raise InvalidWorkloadError("nothing to learn from: no row has a throughput, latency_ms or memory_mb")
    rows = r.take(rows, measured)
    rng = np.random.default_rng(seed)
    order = rng.permutation(r.length(rows))
    for start in range(0, len(order), BATCH):
        posterior = _condition(posterior, r.take(rows, np.sort(order[start : start + BATCH])), rng)
    return posterior


@dataclass(frozen=True, slots=True)
class _Matched:
    """Levels of the rows' design, matched with those of the posterior.

    Attributes
    ----------
    design : Design
    old : ndarray of int, shape (level,)
        Level of the posterior, -1 for a new one.
    """

    design: Design
    old: Codes


def _condition(posterior: Posterior, rows: r.Table, rng: np.random.Generator) -> Posterior:
    d = design(rows, effects=posterior.effects, harnesses=posterior.harnesses)
    vocabulary, keys = _extend(posterior, d.vocabulary)
    matched = _Matched(d, _match(posterior, d, vocabulary, keys))
    draws, sigma = _pull(posterior, matched, rng)
    return _assemble(posterior, matched, vocabulary, keys, draws, sigma)


def _extend(posterior: Posterior, other: Vocabulary) -> tuple[Vocabulary, Codes]:
    """The posterior's vocabulary with the names of another appended, and the posterior's level keys in it."""
    own = posterior.vocabulary
    names = {
        label: known + [n for n in other.names.get(label, []) if n not in own.index(label)]
        for label, known in own.names.items()
    }
    joint = Vocabulary(names)
    keys = posterior.keys.copy()
    for position, effect in enumerate(posterior.effects):
        s = posterior.effect_slice(position)
        keys[s] = joint.encode(effect.labels, own.decode(effect.labels, posterior.keys[s]))
    return joint, keys


def _match(posterior: Posterior, d: Design, vocabulary: Vocabulary, keys: Codes) -> Codes:
    """Level of the posterior that each level of a design is, -1 for none."""
    found = []
    for position, (effect, mine) in enumerate(zip(d.effects, d.keys, strict=True)):
        s = posterior.effect_slice(position)
        joint = _translate(d.vocabulary, vocabulary, effect.labels, mine)
        own = keys[s]
        place = np.searchsorted(own, joint)
        hit = place < len(own)
        hit[hit] = own[place[hit]] == joint[hit]
        found.append(np.where(hit, s.start + place, -1))
    return np.concatenate(found).astype(np.int64)


def _translate(source: Vocabulary, target: Vocabulary, labels: tuple[str, ...], keys: Codes) -> Codes:
    """Level keys of one vocabulary in another that has all its names."""
    positions = [
        np.array([target.index(label)[n] for n in source.names[label]], dtype=np.int64)[codes]
        for label, codes in zip(labels, source.decode(labels, keys), strict=True)
    ]
    return target.encode(labels, positions) if labels else keys


def _pull(posterior: Posterior, matched: _Matched, rng: np.random.Generator) -> tuple[_Ensemble, Array]:
    """Pull every draw to its perturbed copy of the measurements."""
    d, n_draws = matched.design, posterior.n_draws
    fresh = matched.old < 0
    effect = d.effect[fresh]
    prior = posterior.scale[:, effect].astype(float)
    df = np.array([e.df for e in d.effects])[effect]
    heavy = np.isfinite(df)
    mixing = np.ones_like(prior)
    mixing[:, heavy] = df[heavy] / rng.chisquare(df[heavy], size=(n_draws, int(heavy.sum())))
    variance = prior**2 * np.minimum(mixing, 100.0)
    anomaly = STEP * posterior.deviation[:, matched.old[~fresh]].astype(float)
    anomaly -= anomaly.mean(axis=0)
    start = np.empty((n_draws, d.n_levels))
    start[:, ~fresh] = posterior.mean[matched.old[~fresh]] + STEP * posterior.deviation[:, matched.old[~fresh]]
    start[:, fresh] = np.sqrt(variance) * rng.standard_normal(prior.shape)
    sigma = _noise_start(posterior, d)
    perturbation = rng.standard_normal((n_draws, len(d.y)))
    lens = Linearisation(d)
    weights = np.zeros((n_draws, n_draws))
    current = start.copy()
    for _ in range(ITERATIONS):
        mean = np.stack([lens.linearise(b).copy() for b in current])
        lens.linearise(current.mean(axis=0))
        jac = lens.jac
        residual = d.y - mean.mean(axis=0)
        spread = mean.var(axis=0)
        s2 = sigma[d.noise] ** 2
        # the Student-t as a scale mixture, at the mean of the draws; their spread is not the noise's
        inflation = (NOISE_DF * s2 + np.maximum(residual**2 - spread, 0.0)) / ((NOISE_DF + 1) * s2)
        noise_variance = s2 * np.maximum(inflation, NOISE_DF / (NOISE_DF + 1))
        # J over old levels acts through the anomalies, over new ones through their own variances
        seen = np.asarray(jac @ _embed(anomaly, ~fresh).T) / np.sqrt(n_draws - 1)
        common = seen @ seen.T + np.diag(noise_variance)
        j_new = jac[:, np.flatnonzero(fresh)].toarray()
        moved = np.asarray(jac @ (current - start).T).T
        innovation = d.y + perturbation * np.sqrt(noise_variance) - mean + moved
        for k in range(n_draws):
            gain = np.linalg.solve(common + (j_new * variance[k]) @ j_new.T, innovation[k])
            weights[k] = seen.T @ gain / np.sqrt(n_draws - 1)
            current[k, fresh] = start[k, fresh] + variance[k] * (j_new.T @ gain)
        current[:, ~fresh] = start[:, ~fresh] + weights @ anomaly
        sigma = _noise_scale(posterior, d, residual, spread, sigma)
    return _Ensemble(current[:, fresh], weights), sigma


@dataclass(frozen=True, slots=True)
class _Ensemble:
    """Conditioned draws of the new levels, and how much of each anomaly every draw of the old ones takes on."""

    new: Array
    weights: Array


def _embed(anomaly: Array, where: NDArray[np.bool_]) -> Array:
    out = np.zeros((len(anomaly), len(where)))
    out[:, where] = anomaly
    return out


def _noise_start(posterior: Posterior, d: Design) -> Array:
    return np.array([
        posterior.noise[posterior.noise_index[n]] if n in posterior.noise_index else _centre(posterior, n)
        for n in d.noise_names
    ])  # fmt: skip


def _centre(posterior: Posterior, group: str) -> float:
    return float(np.exp(posterior.noise_population[1 if group.startswith(MEMORY) else 0, 0]))


def _noise_scale(posterior: Posterior, d: Design, residual: Array, spread: Array, sigma: Array) -> Array:
    """Noise scale of each group that is new; known ones keep theirs."""
    square = residual**2
    u = (NOISE_DF + 1) / (NOISE_DF + square / sigma[d.noise] ** 2)
    count = np.bincount(d.noise, minlength=len(sigma))
    total = np.bincount(d.noise, u * (square + np.minimum(spread, square)), minlength=len(sigma))
    fresh = np.array([n not in posterior.noise_index for n in d.noise_names])
    centre = np.array([_centre(posterior, n) for n in d.noise_names])
    return np.where(fresh, np.sqrt((total + NOISE_PRIOR * centre**2) / (count + NOISE_PRIOR)), sigma)


def _assemble(
    posterior: Posterior, matched: _Matched, vocabulary: Vocabulary, keys: Codes, draws: _Ensemble, sigma: Array
) -> Posterior:
    """The posterior with every old level moved, the new ones inserted in order, and counts raised."""
    d, fresh = matched.design, matched.old < 0
    deviation = posterior.deviation.astype(np.float32) * np.float32(STEP)
    deviation += draws.weights.astype(np.float32) @ (deviation - deviation.mean(axis=0))
    value = np.concatenate([deviation + posterior.mean, draws.new.astype(np.float32)], axis=1)
    mean = value.mean(axis=0)
    packed = np.clip(np.rint((value - mean) / STEP), -32767, 32767).astype(np.int16)
    counts = posterior.counts.copy()
    np.add.at(counts, matched.old[~fresh], d.counts[~fresh].astype(counts.dtype))
    owner = np.concatenate([np.repeat(np.arange(len(d.effects)), np.diff(posterior.starts)), d.effect[fresh]])
    translated = np.concatenate([
        _translate(d.vocabulary, vocabulary, e.labels, k) for e, k in zip(d.effects, d.keys, strict=True)
    ])  # fmt: skip
    all_keys = np.concatenate([keys, translated[fresh]])
    order = np.lexsort((all_keys, owner))
    size = np.bincount(owner, minlength=len(d.effects))
    known = posterior.noise_index
    added = [i for i, n in enumerate(d.noise_names) if n not in known]
    return replace(
        posterior,
        starts=np.concatenate([[0], np.cumsum(size)]).astype(np.int64),
        keys=all_keys[order],
        counts=np.concatenate([counts, d.counts[fresh].astype(counts.dtype)])[order],
        mean=mean[order].astype(np.float32),
        deviation=np.ascontiguousarray(packed[:, order]),
        noise_names=[*posterior.noise_names, *(d.noise_names[i] for i in added)],
        noise=np.concatenate([posterior.noise, sigma[added].astype(np.float32)]),
        vocabulary=vocabulary,
        harnesses=sorted(set(posterior.harnesses) | set(d.harnesses)),
        attrs=posterior.attrs | {"updated_with": int(posterior.attrs.get("updated_with", 0)) + len(d.observations.row)},
    )
