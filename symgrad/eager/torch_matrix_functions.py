"""torch's matrix exponential and least squares."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import int64
from symgrad.eager.operation import operation
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_linalg import LINALG as MATRICES
from symgrad.eager.torch_products import matmul
from symgrad.eager.torch_returns import return_type
from symgrad.eager.torch_rules import Operand, known_values, refuse
from symgrad.ir.expr import Node, ops

__all__ = ["FUNCTIONS", "LINALG"]

Function = Callable[..., Any]

_lstsq_type = return_type("linalg_lstsq", "solution", "residuals", "rank", "singular_values")

_TERMS = 18  # of the series, whose first term left out is below 1e-17 for a norm of 1/2


@operation("LinalgMatrixExpBackward0")
def _matrix_exp(x: Operand, *, halvings: int) -> Node:
    node = x if isinstance(x, Node) else x.node
    at = ops.iota(size=node.shape[-1], dtype=int64)
    eye = ops.cast(ops.eq(ops.expand_dims(at, axes=(1,)), at), dtype=node.dtype)
    scaled = node * 0.5**halvings
    total = eye + scaled / float(_TERMS)
    for k in range(_TERMS - 1, 0, -1):  # Horner's rule on the series of exp
        total = eye + ops.matmul(scaled, total) / float(k)
    for _ in range(halvings):
        total = ops.matmul(total, total)
    return total


def matrix_exp(A: Any) -> Any:  # noqa: N803  # torch's name
    """Return the exponential of each square matrix: its series after halving, then squared as often."""
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        refuse("linalg.matrix_exp: A must be batches of square matrices")
    values = known_values(A)
    largest = 2.0**8 if values is None else float(np.abs(values).sum(-1).max(initial=0.0))
    halvings = max(0, math.ceil(math.log2(largest)) + 1) if 0.0 < largest < math.inf else 0
    return _matrix_exp(A, halvings=halvings)


@operation("LinalgLstsqBackward0")
def _lstsq(a: Operand, b: Operand, *, rtol: float | None) -> Node:
    matrix, right = (v if isinstance(v, Node) else v.node for v in (a, b))
    if matrix.ndim < 2 or right.ndim < 1 or right.shape[-2 if right.ndim > 1 else -1] != matrix.shape[-2]:
        refuse("linalg.lstsq: input.size(-2) should match other.size(-2)")
    rows, columns = matrix.shape[-2:]
    limit = max(rows, columns) * matrix.dtype.eps if rtol is None else rtol  # type: ignore[type-var, operator]  # ints
    return ops.matmul(ops.pinv(matrix, rtol=float(limit), hermitian=False), right)


def lstsq(A: Any, B: Any, rcond: float | None = None, *, driver: str | None = None) -> Any:  # noqa: N803  # torch's names
    """Return X that minimises |A X - B|, by the pseudo-inverse; the residuals of full rank, and the rank."""
    solution = _lstsq(A, B, rtol=None if rcond is None else float(rcond))
    rows, columns = A.shape[-2:]
    empty = Tensor.from_array(np.empty(0, A.dtype.numpy))
    residuals = empty
    if known_values(A) is None:  # the rank is a matter of values
        return _lstsq_type(solution, residuals, empty, empty)
    rank = MATRICES["matrix_rank"](A, tol=rcond)
    if rows > columns and bool((rank.numpy_value() == columns).all()):
        apart = matmul(A, solution) - B
        residuals = (apart * apart).sum(-2)
    return _lstsq_type(solution, residuals, rank, empty)


FUNCTIONS: dict[str, Function] = {"matrix_exp": matrix_exp}
LINALG: dict[str, Function] = {"matrix_exp": matrix_exp, "lstsq": lstsq}
