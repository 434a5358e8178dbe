"""Compiled loops over one axis of draws: what the kernel adds up, multiplies and draws with.

Loops stand in functions of their own: arguments that are whole one-dimensional arrays and numbers are what the compiler
turns into vector instructions. Nothing here is cached on disk by itself; the kernel that these are compiled into is.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, cast

import numba
import numpy as np

from hwpredict.performance import arithmetic
from hwpredict.performance.plain import LANES

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}  # no checks of divisors: loops become vectors
_ZERO, _ONE = np.float32(0), np.float32(1)


def jit[F: Callable[..., Any]](function: F) -> F:
    """Compile a function when it is first called."""
    return cast(F, numba.njit(**OPTIONS)(function))


def jit_ordered[F: Callable[..., Any]](function: F) -> F:
    """The same, where no argument is NaN: the smallest of many is then the smallest in whatever order."""
    return cast(F, numba.njit(**OPTIONS, fastmath={"nnan", "nsz"})(function))


def _compiled() -> dict[str, Any]:
    """The functions of :mod:`hwpredict.performance.arithmetic`, compiled, each calling the others compiled."""
    names: dict[str, Any] = dict(vars(arithmetic))
    for function in arithmetic.COMPILED:
        names[function.__name__] = jit(FunctionType(function.__code__, names, function.__name__))
    return names


_a = _compiled()
exp, log, random_bits = _a["exp"], _a["log"], _a["random_bits"]
normal, student_2, student_4 = _a["normal"], _a["student_2"], _a["student_4"]


@jit
def clear(out: Any) -> None:
    """Set to zero."""
    for d in range(len(out)):  # NumPy's out[:] = 0 would look for overlaps first
        out[d] = 0


@jit
def copy(x: Any, out: Any) -> None:
    """``x``."""
    for d in range(len(x)):
        out[d] = x[d]


@jit
def add(x: Any, out: Any) -> None:
    """Add ``x``."""
    for d in range(len(x)):
        out[d] += x[d]


@jit
def add_times(x: Any, by: Any, out: Any) -> None:
    """Add ``by · x``."""
    for d in range(len(x)):
        out[d] += by * x[d]


@jit
def add_product(x: Any, y: Any, out: Any) -> None:
    """Add ``x · y``."""
    for d in range(len(x)):
        out[d] += x[d] * y[d]


@jit
def exp_of(x: Any, plus: Any, out: Any) -> None:
    """``exp(x + plus)``."""
    for d in range(len(x)):
        out[d] = exp(x[d] + plus)


@jit
def log_of(x: Any, plus: Any, y: Any, out: Any) -> None:
    """``log(x) + plus + y``."""
    for d in range(len(x)):
        out[d] = log(x[d]) + plus + y[d]


@jit
def rate_of(items: Any, overlap: Any, time: Any, out: Any) -> None:
    """Log throughput of log seconds."""
    for d in range(len(time)):
        out[d] = items + overlap[d] - time[d]


@jit
def inverse_of(x: Any, out: Any) -> None:
    """``1 / x``."""
    for d in range(len(x)):
        out[d] = _ONE / x[d]


@jit
def deviates(seed: Any, freedom: int, out: Any) -> None:
    """Deviates of one seed: Student-t of 2 or 4 degrees of freedom, else normal."""
    if freedom == 4:
        for d in range(len(out)):
            out[d] = student_4(random_bits(seed, np.uint64(d + 1)))
    elif freedom == 2:
        for d in range(len(out)):
            out[d] = student_2(random_bits(seed, np.uint64(d + 1)))
    else:
        for d in range(len(out)):
            out[d] = normal(random_bits(seed, np.uint64(d + 1)))


@jit
def mean_product(x: Any, y: Any, lanes: Any) -> Any:
    """Mean of x · y, summed lane by lane: see :func:`hwpredict.performance.plain.mean_by_lanes`."""
    clear(lanes)
    n = len(x)
    for k in range(n // LANES):
        for j in range(LANES):
            lanes[j] += x[k * LANES + j] * y[k * LANES + j]
    for j in range(n % LANES):
        lanes[j] += x[n - n % LANES + j] * y[n - n % LANES + j]
    total = _ZERO
    for j in range(LANES):
        total += lanes[j]
    return total / np.float32(n)
