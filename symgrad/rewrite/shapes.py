"""Laws of rearrangement: compositions and identities of reshape, transpose, broadcasting, slices and reductions."""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.ir.expr import ArrayConstant, Node, Range, constant, ops
from symgrad.rewrite.pattern import Constant, Law, Var, p

__all__ = ["REDUCTIONS", "SLICES", "VIEWS", "composed", "slice_or_whole"]

x = Var("x")

Axes = tuple[int, ...]


def _transposed(node: Node, inner: Node, x: Node) -> Node:
    first = inner.attributes["permutation"]
    return ops.transpose(x, permutation=tuple(first[a] for a in node.attributes["permutation"]))


def _identity_transpose(node: Node, x: Node) -> Node | None:
    return x if node.attributes["permutation"] == tuple(range(node.ndim)) else None


def _leading_axes(node: Node, inner: Node, x: Node) -> Node | None:
    axes = inner.attributes["axes"]
    return ops.broadcast_to(x, shape=node.shape) if axes == tuple(range(len(axes))) else None


def _expanded_twice(node: Node, inner: Node, x: Node) -> Node:
    outer = node.attributes["axes"]
    old = [a for a in range(node.ndim) if a not in outer]  # where the inner result's axes went
    return ops.expand_dims(x, axes=tuple(sorted((*outer, *(old[a] for a in inner.attributes["axes"])))))


def _squeezed_twice(node: Node, inner: Node, x: Node) -> Node:
    old = [a for a in range(x.ndim) if a not in inner.attributes["axes"]]
    return ops.squeeze(x, axes=tuple(sorted((*inner.attributes["axes"], *(old[a] for a in node.attributes["axes"])))))


def _expanded_then_squeezed(node: Node, inner: Node, x: Node) -> Node | None:
    put, dropped = inner.attributes["axes"], node.attributes["axes"]
    if put == dropped:
        return x
    if set(dropped) < set(put):
        return ops.expand_dims(x, axes=_renumbered([a for a in put if a not in dropped], dropped))
    if set(put) < set(dropped):
        return ops.squeeze(x, axes=_renumbered([a for a in dropped if a not in put], put))
    return None


def _renumbered(axes: Sequence[int], without: Sequence[int]) -> Axes:
    return tuple(a - sum(w < a for w in without) for a in axes)


def _squeezed_then_expanded(node: Node, inner: Node, x: Node) -> Node | None:
    return x if x.shape == node.shape and inner.attributes["axes"] == node.attributes["axes"] else None


def _no_axes(node: Node, x: Node) -> Node | None:
    return None if node.attributes["axes"] else x


def _reshaped(node: Node, x: Node) -> Node:
    return ops.reshape(x, shape=node.shape)


_EXPANDED = p.expand_dims(x).named("inner")
_SQUEEZED = p.squeeze(x).named("inner")

VIEWS = (
    Law("reshape to the same shape", p.reshape(x), lambda node, x: x if x.shape == node.shape else None),
    Law("reshape of a reshape", p.reshape(p.reshape(x)), _reshaped),
    Law("reshape of an expand_dims", p.reshape(p.expand_dims(x)), _reshaped),
    Law("reshape of a squeeze", p.reshape(p.squeeze(x)), _reshaped),
    Law("expand_dims of a reshape", p.expand_dims(p.reshape(x)), _reshaped),
    Law("squeeze of a reshape", p.squeeze(p.reshape(x)), _reshaped),
    Law("transpose that moves nothing", p.transpose(x), _identity_transpose),
    Law("transpose of a transpose", p.transpose(p.transpose(x).named("inner")), _transposed),
    Law("broadcast of leading axes", p.broadcast_to(_EXPANDED), _leading_axes),
    Law("expand_dims of no axes", p.expand_dims(x), _no_axes),
    Law("expand_dims of an expand_dims", p.expand_dims(_EXPANDED), _expanded_twice),
    Law("expand_dims of a squeeze", p.expand_dims(_SQUEEZED), _squeezed_then_expanded),
    Law("squeeze of no axes", p.squeeze(x), _no_axes),
    Law("squeeze of a squeeze", p.squeeze(_SQUEEZED), _squeezed_twice),
    Law("squeeze of an expand_dims", p.squeeze(_EXPANDED), _expanded_then_squeezed),
)


# Slices


def composed(outer: Sequence[Range], inner: Sequence[Range]) -> tuple[Range, ...]:
    """Return the ranges that take ``outer`` from what ``inner`` takes."""
    rest = iter(outer)
    result = []
    for taken in inner:
        if taken.count is None:
            result.append(taken)
            continue
        again = next(rest)
        step = 1 if again.count is None else again.step * taken.step
        result.append(Range(taken.start + again.start * taken.step, again.count, step))
    return tuple(result)


def slice_or_whole(x: Node, ranges: tuple[Range, ...]) -> Node:
    """Return a slice, or ``x`` itself where the ranges take all of it."""
    return x if _takes_all(x, ranges) else ops.slice(x, ranges=ranges)


def _takes_all(x: Node, ranges: Sequence[Range]) -> bool:
    return all(t.start == 0 and t.count == size and (t.step == 1 or size == 1) for t, size in zip(ranges, x.shape, strict=True))


def _sliced_repetition(node: Node, x: Node, inner: Node) -> Node:
    """Slice what is repeated, then repeat: an axis of size 1 keeps its one element."""
    ranges: list[Range] = []
    for size, whole, taken in zip(x.shape[::-1], inner.shape[::-1], node.attributes["ranges"][::-1], strict=False):
        if size == whole:
            ranges.append(taken)
        else:
            ranges.append(Range(0, None if taken.count is None else 1))
    return slice_or_whole(x, tuple(ranges[::-1]))


def _sliced_expansion(node: Node, x: Node, inner: Node) -> Node | None:
    """Take an inserted axis away again where it is indexed."""
    ranges, put = node.attributes["ranges"], inner.attributes["axes"]
    if any(ranges[a].count is not None for a in put):
        return None
    return slice_or_whole(x, tuple(r for a, r in enumerate(ranges) if a not in put))


def _sliced_iota(node: Node) -> Node | None:
    (taken,) = node.attributes["ranges"]
    return constant(taken.start, node.dtype) if taken.count is None and isinstance(taken.start, int) else None


def _taken(x: Node, node: Node, a: int) -> Node | None:
    axis, size = node.attributes["axis"], x.shape[node.attributes["axis"]]
    if node.ndim != x.ndim - 1 or not isinstance(size, int) or not 0 <= a < size:
        return None
    return _slice_axis(x, axis, Range(a, None))


def _taken_evenly(x: Node, node: Node) -> Node | None:
    """Return a gather at evenly spaced constant indices as a slice."""
    value = node.inputs[1].attributes["value"]
    axis, size = node.attributes["axis"], x.shape[node.attributes["axis"]]
    if not isinstance(value, ArrayConstant) or value.array.ndim != 1 or not isinstance(size, int):
        return None
    indices = [int(i) for i in value.array]
    step = indices[1] - indices[0] if len(indices) > 1 else 1
    even = bool(indices) and step != 0 and indices == [indices[0] + k * step for k in range(len(indices))]
    if not even or min(indices) < 0 or max(indices) >= size:
        return None
    return _slice_axis(x, axis, Range(indices[0], len(indices), step))


def _slice_axis(x: Node, axis: int, taken: Range) -> Node:
    return slice_or_whole(x, tuple(taken if a == axis else Range(0, s) for a, s in enumerate(x.shape)))


SLICES = (
    Law("slice of everything", p.slice(x), lambda x, node: x if _takes_all(x, node.attributes["ranges"]) else None),
    Law(
        "slice of a slice",
        p.slice(p.slice(x).named("inner")),
        lambda node, inner, x: ops.slice(x, ranges=composed(node.attributes["ranges"], inner.attributes["ranges"])),
    ),
    Law("slice of a broadcast", p.slice(p.broadcast_to(x).named("inner")), _sliced_repetition),
    Law("slice of an expand_dims", p.slice(_EXPANDED), _sliced_expansion),
    Law("element of an iota", p.slice(p.iota()), _sliced_iota),
    Law("gather at a constant", p.gather(x, Constant("a")), _taken),
    Law("gather at even constants", p.gather(x, p.constant(...)), _taken_evenly),
)


# Reductions


def _one_element(node: Node, x: Node) -> Node | None:
    axes = node.attributes["axes"]
    if any(x.shape[a] != 1 for a in axes):
        return None
    return ops.squeeze(x, axes=axes) if axes else x


def _one_summand(node: Node, x: Node) -> Node | None:
    """Add the 0 that a sum starts from: the sum of one -0.0 is 0.0."""
    found = _one_element(node, x)
    return None if found is None else found + 0


REDUCTIONS = (
    Law("sum of one element x = x + 0", p.sum(x), _one_summand),
    *(Law(f"{name} of one element", getattr(p, name)(x), _one_element) for name in ("prod", "max", "min", "any", "all")),
)
