"""Elimination with partial pivoting: the factors of P^T A = L U for matrices of any shape, and the order of their rows.

The rules follow from dA = P (dL U + L dU), where dL is strictly lower and dU upper triangular. The values are computed a
column at a time for all matrices of a stack, by NumPy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from symgrad.dtypes import int64
from symgrad.ir.expr import Node, Range, ops
from symgrad.ir.kinds import Rules, Zero
from symgrad.ir.types import TensorType
from symgrad.primitives.matrices import INTERPRET, Tangents, masked, mT, stacked
from symgrad.primitives.rules import Types, floating, integer, primitive, refuse_dtype, refuse_shape
from symgrad.primitives.samples import index, real, sample

__all__ = ["eliminated", "rows_as_matrix", "unit_lower"]

Array = Any

_LIMIT = "elimination's backward error, a few ulp of the growth of its elements"
_SHAPES = ((3, 3), (4, 2), (2, 4), (2, 3, 3), (1, 1))
_SAMPLES = tuple(sample(real(-2.0, 2.0), shapes=(shape,)) for shape in _SHAPES)


def _packed_type(name: str, types: Types) -> TensorType:
    (given,) = types
    if given.dtype.category not in floating:
        refuse_dtype(name, floating, types)
    if given.ndim < 2 or not all(isinstance(s, int) for s in given.shape[-2:]):
        refuse_shape(f"{name}: needs matrices of fixed sizes in the last two axes, got {given}")
    return given


def _pivots_type(name: str, types: Types) -> TensorType:
    given = _packed_type(name, types)
    return TensorType((*given.shape[:-2], min(given.shape[-2:])), int64)  # type: ignore[type-var]  # fixed sizes


def eliminated(x: Array) -> tuple[Array, Array]:
    """Return L below the diagonal and U above it, and for each step the row that was exchanged with its own."""
    rows, columns = x.shape[-2:]
    work = np.array(x).reshape(-1, rows, columns)
    stack, steps = np.arange(len(work)), min(rows, columns)
    pivots = np.zeros((len(work), steps), np.int64)
    with np.errstate(all="ignore"):
        for k in range(steps):
            best = k + np.abs(work[:, k:, k]).argmax(1)
            pivots[:, k] = best
            work[stack, k], work[stack, best] = work[stack, best], work[stack, k]
            pivot = work[:, k, k, None]
            factors = np.where(pivot == 0, work[:, k + 1 :, k], work[:, k + 1 :, k] / pivot)
            work[:, k + 1 :, k] = factors
            work[:, k + 1 :, k + 1 :] -= factors[:, :, None] * work[:, k, None, k + 1 :]
    return work.reshape(x.shape), pivots.reshape(*x.shape[:-2], steps)


# parts of matrices


def _part(x: Node, rows: tuple[int, int], columns: tuple[int, int]) -> Node:
    """Return the rows and columns between two bounds."""
    whole = tuple([Range(0, s) for s in x.shape[:-2]])
    ranges = (*whole, *[Range(a, b - a) for a, b in (rows, columns)])
    result: Node = ops.slice(x, ranges=ranges)
    return result


def unit_lower(x: Node) -> Node:
    """Return the part below the diagonal, with ones on the diagonal."""
    row, column = (ops.iota(size=s, dtype=int64) for s in x.shape[-2:])
    diagonal = ops.cast(ops.eq(column, ops.expand_dims(row, axes=(1,))), dtype=x.dtype)
    return masked(x, lower=True, strict=True) + diagonal


def rows_as_matrix(order: Node, like: Node) -> Node:
    """Return the matrix P with P[order[i], i] = 1, in the element type of ``like``."""
    row = ops.iota(size=order.shape[-1], dtype=int64)
    hit = ops.eq(ops.expand_dims(row, axes=(1,)), ops.expand_dims(order, axes=(order.ndim - 1,)))
    return ops.cast(hit, dtype=like.dtype)


class _Blocks(NamedTuple):
    """The square part of a packed matrix, its factors, and what lies beside or below it (None where nothing does)."""

    square: Node
    lower: Node
    upper: Node
    right: Node | None
    below: Node | None


def _blocks(x: Node) -> _Blocks:
    rows, columns = _sizes(x)
    least = min(rows, columns)
    square = x if rows == columns else _part(x, (0, least), (0, least))
    right = _part(x, (0, rows), (least, columns)) if columns > least else None
    below = _part(x, (least, rows), (0, columns)) if rows > least else None
    return _Blocks(square, unit_lower(square), masked(square, lower=False), right, below)


def _sizes(x: Node) -> tuple[int, int]:
    rows, columns = x.shape[-2:]
    assert isinstance(rows, int) and isinstance(columns, int)
    return rows, columns


def _joined(square: Node, right: Node | None, below: Node | None) -> Node:
    found: Node = square
    if right is not None:
        found = ops.concatenate(square, right, axis=square.ndim - 1)
    if below is not None:
        found = ops.concatenate(square, below, axis=square.ndim - 2)
    return found


def _by_lower(lower: Node, x: Node, turned: bool = False) -> Node:
    """Return L^-1 x, or L^-T x."""
    result: Node = ops.solve_triangular(mT(lower) if turned else lower, x, upper=turned, unit=True)
    return result


def _by_upper(x: Node, upper: Node, turned: bool = False) -> Node:
    """Return x U^-1, or x U^-T."""
    return mT(ops.solve_triangular(upper if turned else mT(upper), mT(x), upper=turned, unit=False))


# derivatives


def _order(x: Node) -> Node:
    result: Node = ops.pivot_order(ops.lu_pivots(x), size=x.shape[-2])
    return result


def _packed_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    (x,), (tangent,) = inputs, tangents
    if tangent is None:
        return None
    moved = _blocks(ops.matmul(mT(rows_as_matrix(_order(x), x)), tangent))
    own = _blocks(out)
    inner = _by_upper(_by_lower(own.lower, moved.square), own.upper)
    left, top = masked(inner, lower=True, strict=True), masked(inner, lower=False)
    square = ops.matmul(own.lower, left) + ops.matmul(top, own.upper)
    right = below = None
    if own.right is not None:
        assert moved.right is not None
        right = _by_lower(own.lower, moved.right) - ops.matmul(left, own.right)
    if own.below is not None:
        assert moved.below is not None
        below = _by_upper(moved.below, own.upper) - ops.matmul(own.below, top)
    return _joined(square, right, below)


def _packed_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node]:
    own, given = _blocks(out), _blocks(ct)
    left = ops.matmul(mT(own.lower), masked(given.square, lower=True, strict=True))
    top = ops.matmul(masked(given.square, lower=False), mT(own.upper))
    right = below = None
    if own.right is not None:
        assert given.right is not None
        left = left - ops.matmul(given.right, mT(own.right))
        right = _by_lower(own.lower, given.right, turned=True)
    if own.below is not None:
        assert given.below is not None
        top = top - ops.matmul(mT(own.below), given.below)
        below = _by_upper(given.below, own.upper, turned=True)
    inner = masked(left, lower=True, strict=True) + masked(top, lower=False)
    square = _by_upper(_by_lower(own.lower, inner, turned=True), own.upper, turned=True)
    return (ops.matmul(rows_as_matrix(_order(inputs[0]), out), _joined(square, right, below)),)


lu_packed = primitive(
    "lu_packed",
    _packed_type,
    lambda x: eliminated(x)[0],
    Rules(_packed_jvp, _packed_vjp),
    INTERPRET,
    elementwise=False,
    batch=stacked("lu_packed"),
    samples=_SAMPLES,
    ulp=64.0,
    ulp_reason=_LIMIT,
    doc="L below the diagonal, whose own is 1, and U above it, with P^T A = L U by elimination with partial pivoting. With "
    "M = L^-1 P^T dA U^-1 of a square matrix dL = L tril(M, -1) and dU = triu(M) U; the other rows and columns follow.",
)
lu_pivots = primitive(
    "lu_pivots",
    _pivots_type,
    lambda x: eliminated(x)[1],
    Zero(),
    INTERPRET,
    elementwise=False,
    batch=stacked("lu_pivots"),
    samples=_SAMPLES,
    ulp=0.0,
    doc="For each step of the elimination with partial pivoting the row that was exchanged with the step's own, from 0.",
)


# the order of the rows


def _order_type(name: str, types: Types, *, size: int) -> TensorType:
    (given,) = types
    if given.dtype is not int64:
        refuse_dtype(name, integer, types)
    steps = given.shape[-1] if given.ndim else None
    if not isinstance(steps, int) or steps > size:
        refuse_shape(f"{name}: needs at most {size} exchanges in the last axis, got {given}")
    return TensorType((*given.shape[:-1], size), int64)


def _order_value(pivots: Array, *, size: int) -> Array:
    steps = pivots.shape[-1]
    exchanged = pivots.reshape(-1, steps)
    order = np.tile(np.arange(size), (len(exchanged), 1))
    stack = np.arange(len(exchanged))
    for k in range(steps):
        other = np.clip(exchanged[:, k], 0, size - 1)
        order[stack, k], order[stack, other] = order[stack, other], order[stack, k]
    return order.reshape(*pivots.shape[:-1], size)


pivot_order = primitive(
    "pivot_order",
    _order_type,
    _order_value,
    Zero(),
    INTERPRET,
    elementwise=False,
    batch=stacked("pivot_order"),
    samples=(sample(index(3), shapes=((3,),), size=3), sample(index(4), shapes=((2, 2),), size=4)),
    ulp=0.0,
    doc="Which row stands where after exchanges of the k-th row with the k-th of the given rows, one after the other.",
)
