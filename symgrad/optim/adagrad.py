"""Adagrad: steps divided by the root of the sum of the gradient's squares so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symgrad.eager.tensor_face import Tensor
from symgrad.optim.optimizer import Group, Optimizer, at_least_zero, check_rate, counted, refuse_options

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Adagrad: ``s += g * g`` and ``x -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)`` at step t.

    Parameters
    ----------
    params : iterable of Tensor or of dict
    lr, lr_decay : float
    weight_decay : float
        Adds ``weight_decay * x`` to the gradient.
    initial_accumulator_value : float
        What ``s`` begins with.
    eps : float
        Added to the root in the denominator.
    foreach, differentiable, fused : bool, optional
        Accepted for torch's sake; only the default of ``differentiable`` is supported.
    maximize : bool
        Goes up instead of down.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_rate(lr)
        at_least_zero("lr_decay value", lr_decay)
        at_least_zero("weight_decay value", weight_decay)
        at_least_zero("initial_accumulator_value value", initial_accumulator_value)
        at_least_zero("epsilon value", eps)
        options = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        refuse_options(options)
        super().__init__(params, options)
        for group in self.param_groups:
            for param in group["params"]:
                self._begin(param, group)

    def _begin(self, param: Tensor, group: Group) -> dict[str, Any]:
        state = self.state[param]
        if not state:
            counted(state, param, ["sum"], by=False)
            state["sum"] += group["initial_accumulator_value"]
        return state

    def _update(self, param: Tensor, gradient: Any, group: Group) -> None:
        if group["maximize"]:
            gradient = -gradient
        if group["weight_decay"] != 0:
            gradient = gradient + param * group["weight_decay"]
        state = counted(self._begin(param, group), param, ["sum"])
        total = state["sum"]
        total += gradient * gradient
        rate = group["lr"] / (1 + (state["step"].item() - 1) * group["lr_decay"])
        param -= gradient / (total.sqrt() + group["eps"]) * rate
