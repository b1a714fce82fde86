"""``x[key]`` and ``x[key] = value``: slices and integers as views, integer arrays as gathers, masks that are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.dtypes import DType, int64
from symgrad.eager.faces import Face
from symgrad.eager.values import concrete, is_concrete, value_of
from symgrad.errors import ShapeError, TraceError, at_user_line
from symgrad.ir.dims import Dim, Size
from symgrad.ir.expr import Node, Range, constant, ops
from symgrad.ir.types import Shape, format_shape

__all__ = ["Key", "as_index_node", "full_range", "key_name", "parse", "read", "scalar_ranges", "write"]


@dataclass(frozen=True, slots=True)
class Key:
    """A parsed key: one range for each axis, axes to insert, and integer arrays for some axes.

    Attributes
    ----------
    ranges : tuple of Range
        One for each axis of the array; axes with an integer array have their full range.
    inserted : tuple of int
        Positions of new axes, counted after slicing and before integer arrays are applied.
    arrays : tuple of (int, Node)
        Axis, counted in the sliced array with its new axes, and the indices it is read at.
    """

    ranges: tuple[Range, ...]
    inserted: tuple[int, ...]
    arrays: tuple[tuple[int, Node], ...]


def full_range(size: Size) -> Range:
    """Return the range of a whole axis."""
    return Range(0, size, 1)


def parse(key: Any, shape: Shape) -> Key:
    """Return a key in normal form for an array of ``shape``.

    Raises
    ------
    IndexError
        For too many indices, or an integer out of range of a fixed size.
    TraceError
        For keys that cannot be traced.
    """
    items = _expand_ellipsis(_spell_masks(key if isinstance(key, tuple) else (key,)), shape)
    ranges: list[Range] = []
    inserted: list[int] = []
    arrays: list[tuple[int, Node]] = []
    position = 0
    for item in items:
        if item is None:
            inserted.append(position)
            position += 1
            continue
        size = shape[len(ranges)]
        if _is_integer(item):
            ranges.append(Range(_at(int(item), size), None))
            continue
        if isinstance(item, slice):
            ranges.append(_slice(item, size))
        else:
            arrays.append((position, as_index_node(item, size)))
            ranges.append(full_range(size))
        position += 1
    return Key(tuple(ranges), tuple(inserted), tuple(arrays))


def _is_integer(item: Any) -> bool:
    return isinstance(item, (int, np.integer)) and not isinstance(item, (bool, np.bool_))


def _spell_masks(items: tuple[Any, ...]) -> list[Any]:
    """Replace each boolean array, whose values must be known, by the integer arrays of its True elements."""
    result: list[Any] = []
    for item in items:
        mask = _mask(item)
        if mask is None:
            result.append(item)
        else:
            result.extend(np.nonzero(mask))
    return result


def _mask(item: Any) -> np.ndarray[Any, Any] | None:
    if isinstance(item, (bool, np.bool_)):
        raise TraceError(at_user_line("index: a single bool is not supported; use sg.where"))
    if isinstance(item, Face) and item.node.dtype.is_bool:
        if not is_concrete([item.node]):
            unknown = "index: the shape of x[mask] depends on values that do not exist while tracing"
            raise TraceError(at_user_line(f"{unknown}; use sg.where(mask, x, 0)"))
        return value_of(item.node)
    if isinstance(item, (np.ndarray, list)) and (array := np.asarray(item)).dtype == np.bool_ and array.ndim:
        return array
    return None


def _expand_ellipsis(items: Sequence[Any], shape: Shape) -> list[Any]:
    used = sum(i is not None and i is not Ellipsis for i in items)
    if used > len(shape):
        raise IndexError(at_user_line(f"index: too many indices for shape {format_shape(shape)}, got {used}"))
    rest = [slice(None)] * (len(shape) - used)
    spots = [k for k, i in enumerate(items) if i is Ellipsis]
    if len(spots) > 1:
        raise IndexError(at_user_line("index: one ellipsis at most"))
    if not spots:
        return [*items, *rest]
    return [*items[: spots[0]], *rest, *items[spots[0] + 1 :]]


def _at(index: int, size: Size) -> Size:
    if isinstance(size, Dim):
        return index if index >= 0 else size + index  # held to the size at the call
    if not -size <= index < size:
        raise IndexError(at_user_line(f"index: {index} is out of range for an axis of size {size}"))
    return index % size


def _slice(item: slice, size: Size) -> Range:
    if any(isinstance(bound, Face) for bound in (item.start, item.stop, item.step)):
        raise TraceError(at_user_line("slice: bounds must be Python integers, got a traced value; sizes cannot depend on values"))
    if isinstance(size, int):
        spots = range(*item.indices(size))
        return Range(spots.start, len(spots), spots.step)
    step: int = 1 if item.step is None else int(item.step)
    if step not in (1, -1) or (step == -1 and (item.start is not None or item.stop is not None)):
        allowed = f"slice: the named dim {size} allows steps of 1, or [::-1]"
        raise TraceError(at_user_line(f"{allowed}, got {item}; give a fixed TensorSpec"))
    if step == -1:
        return Range(size - 1, size, -1)
    first = _bound(item.start, size, 0)
    return Range(first, _bound(item.stop, size, size) - first, 1)


def _bound(bound: Any, size: Dim, default: Size) -> Size:
    if bound is None:
        return default
    if isinstance(bound, Dim):
        return bound
    index = int(bound)
    return index if index >= 0 else size + index


def as_index_node(item: Any, size: Size) -> Node:
    """Return integer indices as a node, counted from the front.

    Raises
    ------
    IndexError
        For indices out of range whose values are known.
    """
    node = item.node if isinstance(item, Face) else None
    if node is None:
        array = np.asarray(item)
        if array.size == 0:
            array = array.astype(np.int64)
        if array.dtype.kind not in "iu":
            raise IndexError(at_user_line(f"index: arrays used as indices must be integer or bool, got {array.dtype}"))
        if isinstance(size, int):
            _check_range(array, size)
            array = array % max(size, 1)
            return concrete(array.astype(np.int64))
        node = concrete(array.astype(np.int64))
    elif not node.dtype.is_integer:
        raise IndexError(at_user_line(f"index: arrays used as indices must be integer or bool, got {node.type}"))
    node = node if node.dtype is int64 else ops.cast(node, dtype=int64)
    length = constant(size, int64) if isinstance(size, int) else ops.dim_size(dim=size)
    return ops.where(ops.lt(node, constant(0, int64)), ops.add(node, length), node)


def _check_range(array: np.ndarray[Any, Any], size: int) -> None:
    if array.size and (int(array.min()) < -size or int(array.max()) >= size):
        worst = int(array.min()) if int(array.min()) < -size else int(array.max())
        raise IndexError(at_user_line(f"index: {worst} is out of range for an axis of size {size}"))


def key_name(key: Any) -> Any:
    """Return what stands for a key of ints, slices, None and Ellipsis in a dict; None for others."""
    kind = type(key)
    if kind is int:
        return key
    if kind is slice:
        bounds = key.start, key.stop, key.step
        return ("slice", *bounds) if all(b is None or type(b) is int for b in bounds) else None
    if kind is tuple:
        names = [... if k is ... else "new" if k is None else key_name(k) for k in key if type(k) is not tuple]
        return ("key", *names) if None not in names and len(names) == len(key) else None
    return None


def read(node: Node, key: Key) -> Node:
    """Return ``node[key]``."""
    whole = all(r == full_range(s) for r, s in zip(key.ranges, node.shape, strict=True))
    result = node if whole else ops.slice(node, ranges=key.ranges)
    if key.inserted:
        result = ops.expand_dims(result, axes=key.inserted)
    if len(key.arrays) == 1:
        axis, indices = key.arrays[0]
        return ops.gather(result, indices, axis=axis)
    return _read_jointly(result, key.arrays) if key.arrays else result


def _read_jointly(node: Node, arrays: tuple[tuple[int, Node], ...]) -> Node:
    """Read several axes at broadcast indices: the axes are brought together and indexed as one flat axis."""
    axes = [axis for axis, _ in arrays]
    together = axes == list(range(axes[0], axes[0] + len(axes)))
    rest = [a for a in range(node.ndim) if a not in axes]
    front = axes[0] if together else 0  # NumPy puts the result first when the arrays are apart
    order = (*rest[:front], *axes, *rest[front:])
    moved = node if order == tuple(range(node.ndim)) else ops.transpose(node, permutation=order)
    flat: Node | None = None
    for axis, indices in arrays:
        size = node.shape[axis]
        length = constant(size, int64) if isinstance(size, int) else ops.dim_size(dim=size)
        flat = indices if flat is None else ops.add(ops.mul(flat, length), indices)
    merged: Size = 1
    for axis in axes:
        merged = merged * node.shape[axis]
    shape = (*moved.shape[:front], merged, *moved.shape[front + len(axes) :])
    assert flat is not None
    return ops.gather(ops.reshape(moved, shape=shape), flat, axis=front)


def scalar_ranges(key: Key) -> tuple[Range, ...] | None:
    """Return the ranges of a key that names a single element with known integers, else None."""
    if key.inserted or key.arrays or any(r.count is not None for r in key.ranges):
        return None
    return key.ranges


def write(node: Node, key: Key, value: Node, dtype: DType) -> Node:
    """Return ``node`` with ``value`` at ``key``; differentiable in both.

    Raises
    ------
    TraceError
        For integer arrays whose values are not known, or that name an element twice.
    """
    target = read(node, key).shape
    fitted = value if value.dtype is dtype else ops.cast(value, dtype=dtype)
    spread = fitted if fitted.shape == target else _broadcast(fitted, target)
    if not key.arrays:
        ranges = key.ranges
        piece = ops.squeeze(spread, axes=key.inserted) if key.inserted else spread
        placed = ops.assemble(piece, shape=node.shape, ranges=(ranges,))
        yes = constant(True)
        full = ops.broadcast_to(yes, shape=piece.shape) if piece.ndim else yes
        hit = ops.assemble(full, shape=node.shape, ranges=(ranges,))
        return ops.where(hit, placed, node)
    return _write_at(node, key, spread)


def _broadcast(value: Node, shape: Shape) -> Node:
    extra = value.ndim - len(shape)
    if extra > 0 and all(s == 1 for s in value.shape[:extra]):
        value = ops.squeeze(value, axes=tuple(range(extra)))
    if value.ndim > len(shape) or any(a not in (1, b) for a, b in zip(reversed(value.shape), reversed(shape), strict=False)):
        raise ShapeError(
            at_user_line(f"assignment: a value of shape {format_shape(value.shape)} does not fit the place {format_shape(shape)}")
        )
    return ops.broadcast_to(value, shape=shape)


def _write_at(node: Node, key: Key, value: Node) -> Node:
    """Write at integer arrays whose values are known: one flat scatter and a mask."""
    size = node.type.size
    if isinstance(size, Dim):
        needs = "assignment: at integer arrays the shape must be fixed"
        raise TraceError(at_user_line(f"{needs}, got {node.type}; give a fixed TensorSpec"))
    positions = ops.reshape(ops.iota(size=size, dtype=int64), shape=node.shape)
    spots = read(positions, key)
    if not is_concrete([spots]):
        raise TraceError(at_user_line("assignment: the indices must be known while tracing; use sg.where with a mask"))
    flat = value_of(spots).reshape(-1)
    if len(np.unique(flat)) != len(flat):
        raise TraceError(at_user_line("assignment: the indices name an element twice; add contributions one by one instead"))
    hit = np.zeros(size, dtype=np.bool_)
    hit[flat] = True
    placed = ops.scatter_add(ops.reshape(value, shape=(len(flat),)), concrete(flat), axis=0, size=size)
    mask = concrete(hit.reshape([s for s in node.shape if isinstance(s, int)]))
    return ops.where(mask, ops.reshape(placed, shape=node.shape), node)
