"""Schedules of the learning rate under torch's names: each ``step()`` sets the rate of every group."""

from __future__ import annotations

import functools
import math
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from symgrad.eager.tensor_face import Tensor
from symgrad.optim.optimizer import Optimizer

__all__ = ["CosineAnnealingLR", "ExponentialLR", "LRScheduler", "LambdaLR", "StepLR"]

_ORDER = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should call them in the "
    "opposite order: `optimizer.step()` before `lr_scheduler.step()`. Failure to do this will result in PyTorch skipping the "
    "first value of the learning rate schedule."
)
_OVERRIDDEN = (
    "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. Please, make sure to call "
    "`optimizer.step()` before `lr_scheduler.step()`."
)
_EPOCH = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use "
    "`scheduler.step()` to step the scheduler. During the deprecation, if epoch is different from None, the closed form is used "
    "instead of the new chainable form, where available."
)


class LRScheduler:
    """What schedules share.

    Parameters
    ----------
    optimizer : Optimizer
        Its groups get ``initial_lr``, the rate that the schedule begins with.
    last_epoch : int
        Where to go on: -1 begins anew, anything else needs ``initial_lr`` in the groups.

    Attributes
    ----------
    base_lrs : list
        The rates that the schedule began with.
    last_epoch : int
        How many steps were made.

    Raises
    ------
    TypeError
        For what is no optimiser.
    KeyError
        Where ``initial_lr`` is missing.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for k, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(f"param 'initial_lr' is not specified in param_groups[{k}] when resuming an optimizer")
        self.base_lrs = [_copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        _watch(optimizer)
        self._step_count = 0
        self.step()

    def get_lr(self) -> list[Any]:
        """Return the rates of this epoch, computed from those of the one before."""
        raise NotImplementedError

    def get_last_lr(self) -> list[Any]:
        """Return the rates that were set last."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Set the rates of the next epoch, or of ``epoch``, which is deprecated; call it after the optimiser's own step."""
        if self._step_count == 1:
            if not hasattr(self.optimizer.step, "watched"):
                warnings.warn(_OVERRIDDEN, UserWarning, stacklevel=2)
            elif not self.optimizer.stepped:
                warnings.warn(_ORDER, UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is None:
            self.last_epoch += 1
            rates = self.get_lr()
        else:
            warnings.warn(_EPOCH, UserWarning, stacklevel=2)
            self.last_epoch = epoch
            rates = getattr(self, "_get_closed_form_lr", self.get_lr)()
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate.item() if isinstance(rate, Tensor) else rate)
            else:
                group["lr"] = rate
        self._last_lr = [_copied(group["lr"]) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimiser."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` returned."""
        self.__dict__.update(state_dict)

    def _rates(self) -> list[Any]:
        return [group["lr"] for group in self.optimizer.param_groups]


def _watch(optimizer: Optimizer) -> None:
    """Have an optimiser's ``step``, which a subclass may have written, note that it was called."""
    if hasattr(optimizer.step, "watched"):
        return
    function = getattr(optimizer.step, "__func__", None)
    known = weakref.ref(optimizer)
    if function is None:  # no method, but something of the user's that stands for it
        return

    @functools.wraps(function)
    def step(*args: Any, **options: Any) -> Any:
        itself = known()
        assert itself is not None
        itself.stepped = True
        return function(itself, *args, **options)

    step.watched = True  # type: ignore[attr-defined]
    optimizer.step = step  # type: ignore[method-assign]


def _copied(rate: Any) -> Any:
    return rate.clone() if isinstance(rate, Tensor) else rate


class StepLR(LRScheduler):
    """Multiply the rates by ``gamma`` every ``step_size`` steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """Return the rates of this epoch."""
        turns = self.last_epoch != 0 and self.last_epoch % self.step_size == 0
        return [rate * self.gamma if turns else rate for rate in self._rates()]

    def _get_closed_form_lr(self) -> list[Any]:
        return [base * self.gamma ** (self.last_epoch // self.step_size) for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    """Multiply the rates by ``gamma`` at each step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """Return the rates of this epoch."""
        return self._rates() if self._step_count == 1 else [rate * self.gamma for rate in self._rates()]

    def _get_closed_form_lr(self) -> list[Any]:
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class LambdaLR(LRScheduler):
    """Multiply the first rates by what a function of the epoch returns: one function, or one for each group."""

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]], last_epoch: int = -1
    ) -> None:
        groups = len(optimizer.param_groups)
        self.lr_lambdas: list[Callable[[int], float]]
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(self.lr_lambdas)}")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """Return the rates of this epoch."""
        return [base * factor(self.last_epoch) for base, factor in zip(self.base_lrs, self.lr_lambdas, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimiser and the functions, of which objects with attributes keep those."""
        state = {name: value for name, value in super().state_dict().items() if name != "lr_lambdas"}
        kept = [None if _plain(f) else dict(f.__dict__) for f in self.lr_lambdas]
        return {**state, "lr_lambdas": kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` returned."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "lr_lambdas"})
        for function, kept in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if kept is not None:
                function.__dict__.update(kept)


def _plain(function: Any) -> bool:
    return type(function) in (type(_plain), type(len))


class CosineAnnealingLR(LRScheduler):
    """Let the rates fall from the first to ``eta_min`` along half a cosine of ``T_max`` steps, and rise again."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:  # noqa: N803
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """Return the rates of this epoch; they follow from those of the one before, which others may have changed."""
        epoch, length, least = self.last_epoch, self.T_max, self.eta_min
        if self._step_count == 1:  # it begins, or goes on from somewhere
            return self._rates()
        if (epoch - 1 - length) % (2 * length) == 0:  # from the bottom there is no ratio
            part = (1 - math.cos(math.pi / length)) / 2
            return [rate + (base - least) * part for base, rate in zip(self.base_lrs, self._rates(), strict=True)]
        ratio = (1 + math.cos(math.pi * epoch / length)) / (1 + math.cos(math.pi * (epoch - 1) / length))
        return [ratio * (rate - least) + least for rate in self._rates()]

    def _get_closed_form_lr(self) -> list[Any]:
        part = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base - self.eta_min) * part for base in self.base_lrs]
