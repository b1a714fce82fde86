"""What NumPy's own functions do with an Array: one table for ufuncs, one for the other functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import float64
from symgrad.eager import functions as sgf
from symgrad.eager.array_face import Array, reshape_node, set_protocols
from symgrad.eager.faces import as_float, bitwise, lift, lift_one, power
from symgrad.errors import TraceError, at_user_line
from symgrad.ir.expr import Node, ops
from symgrad.ir.types import normalize_axes, normalize_axis

__all__ = ["FUNCTIONS", "UFUNCS"]

Function = Callable[..., Any]

_SAME: tuple[str, ...] = (*sgf.FLOATING, "floor", "ceil", "trunc", "sign", "isnan", "isinf", "isfinite", "fmod", "remainder")
_SAME += ("floor_divide", "minimum", "maximum", "hypot", "logaddexp", *sgf.LOGICAL)
_RENAMED = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "absolute": "abs", "fabs": "abs", "rint": "round",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
    "arctan2": "atan2", "equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt",
    "greater_equal": "ge",
}  # fmt: skip


def _scaled(factor: float) -> Function:
    return lambda x: sgf.elementwise("mul")(x, factor)


UFUNCS: dict[str, Function] = {name: sgf.elementwise(name) for name in _SAME}
UFUNCS |= {theirs: sgf.elementwise(ours) for theirs, ours in _RENAMED.items()}
UFUNCS |= {
    "negative": lambda x: -x,
    "positive": lambda x: x,
    "conjugate": lambda x: x,
    "invert": lambda x: ~x,
    "square": lambda x: x**2,
    "reciprocal": lambda x: 1.0 / x,
    "power": lambda x, y: power(x, y, Array),
    "float_power": lambda x, y: power(Array(as_float(lift_one(x, float64), float64)), y, Array),
    "deg2rad": _scaled(math.pi / 180),
    "radians": _scaled(math.pi / 180),
    "rad2deg": _scaled(180 / math.pi),
    "degrees": _scaled(180 / math.pi),
    "matmul": sgf.joined("matmul"),
    "vecdot": lambda x, y: (x * y).sum(axis=-1),
    "bitwise_and": lambda x, y: bitwise("logical_and", x, y, Array),
    "bitwise_or": lambda x, y: bitwise("logical_or", x, y, Array),
    "bitwise_xor": lambda x, y: bitwise("logical_xor", x, y, Array),
}
_REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all", "logical_or": "any"}


def _array(x: Any) -> Array:
    return x if isinstance(x, Array) else Array(lift_one(x, float64))


def call_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer ``ufunc(*inputs)``, ``ufunc.reduce`` and ``ufunc.outer`` for operands of which one is an Array."""
    name = ufunc.__name__
    if method == "__call__" and not kwargs and (known := UFUNCS.get(name)) is not None:
        return known(*inputs)
    if kwargs.get("out") is not None or kwargs.get("where", True) is not True:
        raise TraceError(at_user_line(f"numpy.{name}: out= and where= cannot be traced; use the result, or np.where"))
    if method == "reduce" and name in _REDUCTIONS:
        axis = kwargs.get("axis", 0)
        return getattr(_array(inputs[0]), _REDUCTIONS[name])(axis=axis, keepdims=kwargs.get("keepdims", False))
    if method == "outer" and name in UFUNCS:
        left, right = map(_array, inputs)
        return UFUNCS[name](left.reshape(*left.shape, *(1,) * right.ndim), right)
    if method != "__call__" or name not in UFUNCS:
        form = name if method == "__call__" else f"{name}.{method}"
        raise TraceError(at_user_line(f"numpy.{form}: cannot be traced; write it with functions that can (see sg.ops)"))
    result = UFUNCS[name](*inputs)
    return result if kwargs.get("dtype") is None else result.astype(kwargs["dtype"])


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a NumPy function that is no ufunc, for arguments of which one is an Array."""
    known = FUNCTIONS.get(function)
    if known is not None:
        if kwargs.pop("out", None) is not None:
            raise TraceError(at_user_line(f"numpy.{function.__name__}: out= cannot be traced; use the result"))
        return known(*args, **{k: v for k, v in kwargs.items() if v is not np._NoValue})
    if function in _WRITTEN_IN_NUMPY:
        return function._implementation(*args, **kwargs)
    name = f"{function.__module__}.{function.__name__}"
    raise TraceError(at_user_line(f"{name}: cannot be traced; write it with functions that can (see sg.ops)"))


def _method(name: str) -> Function:
    return lambda a, *args, **kwargs: getattr(_array(a), name)(*args, **kwargs)


def _pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    x = _array(array)
    if mode != "constant" or not isinstance(constant_values, (int, float)):
        raise TraceError(at_user_line(f"numpy.pad: only mode='constant' with one value can be traced, got mode={mode!r}"))
    widths = tuple(tuple(int(v) for v in pair) for pair in np.broadcast_to(np.asarray(pad_width), (x.ndim, 2)))
    return Array(ops.pad(x.node, widths=widths, value=constant_values))


def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    x = _array(a)
    sources = [normalize_axis("moveaxis", s, x.ndim) for s in np.atleast_1d(source)]
    targets = [normalize_axis("moveaxis", d, x.ndim) for d in np.atleast_1d(destination)]
    order = [k for k in range(x.ndim) if k not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        order.insert(target, origin)
    return x.transpose(order)


def _expand_dims(a: Any, axis: Any) -> Any:
    x = _array(a)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    return Array(ops.expand_dims(x.node, axes=normalize_axes("expand_dims", axes, x.ndim + len(axes))))


def _roll(a: Any, shift: int, axis: int | None = None) -> Any:
    x = _array(a)
    if axis is None:
        return _roll(x.ravel(), shift, 0).reshape(*x.shape)
    axis = normalize_axis("roll", axis, x.ndim)
    count = int(shift) % max(x.shape[axis], 1)
    front = (slice(None),) * axis
    return sgf.concatenate([x[(*front, slice(x.shape[axis] - count, None))], x[(*front, slice(0, x.shape[axis] - count))]], axis)


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    x, y = _array(a), _array(b)
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


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    array = _array(x)
    if ord not in (None, 2, "fro") or (ord == 2 and axis is None and array.ndim > 1):
        if ord in (1, math.inf) and (array.ndim == 1 or isinstance(axis, int)):
            size = abs(array)
            return size.sum(axis=axis, keepdims=keepdims) if ord == 1 else size.max(axis=axis, keepdims=keepdims)
        raise TraceError(at_user_line(f"numpy.linalg.norm: traced for ord None, 2, 'fro', 1 and inf of vectors, got {ord!r}"))
    axes = normalize_axes("norm", axis, array.ndim)
    node = ops.norm(as_float(array.node, float64), axes=axes)
    return Array(ops.expand_dims(node, axes=axes) if keepdims and axes else node)


def _take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    x = _array(a) if axis is not None else _array(a).ravel()
    index = indices if isinstance(indices, (Array, int)) else np.asarray(indices)
    return x[(*(slice(None),) * normalize_axis("take", axis or 0, x.ndim), index)]


def _diag(v: Any, k: int = 0) -> Any:
    node = _array(v).node
    return Array(ops.diag_embed(node, offset=k) if node.ndim == 1 else ops.diag_extract(node, offset=k))


def _round(a: Any, decimals: int = 0) -> Any:
    x = _array(a)
    return sgf.elementwise("round")(x) if decimals == 0 else sgf.elementwise("round")(x * 10.0**decimals) / 10.0**decimals


def _sinc(x: Any) -> Any:
    node = as_float(_array(x).node, float64)
    return Array(ops.sinc(node * math.pi, order=0))


def _at_least(rank: int) -> Function:
    def function(*arrays: Any) -> Any:
        found = []
        for a in map(_array, arrays):
            missing = (1,) * max(rank - a.ndim, 0)
            found.append(Array(reshape_node(a.node, (*missing, *a.node.shape))) if missing else a)
        return found[0] if len(found) == 1 else tuple(found)

    return function


def _vstack(tup: Sequence[Any]) -> Any:
    return sgf.concatenate([_at_least(2)(a) for a in tup], 0)


def _hstack(tup: Sequence[Any]) -> Any:
    parts = [_at_least(1)(a) for a in tup]
    return sgf.concatenate(parts, 0 if parts[0].ndim == 1 else 1)


def _column_stack(tup: Sequence[Any]) -> Any:
    return sgf.concatenate([a if a.ndim > 1 else a.reshape(-1, 1) for a in map(_array, tup)], 1)


def _broadcast_to(array: Any, shape: Any) -> Any:
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return Array(ops.broadcast_to(_array(array).node, shape=tuple(getattr(s, "dim", s) for s in sizes)))


def _average(a: Any, axis: Any = None, weights: Any = None) -> Any:
    x = _array(a)
    return x.mean(axis=axis) if weights is None else (x * weights).sum(axis=axis) / _array(weights).sum(axis=axis)


def _inner(a: Any, b: Any) -> Any:
    x, y = _array(a), _array(b)
    return x * y if not x.ndim or not y.ndim else _tensordot(x, y, ([-1], [-1]))


def _full_like(a: Any, fill_value: Any, dtype: Any = None, **_: Any) -> Any:
    if isinstance(fill_value, (bool, int, float)):
        return sgf.like(_array(a), fill_value, dtype)
    return sgf.like(_array(a), 0.0, dtype) + fill_value


def _diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    x = _array(a)
    front = (slice(None),) * normalize_axis("diff", axis, x.ndim)
    for _ in range(n):
        x = x[(*front, slice(1, None))] - x[(*front, slice(None, -1))]
    return x


def _trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    values = _array(y)
    front = (slice(None),) * normalize_axis("trapezoid", axis, values.ndim)
    widths: Any = dx if x is None else _diff(x)
    if x is not None and _array(x).ndim == 1:
        widths = widths.reshape(-1, *(1,) * (values.ndim - len(front) - 1))
    return (widths * (values[(*front, slice(1, None))] + values[(*front, slice(None, -1))]) / 2.0).sum(axis=len(front))


def _cross(a: Any, b: Any) -> Any:
    x, y = _array(a), _array(b)
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise TraceError(at_user_line(f"numpy.cross: traced for vectors of three elements, got {x.node.type} and {y.node.type}"))
    after, before = np.array([1, 2, 0]), np.array([2, 0, 1])
    return x[..., after] * y[..., before] - x[..., before] * y[..., after]


def _kron(a: Any, b: Any) -> Any:
    x, y = _array(a), _array(b)
    rank = max(x.ndim, y.ndim)
    xs, ys = ((1,) * (rank - v.ndim) + v.shape for v in (x, y))
    left = x.reshape(*[size for s in xs for size in (s, 1)])
    right = y.reshape(*[size for s in ys for size in (1, s)])
    return (left * right).reshape(*[p * q for p, q in zip(xs, ys, strict=True)])


def _polyval(p: Any, x: Any) -> Any:
    total: Any = 0.0
    for coefficient in p:
        total = total * x + coefficient
    return total


def _tile(a: Any, reps: Any) -> Any:
    x = _array(a)
    counts = (reps,) if isinstance(reps, int) else tuple(reps)
    rank = max(len(counts), x.ndim)
    counts = (1,) * (rank - len(counts)) + counts
    shape = (1,) * (rank - x.ndim) + x.shape
    target = [s for pair in zip(counts, shape, strict=True) for s in pair]
    spread = _broadcast_to(x.reshape(*[s for size in shape for s in (1, size)]), target)
    return spread.reshape(*[r * z for r, z in zip(counts, shape, strict=True)])


def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = sgf.where(condition, choice, result)
    return result


def _node_of(x: Any) -> Node:
    return _array(x).node


FUNCTIONS: dict[Any, Function] = {
    np.sum: _method("sum"), np.prod: _method("prod"), np.mean: _method("mean"), np.var: _method("var"), np.std: _method("std"),
    np.max: _method("max"), np.amax: _method("max"), np.min: _method("min"), np.amin: _method("min"), np.any: _method("any"),
    np.all: _method("all"), np.argmax: _method("argmax"), np.argmin: _method("argmin"), np.ravel: _method("ravel"),
    np.transpose: lambda a, axes=None: _array(a).transpose(axes), np.swapaxes: _method("swapaxes"),
    np.squeeze: _method("squeeze"),
    np.reshape: lambda a, shape, order="C": _array(a).reshape(shape), np.copy: _method("copy"), np.astype: _method("astype"),
    np.clip: lambda a, a_min=None, a_max=None, min=None, max=None: sgf.clip(
        a, a_min if a_min is not None else min, a_max if a_max is not None else max
    ),
    np.where: sgf.where, np.concatenate: sgf.concatenate, np.stack: sgf.stack, np.vstack: _vstack, np.hstack: _hstack,
    np.column_stack: _column_stack, np.dot: sgf.joined("dot"), np.outer: lambda a, b: sgf.joined("outer")(_array(a), _array(b)),
    np.vdot: lambda a, b: sgf.joined("dot")(_array(a).ravel(), _array(b).ravel()), np.inner: _inner, np.tensordot: _tensordot,
    np.einsum: lambda subscripts, *operands, **_: sgf.einsum(subscripts, *operands), np.trace: lambda a, offset=0: Array(
        ops.trace(_node_of(a), offset=offset)
    ),
    np.diag: _diag, np.diagonal: lambda a, offset=0: Array(ops.diag_extract(_node_of(a), offset=offset)), np.pad: _pad,
    np.moveaxis: _moveaxis, np.expand_dims: _expand_dims, np.roll: _roll, np.linalg.norm: _norm, np.take: _take,
    np.flip: lambda m, axis=None: Array(ops.flip(_node_of(m), axes=normalize_axes("flip", axis, _array(m).ndim))),
    np.round: _round, np.around: _round, np.sinc: _sinc, np.broadcast_to: _broadcast_to, np.average: _average,
    np.i0: lambda x: sgf.with_order("bessel_i")(0, _array(x)), np.atleast_1d: _at_least(1), np.atleast_2d: _at_least(2),
    np.zeros_like: lambda a, dtype=None, **_: sgf.like(_array(a), 0, dtype), np.full_like: _full_like,
    np.empty_like: lambda a, dtype=None, **_: sgf.like(_array(a), 0, dtype), np.select: _select,
    np.ones_like: lambda a, dtype=None, **_: sgf.like(_array(a), 1, dtype), np.shape: lambda a: _array(a).shape,
    np.ndim: lambda a: _array(a).ndim, np.size: lambda a, axis=None: _array(a).size if axis is None else _array(a).shape[axis],
    np.real: lambda a: a, np.result_type: lambda *a: np.result_type(*[x.dtype if isinstance(x, Array) else x for x in a]),
    np.tile: _tile, np.flipud: lambda m: _array(m)[::-1], np.fliplr: lambda m: _array(m)[:, ::-1],
    np.diff: _diff, np.trapezoid: _trapezoid, np.cross: _cross, np.kron: _kron, np.polyval: _polyval,
    np.iscomplexobj: lambda a: False, np.linalg.matmul: sgf.joined("matmul"),
}  # fmt: skip

_WRITTEN_IN_NUMPY = (np.split, np.array_split, np.ptp, np.rollaxis, np.hsplit, np.vsplit)  # they use only functions of the table

set_protocols(call_ufunc, call_function)
