"""Adam: steps along running means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from symgrad.eager.tensor_face import Tensor
from symgrad.optim.optimizer import Group, Optimizer, at_least_zero, check_rate, count_one, refuse_options

__all__ = ["Adam"]


class Adam(Optimizer):
    """Adam: steps along running means of the gradient, divided by those of its square.

    Parameters
    ----------
    params : iterable of Tensor or of dict
    lr : float
    betas : (float, float)
        How much of each running mean stays.
    eps : float
        Added to the root in the denominator.
    weight_decay : float
        Adds ``weight_decay * x`` to the gradient; with ``decoupled_weight_decay`` shrinks x by ``lr * weight_decay`` instead.
    amsgrad : bool
        Divides by the largest mean square so far.
    maximize : bool
        Goes up instead of down.
    foreach, capturable, differentiable, fused : bool, optional
        Accepted for torch's sake; only the defaults of ``capturable`` and ``differentiable`` are supported, the others change
        nothing.
    decoupled_weight_decay : bool
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_rate(lr)
        at_least_zero("epsilon value", eps)
        for k, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {k}: {beta}")
        at_least_zero("weight_decay value", weight_decay)
        options = {
            "lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        refuse_options(options)
        super().__init__(params, options)

    def _update(self, param: Tensor, gradient: Any, group: Group) -> None:
        if group["maximize"]:
            gradient = -gradient
        lr, decay = group["lr"], group["weight_decay"]
        lr = lr.item() if isinstance(lr, Tensor) else lr
        if decay != 0 and group["decoupled_weight_decay"]:
            param *= 1 - lr * decay
        elif decay != 0:
            gradient = gradient + param * decay
        state = self._state(param, group["amsgrad"])
        count = count_one(state["step"])
        (first, second), mean, square = group["betas"], state["exp_avg"], state["exp_avg_sq"]
        mean += (gradient - mean) * (1 - first)
        square *= second
        square += gradient * gradient * (1 - second)
        if group["amsgrad"]:
            state["max_exp_avg_sq"].copy_(state["max_exp_avg_sq"].maximum(square))
            square = state["max_exp_avg_sq"]
        bound = square.sqrt() / (1 - second**count) ** 0.5 + group["eps"]
        param -= mean / bound * (lr / (1 - first**count))

    def _state(self, param: Tensor, amsgrad: bool) -> dict[str, Any]:
        state = self.state[param]
        if not state:
            state["step"] = Tensor.from_array(np.zeros((), np.float32))
            for name in ("exp_avg", "exp_avg_sq", *["max_exp_avg_sq"] * amsgrad):
                state[name] = param.detach().clone().zero_()
        return state
