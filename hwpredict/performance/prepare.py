"""From rows to arrays of numbers that draws are computed from: levels, weights of parts, slopes and seeds.

Rows with equal labels are a group: they have the same levels and differ only in sizes (batch, sequence length …), so
that levels are looked up, and their draws added up, once a group.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import PosteriorError
from hwpredict.performance import arithmetic as a, hashing, rows as r
from hwpredict.performance.calibration import situations
from hwpredict.performance.costs import offsets, point_offsets
from hwpredict.performance.covariates import Covariates, covariates
from hwpredict.performance.design import SEPARATOR, mark_overlapped
from hwpredict.performance.layout import Layout
from hwpredict.performance.parts import MEMORY, MEMORY_PARTS, NOISE_DF, NOISE_LABELS, TIME, TIME_PARTS
from hwpredict.performance.posterior import STEP, Posterior
from hwpredict.workload import Evidence

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Index = NDArray[np.int64]
Bits = NDArray[np.uint64]

#: Effects whose levels tell whether the harness, device and model of a row were seen.
SEEN_BY = {
    TIME: ("source:row", "device:all", "model:row"),
    MEMORY: ("source:memory", "memory device:m_context", "memory model:m_activation"),
}
#: Interquartile range of a Student-t with NOISE_DF = 4 degrees of freedom, in scales.
NOISE_RANGE = 1.4813941
#: A level that a row has none of, and the first one that is drawn from its population (the next ones are lower).
NONE, FRESH = -1, -2
_IDENTITY = ("sequence_length", "n_devices")
_LARGEST_KEY = 2**62


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that the draws of some rows are computed from.

    Attributes
    ----------
    order, group_start : ndarray of int, shapes (row,) and (group + 1,)
        Rows of group ``g`` are ``order[group_start[g]:group_start[g + 1]]``.
    level : ndarray of int, shape (group, effect)
        Row of ``known``; :data:`NONE`; or ``FRESH - k`` for row k of the fresh levels.
    known : ndarray, shape (known level, posterior draw)
    fresh_seed, fresh_effect : ndarray, shape (fresh level,)
        Seed of the deviates of a level that the posterior has not seen, and its effect.
    scale : ndarray, shape (posterior draw, effect)
    weight : ndarray, shape (row, part)
        Cost of each part without effects, relative to the largest of its metric.
    top : ndarray, shape (row, 2)
        Log of that largest cost, of time and memory.
    slope : ndarray, shape (row, slope)
    items, span : ndarray, shape (row,)
        Logs of items in a step and of steps in a latency.
    noise_seed : ndarray of uint64, shape (row, 2)
    noise_group : ndarray of int, shape (group, 2)
    noise_scale : ndarray, shape (noise group, draw)
    noise_range : ndarray, shape (noise group,)
        Interquartile range of the noise.
    stretch : ndarray, shape (group, 2, 2)
        Factors of the calibration at the median and in the tails, of time and memory.
    floor : ndarray, shape (row,)
        Log seconds that the arithmetic of a step takes at the data sheets' peak of all devices together; -inf where
        either is not known.
    broken : ndarray of bool, shape (row,)
        Some figure of the row is not finite: nothing is predicted.
    evidence : list of str, length group
    n_measurements, situation : ndarray of int, shapes (group,) and (group, 2)
    """

    order: Index
    group_start: Index
    level: Index
    known: Single
    fresh_seed: Bits
    fresh_effect: Index
    scale: Single
    weight: Single
    top: Single
    slope: Single
    items: Single
    span: Single
    noise_seed: Bits
    noise_group: Index
    noise_scale: Single
    noise_range: Single
    stretch: Single
    floor: Single
    broken: NDArray[np.bool_]
    evidence: list[str]
    n_measurements: Index
    situation: Index


class _Names:
    """Columns of names as integers, each column coded once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[NDArray[Any], Index, list[str]]] = {}

    def code(self, column: NDArray[Any]) -> tuple[Index, list[str]]:
        """Position of each value among the distinct ones, and these."""
        found = self._known.get(id(column))
        if found is None:  # the column is kept too, so that its id stays its own
            values = column.tolist()
            index = {v: i for i, v in enumerate(dict.fromkeys(values))}
            codes = np.fromiter(map(index.__getitem__, values), np.int64, len(values))
            found = self._known[id(column)] = (column, codes, list(index))
        return found[1], found[2]

    def hashes(self, column: NDArray[Any]) -> Bits:
        """64 bits for each value, shape (row,)."""
        codes, names = self.code(column)
        return np.array([hashing.of_name(n) for n in names], np.uint64)[codes]


def prepare(
    posterior: Posterior, rows: r.Table, *, draws: int, seed: int, calibrated: bool, point: Array | None
) -> Prepared:
    """Look up everything that the draws of ``rows`` take."""
    names = _Names()
    x = covariates(_with_unstated(rows))
    runs = x.runs
    once = replace(x, numbers={}, labels={name: label[runs.first] for name, label in x.labels.items()})
    mark_overlapped(once, posterior.harnesses)
    plan = posterior.layout
    codes, order, group_start = _groups(once, plan, names)
    first = runs.of_row[order[group_start[:-1]]]
    level, seeds, fresh_effect = _levels(posterior, plan, codes, first, seed)
    counts = _Counts(posterior, level)
    situation = np.stack([_situation(counts, SEEN_BY[m]) for m in (TIME, MEMORY)], axis=1)
    level, known = _gather(posterior, level)
    base = offsets(x.numbers) if point is None else point_offsets(point)
    metrics = (slice(0, len(TIME_PARTS)), slice(len(TIME_PARTS), len(TIME_PARTS) + len(MEMORY_PARTS)))
    top = np.stack([base[:, m].max(axis=1) for m in metrics], axis=1)
    with np.errstate(invalid="ignore"):
        weight = np.concatenate([np.exp(base[:, m] - top[:, k, None]) for k, m in enumerate(metrics)], axis=1)
    slope = np.stack([x.numbers[s] for s in plan.slopes], axis=1) if plan.slopes else np.zeros((len(x), 0))
    items, span = x.numbers["log_items"], x.numbers["log_span"]
    finite = [np.isfinite(v).all(axis=1) for v in (weight, top, slope)] + [np.isfinite(items), np.isfinite(span)]
    noise_group, noise_scale, noise_range = _noise(posterior, once, first, draws, seed)
    return Prepared(
        order=order,
        group_start=group_start,
        level=level,
        known=known,
        fresh_seed=seeds,
        fresh_effect=fresh_effect,
        scale=np.ascontiguousarray(posterior.scale, np.float32),
        weight=weight.astype(np.float32),
        top=top.astype(np.float32),
        slope=np.ascontiguousarray(slope, np.float32),
        items=items.astype(np.float32),
        span=span.astype(np.float32),
        noise_seed=_noise_seeds(rows, runs, names, seed),
        noise_group=noise_group,
        noise_scale=noise_scale,
        noise_range=noise_range,
        stretch=_stretch(
            posterior, rows["hardware"][runs.first[first]], once.labels["source"][first], situation, calibrated
        ),
        floor=_floor(x) if calibrated else np.full(len(x), -np.inf, np.float32),
        broken=~np.all(finite, axis=0),
        evidence=_evidence(counts),
        n_measurements=counts.of("cell:row"),
        situation=situation,
    )


def _with_unstated(rows: r.Table) -> r.Table:
    out = dict(rows)
    out["source"] = np.where(rows["source"] == "", r.UNSTATED, rows["source"]).astype(object)
    return out


def _groups(x: Covariates, plan: Layout, names: _Names) -> tuple[dict[str, tuple[Index, list[str]]], Index, Index]:
    """Coded labels of runs, the rows ordered by group, and where each group starts."""
    foreign = sorted(set(plan.labels) - set(x.labels))
    if foreign:
        raise PosteriorError(
            "the posterior was fitted by another version of hwpredict, whose labels this one does not know: "
            f"{', '.join(foreign)}; fit it again with `hwpredict fit`"
        )
    codes = {label: names.code(x.labels[label]) for label in plan.labels}
    key, bound = np.zeros(len(x.runs.first), np.int64), 1
    for mine, distinct in codes.values():
        if len(distinct) == 1:
            continue
        if bound > _LARGEST_KEY // len(distinct):
            seen, key = np.unique(key, return_inverse=True)
            bound = len(seen)
        key = key * len(distinct) + mine
        bound *= len(distinct)
    key = key[x.runs.of_row]
    order = np.argsort(key, kind="stable")
    changed = np.flatnonzero(np.diff(key[order])) + 1
    return codes, order, np.concatenate([[0], changed, [len(order)]]).astype(np.int64)


def _levels(
    posterior: Posterior,
    plan: Layout,
    codes: dict[str, tuple[Index, list[str]]],
    first: Index,
    seed: int,
) -> tuple[Index, Bits, Index]:
    """Level of the posterior of each group and effect; seeds and effects of those that it has not seen."""
    distinct = [codes[label][1] for label in plan.labels]
    known = [posterior.vocabulary.index(n) if n in posterior.vocabulary.names else {} for n in plan.labels]
    begin = np.cumsum([0, *map(len, distinct)])[:-1]
    at = np.stack([codes[label][0][first] for label in plan.labels]) + begin[:, None]  # (label, group)
    every = [name for values in distinct for name in values]
    place = np.array([index.get(n, -1) for values, index in zip(distinct, known, strict=True) for n in values])[at]
    named = np.array([n != "" for n in every])[at]
    key = np.zeros((len(plan.columns), len(first)), np.int64)
    unknown = np.zeros(key.shape, bool)
    for j in range(plan.columns.shape[1]):
        mine = np.flatnonzero(plan.columns[:, j] >= 0)
        here = place[plan.columns[mine, j]]
        key[mine] = key[mine] * plan.radix[mine, j, None] + here
        unknown[mine] |= here < 0
    found = posterior.key_index.find(key)
    level = np.where(unknown | (found < 0), FRESH, found)
    if plan.columns.shape[1]:
        has = plan.columns[:, 0] >= 0
        level[has] = np.where(named[plan.columns[has, 0]], level[has], NONE)
    effect, group = np.nonzero(level == FRESH)
    bits = _salts(plan.names, seed)[effect]
    hashed = np.array([hashing.of_name(n) for n in every], np.uint64)[at]
    for j in range(plan.columns.shape[1]):
        column = plan.columns[effect, j]
        bits = np.where(column >= 0, hashing.combine(bits, hashed[column, group]), bits)
    distinct_bits, sample, inverse = np.unique(bits, return_index=True, return_inverse=True)
    level[effect, group] = FRESH - inverse
    return np.ascontiguousarray(level.T), distinct_bits, effect[sample].astype(np.int64)


@lru_cache(maxsize=8)
def _salts(names: tuple[str, ...], seed: int) -> Bits:
    """What the seeds of each effect's levels start from."""
    return np.array([hashing.of_name(f"{seed}|{name}") for name in names], np.uint64)


def _gather(posterior: Posterior, level: Index) -> tuple[Index, Single]:
    """Levels as rows of a table of those that occur, and that table, shape (known level, posterior draw)."""
    seen = level >= 0
    used, inverse = np.unique(level[seen], return_inverse=True)
    out = level.copy()
    out[seen] = inverse
    steps = posterior.deviations(used).astype(np.float32)
    return out, np.ascontiguousarray(posterior.mean[used][:, None] + np.float32(STEP) * steps)


class _Counts:
    """How often the level of each group was observed."""

    def __init__(self, posterior: Posterior, level: Index) -> None:
        self._position = {e.name: i for i, e in enumerate(posterior.effects)}
        self._counts, self._level = posterior.counts, level

    def of(self, name: str) -> Index:
        """Observations of the levels of one effect, shape (group,); 0 where there is no such effect."""
        if name not in self._position:
            return np.zeros(len(self._level), np.int64)
        mine = self._level[:, self._position[name]]
        return np.where(mine >= 0, self._counts[np.maximum(mine, 0)], 0).astype(np.int64)


def _situation(counts: _Counts, effects: tuple[str, ...]) -> Index:
    return situations([counts.of(name) > 0 for name in effects])


def _noise(posterior: Posterior, x: Covariates, first: Index, draws: int, seed: int) -> tuple[Index, Single, Single]:
    """Noise group of each group, time and memory; scales of its draws; and the width of the noise."""
    joined = r.by_unique(lambda *names: SEPARATOR.join(names), *(x.labels[n][first] for n in NOISE_LABELS))
    place = {name: i for i, name in enumerate(dict.fromkeys(joined))}
    group = 2 * np.array([place[name] for name in joined], np.int64)[:, None] + np.arange(2)
    scale = np.empty((2 * len(place), draws), np.float32)
    width = np.empty(len(scale), np.float32)
    for i, name in enumerate(f"{metric}|{name}" for name in place for metric in (TIME, MEMORY)):
        if name in posterior.noise_index:
            scale[i] = posterior.noise[posterior.noise_index[name]]
            width[i] = NOISE_RANGE * scale[i, 0]
        else:
            scale[i], width[i] = _unseen_noise(name, *posterior.noise_moments(name), draws, seed)
    return group, scale, width


@lru_cache(maxsize=1024)
def _unseen_noise(name: str, center: float, spread: float, draws: int, seed: int) -> tuple[Single, np.float32]:
    """Scales of the noise of a group that the posterior has not seen, shape (draw,), and the width of its noise."""
    z, t = (hashing.bits(hashing.seeds([name], f"{seed}|{what}"), draws)[0] for what in ("noise scale", "noise"))
    scale = np.asarray(a.exp(np.float32(center) + np.float32(spread) * a.normal(z)), np.float32)
    upper, lower = np.quantile(scale * hashing.DEVIATES[NOISE_DF](t), [0.75, 0.25])
    return scale, np.float32(upper - lower)


def _noise_seeds(rows: r.Table, runs: r.Runs, names: _Names, seed: int) -> Bits:
    """Seeds of the noise of time and memory, shape (row, 2), by everything that identifies a row."""
    start = np.array([hashing.of_name(f"{seed}|noise|{m}") for m in (TIME, MEMORY)], np.uint64)
    out = np.broadcast_to(start, (len(runs.first), 2))
    for column in r.TEXT_COLUMNS:
        out = hashing.combine(out, names.hashes(rows[column][runs.first])[:, None])
    for column in _IDENTITY:
        out = hashing.combine(out, _bits(rows[column][runs.first]))
    return hashing.combine(out[runs.of_row], _bits(rows["batch_size"]))


def _bits(column: Array) -> Bits:
    """Bits of numbers, shape (row, 1)."""
    return np.where(np.isnan(column), np.nan, column).view(np.uint64)[:, None]  # one NaN for all


def _stretch(
    posterior: Posterior, platform: NDArray[Any], source: NDArray[Any], situation: Index, calibrated: bool
) -> Single:
    if not calibrated:
        return np.ones((len(platform), 2, 2), np.float32)

    @lru_cache
    def factors(where: str, whose: str, first: int, second: int) -> tuple[tuple[float, float], tuple[float, float]]:
        of = posterior.calibration.of
        return of(TIME, first, where, whose), of(MEMORY, second, where, whose)

    cases = zip(platform.tolist(), source.tolist(), situation.tolist(), strict=True)
    found = [factors(p, s, *new) for p, s, new in cases]
    return np.array(found, np.float32).reshape(-1, 2, 2)


def _floor(x: Covariates) -> Single:
    known = (x.labels["no_macs"] == "") & (x.labels["no_peak"] == "")
    return np.where(known, x.numbers["log_at_peak"], -np.inf).astype(np.float32)


def _evidence(counts: _Counts) -> list[str]:
    """Evidence label of each group: see :class:`hwpredict.workload.Evidence`."""
    cell, device, platform, family = (
        counts.of(name) > 0 for name in ("cell:row", "device:all", "platform:compute", "family:compute")
    )
    out = np.where(platform & family, Evidence.PLATFORM.value, Evidence.PRIOR.value)
    out = np.where(device, Evidence.DEVICE.value, out)
    return [str(e) for e in np.where(cell, Evidence.MEASURED.value, out)]
