"""torch's selections, limits and combinations of three operands, and its tests of closeness."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from symgrad.dtypes import bool_, float64
from symgrad.eager.faces import apply_primitive
from symgrad.eager.operation import operation
from symgrad.eager.torch_arithmetic import FUNCTIONS as PAIRS
from symgrad.eager.torch_arithmetic import pair
from symgrad.eager.torch_indexing import nonzero
from symgrad.eager.torch_rules import DTYPE_NAMES, Operand, broadcast, common, number_node, refuse, refuse_dtype
from symgrad.ir.expr import Node, like, ops

__all__ = ["FUNCTIONS"]

Function = Callable[..., Any]


@operation("NotDifferentiable")
def _isclose(a: Operand, b: Operand, *, rtol: float, atol: float, equal_nan: bool) -> Node:
    if isinstance(a, Node) and isinstance(b, Node) and a.dtype is not b.dtype:
        names = [DTYPE_NAMES[n.dtype] for n in (a, b)]
        refuse_dtype(f"{names[0]} did not match {names[1]}")
    same = ops.eq(*pair(a, b))
    x, y = (number_node(v, float64) for v in pair(a, b))
    near = ops.le(ops.abs(x - y), ops.abs(y) * rtol + atol)
    found = ops.logical_or(same, ops.logical_and(near, ops.isfinite(x - y)))
    return ops.logical_or(found, ops.logical_and(ops.isnan(x), ops.isnan(y))) if equal_nan else found


def isclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Return whether each |x - y| <= atol + rtol |y|."""
    return _isclose(input, other, rtol=float(rtol), atol=float(atol), equal_nan=bool(equal_nan))


def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Return whether all elements are close, as a Python bool."""
    return bool(isclose(input, other, rtol, atol, equal_nan).numpy_value().all())


def equal(input: Any, other: Any) -> bool:
    """Return whether two tensors have one shape and equal elements, as a Python bool."""
    return tuple(input.shape) == tuple(other.shape) and bool(PAIRS["eq"](input, other).numpy_value().all())


# selection, limits and combinations


@operation("WhereBackward0")
def _where(condition: Operand, a: Operand, b: Operand) -> Node:
    chosen = condition if isinstance(condition, Node) else condition.node
    if chosen.dtype is not bool_:
        expected = "where expected condition to be a boolean tensor"
        refuse_dtype(f"{expected}, but got a tensor with dtype {DTYPE_NAMES[chosen.dtype]}")
    x, y = common(a, b)
    broadcast(chosen, x, y)
    return ops.where(chosen, x, y)


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """Return ``input`` where ``condition`` holds, else ``other``; alone, the indices at which it holds."""
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    return _where(condition, input, other)


def _clamped(*operands: Operand, low: bool, high: bool) -> Node:
    nodes = common(*operands)
    broadcast(*nodes)
    x = nodes[0]
    if not x.dtype.is_floating:
        below = apply_primitive("maximum", x, nodes[1]) if low else x
        return apply_primitive("minimum", below, nodes[-1]) if high else below
    inf = like(math.inf, x)
    return ops.clip(x, nodes[1] if low else -inf, nodes[-1] if high else inf)


def _clamp(grad_fn: str) -> Function:
    made: Function = operation(grad_fn)(_clamped)
    return made


_clamp_tensors, _clamp_numbers, _clamp_low, _clamp_high = (
    _clamp(f"Clamp{form}") for form in ("Backward0", "Backward1", "MinBackward0", "MaxBackward0")
)


def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    """Return the values limited to [min, max]; the gradient is 1 at the bounds."""
    bounds = [v for v in (min, max) if v is not None]
    if not bounds:
        refuse("torch.clamp: At least one of 'min' or 'max' must not be None")
    chosen = _clamp_numbers if all(isinstance(v, (int, float)) for v in bounds) else _clamp_tensors
    return chosen(input, *bounds, low=min is not None, high=max is not None)


def clamp_min(input: Any, min: Any) -> Any:
    """Return the values limited from below."""
    return _clamp_low(input, min, low=True, high=False)


def clamp_max(input: Any, max: Any) -> Any:
    """Return the values limited from above."""
    return _clamp_high(input, max, low=False, high=True)


def _lerped(a: Operand, b: Operand, weight: Operand) -> Node:
    start, end = (v if isinstance(v, Node) else v.node for v in (a, b))
    if start.dtype is not end.dtype:
        names = [DTYPE_NAMES[n.dtype].lower() for n in (start, end)]
        refuse_dtype(f"expected dtype {names[0]} for `end` but got dtype {names[1]}")
    w = number_node(weight, start.dtype)
    broadcast(start, end, w)
    apart = end - start
    near = ops.lt(ops.abs(w), like(0.5, w))
    return ops.where(near, start + w * apart, end - apart * (1.0 - w))


_lerps = [operation(f"LerpBackward{k}")(_lerped) for k in (0, 1)]


def lerp(input: Any, end: Any, weight: Any) -> Any:
    """Return ``x + weight (end - x)``, exact at both ends."""
    return _lerps[not isinstance(weight, (int, float))](input, end, weight)


@operation("AddcmulBackward0")
def _addcmul(x: Operand, a: Operand, b: Operand, value: Operand) -> Node:
    nodes = common(x, a, b)
    broadcast(*nodes)
    return nodes[0] + number_node(value, nodes[0].dtype) * nodes[1] * nodes[2]


@operation("AddcdivBackward0")
def _addcdiv(x: Operand, a: Operand, b: Operand, value: Operand) -> Node:
    nodes = common(x, a, b)
    broadcast(*nodes)
    if not nodes[0].dtype.is_floating:
        refuse_dtype("Integer division with addcdiv is no longer supported")
    return nodes[0] + number_node(value, nodes[0].dtype) * nodes[1] / nodes[2]


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """Return ``x + value * tensor1 * tensor2``."""
    return _addcmul(input, tensor1, tensor2, value)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """Return ``x + value * tensor1 / tensor2``."""
    return _addcdiv(input, tensor1, tensor2, value)


FUNCTIONS: dict[str, Function] = {
    "isclose": isclose, "allclose": allclose, "equal": equal, "where": where, "clamp": clamp, "clip": clamp,
    "clamp_min": clamp_min, "clamp_max": clamp_max, "lerp": lerp, "addcmul": addcmul, "addcdiv": addcdiv,
}  # fmt: skip
