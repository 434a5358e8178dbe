"""Order statistics of draws, compiled: selection without sorting them all, and quantiles from what was selected."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwpredict.performance.loops import clear, exp, jit, jit_ordered

#: Bins that draws are dealt into before those of the wanted ranks are put in order.
BINS = 256
_WIDEST = np.float32(1e30)


@jit_ordered
def ends(x: Any) -> tuple[Any, Any]:
    """Smallest and largest value."""
    low, high = x[0], x[0]
    for d in range(len(x)):
        low, high = min(low, x[d]), max(high, x[d])
    return low, high


@jit
def select(x: Any, ranks: Any, out: Any, count: Any, bin_of: Any, placed: Any) -> None:
    """Order statistics ``ranks`` of ``x``: values are dealt into bins, and the bins that are asked for are sorted."""
    n = len(x)
    low, high = ends(x)
    scale = np.float32(BINS) / (high - low)
    if not scale < _WIDEST:  # all equal, or nearly so
        ordered = np.sort(x)
        for k in range(len(ranks)):
            out[k] = ordered[ranks[k]]
        return
    for d in range(n):
        bin_of[d] = np.int32(min(max(np.int32((x[d] - low) * scale), np.int32(0)), np.int32(BINS - 1)))
    clear(count)
    for d in range(n):
        count[bin_of[d] + 1] += 1
    for b in range(BINS):
        count[b + 1] += count[b]
    for d in range(n):  # count[b] is where bin b begins, and then where it ends
        place = count[bin_of[d]]
        placed[place] = x[d]
        count[bin_of[d]] = place + 1
    done = 0
    for k in range(len(ranks)):
        rank = ranks[k]
        if rank >= done:  # ranks ascend: sort the bin that holds this one
            b = np.searchsorted(count[:BINS], rank, side="right")
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


@jit
def lerp(values: Any, first: int, weight: Any) -> Any:
    """Value between two order statistics that stand side by side."""
    return values[first] + (values[first + 1] - values[first]) * weight


@jit
def quantile_of(low: Any, high: Any, weight: Any) -> Any:
    """Quantile of the exponentials of two logs."""
    first = exp(low)
    return first + (exp(high) - first) * weight


@jit
def quantiles_of(ranked: Any, at: Any, weight: Any, plus: Any, out: Any) -> None:
    """Quantiles of ``exp(log + plus)``."""
    for q in range(len(at)):
        out[q] = quantile_of(ranked[at[q]] + plus, ranked[at[q] + 1] + plus, weight[q])


@jit
def mirrored_quantiles_of(ranked: Any, at: Any, weight: Any, minuend: Any, out: Any) -> None:
    """Quantiles of ``exp(minuend - log)``: what is ranked highest is lowest."""
    for q in range(len(at)):
        out[q] = quantile_of(minuend - ranked[at[q] + 1], minuend - ranked[at[q]], weight[q])
