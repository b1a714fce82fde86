"""torch's grids, combinations, borders and differences of neighbours."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations as choose
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from symgrad.dtypes import as_dtype, bool_, int64
from symgrad.eager.operation import operation
from symgrad.eager.recording import AnyArray
from symgrad.eager.tensor_face import Size, Tensor
from symgrad.eager.torch_gathering import FUNCTIONS as GATHERING
from symgrad.eager.torch_gathering import overwritten
from symgrad.eager.torch_joining import cat, part, stack
from symgrad.eager.torch_rules import (
    Operand,
    axis_of,
    refuse,
    spread,
)
from symgrad.eager.torch_views import FUNCTIONS as VIEWS
from symgrad.eager.torch_views import reshape
from symgrad.eager.view_operation import View
from symgrad.eager.views import as_view
from symgrad.ir.expr import Node, constant, like, ops
from symgrad.ir.types import TensorType

__all__ = ["FUNCTIONS", "pad_node"]

Function = Callable[..., Any]


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """Return tensors broadcast to one shape."""
    shape = np.broadcast_shapes(*[tuple(x.shape) for x in tensors])
    return tuple([x if tuple(x.shape) == shape else VIEWS["expand"](x, shape) for x in tensors])


def broadcast_shapes(*shapes: Any) -> Any:
    """Return the shape that shapes broadcast to."""
    try:
        found = np.broadcast_shapes(*[(s,) if isinstance(s, int) else tuple(s) for s in shapes])
    except ValueError:
        refuse("Shape mismatch: objects cannot be broadcast to a single shape")
    return Size(found)


def _triangle_indices(name: str, find: Callable[..., Any]) -> Function:
    def function(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Any:
        kind = int64 if dtype is None else as_dtype(dtype)
        return Tensor.from_array(np.stack(find(row, offset, col)).astype(kind.numpy))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return the row and column numbers of the {'lower' if name == 'tril_indices' else 'upper'} triangle."
    return function


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """Return the coordinates of a grid, an array for each axis."""
    given = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    if indexing not in ("ij", "xy"):
        refuse(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    swap = indexing == "xy" and len(given) > 1
    if swap:
        given[0], given[1] = given[1], given[0]
    shape = tuple(x.shape[0] if x.ndim else 1 for x in given)
    count = len(given)
    grids = [VIEWS["expand"](reshape(x, (*(1,) * k, -1, *(1,) * (count - k - 1))), shape) for k, x in enumerate(given)]
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def cartesian_prod(*tensors: Any) -> Any:
    """Return every combination of one element of each vector, as rows."""
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(g, (-1,)) for g in meshgrid(*tensors)], 1)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """Return every combination of ``r`` elements of a vector, as rows."""
    rows = list((combinations_with_replacement if with_replacement else choose)(range(input.shape[0]), r))
    index = np.asarray(rows, dtype=np.int64).reshape(-1, r)
    return stack([GATHERING["index_select"](input, 0, index[:, k]) for k in range(r)], 1)


def unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    """Return a view of the windows of ``size`` elements along an axis, ``step`` apart, as a new last axis."""
    axis = axis_of(dimension, input.ndim)
    length = input.shape[axis] if input.ndim else 1
    if not isinstance(length, int):
        refuse(f"unfold: needs a fixed size, got {input._value.type}; give a fixed TensorSpec")
    if size < 0:
        refuse(f"size is {size} but must be >= 0")
    if size > length:
        refuse(f"maximum size for tensor at dimension {axis} is {length} but size is {size}")
    if step <= 0:
        refuse(f"step is {step} but must be > 0")
    count = (length - size) // step + 1 if input.ndim else 1
    return as_view(input, ("unfold", axis, size, step), lambda operand: _windows(operand, axis, (count, size, step)))


def _windows(operand: TensorType, axis: int, windows: tuple[int, int, int]) -> View:
    """Return the view that ``unfold`` takes of an operand: so many windows of a size, a step apart."""
    count, size, step = windows
    rank = len(operand.shape)
    single = not rank
    order = (*[k for k in range(rank + 1) if k != axis + 1], axis + 1)

    def look(x: Node) -> Node:
        if single:
            return ops.reshape(x, shape=(1,)) if size else ops.broadcast_to(like(0, x), shape=(0,))
        first = ops.iota(size=count, dtype=int64) * constant(step, int64)
        at = ops.expand_dims(first, axes=(1,)) + ops.expand_dims(ops.iota(size=size, dtype=int64), axes=(0,))
        found: Node = ops.gather(x, at, axis=axis)
        return found if axis == rank - 1 else ops.transpose(found, permutation=order)

    def put(base: Node, new: Node) -> Node:
        places = look(ops.reshape(ops.iota(size=base.type.size, dtype=int64), shape=base.shape))
        return overwritten(base, new, places)

    def array(a: AnyArray) -> AnyArray:
        if single:
            return np.lib.stride_tricks.as_strided(a, (size,), (a.itemsize,))
        shape = (*a.shape[:axis], count, *a.shape[axis + 1 :], size)
        strides = (*a.strides[:axis], a.strides[axis] * step, *a.strides[axis + 1 :], a.strides[axis])
        return np.lib.stride_tricks.as_strided(a, shape, strides)

    return View("UnfoldBackward0", operand, look, put, array, repeats=step < size and count > 1)


def pad_node(node: Node, widths: tuple[tuple[int, int], ...], mode: str, value: float) -> Node:
    """Return a node with borders: before and after each axis; negative widths cut."""
    for axis, (before, after) in enumerate(widths):
        if before < 0 or after < 0:
            count = node.shape[axis] + min(before, 0) + min(after, 0)
            node = part(node, axis, max(-before, 0), count)
    positive = tuple((max(b, 0), max(a, 0)) for b, a in widths)
    if mode == "constant":
        result: Node = ops.pad(node, widths=positive, value=bool(value) if node.dtype is bool_ else value)
        return result
    for axis, (before, after) in enumerate(positive):
        if before or after:
            node = _extended(node, axis, before, after, mode)
    return node


def _extended(node: Node, axis: int, before: int, after: int, mode: str) -> Node:
    size: Any = node.shape[axis]
    if mode == "reflect":
        if max(before, after) >= size:
            refuse(f"Padding size should be less than the corresponding input dimension, but got: padding ({before}, {after})")
        low, high = part(node, axis, before, before, -1), part(node, axis, size - 2, after, -1)
    elif mode == "circular":
        low, high = part(node, axis, size - before, before), part(node, axis, 0, after)
    else:
        edges = (part(node, axis, 0, 1), part(node, axis, size - 1, 1))
        shapes = [(*node.shape[:axis], width, *node.shape[axis + 1 :]) for width in (before, after)]
        low, high = (spread(e, s) for e, s in zip(edges, shapes, strict=True))
    result: Node = ops.concatenate(low, node, high, axis=axis)
    return result


@operation("SubBackward0")
def _diff(x: Operand, *, n: int, dim: int) -> Node:
    node = _node(x)
    axis = axis_of(dim, node.ndim)
    if node.ndim == 0:
        refuse("diff expects input to be at least one-dimensional")
    for _ in range(n):
        size: Any = node.shape[axis]
        late, early = (part(node, axis, k, max(size - 1, 0)) for k in (min(1, size), 0))
        node = ops.logical_xor(late, early) if node.dtype is bool_ else late - early
    return node


def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Return the differences of neighbours along an axis, ``n`` times."""
    parts = [p for p in (prepend, input, append) if p is not None]
    return _diff(cat(parts, dim) if len(parts) > 1 else input, n=int(n), dim=dim)


FUNCTIONS: dict[str, Function] = {
    "broadcast_shapes": broadcast_shapes, "tril_indices": _triangle_indices("tril_indices", np.tril_indices),
    "triu_indices": _triangle_indices("triu_indices", np.triu_indices), "broadcast_tensors": broadcast_tensors,
    "meshgrid": meshgrid, "cartesian_prod": cartesian_prod,
    "combinations": combinations, "diff": diff, "unfold": unfold,
}  # fmt: skip
