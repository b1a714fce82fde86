"""Indexing by integer arrays: gather, and scatter_add, its adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.errors import DTypeError, at_user_line
from symgrad.ir.dims import Size
from symgrad.ir.expr import Node, ops
from symgrad.ir.kinds import Linear, Structure
from symgrad.ir.types import TensorType, format_shape
from symgrad.primitives.rules import Types, primitive, refuse_shape, size_value
from symgrad.primitives.samples import index, sample, whatever

__all__: list[str] = []

Array = Any


def _check_indices(name: str, given: TensorType) -> None:
    if not given.dtype.is_integer:
        raise DTypeError(at_user_line(f"{name}: indices must be int32 or int64, got {given}"))


def _gather_type(name: str, types: Types, *, axis: int) -> TensorType:
    x, indices = types
    _check_indices(name, indices)
    if not 0 <= axis < x.ndim:
        refuse_shape(f"{name}: axis must lie in [0, {x.ndim}), got {axis} for {x}")
    return TensorType(x.shape[:axis] + indices.shape + x.shape[axis + 1 :], x.dtype)


def _check_range(name: str, indices: Array, size: int) -> None:
    if indices.size and (indices.min() < 0 or indices.max() >= size):
        raise IndexError(f"{name}: an index lies outside an axis of size {size}, got {indices.min()} .. {indices.max()}")


def _gather_value(x: Array, indices: Array, *, axis: int) -> Array:
    _check_range("gather", indices, x.shape[axis])
    return np.take(x, indices, axis=axis)


def _scatter_type(name: str, types: Types, *, axis: int, size: Size) -> TensorType:
    updates, indices = types
    _check_indices(name, indices)
    if not 0 <= axis <= updates.ndim - indices.ndim or updates.shape[axis : axis + indices.ndim] != indices.shape:
        refuse_shape(f"{name}: updates must have the indices' shape {format_shape(indices.shape)} at axis {axis}, got {updates}")
    shape = (*updates.shape[:axis], size, *updates.shape[axis + indices.ndim :])
    return TensorType(shape, updates.dtype)


def _scatter_value(updates: Array, indices: Array, *, axis: int, size: int) -> Array:
    _check_range("scatter_add", indices, size)
    shape = (*updates.shape[:axis], size, *updates.shape[axis + indices.ndim :])
    result = np.zeros(shape, updates.dtype)
    add: Any = np.logical_or if updates.dtype == np.bool_ else np.add
    add.at(result, (slice(None),) * axis + (indices,), updates)
    return result


# Batching: the batch axis of x goes before the gathered one, and both are indexed as one


def _move(x: Node, start: int, target: int) -> Node:
    """Return ``x`` with one axis moved."""
    rest = [a for a in range(x.ndim) if a != start]
    rest.insert(target, start)
    return ops.transpose(x, permutation=tuple(rest))


def _flat_indices(indices: Node, size: Size) -> Node:
    """Return ``indices[b, ...] + b * size``."""
    count = indices.shape[0]
    offsets = ops.iota(size=count, dtype=indices.dtype) * size_value(size, indices.dtype)
    return indices + ops.expand_dims(offsets, axes=tuple(range(1, indices.ndim)))


def _batched_gather(inputs: Sequence[Node], batched: Sequence[bool], *, axis: int) -> Node:
    x, indices = inputs
    if not batched[1]:
        return ops.gather(x, indices, axis=axis + 1)
    if not batched[0]:
        return _move(ops.gather(x, indices, axis=axis), axis, 0)  # the indices' batch axis stands at `axis`
    size = x.shape[axis + 1]
    front = _move(x, axis + 1, 1)
    flat = ops.reshape(front, shape=(x.shape[0] * size, *front.shape[2:]))
    taken = ops.gather(flat, _flat_indices(indices, size), axis=0)  # [batch, *indices, *rest]
    return _place(taken, indices.ndim - 1, axis)


def _place(taken: Node, rank: int, axis: int) -> Node:
    """Move ``rank`` axes that follow the batch axis behind ``axis`` others."""
    indexed = list(range(1, 1 + rank))
    rest = list(range(1 + rank, taken.ndim))
    return ops.transpose(taken, permutation=(0, *rest[:axis], *indexed, *rest[axis:]))


def _batched_scatter(inputs: Sequence[Node], batched: Sequence[bool], *, axis: int, size: Size) -> Node:
    updates, indices = inputs
    if not batched[1]:
        return ops.scatter_add(updates, indices, axis=axis + 1, size=size)
    count = indices.shape[0]
    if not batched[0]:
        updates = ops.broadcast_to(updates, shape=(count, *updates.shape))
    rank = indices.ndim - 1
    indexed = list(range(1 + axis, 1 + axis + rank))
    rest = [a for a in range(1, updates.ndim) if a not in indexed]
    front = ops.transpose(updates, permutation=(0, *indexed, *rest))
    flat = ops.scatter_add(front, _flat_indices(indices, size), axis=0, size=count * size)
    apart = ops.reshape(flat, shape=(count, size, *flat.shape[1:]))
    return _move(apart, 1, 1 + axis)


gather = primitive(
    "gather",
    _gather_type,
    _gather_value,
    Linear(
        (0,),
        lambda ct, x, indices, *, axis: (ops.scatter_add(ct, indices, axis=axis, size=x.shape[axis]),),
        accumulates=True,
    ),
    Structure("gather"),
    elementwise=False,
    batch=_batched_gather,
    samples=(
        sample(whatever(), index(5), shapes=((5,), (4,)), axis=0),
        sample(whatever(), index(3), shapes=((2, 3, 2), (2, 2)), axis=1),
        sample(whatever(), index(4), shapes=((3, 4), ()), axis=1),
    ),
    ulp=0.0,
    doc="x with one axis replaced by the indices' axes, as numpy.take; IndexError for an index outside the axis.",
)
scatter_add = primitive(
    "scatter_add",
    _scatter_type,
    _scatter_value,
    Linear((0,), lambda ct, updates, indices, *, axis, size: (ops.gather(ct, indices, axis=axis),)),
    Structure("scatter"),
    elementwise=False,
    batch=_batched_scatter,
    samples=(
        sample(whatever(), index(5), shapes=((4,), (4,)), axis=0, size=5),
        sample(whatever(), index(3), shapes=((2, 2, 2, 2), (2, 2)), axis=1, size=3),
        sample(whatever(), index(4), shapes=((3,), ()), axis=1, size=4),
    ),
    ulp=0.0,
    doc="zeros with updates added (bool: or-ed) at the indices along one axis, in order: the adjoint of gather.",
)
