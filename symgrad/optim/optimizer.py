"""What all optimisers share: parameters in groups with their options, state, and steps under ``no_grad``."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from symgrad.eager.grad_mode import enable_grad, no_grad
from symgrad.eager.recording import leaf
from symgrad.eager.storage import write
from symgrad.eager.tensor_face import Tensor

__all__ = ["Group", "Optimizer", "at_least_zero", "check_rate", "count_one", "counted", "refuse_options"]

Group = dict[str, Any]


def _name_of(value: Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def at_least_zero(what: str, value: Any) -> None:
    """Raise ValueError for a negative number."""
    if not value >= 0.0:
        raise ValueError(f"Invalid {what}: {value}")


def check_rate(lr: Any) -> None:
    """Raise ValueError for a learning rate that is negative, or a Tensor of several elements."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    at_least_zero("learning rate", lr)


class Optimizer:
    """Parameters in groups, each with its options, and what was remembered of each parameter.

    Parameters
    ----------
    params : iterable of Tensor, of (str, Tensor) or of dict
        The leaves to change, with names if all have one, or groups ``{"params": ..., "lr": ..., ...}``.
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

    stepped = False  # what schedules ask, and note: whether a step was made

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
        params, names = _named([params] if isinstance(params, Tensor) else list(params))
        for param in params:
            self._check(param)
        if len(set(params)) != len(params):
            text = "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error"
            warnings.warn(text, UserWarning, stacklevel=3)
        if {p for g in self.param_groups for p in g["params"]} & set(params):
            raise ValueError("some parameters appear in more than one parameter group")
        if self.param_groups and ("param_names" in self.param_groups[0]) is (names is None):
            which = "without" if names is None else "with"
            text = "all optimizer param groups should be with/without names. cannot add param group"
            raise ValueError(f"{text} {which} names to the optimizer")
        param_group["params"] = params
        if names is not None:
            param_group["param_names"] = names
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
        names = [{"param_names": g["param_names"]} if "param_names" in g else {} for g in self.param_groups]
        groups = zip(names, saved, self.param_groups, strict=True)
        self.param_groups = [{**n, **s, "params": g["params"]} for n, s, g in groups]

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for k, group in enumerate(self.param_groups):
            lines += [f"Parameter Group {k}", *[f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]]
        return "\n".join([*lines, ")"])


def _named(params: list[Any]) -> tuple[list[Any], list[Any] | None]:
    """Return parameters, and their names where they are given as pairs of a name and a parameter."""
    pairs = [isinstance(p, tuple) for p in params]
    if not any(pairs):
        return params, None
    if not all(pairs):
        raise ValueError("all optimizer params should be with/without names. Some param names are missing")
    return [p for _, p in params], [n for n, _ in params]


def counted(state: dict[str, Any], param: Tensor, names: Iterable[str], by: bool = True) -> dict[str, Any]:
    """Count a step in a parameter's state, which begins with zeros under ``names``."""
    if not state:
        state["step"] = Tensor.from_array(np.zeros((), np.float32))
        for name in names:
            state[name] = param.detach().clone().zero_()
    if by:
        count_one(state["step"])
    return state


def count_one(count: Tensor) -> float:
    """Count a step in the Tensor that counts them, which others may hold, and return the new count."""
    number: float = count.item() + 1
    write(count, leaf(np.array(number, np.float32)), None)
    return number


def _cast(name: str, value: Any, param: Tensor) -> Any:
    """Return a part of a state in the parameter's element type; the count of steps stays as it is."""
    return value.to(param.dtype) if isinstance(value, Tensor) and name != "step" else value


def refuse_options(options: dict[str, Any]) -> None:
    """Refuse options that would change what a step means; the others only say how torch runs it."""
    for name in ("differentiable", "capturable"):
        if options.get(name):
            raise NotImplementedError(f"{name}=True is not supported")
    if options.get("fused") and options.get("foreach"):
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
