"""Composites over axes: mean, var, std, logsumexp, norm."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.ir.dims import Dim, product
from symgrad.ir.expr import Node, like, ops
from symgrad.primitives.reduction import spread
from symgrad.primitives.rules import check_axes, check_floating, composite, refuse_shape, size_value
from symgrad.primitives.samples import real, sample

__all__: list[str] = []

Axes = tuple[int, ...]

_SHAPES = (((5,), (0,)), ((3, 4), (0,)), ((3, 4), (0, 1)), ((2, 3, 4), (1, 2)))


def _check(name: str, x: Node, axes: Axes) -> None:
    check_floating(name, x)
    check_axes(name, axes, x.ndim)


def _count(x: Node, axes: Axes) -> Node:
    return size_value(product([x.shape[a] for a in axes]), x.dtype)


def _mean(x: Node, *, axes: Axes) -> Node:
    _check("mean", x, axes)
    return ops.sum(x, axes=axes) / _count(x, axes)


def _var(x: Node, *, axes: Axes, ddof: int = 0) -> Node:
    _check("var", x, axes)
    apart = x - spread(_mean(x, axes=axes), axes, x.shape)
    count = product([x.shape[a] for a in axes]) - ddof
    if not isinstance(count, Dim):
        count = max(count, 0)
    return ops.sum(apart * apart, axes=axes) / size_value(count, x.dtype)


def _safe_root(square: Node) -> Node:
    zero = like(0.0, square)
    return ops.where(ops.eq(square, zero), zero, ops.sqrt(square))


def _std(x: Node, *, axes: Axes, ddof: int = 0) -> Node:
    return _safe_root(_var(x, axes=axes, ddof=ddof))


def _norm(x: Node, *, axes: Axes) -> Node:
    _check("norm", x, axes)
    return _safe_root(ops.sum(x * x, axes=axes))


def _logsumexp(x: Node, *, axes: Axes) -> Node:
    _check("logsumexp", x, axes)
    if any(x.shape[a] == 0 for a in axes):
        refuse_shape(f"logsumexp: an empty axis has no logsumexp, got {x.type} over axes {axes}")
    # Mathematically the result does not depend on the shift, so holding it constant leaves every derivative exact.
    top = ops.stop_gradient(ops.max(x, axes=axes))
    shift = ops.where(ops.isfinite(top), top, like(0.0, top))
    return ops.log(ops.sum(ops.exp(x - spread(shift, axes, x.shape)), axes=axes)) + shift


def _logsumexp_value(x: Any, *, axes: Axes) -> Any:
    result: Any = np.logaddexp.reduce(np.moveaxis(x, axes, range(len(axes))).reshape(-1, *_kept(x.shape, axes)), axis=0)
    return result


def _kept(shape: tuple[int, ...], axes: Axes) -> tuple[int, ...]:
    return tuple(s for a, s in enumerate(shape) if a not in axes)


mean = composite(
    "mean",
    _mean,
    lambda x, *, axes: np.mean(x, axis=axes),
    tuple(sample(real(), shapes=(s,), axes=a) for s, a in _SHAPES),
    "Sum over axes divided by how many elements they have.",
)
var = composite(
    "var",
    _var,
    lambda x, *, axes, ddof=0: np.var(x, axis=axes, ddof=ddof),
    tuple(sample(real(), shapes=(s,), axes=a, ddof=d) for s, a in _SHAPES for d in (0, 1)),
    "Mean of squared distances from the mean, in two passes; divided by count - ddof, as NumPy.",
)
std = composite(
    "std",
    _std,
    lambda x, *, axes, ddof=0: np.std(x, axis=axes, ddof=ddof),
    tuple(sample(real(), shapes=(s,), axes=a, ddof=d) for s, a in _SHAPES for d in (0, 1)),
    "Root of the variance; every derivative is 0 where the variance is 0.",
)
norm = composite(
    "norm",
    _norm,
    lambda x, *, axes: np.sqrt(np.sum(x * x, axis=axes)),
    tuple(sample(real(), shapes=(s,), axes=a) for s, a in _SHAPES),
    "Euclidean norm over axes; every derivative is 0 at 0, as torch's.",
)
logsumexp = composite(
    "logsumexp",
    _logsumexp,
    _logsumexp_value,
    tuple(sample(real(), shapes=(s,), axes=a) for s, a in _SHAPES),
    "log of the sum of exponentials, shifted by the greatest element; -inf and +inf as limits.",
)
