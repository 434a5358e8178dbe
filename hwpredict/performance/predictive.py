"""Posterior predictive draws of latency, throughput and memory for any rows, in NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance import hashing, rows as r
from hwpredict.performance.calibration import situations
from hwpredict.performance.covariates import Covariates, covariates
from hwpredict.performance.design import Labels, mark_overlapped, offsets, part_indices, point_offsets
from hwpredict.performance.parts import (
    CONCURRENCY,
    MEMORY,
    MEMORY_PARTS,
    NOISE_DF,
    NOISE_LABELS,
    PART_NAMES,
    TIME,
    TIME_PARTS,
)
from hwpredict.performance.posterior import STEP, Posterior
from hwpredict.workload import Evidence

Array = NDArray[np.float64]
Draws = NDArray[np.float32]

#: Rows computed at a time: bounds the memory of (row, part, draw) arrays.
CHUNK = 256
#: Name of a harness, runtime … that the caller does not state: a level never seen, drawn from its population.
UNSTATED = "(unstated)"


@dataclass(frozen=True)
class Prediction:
    """Joint predictive draws.

    Attributes
    ----------
    latency, throughput, memory : ndarray of float32, shape (row, draw)
        Milliseconds, items per second, MB. In every draw throughput = items · concurrency / latency.
    epistemic : ndarray, shape (row, 2)
        Share of the variance of log latency and of log memory that more data would remove.
    shares : ndarray, shape (row, part)
        Mean share of each time part in the step, and of each memory part in the peak.
    evidence : list of str, length row
    n_measurements : ndarray of int, shape (row,)
        Observations of the same model, device and precision.
    situation : ndarray of int, shape (row, 2)
        What of the row is new to the posterior's time and memory figures
        (:func:`hwpredict.performance.calibration.situations`).
    """

    latency: Draws
    throughput: Draws
    memory: Draws
    epistemic: Array
    shares: Array
    evidence: list[str]
    n_measurements: NDArray[np.int64]
    situation: NDArray[np.int64]


def predict(
    posterior: Posterior,
    rows: r.Table,
    *,
    draws: int = 256,
    seed: int = 0,
    calibrated: bool = True,
    point: Array | None = None,
) -> Prediction:
    """Predict every row.

    Parameters
    ----------
    posterior : Posterior
    rows : dict of str to ndarray
        Output of :func:`hwpredict.performance.rows.table`; figures in it are not looked at.
    draws : int
        Predictive draws. The posterior's draws are repeated in order; noise and unseen levels are new in each.
    seed : int
        Seeds noise and unseen levels; equal seeds give equal draws, whatever the chunking and the other rows.
    calibrated : bool
        Whether the posterior's recalibration is applied.
    point : ndarray, shape (row, 2), optional
        Log seconds of a step and log MB by the outside predictor that the posterior was fitted around.

    Returns
    -------
    Prediction
    """
    pieces = []
    for start in range(0, r.length(rows), CHUNK):
        index = np.arange(start, min(start + CHUNK, r.length(rows)))
        figures = None if point is None else point[index]
        pieces.append(_predict_chunk(posterior, r.take(rows, index), draws, seed, calibrated, figures))
    joined: dict[str, Any] = {}
    for name in ("latency", "throughput", "memory", "epistemic", "shares", "n_measurements", "situation"):
        joined[name] = np.concatenate([getattr(p, name) for p in pieces])
    return Prediction(**joined, evidence=[e for p in pieces for e in p.evidence])


def _with_unstated(rows: r.Table) -> r.Table:
    out = dict(rows)
    out["source"] = np.where(rows["source"] == "", UNSTATED, rows["source"]).astype(object)
    return out


def _predict_chunk(
    posterior: Posterior, rows: r.Table, draws: int, seed: int, calibrated: bool, point: Array | None
) -> Prediction:
    x = covariates(_with_unstated(rows))
    mark_overlapped(x, posterior.harnesses)
    labels = Labels(x.labels, posterior.vocabulary)
    n = len(x)
    base = offsets(x) if point is None else point_offsets(point)
    eta = np.repeat(base[:, :, None], draws, axis=2).astype(np.float32)
    row = {TIME: np.zeros((n, draws), np.float32), MEMORY: np.zeros((n, draws), np.float32)}
    concurrency = np.zeros((n, draws), np.float32)
    known: dict[str, NDArray[np.int64]] = {}
    for position, effect in enumerate(posterior.effects):
        value, counts, active = _effect_draws(posterior, position, labels, draws, seed)
        known[effect.name] = counts
        if value is None:
            continue
        if effect.slope:
            value = value * x.numbers[effect.slope][active].astype(np.float32)[:, None]
        if CONCURRENCY in effect.parts:
            concurrency[active] += value
        index = part_indices(effect)
        for k in index:
            eta[active, k] += value
        if not index and CONCURRENCY not in effect.parts:
            row[MEMORY if effect.metric == MEMORY else TIME][active] += value
    log_time, time_share = _logsumexp(eta[:, [PART_NAMES.index(p) for p in TIME_PARTS]])
    log_memory, memory_share = _logsumexp(eta[:, [PART_NAMES.index(p) for p in MEMORY_PARTS]])
    log_time += row[TIME]
    log_memory += row[MEMORY]
    noise = {m: _noise(posterior, labels, m, draws, seed, rows) for m in (TIME, MEMORY)}
    epistemic = np.stack([_share(log_time, noise[TIME]), _share(log_memory, noise[MEMORY])], axis=1)
    log_time += noise[TIME]
    log_memory += noise[MEMORY]
    situation = np.stack([_situation(known, SEEN_BY[m], n) for m in (TIME, MEMORY)], axis=1)
    if calibrated:
        posterior.calibration.apply(log_time, TIME, situation[:, 0], x.labels["platform"])
        posterior.calibration.apply(log_memory, MEMORY, situation[:, 1], x.labels["platform"])
    items, span = (x.numbers[k].astype(np.float32)[:, None] for k in ("log_items", "log_span"))
    return Prediction(
        latency=np.exp(log_time + span + np.float32(np.log(1e3))),
        throughput=np.exp(items + concurrency - log_time),
        memory=np.exp(log_memory),
        epistemic=epistemic,
        shares=np.concatenate([time_share, memory_share], axis=1),
        evidence=_evidence(x, known),
        n_measurements=known.get("cell:row", np.zeros(n, dtype=np.int64)),
        situation=situation,
    )


#: Effects whose levels tell whether the harness, device and model of a row were seen.
SEEN_BY = {
    TIME: ("source:row", "device:all", "model:row"),
    MEMORY: ("source:memory", "memory device:m_context", "model:memory"),
}


def _situation(known: dict[str, NDArray[np.int64]], names: tuple[str, ...], n: int) -> NDArray[np.int64]:
    return situations([known[name] > 0 if name in known else np.zeros(n, dtype=bool) for name in names])


def _effect_draws(
    posterior: Posterior, position: int, labels: Labels, draws: int, seed: int
) -> tuple[Draws | None, NDArray[np.int64], NDArray[np.int64]]:
    """Draws of one effect for the rows that carry it, how often each row's level was observed, and those rows."""
    effect = posterior.effects[position]
    key = labels.keys(effect.labels)
    counts = np.zeros(len(key), dtype=np.int64)
    active = np.flatnonzero(key > -2)
    if not len(active):
        return None, counts, active
    s = posterior.effect_slice(position)
    own = posterior.keys[s]
    unique, inverse = np.unique(key[active], return_inverse=True)
    place = np.searchsorted(own, unique)
    found = (place < len(own)) & (unique >= 0)
    found[found] = own[place[found]] == unique[found]
    cycle = np.arange(draws) % posterior.n_draws
    value = np.empty((len(unique), draws), np.float32)
    level = s.start + place[found]
    if found.any():
        deviation = posterior.deviation[:, level][cycle].T
        value[found] = posterior.mean[level][:, None] + np.float32(STEP) * deviation
        hit = np.zeros(len(unique), dtype=np.int64)
        hit[found] = posterior.counts[level]
        counts[active] = hit[inverse]
    out = value[inverse]
    fresh = np.flatnonzero(~found[inverse])
    if len(fresh):
        names = labels.joined(effect.labels, active[fresh]) if effect.labels else ["all"] * len(fresh)
        distinct = sorted(set(names))
        at = {name: i for i, name in enumerate(distinct)}
        seeds = hashing.seeds(distinct, f"{seed}|{effect.name}")
        deviate = hashing.student_t(seeds, draws, effect.df)
        drawn = deviate.astype(np.float32) * posterior.scale[cycle, position]
        out[fresh] = drawn[[at[name] for name in names]]
    return out, counts, active


def _logsumexp(eta: Draws) -> tuple[Draws, Array]:
    """Log of the sum over parts, shape (row, draw), and each part's mean share, shape (row, part)."""
    top = eta.max(axis=1, keepdims=True)
    e = np.exp(eta - top)
    total = e.sum(axis=1, keepdims=True)
    return (top + np.log(total))[:, 0], (e / total).mean(axis=2).astype(float)


def _noise(posterior: Posterior, labels: Labels, metric: str, draws: int, seed: int, rows: r.Table) -> Draws:
    """Observation noise, shape (row, draw): Student-t with the harness's scale, or one drawn from the population."""
    groups = [f"{metric}|{g}" for g in labels.joined(NOISE_LABELS, np.arange(r.length(rows)))]
    scale = np.empty((len(groups), draws), np.float32)
    center, spread = posterior.noise_population[1 if metric == MEMORY else 0]
    for group in sorted(set(groups)):
        member = [i for i, g in enumerate(groups) if g == group]
        if group in posterior.noise_index:
            scale[member] = posterior.noise[posterior.noise_index[group]]
        else:
            z = hashing.normals(hashing.seeds([group], f"{seed}|noise scale"), draws)[0]
            scale[member] = np.exp(center + spread * z)
    identity = [
        "|".join(map(str, key)) for key in zip(*(rows[c].tolist() for c in (*r.TEXT_COLUMNS, *_IDENTITY)), strict=True)
    ]
    return np.asarray(
        hashing.student_t(hashing.seeds(identity, f"{seed}|noise|{metric}"), draws, NOISE_DF) * scale, np.float32
    )


_IDENTITY = ("sequence_length", "n_devices", "batch_size")


def _share(latent: Draws, noise: Draws) -> Array:
    """Share of the latent variance, by interquartile ranges (both parts have heavy tails)."""
    width = [np.subtract(*np.quantile(a, [0.75, 0.25], axis=1)) ** 2 for a in (latent, noise)]
    return np.asarray(width[0] / np.maximum(width[0] + width[1], 1e-12))


def _evidence(x: Covariates, known: dict[str, NDArray[np.int64]]) -> list[str]:
    """Evidence label of each row: see :class:`hwpredict.workload.Evidence`."""
    none = np.zeros(len(x), dtype=np.int64)
    cell, device, platform, family = (
        known.get(name, none) > 0 for name in ("cell:row", "device:all", "platform:compute", "family:compute")
    )
    platform = platform & family
    out = np.where(platform, Evidence.PLATFORM.value, Evidence.PRIOR.value)
    out = np.where(device, Evidence.DEVICE.value, out)
    return [str(e) for e in np.where(cell, Evidence.MEASURED.value, out)]
