"""Grouped splits: what a test row shares with no training row.

Groups are the identities that the model pools by (canonical model, catalog device …), not spellings: ResNet-50 under
another name in the training rows would make an "unseen" model a seen one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import InvalidWorkloadError, unknown
from hwpredict.performance.covariates import covariates

Table = Mapping[str, NDArray[Any]]
Mask = NDArray[np.bool_]

_CELL = ("hardware", "precision", "runtime", "batch_size", "sequence_length", "mode", "source")
#: What is unseen in the test rows of each grouped split: labels of the covariates, columns of the rows.
GROUPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cell": (("model", "device"), _CELL),
    "model": (("model",), ()),
    "architecture": (("architecture",), ()),
    "device": (("device",), ()),
    "generation": (("platform", "generation"), ()),
    "source": (("source",), ()),
}
TIME = "time"
#: Every split.
KINDS = (*GROUPS, TIME)


def split_keys(rows: Table, kind: str, labels: Table | None = None) -> NDArray[Any]:
    """Name of the group of each row.

    Parameters
    ----------
    rows : mapping of str to ndarray, shape (row,)
        Output of :func:`hwpredict.performance.rows.table`.
    kind : {"cell", "model", "architecture", "device", "generation", "source"}
        What is to be unseen in the test rows.
    labels : mapping of str to ndarray, optional
        Labels of the rows' covariates, where they are at hand; computed otherwise.

    Returns
    -------
    ndarray of str, shape (row,)
        ``""`` where the group is not known (a device that is not stated, a generation that the catalog does not know):
        nobody can say that such a row is unseen, so it is never held out.

    Raises
    ------
    UnknownNameError
        ``kind`` is not a grouped split.
    """
    if kind not in GROUPS:
        raise unknown("split", kind, GROUPS)
    if labels is None:
        labels = covariates(dict(rows)).labels
    by_label, by_column = GROUPS[kind]
    columns = [labels[name].tolist() for name in by_label] + [rows[name].tolist() for name in by_column]
    keys = np.array(["|".join(map(str, key)) for key in zip(*columns, strict=True)], dtype=object)
    if kind == "device":
        keys[labels["device"] == ""] = ""
    if kind == "generation":
        keys[np.array([g in ("", "unknown") or g.startswith("unknown ") for g in labels["generation"]])] = ""
    return keys


def grouped_folds(keys: NDArray[Any], n_folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal the groups to folds at random, equally many to each.

    Parameters
    ----------
    keys : ndarray of str, shape (row,)
        Output of :func:`split_keys`.
    n_folds : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (row,)
        The fold in which a row is held out; -1 where the key is empty.

    Raises
    ------
    InvalidWorkloadError
        There are fewer groups than folds, or fewer than two folds.
    """
    names, codes = np.unique(keys.astype(str), return_inverse=True)
    known = np.flatnonzero(names != "")
    if n_folds < 2 or len(known) < n_folds:
        raise InvalidWorkloadError(
            f"{len(known)} groups cannot be dealt to {n_folds} folds: at least two folds, none of them empty"
        )
    fold = np.full(len(names), -1, dtype=np.int64)
    fold[rng.permutation(known)] = np.arange(len(known)) % n_folds
    return np.asarray(fold[codes])


def grouped_split(
    rows: Table, kind: str, *, share: float = 0.2, rng: np.random.Generator, labels: Table | None = None
) -> Mask:
    """Mark the test rows of a split by groups.

    Parameters
    ----------
    rows : mapping of str to ndarray, shape (row,)
    kind : str
        See :func:`split_keys`.
    share : float
        Share of the groups held out, at least one group.
    rng : numpy.random.Generator
    labels : mapping of str to ndarray, optional
        See :func:`split_keys`.

    Returns
    -------
    ndarray of bool, shape (row,)

    Raises
    ------
    UnknownNameError
        ``kind`` is not a grouped split.
    InvalidWorkloadError
        There are fewer than two groups, so that nothing would be left to train on.
    """
    keys = split_keys(rows, kind, labels)
    names, codes = np.unique(keys.astype(str), return_inverse=True)
    known = np.flatnonzero(names != "")
    if len(known) < 2:
        raise InvalidWorkloadError(f"all rows share one {kind}: nothing would be left to train on")
    count = min(max(round(share * len(known)), 1), len(known) - 1)
    return np.asarray(np.isin(codes, rng.choice(known, count, replace=False)))


_SLASHED = re.compile(r"\b(\d{1,2})/\d{1,2}/((?:19|20)\d\d)\b")
_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:-(0[1-9]|1[0-2])(?!\d))?")
_CONTAINER = re.compile(r"\bngc-(\d\d)\.(\d\d)\b")


def years(measured: Sequence[Any]) -> NDArray[np.float64]:
    """When rows were measured, as far as the source says so.

    Parameters
    ----------
    measured : sequence of str
        The schema's column: ``"2024-09-04"``, ``"2023-04 (v3.0)"``, ``"7/22/2024"``, ``"ngc-21.11"``, ``"2022"``.

    Returns
    -------
    ndarray, shape (row,)
        Decimal years, to the month; the middle of the year where only that is given; NaN where no year is.
    """
    seen: dict[Any, float] = {}
    return np.array([seen[m] if m in seen else seen.setdefault(m, _year(m)) for m in measured], dtype=float)


def _year(measured: Any) -> float:
    text = measured if isinstance(measured, str) else ""
    slashed, container, date = _SLASHED.search(text), _CONTAINER.search(text), _DATE.search(text)
    if slashed:
        return int(slashed[2]) + (int(slashed[1]) - 0.5) / 12
    if date:
        return int(date[1]) + ((int(date[2]) - 0.5) / 12 if date[2] else 0.5)
    if container:
        return 2000 + int(container[1]) + (int(container[2]) - 0.5) / 12
    return float("nan")


def time_split(when: NDArray[np.float64], *, share: float = 0.2) -> tuple[Mask, Mask]:
    """Train on what was measured earlier, test on what was measured later.

    Parameters
    ----------
    when : ndarray, shape (row,)
        Output of :func:`years`.
    share : float
        Share of the dated rows to hold out, as nearly as the dates allow.

    Returns
    -------
    train, test : ndarray of bool, shape (row,)
        Rows without a date are in neither.

    Raises
    ------
    InvalidWorkloadError
        All dated rows were measured at the same time.
    """
    dated = np.isfinite(when)
    dates = np.unique(when[dated])
    if len(dates) < 2:
        raise InvalidWorkloadError("a split by time needs rows of at least two dates; see the column 'measured'")
    held = np.array([(when[dated] >= d).mean() for d in dates[1:]])
    first = dates[1 + int(np.argmin(np.abs(held - share)))]
    return dated & (when < first), dated & (when >= first)
