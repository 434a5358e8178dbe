"""Few-shot conditioning: a posterior and a handful of the user's rows in, the posterior given both out, in seconds.

Levels that the rows introduce (their harness, their device, their software) are drawn from their priors and conditioned
exactly; all other levels move along with them by the covariance of the posterior draws: see
:mod:`hwpredict.performance.ensemble`. As every old level moves within the span of the draws, what the draws know of
sums of effects stays known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import InvalidWorkloadError
from hwpredict.performance import rows as r
from hwpredict.performance.design import Design, Vocabulary, design
from hwpredict.performance.ensemble import LEARNT, Pulled, pull, typical
from hwpredict.performance.posterior import STEP, Posterior

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Observations that are taken in at once; more of them go in one batch after another.
BATCH = 100


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
    return _assemble(posterior, matched, vocabulary, keys, pull(posterior, d, matched.old, rng))


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


def _assemble(posterior: Posterior, matched: _Matched, vocabulary: Vocabulary, keys: Codes, draws: Pulled) -> Posterior:
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
    added = [n for n in d.noise_names if n not in known]
    names = [*posterior.noise_names, *added]
    noise = np.concatenate([posterior.noise, np.empty(len(added), np.float32)])
    learnt = dict(posterior.attrs.get(LEARNT, {}))
    for g in np.flatnonzero(draws.uncertain):
        log_scale = draws.log_noise[:, g]
        noise[names.index(d.noise_names[g])] = typical(log_scale)
        learnt[d.noise_names[g]] = [float(log_scale.mean()), float(log_scale.std())]
    return replace(
        posterior,
        starts=np.concatenate([[0], np.cumsum(size)]).astype(np.int64),
        keys=all_keys[order],
        counts=np.concatenate([counts, d.counts[fresh].astype(counts.dtype)])[order],
        mean=mean[order].astype(np.float32),
        deviation=np.ascontiguousarray(packed[:, order]),
        noise_names=names,
        noise=noise,
        vocabulary=vocabulary,
        harnesses=sorted(set(posterior.harnesses) | set(d.harnesses)),
        attrs=posterior.attrs
        | {"updated_with": int(posterior.attrs.get("updated_with", 0)) + len(d.observations.row), LEARNT: learnt},
    )
