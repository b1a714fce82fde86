"""torch's functions that join, repeat and rearrange elements into new tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import int64
from symgrad.eager.operation import operation
from symgrad.eager.torch_gathering import FUNCTIONS as GATHERING
from symgrad.eager.torch_rules import (
    Operand,
    axes_of,
    axis_of,
    check_list,
    merged_dtype,
    number_node,
    refuse,
    shape_text,
    spread,
    zero_like,
)
from symgrad.eager.torch_views import FUNCTIONS as VIEWS
from symgrad.eager.torch_views import reshape, sizes_of
from symgrad.ir.dims import Size
from symgrad.ir.expr import Node, Range, like, ops

__all__ = ["FUNCTIONS", "part"]

Function = Callable[..., Any]


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def _one_dtype(operands: Sequence[Operand]) -> list[Node]:
    nodes = [_node(x) for x in operands]
    kind = merged_dtype([n.dtype for n in nodes])
    return [number_node(n, kind) for n in nodes]


# joining


@operation("CatBackward0")
def _cat(*tensors: Operand, dim: int) -> Node:
    nodes = _one_dtype(tensors)
    for k, node in enumerate(nodes):
        if node.ndim == 0:
            refuse(f"zero-dimensional tensor (at position {k}) cannot be concatenated")
    rest = [n for n in nodes if n.shape != (0,)] or nodes[:1]  # torch passes over empty vectors
    first = rest[0]
    axis = axis_of(dim, first.ndim)
    for k, node in enumerate(nodes):
        if node not in rest:
            continue
        if node.ndim != first.ndim:
            refuse(f"Tensors must have same number of dimensions: got {first.ndim} and {node.ndim}")
        for a, (p, q) in enumerate(zip(first.shape, node.shape, strict=True)):
            if a != axis and p != q:
                expected = f"Sizes of tensors must match except in dimension {axis}. Expected size {p} but got size {q}"
                refuse(f"{expected} for tensor number {k} in the list.")
    result: Node = ops.concatenate(*rest, axis=axis)
    return result


def cat(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Any:
    """Return tensors joined along an axis they have."""
    check_list("cat", tensors)
    if not tensors:
        refuse("torch.cat(): expected a non-empty list of Tensors")
    return _cat(*tensors, dim=dim if axis is None else axis)


@operation("StackBackward0")
def _stack(*tensors: Operand, dim: int) -> Node:
    nodes = _one_dtype(tensors)
    for k, node in enumerate(nodes):
        if node.shape != nodes[0].shape:
            sizes = f"{shape_text(nodes[0].shape)} at entry 0 and {shape_text(node.shape)} at entry {k}"
            refuse(f"stack expects each tensor to be equal size, but got {sizes}")
    result: Node = ops.stack(*nodes, axis=axis_of(dim, nodes[0].ndim, insert=True))
    return result


def stack(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Any:
    """Return tensors joined along a new axis."""
    check_list("stack", tensors)
    if not tensors:
        refuse("stack expects a non-empty TensorList")
    return _stack(*tensors, dim=dim if axis is None else axis)


def _at_least(rank: int) -> Function:
    def one(input: Any) -> Any:
        while input.ndim < rank:
            input = VIEWS["unsqueeze"](input, 0 if input.ndim < 2 else -1)
        return input

    def function(*tensors: Any) -> Any:
        given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
        found = tuple([one(x) for x in given])
        return found[0] if len(tensors) == 1 and found and tensors[0] is given[0] else found

    function.__name__ = function.__qualname__ = f"atleast_{rank}d"
    function.__doc__ = f"Return tensors with at least {rank} axes."
    return function


_atleast = {rank: _at_least(rank) for rank in (1, 2, 3)}


def _check_some(name: str, tensors: Any) -> None:
    check_list(name, tensors)
    if not tensors:
        refuse(f"{name} expects a non-empty TensorList")


def hstack(tensors: Sequence[Any]) -> Any:
    """Return tensors joined along their second axis, vectors along their only one."""
    _check_some("hstack", tensors)
    given = _atleast[1](list(tensors))
    return cat(given, 0 if given[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Any:
    """Return tensors joined along their first axis, vectors as rows."""
    _check_some("vstack", tensors)
    return cat(_atleast[2](list(tensors)), 0)


def dstack(tensors: Sequence[Any]) -> Any:
    """Return tensors joined along their third axis."""
    _check_some("dstack", tensors)
    return cat(_atleast[3](list(tensors)), 2)


def column_stack(tensors: Sequence[Any]) -> Any:
    """Return tensors joined along their second axis, vectors as columns."""
    _check_some("column_stack", tensors)
    return cat([x if x.ndim > 1 else reshape(x, (-1, 1)) for x in tensors], 1)


@operation("BlockDiagBackward0")
def block_diag(*tensors: Operand) -> Node:
    """Return matrices along the diagonal of one, zeros elsewhere."""
    nodes = [ops.reshape(n, shape=(1, n.type.size)) if n.ndim < 2 else n for n in _one_dtype(tensors)]
    places: list[tuple[Range, ...]] = []
    row: Size = 0
    column: Size = 0
    for node in nodes:
        height, width = node.shape
        places.append((Range(row, height), Range(column, width)))
        row, column = row + height, column + width
    return ops.assemble(*nodes, shape=(row, column), ranges=tuple(places))


def _splitter(name: str, axis: int) -> Function:
    def function(input: Any, indices_or_sections: Any) -> Any:
        place = 0 if axis == 1 and input.ndim == 1 else axis
        if input.ndim <= (0 if axis == 1 else axis):
            needs = f"torch.{name} requires a tensor with at least {axis or 1} dimension"
            refuse(f"{needs}, but got a tensor with {input.ndim} dimensions!")
        return VIEWS["tensor_split"](input, indices_or_sections, place)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return pieces along axis {axis}."
    return function


# repeating


@operation("RepeatBackward0")
def _repeat(x: Operand, *, sizes: tuple[int, ...]) -> Node:
    node = _node(x)
    lead = len(sizes) - node.ndim
    if lead < 0:
        refuse("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    shape = (*(1,) * lead, *node.shape)
    apart = ops.reshape(node, shape=tuple(s for size in shape for s in (1, size)))
    copies = spread(apart, tuple(s for times, size in zip(sizes, shape, strict=True) for s in (times, size)))
    return ops.reshape(copies, shape=tuple(times * size for times, size in zip(sizes, shape, strict=True)))


def repeat(input: Any, *sizes: Any) -> Any:
    """Return copies of ``input`` side by side along its axes, and along new ones in front."""
    return _repeat(input, sizes=sizes_of(sizes))


def tile(input: Any, *dims: Any) -> Any:
    """Return copies of ``input`` side by side; the axes not named are the first."""
    sizes = sizes_of(dims)
    return _repeat(input, sizes=(1,) * (input.ndim - len(sizes)) + sizes)


@operation("ViewBackward0")
def _repeat_each(x: Operand, *, repeats: int, dim: int) -> Node:
    node = _node(x)
    axis = axis_of(dim, node.ndim)
    shape = node.shape
    wide = spread(ops.expand_dims(node, axes=(axis + 1,)), (*shape[: axis + 1], repeats, *shape[axis + 1 :]))
    return ops.reshape(wide, shape=(*shape[:axis], shape[axis] * repeats, *shape[axis + 1 :]))


def repeat_interleave(input: Any, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Any:
    """Return each element ``repeats`` times in order, of all elements or along an axis; counts may differ."""
    if dim is None:
        input, dim = reshape(input, (-1,)), 0
    if isinstance(repeats, int):
        return _repeat_each(input, repeats=repeats, dim=dim)
    counts = repeats.numpy_value()
    if counts.ndim == 0 or counts.size == 1:
        return _repeat_each(input, repeats=int(counts.reshape(())), dim=dim)
    axis = axis_of(dim, input.ndim)
    if counts.size != input.shape[axis]:
        refuse("repeats must have the same size as input along dim")
    return GATHERING["index_select"](input, axis, np.repeat(np.arange(input.shape[axis]), counts))


# turning


@operation("FlipBackward0")
def _flip(x: Operand, *, dims: Any) -> Node:
    node = _node(x)
    result: Node = ops.flip(node, axes=axes_of(dims, node.ndim)) if dims else node
    return result


def flip(input: Any, *dims: Any) -> Any:
    """Return the order of elements reversed along axes."""
    return _flip(input, dims=sizes_of(dims))


@operation("RollBackward0")
def _roll(x: Operand, *, shifts: tuple[int, ...], dims: tuple[int, ...]) -> Node:
    node = _node(x)
    shape = node.shape
    if not dims:
        node = ops.reshape(node, shape=(node.type.size,))
    for shift, dim in zip(shifts, dims or (0,), strict=True):
        axis = axis_of(dim, node.ndim)
        size = node.shape[axis]
        cut = int(-shift % size) if size else 0  # type: ignore[operator]  # sizes of Tensors are ints
        if cut:
            node = ops.concatenate(part(node, axis, cut, size - cut), part(node, axis, 0, cut), axis=axis)
    return node if node.shape == shape else ops.reshape(node, shape=shape)


def part(node: Node, axis: int, start: Any, count: Any, step: int = 1) -> Node:
    """Return elements along an axis: ``count`` from ``start`` on, ``step`` apart."""
    ranges = tuple(Range(start, count, step) if a == axis else Range(0, s) for a, s in enumerate(node.shape))
    return ops.slice(node, ranges=ranges)


def roll(input: Any, shifts: Any, dims: Any = ()) -> Any:
    """Return the elements moved round along axes; of all as one axis where none is named."""
    by, along = ((v,) if isinstance(v, int) else tuple(v) for v in (shifts, dims))
    if along and len(by) != len(along):
        refuse(f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(along)}")
    return _roll(input, shifts=by, dims=along)


@operation("Rot90Backward0")
def _rot90(x: Operand, *, k: int, dims: tuple[int, int]) -> Node:
    node = _node(x)
    first, second = (axis_of(d, node.ndim) for d in dims)
    order = list(range(node.ndim))
    order[first], order[second] = order[second], order[first]
    turns = k % 4
    if turns == 2:
        return ops.flip(node, axes=tuple(sorted((first, second))))
    if turns == 1:
        return ops.transpose(ops.flip(node, axes=(second,)), permutation=tuple(order))
    return ops.flip(ops.transpose(node, permutation=tuple(order)), axes=(second,)) if turns else node


def rot90(input: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Any:
    """Return a plane of two axes turned by ``k`` quarters."""
    return _rot90(input, k=int(k), dims=tuple(dims))


# diagonals and triangles


@operation("DiagEmbedBackward0")
def _diag_embed(x: Operand, *, offset: int, dim1: int, dim2: int) -> Node:
    square = ops.diag_embed(_node(x), offset=offset)
    first, second = axis_of(dim1, square.ndim), axis_of(dim2, square.ndim)
    rest = iter(range(square.ndim - 2))
    places = {first: square.ndim - 2, second: square.ndim - 1}
    order = tuple(places[k] if k in places else next(rest) for k in range(square.ndim))
    return square if order == tuple(range(square.ndim)) else ops.transpose(square, permutation=order)


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Return square matrices with the last axis on a diagonal."""
    return _diag_embed(input, offset=offset, dim1=dim1, dim2=dim2)


@operation("DiagonalBackward0_copy")
def _diag_of(x: Operand, *, offset: int) -> Node:
    result: Node = ops.diag_extract(_node(x), offset=offset)
    return result


def diag(input: Any, diagonal: int = 0) -> Any:
    """Return a diagonal of a matrix, or the matrix that has a vector on its diagonal."""
    if input.ndim not in (1, 2):
        refuse("diag(): Supports 1D or 2D tensors. Got " + f"{input.ndim}D")
    return diag_embed(input, diagonal) if input.ndim == 1 else _diag_of(input, offset=diagonal)


def diagflat(input: Any, offset: int = 0) -> Any:
    """Return the matrix that has all elements on its diagonal."""
    return diag_embed(reshape(input, (-1,)), offset)


def _triangle(name: str) -> Function:
    @operation(f"{name.title()}Backward0")
    def made(x: Operand, *, diagonal: int) -> Node:
        node = _node(x)
        if node.ndim < 2:
            refuse(f"{name}: input tensor must have at least 2 dimensions")
        row, column = (ops.iota(size=s, dtype=int64) for s in node.shape[-2:])
        edge = ops.expand_dims(row, axes=(1,)) + like(diagonal, row)
        kept = ops.le(column, edge) if name == "tril" else ops.ge(column, edge)
        return ops.where(kept, node, zero_like(node))

    def function(input: Any, diagonal: int = 0) -> Any:
        return made(input, diagonal=int(diagonal))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return the {'lower' if name == 'tril' else 'upper'} triangle of matrices, zeros elsewhere."
    return function


FUNCTIONS: dict[str, Function] = {
    "cat": cat, "concat": cat, "concatenate": cat, "stack": stack, "hstack": hstack, "vstack": vstack, "row_stack": vstack,
    "dstack": dstack, "column_stack": column_stack, "block_diag": block_diag, "hsplit": _splitter("hsplit", 1),
    "vsplit": _splitter("vsplit", 0), "dsplit": _splitter("dsplit", 2), "repeat": repeat, "tile": tile,
    "repeat_interleave": repeat_interleave, "flip": flip, "fliplr": lambda x: flip(x, 1), "flipud": lambda x: flip(x, 0),
    "roll": roll, "rot90": rot90, "diag_embed": diag_embed, "diag": diag, "diagflat": diagflat, "tril": _triangle("tril"),
    "triu": _triangle("triu"), **{f"atleast_{k}d": f for k, f in _atleast.items()},
}  # fmt: skip
