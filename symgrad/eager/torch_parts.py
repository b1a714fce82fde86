"""Copies of which a part is another tensor's, and other functions of indices: torch's ``*_scatter``, unravel_index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.eager.indexing import parse, read, write
from symgrad.eager.operation import operation
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_rules import Operand, axis_of, refuse, shape_text
from symgrad.ir.expr import Node

__all__ = ["FUNCTIONS"]

Function = Callable[..., Any]


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def _written(x: Operand, source: Operand, key: tuple[Any, ...]) -> Node:
    node, part = _node(x), _node(source)
    parsed = parse(key, node.shape)
    place = read(node, parsed).shape
    if part.shape != place:
        sizes = f"src size = {shape_text(part.shape)}, slice size = {shape_text(place)}"
        refuse(f"expected src to have a size equal to the slice of self. {sizes}")
    return write(node, parsed, part, node.dtype)


@operation("SelectScatterBackward0")
def _select_scatter(x: Operand, source: Operand, *, axis: int, index: int) -> Node:
    return _written(x, source, (*[slice(None)] * axis, index))


@operation("SliceScatterBackward0")
def _slice_scatter(x: Operand, source: Operand, *, axis: int, start: Any, end: Any, step: int) -> Node:
    return _written(x, source, (*[slice(None)] * axis, slice(start, end, step)))


def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """Return a copy of ``input`` with ``src`` at one index of an axis."""
    return _select_scatter(input, src, axis=axis_of(dim, input.ndim), index=int(index))


def slice_scatter(input: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Any:
    """Return a copy of ``input`` with ``src`` at a slice of an axis."""
    return _slice_scatter(input, src, axis=axis_of(dim, input.ndim), start=start, end=end, step=int(step))


def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """Return a copy of ``input`` with ``src`` on a diagonal."""
    made = input.clone()
    place = made.diagonal(offset, dim1, dim2)
    if tuple(place.shape) != tuple(src.shape):
        sizes = f"src size = {shape_text(tuple(src.shape))}, slice size = {shape_text(tuple(place.shape))}"
        refuse(f"expected src to have a size equal to the slice of self. {sizes}")
    place.copy_(src)
    return made


def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """Return the coordinates that flat indices have in an array of ``shape``, one Tensor for each axis."""
    sizes = (int(shape),) if isinstance(shape, int) else tuple(int(s) for s in shape)
    if indices.dtype.is_floating:
        refuse(f"unravel_index(): expected 'indices' to be an integer tensor, but got {indices.dtype.name}")
    found = np.unravel_index(indices.numpy_value(), sizes)
    return tuple([Tensor.from_array(np.asarray(f, np.int64)) for f in found])


FUNCTIONS: dict[str, Function] = {
    "select_scatter": select_scatter, "slice_scatter": slice_scatter, "diagonal_scatter": diagonal_scatter,
    "unravel_index": unravel_index,
}  # fmt: skip
