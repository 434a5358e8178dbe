"""The sums that a posterior's effects are added up in: one a part or row, and one for each slope that acts on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import PosteriorError
from hwpredict.performance.parts import CONCURRENCY, MEMORY, NOISE_LABELS, PART_NAMES, ROW, Effect

Index = NDArray[np.int64]

#: What effects act on: the parts, in their order, then the row as a whole and the concurrency.
TIME_ROW, MEMORY_ROW, OVERLAP = range(len(PART_NAMES), len(PART_NAMES) + 3)
TARGETS = len(PART_NAMES) + 3
#: Degrees of freedom that levels may have, as the kernel writes them.
FREEDOMS = {float("inf"): 0, 2.0: 2, 4.0: 4}


@dataclass(frozen=True, slots=True)
class Layout:
    """Index arrays of the effects; the same for every row.

    Attributes
    ----------
    names : tuple of str
        Names of the effects.
    labels : tuple of str
        Labels that the effects and the noise use.
    columns : ndarray of int, shape (effect, place)
        Position in ``labels`` of each label of an effect, -1 behind the last.
    radix : ndarray of int, shape (effect, place)
        Number of names of each of them, 1 behind the last.
    slopes : tuple of str
        Covariates that effects are multiplied with.
    sum_target, sum_slope : ndarray of int, shape (sum,)
        What a sum acts on, and the position in ``slopes`` of what it is multiplied with, -1 for none. The first
        :data:`TARGETS` sums are those without a slope, in order; those with one follow, by target.
    slope_start : ndarray of int, shape (target + 1,)
        First sum with a slope of each target.
    start, sums : ndarray of int
        Effect ``e`` is added to ``sums[start[e]:start[e + 1]]``.
    freedom : ndarray of int, shape (effect,)
        Degrees of freedom of the levels, 0 for infinite.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    columns: Index
    radix: Index
    slopes: tuple[str, ...]
    sum_target: Index
    sum_slope: Index
    slope_start: Index
    start: Index
    sums: Index
    freedom: Index


def layout(effects: Sequence[Effect], sizes: Mapping[str, int]) -> Layout:
    """Lay out the effects.

    Parameters
    ----------
    effects : sequence of Effect
    sizes : mapping of str to int
        Number of names of each label in the vocabulary.

    Returns
    -------
    Layout

    Raises
    ------
    PosteriorError
        An effect has levels with degrees of freedom that no deviates are there for.
    """
    for e in effects:
        if e.df not in FREEDOMS:
            raise PosteriorError(f"the levels of {e.name!r} have {e.df} degrees of freedom: give one of 2, 4 and inf")
    labels = tuple(sorted({label for e in effects for label in e.labels} | set(NOISE_LABELS)))
    places = max([len(e.labels) for e in effects], default=0)
    columns = np.full((len(effects), places), -1, np.int64)
    radix = np.ones((len(effects), places), np.int64)
    for i, e in enumerate(effects):
        for j, label in enumerate(e.labels):
            columns[i, j], radix[i, j] = labels.index(label), max(sizes[label], 1)
    slopes = tuple(sorted({e.slope for e in effects if e.slope}))
    steep = sorted({(t, slopes.index(e.slope)) for e in effects if e.slope for t in targets(e)})
    place = {(t, -1): t for t in range(TARGETS)} | {pair: TARGETS + i for i, pair in enumerate(steep)}
    fed = [[place[t, slopes.index(e.slope) if e.slope else -1] for t in targets(e)] for e in effects]
    target_of_steep = np.array([t for t, _ in steep], np.int64)
    return Layout(
        names=tuple(e.name for e in effects),
        labels=labels,
        columns=columns,
        radix=radix,
        slopes=slopes,
        sum_target=np.array([t for t, _ in place], np.int64),
        sum_slope=np.array([s for _, s in place], np.int64),
        slope_start=TARGETS + np.searchsorted(target_of_steep, np.arange(TARGETS + 1)).astype(np.int64),
        start=np.concatenate([[0], np.cumsum([len(f) for f in fed])]).astype(np.int64),
        sums=np.array([s for f in fed for s in f], np.int64),
        freedom=np.array([FREEDOMS[e.df] for e in effects], np.int64),
    )


def targets(effect: Effect) -> list[int]:
    """What an effect acts on."""
    out = [PART_NAMES.index(p) for p in effect.parts if p not in (ROW, CONCURRENCY)]
    if CONCURRENCY in effect.parts:
        out.append(OVERLAP)
    elif not out:
        out.append(MEMORY_ROW if effect.metric == MEMORY else TIME_ROW)
    return out
