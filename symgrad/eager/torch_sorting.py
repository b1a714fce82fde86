"""torch's sorting, searching, order statistics and counting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import int32, int64
from symgrad.eager.operation import operation
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_gathering import along
from symgrad.eager.torch_returns import return_type
from symgrad.eager.torch_rules import (
    Operand,
    axis_of,
    common,
    fixed,
    known_values,
    refuse,
    same_dtype,
    zero_like,
)
from symgrad.errors import at_user_line
from symgrad.ir.expr import Node, Range, like, ops

__all__ = ["FUNCTIONS"]

Function = Callable[..., Any]

_sort_type = return_type("sort", "values", "indices")
_topk_type = return_type("topk", "values", "indices")
_kth_type = return_type("kthvalue", "values", "indices")
_median_type = return_type("median", "values", "indices")
_nanmedian_type = return_type("nanmedian", "values", "indices")
_mode_type = return_type("mode", "values", "indices")


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def _as_row(node: Node) -> Node:
    return node if node.ndim else ops.reshape(node, shape=(1,))


def _part(node: Node, axis: int, start: int, count: int | None) -> Node:
    ranges = tuple(Range(start, count) if a == axis else Range(0, s) for a, s in enumerate(node.shape))
    return ops.slice(node, ranges=ranges)


# sorting


def _order(node: Node, axis: int, descending: bool) -> Node:
    result: Node = ops.argsort(_as_row(node), axis=axis, descending=descending)
    return result if node.ndim else ops.reshape(result, shape=())


def _sort_formula(x: Operand, *, dim: int, descending: bool) -> tuple[Node, Node]:
    node = _node(x)
    axis = axis_of(dim, node.ndim)
    order = _order(node, axis, descending)
    return along(node, order, axis), order


_sorts = [operation(f"SortBackward{k}")(_sort_formula) for k in (0, 1)]


def sort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool | None = None) -> Any:
    """Return the elements along an axis in order and where they were; equal ones keep their order, nan is the greatest."""
    return _sort_type(*_sorts[stable is not None](input, dim=dim, descending=bool(descending)))


@operation("NotDifferentiable")
def _argsort(x: Operand, *, dim: int, descending: bool) -> Node:
    node = _node(x)
    return _order(node, axis_of(dim, node.ndim), descending)


def argsort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Any:
    """Return the indices that put an axis in order."""
    return _argsort(input, dim=dim, descending=bool(descending))


def msort(input: Any) -> Any:
    """Return the elements along the first axis in order."""
    return sort(input, 0)[0]


@operation("TopkBackward0")
def _topk(x: Operand, *, k: int, dim: int, largest: bool) -> tuple[Node, Node]:
    node = _node(x)
    axis = axis_of(dim, node.ndim)
    if not 0 <= k <= (fixed(node, axis) if node.ndim else 1):
        refuse("selected index k out of range")
    order = _order(node, axis, largest)
    index = _part(order, axis, 0, k) if node.ndim else order
    return along(node, index, axis), index


def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """Return the ``k`` greatest or least elements along an axis, in order, and where they are."""
    return _topk_type(*_topk(input, k=int(k), dim=dim, largest=bool(largest)))


def _at_rank(node: Node, axis: int, rank: int, keepdim: bool) -> tuple[Node, Node]:
    """Return the element of a rank along an axis, and where it is."""
    if not node.ndim:
        return node, like(0, ops.cast(node, dtype=int64))
    index = _part(_order(node, axis, False), axis, rank, 1)
    value = along(node, index, axis)
    if keepdim:
        return value, index
    return ops.squeeze(value, axes=(axis,)), ops.squeeze(index, axes=(axis,))


@operation("KthvalueBackward0")
def _kthvalue(x: Operand, *, k: int, dim: int, keepdim: bool) -> tuple[Node, Node]:
    node = _node(x)
    axis = axis_of(dim, node.ndim)
    if not 1 <= k <= (fixed(node, axis) if node.ndim else 1):
        refuse("kthvalue(): selected number k out of range for dimension " + str(axis))
    return _at_rank(node, axis, k - 1, keepdim)


def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the k-th least element along an axis, counted from 1, and where it is."""
    return _kth_type(*_kthvalue(input, k=int(k), dim=dim, keepdim=bool(keepdim)))


# order statistics


def _median_place(node: Node, axis: int, ignore_nan: bool) -> Node:
    """Return where the lower median stands; a nan, where there is one, unless nan is ignored."""
    order = _order(node, axis, False)
    if not node.ndim:
        return order
    size = fixed(node, axis)
    middle = _part(order, axis, (size - 1) // 2, 1)
    if not node.dtype.is_floating:
        return middle
    missing = ops.isnan(node)
    count = ops.expand_dims(ops.sum(ops.cast(missing, dtype=int64), axes=(axis,)), axes=(axis,))
    if not ignore_nan:
        first = ops.expand_dims(ops.argmax(ops.cast(missing, dtype=int64), axis=axis), axes=(axis,))
        return ops.where(ops.gt(count, like(0, count)), first, middle)
    rank = ops.floor_divide(ops.maximum(like(size - 1, count) - count, like(0, count)), like(2, count))
    return along(order, rank, axis)


def _median_formula(x: Operand, *, dim: int, keepdim: bool, ignore_nan: bool) -> tuple[Node, Node]:
    node = _node(x)
    axis = axis_of(dim, node.ndim)
    if node.ndim and node.shape[axis] == 0:
        raise IndexError(at_user_line(f"median(): Expected reduction dim {axis} to have non-zero size."))
    index = _median_place(node, axis, ignore_nan)
    value = along(node, index, axis)
    if keepdim or not node.ndim:
        return value, index
    return ops.squeeze(value, axes=(axis,)), ops.squeeze(index, axes=(axis,))


def _median_of_all(x: Operand, *, ignore_nan: bool) -> Node:
    node = ops.reshape(_node(x), shape=(_node(x).type.size,))
    if node.shape[0] == 0:
        return like(float("nan"), node)
    value = along(node, _median_place(node, 0, ignore_nan), 0)
    middle = ops.stop_gradient(value)
    same = ops.eq(node, middle)
    if node.dtype.is_floating:
        same = ops.logical_or(same, ops.logical_and(ops.isnan(node), ops.isnan(middle)))
        count = ops.sum(ops.cast(same, dtype=node.dtype), axes=(0,))
        # the mean of the elements that equal the median carries the gradient, the element itself the value
        share = ops.sum(ops.where(same, node, zero_like(node)), axes=(0,)) / count
        exact = ops.squeeze(middle, axes=(0,))
        return ops.where(ops.isfinite(exact), exact + (share - ops.stop_gradient(share)), share)
    return ops.squeeze(value, axes=(0,))


def _medians(name: str, result: Any, ignore_nan: bool) -> Function:
    along_axis = operation(f"{name.title()}Backward1")(_median_formula)
    overall = operation(f"{name.title()}Backward0")(_median_of_all)

    def function(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        if dim is None:
            return overall(input, ignore_nan=ignore_nan)
        return result(*along_axis(input, dim=dim, keepdim=bool(keepdim), ignore_nan=ignore_nan))

    function.__name__ = function.__qualname__ = name
    left_out = ", nan left out" * ignore_nan
    function.__doc__ = f"Return the lower median of all elements, or along an axis with where it is{left_out}."
    return function


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@operation("SqueezeBackward4")
def _quantile(x: Operand, q: Operand, *, dim: int | None, keepdim: bool, interpolation: str, ignore_nan: bool) -> Node:
    node = _node(x)
    if not node.dtype.is_floating:
        refuse("quantile() input tensor must be either float or double dtype")
    levels = q if isinstance(q, Node) else ops.cast(q.node, dtype=node.dtype)
    same_dtype("quantile() q tensor must be same dtype as the input tensor", node, levels)
    rank = node.ndim
    if dim is None:
        row, axis = ops.reshape(node, shape=(node.type.size,)), 0
    else:
        axis = axis_of(dim, rank)
        order = (*(a for a in range(rank) if a != axis), axis)
        row = ops.transpose(_as_row(node), permutation=order if rank else (0,))
    result = _levels(row, levels, interpolation, ignore_nan)  # one leading axis for each axis of q
    if keepdim:
        lead = levels.ndim
        axes = tuple(range(lead, lead + rank)) if dim is None else (lead + axis,)
        return ops.expand_dims(result, axes=axes) if rank else result
    return result


def _levels(row: Node, q: Node, interpolation: str, ignore_nan: bool) -> Node:
    """Return quantiles along the last axis, those of one level after another in front."""
    last = row.ndim - 1
    order = ops.argsort(row, axis=last, descending=False)
    values = along(row, order, last)
    present = ops.sum(ops.cast(ops.logical_not(ops.isnan(row)), dtype=row.dtype), axes=(last,))
    size = like(float(fixed(row, last)), row)
    top = ops.maximum(present - 1.0, zero_like(present)) if ignore_nan else ops.where(ops.lt(present, size), size, size) - 1.0
    broken = ops.eq(present, zero_like(present)) if ignore_nan else ops.lt(present, size)
    level = ops.expand_dims(q, axes=tuple(range(q.ndim, q.ndim + last))) if last else q
    place = level * top
    if interpolation in ("lower", "higher", "nearest"):
        whole = {"lower": ops.floor, "higher": ops.ceil, "nearest": ops.round}[interpolation](place)
        found = _pick(values, whole)
    else:
        low, high = ops.floor(place), ops.ceil(place)
        weight = like(0.5, place) if interpolation == "midpoint" else place - low
        a, b = _pick(values, low), _pick(values, high)
        found = a + ops.where(ops.eq(low, high), zero_like(place), weight) * (b - a)
    return ops.where(broken, like(float("nan"), found), found)


def _pick(values: Node, rank: Node) -> Node:
    """Return the elements of a rank along the last axis; ``rank`` has leading axes for several levels."""
    index = ops.cast(rank, dtype=int64)
    lead = index.ndim - (values.ndim - 1)
    count: Any = 1
    for s in index.shape[:lead]:
        count = count * s
    rows = index.shape[lead:]
    columns = ops.reshape(index, shape=(count, *rows))
    moved = ops.transpose(columns, permutation=(*range(1, columns.ndim), 0))
    taken = along(values, moved, values.ndim - 1)
    back = ops.transpose(taken, permutation=(taken.ndim - 1, *range(taken.ndim - 1)))
    return ops.reshape(back, shape=index.shape)


def _quantiles(name: str, ignore_nan: bool) -> Function:
    def function(input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
        if interpolation not in _INTERPOLATIONS:
            allowed = f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest"
            refuse(f"{allowed}, but got {interpolation}")
        values = known_values(q)
        if values is not None and (np.any(values < 0) or np.any(values > 1)):
            refuse(f"{name}() q must be in the range [0, 1] but got {values}")
        level = float(q) if isinstance(q, int) else q
        return _quantile(input, level, dim=dim, keepdim=bool(keepdim), interpolation=interpolation, ignore_nan=ignore_nan)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return quantiles of all elements or along an axis{', nan left out' * ignore_nan}."
    return function


@operation("ModeBackward0")
def _chosen_along(x: Operand, index: Operand, *, dim: int, keepdim: bool) -> Node:
    node, places = _node(x), _node(index)
    axis = axis_of(dim, node.ndim)
    value = along(node, places, axis)
    return value if keepdim or not node.ndim else ops.squeeze(value, axes=(axis,))


def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the least of the most frequent elements along an axis, and the last place it has."""
    axis = axis_of(dim, input.ndim)
    values = np.moveaxis(np.atleast_1d(input.numpy_value()), axis, -1)
    places = np.empty((*values.shape[:-1], 1), np.int64)
    for row in np.ndindex(values.shape[:-1]):
        found, counts = np.unique(values[row], return_counts=True)
        places[(*row, 0)] = np.flatnonzero(values[row] == found[counts.argmax()])[-1]
    index = np.moveaxis(places, -1, axis).reshape((*input.shape[:axis], 1, *input.shape[axis + 1 :]) if input.ndim else ())
    shown = index if keepdim or not input.ndim else index.squeeze(axis)
    return _mode_type(_chosen_along(input, index, dim=dim, keepdim=bool(keepdim)), Tensor.from_array(np.ascontiguousarray(shown)))


# searching and counting


@operation("NotDifferentiable")
def _searchsorted(ordered: Operand, values: Operand, *, right: bool, dtype: Any) -> Node:
    row, *given = common(ordered, values)
    found = ops.searchsorted(row, given[0], right=right)
    return found if found.dtype is dtype else ops.cast(found, dtype=dtype)


def searchsorted(
    sorted_sequence: Any, values: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None
) -> Any:
    """Return where values would go in rows that are in order: before equal ones, or with ``right`` after them."""
    after = right or side == "right"
    return _searchsorted(sorted_sequence, values, right=after, dtype=int32 if out_int32 else int64)


def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """Return the bucket of each value between boundaries that are in order."""
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the different elements in order; on request where each went and how many there are."""
    found = np.unique(input.numpy_value(), return_inverse=True, return_counts=True, axis=dim)
    return _several(found, input, return_inverse, return_counts, dim)


def _several(found: Sequence[Any], x: Any, inverse: bool, counts: bool, dim: int | None) -> Any:
    values, places, numbers = found
    results = [Tensor.from_array(np.ascontiguousarray(values))]
    if inverse:
        shape = x.shape if dim is None else places.shape
        results.append(Tensor.from_array(np.ascontiguousarray(places.reshape(shape)).astype(np.int64)))
    if counts:
        results.append(Tensor.from_array(numbers.astype(np.int64)))
    return results[0] if len(results) == 1 else tuple(results)


def unique_consecutive(input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """Return the elements without repetitions side by side."""
    if dim is not None:
        refuse("unique_consecutive: takes all elements; dim is not supported")
    flat = input.numpy_value().reshape(-1)
    first = np.ones(flat.size, bool)
    first[1:] = flat[1:] != flat[:-1]
    places = np.cumsum(first) - 1
    numbers = np.diff(np.append(np.flatnonzero(first), flat.size))
    return _several((flat[first], places, numbers), input, return_inverse, return_counts, None)


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """Return how often each number occurs in a vector of integers that are not negative, or the sums of weights."""
    values = input.numpy_value()
    if values.ndim != 1 or values.dtype.kind not in "iu" or (values.size and values.min() < 0):
        refuse("bincount only supports 1-d non-negative integral inputs.")
    given = None if weights is None else weights.numpy_value()
    found = np.bincount(values, given, minlength)
    kind = np.int64 if given is None else np.float32 if given.dtype == np.float32 else np.float64
    return Tensor.from_array(found.astype(kind))


FUNCTIONS: dict[str, Function] = {
    "sort": sort, "argsort": argsort, "msort": msort, "topk": topk, "kthvalue": kthvalue,
    "median": _medians("median", _median_type, False), "nanmedian": _medians("nanmedian", _nanmedian_type, True),
    "quantile": _quantiles("quantile", False), "nanquantile": _quantiles("nanquantile", True), "mode": mode,
    "searchsorted": searchsorted, "bucketize": bucketize, "unique": unique, "unique_consecutive": unique_consecutive,
    "bincount": bincount,
}  # fmt: skip
