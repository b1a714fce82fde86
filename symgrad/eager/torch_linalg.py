"""torch.linalg: solutions, inverses, determinants, factors and norms of matrices; NumPy's LAPACK computes the values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.eager.operation import operation
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_basics import clone
from symgrad.eager.torch_products import product_node
from symgrad.eager.torch_reductions import vector_norm, vector_norm_node
from symgrad.eager.torch_returns import return_type
from symgrad.eager.torch_rules import (
    DTYPE_NAMES,
    Operand,
    as_static,
    axis_of,
    kept,
    known_values,
    refuse,
    refuse_dtype,
    same_dtype,
    shape_text,
    spread,
)
from symgrad.eager.torch_views import FUNCTIONS as VIEWS
from symgrad.errors import at_user_line
from symgrad.ir.expr import Node, Range, ops
from symgrad.primitives.matrices import mT

__all__ = ["FUNCTIONS", "LINALG", "batched_pair", "matrix_norm", "matrix_of"]

Function = Callable[..., Any]

_slogdet_type = return_type("linalg_slogdet", "sign", "logabsdet")
_qr_type = return_type("linalg_qr", "Q", "R")
_eigh_type = return_type("linalg_eigh", "eigenvalues", "eigenvectors")
_svd_type = return_type("linalg_svd", "U", "S", "Vh")


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def matrix_of(name: str, x: Operand, square: bool = True) -> Node:
    """Return a stack of floating matrices as a node, or raise in torch's words."""
    node = _node(x)
    if node.ndim < 2:
        refuse(f"{name}: The input tensor A must have at least 2 dimensions.")
    if square and node.shape[-1] != node.shape[-2]:
        sizes = f"{node.shape[-2]} by {node.shape[-1]} matrices"
        refuse(f"{name}: A must be batches of square matrices, but they are {sizes}")
    if not node.dtype.is_floating:
        refuse_dtype(f"{name}: Expected a floating point or complex tensor as input. Got {DTYPE_NAMES[node.dtype]}")
    return node


def _at_once(result: Any) -> Any:
    """Compute a result now, so that a matrix that has none raises here."""
    known_values(result[0] if isinstance(result, tuple) else result)
    return result


def _of_matrix(name: str, grad_fn: str, primitive: str, doc: str) -> Function:
    @operation(grad_fn)
    def made(x: Operand) -> Node:
        result: Node = getattr(ops, primitive)(matrix_of(f"linalg.{name}", x))
        return result

    def function(A: Any) -> Any:  # noqa: N803  # torch's name
        return _at_once(made(A))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


det = _of_matrix("det", "LinalgDetBackward0", "det", "Return the determinant of each matrix.")
inv = _of_matrix("inv", "LinalgInvExBackward0", "inv", "Return the inverse of each matrix.")
eigvalsh_lower = _of_matrix("eigvalsh", "LinalgEighBackward0", "eigh_values", "Return the eigenvalues of symmetric matrices.")


@operation("LinalgCholeskyExBackward0")
def _cholesky(x: Operand, *, upper: bool) -> Node:
    lower = ops.cholesky(matrix_of("linalg.cholesky", x))
    return mT(lower) if upper else lower


def cholesky(A: Any, *, upper: bool = False) -> Any:  # noqa: N803  # torch's name
    """Return the lower factor L with A = L L^T of each positive definite matrix, or its transpose."""
    return _at_once(_cholesky(A, upper=bool(upper)))


@operation("LinalgSlogdetBackward0")
def _slogdet(x: Operand) -> tuple[Node, Node]:
    node = matrix_of("linalg.slogdet", x)
    return ops.sign_det(node), ops.logabsdet(node)


def slogdet(A: Any) -> Any:  # noqa: N803  # torch's name
    """Return the sign and the logarithm of the absolute value of each determinant."""
    return _slogdet_type(*_slogdet(A))


@operation("WhereBackward0")
def logdet(A: Operand) -> Node:  # noqa: N803  # torch's name
    """Return the logarithm of each determinant, nan where that is negative."""
    node = matrix_of("logdet", A)
    sign, size = ops.sign_det(node), ops.logabsdet(node)
    return ops.where(sign < 0.0, sign * math.nan, size)


# solutions


def batched_pair(a: Node, b: Node) -> tuple[Node, Node]:
    """Return stacks of matrices with one leading shape."""
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])  # type: ignore[arg-type]  # sizes of Tensors are ints
    return spread(a, (*lead, *a.shape[-2:])), spread(b, (*lead, *b.shape[-2:]))


def _solution(name: str, a: Operand, b: Operand, left: bool, run: Callable[[Node, Node], Node]) -> Node:
    matrix, right = matrix_of(name, a), _node(b)
    kinds = "but found A of type {} and B of type {} instead"
    same_dtype(f"{name}: Expected A and B to have the same dtype, {kinds}", matrix, right)
    vector = right.ndim == 1 or (right.ndim == matrix.ndim - 1 and right.shape == matrix.shape[:-1])
    if vector:
        right = ops.expand_dims(right, axes=(right.ndim,) if left else (right.ndim - 1,))
    own = right.shape[-2 if left else -1]
    if own != matrix.shape[-1]:
        shapes = f"A ({matrix.shape[-2]}x{matrix.shape[-1]} and {right.shape[-2]}x{right.shape[-1]})"
        refuse(f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} {shapes}")
    matrix, right = batched_pair(matrix, right)
    result = run(matrix, right) if left else mT(run(mT(matrix), mT(right)))
    return ops.squeeze(result, axes=(result.ndim - (1 if left else 2),)) if vector else result


@operation("LinalgSolveExBackward0")
def _solve(a: Operand, b: Operand, *, left: bool) -> Node:
    return _solution("linalg.solve", a, b, left, ops.solve)


def solve(A: Any, B: Any, *, left: bool = True) -> Any:  # noqa: N803  # torch's names
    """Return X with A X = B, or X A = B."""
    return _at_once(_solve(A, B, left=bool(left)))


@operation("LinalgSolveTriangularBackward0")
def _solve_triangular(a: Operand, b: Operand, *, upper: bool, left: bool, unit: bool) -> Node:
    def run(matrix: Node, right: Node) -> Node:
        result: Node = ops.solve_triangular(matrix, right, upper=upper if left else not upper, unit=unit)
        return result

    return _solution("linalg.solve_triangular", a, b, left, run)


def solve_triangular(A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:  # noqa: N803
    """Return X with T X = B, or X T = B, for the upper or lower triangle T of A."""
    return _solve_triangular(A, B, upper=bool(upper), left=bool(left), unit=bool(unitriangular))


@operation("CholeskySolveBackward0")
def _cholesky_solve(b: Operand, factor: Operand, *, upper: bool) -> Node:
    lower, right = matrix_of("cholesky_solve", factor), _node(b)
    lower, right = batched_pair(mT(lower) if upper else lower, right)
    half = ops.solve_triangular(lower, right, upper=False, unit=False)
    result: Node = ops.solve_triangular(mT(lower), half, upper=True, unit=False)
    return result


def cholesky_solve(B: Any, L: Any, upper: bool = False) -> Any:  # noqa: N803  # torch's names
    """Return X with L L^T X = B."""
    return _cholesky_solve(B, L, upper=bool(upper))


# factors


@operation("LinalgQrBackward0")
def _qr(x: Operand, *, mode: str) -> tuple[Node, Node]:
    node = matrix_of("linalg.qr", x, square=False)
    rows, columns = node.shape[-2:]
    if rows >= columns:  # type: ignore[operator]  # sizes of Tensors are ints
        q, r = ops.qr_q(node), ops.qr_r(node)
    else:  # the square part decides Q, the other columns follow
        whole = tuple(Range(0, s) for s in node.shape[:-1])
        square, rest = (ops.slice(node, ranges=(*whole, Range(s, n))) for s, n in ((0, rows), (rows, columns - rows)))
        q = ops.qr_q(square)
        r = ops.concatenate(ops.qr_r(square), ops.matmul(mT(q), rest), axis=node.ndim - 1)
    return q, r


def qr(A: Any, mode: str = "reduced") -> Any:  # noqa: N803  # torch's name
    """Return Q with orthonormal columns and R upper triangular with A = Q R; modes "reduced" and "r"."""
    if mode not in ("reduced", "r"):
        refuse(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default) or 'r'")
    q, r = _qr(A, mode=mode)
    return _qr_type(q, r)


@operation("LinalgEighBackward0")
def _eigh(x: Operand) -> tuple[Node, Node]:
    node = matrix_of("linalg.eigh", x)
    return ops.eigh_values(node), ops.eigh_vectors(node)


def eigh(A: Any, UPLO: str = "L") -> Any:  # noqa: N803  # torch's names
    """Return the eigenvalues, rising, and the eigenvectors of symmetric matrices."""
    return _eigh_type(*_eigh(A))


def eigvalsh(A: Any, UPLO: str = "L") -> Any:  # noqa: N803  # torch's names
    """Return the eigenvalues of symmetric matrices, rising."""
    return eigvalsh_lower(A)


@operation("LinalgSvdBackward0")
def _svd(x: Operand) -> tuple[Node, Node, Node]:
    node = matrix_of("linalg.svd", x, square=False)
    return ops.svd_u(node), ops.svd_values(node), ops.svd_vh(node)


@operation("LinalgSvdBackward0")
def svdvals(A: Operand) -> Node:  # noqa: N803  # torch's name
    """Return the singular values, falling."""
    result: Node = ops.svd_values(matrix_of("linalg.svdvals", A, square=False))
    return result


def svd(A: Any, full_matrices: bool = True) -> Any:  # noqa: N803  # torch's name
    """Return U, the singular values and V^T of each matrix; ``full_matrices`` of square ones only."""
    if full_matrices and A.shape[-1] != A.shape[-2]:
        refuse("linalg.svd: of matrices that are not square only full_matrices=False is supported")
    return _svd_type(*_svd(A))


@operation("LinalgPinvBackward0")
def _pinv(x: Operand, *, rtol: float | None, hermitian: bool) -> Node:
    node = matrix_of("linalg.pinv", x, square=False)
    rows, columns = node.shape[-2:]
    limit = max(rows, columns) * node.dtype.eps if rtol is None else rtol  # type: ignore[type-var, operator]  # ints
    result: Node = ops.pinv(node, rtol=float(limit), hermitian=hermitian)
    return result


def pinv(A: Any, rcond: float | None = None, *, rtol: float | None = None, hermitian: bool = False) -> Any:  # noqa: N803
    """Return the pseudo-inverse of each matrix."""
    limit = rcond if rtol is None else rtol
    return _pinv(A, rtol=None if limit is None else float(limit), hermitian=bool(hermitian))


# powers and norms


@operation("MmBackward0")
def _power(x: Operand, *, n: int) -> Node:
    base = matrix_of("linalg.matrix_power", x)
    result: Node | None = None
    while n:
        if n & 1:
            result = base if result is None else product_node(result, base)
        n >>= 1
        base = product_node(base, base) if n else base
    assert result is not None
    return result


def matrix_power(A: Any, n: int) -> Any:  # noqa: N803  # torch's name
    """Return each square matrix to an integer power."""
    if n == 0:
        eye = np.broadcast_to(np.eye(A.shape[-1], dtype=A.dtype.numpy), tuple(A.shape))
        return Tensor.from_array(np.ascontiguousarray(eye))
    base = inv(A) if n < 0 else A
    if n == 1:
        return clone(A)
    return base if n == -1 else _power(base, n=abs(int(n)))


def _matrix_norm_node(node: Node, order: Any, row: int, column: int) -> Node:
    """Return a norm of matrices whose rows and columns are two axes, which are dropped."""
    if order == "fro":
        return vector_norm_node(node, 2.0, tuple(sorted((row, column))))
    if order in (1.0, -1.0, math.inf, -math.inf):
        summed, other = (row, column) if abs(order) == 1.0 else (column, row)
        sums = ops.sum(ops.abs(node), axes=(summed,))
        place = other - (summed < other)
        result: Node = (ops.max if order > 0 else ops.min)(sums, axes=(place,))
        return result
    rest = [a for a in range(node.ndim) if a not in (row, column)]
    moved = ops.transpose(node, permutation=(*rest, row, column))
    values = ops.svd_values(moved)
    last = (values.ndim - 1,)
    total: Node = (ops.sum if order == "nuc" else ops.max if order > 0 else ops.min)(values, axes=last)
    return total


def _matrix_norm(grad_fn: str) -> Function:
    @operation(grad_fn)
    def made(x: Operand, *, ord: Any, dim: tuple[int, int], keepdim: bool) -> Node:
        node = matrix_of("linalg.matrix_norm", x, square=False)
        row, column = (axis_of(d, node.ndim) for d in dim)
        if row == column:
            refuse(f"linalg.matrix_norm: dims must be different. Got {shape_text(dim)}")
        return kept(_matrix_norm_node(node, ord, row, column), tuple(sorted((row, column))), keepdim)

    return made


_matrix_norms = {n: _matrix_norm(f"{n}Backward{k}") for n, k in (("LinalgVectorNorm", 0), ("Amax", 0), ("Amin", 0), ("Sum", 1))}


def matrix_norm(A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False) -> Any:  # noqa: N803  # torch's name
    """Return a norm of each matrix: "fro", "nuc", or of order 1, -1, 2, -2, inf, -inf."""
    if isinstance(ord, str):
        if ord not in ("fro", "nuc"):
            refuse(f"linalg.matrix_norm: Order {ord} not supported.")
        made = _matrix_norms["LinalgVectorNorm" if ord == "fro" else "Sum"]
    else:
        ord = float(ord)
        if abs(ord) not in (1.0, 2.0, math.inf):
            refuse(f"linalg.matrix_norm: Order {ord} not supported.")
        made = _matrix_norms["Amax" if ord > 0 else "Amin"]
    return made(A, ord=ord, dim=as_static(tuple(dim)), keepdim=bool(keepdim))


def norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:  # noqa: N803
    """Return the norm of vectors or matrices: of all elements without ``ord``; ``dim`` says which by its count."""
    axes = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if ord is None:
        return vector_norm(A, 2, axes, keepdim, dtype=dtype)
    if axes is not None and len(axes) == 1:
        return vector_norm(A, ord, axes, keepdim, dtype=dtype)
    if axes is None and A.ndim == 1 and not isinstance(ord, str):
        return vector_norm(A, ord, None, keepdim, dtype=dtype)
    if axes is None and A.ndim != 2:
        refuse(f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D.")
    return matrix_norm(A, ord, (-2, -1) if axes is None else axes, keepdim)


def plain_norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """Return the norm of the elements over axes, all by default: Frobenius' ("fro"), or of order ``p``."""
    if p == "nuc":
        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)
    return vector_norm(input, 2.0 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


def cond(A: Any, p: Any = None) -> Any:  # noqa: N803  # torch's name
    """Return the condition number of each matrix: by singular values, or as a product of norms of order ``p``."""
    if p is None or p in (2, -2):
        values = svdvals(A)
        first, last = (VIEWS["select"](values, -1, k) for k in (0, -1))
        return last / first if p == -2 else first / last
    return matrix_norm(A, p) * matrix_norm(inv(A), p)


def matrix_rank(A: Any, *, tol: float | None = None, hermitian: bool = False) -> Any:  # noqa: N803  # torch's name
    """Return the number of singular values that count."""
    if A.ndim < 2:
        raise RuntimeError(at_user_line("linalg.matrix_rank: The input tensor input must have at least 2 dimensions."))
    return Tensor.from_array(np.asarray(np.linalg.matrix_rank(A.numpy_value(), tol, hermitian)).astype(np.int64))


FUNCTIONS: dict[str, Function] = {
    "norm": plain_norm, "det": det, "slogdet": slogdet, "logdet": logdet, "inverse": inv,
    "cholesky": lambda x, upper=False: cholesky(x, upper=upper),
    "cholesky_solve": cholesky_solve, "qr": lambda x, some=True: qr(x), "pinverse": pinv, "matrix_power": matrix_power,
}  # fmt: skip
LINALG: dict[str, Function] = {
    "det": det, "slogdet": slogdet, "inv": inv, "solve": solve, "solve_triangular": solve_triangular, "cholesky": cholesky,
    "qr": qr, "eigh": eigh, "eigvalsh": eigvalsh, "svd": svd, "svdvals": svdvals, "pinv": pinv, "matrix_power": matrix_power,
    "matrix_norm": matrix_norm, "vector_norm": vector_norm, "norm": norm, "cond": cond, "matrix_rank": matrix_rank,
}  # fmt: skip
