"""Cholesky's factor and the eigenvalues of symmetric matrices, taken as the mean of a matrix and its transpose.

The rules are those of I. Murray, Differentiation of the Cholesky decomposition (2016), and M. Giles, An extended
collection of matrix derivative results for forward and reverse mode algorithmic differentiation (2008). NumPy's
LAPACK computes the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.ir.expr import Node, like, ops
from symgrad.ir.kinds import Rules
from symgrad.ir.types import TensorType
from symgrad.primitives.matrices import (
    INTERPRET,
    LAPACK,
    Tangents,
    catching,
    check_square,
    masked,
    matrix_family,
    mT,
    square_type,
    stacked,
)
from symgrad.primitives.rules import Types, primitive

__all__: list[str] = []

Array = Any


def positive_definite(arrays: list[Array]) -> list[Array]:
    """Return symmetric positive definite matrices in place of the first array's."""
    a = arrays[0]
    made = a @ np.swapaxes(a, -1, -2) + 2 * np.eye(a.shape[-1])
    return [made.astype(a.dtype), *arrays[1:]]


_DEFINITE = tuple(matrix_family(s, prepare=positive_definite) for s in ((3, 3), (2, 2, 2), (1, 1)))


def symmetric(x: Node) -> Node:
    """Return the mean of a matrix and its transpose."""
    return (x + mT(x)) * 0.5


def _half_lower(x: Node) -> Node:
    """Return the lower triangle with half of the diagonal."""
    return masked(x, lower=True) - ops.diag_embed(ops.diag_extract(x, offset=0), offset=0) * 0.5


def _cholesky_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    if tangents[0] is None:
        return None
    left = ops.solve_triangular(out, symmetric(tangents[0]), upper=False, unit=False)
    inner = ops.solve_triangular(out, mT(left), upper=False, unit=False)
    return ops.matmul(out, _half_lower(mT(inner)))


def _cholesky_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node]:
    inner = _half_lower(ops.matmul(mT(out), masked(ct, lower=True)))
    left = ops.solve_triangular(mT(out), inner, upper=True, unit=False)
    both = mT(ops.solve_triangular(mT(out), mT(left), upper=True, unit=False))
    return (symmetric(both),)


def _mean_with_transpose(x: Array) -> Array:
    return (x + np.swapaxes(x, -1, -2)) * x.dtype.type(0.5)


cholesky = primitive(
    "cholesky",
    square_type,
    catching(
        lambda x: np.linalg.cholesky(_mean_with_transpose(x)),
        "linalg.cholesky: The factorization could not be completed because the input is not positive-definite.",
    ),
    Rules(_cholesky_jvp, _cholesky_vjp),
    INTERPRET,
    elementwise=False,
    batch=stacked("cholesky"),
    samples=_DEFINITE,
    ulp=64.0,
    ulp_reason=LAPACK,
    doc="The lower factor L of (A + A^T)/2 = L L^T. dL = L P(L^-1 dA L^-T), P the lower triangle with half its diagonal "
    "(Murray 2016, eq. 8); in reverse eq. 10, made symmetric.",
)


def _eigh_values_type(name: str, types: Types) -> TensorType:
    given = check_square(name, types)
    return TensorType(given.shape[:-1], given.dtype)


def _gaps(values: Node) -> Node:
    """Return 1/(v_j - v_i), 0 on the diagonal and between equal values."""
    apart = ops.expand_dims(values, axes=(values.ndim - 1,)) - ops.expand_dims(values, axes=(values.ndim,))
    zero = like(0.0, values)
    return ops.where(ops.eq(apart, zero), zero, 1.0 / apart)


def _eigh_values_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    if tangents[0] is None:
        return None
    vectors = ops.eigh_vectors(inputs[0])
    inner = ops.matmul(ops.matmul(mT(vectors), symmetric(tangents[0])), vectors)
    result: Node = ops.diag_extract(inner, offset=0)
    return result


def _eigh_values_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node]:
    vectors = ops.eigh_vectors(inputs[0])
    scaled = vectors * ops.expand_dims(ct, axes=(ct.ndim - 1,))
    return (ops.matmul(scaled, mT(vectors)),)


def _eigh_vectors_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    if tangents[0] is None:
        return None
    inner = ops.matmul(ops.matmul(mT(out), symmetric(tangents[0])), out)
    return ops.matmul(out, _gaps(ops.eigh_values(inputs[0])) * inner)


def _eigh_vectors_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node]:
    inner = _gaps(ops.eigh_values(inputs[0])) * ops.matmul(mT(out), ct)
    return (symmetric(ops.matmul(ops.matmul(out, inner), mT(out))),)


eigh_values = primitive(
    "eigh_values",
    _eigh_values_type,
    lambda x: np.linalg.eigh(_mean_with_transpose(x))[0],
    Rules(_eigh_values_jvp, _eigh_values_vjp),
    INTERPRET,
    elementwise=False,
    batch=stacked("eigh_values"),
    samples=_DEFINITE,
    ulp=64.0,
    ulp_reason=LAPACK,
    doc="Eigenvalues of (A + A^T)/2 in rising order. dv_i = (V^T dA V)_ii (Giles 3.1).",
)
eigh_vectors = primitive(
    "eigh_vectors",
    square_type,
    lambda x: np.linalg.eigh(_mean_with_transpose(x))[1],
    Rules(_eigh_vectors_jvp, _eigh_vectors_vjp),
    INTERPRET,
    elementwise=False,
    batch=stacked("eigh_vectors"),
    samples=_DEFINITE,
    ulp=64.0,
    ulp_reason=LAPACK,
    doc="Eigenvectors of (A + A^T)/2 as columns. dV = V (F o V^T dA V), F_ij = 1/(v_j - v_i) (Giles 3.1), 0 between equals.",
)
