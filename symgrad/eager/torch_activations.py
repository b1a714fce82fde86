"""torch's activations, softmax and its kin, normalisations and linear layers, as torch.nn.functional has them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import DType, as_dtype, int64
from symgrad.eager.creation import random_generator
from symgrad.eager.operation import operation
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_elementwise import FUNCTIONS as UNARY
from symgrad.eager.torch_gathering import index_node
from symgrad.eager.torch_joining import pad_node
from symgrad.eager.torch_reductions import vector_norm_node
from symgrad.eager.torch_rules import (
    DTYPE_NAMES,
    Operand,
    as_static,
    axis_of,
    common,
    floating,
    kept,
    known_values,
    number_node,
    refuse,
    refuse_dtype,
    shape_text,
    spread,
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


def _made(name: str, grad_fn: str, formula: Callable[..., Node], whole: bool = False) -> Function:
    def checked(x: Operand, **options: Any) -> Node:
        return formula(_node(x) if whole else _float(name, x), **options)

    checked.__name__ = checked.__qualname__ = name
    checked.__doc__ = f"Return {name} of each element."
    made: Function = operation(f"{grad_fn}Backward0")(checked)
    return made


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


def relu(x: Any, inplace: bool = False) -> Any:
    """Return max(x, 0); the derivative at 0 is 0."""
    return _relu_op(x)


def relu6(x: Any, inplace: bool = False) -> Any:
    """Return x limited to [0, 6]."""
    return hardtanh(x, 0.0, 6.0)


def leaky_relu(x: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """Return x where it is above 0, else ``negative_slope * x``."""
    return _OPS["leaky_relu"](x, negative_slope=float(negative_slope))


def elu(x: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """Return x where it is above 0, else ``alpha (exp(x) - 1)``."""
    return _OPS["elu"](x, alpha=float(alpha), scale=1.0, input_scale=1.0)


def selu(x: Any, inplace: bool = False) -> Any:
    """Return the self-normalising exponential unit (Klambauer et al. 2017)."""
    return _OPS["elu"](x, alpha=1.6732632423543772848170429916717, scale=1.0507009873554804934193349852946, input_scale=1.0)


def celu(x: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """Return x where it is above 0, else ``alpha (exp(x / alpha) - 1)``."""
    return _OPS["celu"](x, alpha=float(alpha))


def gelu(x: Any, *, approximate: str = "none") -> Any:
    """Return x times the normal distribution's function of x, or its approximation by tanh."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError(at_user_line("approximate argument must be either none or tanh."))
    return _OPS["gelu" if approximate == "none" else "gelu_tanh"](x)


def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """Return x limited to [min_val, max_val]; the derivative at the bounds is 0."""
    return _OPS["hardtanh"](x, low=float(min_val), high=float(max_val))


def softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """Return log(1 + exp(beta x)) / beta, x itself above the threshold."""
    return _OPS["softplus"](x, beta=float(beta), threshold=float(threshold))


def softshrink(x: Any, lambd: float = 0.5) -> Any:
    """Return x moved ``lambd`` towards 0."""
    return _OPS["softshrink"](x, lambd=float(lambd))


def hardshrink(x: Any, lambd: float = 0.5) -> Any:
    """Return x, 0 in [-lambd, lambd]."""
    return _OPS["hardshrink"](x, lambd=float(lambd))


def threshold(x: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """Return x where it is above the threshold, else ``value``."""
    return _OPS["threshold"](x, threshold=float(threshold), value=float(value))


def _simple(name: str, doc: str) -> Function:
    made = _OPS[name]

    def function(x: Any, inplace: bool = False) -> Any:
        return made(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


@operation("PreluKernelBackward0")
def _prelu(x: Operand, weight: Operand) -> Node:
    node, slope = _node(x), _node(weight)
    if slope.ndim and slope.shape[0] != 1 and node.ndim > 1:
        slope = ops.reshape(slope, shape=(slope.shape[0], *(1,) * (node.ndim - 2)))
    return ops.where(node > 0.0, node, slope * node)


def prelu(x: Any, weight: Any) -> Any:
    """Return x where it is above 0, else ``weight * x``, a weight for all or for each channel."""
    return _prelu(x, weight)


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


def glu(x: Any, dim: int = -1) -> Any:
    """Return the first half along an axis times the sigmoid of the second."""
    return _glu(x, dim=dim)


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

    def function(x: Any, dim: int | None = None, *, dtype: Any = None, axis: int | None = None, _stacklevel: int = 3) -> Any:
        along = dim if axis is None else axis
        if along is None:
            along = 0 if x.ndim in (0, 1, 3) else 1
        return made(x, dim=along, dtype=None if dtype is None else as_dtype(dtype))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return {name} along an axis."
    return function


softmax = _over_axis("softmax", "Softmax", softmax_node)
softmin = _over_axis("softmin", "Softmax", lambda node, axis: softmax_node(-node, axis))
log_softmax = _over_axis("log_softmax", "LogSoftmax", log_softmax_node)


# layers


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """Return ``x @ weight.T + bias``."""
    if bias is None:
        made = _linear_plain if x.ndim == 2 else _linear_of_vector if x.ndim == 1 else _linear_wide
        return made(x, weight)
    return _linear_biased(x, weight, bias) if x.ndim == 2 else _linear_wide_biased(x, weight, bias)


def _linear_formula(x: Operand, weight: Operand, *bias: Operand) -> Node:
    node, w = _node(x), _node(weight)
    if node.dtype is not w.dtype:
        names = [{"float32": "float", "float64": "double"}.get(n.dtype.name, n.dtype.name) for n in (node, w)]
        refuse_dtype(f"mat1 and mat2 must have the same dtype, but got {names[0].title()} and {names[1].title()}")
    if node.shape[-1] != w.shape[-1]:
        rows = int(np.prod(node.shape[:-1], dtype=np.int64)) if node.ndim > 1 else 1  # type: ignore[arg-type]
        across = f"{w.shape[-1]}x{w.shape[0]}" if w.ndim == 2 else f"{w.shape[-1]}x1"
        refuse(f"mat1 and mat2 shapes cannot be multiplied ({rows}x{node.shape[-1]} and {across})")
    labels = tuple(range(node.ndim))
    out = (*labels[:-1], *(node.ndim,) * (w.ndim - 1))
    y_labels = (node.ndim, node.ndim - 1) if w.ndim == 2 else (node.ndim - 1,)
    result = ops.contract(node, w, x_labels=labels, y_labels=y_labels, out_labels=out)
    return result + _node(bias[0]) if bias else result


_linear_plain, _linear_biased, _linear_wide, _linear_wide_biased, _linear_of_vector = (
    operation(f"{name}Backward{k}")(_linear_formula)
    for name, k in (("Mm", 0), ("Addmm", 0), ("UnsafeView", 0), ("View", 0), ("Squeeze", 4))
)


@operation("ViewBackward0")
def _bilinear(x1: Operand, x2: Operand, weight: Operand, *bias: Operand) -> Node:
    a, b, w = (_node(v) for v in (x1, x2, weight))
    lead = "".join(chr(ord("a") + k) for k in range(a.ndim - 1))
    result = ops.einsum(a, w, b, subscripts=f"{lead}x,zxy,{lead}y->{lead}z")
    return result + _node(bias[0]) if bias else result


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """Return ``input1 @ weight[k] @ input2`` for each k."""
    return _bilinear(input1, input2, weight, *(() if bias is None else (bias,)))


def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, mask: Any = None) -> Any:
    """Return x with elements dropped with probability p, the others divided by 1 - p; ``mask`` says which are kept."""
    if not 0 <= p <= 1:
        raise ValueError(at_user_line(f"dropout probability has to be between 0 and 1, but got {p}"))
    if not training or p == 0:
        return x
    if mask is None:
        mask = Tensor.from_array(np.asarray(random_generator(None).random(tuple(x.shape)) >= p))
    return _dropped(x, mask, scale=0.0 if p == 1 else 1.0 / (1.0 - p))


@operation("MulBackward0")
def _dropped(x: Operand, mask: Operand, *, scale: float) -> Node:
    node = _node(x)
    return node * (number_node(mask, node.dtype) * scale)


def embedding(indices: Any, weight: Any, padding_idx: int | None = None, *unused: Any, **ignored: Any) -> Any:
    """Return the rows of ``weight`` at integer indices; the row ``padding_idx`` gets no gradient."""
    values = known_values(indices)
    if values is not None and values.size and (values.min() < 0 or values.max() >= weight.shape[0]):
        raise IndexError(at_user_line("index out of range in self"))
    place = None if padding_idx is None else padding_idx % weight.shape[0]
    return _embedding(weight, indices, padding_idx=place)


@operation("EmbeddingBackward0")
def _embedding(weight: Operand, indices: Operand, *, padding_idx: int | None) -> Node:
    table, places = _node(weight), index_node("embedding", indices)
    rows = ops.gather(table, places, axis=0)
    if padding_idx is None:
        return rows
    padding = ops.expand_dims(ops.eq(places, like(padding_idx, places)), axes=tuple(range(places.ndim, rows.ndim)))
    return ops.where(padding, ops.stop_gradient(rows), rows)


def one_hot(x: Any, num_classes: int = -1) -> Any:
    """Return zeros with a one at each class, in int64, along a new last axis."""
    if not x.dtype.is_integer:
        refuse_dtype("one_hot is only applicable to index tensor of type LongTensor.")
    values = known_values(x)
    if values is not None and values.size and values.min() < 0:
        refuse("Class values must be non-negative.")
    if num_classes == -1:
        num_classes = int(x.numpy_value().max()) + 1
    if values is not None and values.size and values.max() >= num_classes:
        refuse("Class values must be smaller than num_classes.")
    return _one_hot(x, count=int(num_classes))


@operation("NotDifferentiable")
def _one_hot(x: Operand, *, count: int) -> Node:
    node = _node(x)
    classes = ops.iota(size=count, dtype=node.dtype)
    return ops.cast(ops.eq(ops.expand_dims(node, axes=(node.ndim,)), classes), dtype=int64)


# normalisations


@operation("DivBackward0")
def _normalize(x: Operand, *, p: float, dim: Any, eps: float) -> Node:
    node = floating(x)
    axes = tuple(sorted(axis_of(d, node.ndim) for d in ((dim,) if isinstance(dim, int) else dim)))
    size = kept(vector_norm_node(node, p, axes), axes, True)
    return node / ops.clip(size, like(eps, node), like(math.inf, node))


def normalize(x: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    """Return x divided by its norm along an axis, or by ``eps`` where that is greater."""
    return _normalize(x, p=float(p), dim=as_static(dim), eps=float(eps))


def _standardized(node: Node, axes: tuple[int, ...], eps: float) -> Node:
    mean = kept(ops.mean(node, axes=axes), axes, True)
    apart = node - mean
    variance = kept(ops.mean(apart * apart, axes=axes), axes, True)
    return apart * ops.rsqrt(variance + eps)


@operation("NativeLayerNormBackward0")
def _layer_norm(x: Operand, *scale: Operand, rank: int, eps: float, weighted: bool) -> Node:
    node = _node(x)
    result = _standardized(node, tuple(range(node.ndim - rank, node.ndim)), eps)
    given = [_node(s) for s in scale]
    if weighted:
        result = result * given.pop(0)
    return result + given[0] if given else result


def layer_norm(x: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Return the last axes at mean 0 and variance 1, times ``weight`` plus ``bias``."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if tuple(x.shape[x.ndim - len(shape) :]) != shape:
        given = f"Given normalized_shape={shape_text(shape)}, expected input with shape [*, {', '.join(map(str, shape))}]"
        refuse(f"{given}, but got input of size{shape_text(x.shape)}")
    scale = [v for v in (weight, bias) if v is not None]
    return _layer_norm(x, *scale, rank=len(shape), eps=float(eps), weighted=weight is not None)


def _per_channel(node: Node, rank: int) -> Node:
    return ops.reshape(node, shape=(node.shape[0], *(1,) * (rank - 2)))


@operation("NativeBatchNormBackward0")
def _batch_norm(x: Operand, *rest: Operand, eps: float, running: bool, weighted: bool) -> Node:
    node = _node(x)
    given = [_per_channel(_node(r), node.ndim) for r in rest]
    if running:
        mean, variance = given.pop(0), given.pop(0)
        result = (node - mean) * ops.rsqrt(variance + eps)
    else:
        result = _standardized(node, tuple(a for a in range(node.ndim) if a != 1), eps)
    if weighted:
        result = result * given.pop(0)
    return result + given[0] if given else result


def batch_norm(
    x: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Return each channel at mean 0 and variance 1: of the batch in training, else the running ones.

    In training the running mean and variance, where given, are moved towards the batch's.
    """
    scale = [v for v in (weight, bias) if v is not None]
    if not training:
        return _batch_norm(x, running_mean, running_var, *scale, eps=float(eps), running=True, weighted=weight is not None)
    count = int(np.prod(x.shape)) // x.shape[1]
    if count <= 1:
        raise ValueError(at_user_line(f"Expected more than 1 value per channel when training, got input size {x.shape!r}"))
    if running_mean is not None:
        values = x.numpy_value()
        axes = tuple(a for a in range(x.ndim) if a != 1)
        for target, new in ((running_mean, values.mean(axes)), (running_var, values.var(axes, ddof=1))):
            moved = (1 - momentum) * target.numpy_value() + momentum * new
            target.write_in_place(Tensor.from_array(moved.astype(target.dtype.numpy))._value, None)
    return _batch_norm(x, *scale, eps=float(eps), running=False, weighted=weight is not None)


def _pad_formula(x: Operand, *, widths: Any, mode: str, value: float) -> Node:
    return pad_node(_node(x), widths, mode, value)


_pads = {
    ("constant", 0): operation("ConstantPadNdBackward0")(_pad_formula),
    ("circular", 0): operation("torch::autograd::CopySlices")(_pad_formula),
    **{("reflect", n): operation(f"ReflectionPad{n}DBackward0")(_pad_formula) for n in (1, 2, 3)},
    **{("replicate", n): operation(f"ReplicationPad{n}DBackward0")(_pad_formula) for n in (1, 2, 3)},
}


def pad(x: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """Return x with borders; widths before and after the last axis first."""
    given = tuple(int(w) for w in pad)
    if len(given) % 2:
        refuse("Padding length must be divisible by 2")
    if len(given) > 2 * x.ndim:
        refuse(f"Padding length should be less than or equal to two times the input dimension but got padding length "
               f"{len(given)} and input of dimension {x.ndim}")  # fmt: skip
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise NotImplementedError(at_user_line(f"Unrecognised padding mode {mode}"))
    pairs = [(given[k], given[k + 1]) for k in range(0, len(given), 2)]
    widths = ((0, 0),) * (x.ndim - len(pairs)) + tuple(reversed(pairs))
    number: float = 0 if value is None else value
    made = _pads.get((mode, min(max(len(pairs), 1), 3)), _pads["circular" if mode == "circular" else "constant", 0])
    return made(x, widths=widths, mode=mode, value=float(number) if x.dtype.is_floating else int(number))


@operation("SumBackward1")
def _cosine_similarity(a: Operand, b: Operand, *, dim: int, eps: float) -> Node:
    x, y = common(a, b, floats=True)
    shape = np.broadcast_shapes(x.shape, y.shape)  # type: ignore[arg-type]  # sizes of Tensors are ints
    x, y = spread(x, shape), spread(y, shape)
    axis = axis_of(dim, x.ndim)
    scaled = []
    for node in (x, y):
        size = kept(vector_norm_node(node, 2.0, (axis,)), (axis,), True)
        # as torch has it: the norm's gradient counts even where eps is greater
        scaled.append(node / (size + ops.stop_gradient(ops.maximum(size, like(eps, size)) - size)))
    return ops.sum(scaled[0] * scaled[1], axes=(axis,))


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """Return the cosine of the angle between vectors along an axis."""
    return _cosine_similarity(x1, x2, dim=dim, eps=float(eps))


@operation("NormBackward1")
def _pairwise_distance(a: Operand, b: Operand, *, p: float, eps: float, keepdim: bool) -> Node:
    x, y = common(a, b, floats=True)
    apart = x - y + eps
    axes = (apart.ndim - 1,)
    return kept(vector_norm_node(apart, p, axes), axes, keepdim)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """Return the norm of ``x1 - x2 + eps`` along the last axis."""
    return _pairwise_distance(x1, x2, p=float(p), eps=float(eps), keepdim=bool(keepdim))


FUNCTIONS: dict[str, Function] = {
    "relu": relu, "softmax": softmax, "log_softmax": log_softmax, "hardshrink": hardshrink, "prelu": prelu,
    "cosine_similarity": cosine_similarity, "pairwise_distance": pairwise_distance, "embedding": embedding, "dropout": dropout,
    "layer_norm": layer_norm, "celu": celu, "selu": selu, "threshold": threshold, "bilinear": bilinear,
}  # fmt: skip
NN: dict[str, Function] = {
    **FUNCTIONS, "relu6": relu6, "leaky_relu": leaky_relu, "elu": elu, "gelu": gelu, "hardtanh": hardtanh, "softplus": softplus,
    "softshrink": softshrink, "glu": glu, "softmin": softmin, "linear": linear, "one_hot": one_hot, "normalize": normalize,
    "batch_norm": batch_norm, "pad": pad, "sigmoid": UNARY["sigmoid"], "tanh": UNARY["tanh"],
    "silu": _simple("silu", "Return x sigmoid(x)."), "mish": _simple("mish", "Return x tanh(softplus(x))."),
    "hardsigmoid": _simple("hardsigmoid", "Return (x + 3) / 6 limited to [0, 1]."),
    "hardswish": _simple("hardswish", "Return x times hardsigmoid(x)."),
    "softsign": _simple("softsign", "Return x / (1 + |x|)."), "tanhshrink": _simple("tanhshrink", "Return x - tanh(x)."),
    "logsigmoid": _simple("logsigmoid", "Return log(sigmoid(x))."),
}  # fmt: skip
