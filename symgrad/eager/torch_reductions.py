"""torch's reductions: sums, products, moments, norms, logical reductions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from symgrad.dtypes import DType, as_dtype, int64
from symgrad.eager.operation import operation
from symgrad.eager.torch_rules import (
    DTYPE_NAMES,
    Operand,
    as_static,
    axes_of,
    common,
    count_of,
    floating,
    kept,
    refuse,
    refuse_dtype,
    spread,
    truth_of,
    zero_like,
)
from symgrad.ir.expr import Node, like, ops

__all__ = ["FUNCTIONS", "MEAN", "SUM", "dim_of", "keep_of", "vector_norm", "vector_norm_node"]

Function = Callable[..., Any]
Dims = Any


def dim_of(dim: Any, axis: Any) -> Any:
    """Return ``dim``, or its alias ``axis``, as something that can be an attribute."""
    return as_static(dim if axis is None else axis)


def keep_of(keepdim: Any, keepdims: Any) -> bool:
    """Return ``keepdim``, or its alias ``keepdims``."""
    return bool(keepdim if keepdims is None else keepdims)


def _summable(x: Operand, dtype: DType | None) -> Node:
    (node,) = common(x)
    kind = dtype or (node.dtype if node.dtype.is_floating else int64)
    return node if node.dtype is kind else ops.cast(node, dtype=kind)


def _dtype(dtype: Any) -> DType | None:
    return None if dtype is None else as_dtype(dtype)


# sums and products


def _sum_formula(x: Operand, *, dim: Dims, keepdim: bool, dtype: DType | None) -> Node:
    node = _summable(x, dtype)
    axes = axes_of(dim, node.ndim)
    return kept(ops.sum(node, axes=axes), axes, keepdim)


def _nansum_formula(x: Operand, *, dim: Dims, keepdim: bool, dtype: DType | None) -> Node:
    (node,) = common(x)
    if node.dtype.is_floating:
        node = ops.where(ops.isnan(node), zero_like(node), node)
    return _sum_formula(node, dim=dim, keepdim=keepdim, dtype=dtype)


def _prod_formula(x: Operand, *, dim: Dims, keepdim: bool, dtype: DType | None) -> Node:
    node = _summable(x, dtype)
    axes = axes_of(dim, node.ndim)
    return kept(ops.prod(node, axes=axes), axes, keepdim)


_sums, _prods = ([operation(f"{n}Backward{k}")(f) for k in (0, 1)] for n, f in (("Sum", _sum_formula), ("Prod", _prod_formula)))
_nansum = operation("NansumBackward0")(_nansum_formula)


def sum(
    input: Any, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, axis: Dims = None, keepdims: bool | None = None
) -> Any:
    """Return the sum over axes, all by default; integers and bools are counted in int64."""
    dim = dim_of(dim, axis)
    return _sums[dim is not None](input, dim=dim, keepdim=keep_of(keepdim, keepdims), dtype=_dtype(dtype))


def nansum(
    input: Any, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, axis: Dims = None, keepdims: bool | None = None
) -> Any:
    """Return the sum over axes with nan counted as 0."""
    return _nansum(input, dim=dim_of(dim, axis), keepdim=keep_of(keepdim, keepdims), dtype=_dtype(dtype))


def prod(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None, keepdims: bool | None = None
) -> Any:
    """Return the product over an axis, or of all elements; its gradient is exact where elements are 0."""
    dim = dim_of(dim, axis)
    return _prods[dim is not None](input, dim=dim, keepdim=keep_of(keepdim, keepdims), dtype=_dtype(dtype))


# moments


def _mean_formula(x: Operand, *, dim: Dims, keepdim: bool, dtype: DType | None) -> Node:
    (node,) = common(x)
    if dtype is not None and node.dtype is not dtype:
        node = ops.cast(node, dtype=dtype)
    if not node.dtype.is_floating:
        needs = "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype."
        refuse_dtype(f"{needs} Got: {DTYPE_NAMES[node.dtype]}")
    axes = axes_of(dim, node.ndim)
    return kept(ops.mean(node, axes=axes), axes, keepdim)


def _nanmean_formula(x: Operand, *, dim: Dims, keepdim: bool, dtype: DType | None) -> Node:
    node = floating(x)
    known = ops.logical_not(ops.isnan(node))
    axes = axes_of(dim, node.ndim)
    total = ops.sum(ops.where(known, node, zero_like(node)), axes=axes)
    return kept(total / ops.sum(ops.cast(known, dtype=node.dtype), axes=axes), axes, keepdim)


_means = [operation(f"MeanBackward{k}")(_mean_formula) for k in (0, 1)]
_nanmean = operation("DivBackward0")(_nanmean_formula)


def mean(
    input: Any, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, axis: Dims = None, keepdims: bool | None = None
) -> Any:
    """Return the mean over axes, of floating values only."""
    dim = dim_of(dim, axis)
    return _means[dim is not None](input, dim=dim, keepdim=keep_of(keepdim, keepdims), dtype=_dtype(dtype))


def nanmean(input: Any, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None) -> Any:
    """Return the mean over axes of the elements that are not nan."""
    return _nanmean(input, dim=dim_of(dim, axis), keepdim=keep_of(keepdim, keepdims), dtype=None)


def _spread_about_mean(x: Operand, dim: Dims, correction: float) -> tuple[Node, Node, tuple[int, ...]]:
    """Return the variance and the mean over axes; by n - correction, which counts as 0 below."""
    (node,) = common(x)
    if not node.dtype.is_floating:
        refuse_dtype("std and var only support floating point and complex dtypes")
    axes = axes_of(dim, node.ndim)
    mean_node = ops.mean(node, axes=axes)
    apart = node - spread(kept(mean_node, axes, True), node.shape)
    divisor = max(count_of(node, axes) - correction, 0.0)
    return ops.sum(apart * apart, axes=axes) / like(divisor, node), mean_node, axes


def _root(square: Node) -> Node:
    zero = zero_like(square)
    return ops.where(ops.eq(square, zero), zero, ops.sqrt(square))


@operation("VarBackward0")
def _var(x: Operand, *, dim: Dims, keepdim: bool, correction: float) -> Node:
    square, _, axes = _spread_about_mean(x, dim, correction)
    return kept(square, axes, keepdim)


@operation("StdBackward0")
def _std(x: Operand, *, dim: Dims, keepdim: bool, correction: float) -> Node:
    square, _, axes = _spread_about_mean(x, dim, correction)
    return kept(_root(square), axes, keepdim)


@operation("VarMeanBackward0")
def _var_mean(x: Operand, *, dim: Dims, keepdim: bool, correction: float) -> tuple[Node, Node]:
    square, mean_node, axes = _spread_about_mean(x, dim, correction)
    return kept(square, axes, keepdim), kept(mean_node, axes, keepdim)


@operation("StdMeanBackward0")
def _std_mean(x: Operand, *, dim: Dims, keepdim: bool, correction: float) -> tuple[Node, Node]:
    square, mean_node, axes = _spread_about_mean(x, dim, correction)
    return kept(_root(square), axes, keepdim), kept(mean_node, axes, keepdim)


def _moment(name: str, made: Function) -> Function:
    def function(
        input: Any, dim: Dims = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None,
        axis: Dims = None, keepdims: bool | None = None,
    ) -> Any:  # fmt: skip
        if isinstance(dim, bool):  # var(unbiased)
            dim, unbiased = None, dim
        divided = (1.0 if unbiased is None else float(unbiased)) if correction is None else float(correction)
        return made(input, dim=dim_of(dim, axis), keepdim=keep_of(keepdim, keepdims), correction=divided)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return {name} over axes, all by default; divided by n - correction, n - 1 by default."
    return function


# norms


def vector_norm_node(x: Node, order: float, axes: tuple[int, ...]) -> Node:
    """Return the vector norm over axes; its derivative is 0 at 0."""
    if order == 2.0:
        return _root(ops.sum(x * x, axes=axes))
    size = ops.abs(x)
    if math.isinf(order):
        if count_of(x, axes) == 0:
            refuse("linalg.vector_norm cannot compute the infinity norm on an empty tensor; it has no identity")
        result: Node = (ops.max if order > 0 else ops.min)(size, axes=axes)
        return result
    if order == 1.0:
        return ops.sum(size, axes=axes)
    zero = zero_like(x)
    if order == 0.0:
        return ops.sum(ops.cast(ops.ne(x, zero), dtype=x.dtype), axes=axes)
    powers = ops.where(ops.eq(x, zero), like(0.0 if order > 0 else math.inf, x), ops.pow(size, like(order, x)))
    total = ops.sum(powers, axes=axes)
    return ops.where(ops.eq(total, zero), zero, ops.pow(total, like(1.0 / order, x)))


@operation("LinalgVectorNormBackward0")
def _vector_norm(x: Operand, *, ord: float, dim: Dims, keepdim: bool, dtype: DType | None) -> Node:
    (node,) = common(x)
    if dtype is not None and node.dtype is not dtype:
        node = ops.cast(node, dtype=dtype)
    if not node.dtype.is_floating:
        name = DTYPE_NAMES[node.dtype]
        refuse_dtype(f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {name}")
    axes = axes_of(dim, node.ndim)
    return kept(vector_norm_node(node, ord, axes), axes, keepdim)


def vector_norm(input: Any, ord: float = 2, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Return (sum |x|**ord) ** (1 / ord) over axes, all by default; its gradient is 0 at 0."""
    return _vector_norm(input, ord=float(ord), dim=as_static(dim), keepdim=bool(keepdim), dtype=_dtype(dtype))


# logical reductions and counts


def _logical(name: str) -> Function:
    @operation("NotDifferentiable")
    def made(x: Operand, *, dim: Dims, keepdim: bool) -> Node:
        node = truth_of(x)
        axes = axes_of(dim, node.ndim)
        return kept(getattr(ops, name)(node, axes=axes), axes, keepdim)

    def function(input: Any, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None) -> Any:
        return made(input, dim=dim_of(dim, axis), keepdim=keep_of(keepdim, keepdims))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return whether {name} of the elements over axes differ from 0."
    return function


@operation("NotDifferentiable")
def _count_nonzero(x: Operand, *, dim: Dims) -> Node:
    node = truth_of(x)
    return ops.sum(ops.cast(node, dtype=int64), axes=axes_of(dim, node.ndim))


def count_nonzero(input: Any, dim: Dims = None, *, axis: Dims = None) -> Any:
    """Return how many elements over axes differ from 0."""
    return _count_nonzero(input, dim=dim_of(dim, axis))


@operation("LogsumexpBackward0")
def _logsumexp(x: Operand, *, dim: Dims, keepdim: bool) -> Node:
    node = floating(x)
    axes = axes_of(dim, node.ndim)
    if count_of(node, axes) == 0:
        return kept(ops.log(ops.sum(node, axes=axes)), axes, keepdim)  # log(0): nothing was added up
    return kept(ops.logsumexp(node, axes=axes) if axes else node, axes, keepdim)


def logsumexp(input: Any, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None) -> Any:
    """Return log(sum(exp(x))) over axes without overflow."""
    return _logsumexp(input, dim=dim_of(dim, axis), keepdim=keep_of(keepdim, keepdims))


@operation("DistBackward0")
def _dist(a: Operand, b: Operand, *, p: float) -> Node:
    x, y = common(a, b, floats=True)
    apart = x - y
    return vector_norm_node(apart, p, tuple(range(apart.ndim)))


def dist(input: Any, other: Any, p: float = 2) -> Any:
    """Return the norm of the difference."""
    return _dist(input, other, p=float(p))


SUM, MEAN = _sums[False], _means[False]  # over all axes

FUNCTIONS: dict[str, Function] = {
    "sum": sum, "nansum": nansum, "prod": prod, "mean": mean, "nanmean": nanmean, "var": _moment("var", _var),
    "std": _moment("std", _std), "var_mean": _moment("var_mean", _var_mean), "std_mean": _moment("std_mean", _std_mean),
    "any": _logical("any"), "all": _logical("all"), "count_nonzero": count_nonzero, "logsumexp": logsumexp,
    "dist": dist,
}  # fmt: skip
