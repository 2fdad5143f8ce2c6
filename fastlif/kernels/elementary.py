"""Elementary functions with the same bits on every processor: exp, expm1, log and log1p.

The functions of NumPy and of the C library round differently from one processor or version to the
next. These use operations that IEEE 754 rounds exactly and nothing else: + - * /, comparisons and
shifts of bits. Each is one body without branches, which takes arrays and numbers in Python, and
float64 scalars inside compiled kernels, where a loop over it vectorises.

The value is computed as an unevaluated sum of float64 numbers with a relative error below
2**-100, and that sum is rounded once. A result is therefore correctly rounded unless the exact one
lies within 2**-100, relatively, of the middle of two float64 numbers. Arguments so small that the
second term of the series decides are the only systematic cases of this, and are rounded correctly
too. No invalid operation, overflow, division by zero or underflow is signalled.

References
----------
.. [1] T. J. Dekker, "A floating-point technique for extending the available precision",
   Numerische Mathematik 18, 1971.
.. [2] D. E. Knuth, "The Art of Computer Programming", volume 2, section 4.2.2.
.. [3] P. T. P. Tang, "Table-driven implementation of the exponential function in IEEE
   floating-point arithmetic", ACM TOMS 15, 1989: the reduction of the argument.
.. [4] Sun Microsystems, fdlibm, 1993: the form of the logarithm that keeps f exact.
.. [5] S. Boldo and G. Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms
   using rounding to odd", IEEE Transactions on Computers 57, 2008.
"""

from math import factorial

import numpy as np
from numba import types
from numba.extending import overload

from fastlif.kernels.jit import inlined, reinterpreted

__all__ = ["exp", "expm1", "log", "log1p"]


# Python divides whole numbers with one rounding, which is all that the constants below need.


def _pair(numerator, denominator):
    """Split a fraction into two float64 numbers."""
    high = numerator / denominator
    n, d = high.as_integer_ratio()
    return high, (numerator * d - n * denominator) / (denominator * d)


def _nearest(numerator, denominator):
    return (2 * numerator + denominator) // (2 * denominator)


# log(2) = _LN2/_UNIT.
_LN2 = 693147180559945309417232121458176568075500134360255254120680009493393621969694
_UNIT = 10**78
# 42 bits, the next 42 and the rest: the first two times a whole number below 2**11 are exact.
_FIRST = _nearest(_LN2 << 42, _UNIT)
_NEXT = _nearest((_LN2 << 84) - (_FIRST << 42) * _UNIT, _UNIT)
_LN2_HIGH, _LN2_MIDDLE = _FIRST / 2**42, _NEXT / 2**84
_LN2_LOW = ((_LN2 << 84) - ((_FIRST << 42) + _NEXT) * _UNIT) / (_UNIT << 84)
_LOG2_E = _UNIT / _LN2

# exp(r) = 1 + r + r**2*(1/2! + r/3! + ...), |r| < 0.35, and log(1 + f) = 2*s + s*R(s**2) with
# s = f/(2 + f), |s| < 0.172, R(z) = z*(2/3 + 2/5*z + ...). From the highest power down: the terms
# below 2**-49 of the sum need one number each, the others two.
_EXP_TAIL = tuple(1 / factorial(n) for n in range(23, 12, -1))
_EXP_HEAD = tuple(_pair(1, factorial(n)) for n in range(12, 1, -1))
_LOG_TAIL = tuple(2 / (2 * n + 1) for n in range(21, 8, -1))
_LOG_HEAD = tuple(_pair(2, 2 * n + 1) for n in range(8, 0, -1))

_SHIFT = 1.5 * 2.0**52  # x + _SHIFT is rounded to a whole number, held in the lowest bits
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_LARGEST = float.fromhex("0x1.62e42fefa39efp+9")  # exp of the next number is infinite
_SMALLEST = float.fromhex("-0x1.74910d52d3051p+9")  # exp of the next number below rounds to 0
_SUBNORMAL = float.fromhex("-0x1.6232bdd7abcd2p+9")  # exp of the numbers below is under 2**-1022
_TINY = 2.0**-54  # expm1(x) = log1p(x) = x and exp(x) = 1 below


def _select(condition, yes, no):
    return np.where(condition, yes, no)[()]  # not an array without axes


@overload(_select)
def _select_scalar(condition, yes, no):  # np.where of scalars makes an array in numba
    return lambda condition, yes, no: yes if condition else no


def _bits(x):
    """Return the bits of a float64 as an integer."""
    return x.view(np.int64)


def _number(bits):
    """Return the float64 with these bits."""
    return bits.view(np.float64)


@overload(_bits)
def _overload_bits(x):
    return lambda x: reinterpreted(x, types.int64)


@overload(_number)
def _overload_number(bits):
    return lambda bits: reinterpreted(bits, types.float64)


@inlined
def _sum(a, b):
    """Return a + b rounded, and its rounding error [2]_."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@inlined
def _half(a):
    """Return the leading 26 bits of a [1]_."""
    t = a * (2.0**27 + 1.0)
    return t - (t - a)


@inlined
def _product(a, b):
    """Multiply two pairs."""
    p = a[0] * b[0]
    a1, b1 = _half(a[0]), _half(b[0])
    a2, b2 = a[0] - a1, b[0] - b1
    error = ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2  # of p, exactly [1]_
    return p, error + (a[0] * b[1] + a[1] * b[0])


@inlined
def _plus(a, b):
    """Add two pairs, the first the larger one."""
    s = a[0] + b[0]
    return s, (b[0] - (s - a[0])) + (a[1] + b[1])


@inlined
def _series(x, tail, head):
    """Evaluate a polynomial in the pair x by Horner's rule."""
    t = x[0] * 0.0
    for c in tail:
        t = t * x[0] + c
    p = (t, t * 0.0)
    for c in head:
        p = _plus(c, _product(x, p))
    return p


@inlined
def _power(k):
    """Return 2**k for whole -1022 <= k <= 1023, written into the exponent's bits."""
    return _number(_bits(k + (_SHIFT + 1023.0)) << 52)


@inlined
def _rounded(a, b, c, x, q):
    """Return a + b + c + x + q rounded once; x and q are pairs, the largest of a, x comes first."""
    s, t = _sum(a, x[0])
    t, v = _sum(b, t)
    t, w = _sum(t, q[0])
    t, w = _sum(t, (v + w) + ((x[1] + q[1]) + c))
    # Three numbers s + t + w are rounded once if the small ones are rounded to odd first [5]_.
    s, t = _sum(s, t)
    t, error = _sum(t, w)
    bits = _bits(t)
    step = _select(error * t > 0.0, 1, -1)
    bits = bits + _select((error == 0.0) | ((bits & 1) == 1), 0, step)
    return s + _number(bits)


@inlined
def _exponential(x):
    """Return k, r and q such that exp(x) = 2**k*(1 + r + q) with pairs r and q."""
    k = (x * _LOG2_E + _SHIFT) - _SHIFT
    high, low = _sum(x - k * _LN2_HIGH, -k * _LN2_MIDDLE)
    r = high, low - k * _LN2_LOW
    return k, r, _product(_product(r, r), _series(r, _EXP_TAIL, _EXP_HEAD))


@inlined
def _scaled(y, k):
    """Return y*2**k, exact, where 2**k itself may be out of range."""
    half = (k * 0.5 + _SHIFT) - _SHIFT
    return (y * _power(half)) * _power(k - half)


@inlined
def exp(x):
    """Return the exponential of x."""
    x = np.float64(x)
    # Results below 1.5*2**-1074 are known without computing, so that k >= -1074.
    inside = _select(x > -744.5, _select(x < _LARGEST, x, _LARGEST), -744.5)
    inside = _select(np.abs(x) < _TINY, 0.0, inside)
    k, r, q = _exponential(inside)
    # A subnormal result has fewer bits: next to this number the sum is rounded to just those.
    grid = _select(inside < _SUBNORMAL, _power(-1022.0 - _select(k < -1000.0, k, -1000.0)), 0.0)
    y = _scaled(_rounded(1.0 + grid, 0.0, 0.0, r, q) - grid, k)
    y = _select(x > _LARGEST, np.inf, _select(x < _SMALLEST, 0.0, y))
    return _select(x == x, y, x)


@inlined
def expm1(x):
    """Return exp(x) - 1, accurate near x = 0."""
    x = np.float64(x)
    inside = _select(x > -40.0, _select(x < _LARGEST, x, _LARGEST), -40.0)
    inside = _select(np.abs(x) < _TINY, 0.0, inside)
    k, r, q = _exponential(inside)
    a, b = _sum(1.0, -_power(-_select(k < 200.0, k, 200.0)))
    y = _scaled(_rounded(a, b, 0.0, r, q), k)
    y = _select(x > _LARGEST, np.inf, y)
    return _select((np.abs(x) < _TINY) | (x != x), x, y)


@inlined
def _exponent(x):
    """Return the whole k such that x/2**k is between the roots of 1/2 and 2, for a normal x."""
    return np.float64((_bits(x) - _SQRT_HALF_BITS) >> 52)


@inlined
def _logarithm(k, f):
    """Return k*log(2) + log(1 + f) for a pair f, rounded once."""
    d = _sum(2.0, f[0])
    d = d[0], d[1] + f[1]
    high = f[0] / d[0]
    p = _product((high, 0.0), d)
    s = high, (((f[0] - p[0]) - p[1]) + f[1]) / d[0]
    z = _product(s, s)
    half = _product((0.5 * f[0], 0.5 * f[1]), f)
    # log(1 + f) = f - f**2/2 + s*(f**2/2 + R(s**2))
    q = _product(s, _plus(half, _product(z, _series(z, _LOG_TAIL, _LOG_HEAD))))
    q = _plus((-half[0], -half[1]), q)
    return _rounded(k * _LN2_HIGH, k * _LN2_MIDDLE, k * _LN2_LOW, f, q)


@inlined
def log(x):
    """Return the natural logarithm of x."""
    x = np.float64(x)
    inside = _select((x > 0.0) & (x < np.inf), x, 1.0)
    subnormal = inside < 2.0**-1022
    inside = inside * _select(subnormal, 2.0**54, 1.0)
    k = _exponent(inside)
    f = _scaled(inside, -k) - 1.0
    y = _logarithm(k - _select(subnormal, 54.0, 0.0), (f, 0.0))
    y = _select(x < np.inf, y, np.inf)
    y = _select(x > 0.0, y, _select(x == 0.0, -np.inf, np.nan))
    return _select(x == x, y, x)


@inlined
def log1p(x):
    """Return log(1 + x), accurate near x = 0."""
    x = np.float64(x)
    inside = _select((x > -1.0) & (x < np.inf), x, 0.0)
    inside = _select(np.abs(x) < _TINY, 0.0, inside)
    high, low = _sum(1.0, inside)
    k = _exponent(high)
    # Far from 1 the low part does not matter, but must not be scaled out of range.
    low = low * _power(-_select(k < 200.0, k, 200.0))
    y = _logarithm(k, _sum(_scaled(high, -k) - 1.0, low))
    y = _select(x < np.inf, y, np.inf)
    y = _select(x > -1.0, y, _select(x == -1.0, -np.inf, np.nan))
    return _select((np.abs(x) < _TINY) | (x != x), x, y)
