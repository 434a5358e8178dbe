"""Predictive draws by NumPy alone: the definition that the compiled kernel has to agree with, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance import arithmetic as a, hashing
from hwpredict.performance.calibration import BELIEVED
from hwpredict.performance.layout import MEMORY_ROW, OVERLAP, TARGETS, TIME_ROW, Layout
from hwpredict.performance.parts import NOISE_DF, PARTS, TIME
from hwpredict.performance.prepare import FRESH, NONE, Prepared

Single = NDArray[np.float32]
Index = NDArray[np.int64]

#: Probabilities of the order statistics that the stretch is anchored at.
ANCHORS = (0.05, 0.5, 0.95)
#: Sums that a mean over draws is made of.
LANES = 16
#: Groups whose effects are added one by one, which is quicker than all groups' effect by effect.
FEW = 6
#: Log of a millisecond's share of a second.
MILLISECONDS = np.float32(np.log(1e3))
_NARROWEST, _ONE = np.float32(1e-6), np.float32(1)
#: Logit of the upper anchor, and where a logit's exponential is as good as nothing or all.
LOGIT, STEEPEST = np.float32(np.log(0.95 / 0.05)), np.float32(60)
#: Share of the draws below the data sheet's limit that is left alone.
NEGLIGIBLE = np.float32(1e-3)
TRUST = np.float32(BELIEVED)
_TIME = tuple(k for k, p in enumerate(PARTS) if p.metric == TIME)
_MEMORY = tuple(k for k, p in enumerate(PARTS) if p.metric != TIME)


#: Where latency (ms), throughput (items per second) and memory (MB) go: (row, draw) or (row, quantile).
type Figures = tuple[Single, Single, Single]


def places(probabilities: Sequence[float], draws: int) -> tuple[Index, Single]:
    """Order statistic below each quantile, and how far the quantile lies towards the next (linear interpolation)."""
    exact = np.asarray(probabilities, float) * (draws - 1)
    low = np.minimum(np.floor(exact).astype(np.int64), max(draws - 2, 0))
    return low, (exact - low).astype(np.float32)


def between(low: Any, high: Any, weight: Any) -> Any:
    """Linear interpolation."""
    return low + (high - low) * weight


def sorted_quantiles(ordered: Single, probabilities: Sequence[float]) -> Single:
    """Quantiles of ascending draws, shape (row, quantile)."""
    low, weight = places(probabilities, ordered.shape[1])
    high = np.minimum(low + 1, ordered.shape[1] - 1)
    return np.asarray(between(ordered[:, low], ordered[:, high], weight), np.float32)


def mean_by_lanes(x: Single) -> Single:
    """Mean over draws of (row, draw), summed in an order that vector instructions can keep to: :data:`LANES` sums."""
    n = x.shape[1]
    padded = np.zeros((len(x), -(-n // LANES) * LANES), np.float32)
    padded[:, :n] = x
    lanes = padded.reshape(len(x), -1, LANES).sum(axis=1)
    return np.asarray(lanes.cumsum(axis=1)[:, -1] / np.float32(n))


def stretched(x: Single, anchors: Single, factors: Single) -> Single:
    """Log draws (row, draw) stretched around their median (see :mod:`hwpredict.performance.calibration`).

    Parameters
    ----------
    x : ndarray, shape (row, draw)
    anchors : ndarray, shape (row, 3)
        Quantiles of the draws at :data:`ANCHORS`.
    factors : ndarray, shape (row, 2)
    """
    low, median, high = (anchors[:, k, None] for k in range(3))
    core, tail = factors[:, 0, None], factors[:, 1, None]
    away = x - median
    reach = np.where(away > 0, high - median, median - low)
    far = np.minimum(np.abs(away) / np.maximum(reach, _NARROWEST), _ONE)
    return np.asarray(away * (core + (tail - core) * far) + median, np.float32)


def limited(x: Single, anchors: Single, floor: Single) -> Single:
    """Log seconds (row, draw) moved up where they are less than a device can take (see :func:`~calibration.BELIEVED`).

    The draws are conditioned on the limit: those below it count :data:`~hwpredict.performance.calibration.BELIEVED` as
    much as those above, and every draw becomes the quantile of its rank. Their distribution is taken to be logistic on
    either side of the median, through the anchors, so that a draw moves by itself: with ``E`` its odds, ``F`` the
    probability below the limit, ``e`` what is believed of it and ``Z = 1 - (1 - e) F``, the odds become
    ``(E + 1 - Z) / Z`` above the limit and ``E Z / (e + E (e - Z))`` below it.

    Parameters
    ----------
    x : ndarray, shape (row, draw)
    anchors : ndarray, shape (row, 3)
        Quantiles of the draws at :data:`ANCHORS`.
    floor : ndarray, shape (row,)
        Log seconds at the limit.
    """
    low, median, high = (anchors[:, k, None] for k in range(3))
    up, down = np.maximum(high - median, _NARROWEST), np.maximum(median - low, _NARROWEST)

    def odds(away: Single) -> Single:
        logit = LOGIT * away / np.where(away > 0, up, down)
        return np.asarray(a.exp(np.minimum(np.maximum(logit, -STEEPEST), STEEPEST)))

    limit = odds(floor[:, None] - median)
    below = limit / (_ONE + limit)
    kept = _ONE - (_ONE - TRUST) * below
    passed = TRUST * below / kept
    mine = odds(x - median)
    above = mine > passed / np.maximum(_ONE - passed, _NARROWEST)
    over = (mine + (_ONE - kept)) / kept
    under = mine * kept / np.maximum(TRUST + mine * (TRUST - kept), _NARROWEST)
    logit = a.log(np.where(above, over, under))
    moved = logit * np.where(logit > 0, up, down) / LOGIT + median
    return np.asarray(np.where(below > NEGLIGIBLE, moved, x), np.float32)


def draw(
    p: Prepared, plan: Layout, draws: int, probabilities: Sequence[float] | None, figures: Figures
) -> tuple[Single, Single]:
    """Draws of every row, or their quantiles.

    Parameters
    ----------
    p : Prepared
    plan : Layout
    draws : int
    probabilities : sequence of float, optional
        Of the quantiles; None keeps the draws.
    figures : tuple of ndarray
        Filled.

    Returns
    -------
    shares : ndarray, shape (row, part)
        Mean share of each part in its metric.
    width : ndarray, shape (row, 2)
        Interquartile range of log time and log memory before noise.
    """
    group, total = _totals(p, plan, draws)
    shares = np.empty((len(group), len(PARTS)), np.float32)
    width = np.empty((len(group), 2), np.float32)
    log_draws = []
    for k, parts in enumerate((_TIME, _MEMORY)):
        factor, whole, latent = _latent(p, total, k)
        inverse = _ONE / whole
        for part, mine in zip(parts, factor, strict=True):
            shares[:, part] = p.weight[:, part] * mean_by_lanes(mine * inverse)
        lower, upper = sorted_quantiles(np.sort(latent, axis=1), (0.25, 0.75)).T
        width[:, k] = upper - lower
        noise = hashing.DEVIATES[NOISE_DF](hashing.bits(p.noise_seed[:, k], draws))
        log_draws.append(latent + noise * p.noise_scale[p.noise_group[group, k]])
    for out, values in zip(figures, _figures(p, group, log_draws, total[OVERLAP], probabilities), strict=True):
        out[:] = values
    for out in (*figures, shares, width):
        out[p.broken] = np.nan
    return shares, width


def share_draws(p: Prepared, plan: Layout, draws: int) -> Single:
    """Share of each time part in the step, draw by draw, shape (row, time part, draw): what :func:`draw` averages.

    In the order of :data:`hwpredict.performance.parts.TIME_PARTS`; NaN for rows that nothing is predicted of.
    """
    _, total = _totals(p, plan, draws)
    costs = np.stack([p.weight[:, part, None] * a.exp(total[part]) for part in _TIME], axis=1)
    out = np.asarray(costs / costs.sum(axis=1, keepdims=True), np.float32)
    out[p.broken] = np.nan
    return out


@dataclass(frozen=True, slots=True)
class Locations:
    """What noise is added to, in each draw, shape (row, draw): natural logs of the units of :data:`Figures`.

    Attributes
    ----------
    latency, throughput, memory : ndarray
    time_noise, memory_noise : ndarray
        Scales of the Student-t noise: of latency and throughput, and of memory.
    """

    latency: Single
    throughput: Single
    memory: Single
    time_noise: Single
    memory_noise: Single


def locations(p: Prepared, plan: Layout, draws: int) -> Locations:
    """Locations and scales of the noise of each figure: what its likelihood is made of, without recalibration."""
    group, total = _totals(p, plan, draws)
    time, memory = (_latent(p, total, k)[2] for k in range(2))
    time_noise, memory_noise = (p.noise_scale[p.noise_group[group, k]] for k in range(2))
    later, items = (p.span + MILLISECONDS)[:, None], p.items[:, None]
    return Locations(time + later, items + total[OVERLAP] - time, memory, time_noise, memory_noise)


def _latent(p: Prepared, total: list[Single], k: int) -> tuple[list[Single], Single, Single]:
    """Factors of the parts of time (k = 0) or memory (1), their weighted sum, and its log with what acts on the row."""
    parts, row = ((_TIME, TIME_ROW), (_MEMORY, MEMORY_ROW))[k]
    factor = [a.exp(total[part]) for part in parts]
    whole = np.zeros_like(factor[0])
    for part, mine in zip(parts, factor, strict=True):
        whole += p.weight[:, part, None] * mine
    return factor, whole, a.log(whole) + p.top[:, k, None] + total[row]


def _totals(p: Prepared, plan: Layout, draws: int) -> tuple[Index, list[Single]]:
    """Group of each row, and the sum of effects on each target, shape (row, draw)."""
    sums = _sums(p, plan, draws)
    group = np.empty(len(p.order), np.int64)
    group[p.order] = np.repeat(np.arange(len(p.group_start) - 1), np.diff(p.group_start))
    total = [sums[group, t] for t in range(TARGETS)]
    for t in range(TARGETS):
        for s in range(plan.slope_start[t], plan.slope_start[t + 1]):
            total[t] = total[t] + p.slope[:, plan.sum_slope[s], None] * sums[group, s]
    return group, total


def _figures(
    p: Prepared, group: Index, log_draws: list[Single], overlap: Single, probabilities: Sequence[float] | None
) -> tuple[Single, Single, Single]:
    """Latency, throughput and memory from log seconds of a step and log MB."""
    ordered = [np.sort(x, axis=1) for x in log_draws]
    anchors = [sorted_quantiles(o, ANCHORS) for o in ordered]
    factors = p.stretch[group]
    stretching, limiting = (factors != 1).any(axis=2), np.isfinite(p.floor)
    ends = _where(stretching[:, 0], stretched, anchors[0], anchors[0], factors[:, 0])

    def calibrated(time: Single, memory: Single) -> tuple[Single, Single]:
        time = _where(stretching[:, 0], stretched, time, anchors[0], factors[:, 0])
        memory = _where(stretching[:, 1], stretched, memory, anchors[1], factors[:, 1])
        return _where(limiting, limited, time, ends, p.floor), memory

    time, memory = calibrated(*log_draws)
    later, items = (p.span + MILLISECONDS)[:, None], p.items[:, None]
    if probabilities is None:
        return a.exp(time + later), a.exp(items + overlap - time), a.exp(memory)
    ranked_time, ranked_memory = calibrated(*ordered)
    rate = np.sort(items + overlap - time, axis=1)
    quantiles = [sorted_quantiles(a.exp(x), probabilities) for x in (ranked_time + later, rate, ranked_memory)]
    return quantiles[0], quantiles[1], quantiles[2]


def _where(
    rows: NDArray[np.bool_], change: Callable[[Single, Single, Single], Single], x: Single, anchors: Single, by: Single
) -> Single:
    """Draws with those of some rows changed."""
    if not rows.any():
        return x
    out = x.copy()
    out[rows] = change(x[rows], anchors[rows], by[rows])
    return out


def _sums(p: Prepared, plan: Layout, draws: int) -> Single:
    """Effects added up, shape (group, sum, draw): levels of the posterior first, then those that it has not seen."""
    n, kept = len(p.level), p.known.shape[1]
    cycle = np.arange(draws) % kept
    known = np.zeros((n, len(plan.sum_target), kept), np.float32)
    fresh = np.zeros((n, len(plan.sum_target), draws), np.float32)
    new = fresh_levels(p, plan, draws)
    if n <= FEW:
        for group, levels in enumerate(p.level.tolist()):
            for e, row in enumerate(levels):
                if row != NONE:
                    for s in plan.sums[plan.start[e] : plan.start[e + 1]].tolist():
                        into, value = (known, p.known[row]) if row >= 0 else (fresh, new[FRESH - row])
                        into[group, s] += value
        return np.asarray(known[:, :, cycle] + fresh)
    for e in range(p.level.shape[1]):
        mine = p.level[:, e]
        seen, unseen = np.flatnonzero(mine >= 0), np.flatnonzero(mine <= FRESH)
        for s in plan.sums[plan.start[e] : plan.start[e + 1]]:
            known[seen, s] += p.known[mine[seen]]
            fresh[unseen, s] += new[FRESH - mine[unseen]]
    return np.asarray(known[:, :, cycle] + fresh)


def fresh_levels(p: Prepared, plan: Layout, draws: int) -> Single:
    """Draws of levels from their populations, shape (fresh level, draw)."""
    out = np.empty((len(p.fresh_seed), draws), np.float32)
    freedom = plan.freedom[p.fresh_effect]
    bits = hashing.bits(p.fresh_seed, draws)
    scale = p.scale[np.arange(draws) % len(p.scale)][:, p.fresh_effect].T
    for df, deviate in hashing.DEVIATES.items():
        mine = freedom == (0 if np.isinf(df) else df)
        out[mine] = deviate(bits[mine]) * scale[mine]
    return out
