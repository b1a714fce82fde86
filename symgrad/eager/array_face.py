"""Array: a traced value with NumPy's names and meanings."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NoReturn, cast

import numpy as np

from symgrad.dtypes import DType, as_dtype, bool_, float64, int64
from symgrad.eager.faces import Face, Operators, as_float, lift_one
from symgrad.eager.indexing import parse, read, scalar_ranges, write
from symgrad.eager.values import is_concrete, value_of
from symgrad.errors import ShapeError, TraceError, at_user_line
from symgrad.ir.dims import Dim, Size, divide, product
from symgrad.ir.expr import Node, Range, constant, ops
from symgrad.ir.types import format_shape, normalize_axes, normalize_axis

__all__ = ["Array", "NamedSize", "as_shape"]

Axes = int | Sequence[int] | None


class Array(Operators):
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
        return int(value_of(self.node, "an index or range()").reshape(()))

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

    # methods of numpy.ndarray ------------------------------------------------------------------------------------------

    @property
    def T(self) -> Array:  # noqa: N802  # NumPy's name
        """The transpose: all axes reversed."""
        return self.transpose()

    @property
    def mT(self) -> Array:  # noqa: N802  # NumPy's name
        """The matrix transpose: the last two axes exchanged."""
        return self.swapaxes(-1, -2)

    def astype(self, dtype: Any, copy: bool = True) -> Array:
        """Return the values converted to another element type."""
        kind = as_dtype(dtype)
        return Array(self.node if kind is self.node.dtype else ops.cast(self.node, dtype=kind))

    def copy(self, order: str = "C") -> Array:
        """Return an independent array with the same values."""
        return Array(self.node)

    def reshape(self, *shape: Any, order: str = "C") -> Array:
        """Return the elements in the same (C) order with another shape; one size may be -1."""
        return self._view(reshape_node(self.node, as_shape(shape)))

    def ravel(self, order: str = "C") -> Array:
        """Return the elements as one axis."""
        return self.reshape(-1)

    def flatten(self, order: str = "C") -> Array:
        """Return a copy of the elements as one axis."""
        return Array(reshape_node(self.node, (-1,)))

    def transpose(self, *axes: Any) -> Array:
        """Return the axes permuted; reversed when none are given."""
        rank = self.ndim
        order = axes[0] if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (tuple, list))) else axes
        if not order:
            order = tuple(reversed(range(rank)))
        permutation = tuple(normalize_axis("transpose", a, rank) for a in order)
        return self._view(ops.transpose(self.node, permutation=permutation))

    def swapaxes(self, axis1: int, axis2: int) -> Array:
        """Return two axes exchanged."""
        order = list(range(self.ndim))
        a, b = normalize_axis("swapaxes", axis1, self.ndim), normalize_axis("swapaxes", axis2, self.ndim)
        order[a], order[b] = order[b], order[a]
        return self.transpose(order)

    def squeeze(self, axis: Axes = None) -> Array:
        """Return without axes of size 1: all of them, or those named."""
        axes = normalize_axes("squeeze", axis, self.ndim)
        if axis is None:
            axes = tuple(a for a in axes if self._node.shape[a] == 1)
        return self._view(ops.squeeze(self.node, axes=axes)) if axes else self

    def sum(self, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Array:
        """Return the sum over axes (all by default); bool and int32 sum as int64."""
        return self._reduce("sum", axis, keepdims, dtype)

    def prod(self, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Array:
        """Return the product over axes (all by default); bool and int32 multiply as int64."""
        return self._reduce("prod", axis, keepdims, dtype)

    def max(self, axis: Axes = None, keepdims: bool = False) -> Array:
        """Return the largest element over axes; ties share the gradient evenly."""
        return self._reduce("max", axis, keepdims)

    def min(self, axis: Axes = None, keepdims: bool = False) -> Array:
        """Return the smallest element over axes; ties share the gradient evenly."""
        return self._reduce("min", axis, keepdims)

    def any(self, axis: Axes = None, keepdims: bool = False) -> Array:
        """Return whether any element over axes is true."""
        return self._reduce("any", axis, keepdims)

    def all(self, axis: Axes = None, keepdims: bool = False) -> Array:
        """Return whether all elements over axes are true."""
        return self._reduce("all", axis, keepdims)

    def mean(self, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Array:
        """Return the arithmetic mean over axes."""
        return self._statistic("mean", axis, keepdims)

    def var(self, axis: Axes = None, ddof: int = 0, keepdims: bool = False) -> Array:
        """Return the variance over axes, divided by n - ddof."""
        return self._statistic("var", axis, keepdims, ddof=ddof)

    def std(self, axis: Axes = None, ddof: int = 0, keepdims: bool = False) -> Array:
        """Return the square root of the variance."""
        return self._statistic("std", axis, keepdims, ddof=ddof)

    def argmax(self, axis: int | None = None) -> Array:
        """Return the index of the first largest element, of all or along an axis."""
        return self._argument("argmax", axis)

    def argmin(self, axis: int | None = None) -> Array:
        """Return the index of the first smallest element, of all or along an axis."""
        return self._argument("argmin", axis)

    def dot(self, other: Any) -> Array:
        """Return NumPy's dot product."""
        return cast("Array", np.dot(cast(Any, self), other))

    def clip(self, min: Any = None, max: Any = None) -> Array:
        """Return the values limited to [min, max]; the gradient is 1 at the bounds."""
        return cast("Array", np.clip(cast(Any, self), min, max))

    def round(self, decimals: int = 0) -> Array:
        """Return the values rounded half to even."""
        return cast("Array", np.round(cast(Any, self), decimals))

    def trace(self, offset: int = 0) -> Array:
        """Return the sum of the diagonal of a square matrix."""
        return cast("Array", np.trace(cast(Any, self), offset))

    def diagonal(self, offset: int = 0) -> Array:
        """Return the diagonal of a square matrix."""
        return cast("Array", np.diagonal(cast(Any, self), offset))

    def take(self, indices: Any, axis: int | None = None) -> Array:
        """Return elements at integer indices along an axis."""
        return cast("Array", np.take(cast(Any, self), indices, axis))

    def _reduce(self, name: str, axis: Axes, keepdims: bool, dtype: Any = None) -> Array:
        node = self.node if dtype is None else self.astype(dtype).node
        if name in ("sum", "prod") and not node.dtype.is_floating and node.dtype is not int64:
            node = ops.cast(node, dtype=int64)
        if name in ("any", "all") and node.dtype is not bool_:
            node = ops.ne(node, constant(0, node.dtype))
        axes = normalize_axes(name, axis, node.ndim)
        return Array(_keep(getattr(ops, name)(node, axes=axes) if axes else node, axes, keepdims))

    def _statistic(self, name: str, axis: Axes, keepdims: bool, **attributes: Any) -> Array:
        node = as_float(self.node, float64)
        axes = normalize_axes(name, axis, node.ndim)
        return Array(_keep(getattr(ops, name)(node, axes=axes, **attributes), axes, keepdims))

    def _argument(self, name: str, axis: int | None) -> Array:
        node = self.node if axis is not None else reshape_node(self.node, (-1,))
        return Array(getattr(ops, name)(node, axis=0 if axis is None else normalize_axis(name, axis, node.ndim)))


class NamedSize(Array):
    """A size known only at the call: a number in arithmetic, and a size where a shape is asked for."""

    __slots__ = ("dim",)

    def __init__(self, dim: Dim) -> None:
        super().__init__(ops.dim_size(dim=dim))
        self.dim = dim

    def __index__(self) -> int:
        text = f"range(), len() or an index: the size {self.dim} is known only at the call; give a fixed TensorSpec"
        raise TraceError(at_user_line(text))

    def __mul__(self, other: Any) -> Any:
        return self._size(other, lambda a, b: a * b) or Array(self.node).__mul__(other)

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __add__(self, other: Any) -> Any:
        return self._size(other, lambda a, b: a + b) or Array(self.node).__add__(other)

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __sub__(self, other: Any) -> Any:
        return self._size(other, lambda a, b: a - b) or Array(self.node).__sub__(other)

    def _size(self, other: Any, combine: Any) -> NamedSize | None:
        right = other.dim if isinstance(other, NamedSize) else other
        if isinstance(right, Dim) or (isinstance(right, int) and not isinstance(right, bool)):
            result = combine(self.dim, right)
            return NamedSize(result) if isinstance(result, Dim) else None
        return None


def as_shape(shape: Any) -> tuple[Size, ...]:
    """Return a shape given as ints, sizes, or one sequence of them."""
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = shape[0]
    return tuple(s.dim if isinstance(s, NamedSize) else s if isinstance(s, Dim) else int(s) for s in shape)


def reshape_node(node: Node, shape: tuple[Size, ...]) -> Node:
    """Return ``node`` reshaped, a single -1 worked out.

    Raises
    ------
    ShapeError
        When the number of elements does not fit.
    """
    unknown = [k for k, s in enumerate(shape) if s == -1]
    if len(unknown) > 1:
        raise ShapeError(at_user_line(f"reshape: at most one size may be -1, got {format_shape(shape)}"))
    if unknown:
        rest = product([s for s in shape if s != -1])
        missing = divide(node.type.size, rest)
        shape = tuple(missing if s == -1 else s for s in shape)
    return node if shape == node.shape else ops.reshape(node, shape=shape)


def _keep(node: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return ops.expand_dims(node, axes=axes) if keepdims and axes else node


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
