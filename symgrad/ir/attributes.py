"""Values of nodes' attributes, and the keys by which equal ones are found."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

from symgrad.ir.dims import Size

__all__ = ["ArrayConstant", "Range", "attributes_key", "typed_key"]


class Range(NamedTuple):
    """The indices ``start, start + step, ...`` of one axis; ``count=None`` takes one index and drops the axis."""

    start: Size
    count: Size | None  # type: ignore[assignment]  # hides tuple.count, which a Range has no use for
    step: Size = 1


class ArrayConstant:
    """The value of a constant with axes, compared by type and bits."""

    __slots__ = ("_hash", "array")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = np.array(array, order="C", copy=True)
        self.array.flags.writeable = False
        self._hash = hash((self.array.shape, self.array.dtype.str, self.array.tobytes()))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ArrayConstant):
            return False
        a, b = self.array, other.array
        return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()

    def __reduce__(self) -> tuple[type[ArrayConstant], tuple[np.ndarray[Any, Any]]]:
        return ArrayConstant, (self.array,)


def attributes_key(attributes: dict[str, Any]) -> Any:
    """Return a hashable key for the attributes of a node."""
    if len(attributes) == 1:
        ((name, value),) = attributes.items()
        return name, typed_key(value)
    return tuple([(k, typed_key(attributes[k])) for k in sorted(attributes)])


def typed_key(value: Any) -> Any:
    """Return a hashable key that tells 1, 1.0 and True, and 0.0 and -0.0, and nans by their bits, apart."""
    kind = type(value)
    if kind is int or kind is str:
        return kind, value
    if isinstance(value, float):
        return float, struct.pack("<d", value)
    if isinstance(value, tuple):
        return type(value), tuple([typed_key(v) for v in value])
    return kind, value
