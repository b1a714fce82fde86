"""How a Tensor lies in memory and gets out of it: copies, casts, strides, pickling, DLPack."""

from __future__ import annotations

import copy as copying
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import DType, as_dtype
from symgrad.eager.creation import tensor
from symgrad.eager.device import Device, check_place
from symgrad.eager.layouts import as_strides, is_ordered, layout_of
from symgrad.eager.overlaps import refuse_overlap
from symgrad.eager.programs import evaluate
from symgrad.eager.storage import alias, renew, share
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.titles import TITLES
from symgrad.eager.torch_basics import cast, copy
from symgrad.eager.torch_basics import clone as clone_values
from symgrad.eager.torch_names import METHODS
from symgrad.eager.torch_rules import axis_of
from symgrad.errors import at_user_line

__all__ = [
    "cast_to",
    "clone",
    "contains",
    "contiguous",
    "copy_",
    "deepcopy",
    "dlpack",
    "is_contiguous",
    "iterate",
    "numel",
    "python_round",
    "reduce",
    "shallow_copy",
    "size",
    "storage_offset",
    "stride",
    "to",
    "type_name",
]  # fmt: skip


def clone(self: Tensor, *, memory_format: Any = None) -> Tensor:
    """Return a copy with its own storage, on the tape."""
    made: Tensor = clone_values(self)
    return made


def storage_offset(self: Tensor) -> int:
    """Return how many elements of the storage come before the first one."""
    layout = layout_of(self) if self._chain else None
    return 0 if layout is None else layout.offset


def to(
    self: Tensor,
    *args: Any,
    dtype: DType | None = None,
    device: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Return the values in another element type, or that of another tensor; the one device is this machine's memory.

    Raises
    ------
    DeviceError
        For another device.
    """
    for given in args:
        if isinstance(given, Tensor):
            dtype = given.dtype
        elif isinstance(given, (DType, type)):
            dtype = as_dtype(given)
        elif isinstance(given, (str, Device)):
            device = given
    check_place("to", device=device)
    if dtype is None or dtype is self.dtype:
        return clone(self) if copy else self
    made: Tensor = cast(self, dtype=as_dtype(dtype))
    return made


def cast_to(dtype: DType) -> Callable[[Tensor], Tensor]:
    """Return the method that casts to one element type."""

    def method(self: Tensor, memory_format: Any = None) -> Tensor:
        return to(self, dtype)

    method.__doc__ = f"Return the values as {dtype.name}."
    return method


def type_name(self: Tensor, dtype: Any = None) -> Any:
    """Return the name of torch's type of this, or the values in another element type."""
    if dtype is None:
        return f"torch.{TITLES[self.dtype.name]}Tensor"
    if isinstance(dtype, str) and dtype.startswith("torch."):
        kinds = {f"torch.{kind}Tensor": name for name, kind in TITLES.items()}
        if dtype not in kinds:
            raise ValueError(at_user_line(f"invalid type: '{dtype}'"))
        dtype = kinds[dtype]
    return to(self, as_dtype(getattr(dtype, "dtype", dtype)))


def copy_(self: Tensor, source: Any, non_blocking: bool = False) -> Tensor:
    """Write another tensor's values, broadcast and in this element type."""
    other = source if isinstance(source, Tensor) else tensor(source)
    refuse_overlap(self, (other,))
    other = METHODS["expand"](other, tuple(self.shape))
    if self.edge() is not None:
        made: Tensor = copy(self, other)
    else:
        made = cast(other, dtype=self.dtype) if other.dtype is not self.dtype else clone(other)
    return self.write_in_place(made.current(), made._edge)


def size(self: Tensor, dim: int | None = None) -> Any:
    """Return the shape, or the size of one axis."""
    return self.shape if dim is None else self.shape[axis_of(dim, self.ndim)]


def numel(self: Tensor) -> int:
    """Return how many elements there are."""
    count: int = self.shape.numel()
    return count


def is_contiguous(self: Tensor, memory_format: Any = None) -> bool:
    """Return whether the elements lie in memory in order."""
    return is_ordered(self)


def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """Return the values in memory in order: itself, or a copy."""
    return self if is_ordered(self) else clone(self)


def stride(self: Tensor, dim: int | None = None) -> Any:
    """Return how many elements apart neighbours along each axis are."""
    strides = as_strides(self)
    return strides if dim is None else strides[axis_of(dim, self.ndim)]


def deepcopy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """Return a leaf with its own storage, which copies made together share as these do.

    Raises
    ------
    RuntimeError
        For a tensor that was computed from a leaf.
    """
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment. If you "
            "were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, see "
            "https://github.com/pytorch/pytorch/pull/103001"
        )
    values = self.numpy_value()  # a trace has none, and says so
    if self._cell is None:
        made = Tensor.from_array(values.copy())
    else:
        whole = memo.get(id(self._cell))  # the storage is copied once for all that share it
        if whole is None:
            stored = self._cell.value
            evaluate([stored])
            whole = memo[id(self._cell)] = Tensor.from_array(np.array(stored.data, dtype=stored.type.dtype.numpy))
        if any(view.in_memory for view in self._chain):
            share(whole)
        made = Tensor.of(whole.current())
        alias(made, whole, counted=False)
        made._chain = self._chain
        renew(made)
    memo[id(self)] = made
    if self.requires_grad:
        made.requires_grad_()
        made.grad = copying.deepcopy(self.grad, memo)
    made.__dict__.update(copying.deepcopy(_own_attributes(self), memo))
    return made


def _own_attributes(tensor: Tensor) -> dict[str, Any]:
    """Return the attributes that the user gave a tensor."""
    return {name: value for name, value in tensor.__dict__.items() if not name.startswith("_")}


def shallow_copy(self: Tensor) -> Tensor:
    """Return another Tensor that shares the storage; a leaf that collects its own gradient if this requires one."""
    made = self.detach()
    return made.requires_grad_() if self.requires_grad else made


def iterate(self: Tensor) -> Any:
    """Return an iterator over the first axis.

    Raises
    ------
    TypeError
        For a 0-d tensor.
    """
    if not self.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter(METHODS["unbind"](self, 0))


def reduce(self: Tensor, protocol: Any = None) -> Any:
    """Return how to build this again: from its values, as a leaf, with the user's attributes."""
    return Tensor.from_array, (np.array(self.numpy_value()), self.requires_grad), _own_attributes(self) or None


def python_round(self: Tensor, ndigits: int | None = None) -> Tensor:
    """Return halves rounded to even, to a number of decimals."""
    made: Tensor = METHODS["round"](self, decimals=ndigits) if ndigits else METHODS["round"](self)
    return made


def dlpack(self: Tensor, **options: Any) -> Any:
    """Return the values for another library that shares the memory.

    Raises
    ------
    BufferError
        When this requires a gradient.
    """
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    return share(self).__dlpack__(**options)


def contains(self: Tensor, value: Any) -> bool:
    """Return whether any element equals ``value``."""
    return bool((self.numpy_value() == (value.numpy_value() if isinstance(value, Tensor) else value)).any())
