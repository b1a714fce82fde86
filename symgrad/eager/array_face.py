"""Array: a traced value with NumPy's names and meanings."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn

import numpy as np

from symgrad.dtypes import DType, float64
from symgrad.eager.array_methods import ArrayMethods
from symgrad.eager.faces import Face, lift_one
from symgrad.eager.indexing import parse, read, scalar_ranges, write
from symgrad.eager.values import is_concrete, unknown_size, value_of
from symgrad.errors import TraceError, at_user_line
from symgrad.ir.dims import Dim
from symgrad.ir.expr import Node, Range, constant, ops

__all__ = ["Array", "NamedSize", "set_protocols"]


class Array(ArrayMethods):
    """A traced array with NumPy's names and meanings.

    NumPy's own functions work on it. Its shape and element type are known, its values only outside
    ``sg.compile``; asking for a value that does not exist raises TraceError.
    """

    __slots__ = ("_base", "_views", "_writes", "argument")

    default_float: ClassVar[DType] = float64
    __array_priority__ = 1000

    def __init__(self, node: Node, base: Array | None = None, argument: bool = False) -> None:
        super().__init__(node)
        self._base = base
        self._views: list[weakref.ref[Array]] = []
        self._writes: dict[tuple[Range, ...], Node] = {}
        self.argument = argument

    @classmethod
    def face_type(cls) -> type[Face]:
        """Return Array: also for sizes, whose arithmetic gives ordinary values."""
        return Array

    # what NumPy calls ------------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return _protocol("ufunc")(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _protocol("function")(function, args, kwargs)

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        raise TraceError(
            at_user_line(
                "numpy.array: cannot turn a traced value into a NumPy array, its derivative would be lost; "
                "build arrays of traced values with np.stack or np.concatenate, and write into np.zeros_like(x) or sg.zeros(...)"
            )
        )

    def _no_number(self, asked: str) -> NoReturn:
        raise TraceError(
            at_user_line(
                f"{asked}: a traced value is not a Python number, its derivative would be lost; use NumPy's functions "
                "(np.sin for math.sin), write into arrays made by np.zeros_like(x) or sg.zeros(...), "
                "and pass numbers that decide how the code runs as static_argnames of sg.compile"
            )
        )

    def __float__(self) -> float:
        self._no_number("float()")

    def __complex__(self) -> complex:
        self._no_number("complex()")

    def __int__(self) -> int:
        if self.node.dtype.is_floating:
            self._no_number("int()")
        return int(value_of(self.node, "int()").reshape(()))

    def __index__(self) -> int:
        if self.node.dtype.is_floating:
            raise TypeError("only integers can be used as an index")
        return int(value_of(self.node, "range(), an index or a NumPy constructor").reshape(()))

    def item(self) -> NoReturn:
        """Raise TraceError: a traced value has no number to give."""
        self._no_number("item()")

    def tolist(self) -> NoReturn:
        """Raise TraceError: a traced value has no numbers to give."""
        self._no_number("tolist()")

    # shape -----------------------------------------------------------------------------------------------------------

    @property
    def node(self) -> Node:
        """The value's place in the graph, with pending writes applied."""
        if self._writes:
            self._flush()
        return self._node

    @property
    def shape(self) -> tuple[Any, ...]:
        """Sizes of the axes; a named one is a traced number that works as a size."""
        return tuple([s if isinstance(s, int) else NamedSize(s) for s in self._node.shape])

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return self._node.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """Element type, as NumPy's."""
        return self._node.dtype.numpy

    @property
    def size(self) -> Any:
        """How many elements there are."""
        size = self._node.type.size
        return size if isinstance(size, int) else NamedSize(size)

    def __len__(self) -> int:
        if not self._node.ndim:
            raise TypeError(at_user_line("len() of a 0-d array"))
        size = self._node.shape[0]
        if isinstance(size, Dim):
            raise TraceError(at_user_line(f"len(): the size {size} is known only at the call; give a fixed TensorSpec"))
        return size

    def __iter__(self) -> Iterator[Any]:
        return iter([self[k] for k in range(len(self))])

    def __repr__(self) -> str:
        node = self.node
        if is_concrete([node]):
            return f"Array({np.array2string(value_of(node), separator=', ', prefix='Array(')}, dtype={node.dtype.name})"
        if not node.ndim and node.dtype.is_integer:  # NumPy shows this in place of an error when it is asked for a size
            return f"Array({node.type}, traced: no number until the call; as a size, give a fixed TensorSpec)"
        return f"Array({node.type}, traced)"

    # views and writes --------------------------------------------------------------------------------------------------

    def _view(self, node: Node) -> Array:
        base = self if self._base is None else self._base
        view = Array(node, base=base)
        base._views = [r for r in base._views if r() is not None]
        base._views.append(weakref.ref(view))
        return view

    def __getitem__(self, key: Any) -> Array:
        parsed = parse(key, self._node.shape)
        if self._writes:
            spot = scalar_ranges(parsed)
            written = None if spot is None else self._writes.get(spot)
            if written is not None:
                return Array(written)
        result = read(self.node, parsed)
        return Array(result) if parsed.arrays or not result.ndim else self._view(result)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._check_writable()
        parsed = parse(key, self._node.shape)
        node = lift_one(value, float64, None if isinstance(value, Face) else self._node.dtype)
        spot = scalar_ranges(parsed)
        if spot is not None and node.ndim == 0:
            self._writes[spot] = node if node.dtype is self._node.dtype else ops.cast(node, dtype=self._node.dtype)
        else:
            self._node = write(self.node, parsed, node, self._node.dtype)

    def _check_writable(self) -> None:
        if self.argument:
            raise TraceError(at_user_line("assignment: arguments are read-only while tracing; write into a copy, x = x.copy()"))
        if self._base is not None or any(r() is not None for r in self._views):
            shared = "assignment: this array shares memory with a view, which tracing does not follow"
            raise TraceError(at_user_line(f"{shared}; write into a .copy()"))

    def _flush(self) -> None:
        """Apply pending writes of single elements: together, so that n of them cost n and not n arrays."""
        writes, self._writes = self._writes, {}
        ranges, pieces = tuple(writes), list(writes.values())
        placed = ops.assemble(*pieces, shape=self._node.shape, ranges=ranges)
        if _is_zero(self._node) or len(pieces) == self._node.type.size:
            self._node = placed
        else:
            hit = ops.assemble(*[constant(True)] * len(pieces), shape=self._node.shape, ranges=ranges)
            self._node = ops.where(hit, placed, self._node)


class NamedSize(Array):
    """A size known only at the call: a number in arithmetic, and a size where a shape is asked for."""

    __slots__ = ("dim",)

    def __init__(self, dim: Dim) -> None:
        super().__init__(ops.dim_size(dim=dim))
        self.dim = dim

    def __index__(self) -> int:
        raise TraceError(at_user_line(unknown_size("range(), len(), an index or a NumPy constructor", self.dim)))

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        raise TraceError(at_user_line(unknown_size("numpy.arange and numpy.array", self.dim)))

    def __repr__(self) -> str:
        # np.zeros(size) shows this, and its first 100 characters only, in place of the error raised above
        return f"size {self.dim}, known only at the call: use sg.zeros, sg.full, sg.arange or a fixed TensorSpec"

    def __mul__(self, other: Any) -> Any:
        found = self._size(other, lambda a, b: a * b)
        return Array(self.node).__mul__(other) if found is None else found

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __add__(self, other: Any) -> Any:
        found = self._size(other, lambda a, b: a + b)
        return Array(self.node).__add__(other) if found is None else found

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __sub__(self, other: Any) -> Any:
        found = self._size(other, lambda a, b: a - b)
        return Array(self.node).__sub__(other) if found is None else found

    def __rsub__(self, other: Any) -> Any:
        found = self._size(other, lambda a, b: b - a)
        return Array(self.node).__rsub__(other) if found is None else found

    def _size(self, other: Any, combine: Any) -> NamedSize | None:
        right = other.dim if isinstance(other, NamedSize) else other
        if isinstance(right, Dim) or (isinstance(right, int) and not isinstance(right, bool)):
            result = combine(self.dim, right)
            return NamedSize(result) if isinstance(result, Dim) else None
        return None


def _is_zero(node: Node) -> bool:
    while node.primitive is ops.broadcast_to:
        node = node.inputs[0]
    value = node.attributes.get("value") if node.primitive is ops.constant else None
    if isinstance(value, (bool, int, float)):
        return value == 0
    return value is not None and not np.any(value.array)


_PROTOCOLS: dict[str, Any] = {}


def _protocol(name: str) -> Any:
    return _PROTOCOLS[name]


def set_protocols(ufunc: Any, function: Any) -> None:
    """Say what answers NumPy's protocols; the table of NumPy's functions is a module of its own, above this one."""
    _PROTOCOLS.update(ufunc=ufunc, function=function)
