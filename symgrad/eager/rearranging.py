"""Public functions that rearrange, convert and index arrays of any kind; they return the kind they got."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from symgrad.dtypes import as_dtype
from symgrad.eager import numpy_arrangement as arrangement
from symgrad.eager import numpy_formulas as formulas
from symgrad.eager.array_face import Array
from symgrad.eager.faces import as_float, face_of, lift_one
from symgrad.eager.functions import answer, with_order
from symgrad.eager.indexing import as_index_node
from symgrad.eager.shapes import as_shape
from symgrad.errors import DTypeError, at_user_line
from symgrad.ir.expr import Node, ops
from symgrad.ir.types import normalize_axis

__all__ = [
    "astype", "bessel", "broadcast_to", "cumprod", "cumsum", "diag", "diagonal", "expand_dims", "flip", "gather", "norm", "pad",
    "repeat", "reshape", "roll", "scatter_add", "sinc", "square", "squeeze", "tile", "trace", "transpose", "tril", "triu",
]  # fmt: skip

Axes = int | Sequence[int] | None


def _plain(x: Any) -> Array:
    """Return an operand as an Array over the same node, a float in a list taking the face's own default."""
    return Array(lift_one(x, face_of((x,), Array).default_float))


def reshape(x: Any, shape: Any, order: str = "C") -> Any:
    """Return the elements, read and placed in ``order`` ("C" or "F"), with another shape; one size may be -1."""
    return answer(_plain(x).reshape(shape, order=order).node, (x,))


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Return the axes in the order ``axes``; reversed by default."""
    return answer(_plain(x).transpose(axes).node, (x,))


def broadcast_to(x: Any, shape: Any) -> Any:
    """Return ``x`` repeated along new axes and axes of size 1 to fill ``shape``; sizes may be named ones."""
    return answer(arrangement.broadcast_to(_plain(x), shape).node, (x,))


def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """Return ``x`` with axes of size 1 inserted, at these places of the result."""
    return answer(arrangement.expand_dims(_plain(x), axis).node, (x,))


def squeeze(x: Any, axis: Axes = None) -> Any:
    """Return ``x`` without axes of size 1: all, or those named."""
    return answer(_plain(x).squeeze(axis).node, (x,))


def pad(x: Any, pad_width: Any, value: float = 0) -> Any:
    """Return ``x`` with borders of ``value``; widths as numpy.pad takes them: a number, a pair, or a pair for each axis."""
    return answer(arrangement.pad(_plain(x), pad_width, constant_values=value).node, (x,))


def flip(x: Any, axis: Axes = None) -> Any:
    """Return ``x`` with the order of elements reversed along axes, all by default."""
    return answer(arrangement.flip(_plain(x), axis).node, (x,))


def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Return ``x`` with elements moved round along axes."""
    return answer(arrangement.roll(_plain(x), shift, axis).node, (x,))


def tile(x: Any, reps: Any) -> Any:
    """Return copies of ``x`` side by side."""
    return answer(arrangement.tile(_plain(x), reps).node, (x,))


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Return each element ``repeats`` times, in order; of all elements, or along an axis."""
    return answer(arrangement.repeat(_plain(x), repeats, axis).node, (x,))


def diag(x: Any, k: int = 0) -> Any:
    """Return the ``k``-th diagonal of a matrix, or the matrix whose diagonal is a vector ``x``."""
    return answer(arrangement.diag(_plain(x), k).node, (x,))


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return a diagonal of two axes, as the last axis."""
    return answer(arrangement.diagonal(_plain(x), offset, axis1, axis2).node, (x,))


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the sum along a diagonal of two axes."""
    return answer(arrangement.trace(_plain(x), offset, axis1, axis2).node, (x,))


def tril(x: Any, k: int = 0) -> Any:
    """Return ``x`` with zeros above the ``k``-th diagonal."""
    return answer(arrangement.triangle(True)(_plain(x), k).node, (x,))


def triu(x: Any, k: int = 0) -> Any:
    """Return ``x`` with zeros below the ``k``-th diagonal."""
    return answer(arrangement.triangle(False)(_plain(x), k).node, (x,))


def cumsum(x: Any, axis: int | None = None) -> Any:
    """Return running sums along an axis of fixed size, or of all elements."""
    return answer(formulas.running("add")(_plain(x), axis).node, (x,))


def cumprod(x: Any, axis: int | None = None) -> Any:
    """Return running products along an axis of fixed size, or of all elements; derivatives are exact at zeros too."""
    return answer(formulas.running("mul")(_plain(x), axis).node, (x,))


def norm(x: Any, axis: Axes = None, keepdims: bool = False, ord: Any = None) -> Any:
    """Return the Euclidean norm over axes (all by default), or that of ``ord``; its derivative at 0 is 0."""
    floating = Array(_floating(x))
    return answer(formulas.norm(floating, ord, axis, keepdims).node, (x,))


def astype(x: Any, dtype: Any) -> Any:
    """Return the values converted to another element type."""
    kind = as_dtype(dtype)
    node = lift_one(x, face_of((x,), Array).default_float)
    return answer(node if node.dtype is kind else ops.cast(node, dtype=kind), (x,))


def gather(x: Any, indices: Any, axis: int = 0) -> Any:
    """Return ``x`` with one axis replaced by the axes of integer ``indices``, as numpy.take: negative ones count from the end.

    Raises
    ------
    IndexError
        For an index out of range; when the program runs, if the index is traced.
    """
    array = _plain(x)
    place = normalize_axis("gather", axis, array.ndim)
    index = as_index_node(indices, array.node.shape[place])
    return answer(ops.gather(array.node, index, axis=place), (x, indices))


def scatter_add(indices: Any, updates: Any, size: Any, axis: int = 0) -> Any:
    """Return zeros with ``updates`` added at integer ``indices`` along an axis: the adjoint of ``gather``.

    Parameters
    ----------
    indices : integer array
        Negative ones count from the end; one may occur several times.
    updates : array
        Its shape is the result's, with the axis replaced by the indices' axes.
    size : int or named size
        The axis' size in the result.
    axis : int
        Counted in the result.

    Raises
    ------
    IndexError
        For an index out of range.
    ShapeError
        When the shapes do not fit.
    """
    given, (total,) = _plain(updates), as_shape((size,))
    index = as_index_node(indices, total)
    place = normalize_axis("scatter_add", axis, given.ndim - index.ndim + 1)
    return answer(ops.scatter_add(given.node, index, axis=place, size=total), (updates, indices))


def _floating(x: Any) -> Node:
    default = face_of((x,), Array).default_float
    return as_float(lift_one(x, default), default)


def square(x: Any) -> Any:
    """Return the square of each element."""
    node = _plain(x).node
    if node.dtype.is_bool:
        raise DTypeError(at_user_line(f"square: needs numbers, got {node.type}"))
    return answer(ops.integer_pow(node, exponent=2), (x,))


def sinc(x: Any) -> Any:
    """Return sin(pi x) / (pi x), 1 at 0: the normalised sinc, as NumPy's and torch's.

    The primitive ``sg.ops.sinc`` is the unnormalised sin(x) / x.
    """
    return answer(ops.sinc(_floating(x) * math.pi, order=0), (x,))


def bessel(kind: str, order: int) -> Callable[[Any], Any]:
    """Return a Bessel function of fixed order: j0, j1, y0, y1, i0 or i1."""
    general = with_order(f"bessel_{kind}")

    def function(x: Any) -> Any:
        return general(order, x)

    function.__name__ = function.__qualname__ = f"{kind}{order}"
    function.__module__ = "symgrad"  # where pickle finds it
    names = {"j": "Bessel function of the first kind", "y": "Bessel function of the second kind", "i": "modified Bessel function"}
    function.__doc__ = f"Return the {names[kind]} of order {order} of each element."
    return function
