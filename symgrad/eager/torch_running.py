"""torch's running sums, products and extrema along an axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symgrad.dtypes import as_dtype, bool_, int32, int64
from symgrad.eager.operation import operation
from symgrad.eager.torch_gathering import along
from symgrad.eager.torch_returns import return_type
from symgrad.eager.torch_rules import (
    Operand,
    axis_of,
    common,
    fixed,
    floating,
)
from symgrad.ir.expr import Node, like, ops
from symgrad.primitives.scanning import shifted

__all__ = ["FUNCTIONS"]

Function = Callable[..., Any]

_cummax_type = return_type("cummax", "values", "indices")
_cummin_type = return_type("cummin", "values", "indices")


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def _running(name: str, primitive: str) -> Function:
    @operation(f"{name.title()}Backward0")
    def made(x: Operand, *, dim: int, dtype: Any) -> Node:
        (node,) = common(x)
        kind = dtype or (node.dtype if node.dtype.is_floating else int64)
        node = node if node.dtype is kind else ops.cast(node, dtype=kind)
        axis = axis_of(dim, node.ndim)
        result: Node = getattr(ops, primitive)(node, axis=axis) if node.ndim else node
        return result

    def function(input: Any, dim: int | None = None, *, dtype: Any = None, axis: int | None = None) -> Any:
        return made(input, dim=dim if axis is None else axis, dtype=None if dtype is None else as_dtype(dtype))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return running {'sums' if name == 'cumsum' else 'products'} along an axis; integers in int64."
    return function


@operation("LogcumsumexpBackward0")
def _logcumsumexp(x: Operand, *, dim: int) -> Node:
    node = floating(x)
    axis = axis_of(dim, node.ndim)
    if not node.ndim:
        return node
    step, size = 1, fixed(node, axis)
    while step < size:
        earlier = shifted(node, axis, step, float("-inf"))
        node = ops.where(ops.eq(earlier, like(float("-inf"), node)), node, ops.logaddexp(earlier, node))
        step *= 2
    return node


def logcumsumexp(input: Any, dim: int, *, axis: int | None = None) -> Any:
    """Return the logarithms of running sums of exponentials along an axis."""
    return _logcumsumexp(input, dim=dim if axis is None else axis)


def _running_extremum(name: str, result: Any) -> Function:
    later_wins = ops.ge if name == "cummax" else ops.le

    @operation(f"{name.title()}Backward0")
    def made(x: Operand, *, dim: int) -> tuple[Node, Node]:
        node = _node(x)
        axis = axis_of(dim, node.ndim)
        if not node.ndim:
            return node, ops.cast(ops.ne(node, node), dtype=int64)
        value = ops.stop_gradient(ops.cast(node, dtype=int32) if node.dtype is bool_ else node)
        size = fixed(node, axis)
        spots = ops.expand_dims(ops.iota(size=size, dtype=int64), axes=tuple(range(1, node.ndim - axis)))
        index = ops.broadcast_to(spots, shape=node.shape)
        step = 1
        while step < size:
            early = ops.ge(spots, like(step, spots))  # whether something stands that far before
            before, where_before = shifted(value, axis, step, 0), shifted(index, axis, step, 0)
            wins = later_wins(value, before)
            if value.dtype.is_floating:
                wins = ops.logical_or(ops.isnan(value), ops.logical_and(wins, ops.logical_not(ops.isnan(before))))
            keep = ops.logical_or(ops.logical_not(early), wins)
            value, index = ops.where(keep, value, before), ops.where(keep, index, where_before)
            step *= 2
        return along(node, index, axis), index

    def function(input: Any, dim: int, *, axis: int | None = None) -> Any:
        return result(*made(input, dim=dim if axis is None else axis))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return the running {'maxima' if name == 'cummax' else 'minima'} along an axis, and where they are."
    return function


FUNCTIONS: dict[str, Function] = {
    "cumsum": _running("cumsum", "cumsum"), "cumprod": _running("cumprod", "cumprod"), "logcumsumexp": logcumsumexp,
    "cummax": _running_extremum("cummax", _cummax_type), "cummin": _running_extremum("cummin", _cummin_type),
}  # fmt: skip
