"""What NumPy's functions of linear algebra, statistics and calculus do with an Array: compositions of primitives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from symgrad.dtypes import bool_, float64, int64
from symgrad.eager import functions as sgf
from symgrad.eager.array_face import Array
from symgrad.eager.faces import as_float, lift
from symgrad.eager.functions import as_array, where
from symgrad.eager.numpy_arrangement import front, split_axis
from symgrad.errors import ShapeError, TraceError, at_user_line
from symgrad.ir.expr import Node, Range, constant, ops
from symgrad.ir.types import format_shape, normalize_axes, normalize_axis

__all__ = [
    "average", "copysign", "count_nonzero", "cross", "diff", "extremum_of_numbers", "gradient", "heaviside", "inner", "isclose",
    "kron", "logaddexp2", "modf", "nan_to_num", "nanmean", "nansum", "norm", "polyval", "reciprocal", "rounded", "running",
    "select", "signbit", "tensordot", "trapezoid",
]  # fmt: skip

_abs, _isnan = sgf.elementwise("abs"), sgf.elementwise("isnan")


# products


def tensordot(a: Any, b: Any, axes: Any = 2) -> Array:
    """Answer numpy.tensordot."""
    x, y = as_array(a), as_array(b)
    if isinstance(axes, int):
        left, right = list(range(x.ndim - axes, x.ndim)), list(range(axes))
    else:
        left = [normalize_axis("tensordot", k, x.ndim) for k in np.atleast_1d(axes[0])]
        right = [normalize_axis("tensordot", k, y.ndim) for k in np.atleast_1d(axes[1])]
    nodes = lift((x, y), float64)
    xs = list(range(x.ndim))
    ys = [left[right.index(k)] if k in right else x.ndim + k for k in range(y.ndim)]
    out = [k for k in xs if k not in left] + [k for k in ys if k >= x.ndim]
    return Array(ops.contract(*nodes, x_labels=tuple(xs), y_labels=tuple(ys), out_labels=tuple(out)))


def inner(a: Any, b: Any) -> Any:
    """Answer numpy.inner."""
    x, y = as_array(a), as_array(b)
    return x * y if not x.ndim or not y.ndim else tensordot(x, y, ([-1], [-1]))


def cross(a: Any, b: Any) -> Any:
    """Answer numpy.cross for vectors of three elements along the last axis."""
    x, y = as_array(a), as_array(b)
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise TraceError(at_user_line(f"numpy.cross: traced for vectors of three elements, got {x.node.type} and {y.node.type}"))
    after, before = np.array([1, 2, 0]), np.array([2, 0, 1])
    return x[..., after] * y[..., before] - x[..., before] * y[..., after]


def kron(a: Any, b: Any) -> Any:
    """Answer numpy.kron."""
    x, y = as_array(a), as_array(b)
    rank = max(x.ndim, y.ndim)
    xs, ys = ((1,) * (rank - v.ndim) + v.shape for v in (x, y))
    left = x.reshape(*[size for s in xs for size in (s, 1)])
    right = y.reshape(*[size for s in ys for size in (1, s)])
    return (left * right).reshape(*[p * q for p, q in zip(xs, ys, strict=True)])


def polyval(p: Any, x: Any) -> Any:
    """Answer numpy.polyval: highest power first, by Horner's rule."""
    total: Any = 0.0
    for coefficient in p:
        total = total * x + coefficient
    return total


# norms and statistics


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    """Answer numpy.linalg.norm: vector norms of every order, matrix norms 'fro', 1, -1, inf and -inf."""
    array = as_array(x)
    array = Array(as_float(array.node, float64))
    if ord is None:
        return _euclidean(array, normalize_axes("norm", axis, array.ndim), keepdims)
    if axis is None:
        axis = tuple(range(array.ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    places = [normalize_axis("norm", a, array.ndim) for a in axes]
    if len(places) == 1:
        return _vector_norm(array, ord, places[0], keepdims)
    if len(places) == 2 and places[0] != places[1]:
        return _matrix_norm(array, ord, places[0], places[1], keepdims)
    raise ShapeError(at_user_line(f"numpy.linalg.norm: ord={ord!r} needs one or two different axes, got {axes}"))


def _euclidean(x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    node = ops.norm(x.node, axes=axes)
    return Array(ops.expand_dims(node, axes=axes) if keepdims and axes else node)


def _vector_norm(x: Array, order: Any, axis: int, keepdims: bool) -> Array:
    size = abs(x)
    if isinstance(order, str):
        raise ValueError(at_user_line(f"numpy.linalg.norm: invalid norm order {order!r} for vectors"))
    if order == 2:
        return _euclidean(x, (axis,), keepdims)
    if abs(order) == math.inf:
        return cast("Array", size.max(axis=axis, keepdims=keepdims) if order > 0 else size.min(axis=axis, keepdims=keepdims))
    if order == 0:
        return cast("Array", sgf.elementwise("ne")(x, 0).astype(float64).sum(axis=axis, keepdims=keepdims))
    total = (size if order == 1 else size**order).sum(axis=axis, keepdims=keepdims)
    return cast("Array", total if order == 1 else total ** (1.0 / order))


def _matrix_norm(x: Array, order: Any, row: int, column: int, keepdims: bool) -> Array:
    if order in ("fro", "f"):
        return _euclidean(x, tuple(sorted((row, column))), keepdims)
    if order not in (1, -1, math.inf, -math.inf):
        allowed = "numpy.linalg.norm: norms of matrices are traced for ord None, 'fro', 1, -1, inf and -inf"
        raise TraceError(at_user_line(f"{allowed}, got {order!r}"))
    summed, chosen = (row, column) if abs(order) == 1 else (column, row)
    sums = abs(x).sum(axis=summed, keepdims=True)
    result = sums.max(axis=chosen, keepdims=True) if order > 0 else sums.min(axis=chosen, keepdims=True)
    return cast("Array", result if keepdims else result.squeeze((row, column)))


def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, keepdims: bool = False) -> Any:
    """Answer numpy.average; weights of one axis go along ``axis``."""
    x = as_array(a)
    if weights is None:
        mean = x.mean(axis=axis, keepdims=keepdims)
        count = as_float(as_array(x.size / mean.size).node, float64)
        return (mean, Array(ops.broadcast_to(count, shape=mean.node.shape) if mean.ndim else count)) if returned else mean
    w = as_array(weights)
    if w.node.shape != x.node.shape:
        if not isinstance(axis, (int, np.integer)) or w.ndim != 1:
            text = "numpy.average: weights of another shape have one axis, and axis= says which it is"
            raise ShapeError(at_user_line(f"{text}, got weights {w.node.type} and axis={axis} for {x.node.type}"))
        place = normalize_axis("average", int(axis), x.ndim)
        w = w.reshape(-1, *(1,) * (x.ndim - place - 1))
        w = Array(ops.broadcast_to(w.node, shape=x.node.shape))
    scale = w.sum(axis=axis, keepdims=keepdims)
    result = (x * w).sum(axis=axis, keepdims=keepdims) / scale
    return (result, scale) if returned else result


def nansum(a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Array:
    """Answer numpy.nansum."""
    x = as_array(a)
    return cast("Array", where(_isnan(x), 0, x).sum(axis=axis, dtype=dtype, keepdims=keepdims))


def nanmean(a: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """Answer numpy.nanmean."""
    known = sgf.elementwise("logical_not")(_isnan(as_array(a)))
    total = nansum(a, axis, dtype, keepdims)
    return total / known.sum(axis=axis, keepdims=keepdims).astype(total.dtype)


def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Array:
    """Answer numpy.count_nonzero."""
    return cast("Array", sgf.elementwise("ne")(as_array(a), 0).sum(axis=axis, keepdims=keepdims))


def running(name: str) -> Any:
    """Return numpy.cumsum (of "add") or numpy.cumprod (of "mul"): shifted copies combined, in log2(n) steps."""
    combine, neutral = sgf.elementwise(name), {"add": 0, "mul": 1}[name]

    def function(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
        x = as_array(a) if axis is not None else as_array(a).ravel()
        place = normalize_axis("cumulative", axis or 0, x.ndim)
        if dtype is not None:
            x = x.astype(dtype)
        elif not x.node.dtype.is_floating:
            x = x.astype(int64)
        size, step = split_axis("numpy.cumsum" if name == "add" else "numpy.cumprod", x.node, place), 1
        while step < size:
            x = combine(x, Array(_shifted(x.node, place, size, step, neutral)))
            step *= 2
        return x

    return function


def _shifted(node: Node, axis: int, size: int, step: int, neutral: float) -> Node:
    ranges = tuple(Range(0, size - step if a == axis else s) for a, s in enumerate(node.shape))
    widths = tuple((step if a == axis else 0, 0) for a in range(node.ndim))
    return ops.pad(ops.slice(node, ranges=ranges), widths=widths, value=neutral)


# calculus


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Array:
    """Answer numpy.diff."""
    x = as_array(a)
    place = normalize_axis("diff", axis, x.ndim)
    parts = []
    for value in (prepend, x, append):
        if value is not None:
            part = as_array(value)
            shape = (*x.node.shape[:place], 1, *x.node.shape[place + 1 :])
            parts.append(part if part.ndim else Array(ops.broadcast_to(part.node, shape=shape)))
    x = sgf.concatenate(parts, place) if len(parts) > 1 else x
    for _ in range(n):
        late, early = x[(*front(place), slice(1, None))], x[(*front(place), slice(None, -1))]
        x = sgf.elementwise("logical_xor")(late, early) if x.node.dtype is bool_ else late - early
    return x


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Array:
    """Answer numpy.trapezoid."""
    values = as_array(y)
    place = normalize_axis("trapezoid", axis, values.ndim)
    widths: Any = dx
    if x is not None:
        points = as_array(x)
        widths = diff(points, axis=axis if points.ndim > 1 else -1)
        if points.ndim == 1:
            widths = widths.reshape(-1, *(1,) * (values.ndim - place - 1))
    key = front(place)
    return cast("Array", (widths * (values[(*key, slice(1, None))] + values[(*key, slice(None, -1))]) / 2.0).sum(axis=place))


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Answer numpy.gradient for even spacing: central differences, one-sided at the ends."""
    x = as_array(f)
    x = Array(as_float(x.node, float64))
    places = [normalize_axis("gradient", a, x.ndim) for a in ([axis] if isinstance(axis, int) else axis or range(x.ndim))]
    spacings = list(varargs) if len(varargs) == len(places) else list(varargs or (1.0,)) * len(places)
    if edge_order != 1 or len(spacings) != len(places) or any(np.ndim(h) for h in spacings):
        raise TraceError(at_user_line("numpy.gradient: traced for one even spacing for each axis and edge_order=1"))
    results = [_slope(x, place, h) for place, h in zip(places, spacings, strict=True)]
    return results[0] if len(results) == 1 else tuple(results)


def _slope(x: Array, axis: int, spacing: Any) -> Any:
    size = x.node.shape[axis]
    if isinstance(size, int) and size < 2:
        raise ShapeError(at_user_line(f"numpy.gradient: needs at least two points, got {format_shape(x.node.shape)}"))

    def part(start: int | None, stop: int | None) -> Array:
        return x[(*front(axis), slice(start, stop))]

    ends = [(part(1, 2) - part(0, 1)) / spacing, (part(-1, None) - part(-2, -1)) / spacing]
    middle = (part(2, None) - part(None, -2)) / (2.0 * spacing)
    return sgf.concatenate([ends[0], middle, ends[1]], axis)


# elementwise


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Answer numpy.select."""
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = where(condition, choice, result)
    return result


def extremum_of_numbers(name: str) -> Any:
    """Return numpy.fmax or numpy.fmin: of two elements of which one is nan, the other."""
    chosen = sgf.elementwise(name)

    def function(x: Any, y: Any) -> Any:
        a, b = map(as_array, (x, y))
        return where(_isnan(a), y, where(_isnan(b), x, chosen(x, y)))

    return function


def signbit(x: Any) -> Any:
    """Answer numpy.signbit; a nan counts as positive."""
    value: Any = as_array(x)
    if not value.node.dtype.is_floating:
        return value < 0
    return (value < 0) | ((value == 0) & (1.0 / value < 0))


def copysign(x: Any, y: Any) -> Any:
    """Answer numpy.copysign; a nan in ``y`` counts as positive."""
    size = abs(Array(as_float(as_array(x).node, float64)))
    return where(signbit(y), -size, size)


def heaviside(x: Any, at_zero: Any) -> Any:
    """Answer numpy.heaviside; its derivative by ``x`` is 0."""
    a: Any
    a, b = (Array(n) for n in lift((x, at_zero), float64, floating=True))
    return where(a > 0, 1.0, where(a < 0, 0.0, where(a == 0, b, np.nan)))


def logaddexp2(x: Any, y: Any) -> Any:
    """Answer numpy.logaddexp2."""
    log2 = math.log(2.0)
    return sgf.elementwise("logaddexp")(as_array(x) * log2, as_array(y) * log2) / log2


def modf(x: Any) -> tuple[Any, Any]:
    """Answer numpy.modf: the fraction and the whole part, both with the sign of ``x``."""
    value = Array(as_float(as_array(x).node, float64))
    whole = sgf.elementwise("trunc")(value)
    return copysign(where(sgf.elementwise("isinf")(value), 0.0, value - whole), value), whole


def reciprocal(x: Any) -> Any:
    """Answer numpy.reciprocal; of integers it is an integer: 1, -1 or 0."""
    value = as_array(x)
    return 1.0 / value if value.node.dtype.is_floating else where(_abs(value) == 1, value, 0)


def rounded(a: Any, decimals: int = 0) -> Any:
    """Answer numpy.round: halves to even; integers are their own."""
    x = as_array(a)
    if not x.node.dtype.is_floating:
        if decimals < 0:
            raise TraceError(at_user_line("numpy.round: integers at negative decimals cannot be traced; make them floats"))
        return x
    return x.__round__(decimals) if decimals else sgf.elementwise("round")(x)


def isclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Any:
    """Answer numpy.isclose."""
    x, y = (Array(n) for n in lift((a, b), float64, floating=True))
    near = (abs(x - y) <= atol + rtol * abs(y)) & sgf.elementwise("isfinite")(y) | (x == y)
    return near | (_isnan(x) & _isnan(y)) if equal_nan else near


def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Answer numpy.nan_to_num."""
    value = as_array(x)
    dtype = value.node.dtype
    if not dtype.is_floating:
        return value
    top = float(np.finfo(dtype.numpy).max)
    high, low = (top if posinf is None else posinf), (-top if neginf is None else neginf)
    inf = Array(constant(math.inf, dtype))
    return where(_isnan(value), nan, where(value == inf, high, where(value == -inf, low, value)))
