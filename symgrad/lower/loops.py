"""The loop IR: a program is a list of functions, a function a list of steps, most of them loop nests.

Values are in single-assignment form: each has a number that is unique in its program. Values computed in a
nest without axes are visible in every later step; those of a nest with axes only in its own body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from symgrad.dtypes import DType
from symgrad.ir.dims import Size, evaluate
from symgrad.ir.expr import ArrayConstant, Primitive
from symgrad.ir.types import TensorType

__all__ = [
    "ZERO",
    "Accumulate",
    "Affine",
    "Apply",
    "Buffer",
    "Check",
    "Contract",
    "Fetch",
    "Fill",
    "Function",
    "Literal",
    "Load",
    "Nest",
    "Position",
    "Program",
    "Reload",
    "Require",
    "Scatter",
    "Spill",
    "Statement",
    "Step",
    "Store",
    "Value",
]


class Affine(NamedTuple):
    """The index ``offset + sum(coefficient * axis)``; ``terms`` holds ``(axis, coefficient)``, sorted, none of them 0."""

    offset: Size
    terms: tuple[tuple[int, Size], ...] = ()


ZERO = Affine(0)


class Literal(NamedTuple):
    """A number known now."""

    number: int
    value: bool | int | float
    dtype: DType


class Load(NamedTuple):
    """The element of a buffer at an affine position, in elements."""

    number: int
    buffer: int
    place: Affine
    dtype: DType


class Position(NamedTuple):
    """An affine position itself as a value: iota, and sizes as numbers."""

    number: int
    place: Affine
    dtype: DType


class Apply(NamedTuple):
    """An elementwise primitive applied to values."""

    number: int
    primitive: Primitive
    operands: tuple[int, ...]
    attributes: Mapping[str, Any]
    dtype: DType


class Fetch(NamedTuple):
    """The element of a buffer at ``place + stride * position``, where ``position`` is a value."""

    number: int
    buffer: int
    place: Affine
    position: int
    stride: Size
    dtype: DType


class Reload(NamedTuple):
    """A value brought from a workspace slot into another function."""

    number: int
    slot: int
    dtype: DType


class Spill(NamedTuple):
    """A value put into a workspace slot for another function."""

    value: int
    slot: int
    dtype: DType


class Store(NamedTuple):
    """Write a value; ``combine`` is ``=``, ``+``, ``*``, ``max``, ``min``, ``||`` or ``&&``, applied to what is there."""

    buffer: int
    place: Affine
    value: int
    combine: str = "="


class Accumulate(NamedTuple):
    """Reduce a value over the axes from ``level`` inwards.

    The result is the value ``number`` after the nest when ``level`` is 0, and is stored at ``buffer[place]``
    when there is a buffer. ``combine`` is that of Store, or ``argmax`` or ``argmin``. ``length`` counts the
    elements reduced into one.
    """

    number: int
    combine: str
    value: int
    level: int
    length: Size
    buffer: int | None
    place: Affine
    dtype: DType


Value = Literal | Load | Position | Apply | Fetch | Reload
Statement = Value | Store | Accumulate | Spill


@dataclass(frozen=True, slots=True)
class Nest:
    """Perfectly nested loops over ``extents``, the outermost first, around one body."""

    extents: tuple[Size, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Fill:
    """Set elements of a buffer to one value: ``count`` from ``start`` on, or all of them where there is no count."""

    buffer: int
    value: bool | int | float
    start: Size = 0
    count: Size | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Return 1 unless all of a buffer's elements at ``index`` over ``extents`` lie in ``[0, limit)``."""

    extents: tuple[Size, ...]
    buffer: int
    index: Affine
    limit: Size


@dataclass(frozen=True, slots=True)
class Require:
    """Return 2 unless a symbolic size is at least 1: the axis of an argmax or argmin."""

    size: Size


@dataclass(frozen=True, slots=True)
class Scatter:
    """``buffer[index + stride * positions[at]] += updates[source]`` over ``extents``, in order; ``|=`` for bool."""

    extents: tuple[Size, ...]
    buffer: int
    index: Affine
    stride: Size
    positions: int
    at: Affine
    updates: int
    source: Affine


@dataclass(frozen=True, slots=True)
class Contract:
    """``out[..] = sum(x[..] * y[..])``: loops over ``extents``, those from ``kept`` on are summed.

    The three affine positions are over all the loops; the order of the loops is the order of execution, and
    ``out`` may be accumulated in memory when a summed axis lies outside a kept one.
    """

    extents: tuple[Size, ...]
    summed: tuple[bool, ...]
    x: int
    x_index: Affine
    y: int
    y_index: Affine
    out: int
    out_index: Affine
    dtype: DType


Step = Nest | Fill | Check | Require | Scatter | Contract


@dataclass(frozen=True, slots=True)
class Buffer:
    """Where an array lives.

    ``role`` is ``input``, ``output``, ``constant`` or ``work``; ``position`` is the argument's number for the first two.
    ``offset`` counts doubles from the start of the workspace.
    """

    role: str
    size: Size
    dtype: DType
    position: int = 0
    offset: Size = 0
    constant: ArrayConstant | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """Steps that are printed as one C function."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """What is printed as one C source.

    Attributes
    ----------
    inputs, outputs : tuple of TensorType
    dims : tuple of str
        Named sizes, in the order of the arguments.
    buffers : tuple of Buffer
        Steps name them by position.
    functions : tuple of Function
        Called in this order; one, or several when the code is long.
    slots : tuple of Size
        Where each spilled value lives, in doubles from the start of the workspace.
    work : Size
        Doubles of workspace the caller gives.
    flops, bytes_moved : Size
        Arithmetic operations, and bytes read and written in buffers, of one call.
    kernels : int
        Loop nests and library-like steps.
    key : str
        Digest of the graph this was lowered from.
    """

    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    dims: tuple[str, ...]
    buffers: tuple[Buffer, ...]
    functions: tuple[Function, ...]
    slots: tuple[Size, ...]
    work: Size
    flops: Size
    bytes_moved: Size
    kernels: int
    key: str

    def work_size(self, sizes: Mapping[str, int]) -> int:
        """Return the doubles of workspace a call needs when the dims have these sizes."""
        return evaluate(self.work, sizes)
