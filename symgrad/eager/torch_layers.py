"""torch's layers, normalisations and distances, as torch.nn.functional has them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import int64
from symgrad.eager.operation import operation
from symgrad.eager.random_numbers import random_generator
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_gathering import index_node
from symgrad.eager.torch_grids import pad_node
from symgrad.eager.torch_reductions import vector_norm_node
from symgrad.eager.torch_rules import (
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
)
from symgrad.errors import at_user_line
from symgrad.ir.expr import Node, like, ops

__all__ = ["FUNCTIONS", "NN"]

Function = Callable[..., Any]


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """Return ``x @ weight.T + bias``."""
    if bias is None:
        made = _linear_plain if input.ndim == 2 else _linear_of_vector if input.ndim == 1 else _linear_wide
        return made(input, weight)
    return _linear_biased(input, weight, bias) if input.ndim == 2 else _linear_wide_biased(input, weight, bias)


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


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, mask: Any = None) -> Any:
    """Return x with elements dropped with probability p, the others divided by 1 - p; ``mask`` says which are kept."""
    if not 0 <= p <= 1:
        raise ValueError(at_user_line(f"dropout probability has to be between 0 and 1, but got {p}"))
    if not training or p == 0:
        return input
    if mask is None:
        mask = Tensor.from_array(np.asarray(random_generator(None).random(tuple(input.shape)) >= p))
    return _dropped(input, mask, scale=0.0 if p == 1 else 1.0 / (1.0 - p))


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


def one_hot(input: Any, num_classes: int = -1) -> Any:
    """Return zeros with a one at each class, in int64, along a new last axis."""
    if not input.dtype.is_integer:
        refuse_dtype("one_hot is only applicable to index tensor of type LongTensor.")
    values = known_values(input)
    if values is not None and values.size and values.min() < 0:
        refuse("Class values must be non-negative.")
    if num_classes == -1:
        num_classes = int(input.numpy_value().max()) + 1
    if values is not None and values.size and values.max() >= num_classes:
        refuse("Class values must be smaller than num_classes.")
    return _one_hot(input, count=int(num_classes))


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


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    """Return x divided by its norm along an axis, or by ``eps`` where that is greater."""
    return _normalize(input, p=float(p), dim=as_static(dim), eps=float(eps))


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


def layer_norm(input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Return the last axes at mean 0 and variance 1, times ``weight`` plus ``bias``."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if tuple(input.shape[input.ndim - len(shape) :]) != shape:
        given = f"Given normalized_shape={shape_text(shape)}, expected input with shape [*, {', '.join(map(str, shape))}]"
        refuse(f"{given}, but got input of size{shape_text(input.shape)}")
    scale = [v for v in (weight, bias) if v is not None]
    return _layer_norm(input, *scale, rank=len(shape), eps=float(eps), weighted=weight is not None)


@operation("MulBackward0")
def _rms_norm(x: Operand, *weight: Operand, rank: int, eps: float | None) -> Node:
    node = _node(x)
    axes = tuple(range(node.ndim - rank, node.ndim))
    least = node.dtype.eps if eps is None else eps
    result = node * kept(ops.rsqrt(ops.mean(node * node, axes=axes) + least), axes, True)
    return result * _node(weight[0]) if weight else result


def rms_norm(input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None) -> Any:
    """Return the last axes divided by the root of their mean square, times ``weight``."""
    limit = None if eps is None else float(eps)
    return _rms_norm(input, *(() if weight is None else (weight,)), rank=len(tuple(normalized_shape)), eps=limit)


@operation("NativeGroupNormBackward0")
def _group_norm(x: Operand, *scale: Operand, groups: int, eps: float, weighted: bool) -> Node:
    node = _node(x)
    batch, channels, *rest = node.shape
    apart = ops.reshape(node, shape=(batch, groups, channels // groups, *rest))  # type: ignore[operator]  # ints
    result = ops.reshape(_standardized(apart, tuple(range(2, apart.ndim)), eps), shape=node.shape)
    given = [_per_channel(_node(s), node.ndim) for s in scale]
    if weighted:
        result = result * given.pop(0)
    return result + given[0] if given else result


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Return each group of channels at mean 0 and variance 1, times ``weight`` plus ``bias``."""
    if input.shape[1] % num_groups:
        channels = f"divisible by num_groups, but got input of shape {shape_text(input.shape)} and num_groups={num_groups}"
        refuse(f"Expected number of channels in input to be {channels}")
    scale = [v for v in (weight, bias) if v is not None]
    return _group_norm(input, *scale, groups=int(num_groups), eps=float(eps), weighted=weight is not None)


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
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Return each channel at mean 0 and variance 1: of the batch in training, else the running ones.

    In training the running mean and variance, where given, are moved towards the batch's.
    """
    scale = [v for v in (weight, bias) if v is not None]
    if not training:
        return _batch_norm(input, running_mean, running_var, *scale, eps=float(eps), running=True, weighted=weight is not None)
    count = int(np.prod(input.shape)) // input.shape[1]
    if count <= 1:
        raise ValueError(at_user_line(f"Expected more than 1 value per channel when training, got input size {input.shape!r}"))
    if running_mean is not None:
        values = input.numpy_value()
        axes = tuple(a for a in range(input.ndim) if a != 1)
        for target, new in ((running_mean, values.mean(axes)), (running_var, values.var(axes, ddof=1))):
            moved = (1 - momentum) * target.numpy_value() + momentum * new
            target.write_in_place(Tensor.from_array(moved.astype(target.dtype.numpy))._value, None)
    return _batch_norm(input, *scale, eps=float(eps), running=False, weighted=weight is not None)


def _pad_formula(x: Operand, *, widths: Any, mode: str, value: float) -> Node:
    return pad_node(_node(x), widths, mode, value)


_pads = {
    ("constant", 0): operation("ConstantPadNdBackward0")(_pad_formula),
    ("circular", 0): operation("torch::autograd::CopySlices")(_pad_formula),
    **{("reflect", n): operation(f"ReflectionPad{n}DBackward0")(_pad_formula) for n in (1, 2, 3)},
    **{("replicate", n): operation(f"ReplicationPad{n}DBackward0")(_pad_formula) for n in (1, 2, 3)},
}


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """Return x with borders; widths before and after the last axis first."""
    given = tuple(int(w) for w in pad)
    if len(given) % 2:
        refuse("Padding length must be divisible by 2")
    if len(given) > 2 * input.ndim:
        refuse(f"Padding length should be less than or equal to two times the input dimension but got padding length "
               f"{len(given)} and input of dimension {input.ndim}")  # fmt: skip
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise NotImplementedError(at_user_line(f"Unrecognised padding mode {mode}"))
    pairs = [(given[k], given[k + 1]) for k in range(0, len(given), 2)]
    widths = ((0, 0),) * (input.ndim - len(pairs)) + tuple(reversed(pairs))
    number: float = 0 if value is None else value
    made = _pads.get((mode, min(max(len(pairs), 1), 3)), _pads["circular" if mode == "circular" else "constant", 0])
    return made(input, widths=widths, mode=mode, value=float(number) if input.dtype.is_floating else int(number))


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
    "cosine_similarity": cosine_similarity, "pairwise_distance": pairwise_distance, "embedding": embedding, "dropout": dropout,
    "layer_norm": layer_norm, "bilinear": bilinear,
}  # fmt: skip
NN: dict[str, Function] = {
    **FUNCTIONS, "linear": linear, "one_hot": one_hot, "normalize": normalize, "batch_norm": batch_norm, "pad": pad,
    "rms_norm": rms_norm, "group_norm": group_norm,
}  # fmt: skip
