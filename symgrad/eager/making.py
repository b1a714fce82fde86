"""Functions that make arrays from sizes: they take named sizes, which NumPy's own constructors cannot."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.dtypes import as_dtype, float64, int64
from symgrad.eager.array_face import Array, NamedSize
from symgrad.eager.faces import Face, lift_one
from symgrad.eager.shapes import as_shape
from symgrad.eager.values import concrete
from symgrad.errors import TraceError, at_user_line
from symgrad.ir.dims import Dim, Size
from symgrad.ir.expr import Node, ops

__all__ = ["arange", "eye", "full", "ones", "zeros"]


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Array:
    """Return an Array of ``shape`` filled with ``fill_value``; it can be written into while tracing.

    Parameters
    ----------
    shape : int, size, or sequence of them
        Sizes may be named ones, as in ``sg.full(x.shape, 0.5)``.
    fill_value : number, array or traced value
        Broadcast to the shape.
    dtype : DType, optional
        Default: that of ``fill_value``.
    """
    node = lift_one(fill_value, float64, None if dtype is None else as_dtype(dtype))
    sizes = as_shape((shape,))
    return Array(node if node.shape == sizes else ops.broadcast_to(node, shape=sizes))


def zeros(*shape: Any, dtype: Any = None) -> Array:
    """Return an Array of zeros, float64 by default; sizes may be named ones, it can be written into while tracing."""
    return full(as_shape(shape), 0.0, dtype)


def ones(*shape: Any, dtype: Any = None) -> Array:
    """Return an Array of ones, float64 by default; sizes may be named ones, it can be written into while tracing."""
    return full(as_shape(shape), 1.0, dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Array:
    """Return ``start, start + step, ...`` up to but without ``stop``; ``arange(n)`` counts from 0.

    The bounds are Python numbers, or named sizes with ``step=1``, as in ``sg.arange(x.shape[0])``.

    Raises
    ------
    TraceError
        For bounds that are other traced values: the result's size would depend on them.
    """
    low, high = (0, start) if stop is None else (start, stop)
    if isinstance(low, (NamedSize, Dim)) or isinstance(high, (NamedSize, Dim)):
        return Array(_counted(low, high, step, dtype))
    if any(isinstance(bound, Face) for bound in (low, high, step)):
        raise TraceError(at_user_line("arange: the bounds decide the size, so they must be Python numbers or sizes"))
    values = np.arange(low, high, step)
    return Array(concrete(values, None if dtype is None else as_dtype(dtype)))


def _counted(low: Any, high: Any, step: Any, dtype: Any) -> Node:
    if step != 1 or any(isinstance(bound, float) for bound in (low, high)):
        raise TraceError(at_user_line("arange: named sizes allow integer bounds and step=1; scale the result instead"))
    first, last = as_shape((low, high))
    kind = int64 if dtype is None else as_dtype(dtype)
    node = ops.iota(size=last - first, dtype=int64)
    if first != 0:
        node = ops.add(node, lift_one(first, float64))
    return node if kind is int64 else ops.cast(node, dtype=kind)


def eye(n: Any, m: Any = None, k: int = 0, dtype: Any = None) -> Array:
    """Return ``n`` by ``m`` (by default square) zeros with ones on the ``k``-th diagonal, float64 by default."""
    rows, columns = _sizes(n, m)
    kind = float64 if dtype is None else as_dtype(dtype)
    row, column = (ops.iota(size=s, dtype=int64) for s in (rows, columns))
    hit = ops.eq(column, ops.add(ops.expand_dims(row, axes=(1,)), lift_one(int(k), float64)))
    return Array(ops.cast(hit, dtype=kind) if not kind.is_bool else hit)


def _sizes(n: Any, m: Any) -> tuple[Size, Size]:
    rows, columns = as_shape((n, n if m is None else m))
    return rows, columns
