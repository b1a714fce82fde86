"""torch's losses, as torch.nn.functional has them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import int64
from symgrad.eager.operation import operation
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_activations import log_softmax_node
from symgrad.eager.torch_rules import (
    DTYPE_NAMES,
    Operand,
    below,
    broadcast,
    common,
    known_values,
    number_node,
    refuse,
    refuse_dtype,
    shape_text,
    zero_like,
)
from symgrad.errors import at_user_line
from symgrad.ir.expr import Node, like, ops

__all__ = ["NN", "reduced", "reduction_of"]

Function = Callable[..., Any]


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def reduction_of(name: Any) -> str:
    """Return the name of a reduction, or raise in torch's words."""
    if name not in ("none", "mean", "sum"):
        raise ValueError(at_user_line(f"{name} is not a valid value for reduction"))
    return str(name)


def reduced(loss: Node, reduction: str) -> Node:
    """Return a loss as it is, its mean or its sum."""
    axes = tuple(range(loss.ndim))
    if reduction == "none":
        return loss
    result: Node = (ops.mean if reduction == "mean" else ops.sum)(loss, axes=axes)
    return result


def _pair(a: Operand, b: Operand) -> tuple[Node, Node]:
    x, y = common(a, b)
    broadcast(x, y)
    return x, y


# differences


def _squared(x: Node, y: Node) -> Node:
    return (x - y) * (x - y)


def _smooth(x: Node, y: Node, *, beta: float) -> Node:
    size = ops.abs(x - y)
    return size if beta == 0.0 else ops.where(size < beta, size * size * 0.5 / beta, size - 0.5 * beta)


def _huber(x: Node, y: Node, *, delta: float) -> Node:
    size = ops.abs(x - y)
    return ops.where(size <= delta, size * size * 0.5, (size - 0.5 * delta) * delta)


def _difference(name: str, grad_fn: str, formula: Callable[..., Node], doc: str, *options: tuple[str, float]) -> Function:
    def formula_of(a: Operand, b: Operand, *weight: Operand, reduction: str, **numbers: float) -> Node:
        x, y = _pair(a, b)
        if not x.dtype.is_floating:
            refuse_dtype(f"{name}: needs floating-point tensors")
        loss = formula(x, y, **numbers)
        if weight:
            loss = loss * number_node(weight[0], loss.dtype)
            if reduction == "mean" and name == "mse_loss":
                total = ops.broadcast_to(number_node(weight[0], loss.dtype), shape=loss.shape) if loss.ndim else loss
                return ops.sum(loss, axes=tuple(range(loss.ndim))) / ops.sum(total, axes=tuple(range(loss.ndim)))
        return reduced(loss, reduction)

    by_reduction = {"mean": "MeanBackward0", "sum": "SumBackward0", "none": "AbsBackward0"}  # of what torch composes
    made = {end: operation(grad_fn or name_)(formula_of) for end, name_ in by_reduction.items()}
    names = [n for n, _ in options]
    defaults = dict(options)

    def function(
        input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", *rest: Any, **given: Any
    ) -> Any:
        if isinstance(size_average, str):  # huber_loss(x, y, "mean", delta)
            reduction, rest = size_average, tuple(v for v in (reduce,) if v is not None)
        weight = given.pop("weight", None)
        numbers = {**defaults, **dict(zip(names, rest, strict=False)), **given}
        strange = sorted(numbers.keys() - set(names))
        if strange:
            raise TypeError(at_user_line(f"{name}() got an unexpected keyword argument {strange[0]!r}"))
        if any(v < 0 for v in numbers.values()):
            refuse(f"{name} does not support negative values for {names[0]}.")
        floats = {n: float(v) for n, v in numbers.items()}
        end = reduction_of(reduction)
        if tuple(input.shape) != tuple(target.shape):
            sizes = f"a target size ({target.shape!r}) that is different to the input size ({input.shape!r})"
            likely = "This will likely lead to incorrect results due to broadcasting. Please ensure they have the same size."
            warnings.warn(f"Using {sizes}. {likely}", UserWarning, stacklevel=2)
        return made[end](input, target, *(() if weight is None else (weight,)), reduction=end, **floats)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


# classes


def _class_axis(node: Node) -> int:
    return 0 if node.ndim == 1 else 1


def _picked(values: Node, target: Node, axis: int) -> Node:
    """Return the entry of each target along the class axis, 0 where it is no class."""
    classes = ops.expand_dims(ops.iota(size=values.shape[axis], dtype=int64), axes=tuple(range(1, values.ndim - axis)))
    hit = ops.eq(classes, ops.expand_dims(ops.cast(target, dtype=int64), axes=(axis,)))
    return ops.sum(ops.where(hit, values, zero_like(values)), axes=(axis,))


def _weights(node: Node, target: Node, weight: Node | None, ignore_index: int, axis: int) -> Node:
    """Return the weight of each target, 0 where it is ignored."""
    counted = ops.cast(ops.ne(target, like(ignore_index, target)), dtype=node.dtype)
    if weight is None:
        return counted
    shape = tuple(node.shape[axis] if a == axis else 1 for a in range(node.ndim))
    wide = ops.broadcast_to(ops.reshape(weight, shape=shape), shape=node.shape)
    return _picked(wide, target, axis) * counted


def _check_classes(node: Node, target: Node, weight: Node | None) -> None:
    axis = _class_axis(node)
    wanted = node.shape[:axis] + node.shape[axis + 1 :]
    if node.ndim > 1 and target.ndim and node.shape[0] != target.shape[0]:
        counts = f"Expected input batch_size ({node.shape[0]}) to match target batch_size ({target.shape[0]})."
        raise ValueError(at_user_line(counts))
    if target.shape != wanted:
        refuse(f"Expected target size {shape_text(wanted)}, got {shape_text(target.shape)}")
    if weight is not None and weight.shape != (node.shape[axis],):
        refuse(f"weight tensor should be defined either for all {node.shape[axis]} classes or no classes but got weight tensor "
               f"of shape: {shape_text(weight.shape)}")  # fmt: skip


def _nll_node(logs: Node, target: Node, weight: Node | None, ignore_index: int, reduction: str, smoothing: float) -> Node:
    _check_classes(logs, target, weight)
    axis = _class_axis(logs)
    scale = _weights(logs, target, weight, ignore_index, axis)
    counted = ops.ne(target, like(ignore_index, target))
    loss = -(_picked(logs, target, axis) * scale)
    if smoothing:
        shape = tuple(logs.shape[axis] if a == axis else 1 for a in range(logs.ndim))
        terms = logs if weight is None else logs * ops.reshape(weight, shape=shape)
        smooth = ops.where(counted, -ops.sum(terms, axes=(axis,)), zero_like(logs))
        classes: Any = logs.shape[axis]
        loss = loss * (1.0 - smoothing) + smooth * (smoothing / classes)
    if reduction == "none":
        return loss
    axes = tuple(range(loss.ndim))
    total = ops.sum(loss, axes=axes)
    return total / ops.sum(scale, axes=axes) if reduction == "mean" else total


def _nll_formula(x: Operand, target: Operand, *weight: Operand, ignore_index: int, reduction: str) -> Node:
    given = _node(weight[0]) if weight else None
    return _nll_node(_node(x), _node(target), given, ignore_index, reduction, 0.0)


def _entropy_of_indices(
    x: Operand, target: Operand, *weight: Operand, ignore_index: int, reduction: str, smoothing: float
) -> Node:
    node = _node(x)
    logs = log_softmax_node(node, _class_axis(node))
    return _nll_node(logs, _node(target), _node(weight[0]) if weight else None, ignore_index, reduction, smoothing)


def _entropy_formula(x: Operand, target: Operand, *weight: Operand, reduction: str, smoothing: float) -> Node:
    node, wanted = _node(x), _node(target)
    if wanted.shape != node.shape:
        shapes = f"{shape_text(node.shape)} and target {shape_text(wanted.shape)}"
        refuse(f"input and target must have the same shape, but got input {shapes}")
    axis = _class_axis(node)
    classes: Any = node.shape[axis]
    if smoothing:
        wanted = wanted * (1.0 - smoothing) + smoothing / classes
    terms = log_softmax_node(node, axis) * wanted
    if weight:
        shape = tuple(classes if a == axis else 1 for a in range(node.ndim))
        terms = terms * ops.reshape(_node(weight[0]), shape=shape)
    loss = -ops.sum(terms, axes=(axis,))
    if reduction == "none":
        return loss
    total = ops.sum(loss, axes=tuple(range(loss.ndim)))
    count: Any = loss.type.size
    return total / float(count) if reduction == "mean" else total


_soft_entropies = {
    end: operation(name)(_entropy_formula)
    for end, name in {"mean": "DivBackward1", "sum": "NegBackward0", "none": "NegBackward0"}.items()
}
_nlls = [operation(f"NllLoss{form}Backward0")(_nll_formula) for form in ("", "2D")]
_entropies = [operation(name)(_entropy_of_indices) for name in ("NllLossBackward0", "NllLoss2DBackward0", "AddBackward0")]


def _refuse_kind(target: Any) -> None:
    refuse_dtype(f"expected target dtype to be Long or Byte, but got {DTYPE_NAMES[target.dtype]}")


def _check_targets(x: Any, target: Any, ignore_index: int) -> None:
    if isinstance(target, Tensor) and target.dtype is not int64:
        _refuse_kind(target)
    values = known_values(target)
    if values is not None and values.size:
        classes = x.shape[0 if x.ndim == 1 else 1]
        if values.dtype == np.int64 and below(values, classes):
            return
        outside = values[(values != ignore_index) & ((values < 0) | (values >= classes))]
        if outside.size:
            raise IndexError(at_user_line(f"Target {outside[0]} is out of bounds."))


def cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, ignore_index: int = -100, reduce: Any = None,
    reduction: str = "mean", label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    """Return the cross entropy of logits and class indices, or class probabilities; classes along axis 1."""
    if not 0.0 <= label_smoothing <= 1.0:
        refuse(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    scale, smoothing = () if weight is None else (weight,), float(label_smoothing)
    if target.dtype.is_floating:
        end = reduction_of(reduction)
        if tuple(target.shape) != tuple(input.shape) and target.ndim == input.ndim - 1:
            _refuse_kind(target)
        return _soft_entropies[end](input, target, *scale, reduction=end, smoothing=smoothing)
    _check_targets(input, target, ignore_index)
    made = _entropies[2 if smoothing else int(input.ndim > 2)]
    index = int(ignore_index)
    return made(input, target, *scale, ignore_index=index, reduction=reduction_of(reduction), smoothing=smoothing)


def nll_loss(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, ignore_index: int = -100, reduce: Any = None,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """Return the negated log-probabilities at class indices; classes along axis 1."""
    _check_targets(input, target, ignore_index)
    scale = () if weight is None else (weight,)
    return _nlls[int(input.ndim > 2)](input, target, *scale, ignore_index=int(ignore_index), reduction=reduction_of(reduction))


# probabilities


@operation("BinaryCrossEntropyBackward0")
def _binary(x: Operand, target: Operand, *weight: Operand, reduction: str) -> Node:
    node, wanted = _node(x), _node(target)
    if node.shape != wanted.shape:
        sizes = f"Using a target size ({shape_text(wanted.shape)}) that is different to the input size ({shape_text(node.shape)})"
        raise ValueError(at_user_line(f"{sizes} is deprecated. Please ensure they have the same size."))
    if node.dtype is not wanted.dtype:
        refuse_dtype("Found dtype of target and input that differ in binary_cross_entropy")
    loss = ops.binary_entropy(node, wanted)
    return reduced(loss * _node(weight[0]) if weight else loss, reduction)


def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Any:
    """Return the cross entropy of probabilities and targets; logarithms are limited to -100."""
    values = known_values(input)
    if values is not None and values.size and not ((values >= 0) & (values <= 1) | (values != values)).all():  # noqa: PLR0124
        refuse("all elements of input should be between 0 and 1")
    return _binary(input, target, *(() if weight is None else (weight,)), reduction=reduction_of(reduction))


@operation("BinaryCrossEntropyWithLogitsBackward0")
def _binary_logits(x: Operand, target: Operand, *scales: Operand, reduction: str, weighted: bool, positive: bool) -> Node:
    node, wanted = common(x, target)
    if node.shape != wanted.shape:
        sizes = f"Target size ({shape_text(wanted.shape)}) must be the same as input size ({shape_text(node.shape)})"
        raise ValueError(at_user_line(sizes))
    given = [number_node(s, node.dtype) for s in scales]
    falling = ops.softplus(-node)
    if positive:
        falling = falling * ((given[-1] - 1.0) * wanted + 1.0)
    loss = (1.0 - wanted) * node + falling
    return reduced(loss * given[0] if weighted else loss, reduction)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:  # fmt: skip
    """Return the cross entropy of sigmoid(x) and targets, stable for all x."""
    scales = [v for v in (weight, pos_weight) if v is not None]
    flags = {"weighted": weight is not None, "positive": pos_weight is not None}
    return _binary_logits(input, target, *scales, reduction=reduction_of(reduction), **flags)


def _kl_formula(x: Operand, target: Operand, *, reduction: str, log_target: bool) -> Node:
    node, wanted = _pair(x, target)
    if log_target:
        loss = ops.exp(wanted) * (wanted - node)
    else:
        zero = zero_like(wanted)
        own = ops.where(ops.eq(wanted, zero), zero, wanted * ops.log(wanted))
        loss = own - wanted * node
    if reduction == "batchmean":
        batch: Any = node.shape[0] if node.ndim else 1
        return ops.sum(loss, axes=tuple(range(loss.ndim))) / float(batch)
    return reduced(loss, reduction)


_ENDS = {"mean": "MeanBackward0", "sum": "SumBackward0", "batchmean": "DivBackward0"}
_kl_divs = {end: operation(_ENDS.get(end, "SubBackward0"))(_kl_formula) for end in ("none", *_ENDS)}


def kl_div(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", log_target: bool = False
) -> Any:
    """Return the divergence of Kullback and Leibler from log-probabilities ``input`` to ``target``."""
    chosen = "batchmean" if reduction == "batchmean" else reduction_of(reduction)
    return _kl_divs[chosen](input, target, reduction=chosen, log_target=bool(log_target))


NN: dict[str, Function] = {
    "mse_loss": _difference("mse_loss", "MseLossBackward0", _squared, "Return the mean of squared differences."),
    "l1_loss": _difference("l1_loss", "", lambda x, y: ops.abs(x - y), "Return the mean of absolute differences."),
    "smooth_l1_loss": _difference(
        "smooth_l1_loss", "SmoothL1LossBackward0", _smooth,
        "Return the mean of differences, squared over ``2 beta`` below ``beta`` and absolute beyond.", ("beta", 1.0),
    ),
    "huber_loss": _difference(
        "huber_loss", "HuberLossBackward0", _huber, "Return the mean of Huber's function of the differences.", ("delta", 1.0)
    ),
    "cross_entropy": cross_entropy, "nll_loss": nll_loss, "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits, "kl_div": kl_div,
}  # fmt: skip
