"""The error function, its complement and its inverse over arrays, and Chebyshev series."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.primitives.tables import ERFINV_CENTRE, ERFINV_MIDDLE, ERFINV_TAIL

__all__ = ["chebyshev", "elementwise", "erf", "erfc", "erfinv", "in_double"]

Array = np.ndarray[Any, Any]


def in_double(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return ``function`` computing in float64 and rounding to the argument's own element type."""

    def rounded(x: Any, **attributes: int) -> Array:
        given = np.asarray(x)
        return np.asarray(function(given.astype(np.float64), **attributes)).astype(given.dtype)

    return rounded


def elementwise(function: Callable[[float], float]) -> Callable[..., Array]:
    """Return a scalar function of the standard library over arrays."""

    def over(x: Array) -> Array:
        return np.fromiter(map(function, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)

    return in_double(over)


erf = elementwise(math.erf)
erfc = elementwise(math.erfc)


def chebyshev(coefficients: Sequence[float], t: Array) -> Array:
    """Return the sum of c_k T_k(t), by Clenshaw's recurrence (DLMF 3.11.15)."""
    twice = t + t
    later = latest = np.zeros_like(t)
    for c in reversed(coefficients[1:]):
        later, latest = latest, twice * latest - later + c
    return t * latest - later + coefficients[0]


def _erfinv(x: Array) -> Array:
    w = -np.log((1.0 - x) * (1.0 + x))
    s = np.sqrt(w)
    centre = chebyshev(ERFINV_CENTRE, np.minimum(w, 6.25) / 3.125 - 1.0)
    middle = chebyshev(ERFINV_MIDDLE, (np.minimum(s, 4.0) - 3.25) / 0.75)
    tail = chebyshev(ERFINV_TAIL, (np.minimum(s, 6.25) - 5.125) / 1.125)
    ratio = np.where(w <= 6.25, centre, np.where(s <= 4.0, middle, tail))
    return np.where(np.abs(x) == 1.0, x * np.inf, np.where(np.isnan(w), np.nan, x * ratio))


erfinv = in_double(_erfinv)
