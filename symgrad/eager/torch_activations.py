"""torch's activations, softmax and its kin, as torch.nn.functional has them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from symgrad.dtypes import DType, as_dtype
from symgrad.eager.operation import Operation, operation
from symgrad.eager.quick import unary_method
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_elementwise import FUNCTIONS as UNARY
from symgrad.eager.torch_rules import (
    DTYPE_NAMES,
    Operand,
    axis_of,
    refuse,
    refuse_dtype,
    zero_like,
)
from symgrad.errors import at_user_line
from symgrad.ir.expr import Node, Range, like, ops

__all__ = ["FUNCTIONS", "NN", "log_softmax_node"]

Function = Callable[..., Any]


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def _float(name: str, x: Operand) -> Node:
    node = _node(x)
    if not node.dtype.is_floating:
        refuse_dtype(f"\"{name}\" not implemented for '{DTYPE_NAMES[node.dtype]}'")
    return node


# activations: each a formula of a floating node and numbers that are part of the operation


def _relu(x: Node) -> Node:
    return ops.where(x <= 0, zero_like(x), x)


def _leaky_relu(x: Node, *, negative_slope: float) -> Node:
    return ops.where(x > 0.0, x, x * negative_slope)


def _elu(x: Node, *, alpha: float, scale: float, input_scale: float) -> Node:
    below = ops.expm1(x * input_scale) * (alpha * scale)
    return ops.where(x > 0.0, x * scale if scale != 1.0 else x, below)


def _celu(x: Node, *, alpha: float) -> Node:
    return ops.where(x > 0.0, x, ops.expm1(x / alpha) * alpha)


def _gelu(x: Node) -> Node:
    return x * 0.5 * (ops.erf(x * math.sqrt(0.5)) + 1.0)


def _gelu_tanh(x: Node) -> Node:
    inner = (x + x * x * x * 0.044715) * math.sqrt(2.0 / math.pi)
    return x * 0.5 * (ops.tanh(inner) + 1.0)


def _hardtanh(x: Node, *, low: float, high: float) -> Node:
    if not x.dtype.is_floating:
        limited: Node = ops.clip(x, like(int(low), x), like(int(high), x))
        return limited
    inside = ops.logical_and(x > low, x < high)
    edge = ops.stop_gradient(ops.clip(x, like(low, x), like(high, x)))
    return ops.where(inside, x, edge)


def _hardsigmoid(x: Node) -> Node:
    inside = ops.logical_and(x > -3.0, x < 3.0)
    edge = ops.stop_gradient(ops.clip(x + 3.0, like(0.0, x), like(6.0, x)) / 6.0)
    return ops.where(inside, (x + 3.0) / 6.0, edge)


def _hardswish(x: Node) -> Node:
    middle = x * (x + 3.0) / 6.0
    return ops.where(x <= -3.0, zero_like(x), ops.where(x >= 3.0, x, middle))


def _softplus(x: Node, *, beta: float, threshold: float) -> Node:
    scaled = x * beta
    return ops.where(scaled > threshold, x, ops.softplus(scaled) / beta)


def _softshrink(x: Node, *, lambd: float) -> Node:
    return ops.where(x > lambd, x - lambd, ops.where(x < -lambd, x + lambd, zero_like(x)))


def _hardshrink(x: Node, *, lambd: float) -> Node:
    return ops.where(ops.logical_and(x >= -lambd, x <= lambd), zero_like(x), x)


def _threshold(x: Node, *, threshold: float, value: float) -> Node:
    return ops.where(x <= threshold, like(value, x), x)


def _made(name: str, grad_fn: str, formula: Callable[..., Node], whole: bool = False) -> Operation:
    def checked(x: Operand, **options: Any) -> Node:
        return formula(_node(x) if whole else _float(name, x), **options)

    checked.__name__ = checked.__qualname__ = name
    checked.__doc__ = f"Return {name} of each element."
    return operation(f"{grad_fn}Backward0")(checked)


_OPS = {
    name: _made(name, grad_fn, formula, whole=name == "hardtanh")
    for name, grad_fn, formula in (
        ("leaky_relu", "LeakyRelu", _leaky_relu), ("elu", "Elu", _elu), ("celu", "Celu", _celu), ("gelu", "Gelu", _gelu),
        ("gelu_tanh", "Gelu", _gelu_tanh), ("silu", "Silu", lambda x: x * ops.sigmoid(x)),
        ("mish", "Mish", lambda x: x * ops.tanh(ops.softplus(x))), ("hardtanh", "Hardtanh", _hardtanh),
        ("hardsigmoid", "Hardsigmoid", _hardsigmoid), ("hardswish", "Hardswish", _hardswish),
        ("softplus", "Softplus", _softplus), ("softshrink", "Softshrink", _softshrink), ("hardshrink", "Hardshrink", _hardshrink),
        ("threshold", "Threshold", _threshold), ("softsign", "Div", lambda x: x / (ops.abs(x) + 1.0)),
        ("tanhshrink", "Sub", lambda x: x - ops.tanh(x)), ("logsigmoid", "LogSigmoid", lambda x: -ops.softplus(-x)),
    )
}  # fmt: skip
_relu_op = _made("relu", "Relu", _relu, whole=True)
_relu_of_tensor = unary_method(_relu_op)


def relu(input: Any, inplace: bool = False) -> Any:
    """Return max(x, 0); the derivative at 0 is 0."""
    return _relu_of_tensor(input) if type(input) is Tensor else _relu_op(input)


def relu6(input: Any, inplace: bool = False) -> Any:
    """Return x limited to [0, 6]."""
    return hardtanh(input, 0.0, 6.0)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """Return x where it is above 0, else ``negative_slope * x``."""
    return _OPS["leaky_relu"](input, negative_slope=float(negative_slope))


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """Return x where it is above 0, else ``alpha (exp(x) - 1)``."""
    return _OPS["elu"](input, alpha=float(alpha), scale=1.0, input_scale=1.0)


def selu(input: Any, inplace: bool = False) -> Any:
    """Return the self-normalising exponential unit (Klambauer et al. 2017)."""
    return _OPS["elu"](input, alpha=1.6732632423543772848170429916717, scale=1.0507009873554804934193349852946, input_scale=1.0)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """Return x where it is above 0, else ``alpha (exp(x / alpha) - 1)``."""
    return _OPS["celu"](input, alpha=float(alpha))


def gelu(input: Any, *, approximate: str = "none") -> Any:
    """Return x times the normal distribution's function of x, or its approximation by tanh."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError(at_user_line("approximate argument must be either none or tanh."))
    return _OPS["gelu" if approximate == "none" else "gelu_tanh"](input)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """Return x limited to [min_val, max_val]; the derivative at the bounds is 0."""
    return _OPS["hardtanh"](input, low=float(min_val), high=float(max_val))


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """Return log(1 + exp(beta x)) / beta, x itself above the threshold."""
    return _OPS["softplus"](input, beta=float(beta), threshold=float(threshold))


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """Return x moved ``lambd`` towards 0."""
    return _OPS["softshrink"](input, lambd=float(lambd))


def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """Return x, 0 in [-lambd, lambd]."""
    return _OPS["hardshrink"](input, lambd=float(lambd))


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """Return x where it is above the threshold, else ``value``."""
    return _OPS["threshold"](input, threshold=float(threshold), value=float(value))


def _simple(name: str, doc: str) -> Function:
    made = _OPS[name]

    def function(input: Any, inplace: bool = False) -> Any:
        return made(input)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


@operation("PreluKernelBackward0")
def _prelu(x: Operand, weight: Operand) -> Node:
    node, slope = _node(x), _node(weight)
    if slope.ndim and slope.shape[0] != 1 and node.ndim > 1:
        slope = ops.reshape(slope, shape=(slope.shape[0], *(1,) * (node.ndim - 2)))
    return ops.where(node > 0.0, node, slope * node)


def prelu(input: Any, weight: Any) -> Any:
    """Return x where it is above 0, else ``weight * x``, a weight for all or for each channel."""
    return _prelu(input, weight)


@operation("GluBackward0")
def _glu(x: Operand, *, dim: int) -> Node:
    node = _float("glu", x)
    axis = axis_of(dim, node.ndim)
    size: Any = node.shape[axis]
    if size % 2:
        refuse(f"Halving dimension must be even, but dimension {axis} is size {size}")
    whole = tuple(Range(0, s) for s in node.shape)
    parts = [Range(k * size // 2, size // 2) for k in (0, 1)]
    value, gate = (ops.slice(node, ranges=(*whole[:axis], part, *whole[axis + 1 :])) for part in parts)
    return value * ops.sigmoid(gate)


def glu(input: Any, dim: int = -1) -> Any:
    """Return the first half along an axis times the sigmoid of the second."""
    return _glu(input, dim=dim)


# softmax


def _shift(node: Node, axis: int) -> Node:
    """Return the values less their greatest, which no derivative sees."""
    top = ops.stop_gradient(ops.max(node, axes=(axis,)))
    return node - ops.expand_dims(top, axes=(axis,))


def softmax_node(node: Node, axis: int) -> Node:
    """Return exponentials divided by their sum along an axis."""
    grown = ops.exp(_shift(node, axis))
    return grown / ops.expand_dims(ops.sum(grown, axes=(axis,)), axes=(axis,))


def log_softmax_node(node: Node, axis: int) -> Node:
    """Return the logarithms of softmax along an axis."""
    moved = _shift(node, axis)
    total = ops.sum(ops.exp(moved), axes=(axis,))
    return moved - ops.expand_dims(ops.log(total), axes=(axis,))


def _over_axis(name: str, grad_fn: str, formula: Callable[[Node, int], Node]) -> Function:
    @operation(f"{grad_fn}Backward0")
    def made(x: Operand, *, dim: int, dtype: DType | None) -> Node:
        node = _node(x)
        node = node if dtype is None or node.dtype is dtype else ops.cast(node, dtype=dtype)
        if not node.dtype.is_floating:
            refuse_dtype(f"\"{name}_lastdim_kernel_impl\" not implemented for '{DTYPE_NAMES[node.dtype]}'")
        axis = axis_of(dim, node.ndim)
        row = node if node.ndim else ops.reshape(node, shape=(1,))
        result = row if row.type.size == 0 else formula(row, axis)
        return result if node.ndim else ops.reshape(result, shape=())

    def function(input: Any, dim: int, dtype: Any = None) -> Any:
        return made(input, dim=dim, dtype=None if dtype is None else as_dtype(dtype))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return {name} along an axis."
    made.__name__ = name
    return function


def _along_any(function: Function) -> Function:
    """Return the form of nn.functional, which chooses an axis where none is given, and warns of it."""
    name = function.__name__

    def chosen(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
        if dim is None:
            text = f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument."
            warnings.warn(text, UserWarning, stacklevel=_stacklevel)
            dim = 0 if input.ndim in (0, 1, 3) else 1
        return function(input, dim, dtype)

    chosen.__name__ = chosen.__qualname__ = name
    chosen.__doc__ = f"Return {name} along an axis; without one along the first or second, with a warning."
    return chosen


softmax = _over_axis("softmax", "Softmax", softmax_node)
_softmin = _over_axis("softmin", "Softmax", lambda node, axis: softmax_node(-node, axis))
log_softmax = _over_axis("log_softmax", "LogSoftmax", log_softmax_node)


FUNCTIONS: dict[str, Function] = {
    "relu": relu, "softmax": softmax, "log_softmax": log_softmax, "hardshrink": hardshrink, "prelu": prelu, "celu": celu,
    "selu": selu, "threshold": threshold,
}  # fmt: skip
NN: dict[str, Function] = {
    **FUNCTIONS, "relu6": relu6, "leaky_relu": leaky_relu, "elu": elu, "gelu": gelu, "hardtanh": hardtanh, "softplus": softplus,
    "softshrink": softshrink, "glu": glu, "softmin": _along_any(_softmin),
    "softmax": _along_any(softmax), "log_softmax": _along_any(log_softmax),
    "sigmoid": UNARY["sigmoid"], "tanh": UNARY["tanh"],
    "silu": _simple("silu", "Return x sigmoid(x)."), "mish": _simple("mish", "Return x tanh(softplus(x))."),
    "hardsigmoid": _simple("hardsigmoid", "Return (x + 3) / 6 limited to [0, 1]."),
    "hardswish": _simple("hardswish", "Return x times hardsigmoid(x)."),
    "softsign": _simple("softsign", "Return x / (1 + |x|)."), "tanhshrink": _simple("tanhshrink", "Return x - tanh(x)."),
    "logsigmoid": _simple("logsigmoid", "Return log(sigmoid(x))."),
}  # fmt: skip
