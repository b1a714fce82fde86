"""Sizes of named dims from the arrays of a call, and the messages when arrays do not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symgrad.errors import DTypeError, ShapeError
from symgrad.ir.dims import Dim, Size, evaluate
from symgrad.ir.types import TensorType, format_shape

__all__ = ["check_array", "solve"]

Array = np.ndarray[Any, Any]


def solve(names: Sequence[str], types: Sequence[TensorType], arrays: Sequence[Array], dims: Sequence[str]) -> dict[str, int]:
    """Return what each named dim is, given arrays of the right number of axes.

    Raises
    ------
    ShapeError
        When sizes contradict one another or a fixed size.
    """
    sizes: dict[str, int] = {}
    pairs = [(n, t, k, s) for n, t, a in zip(names, types, arrays, strict=True) for k, s in enumerate(a.shape)]
    for _, expected, axis, size in pairs:
        found = _lone(expected.shape[axis])
        if found is not None:
            name, coefficient, constant = found
            if name not in sizes and (size - constant) % coefficient == 0:
                sizes[name] = (size - constant) // coefficient
    for name in dims:
        if name not in sizes:
            raise ShapeError(f"size {name!r} does not follow from the arguments' shapes")
    for label, expected, axis, size in pairs:
        wanted = evaluate(expected.shape[axis], sizes)
        if wanted != size:
            where = f" where {_sizes_text(sizes)}" if sizes else ""
            raise ShapeError(f"{label}: axis {axis} must have {expected.shape[axis]} elements{where}, got {size}")
    return sizes


def _lone(size: Size) -> tuple[str, int, int] | None:
    """Return ``name, a, b`` of a size ``a * name + b``."""
    if not isinstance(size, Dim):
        return None
    rest = [(m, c) for m, c in size.terms if m]
    if len(rest) != 1 or len(rest[0][0]) != 1:
        return None
    return rest[0][0][0], rest[0][1], sum(c for m, c in size.terms if not m)


def _sizes_text(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{n} = {v}" for n, v in sizes.items())


def check_array(label: str, array: Any, expected: TensorType) -> None:
    """Raise unless ``array`` is an ndarray of the expected element type, in native byte order, and number of axes.

    Raises
    ------
    TypeError
        When it is no ndarray.
    DTypeError, ShapeError
    """
    if not isinstance(array, np.ndarray) or type(array).__name__ in ("MaskedArray", "matrix"):
        raise TypeError(f"{label}: expected a numpy.ndarray of type {expected}, got {type(array).__name__}")
    if array.dtype != expected.dtype.numpy:
        raise DTypeError(f"{label}: expected elements of type {expected.dtype.name}, got {_dtype_text(array.dtype)}")
    if array.ndim != expected.ndim:
        raise ShapeError(f"{label}: expected shape {format_shape(expected.shape)}, got {format_shape(array.shape)}")


def _dtype_text(dtype: np.dtype[Any]) -> str:
    return str(dtype) if dtype.isnative else f"{dtype} of the other byte order"
