"""Choice of a rival's options on grouped inner folds of the training rows, and the fit on all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.evaluate.scores import crps
from rivals.base import Array, Inputs, Options, Predictor, Rival
from rivals.features import mostly_unseen, physics

#: Most rows of an inner fold that options are compared on.
VALIDATION = 1500
#: Up to so many training rows there are several inner folds: one would hold too few groups to choose by.
FEW_ROWS, REPEATS = 2000, 2

Mask = NDArray[np.bool_]
#: From row indices to masks of the inner training and validation rows among them.
Splitter = Callable[[NDArray[np.int64], np.random.Generator], tuple[Mask, Mask]]


@dataclass(frozen=True)
class Tuned:
    """A fitted rival: its predictor, the options that were chosen, their score on the inner folds, rows used."""

    predict: Predictor
    options: dict[str, Any]
    inner_crps: float
    rows: int


def fit_with(rival: Rival, options: Options, x: Inputs, y: Array, *, metric: str, threads: int, seed: int) -> Predictor:
    """Fit with options of :func:`tune`. ``residual`` means: what the physics does not explain."""
    own = {k: v for k, v in options.items() if k != "residual"}
    if "exclude" in own:
        own["exclude"] = tuple(own["exclude"])
    residual = bool(options.get("residual", False))
    target = y - physics(x, metric) if residual else y
    predictor = rival.fit(x, target, threads=threads, seed=seed, **own)
    if not residual:
        return predictor
    return lambda z: predictor(z) + physics(z, metric)[:, None]


def sample(n: int, most: int | None, rng: np.random.Generator) -> NDArray[np.int64]:
    """At most so many of ``n`` indices, at random, in order."""
    return np.arange(n) if most is None or n <= most else np.sort(rng.choice(n, most, replace=False))


def _divide(n: int, split: Splitter, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Training and validation rows: drawn before a rival's cap, so that the scores of rivals can be compared."""
    train, test = map(np.flatnonzero, split(np.arange(n), rng))
    return train, test[sample(len(test), VALIDATION, rng)]


def tune(
    rival: Rival, x: Inputs, y: Array, split: Splitter, *, metric: str, threads: int, seed: int
) -> tuple[Options, float]:
    """The options with the least CRPS on the inner folds, and that score.

    ``"labels": "seen"`` in the grid becomes the exclusion of labels whose levels are mostly new in the inner fold: in a
    split by model, the name of the model.
    """
    rng = np.random.default_rng(seed)
    divisions = [_divide(len(y), split, rng) for _ in range(REPEATS if len(y) <= FEW_ROWS else 1)]
    kept = [(train[sample(len(train), rival.tune_rows, rng)], test) for train, test in divisions]
    folds = [((x.take(train), y[train]), (x.take(test), y[test])) for train, test in kept]
    unseen = mostly_unseen(folds[0][0][0], folds[0][1][0])
    best: tuple[Options, float] | None = None
    tried: list[Options] = []
    for choice in rival.grid:
        options = {k: v for k, v in choice.items() if k != "labels"}
        if "labels" in choice:
            options["exclude"] = unseen if choice["labels"] == "seen" else ()
        if options in tried:  # no label to leave out: the same as with all of them
            continue
        tried.append(options)
        scores = []
        for (inner_x, inner_y), (held_x, held_y) in folds:
            predict = fit_with(rival, options, inner_x, inner_y, metric=metric, threads=threads, seed=seed)
            scores.append(float(crps(predict(held_x), held_y, fair=False).mean()))
        score = float(np.mean(scores))
        if best is None or score < best[1]:
            best = (options, score)
    if best is None:
        raise ValueError("the grid is empty")
    return best


def fit_tuned(rival: Rival, x: Inputs, y: Array, split: Splitter, *, metric: str, threads: int, seed: int) -> Tuned:
    """Choose the options, then fit on all training rows (or as many as the rival can take)."""
    options, score = tune(rival, x, y, split, metric=metric, threads=threads, seed=seed)
    rows = sample(len(y), rival.max_rows, np.random.default_rng(seed + 1))
    predict = fit_with(rival, options, x.take(rows), y[rows], metric=metric, threads=threads, seed=seed)
    return Tuned(predict, dict(options), score, len(rows))
