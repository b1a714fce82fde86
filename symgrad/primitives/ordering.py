"""Orders of elements as integers: sorting, searching, and who wrote a place last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import int64
from symgrad.ir.dims import Size
from symgrad.ir.expr import Node, ops
from symgrad.ir.kinds import Interpreted, Zero
from symgrad.ir.types import TensorType, format_shape
from symgrad.primitives.rules import Types, primitive, refuse_dtype, refuse_shape
from symgrad.primitives.rules import integer as whole
from symgrad.primitives.samples import index, sample, whatever

__all__: list[str] = []

Array = Any

_INTERPRET = Interpreted("use options.tier='interpret', or do it outside the compiled function")


def _argsort_type(name: str, types: Types, *, axis: int, descending: bool) -> TensorType:
    (given,) = types
    if not 0 <= axis < given.ndim:
        refuse_shape(f"{name}: axis must lie in [0, {given.ndim}), got {axis} for {given}")
    return TensorType(given.shape, int64)


def _argsort_value(x: Array, *, axis: int, descending: bool) -> Array:
    if not descending:
        return np.argsort(x, axis=axis, kind="stable").astype(np.int64)
    # the last of equal elements comes first in the reversed order, and so the first of them once that is turned round
    turned = np.argsort(np.flip(x, axis), axis=axis, kind="stable").astype(np.int64)
    return x.shape[axis] - 1 - np.flip(turned, axis)


argsort = primitive(
    "argsort",
    _argsort_type,
    _argsort_value,
    Zero(),
    _INTERPRET,
    elementwise=False,
    batch=lambda inputs, batched, *, axis, descending: ops.argsort(inputs[0], axis=axis + 1, descending=descending),
    samples=tuple(
        sample(whatever(), shapes=(shape,), axis=axis, descending=descending)
        for shape, axis in (((6,), 0), ((3, 4), 0), ((2, 5), 1))
        for descending in (False, True)
    ),
    ulp=0.0,
    doc="The indices that sort an axis; equal elements keep their order, nan counts as the greatest.",
)


def _searchsorted_type(name: str, types: Types, *, right: bool) -> TensorType:
    ordered, values = types
    if ordered.dtype is not values.dtype:
        refuse_dtype(name, frozenset({0, 1, 2}), types)
    if ordered.ndim < 1 or (ordered.ndim > 1 and ordered.shape[:-1] != values.shape[:-1]):
        refuse_shape(f"{name}: one row of values for each row in order, got {ordered} and {values}")
    return TensorType(values.shape, int64)


def _searchsorted_value(ordered: Array, values: Array, *, right: bool) -> Array:
    side: Any = "right" if right else "left"
    if ordered.ndim == 1:
        return np.asarray(np.searchsorted(ordered, values, side)).astype(np.int64)
    result = np.empty(values.shape, np.int64)
    for place in np.ndindex(ordered.shape[:-1]):
        result[place] = np.searchsorted(ordered[place], values[place], side)
    return result


def _batched_search(inputs: Sequence[Node], batched: Sequence[bool], *, right: bool) -> Node:
    ordered, values = inputs
    count = inputs[0 if batched[0] else 1].shape[0]
    if not batched[0] and ordered.ndim == 1:
        return ops.searchsorted(ordered, values, right=right)
    if not batched[0]:
        ordered = ops.broadcast_to(ordered, shape=(count, *ordered.shape))
    if not batched[1]:
        values = ops.broadcast_to(values, shape=(count, *values.shape))
    if ordered.ndim == 2 and values.ndim != 2:  # one row each, the values of any shape
        flat = ops.reshape(values, shape=(count, values.type.size // count if count else 0))
        return ops.reshape(ops.searchsorted(ordered, flat, right=right), shape=values.shape)
    return ops.searchsorted(ordered, values, right=right)


def _in_order(arrays: list[Array]) -> list[Array]:
    return [np.sort(arrays[0], axis=-1), arrays[1]]


searchsorted = primitive(
    "searchsorted",
    _searchsorted_type,
    _searchsorted_value,
    Zero(),
    _INTERPRET,
    elementwise=False,
    batch=_batched_search,
    samples=tuple(
        sample(whatever(), whatever(), shapes=shapes, prepare=_in_order, right=right)
        for shapes in (((5,), (4,)), ((5,), (2, 3)), ((2, 5), (2, 3)))
        for right in (False, True)
    ),
    ulp=0.0,
    doc="How many elements of a row in order lie below each value, or with ``right`` not above it.",
)


def _last_writer_type(name: str, types: Types, *, size: Size) -> TensorType:
    (places,) = types
    if places.dtype.category not in whole:
        refuse_dtype(name, whole, types)
    if places.ndim != 1:
        refuse_shape(f"{name}: places have one axis, got {format_shape(places.shape)}")
    return TensorType((size,), int64)


def _last_writer_value(places: Array, *, size: int) -> Array:
    if places.size and (places.min() < 0 or places.max() >= size):
        raise IndexError(f"write: an index lies outside {size} elements, got {places.min()} .. {places.max()}")
    result = np.full(size, -1, np.int64)
    result[places] = np.arange(places.size)
    return result


def _batched_writer(inputs: Sequence[Node], batched: Sequence[bool], *, size: Size) -> Node:
    (places,) = inputs
    count, each = places.shape
    rows = ops.expand_dims(ops.iota(size=count, dtype=places.dtype), axes=(1,))
    flat = ops.reshape(places + rows * size, shape=(count * each,))  # type: ignore[operator]  # sizes are ints
    writer = ops.reshape(ops.last_writer(flat, size=count * size), shape=(count, size))
    own = writer - ops.cast(rows, dtype=int64) * each  # type: ignore[operator]  # sizes are ints
    return ops.where(writer < 0, writer, own)


last_writer = primitive(
    "last_writer",
    _last_writer_type,
    _last_writer_value,
    Zero(),
    _INTERPRET,
    elementwise=False,
    batch=_batched_writer,
    samples=(sample(index(5), shapes=((4,),), size=5), sample(index(3), shapes=((6,),), size=4)),
    ulp=0.0,
    doc="For each place the last position at which its number stands among ``places``, -1 where it does not.",
)
