"""The methods of numpy.ndarray that Array has: conversions, shapes and reductions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from symgrad.dtypes import as_dtype, bool_, float64, int64
from symgrad.eager.faces import as_float
from symgrad.eager.operators import Operators, binary
from symgrad.eager.shapes import as_shape, column_major, refuse_keywords, reshape_in_order, reshape_node
from symgrad.errors import TraceError, at_user_line
from symgrad.ir.expr import Node, constant, ops
from symgrad.ir.types import normalize_axes, normalize_axis

if TYPE_CHECKING:
    from symgrad.eager.array_face import Array

__all__ = ["ArrayMethods"]

Axes = int | Sequence[int] | None

_WITH_INITIAL = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum"}


class ArrayMethods(Operators):
    """Methods with numpy.ndarray's names, arguments and meanings.

    ``order="F"`` reads and places elements with the first index fastest; "A" and "K" mean "C", for traced values have
    no memory layout. ``out=`` and ``where=`` raise TraceError.
    """

    __slots__ = ()

    def _made(self, node: Node) -> Array:
        return cast("Array", self.face_type()(node))

    def _view(self, node: Node) -> Array:
        return self._made(node)

    @property
    def T(self) -> Array:  # noqa: N802  # NumPy's name
        """The transpose: all axes reversed."""
        return self.transpose()

    @property
    def mT(self) -> Array:  # noqa: N802  # NumPy's name
        """The matrix transpose: the last two axes exchanged."""
        return self.swapaxes(-1, -2)

    def astype(self, dtype: Any, copy: bool = True) -> Array:
        """Return the values converted to another element type."""
        kind = as_dtype(dtype)
        return self._made(self.node if kind is self.node.dtype else ops.cast(self.node, dtype=kind))

    def copy(self, order: str = "C") -> Array:
        """Return an independent array with the same values; ``order`` is memory's and changes no value."""
        column_major("copy", order)
        return self._made(self.node)

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Array:
        """Return the elements, read and placed in ``order``, with another shape; one size may be -1."""
        return self._view(reshape_in_order(self.node, as_shape(shape), column_major("reshape", order)))

    def ravel(self, order: str = "C") -> Array:
        """Return the elements, read in ``order``, as one axis."""
        return self._view(reshape_in_order(self.node, (-1,), column_major("ravel", order)))

    def flatten(self, order: str = "C") -> Array:
        """Return a copy of the elements, read in ``order``, as one axis."""
        return self._made(reshape_in_order(self.node, (-1,), column_major("flatten", order)))

    def transpose(self, *axes: Any) -> Array:
        """Return the axes permuted; reversed when none are given."""
        rank = self.node.ndim
        order = axes[0] if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (tuple, list))) else axes
        if not order:
            order = tuple(reversed(range(rank)))
        permutation = tuple(normalize_axis("transpose", a, rank) for a in order)
        return self._view(ops.transpose(self.node, permutation=permutation))

    def swapaxes(self, axis1: int, axis2: int) -> Array:
        """Return two axes exchanged."""
        rank = self.node.ndim
        order = list(range(rank))
        a, b = normalize_axis("swapaxes", axis1, rank), normalize_axis("swapaxes", axis2, rank)
        order[a], order[b] = order[b], order[a]
        return self.transpose(order)

    def squeeze(self, axis: Axes = None) -> Array:
        """Return without axes of size 1: all of them, or those named."""
        node = self.node
        axes = normalize_axes("squeeze", axis, node.ndim)
        if axis is None:
            axes = tuple(a for a in axes if node.shape[a] == 1)
        return self._view(ops.squeeze(node, axes=axes)) if axes else cast("Array", self)

    # reductions --------------------------------------------------------------------------------------------------------

    def sum(
        self, axis: Axes = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
        initial: Any = None, where: Any = True,
    ) -> Array:  # fmt: skip
        """Return the sum over axes (all by default); bool and int32 sum as int64."""
        refuse_keywords("sum", out=out, where=where)
        return self._reduce("sum", axis, keepdims, dtype, initial)

    def prod(
        self, axis: Axes = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
        initial: Any = None, where: Any = True,
    ) -> Array:  # fmt: skip
        """Return the product over axes (all by default); bool and int32 multiply as int64."""
        refuse_keywords("prod", out=out, where=where)
        return self._reduce("prod", axis, keepdims, dtype, initial)

    def max(self, axis: Axes = None, out: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Array:
        """Return the largest element over axes; ties share the gradient evenly."""
        refuse_keywords("max", out=out, where=where)
        return self._reduce("max", axis, keepdims, initial=initial)

    def min(self, axis: Axes = None, out: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Array:
        """Return the smallest element over axes; ties share the gradient evenly."""
        refuse_keywords("min", out=out, where=where)
        return self._reduce("min", axis, keepdims, initial=initial)

    def any(self, axis: Axes = None, out: Any = None, keepdims: bool = False, where: Any = True) -> Array:
        """Return whether any element over axes is true."""
        refuse_keywords("any", out=out, where=where)
        return self._reduce("any", axis, keepdims)

    def all(self, axis: Axes = None, out: Any = None, keepdims: bool = False, where: Any = True) -> Array:
        """Return whether all elements over axes are true."""
        refuse_keywords("all", out=out, where=where)
        return self._reduce("all", axis, keepdims)

    def mean(self, axis: Axes = None, dtype: Any = None, out: Any = None, keepdims: bool = False, where: Any = True) -> Array:
        """Return the arithmetic mean over axes, computed in ``dtype``."""
        refuse_keywords("mean", out=out, where=where)
        return self._statistic("mean", axis, keepdims, dtype)

    def var(
        self, axis: Axes = None, dtype: Any = None, out: Any = None, ddof: int = 0, keepdims: bool = False,
        where: Any = True, mean: Any = None, correction: int | None = None,
    ) -> Array:  # fmt: skip
        """Return the variance over axes, divided by n - ddof, computed in ``dtype``."""
        refuse_keywords("var", out=out, where=where, mean=mean)
        return self._statistic("var", axis, keepdims, dtype, ddof=ddof if correction is None else correction)

    def std(
        self, axis: Axes = None, dtype: Any = None, out: Any = None, ddof: int = 0, keepdims: bool = False,
        where: Any = True, mean: Any = None, correction: int | None = None,
    ) -> Array:  # fmt: skip
        """Return the square root of the variance."""
        refuse_keywords("std", out=out, where=where, mean=mean)
        return self._statistic("std", axis, keepdims, dtype, ddof=ddof if correction is None else correction)

    def argmax(self, axis: int | None = None, out: Any = None, keepdims: bool = False) -> Array:
        """Return the index of the first largest element, of all or along an axis."""
        refuse_keywords("argmax", out=out)
        return self._argument("argmax", axis, keepdims)

    def argmin(self, axis: int | None = None, out: Any = None, keepdims: bool = False) -> Array:
        """Return the index of the first smallest element, of all or along an axis."""
        refuse_keywords("argmin", out=out)
        return self._argument("argmin", axis, keepdims)

    # what NumPy's functions do -------------------------------------------------------------------------------------------

    def dot(self, other: Any) -> Array:
        """Return NumPy's dot product."""
        return cast("Array", np.dot(cast(Any, self), other))

    def clip(self, min: Any = None, max: Any = None) -> Array:
        """Return the values limited to [min, max]; the gradient is 1 at the bounds."""
        return cast("Array", np.clip(cast(Any, self), min, max))

    def round(self, decimals: int = 0) -> Array:
        """Return the values rounded half to even."""
        return cast("Array", np.round(cast(Any, self), decimals))

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Array:
        """Return the sum along a diagonal of two axes."""
        return cast("Array", np.trace(cast(Any, self), offset, axis1, axis2, dtype))

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
        """Return a diagonal of two axes, as the last axis."""
        return cast("Array", np.diagonal(cast(Any, self), offset, axis1, axis2))

    def take(self, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Array:
        """Return elements at integer indices along an axis."""
        return cast("Array", np.take(cast(Any, self), indices, axis, out, cast(Any, mode)))

    def repeat(self, repeats: Any, axis: int | None = None) -> Array:
        """Return each element ``repeats`` times, in order."""
        return cast("Array", np.repeat(cast(Any, self), repeats, axis))

    def cumsum(self, axis: int | None = None, dtype: Any = None) -> Array:
        """Return the running sums along an axis, or of all elements."""
        return cast("Array", np.cumsum(cast(Any, self), axis, dtype))

    def cumprod(self, axis: int | None = None, dtype: Any = None) -> Array:
        """Return the running products along an axis, or of all elements."""
        return cast("Array", np.cumprod(cast(Any, self), axis, dtype))

    def _reduce(self, name: str, axis: Axes, keepdims: bool, dtype: Any = None, initial: Any = None) -> Array:
        node = self.node if dtype is None else self.astype(dtype).node
        if dtype is None and name in ("sum", "prod") and not node.dtype.is_floating and node.dtype is not int64:
            node = ops.cast(node, dtype=int64)
        if name in ("any", "all") and node.dtype is not bool_:
            node = ops.ne(node, constant(0, node.dtype))
        if node.dtype is bool_:
            name = {"sum": "any", "max": "any", "prod": "all", "min": "all"}.get(name, name)
        axes = normalize_axes(name, axis, node.ndim)
        result = self._made(_keep(getattr(ops, name)(node, axes=axes) if axes else node, axes, keepdims))
        if initial is None:
            return result
        return cast("Array", binary(_WITH_INITIAL[name], result, initial, self.face_type()))

    def _statistic(self, name: str, axis: Axes, keepdims: bool, dtype: Any, **attributes: Any) -> Array:
        if dtype is not None and not as_dtype(dtype).is_floating:
            raise TraceError(at_user_line(f"{name}: dtype= must be floating, got {as_dtype(dtype)}; use .astype on the result"))
        node = as_float(self.node if dtype is None else self.astype(dtype).node, float64)
        axes = normalize_axes(name, axis, node.ndim)
        return self._made(_keep(getattr(ops, name)(node, axes=axes, **attributes), axes, keepdims))

    def _argument(self, name: str, axis: int | None, keepdims: bool) -> Array:
        rank = self.node.ndim
        node = self.node if axis is not None else reshape_node(self.node, (-1,))
        place = 0 if axis is None else normalize_axis(name, axis, rank)
        result = getattr(ops, name)(node, axis=place)
        return self._made(_keep(result, tuple(range(rank)) if axis is None else (place,), keepdims))


def _keep(node: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return ops.expand_dims(node, axes=axes) if keepdims and axes else node
