"""Random numbers that depend on a name alone, so that an unseen level is the same in every cell, call and chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance import arithmetic as a

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)

#: Deviates of levels by their degrees of freedom.
DEVIATES = {float("inf"): a.normal, 2.0: a.student_2, 4.0: a.student_4}


def seeds(names: Sequence[str], salt: str) -> NDArray[np.uint64]:
    """A 64-bit seed of each name, shape (name,)."""
    return np.array([_digest(f"{salt}\0{n}") for n in names], dtype=np.uint64)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@cache
def of_name(name: str) -> int:
    """64 bits that stand for a name."""
    return _digest(name)


def combine(seed: NDArray[np.uint64], bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Seeds that further bits enter, in order: ``combine(combine(s, x), y)`` differs from that with x and y swapped."""
    return np.asarray(a.mix((seed ^ bits) + _GOLDEN), np.uint64)


def steps(n: int) -> NDArray[np.uint64]:
    """Counters of ``n`` draws."""
    return np.arange(1, n + 1, dtype=np.uint64)


def bits(seed: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """Random bits, shape (seed, n)."""
    return np.asarray(a.random_bits(seed[:, None], steps(n)[None, :]))


def _uniform(seed: NDArray[np.uint64], n: int, stream: int) -> NDArray[np.float64]:
    """Uniforms in (0, 1), shape (seed, n)."""
    step = steps(n) + np.uint64(stream * 1_000_003)
    x = a.random_bits(seed[:, None], step[None, :])
    return np.asarray(((x >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53)


def uniforms(seed: NDArray[np.uint64], n: int) -> NDArray[np.float64]:
    """Uniforms in (0, 1), shape (seed, n)."""
    return _uniform(seed, n, 4)


def normals(seed: NDArray[np.uint64], n: int) -> NDArray[np.float64]:
    """Standard normals, shape (seed, n), by Box and Muller."""
    radius = np.sqrt(-2 * np.log(_uniform(seed, n, 0)))
    return np.asarray(radius * np.cos(2 * np.pi * _uniform(seed, n, 1)))
