"""What a Tensor does: Python's operators, methods and their in-place forms, put on the class from tables."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import bool_, float32, float64, int32, int64
from symgrad.eager import (
    custom_calls,  # noqa: F401  # what hooks of traced Tensors need
    torch_arithmetic,
    torch_names,
    torch_powers,
    torch_products,
    torch_reductions,
    torch_views,
)
from symgrad.eager import tensor_memory as memory
from symgrad.eager.assigning import assigned_at_once
from symgrad.eager.call_forms import method
from symgrad.eager.creation import legacy, new_tensor_like
from symgrad.eager.device import Device, strided
from symgrad.eager.expanded_targets import on_expanded
from symgrad.eager.factories import NEW, full_like, ones_like, zeros_like
from symgrad.eager.functions import TENSOR_FUNCTIONS
from symgrad.eager.grad_mode import mode
from symgrad.eager.gradients import backward_method
from symgrad.eager.in_place import finish_in_place, in_place, of_tensors, reshaped_in_place
from symgrad.eager.operation import Operation, on_tape, settled
from symgrad.eager.overlaps import refuse_overlap, refuse_windows
from symgrad.eager.quick import binary_operator, is_operand, unary_method
from symgrad.eager.random_numbers import random_generator
from symgrad.eager.recording import known, leaf
from symgrad.eager.storage import share, write
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.titles import TITLES
from symgrad.eager.torch_basics import draws, fill_with_number, fill_with_tensor, fill_with_zeros
from symgrad.eager.torch_indexing import assignment, getitem
from symgrad.eager.torch_strided import each_once, written_chain
from symgrad.errors import at_user_line

__all__ = ["METHODS"]

Function = Callable[..., Any]


def _operator(function: Function) -> Function:
    if isinstance(function, Operation):
        return binary_operator(function)

    def operator(self: Tensor, other: Any) -> Any:
        return function(self, other) if is_operand(other) else NotImplemented

    return operator


def in_place_operator(function: Function) -> Function:
    """Return ``x += y`` and the like."""
    record = _operator(function)

    def operator(self: Tensor, other: Any) -> Any:
        if self._cell is not None and type(other) is Tensor:
            refuse_overlap(self, (other,))
        if self._chain:
            refuse_windows(self)
        result = record(self, other)
        if result is NotImplemented:
            return result
        value = result._value
        if value.type is not self._value.type:
            return finish_in_place(self, result)
        if mode.grad and (self._edge is not None or self._cell is not None):
            self.check_writeable(result._edge)
        write(self, value, result._edge)
        return self

    return operator


def zero_(self: Tensor) -> Tensor:
    """Write zeros."""
    if self._edge is None and self._cell is None:
        array = _zeros.get(id(self._value.type))
        if array is not None:
            write(self, known(self._value.type, array), None)
            return self
    elif self.edge() is not None and not self._chain:
        return finish_in_place(self, fill_with_zeros(self, 0))
    return fill_(self, 0)


_filled: dict[Any, Any] = {}  # arrays of one small value, which nobody writes
_zeros: dict[int, Any] = {}  # those of zeros, by their type, which lasts
_MOST_FILLED = 256


def fill_(self: Tensor, value: Any) -> Tensor:
    """Write one value everywhere; a number also where several elements are one in memory."""
    target = each_once(self) if self._chain and not isinstance(value, Tensor) else self
    if target is not self:
        fill_(target, value)
        return self
    if self.edge() is not None or isinstance(value, Tensor):
        operation = fill_with_tensor if isinstance(value, Tensor) else fill_with_number
        return finish_in_place(self, operation(self, value))
    type_ = self._value.type
    key = id(type_), repr(value)
    array = _filled.get(key)
    if array is None:
        array = np.full(type_.shape, value, type_.dtype.numpy)
        if len(_filled) < _MOST_FILLED and array.size <= 64:
            _filled[key] = array
            if key[1] == "0":  # not -0.0
                _zeros[id(type_)] = array
    return self.write_in_place(known(type_, array), None)


def is_same_size(self: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have one shape."""
    return tuple(self.shape) == tuple(other.shape)


def type_as(self: Tensor, other: Tensor) -> Tensor:
    """Return the values in another tensor's element type."""
    return memory.to(self, other.dtype)


def _setitem(self: Tensor, key: Any, value: Any) -> None:
    if assigned_at_once(self, key, value):
        return
    if not is_operand(value):
        title = TITLES[self.dtype.name]
        raise TypeError(at_user_line(f"can't assign a {type(value).__name__} to a torch.{title}Tensor"))
    target, contents = assignment(self, key, value)
    finish_in_place(target, contents)


def _delitem(self: Tensor, key: Any) -> None:
    raise TypeError(at_user_line("Tensor does not support deleting items"))


def _invert(self: Tensor) -> Any:
    if self.dtype.is_floating:
        raise TypeError(at_user_line("~ (operator.invert) is only implemented on integer and Boolean-type tensors"))
    return TORCH["bitwise_not"](self)


_powers: dict[int, Function] = {}


def _power(self: Tensor, exponent: Any) -> Any:
    if type(exponent) is not int:
        return torch_arithmetic.FUNCTIONS["pow"](self, exponent) if is_operand(exponent) else NotImplemented
    known = _powers.get(exponent)
    if known is None:
        known = _powers[exponent] = unary_method(torch_powers.POWER, exponent=exponent, fractional=False)
    return known(self)


def _whole_or_not(whole: Function, function: Function) -> Function:
    """Return a reduction whose most frequent form, over everything, is recorded at once."""

    @functools.wraps(function)
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs) if args or kwargs else whole(self)

    return method


def _from_random(name: str, draw: Callable[..., Any]) -> Callable[..., Tensor]:
    """Return the method that writes random numbers; no derivative passes to what was there."""

    def method(self: Tensor, *args: Any, generator: Any = None, **kwargs: Any) -> Tensor:
        given = {{"from": "low", "to": "high"}.get(key, key): value for key, value in kwargs.items()}
        array = np.asarray(draw(random_generator(generator), tuple(self.shape), *args, **given))
        drawn = leaf(array.astype(self.dtype.numpy))
        if self.edge() is None:
            return self.write_in_place(drawn, None)
        return finish_in_place(self, draws[name](self, Tensor.of(drawn)))

    method.__doc__ = f"Write random numbers ({name.removesuffix('_')})."
    return method


def _is_view(self: Tensor) -> bool:
    return self._parent is not None


TORCH = torch_names.METHODS
_of_matrices = binary_operator(torch_products.OF_MATRICES)


def _matrix_product(self: Tensor, other: Any) -> Any:
    """Return the product of two Tensors; that of matrices by the short way."""
    if type(other) is Tensor and len(self._value.type.shape) == 2 == len(other._value.type.shape):
        return _of_matrices(self, other)
    return TORCH["matmul"](self, other) if isinstance(other, Tensor) else NotImplemented


METHODS: dict[str, Any] = {
    **TORCH,
    "backward": backward_method,
    "clone": memory.clone,
    "copy_": memory.copy_,
    "fill_": fill_,
    "zero_": zero_,
    "to": memory.to,
    "float": memory.cast_to(float32),
    "double": memory.cast_to(float64),
    "int": memory.cast_to(int32),
    "long": memory.cast_to(int64),
    "bool": memory.cast_to(bool_),
    "type": memory.type_name,
    "type_as": type_as,
    "dim": lambda self: self.ndim,
    "ndimension": lambda self: self.ndim,
    "size": memory.size,
    "numel": memory.numel,
    "nelement": memory.numel,
    "element_size": lambda self: self.dtype.itemsize,
    "is_contiguous": memory.is_contiguous,
    "contiguous": memory.contiguous,
    "stride": memory.stride,
    "storage_offset": memory.storage_offset,
    "data_ptr": lambda self: share(self).ctypes.data,
    "is_floating_point": lambda self: self.dtype.is_floating,
    "is_complex": lambda self: False,
    "is_inference": lambda self: self._inference,
    "is_same_size": is_same_size,
    "cpu": lambda self: self,
    **NEW,
    "new_tensor": new_tensor_like,
    "masked_select": TORCH["masked_select"],
    "normal_": _from_random("normal_", lambda g, s, mean=0.0, std=1.0: g.normal(mean, std, s)),
    "uniform_": _from_random("uniform_", lambda g, s, low=0.0, high=1.0: g.uniform(low, high, s)),
    "bernoulli_": _from_random("bernoulli_", lambda g, s, p=0.5: g.random(s) < p),
    "random_": _from_random("random_", lambda g, s, low=0, high=1 << 24: g.integers(low, high, s)),
    "stack_rows": lambda self, rows: torch_names.FUNCTIONS["stack"](list(rows)),
    "_is_view": _is_view,
    "__getitem__": getitem,
    "__setitem__": _setitem,
    "__delitem__": _delitem,
    "__deepcopy__": memory.deepcopy,
    "__copy__": memory.shallow_copy,
    "__reduce_ex__": memory.reduce,
    "__contains__": memory.contains,
    "__dlpack__": memory.dlpack,
    "__dlpack_device__": lambda self: (1, 0),
    "__neg__": TORCH["neg"],
    "__pos__": lambda self: self,
    "__abs__": TORCH["abs"],
    "__invert__": _invert,
    "__matmul__": _matrix_product,
    "__round__": memory.python_round,
    "__divmod__": lambda self, other: (self // other, self % other),
}
for _name, (_forward, _reflected) in torch_arithmetic.OPERATORS.items():
    METHODS[f"__{_name}__"] = _operator(_forward)
    METHODS[f"__r{_name}__"] = _operator(_reflected)
    METHODS[f"__i{_name}__"] = in_place_operator(_forward)
METHODS["__pow__"] = _power
for _name, _all in {"sum": torch_reductions.SUM, "mean": torch_reductions.MEAN}.items():
    METHODS[_name] = _whole_or_not(unary_method(_all, dim=None, keepdim=False, dtype=None), TORCH[_name])
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    METHODS[f"__{_name}__"] = _operator(torch_names.FUNCTIONS[_name])
for _name in torch_names.IN_PLACE:
    METHODS[f"{_name}_"] = in_place(TORCH[_name], _name)
for _name in ("squeeze", "unsqueeze", "t", "transpose", "swapaxes", "swapdims", "as_strided"):
    METHODS[f"{_name}_"] = reshaped_in_place(TORCH[_name], _name)
METHODS.update(on_expanded(METHODS))
METHODS["__iter__"] = memory.iterate
_MEANINGS = {
    "cpu": "Return this tensor: it is in this machine's memory.",
    "data_ptr": "Return where in memory the first element is.",
    "dim": "Return how many axes there are.",
    "ndimension": "Return how many axes there are.",
    "element_size": "Return how many bytes an element has.",
    "is_complex": "Return False: there are no complex Tensors.",
    "is_floating_point": "Return whether the elements are floating-point numbers.",
    "is_inference": "Return whether this was made in inference mode.",
    "stack_rows": "Return tensors stacked along a new first axis.",
}
for _name, _meaning in _MEANINGS.items():
    METHODS[_name].__doc__ = _meaning
for _name, _method in METHODS.items():
    setattr(Tensor, _name, method(_method, _name))
_PROPERTIES = {
    "device": lambda self: Device("cpu"),
    "is_cuda": lambda self: False,
    "is_sparse": lambda self: False,
    "is_quantized": lambda self: False,
    "is_mps": lambda self: False,
    "layout": lambda self: strided,
    "itemsize": lambda self: self.dtype.itemsize,
    "nbytes": lambda self: self.numel() * self.dtype.itemsize,
    "_base": lambda self: self._parent if self._chain else None,
    "real": lambda self: self,
    **torch_views.PROPERTIES,
}
for _name, _method in _PROPERTIES.items():
    setattr(Tensor, _name, property(_method))


def _value_made_of(*args: Any) -> Any:
    """Return the value of what ``Tensor(...)`` with these arguments makes."""
    return legacy(*args)._value


_STATIC: dict[str, Function] = {
    "made_of": _value_made_of,
    "settled": settled,
    "on_tape": on_tape,
    "written_chain": written_chain,
}  # what the layers above find by a value's kind
for _name, _method in _STATIC.items():
    setattr(Tensor, _name, staticmethod(_method))
TENSOR_FUNCTIONS.update(zeros_like=zeros_like, ones_like=ones_like, full_like=full_like)
torch_names.PUBLIC.update({name: of_tensors(getattr(Tensor, name), name) for name in torch_names.PUBLIC_IN_PLACE})
