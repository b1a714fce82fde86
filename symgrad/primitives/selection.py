"""Comparisons, logic, selection, extrema of pairs, clipping and conversion of element types."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.dtypes import BY_NAME, DType, bool_
from symgrad.ir.expr import Node, like, ops
from symgrad.ir.kinds import Expand, Expression, Infix, Partials, Prefix, Select, Structure, Zero
from symgrad.ir.types import TensorType, broadcast_shapes
from symgrad.primitives.rules import (
    Types,
    anything,
    boolean,
    broadcast,
    floating,
    mask,
    numeric,
    primitive,
    refuse_dtype,
    unary,
)
from symgrad.primitives.samples import boolean as truth
from symgrad.primitives.samples import number, real, sample, whatever

__all__: list[str] = []

_PAIR = (sample(whatever(), whatever()),)
_COMPARED = (sample(number(also=(-0.0, 0.0, 1.0)), number(also=(-0.0, 0.0, 1.0))), *_PAIR)

_numpy: Any
for _name, _numpy, _symbol, _precedence, _sympy in (
    ("eq", np.equal, "==", 9, "Eq"),
    ("ne", np.not_equal, "!=", 9, "Ne"),
    ("lt", np.less, "<", 10, "StrictLessThan"),
    ("le", np.less_equal, "<=", 10, "LessThan"),
    ("gt", np.greater, ">", 10, "StrictGreaterThan"),
    ("ge", np.greater_equal, ">=", 10, "GreaterThan"),
):
    primitive(
        _name,
        broadcast(anything, bool_),
        _numpy,
        Zero(),
        Infix(_symbol, _precedence),
        sympy=_sympy,
        samples=_COMPARED,
        ulp=0.0,
        doc=f"Whether x {_symbol} y; with nan only != holds.",
    )

# truth values are 0 or 1: & and | of them are what && and || are, and need no branch that keeps a loop from being vectorised
for _name, _numpy, _symbol, _precedence, _sympy in (
    ("logical_and", np.logical_and, "&", 8, "And"),
    ("logical_or", np.logical_or, "|", 6, "Or"),
    ("logical_xor", np.logical_xor, "!=", 9, "Xor"),
):
    primitive(
        _name,
        broadcast(boolean),
        _numpy,
        Zero(),
        Infix(_symbol, _precedence),
        sympy=_sympy,
        samples=(sample(truth(), truth()),),
        ulp=0.0,
        doc="Of two truth values.",
    )

logical_not = primitive(
    "logical_not",
    unary(boolean),
    np.logical_not,
    Zero(),
    Prefix("!"),
    sympy="Not",
    samples=(sample(truth()),),
    ulp=0.0,
    doc="The other truth value.",
)

for _name, _numpy in (("isnan", np.isnan), ("isinf", np.isinf), ("isfinite", np.isfinite)):
    primitive(
        _name,
        unary(floating, bool_),
        _numpy,
        Zero(),
        Expression(f"{_name}({{0}}) != 0"),
        samples=(sample(real(also=(0.0, np.inf, -np.inf, np.nan))),),
        ulp=0.0,
        doc=f"C99's {_name}.",
    )


def _where_type(name: str, types: Types) -> TensorType:
    condition, x, y = types
    if not condition.dtype.is_bool:
        refuse_dtype(f"{name}: condition", boolean, (condition,))
    if x.dtype is not y.dtype:
        refuse_dtype(name, anything, (x, y))
    if condition.shape == x.shape and y.shape == x.shape:
        return x
    return TensorType(broadcast_shapes(name, condition.shape, x.shape, y.shape), x.dtype)


def _sympy_where(condition: Any, x: Any, y: Any) -> Any:
    import sympy

    return sympy.Piecewise((x, condition), (y, True))


where = primitive(
    "where",
    _where_type,
    np.where,
    Select(),
    Expression("{0} ? {1} : {2}"),
    sympy=_sympy_where,
    samples=(sample(truth(), whatever(), whatever()),),
    ulp=0.0,
    doc="x where the condition holds, else y. The branch not chosen contributes exactly 0 to every derivative.",
)


# Extrema of pairs. nan wins, as in NumPy and torch.


def _maximum(x: Node, y: Node) -> Node:
    first = ops.ge(x, y)
    return ops.where(ops.logical_or(first, ops.isnan(x)) if x.dtype.is_floating else first, x, y)


def _minimum(x: Node, y: Node) -> Node:
    first = ops.le(x, y)
    return ops.where(ops.logical_or(first, ops.isnan(x)) if x.dtype.is_floating else first, x, y)


def _maximum_value(x: Any, y: Any) -> Any:
    return np.where((x >= y) | (x != x), x, y)  # noqa: PLR0124


def _minimum_value(x: Any, y: Any) -> Any:
    return np.where((x <= y) | (x != x), x, y)  # noqa: PLR0124


def _share(x: Node, y: Node, loses: Node) -> Node:
    """Return 1 where x is chosen, 1/2 at ties, 0 where it loses; nan counts as chosen."""
    zero, half, one = (like(v, x) for v in (0.0, 0.5, 1.0))
    return ops.where(ops.eq(x, y), half, ops.where(loses, zero, one))


maximum = primitive(
    "maximum",
    broadcast(numeric),
    _maximum_value,
    Partials(lambda x, y, out: _share(x, y, ops.lt(x, y)), lambda x, y, out: _share(x, y, ops.lt(y, x))),
    Expand(_maximum),
    sympy="Max",
    samples=(sample(number(also=(-0.0, 0.0, 1.0)), number(also=(-0.0, 0.0, 1.0))),),
    ulp=0.0,
    doc="The larger of x and y, nan if either is; x where they are equal. Ties share the derivative by halves.",
)
minimum = primitive(
    "minimum",
    broadcast(numeric),
    _minimum_value,
    Partials(lambda x, y, out: _share(x, y, ops.gt(x, y)), lambda x, y, out: _share(x, y, ops.gt(y, x))),
    Expand(_minimum),
    sympy="Min",
    samples=(sample(number(also=(-0.0, 0.0, 1.0)), number(also=(-0.0, 0.0, 1.0))),),
    ulp=0.0,
    doc="The smaller of x and y, nan if either is; x where they are equal. Ties share the derivative by halves.",
)


def _inside(x: Node, lo: Node, hi: Node, out: Node) -> Node:
    return mask(ops.logical_and(ops.ge(x, lo), ops.le(x, hi)), x)


def _at_low(x: Node, lo: Node, hi: Node, out: Node) -> Node:
    return mask(ops.logical_and(ops.lt(x, lo), ops.lt(lo, hi)), x)


def _at_high(x: Node, lo: Node, hi: Node, out: Node) -> Node:
    return mask(ops.logical_or(ops.gt(x, hi), ops.lt(hi, lo)), x)


def _sympy_clip(x: Any, lo: Any, hi: Any) -> Any:
    import sympy

    return sympy.Min(sympy.Max(x, lo), hi)


clip = primitive(
    "clip",
    broadcast(numeric),
    lambda x, lo, hi: _minimum_value(_maximum_value(x, lo), hi),
    Partials(_inside, _at_low, _at_high),
    Expand(lambda x, lo, hi: _minimum(_maximum(x, lo), hi)),
    sympy=_sympy_clip,
    samples=(sample(number(-6.0, 6.0, also=(-2.0, 2.0)), number(-3.0, -1.0, also=(-2.0,)), number(1.0, 3.0, also=(2.0,))),),
    ulp=0.0,
    doc="min(max(x, lo), hi). The derivative by x is 1 inside and at both bounds, as torch's clamp.",
)


# Element types


def _cast_type(name: str, types: Types, *, dtype: DType) -> TensorType:
    (given,) = types
    return given if given.dtype is dtype else TensorType(given.shape, dtype)


cast = primitive(
    "cast",
    _cast_type,
    lambda x, dtype: np.asarray(x).astype(dtype.numpy),
    Partials(1.0),
    Structure("cast"),
    sympy=lambda x, dtype: x,
    samples=tuple(sample(whatever(), dtype=d) for d in BY_NAME.values()),
    ulp=0.0,
    doc="x converted to another element type: to integers towards 0, to bool whether it is not 0. "
    "Integers that do not fit, and integers of nan, are what the machine gives.",
)
stop_gradient = primitive(
    "stop_gradient",
    unary(anything),
    lambda x: x,
    Zero(),
    Expand(lambda x: x),
    sympy=lambda x: x,
    samples=(sample(whatever()),),
    ulp=0.0,
    doc="x, held constant by every derivative.",
)
