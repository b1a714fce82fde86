"""SymPy's numbers as the nearest doubles, and doubles as the SymPy numbers people write."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from typing import Any

from symgrad.symbolic.refusals import refuse

__all__ = ["as_sympy", "nearest"]

_DIGITS = 40
_DENOMINATORS = 12  # of the multiples of pi that are recognised


def nearest(expr: Any) -> float:
    """Return the double nearest to a SymPy expression without symbols.

    Raises
    ------
    TraceError
        When it is complex, or too large for a double.
    """
    import sympy

    value = expr if expr.is_Number or expr.is_infinite else expr.evalf(_DIGITS)
    if value.is_Rational:
        try:
            return int(value.p) / int(value.q)  # Python divides integers with one correct rounding
        except OverflowError:
            refuse(expr, "it is too large for float64")
    if value.is_Float:
        return _rounded(value)
    if value in (sympy.oo, -sympy.oo):
        return math.copysign(math.inf, 1 if value == sympy.oo else -1)
    if value is sympy.nan:
        return math.nan
    if value is sympy.zoo:
        return refuse(expr, "it divides by zero")
    if value.is_number and not value.is_real:
        refuse(expr, "it is complex, and arguments and results are real; separate real and imaginary parts first")
    return refuse(expr, "it has no numerical value")


def _rounded(value: Any) -> float:
    sign, mantissa, exponent, _ = value._mpf_
    whole = int(mantissa)
    if not whole:  # 0, inf and nan are written with a mantissa of 0
        return float(value)
    try:
        size = float(whole << exponent) if exponent >= 0 else whole / (1 << -exponent)
    except OverflowError:
        size = math.inf
    return -size if sign else size


def as_sympy(value: float) -> Any:
    """Return a number of a graph as SymPy writes it: whole numbers, short dyadic fractions and multiples of pi exactly."""
    import sympy

    if isinstance(value, bool):
        return sympy.true if value else sympy.false
    if isinstance(value, int):
        return sympy.Integer(value)
    if math.isnan(value):
        return sympy.nan
    if math.isinf(value):
        return sympy.oo if value > 0 else -sympy.oo
    if value.is_integer() and abs(value) < 2**53:
        return sympy.Integer(int(value))
    numerator, denominator = value.as_integer_ratio()
    if denominator <= 64 and abs(numerator) <= 4096:
        return sympy.Rational(numerator, denominator)
    return _multiple_of_pi(value) or sympy.Float(value, 17)


@cache
def _multiple_of_pi(value: float) -> Any:
    import sympy

    if not 0.2 < abs(value) < 100:
        return None
    ratio = Fraction(value / math.pi).limit_denominator(_DENOMINATORS)
    found = sympy.Rational(ratio.numerator, ratio.denominator) * sympy.pi
    return found if ratio and nearest(found) == value else None
