"""torch's greatest and least elements: max, min, amax, amin, aminmax, argmax, argmin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symgrad.dtypes import bool_, int64
from symgrad.eager.operation import operation
from symgrad.eager.shapes import reshape_node
from symgrad.eager.torch_arithmetic import FUNCTIONS as PAIRS
from symgrad.eager.torch_reductions import dim_of, keep_of
from symgrad.eager.torch_returns import return_type
from symgrad.eager.torch_rules import (
    Operand,
    axes_of,
    axis_of,
    common,
    kept,
    refuse,
)
from symgrad.errors import at_user_line
from symgrad.ir.expr import Node, constant, ops

__all__ = ["FUNCTIONS"]

Function = Callable[..., Any]
Dims = Any

_max_result, _min_result, _aminmax_result = (
    return_type("max", "values", "indices"),
    return_type("min", "values", "indices"),
    return_type("aminmax", "min", "max"),
)


def _check_not_empty(name: str, node: Node, axes: tuple[int, ...]) -> None:
    for axis in axes:
        if node.shape[axis] == 0:
            raise IndexError(at_user_line(f"{name}(): Expected reduction dim {axis} to have non-zero size."))


def _extreme(name: str, node: Node, axes: tuple[int, ...]) -> Node:
    if node.dtype is bool_:
        name = "any" if name == "max" else "all"
    result: Node = getattr(ops, name)(node, axes=axes) if axes else node
    return result


def _over_axes(name: str) -> Function:
    def formula(x: Operand, *, dim: Dims, keepdim: bool) -> Node:
        (node,) = common(x)
        axes = axes_of(dim, node.ndim)
        _check_not_empty(f"a{name}", node, axes)
        return kept(_extreme(name, node, axes), axes, keepdim)

    made = operation(f"A{name}Backward0")(formula)

    def function(input: Any, dim: Dims = (), keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None) -> Any:
        return made(input, dim=dim_of(dim, axis), keepdim=keep_of(keepdim, keepdims))

    function.__name__ = function.__qualname__ = f"a{name}"
    function.__doc__ = f"Return the {name}imum over axes; ties share the gradient evenly."
    return function


def extremum_along(node: Node, index: Node, axis: int) -> Node:
    """Return the elements that ``index`` names along an axis, one for each place: no gather, so it fuses."""
    if not node.ndim:
        return node
    spots = ops.expand_dims(ops.iota(size=node.shape[axis], dtype=int64), axes=tuple(range(1, node.ndim - axis)))
    hit = ops.eq(spots, ops.expand_dims(index, axes=(axis,)))
    if node.dtype is bool_:
        return ops.any(ops.logical_and(hit, node), axes=(axis,))
    return ops.sum(ops.where(hit, node, constant(0, node.dtype)), axes=(axis,))


def _arg(name: str, node: Node, axis: int) -> Node:
    if not node.ndim:
        return constant(0, int64)
    result: Node = getattr(ops, f"arg{name}")(node, axis=axis)
    return result


def _of_max_or_min(name: str, result: Any) -> Function:
    @operation(f"{name.title()}Backward1")
    def overall(x: Operand) -> Node:
        (node,) = common(x)
        if node.type.size == 0:
            needs = "Expected reduction dim to be specified for input.numel() == 0."
            refuse(f"{name}(): {needs} Specify the reduction dim with the 'dim' argument.")
        return _extreme(name, node, tuple(range(node.ndim)))

    @operation(f"{name.title()}Backward0")
    def along(x: Operand, *, dim: int, keepdim: bool) -> tuple[Node, Node]:
        (node,) = common(x)
        axis = axis_of(dim, node.ndim)
        if node.ndim:
            _check_not_empty(name, node, (axis,))
        index = _arg(name, node, axis)
        axes = (axis,) if node.ndim else ()
        return kept(extremum_along(node, index, axis), axes, keepdim), kept(index, axes, keepdim)

    def function(input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None) -> Any:
        dim = dim if axis is None else axis
        if dim is None:
            return overall(input)
        if not isinstance(dim, int):
            return PAIRS[f"{name}imum"](input, dim)
        return result(*along(input, dim=dim, keepdim=keep_of(keepdim, keepdims)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"Return the {name}imum of all elements, ties sharing the gradient evenly; along an axis ``(values, indices)``, the "
        f"first index taking the gradient; or with another tensor the elementwise {name}imum."
    )
    return function


@operation("AminmaxBackward0")
def _aminmax(x: Operand, *, dim: Dims, keepdim: bool) -> tuple[Node, Node]:
    (node,) = common(x)
    axes = axes_of(dim, node.ndim)
    _check_not_empty("aminmax", node, axes)
    low, high = (kept(_extreme(name, node, axes), axes, keepdim) for name in ("min", "max"))
    return low, high


def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the least and the greatest element, of all or along an axis."""
    return _aminmax_result(*_aminmax(input, dim=dim, keepdim=bool(keepdim)))


def _index_of(name: str) -> Function:
    @operation("NotDifferentiable")
    def made(x: Operand, *, dim: int | None, keepdim: bool) -> Node:
        (node,) = common(x)
        if dim is None:
            if node.type.size == 0:
                needs = f"arg{name}(): Expected reduction dim to be specified for input.numel() == 0."
                raise IndexError(at_user_line(needs))
            index = _arg(name, reshape_node(node, (-1,)) if node.ndim else node, 0)
            return kept(index, tuple(range(node.ndim)), keepdim)
        axis = axis_of(dim, node.ndim)
        if node.ndim:
            _check_not_empty(f"arg{name}", node, (axis,))
        return kept(_arg(name, node, axis), (axis,) if node.ndim else (), keepdim)

    def function(input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None) -> Any:
        return made(input, dim=dim if axis is None else axis, keepdim=keep_of(keepdim, keepdims))

    function.__name__ = function.__qualname__ = f"arg{name}"
    function.__doc__ = f"Return the index of the first {name}imum, of all elements or along an axis."
    return function


FUNCTIONS: dict[str, Function] = {
    "amax": _over_axes("max"), "amin": _over_axes("min"), "max": _of_max_or_min("max", _max_result),
    "min": _of_max_or_min("min", _min_result), "aminmax": aminmax, "argmax": _index_of("max"), "argmin": _index_of("min"),
}  # fmt: skip
