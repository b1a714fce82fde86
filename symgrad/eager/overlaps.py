"""Writes to memory that an operand reads: refused where torch refuses them, which is where both are dense and overlap."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from symgrad.eager.layouts import layout_of, places_in_storage
from symgrad.eager.tensor_face import Tensor
from symgrad.errors import at_user_line

__all__ = ["refuse_overlap", "refuse_windows"]

SHARED = (
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. "
    "Please clone() the tensor before performing the operation."
)

Extent = tuple[int, int, tuple[int, ...]]


def refuse_overlap(target: Tensor, operands: Iterable[Any], whole: bool = False) -> None:
    """Raise RuntimeError where an operand is memory of the target, but not the same elements in the same order.

    Parameters
    ----------
    target : Tensor
        What is written.
    operands : iterable
        What is read; everything that is no Tensor is passed over.
    whole : bool
        Refuse also the target itself.
    """
    cell = target._cell
    for operand in operands:
        if type(operand) is not Tensor or (operand is target and not whole):
            continue
        if operand is target or (cell is not None and operand._cell is cell and _collide(target, operand, whole)):
            raise RuntimeError(at_user_line(SHARED))


def refuse_windows(target: Tensor) -> None:
    """Raise RuntimeError for a computation in place in windows that overlap: its result depends on the order of elements.

    What is copied or filled in may be written; the last element counts.
    """
    if any(view.repeats for view in target._chain):
        layout = layout_of(target)
        if layout is not None and not layout.overlaps and np.unique(places_in_storage(target)).size < layout.model.size:
            raise RuntimeError(at_user_line(WINDOWS))


WINDOWS = (
    "unsupported operation: several elements of the written-to tensor are one in memory, as its windows overlap, and it would be "
    "computed from itself, so that the result would depend on the order of elements. Please clone() the tensor before performing "
    "the operation."
)


def _collide(target: Tensor, operand: Tensor, whole: bool) -> bool:
    """Whether two dense tensors of one storage overlap; with ``whole`` also where they are the same."""
    one, other = _extent(target), _extent(operand)
    if one is None or other is None:
        return False
    if one[:2] == other[:2]:
        return whole or one[2] != other[2]
    return one[0] < other[1] and other[0] < one[1]


def _extent(tensor: Tensor) -> Extent | None:
    """Return the first byte and the last of a tensor's elements in the storage, with its strides; None where not dense."""
    layout, shape = layout_of(tensor), tuple(tensor.shape)
    count = math.prod(shape)
    if not count or layout is None:
        return None
    dense = 1
    for step, size in sorted((s, n) for s, n in zip(layout.strides, shape, strict=True) if n > 1):
        if step != dense:
            return None
        dense *= size
    width = tensor.dtype.itemsize
    return layout.offset * width, (layout.offset + count) * width, layout.strides
