"""``x[key]`` and ``x[key] = value`` as torch means them, and what finds indices: nonzero, argwhere.

Integers, slices, None and Ellipsis make views. Lists, integer tensors and masks are read as one operation after that;
unlike NumPy, an integer beside them is taken first and does not count as an array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import bool_, int64
from symgrad.eager.indexing import Key, full_range, read
from symgrad.eager.operation import operation
from symgrad.eager.overlaps import refuse_overlap
from symgrad.eager.tensor_face import Tensor, traced
from symgrad.eager.torch_gathering import index_node, overwritten, wrapped
from symgrad.eager.torch_joining import FUNCTIONS as JOINING
from symgrad.eager.torch_rules import (
    Operand,
    below,
    known_values,
    number_node,
    refuse,
    refuse_dtype,
    shape_text,
    spread,
)
from symgrad.eager.torch_strided import each_once, warn_expanded
from symgrad.eager.torch_views import reshape, view_by_key
from symgrad.errors import TraceError, at_user_line
from symgrad.ir.expr import Node, ops

__all__ = ["FUNCTIONS", "assignment", "getitem", "index_put", "index_put_contents", "nonzero"]

Function = Callable[..., Any]


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


# keys


def _item(item: Any) -> Any:
    """Return one item of a key in plain form: lists as arrays, 0-d integers as ints where they are known."""
    if isinstance(item, (list, tuple, range)):
        if any(isinstance(v, Tensor) for v in item):
            return JOINING["stack"](list(item))
        array = np.asarray(item)
        return array.astype(np.int64) if array.size == 0 else array
    if isinstance(item, (bool, np.bool_)) or item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, Tensor):
        scalar = item.ndim == 0 and not item.dtype.is_floating and not traced(item)
        return item.item() if scalar else item  # a bool stays one: it is a mask without axes
    if isinstance(item, np.ndarray):
        return item if item.ndim or item.dtype.kind == "f" else item.item()
    if hasattr(item, "__index__"):
        return int(item.__index__())
    allowed = "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices"
    raise IndexError(at_user_line(f"{allowed} (got {type(item).__name__})"))


def _is_mask(item: Any) -> bool:
    if isinstance(item, Tensor):
        return item.dtype is bool_
    return isinstance(item, (bool, np.bool_)) or (isinstance(item, np.ndarray) and item.dtype == np.bool_)


def _is_array(item: Any) -> bool:
    return isinstance(item, (Tensor, np.ndarray))


def _width(item: Any) -> int:
    """Return how many axes of the operand an item takes."""
    if item is None or item is Ellipsis or isinstance(item, (bool, np.bool_)):
        return 0
    return int(item.ndim) if _is_mask(item) else 1


def _expanded(key: Any, rank: int) -> list[Any]:
    """Return the items of a key with the ellipsis written out; as many as the operand has axes, and new ones."""
    items = [_item(i) for i in (key if isinstance(key, tuple) else (key,))]
    used = sum(map(_width, items))
    if used > rank:
        if rank == 0:
            instead = "Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor to a number"
            raise IndexError(at_user_line(f"invalid index of a 0-dim tensor. {instead}"))
        raise IndexError(at_user_line(f"too many indices for tensor of dimension {rank}"))
    spots = [k for k, i in enumerate(items) if i is Ellipsis]
    rest = [slice(None)] * (rank - used)
    if not spots:
        return [*items, *rest]
    inner = [slice(None) if i is Ellipsis else i for i in items[spots[0] + 1 :]]  # a second one is a plain slice
    rest = rest[: max(len(rest) - (len(spots) - 1), 0)]
    return [*items[: spots[0]], *rest, *inner]


def _checked_slice(item: slice) -> slice:
    bounds = [None if b is None else int(b) for b in (item.start, item.stop, item.step)]
    if bounds[2] is not None and bounds[2] <= 0:
        raise ValueError(at_user_line("step must be greater than zero"))
    return slice(*bounds)


def _indices_of(mask: Any, shape: tuple[Any, ...], position: int) -> tuple[Any, ...]:
    """Return the integer arrays that a mask stands for; its values must be known."""
    own = tuple(mask.shape)
    if own != shape:
        raise IndexError(
            at_user_line(
                f"The shape of the mask {shape_text(own)} at index {position} does not match the shape of the indexed tensor "
                f"{shape_text(shape)} at index {position}"
            )
        )
    values = known_values(mask)
    if values is None:
        unknown = "index: the shape of x[mask] depends on values that do not exist while tracing"
        raise TraceError(at_user_line(f"{unknown}; use sg.where(mask, x, 0)"))
    return np.nonzero(values)


def _split(x: Any, key: Any) -> tuple[Any, list[tuple[int, Any]]]:
    """Return the view that the plain items of a key make, and the axes of it that arrays index."""
    shape = tuple(x.shape)
    plain: list[Any] = []
    arrays: list[tuple[int, Any]] = []
    axis = place = 0  # of the operand, of the view
    last = ""
    for item in _expanded(key, len(shape)):
        if isinstance(item, (bool, np.bool_)):
            plain.append(None)
            arrays.append((place, np.zeros(int(item), np.int64)))
            place += 1
        elif item is None:
            plain.append(None)
            place, last = place + 1, "UnsqueezeBackward0"
        elif isinstance(item, int):
            size = shape[axis]
            if isinstance(size, int) and not -size <= item < size:
                raise IndexError(at_user_line(f"index {item} is out of bounds for dimension {axis} with size {size}"))
            plain.append(item)
            axis, last = axis + 1, "SelectBackward0"
        elif isinstance(item, slice):
            plain.append(_checked_slice(item))
            last = last if item == slice(None) else "SliceBackward0"
            axis, place = axis + 1, place + 1
        else:
            width = _width(item)
            found = _indices_of(item, shape[axis : axis + width], axis) if _is_mask(item) else (item,)
            for one in found if item.ndim or not _is_mask(item) else ():
                arrays.append((place, one))
                plain.append(slice(None))
                axis, place = axis + 1, place + 1
    plainly = all(p == slice(None) for p in plain)
    if plainly and arrays:
        return x, arrays
    return view_by_key(x, tuple(plain), last or "AliasBackward0"), arrays


def _checked(x: Any, arrays: list[tuple[int, Any]]) -> None:
    """Raise at once for arrays that are no indices, do not broadcast, or leave the operand."""
    for axis, index in arrays:
        integer = index.dtype.is_integer if isinstance(index, Tensor) else index.dtype.kind in "iu"
        if not integer:
            raise IndexError(at_user_line("tensors used as indices must be long, int, byte or bool tensors"))
        values, size = known_values(index), x.shape[axis]
        if values is None or not values.size or (values.dtype == np.int64 and below(values, size)):
            continue
        if values.min() < -size or values.max() >= size:
            worst = values.min() if values.min() < -size else values.max()
            raise IndexError(at_user_line(f"index {worst} is out of bounds for dimension {axis} with size {size}"))
    if len(arrays) == 1:
        return
    shapes = [tuple(index.shape) for _, index in arrays]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        given = ", ".join(map(shape_text, shapes))
        apart = f"shape mismatch: indexing tensors could not be broadcast together with shapes {given}"
        raise IndexError(at_user_line(apart)) from None


def _key(node: Node, axes: tuple[int, ...], indices: tuple[Operand, ...]) -> Key:
    arrays = []
    for axis, index in zip(axes, indices, strict=True):
        arrays.append((axis, wrapped(index_node("index", index), node.shape[axis])))
    return Key(tuple(full_range(s) for s in node.shape), (), tuple(arrays))


@operation("IndexBackward0")
def _index(x: Operand, *indices: Operand, axes: tuple[int, ...]) -> Node:
    node = _node(x)
    return read(node, _key(node, axes, indices))


def getitem(x: Any, key: Any) -> Any:
    """Return ``x[key]``: a view for integers, slices, None and Ellipsis, else a copy."""
    if type(key) is Tensor and key.dtype is int64 and key.ndim and x.ndim:  # what loops over batches do
        view, arrays = x, [(0, key)]
    else:
        view, arrays = _split(x, key)
    if not arrays:
        return view
    _checked(view, arrays)
    return _index(view, *[i for _, i in arrays], axes=tuple(a for a, _ in arrays))


# assignment


@operation("CopyBackwards")
def _fitted(target: Operand, value: Operand) -> Node:
    """Return a value in the type and shape of the place it is written to."""
    node, place = _node(value), _node(target)
    node = number_node(node, place.dtype)
    extra = node.ndim - place.ndim
    if extra > 0 and all(s == 1 for s in node.shape[:extra]):
        node = ops.squeeze(node, axes=tuple(range(extra)))
    for k, (own, size) in enumerate(zip(reversed(node.shape), reversed(place.shape), strict=False)):
        if own not in (1, size):
            must = f"The expanded size of the tensor ({size}) must match the existing size ({own})"
            sizes = f"Target sizes: {shape_text(place.shape)}.  Tensor sizes: {shape_text(_node(value).shape)}"
            refuse(f"{must} at non-singleton dimension {place.ndim - 1 - k}.  {sizes}")
    if node.ndim > place.ndim:
        counts = f"({place.ndim}) must be greater or equal to the number of dimensions in the tensor ({node.ndim})"
        refuse(f"expand({shape_text(node.shape)}, size={shape_text(place.shape)}): the number of sizes provided {counts}")
    return spread(node, place.shape)


@operation("IndexPutBackward0")
def _index_put(
    x: Operand, value: Operand, *indices: Operand, axes: tuple[int, ...], accumulate: bool, wide: tuple[int, ...] | None = None
) -> Node:
    """Write at indices of ``x``, or of what it is broadcast to: ``wide``."""
    node, given = _node(x), _node(value)
    if isinstance(value, Node) and given.dtype is not node.dtype:
        kinds = f"got {node.dtype.name} for the destination and {given.dtype.name} for the source."
        if given.ndim:
            refuse_dtype(f"Index put requires the source and destination dtypes match, {kinds}")
    given = number_node(given, node.dtype)
    size = node.type.size
    flat = spread(ops.reshape(ops.iota(size=size, dtype=int64), shape=node.shape), node.shape if wide is None else wide)
    places = read(flat, _key(flat, axes, indices))
    if given.ndim > places.ndim or any(
        p not in (1, q) for p, q in zip(reversed(given.shape), reversed(places.shape), strict=False)
    ):
        shapes = f"{shape_text(given.shape)} cannot be broadcast to indexing result of shape {shape_text(places.shape)}"
        refuse(f"shape mismatch: value tensor of shape {shapes}")
    given = spread(given, places.shape)
    if not accumulate:
        return overwritten(node, given, places)
    count = places.type.size
    updates, spots = (ops.reshape(n, shape=(count,)) for n in (given, places))
    return node + ops.reshape(ops.scatter_add(updates, spots, axis=0, size=size), shape=node.shape)


@operation("MaskedFillBackward0")
def _masked_put(x: Operand, mask: Operand, value: Operand) -> Node:
    node = _node(x)
    chosen = _node(mask)
    chosen = ops.expand_dims(chosen, axes=tuple(range(chosen.ndim, node.ndim))) if chosen.ndim < node.ndim else chosen
    given = number_node(value, node.dtype)
    return ops.where(chosen, ops.reshape(given, shape=()) if given.ndim else given, node)


def index_put(x: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """Return ``input`` with ``values`` at ``indices``, one array for each leading axis; the last written counts, or all add."""
    view, arrays = _split(x, tuple(indices))
    _checked(view, arrays)
    return _index_put(view, values, *[i for _, i in arrays], axes=tuple(a for a, _ in arrays), accumulate=bool(accumulate))


def written_at(view: Any, arrays: list[tuple[int, Any]], value: Any, accumulate: bool) -> tuple[Any, Any]:
    """Return what a write at arrays of indices writes to, a tensor in which no element is there twice, and its new contents."""
    refuse_overlap(view, (value,), whole=True)
    _checked(view, arrays)
    once, wide = each_once(view), None
    if once is not view:
        warn_expanded("index_put_", "indices] = tensor")
        wide = tuple(view.shape)
    axes = tuple(a for a, _ in arrays)
    return once, _index_put(once, value, *[i for _, i in arrays], axes=axes, accumulate=accumulate, wide=wide)


def index_put_contents(x: Any, indices: Any, values: Any, accumulate: bool = False) -> tuple[Any, Any]:
    """Return what ``x.index_put_(...)`` writes to and its new contents."""
    return written_at(*_split(x, tuple(indices)), values, bool(accumulate))


def assignment(x: Any, key: Any, value: Any) -> tuple[Any, Any]:
    """Return the tensor that ``x[key] = value`` writes, ``input`` itself or a view of it, and its new contents."""
    alone = key[0] if isinstance(key, tuple) and len(key) == 1 else key
    mask = _is_array(alone) and _is_mask(alone) and alone.ndim
    if mask and _is_one(value) and tuple(alone.shape) == tuple(x.shape[: alone.ndim]) and each_once(x) is x:
        return x, _masked_put(x, alone, value)
    view, arrays = _split(x, key)
    if arrays:
        return written_at(view, arrays, _without_leading_ones(value), False)
    if isinstance(value, Tensor) and value.shape == view.shape:  # what is broadcast is not dense
        refuse_overlap(view, (value,))
    return view, _fitted(view, value)


def _without_leading_ones(value: Any) -> Any:
    """Return a value without its axes of size 1 in front, which an assignment passes over."""
    if not isinstance(value, Tensor) or not value.ndim or value.shape[0] != 1:
        return value
    shape = tuple(value.shape)
    return reshape(value, shape[next((k for k, n in enumerate(shape) if n != 1), len(shape)) :])


def _is_one(value: Any) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, Tensor) and all(s == 1 for s in value.shape))


# finding


def nonzero(x: Any, *, as_tuple: bool = False) -> Any:
    """Return the indices of elements that differ from 0, as rows or as one vector for each axis."""
    found = np.nonzero(np.atleast_1d(x.numpy_value()) if as_tuple else x.numpy_value().reshape(x.shape or (1,)))
    if as_tuple:
        return tuple([Tensor.from_array(v.astype(np.int64)) for v in found])
    rows = np.stack(found, -1) if found else np.zeros((0, 0), np.int64)
    return Tensor.from_array(np.ascontiguousarray(rows[:, : x.ndim]).astype(np.int64))


def argwhere(x: Any) -> Any:
    """Return the indices of elements that differ from 0, as rows."""
    return nonzero(x)


FUNCTIONS: dict[str, Function] = {"index_put": index_put, "nonzero": nonzero, "argwhere": argwhere}
