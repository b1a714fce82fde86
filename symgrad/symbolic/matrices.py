"""SymPy's matrices and arrays as array nodes."""

from __future__ import annotations

import functools
from itertools import product
from typing import Any

from symgrad.dtypes import float64
from symgrad.ir.expr import Node, Range, constant, ops
from symgrad.symbolic.refusals import refuse, shown
from symgrad.symbolic.vocabulary import Plan, numeric

__all__ = ["matrix_plan", "matrix_shape"]

_LARGEST = 400  # entries of a matrix expression that is written out entry by entry
_LARGEST_INVERSE = 3


def matrix_shape(expr: Any) -> tuple[int, ...] | None:
    """Return the shape of a matrix or array of SymPy's, None for anything else.

    Raises
    ------
    TraceError
        When the shape is not of numbers.
    """
    import sympy

    if not isinstance(expr, (sympy.MatrixBase, sympy.MatrixExpr, sympy.NDimArray)):
        return None
    if not all(getattr(s, "is_Integer", isinstance(s, int)) for s in expr.shape):
        refuse(expr, f"its shape must be of numbers, got {shown(tuple(expr.shape))}")
    return tuple(int(s) for s in expr.shape)


def matrix_plan(expr: Any) -> Plan | None:
    """Return how to build a matrix, a matrix expression or a determinant; None for other expressions."""
    import sympy

    if isinstance(expr, sympy.Determinant):
        return [_explicit(expr.arg, expr).det()], lambda x: x
    shape = matrix_shape(expr)
    if shape is None:
        return None
    if isinstance(expr, (sympy.MatrixBase, sympy.NDimArray)):
        return _entries(expr, shape)
    if isinstance(expr, sympy.MatAdd):
        return expr.args, lambda *xs: functools.reduce(ops.add, xs)
    if isinstance(expr, sympy.HadamardProduct):
        return expr.args, lambda *xs: functools.reduce(ops.mul, xs)
    if isinstance(expr, sympy.MatMul):
        return expr.args, _product
    if isinstance(expr, sympy.Transpose):
        return expr.args, lambda x: ops.transpose(x, permutation=(1, 0))
    if isinstance(expr, sympy.Inverse) and shape[0] > _LARGEST_INVERSE:
        refuse(expr, f"inverses are written out up to {_LARGEST_INVERSE} x {_LARGEST_INVERSE}; solve the linear system instead")
    return [_explicit(expr, expr)], lambda x: x


def _product(*nodes: Node) -> Node:
    scalars = [n for n in nodes if not n.ndim]
    matrices = [n for n in nodes if n.ndim]
    result = functools.reduce(ops.matmul, matrices)
    return functools.reduce(ops.mul, scalars) * result if scalars else result


def _explicit(expr: Any, named: Any) -> Any:
    shape = matrix_shape(expr)
    if shape is None or shape[0] * shape[1] > _LARGEST:
        refuse(named, f"matrices are written out up to {_LARGEST} entries")
    found = expr.as_explicit()
    if type(found) is type(expr):
        refuse(named, "it has no entries of its own")
    return found


def _entries(expr: Any, shape: tuple[int, ...]) -> Plan:
    """Return an assemble of the entries; those that are exactly 0 are left out."""
    indices = product(*map(range, shape))
    kept = [(expr[index], index) for index in indices if expr[index] != 0]

    def build(*nodes: Node) -> Node:
        if not shape:
            return nodes[0] if nodes else constant(0.0)
        if not nodes:
            return ops.broadcast_to(constant(0.0, float64), shape=shape)
        ranges = tuple(tuple(Range(k, None) for k in index) for _, index in kept)
        return ops.assemble(*[numeric(n) for n in nodes], shape=shape, ranges=ranges)

    return [entry for entry, _ in kept], build
