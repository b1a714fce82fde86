"""Types of values: a shape of ints and named dims with an element type, and the broadcasting algebra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symgrad.dtypes import DType
from symgrad.errors import ShapeError, at_user_line
from symgrad.ir.dims import Dim, Size, product

__all__ = ["Shape", "TensorType", "TupleType", "Type", "broadcast_shapes", "format_shape", "normalize_axes", "normalize_axis"]

Shape = tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class TensorType:
    """The type of an array value: its shape and element type."""

    shape: Shape
    dtype: DType

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self.shape)

    @property
    def size(self) -> Size:
        """How many elements there are: an int, or a Dim."""
        return product(self.shape)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the shape's dims, by first appearance."""
        return tuple(dict.fromkeys(n for s in self.shape if isinstance(s, Dim) for n in s.names))

    def __str__(self) -> str:
        return f"{self.dtype.name}{format_shape(self.shape)}" if self.shape else self.dtype.name


@dataclass(frozen=True, slots=True)
class TupleType:
    """The type of several values produced together; ``project`` takes one out."""

    elements: tuple[TensorType, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.elements))})"


Type = TensorType | TupleType


def format_shape(shape: Sequence[Size]) -> str:
    """Return a shape as ``[m, 3]``."""
    return f"[{', '.join(map(str, shape))}]"


def broadcast_shapes(operation: str, *shapes: Shape) -> Shape:
    """Return the shape that all of ``shapes`` broadcast to; a named dim broadcasts only with 1 or itself.

    Raises
    ------
    ShapeError
        When they do not, naming ``operation``.
    """
    first = shapes[0]
    if all(s == first for s in shapes[1:]):
        return first
    rank = max(map(len, shapes))
    result: list[Size] = []
    for axis in range(-rank, 0):
        size: Size = 1
        for shape in shapes:
            if -axis > len(shape) or shape[axis] == 1:
                continue
            if size != 1 and size != shape[axis]:
                given = ", ".join(map(format_shape, shapes))
                raise ShapeError(at_user_line(f"{operation}: shapes must broadcast together, got {given}"))
            size = shape[axis]
        result.append(size)
    return tuple(result)


def normalize_axis(operation: str, axis: int, rank: int) -> int:
    """Return ``axis`` counted from the front.

    Raises
    ------
    ShapeError
        When it lies outside ``-rank .. rank - 1``.
    """
    index = int(axis)
    if not -rank <= index < rank:
        raise ShapeError(at_user_line(f"{operation}: axis must lie in [-{rank}, {rank}) for {rank} axes, got {axis}"))
    return index % rank


def normalize_axes(operation: str, axes: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Return sorted axes counted from the front; all of them for None.

    Raises
    ------
    ShapeError
        When one lies outside the array or is named twice.
    """
    if axes is None:
        return tuple(range(rank))
    given = (axes,) if isinstance(axes, int) else tuple(axes)
    result = tuple(sorted(normalize_axis(operation, a, rank) for a in given))
    if len(set(result)) != len(result):
        raise ShapeError(at_user_line(f"{operation}: each axis once, got {given}"))
    return result
