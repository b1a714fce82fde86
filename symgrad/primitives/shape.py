"""Rearrangements: reshape, transpose, broadcasting, slices and their adjoint, assembly; sizes as values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import DType, int64
from symgrad.errors import ShapeError
from symgrad.ir.dims import Size, product, same_size
from symgrad.ir.expr import Node, Range, ops
from symgrad.ir.kinds import Linear, Partials, Structure, Zero
from symgrad.ir.types import Shape, TensorType, TupleType, broadcast_shapes, format_shape
from symgrad.primitives.rules import Types, agree, check_axes, primitive, refuse_shape
from symgrad.primitives.samples import sample, whatever

__all__ = ["full_range"]

Axes = tuple[int, ...]


def full_range(shape: Shape) -> tuple[Range, ...]:
    """Return the ranges that take all of an array."""
    return tuple(Range(0, s) for s in shape)


# Sizes


def _dim_size_type(name: str, types: Types, *, dim: Size) -> TensorType:
    return TensorType((), int64)


def _iota_type(name: str, types: Types, *, size: Size, dtype: DType) -> TensorType:
    if isinstance(size, int) and size < 0:
        refuse_shape(f"{name}: a size is at least 0, got {size}")
    return TensorType((size,), dtype)


def _project_type(name: str, types: tuple[TupleType, ...], *, index: int) -> TensorType:
    return types[0].elements[index]


dim_size = primitive(
    "dim_size",
    _dim_size_type,
    lambda *, dim: np.int64(dim),
    Zero(),
    Structure("dim_size"),
    elementwise=False,
    samples=(sample(dim=3),),
    ulp=0.0,
    doc="A size as an int64 value.",
)
iota = primitive(
    "iota",
    _iota_type,
    lambda *, size, dtype: np.arange(size).astype(dtype.numpy),
    Zero(),
    Structure("iota"),
    elementwise=False,
    samples=(sample(size=5, dtype=int64),),
    ulp=0.0,
    doc="0, 1, 2, ..., size - 1.",
)
project = primitive(
    "project",
    _project_type,
    lambda t, index: t[index],
    Linear((0,), lambda ct, t, *, index: (ct,)),
    Structure("project"),
    elementwise=False,
    ulp=0.0,
    doc="One element of a tuple. Its transpose gives the cotangent of that element; the others are zero.",
)


# Views


def _reshape_type(name: str, types: Types, *, shape: Shape) -> TensorType:
    (given,) = types
    if given.shape == shape:
        return given
    if not same_size(given.size, product(shape)):
        refuse_shape(f"{name}: sizes must agree, got {given} to {format_shape(shape)}")
    return TensorType(shape, given.dtype)


def _batched_reshape(inputs: Sequence[Node], batched: Sequence[bool], *, shape: Shape) -> Node:
    return ops.reshape(inputs[0], shape=(inputs[0].shape[0], *shape))


reshape = primitive(
    "reshape",
    _reshape_type,
    lambda x, *, shape: np.reshape(x, shape),
    Linear((0,), lambda ct, x, *, shape: (ops.reshape(ct, shape=x.shape),)),
    Structure("view"),
    elementwise=False,
    batch=_batched_reshape,
    samples=(
        sample(whatever(), shapes=((2, 6),), shape=(3, 4)),
        sample(whatever(), shapes=((1, 1),), shape=()),
        sample(whatever(), shapes=((2, 0),), shape=(0, 5)),
    ),
    ulp=0.0,
    doc="The same elements in row-major order under another shape.",
)


def _transpose_type(name: str, types: Types, *, permutation: Axes) -> TensorType:
    (given,) = types
    if len(permutation) != given.ndim or sorted(permutation) != list(range(given.ndim)):
        refuse_shape(f"{name}: the permutation must name each axis once, got {permutation} for {given}")
    return TensorType(tuple(given.shape[a] for a in permutation), given.dtype)


def inverse_permutation(permutation: Axes) -> Axes:
    """Return the permutation that undoes another."""
    result = [0] * len(permutation)
    for k, axis in enumerate(permutation):
        result[axis] = k
    return tuple(result)


def _batched_transpose(inputs: Sequence[Node], batched: Sequence[bool], *, permutation: Axes) -> Node:
    return ops.transpose(inputs[0], permutation=(0, *(a + 1 for a in permutation)))


transpose = primitive(
    "transpose",
    _transpose_type,
    lambda x, *, permutation: np.transpose(x, permutation),
    Linear((0,), lambda ct, x, *, permutation: (ops.transpose(ct, permutation=inverse_permutation(permutation)),)),
    Structure("view"),
    elementwise=False,
    batch=_batched_transpose,
    samples=(
        sample(whatever(), shapes=((2, 3),), permutation=(1, 0)),
        sample(whatever(), shapes=((2, 3, 4),), permutation=(2, 0, 1)),
    ),
    ulp=0.0,
    doc="Axis k of the result is axis permutation[k] of x.",
)


def _broadcast_to_type(name: str, types: Types, *, shape: Shape) -> TensorType:
    (given,) = types
    if given.shape == shape:
        return given
    if len(given.shape) > len(shape) or broadcast_shapes(name, given.shape, shape) != shape:
        refuse_shape(f"{name}: {given} does not broadcast to {format_shape(shape)}")
    return TensorType(shape, given.dtype)


def _batched_broadcast_to(inputs: Sequence[Node], batched: Sequence[bool], *, shape: Shape) -> Node:
    (x,) = inputs
    missing = len(shape) + 1 - x.ndim
    aligned = ops.expand_dims(x, axes=tuple(range(1, 1 + missing))) if missing else x
    return ops.broadcast_to(aligned, shape=(x.shape[0], *shape))


broadcast_to = primitive(
    "broadcast_to",
    _broadcast_to_type,
    lambda x, *, shape: np.broadcast_to(x, shape),
    Partials(1.0),
    Structure("view"),
    elementwise=False,
    batch=_batched_broadcast_to,
    samples=(
        sample(whatever(), shapes=((),), shape=(2, 3)),
        sample(whatever(), shapes=((3,),), shape=(2, 3)),
        sample(whatever(), shapes=((2, 1),), shape=(2, 3)),
    ),
    ulp=0.0,
    doc="x repeated along new leading axes and along axes of size 1.",
)


def _expand_dims_type(name: str, types: Types, *, axes: Axes) -> TensorType:
    (given,) = types
    if not axes:
        return given
    check_axes(name, axes, given.ndim + len(axes))
    sizes = iter(given.shape)
    shape = tuple(1 if a in axes else next(sizes) for a in range(given.ndim + len(axes)))
    return TensorType(shape, given.dtype)


expand_dims = primitive(
    "expand_dims",
    _expand_dims_type,
    lambda x, *, axes: np.expand_dims(x, axes),
    Linear((0,), lambda ct, x, *, axes: (ops.squeeze(ct, axes=axes),)),
    Structure("view"),
    elementwise=False,
    batch=lambda inputs, batched, *, axes: ops.expand_dims(inputs[0], axes=tuple(a + 1 for a in axes)),
    samples=(
        sample(whatever(), shapes=((2, 3),), axes=(0, 3)),
        sample(whatever(), shapes=((2, 3),), axes=(1,)),
        sample(whatever(), shapes=((),), axes=(0,)),
    ),
    ulp=0.0,
    doc="x with axes of size 1 put in at the given positions of the result.",
)


def _squeeze_type(name: str, types: Types, *, axes: Axes) -> TensorType:
    (given,) = types
    if not axes:
        return given
    check_axes(name, axes, given.ndim)
    if any(given.shape[a] != 1 for a in axes):
        refuse_shape(f"{name}: axes {axes} must have size 1, got {given}")
    return TensorType(tuple(s for a, s in enumerate(given.shape) if a not in axes), given.dtype)


squeeze = primitive(
    "squeeze",
    _squeeze_type,
    lambda x, *, axes: np.squeeze(x, axes),
    Linear((0,), lambda ct, x, *, axes: (ops.expand_dims(ct, axes=axes),)),
    Structure("view"),
    elementwise=False,
    batch=lambda inputs, batched, *, axes: ops.squeeze(inputs[0], axes=tuple(a + 1 for a in axes)),
    samples=(sample(whatever(), shapes=((1, 3, 1),), axes=(0, 2)), sample(whatever(), shapes=((1, 3),), axes=(0,))),
    ulp=0.0,
    doc="x without the given axes, each of size 1.",
)


# Slices and assembly


def _ranged_shape(name: str, shape: Shape, ranges: tuple[Range, ...]) -> Shape:
    """Return the shape that ``ranges`` take out of ``shape``; what is fixed must lie inside it."""
    if len(ranges) != len(shape):
        refuse_shape(f"{name}: one range for each axis, got {len(ranges)} for {format_shape(shape)}")
    for axis, (size, taken) in enumerate(zip(shape, ranges, strict=True)):
        if taken.step == 0:
            refuse_shape(f"{name}: a step must not be 0, got axis {axis} of {format_shape(shape)}")
        if isinstance(taken.count, int) and taken.count < 0:
            refuse_shape(f"{name}: a count is at least 0, got {taken.count} along axis {axis} of {format_shape(shape)}")
        if not _lies_inside(taken, size):
            refuse_shape(f"{name}: index out of range along axis {axis} of {format_shape(shape)}, got {_range_text(taken)}")
    return tuple(r.count for r in ranges if r.count is not None)


def _lies_inside(taken: Range, size: Size) -> bool:
    count = 1 if taken.count is None else taken.count
    if count == 0:
        return True
    last = taken.start + (count - 1) * taken.step
    return all(not isinstance(k, int) or (k >= 0 and (not isinstance(size, int) or k < size)) for k in (taken.start, last))


def _range_text(taken: Range) -> str:
    return f"index {taken.start}" if taken.count is None else f"{taken.count} from {taken.start} by {taken.step}"


def _slice_type(name: str, types: Types, *, ranges: tuple[Range, ...]) -> TensorType:
    (given,) = types
    return TensorType(_ranged_shape(name, given.shape, ranges), given.dtype)


def numpy_index(ranges: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[int | slice, ...]:
    """Return ranges of numbers as an index of NumPy's.

    Raises
    ------
    ShapeError
        When one leaves the array, which a named size may do at the call.
    """
    for taken, size in zip(ranges, shape, strict=True):
        if not _lies_inside(taken, size) or (taken.count is not None and taken.count < 0):
            raise ShapeError(f"slice: index out of range for an axis of size {size}, got {_range_text(taken)}")
    return tuple(_index(r) for r in ranges)


def _index(taken: Any) -> int | slice:
    if taken.count is None:
        return int(taken.start)
    if taken.count == 0:
        return slice(0, 0)
    stop = taken.start + taken.count * taken.step
    return slice(taken.start, stop if stop >= 0 else None, taken.step)


def _batched_slice(inputs: Sequence[Node], batched: Sequence[bool], *, ranges: tuple[Range, ...]) -> Node:
    return ops.slice(inputs[0], ranges=(Range(0, inputs[0].shape[0]), *ranges))


slice_ = primitive(
    "slice",
    _slice_type,
    lambda x, ranges: x[numpy_index(ranges, x.shape)],
    Linear((0,), lambda ct, x, *, ranges: (ops.assemble(ct, shape=x.shape, ranges=(ranges,)),)),
    Structure("view"),
    elementwise=False,
    batch=_batched_slice,
    samples=(
        sample(whatever(), shapes=((7,),), ranges=(Range(1, 3, 2),)),
        sample(whatever(), shapes=((7,),), ranges=(Range(6, 4, -2),)),
        sample(whatever(), shapes=((7,),), ranges=(Range(3, None),)),
        sample(whatever(), shapes=((3, 5),), ranges=(Range(2, None), Range(4, 5, -1))),
        sample(whatever(), shapes=((3, 5),), ranges=(Range(0, 0), Range(1, 2))),
    ),
    ulp=0.0,
    doc="The elements at start, start + step, ...: count of them along each axis, or one index, which drops the axis.",
)


def _assemble_type(name: str, types: Types, *, shape: Shape, ranges: tuple[tuple[Range, ...], ...]) -> TensorType:
    if not types or len(ranges) != len(types):
        refuse_shape(f"{name}: ranges for each of at least one piece, got {len(types)} pieces and {len(ranges)} ranges")
    dtype = agree(name, types)
    for given, taken in zip(types, ranges, strict=True):
        wanted = _ranged_shape(name, shape, taken)
        if given.shape != wanted:
            refuse_shape(f"{name}: a piece must have the shape of its place, got {given} for {format_shape(wanted)}")
    return TensorType(shape, dtype)


def _assemble_value(*pieces: Any, shape: tuple[int, ...], ranges: tuple[Any, ...]) -> Any:
    result = np.zeros(shape, pieces[0].dtype)
    covered = np.zeros(shape, bool)
    for piece, taken in zip(pieces, ranges, strict=True):
        place = numpy_index(taken, shape)
        # a lone piece keeps its bits: 0.0 + -0.0 would lose the sign of a zero
        result[place] = np.where(covered[place], result[place] + piece, piece)
        covered[place] = True
    return result


def _assemble_transpose(ct: Node, *pieces: Node, shape: Shape, ranges: tuple[tuple[Range, ...], ...]) -> tuple[Node, ...]:
    return tuple(ops.slice(ct, ranges=taken) for taken in ranges)


def _batched_assemble(
    inputs: Sequence[Node], batched: Sequence[bool], *, shape: Shape, ranges: tuple[tuple[Range, ...], ...]
) -> Node:
    size = next(x.shape[0] for x, flag in zip(inputs, batched, strict=True) if flag)
    pieces = [x if flag else ops.broadcast_to(x, shape=(size, *x.shape)) for x, flag in zip(inputs, batched, strict=True)]
    return ops.assemble(*pieces, shape=(size, *shape), ranges=tuple((Range(0, size), *taken) for taken in ranges))


assemble = primitive(
    "assemble",
    _assemble_type,
    _assemble_value,
    Linear(None, _assemble_transpose),
    Structure("assemble"),
    elementwise=False,
    batch=_batched_assemble,
    samples=(
        sample(whatever(), shapes=((3,),), shape=(7,), ranges=((Range(1, 3, 2),),)),
        sample(whatever(), whatever(), shapes=((2,), (3,)), shape=(5,), ranges=((Range(0, 2),), (Range(2, 3),))),
        sample(whatever(), whatever(), shapes=((4,), (4,)), shape=(6,), ranges=((Range(3, 4, -1),), (Range(1, 4),))),
        sample(
            whatever(),
            whatever(),
            shapes=((3,), (2, 3)),
            shape=(3, 3),
            ranges=((Range(0, None), Range(0, 3)), (Range(1, 2), Range(0, 3))),
        ),
    ),
    ulp=0.0,
    doc="zeros(shape) with each piece added (bool: or-ed) at its ranges, in order; where one piece alone lands, its bits. "
    "The adjoint of slice; pad, concatenate and stack are special cases.",
)
