"""``as_strided``: a view of any elements of a storage, named by where they lie in memory."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import int64
from symgrad.eager.grad_mode import mode
from symgrad.eager.layouts import as_strides, contiguous_strides, layout_of, places_in_storage
from symgrad.eager.recording import AnyArray, Record
from symgrad.eager.storage import View, cell_of
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_gathering import overwritten
from symgrad.eager.torch_rules import refuse, shape_text
from symgrad.eager.torch_views import sizes_of
from symgrad.eager.views import MANY_TO_ONE, as_view
from symgrad.errors import at_user_line
from symgrad.ir.expr import Node, constant, ops
from symgrad.ir.types import TensorType

__all__ = ["FUNCTIONS", "each_once", "warn_expanded", "written_chain"]

NAME = "AsStridedBackward0"


def as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """Return a view of the elements of the storage that lie ``stride`` apart along each axis, from ``storage_offset`` on.

    An element that is there several times receives the sum of its gradients.

    Parameters
    ----------
    input : Tensor
    size, stride : sequence of int
    storage_offset : int, optional
        By default where ``input`` begins.

    Raises
    ------
    RuntimeError
        For elements outside the storage; of a tensor that requires a gradient also outside the tensor itself.
    """
    shape, strides = _integers("size", size), _integers("stride", stride)
    base = input._value.type.shape if input._cell is None else input._cell.value.type.shape
    if not all(isinstance(s, int) for s in base):
        refuse(f"as_strided: needs fixed sizes, got {input._value.type}; give a fixed TensorSpec")
    places = places_in_storage(input) if input._chain else None
    begin = 0 if places is None or not places.size else int(places.flat[0])
    first = begin if storage_offset is None else int(storage_offset)
    _check(shape, strides, first, math.prod(base), input.dtype.itemsize)
    straight = places is None or as_strides(input) == contiguous_strides(tuple(input.shape))
    if _is_inside(shape, strides, first, (begin, begin + input.numel()) if straight else places):
        table = None if straight or places is None else _table(places)
        kind = "strided", shape, strides, first - begin, None if table is None else table.tobytes()
        return as_view(input, kind, _maker(shape, strides, first - begin, table))
    if input.requires_grad and mode.grad:
        refuse(
            "as_strided: a view of a tensor that requires a gradient can only have elements of the tensor itself, got size "
            f"{shape_text(shape)}, stride {shape_text(strides)} and storage offset {first} for {shape_text(input.shape)} at "
            f"{begin}; take it of the tensor that this is a view of"
        )
    return _of_the_storage(input, _maker(shape, strides, first, None))


def _integers(name: str, value: Any) -> tuple[int, ...]:
    if isinstance(value, int):
        place = "position 1" if name == "size" else "position 2"
        raise TypeError(at_user_line(f"as_strided(): argument '{name}' ({place}) must be tuple of ints, not int"))
    return sizes_of((tuple(value),))


def _check(shape: tuple[int, ...], strides: tuple[int, ...], first: int, count: int, width: int) -> None:
    """Raise RuntimeError for a geometry that is none, or leaves a storage of ``count`` elements of so many bytes."""
    if len(shape) != len(strides):
        refuse("mismatch in length of strides and shape")
    if any(s < 0 for s in strides):
        refuse(f"as_strided: Negative strides are not supported at the moment, got strides: {shape_text(strides)}")
    if any(n < 0 for n in shape):
        refuse(f"Storage size calculation overflowed with sizes={shape_text(shape)} and strides={shape_text(strides)}")
    if first < 0:
        refuse(f"Tensor: invalid storage offset {first}")
    needed = first + sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) + 1 if math.prod(shape) else 0
    if needed > count:
        given = f"sizes {shape_text(shape)}, strides {shape_text(strides)}, storage offset {first}, and itemsize {width}"
        sizes = f"requiring a storage size of {needed * width} are out of bounds for storage of size {count * width}"
        refuse(f"setStorage: {given} {sizes}")


def _is_inside(shape: tuple[int, ...], strides: tuple[int, ...], first: int, own: Any) -> bool:
    """Whether all elements are among a tensor's own: those between two places, or at an array of them."""
    if not math.prod(shape):
        return True
    if isinstance(own, tuple):
        last = first + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        return bool(own[0] <= first and last < own[1])
    return bool(np.isin(_places(shape, strides, first), own).all())


def _places(shape: tuple[int, ...], strides: tuple[int, ...], first: int) -> AnyArray:
    grid = np.full(shape, first, np.int64)
    for axis, step in enumerate(strides):
        grid += np.arange(shape[axis]).reshape(-1, *[1] * (len(shape) - axis - 1)) * step
    return grid


def _table(places: AnyArray) -> AnyArray:
    """Return which element of a tensor lies at each place from its first on."""
    flat = places.reshape(-1)
    table = np.zeros(int(flat.max() - flat[0]) + 1, np.int64)
    table[flat[::-1] - flat[0]] = np.arange(flat.size)[::-1]  # of several the first
    return table


def _maker(shape: tuple[int, ...], strides: tuple[int, ...], start: int, table: AnyArray | None) -> Callable[[TensorType], View]:
    """Return what makes the view of a tensor from ``start`` after its first element on."""

    def places() -> Node:
        found = ops.broadcast_to(constant(start, int64), shape=shape) if shape else constant(start, int64)
        for axis, step in enumerate(strides):
            along = ops.iota(size=shape[axis], dtype=int64) * constant(step, int64)
            found = found + ops.broadcast_to(
                ops.expand_dims(along, axes=tuple(k for k in range(len(shape)) if k != axis)), shape=shape
            )
        return found if table is None else ops.gather(constant(table, int64), found, axis=0)

    def make(operand: TensorType) -> View:
        count = math.prod(operand.shape)

        def read(x: Node) -> Node:
            if not math.prod(shape):
                return ops.broadcast_to(constant(0, x.dtype), shape=shape)
            result: Node = ops.gather(ops.reshape(x, shape=(count,)), places(), axis=0)
            return result

        def put(base: Node, new: Node) -> Node:
            return overwritten(base, new, places()) if math.prod(shape) else base

        return View(NAME, operand, read, put, lambda a: _in_memory(a, shape, strides, start), _repeats(shape, strides))

    return make


def _repeats(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether several elements may be one in memory."""
    reach = 0
    for step, size in sorted((s, n) for n, s in zip(shape, strides, strict=True) if n > 1):
        if step <= reach:
            return True
        reach += (size - 1) * step
    return False


class _Memory:
    """Elements of another array's memory, for NumPy to make an array of."""

    def __init__(self, owner: AnyArray, shape: tuple[int, ...], strides: tuple[int, ...], start: int) -> None:
        self.owner = owner
        step = owner.itemsize
        address, fixed = owner.__array_interface__["data"]
        self.__array_interface__ = {
            **owner.__array_interface__,
            "data": (address + start * step, fixed),
            "shape": shape,
            "strides": tuple([s * step for s in strides]),
        }


def _in_memory(array: AnyArray, shape: tuple[int, ...], strides: tuple[int, ...], start: int) -> AnyArray:
    return np.asarray(_Memory(array, shape, strides, start if math.prod(shape) else 0))


def _of_the_storage(input: Tensor, make: Callable[[TensorType], View]) -> Tensor:
    """Return a view of the whole storage, outside the tape."""
    cell = cell_of(input)
    view = make(cell.value.type)
    record = Record(view, (cell.value,), None, view.type)
    made = Tensor.of(record)
    made._cell, made._chain, made._stamp, made._counter = cell, (view,), cell.stamp, input.counter
    made._follows = input._follows and mode.grad
    made._parent = input if input._parent is None else input._parent
    if cell.memory is not None:
        record.data = view.array(cell.memory)
        record.exposed = True
    return made


def each_once(input: Tensor) -> Tensor:
    """Return a view of the same places in memory without axes along which they repeat; the tensor itself where none does."""
    layout = layout_of(input) if any(view.repeats for view in input._chain) else None
    if layout is None or not layout.overlaps:
        return input
    base = input if input._parent is None or input._parent._chain else input._parent
    sizes = [(1 if s == 0 else n, s) for n, s in zip(input.shape, layout.strides, strict=True)]
    made: Tensor = as_strided(base, [n for n, _ in sizes], [s for _, s in sizes], layout.offset)
    return made


def warn_expanded(name: str, instead: str) -> None:
    """Warn as torch does of a write at indices of an expanded tensor."""
    warnings.warn(
        f"Use of {name} on expanded tensors is deprecated. Please clone() the tensor before performing this operation. This also "
        f"applies to advanced indexing e.g. tensor[{instead}",
        UserWarning,
        stacklevel=5,
    )


def written_chain(tensor: Tensor) -> tuple[View, ...]:
    """Return a chain of views to write through instead of one in which elements repeat.

    Of an expansion only a part may be written: what is around it in the expansion says nothing of the storage.

    Raises
    ------
    RuntimeError
        Where several of the elements to write are one.
    """
    layout = layout_of(tensor)
    if layout is None or layout.overlaps or any(view.in_memory for view in tensor._chain):
        raise RuntimeError(MANY_TO_ONE)
    shape = tuple(tensor.shape)
    storage = cell_of(tensor).value.type
    key = storage, shape, layout.strides, layout.offset
    found = _written.get(key)
    if found is None:
        if len(_written) >= _MOST:
            _written.clear()
        found = _written[key] = (_maker(shape, layout.strides, layout.offset, None)(storage),)
    return found


_written: dict[Any, tuple[View, ...]] = {}
_MOST = 512


FUNCTIONS: dict[str, Callable[..., Any]] = {"as_strided": as_strided}
