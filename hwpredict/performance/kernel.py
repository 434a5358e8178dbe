"""Predictive draws by one compiled kernel: a group of rows at a time, nothing of (row, part, draw) in memory.

The same arithmetic in the same order as :mod:`hwpredict.performance.plain`, so the same bits. It is compiled once and
cached beside this file (or where ``NUMBA_CACHE_DIR`` says); threads that call it at the same time run side by side.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import numba
import numpy as np
from numpy.typing import NDArray

from hwpredict.performance import arithmetic, layout, parts, plain, prepare
from hwpredict.performance.layout import MEMORY_ROW, OVERLAP, TARGETS, TIME_ROW, Layout
from hwpredict.performance.parts import PARTS, TIME_PARTS
from hwpredict.performance.plain import ANCHORS, LANES, MILLISECONDS, Figures, places
from hwpredict.performance.prepare import FRESH, Prepared

Single = NDArray[np.float32]
Index = NDArray[np.int64]

_logger = logging.getLogger(__name__)

_N_TIME, _N_PARTS = len(TIME_PARTS), len(PARTS)
#: Bins that draws are sorted into before those of the wanted ranks are put in order.
_BINS = 256
_NARROWEST, _ZERO, _ONE, _NAN = np.float32(1e-6), np.float32(0), np.float32(1), np.float32(np.nan)
_WIDEST = np.float32(1e30)
_NO_BITS = np.uint64(0)
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}  # no checks of divisors: loops become vectors


def _jit[F: Callable[..., Any]](function: F) -> F:
    """Compile a function when it is first called."""
    return cast(F, numba.njit(**_OPTIONS)(function))


def _jit_ordered[F: Callable[..., Any]](function: F) -> F:
    """The same, where no argument is NaN: the smallest of many is then the smallest in whatever order."""
    return cast(F, numba.njit(**_OPTIONS, fastmath={"nnan", "nsz"})(function))


def _compiled() -> dict[str, Any]:
    """The functions of :mod:`hwpredict.performance.arithmetic`, compiled, each calling the others compiled."""
    names: dict[str, Any] = dict(vars(arithmetic))
    for function in arithmetic.COMPILED:
        copy = FunctionType(function.__code__, names, function.__name__)
        names[function.__name__] = _jit(copy)
    return names


_a = _compiled()
_exp, _log, _random_bits = _a["exp"], _a["log"], _a["random_bits"]
_normal, _student_2, _student_4 = _a["normal"], _a["student_2"], _a["student_4"]


# Loops over draws stand in functions of their own: arguments that are whole one-dimensional arrays and numbers are
# what the compiler turns into vector instructions.


@_jit
def _clear(out: Any) -> None:
    for d in range(len(out)):  # NumPy's out[:] = 0 would look for overlaps first
        out[d] = 0


@_jit
def _copy(x: Any, out: Any) -> None:
    for d in range(len(x)):
        out[d] = x[d]


@_jit
def _add(x: Any, out: Any) -> None:
    for d in range(len(x)):
        out[d] += x[d]


@_jit
def _add_times(x: Any, by: Any, out: Any) -> None:
    for d in range(len(x)):
        out[d] += by * x[d]


@_jit
def _add_product(x: Any, y: Any, out: Any) -> None:
    for d in range(len(x)):
        out[d] += x[d] * y[d]


@_jit
def _exp_of(x: Any, plus: Any, out: Any) -> None:
    for d in range(len(x)):
        out[d] = _exp(x[d] + plus)


@_jit
def _log_of(x: Any, plus: Any, y: Any, out: Any) -> None:
    for d in range(len(x)):
        out[d] = _log(x[d]) + plus + y[d]


@_jit
def _rate_of(items: Any, overlap: Any, time: Any, out: Any) -> None:
    for d in range(len(time)):
        out[d] = items + overlap[d] - time[d]


@_jit
def _inverse_of(x: Any, out: Any) -> None:
    for d in range(len(x)):
        out[d] = _ONE / x[d]


@_jit
def _deviates(seed: Any, freedom: int, out: Any) -> None:
    """Deviates of one seed: Student-t of 2 or 4 degrees of freedom, else normal."""
    if freedom == 4:
        for d in range(len(out)):
            out[d] = _student_4(_random_bits(seed, np.uint64(d + 1)))
    elif freedom == 2:
        for d in range(len(out)):
            out[d] = _student_2(_random_bits(seed, np.uint64(d + 1)))
    else:
        for d in range(len(out)):
            out[d] = _normal(_random_bits(seed, np.uint64(d + 1)))


@_jit_ordered
def _ends(x: Any) -> tuple[Any, Any]:
    """Smallest and largest value."""
    low, high = x[0], x[0]
    for d in range(len(x)):
        low, high = min(low, x[d]), max(high, x[d])
    return low, high


@_jit
def _select(x: Any, ranks: Any, out: Any, count: Any, bin_of: Any, placed: Any) -> None:
    """Order statistics ``ranks`` of ``x``: values are dealt into bins, and the bins that are asked for are sorted."""
    n = len(x)
    low, high = _ends(x)
    scale = np.float32(_BINS) / (high - low)
    if not scale < _WIDEST:  # all equal, or nearly so
        ordered = np.sort(x)
        for k in range(len(ranks)):
            out[k] = ordered[ranks[k]]
        return
    for d in range(n):
        bin_of[d] = np.int32(min(max(np.int32((x[d] - low) * scale), np.int32(0)), np.int32(_BINS - 1)))
    _clear(count)
    for d in range(n):
        count[bin_of[d] + 1] += 1
    for b in range(_BINS):
        count[b + 1] += count[b]
    for d in range(n):  # count[b] is where bin b begins, and then where it ends
        place = count[bin_of[d]]
        placed[place] = x[d]
        count[bin_of[d]] = place + 1
    done = 0
    for k in range(len(ranks)):
        rank = ranks[k]
        if rank >= done:  # ranks ascend: sort the bin that holds this one
            b = np.searchsorted(count[:_BINS], rank, side="right")
            begin = count[b - 1] if b else 0
            done = count[b]
            if done - begin > 48:
                placed[begin:done].sort()
            else:
                for i in range(begin + 1, done):
                    value, j = placed[i], i
                    while j > begin and placed[j - 1] > value:
                        placed[j] = placed[j - 1]
                        j -= 1
                    placed[j] = value
        out[k] = placed[rank]


@_jit
def _lerp(values: Any, first: int, weight: Any) -> Any:
    return values[first] + (values[first + 1] - values[first]) * weight


@_jit
def _stretch(x: Any, low: Any, median: Any, high: Any, core: Any, tail: Any) -> Any:
    """One log draw stretched around the median: see :func:`hwpredict.performance.plain.stretched`."""
    away = x - median
    reach = high - median if away > _ZERO else median - low
    far = min(abs(away) / max(reach, _NARROWEST), _ONE)
    return away * (core + (tail - core) * far) + median


@_jit
def _stretch_of(x: Any, low: Any, median: Any, high: Any, core: Any, tail: Any) -> None:
    for d in range(len(x)):
        x[d] = _stretch(x[d], low, median, high, core, tail)


@_jit
def _add_up(level: Any, known: Any, fresh: Any, start: Any, sums: Any, seen: Any, new: Any, total: Any) -> None:
    """Sums of the effects of a group: ``seen`` (sum, posterior draw) and ``new`` (sum, draw) are scratch."""
    _clear(seen.reshape(-1))
    _clear(new.reshape(-1))
    for e in range(len(level)):
        row = level[e]
        if row >= 0:
            for s in sums[start[e] : start[e + 1]]:
                _add(known[row], seen[s])
        elif row <= FRESH:
            for s in sums[start[e] : start[e + 1]]:
                _add(fresh[FRESH - row], new[s])
    draws, kept = new.shape[1], seen.shape[1]
    _copy(new.reshape(-1), total.reshape(-1))
    for s in range(len(total)):
        for begin in range(0, draws, kept):
            end = min(begin + kept, draws)
            _add(seen[s, : end - begin], total[s, begin:end])


@_jit
def _mean_product(x: Any, y: Any, lanes: Any) -> Any:
    """Mean of x · y, summed lane by lane: see :func:`hwpredict.performance.plain.mean_by_lanes`."""
    _clear(lanes)
    n = len(x)
    for k in range(n // LANES):
        for j in range(LANES):
            lanes[j] += x[k * LANES + j] * y[k * LANES + j]
    for j in range(n % LANES):
        lanes[j] += x[n - n % LANES + j] * y[n - n % LANES + j]
    total = _ZERO
    for j in range(LANES):
        total += lanes[j]
    return total / np.float32(n)


@_jit
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
        _copy(total[t], acting[t])
        for s in steep:
            _add_times(total[s], slope[i, sum_slope[s]], acting[t])
        if t < _N_PARTS and weight[i, t] != _ZERO:
            _exp_of(acting[t], _ZERO, factor[t])


@_jit
def _cost(weight: Any, factor: Any, first: int, last: int, whole: Any, share: Any, inverse: Any, lanes: Any) -> None:
    """Sum of the parts of a metric in each draw, and their mean shares in it."""
    _clear(whole)
    for t in range(first, last):
        if weight[t] != _ZERO:
            _add_times(factor[t], weight[t], whole)
    _inverse_of(whole, inverse)
    for t in range(first, last):
        share[t] = weight[t] * _mean_product(factor[t], inverse, lanes) if weight[t] != _ZERO else _ZERO


@_jit
def _calibrate(logs: Any, ranked: Any, anchor_at: Any, anchor_weight: Any, factors: Any, all_draws: bool) -> None:
    """Stretch the picked order statistics of log draws, and if asked for all of the draws."""
    low = _lerp(ranked, anchor_at[0], anchor_weight[0])
    median = _lerp(ranked, anchor_at[1], anchor_weight[1])
    high = _lerp(ranked, anchor_at[2], anchor_weight[2])
    _stretch_of(ranked, low, median, high, factors[0], factors[1])
    if all_draws:
        _stretch_of(logs, low, median, high, factors[0], factors[1])


@_jit
def _quantile_of(low: Any, high: Any, weight: Any) -> Any:
    first = _exp(low)
    return first + (_exp(high) - first) * weight


@_jit
def _quantiles_of(ranked: Any, at: Any, weight: Any, plus: Any, out: Any) -> None:
    for q in range(len(at)):
        out[q] = _quantile_of(ranked[at[q]] + plus, ranked[at[q] + 1] + plus, weight[q])


@_jit
def _mirrored_quantiles_of(ranked: Any, at: Any, weight: Any, minuend: Any, out: Any) -> None:
    for q in range(len(at)):
        out[q] = _quantile_of(minuend - ranked[at[q] + 1], minuend - ranked[at[q]], weight[q])


@_jit
def _is_concurrent(level: Any, start: Any, sums: Any, slope_start: Any) -> bool:
    """Whether some effect acts on the concurrency of a group."""
    for e in range(len(level)):
        if level[e] != -1:
            for s in sums[start[e] : start[e + 1]]:
                if s == OVERLAP or s >= slope_start[OVERLAP]:
                    return True
    return False


@_jit
def _fresh_levels(seed: Any, effect: Any, freedom: Any, scale: Any, draws: int) -> Any:
    """Draws of levels from their populations: see :func:`hwpredict.performance.plain.fresh_levels`."""
    fresh = np.empty((len(seed), draws), np.float32)
    for k in range(len(seed)):
        _deviates(seed[k], freedom[effect[k]], fresh[k])
        for begin in range(0, draws, len(scale)):
            for d in range(min(len(scale), draws - begin)):
                fresh[k, begin + d] *= scale[d, effect[k]]
    return fresh


def _build(sources: int, *, cached: bool) -> Callable[..., None]:
    """The kernel. ``sources`` enters the key of the cache on disk, which does not see what is compiled into it."""

    @numba.njit(**_OPTIONS, cache=cached)  # type: ignore[untyped-decorator]
    def rows(
        order: Any, group_start: Any, level: Any, known: Any, fresh_seed: Any, fresh_effect: Any, scale: Any,
        weight: Any, top: Any, slope: Any, items: Any, span: Any, noise_seed: Any, noise_group: Any, noise_scale: Any,
        stretch: Any, broken: Any, start: Any, sums: Any, sum_slope: Any, slope_start: Any, freedom: Any,
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
        count, bin_of, placed = np.empty(_BINS + 1, np.int32), np.empty(draws, np.int32), np.empty_like(whole)
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
                    _log_of(whole, top[i, m], row, latent)
                    _select(latent, quartile, middle, count, bin_of, placed)
                    width[i, m] = _lerp(middle, 2, quartile_weight[1]) - _lerp(middle, 0, quartile_weight[0])
                    _deviates(noise_seed[i, m], 4, noise)
                    _copy(latent, logs[m])
                    _add_product(noise, noise_scale[noise_group[g, m]], logs[m])
                    stretching = stretch[g, m, 0] != _ONE or stretch[g, m, 1] != _ONE
                    if stretching or not keep:
                        _select(logs[m], ranks, ranked[m], count, bin_of, placed)
                    if stretching:
                        every = keep or (concurrent and m == 0)
                        _calibrate(logs[m], ranked[m], anchor_at, anchor_weight, stretch[g, m], every)
                later = span[i] + MILLISECONDS
                if keep:
                    _exp_of(logs[0], later, latency[i])
                    _rate_of(items[i], acting[OVERLAP], logs[0], latent)
                    _exp_of(latent, _ZERO, throughput[i])
                    _exp_of(logs[1], _ZERO, memory[i])
                    continue
                for m, out in ((0, latency[i]), (1, memory[i])):
                    _quantiles_of(ranked[m], wanted_at, wanted_weight, _ZERO if m else later, out)
                # the slowest draw is the one of least throughput
                _mirrored_quantiles_of(ranked[0], mirror_at, wanted_weight, items[i], throughput[i])
                if concurrent:
                    _rate_of(items[i], acting[OVERLAP], logs[0], latent)
                    _select(latent, ranks, ranked[0], count, bin_of, placed)
                    _quantiles_of(ranked[0], wanted_at, wanted_weight, _ZERO, throughput[i])

    return rows  # type: ignore[no-any-return]


def _digest() -> int:
    """A number for the sources whose functions and constants are compiled in; not 0."""
    sources = (Path(str(m.__file__)).read_bytes() for m in (arithmetic, layout, parts, plain, prepare))
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
        p.items, p.span, p.noise_seed, p.noise_group, p.noise_scale, p.stretch, p.broken, plan.start, plan.sums,
        plan.sum_slope, plan.slope_start, plan.freedom, np.stack([quartile, quartile + 1], axis=1).reshape(-1),
        quartile_weight, ranks, at[0], anchor_weight, at[1], at[2], wanted_weight, *figures, shares, width,
    )  # fmt: skip
    return shares, width
