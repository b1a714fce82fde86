"""Sums, products, quotients, powers, remainders and rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.ir.expr import Node, like, ops
from symgrad.ir.kinds import Bilinear, ByType, Expand, Expression, Infix, Over, Partials, Prefix, Scalar, Zero
from symgrad.ir.types import TensorType
from symgrad.primitives.rules import (
    Types,
    broadcast,
    floating,
    numeric,
    primitive,
    refuse_dtype,
    refuse_shape,
    sympy_module,
    unary,
)
from symgrad.primitives.samples import number, real, sample

__all__ = ["SMALL_EXPONENT"]

SMALL_EXPONENT = 8  # products by squaring up to here, the library's pow beyond

_SIGNED = (-1.0, -0.0, 0.0, 1.0)


def _product(ct: Node, x: Node, y: Node, *, index: int) -> Node:
    return ct * (x, y)[1 - index]


add = primitive(
    "add",
    broadcast(numeric),
    np.add,
    Partials(1.0, 1.0),
    Infix("+", 12),
    sympy=lambda x, y: x + y,
    samples=(sample(number(also=_SIGNED), number(also=_SIGNED)),),
    ulp=0.0,
    doc="x + y.",
)
sub = primitive(
    "sub",
    broadcast(numeric),
    np.subtract,
    Partials(1.0, -1.0),
    Infix("-", 12),
    sympy=lambda x, y: x - y,
    samples=(sample(number(also=_SIGNED), number(also=_SIGNED)),),
    ulp=0.0,
    doc="x - y.",
)
mul = primitive(
    "mul",
    broadcast(numeric),
    np.multiply,
    Bilinear(_product),
    Infix("*", 13),
    sympy=lambda x, y: x * y,
    samples=(sample(number(also=_SIGNED), number(also=_SIGNED)),),
    ulp=0.0,
    doc="x y.",
)
div = primitive(
    "div",
    broadcast(floating),
    np.true_divide,
    Partials(lambda x, y, out: Over(y), lambda x, y, out: -(out / y)),
    Infix("/", 13),
    sympy=lambda x, y: x / y,
    samples=(sample(real(also=_SIGNED), real(0.5, 4.0, also=(1.0,))), sample(real(), real(-4.0, -0.5))),
    ulp=0.0,
    doc="x / y in floating point, IEEE at y = 0. Integers are refused: cast, or use floor_divide.",
)
neg = primitive(
    "neg",
    unary(numeric),
    np.negative,
    Partials(-1.0),
    Prefix("-"),
    sympy=lambda x: -x,
    samples=(sample(number(also=_SIGNED)),),
    ulp=0.0,
    doc="-x.",
)


# Integer powers


def power_by_squaring(x: Any, exponent: int) -> Any:
    """Return ``x**exponent`` for ``exponent >= 1``, of nodes or arrays alike, in a fixed order of products."""
    result = None
    while True:
        if exponent & 1:
            result = x if result is None else result * x
        exponent >>= 1
        if not exponent:
            return result
        x = x * x


def _integer_pow_type(name: str, types: Types, *, exponent: int) -> TensorType:
    (given,) = types
    if given.dtype.category not in numeric:
        refuse_dtype(name, numeric, types)
    if exponent < 0 and not given.dtype.is_floating:
        refuse_shape(f"{name}: an integer has no power {exponent}; cast it to a floating type first, got {given}")
    return given


def _integer_pow_value(x: Any, *, exponent: int) -> Any:
    if exponent == 0:
        return np.ones_like(x)
    if abs(exponent) > SMALL_EXPONENT and np.issubdtype(x.dtype, np.floating):
        return np.power(x, x.dtype.type(exponent))
    result = power_by_squaring(x, abs(exponent))
    return 1.0 / result if exponent < 0 else result


def _integer_pow_products(x: Node, *, exponent: int) -> Node:
    if exponent == 0:
        return ops.broadcast_to(like(1, x), shape=x.shape)
    if abs(exponent) > SMALL_EXPONENT and x.dtype.is_floating:
        return ops.pow(x, like(exponent, x))
    result: Node = power_by_squaring(x, abs(exponent))
    return 1.0 / result if exponent < 0 else result


def _integer_pow_partial(x: Node, out: Node, *, exponent: int) -> Node | float:
    if exponent in (0, 1):
        return float(exponent)
    if exponent == 2:
        return x * 2.0
    return ops.integer_pow(x, exponent=exponent - 1) * float(exponent)


integer_pow = primitive(
    "integer_pow",
    _integer_pow_type,
    _integer_pow_value,
    Partials(_integer_pow_partial),
    Expand(_integer_pow_products),
    sympy=lambda x, exponent: x**exponent,
    samples=(
        *(sample(number(-3.0, 3.0, also=_SIGNED), exponent=n) for n in (0, 1, 2, 3, 5, 8, 11)),
        *(sample(real(0.5, 3.0, also=(1.0,)), exponent=n) for n in (-1, -2, -3, -9)),
    ),
    ulp=2.0,
    ulp_reason="beyond |exponent| = 8 both call a library's pow, each within 1 ulp",
    doc="x**exponent for an integer exponent; x**0 = 1 everywhere. By repeated squaring for |exponent| <= 8, 1/x**|n| for n < 0.",
)


def _pow_base(x: Node, y: Node, out: Node) -> Node:
    return ops.where(ops.eq(y, like(0.0, y)), like(0.0, y), y * ops.pow(x, y - 1.0))


def _pow_exponent(x: Node, y: Node, out: Node) -> Node:
    zero = like(0.0, x)
    vanishes = ops.logical_and(ops.eq(x, zero), ops.ge(y, zero))
    return ops.where(vanishes, zero, out * ops.log(x))


pow_ = primitive(
    "pow",
    broadcast(floating),
    np.power,
    Partials(_pow_base, _pow_exponent),
    Scalar("pow"),
    sympy=lambda x, y: x**y,
    samples=(sample(real(0.25, 3.0, also=(1.0,)), real(-2.5, 2.5, also=(0.0, 1.0, 2.0))),),
    ulp=2.0,
    ulp_reason="two libraries' pow, each within 1 ulp",
    doc="x**y as C's pow. d/dx = y x**(y-1), 0 where y = 0; d/dy = out log(x), 0 where x = 0 and y >= 0.",
)


# Quotients and remainders of whole numbers


def _copied_zero(y: Node) -> Node:
    return ops.where(y < 0.0, like(-0.0, y), like(0.0, y))


def _remainder_floating(x: Node, y: Node) -> Node:
    rest = ops.fmod(x, y)
    zero = like(0.0, x)
    other_sign = ops.ne(rest < 0.0, y < 0.0)
    return ops.where(ops.ne(rest, zero), ops.where(other_sign, rest + y, rest), _copied_zero(y))


def _floor_divide_floating(x: Node, y: Node) -> Node:
    rest = ops.fmod(x, y)
    zero = like(0.0, x)
    quotient = (x - rest) / y
    lowered = ops.where(ops.logical_and(ops.ne(rest, zero), ops.ne(rest < 0.0, y < 0.0)), quotient - 1.0, quotient)
    below = ops.floor(lowered)
    whole = ops.where(lowered - below > 0.5, below + 1.0, below)
    exact = x / y
    return ops.where(ops.eq(y, zero), exact, ops.where(ops.ne(lowered, zero), whole, exact * 0.0))


_FMOD_INTEGER = Expression("{1} == 0 || {1} == -1 ? 0 : {0} % {1}")
_REMAINDER_INTEGER = Expression(
    "{1} == 0 || {1} == -1 ? 0 : {0} % {1} != 0 && ({0} % {1} < 0) != ({1} < 0) ? {0} % {1} + {1} : {0} % {1}"
)
_FLOOR_DIVIDE_INTEGER = Expression(
    "{1} == 0 ? 0 : {1} == -1 ? ({c})(0 - ({u}){0}) : {0} / {1} - ({0} % {1} != 0 && ({0} < 0) != ({1} < 0))"
)
_DIVISORS = (sample(number(-9.0, 9.0), number(1.0, 4.0)), sample(number(-9.0, 9.0), number(-4.0, -1.0)))

fmod = primitive(
    "fmod",
    broadcast(numeric),
    np.fmod,
    Partials(1.0, lambda x, y, out: -ops.trunc(x / y)),
    ByType(Scalar("fmod"), _FMOD_INTEGER),
    sympy=lambda x, y: x - y * sympy_module().sign(x / y) * sympy_module().floor(sympy_module().Abs(x / y)),
    samples=_DIVISORS,
    ulp=0.0,
    doc="Remainder with the sign of x, as C's fmod; an integer remainder by 0 is 0. d/dx = 1, d/dy = -trunc(x/y).",
)
remainder = primitive(
    "remainder",
    broadcast(numeric),
    np.remainder,
    Partials(1.0, lambda x, y, out: -ops.floor(x / y)),
    ByType(Expand(_remainder_floating), _REMAINDER_INTEGER),
    sympy=lambda x, y: x - y * sympy_module().floor(x / y),
    samples=_DIVISORS,
    ulp=0.0,
    doc="Remainder with the sign of y, as Python's %; an integer remainder by 0 is 0. d/dx = 1, d/dy = -floor(x/y).",
)
floor_divide = primitive(
    "floor_divide",
    broadcast(numeric),
    np.floor_divide,
    Zero(),
    ByType(Expand(_floor_divide_floating), _FLOOR_DIVIDE_INTEGER),
    sympy=lambda x, y: sympy_module().floor(x / y),
    samples=_DIVISORS,
    ulp=0.0,
    doc="floor(x / y), consistent with remainder as in Python; by 0: x / 0 in floating point, 0 for integers.",
)


# Magnitude, sign and rounding

abs_ = primitive(
    "abs",
    unary(numeric),
    np.abs,
    Partials(lambda x, out: ops.sign(x)),
    ByType(Scalar("fabs"), Expression("{0} < 0 ? ({c})(0 - ({u}){0}) : {0}")),
    sympy="Abs",
    samples=(sample(number(also=_SIGNED)),),
    ulp=0.0,
    doc="|x|; the derivative at 0 is 0.",
)
sign = primitive(
    "sign",
    unary(numeric),
    np.sign,
    Zero(),
    ByType(
        Expression("{0} > 0 ? 1 : {0} < 0 ? -1 : {0} == 0 ? 0 : {0}"),
        Expression("({0} > 0) - ({0} < 0)"),
    ),
    sympy="sign",
    samples=(sample(number(also=_SIGNED)),),
    ulp=0.0,
    doc="-1, 0 or 1; nan at nan. The derivative is 0 everywhere.",
)

_HALVES = (-2.5, -1.5, -0.5, -0.0, 0.0, 0.5, 1.5, 2.5)
for _name, _numpy, _c, _law in (
    ("floor", np.floor, "floor", "the greatest integer not above x"),
    ("ceil", np.ceil, "ceil", "the least integer not below x"),
    ("trunc", np.trunc, "trunc", "x without its fraction"),
    ("round", np.round, "rint", "the nearest integer, halves to even"),
):
    primitive(
        _name,
        unary(floating),
        _numpy,
        Zero(),
        Scalar(_c),
        sympy={"floor": "floor", "ceil": "ceiling"}.get(_name),
        samples=(sample(real(also=_HALVES)),),
        ulp=0.0,
        doc=f"{_law.capitalize()}; the derivative is 0 everywhere.",
    )
