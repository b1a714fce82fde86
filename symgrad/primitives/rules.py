"""Shared type rules, and the two functions that register a record."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NoReturn, cast

from symgrad.dtypes import DType, int64
from symgrad.errors import DTypeError, ShapeError, at_user_line
from symgrad.ir.dims import Dim, Size
from symgrad.ir.expr import Composite, Node, Primitive, constant, ops
from symgrad.ir.kinds import Derivative, Lowering
from symgrad.ir.types import TensorType, broadcast_shapes, format_shape

__all__ = [
    "agree",
    "anything",
    "boolean",
    "broadcast",
    "check_axes",
    "check_floating",
    "composite",
    "floating",
    "integer",
    "mask",
    "named",
    "numeric",
    "primitive",
    "reduced",
    "refuse_dtype",
    "refuse_shape",
    "shape_text",
    "size_value",
    "sympy_module",
    "unary",
]

Types = tuple[TensorType, ...]
Kind = frozenset[int]

boolean: Kind = frozenset({0})
integer: Kind = frozenset({1})
floating: Kind = frozenset({2})
numeric: Kind = frozenset({1, 2})
anything: Kind = frozenset({0, 1, 2})

_WANTED = {
    boolean: "bool elements",
    integer: "integer elements",
    floating: "floating-point elements",
    numeric: "floating-point or integer elements",
}


def primitive(
    name: str,
    type_rule: Callable[..., Any],
    numpy: Callable[..., Any],
    derivative: Derivative,
    lowering: Lowering,
    **rest: Any,
) -> Primitive:
    """Register a primitive and return its record."""
    return cast(Primitive, ops.register(Primitive(name, type_rule, numpy, derivative, lowering, **rest)))


def composite(
    name: str,
    definition: Callable[..., Node],
    numpy: Callable[..., Any],
    samples: tuple[Any, ...] = (),
    doc: str = "",
) -> Composite:
    """Register a composite and return its record."""
    return cast(Composite, ops.register(Composite(name, definition, numpy, samples, doc)))


def refuse_shape(message: str) -> NoReturn:
    """Raise ShapeError with the user's line."""
    raise ShapeError(at_user_line(message))


def refuse_dtype(name: str, kind: Kind, types: Types) -> NoReturn:
    """Raise DTypeError: ``name`` takes elements of ``kind`` only, or equal types only."""
    given = ", ".join(map(str, types))
    if all(t.dtype.category in kind for t in types):
        raise DTypeError(at_user_line(f"{name}: element types must agree, got {given}"))
    raise DTypeError(at_user_line(f"{name}: needs {_WANTED[kind]}, got {given}"))


def unary(kind: Kind, result: DType | None = None) -> Callable[..., TensorType]:
    """Return the rule of an elementwise function of one argument; ``result`` where the element type changes."""

    def rule(name: str, types: Types, **attributes: Any) -> TensorType:
        (given,) = types
        if given.dtype.category not in kind:
            refuse_dtype(name, kind, types)
        return given if result is None else TensorType(given.shape, result)

    return rule


def broadcast(kind: Kind, result: DType | None = None) -> Callable[..., TensorType]:
    """Return the rule of an elementwise function of several arguments with equal element types.

    Shapes broadcast as NumPy's do, a named dim only with 1 or itself.
    """

    def rule(name: str, types: Types, **attributes: Any) -> TensorType:
        first = types[0]
        dtype = first.dtype
        if dtype.category not in kind:
            refuse_dtype(name, kind, types)
        same = True
        for other in types[1:]:
            if other is not first:
                if other.dtype is not dtype:
                    refuse_dtype(name, kind, types)
                same = same and other.shape == first.shape
        if same:
            return first if result is None else TensorType(first.shape, result)
        shape = broadcast_shapes(name, *[t.shape for t in types])
        return TensorType(shape, dtype if result is None else result)

    return rule


def check_axes(name: str, axes: tuple[int, ...], rank: int) -> None:
    """Raise ShapeError unless ``axes`` are sorted, distinct and inside ``0 .. rank - 1``."""
    inside = all(isinstance(a, int) and 0 <= a < rank for a in axes)
    if not inside or any(a >= b for a, b in pairwise(axes)):
        refuse_shape(f"{name}: axes must be sorted, distinct and in [0, {rank}), got {axes}")


def reduced(kind: Kind, result: DType | None = None, empty: bool = True) -> Callable[..., TensorType]:
    """Return the rule of a reduction over ``axes``; ``empty`` says whether an axis of size 0 has a result."""

    def rule(name: str, types: Types, *, axes: tuple[int, ...]) -> TensorType:
        (given,) = types
        if given.dtype.category not in kind:
            refuse_dtype(name, kind, types)
        check_axes(name, axes, given.ndim)
        if not empty and any(given.shape[a] == 0 for a in axes):
            refuse_shape(f"{name}: an empty axis has no {name}, got {given} over axes {axes}")
        dropped = set(axes)
        shape = tuple(s for a, s in enumerate(given.shape) if a not in dropped)
        return TensorType(shape, given.dtype if result is None else result)

    return rule


def mask(condition: Node, like: Node) -> Node:
    """Return a condition as 0 and 1 of ``like``'s element type."""
    return ops.cast(condition, dtype=like.dtype)


def size_value(size: Size, dtype: DType) -> Node:
    """Return a size as a 0-d value; a named one is known at the call."""
    if isinstance(size, Dim):
        counted = ops.dim_size(dim=size)
        return counted if dtype is int64 else ops.cast(counted, dtype=dtype)
    return constant(size, dtype)


def named(node: Node) -> str:
    """Return ``a[2, 3]`` for an input called a, ``float64[2, 3]`` for another value."""
    if node.primitive is ops.input:
        return f"{node.attributes['label']}{format_shape(node.shape)}"
    return str(node.type)


def check_floating(name: str, *nodes: Node) -> None:
    """Raise DTypeError unless every node is floating and of one element type."""
    types = tuple([n.type for n in nodes])
    if any(t.dtype is not types[0].dtype or not t.dtype.is_floating for t in types):
        refuse_dtype(name, floating, types)


def agree(name: str, types: Types) -> DType:
    """Return the common element type, or raise DTypeError."""
    if any(t.dtype is not types[0].dtype for t in types):
        refuse_dtype(name, anything, types)
    return types[0].dtype


def shape_text(*shapes: tuple[Size, ...]) -> str:
    """Return shapes as a list for a message."""
    return ", ".join(map(format_shape, shapes))


def sympy_module() -> Any:
    """Return the module sympy, imported only when a record's SymPy form is asked for."""
    import sympy

    return sympy
