"""Random numbers that depend on a name alone, so that an unseen level is the same in every cell, call and chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Longest Student-t deviate, in scales.
LONGEST = 10.0
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def seeds(names: Sequence[str], salt: str) -> NDArray[np.uint64]:
    """A 64-bit seed of each name, shape (name,)."""
    digests = [hashlib.blake2b(f"{salt}\0{n}".encode(), digest_size=8).digest() for n in names]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _uniform(seed: NDArray[np.uint64], n: int, stream: int) -> NDArray[np.float64]:
    """Uniforms in (0, 1), shape (seed, n), by splitmix64 (Steele, Lea & Flood 2014)."""
    step = np.arange(1, n + 1, dtype=np.uint64) + np.uint64(stream * 1_000_003)
    x = seed[:, None] + step[None, :] * _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _MIX[0]
    x = (x ^ (x >> np.uint64(27))) * _MIX[1]
    x ^= x >> np.uint64(31)
    return np.asarray(((x >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53)


def uniforms(seed: NDArray[np.uint64], n: int) -> NDArray[np.float64]:
    """Uniforms in (0, 1), shape (seed, n)."""
    return _uniform(seed, n, 4)


def normals(seed: NDArray[np.uint64], n: int) -> NDArray[np.float64]:
    """Standard normals, shape (seed, n), by Box and Muller."""
    radius = np.sqrt(-2 * np.log(_uniform(seed, n, 0)))
    return np.asarray(radius * np.cos(2 * np.pi * _uniform(seed, n, 1)))


def student_t(seed: NDArray[np.uint64], n: int, df: float) -> NDArray[np.float64]:
    """Student-t deviates, shape (seed, n): a normal over the root of a scaled chi-square.

    Parameters
    ----------
    seed : ndarray of uint64, shape (seed,)
    n : int
    df : float
        Degrees of freedom: 2, 4 or infinity (a chi-square of 2k degrees is -2 log of a product of k uniforms).

    Notes
    -----
    Deviates are cut at :data:`LONGEST` scales, so that no draw overflows: 1 % of those with two degrees of freedom.
    """
    z = normals(seed, n)
    if np.isinf(df):
        return z
    log_product = sum(np.log(_uniform(seed, n, stream)) for stream in (2, 3)[: round(df / 2)])
    return np.asarray(np.clip(z / np.sqrt(-2 * log_product / df), -LONGEST, LONGEST))
