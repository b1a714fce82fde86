"""torch.autograd's names: gradients, modes, custom functions, anomaly detection, gradient checks."""

from __future__ import annotations

import warnings
from types import TracebackType
from typing import Any

from symgrad import autograd_function as function
from symgrad import autograd_functional as functional
from symgrad import autograd_graph as graph
from symgrad import forward_ad
from symgrad.eager.custom import Context, Function, once_differentiable
from symgrad.eager.grad_mode import enable_grad, inference_mode, mode, no_grad, set_grad_enabled
from symgrad.eager.gradients import backward, grad
from symgrad.eager.windows import begin_window
from symgrad.errors import GradcheckError
from symgrad.testing import gradcheck, gradgradcheck

__all__ = [
    "Context",
    "Function",
    "GradcheckError",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "function",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "no_grad",
    "once_differentiable",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_multithreading_enabled",
]


class set_detect_anomaly:  # noqa: N801  # torch's name
    """Look for nan after each operation of backward: from the call on, or for a block.

    The error names the operation, and the line of the user's code that recorded it. Everything runs operation by
    operation then, which is slow.
    """

    def __init__(self, enabled: bool, check_nan: bool = True) -> None:
        self._before = mode.detecting, mode.anomaly
        _switch(enabled, check_nan)

    def __enter__(self) -> None:
        """Go on with it."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _switch(*self._before)


class detect_anomaly:  # noqa: N801  # torch's name
    """Look for nan after each operation of backward inside a block; see ``set_detect_anomaly``."""

    def __init__(self, check_nan: bool = True) -> None:
        self._check = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for debugging.",
            UserWarning,
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self._before = mode.detecting, mode.anomaly
        _switch(True, self._check)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _switch(*self._before)


def _switch(enabled: bool, check_nan: bool) -> None:
    mode.detecting = enabled
    mode.anomaly = enabled and check_nan
    window = begin_window()
    window.slow = mode.anomaly or mode.saving is not None  # nothing is remembered, so every operation notes its line


class set_multithreading_enabled:  # noqa: N801  # torch's name
    """Accepted for torch's sake: backward runs in the thread that calls it."""

    def __init__(self, mode: bool) -> None:
        self._mode = mode

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Do nothing."""


def is_anomaly_enabled() -> bool:
    """Return whether anomaly detection is on."""
    return mode.detecting


def is_anomaly_check_nan_enabled() -> bool:
    """Return whether anomaly detection looks for nan; it does unless it was switched on without."""
    return mode.anomaly or not mode.detecting


def variable(*args: Any) -> Any:
    """Return a Tensor as it is: torch's old name."""
    return args[0]


Variable = variable
