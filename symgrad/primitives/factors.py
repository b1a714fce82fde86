"""Factors of matrices of any shape: QR, singular values, the pseudo-inverse.

The rules are those of M. Giles, An extended collection of matrix derivative results for forward and reverse mode
algorithmic differentiation (2008), S. Walter and L. Lehmann, Algorithmic differentiation of linear algebra functions
with application in optimum experimental design (2013), and G. Golub and V. Pereyra, The differentiation of
pseudo-inverses (1973). NumPy's LAPACK computes the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.ir.expr import Node, like, ops
from symgrad.ir.kinds import Rules
from symgrad.ir.types import TensorType
from symgrad.primitives.matrices import INTERPRET, Tangents, masked, mT, stacked
from symgrad.primitives.rules import Types, floating, primitive, refuse_dtype, refuse_shape
from symgrad.primitives.samples import real, sample

__all__: list[str] = []

_LAPACK = "LAPACK's backward error, a few ulp of the condition number"

_TALL = tuple(sample(real(-2.0, 2.0), shapes=(shape,)) for shape in ((3, 3), (4, 2), (2, 3, 2)))
_ANY = (*_TALL, sample(real(-2.0, 2.0), shapes=((2, 4),)))


def _matrix(name: str, types: Types) -> tuple[TensorType, Any, Any]:
    (given,) = types
    if given.dtype.category not in floating:
        refuse_dtype(name, floating, types)
    if given.ndim < 2:
        refuse_shape(f"{name}: needs matrices in the last two axes, got {given}")
    return given, given.shape[-2], given.shape[-1]


def _factor_type(name: str, types: Types) -> TensorType:
    given, rows, columns = _matrix(name, types)
    if name in ("qr_q", "qr_r") and rows < columns:
        refuse_shape(f"{name}: needs at least as many rows as columns, got {given}")
    least = min(rows, columns)
    tail = {"qr_r": (columns, columns), "qr_q": (rows, columns), "svd_u": (rows, least), "svd_vh": (least, columns)}
    return TensorType((*given.shape[:-2], *tail.get(name, (least,))), given.dtype)


# QR


def _qr_parts(x: Node, tangent: Node) -> tuple[Node, Node, Node, Node, Node]:
    """Return Q, R, M = dA R^-1, S = Q^T M and the antisymmetric part Q^T dQ."""
    q, r = ops.qr_q(x), ops.qr_r(x)
    m = mT(ops.solve_triangular(mT(r), mT(tangent), upper=False, unit=False))
    s = ops.matmul(mT(q), m)
    below = masked(s, lower=True, strict=True)
    return q, r, m, s, below - mT(below)


def _qr_q_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    if tangents[0] is None:
        return None
    q, _, m, s, turn = _qr_parts(inputs[0], tangents[0])
    return ops.matmul(q, turn) + m - ops.matmul(q, s)


def _qr_r_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    if tangents[0] is None:
        return None
    _, r, _, s, turn = _qr_parts(inputs[0], tangents[0])
    return ops.matmul(s - turn, r)


def _mirrored(x: Node) -> Node:
    """Return the lower triangle on both sides of the diagonal."""
    return masked(x, lower=True) + mT(masked(x, lower=True, strict=True))


def _qr_back(x: Node, q_bar: Node | None, inner: Node) -> Node:
    """Return [Q_bar + Q mirrored(inner)] R^-T."""
    q, r = ops.qr_q(x), ops.qr_r(x)
    total = ops.matmul(q, _mirrored(inner))
    total = total if q_bar is None else total + q_bar
    return mT(ops.solve_triangular(r, mT(total), upper=True, unit=False))


def _qr_q_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node]:
    return (_qr_back(inputs[0], ct, -ops.matmul(mT(ct), out)),)


def _qr_r_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node]:
    return (_qr_back(inputs[0], None, ops.matmul(out, mT(masked(ct, lower=False)))),)


_QR = "A = Q R with Q^T Q = 1 and R upper triangular, of full column rank. The rules are Walter and Lehmann's (2013), section 3."
qr_q = primitive(
    "qr_q",
    _factor_type,
    lambda x: np.linalg.qr(x)[0],
    Rules(_qr_q_jvp, _qr_q_vjp),
    INTERPRET,
    elementwise=False,
    batch=stacked("qr_q"),
    samples=_TALL,
    ulp=64.0,
    ulp_reason=_LAPACK,
    doc=f"Q of {_QR}",
)
qr_r = primitive(
    "qr_r",
    _factor_type,
    lambda x: np.linalg.qr(x)[1],
    Rules(_qr_r_jvp, _qr_r_vjp),
    INTERPRET,
    elementwise=False,
    batch=stacked("qr_r"),
    samples=_TALL,
    ulp=64.0,
    ulp_reason=_LAPACK,
    doc=f"R of {_QR}",
)


# singular values


def _row(values: Node) -> Node:
    return ops.expand_dims(values, axes=(values.ndim - 1,))


def _column(values: Node) -> Node:
    return ops.expand_dims(values, axes=(values.ndim,))


def _gaps(s: Node) -> Node:
    """Return 1/(s_j^2 - s_i^2), 0 on the diagonal and between equal values."""
    apart = (_row(s) - _column(s)) * (_row(s) + _column(s))
    zero = like(0.0, s)
    return ops.where(ops.eq(apart, zero), zero, 1.0 / apart)


def _outside(basis: Node, x: Node) -> Node:
    """Return the part of the columns of ``x`` that an orthonormal basis does not span."""
    return x - ops.matmul(basis, ops.matmul(mT(basis), x))


def _svd_values_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    if tangents[0] is None:
        return None
    u, vh = ops.svd_u(inputs[0]), ops.svd_vh(inputs[0])
    result: Node = ops.diag_extract(ops.matmul(ops.matmul(mT(u), tangents[0]), mT(vh)), offset=0)
    return result


def _svd_values_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node]:
    return (ops.matmul(ops.svd_u(inputs[0]) * _row(ct), ops.svd_vh(inputs[0])),)


def _svd_u_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    if tangents[0] is None:
        return None
    s, v = ops.svd_values(inputs[0]), mT(ops.svd_vh(inputs[0]))
    inner = ops.matmul(ops.matmul(mT(out), tangents[0]), v)
    turn = _gaps(s) * (inner * _row(s) + _column(s) * mT(inner))
    return ops.matmul(out, turn) + _outside(out, ops.matmul(tangents[0], v) / _row(s))


def _svd_u_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node]:
    s, vh = ops.svd_values(inputs[0]), ops.svd_vh(inputs[0])
    w = _gaps(s) * ops.matmul(mT(out), ct)
    inside = ops.matmul(ops.matmul(out, (w + mT(w)) * _row(s)), vh)
    return (inside + ops.matmul(_outside(out, ct) / _row(s), vh),)


def _svd_vh_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node) -> Node | None:
    if tangents[0] is None:
        return None
    s, u, v = ops.svd_values(inputs[0]), ops.svd_u(inputs[0]), mT(out)
    inner = ops.matmul(ops.matmul(mT(u), tangents[0]), v)
    turn = _gaps(s) * (_column(s) * inner + mT(inner) * _row(s))
    return mT(ops.matmul(v, turn) + _outside(v, ops.matmul(mT(tangents[0]), u) / _row(s)))


def _svd_vh_vjp(inputs: Sequence[Node], ct: Node, out: Node) -> tuple[Node]:
    s, u, v = ops.svd_values(inputs[0]), ops.svd_u(inputs[0]), mT(out)
    w = _gaps(s) * ops.matmul(out, mT(ct))
    inside = ops.matmul(ops.matmul(u, _column(s) * (w + mT(w))), out)
    return (inside + ops.matmul(u / _row(s), mT(_outside(v, mT(ct)))),)


_SVD = "A = U S V^T, values falling. dS = diag(U^T dA V) (Giles 3.2); the vectors' rules need distinct values that are not 0."
for _name, _place, _rules in (
    ("svd_values", 1, Rules(_svd_values_jvp, _svd_values_vjp)),
    ("svd_u", 0, Rules(_svd_u_jvp, _svd_u_vjp)),
    ("svd_vh", 2, Rules(_svd_vh_jvp, _svd_vh_vjp)),
):
    primitive(
        _name,
        _factor_type,
        lambda x, _place=_place: np.linalg.svd(x, full_matrices=False)[_place],
        _rules,
        INTERPRET,
        elementwise=False,
        batch=stacked(_name),
        samples=_ANY,
        ulp=64.0,
        ulp_reason=_LAPACK,
        doc=f"{('U', 'S', 'V^T')[_place]} of {_SVD}",
    )


# the pseudo-inverse


def _pinv_type(name: str, types: Types, *, rtol: float, hermitian: bool) -> TensorType:
    given, rows, columns = _matrix(name, types)
    return TensorType((*given.shape[:-2], columns, rows), given.dtype)


def _less_projection(x: Node, left: Node, right: Node) -> Node:
    """Return ``x`` less ``left right x``."""
    return x - ops.matmul(left, ops.matmul(right, x))


def _pinv_jvp(inputs: Sequence[Node], tangents: Tangents, out: Node, **attributes: Any) -> Node | None:
    (x,), (tangent,) = inputs, tangents
    if tangent is None:
        return None
    first = -ops.matmul(ops.matmul(out, tangent), out)
    turned = mT(tangent)
    second = ops.matmul(ops.matmul(out, mT(out)), turned)
    second = second - ops.matmul(ops.matmul(second, x), out)
    third = _less_projection(ops.matmul(turned, ops.matmul(mT(out), out)), out, x)
    return first + second + third


def _pinv_vjp(inputs: Sequence[Node], ct: Node, out: Node, **attributes: Any) -> tuple[Node]:
    (x,), turned = inputs, mT(ct)
    first = -ops.matmul(ops.matmul(mT(out), ct), mT(out))
    second = _less_projection(ops.matmul(turned, ops.matmul(out, mT(out))), x, out)
    third = ops.matmul(ops.matmul(mT(out), out), turned)
    third = third - ops.matmul(ops.matmul(third, out), x)
    return (first + second + third,)


pinv = primitive(
    "pinv",
    _pinv_type,
    lambda x, rtol, hermitian: np.linalg.pinv(x, rtol, hermitian=hermitian).astype(x.dtype),
    Rules(_pinv_jvp, _pinv_vjp),
    INTERPRET,
    elementwise=False,
    batch=stacked("pinv"),
    samples=tuple(sample(real(-2.0, 2.0), shapes=(shape,), rtol=1e-7, hermitian=False) for shape in ((3, 3), (4, 2), (2, 2, 3))),
    ulp=64.0,
    ulp_reason=_LAPACK,
    doc="The pseudo-inverse P, singular values below rtol times the greatest counted as 0. dP = -P dA P + P P^T dA^T (1 - A P) "
    "+ (1 - P A) dA^T P^T P (Golub and Pereyra 1973), where the rank does not change.",
)
