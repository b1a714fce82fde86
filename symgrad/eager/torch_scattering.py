"""torch's functions that write or combine values at integer indices along an axis."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from symgrad.eager.operation import UNDIFFERENTIABLE, operation
from symgrad.eager.torch_gathering import check_index, flat_places, index_node, overwritten, ranks_agree
from symgrad.eager.torch_rules import (
    Operand,
    axis_of,
    number_node,
    refuse,
    refuse_dtype,
    shape_text,
    spread,
    zero_like,
)
from symgrad.eager.torch_views import FUNCTIONS as VIEWS
from symgrad.ir.expr import Node, Range, like, ops

__all__ = ["FUNCTIONS"]

Function = Callable[..., Any]


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def _source(name: str, x: Node, index: Node, source: Operand) -> Node:
    """Return the part of a scatter's source that ``index`` covers, or a number for all of it."""
    if not isinstance(source, Node):
        return spread(number_node(source, x.dtype), index.shape)
    if source.dtype is not x.dtype:
        refuse_dtype(f"{name}(): Expected self.dtype to be equal to src.dtype")
    ranks_agree("src", source, index)
    for k, (p, q) in enumerate(zip(index.shape, source.shape, strict=False)):
        if p > q:  # type: ignore[operator]  # sizes of Tensors are ints
            shapes = f"Expected index {shape_text(index.shape)} to be no larger than src {shape_text(source.shape)}"
            refuse(f"{shapes} size in dimension {k}")
    if source.shape == index.shape or not source.ndim:
        return source
    return ops.slice(source, ranges=tuple(Range(0, s) for s in index.shape))


def _with_axes(name: str, node: Node, index: Operand, source: Operand) -> tuple[Node, Node, Node]:
    """Return what is written to, where, and what is written there: each with an axis at least."""
    places = index_node(name, index)
    ranks_agree("self", node, places)
    given = _source(name, node, places, source)
    base, places, given = (n if n.ndim else ops.reshape(n, shape=(1,)) for n in (node, places, given))
    return base, places, given


def _scatter_formula(x: Operand, index: Operand, source: Operand, *, dim: int, add: bool) -> Node:
    node, axis = _node(x), axis_of(dim, _node(x).ndim)
    base, places, given = _with_axes("scatter", node, index, source)
    flat = flat_places(places, axis, base.shape)
    if not add:
        return ops.reshape(overwritten(base, given, flat), shape=node.shape)
    size: Any = places.type.size
    updates, spots = (ops.reshape(n, shape=(size,)) for n in (given, flat))
    total = ops.scatter_add(updates, spots, axis=0, size=base.type.size)
    return node + ops.reshape(total, shape=node.shape)


_scatter, _scatter_number, _scatter_add = (
    operation(f"Scatter{name}")(_scatter_formula) for name in ("Backward0", "Backward1", "AddBackward0")
)


def _scatter_by_formula(x: Operand, index: Operand, source: Operand, *, dim: int, product: bool) -> Node:
    if product:
        return _product_formula(x, index, source, dim=dim, include_self=True)
    return _scatter_formula(x, index, source, dim=dim, add=True)


_scatter_by_formula.__name__ = "scatter"
_scatter_by = operation(UNDIFFERENTIABLE)(_scatter_by_formula)  # torch has a derivative for scatter_reduce only


_REDUCE = (
    "The reduce argument of torch.scatter with Tensor src is deprecated and will be removed in a future PyTorch release. Use "
    "torch.scatter_reduce instead for more reduction options."
)


def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Any:
    """Return ``input`` with ``src`` written at ``index`` along an axis; of several for one place the last counts."""
    source = value if src is None else src
    axis = axis_of(dim, input.ndim)
    check_index(index, input.shape[axis] if input.ndim else 1, axis)
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            refuse("reduce argument must be either add or multiply.")
        if not isinstance(source, (int, float)):
            warnings.warn(_REDUCE, UserWarning, stacklevel=2)
        return _scatter_by(input, index, source, dim=dim, product=reduce == "multiply")
    return (_scatter_number if isinstance(source, (int, float)) else _scatter)(input, index, source, dim=dim, add=False)


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """Return ``input`` with ``src`` added at ``index`` along an axis."""
    axis = axis_of(dim, input.ndim)
    check_index(index, input.shape[axis] if input.ndim else 1, axis)
    return _scatter_add(input, index, src, dim=dim, add=True)


def _mean_formula(x: Operand, index: Operand, source: Operand, *, dim: int, include_self: bool, mean: bool) -> Node:
    node, places = _node(x), index_node("scatter_reduce", index)
    total = _scatter_formula(node, places, source, dim=dim, add=True)
    ones = spread(like(1, node), places.shape)
    count = _scatter_formula(zeros_of(node), places, ones, dim=dim, add=True)
    if not include_self:  # what is written loses its own value
        total = total - ops.where(count > 0, node, zero_like(node))
    if not mean:
        return total
    count = count + 1 if include_self else ops.maximum(count, like(1, count))
    return total / count if node.dtype.is_floating else ops.floor_divide(total, count)


def zeros_of(node: Node) -> Node:
    """Return zeros of a node's type."""
    return spread(zero_like(node), node.shape)


def _extremum_formula(x: Operand, index: Operand, source: Operand, *, dim: int, include_self: bool, largest: bool) -> Node:
    """Return the extremum at each place; what equals it shares the gradient evenly."""
    node, places = _node(x), index_node("scatter_reduce", index)
    axis = axis_of(dim, node.ndim)
    given = _source("scatter_reduce", node, places, source)
    flat = ops.reshape(node, shape=(node.type.size,))
    spots = ops.reshape(flat_places(places, axis, node.shape), shape=(places.type.size,))
    values = ops.reshape(given, shape=spots.shape)
    order = ops.argsort(values, axis=0, descending=not largest)
    writer = ops.last_writer(ops.gather(spots, order, axis=0), size=flat.shape[0])  # the last in order is the extremum
    written = writer >= 0
    best = ops.gather(values, ops.gather(order, ops.maximum(writer, like(0, writer)), axis=0), axis=0)
    if include_self:
        best = (ops.maximum if largest else ops.minimum)(flat, ops.where(written, best, flat))
    best = ops.stop_gradient(ops.where(written, best, flat))
    hit = ops.eq(values, ops.gather(best, spots, axis=0))
    own = ops.logical_and(ops.eq(flat, best), ops.logical_or(like(include_self, written), ops.logical_not(written)))
    one, none = like(1, flat), zero_like(flat)

    def gathered(own_part: Node, written_part: Node) -> Node:
        parts = ops.where(hit, written_part, none)
        return ops.where(own, own_part, none) + ops.scatter_add(parts, spots, axis=0, size=flat.shape[0])

    total, count = gathered(flat, values), gathered(one, one)
    if not node.dtype.is_floating:
        return ops.reshape(best, shape=node.shape)
    share = total / count
    return ops.reshape(best + (share - ops.stop_gradient(share)), shape=node.shape)


def _product_formula(x: Operand, index: Operand, source: Operand, *, dim: int, include_self: bool) -> Node:
    """Return the products at each place: of everything along the axis, with 1 for what belongs elsewhere.

    That is as much work as the two sizes along the axis multiplied, and exact where factors are zero.
    """
    node, axis = _node(x), axis_of(dim, _node(x).ndim)
    base, places, given = _with_axes("scatter_reduce", node, index, source)
    count: Any = base.shape[axis]
    shape = tuple(count if k == axis else 1 for k in range(base.ndim + 1))
    numbers = ops.reshape(ops.iota(size=count, dtype=places.dtype), shape=shape)
    wide = (*places.shape[:axis], count, *places.shape[axis:])
    rows, values = (spread(ops.expand_dims(n, axes=(axis,)), wide) for n in (places, given))
    hit = ops.eq(rows, spread(numbers, wide))
    factor = ops.prod(ops.where(hit, values, like(1, values)), axes=(axis + 1,))
    rest = tuple((0, n - m) for n, m in zip(base.shape, factor.shape, strict=True))
    factor = ops.pad(factor, widths=rest, value=1.0 if node.dtype.is_floating else 1)
    if include_self:
        return ops.reshape(base * factor, shape=node.shape)
    written = ops.pad(ops.any(hit, axes=(axis + 1,)), widths=rest, value=False)
    return ops.reshape(ops.where(written, factor, base), shape=node.shape)


_combinations = {
    name: [operation(f"{name}ReduceBackward0")(f) for f in (_mean_formula, _extremum_formula, _product_formula)]
    for name in ("Scatter", "Index")
}


def _combined(name: str, x: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool) -> Any:
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        refuse(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    axis = axis_of(dim, x.ndim)
    check_index(index, x.shape[axis] if x.ndim else 1, axis)
    mean, extremum, product = _combinations[name]
    if reduce == "prod":
        return product(x, index, src, dim=dim, include_self=include_self)
    if reduce in ("amax", "amin"):
        return extremum(x, index, src, dim=dim, include_self=include_self, largest=reduce == "amax")
    return mean(x, index, src, dim=dim, include_self=include_self, mean=reduce == "mean")


def scatter_reduce(input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    """Return ``input`` with ``src`` combined at ``index`` along an axis: "sum", "prod", "mean", "amax" or "amin"."""
    return _combined("Scatter", input, dim, index, src, reduce, bool(include_self))


def index_reduce(input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Any:
    """Return ``input`` with the entries of ``source`` combined at ``index`` along an axis: "prod", "mean", "amax", "amin"."""
    axis = axis_of(dim, input.ndim)
    column = VIEWS["reshape"](index, tuple(-1 if a == axis else 1 for a in range(input.ndim)))
    wide = VIEWS["expand"](column, tuple(source.shape))
    return _combined("Index", input, dim, wide, source, reduce, bool(include_self))


FUNCTIONS: dict[str, Function] = {
    "scatter": scatter, "scatter_add": scatter_add, "scatter_reduce": scatter_reduce, "index_reduce": index_reduce,
}  # fmt: skip
