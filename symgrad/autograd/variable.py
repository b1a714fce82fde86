"""torch.autograd.variable: what Tensors were called once."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.eager.creation import new_tensor
from symgrad.eager.defaults import defaults
from symgrad.eager.tensor_face import Tensor
from symgrad.errors import at_user_line

__all__ = ["Variable"]


class _OfTensors(type):
    """Makes every Tensor a Variable."""

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, Tensor)

    def __call__(cls, data: Any = None, requires_grad: bool = False) -> Tensor:
        if data is None:
            data = new_tensor(np.zeros(0, defaults.dtype.numpy), False)
        if not isinstance(data, Tensor):
            raise TypeError(at_user_line(f"Variable data has to be a tensor, but got {type(data).__name__}"))
        made = data.detach()
        return made.requires_grad_() if requires_grad else made


class Variable(metaclass=_OfTensors):
    """Call it with a Tensor for a leaf that shares its memory and requires a gradient if asked to; every Tensor is one."""
