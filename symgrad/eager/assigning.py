"""``x[key] = value`` straight to memory, where nothing on the tape and nothing pending needs to know how it came about.

A loop over rows writes to another place each time. As recorded operations these would be as many programs, each of which
copies the whole; here they are NumPy's assignments, and the array is copied only if somebody else may look at it.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from symgrad.eager.flushing import ask
from symgrad.eager.grad_mode import mode
from symgrad.eager.recording import AnyArray, Record, known
from symgrad.eager.storage import write
from symgrad.eager.tape import Leaf
from symgrad.eager.tensor_face import Tensor

__all__ = ["assigned_at_once"]

_LARGEST = 3e38  # what every floating type can hold
_LARGEST_INT = 2**31


def assigned_at_once(target: Tensor, key: Any, value: Any) -> bool:
    """Write ``target[key] = value`` to memory and return True; False where it must be recorded, or is an error."""
    if mode.tracing or target._chain or target._inference or target._forbidden or mode.saving is not None:
        return False
    if mode.grad and target.edge() is not None:
        return False
    record = target.current()
    if record.exposed or (record.edges is not None and record.data is None) or not _is_plain_key(key):
        return False
    number = _as_number(value, record, target)
    if number is None:
        return False
    data = record.data if record.data is not None else ask(record)
    if type(data) is not np.ndarray:
        return False
    try:
        piece = data[key if type(key) is tuple else (key,)]
    except IndexError:
        return False
    if type(number) is np.ndarray and number.ndim and number.shape != piece.shape:
        return False
    del piece
    _assign(target, record, data, key, number)
    return True


def _is_plain_key(key: Any) -> bool:
    """Whether a key is made of Python's integers, slices that go forward, and an ellipsis: then NumPy means what torch does."""
    items = key if type(key) is tuple else (key,)
    for item in items:
        kind = type(item)
        if kind is int or item is Ellipsis:
            continue
        if kind is not slice or any(b is not None and type(b) is not int for b in (item.start, item.stop, item.step)):
            return False
        if item.step is not None and item.step <= 0:
            return False
    return sum(item is Ellipsis for item in items) <= 1


def _as_number(value: Any, record: Record, target: Tensor) -> Any:
    """Return a value that can be written as it is: a number of a kind that fits, or an array; None for anything else."""
    dtype = record.type.dtype
    kind = type(value)
    if kind is float:
        return value if dtype.is_floating and -_LARGEST < value < _LARGEST else None
    if kind is int:
        return value if not dtype.is_bool and -_LARGEST_INT < value < _LARGEST_INT else None
    if kind is bool:
        return value
    if kind is not Tensor or value.dtype is not dtype or value.edge() is not None:
        return None
    if value._cell is not None and value._cell is target._cell:
        return None
    return value.numpy_value()


def _assign(target: Tensor, record: Record, data: AnyArray, key: Any, value: Any) -> None:
    """Write to the array, if nobody else holds it, or to a copy of it, which becomes the contents."""
    cell, edge = target._cell, target._edge
    holders = (target._value is record) + (cell is not None and cell.value is record)
    holders += type(edge) is Leaf and edge.value is record
    counts = _getrefcount(record) - holders, _getrefcount(data)
    if not _alone:
        _alone.append(counts)
    if counts == _alone[0] and data.base is None and data.flags.writeable and data.flags.c_contiguous:
        data[key] = value
        target.counter[0] += 1
        if cell is not None:
            cell.stamp += 1
            target._stamp = cell.stamp
        return
    fresh = np.array(data, order="C")
    fresh[key] = value
    write(target, known(record.type, fresh), None)


_getrefcount = sys.getrefcount
_alone: list[tuple[int, int]] = []  # the references to contents and array that nobody else holds, counted once
assigned_at_once(Tensor.from_array(np.zeros(1)), 0, 0.0)
