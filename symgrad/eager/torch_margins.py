"""torch's losses of margins, counts and densities, as torch.nn.functional has them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from symgrad.eager.operation import Operation, operation
from symgrad.eager.torch_losses import reduced, reduction_of
from symgrad.eager.torch_reductions import vector_norm_node
from symgrad.eager.torch_rules import Operand, broadcast, common, refuse, zero_like
from symgrad.ir.expr import Node, like, ops

__all__ = ["NN"]

Function = Callable[..., Any]

_ENDS = {"mean": "MeanBackward0", "sum": "SumBackward0", "none": "AddBackward0"}


def _of_elements(formula: Callable[..., Node], grad_fn: str = "") -> dict[str, Operation]:
    """Return a loss of elements by its reduction; operands are brought to one floating type."""

    def made(*operands: Operand, reduction: str, **options: Any) -> Node:
        nodes = common(*operands, floats=True)
        broadcast(*nodes)
        return reduced(formula(*nodes, **options), reduction)

    return {end: operation(grad_fn or name)(made) for end, name in _ENDS.items()}


def _rising(x: Node) -> Node:
    """Return max(x, 0), with derivative 1 at 0 as torch's clamp_min has."""
    return ops.clip(x, zero_like(x), like(math.inf, x))


def _hinge(x: Node, target: Node, *, margin: float) -> Node:
    far = ops.where(ops.eq(target, like(1.0, target)), zero_like(x), _rising(margin - x))
    near = ops.where(ops.eq(target, like(-1.0, target)), zero_like(x), x)
    return far + near


def _poisson(x: Node, target: Node, *, log_input: bool, full: bool, eps: float) -> Node:
    loss = ops.exp(x) - target * x if log_input else x - target * ops.log(x + eps)
    if not full:
        return loss
    stirling = target * ops.log(target) - target + ops.log(target * (2.0 * math.pi)) * 0.5
    return loss + ops.where(target > 1.0, stirling, zero_like(target))


def _gaussian(x: Node, target: Node, variance: Node, *, full: bool, eps: float) -> Node:
    limited = variance + ops.stop_gradient(ops.maximum(variance, like(eps, variance)) - variance)
    loss = (ops.log(limited) + (x - target) * (x - target) / limited) * 0.5
    return loss + 0.5 * math.log(2.0 * math.pi) if full else loss


_hinges, _poissons, _gaussians = _of_elements(_hinge), _of_elements(_poisson), _of_elements(_gaussian)
_softs = _of_elements(lambda x, target: ops.softplus(-(target * x)), "SoftMarginLossBackward0")
_rankings = _of_elements(lambda x1, x2, target, *, margin: _rising(-target * (x1 - x2) + margin))


def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Any:
    """Return x where the target is 1, and how far it lies below the margin where that is -1."""
    end = reduction_of(reduction)
    return _hinges[end](input, target, reduction=end, margin=float(margin))


def soft_margin_loss(input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> Any:
    """Return log(1 + exp(-target x))."""
    end = reduction_of(reduction)
    return _softs[end](input, target, reduction=end)


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """Return max(0, -target (input1 - input2) + margin)."""
    end = reduction_of(reduction)
    return _rankings[end](input1, input2, target, reduction=end, margin=float(margin))


def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, size_average: Any = None, eps: float = 1e-8,
    reduce: Any = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """Return the negative log-likelihood of counts under Poisson's law of mean exp(x), or of mean x."""
    end = reduction_of(reduction)
    return _poissons[end](input, target, reduction=end, log_input=bool(log_input), full=bool(full), eps=float(eps))


def gaussian_nll_loss(input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> Any:
    """Return the negative log-likelihood of ``target`` under the normal law of mean x and variance ``var``."""
    end = reduction_of(reduction)
    return _gaussians[end](input, target, var, reduction=end, full=bool(full), eps=float(eps))


@operation("MeanBackward0")
def _triplet(a: Operand, p: Operand, n: Operand, *, margin: float, order: float, eps: float, reduction: str) -> Node:
    anchor, positive, negative = common(a, p, n, floats=True)
    near, far = (vector_norm_node(anchor - other + eps, order, (anchor.ndim - 1,)) for other in (positive, negative))
    return reduced(_rising(near - far + margin), reduction)


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2, eps: float = 1e-6, swap: bool = False,
    size_average: Any = None, reduce: Any = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """Return how far the distance to ``positive`` plus the margin exceeds that to ``negative``."""
    if swap:
        refuse("triplet_margin_loss: swap is not supported")
    end = reduction_of(reduction)
    return _triplet(anchor, positive, negative, margin=float(margin), order=float(p), eps=float(eps), reduction=end)


NN: dict[str, Function] = {
    "hinge_embedding_loss": hinge_embedding_loss, "soft_margin_loss": soft_margin_loss, "poisson_nll_loss": poisson_nll_loss,
    "gaussian_nll_loss": gaussian_nll_loss, "margin_ranking_loss": margin_ranking_loss,
    "triplet_margin_loss": triplet_margin_loss,
}  # fmt: skip
