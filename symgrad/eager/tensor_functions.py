"""Functions about Tensors and element types: what a Tensor is, and how types combine."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from symgrad.dtypes import DType, as_dtype, promote
from symgrad.eager import tensor_memory as memory
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_arithmetic import FUNCTIONS
from symgrad.errors import at_user_line

__all__ = [
    "can_cast",
    "clone",
    "detach",
    "finfo",
    "get_num_threads",
    "iinfo",
    "is_complex",
    "is_floating_point",
    "is_inference",
    "is_nonzero",
    "is_same_size",
    "is_tensor",
    "numel",
    "promote_types",
    "result_type",
    "set_num_threads",
    "typename",
]  # fmt: skip


def is_tensor(value: Any) -> bool:
    """Return whether something is a Tensor."""
    return isinstance(value, Tensor)


def numel(input: Tensor) -> int:
    """Return how many elements there are."""
    return memory.numel(input)


def is_floating_point(input: Tensor) -> bool:
    """Return whether the elements are floating-point numbers."""
    return input.dtype.is_floating


def is_complex(input: Tensor) -> bool:
    """Return False: there are no complex Tensors."""
    return False


def promote_types(first: Any, second: Any) -> DType:
    """Return the element type that holds both."""
    return promote(as_dtype(first), as_dtype(second))


def result_type(first: Any, second: Any) -> DType:
    """Return the element type of the sum of two Tensors or numbers."""
    found: DType = FUNCTIONS["add"](first, second).dtype if isinstance(first, Tensor) else FUNCTIONS["add"](second, first).dtype
    return found


def can_cast(source: Any, target: Any) -> bool:
    """Return whether values may be written in another element type: never into a lower category."""
    return as_dtype(source).category <= as_dtype(target).category


def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """Return a copy with its own storage, on the tape."""
    return memory.clone(input)


def detach(input: Tensor) -> Tensor:
    """Return a tensor that shares the storage and its version, without gradient."""
    return input.detach()


def finfo(dtype: Any) -> Any:
    """Return the limits of a floating element type: bits, eps, min, max, tiny, smallest_normal, resolution."""
    found = np.finfo(as_dtype(dtype).numpy)
    numbers = {k: float(getattr(found, k)) for k in ("eps", "min", "max", "tiny", "smallest_normal", "resolution")}
    return SimpleNamespace(bits=found.bits, dtype=as_dtype(dtype).name, **numbers)


def is_nonzero(input: Tensor) -> bool:
    """Return whether a single element differs from zero."""
    return bool(input)


def is_inference(input: Tensor) -> bool:
    """Return whether a Tensor was made in inference mode."""
    return input._inference


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Return whether two Tensors have one shape."""
    return tuple(input.shape) == tuple(other.shape)


def iinfo(dtype: Any) -> Any:
    """Return the limits of an integer element type, as NumPy gives them."""
    return np.iinfo(as_dtype(dtype).numpy)


def typename(value: Any) -> str:
    """Return the name of a value's type."""
    return memory.type_name(value) if isinstance(value, Tensor) else type(value).__name__


_threads = [1]


def set_num_threads(count: int) -> None:
    """Note how many threads torch's code asks for; symgrad's own loops use one, whatever is said here.

    Raises
    ------
    RuntimeError
        For less than one.
    """
    if count < 1:
        raise RuntimeError(at_user_line("set_num_threads expects a positive integer"))
    _threads[0] = int(count)


def get_num_threads() -> int:
    """Return what ``set_num_threads`` was told last, at first 1."""
    return _threads[0]
