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
from symgrad.eager.call_forms import arguments, form_of, method
from symgrad.eager.creation import legacy, new_tensor_like
from symgrad.eager.device import Device, strided
from symgrad.eager.factories import NEW, full_like, ones_like, zeros_like
from symgrad.eager.functions import TENSOR_FUNCTIONS
from symgrad.eager.grad_mode import mode
from symgrad.eager.gradients import backward_method
from symgrad.eager.operation import Operation, on_tape, settled
from symgrad.eager.out_argument import TITLES
from symgrad.eager.overlaps import refuse_overlap
from symgrad.eager.quick import binary_operator, is_operand, unary_method
from symgrad.eager.random_numbers import random_generator
from symgrad.eager.recording import known, leaf
from symgrad.eager.storage import share, write
from symgrad.eager.tape import Leaf
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_basics import cast, draws, fill_with_number, fill_with_tensor, fill_with_zeros
from symgrad.eager.torch_indexing import assignment, getitem
from symgrad.eager.torch_strided import each_once
from symgrad.errors import DTypeError, at_user_line
from symgrad.ir.types import format_shape

__all__ = ["METHODS"]

Function = Callable[..., Any]


def _operator(function: Function) -> Function:
    if isinstance(function, Operation):
        return binary_operator(function)

    def operator(self: Tensor, other: Any) -> Any:
        return function(self, other) if is_operand(other) else NotImplemented

    return operator


def finish_in_place(target: Tensor, result: Tensor) -> Tensor:
    """Write a result into ``target``, in its own element type and shape.

    Raises
    ------
    RuntimeError
        When the result does not fit, as torch says it.
    """
    if result._value.type is target._value.type:
        return target.write_in_place(result._value, result._edge)
    if result.dtype is not target.dtype:
        if result.dtype.category > target.dtype.category:
            given, own = TITLES[result.dtype.name], TITLES[target.dtype.name]
            raise DTypeError(at_user_line(f"result type {given} can't be cast to the desired output type {own}"))
        result = cast(result, dtype=target.dtype)
    if tuple(result.shape) != tuple(target.shape):
        own_shape, given_shape = format_shape(target.shape), format_shape(result.shape)
        message = f"output with shape {own_shape} doesn't match the broadcast shape {given_shape}"
        raise RuntimeError(at_user_line(message))
    return target.write_in_place(result._value, result._edge)


def in_place(function: Function, name: str) -> Function:
    """Return the form of a function that writes its result into its first argument."""
    scattered, careless = name in _SCATTERED, name in _CARELESS
    form = form_of(function, name)

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if (self._cell is not None and not careless) or scattered:
            refuse_overlap(self, (*args, *kwargs.values()), whole=scattered)
        if kwargs:
            (_, *args), kwargs = arguments(form, (self, *args), kwargs)  # type: ignore[assignment]
        return finish_in_place(self, function(self, *args, **kwargs))

    return _described(method, name)


def _described(method: Function, name: str) -> Function:
    """Return the method that writes, with a name and what help shows of it."""
    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = (
        f"Write what ``{name}`` with these arguments returns into this tensor, and return this tensor.\n\n"
        "    The result takes this tensor's shape and element type, or RuntimeError is raised; so it is for a leaf that\n"
        "    requires a gradient, unless under ``no_grad``."
    )
    return method


# what writes at indices must read nothing of what it writes; and what may read anything, as it computes elsewhere first
_SCATTERED = {"index_add", "index_copy", "index_put", "put", "scatter", "scatter_add", "scatter_reduce"}
_CARELESS = {"addbmm", "addmm", "addmv", "baddbmm", "index_fill", "masked_fill", "masked_scatter"}


def in_place_operator(function: Function) -> Function:
    """Return ``x += y`` and the like."""
    record = _operator(function)

    def operator(self: Tensor, other: Any) -> Any:
        if self._cell is not None and type(other) is Tensor:
            refuse_overlap(self, (other,))
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


def reshaped_in_place(function: Function, name: str) -> Function:
    """Return ``x.squeeze_()`` and the like: the tensor becomes the view of itself."""
    form = form_of(function, name)

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if mode.grad:
            self.check_writeable(None)
        (_, *args), kwargs = arguments(form, (self, *args), kwargs)  # type: ignore[assignment]
        made = function(self, *args, **kwargs)
        self.counter[0] += 1
        self._value, self._cell, self._chain = made.current(), made._cell, made._chain
        if made._cell is not None:
            self._stamp = made._stamp
        if isinstance(self._edge, Leaf):  # under no_grad
            self._edge.keep(self)
        else:
            self._edge = made._edge
        return self

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"Turn this tensor into what ``{name}`` with these arguments returns: a view of its own memory."
    return method


def zero_(self: Tensor) -> Tensor:
    """Write zeros."""
    if self.edge() is not None and not self._chain:
        return finish_in_place(self, fill_with_zeros(self, 0))
    array = _zeros.get(id(self._value.type))
    if array is None or self._edge is not None or self._cell is not None:
        return fill_(self, 0)
    write(self, known(self._value.type, array), None)
    return self


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
    target, contents = assignment(self, key, value)
    finish_in_place(target, contents)


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
    "view": memory.view,
    "reshape": memory.reshape,
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
    "__deepcopy__": memory.deepcopy,
    "__copy__": memory.shallow_copy,
    "__reduce_ex__": memory.reduce,
    "__contains__": memory.contains,
    "__dlpack__": memory.dlpack,
    "__dlpack_device__": lambda self: (1, 0),
    "__neg__": TORCH["neg"],
    "__pos__": lambda self: self,
    "__abs__": TORCH["abs"],
    "__invert__": TORCH["bitwise_not"],
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
METHODS["__iter__"] = memory.iterate
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
_STATIC: dict[str, Function] = {
    "made_of": lambda *args: legacy(*args)._value,
    "settled": settled,
    "on_tape": on_tape,
}  # what the layers above find by a value's kind
for _name, _method in _STATIC.items():
    setattr(Tensor, _name, staticmethod(_method))
TENSOR_FUNCTIONS.update(zeros_like=zeros_like, ones_like=ones_like, full_like=full_like)
