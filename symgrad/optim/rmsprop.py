"""RMSprop: steps divided by the root of a running mean of the gradient's square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symgrad.eager.tensor_face import Tensor
from symgrad.optim.optimizer import Group, Optimizer, at_least_zero, check_rate, counted, refuse_options

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """RMSprop: ``v = alpha * v + (1 - alpha) * g * g`` and ``x -= lr * g / (sqrt(v) + eps)``.

    Parameters
    ----------
    params : iterable of Tensor or of dict
    lr : float
    alpha : float
        How much of the running mean stays.
    eps : float
        Added to the root in the denominator.
    weight_decay : float
        Adds ``weight_decay * x`` to the gradient.
    momentum : float
        Steps along ``b = momentum * b + g / (sqrt(v) + eps)``.
    centered : bool
        Takes the square of a running mean of the gradient from ``v``: what is left is its variance.
    maximize : bool
        Goes up instead of down.
    capturable, foreach, differentiable : bool, optional
        Accepted for torch's sake; only the defaults of ``capturable`` and ``differentiable`` are supported.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_rate(lr)
        at_least_zero("epsilon value", eps)
        at_least_zero("momentum value", momentum)
        at_least_zero("weight_decay value", weight_decay)
        at_least_zero("alpha value", alpha)
        options = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered, "weight_decay": weight_decay,
            "capturable": capturable, "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
        }  # fmt: skip
        refuse_options(options)
        super().__init__(params, options)

    def _update(self, param: Tensor, gradient: Any, group: Group) -> None:
        if group["maximize"]:
            gradient = -gradient
        if group["weight_decay"] != 0:
            gradient = gradient + param * group["weight_decay"]
        names = ["square_avg", *["momentum_buffer"] * (group["momentum"] > 0), *["grad_avg"] * group["centered"]]
        state, alpha = counted(self.state[param], param, names), group["alpha"]
        square = state["square_avg"]
        square *= alpha
        square += gradient * gradient * (1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"]
            mean += (gradient - mean) * (1 - alpha)
            square = square - mean * mean
        scaled = gradient / (square.sqrt() + group["eps"])
        if group["momentum"] > 0:
            buffer = state["momentum_buffer"]
            buffer *= group["momentum"]
            buffer += scaled
            scaled = buffer
        param -= scaled * group["lr"]
