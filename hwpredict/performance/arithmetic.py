"""Elementary functions in single precision that give the same bits for NumPy arrays and inside a compiled loop.

The predictive draws are computed either by NumPy (one cell: nothing has to be compiled or imported) or by a kernel of
numba's (a million cells). Both use the functions below: additions, multiplications, divisions and square roots in a
fixed order, each of them rounded as IEEE 754 says, so that the two agree bit for bit and a compiler can turn them into
vector instructions. ``exp``, ``log`` and the sine are the polynomials of Cephes (Moshier 1992), good to one unit in
the last place or two. Every function takes a float32 (uint64 where it says so) array or number and returns float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_f, _i, _u = np.float32, np.int32, np.uint64

# exp: x = n log 2 + r, the logarithm in two pieces so that r is exact
_LOG2_E, _LOG2_HIGH, _LOG2_LOW = _f(1.44269504088896341), _f(0.693359375), _f(-2.12194440e-4)
_E0, _E1, _E2 = _f(1.9875691500e-4), _f(1.3981999507e-3), _f(8.3334519073e-3)
_E3, _E4, _E5 = _f(4.1665795894e-2), _f(1.6666665459e-1), _f(5.0000001201e-1)
#: Arguments beyond which exp does not follow: e^±80 is no figure of performance, and products of two stay finite.
FARTHEST = _f(80.0)
# log: mantissa between the roots of 1/2 and 2
_ROOT_HALF_BITS, _MANTISSA, _ONE_BITS = _i(0x3F3504F3), _i(0x007FFFFF), _i(0x3F800000)
_L0, _L1, _L2 = _f(7.0376836292e-2), _f(-1.1514610310e-1), _f(1.1676998740e-1)
_L3, _L4, _L5 = _f(-1.2420140846e-1), _f(1.4249322787e-1), _f(-1.6668057665e-1)
_L6, _L7, _L8 = _f(2.0000714765e-1), _f(-2.4999993993e-1), _f(3.3333331174e-1)
# sin 2πw for |w| ≤ 1/4: Taylor's coefficients up to w^11 leave 6e-8
_TURN = tuple((-1) ** k * (2 * np.pi) ** (2 * k + 1) / float(np.prod(np.arange(1, 2 * k + 2))) for k in range(6))
_S0, _S1, _S2, _S3, _S4, _S5 = (_f(c) for c in _TURN)
_ZERO, _QUARTER, _HALF, _ONE, _TWO, _FOUR = _f(0), _f(0.25), _f(0.5), _f(1), _f(2), _f(4)
_BIAS, _SHIFT = _i(127), _i(23)
# splitmix64 (Steele, Lea & Flood 2014)
_GOLDEN, _MIX1, _MIX2 = _u(0x9E3779B97F4A7C15), _u(0xBF58476D1CE4E5B9), _u(0x94D049BB133111EB)
_S27, _S30, _S31, _S40 = _u(27), _u(30), _u(31), _u(40)
_LOW24, _STEP24 = _u(0xFFFFFF), _f(2.0**-24)
#: Longest Student-t deviate, in scales: no draw overflows. It cuts 1 % of those with two degrees of freedom.
LONGEST = _f(10.0)


def exp(x: Any) -> Any:
    """Exponential; beyond :data:`FARTHEST` it stays where it is."""
    x = np.minimum(np.maximum(x, -FARTHEST), FARTHEST)
    n = np.rint(x * _LOG2_E)
    r = x - n * _LOG2_HIGH
    r = r - n * _LOG2_LOW
    y = _E0 * r + _E1
    y = y * r + _E2
    y = y * r + _E3
    y = y * r + _E4
    y = y * r + _E5
    y = y * (r * r) + r + _ONE
    return y * _i((_i(n) + _BIAS) << _SHIFT).view(np.float32)


def log(x: Any) -> Any:
    """Natural logarithm of a positive normal number."""
    bits = _f(x).view(np.int32)
    above = _i(bits - _ROOT_HALF_BITS)
    n = _f(_i(above >> _SHIFT))
    m = _i(_i(above & _MANTISSA) + _ROOT_HALF_BITS).view(np.float32) - _ONE
    z = m * m
    y = _L0 * m + _L1
    y = y * m + _L2
    y = y * m + _L3
    y = y * m + _L4
    y = y * m + _L5
    y = y * m + _L6
    y = y * m + _L7
    y = y * m + _L8
    y = y * m * z
    y = y + n * _LOG2_LOW
    y = y - z * _HALF
    return m + y + n * _LOG2_HIGH


def sine_of_turns(w: Any) -> Any:
    """Sine of ``w`` turns, for w between -1/4 and 1/4."""
    z = w * w
    y = _S5 * z + _S4
    y = y * z + _S3
    y = y * z + _S2
    y = y * z + _S1
    y = y * z + _S0
    return y * w


def mix(x: Any) -> Any:
    """Scramble 64 bits (uint64): every bit of the argument changes half of those of the result."""
    x = (x ^ (x >> _S30)) * _MIX1
    x = (x ^ (x >> _S27)) * _MIX2
    return x ^ (x >> _S31)


def random_bits(seed: Any, step: Any) -> Any:
    """64 random bits (uint64) of a seed and a counter from 1."""
    return mix(seed + step * _GOLDEN)


def first_uniform(bits: Any) -> Any:
    """Uniform in (0, 1] from the upper 24 bits."""
    return (_f(_i(bits >> _S40)) + _HALF) * _STEP24


def second_uniform(bits: Any) -> Any:
    """Uniform in (0, 1] from the lower 24 bits."""
    return (_f(_i(bits & _LOW24)) + _HALF) * _STEP24


def cosine_of_turn(bits: Any) -> Any:
    """Cosine of a uniformly random angle, from the lower bits."""
    return sine_of_turns(np.abs(second_uniform(bits) - _HALF) - _QUARTER)


def normal(bits: Any) -> Any:
    """Standard normal deviate (Box & Muller 1958)."""
    return np.sqrt(log(first_uniform(bits)) * -_TWO) * cosine_of_turn(bits)


def student_2(bits: Any) -> Any:
    """Student-t deviate with two degrees of freedom, by the polar method (Bailey 1994); cut at :data:`LONGEST`."""
    t = np.sqrt((_ONE / first_uniform(bits) - _ONE) * _TWO) * cosine_of_turn(bits)
    return np.minimum(np.maximum(t, -LONGEST), LONGEST)


def student_4(bits: Any) -> Any:
    """Student-t deviate with four degrees of freedom, by the polar method (Bailey 1994); cut at :data:`LONGEST`."""
    t = np.sqrt((_ONE / np.sqrt(first_uniform(bits)) - _ONE) * _FOUR) * cosine_of_turn(bits)
    return np.minimum(np.maximum(t, -LONGEST), LONGEST)


#: What :mod:`hwpredict.performance.kernel` compiles.
COMPILED = (
    exp, log, sine_of_turns, mix, random_bits, first_uniform, second_uniform, cosine_of_turn, normal, student_2,
    student_4,
)  # fmt: skip
