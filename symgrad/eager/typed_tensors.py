"""torch's old names of Tensors of one element type: ``FloatTensor(data)``, and ``isinstance(x, FloatTensor)``."""

from __future__ import annotations

from typing import Any

from symgrad.dtypes import DType, bool_, float32, float64, int32, int64
from symgrad.eager.creation import legacy
from symgrad.eager.tensor_face import Tensor

__all__ = ["BoolTensor", "DoubleTensor", "FloatTensor", "IntTensor", "LongTensor"]


class _OfOneType(type):
    """Makes a class of the Tensors of one element type, which calls make."""

    dtype: DType

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, Tensor) and value.dtype is cls.dtype

    def __call__(cls, *args: Any) -> Tensor:
        return legacy(*args, dtype=cls.dtype)


class FloatTensor(metaclass=_OfOneType):
    """Call it with data or sizes for a float32 Tensor."""

    dtype = float32


class DoubleTensor(metaclass=_OfOneType):
    """Call it with data or sizes for a float64 Tensor."""

    dtype = float64


class IntTensor(metaclass=_OfOneType):
    """Call it with data or sizes for an int32 Tensor."""

    dtype = int32


class LongTensor(metaclass=_OfOneType):
    """Call it with data or sizes for an int64 Tensor."""

    dtype = int64


class BoolTensor(metaclass=_OfOneType):
    """Call it with data or sizes for a bool Tensor."""

    dtype = bool_
