"""Predictive draws by one compiled kernel: a group of rows at a time, nothing of (row, part, draw) in memory.

The same arithmetic in the same order as :mod:`hwpredict.performance.plain`, so the same bits. It is compiled once and
cached beside this file (or where ``NUMBA_CACHE_DIR`` says); threads that call it at the same time run side by side.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from hwpredict.performance import arithmetic, layout, loops, order_statistics, parts, plain, prepare
from hwpredict.performance.layout import MEMORY_ROW, OVERLAP, TARGETS, TIME_ROW, Layout
from hwpredict.performance.loops import (
    OPTIONS,
    add,
    add_product,
    add_times,
    clear,
    copy,
    deviates,
    exp,
    exp_of,
    inverse_of,
    jit,
    log,
    log_of,
    mean_product,
    rate_of,
)
from hwpredict.performance.order_statistics import BINS, lerp, mirrored_quantiles_of, quantiles_of, select
from hwpredict.performance.parts import PARTS, TIME_PARTS
from hwpredict.performance.plain import (
    ANCHORS,
    LANES,
    LOGIT,
    MILLISECONDS,
    NEGLIGIBLE,
    STEEPEST,
    TRUST,
    Figures,
    places,
)
from hwpredict.performance.prepare import FRESH, Prepared

Single = NDArray[np.float32]
Index = NDArray[np.int64]

_logger = logging.getLogger(__name__)

_N_TIME, _N_PARTS = len(TIME_PARTS), len(PARTS)
_NARROWEST, _ZERO, _ONE, _NAN = np.float32(1e-6), np.float32(0), np.float32(1), np.float32(np.nan)
_NOTHING = np.float32(-np.inf)


@jit
def _stretch(x: Any, low: Any, median: Any, high: Any, core: Any, tail: Any) -> Any:
    """One log draw stretched around the median: see :func:`hwpredict.performance.plain.stretched`."""
    away = x - median
    reach = high - median if away > _ZERO else median - low
    far = min(abs(away) / max(reach, _NARROWEST), _ONE)
    return away * (core + (tail - core) * far) + median


@jit
def _stretch_of(x: Any, low: Any, median: Any, high: Any, core: Any, tail: Any) -> None:
    for d in range(len(x)):
        x[d] = _stretch(x[d], low, median, high, core, tail)


@jit
def _odds(away: Any, up: Any, down: Any) -> Any:
    logit = LOGIT * away / (up if away > _ZERO else down)
    return exp(min(max(logit, -STEEPEST), STEEPEST))


@jit
def _limit_of(x: Any, low: Any, median: Any, high: Any, floor: Any) -> None:
    """Log seconds held to the data sheet's limit: see :func:`hwpredict.performance.plain.limited`."""
    up, down = max(high - median, _NARROWEST), max(median - low, _NARROWEST)
    limit = _odds(floor - median, up, down)
    below = limit / (_ONE + limit)
    if not below > NEGLIGIBLE:
        return
    kept = _ONE - (_ONE - TRUST) * below
    passed = TRUST * below / kept
    bound = passed / max(_ONE - passed, _NARROWEST)
    for d in range(len(x)):
        mine = _odds(x[d] - median, up, down)
        if mine > bound:
            moved = (mine + (_ONE - kept)) / kept
        else:
            moved = mine * kept / max(TRUST + mine * (TRUST - kept), _NARROWEST)
        logit = log(moved)
        x[d] = logit * (up if logit > _ZERO else down) / LOGIT + median


@jit
def _add_up(level: Any, known: Any, fresh: Any, start: Any, sums: Any, seen: Any, new: Any, total: Any) -> None:
    """Sums of the effects of a group: ``seen`` (sum, posterior draw) and ``new`` (sum, draw) are scratch."""
    clear(seen.reshape(-1))
    clear(new.reshape(-1))
    for e in range(len(level)):
        row = level[e]
        if row >= 0:
            for s in sums[start[e] : start[e + 1]]:
                add(known[row], seen[s])
        elif row <= FRESH:
            for s in sums[start[e] : start[e + 1]]:
                add(fresh[FRESH - row], new[s])
    draws, kept = new.shape[1], seen.shape[1]
    copy(new.reshape(-1), total.reshape(-1))
    for s in range(len(total)):
        for begin in range(0, draws, kept):
            end = min(begin + kept, draws)
            add(seen[s, : end - begin], total[s, begin:end])


@jit
def _act(
    i: int, before: int, total: Any, weight: Any, slope: Any, sum_slope: Any, slope_start: Any, acting: Any, factor: Any
) -> None:
    """Log factors of a row by target, and their exponentials by part; kept where the row before had the same slopes.

    ``before`` is the row before, -1 if it was of another group.
    """
    for t in range(TARGETS):
        steep = range(slope_start[t], slope_start[t + 1])
        same = before >= 0 and (t >= _N_PARTS or weight[before, t] != _ZERO or weight[i, t] == _ZERO)
        if same:
            for s in steep:
                same = same and slope[i, sum_slope[s]] == slope[before, sum_slope[s]]
        if same:
            continue
        copy(total[t], acting[t])
        for s in steep:
            add_times(total[s], slope[i, sum_slope[s]], acting[t])
        if t < _N_PARTS and weight[i, t] != _ZERO:
            exp_of(acting[t], _ZERO, factor[t])


@jit
def _cost(weight: Any, factor: Any, first: int, last: int, whole: Any, share: Any, inverse: Any, lanes: Any) -> None:
    """Sum of the parts of a metric in each draw, and their mean shares in it."""
    clear(whole)
    for t in range(first, last):
        if weight[t] != _ZERO:
            add_times(factor[t], weight[t], whole)
    inverse_of(whole, inverse)
    for t in range(first, last):
        share[t] = weight[t] * mean_product(factor[t], inverse, lanes) if weight[t] != _ZERO else _ZERO


@jit
def _calibrate(
    logs: Any, ranked: Any, anchor_at: Any, anchor_weight: Any, core: Any, tail: Any, floor: Any, all_draws: bool
) -> None:
    """Stretch and limit the picked order statistics of log draws, and if asked for all of the draws."""
    low = lerp(ranked, anchor_at[0], anchor_weight[0])
    median = lerp(ranked, anchor_at[1], anchor_weight[1])
    high = lerp(ranked, anchor_at[2], anchor_weight[2])
    if core != _ONE or tail != _ONE:
        _stretch_of(ranked, low, median, high, core, tail)
        if all_draws:
            _stretch_of(logs, low, median, high, core, tail)
        below, above = _stretch(low, low, median, high, core, tail), _stretch(high, low, median, high, core, tail)
        low, median, high = below, _stretch(median, low, median, high, core, tail), above
    if floor > _NOTHING:
        _limit_of(ranked, low, median, high, floor)
        if all_draws:
            _limit_of(logs, low, median, high, floor)


@jit
def _is_concurrent(level: Any, start: Any, sums: Any, slope_start: Any) -> bool:
    """Whether some effect acts on the concurrency of a group."""
    for e in range(len(level)):
        if level[e] != -1:
            for s in sums[start[e] : start[e + 1]]:
                if s == OVERLAP or s >= slope_start[OVERLAP]:
                    return True
    return False


@jit
def _fresh_levels(seed: Any, effect: Any, freedom: Any, scale: Any, draws: int) -> Any:
    """Draws of levels from their populations: see :func:`hwpredict.performance.plain.fresh_levels`."""
    fresh = np.empty((len(seed), draws), np.float32)
    for k in range(len(seed)):
        deviates(seed[k], freedom[effect[k]], fresh[k])
        for begin in range(0, draws, len(scale)):
            for d in range(min(len(scale), draws - begin)):
                fresh[k, begin + d] *= scale[d, effect[k]]
    return fresh


def _build(sources: int, *, cached: bool) -> Callable[..., None]:
    """The kernel. ``sources`` enters the key of the cache on disk, which does not see what is compiled into it."""

    @numba.njit(**OPTIONS, cache=cached)  # type: ignore[untyped-decorator]
    def rows(
        order: Any, group_start: Any, level: Any, known: Any, fresh_seed: Any, fresh_effect: Any, scale: Any,
        weight: Any, top: Any, slope: Any, items: Any, span: Any, noise_seed: Any, noise_group: Any, noise_scale: Any,
        stretch: Any, floor: Any, broken: Any, start: Any, sums: Any, sum_slope: Any, slope_start: Any, freedom: Any,
        quartile: Any, quartile_weight: Any, ranks: Any, anchor_at: Any, anchor_weight: Any, wanted_at: Any,
        mirror_at: Any, wanted_weight: Any, latency: Any, throughput: Any, memory: Any, shares: Any, width: Any,
    ) -> None:  # fmt: skip
        if sources == 0:
            return
        draws, keep = noise_scale.shape[1], len(wanted_at) == 0
        seen, new = (
            np.empty((len(sum_slope), known.shape[1]), np.float32),
            np.empty((len(sum_slope), draws), np.float32),
        )
        total, acting = np.empty_like(new), np.empty((TARGETS, draws), np.float32)
        factor, whole = np.empty((_N_PARTS, draws), np.float32), np.empty(draws, np.float32)
        latent, noise, logs = np.empty_like(whole), np.empty_like(whole), np.empty((2, draws), np.float32)
        count, bin_of, placed = np.empty(BINS + 1, np.int32), np.empty(draws, np.int32), np.empty_like(whole)
        lanes, middle, ranked = (
            np.empty(LANES, np.float32),
            np.empty(4, np.float32),
            np.empty((2, len(ranks)), np.float32),
        )
        fresh = _fresh_levels(fresh_seed, fresh_effect, freedom, scale, draws)
        for g in range(len(group_start) - 1):
            _add_up(level[g], known, fresh, start, sums, seen, new, total)
            concurrent = _is_concurrent(level[g], start, sums, slope_start)
            before = -1
            for i in order[group_start[g] : group_start[g + 1]]:
                if broken[i]:
                    latency[i], throughput[i], memory[i], shares[i], width[i] = _NAN, _NAN, _NAN, _NAN, _NAN
                    continue
                _act(i, before, total, weight, slope, sum_slope, slope_start, acting, factor)
                before = i
                for m in range(2):
                    _cost(weight[i], factor, m * _N_TIME, _N_PARTS if m else _N_TIME, whole, shares[i], noise, lanes)
                    row = acting[MEMORY_ROW if m else TIME_ROW]
                    log_of(whole, top[i, m], row, latent)
                    select(latent, quartile, middle, count, bin_of, placed)
                    width[i, m] = lerp(middle, 2, quartile_weight[1]) - lerp(middle, 0, quartile_weight[0])
                    deviates(noise_seed[i, m], 4, noise)
                    copy(latent, logs[m])
                    add_product(noise, noise_scale[noise_group[g, m]], logs[m])
                    core, tail, limit = stretch[g, m, 0], stretch[g, m, 1], _NOTHING if m else floor[i]
                    calibrating = core != _ONE or tail != _ONE or limit > _NOTHING
                    if calibrating or not keep:
                        select(logs[m], ranks, ranked[m], count, bin_of, placed)
                    if calibrating:
                        every = keep or (concurrent and m == 0)
                        _calibrate(logs[m], ranked[m], anchor_at, anchor_weight, core, tail, limit, every)
                later = span[i] + MILLISECONDS
                if keep:
                    exp_of(logs[0], later, latency[i])
                    rate_of(items[i], acting[OVERLAP], logs[0], latent)
                    exp_of(latent, _ZERO, throughput[i])
                    exp_of(logs[1], _ZERO, memory[i])
                    continue
                for m, out in ((0, latency[i]), (1, memory[i])):
                    quantiles_of(ranked[m], wanted_at, wanted_weight, _ZERO if m else later, out)
                # the slowest draw is the one of least throughput
                mirrored_quantiles_of(ranked[0], mirror_at, wanted_weight, items[i], throughput[i])
                if concurrent:
                    rate_of(items[i], acting[OVERLAP], logs[0], latent)
                    select(latent, ranks, ranked[0], count, bin_of, placed)
                    quantiles_of(ranked[0], wanted_at, wanted_weight, _ZERO, throughput[i])

    return rows  # type: ignore[no-any-return]


def _digest() -> int:
    """A number for the sources whose functions and constants are compiled in; not 0."""
    modules = (arithmetic, layout, loops, order_statistics, parts, plain, prepare)
    sources = (Path(str(m.__file__)).read_bytes() for m in modules)
    return 1 + int.from_bytes(hashlib.sha256(b"".join(sources)).digest()[:4])


def _ready() -> Callable[..., None]:
    try:
        return _build(_digest(), cached=True)
    except RuntimeError as error:  # numba finds no folder to write to
        _logger.info("the compiled kernel is not kept (%s): set NUMBA_CACHE_DIR to a folder that can be written", error)
        return _build(_digest(), cached=False)


_rows = _ready()


def draw(
    p: Prepared, plan: Layout, draws: int, probabilities: Sequence[float] | None, figures: Figures
) -> tuple[Single, Single]:
    """Draws of every row, or their quantiles: see :func:`hwpredict.performance.plain.draw`."""
    n = len(p.order)
    shares, width = np.empty((n, _N_PARTS), np.float32), np.empty((n, 2), np.float32)
    quartile, quartile_weight = places((0.25, 0.75), draws)
    anchors, anchor_weight = places(ANCHORS, draws)
    wanted, wanted_weight = places(probabilities or (), draws)
    mirrored = draws - 2 - wanted
    ranks = np.unique(np.concatenate([k + j for k in (anchors, wanted, mirrored) for j in (0, 1)]))
    at = [np.searchsorted(ranks, k) for k in (anchors, wanted, mirrored)]
    _rows(
        p.order, p.group_start, p.level, p.known, p.fresh_seed, p.fresh_effect, p.scale, p.weight, p.top, p.slope,
        p.items, p.span, p.noise_seed, p.noise_group, p.noise_scale, p.stretch, p.floor, p.broken, plan.start,
        plan.sums, plan.sum_slope, plan.slope_start, plan.freedom,
        np.stack([quartile, quartile + 1], axis=1).reshape(-1), quartile_weight, ranks, at[0], anchor_weight,
        at[1], at[2], wanted_weight, *figures, shares, width,
    )  # fmt: skip
    return shares, width
