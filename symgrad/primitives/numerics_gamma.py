"""The gamma function and its logarithmic derivatives over arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symgrad.primitives.numerics_error import chebyshev, elementwise, in_double
from symgrad.primitives.tables import DIGAMMA_TAIL, LGAMMA_CENTRE, STIRLING_TAIL, ZETA_TAIL

__all__ = ["FAR", "HALF_LOG_TWO_PI", "digamma", "gamma", "lgamma", "polygamma"]

Array = np.ndarray[Any, Any]

FAR = 10.0  # asymptotic series from here on
HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


def _gamma(x: float) -> float:
    try:
        return math.gamma(x)
    except OverflowError:
        return math.inf  # only above 171: below 0 the results underflow
    except ValueError:  # poles, where C returns nan but for the signed zeros
        return math.copysign(math.inf, x) if x == 0.0 else math.nan


gamma = elementwise(_gamma)


def _tail(coefficients: tuple[float, ...], square: Array) -> Array:
    """Return sum_k coefficients[k] * square**k, by Horner's scheme."""
    result = np.full_like(square, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result = result * square + c
    return result


def _lgamma_positive(x: Array) -> Array:
    inverse = 1.0 / x
    far = (x - 0.5) * (np.log(x) - 1.0) - 0.5 + HALF_LOG_TWO_PI + inverse * _tail(STIRLING_TAIL, inverse * inverse)
    whole = np.floor(np.clip(x, 2.0, FAR))
    product = np.ones_like(x)
    for k in range(1, int(FAR) - 1):
        product = np.where(k <= whole - 2.0, product * (x - k), product)
    near = np.clip(x - (whole - 2.0), 0.0, 3.0)
    small = x < 1.0
    left, right = np.where(small, x, near - 1.0), np.where(small, x - 1.0, near - 2.0)
    centre = left * right * chebyshev(LGAMMA_CENTRE, np.where(small, x + 1.0, near) - 2.0)
    moved = np.where(small, -1.0, 1.0) * np.log(np.where(small, x, product))
    return np.where(x >= FAR, far, centre + moved)


def _lgamma(x: Array) -> Array:
    negative = x < 0.0
    positive = _lgamma_positive(np.where(negative, 1.0 - x, x))
    apart = np.pi * (x - np.rint(x))
    reflected = np.log(np.pi / np.abs(np.sin(apart))) - positive
    result = np.where(negative, reflected, positive)
    pole = (x <= 0.0) & (x == np.rint(x))
    return np.where(pole | np.isinf(x), np.inf, result)


def _digamma(x: Array) -> Array:
    reflect = x < 0.0
    w = np.where(reflect, 1.0 - x, x)
    shift = np.zeros_like(w)
    for _ in range(int(FAR)):
        low = w < FAR
        shift = np.where(low, shift + 1.0 / w, shift)
        w = np.where(low, w + 1.0, w)
    inverse = 1.0 / w
    square = inverse * inverse
    result = np.log(w) - 0.5 * inverse - square * _tail(DIGAMMA_TAIL, square) - shift
    apart = np.pi * (x - np.rint(x))
    pole = np.where(x == 0.0, np.copysign(np.inf, -x), np.nan)
    return np.where((x <= 0.0) & (x == np.rint(x)), pole, np.where(reflect, result - np.pi / np.tan(apart), result))


def _zeta(s: int, a: Array) -> Array:
    """Return the Hurwitz zeta function for a >= 1/2: a sum, then Euler-Maclaurin (DLMF 25.11(iii))."""
    total = np.zeros_like(a)
    w = a
    for _ in range(int(FAR) + s):
        low = w < FAR + s
        total = np.where(low, total + np.power(w, -float(s)), total)
        w = np.where(low, w + 1.0, w)
    last = np.power(w, -float(s))
    factor = s * last / w
    tail = w * last / (s - 1.0) + 0.5 * last
    for k, b in enumerate(ZETA_TAIL):
        tail = tail + b * factor
        factor = factor * (s + 2.0 * k + 1.0) * (s + 2.0 * k + 2.0) / (w * w)
    return total + tail


def _polygamma(x: Array, *, order: int) -> Array:
    s = order + 1
    scale = math.gamma(s) if s <= 171 else math.inf
    scale = -scale if s % 2 else scale
    negative = x < 0.5
    # below 1/2 the sum over all integers, less the half that does not belong to it
    near = x - np.rint(x)
    sign = -1.0 if s % 2 else 1.0
    inside = np.where(negative, near, 0.0)
    both = np.power(near, -float(s)) + _zeta(s, 1.0 + inside) + sign * _zeta(s, 1.0 - inside)
    other = _zeta(s, np.where(negative, 1.0 - x, x))
    value = np.where(negative, both - sign * other, other)
    return scale * np.where(x == np.inf, 0.0, value)


digamma = in_double(_digamma)
lgamma = in_double(_lgamma)
polygamma = in_double(_polygamma)
