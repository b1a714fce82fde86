"""What a Tensor does: Python's operators, methods and their in-place forms, put on the class from tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import DType, as_dtype, float32
from symgrad.eager import torch_basics as arithmetic
from symgrad.eager.faces import Face
from symgrad.eager.gradients import backward_method
from symgrad.eager.operation import Operation
from symgrad.eager.recording import Record
from symgrad.eager.tensor_face import Tensor
from symgrad.errors import DTypeError, at_user_line
from symgrad.ir.types import format_shape

__all__ = ["in_place", "pow_"]

_NUMBERS = (float, int, bool)


def _operator(op: Operation, reverse: bool = False) -> Callable[[Any, Any], Any]:
    record = op.of_two
    if not reverse:

        def operator(self: Tensor, other: Any) -> Any:
            kind = type(other)
            if kind is Tensor or kind is float or kind is int or isinstance(other, (Face, np.ndarray, np.generic, bool)):
                return record(self, other)
            return NotImplemented

        return operator

    swaps = op in (arithmetic.add, arithmetic.mul)

    def reversed_operator(self: Tensor, other: Any) -> Any:
        if swaps and (type(other) is float or type(other) is int):
            return record(self, other)
        if isinstance(other, (Face, np.ndarray, np.generic, *_NUMBERS)):
            return op(other, self)
        return NotImplemented

    return reversed_operator


def pow_(base: Any, exponent: Any) -> Any:
    """Return ``base ** exponent``; an integer exponent that is a Python number is exact multiplication."""
    if isinstance(base, Tensor):
        if type(exponent) is int:
            return arithmetic.integer_power.of_one(base, {"exponent": exponent})
        if isinstance(exponent, int) and not isinstance(exponent, bool):
            return arithmetic.integer_power(base, exponent=int(exponent))
        if isinstance(exponent, float) and exponent.is_integer() and abs(exponent) <= 64:
            base = base if base.dtype.is_floating else base.to(float32)
            return arithmetic.integer_power(base, exponent=int(exponent))
    return arithmetic.power(base, exponent)


_TITLES = {"float32": "Float", "float64": "Double", "int64": "Long", "int32": "Int", "bool": "Bool"}


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
            given, own = _TITLES[result.dtype.name], _TITLES[target.dtype.name]
            raise DTypeError(at_user_line(f"result type {given} can't be cast to the desired output type {own}"))
        result = arithmetic.cast(result, dtype=target.dtype)
    if tuple(result.shape) != tuple(target.shape):
        own_shape, given_shape = format_shape(target.shape), format_shape(result.shape)
        message = f"output with shape {own_shape} doesn't match the broadcast shape {given_shape}"
        raise RuntimeError(at_user_line(message))
    return target.write_in_place(result._value, result._edge)


def in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the form of a function that writes its result into its first argument."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return finish_in_place(self, function(self, *args, **kwargs))

    return method


def in_place_operator(op: Operation) -> Callable[[Any, Any], Any]:
    """Return ``x += y`` and the like."""
    record = op.of_two

    def operator(self: Tensor, other: Any) -> Any:
        result = record(self, other)
        if result._value.type is not self._value.type:
            return finish_in_place(self, result)
        return self.write_in_place(result._value, result._edge)

    return operator


def zero_(self: Tensor) -> Tensor:
    """Write zeros."""
    return fill_(self, 0)


_filled: dict[Any, Any] = {}  # arrays of one small value, which nobody writes
_MOST_FILLED = 256


def fill_(self: Tensor, value: Any) -> Tensor:
    """Write one value everywhere."""
    if self.edge() is not None or isinstance(value, Tensor):
        return finish_in_place(self, arithmetic.fill(self, value))
    type_ = self._value.type
    key = id(type_), repr(value)
    array = _filled.get(key)
    if array is None:
        array = np.full(type_.shape, value, type_.dtype.numpy)
        if len(_filled) < _MOST_FILLED and array.size <= 64:
            _filled[key] = array
    record = Record(None, (), None, type_)
    record.data = array
    return self.write_in_place(record, None)


def clone(self: Tensor, *, memory_format: Any = None) -> Tensor:
    """Return a copy with its own storage, on the tape."""
    made: Tensor = arithmetic.clone(self)
    return made


def to(self: Tensor, *args: Any, dtype: DType | None = None, copy: bool = False, **ignored: Any) -> Tensor:
    """Return the values in another element type; devices are accepted and mean this machine."""
    for given in args:
        if isinstance(given, Tensor):
            dtype = given.dtype
        elif isinstance(given, (DType, type)):
            dtype = as_dtype(given)
    if dtype is None or dtype is self.dtype:
        return clone(self) if copy else self
    made: Tensor = arithmetic.cast(self, dtype=dtype)
    return made


METHODS: dict[str, Any] = {
    "backward": backward_method,
    "clone": clone,
    "fill_": fill_,
    "to": to,
    "zero_": zero_,
    "__pow__": pow_,
    "__rpow__": lambda self, other: pow_(other, self),
    "__neg__": lambda self: arithmetic.neg(self),  # noqa: PLW0108  # an operation is no method by itself
}
for _name, _op in {"add": arithmetic.add, "sub": arithmetic.sub, "mul": arithmetic.mul, "truediv": arithmetic.div}.items():
    METHODS |= {
        f"__{_name}__": _operator(_op),
        f"__r{_name}__": _operator(_op, reverse=True),
        f"__i{_name}__": in_place_operator(_op),
    }
for _name, _method in METHODS.items():
    setattr(Tensor, _name, _method)
