"""The operations that Python's operators and the tape itself need."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.dtypes import DType, bool_, float32, int64, result_dtype
from symgrad.eager.faces import Weak, apply_primitive, as_float, lift
from symgrad.eager.operation import operation
from symgrad.errors import DTypeError, at_user_line
from symgrad.ir.expr import Node, constant, ops

__all__ = ["add", "cast", "clone", "div", "fill", "integer_power", "mul", "neg", "power", "sub"]

Operand = Node | Weak


@operation("AddBackward0")
def add(a: Operand, b: Operand) -> Node:
    """Return a + b; of bools, or."""
    return apply_primitive("add", *lift((a, b), float32))


@operation("SubBackward0")
def sub(a: Operand, b: Operand) -> Node:
    """Return a - b."""
    nodes = lift((a, b), float32)
    if nodes[0].dtype is bool_:
        message = "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use"
        raise DTypeError(at_user_line(f"{message} the `~` or `logical_not()` operator instead."))
    return apply_primitive("sub", *nodes)


@operation("MulBackward0")
def mul(a: Operand, b: Operand) -> Node:
    """Return a * b; of bools, and."""
    return apply_primitive("mul", *lift((a, b), float32))


@operation("DivBackward0")
def div(a: Operand, b: Operand) -> Node:
    """Return a / b, floating for integers."""
    return apply_primitive("div", *lift((a, b), float32, floating=True))


@operation("NegBackward0")
def neg(a: Node) -> Node:
    """Return -a."""
    if a.dtype is bool_:
        raise DTypeError(at_user_line("Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
                                      "invert a mask, use the `~` or `logical_not()` operator instead."))  # fmt: skip
    return ops.neg(a)


@operation("PowBackward0")
def integer_power(a: Node, *, exponent: int) -> Node:
    """Return a to an integer power, by products."""
    if not a.dtype.is_floating and exponent < 0:
        raise RuntimeError(at_user_line("Integers to negative integer powers are not allowed."))
    if a.dtype is bool_:
        a = ops.cast(a, dtype=int64)
    return ops.integer_pow(a, exponent=exponent)


@operation("PowBackward0")
def power(a: Operand, b: Operand) -> Node:
    """Return a to the power b."""
    nodes = lift((a, b), float32)
    return ops.pow(*nodes)


@operation("CloneBackward0")
def clone(a: Node) -> Node:
    """Return a copy."""
    return a


@operation("ToCopyBackward0")
def cast(a: Node, *, dtype: DType) -> Node:
    """Return the values in another element type."""
    if a.dtype is dtype:
        return a
    return ops.ne(a, constant(0, a.dtype)) if dtype is bool_ else ops.cast(a, dtype=dtype)


@operation("FillBackward0")
def fill(a: Node, value: Operand) -> Node:
    """Return ``value`` everywhere; no derivative passes to what was there, but its place on the tape is kept."""
    node = value.node if isinstance(value, Weak) else value
    node = node if node.dtype is a.dtype else ops.cast(node, dtype=a.dtype)
    return ops.where(constant(False, bool_), a, node)


def common_dtype(values: Any) -> DType:
    """Return the element type of several Tensors and numbers together."""
    with_axes = [v.dtype for v in values if hasattr(v, "dtype") and v.ndim]
    without = [v.dtype for v in values if hasattr(v, "dtype") and not v.ndim]
    numbers = [type(v) for v in values if isinstance(v, (bool, int, float)) and not isinstance(v, np.generic)]
    return result_dtype(with_axes, without, numbers, float32)


__all__ += ["as_float", "common_dtype"]
