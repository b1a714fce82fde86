"""torch's elementwise functions of two arguments: arithmetic, powers, comparisons, logic."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import bool_, int64
from symgrad.eager.faces import apply_primitive
from symgrad.eager.operation import operation
from symgrad.eager.torch_elementwise import FUNCTIONS as UNARY
from symgrad.eager.torch_powers import float_power, pow
from symgrad.eager.torch_rules import (
    DTYPE_NAMES,
    Operand,
    broadcast,
    common,
    known_values,
    number_node,
    refuse_dtype,
    truth_of,
    zero_like,
)
from symgrad.errors import at_user_line
from symgrad.ir.expr import Node, like, ops
from symgrad.ir.kinds import Rule

__all__ = ["FUNCTIONS", "OPERATORS", "SPECIAL", "pair"]

Function = Callable[..., Any]

_LN2 = math.log(2.0)


def pair(a: Operand, b: Operand, floats: bool = False) -> tuple[Node, Node]:
    """Return two operands in their common element type, their shapes checked."""
    x, y = common(a, b, floats=floats)
    if x.shape != y.shape:
        broadcast(x, y)
    return x, y


def _binary(name: str, grad_fn: str, combine: Rule, floats: bool = False) -> Function:
    """Return the operation of two operands in their common element type."""

    def formula(a: Operand, b: Operand) -> Node:
        result: Node = combine(*pair(a, b, floats))
        return result

    formula.__name__ = formula.__qualname__ = name
    formula.__doc__ = f"Return {name} of each pair of elements."
    made: Function = operation(grad_fn)(formula)
    return made


def _primitive(name: str) -> Rule:
    return lambda x, y: apply_primitive(name, x, y)


def _of_numbers(name: str) -> Rule:
    """Return a quotient or remainder, which bools do not have."""

    def combine(x: Node, y: Node) -> Node:
        if x.dtype is bool_:
            refuse_dtype(f"\"{name}\" not implemented for 'Bool'")
        return apply_primitive(name, x, y)

    return combine


# sums, products, quotients


def _refuse_bools(*operands: Operand) -> None:
    """Raise DTypeError for a difference of bools, Python's True and False among them."""
    bools = [(x if isinstance(x, Node) else x.node).dtype is bool_ for x in operands]
    if all(bools):
        refuse_dtype(
            "Subtraction, the `-` operator, with two bool tensors is not supported. "
            "Use the `^` or `logical_xor()` operator instead."
        )
    if any(bools):
        refuse_dtype(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, "
            "use the `~` or `logical_not()` operator instead."
        )


def _difference(name: str, grad_fn: str, reflected: bool) -> Function:
    def formula(a: Operand, b: Operand) -> Node:
        _refuse_bools(a, b)
        x, y = pair(a, b)
        return y - x if reflected else x - y

    formula.__name__ = formula.__qualname__ = name
    formula.__doc__ = f"Return {name} of each pair of elements."
    made: Function = operation(grad_fn)(formula)
    return made


def _truncated(x: Node, y: Node) -> Node:
    if x.dtype.is_floating:
        return ops.trunc(x / y)
    sign = ops.sign(x) * ops.sign(y)
    return sign * ops.floor_divide(ops.abs(x), ops.abs(y))


_add = _binary("add", "AddBackward0", _primitive("add"))
_sub = _difference("sub", "SubBackward0", reflected=False)
_rsub = _difference("rsub", "RsubBackward0", reflected=True)
_rsub_number = _difference("rsub", "RsubBackward1", reflected=True)
mul = _binary("mul", "MulBackward0", _primitive("mul"))
_div = _binary("div", "DivBackward0", _primitive("div"), floats=True)
_div_trunc = _binary("div", "DivBackward2", _truncated)
_div_floor = _binary("div", "DivBackward2", _of_numbers("floor_divide"))
_floor_divide = _binary("floor_divide", "NotImplemented", _of_numbers("floor_divide"))


def _check_divisor(x: Any, y: Any) -> None:
    """Raise for integers divided by 0, where the divisor's values are known."""
    if isinstance(y, float) or getattr(y, "dtype", int64).is_floating or getattr(x, "dtype", int64).is_floating:
        return
    values = known_values(y)
    if values is not None and not np.all(values):
        raise RuntimeError(at_user_line("ZeroDivisionError"))


def floor_divide(input: Any, other: Any) -> Any:
    """Return the quotient rounded down; it has no derivative."""
    _check_divisor(input, other)
    return _floor_divide(input, other)


@operation("AddBackward0")
def _add_scaled(a: Operand, b: Operand, alpha: Operand) -> Node:
    x, y = pair(a, b)
    return x + y * number_node(alpha, x.dtype)


@operation("SubBackward0")
def _sub_scaled(a: Operand, b: Operand, alpha: Operand) -> Node:
    _refuse_bools(a, b)
    x, y = pair(a, b)
    return x - y * number_node(alpha, x.dtype)


def _is_one(value: Any) -> bool:
    return type(value) is int and value == 1


def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """Return ``x + alpha * y``."""
    return _add(input, other) if _is_one(alpha) else _add_scaled(input, other, alpha)


def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """Return ``x - alpha * y``."""
    return _sub(input, other) if _is_one(alpha) else _sub_scaled(input, other, alpha)


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """Return ``y - alpha * x``."""
    if not _is_one(alpha):
        return _sub_scaled(other, input, alpha)
    return _rsub_number(input, other) if isinstance(other, (int, float)) else _rsub(input, other)


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """Return ``x / y``, or the quotient rounded towards 0 ("trunc") or down ("floor")."""
    if rounding_mode is None:
        return _div(input, other)
    if rounding_mode not in ("trunc", "floor"):
        expected = "div expected rounding_mode to be one of None, 'trunc', or 'floor'"
        raise RuntimeError(at_user_line(f"{expected} but found '{rounding_mode}'"))
    return _div_trunc(input, other) if rounding_mode == "trunc" else _div_floor(input, other)


def _reflected_div(x: Any, y: Any) -> Any:
    return mul(UNARY["reciprocal"](x), y)  # as torch computes number / tensor


def _counted(name: str) -> tuple[Function, Function]:
    """Return a remainder's forms by a number and by a tensor, which differ in their grad_fn's name."""
    one, other = (_binary(name, f"{name.title()}Backward{k}", _of_numbers(name)) for k in (0, 1))
    return one, other


_remainders = _counted("remainder")
_fmods = _counted("fmod")


def remainder(input: Any, other: Any) -> Any:
    """Return the remainder with the sign of ``y``, as Python's %."""
    _check_divisor(input, other)
    return _remainders[not isinstance(other, (int, float))](input, other)


def fmod(input: Any, other: Any) -> Any:
    """Return the remainder with the sign of ``input``."""
    _check_divisor(input, other)
    return _fmods[not isinstance(other, (int, float))](input, other)


# extrema and other pairs


def _either_number(name: str) -> Rule:
    """Return fmax or fmin: of two elements of which one is nan, the other."""

    def combine(x: Node, y: Node) -> Node:
        if not x.dtype.is_floating:
            return apply_primitive(name, x, y)
        first = ops.logical_or(ops.ge(x, y) if name == "maximum" else ops.le(x, y), ops.isnan(y))
        return ops.where(first, x, y)

    return combine


def _copysign(x: Node, y: Node) -> Node:
    zero = zero_like(y)
    negative = ops.logical_or(y < 0.0, ops.logical_and(ops.eq(y, zero), 1.0 / y < 0.0))
    size = ops.where(ops.eq(x, zero), zero, ops.abs(x))
    return ops.where(negative, -size, size)


def _heaviside(x: Node, y: Node) -> Node:
    zero = zero_like(x)
    above = ops.where(x < 0, zero, like(1, x))
    return ops.stop_gradient(ops.where(ops.eq(x, zero), y, above))


def _xlogy(x: Node, y: Node) -> Node:
    zero = zero_like(x)
    vanishes = ops.logical_and(ops.eq(x, zero), ops.le(y, zero))
    return ops.where(vanishes, zero, ops.xlogy(x, y))


def _xlog1py(x: Node, y: Node) -> Node:
    zero = zero_like(x)
    unbounded = ops.logical_or(ops.le(y, like(-1.0, y)), ops.eq(y, like(math.inf, y)))
    return ops.where(ops.logical_and(ops.eq(x, zero), unbounded), zero, x * ops.log1p(y))


_copysigns = [_binary("copysign", f"CopysignBackward{k}", _copysign, floats=True) for k in (1, 0)]
_xlogys = [_binary("xlogy", f"XlogyBackward{k}", _xlogy, floats=True) for k in (2, 0, 1)]


def copysign(input: Any, other: Any) -> Any:
    """Return |x| with the sign of ``y``."""
    return _copysigns[not isinstance(other, (int, float))](input, other)


def xlogy(input: Any, other: Any) -> Any:
    """Return x log(y), 0 where x is 0 unless y is nan."""
    return _xlogys[0 if isinstance(other, (int, float)) else 2 if isinstance(input, (int, float)) else 1](input, other)


_PAIRS: dict[str, tuple[str, Rule, bool]] = {
    "maximum": ("Maximum", _primitive("maximum"), False),
    "minimum": ("Minimum", _primitive("minimum"), False),
    "fmax": ("Fmax", _either_number("maximum"), False),
    "fmin": ("Fmin", _either_number("minimum"), False),
    "atan2": ("Atan2", ops.atan2, True),
    "hypot": ("Hypot", ops.hypot, True),
    "logaddexp": ("Logaddexp", ops.logaddexp, True),
    "logaddexp2": ("Logaddexp2", lambda x, y: ops.logaddexp(x * _LN2, y * _LN2) / _LN2, True),
    "ldexp": ("Ldexp", lambda x, y: x * ops.exp2(y), True),
    "heaviside": ("NotImplemented", _heaviside, False),
    "xlog1py": ("SpecialXlog1Py", _xlog1py, True),
}


# comparisons, logic, bits


def _compare(name: str) -> Function:
    return _binary(name, "NotDifferentiable", getattr(ops, name))


def _logical(name: str) -> Function:
    def formula(a: Operand, b: Operand) -> Node:
        x, y = truth_of(a), truth_of(b)
        broadcast(x, y)
        result: Node = getattr(ops, name)(x, y)
        return result

    formula.__name__ = name
    formula.__doc__ = f"Return {name} of each pair of elements, which differ from 0 or not."
    made: Function = operation("NotDifferentiable")(formula)
    return made


_SHIFTS = {"left_shift": "lshift", "right_shift": "rshift"}  # as torch's messages call them


def _bitwise(name: str, logical: str) -> Function:
    def formula(a: Operand, b: Operand) -> Node:
        x, y = pair(a, b)
        if x.dtype.is_floating:
            kernel = _SHIFTS.get(name, name)
            refuse_dtype(f"\"{kernel}_cpu\" not implemented for '{DTYPE_NAMES[x.dtype]}'")
        result: Node = getattr(ops, logical if x.dtype is bool_ and logical else name)(x, y)
        return result

    formula.__name__ = name
    formula.__doc__ = f"Return {name} of each pair of elements; of bools the logical function."
    made: Function = operation("NotDifferentiable")(formula)
    return made


@operation("NotDifferentiable")
def bitwise_not(x: Operand) -> Node:
    """Return the bits turned over; of bools, the other value."""
    (node,) = common(x)
    if node.dtype.is_floating:
        refuse_dtype(f"\"bitwise_not_cpu\" not implemented for '{DTYPE_NAMES[node.dtype]}'")
    return ops.logical_not(node) if node.dtype is bool_ else ops.bitwise_not(node)


# the tables

_COMPARISONS = {"eq": "eq", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}

FUNCTIONS: dict[str, Function] = {
    "add": add, "sub": sub, "subtract": sub, "rsub": rsub, "mul": mul, "multiply": mul, "div": div, "divide": div,
    "true_divide": _div, "floor_divide": floor_divide, "remainder": remainder, "fmod": fmod, "pow": pow,
    "float_power": float_power, "copysign": copysign, "xlogy": xlogy, "bitwise_not": bitwise_not,
}  # fmt: skip
for _name, (_grad_fn, _rule, _floats) in _PAIRS.items():
    _ending = "" if _grad_fn == "NotImplemented" else "Backward0"
    FUNCTIONS[_name] = _binary(_name, _grad_fn + _ending, _rule, _floats)
for _name, _alias in _COMPARISONS.items():
    FUNCTIONS[_name] = FUNCTIONS[_alias] = _compare(_name)
for _name in ("logical_and", "logical_or", "logical_xor"):
    FUNCTIONS[_name] = _logical(_name)
for _name in ("and", "or", "xor"):
    FUNCTIONS[f"bitwise_{_name}"] = _bitwise(f"bitwise_{_name}", f"logical_{_name}")
for _name in ("left_shift", "right_shift"):
    FUNCTIONS[f"bitwise_{_name}"] = _bitwise(_name, "")
FUNCTIONS["arctan2"] = FUNCTIONS["atan2"]
SPECIAL: dict[str, Function] = {"xlogy": xlogy, "xlog1py": FUNCTIONS.pop("xlog1py")}

# Python's operators: the function for x op y, and for y op x
OPERATORS: dict[str, tuple[Function, Function]] = {
    "add": (_add, _add),
    "sub": (_sub, rsub),
    "mul": (mul, mul),
    "truediv": (_div, _reflected_div),
    "floordiv": (floor_divide, lambda x, y: floor_divide(y, x)),
    "mod": (remainder, lambda x, y: _remainders[1](y, x)),
    "pow": (pow, lambda x, y: pow(y, x)),
    **{k: (FUNCTIONS[f"bitwise_{k}"], lambda x, y, k=k: FUNCTIONS[f"bitwise_{k}"](y, x)) for k in ("and", "or", "xor")},
    "lshift": (FUNCTIONS["bitwise_left_shift"], lambda x, y: FUNCTIONS["bitwise_left_shift"](y, x)),
    "rshift": (FUNCTIONS["bitwise_right_shift"], lambda x, y: FUNCTIONS["bitwise_right_shift"](y, x)),
}
