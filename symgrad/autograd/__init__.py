"""torch.autograd's names: gradients, modes, custom functions, anomaly detection, gradient checks."""

from __future__ import annotations

import sys

from symgrad import testing
from symgrad.autograd import anomaly_mode, forward_ad, function, functional, grad_mode, graph, variable
from symgrad.autograd.anomaly_mode import (
    detect_anomaly,
    is_anomaly_check_nan_enabled,
    is_anomaly_enabled,
    set_detect_anomaly,
)
from symgrad.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled, set_multithreading_enabled
from symgrad.autograd.variable import Variable
from symgrad.eager.custom import Context, Function, once_differentiable
from symgrad.eager.gradients import backward, grad
from symgrad.errors import GradcheckError
from symgrad.testing import gradcheck, gradgradcheck

__all__ = [
    "Context",
    "Function",
    "GradcheckError",
    "Variable",
    "anomaly_mode",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "function",
    "functional",
    "grad",
    "grad_mode",
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
    "variable",
]

# a module and a function have this name in torch, and both are imported; the attribute is the function
sys.modules["symgrad.autograd.gradcheck"] = testing
