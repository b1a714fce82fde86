"""Shapes as user code writes them, the order of elements in a reshape, and reshaping itself."""

from __future__ import annotations

from typing import Any

from symgrad.errors import ShapeError, TraceError, at_user_line
from symgrad.ir.dims import Dim, Size, divide, product
from symgrad.ir.expr import Node, ops
from symgrad.ir.types import format_shape

__all__ = ["as_shape", "column_major", "refuse_keywords", "reshape_in_order", "reshape_node"]


def as_shape(shape: Any) -> tuple[Size, ...]:
    """Return a shape given as ints, sizes, or one sequence of them."""
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = shape[0]
    return tuple(_as_size(s) for s in shape)


def _as_size(size: Any) -> Size:
    if isinstance(size, (int, Dim)):
        return size
    found = getattr(size, "dim", None)  # a named size knows which dim it is
    return found if isinstance(found, Dim) else int(size.__index__())


def column_major(operation: str, order: Any) -> bool:
    """Whether ``order`` asks for Fortran's order of elements; "A" and "K" mean "C", for traced values have no memory layout.

    Raises
    ------
    ValueError
        For another letter.
    """
    if order in (None, "C", "A", "K", "c", "a", "k"):
        return False
    if order in ("F", "f"):
        return True
    raise ValueError(at_user_line(f"{operation}: order must be one of 'C', 'F', 'A', or 'K', got {order!r}"))


def reshape_node(node: Node, shape: tuple[Size, ...]) -> Node:
    """Return ``node`` reshaped, a single -1 worked out.

    Raises
    ------
    ShapeError
        When the number of elements does not fit.
    """
    unknown = [k for k, s in enumerate(shape) if s == -1]
    if len(unknown) > 1:
        raise ShapeError(at_user_line(f"reshape: at most one size may be -1, got {format_shape(shape)}"))
    if unknown:
        rest = product([s for s in shape if s != -1])
        if isinstance(node.type.size, Dim) or isinstance(rest, Dim):
            _check_divisible(node, rest, shape)
        missing = divide(node.type.size, rest)
        shape = tuple(missing if s == -1 else s for s in shape)
    elif any(isinstance(s, Dim) for s in (*shape, *node.shape)) and node.type.size != product(shape):
        raise ShapeError(at_user_line(_unequal(node, shape)))
    return node if shape == node.shape else ops.reshape(node, shape=shape)


def _check_divisible(node: Node, rest: Size, shape: tuple[Size, ...]) -> None:
    try:
        divide(node.type.size, rest)
    except ShapeError:
        raise ShapeError(at_user_line(_unequal(node, shape))) from None


def _unequal(node: Node, shape: tuple[Size, ...]) -> str:
    cannot = f"reshape: sizes must agree whatever the named ones are, got {node.type} to {format_shape(shape)}"
    return f"{cannot}; give a fixed TensorSpec"


def reshape_in_order(node: Node, shape: tuple[Size, ...], fortran: bool) -> Node:
    """Return ``node`` reshaped, its elements read and placed with the first index fastest when ``fortran``."""
    if not fortran:
        return reshape_node(node, shape)
    return _reversed_axes(reshape_node(_reversed_axes(node), shape[::-1]))


def _reversed_axes(node: Node) -> Node:
    return ops.transpose(node, permutation=tuple(range(node.ndim))[::-1]) if node.ndim > 1 else node


def refuse_keywords(name: str, **given: Any) -> None:
    """Raise TraceError for arguments that were given and cannot be traced.

    ``out`` and ``mean`` count as given when they are not None, ``where`` when it is not True.
    """
    for keyword, value in given.items():
        if value is not (True if keyword == "where" else None):
            instead = {"where": "use np.where before it", "out": "use the result"}.get(keyword, "leave it out")
            raise TraceError(at_user_line(f"{name}: {keyword}= cannot be traced; {instead}"))
