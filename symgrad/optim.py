"""Optimisers with torch's names, arguments, groups and state: SGD, Adam and AdamW.

A step is written with Tensor operations under ``no_grad``: it is recorded like any other code, and runs with the loss
of the next iteration as one program. Numbers such as the learning rate are inputs of that program, so a schedule may
change them at will.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from symgrad.eager.grad_mode import enable_grad, no_grad
from symgrad.eager.tensor_face import Tensor

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]

Group = dict[str, Any]


def _name_of(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _at_least_zero(what: str, value: Any) -> None:
    if not value >= 0.0:
        raise ValueError(f"Invalid {what}: {value}")


def _check_rate(lr: Any) -> None:
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    _at_least_zero("learning rate", lr)


class Optimizer:
    """Parameters in groups, each with its options, and what was remembered of each parameter.

    Parameters
    ----------
    params : iterable of Tensor or of dict
        The leaves to change, or groups ``{"params": ..., "lr": ..., ...}``.
    defaults : dict
        The options of groups that do not give their own.

    Attributes
    ----------
    param_groups : list of dict
    state : dict
        For each parameter what the steps before left.

    Raises
    ------
    TypeError, ValueError
        As torch does: no parameters, parameters that are no Tensors or no leaves, the same one in two groups.
    """

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        self.defaults = defaults
        if isinstance(params, Tensor):
            raise TypeError(
                f"params argument given to the optimizer should be an iterable of Tensors or dicts, but got {_name_of(params)}"
            )
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[Group] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets will "
                "change between runs. Please use a list instead."
            )
        params = [params] if isinstance(params, Tensor) else list(params)
        for param in params:
            self._check(param)
        if len(set(params)) != len(params):
            text = "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error"
            warnings.warn(text, UserWarning, stacklevel=3)
        if {p for g in self.param_groups for p in g["params"]} & set(params):
            raise ValueError("some parameters appear in more than one parameter group")
        param_group["params"] = params
        for name, default in self.defaults.items():
            param_group.setdefault(name, default)
        self.param_groups.append(param_group)

    @staticmethod
    def _check(param: Any) -> None:
        if not isinstance(param, Tensor):
            raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {_name_of(param)}")
        if not (param.is_leaf or param.retains_grad):
            raise ValueError("can't optimize a non-leaf Tensor")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param.grad = None
                elif param.grad is not None:
                    param.grad = param.grad.detach().zero_() if param.grad.requires_grad else param.grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; return what ``closure`` returns.

        Parameters
        ----------
        closure : callable, optional
            Clears the gradients, computes the loss, calls ``backward`` and returns the loss. It runs with gradients on.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for param in group["params"]:
                    if param.grad is not None:
                        self._update(param, param.grad, group)
        return loss

    def _update(self, param: Tensor, gradient: Tensor, group: Group) -> None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return the state and the options, with parameters replaced by their numbers."""
        number = {p: k for k, p in enumerate(p for g in self.param_groups for p in g["params"])}
        groups = [{**g, "params": [number[p] for p in g["params"]]} for g in self.param_groups]
        return {"state": {number[p]: state for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` of an optimiser with groups of the same sizes returned.

        Raises
        ------
        ValueError
            When the groups do not fit.
        """
        saved = state_dict["param_groups"]
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(s["params"]) != len(g["params"]) for s, g in zip(saved, self.param_groups, strict=True)):
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group")
        params = {
            k: p for s, g in zip(saved, self.param_groups, strict=True) for k, p in zip(s["params"], g["params"], strict=True)
        }
        self.state = defaultdict(dict)
        for key, value in state_dict["state"].items():
            param = params.get(key)
            if param is None:
                self.state[key] = value
            else:
                self.state[param] = {name: _cast(name, item, param) for name, item in value.items()}
        self.param_groups = [{**s, "params": g["params"]} for s, g in zip(saved, self.param_groups, strict=True)]

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for k, group in enumerate(self.param_groups):
            lines += [f"Parameter Group {k}", *[f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]]
        return "\n".join([*lines, ")"])


def _cast(name: str, value: Any, param: Tensor) -> Any:
    """Return a part of a state in the parameter's element type; the count of steps stays as it is."""
    return value.to(param.dtype) if isinstance(value, Tensor) and name != "step" else value


def _refuse(options: dict[str, Any]) -> None:
    """Refuse options that would change what a step means; the others only say how torch runs it."""
    for name in ("differentiable", "capturable"):
        if options.get(name):
            raise NotImplementedError(f"{name}=True is not supported")
    if options.get("fused") and options.get("foreach"):
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


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
        _check_rate(lr)
        _at_least_zero("momentum value", momentum)
        _at_least_zero("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        options = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        _refuse(options)
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
        _check_rate(lr)
        _at_least_zero("epsilon value", eps)
        for k, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {k}: {beta}")
        _at_least_zero("weight_decay value", weight_decay)
        options = {
            "lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        _refuse(options)
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
        count = state["step"].item() + 1
        state["step"] = Tensor.from_array(np.array(count, np.float32))
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


class AdamW(Adam):
    """Adam with the weights shrunk by ``lr * weight_decay`` apart from the gradient; parameters as for Adam."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, decoupled_weight_decay=True, **options)
