"""Mathematical functions over faces, NumPy arrays and numbers; they return the kind they got.

For a traced value the result is traced; for NumPy arrays and numbers it is computed at once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import as_dtype, bool_, float64
from symgrad.eager.array_face import Array
from symgrad.eager.descriptions import described
from symgrad.eager.faces import Face, apply_primitive, as_float, face_of, lift, lift_one
from symgrad.eager.operators import power
from symgrad.eager.shapes import reshape_node
from symgrad.eager.values import value_of
from symgrad.errors import DTypeError, ShapeError, TraceError, at_user_line
from symgrad.ir.expr import Node, constant, ops
from symgrad.ir.types import normalize_axes, normalize_axis

__all__ = [
    "BINARY",
    "COMPARISONS",
    "FLOATING",
    "LOGICAL",
    "TENSOR_FUNCTIONS",
    "UNARY",
    "answer",
    "as_array",
    "by_form",
    "by_kind",
    "clip",
    "concatenate",
    "einsum",
    "elementwise",
    "full_like",
    "logsumexp",
    "ones_like",
    "stack",
    "traced",
    "where",
    "zeros_like",
]

FLOATING = (
    "sqrt", "rsqrt", "cbrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "erfinv", "ndtr", "gamma", "lgamma", "digamma", "sigmoid",
    "softplus",
)  # fmt: skip
UNARY = ("abs", "sign", "floor", "ceil", "round", "trunc", "isnan", "isinf", "isfinite", "stop_gradient")
BINARY = ("add", "sub", "mul", "floor_divide", "fmod", "remainder", "minimum", "maximum")
FLOATING_BINARY = ("div", "atan2", "hypot", "logaddexp", "xlogy")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
LOGICAL = ("logical_and", "logical_or", "logical_xor", "logical_not")


TENSOR_FUNCTIONS: dict[str, Callable[..., Any]] = {}  # torch's, filled by torch_names.py when there are Tensors


def by_kind(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` for arrays and numbers, and torch's function of that name for Tensors."""

    @functools.wraps(function)
    def chosen(*args: Any, **kwargs: Any) -> Any:
        for value in args or kwargs.values():
            member = value[0] if isinstance(value, (list, tuple)) and value else value
            if isinstance(member, Face):
                if member.default_float is not float64:
                    return TENSOR_FUNCTIONS[name](*args, **kwargs)
                break
        return function(*args, **kwargs)

    chosen.__doc__ = described(name, function.__doc__)
    chosen.__module__, chosen.__name__, chosen.__qualname__ = "symgrad", name, name  # where pickle finds it
    return chosen


def by_form(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function``, and torch's function of that name where the arguments can only be meant for it.

    That is a Tensor and an axis, where ``function`` has updates second; or a name that only torch's arguments have.
    """

    @functools.wraps(function)
    def chosen(*args: Any, **kwargs: Any) -> Any:
        of_torch = "dim" in kwargs or "input" in kwargs or (len(args) > 1 and isinstance(args[1], int))
        if of_torch and traced((*args[:1], *kwargs.values())):
            return TENSOR_FUNCTIONS[name](*args, **kwargs)
        return function(*args, **kwargs)

    chosen.__module__, chosen.__name__, chosen.__qualname__ = "symgrad", name, name  # where pickle finds it
    return chosen


def as_array(x: Any) -> Array:
    """Return an operand of any kind as an Array."""
    return x if isinstance(x, Array) else Array(lift_one(x, float64))


def traced(values: Sequence[Any]) -> bool:
    """Whether any of ``values``, or of the members of a list among them, is a face."""
    return any(isinstance(v, Face) or (isinstance(v, (list, tuple)) and traced(v)) for v in values)


def answer(node: Node, values: Sequence[Any], face: type[Face] = Array) -> Any:
    """Return a node as the kind of ``values``: a face if one is, else a NumPy array or scalar with its value."""
    flat = [m for v in values for m in (v if isinstance(v, (list, tuple)) else (v,))]
    if traced(flat):
        return face_of(flat, face)(node)
    value = value_of(node)
    return value[()] if value.ndim == 0 else value.copy()


def elementwise(name: str) -> Callable[..., Any]:
    """Return the function that applies elementwise primitive ``name`` to operands of any kind."""
    floating = name in FLOATING or name in FLOATING_BINARY or name in ("isnan", "isinf", "isfinite")
    logical = name in LOGICAL

    def function(*operands: Any) -> Any:
        if not operands:
            raise TypeError(at_user_line(f"{name}() missing 1 required positional argument: 'input'"))
        first = operands[0]
        if len(operands) == 1 and isinstance(first, Face) and not logical:
            node = first.node
            if node.dtype.is_floating or not floating:
                return first.face_type()(apply_primitive(name, node))
        default = face_of(operands, Array).default_float
        try:
            nodes = lift(operands, default, floating)
        except TraceError:
            _refuse_strangers(name, operands)
            raise
        if logical:
            nodes = [n if n.dtype is bool_ else ops.ne(n, constant(0, n.dtype)) for n in nodes]
        return answer(apply_primitive(name, *nodes), operands)

    function.__name__ = function.__qualname__ = name
    function.__module__ = "symgrad"  # where pickle finds it
    function.__doc__ = f"Return {name} of each element; see the primitive's record for the formula and its convention at kinks."
    return function


def _refuse_strangers(name: str, operands: Sequence[Any]) -> None:
    """Raise TypeError for the first operand that is no array, number or Tensor."""
    for k, value in enumerate(operands):
        if not isinstance(value, (Face, Node, np.ndarray, np.generic, bool, int, float, list, tuple)):
            label = "'input'" if k == 0 else "'other'"
            kind = type(value).__name__
            raise TypeError(
                at_user_line(f"{name}(): argument {label} (position {k + 1}) must be Tensor, array or number, not {kind}")
            )


def with_order(name: str) -> Callable[..., Any]:
    """Return the function of an elementwise primitive that takes an integer order first."""

    def function(order: int, x: Any) -> Any:
        if isinstance(order, bool) or not isinstance(order, (int, np.integer)):
            raise TraceError(at_user_line(f"{name}: the order must be a Python integer, got {order!r}"))
        (node,) = lift((x,), face_of((x,), Array).default_float, floating=True)
        return answer(getattr(ops, name)(node, order=int(order)), (x,))

    function.__name__ = function.__qualname__ = name
    function.__module__ = "symgrad"  # where pickle finds it
    function.__doc__ = f"Return {name} of integer ``order`` of each element."
    return function


def where(condition: Any, x: Any, y: Any) -> Any:
    """Return ``x`` where ``condition`` is true, else ``y``, broadcast together.

    The derivative of the branch that is not selected contributes exactly zero, at every order, even
    where it is inf or nan.
    """
    face = face_of((x, y, condition), Array)
    chosen = lift_one(condition, face.default_float)
    if chosen.dtype is not bool_:
        raise DTypeError(at_user_line(f"where: the condition must be bool, got {chosen.type}; compare, as in where(x > 0, ...)"))
    a, b = lift((x, y), face.default_float)
    return answer(ops.where(chosen, a, b), (condition, x, y))


def clip(x: Any, low: Any = None, high: Any = None) -> Any:
    """Return ``x`` limited to [low, high]; the gradient with respect to ``x`` is 1 at the bounds."""
    given = [v for v in (x, low, high) if v is not None]
    nodes = lift(given, face_of(given, Array).default_float)
    if low is not None and high is not None:
        return answer(ops.clip(*nodes), given)
    if low is None and high is None:
        return answer(nodes[0], given)
    inf = float("inf")
    bound = constant(-inf if low is None else inf, nodes[0].dtype) if nodes[0].dtype.is_floating else None
    if bound is None:
        return answer((ops.maximum if high is None else ops.minimum)(*nodes), given)
    return answer(ops.clip(nodes[0], bound, nodes[1]) if low is None else ops.clip(nodes[0], nodes[1], bound), given)


def pow(x: Any, y: Any) -> Any:
    """Return ``x ** y``; an integer ``y`` that is a Python number is exact multiplication."""
    if not traced((x, y)):
        return np.power(x, y)
    return power(x, y, face_of((x, y), Array))


def integrate_axes(name: str) -> Callable[..., Any]:
    """Return the function form of a reduction method: the face decides what its arguments mean."""

    def function(x: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(x, Face):
            return getattr(x, name)(*args, **kwargs)
        result = getattr(Array(lift_one(x, float64)), name)(*args, **kwargs)
        return answer(result.node, (x,))

    function.__name__ = function.__qualname__ = name
    function.__module__ = "symgrad"  # where pickle finds it
    function.__doc__ = f"Return ``x.{name}(...)``: NumPy's meaning for arrays, torch's for Tensors."
    return function


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return log(sum(exp(x))) over axes without overflow."""
    node = as_float(lift_one(x, face_of((x,), Array).default_float), float64)
    axes = normalize_axes("logsumexp", axis, node.ndim)
    result = ops.logsumexp(node, axes=axes)
    return answer(ops.expand_dims(result, axes=axes) if keepdims and axes else result, (x,))


def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    """Return arrays joined along an existing axis; with ``axis=None`` their elements, as one axis."""
    if not len(arrays):
        raise ShapeError(at_user_line("concatenate: expected a non-empty list of Tensors or arrays"))
    nodes = lift(list(arrays), face_of(list(arrays), Array).default_float)
    if axis is None:
        nodes, axis = [reshape_node(n, (-1,)) for n in nodes], 0
    return answer(ops.concatenate(*nodes, axis=normalize_axis("concatenate", axis, nodes[0].ndim)), (arrays,))


def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Return arrays joined along a new axis."""
    if not len(arrays):
        raise ShapeError(at_user_line("stack expects a non-empty TensorList"))
    nodes = lift(list(arrays), face_of(list(arrays), Array).default_float)
    return answer(ops.stack(*nodes, axis=normalize_axis("stack", axis, nodes[0].ndim + 1)), (arrays,))


def einsum(subscripts: str, *operands: Any) -> Any:
    """Return the sum of products that ``subscripts`` describe, as numpy.einsum reads them."""
    if not operands:
        raise ShapeError(at_user_line("einsum(): must specify the equation string and at least one operand"))
    nodes = lift(operands, face_of(operands, Array).default_float)
    return answer(ops.einsum(*nodes, subscripts=subscripts), operands)


def joined(name: str) -> Callable[..., Any]:
    """Return the function of a product of two arrays: matmul, dot or outer."""

    def function(x: Any, y: Any) -> Any:
        nodes = lift((x, y), face_of((x, y), Array).default_float)
        return answer(getattr(ops, name)(*nodes), (x, y))

    function.__name__ = function.__qualname__ = name
    function.__module__ = "symgrad"  # where pickle finds it
    function.__doc__ = f"Return NumPy's {name} of two arrays."
    return function


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return an array of ``x``'s shape, and of its element type unless ``dtype`` is given, filled with ``fill_value``.

    The kind is ``x``'s; while tracing it can be written into.
    """
    node = lift_one(x, float64)
    kind = node.dtype if dtype is None else as_dtype(dtype)
    fill = lift_one(fill_value, float64, kind)
    spread = fill if fill.shape == node.shape else ops.broadcast_to(fill, shape=node.shape)
    return answer(spread, (x, fill_value))


def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Return zeros of ``x``'s shape and kind; see ``full_like``."""
    return full_like(x, 0, dtype)


def ones_like(x: Any, dtype: Any = None) -> Any:
    """Return ones of ``x``'s shape and kind; see ``full_like``."""
    return full_like(x, 1, dtype)
