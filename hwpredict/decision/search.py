"""Search over the workload too: the best batch size and precision of each device, and the Pareto front.

Every combination of target, precision and batch size is an option of its own; all are predicted at once, so that their
draws are joint and the front can be computed draw by draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.decision.outcomes import Outcomes
from hwpredict.decision.recommend import Ranking
from hwpredict.errors import InvalidWorkloadError, MissingFigureError, unknown
from hwpredict.workload import Target, Workload

Array = NDArray[np.float64]

#: What can be searched over, and the values that are tried when none are given.
AXES: Mapping[str, tuple[Any, ...]] = {
    "batch_size": (1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
    "precision": ("fp32", "fp16", "bf16", "int8"),
}
#: Precisions that a training step can take: frameworks train in mixed precision, not in 8 bits.
TRAINING_PRECISIONS = ("fp32", "amp", "amp_bf16")
#: Quantities of the front, and whether more is better.
FRONT: Mapping[str, bool] = {"cost_per_million": False, "latency": False, "throughput": True}
#: Options compared at a time in the front: bounds the memory of (option, option, draw) arrays.
CHUNK = 32


def axes(text: str | Sequence[str] | Mapping[str, Sequence[Any]], mode: str) -> dict[str, tuple[Any, ...]]:
    """What to search over, from what a user writes.

    Parameters
    ----------
    text : str, sequence of str or mapping
        ``"batch-size,precision"``, ``["batch_size"]``, ``{"precision": ["fp16", "int8"]}``.
    mode : str
        Training takes other precisions than inference.

    Raises
    ------
    UnknownNameError, InvalidWorkloadError
    """
    given = [n for n in text.split(",") if n.strip()] if isinstance(text, str) else text
    out: dict[str, tuple[Any, ...]] = {}
    for written in given:
        name = str(written).strip().replace("-", "_").casefold()
        if name not in AXES:
            raise unknown("axis to optimise", written, [a.replace("_", "-") for a in AXES])
        default = TRAINING_PRECISIONS if name == "precision" and mode == "training" else AXES[name]
        values = tuple(given[written]) if isinstance(given, Mapping) else default
        if not values:
            raise InvalidWorkloadError(f"there is nothing to try for {name}: give some values")
        out[name] = tuple(dict.fromkeys(values))
    if not out:
        raise InvalidWorkloadError("there is nothing to optimise: name batch-size, precision or both")
    return out


def combinations(
    work: Workload, targets: Sequence[Target], over: Mapping[str, Sequence[Any]]
) -> tuple[list[str], list[tuple[Workload, Target]]]:
    """Every target with every value of the axes.

    Returns
    -------
    names : list of str
        ``"a100, fp16, batch 32"``.
    pairs : list of (Workload, Target)
    """
    names, pairs = [], []
    for target, *values in product(targets, *over.values()):
        changed = replace(work, **dict(zip(over, values, strict=True)))
        said = {"precision": changed.precision, "batch_size": f"batch {changed.batch_size:g}"}
        names.append(", ".join([target.name, *(said[a] for a in ("precision", "batch_size") if a in over)]))
        pairs.append((changed, target))
    return names, pairs


@dataclass(frozen=True)
class Front:
    """Pareto front of several quantities.

    Attributes
    ----------
    quantities : dict of str to bool
        Names, and whether more is better.
    names : list of str
        Options that are on the front in some draw, likeliest first.
    probability : ndarray, shape (option,)
        Probability that an option is on it: that no other option is at least as good in all quantities and better in
        one, in the same draw.
    median : dict of str to ndarray, shape (option,)
    """

    quantities: dict[str, bool]
    names: list[str]
    probability: Array
    median: dict[str, Array]

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per option."""
        return [
            {"name": n, "p_on_front": float(self.probability[i])}
            | {f"{q}_median": float(v[i]) for q, v in self.median.items()}
            for i, n in enumerate(self.names)
        ]


def front(outcomes: Outcomes, quantities: Mapping[str, bool] | None = None) -> Front:
    """Pareto front, draw by draw.

    Parameters
    ----------
    outcomes : Outcomes
    quantities : mapping of str to bool, optional
        By default cost, latency and throughput; without cost where a price is not known.

    Returns
    -------
    Front
    """
    chosen = dict(FRONT if quantities is None else quantities)
    if quantities is None:
        try:
            outcomes["cost_per_million"]
        except MissingFigureError:
            chosen.pop("cost_per_million")
    signed = np.stack(
        [np.broadcast_to(outcomes[q] * (1 if more else -1), outcomes.shape) for q, more in chosen.items()]
    )  # (quantity, option, draw)
    fitting = np.broadcast_to(outcomes["fits"], outcomes.shape) > 0
    # what does not fit into memory is on no front and dominates nothing
    signed = np.where(fitting, signed, -np.inf)
    n, draws = outcomes.shape
    dominated = np.zeros((n, draws), dtype=bool)
    for start in range(0, n, CHUNK):
        mine = signed[:, start : start + CHUNK, None, :]
        no_worse = (signed[:, None] >= mine).all(axis=0)
        better = (signed[:, None] > mine).any(axis=0)
        dominated[start : start + CHUNK] = (no_worse & better).any(axis=1)
    probability = (~dominated & fitting).mean(axis=1)
    order = [int(i) for i in np.argsort(-probability, kind="stable") if probability[i] > 0]
    median = {q: np.median(np.broadcast_to(outcomes[q], outcomes.shape)[order], axis=1) for q in chosen}
    return Front(chosen, [outcomes.names[i] for i in order], probability[order], median)


def best_per_target(ranking: Ranking, targets: Sequence[str]) -> dict[str, str]:
    """The first option of each target in a ranking, by the target's name; targets without one are left out.

    Parameters
    ----------
    ranking : Ranking
        Of options named by :func:`combinations`.
    targets : sequence of str
    """
    out: dict[str, str] = {}
    for option in ranking.options:
        for target in targets:
            if target not in out and (option.name == target or option.name.startswith(f"{target}, ")):
                out[target] = option.name
    return out
