"""Composites that arrange elements: concatenate, stack, pad, flip, diagonals, trace."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.ir.dims import Dim, Size
from symgrad.ir.expr import Node, Range, like, ops
from symgrad.ir.types import format_shape
from symgrad.primitives.rules import agree, check_axes, composite, named, refuse_shape
from symgrad.primitives.samples import number, sample, whatever
from symgrad.primitives.shape import full_range

__all__: list[str] = []

Axes = tuple[int, ...]
Widths = tuple[tuple[int, int], ...]


def _concatenate(*xs: Node, axis: int) -> Node:
    if not xs:
        refuse_shape("concatenate: needs at least one array, got none")
    agree("concatenate", tuple([x.type for x in xs]))
    first = xs[0]
    if not 0 <= axis < first.ndim:
        refuse_shape(f"concatenate: axis must lie in [0, {first.ndim}), got {axis} for {named(first)}")
    total: Size = 0
    places: list[tuple[Range, ...]] = []
    for x in xs:
        if x.ndim != first.ndim or any(a != axis and s != first.shape[a] for a, s in enumerate(x.shape)):
            given = ", ".join(map(named, xs))
            refuse_shape(f"concatenate: sizes must agree along every axis but {axis}, got {given}")
        places.append(tuple(Range(total if a == axis else 0, s) for a, s in enumerate(x.shape)))
        total = total + x.shape[axis]
    shape = (*first.shape[:axis], total, *first.shape[axis + 1 :])
    return first if len(xs) == 1 else ops.assemble(*xs, shape=shape, ranges=tuple(places))


def _stack(*xs: Node, axis: int) -> Node:
    if not xs:
        refuse_shape("stack: needs at least one array, got none")
    agree("stack", tuple([x.type for x in xs]))
    first = xs[0]
    if any(x.shape != first.shape for x in xs):
        refuse_shape(f"stack: shapes must agree, got {', '.join(map(named, xs))}")
    if not 0 <= axis <= first.ndim:
        refuse_shape(f"stack: axis must lie in [0, {first.ndim}], got {axis} for {named(first)}")
    rest = full_range(first.shape)
    places = tuple((*rest[:axis], Range(k, None), *rest[axis:]) for k in range(len(xs)))
    return ops.assemble(*xs, shape=(*first.shape[:axis], len(xs), *first.shape[axis:]), ranges=places)


def _pad(x: Node, *, widths: Widths, value: float = 0) -> Node:
    if len(widths) != x.ndim or any(low < 0 or high < 0 for low, high in widths):
        refuse_shape(f"pad: one pair of widths of at least 0 for each axis, got {widths} for {named(x)}")
    if value == 0:
        shape = tuple(s + low + high for s, (low, high) in zip(x.shape, widths, strict=True))
        place = tuple(Range(low, s) for s, (low, _) in zip(x.shape, widths, strict=True))
        return ops.assemble(x, shape=shape, ranges=(place,))
    for axis, pair in enumerate(widths):
        low, high = (ops.broadcast_to(like(value, x), shape=(*x.shape[:axis], w, *x.shape[axis + 1 :])) for w in pair)
        x = _concatenate(low, x, high, axis=axis) if any(pair) else x
    return x


def _flip(x: Node, *, axes: Axes) -> Node:
    check_axes("flip", axes, x.ndim)
    ranges = tuple(Range(s - 1, s, -1) if a in axes else Range(0, s) for a, s in enumerate(x.shape))
    return ops.slice(x, ranges=ranges)


# Diagonals of the last two axes


def _diagonal_length(rows: Size, columns: Size, offset: int, x: Node) -> Size:
    height = rows + min(offset, 0)
    width = columns - max(offset, 0)
    if height == width:
        return height
    if isinstance(rows, Dim) or isinstance(columns, Dim):
        if rows == columns:
            return rows - abs(offset)
        refuse_shape(f"diagonal: named sizes must agree to have a diagonal, got {named(x)}; give a fixed spec")
    return max(0, min(int(height), int(width)))  # type: ignore[arg-type]  # both are ints here


def _diag_extract(x: Node, *, offset: int = 0) -> Node:
    if x.ndim < 2:
        refuse_shape(f"diagonal: needs at least two axes, got {named(x)}")
    *lead, rows, columns = x.shape
    length = _diagonal_length(rows, columns, offset, x)
    start = offset if offset >= 0 else -offset * columns
    flat = ops.reshape(x, shape=(*lead, rows * columns))
    if length == 0:
        start = 0
    return ops.slice(flat, ranges=(*full_range(tuple(lead)), Range(start, length, columns + 1)))


def _diag_embed(x: Node, *, offset: int = 0) -> Node:
    if x.ndim < 1:
        refuse_shape(f"diagonal: needs at least one axis, got {named(x)}")
    *lead, length = x.shape
    size = length + abs(offset)
    start = offset if offset >= 0 else -offset * size
    place = (*full_range(tuple(lead)), Range(start, length, size + 1))
    flat = ops.assemble(x, shape=(*lead, size * size), ranges=(place,))
    return ops.reshape(flat, shape=(*lead, size, size))


def _diag_embed_value(x: Any, *, offset: int = 0) -> Any:
    size = x.shape[-1] + abs(offset)
    result = np.zeros((*x.shape[:-1], size, size), x.dtype)
    k = np.arange(x.shape[-1])
    result[..., k + max(0, -offset), k + max(0, offset)] = x
    return result


def _trace(x: Node, *, offset: int = 0) -> Node:
    if x.ndim < 2:
        refuse_shape(f"trace: needs at least two axes, got {format_shape(x.shape)}")
    moved = x if x.ndim == 2 else ops.transpose(x, permutation=(*range(2, x.ndim), 0, 1))
    return ops.sum(_diag_extract(moved, offset=offset), axes=(x.ndim - 2,))


concatenate = composite(
    "concatenate",
    _concatenate,
    lambda *xs, axis: np.concatenate(xs, axis=axis),
    (
        sample(whatever(), whatever(), shapes=((2,), (3,)), axis=0),
        sample(whatever(), whatever(), whatever(), shapes=((2, 1), (2, 3), (2, 0)), axis=1),
    ),
    "Arrays one after another along an axis they have.",
)
stack = composite(
    "stack",
    _stack,
    lambda *xs, axis: np.stack(xs, axis=axis),
    (
        sample(whatever(), whatever(), shapes=((3,), (3,)), axis=1),
        sample(whatever(), whatever(), shapes=((), ()), axis=0),
    ),
    "Arrays of one shape along a new axis.",
)
pad = composite(
    "pad",
    _pad,
    lambda x, *, widths, value=0: np.pad(x, widths, constant_values=x.dtype.type(value)),
    (
        sample(whatever(), shapes=((3,),), widths=((1, 2),), value=0),
        sample(number(), shapes=((2, 3),), widths=((1, 0), (2, 1)), value=3),
    ),
    "The array with constant borders: (before, after) for each axis.",
)
flip = composite(
    "flip",
    _flip,
    lambda x, *, axes: np.flip(x, axes),
    (sample(whatever(), shapes=((4,),), axes=(0,)), sample(whatever(), shapes=((2, 3),), axes=(0, 1))),
    "The order of elements reversed along axes.",
)
diag_extract = composite(
    "diag_extract",
    _diag_extract,
    lambda x, *, offset=0: np.diagonal(x, offset, -2, -1),
    tuple(
        sample(whatever(), shapes=(shape,), offset=k)
        for shape in ((3, 3), (2, 4), (4, 2), (2, 3, 3))
        for k in (-3, -1, 0, 1, 2, 5)
    ),
    "A diagonal of the last two axes; offset > 0 lies above the main one.",
)
diag_embed = composite(
    "diag_embed",
    _diag_embed,
    _diag_embed_value,
    tuple(sample(whatever(), shapes=(shape,), offset=k) for shape in ((3,), (2, 3)) for k in (-2, 0, 1)),
    "Square matrices with the last axis on a diagonal, zeros elsewhere.",
)
trace = composite(
    "trace",
    _trace,
    lambda x, *, offset=0: np.trace(x, offset, dtype=x.dtype),
    tuple(sample(number(), shapes=(shape,), offset=k) for shape in ((3, 3), (2, 4), (3, 3, 2)) for k in (-1, 0, 1)),
    "Sum along a diagonal of the first two axes, as numpy.trace.",
)
