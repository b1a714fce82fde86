"""Gradient descent, with momentum if asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symgrad.eager.tensor_face import Tensor
from symgrad.optim.optimizer import Group, Optimizer, at_least_zero, check_rate, refuse_options

__all__ = ["SGD"]


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for: ``b = momentum * b + (1 - dampening) * g`` and ``x -= lr * b``.

    Parameters
    ----------
    params : iterable of Tensor or of dict
    lr : float
    momentum, dampening : float
    weight_decay : float
        Adds ``weight_decay * x`` to the gradient.
    nesterov : bool
        Steps along ``g + momentum * b``.
    maximize : bool
        Goes up instead of down.
    foreach, differentiable, fused : bool, optional
        Accepted for torch's sake; only the default of ``differentiable`` is supported, the others change nothing.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_rate(lr)
        at_least_zero("momentum value", momentum)
        at_least_zero("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        options = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        refuse_options(options)
        super().__init__(params, options)

    def _update(self, param: Tensor, gradient: Any, group: Group) -> None:
        if group["maximize"]:
            gradient = -gradient
        if group["weight_decay"] != 0:
            gradient = gradient + param * group["weight_decay"]
        if group["momentum"] != 0:
            gradient = self._with_momentum(param, gradient, group)
        param -= gradient * group["lr"]

    def _with_momentum(self, param: Tensor, gradient: Any, group: Group) -> Any:
        state, momentum = self.state[param], group["momentum"]
        buffer = state.get("momentum_buffer")
        if buffer is None:
            buffer = state["momentum_buffer"] = gradient.detach().clone()
        else:
            buffer *= momentum
            buffer += gradient * (1 - group["dampening"])
        return gradient + buffer * momentum if group["nesterov"] else buffer
