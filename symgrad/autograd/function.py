"""torch.autograd.function's names."""

from __future__ import annotations

from symgrad.eager.custom import Context as FunctionCtx
from symgrad.eager.custom import Function, once_differentiable

__all__ = ["Function", "FunctionCtx", "once_differentiable"]
