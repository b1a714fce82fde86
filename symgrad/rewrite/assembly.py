"""Laws of assemble: slices that hit one piece, pieces that are the whole, and nested assembles."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from symgrad.ir.dims import Dim, Size
from symgrad.ir.expr import Node, Range, constant, ops
from symgrad.rewrite.pattern import Law, Var, p
from symgrad.rewrite.shapes import composed, slice_or_whole

__all__ = ["ASSEMBLY"]

x = Var("x")

_LARGEST_MAP = 1 << 20  # elements of an ownership map
_LARGEST_CHECK = 1 << 12  # elements looked at before nested assembles are merged
_MOST_PIECES = 64  # of an assemble that is merged into another: a chain of concatenations stays linear

_NOBODY, _SEVERAL = -1, -2
_owners: WeakKeyDictionary[Node, Any] = WeakKeyDictionary()


def _fixed_size(node: Node) -> int | None:
    """Return the number of elements of an assemble that names no dim at all."""
    size: Size = node.type.size
    if isinstance(size, Dim) or any(isinstance(v, Dim) for piece in node.attributes["ranges"] for r in piece for v in r):
        return None
    return size


def _index(ranges: tuple[Range, ...]) -> tuple[Any, ...]:
    return tuple(r.start if r.count is None else _stretch(r) for r in ranges)


def _stretch(taken: Range) -> slice:
    assert isinstance(taken.start, int) and isinstance(taken.count, int) and isinstance(taken.step, int)
    if taken.count == 0:
        return slice(0, 0)
    stop = taken.start + taken.count * taken.step
    return slice(taken.start, stop if stop >= 0 else None, taken.step)


def _owner_map(node: Node) -> Any:
    """Return for each element which piece alone lands there, built once for each assemble; None where it is too large."""
    if node in _owners:
        return _owners[node]
    size = _fixed_size(node)
    result = None
    if size is not None and size <= _LARGEST_MAP:
        shape: Any = node.shape
        result = np.full(shape, _NOBODY, np.int32)
        for k, ranges in enumerate(node.attributes["ranges"]):
            place = _index(ranges)
            result[place] = np.where(result[place] == _NOBODY, k, _SEVERAL)
    _owners[node] = result
    return result


def _read_back(node: Node, inner: Node) -> Node | None:
    """Return a slice of an assemble as a slice of the one piece it hits, or as zeros where it hits none."""
    ranges = node.attributes["ranges"]
    if len(inner.inputs) == 1 and ranges == inner.attributes["ranges"][0]:
        return inner.inputs[0]
    if any(isinstance(v, Dim) for r in ranges for v in r):
        return None
    owners = _owner_map(inner)
    if owners is None:
        return None
    hit = owners[_index(ranges)]
    if not hit.size:
        return None
    first = int(hit.flat[0])
    if first == _SEVERAL or (hit.size > 1 and not np.all(hit == first)):
        return None
    if first == _NOBODY:
        return constant(node.dtype.numpy.type(0).item(), node.dtype)
    return _within(ranges, inner.attributes["ranges"][first], inner.inputs[first])


def _within(ranges: tuple[Any, ...], place: tuple[Any, ...], piece: Node) -> Node:
    """Return what ``ranges`` of the whole take, read from the piece that stands at ``place``."""
    inside: list[Range] = []
    kept: list[int] = []  # axes of the result that the piece lacks: one element each
    axis = 0
    for taken, stands in zip(ranges, place, strict=True):
        if stands.count is None:
            if taken.count is not None:
                kept.append(axis)
        else:
            step = 1 if taken.count in (None, 1) else taken.step // stands.step
            inside.append(Range((taken.start - stands.start) // stands.step, taken.count, step))
        axis += taken.count is not None
    found = slice_or_whole(piece, tuple(inside))
    return ops.expand_dims(found, axes=tuple(kept)) if kept else found


def _whole(node: Node) -> Node | None:
    """One piece that fills the array in order."""
    if len(node.inputs) != 1:
        return None
    (ranges,) = node.attributes["ranges"]
    dropped = tuple(a for a, r in enumerate(ranges) if r.count is None)
    for taken, size in zip(ranges, node.shape, strict=True):
        if taken.count is None:
            if size != 1:
                return None
        elif taken.start != 0 or taken.count != size or taken.step != 1:
            return None
    piece = node.inputs[0]
    return ops.expand_dims(piece, axes=dropped) if dropped else piece


def _flattened(node: Node) -> Node | None:
    """Merge the pieces of nested assembles where no element is added to a zero that was only filled in."""
    nested = [i.primitive is ops.assemble and len(i.inputs) <= _MOST_PIECES for i in node.inputs]
    if not any(nested) or not (len(node.inputs) == 1 or _disjoint(node)):
        return None
    pieces: list[Node] = []
    places: list[tuple[Range, ...]] = []
    for piece, place, merged in zip(node.inputs, node.attributes["ranges"], nested, strict=True):
        if merged:
            pieces.extend(piece.inputs)
            places.extend(composed(inner, place) for inner in piece.attributes["ranges"])
        else:
            pieces.append(piece)
            places.append(place)
    return ops.assemble(*pieces, shape=node.shape, ranges=tuple(places))


def _disjoint(node: Node) -> bool:
    size = _fixed_size(node)
    if size is None or size > _LARGEST_CHECK:
        return False
    owners = _owner_map(node)
    return owners is not None and not np.any(owners == _SEVERAL)


def _joined(node: Node) -> Node | None:
    """Pieces that stand side by side in one array and were read from it side by side are one slice."""
    first = node.inputs[0]
    source = first.inputs[0] if first.primitive is ops.slice else first
    if len(node.inputs) < 2 or any(i.primitive is not ops.slice or i.inputs[0] is not source for i in node.inputs):
        return None
    reads = [i.attributes["ranges"] for i in node.inputs]
    if source.shape != node.shape or not all(r == w for r, w in zip(reads, node.attributes["ranges"], strict=True)):
        return None
    size = _fixed_size(node)
    if size is None or size > _LARGEST_MAP:
        return None
    owners = _owner_map(node)
    return source if bool(np.all(owners >= 0)) else None


ASSEMBLY = (
    Law("slice of an assemble that hits one piece", p.slice(p.assemble(...).named("inner")), _read_back),
    Law("assemble of the whole", p.assemble(...), _whole),
    Law("assemble of assembles", p.assemble(...), _flattened),
    Law("assemble of all the slices of one array", p.assemble(...), _joined),
)
