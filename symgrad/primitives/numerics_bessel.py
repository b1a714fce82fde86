"""Bessel functions of integer order, and the derivatives of sin(x)/x, over arrays.

Sources: DLMF 10.17 and 10.40 (asymptotic expansions), 10.25.2 (power series), 3.6(iii) and 10.74(iv) (Miller's backward
recurrence), 10.12.4 (its normalisation), 10.8.2 in the form of a Neumann series, Abramowitz and Stegun 9.1.89.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from symgrad.primitives.numerics_error import in_double

__all__ = ["bessel_i", "bessel_j", "bessel_y", "sinc"]

Array = np.ndarray[Any, Any]

_ASYMPTOTIC = 25.0  # the smallest term of the expansion is below exp(-2x)
_HUGE = 1e200
_EULER = 0.5772156649015329


class _Low(NamedTuple):
    """J_0, J_1, J_n and the two Neumann sums from one backward recurrence."""

    j0: Array
    j1: Array
    jn: Array
    sum0: Array
    sum1: Array


def _backward(order: int, x: Array) -> _Low:
    """Return values for 0 < x <= max(25, order), by recurring downwards from an order where J is negligible."""
    top = max(order, _ASYMPTOTIC)
    start = 2 * (int(top + 20.0 + 6.0 * math.sqrt(top)) // 2)
    upper, here = np.zeros_like(x), np.full_like(x, 1e-200)
    total, sum0, sum1, jn = (np.zeros_like(x) for _ in range(4))
    for k in range(start, 0, -1):  # here is J_k but for a factor
        if k == order:
            jn = here
        if k % 2 == 0:
            total = total + 2.0 * here
            sum0 = sum0 + (-1.0) ** (k // 2) * here / (k // 2)
        else:  # J_k appears in the sum's terms (k+1)/2, with +, and (k-1)/2, with -
            half = (k + 1) // 2
            weight = (-1.0) ** half / half - ((-1.0) ** (half - 1) / (half - 1) if half > 1 else 0.0)
            sum1 = sum1 + weight * here
        upper, here = here, 2.0 * k / x * here - upper
        large = np.abs(here) > _HUGE
        if large.any():
            shrink = np.where(large, 1.0 / _HUGE, 1.0)
            upper, here, total, sum0, sum1, jn = (v * shrink for v in (upper, here, total, sum0, sum1, jn))
    scale = 1.0 / (total + here)
    jn = here if order == 0 else jn
    return _Low(here * scale, upper * scale, jn * scale, sum0 * scale, sum1 * scale)


def _low_y(order: int, x: Array) -> tuple[Array, Array]:
    low = _backward(0, x)
    logarithm = np.log(0.5 * x) + _EULER
    y0 = 2.0 / np.pi * logarithm * low.j0 - 4.0 / np.pi * low.sum0
    y1 = 2.0 / np.pi * (logarithm * low.j1 - low.j0 / x + low.sum1)
    return y0, y1


def _amplitudes(order: int, x: Array) -> tuple[Array, Array]:
    """Return P and Q of Hankel's expansion for order 0 or 1 (DLMF 10.17.3)."""
    mu = 4.0 * order * order
    term, p, q = np.ones_like(x), np.ones_like(x), np.zeros_like(x)
    for k in range(1, 31):
        following = term * ((mu - (2.0 * k - 1.0) ** 2) / (8.0 * k)) / x
        term = np.where(np.abs(following) < np.abs(term), following, 0.0)
        sign = -1.0 if k % 4 in (2, 3) else 1.0
        if k % 2:
            q = q + sign * term
        else:
            p = p + sign * term
    return p, q


def _hankel(order: int, x: Array) -> tuple[Array, Array]:
    """Return J and Y of order 0 or 1 for x >= 25; the phase is taken apart so that x is never rounded."""
    p, q = _amplitudes(order, x)
    sine, cosine = np.sin(x), np.cos(x)
    plus, minus = sine + cosine, sine - cosine
    cos_phase, sin_phase = (plus, minus) if order == 0 else (minus, -plus)
    scale = 1.0 / np.sqrt(np.pi * x)
    return scale * (p * cos_phase - q * sin_phase), scale * (p * sin_phase + q * cos_phase)


def _upward(order: int, x: Array, first: Array, second: Array) -> Array:
    """Return the function of ``order`` from those of orders 0 and 1, by recurring upwards (DLMF 10.6.1)."""
    if order == 0:
        return first
    for k in range(1, order):
        first, second = second, 2.0 * k / x * second - first
    return second


def _bessel_j(x: Array, *, order: int) -> Array:
    n = abs(order)
    size = np.abs(x)
    low = np.clip(size, 1e-150, max(_ASYMPTOTIC, float(n)))
    high = np.maximum(size, _ASYMPTOTIC)
    by_recurrence = _upward(n, high, _hankel(0, high)[0], _hankel(1, high)[0])
    value = np.where(size <= max(_ASYMPTOTIC, n), _backward(n, low).jn, by_recurrence)
    value = np.where(size < 1e-100, _leading_power(n, size), value)
    value = np.where(np.isinf(x), 0.0, np.where(np.isnan(x), np.nan, value))
    odd = -1.0 if n % 2 else 1.0
    return value * np.where(np.signbit(x), odd, 1.0) * (odd if order < 0 else 1.0)


def _leading_power(n: int, x: Array) -> Array:
    """Return (x/2)**n / n!, all that counts of J_n and I_n near 0."""
    result = np.ones_like(x)
    for k in range(1, n + 1):
        result = result * (0.5 * x / k)
    return result


def _bessel_y(x: Array, *, order: int) -> Array:
    n = abs(order)
    low = np.clip(x, 5e-324, _ASYMPTOTIC)
    high = np.maximum(x, _ASYMPTOTIC)
    y0, y1 = _low_y(n, np.maximum(low, 1e-150))
    y0 = np.where(low < 1e-100, 2.0 / np.pi * (np.log(0.5 * low) + _EULER), y0)
    y1 = np.where(low < 1e-100, -2.0 / (np.pi * low), y1)
    value = np.where(x <= _ASYMPTOTIC, _upward(n, low, y0, y1), _upward(n, high, _hankel(0, high)[1], _hankel(1, high)[1]))
    value = np.where(np.isnan(value) & (x > 0.0) & (x < 1.0), -np.inf, value)  # inf - inf on the way up
    value = np.where(x == 0.0, -np.inf, np.where(x == np.inf, 0.0, np.where((x < 0.0) | np.isnan(x), np.nan, value)))
    return value * (-1.0 if order < 0 and n % 2 else 1.0)


# Modified functions: all terms are positive, so a power series loses nothing


def asymptotic_from(order: int) -> float:
    """Return where the expansion of I for large arguments takes over from the power series."""
    return max(30.0, 0.5 * order * order)


def _bessel_i_series(n: int, x: Array) -> Array:
    quarter = 0.25 * x * x
    term = total = np.ones_like(x)
    k = 0
    while k == 0 or bool((term > total * 1e-17).any()):
        k += 1
        term = term * (quarter / (k * (k + float(n))))
        total = total + term
    return total * _leading_power(n, x)


def _bessel_i_asymptotic(n: int, x: Array) -> Array:
    term = total = np.ones_like(x)
    for k in range(1, 61):
        following = term * (((2.0 * k - 1.0) ** 2 - 4.0 * n * n) / (8.0 * k)) / x
        term = np.where((k <= n) | (np.abs(following) < np.abs(term)), following, 0.0)
        total = total + term
    half = np.exp(0.5 * x)  # in two factors: exp(x) overflows before I_n(x) does
    return half * (total / np.sqrt(2.0 * np.pi * x)) * half


def _bessel_i(x: Array, *, order: int) -> Array:
    n = abs(order)
    size = np.abs(x)
    bound = asymptotic_from(n)
    near = _bessel_i_series(n, np.minimum(np.where(np.isnan(x), 0.0, size), bound))
    far = _bessel_i_asymptotic(n, np.maximum(size, bound))
    value = np.where(size <= bound, near, np.where(np.isinf(x), np.inf, far))
    odd = -1.0 if n % 2 else 1.0
    return np.where(np.isnan(x), np.nan, value * np.where(np.signbit(x), odd, 1.0))


# Derivatives of sin(x)/x: x f(n) + n f(n-1) = sin(x + n pi/2), upwards for |x| > n, downwards else


def _sinc(x: Array, *, order: int) -> Array:
    size = np.abs(x)
    finite = np.where(np.isinf(x), 0.0, x)
    circle = (np.sin(finite), np.cos(finite))
    forcing = (circle[0], circle[1], -circle[0], -circle[1])
    upward = size > max(order, 1)
    divisor = np.where(upward, x, 1.0)
    up = forcing[0] / divisor
    for n in range(1, order + 1):
        up = (forcing[n % 4] - n * up) / divisor
    inner = np.where(upward, 0.0, x)
    start = order + 25 + 3 * int(math.sqrt(20.0 * order))
    down = np.zeros_like(x)
    for n in range(start, order, -1):
        down = (forcing[n % 4] - inner * down) / n
    return np.where(np.isinf(x), 0.0, np.where(upward, up, down))


bessel_i = in_double(_bessel_i)
bessel_j = in_double(_bessel_j)
bessel_y = in_double(_bessel_y)
sinc = in_double(_sinc)
