"""torch's functions that read or write at integer indices and masks: gather, scatter, index_*, masked_*, take, put."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import bool_, int64
from symgrad.eager.operation import operation
from symgrad.eager.torch_rules import (
    DTYPE_NAMES,
    Operand,
    axis_of,
    broadcast,
    known_values,
    number_node,
    refuse,
    refuse_dtype,
    shape_text,
    spread,
)
from symgrad.eager.torch_views import FUNCTIONS as VIEWS
from symgrad.eager.values import AnyArray
from symgrad.errors import DTypeError, at_user_line
from symgrad.ir.expr import Node, constant, like, ops
from symgrad.ir.types import Shape

__all__ = ["FUNCTIONS", "along", "check_index", "flat_places", "index_node", "overwritten", "ranks_agree", "wrapped"]

Function = Callable[..., Any]


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def index_node(name: str, index: Operand) -> Node:
    """Return integer indices as int64, or raise in torch's words."""
    node = _node(index)
    if not node.dtype.is_integer:
        raise DTypeError(at_user_line(f"{name}(): Expected dtype int32/int64 for index"))
    return node if node.dtype is int64 else ops.cast(node, dtype=int64)


def wrapped(index: Node, size: Any) -> Node:
    """Return indices counted from the front."""
    return ops.where(index < 0, index + like(size, index), index)


def flat_places(index: Node, axis: int, shape: Shape) -> Node:
    """Return where the elements that ``index`` names along an axis stand in memory order; -1 where it is out of range."""
    size: Any = shape[axis]
    flat: Node | None = None
    for k, length in enumerate(shape):
        if k == axis:
            at = index
        else:
            at = ops.iota(size=index.shape[k], dtype=int64)
            at = ops.expand_dims(at, axes=tuple(a for a in range(index.ndim) if a != k))
        flat = at if flat is None else flat * like(length, flat) + at  # type: ignore[arg-type]  # sizes are ints
    assert flat is not None
    outside = ops.logical_or(index < 0, index >= size)
    return ops.where(outside, like(-1, flat), flat)


def ranks_agree(name: str, x: Node, index: Node) -> None:
    """Raise unless an index has as many axes as what it indexes; 0-d counts as one."""
    if max(x.ndim, 1) != max(index.ndim, 1):
        refuse(f"Index tensor must have the same number of dimensions as {name} tensor")


def along(x: Node, index: Node, axis: int) -> Node:
    """Return the elements at ``index`` along an axis, the other axes at the same place, as numpy.take_along_axis."""
    if not x.ndim:
        return spread(x, index.shape) if index.ndim else x
    flat = ops.reshape(x, shape=(x.type.size,))
    return ops.gather(flat, flat_places(index, axis, x.shape), axis=0)


def check_index(index: Any, size: int, axis: int) -> None:
    """Raise at once for indices out of range, where their values are known."""
    values = known_values(index)
    if values is not None and values.size and (values.min() < 0 or values.max() >= size):
        worst = values.min() if values.min() < 0 else values.max()
        refuse(f"index {worst} is out of bounds for dimension {axis} with size {size}")


# reading


@operation("GatherBackward0")
def _gather(x: Operand, index: Operand, *, dim: int) -> Node:
    node, places = _node(x), index_node("gather", index)
    axis = axis_of(dim, node.ndim)
    ranks_agree("input", node, places)
    for k, (p, q) in enumerate(zip(node.shape, places.shape, strict=False)):
        if k != axis and q > p:  # type: ignore[operator]  # sizes of Tensors are ints
            shapes = f"index {shape_text(places.shape)} to be no larger than self {shape_text(node.shape)}"
            refuse(f"Size does not match at dimension {k} expected {shapes} apart from dimension {axis}")
    return along(node, places, axis)


def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    """Return the elements at ``index`` along an axis, the other axes at the index's own place.

    ``sparse_grad`` is accepted for torch's sake: gradients are dense.
    """
    axis = axis_of(dim, input.ndim)
    check_index(index, input.shape[axis] if input.ndim else 1, axis)
    return _gather(input, index, dim=dim)


@operation("GatherBackward0")
def _take_along(x: Operand, index: Operand, *, dim: int) -> Node:
    node, places = _node(x), index_node("torch.take_along_dim", index)
    if node.ndim != places.ndim:
        counts = f"got {node.ndim} dimensions, and {places.ndim} dimensions"
        refuse(f"torch.take_along_dim(): input and indices should have the same number of dimensions, but {counts}")
    axis = axis_of(dim, node.ndim)
    one = [tuple(1 if k == axis else s for k, s in enumerate(n.shape)) for n in (node, places)]
    shape = np.broadcast_shapes(*one)  # type: ignore[arg-type]  # sizes of Tensors are ints
    wide = [spread(n, (*shape[:axis], n.shape[axis], *shape[axis + 1 :])) for n in (node, places)]
    return along(wide[0], wrapped(wide[1], node.shape[axis]), axis)


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """Return the elements at ``indices`` along an axis, broadcast; of all elements where none is named."""
    if dim is None:
        return take(input, VIEWS["reshape"](indices, -1))
    return _take_along(input, indices, dim=dim)


@operation("IndexSelectBackward0")
def _index_select(x: Operand, index: Operand, *, dim: int) -> Node:
    node, places = _node(x), index_node("index_select", index)
    if places.ndim > 1:
        raise IndexError(at_user_line("index_select(): Index is supposed to be a vector"))
    axis = axis_of(dim, node.ndim)
    if not node.ndim:
        return node
    if not places.ndim:
        places = ops.expand_dims(places, axes=(0,))
    return ops.gather(node, places, axis=axis)


def index_select(input: Any, dim: int, index: Any) -> Any:
    """Return the entries at ``index`` along an axis."""
    axis = axis_of(dim, input.ndim)
    values = known_values(index)
    if values is not None and input.ndim and values.size and (values.min() < 0 or values.max() >= input.shape[axis]):
        raise IndexError(at_user_line("index out of range in self"))
    return _index_select(input, index, dim=dim)


@operation("TakeBackward0")
def _take(x: Operand, index: Operand) -> Node:
    node = _node(x)
    places = wrapped(index_node("take", index), node.type.size)
    return ops.gather(ops.reshape(node, shape=(node.type.size,)), places, axis=0)


def take(input: Any, index: Any) -> Any:
    """Return the elements at ``index``, counted in memory order."""
    values, size = known_values(index), int(np.prod(input.shape, dtype=int))
    if values is not None and values.size and (values.min() < -size or values.max() >= size):
        raise IndexError(at_user_line("out of range: tried to access index out of bounds on a tensor of " + f"{size} elements."))
    return _take(input, index)


@operation("MaskedSelectBackward0")
def _select_flat(x: Operand, places: Operand, *, shape: tuple[int, ...]) -> Node:
    node = spread(_node(x), shape)
    return ops.gather(ops.reshape(node, shape=(node.type.size,)), _node(places), axis=0)


def masked_select(input: Any, mask: Any) -> Any:
    """Return the elements where ``mask`` holds, as a vector; the mask's values must be known."""
    _check_mask("masked_select", mask)
    shape = np.broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    places = np.flatnonzero(np.broadcast_to(mask.numpy_value(), shape))
    return _select_flat(input, places, shape=shape)


def _check_mask(name: str, mask: Any) -> None:
    if mask.dtype is not bool_ and mask.dtype != np.bool_:
        refuse_dtype(f"{name}: expected BoolTensor for mask")


# writing: the functional forms


def overwritten(x: Node, value: Node, places: Node) -> Node:
    """Return ``input`` with ``value`` at places in memory order; of several for one place the last counts."""
    size: Any = x.type.size
    count: Any = value.type.size
    writer = ops.last_writer(ops.reshape(places, shape=(count,)), size=size)
    if count == 0:
        return x
    at = ops.maximum(writer, like(0, writer))
    new = ops.gather(ops.reshape(value, shape=(count,)), at, axis=0)
    hit = ops.reshape(writer >= 0, shape=x.shape)
    return ops.where(hit, ops.reshape(new, shape=x.shape), x)


def _checked_source(name: str, x: Node, index: Node, source: Node, axis: int) -> Node:
    if source.dtype is not x.dtype:
        kinds = f"{DTYPE_NAMES[x.dtype]} and source dtype {DTYPE_NAMES[source.dtype]}"
        refuse_dtype(f"{name}(): self and source expected to have the same dtype, but got (self) {kinds}")
    if index.ndim > 1:
        raise IndexError(at_user_line(f"{name}(): Index should have dimension 1 or 0 (got {index.ndim})"))
    count: Any = index.shape[0] if index.ndim else 1
    wanted = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    if source.shape != wanted:
        if source.ndim and source.shape[axis] != count:
            refuse(f"{name}(): Number of indices ({count}) should be equal to source.size(dim): ({source.shape[axis]})")
        refuse(f"source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
               f"{shape_text(x.shape)} source.shape = {shape_text(source.shape)}")  # fmt: skip
    return source


def _index_write(x: Operand, index: Operand, source: Operand, *alpha: Operand, dim: int, add: bool) -> Node:
    name = "index_add" if add else "index_copy"
    node, places = _node(x), index_node(name, index)
    axis = axis_of(dim, node.ndim)
    given = _checked_source(name, node, places, _node(source), axis)
    if not places.ndim:
        places = ops.reshape(places, shape=(1,))
    size: Any = node.shape[axis]
    if add:
        total = ops.scatter_add(given, places, axis=axis, size=size)
        return node + (total * number_node(alpha[0], node.dtype) if alpha else total)
    writer = ops.last_writer(places, size=size)
    new = ops.gather(given, ops.maximum(writer, like(0, writer)), axis=axis)
    hit = ops.expand_dims(writer >= 0, axes=tuple(a for a in range(node.ndim) if a != axis))
    return ops.where(hit, new, node)


_index_add, _index_copy = (operation(f"Index{n}Backward0")(_index_write) for n in ("Add", "Copy"))


def _in_range(values: AnyArray | None, size: Any, message: str) -> None:
    """Raise IndexError at once for a known index that is out of range, counted from the front or the back.

    A write that fails only when it runs would count as one.
    """
    if values is None or not values.size or values.dtype.kind not in "iu" or not isinstance(size, int):
        return
    outside = (values < -size) | (values >= size)
    if outside.any():
        raise IndexError(at_user_line(message.format(values[outside].reshape(-1)[0])))


def _check_places(name: str, x: Any, dim: int, index: Any) -> None:
    values, axis = known_values(index), axis_of(dim, x.ndim)
    if values is not None and values.size and (values.min() < 0 or values.max() >= x.shape[axis]):
        raise IndexError(at_user_line(f"{name}(): index out of range in self"))


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    """Return ``input`` with ``alpha * source`` added at ``index`` along an axis."""
    _check_places("index_add", input, dim, index)
    plain = type(alpha) is int and alpha == 1
    return _index_add(input, index, source, *(() if plain else (alpha,)), dim=dim, add=True)


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    """Return ``input`` with ``source`` written at ``index`` along an axis."""
    _check_places("index_copy", input, dim, index)
    return _index_copy(input, index, source, dim=dim, add=False)


@operation("IndexFillBackward0")
def _index_fill(x: Operand, index: Operand, value: Operand, *, dim: int) -> Node:
    node, places = _node(x), index_node("index_fill", index)
    axis = axis_of(dim, node.ndim)
    places = places if places.ndim else ops.reshape(places, shape=(1,))
    ones = spread(constant(True), places.shape)
    hit = ops.scatter_add(ones, wrapped(places, node.shape[axis]), axis=0, size=node.shape[axis])
    return ops.where(
        ops.expand_dims(hit, axes=tuple(a for a in range(node.ndim) if a != axis)), number_node(value, node.dtype), node
    )


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """Return ``input`` with ``value`` at ``index`` along an axis."""
    values, axis = known_values(index), axis_of(dim, input.ndim)
    size = input.shape[axis] if input.ndim else 1
    _in_range(values, size, f"index {{}} is out of bounds for dimension {axis} with size {size}")
    return _index_fill(input, index, value, dim=dim)


def _masked_fill_formula(x: Operand, mask: Operand, value: Operand) -> Node:
    node, chosen = _node(x), _node(mask)
    if chosen.dtype is not bool_:
        kind = f"got mask with dtype {DTYPE_NAMES[chosen.dtype].lower()}"
        refuse_dtype(f"masked_fill_ only supports boolean masks, but {kind}")
    if isinstance(value, Node) and value.ndim:
        got = f"but got tensor with {value.ndim} dimension(s)."
        refuse(f"masked_fill_ only supports a 0-dimensional value tensor, {got}")
    broadcast(node, chosen)
    return ops.where(chosen, number_node(value, node.dtype), node)


_masked_fills = [operation(f"MaskedFillBackward{k}")(_masked_fill_formula) for k in (0, 1)]


def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """Return ``input`` with ``value``, a number or 0-d tensor, where ``mask`` holds."""
    return _masked_fills[not isinstance(value, (int, float))](input, mask, value)


@operation("MaskedScatterBackward0")
def _masked_scatter(x: Operand, mask: Operand, source: Operand) -> Node:
    """Return ``input`` with the elements of ``source`` in order where ``mask`` holds."""
    node, chosen, given = _node(x), _node(mask), _node(source)
    if chosen.dtype is not bool_:
        refuse_dtype("masked_scatter_ only supports boolean masks")
    if given.dtype is not node.dtype:
        refuse_dtype("masked_scatter: expected self and source to have same dtypes")
    shape = broadcast(node, chosen)
    flat = ops.reshape(ops.cast(spread(chosen, shape), dtype=int64), shape=(-1,) if not shape else (_size(shape),))
    order = ops.cumsum(flat, axis=0) - like(1, flat)
    taken = ops.gather(ops.reshape(given, shape=(given.type.size,)), ops.maximum(order, like(0, order)), axis=0)
    return ops.where(chosen, ops.reshape(taken, shape=shape), node)


def _size(shape: Shape) -> Any:
    total: Any = 1
    for s in shape:
        total = total * s
    return total


@operation("PutBackward0")
def _put(x: Operand, index: Operand, source: Operand, *, accumulate: bool) -> Node:
    node = _node(x)
    places = wrapped(index_node("put_", index), node.type.size)
    given = number_node(source, node.dtype)
    if not accumulate:
        return overwritten(node, spread(given, places.shape) if not given.ndim else given, places)
    updates, spots = (ops.reshape(n, shape=(places.type.size,)) for n in (given, places))
    return node + ops.reshape(ops.scatter_add(updates, spots, axis=0, size=node.type.size), shape=node.shape)


def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """Return ``input`` with ``source`` at ``index``, counted in memory order."""
    count = math.prod(input.shape)
    _in_range(known_values(index), count, f"out of range: tried to access index {{}} on a tensor of {count} elements.")
    return _put(input, index, source, accumulate=bool(accumulate))


def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """Return ``input`` with the elements of ``source`` in order where ``mask`` holds."""
    chosen = known_values(mask)
    if chosen is not None and chosen.dtype == np.bool_:
        shape = np.broadcast_shapes(tuple(input.shape), chosen.shape)
        if np.broadcast_to(chosen, shape).sum() > math.prod(source.shape):
            refuse("Number of elements of source < number of ones in mask")
    return _masked_scatter(input, mask, source)


FUNCTIONS: dict[str, Function] = {
    "gather": gather, "take_along_dim": take_along_dim, "index_select": index_select, "take": take,
    "masked_select": masked_select,  "index_add": index_add,
    "index_copy": index_copy, "index_fill": index_fill, "masked_fill": masked_fill, "masked_scatter": masked_scatter, "put": put,
}  # fmt: skip
