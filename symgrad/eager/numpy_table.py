"""What NumPy's own functions do with an Array: one table for ufuncs, one for the other functions."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import as_dtype, bool_, float64
from symgrad.eager import functions as sgf
from symgrad.eager import numpy_arrangement as arrangement
from symgrad.eager import numpy_formulas as formulas
from symgrad.eager.array_face import Array, set_protocols
from symgrad.eager.faces import as_float, lift_one
from symgrad.eager.functions import as_array
from symgrad.eager.operators import bitwise, power
from symgrad.errors import TraceError, at_user_line
from symgrad.ir.expr import ops

__all__ = ["FUNCTIONS", "UFUNCS"]

Function = Callable[..., Any]

_SAME: tuple[str, ...] = (*sgf.FLOATING, "floor", "ceil", "trunc", "sign", "isnan", "isinf", "isfinite", "fmod", "remainder")
_SAME += ("floor_divide", "minimum", "maximum", "hypot", "logaddexp", *sgf.LOGICAL)
_RENAMED = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "absolute": "abs",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
    "arctan2": "atan2", "equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt",
    "greater_equal": "ge",
}  # fmt: skip


def _floating(name: str) -> Function:
    return lambda x: sgf.elementwise(name)(Array(as_float(as_array(x).node, float64)))


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
    "reciprocal": formulas.reciprocal,
    "fabs": _floating("abs"),
    "rint": _floating("round"),
    "divmod": lambda x, y: (UFUNCS["floor_divide"](x, y), UFUNCS["remainder"](x, y)),
    "modf": formulas.modf,
    "fmax": formulas.extremum_of_numbers("maximum"),
    "fmin": formulas.extremum_of_numbers("minimum"),
    "signbit": formulas.signbit,
    "copysign": formulas.copysign,
    "heaviside": formulas.heaviside,
    "logaddexp2": formulas.logaddexp2,
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


_ACCUMULATIONS = {"add": "cumsum", "multiply": "cumprod"}


def call_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer ``ufunc(*inputs)``, ``ufunc.reduce`` and ``ufunc.outer`` for operands of which one is an Array."""
    name = ufunc.__name__
    if method == "__call__" and not kwargs and (known := UFUNCS.get(name)) is not None:
        return known(*inputs)
    if kwargs.get("out") is not None or kwargs.get("where", True) is not True:
        raise TraceError(at_user_line(f"numpy.{name}: out= and where= cannot be traced; use the result, or np.where"))
    if method == "reduce" and name in _REDUCTIONS:
        return _reduced(_REDUCTIONS[name], inputs[0], **kwargs)
    if method == "accumulate" and name in _ACCUMULATIONS:
        return getattr(as_array(inputs[0]), _ACCUMULATIONS[name])(kwargs.get("axis", 0), kwargs.get("dtype"))
    if method == "outer" and name in UFUNCS:
        left, right = map(as_array, inputs)
        return UFUNCS[name](left.reshape(*left.shape, *(1,) * right.ndim), right)
    if method != "__call__" or name not in UFUNCS:
        form = name if method == "__call__" else f"{name}.{method}"
        raise TraceError(at_user_line(f"numpy.{form}: cannot be traced; write it with functions that can (see sg.ops)"))
    if kwargs.get("dtype") is not None:
        inputs = tuple([as_array(x).astype(kwargs["dtype"]) for x in inputs])
    return UFUNCS[name](*inputs)


def _reduced(name: str, x: Any, axis: Any = 0, dtype: Any = None, keepdims: bool = False, initial: Any = None, **_: Any) -> Any:
    array = as_array(x)
    given = {"keepdims": keepdims}
    if dtype is not None and name in ("any", "all") and as_dtype(dtype) is not bool_:
        raise TraceError(at_user_line(f"numpy.logical_{name}.reduce: dtype= cannot be traced; use .astype on the result"))
    if name in ("sum", "prod"):
        given["dtype"] = dtype
    elif dtype is not None:
        array = array.astype(dtype)
    if initial is not None and initial is not np._NoValue:
        if name in ("any", "all"):
            raise TraceError(at_user_line(f"numpy.logical_{name}.reduce: initial= cannot be traced; combine it with the result"))
        given["initial"] = initial
    return getattr(array, name)(axis=axis, **given)


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a NumPy function that is no ufunc, for arguments of which one is an Array."""
    known = FUNCTIONS.get(function)
    if known is not None:
        if kwargs.pop("out", None) is not None:
            raise TraceError(at_user_line(f"numpy.{function.__name__}: out= cannot be traced; use the result"))
        given = {k: v for k, v in kwargs.items() if v is not np._NoValue}
        if unknown := [k for k in given if k not in _parameters(known) and None not in _parameters(known)]:
            text = f"numpy.{function.__name__}: {unknown[0]}= cannot be traced; write it with other functions (see sg.ops)"
            raise TraceError(at_user_line(text))
        return known(*args, **given)
    if function in _WRITTEN_IN_NUMPY:
        return function._implementation(*args, **kwargs)
    name = f"{function.__module__}.{function.__name__}"
    raise TraceError(at_user_line(f"{name}: cannot be traced; write it with functions that can (see sg.ops)"))


@functools.cache
def _parameters(function: Function) -> frozenset[str | None]:
    """Return the names of a function's parameters, None among them when it takes every keyword."""
    found = inspect.signature(function).parameters.values()
    return frozenset(None if p.kind is p.VAR_KEYWORD else p.name for p in found)


def _method(name: str) -> Function:
    method = getattr(Array, name)

    @functools.wraps(method)
    def function(a: Any, *args: Any, **kwargs: Any) -> Any:
        return method(as_array(a), *args, **kwargs)

    return function


def _sinc(x: Any) -> Any:
    node = as_float(as_array(x).node, float64)
    return Array(ops.sinc(node * math.pi, order=0))


def _full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    if shape is not None:
        raise TraceError(at_user_line("numpy.full_like: shape= cannot be traced; use sg.full"))
    return sgf.full_like(as_array(a), fill_value, dtype)


def _outer(a: Any, b: Any) -> Any:
    return sgf.joined("outer")(as_array(a), as_array(b))


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return sgf.clip(a, a_min if a_min is not None else min, a_max if a_max is not None else max)


def _like(value: float) -> Function:
    return lambda a, dtype=None, order="K", subok=True, shape=None, *, device=None: _full_like(
        a, value, dtype, order, subok, shape
    )


FUNCTIONS: dict[Any, Function] = {
    # reductions
    np.sum: _method("sum"), np.prod: _method("prod"), np.mean: _method("mean"), np.var: _method("var"), np.std: _method("std"),
    np.max: _method("max"), np.amax: _method("max"), np.min: _method("min"), np.amin: _method("min"), np.any: _method("any"),
    np.all: _method("all"), np.argmax: _method("argmax"), np.argmin: _method("argmin"), np.average: formulas.average,
    np.nansum: formulas.nansum, np.nanmean: formulas.nanmean, np.count_nonzero: formulas.count_nonzero,
    np.cumsum: formulas.running("add"), np.cumprod: formulas.running("mul"),
    np.linalg.norm: formulas.norm,
    # shapes
    np.ravel: _method("ravel"), np.transpose: lambda a, axes=None: as_array(a).transpose(axes), np.swapaxes: _method("swapaxes"),
    np.squeeze: _method("squeeze"), np.copy: lambda a, order="K", subok=False: as_array(a).copy(order),
    np.reshape: lambda a, shape, order="C", *, copy=None: as_array(a).reshape(shape, order=order),
    np.astype: lambda x, dtype, *, copy=True, device=None: as_array(x).astype(dtype),
    np.moveaxis: arrangement.moveaxis, np.expand_dims: arrangement.expand_dims, np.roll: arrangement.roll,
    np.broadcast_to: lambda array, shape, subok=False: arrangement.broadcast_to(array, shape), np.flip: arrangement.flip,
    np.atleast_1d: arrangement.at_least(1), np.atleast_2d: arrangement.at_least(2), np.tile: arrangement.tile,
    np.repeat: arrangement.repeat, np.rot90: arrangement.rot90, np.flipud: lambda m: as_array(m)[::-1],
    np.fliplr: lambda m: as_array(m)[:, ::-1], np.pad: arrangement.pad, np.take: arrangement.take, np.diag: arrangement.diag,
    np.diagonal: arrangement.diagonal, np.trace: arrangement.trace, np.tril: arrangement.triangle(True),
    np.triu: arrangement.triangle(False),
    # joining
    np.concatenate: sgf.concatenate, np.stack: sgf.stack, np.vstack: arrangement.vstack, np.hstack: arrangement.hstack,
    np.column_stack: arrangement.column_stack, np.append: arrangement.append,
    # products
    np.dot: sgf.joined("dot"), np.outer: _outer,
    np.vdot: lambda a, b: sgf.joined("dot")(as_array(a).ravel(), as_array(b).ravel()),
    np.inner: formulas.inner, np.tensordot: formulas.tensordot, np.linalg.matmul: sgf.joined("matmul"),
    np.einsum: lambda subscripts, *operands, optimize=False, **_: sgf.einsum(subscripts, *operands), np.cross: formulas.cross,
    np.kron: formulas.kron,
    # elementwise and calculus
    np.where: sgf.where, np.select: formulas.select, np.clip: _clip, np.round: formulas.rounded, np.around: formulas.rounded,
    np.sinc: _sinc, np.i0: lambda x: sgf.with_order("bessel_i")(0, as_array(x)), np.isclose: formulas.isclose,
    np.allclose: lambda *args, **kwargs: formulas.isclose(*args, **kwargs).all(), np.nan_to_num: formulas.nan_to_num,
    np.fix: lambda x: sgf.elementwise("trunc")(as_array(x)), np.diff: formulas.diff, np.gradient: formulas.gradient,
    np.polyval: formulas.polyval, np.real: lambda val: val,
    # made like an array, and asked about one
    np.zeros_like: _like(0), np.ones_like: _like(1), np.empty_like: _like(0), np.full_like: _full_like,
    np.shape: lambda a: as_array(a).shape, np.ndim: lambda a: as_array(a).ndim, np.iscomplexobj: lambda x: False,
    np.size: lambda a, axis=None: as_array(a).size if axis is None else as_array(a).shape[axis],
    np.result_type: lambda *a: np.result_type(*[x.dtype if isinstance(x, Array) else x for x in a]),
}  # fmt: skip
if hasattr(np, "matrix_transpose"):
    FUNCTIONS[np.matrix_transpose] = lambda x, /: as_array(x).swapaxes(-1, -2)
if hasattr(np, "trapezoid"):  # NumPy 2's name
    FUNCTIONS[np.trapezoid] = formulas.trapezoid

_WRITTEN_IN_NUMPY = (np.split, np.array_split, np.ptp, np.rollaxis, np.hsplit, np.vsplit)  # they use only functions of the table

set_protocols(call_ufunc, call_function)
