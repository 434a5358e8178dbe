"""From covariates to index arrays: which level of which effect multiplies which part of which observation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance import rows as r
from hwpredict.performance.costs import offsets, point_offsets
from hwpredict.performance.covariates import Covariates, covariates
from hwpredict.performance.meters import log_memory_left
from hwpredict.performance.parts import (
    CONCURRENCY,
    EFFECTS,
    MEMORY,
    NOISE_LABELS,
    PART_NAMES,
    PARTS,
    ROW,
    TIME,
    Effect,
)
from hwpredict.workload import Item

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Two figures of one run agree when throughput · latency is within this of the items of a step (log scale).
SYNCHRONOUS = 0.05
#: A harness overlaps its steps when more than this share of its rows disagree.
OVERLAPPED_SHARE = 0.1
#: The part that takes what a full device has left.
LEFT = "m_activation"
SEPARATOR = "|"


class Vocabulary:
    """Label names in order, and levels as integers: a level is the mixed-radix number of its labels' positions.

    Integers rather than joined strings keep 200,000 levels small on disk and quick to look up.
    """

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self.names = {label: list(values) for label, values in names.items()}
        self._index = {label: {v: i for i, v in enumerate(values)} for label, values in self.names.items()}

    @classmethod
    def of(cls, labels: Mapping[str, NDArray[Any]]) -> Vocabulary:
        """Vocabulary of some rows."""
        return cls({label: sorted(set(values.tolist())) for label, values in labels.items()})

    def index(self, label: str) -> dict[str, int]:
        """Position of each name of a label."""
        return self._index[label]

    def encode(self, labels: Sequence[str], codes: Sequence[Codes]) -> Codes:
        """Level keys of positions, one array of them a label."""
        key = np.zeros_like(codes[0]) if len(codes) else np.zeros(1, dtype=np.int64)
        for code, base in zip(codes, self.radix(labels), strict=True):
            key = key * max(base, 1) + code
        return key

    def decode(self, labels: Sequence[str], keys: Codes) -> list[Codes]:
        """Positions of each label in level keys: the inverse of :meth:`encode`."""
        out: list[Codes] = []
        rest = keys
        for base in reversed(self.radix(labels)):
            out.append(rest % max(base, 1))
            rest = rest // max(base, 1)
        return out[::-1]

    def codes(self, label: str, values: NDArray[Any]) -> Codes:
        """Positions of ``values``; -1 for names that are not in the vocabulary."""
        index = self._index[label]
        return np.array([index.get(v, -1) for v in values.tolist()], dtype=np.int64)

    def radix(self, labels: Sequence[str]) -> list[int]:
        """Number of names of each label."""
        return [len(self.names[label]) for label in labels]

    def level_names(self, labels: Sequence[str], keys: Codes) -> list[str]:
        """Readable names of levels: their labels joined by ``|``."""
        if not labels:
            return ["all"] * len(keys)
        columns = zip(labels, self.decode(labels, keys), strict=True)
        return [
            SEPARATOR.join(p)
            for p in zip(*([self.names[k][c] for c in codes.tolist()] for k, codes in columns), strict=True)
        ]


class Labels:
    """Labels of a set of rows, coded once, so that combining them is integer arithmetic."""

    def __init__(self, labels: Mapping[str, NDArray[Any]], vocabulary: Vocabulary) -> None:
        self.values = labels
        self._vocabulary = vocabulary
        self._codes = {name: vocabulary.codes(name, labels[name]) for name in vocabulary.names}
        self._n = len(next(iter(self._codes.values())))

    def keys(self, names: Sequence[str]) -> Codes:
        """Level key of each row, shape (row,): -1 where a label is unknown, -2 where the first label is empty."""
        key = np.zeros(self._n, dtype=np.int64)
        unknown = np.zeros(self._n, dtype=bool)
        for name, base in zip(names, self._vocabulary.radix(names), strict=True):
            key = key * max(base, 1) + self._codes[name]
            unknown |= self._codes[name] < 0
        key[unknown] = -1
        if names:
            key[self.values[names[0]] == ""] = -2
        return key

    def joined(self, names: Sequence[str], index: Codes) -> list[str]:
        """Readable level names of some rows."""
        return [SEPARATOR.join(p) for p in zip(*(self.values[n][index].tolist() for n in names), strict=True)]


def part_indices(effect: Effect) -> list[int]:
    """Positions in :data:`PART_NAMES` that an effect multiplies; empty for row and concurrency effects."""
    return [PART_NAMES.index(p) for p in effect.parts if p not in (ROW, CONCURRENCY)]


@dataclass(frozen=True, slots=True)
class Observations:
    """The figures of a table in the form the model speaks of: log seconds of a step and log MB.

    Attributes
    ----------
    row : ndarray of int, shape (obs,)
        Row of the covariates.
    y : ndarray, shape (obs,)
    memory, interval, left : ndarray of bool, shape (obs,)
        Whether the figure is memory; whether it is a throughput that latency does not explain; whether it is the
        memory that a full device has left for activations alone.
    """

    row: Codes
    y: Array
    memory: NDArray[np.bool_]
    interval: NDArray[np.bool_]
    left: NDArray[np.bool_]


def observe(rows: r.Table, x: Covariates) -> Observations:
    """Figures of ``rows`` as observations of the model, one or two of time and one of memory a row."""
    with np.errstate(divide="ignore", invalid="ignore"):
        latency = np.log(rows["latency_ms"] / 1e3) - x.numbers["log_span"]
        interval = x.numbers["log_items"] - np.log(rows["throughput"])
        memory = np.log(rows["memory_mb"])
    left = log_memory_left(rows, x)
    # nobody says how many steps a job takes
    latency = np.where(x.labels["item"] == Item.WORKLOAD, np.nan, latency)
    measured, interval_, memory_, left_ = (np.isfinite(v) for v in (latency, interval, memory, left))
    pieces = [
        (latency, measured, False, False, False),
        # of two figures that agree, one is the measurement
        (interval, interval_ & (~measured | (np.abs(latency - interval) > SYNCHRONOUS)), False, True, False),
        (memory, memory_, True, False, False),
        (left, left_, True, False, True),
    ]
    index = [np.flatnonzero(has) for _, has, *_ in pieces]
    count = [len(i) for i in index]
    return Observations(
        np.concatenate(index),
        np.concatenate([value[i] for i, (value, *_) in zip(index, pieces, strict=True)]),
        *(np.repeat([piece[k] for piece in pieces], count) for k in (2, 3, 4)),
    )


def overlapped_harnesses(rows: r.Table, x: Covariates) -> list[str]:
    """Harnesses (``source|item``) whose throughput and latency do not belong to one synchronous loop."""
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.log(rows["throughput"] * rows["latency_ms"] / 1e3) - x.numbers["log_items"] - x.numbers["log_span"]
    names, codes = np.unique(_harness(x), return_inverse=True)
    both = np.isfinite(gap)
    total = np.bincount(codes[both], minlength=len(names))
    apart = np.bincount(codes[both], np.abs(gap[both]) > SYNCHRONOUS, minlength=len(names))
    return [str(n) for n, t, a in zip(names, total, apart, strict=True) if t and a / t > OVERLAPPED_SHARE]


def _harness(x: Covariates) -> NDArray[Any]:
    pairs = zip(x.labels["source"].tolist(), x.labels["item"].tolist(), strict=True)
    return np.array([SEPARATOR.join(p) for p in pairs], dtype=object)


def mark_overlapped(x: Covariates, harnesses: Sequence[str]) -> None:
    """Set the label ``overlapped``: the harness where it overlaps its steps, else empty (concurrency 1)."""
    known = set(harnesses)
    x.labels["overlapped"] = np.array([k if k in known else "" for k in _harness(x).tolist()], dtype=object)


@dataclass(frozen=True, slots=True)
class Design:
    """All that the likelihood needs.

    Attributes
    ----------
    y : ndarray, shape (obs,)
        Log seconds or log MB.
    x : ndarray, shape (obs, part)
        Offsets; ``-inf`` for parts that do not cost or belong to the other metric.
    obs, level, part : ndarray of int, shape (entry,)
        Entry ``e`` adds ``value[e] · b[level[e]]`` to part ``part[e]`` of observation ``obs[e]``; part -1 is the
        whole row.
    value : ndarray, shape (entry,)
    effect : ndarray of int, shape (level,)
        Position in ``effects`` that each level belongs to.
    keys : list of ndarray of int
        Ascending level keys in the vocabulary, effect by effect.
    counts : ndarray of int, shape (level,)
        Observations that inform each level.
    vocabulary : Vocabulary
    noise : ndarray of int, shape (obs,)
        Noise group, into ``noise_names`` (``"time|source|platform|phase"``).
    effects : tuple of Effect
    harnesses : list of str
        See :func:`overlapped_harnesses`.
    """

    y: Array
    x: Array
    obs: Codes
    level: Codes
    part: Codes
    value: Array
    effect: Codes
    keys: list[Codes]
    counts: Codes
    vocabulary: Vocabulary
    noise: Codes
    noise_names: list[str]
    effects: tuple[Effect, ...]
    harnesses: list[str]
    observations: Observations

    @property
    def n_levels(self) -> int:
        """Levels of all effects."""
        return len(self.effect)

    @property
    def starts(self) -> Codes:
        """First level of each effect, and one past the last: shape (effect + 1,)."""
        return np.concatenate([[0], np.cumsum([len(k) for k in self.keys])])

    @property
    def noise_is_memory(self) -> NDArray[np.bool_]:
        """Whether a noise group is one of memory figures, shape (noise group,)."""
        out = np.zeros(len(self.noise_names), dtype=bool)
        out[self.noise] = self.observations.memory
        return out


def design(
    rows: r.Table,
    *,
    effects: tuple[Effect, ...] = EFFECTS,
    harnesses: Sequence[str] = (),
    point: Array | None = None,
) -> Design:
    """Index arrays of a table of measurements.

    Parameters
    ----------
    rows : dict of str to ndarray
        Output of :func:`hwpredict.performance.rows.table`.
    effects : tuple of Effect
        The effects to build; a subset makes a smaller model.
    harnesses : sequence of str
        Harnesses that are known to overlap their steps, beside those that these rows show to.
    point : ndarray, shape (row, 2), optional
        Log seconds of a step and log MB by an outside predictor, in place of the parts.

    Returns
    -------
    Design
    """
    x = covariates(rows)
    harnesses = sorted({*harnesses, *overlapped_harnesses(rows, x)})
    mark_overlapped(x, harnesses)
    seen = observe(rows, x)
    base = (offsets(x.numbers) if point is None else point_offsets(point))[seen.row]
    metric = np.array([p.metric == MEMORY for p in PARTS])
    base[seen.memory[:, None] != metric[None, :]] = -np.inf
    base[seen.left[:, None] & (np.array(PART_NAMES) != LEFT)[None, :]] = -np.inf
    used_labels = sorted({label for e in effects for label in e.labels} | set(NOISE_LABELS))
    vocabulary = Vocabulary.of({k: x.labels[k] for k in used_labels})
    labels = Labels({k: x.labels[k][seen.row] for k in used_labels}, vocabulary)
    pieces: list[tuple[Codes, Codes, Codes, Array]] = []
    owner: list[Codes] = []
    keys: list[Codes] = []
    counts: list[Codes] = []
    start = 0
    for position, effect in enumerate(effects):
        key = labels.keys(effect.labels)
        member = key >= 0
        if effect.metric != "both":
            member &= seen.memory == (effect.metric == MEMORY)
        if CONCURRENCY in effect.parts:
            member &= seen.interval
        index = part_indices(effect)
        if index:
            member &= np.isfinite(base[:, index]).any(axis=1)
        slope = x.numbers[effect.slope][seen.row] if effect.slope else np.ones(len(seen.row))
        member &= slope != 0
        used, codes = np.unique(key[member], return_inverse=True)
        value = -slope[member] if CONCURRENCY in effect.parts else slope[member]
        where = np.flatnonzero(member)
        for k in index or [-1]:
            alive = np.isfinite(base[where, k]) if k >= 0 else np.ones(len(where), dtype=bool)
            pieces.append((where[alive], start + codes[alive], np.full(int(alive.sum()), k), value[alive]))
        keys.append(used)
        counts.append(np.bincount(codes, minlength=len(used)))
        owner.append(np.full(len(used), position))
        start += len(used)
    kinds = labels.joined(NOISE_LABELS, np.arange(len(seen.row)))
    kinds = [(MEMORY if m else TIME) + SEPARATOR + k for m, k in zip(seen.memory.tolist(), kinds, strict=True)]
    noise_names, noise = np.unique(np.array(kinds, dtype=object), return_inverse=True)
    obs, level, part, value = (np.concatenate(c) for c in zip(*pieces, strict=True))
    return Design(
        y=seen.y,
        x=base,
        obs=obs,
        level=level,
        part=part,
        value=value,
        effect=np.concatenate(owner),
        keys=keys,
        counts=np.concatenate(counts),
        vocabulary=vocabulary,
        noise=noise,
        noise_names=[str(n) for n in noise_names],
        effects=effects,
        harnesses=harnesses,
        observations=seen,
    )
