"""Tensor: a value with torch's names and meanings; computed when asked for, or traced by ``sg.compile``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from symgrad.dtypes import DType, as_dtype, bool_, float32, float64, int32, int64
from symgrad.eager import functions as sgf
from symgrad.eager.faces import Face, Operators, as_float, lift_one
from symgrad.eager.indexing import parse, read
from symgrad.eager.shapes import as_shape, reshape_node
from symgrad.eager.values import AnyArray, bound_input, is_concrete, value_of
from symgrad.ir.dims import Size
from symgrad.ir.expr import Node, constant, ops
from symgrad.ir.types import normalize_axes, normalize_axis

__all__ = ["Extremum", "Tensor", "tensor"]

Dims = int | Sequence[int] | None


class Tensor(Operators):
    """A value with torch's names and meanings: ``var`` divides by n - 1, ``max(dim)`` gives values and indices."""

    __slots__ = ()

    default_float: ClassVar[DType] = float32
    __array_priority__ = 2000

    @property
    def shape(self) -> tuple[Size, ...]:
        """Sizes of the axes."""
        return self.node.shape

    @property
    def dtype(self) -> DType:
        """Element type."""
        return self.node.dtype

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return self.node.ndim

    def dim(self) -> int:
        """Return how many axes there are."""
        return self.node.ndim

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one axis."""
        return self.shape if dim is None else self.shape[normalize_axis("size", dim, self.ndim)]

    def numel(self) -> Size:
        """Return how many elements there are."""
        size: Size = self.node.type.size
        return size

    # values ------------------------------------------------------------------------------------------------------------

    def numpy(self) -> AnyArray:
        """Return the values as a NumPy array (a copy)."""
        return value_of(self.node, "numpy()").copy()

    def item(self) -> bool | int | float:
        """Return the single element as a Python number."""
        value = value_of(self.node, "item()")
        if value.size != 1:
            raise RuntimeError(f"a Tensor with {value.size} elements cannot be converted to Scalar")
        number: bool | int | float = value.reshape(()).item()
        return number

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return value_of(self.node, "tolist()").tolist()

    def __array__(self, dtype: Any = None, copy: Any = None) -> AnyArray:
        value = value_of(self.node, "numpy.array()")
        return np.array(value, dtype=dtype)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if not self.dtype.is_integer:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor")
        return int(self.node.shape[0])  # type: ignore[arg-type]  # Tensors have fixed sizes

    def __iter__(self) -> Iterator[Tensor]:
        return iter([self[k] for k in range(len(self))])

    def __repr__(self) -> str:
        node = self.node
        if not is_concrete([node]):
            return f"tensor({node.type}, traced)"
        body = np.array2string(value_of(node), separator=", ", prefix="tensor(", precision=4)
        default = node.dtype in (float32, int64, bool_)
        return f"tensor({body})" if default else f"tensor({body}, dtype={node.dtype})"

    # element types -----------------------------------------------------------------------------------------------------

    def to(self, dtype: Any) -> Tensor:
        """Return the values in another element type."""
        kind = as_dtype(dtype)
        return self if kind is self.dtype else Tensor(ops.cast(self.node, dtype=kind))

    def float(self) -> Tensor:
        """Return the values as float32."""
        return self.to(float32)

    def double(self) -> Tensor:
        """Return the values as float64."""
        return self.to(float64)

    def int(self) -> Tensor:
        """Return the values as int32."""
        return self.to(int32)

    def long(self) -> Tensor:
        """Return the values as int64."""
        return self.to(int64)

    def bool(self) -> Tensor:
        """Return whether each element differs from zero."""
        return self if self.dtype is bool_ else Tensor(ops.ne(self.node, constant(0, self.dtype)))

    # shape -------------------------------------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Tensor:
        return Tensor(read(self.node, parse(key, self.node.shape)))

    def reshape(self, *shape: Any) -> Tensor:
        """Return the elements in the same order with another shape; one size may be -1."""
        return Tensor(reshape_node(self.node, as_shape(shape)))

    view = reshape

    def flatten(self) -> Tensor:
        """Return the elements as one axis."""
        return self.reshape(-1)

    def permute(self, *dims: Any) -> Tensor:
        """Return the axes in another order."""
        order = dims[0] if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else dims
        return Tensor(ops.transpose(self.node, permutation=tuple(normalize_axis("permute", d, self.ndim) for d in order)))

    def transpose(self, dim0: int, dim1: int) -> Tensor:  # type: ignore[valid-type]  # int is a method here, as torch's
        """Return two axes exchanged."""
        order = list(range(self.ndim))
        a, b = normalize_axis("transpose", dim0, self.ndim), normalize_axis("transpose", dim1, self.ndim)
        order[a], order[b] = order[b], order[a]
        return self.permute(order)

    def t(self) -> Tensor:
        """Return a matrix transposed."""
        return self if self.ndim < 2 else self.transpose(0, 1)

    @property
    def T(self) -> Tensor:  # noqa: N802  # torch's name
        """The transpose: all axes reversed."""
        return self.permute(*reversed(range(self.ndim)))

    def unsqueeze(self, dim: int) -> Tensor:  # type: ignore[valid-type]  # int is a method here, as torch's
        """Return with an axis of size 1 inserted."""
        return Tensor(ops.expand_dims(self.node, axes=(normalize_axis("unsqueeze", dim, self.ndim + 1),)))

    def squeeze(self, dim: Any = None) -> Tensor:
        """Return without axes of size 1: all, or those named where their size is 1."""
        axes = tuple(a for a in normalize_axes("squeeze", dim, self.ndim) if self.node.shape[a] == 1)
        return Tensor(ops.squeeze(self.node, axes=axes)) if axes else self

    def expand(self, *shape: Any) -> Tensor:
        """Return broadcast to a shape; -1 keeps a size."""
        sizes = as_shape(shape)
        lead = len(sizes) - self.ndim
        kept = tuple(self.node.shape[k - lead] if s == -1 else s for k, s in enumerate(sizes))
        return Tensor(ops.broadcast_to(self.node, shape=kept))

    def detach(self) -> Tensor:
        """Return the values with no derivative."""
        return Tensor(ops.stop_gradient(self.node))

    # reductions --------------------------------------------------------------------------------------------------------

    def _over(self, name: str, dim: Any, keepdim: Any, node: Node | None = None, **attributes: Any) -> Tensor:
        node = self.node if node is None else node
        axes = normalize_axes(name, None if dim == () else dim, node.ndim)
        result = getattr(ops, name)(node, axes=axes, **attributes)
        return Tensor(ops.expand_dims(result, axes=axes) if keepdim and axes else result)

    def sum(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        """Return the sum over axes; integers and bools sum as int64."""
        return self._over("sum", dim, keepdim, self.node if self.dtype.is_floating else self.to(int64).node)

    def prod(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        """Return the product over an axis; integers and bools multiply as int64."""
        return self._over("prod", dim, keepdim, self.node if self.dtype.is_floating else self.to(int64).node)

    def mean(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        """Return the mean over axes, of floating values only."""
        if not self.dtype.is_floating:
            raise RuntimeError(f"mean(): could not infer output dtype. Input dtype must be floating, got {self.dtype}")
        return self._over("mean", dim, keepdim)

    def var(self, dim: Any = None, correction: Any = 1, keepdim: Any = False) -> Tensor:
        """Return the variance over axes, divided by n - correction."""
        return self._over("var", dim, keepdim, as_float(self.node, float32), ddof=correction)

    def std(self, dim: Any = None, correction: Any = 1, keepdim: Any = False) -> Tensor:
        """Return the square root of the variance."""
        return self._over("std", dim, keepdim, as_float(self.node, float32), ddof=correction)

    def logsumexp(self, dim: Any, keepdim: Any = False) -> Tensor:
        """Return log(sum(exp(x))) over axes without overflow."""
        return self._over("logsumexp", dim, keepdim)

    def amax(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        """Return the largest elements over axes; ties share the gradient."""
        return self._over("max", dim, keepdim)

    def amin(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        """Return the smallest elements over axes; ties share the gradient."""
        return self._over("min", dim, keepdim)

    def max(self, dim: Any = None, keepdim: Any = False) -> Any:
        """Return the largest element, or over an axis ``(values, indices)``; then the first index takes the gradient."""
        return self.amax() if dim is None else self._extremum("argmax", dim, keepdim)

    def min(self, dim: Any = None, keepdim: Any = False) -> Any:
        """Return the smallest element, or over an axis ``(values, indices)``; then the first index takes the gradient."""
        return self.amin() if dim is None else self._extremum("argmin", dim, keepdim)

    def _extremum(self, name: str, dim: Any, keepdim: Any) -> Extremum:
        node = self.node
        axis = normalize_axis(name, dim, node.ndim)
        index = getattr(ops, name)(node, axis=axis)
        spots = ops.expand_dims(ops.iota(size=node.shape[axis], dtype=int64), axes=tuple(range(1, node.ndim - axis)))
        hit = ops.eq(spots, ops.expand_dims(index, axes=(axis,)))
        values = ops.sum(ops.where(hit, node, constant(0, node.dtype)), axes=(axis,))
        if keepdim:
            values, index = (ops.expand_dims(n, axes=(axis,)) for n in (values, index))
        return Extremum(Tensor(values), Tensor(index))

    def argmax(self, dim: Any = None) -> Tensor:
        """Return the index of the first largest element, of all or along an axis."""
        return Tensor(self._index("argmax", dim))

    def argmin(self, dim: Any = None) -> Tensor:
        """Return the index of the first smallest element, of all or along an axis."""
        return Tensor(self._index("argmin", dim))

    def _index(self, name: str, dim: Any) -> Node:
        node = self.node if dim is not None else reshape_node(self.node, (-1,))
        index: Node = getattr(ops, name)(node, axis=0 if dim is None else normalize_axis(name, dim, node.ndim))
        return index

    def any(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        """Return whether any element over axes differs from zero."""
        return self._over("any", dim, keepdim, self.bool().node)

    def all(self, dim: Any = None, keepdim: Any = False) -> Tensor:
        """Return whether all elements over axes differ from zero."""
        return self._over("all", dim, keepdim, self.bool().node)

    # elementwise -------------------------------------------------------------------------------------------------------

    def pow(self, exponent: Any) -> Tensor:
        """Return each element to a power."""
        result: Tensor = self**exponent
        return result

    def clamp(self, min: Any = None, max: Any = None) -> Any:
        """Return the values limited to [min, max]; the gradient is 1 at the bounds."""
        return sgf.clip(self, min, max)

    def where(self, condition: Any, other: Any) -> Any:
        """Return these values where ``condition`` is true, else ``other``."""
        return sgf.where(condition, self, other)

    def matmul(self, other: Any) -> Any:
        """Return the matrix product."""
        return self @ other


class Extremum(NamedTuple):
    """Largest or smallest values along an axis and where they are."""

    values: Tensor
    indices: Tensor


for _name in (*sgf.FLOATING, *sgf.UNARY, *sgf.LOGICAL, "atan2", "maximum", "minimum", "hypot", "fmod"):
    if not hasattr(Tensor, _name):
        setattr(Tensor, _name, sgf.elementwise(_name))


def tensor(data: Any, dtype: Any = None) -> Tensor:
    """Return a Tensor with a copy of ``data``: a number, nested lists, a NumPy array or a Tensor.

    Python floats become float32, integers int64; NumPy arrays keep their element type.
    """
    if isinstance(data, Face):
        node = lift_one(data, float32, None if dtype is None else as_dtype(dtype))
        return Tensor(node)
    array = np.asarray(data)
    if dtype is None and not isinstance(data, (np.ndarray, np.generic)) and array.dtype.kind == "f":
        dtype = float32
    return Tensor(bound_input(array if dtype is None else array.astype(as_dtype(dtype).numpy), "tensor"))
