"""Fit of the recalibration: how wide held-out figures really lie, by what of their row was new."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance import rows as r
from hwpredict.performance.calibration import NOVEL, Calibration, key, of_source
from hwpredict.performance.predictive import Prediction

Array = NDArray[np.float64]

#: Groups that it takes to believe a factor of all rows, and of one platform or source, halfway.
PRIOR_GROUPS, PRIOR_GROUPS_PLATFORM, PRIOR_GROUPS_SOURCE = 40.0, 60.0, 40.0
#: Cases below which a source has no factors of its own.
FEW = 30
#: Bit of a situation that says that the source is new.
NEW_SOURCE = 1 << NOVEL.index("source")
#: Factors are kept within these.
LIMITS = (0.4, 2.5)
#: Column of the rows that makes held-out cases of a situation depend on each other, by the first bit that is set.
_GROUP = ("source", "device", "model")


@dataclass(frozen=True, slots=True)
class _Cases:
    """Held-out figures as multiples of the half-widths of their uncalibrated intervals."""

    inner: Array
    outer: Array
    ratio: Array
    situation: NDArray[np.int64]
    platform: NDArray[Any]
    source: NDArray[Any]
    group: NDArray[Any]


def recalibration(folds: Iterable[tuple[r.Table, Prediction]]) -> Calibration:
    """Factors that bring the coverage of held-out 50 % and 90 % intervals to their level.

    Parameters
    ----------
    folds : iterable of (rows, prediction)
        Held-out rows with their figures, and their uncalibrated prediction by a posterior that did not see them.

    Returns
    -------
    Calibration
        Every situation that has cases, for all rows together (shrunk to 1); with a new source for each platform, with a
        known one for each source too (shrunk to the former). Where the source was seen, the middle of the draws is too
        wide and the ends are too narrow: what is held out lies close to the median more often than draws do, or far
        off. How much, differs from source to source.
    """
    folds = list(folds)
    factors: dict[str, tuple[float, float]] = {}
    for metric, column in (("time", None), ("memory", "memory_mb")):
        cases = _cases(folds, column)
        for situation in range(2 ** len(NOVEL)):
            mine = cases.situation == situation
            if not mine.any():
                continue
            whole = _factors(cases, mine, (1.0, 1.0), PRIOR_GROUPS)
            factors[key(metric, situation, "")] = whole
            called: Callable[[str], str]
            if situation & NEW_SOURCE:
                names, called, weight, fewest = cases.platform, str, PRIOR_GROUPS_PLATFORM, 1
            else:
                names, called, weight, fewest = cases.source, of_source, PRIOR_GROUPS_SOURCE, FEW
            for name in sorted(set(names[mine].tolist())):
                part = mine & (names == name)
                if part.sum() >= fewest:
                    factors[key(metric, situation, called(name))] = _factors(cases, part, whole, weight)
    return Calibration(factors)


def _cases(folds: Sequence[tuple[r.Table, Prediction]], column: str | None) -> _Cases:
    columns: dict[str, list[Any]] = {f: [] for f in _Cases.__slots__}
    for rows, p in folds:
        if column is None:  # a time is either figure; of two, the latency
            figures: list[tuple[Array, NDArray[Any]]] = [(rows["latency_ms"], p.latency)]
            alone = np.where(np.isfinite(rows["latency_ms"]), np.nan, rows["throughput"])
            figures.append((alone, p.throughput))
        else:
            figures = [(rows[column], p.memory)]
        for seen, draws in figures:
            ok = np.isfinite(seen) & (seen > 0)
            if ok.any():
                _append(columns, rows, p, ok, np.log(seen[ok]), np.log(draws[ok].astype(float)), column is not None)
    joined: dict[str, Any] = {k: np.concatenate(v) if v else np.empty(0) for k, v in columns.items()}
    return _Cases(**joined)


def _append(
    columns: Mapping[str, list[Any]],
    rows: r.Table,
    p: Prediction,
    ok: NDArray[np.bool_],
    y: Array,
    x: Array,
    memory: bool,
) -> None:
    q05, q25, q50, q75, q95 = np.quantile(x, (0.05, 0.25, 0.5, 0.75, 0.95), axis=1)
    above = y > q50
    inner = np.maximum(np.where(above, q75 - q50, q50 - q25), 1e-6)
    outer = np.maximum(np.where(above, q95 - q50, q50 - q05), 1e-6)
    situation = p.situation[ok, 1 if memory else 0]
    first = np.where(situation & 1, 0, np.where(situation & 2, 1, 2))
    names = np.stack([rows[c][ok] for c in _GROUP], axis=1)
    columns["inner"].append(np.abs(y - q50) / inner)
    columns["outer"].append(np.abs(y - q50) / outer)
    columns["ratio"].append(inner / outer)
    columns["situation"].append(situation)
    columns["platform"].append(rows["hardware"][ok])
    columns["source"].append(rows["source"][ok])
    columns["group"].append(names[np.arange(len(first)), first])


def _factors(cases: _Cases, mine: NDArray[np.bool_], prior: tuple[float, float], weight: float) -> tuple[float, float]:
    """Factor at the median and at the 90 % ends, shrunk to ``prior`` by the number of groups."""
    groups = len(np.unique(cases.group[mine]))
    tail = float(np.quantile(cases.outer[mine], 0.9))
    middle = float(np.quantile(cases.inner[mine], 0.5))
    ratio = float(cases.ratio[mine].mean())
    core = (middle - tail * ratio) / (1 - ratio)
    trust = groups / (groups + weight)
    shrunk = [
        float(np.exp(trust * np.log(np.clip(f, *LIMITS)) + (1 - trust) * np.log(p)))
        for f, p in zip((core, tail), prior, strict=True)
    ]
    return min(shrunk[0], 1.9 * shrunk[1]), shrunk[1]  # the stretch stays monotone
