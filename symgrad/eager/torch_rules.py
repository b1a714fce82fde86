"""What formulas of torch's functions share: torch's promotion, its axes, and its words in errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from symgrad.dtypes import DType, bool_, float32, float64, int32, int64, promote, result_dtype
from symgrad.eager.defaults import defaults
from symgrad.eager.faces import Face, Weak
from symgrad.eager.tensor_face import Tensor, traced
from symgrad.eager.values import AnyArray
from symgrad.errors import DTypeError, ShapeError, at_user_line
from symgrad.ir.dims import Size
from symgrad.ir.expr import Node, constant, like, ops
from symgrad.ir.types import Shape

__all__ = [
    "DTYPE_NAMES", "Operand", "as_static", "axes_of", "axis_of", "below", "broadcast", "check_list", "common", "count_of",
    "fixed", "floating", "kept", "known_values", "merged_dtype", "number_node", "refuse", "refuse_dtype", "same_dtype",
    "shape_text", "spread", "truth_of", "zero_like",
]  # fmt: skip

Operand = Node | Weak

DTYPE_NAMES = {float32: "Float", float64: "Double", int32: "Int", int64: "Long", bool_: "Bool"}
_KINDS: dict[DType, type] = {bool_: bool, int64: int, float64: float}


def refuse(message: str) -> NoReturn:
    """Raise ShapeError, which is a RuntimeError as torch's, with the user's line."""
    raise ShapeError(at_user_line(message))


def refuse_dtype(message: str) -> NoReturn:
    """Raise DTypeError, which is a RuntimeError as torch's, with the user's line."""
    raise DTypeError(at_user_line(message))


def shape_text(shape: Sequence[Any]) -> str:
    """Return a shape as torch prints it, ``[2, 3]``."""
    return f"[{', '.join(map(str, shape))}]"


# element types


def common(*operands: Operand, floats: bool = False) -> list[Node]:
    """Return operands as nodes of one element type by torch's promotion; integers as the default float with ``floats``."""
    dimensioned = [x.dtype for x in operands if isinstance(x, Node) and x.ndim]
    zero_dim = [x.dtype for x in operands if isinstance(x, Node) and not x.ndim]
    numbers = [_KINDS[x.node.dtype] for x in operands if isinstance(x, Weak)]
    kind = result_dtype(dimensioned, zero_dim, numbers, defaults.dtype)
    if floats and not kind.is_floating:
        kind = defaults.dtype
    return [number_node(x, kind) for x in operands]


def number_node(operand: Operand, dtype: DType) -> Node:
    """Return an operand as a node of ``dtype``."""
    node = operand.node if isinstance(operand, Weak) else operand
    return node if node.dtype is dtype else ops.cast(node, dtype=dtype)


def floating(operand: Operand) -> Node:
    """Return an operand in floating type: integers, bools and Python numbers as the default float."""
    if isinstance(operand, Weak) or not operand.dtype.is_floating:
        return number_node(operand, defaults.dtype)
    return operand


def truth_of(operand: Operand) -> Node:
    """Return whether each element differs from zero."""
    node = operand.node if isinstance(operand, Weak) else operand
    return node if node.dtype is bool_ else ops.ne(node, like(0, node))


def same_dtype(message: str, *nodes: Node) -> None:
    """Raise DTypeError with ``message``, its ``{}`` filled by torch's names of the types, unless they agree."""
    if any(n.dtype is not nodes[0].dtype for n in nodes):
        refuse_dtype(message.format(*[DTYPE_NAMES[n.dtype] for n in nodes]))


def merged_dtype(dtypes: Sequence[DType]) -> DType:
    """Return the type that holds all of ``dtypes``, whatever the ranks."""
    found = dtypes[0]
    for dtype in dtypes[1:]:
        found = promote(found, dtype)
    return found


# shapes


def broadcast(*nodes: Node) -> Shape:
    """Return the shape that nodes broadcast to, or raise in torch's words."""
    shape: tuple[Size, ...] = ()
    for node in nodes:
        if node.shape != shape:
            shape = _broadcast_two(shape, node.shape)
    return shape


def _broadcast_two(a: Shape, b: Shape) -> Shape:
    rank = max(len(a), len(b))
    left, right = ((1,) * (rank - len(s)) + tuple(s) for s in (a, b))
    result: list[Size] = []
    for k, (p, q) in reversed(list(enumerate(zip(left, right, strict=True)))):
        if p not in (1, q) and q != 1:
            mismatch = f"The size of tensor a ({p}) must match the size of tensor b ({q})"
            refuse(f"{mismatch} at non-singleton dimension {k}")
        result.append(q if p == 1 else p)
    return tuple(reversed(result))


def spread(node: Node, shape: Shape) -> Node:
    """Return a node broadcast to a shape, itself where it has that shape."""
    return node if node.shape == shape else ops.broadcast_to(node, shape=shape)


def axis_of(dim: Any, rank: int, insert: bool = False) -> int:
    """Return an axis counted from the front; a 0-d value has the axes 0 and -1, as torch has it."""
    if not isinstance(dim, int) or isinstance(dim, bool):
        raise TypeError(at_user_line(f"argument 'dim' must be int, not {type(dim).__name__}"))
    size = rank + insert or 1
    if not -size <= dim < size:
        bounds = f"[{-size}, {size - 1}]"
        raise IndexError(at_user_line(f"Dimension out of range (expected to be in range of {bounds}, but got {dim})"))
    return dim % size


def axes_of(dim: Any, rank: int) -> tuple[int, ...]:
    """Return sorted axes counted from the front: all for None and (), and none where there are none."""
    if dim is None or dim == ():
        return tuple(range(rank))
    axes = [axis_of(d, rank) for d in ((dim,) if isinstance(dim, int) else dim)]
    for axis in axes:
        if axes.count(axis) > 1:
            refuse(f"dim {axis} appears multiple times in the list of dims")
    return tuple(sorted(axes)) if rank else ()


def kept(reduced: Node, axes: tuple[int, ...], keepdim: bool) -> Node:
    """Return a reduced value, with its axes as axes of size 1 where they are kept."""
    return ops.expand_dims(reduced, axes=axes) if keepdim and axes else reduced


def fixed(node: Node, axis: int) -> int:
    """Return the size of an axis as an int, or raise where it is named."""
    size = node.shape[axis]
    if not isinstance(size, int):
        refuse(f"needs a fixed size along dimension {axis}, got {node.type}; give a fixed TensorSpec")
    return size


def count_of(node: Node, axes: tuple[int, ...]) -> int:
    """Return how many elements there are over axes of fixed size."""
    count = 1
    for axis in axes:
        count *= fixed(node, axis)
    return count


def as_static(value: Any) -> Any:
    """Return lists as tuples, at any depth, so that they can be attributes."""
    if isinstance(value, (list, tuple)):
        return tuple([as_static(v) for v in value])
    return value


def zero_like(node: Node) -> Node:
    """Return a 0-d zero of a node's element type."""
    return constant(0.0 if node.dtype.is_floating else False if node.dtype is bool_ else 0, node.dtype)


def known_values(value: Any) -> AnyArray | None:
    """Return the values of an operand where they exist: None while tracing."""
    if isinstance(value, Tensor):
        return None if traced(value) else value.numpy_value()
    return np.asarray(value)


def below(indices: AnyArray, size: Any) -> bool:
    """Whether all of some int64 indices are from 0 to below a size: by one reduction, for as an unsigned number -1 is large."""
    return bool(np.maximum.reduce(indices.view(np.uint64), axis=None) < size)


def check_list(name: str, tensors: Any, argument: int = 0) -> None:
    """Raise TypeError unless ``tensors`` is a tuple or list of Tensors, or of arrays in their place."""
    if not isinstance(tensors, (tuple, list)):
        kind = type(tensors).__name__
        raise TypeError(at_user_line(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {kind}"))
    for k, one in enumerate(tensors):
        if not isinstance(one, (Face, Node, np.ndarray)):
            kind = type(one).__name__
            raise TypeError(at_user_line(f"expected Tensor as element {k} in argument {argument}, but got {kind}"))
