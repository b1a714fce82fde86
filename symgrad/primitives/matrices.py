"""Functions of square matrices: solve, inverse, determinant.

The rules are those of M. Giles, An extended collection of matrix derivative results for forward and reverse mode
algorithmic differentiation (2008). NumPy's LAPACK computes the values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import int64
from symgrad.errors import LinAlgError
from symgrad.ir.expr import Node, like, ops
from symgrad.ir.kinds import Interpreted, Rules, Zero
from symgrad.ir.types import TensorType
from symgrad.primitives.rules import Types, floating, primitive, refuse_dtype, refuse_shape
from symgrad.primitives.samples import real, sample

__all__ = ["INTERPRET", "LAPACK", "Tangents", "catching", "check_square", "mT", "masked", "matrix_family", "square_type",
           "stacked"]  # fmt: skip

Array = Any
Tangents = Sequence[Node | None]

INTERPRET = Interpreted("use options.tier='interpret', or call it outside the compiled function")
LAPACK = "LAPACK's backward error, a few ulp of the condition number"


def mT(x: Node) -> Node:  # noqa: N802  # the name that NumPy and torch give it
    """Return the last two axes exchanged."""
    return ops.transpose(x, permutation=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def masked(x: Node, lower: bool, strict: bool = False) -> Node:
    """Return the lower or upper triangle, zeros elsewhere."""
    row, column = (ops.iota(size=s, dtype=int64) for s in x.shape[-2:])
    row = ops.expand_dims(row, axes=(1,))
    kept = (ops.lt if strict else ops.le)(column, row) if lower else (ops.gt if strict else ops.ge)(column, row)
    return ops.where(kept, x, like(0.0, x))


def times_eye(scale: Node, x: Node) -> Node:
    """Return a 0-d value for each matrix as an operand of the matrices' shape."""
    return ops.expand_dims(scale, axes=(x.ndim - 2, x.ndim - 1))


def _trace(x: Node) -> Node:
    return ops.sum(ops.diag_extract(x, offset=0), axes=(x.ndim - 2,))


def check_square(name: str, types: Types) -> TensorType:
    """Return the type of stacks of square matrices, or raise in the operation's name."""
    given = types[0]
    if given.dtype.category not in floating or any(t.dtype is not given.dtype for t in types):
        refuse_dtype(name, floating, types)
    if given.ndim < 2 or given.shape[-1] != given.shape[-2]:
        refuse_shape(f"{name}: needs square matrices in the last two axes, got {given}")
    return given


def square_type(name: str, types: Types) -> TensorType:
    """Return the type of a result of the matrices' own shape."""
    return check_square(name, types)


def _one_number(name: str, types: Types) -> TensorType:
    given = check_square(name, types)
    return TensorType(given.shape[:-2], given.dtype)


def stacked(name: str) -> Callable[..., Node]:
    """Return the batching rule of a function over stacks of matrices; an operand without the batch is repeated."""

    def batch(inputs: Sequence[Node], batched: Sequence[bool], **attributes: Any) -> Node:
        count = next(x.shape[0] for x, flag in zip(inputs, batched, strict=True) if flag)
        wide = [x if flag else ops.broadcast_to(x, shape=(count, *x.shape)) for x, flag in zip(inputs, batched, strict=True)]
        return getattr(ops, name)(*wide, **attributes)  # type: ignore[no-any-return]

    return batch


def catching(function: Callable[..., Array], refusal: str) -> Callable[..., Array]:
    """Return a function of NumPy's linear algebra that raises LinAlgError of our own."""

    def value(*arrays: Array, **attributes: Any) -> Array:
        try:
            return function(*arrays, **attributes)
        except np.linalg.LinAlgError as error:
            raise LinAlgError(refusal) from error

    return value


def dominant(arrays: list[Array]) -> list[Array]:
    """Return the first array's matrices with a heavy diagonal: far from singular."""
    a = arrays[0]
    return [(a + 5 * np.eye(a.shape[-1])).astype(a.dtype), *arrays[1:]]


def matrix_family(*shapes: tuple[int, ...], prepare: Any = dominant, **attributes: Any) -> Any:
    """Return the family of calls with matrices of these shapes."""
    return sample(*[real(-1.0, 1.0) for _ in shapes], shapes=shapes, prepare=prepare, **attributes)


_SQUARES = (matrix_family((3, 3)), matrix_family((2, 2, 2)), matrix_family((1, 1)))


# solutions


def _solve_type(name: str, types: Types, **attributes: Any) -> TensorType:
    a, b = check_square(name, types), types[1]
    if b.ndim != a.ndim or b.shape[:-2] != a.shape[:-2] or b.shape[-2] != a.shape[-1]:
        refuse_shape(f"{name}: the right side needs as many rows, and the same leading axes, got {a} and {b}")
    return b


def _solve_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    a, _ = inputs
    da, db = tangents
    right = db
    if da is not None:
        product = ops.matmul(da, out)
        right = -product if db is None else db - product
    return None if right is None else ops.solve(a, right)


def _solve_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node, Node]:
    passed = ops.solve(mT(inputs[0]), ct)
    return -ops.matmul(passed, mT(out)), passed


solve = primitive(
    "solve",
    _solve_type,
    catching(np.linalg.solve, "linalg.solve: The solver failed because the input matrix is singular."),
    Rules(_solve_jvp, _solve_vjp),
    INTERPRET,
    elementwise=False,
    batch=stacked("solve"),
    samples=(matrix_family((3, 3), (3, 2)), matrix_family((2, 2, 2), (2, 2, 1))),
    ulp=64.0,
    ulp_reason=LAPACK,
    doc="X with A X = B, for stacks of square matrices A and of matrices B. dX = A^-1 (dB - dA X) (Giles 2.3.1).",
)


def _triangle_value(a: Array, b: Array, *, upper: bool, unit: bool) -> Array:
    part = np.triu(a) if upper else np.tril(a)
    if unit:
        part = part - part * np.eye(a.shape[-1], dtype=a.dtype) + np.eye(a.shape[-1], dtype=a.dtype)
    elif (np.diagonal(part, axis1=-2, axis2=-1) == 0).any():
        return np.where(np.isnan(b), b, np.asarray(np.inf, b.dtype))
    return np.linalg.solve(part, b).astype(b.dtype)


def _triangle_of(x: Node, upper: bool, unit: bool) -> Node:
    return masked(x, lower=not upper, strict=unit)


def _solve_triangular_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node, *, upper: bool, unit: bool) -> Node | None:
    da, right = tangents
    if da is not None:
        product = ops.matmul(_triangle_of(da, upper, unit), out)
        right = -product if right is None else right - product
    return None if right is None else ops.solve_triangular(inputs[0], right, upper=upper, unit=unit)


def _solve_triangular_vjp(inputs: Sequence[Node], ct: Node, out: Node, *, upper: bool, unit: bool) -> tuple[Node, Node]:
    passed = ops.solve_triangular(mT(inputs[0]), ct, upper=not upper, unit=unit)
    return _triangle_of(-ops.matmul(passed, mT(out)), upper, unit), passed


solve_triangular = primitive(
    "solve_triangular",
    _solve_type,
    _triangle_value,
    Rules(_solve_triangular_jvp, _solve_triangular_vjp),
    INTERPRET,
    elementwise=False,
    batch=stacked("solve_triangular"),
    samples=tuple(matrix_family((3, 3), (3, 2), upper=u, unit=v) for u in (False, True) for v in (False, True)),
    ulp=64.0,
    ulp_reason=LAPACK,
    doc="X with T X = B for the lower or upper triangle T of A, with ``unit`` ones on its diagonal (Giles 2.3.1).",
)


def _inv_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    return None if tangents[0] is None else -ops.matmul(ops.matmul(out, tangents[0]), out)


def _inv_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node]:
    return (-ops.matmul(ops.matmul(mT(out), ct), mT(out)),)


inv = primitive(
    "inv",
    square_type,
    catching(np.linalg.inv, "linalg.inv: The inversion could not be completed because the input matrix is singular."),
    Rules(_inv_jvp, _inv_vjp),
    INTERPRET,
    elementwise=False,
    batch=stacked("inv"),
    samples=_SQUARES,
    ulp=64.0,
    ulp_reason=LAPACK,
    doc="The inverse of each matrix. d(A^-1) = -A^-1 dA A^-1 (Giles 2.2.3).",
)


# determinants


def _cofactor_value(x: Array) -> Array:
    """Return det(A) A^-T, through the singular values so that a singular matrix has one too."""
    if not x.size:
        return np.zeros_like(x)
    u, s, vh = np.linalg.svd(x)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1.0, s[..., None, :]).prod(-1)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return np.asarray(sign[..., None, None] * (u * others[..., None, :]) @ vh).astype(x.dtype)


def _det_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    if tangents[0] is None:
        return None
    return ops.sum(ops.cofactor(inputs[0]) * tangents[0], axes=(inputs[0].ndim - 2, inputs[0].ndim - 1))


def _det_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node]:
    return (times_eye(ct, inputs[0]) * ops.cofactor(inputs[0]),)


def _cofactor_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    """From C = det(A) A^-T: dC = tr(A^-1 dA) C - C dA^T A^-T."""
    if tangents[0] is None:
        return None
    inverse = ops.inv(inputs[0])
    rate = _trace(ops.matmul(inverse, tangents[0]))
    return times_eye(rate, out) * out - ops.matmul(ops.matmul(out, mT(tangents[0])), mT(inverse))


def _cofactor_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node]:
    inverse_t = mT(ops.inv(inputs[0]))
    total = ops.sum(ct * out, axes=(out.ndim - 2, out.ndim - 1))
    return (times_eye(total, out) * inverse_t - ops.matmul(ops.matmul(inverse_t, mT(ct)), out),)


det = primitive(
    "det",
    _one_number,
    np.linalg.det,
    Rules(_det_jvp, _det_vjp),
    INTERPRET,
    elementwise=False,
    batch=stacked("det"),
    samples=_SQUARES,
    ulp=64.0,
    ulp_reason=LAPACK,
    doc="The determinant of each matrix. d det = tr(cof(A)^T dA) (Jacobi; Giles 2.2.4), for singular matrices too.",
)
cofactor = primitive(
    "cofactor",
    square_type,
    _cofactor_value,
    Rules(_cofactor_jvp, _cofactor_vjp),
    INTERPRET,
    elementwise=False,
    batch=stacked("cofactor"),
    samples=_SQUARES,
    ulp=64.0,
    ulp_reason=LAPACK,
    doc="The gradient of the determinant, det(A) A^-T, by singular values; its own derivative needs an inverse.",
)
sign_det = primitive(
    "sign_det",
    _one_number,
    lambda x: np.linalg.slogdet(x)[0].astype(x.dtype),
    Zero(),
    INTERPRET,
    elementwise=False,
    batch=stacked("sign_det"),
    samples=_SQUARES,
    ulp=0.0,
    doc="The sign of the determinant of each matrix.",
)


def _logabsdet_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    return None if tangents[0] is None else _trace(ops.solve(inputs[0], tangents[0]))


def _logabsdet_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node]:
    return (times_eye(ct, inputs[0]) * mT(ops.inv(inputs[0])),)


logabsdet = primitive(
    "logabsdet",
    _one_number,
    lambda x: np.linalg.slogdet(x)[1].astype(x.dtype),
    Rules(_logabsdet_jvp, _logabsdet_vjp),
    INTERPRET,
    elementwise=False,
    batch=stacked("logabsdet"),
    samples=_SQUARES,
    ulp=64.0,
    ulp_reason=LAPACK,
    doc="log |det A| of each matrix, -inf for a singular one. d log det = tr(A^-1 dA) (Giles 2.2.4).",
)
