"""More of torch's linear algebra, written in terms of the rest: tensors as matrices, reflections, older names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_joining import FUNCTIONS as JOINING
from symgrad.eager.torch_linalg import LINALG as MATRICES
from symgrad.eager.torch_lu import LINALG as FACTORS
from symgrad.eager.torch_returns import return_type
from symgrad.eager.torch_rules import refuse
from symgrad.errors import LinAlgError, at_user_line

__all__ = ["FUNCTIONS", "LINALG"]

Function = Callable[..., Any]

_cholesky_ex_type = return_type("linalg_cholesky_ex", "L", "info")
_inv_ex_type = return_type("linalg_inv_ex", "inverse", "info")
_solve_ex_type = return_type("linalg_solve_ex", "result", "info")
_triangular_solve_type = return_type("triangular_solve", "solution", "cloned_coefficient")
_svd_type = return_type("svd", "U", "S", "V")


# tensors as matrices


def tensorinv(A: Any, ind: int = 2) -> Any:  # noqa: N803  # torch's name
    """Return the inverse for ``tensordot(A, B, ind)``; the first ``ind`` axes hold as many elements as the others."""
    if ind <= 0:
        refuse(f"Expected a strictly positive integer for 'ind', but got {ind}")
    rows, columns = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    if math.prod(rows) != math.prod(columns):
        must = "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind])"
        refuse(f"{must}, but got {math.prod(columns)} != {math.prod(rows)}")
    matrix = A.reshape(math.prod(rows), math.prod(columns))
    return MATRICES["inv"](matrix).reshape(*columns, *rows)


def tensorsolve(A: Any, B: Any, dims: Any = None) -> Any:  # noqa: N803  # torch's names
    """Return X with ``tensordot(A, X, X.ndim) = B``; ``dims`` of A are moved to its end before."""
    if dims is not None:
        moved = [d % A.ndim for d in dims]
        A = A.permute(*[k for k in range(A.ndim) if k not in moved], *moved)  # noqa: N806
    shape = tuple(A.shape[B.ndim :])
    count = math.prod(shape)
    if math.prod(A.shape) != count * count:
        must = "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim])"
        refuse(f"{must}, but got {count} != {math.prod(A.shape[: B.ndim])}")
    return MATRICES["solve"](A.reshape(count, count), B.reshape(count)).reshape(*shape)


# results with a report in place of an error


def _reported(A: Any, failed: Callable[[Any], int]) -> Any:  # noqa: N803
    """Return for each matrix 0, or what ``failed`` says of it, as a Tensor of int32."""
    values = A.numpy_value()
    found = [failed(m) for m in values.reshape(-1, *values.shape[-2:])]
    return Tensor.from_array(np.array(found, np.int32).reshape(values.shape[:-2]))


def _first_minor(matrix: Any) -> int:
    """Return the order of the first leading minor that is not positive definite; 0 where all are."""
    for order in range(1, len(matrix) + 1):
        try:
            np.linalg.cholesky(matrix[:order, :order])
        except np.linalg.LinAlgError:
            return order
    return 0


def _first_pivot(matrix: Any) -> int:
    """Return which diagonal element of U is zero, counted from 1; 0 where none is."""
    packed = FACTORS["lu_factor_ex"](Tensor.from_array(np.array(matrix)))
    return int(packed.info.item())


def _with_report(name: str, run: Function, info: Any, result_type: Any, check_errors: bool, A: Any) -> Any:  # noqa: N803
    bad = info.numpy_value()
    if not bad.any():
        return result_type(run(), info)
    if check_errors:
        raise LinAlgError(at_user_line(f"{name}: the factorization could not be completed (info {int(bad.max())})"))
    return result_type(A * math.nan, info)


def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> Any:  # noqa: N803  # torch's name
    """Return the Cholesky factor, and for each matrix the order of the first minor that is not positive definite, or 0.

    Where one is not 0 the factors are nan.
    """
    info, run = _reported(A, _first_minor), lambda: MATRICES["cholesky"](A, upper=upper)
    return _with_report("linalg.cholesky_ex", run, info, _cholesky_ex_type, check_errors, A)


def inv_ex(A: Any, *, check_errors: bool = False) -> Any:  # noqa: N803  # torch's name
    """Return the inverse, and for each matrix which diagonal element of U is zero, or 0; where one is, the inverses are nan."""
    info = _reported(A, _first_pivot)
    return _with_report("linalg.inv_ex", lambda: MATRICES["inv"](A), info, _inv_ex_type, check_errors, A)


def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> Any:  # noqa: N803  # torch's names
    """Return X with A X = B, and for each matrix which diagonal element of U is zero, or 0; where one is, X is nan."""
    info = _reported(A, _first_pivot)
    return _with_report("linalg.solve_ex", lambda: MATRICES["solve"](A, B, left=left), info, _solve_ex_type, check_errors, B)


# reflections


def householder_product(A: Any, tau: Any) -> Any:  # noqa: N803  # torch's name
    """Return the first columns of the product of reflections I - tau v v^T, whose v are 1 on and A below the diagonal."""
    rows, columns = A.shape[-2:]
    if rows < columns:
        refuse("torch.linalg.householder_product: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if tau.shape[-1] > columns:
        refuse("torch.linalg.householder_product: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    eye = Tensor.from_array(np.eye(rows, columns, dtype=A.dtype.numpy))
    result = eye.expand(*A.shape[:-2], rows, columns)
    for k in reversed(range(tau.shape[-1])):
        top = A.new_zeros((*A.shape[:-2], k)), A.new_ones((*A.shape[:-2], 1))
        v = JOINING["cat"]([*top, A[..., k + 1 :, k]], -1).unsqueeze(-1)
        result = result - tau[..., k, None, None] * (v @ (v.transpose(-2, -1) @ result))
    return result


# older names


def cholesky_inverse(L: Any, upper: bool = False) -> Any:  # noqa: N803  # torch's name
    """Return the inverse of L L^T."""
    eye = Tensor.from_array(np.eye(L.shape[-1], dtype=L.dtype.numpy))
    half = MATRICES["solve_triangular"](L, eye, upper=bool(upper))
    return half @ half.transpose(-2, -1) if upper else half.transpose(-2, -1) @ half


def triangular_solve(b: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False) -> Any:  # noqa: N803
    """Return X with A X = b for a triangular A, or its transpose, and a copy of A."""
    matrix = A.transpose(-2, -1) if transpose else A
    turned = bool(upper) != bool(transpose)
    solution = MATRICES["solve_triangular"](matrix, b, upper=turned, unitriangular=bool(unitriangular))
    return _triangular_solve_type(solution, A.clone())


def svd(input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """Return U, S and V with input = U diag(S) V^T; without ``compute_uv`` the singular values, and zeros."""
    if not compute_uv:
        rows, columns = input.shape[-2:]
        zeros = [input.new_zeros((*input.shape[:-2], n, n)) for n in (rows, columns)]
        return _svd_type(zeros[0], MATRICES["svdvals"](input), zeros[1])
    u, s, vh = MATRICES["svd"](input, full_matrices=not some)
    return _svd_type(u, s, vh.transpose(-2, -1))


def lu_solve(b: Any, LU_data: Any, LU_pivots: Any) -> Any:  # noqa: N803  # torch's names
    """Return X with A X = b, from what ``lu_factor`` gave for A."""
    return FACTORS["lu_solve"](LU_data, LU_pivots, b)


FUNCTIONS: dict[str, Function] = {
    "cholesky_inverse": cholesky_inverse, "triangular_solve": triangular_solve, "svd": svd, "lu_solve": lu_solve,
    "orgqr": householder_product,
}  # fmt: skip
LINALG: dict[str, Function] = {
    "tensorinv": tensorinv, "tensorsolve": tensorsolve, "cholesky_ex": cholesky_ex, "inv_ex": inv_ex, "solve_ex": solve_ex,
    "householder_product": householder_product,
}  # fmt: skip
