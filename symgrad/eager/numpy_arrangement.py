"""What NumPy's functions that move, repeat and join elements do with an Array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from symgrad.dtypes import bool_, int64
from symgrad.eager import functions as sgf
from symgrad.eager.array_face import Array
from symgrad.eager.functions import as_array
from symgrad.eager.shapes import as_shape, refuse_keywords, reshape_node
from symgrad.errors import ShapeError, TraceError, at_user_line
from symgrad.ir.dims import Dim
from symgrad.ir.expr import Node, ops
from symgrad.ir.types import normalize_axes, normalize_axis

__all__ = [
    "append", "at_least", "broadcast_to", "column_stack", "diag", "diagonal", "expand_dims", "flip", "front", "hstack",
    "moveaxis", "pad", "repeat", "roll", "rot90", "split_axis", "take", "tile", "trace", "triangle", "vstack",
]  # fmt: skip

Axes = int | Sequence[int] | None


def front(axis: int) -> tuple[slice, ...]:
    """Return the key of all axes before ``axis``."""
    return (slice(None),) * axis


def pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Array:
    """Answer numpy.pad with one constant."""
    x = as_array(array)
    if mode != "constant" or not isinstance(constant_values, (int, float)):
        raise TraceError(at_user_line(f"numpy.pad: only mode='constant' with one value can be traced, got mode={mode!r}"))
    widths = tuple(tuple(int(v) for v in pair) for pair in np.broadcast_to(np.asarray(pad_width), (x.ndim, 2)))
    return Array(ops.pad(x.node, widths=widths, value=constant_values))


def moveaxis(a: Any, source: Any, destination: Any) -> Array:
    """Answer numpy.moveaxis."""
    x = as_array(a)
    sources = [normalize_axis("moveaxis", s, x.ndim) for s in np.atleast_1d(source)]
    targets = [normalize_axis("moveaxis", d, x.ndim) for d in np.atleast_1d(destination)]
    order = [k for k in range(x.ndim) if k not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        order.insert(target, origin)
    return x.transpose(order)


def expand_dims(a: Any, axis: Any) -> Array:
    """Answer numpy.expand_dims."""
    x = as_array(a)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    return Array(ops.expand_dims(x.node, axes=normalize_axes("expand_dims", axes, x.ndim + len(axes))))


def roll(a: Any, shift: Any, axis: Any = None) -> Array:
    """Answer numpy.roll; pairs of shifts and axes are applied one after another."""
    x = as_array(a)
    if axis is None:
        return roll(x.ravel(), shift, 0).reshape(*x.shape)
    for count, place in np.broadcast(shift, axis):
        x = _rolled(x, int(count), normalize_axis("roll", int(place), x.ndim))
    return x


def _rolled(x: Array, count: int, axis: int) -> Array:
    size = x.node.shape[axis]
    if isinstance(size, int):
        count = count % max(size, 1)
    if not count:
        return x
    key = front(axis)
    return cast("Array", sgf.concatenate([x[(*key, slice(-count, None))], x[(*key, slice(None, -count))]], axis))


def take(a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Array:
    """Answer numpy.take; ``mode`` "clip" holds indices to the axis, "wrap" counts them round it."""
    refuse_keywords("numpy.take", out=out)
    x = as_array(a) if axis is not None else as_array(a).ravel()
    place = normalize_axis("take", axis or 0, x.ndim)
    index = indices if isinstance(indices, (Array, int)) else np.asarray(indices)
    if mode in ("clip", "wrap"):
        size = x.shape[place]
        node = as_array(index).astype(int64)
        index = node % size if mode == "wrap" else sgf.elementwise("maximum")(sgf.elementwise("minimum")(node, size - 1), 0)
    elif mode != "raise":
        raise ValueError(at_user_line(f"numpy.take: mode must be 'raise', 'wrap' or 'clip', got {mode!r}"))
    return x[(*front(place), index)]


def diag(v: Any, k: int = 0) -> Array:
    """Answer numpy.diag."""
    node = as_array(v).node
    if node.ndim not in (1, 2):
        raise ShapeError(at_user_line(f"numpy.diag: needs one or two axes, got {node.type}"))
    return Array(ops.diag_embed(node, offset=k) if node.ndim == 1 else ops.diag_extract(node, offset=k))


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Answer numpy.diagonal: the diagonal of two axes becomes the last axis."""
    x = as_array(a)
    if x.ndim < 2:
        raise ShapeError(at_user_line(f"numpy.diagonal: needs at least two axes, got {x.node.type}"))
    pair = tuple(normalize_axis("diagonal", k, x.ndim) for k in (axis1, axis2))
    if pair[0] == pair[1]:
        raise ShapeError(at_user_line(f"numpy.diagonal: axis1 and axis2 must differ, got {axis1} and {axis2}"))
    return Array(ops.diag_extract(moveaxis(x, pair, (-2, -1)).node, offset=offset))


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Array:
    """Answer numpy.trace."""
    return diagonal(a, offset, axis1, axis2).sum(axis=-1, dtype=dtype)


def flip(m: Any, axis: Any = None) -> Array:
    """Answer numpy.flip."""
    x = as_array(m)
    return Array(ops.flip(x.node, axes=normalize_axes("flip", axis, x.ndim)))


def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Array:
    """Answer numpy.rot90."""
    x = as_array(m)
    one, two = (normalize_axis("rot90", a, x.ndim) for a in axes)
    if one == two:
        raise ShapeError(at_user_line(f"numpy.rot90: axes must differ, got {axes}"))
    turns = k % 4
    if turns == 2:
        return flip(flip(x, one), two)
    if turns == 1:
        return flip(x, two).swapaxes(one, two)
    return flip(x.swapaxes(one, two), two) if turns else x


def at_least(rank: int) -> Callable[..., Any]:
    """Return numpy.atleast_1d or numpy.atleast_2d."""

    def function(*arrays: Any) -> Any:
        found = []
        for a in map(as_array, arrays):
            missing = (1,) * max(rank - a.ndim, 0)
            found.append(Array(reshape_node(a.node, (*missing, *a.node.shape))) if missing else a)
        return found[0] if len(found) == 1 else tuple(found)

    return function


def vstack(tup: Sequence[Any]) -> Any:
    """Answer numpy.vstack."""
    return sgf.concatenate([at_least(2)(a) for a in tup], 0)


def hstack(tup: Sequence[Any]) -> Any:
    """Answer numpy.hstack."""
    parts = [at_least(1)(a) for a in tup]
    return sgf.concatenate(parts, 0 if parts[0].ndim == 1 else 1)


def column_stack(tup: Sequence[Any]) -> Any:
    """Answer numpy.column_stack."""
    return sgf.concatenate([a if a.ndim > 1 else a.reshape(-1, 1) for a in map(as_array, tup)], 1)


def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """Answer numpy.append."""
    pair = [as_array(arr), as_array(values)]
    return sgf.concatenate(pair, axis) if axis is not None else sgf.concatenate([a.ravel() for a in pair], 0)


def broadcast_to(array: Any, shape: Any) -> Array:
    """Answer numpy.broadcast_to."""
    return Array(ops.broadcast_to(as_array(array).node, shape=as_shape((shape,))))


def tile(a: Any, reps: Any) -> Array:
    """Answer numpy.tile."""
    x = as_array(a)
    counts = (reps,) if isinstance(reps, int) else tuple(reps)
    rank = max(len(counts), x.ndim)
    counts = (1,) * (rank - len(counts)) + counts
    shape = (1,) * (rank - x.ndim) + x.shape
    target = [s for pair in zip(counts, shape, strict=True) for s in pair]
    spread = broadcast_to(x.reshape(*[s for size in shape for s in (1, size)]), target)
    return spread.reshape(*[r * z for r, z in zip(counts, shape, strict=True)])


def repeat(a: Any, repeats: Any, axis: int | None = None) -> Array:
    """Answer numpy.repeat for counts that are known."""
    x = as_array(a) if axis is not None else as_array(a).ravel()
    place = normalize_axis("repeat", axis or 0, x.ndim)
    if isinstance(repeats, Array):
        raise TraceError(at_user_line("numpy.repeat: the counts decide the result's shape, so they must be known while tracing"))
    if isinstance(repeats, (int, np.integer)):
        shape = x.node.shape
        wide = ops.broadcast_to(
            ops.expand_dims(x.node, axes=(place + 1,)), shape=(*shape[: place + 1], int(repeats), *shape[place + 1 :])
        )
        return Array(reshape_node(wide, (*shape[:place], shape[place] * int(repeats), *shape[place + 1 :])))
    return x[(*front(place), np.repeat(np.arange(split_axis("repeat", x.node, place)), repeats))]


def split_axis(name: str, node: Node, axis: int) -> int:
    """Return the size of an axis, which must be fixed."""
    size = node.shape[axis]
    if isinstance(size, Dim):
        raise TraceError(at_user_line(f"{name}: the size {size} is known only at the call; give a fixed TensorSpec"))
    return size


def triangle(lower: bool) -> Callable[..., Any]:
    """Return numpy.tril or numpy.triu."""

    def function(m: Any, k: int = 0) -> Any:
        x = as_array(m)
        if x.ndim < 2:
            raise ShapeError(at_user_line(f"numpy.{'tril' if lower else 'triu'}: needs at least two axes, got {x.node.type}"))
        rows, columns = (Array(ops.iota(size=s, dtype=int64)) for s in x.node.shape[-2:])
        kept = columns <= rows.reshape(-1, 1) + k if lower else columns >= rows.reshape(-1, 1) + k
        return sgf.where(kept, x, False if x.node.dtype is bool_ else 0)

    return function
