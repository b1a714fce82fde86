"""torch's factors P, L, U of matrices by elimination with partial pivoting, and what is solved with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import int32, int64
from symgrad.eager.operation import operation
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_linalg import batched_pair, matrix_of
from symgrad.eager.torch_returns import return_type
from symgrad.eager.torch_rules import DTYPE_NAMES, Operand, known_values, refuse, refuse_dtype, same_dtype
from symgrad.errors import LinAlgError, at_user_line
from symgrad.ir.expr import Node, Range, ops
from symgrad.primitives.elimination import rows_as_matrix, unit_lower
from symgrad.primitives.matrices import masked, mT

__all__ = ["FUNCTIONS", "LINALG"]

Function = Callable[..., Any]

_lu_type = return_type("linalg_lu", "P", "L", "U")
_factor_type = return_type("linalg_lu_factor", "LU", "pivots")
_factor_ex_type = return_type("linalg_lu_factor_ex", "LU", "pivots", "info")
_unpacked_type = return_type("lu_unpack", "P", "L", "U")


def _stack(name: str, x: Operand) -> Node:
    node = x if isinstance(x, Node) else x.node
    if node.ndim < 2:
        refuse(f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(node.shape)} instead")
    if not node.dtype.is_floating:
        refuse_dtype(f"\"lu_cpu\" not implemented for '{DTYPE_NAMES[node.dtype]}'")
    return node


def _pivoting(pivot: bool) -> None:
    if not pivot:
        refuse("linalg.lu_factor: LU without pivoting is not implemented on the CPU")


def _triangles(packed: Node) -> tuple[Node, Node]:
    """Return L and U of the packed form."""
    rows, columns = packed.shape[-2:]
    least = min(rows, columns)  # type: ignore[type-var]  # sizes of Tensors are ints
    whole = tuple([Range(0, s) for s in packed.shape[:-2]])
    left = packed if columns == least else ops.slice(packed, ranges=(*whole, Range(0, rows), Range(0, least)))
    top = packed if rows == least else ops.slice(packed, ranges=(*whole, Range(0, least), Range(0, columns)))
    return unit_lower(left), masked(top, lower=False)


def _row_order(pivots: Node, rows: Any) -> Node:
    """Return where rows go, from torch's pivots, which count from 1."""
    result: Node = ops.pivot_order(ops.cast(pivots, dtype=int64) - 1, size=rows)
    return result


@operation("LinalgLuBackward0")
def _lu(x: Operand) -> tuple[Node, Node, Node]:
    node = _stack("linalg.lu", x)
    order = ops.pivot_order(ops.lu_pivots(node), size=node.shape[-2])
    return *_triangles(ops.lu_packed(node)), rows_as_matrix(order, node)


def lu(A: Any, *, pivot: bool = True) -> Any:  # noqa: N803  # torch's name
    """Return P, L and U with A = P L U: a permutation, a lower factor with ones on its diagonal, an upper one."""
    _pivoting(pivot)
    lower, upper, permutation = _lu(A)
    return _lu_type(permutation, lower, upper)


@operation("LinalgLuFactorExBackward0")
def _factor(x: Operand) -> tuple[Node, Node]:
    node = _stack("torch.lu_factor", x)
    return ops.lu_packed(node), ops.cast(ops.lu_pivots(node) + 1, dtype=int32)


def _info(values: Any) -> Any:
    """Return for each matrix the first diagonal element of U that is zero, counted from 1; 0 where there is none."""
    zero = np.diagonal(values, axis1=-2, axis2=-1) == 0
    return np.where(zero.any(-1), zero.argmax(-1) + 1 if zero.shape[-1] else 0, 0).astype(np.int32)


def lu_factor(A: Any, *, pivot: bool = True) -> Any:  # noqa: N803  # torch's name
    """Return L and U in one matrix, and for each row the one it was exchanged with, counted from 1.

    Raises
    ------
    LinAlgError
        For a singular matrix.
    """
    _pivoting(pivot)
    packed, pivots = _factor(A)
    values = known_values(packed)
    info = None if values is None else _info(values)
    if info is not None and info.any():
        first = int(info.reshape(-1)[np.flatnonzero(info)[0]])
        where = f"(Batch element {np.flatnonzero(info)[0]}): " if info.ndim else ""
        raise LinAlgError(at_user_line(
            f"torch.linalg.lu_factor: {where}U[{first},{first}] is zero and using it on lu_solve would result in a division by "
            "zero. If you still want to perform the factorization, consider calling linalg.lu(A, pivot) or "
            "linalg.lu_factor_ex(A, pivot)"
        ))  # fmt: skip
    return _factor_type(packed, pivots)


def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False) -> Any:  # noqa: N803  # torch's name
    """Return what ``lu_factor`` does and, in place of an error, which diagonal element of U is zero; 0 for none."""
    if check_errors:
        found = lu_factor(A, pivot=pivot)
        return _factor_ex_type(*found, Tensor.from_array(np.zeros(tuple(A.shape[:-2]), np.int32)))
    _pivoting(pivot)
    packed, pivots = _factor(A)
    return _factor_ex_type(packed, pivots, Tensor.from_array(_info(packed.numpy_value())))


@operation("LinalgLuSolveBackward0")
def _solve(factors: Operand, pivots: Operand, b: Operand, *, left: bool, adjoint: bool) -> Node:
    packed, right = matrix_of("linalg.lu_solve", factors), b if isinstance(b, Node) else b.node
    kinds = "but found A of type {} and B of type {} instead"
    same_dtype(f"linalg.lu_solve: Expected LU and B to have the same dtype, {kinds}", packed, right)
    own = right.shape[-2 if left else -1] if right.ndim > 1 else None
    if own != packed.shape[-1]:
        shapes = f"({packed.shape[-2]}x{packed.shape[-1]} and {'x'.join(map(str, right.shape[-2:]))})"
        equation = "AX = B" if left else "XA = B"
        refuse(f"linalg.lu_solve: Incompatible shapes of A and B for the equation {equation} {shapes}")
    order = pivots if isinstance(pivots, Node) else pivots.node
    moves = rows_as_matrix(_row_order(order, packed.shape[-2]), packed)
    right = right if left else mT(right)
    packed, right = batched_pair(packed, right)
    if adjoint == left:  # A^T X = B
        half = ops.solve_triangular(mT(packed), right, upper=False, unit=False)
        result = ops.matmul(moves, ops.solve_triangular(mT(packed), half, upper=True, unit=True))
    else:
        half = ops.solve_triangular(packed, ops.matmul(mT(moves), right), upper=False, unit=True)
        result = ops.solve_triangular(packed, half, upper=True, unit=False)
    return result if left else mT(result)


def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Any:  # noqa: N803
    """Return X with A X = B, or X A = B, for the factors of A that ``lu_factor`` returns; of A^T with ``adjoint``."""
    return _solve(LU, pivots, B, left=bool(left), adjoint=bool(adjoint))


@operation("LuUnpackBackward0")
def _unpack(factors: Operand, pivots: Operand) -> tuple[Node, Node, Node]:
    packed, order = _stack("lu_unpack", factors), pivots if isinstance(pivots, Node) else pivots.node
    return *_triangles(packed), rows_as_matrix(_row_order(order, packed.shape[-2]), packed)


def lu_unpack(LU_data: Any, LU_pivots: Any) -> Any:  # noqa: N803  # torch's names
    """Return P, L and U of what ``lu_factor`` returns."""
    lower, upper, permutation = _unpack(LU_data, LU_pivots)
    return _unpacked_type(permutation, lower, upper)


FUNCTIONS: dict[str, Function] = {"lu_unpack": lu_unpack}
LINALG: dict[str, Function] = {"lu": lu, "lu_factor": lu_factor, "lu_factor_ex": lu_factor_ex, "lu_solve": lu_solve}
