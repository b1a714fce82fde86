"""Laws of arithmetic that keep every bit, at nan, inf and -0.0 too (which nan it is does not count)."""

# ruff: noqa: PLW0108, B002 - a law is written with its variables, as in print

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symgrad.dtypes import DType
from symgrad.ir.expr import Node, like, ops
from symgrad.rewrite.pattern import Constant, Law, Number, Var, p

__all__ = ["ARITHMETIC", "IDEMPOTENT", "POWERS"]

x, y, z = Var("x"), Var("y"), Var("z")
n, m = Var("n", "integer"), Var("m", "integer")
r = Var("r", "float")
a, b = Constant("a"), Constant("b")


def _is_power_of_two(value: float) -> bool:
    return math.isfinite(value) and math.frexp(abs(value))[0] == 0.5


def _fits(value: float, dtype: DType) -> bool:
    """Whether a floating element type holds the value exactly, and it is finite."""
    with np.errstate(over="ignore"):
        held = float(dtype.numpy.type(value))
    return held == value and math.isfinite(held)


def _wrapped(value: int, dtype: DType) -> int:
    """Return an integer as the element type holds it, modulo 2**bits."""
    half = 1 << (8 * dtype.itemsize - 1)
    return (value + half) % (2 * half) - half


def _rescaled(r: Node, a: float, b: float) -> Node | None:
    """``(r*a)*b = r*(a*b)``: no rounding differs where one factor is a power of two and nothing is scaled down.

    Scaling up by a power of two is exact, in subnormal numbers as well. Scaling afterwards is the same where the
    other factor is whole: then a subnormal product is exact too.
    """
    up_first = _is_power_of_two(a) and abs(a) >= 1 and abs(b) >= 1
    up_last = float(a).is_integer() and a != 0 and _is_power_of_two(b) and abs(b) >= 1
    if (up_first or up_last) and _fits(a * b, r.dtype):
        return r * (a * b)
    return None


def _times_reciprocal(r: Node, a: float) -> Node | None:
    if a == 0 or not _is_power_of_two(a) or not _fits(1.0 / a, r.dtype):
        return None
    return r * (1.0 / a)


ARITHMETIC = (
    Law("x + (-0) = x", x + Number(-0.0), lambda x: x),
    Law("n + 0 = n for integers", n + Number(0), lambda n: n),
    Law("x + x = 2 x", x + x, lambda x: x * 2),
    Law("x + (-y) = x - y", x + (-y), lambda x, y: x - y),
    Law("x + (-y) z = x - y z", x + (-y) * z, lambda x, y, z: x - y * z),
    Law("x + (-y) / z = x - y / z", x + (-y) / z, lambda x, y, z: x - y / z),
    Law("x + y / (-z) = x - y / z", x + y / (-z), lambda x, y, z: x - y / z),
    Law("x - 0 = x", x - Number(0.0), lambda x: x),
    Law("n - 0 = n for integers", n - Number(0), lambda n: n),
    Law("x - (-y) = x + y", x - (-y), lambda x, y: x + y),
    Law("x - (-y) z = x + y z", x - (-y) * z, lambda x, y, z: x + y * z),
    Law("x - y (-z) = x + y z", x - y * (-z), lambda x, y, z: x + y * z),
    Law("x - (-y) / z = x + y / z", x - (-y) / z, lambda x, y, z: x + y / z),
    Law("(-0) - x = -x", Number(-0.0) - x, lambda x: -x),
    Law("0 - n = -n for integers", Number(0) - n, lambda n: -n),
    Law("n - n = 0 for integers", n - n, lambda n: like(0, n)),
    Law("-(-x) = x", -(-x), lambda x: x),
    Law("-(n - m) = m - n for integers", -(n - m), lambda n, m: m - n),
    Law("-((-x) y) = x y", -((-x) * y), lambda x, y: x * y),
    Law("-((-x) / y) = x / y", -((-x) / y), lambda x, y: x / y),
    Law("-(x / (-y)) = x / y", -(x / (-y)), lambda x, y: x / y),
    Law("-(a r) = (-a) r", -(r * a), lambda r, a: r * -a),
    Law("-(r / a) = r / (-a)", -(r / a), lambda r, a: r / like(-a, r)),
    Law("-(a / r) = (-a) / r", -(a / r), lambda r, a: like(-a, r) / r),
    Law("x 1 = x", x * Number(1), lambda x: x),
    Law("x (-1) = -x", x * Number(-1), lambda x: -x),
    Law("n 0 = 0 for integers", n * Number(0), lambda n: like(0, n)),
    Law("(-x) (-y) = x y", (-x) * (-y), lambda x, y: x * y),
    Law("(-x) ((-y) z) = x (y z)", (-x) * ((-y) * z), lambda x, y, z: x * (y * z)),
    Law("(-r) a = r (-a)", (-r) * a, lambda r, a: r * -a),
    Law("(r a) b = r (a b) where that is exact", (r * a) * b, _rescaled),
    Law("(n a) b = n (a b) for integers", (n * a) * b, lambda n, a, b: n * _wrapped(a * b, n.dtype)),
    Law("(n + a) + b = n + (a + b) for integers", (n + a) + b, lambda n, a, b: n + _wrapped(a + b, n.dtype)),
    Law("x / 1 = x", x / Number(1), lambda x: x),
    Law("x / (-1) = -x", x / Number(-1), lambda x: -x),
    Law("(-x) / (-y) = x / y", (-x) / (-y), lambda x, y: x / y),
    Law("(-r) / a = r / (-a)", (-r) / a, lambda r, a: r / like(-a, r)),
    Law("a / (-r) = (-a) / r", a / (-r), lambda r, a: like(-a, r) / r),
    Law("r / 2**k = r 2**-k", r / a, _times_reciprocal),
)


def _when(attribute: str, value: Any, result: Any) -> Any:
    """Return a replacement that holds for one value of the matched node's attribute."""

    def replacement(x: Node, node: Node) -> Node | None:
        if node.attributes[attribute] != value:
            return None
        found: Node = result(x)
        return found

    return replacement


POWERS = (
    Law("x**0 = 1", p.integer_pow(x), _when("exponent", 0, lambda x: like(1, x))),
    Law("x**1 = x", p.integer_pow(x), _when("exponent", 1, lambda x: x)),
    Law("x**2 = x x", p.integer_pow(x), _when("exponent", 2, lambda x: x * x)),
    Law("x**(-1) = 1 / x", p.integer_pow(x), _when("exponent", -1, lambda x: 1.0 / x)),
    Law("pow(x, 0) = 1", p.pow(x, Number(0)), lambda x: like(1, x)),
    Law("pow(x, 1) = x", p.pow(x, Number(1)), lambda x: x),
    Law("pow(x, 2) = x x", p.pow(x, Number(2)), lambda x: x * x, more_accurate=True),
    Law("pow(x, -1) = 1 / x", p.pow(x, Number(-1)), lambda x: 1.0 / x, more_accurate=True),
)


def _whole() -> tuple[Law, ...]:
    kinds = ("floor", "ceil", "trunc", "round")
    laws = [(outer, inner) for outer in kinds for inner in kinds]
    return tuple(
        Law(f"{outer}({inner}(x)) = {inner}(x)", getattr(p, outer)(getattr(p, inner)(x).named("whole")), lambda whole: whole)
        for outer, inner in laws
    )


IDEMPOTENT = (
    Law("|(-x)| = |x|", p.abs(-x), lambda x: ops.abs(x)),
    Law("|(|x|)| = |x|", p.abs(p.abs(x).named("size")), lambda size: size),
    Law("|exp(x)| = exp(x)", p.abs(p.exp(x).named("size")), lambda size: size),
    Law("minimum(x, x) = x", p.minimum(x, x), lambda x: x),
    Law("maximum(x, x) = x", p.maximum(x, x), lambda x: x),
    *_whole(),
)
