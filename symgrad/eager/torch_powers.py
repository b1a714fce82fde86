"""torch's powers: by products for integers, by the library's pow for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symgrad.dtypes import bool_, float64, int64
from symgrad.eager.operation import operation
from symgrad.eager.torch_rules import (
    Operand,
    broadcast,
    common,
    refuse_dtype,
)
from symgrad.errors import DTypeError, at_user_line
from symgrad.ir.expr import Node, like, ops

__all__ = ["POWER", "float_power", "pow"]


def _power(name: str, grad_fn: str) -> Callable[..., Any]:
    def formula(a: Operand, b: Operand) -> Node:
        x, y = common(a, b)
        broadcast(x, y)
        return _general_pow(x, y)

    formula.__name__ = formula.__qualname__ = name
    return operation(grad_fn)(formula)


@operation("PowBackward0")
def _pow_integer(x: Operand, *, exponent: int, fractional: bool) -> Node:
    (node,) = common(x)
    if fractional and not node.dtype.is_floating:
        (node,) = common(x, floats=True)
    if node.dtype is bool_:
        node = ops.cast(node, dtype=int64)
    if exponent < 0 and not node.dtype.is_floating:
        raise DTypeError(at_user_line("Integers to negative integer powers are not allowed."))
    return ops.integer_pow(node, exponent=exponent)


@operation("PowBackward0")
def _pow_truth(x: Operand, *, exponent: bool) -> Node:
    (node,) = common(x)
    if node.dtype is bool_:
        return node if exponent else ops.logical_or(node, ops.logical_not(node))
    return ops.integer_pow(node, exponent=int(exponent))


@operation("PowBackward0")
def _pow_half(x: Operand) -> Node:
    (node,) = common(x, floats=True)
    return ops.sqrt(node)


def _general_pow(x: Node, y: Node) -> Node:
    return ops.pow(x, y) if x.dtype.is_floating else _whole_pow(x, y)


def _whole_pow(x: Node, y: Node) -> Node:
    """Return integers to integer powers by squaring; a negative power is 1 / x**|y|, rounded towards 0."""
    if x.dtype is bool_:
        refuse_dtype("\"pow\" not implemented for 'Bool'")
    size, rest = ops.abs(y), x
    result = ops.broadcast_to(like(1, x), shape=broadcast(x, y)) if broadcast(x, y) else like(1, x)
    for _ in range(63):
        odd = ops.ne(ops.remainder(size, like(2, size)), like(0, size))
        result = ops.where(odd, result * rest, result)
        size, rest = ops.floor_divide(size, like(2, size)), rest * rest
    inverse = ops.where(ops.eq(ops.abs(result), like(1, result)), result, like(0, result))
    return ops.where(y < 0, inverse, result)


_pow_number = _power("pow", "PowBackward0")
_pow_tensor = _power("pow", "PowBackward1")
_pow_of_number = _power("pow", "PowBackward2")


POWER = _pow_integer


def pow(input: Any, exponent: Any) -> Any:
    """Return ``x ** exponent``; an integer Python exponent gives products, and 0 as derivative where it is 0."""
    if isinstance(exponent, (int, float)):
        if isinstance(exponent, bool):
            return _pow_truth(input, exponent=exponent)
        if isinstance(exponent, int):
            return _pow_integer(input, exponent=int(exponent), fractional=False)
        if exponent.is_integer() and abs(exponent) <= 64:
            return _pow_integer(input, exponent=int(exponent), fractional=True)
        return _pow_half(input) if exponent == 0.5 else _pow_number(input, exponent)
    return _pow_of_number(input, exponent) if isinstance(input, (int, float)) else _pow_tensor(input, exponent)


def float_power(input: Any, exponent: Any) -> Any:
    """Return ``x ** exponent`` in float64."""
    base, power = (v if isinstance(v, (int, float)) else v.to(float64) for v in (input, exponent))
    return pow(base, float(power) if isinstance(power, int) else power)
