"""The one table of element types: NumPy, C and cffi names, literal suffixes and promotion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.errors import DTypeError

__all__ = [
    "BY_NAME",
    "DType",
    "as_dtype",
    "bool_",
    "float32",
    "float64",
    "from_numpy",
    "int32",
    "int64",
    "promote",
    "result_dtype",
]


@dataclass(frozen=True, eq=False, slots=True)
class DType:
    """An element type. There is exactly one instance of each, so identity is equality.

    Attributes
    ----------
    name : str
        ``"float64"``, ``"float32"``, ``"int64"``, ``"int32"`` or ``"bool"``.
    numpy : numpy.dtype
    c : str
        The C type of one element (``"double"``, ``"unsigned char"`` for bool).
    suffix : str
        What follows a C literal of this type.
    category : int
        0 bool, 1 integer, 2 floating: a higher category wins promotion whatever the rank.
    eps : float
        Spacing of floating-point numbers at 1, 0.0 for the others.
    """

    name: str
    numpy: np.dtype[Any]
    c: str
    suffix: str
    category: int
    eps: float

    @property
    def is_floating(self) -> bool:
        """Whether a gradient may be taken with respect to values of this type."""
        return self.category == 2

    @property
    def is_floating_point(self) -> bool:
        """The same, under torch's name."""
        return self.category == 2

    @property
    def is_complex(self) -> bool:
        """False: there are no complex elements."""
        return False

    @property
    def is_signed(self) -> bool:
        """Whether there are negative values."""
        return self.category > 0

    @property
    def is_integer(self) -> bool:
        """Whether this is a signed integer type (bool is not)."""
        return self.category == 1

    @property
    def is_bool(self) -> bool:
        """Whether this is the boolean type."""
        return self.category == 0

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.numpy.itemsize

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype; lets ``numpy.dtype(sg.float32)`` and ``np.zeros(3, sg.float32)`` work."""
        return self.numpy

    def __repr__(self) -> str:
        return f"symgrad.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return as_dtype, (self.name,)


float64 = DType("float64", np.dtype(np.float64), "double", "", 2, float(np.finfo(np.float64).eps))
float32 = DType("float32", np.dtype(np.float32), "float", "f", 2, float(np.finfo(np.float32).eps))
int64 = DType("int64", np.dtype(np.int64), "int64_t", "", 1, 0.0)
int32 = DType("int32", np.dtype(np.int32), "int32_t", "", 1, 0.0)
bool_ = DType("bool", np.dtype(np.bool_), "unsigned char", "", 0, 0.0)

BY_NAME: dict[str, DType] = {d.name: d for d in (float64, float32, int64, int32, bool_)}
_BY_NUMPY = {d.numpy: d for d in BY_NAME.values()}
_ALIASES = {"float": "float32", "double": "float64", "int": "int32", "long": "int64"}
_PYTHON: dict[type, DType] = {float: float64, int: int64, bool: bool_}


def from_numpy(dtype: np.dtype[Any]) -> DType:
    """Return the element type of a NumPy dtype, in native or swapped byte order.

    Raises
    ------
    DTypeError
        For a type symgrad has no element type for (float16, complex, unsigned, objects, strings).
    """
    found = _BY_NUMPY.get(dtype) or BY_NAME.get(dtype.name)
    if found is None:
        raise DTypeError(
            f"dtype: symgrad works with {', '.join(BY_NAME)}, got {dtype}; convert with .astype(numpy.float64) first"
        )
    return found


def as_dtype(value: Any) -> DType:
    """Return the element type meant by a DType, a name, a NumPy dtype or scalar type, or ``float``/``int``/``bool``.

    Raises
    ------
    DTypeError
        When it names no element type symgrad has.
    """
    if isinstance(value, DType):
        return value
    if isinstance(value, type) and value in _PYTHON:
        return _PYTHON[value]
    if isinstance(value, str) and value in BY_NAME:
        return BY_NAME[value]
    try:
        return from_numpy(np.dtype(value))
    except TypeError as error:
        if isinstance(error, DTypeError):
            raise
        raise DTypeError(f"dtype: expected one of {', '.join(BY_NAME)}, got {value!r}") from error


def promote(left: DType, right: DType) -> DType:
    """Return the type that holds both: the higher category, then the wider; int64 with float32 gives float32."""
    if left is right:
        return left
    if left.category != right.category:
        return left if left.category > right.category else right
    return left if left.itemsize > right.itemsize else right


def result_dtype(dimensioned: Iterable[DType], zero_dim: Iterable[DType], scalars: Iterable[type], default: DType) -> DType:
    """Return the common type of operands by torch's rule.

    Operands rank as arrays of one or more axes, then 0-d arrays, then Python numbers; a lower rank
    changes the result only when it is of a higher category (a float with integer arrays).

    Parameters
    ----------
    dimensioned, zero_dim : iterable of DType
        Types of the array operands with axes, and without.
    scalars : iterable of type
        ``bool``, ``int`` or ``float`` for each Python number.
    default : DType
        What a Python float becomes next to integers.
    """
    result: DType | None = None
    number = {bool: bool_, int: int64, float: default}
    for rank in (list(dimensioned), list(zero_dim), [number[s] for s in scalars]):
        found: DType | None = None
        for dtype in rank:
            found = dtype if found is None else promote(found, dtype)
        if found is not None and (result is None or found.category > result.category):
            result = found
    if result is None:
        raise DTypeError("result_dtype: needs at least one operand")
    return result
