"""Tasks: what to train on, what to predict, and how rivals split the training rows to choose their options."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data import Data
from hwpredict.evaluate.splits import TIME, grouped_folds, split_keys, time_split

Index = NDArray[np.int64]

#: Most test rows of one task: the scores of more do not differ, and predictive draws take memory.
MAX_TEST = 20_000
#: Share of groups held out in inner folds.
_INNER_SHARE = 0.25


@dataclass(frozen=True)
class Task:
    """One comparison.

    Attributes
    ----------
    split, part : str
        What is unseen; which fold, model or device this is. Scores are pooled over the parts of a split.
    data : Data
    train, test : ndarray of int
        Rows of the data.
    keys : ndarray, shape (row,)
        Groups of all rows (text) or their dates (numbers), for inner folds of the same kind as the split.
    """

    split: str
    part: str
    data: Data
    train: Index
    test: Index
    keys: NDArray[Any]

    @property
    def slug(self) -> str:
        """Name of the task's folder in the cache."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.split} {self.part}".casefold()).strip("-")

    def fingerprint(self) -> str:
        """Hash of the rows and of the division."""
        digest = hashlib.sha256(self.data.fingerprint().encode())
        digest.update(self.train.tobytes() + b"|" + self.test.tobytes())
        return digest.hexdigest()[:16]

    def inner(self, rows: Index, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Masks over ``rows`` (positions in the data): an inner fold of a quarter of the groups, or the newest."""
        keys = self.keys[rows]
        if keys.dtype.kind == "f":
            dates = np.unique(keys[np.isfinite(keys)])
            if len(dates) > 1:
                return time_split(keys, share=_INNER_SHARE)
            keys = np.arange(len(rows)).astype(str)
        names, codes = np.unique(keys.astype(str), return_inverse=True)
        if len(names) < 3:  # one group only: its rows are all there is to divide
            codes, names = np.arange(len(rows)), np.arange(len(rows))
        held = rng.permutation(len(names))[: max(round(_INNER_SHARE * len(names)), 1)]
        test = np.isin(codes, held)
        return ~test, test


def capped_test(test: Index, seed: int) -> Index:
    """At most ``MAX_TEST`` rows, drawn at random."""
    if len(test) <= MAX_TEST:
        return test
    return np.sort(np.random.default_rng(seed).choice(test, MAX_TEST, replace=False))


def grouped_tasks(data: Data, kind: str, *, folds: int, first: int, seed: int) -> Iterator[Task]:
    """Tasks of one split: the first ``first`` of ``folds`` folds (a split by time has one)."""
    if kind == TIME:
        train, test = time_split(data.when, share=1 / folds)
        test_rows = capped_test(np.flatnonzero(test), seed)
        yield Task(kind, "newest", data, np.flatnonzero(train), test_rows, data.when)
        return
    keys = split_keys(data.rows, kind, data.labels)
    fold = grouped_folds(keys, folds, np.random.default_rng(seed))
    for k in range(first):
        test = capped_test(np.flatnonzero(fold == k), seed)
        yield Task(kind, f"fold {k + 1} of {folds}", data, np.flatnonzero(fold != k), test, keys)


def left_out(
    data: Data,
    split: str,
    keys: NDArray[Any],
    *,
    among: NDArray[np.bool_] | None = None,
    shots: int = 0,
    seed: int = 0,
) -> Iterator[Task]:
    """Each group in turn: train without it (but for ``shots`` rows), test on the rest of it.

    Parameters
    ----------
    data : Data
    split : str
    keys : ndarray of str, shape (row,)
    among : ndarray of bool, shape (row,), optional
        Rows that are tested, and whose groups are left out; the others only help to train.
    shots : int
        Rows of the group, drawn at random, that are trained on all the same.
    seed : int
    """
    tested = np.ones(len(data), dtype=bool) if among is None else among
    for name in sorted(set(keys[tested].tolist()) - {""}):
        mine = keys == name
        test = np.flatnonzero(mine & tested)
        shown = np.random.default_rng(seed).choice(test, min(shots, len(test) - 1), replace=False)
        train = np.flatnonzero(~mine)
        yield Task(
            split,
            name,
            data,
            np.sort(np.concatenate([train, shown])).astype(np.int64),
            capped_test(np.setdiff1d(test, shown), seed),
            keys,
        )
