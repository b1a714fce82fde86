"""torch.nn.utils' names: limits for gradients, and parameters as one vector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symgrad.eager.tensor_face import Tensor
from symgrad.eager.tensor_methods import METHODS
from symgrad.eager.torch_names import FUNCTIONS
from symgrad.nn.clipping import clip_grad_norm_, clip_grad_value_, get_total_norm

__all__ = ["clip_grad_norm_", "clip_grad_value_", "get_total_norm", "parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return the elements of all parameters, one after the other; gradients pass."""
    made: Tensor = FUNCTIONS["cat"]([METHODS["view"](p, -1) for p in parameters])
    return made


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let the parameters have the elements of a vector, as views of it.

    Raises
    ------
    TypeError
        For what is no Tensor.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    start = 0
    for parameter in parameters:
        count = parameter.shape.numel()
        part: Any = METHODS["__getitem__"](vec, slice(start, start + count))
        parameter.data = METHODS["view"](part, tuple(parameter.shape)).data
        start += count
