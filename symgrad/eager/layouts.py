"""How a tensor lies in its storage: its strides and where it begins, found once for each chain of views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from symgrad.eager.recording import AnyArray
from symgrad.eager.storage import View
from symgrad.eager.tensor_face import Tensor
from symgrad.errors import at_user_line

__all__ = ["Layout", "as_strides", "contiguous_strides", "is_ordered", "layout_of", "places_in_storage", "viewable"]


class Layout(NamedTuple):
    """Where the elements of a tensor lie, all counted in elements."""

    strides: tuple[int, ...]
    offset: int
    ordered: bool  # whether they lie one after the other
    overlaps: bool  # whether several are surely one, as after an expansion
    model: AnyArray  # an array that lies the same way in a storage that is not there: only views of it may be taken


Strides = tuple[int, ...] | None  # of a storage, in bytes; None where it lies in order

_layouts: dict[tuple[tuple[View, ...], Strides], Layout] = {}
_viewables: dict[tuple[tuple[View, ...], Strides, tuple[int, ...]], bool] = {}
_MOST = 4096


def layout_of(tensor: Tensor) -> Layout | None:
    """Return how a tensor lies in its storage; None in a trace with named sizes."""
    chain, strides = tensor._chain, _storage_strides(tensor)
    if not chain:
        type_ = tensor._value.type
        if not all(isinstance(n, int) for n in type_.shape):
            return None
        return _measured(_model(tuple(tensor.shape), type_.dtype.numpy, strides), 0)
    found = _layouts.get((chain, strides))
    return found or _learn(chain, strides)


def _storage_strides(tensor: Tensor) -> Strides:
    memory = None if tensor._cell is None else tensor._cell.memory
    return None if memory is None or memory.flags.c_contiguous else memory.strides


def _learn(chain: tuple[View, ...], strides: Strides) -> Layout | None:
    """Find the layout at the end of a chain from the longest part of it that is known: chains grow by one view at a time."""
    if not all(isinstance(n, int) for view in (chain[0].operand, chain[-1].type) for n in view.shape):
        return None
    if len(_layouts) >= _MOST:
        _layouts.clear()
    known, found = len(chain) - 1, None
    while known and found is None:
        found = _layouts.get((chain[:known], strides))
        known -= found is None
    operand = chain[0].operand
    model = _model(operand.shape, operand.dtype.numpy, strides) if found is None else found.model
    offset = 0 if found is None else found.offset * model.itemsize
    for k in range(known, len(chain)):
        model, before = chain[k].array(model), model
        offset += _address(model) - _address(before)
        found = _layouts[chain[: k + 1], strides] = _measured(model, offset // model.itemsize)
    return found


def _model(shape: tuple[int, ...], dtype: Any, strides: Strides) -> AnyArray:
    one: AnyArray = np.empty(1, dtype)
    steps = tuple([s * one.itemsize for s in contiguous_strides(shape)]) if strides is None else strides
    return np.lib.stride_tricks.as_strided(one, shape, steps)


def _address(array: AnyArray) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _measured(model: AnyArray, offset: int) -> Layout:
    shape = model.shape
    strides = [s // model.itemsize for s in model.strides]
    overlaps = any(s == 0 and n > 1 for s, n in zip(strides, shape, strict=True))
    for axis in reversed(range(model.ndim)):  # NumPy gives an axis of size 1 any stride; torch what a longer one would have
        if shape[axis] == 1:
            last = axis + 1 == model.ndim
            strides[axis] = 1 if last else strides[axis + 1] * shape[axis + 1]
    ordered = not model.size or tuple(strides) == contiguous_strides(shape)
    return Layout(tuple(strides), offset, ordered, overlaps, model)


def is_ordered(tensor: Tensor) -> bool:
    """Whether the elements lie in memory in order."""
    chain = tensor._chain
    if tensor._in_order is chain and (chain or tensor._cell is None or tensor._cell.memory is None):
        return True
    layout = layout_of(tensor)
    if layout is not None and not layout.ordered:
        return False
    if chain:
        tensor._in_order = chain
    return True


def viewable(tensor: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether the elements can be had in another shape, which fits, without a copy."""
    if is_ordered(tensor):
        return True
    layout = layout_of(tensor)
    assert layout is not None
    key = tensor._chain, _storage_strides(tensor), shape
    found = _viewables.get(key)
    if found is None:
        if len(_viewables) >= _MOST:
            _viewables.clear()
        try:
            np.reshape(layout.model, shape, copy=False)
            found = True
        except ValueError:
            found = False
        _viewables[key] = found
    return found


def as_strides(tensor: Tensor) -> tuple[int, ...]:
    """Return the strides, counted in elements."""
    layout = None if is_ordered(tensor) and not tensor._chain else layout_of(tensor)
    return contiguous_strides(tuple(tensor.shape)) if layout is None else layout.strides


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the strides of elements in order."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def places_in_storage(tensor: Tensor) -> AnyArray:
    """Return where in its storage each element of a tensor lies.

    Raises
    ------
    RuntimeError
        Where the storage has elements of another type.
    """
    if any(view.in_memory for view in tensor._chain):
        raise RuntimeError(at_user_line(
            "as_strided and writes to repeated elements need a tensor of its storage's own element type; clone() the view first"
        ))  # fmt: skip
    base = tuple(tensor._value.type.shape if tensor._cell is None else tensor._cell.value.type.shape)
    places = np.arange(int(np.prod(base, dtype=np.int64))).reshape(base)  # type: ignore[arg-type]  # fixed sizes
    for step in tensor._chain:
        places = step.array(places)
    return places
