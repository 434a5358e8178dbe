"""What the time of a step goes to: shares of arithmetic, memory traffic and overhead, with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance.parts import TIME_PARTS
from hwpredict.workload import Target, Workload

Array = NDArray[np.float64]

#: Predicts the shares of (workload, target) pairs, shape (pair, time part, draw).
type Shares = Callable[[Sequence[tuple[Workload, Target]]], Array]

#: What a step may be bound by, and the time parts that it is made of.
KINDS: Mapping[str, tuple[str, ...]] = {
    "compute": ("compute",),
    "bandwidth": ("activation", "weights", "kv"),
    "overhead": ("overhead",),
    "communication": ("comm",),
    "bubble": ("bubble",),
}
#: How an explanation calls them.
WORDS: Mapping[str, str] = {
    "compute": "arithmetic",
    "bandwidth": "memory traffic",
    "overhead": "fixed overhead of launches and runtime",
    "communication": "communication between devices",
    "bubble": "the pipeline bubble",
}
#: A mean share below which communication and the bubble are not spoken of: one device has neither.
NOTHING = 0.005
PROBABILITY = 0.9


@dataclass(frozen=True, slots=True)
class Share:
    """Mean share of the step, and its central 90 % interval."""

    mean: float
    low: float
    high: float


def summarise(parts: Mapping[str, Array]) -> dict[str, Share]:
    """Shares by kind.

    Parameters
    ----------
    parts : mapping of str to ndarray, shape (draw,)
        Share of each time part in the step, draw by draw; in every draw they add up to 1.

    Returns
    -------
    dict of str to Share
        Largest mean first; those means add up to 1. Compute, bandwidth and overhead are always there.
    """
    tail = (1 - PROBABILITY) / 2
    out = {}
    for kind, members in KINDS.items():
        mine = [parts[m] for m in members if m in parts]
        if not mine:
            continue
        total = np.sum(mine, axis=0)
        low, high = np.quantile(total, [tail, 1 - tail])
        if kind in ("compute", "bandwidth", "overhead") or total.mean() >= NOTHING:
            out[kind] = Share(float(total.mean()), float(low), float(high))
    return dict(sorted(out.items(), key=lambda item: -item[1].mean))


def of_cells(draws: Array) -> list[dict[str, Share]]:
    """Shares by kind of each cell, from draws of shape (cell, time part, draw)."""
    return [summarise(dict(zip(TIME_PARTS, cell, strict=True))) for cell in draws]


def in_words(shares: Mapping[str, Share]) -> str:
    """``"memory traffic 62 % (48 to 74), arithmetic 30 % (18 to 45) …"``."""
    return ", ".join(
        f"{WORDS[kind]} {100 * s.mean:.0f} % ({100 * s.low:.0f} to {100 * s.high:.0f})" for kind, s in shares.items()
    )
