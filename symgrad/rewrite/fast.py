"""Laws of real numbers that floating point breaks at nan, inf or -0.0, or by rounding: on with ``options.fast_math`` only."""

# ruff: noqa: PLW0108 - a law is written with its variables, as in print

from __future__ import annotations

import numpy as np

from symgrad.ir.dims import Dim, product
from symgrad.ir.expr import Node, constant, like, ops
from symgrad.rewrite.pattern import Constant, Law, Number, Var, p

__all__ = ["REAL_NUMBERS", "REAL_REDUCTIONS", "STABILISE"]

x, y, z = Var("x"), Var("y"), Var("z")
r, s = Var("r", "float"), Var("s", "float")
a, b = Constant("a"), Constant("b")
ONE = Number(1)


def _holds(value: float, r: Node) -> bool:
    """Whether the element type of ``r`` has a finite number near ``value``."""
    return abs(value) <= float(np.finfo(r.dtype.numpy).max)


def _added(r: Node, value: float) -> Node | None:
    return r + value if _holds(value, r) else None


def _scaled(r: Node, value: float) -> Node | None:
    return r * value if _holds(value, r) else None


def _whole_power(r: Node, a: float) -> Node | None:
    return ops.integer_pow(r, exponent=int(a)) if float(a).is_integer() and abs(a) < 2**31 else None


def _power_of_power(node: Node, inner: Node, r: Node) -> Node:
    return ops.integer_pow(r, exponent=node.attributes["exponent"] * inner.attributes["exponent"])


def _one_more(r: Node, inner: Node) -> Node:
    return ops.integer_pow(r, exponent=inner.attributes["exponent"] + 1)


def _joint_power(r: Node, inner: Node, other: Node) -> Node:
    return ops.integer_pow(r, exponent=inner.attributes["exponent"] + other.attributes["exponent"])


def _reciprocal(r: Node, a: float) -> Node | None:
    return _scaled(r, 1.0 / a) if a else None


REAL_NUMBERS = (
    Law("r + 0 = r", r + Number(0), lambda r: r),
    Law("r - 0 = r", r - Number(0), lambda r: r),
    Law("0 - r = -r", Number(0) - r, lambda r: -r),
    Law("r 0 = 0", r * Number(0), lambda r: like(0, r)),
    Law("0 / r = 0", Number(0) / r, lambda r: like(0, r)),
    Law("r - r = 0", r - r, lambda r: like(0, r)),
    Law("r / r = 1", r / r, lambda r: like(1, r)),
    Law("-(r - s) = s - r", -(r - s), lambda r, s: s - r),
    Law("(r + s) - s = r", (r + s) - s, lambda r: r),
    Law("(r + a) + b = r + (a + b)", (r + a) + b, lambda r, a, b: _added(r, a + b)),
    Law("(r - a) + b = r + (b - a)", (r - a) + b, lambda r, a, b: _added(r, b - a)),
    Law("(r + a) - b = r + (a - b)", (r + a) - b, lambda r, a, b: _added(r, a - b)),
    Law("(r a) b = r (a b)", (r * a) * b, lambda r, a, b: _scaled(r, a * b)),
    Law("(r a) (s b) = (r s) (a b)", (r * a) * (s * b), lambda r, s, a, b: _scaled(r * s, a * b)),
    Law("r / a = r (1/a)", r / a, _reciprocal),
    Law("(a r) + (b r) = (a + b) r", (r * a) + (r * b), lambda r, a, b: _scaled(r, a + b)),
    Law("(a r) - (b r) = (a - b) r", (r * a) - (r * b), lambda r, a, b: _scaled(r, a - b)),
    Law("(a r) + r = (a + 1) r", (r * a) + r, lambda r, a: _scaled(r, a + 1)),
    Law("r x + r y = r (x + y)", (r * x) + (r * y), lambda r, x, y: r * (x + y)),
    Law("r x - r y = r (x - y)", (r * x) - (r * y), lambda r, x, y: r * (x - y)),
    Law("(r / s) s = r", (r / s) * s, lambda r: r),
    Law("(1 / r) s = s / r", (ONE / r) * s, lambda r, s: s / r),
    Law("r / (x / y) = r y / x", r / (x / y), lambda r, x, y: r * y / x),
    Law("(x / y) / r = x / (y r)", (x / y) / r, lambda r, x, y: x / (y * r)),
    Law("r**n r = r**(n + 1)", p.integer_pow(r).named("inner") * r, _one_more),
    Law("(r r) r = r**3", (r * r) * r, lambda r: ops.integer_pow(r, exponent=3)),
    Law("r**n r**m = r**(n + m)", p.integer_pow(r).named("inner") * p.integer_pow(r).named("other"), _joint_power),
    Law("(r**n)**m = r**(n m)", p.integer_pow(p.integer_pow(r).named("inner")), _power_of_power),
    Law("pow(r, n) = r**n for a whole n", p.pow(r, a), _whole_power),
    Law("pow(r, 1/2) = sqrt(r)", p.pow(r, Number(0.5)), lambda r: ops.sqrt(r)),
    Law("pow(r, -1/2) = rsqrt(r)", p.pow(r, Number(-0.5)), lambda r: ops.rsqrt(r)),
    Law("sqrt(r) sqrt(r) = r", p.sqrt(r) * p.sqrt(r), lambda r: r),
    Law("sqrt(r r) = |r|", p.sqrt(r * r), lambda r: ops.abs(r)),
    Law("|r r| = r r", p.abs((r * r).named("square")), lambda square: square),
    Law("|r| |r| = r r", p.abs(r) * p.abs(r), lambda r: r * r),
    Law("1 / sqrt(r) = rsqrt(r)", ONE / p.sqrt(r), lambda r: ops.rsqrt(r)),
    Law("exp(log(r)) = r", p.exp(p.log(r)), lambda r: r),
    Law("log(exp(r)) = r", p.log(p.exp(r)), lambda r: r),
    Law("exp(r) exp(s) = exp(r + s)", p.exp(r) * p.exp(s), lambda r, s: ops.exp(r + s)),
    Law("1 / exp(r) = exp(-r)", ONE / p.exp(r), lambda r: ops.exp(-r)),
    Law("cos(-r) = cos(r)", p.cos(-r), lambda r: ops.cos(r)),
    Law("cosh(-r) = cosh(r)", p.cosh(-r), lambda r: ops.cosh(r)),
    Law("sin(-r) = -sin(r)", p.sin(-r), lambda r: -ops.sin(r)),
    Law("tanh(-r) = -tanh(r)", p.tanh(-r), lambda r: -ops.tanh(r)),
    Law("r == r", p.eq(r, r), lambda: constant(True)),
    Law("r <= r", p.le(r, r), lambda: constant(True)),
    Law("r >= r", p.ge(r, r), lambda: constant(True)),
    Law("r != r never", p.ne(r, r), lambda: constant(False)),
    Law("not (r < s) = r >= s", ~p.lt(r, s), lambda r, s: ops.ge(r, s)),
    Law("not (r <= s) = r > s", ~p.le(r, s), lambda r, s: ops.gt(r, s)),
    Law("not (r > s) = r <= s", ~p.gt(r, s), lambda r, s: ops.le(r, s)),
    Law("not (r >= s) = r < s", ~p.ge(r, s), lambda r, s: ops.lt(r, s)),
)

STABILISE = (
    Law("log(1 + r) = log1p(r)", p.log(r + ONE), lambda r: ops.log1p(r)),
    Law("log(1 - r) = log1p(-r)", p.log(ONE - r), lambda r: ops.log1p(-r)),
    Law("exp(r) - 1 = expm1(r)", p.exp(r) - ONE, lambda r: ops.expm1(r)),
    Law("exp(r) + (-1) = expm1(r)", p.exp(r) + Number(-1), lambda r: ops.expm1(r)),
    Law("1 - exp(r) = -expm1(r)", ONE - p.exp(r), lambda r: -ops.expm1(r)),
    Law("log1p(exp(r)) = softplus(r)", p.log1p(p.exp(r)), lambda r: ops.softplus(r)),
    Law("1 / (1 + exp(-r)) = sigmoid(r)", ONE / (p.exp(-r) + ONE), lambda r: ops.sigmoid(r)),
    Law("1 / (1 + exp(r)) = sigmoid(-r)", ONE / (p.exp(r) + ONE), lambda r: ops.sigmoid(-r)),
    Law("log(exp(r) + exp(s)) = logaddexp(r, s)", p.log(p.exp(r) + p.exp(s)), lambda r, s: ops.logaddexp(r, s)),
    Law("log(sigmoid(r)) = -softplus(-r)", p.log(p.sigmoid(r)), lambda r: -ops.softplus(-r)),
    Law("sqrt(r r + s s) = hypot(r, s)", p.sqrt(r * r + s * s), lambda r, s: ops.hypot(r, s)),
    Law("1 - erf(r) = erfc(r)", ONE - p.erf(r), lambda r: ops.erfc(r)),
)


def _summed_repetition(node: Node, x: Node) -> Node | None:
    """Return the sum of a repeated number as a product."""
    axes = node.attributes["axes"]
    repeated = node.inputs[0].shape
    count = product([repeated[k] for k in axes])
    if x.ndim or isinstance(count, Dim):
        return None
    return x * count


def _summed_twice(node: Node, inner: Node, x: Node) -> Node:
    first = inner.attributes["axes"]
    kept = [k for k in range(x.ndim) if k not in first]
    return ops.sum(x, axes=tuple(sorted((*first, *(kept[k] for k in node.attributes["axes"])))))


def _scaled_sum(node: Node, x: Node, a: float) -> Node:
    return _sum_like(node, x) * a


def _sum_like(node: Node, x: Node) -> Node:
    return ops.sum(x, axes=node.attributes["axes"])


def _merged(left: Node, right: Node) -> Node | None:
    if left.shape != right.shape:
        return None
    ranges = (*left.attributes["ranges"], *right.attributes["ranges"])
    return ops.assemble(*left.inputs, *right.inputs, shape=left.shape, ranges=ranges)


REAL_REDUCTIONS = (
    Law("sum of a repeated number", p.sum(p.broadcast_to(x)), _summed_repetition),
    Law("sum of a sum", p.sum(p.sum(x).named("inner")), _summed_twice),
    Law("sum of -x = -(sum of x)", p.sum(-x), lambda node, x: -_sum_like(node, x)),
    Law("sum of a x = a (sum of x)", p.sum(x * a), _scaled_sum),
    Law(
        "sum of two assembles is one",
        p.assemble(...).named("left") + p.assemble(...).named("right"),
        lambda left, right: _merged(left, right),
    ),
)
