"""Laws of selection, logic, comparison and conversion that keep every bit."""

# ruff: noqa: PLW0108 - a law is written with its variables, as in print

from __future__ import annotations

from symgrad.dtypes import DType, float32, float64, int32, int64
from symgrad.ir.expr import Node, constant, ops
from symgrad.rewrite.pattern import Law, Number, Var, p

__all__ = ["CASTS", "LOGIC", "SELECTION"]

x, y, z = Var("x"), Var("y"), Var("z")
n, m = Var("n", "integer"), Var("m", "integer")
c, d = Var("c"), Var("d")  # conditions
TRUE, FALSE = Number(True), Number(False)

SELECTION = (
    Law("where(c, x, x) = x", p.where(c, x, x), lambda x: x),
    Law("where(true, x, y) = x", p.where(TRUE, x, y), lambda x: x),
    Law("where(false, x, y) = y", p.where(FALSE, x, y), lambda y: y),
    Law("where(not c, x, y) = where(c, y, x)", p.where(~c, x, y), lambda c, x, y: ops.where(c, y, x)),
    Law("where(c, where(c, x, y), z) = where(c, x, z)", p.where(c, p.where(c, x, y), z), lambda c, x, z: ops.where(c, x, z)),
    Law("where(c, x, where(c, y, z)) = where(c, x, z)", p.where(c, x, p.where(c, y, z)), lambda c, x, z: ops.where(c, x, z)),
    Law("where(c, true, false) = c", p.where(c, TRUE, FALSE), lambda c: c),
    Law("where(c, false, true) = not c", p.where(c, FALSE, TRUE), lambda c: ops.logical_not(c)),
)

LOGIC = (
    Law("not not c = c", ~~c, lambda c: c),
    Law("not (x == y) = x != y", ~p.eq(x, y), lambda x, y: ops.ne(x, y)),
    Law("not (x != y) = x == y", ~p.ne(x, y), lambda x, y: ops.eq(x, y)),
    Law("not (n < m) = n >= m for integers", ~p.lt(n, m), lambda n, m: ops.ge(n, m)),
    Law("not (n <= m) = n > m for integers", ~p.le(n, m), lambda n, m: ops.gt(n, m)),
    Law("not (n > m) = n <= m for integers", ~p.gt(n, m), lambda n, m: ops.le(n, m)),
    Law("not (n >= m) = n < m for integers", ~p.ge(n, m), lambda n, m: ops.lt(n, m)),
    Law("c and c = c", c & c, lambda c: c),
    Law("c or c = c", c | c, lambda c: c),
    Law("c xor c = false", c ^ c, lambda: constant(False)),
    Law("c and true = c", c & TRUE, lambda c: c),
    Law("c and false = false", c & FALSE, lambda: constant(False)),
    Law("c or true = true", c | TRUE, lambda: constant(True)),
    Law("c or false = c", c | FALSE, lambda c: c),
    Law("c xor false = c", c ^ FALSE, lambda c: c),
    Law("c xor true = not c", c ^ TRUE, lambda c: ops.logical_not(c)),
    Law("c and not c = false", c & ~c, lambda: constant(False)),
    Law("c or not c = true", c | ~c, lambda: constant(True)),
    Law("c and (c and d) = c and d", c & (c & d), lambda c, d: ops.logical_and(c, d)),
    Law("c or (c or d) = c or d", c | (c | d), lambda c, d: ops.logical_or(c, d)),
    Law("c and (c or d) = c", c & (c | d), lambda c: c),
    Law("c or (c and d) = c", c | (c & d), lambda c: c),
    Law("n == n for integers", p.eq(n, n), lambda: constant(True)),
    Law("n <= n for integers", p.le(n, n), lambda: constant(True)),
    Law("n >= n for integers", p.ge(n, n), lambda: constant(True)),
    Law("n != n never for integers", p.ne(n, n), lambda: constant(False)),
    Law("x < x never", p.lt(x, x), lambda: constant(False)),
    Law("x > x never", p.gt(x, x), lambda: constant(False)),
)


def _holds(wide: DType, narrow: DType) -> bool:
    """Whether ``wide`` holds every value of ``narrow``."""
    if narrow.is_bool or wide is narrow:
        return True
    return (narrow, wide) in ((int32, int64), (int32, float64), (float32, float64))


def _recast(node: Node, inner: Node, x: Node) -> Node | None:
    return ops.cast(x, dtype=node.dtype) if _holds(inner.dtype, x.dtype) else None


CASTS = (
    Law("cast to the same type", p.cast(x), lambda x, node: x if x.dtype is node.dtype else None),
    Law("cast through a type that holds every value", p.cast(p.cast(x).named("inner")), _recast),
)
