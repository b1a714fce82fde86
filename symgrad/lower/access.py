"""Index maps: where the elements of a view lie in the value it looks at.

Axes of size 1 are left out everywhere: a value's *space* is the tuple of its other sizes, and an index map gives,
for each axis of the source's space, an affine position over the axes of the viewer's space.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from symgrad.ir.dims import Size, product
from symgrad.ir.expr import Node
from symgrad.lower.loops import ZERO, Affine

__all__ = ["View", "broadcast_map", "compose", "flatten", "identity", "map_of", "space_of", "strides_of", "view_of"]

Space = tuple[Size, ...]
Map = tuple[Affine, ...]


class View(NamedTuple):
    """The source of a view with its map; ``flat`` instead of ``axes`` is a position in the source's buffer."""

    source: Node
    axes: Map | None
    flat: Affine | None = None


def space_of(shape: Sequence[Size]) -> Space:
    """Return the sizes that are not 1."""
    return tuple([s for s in shape if s != 1])


def identity(rank: int) -> Map:
    """Return the map of each axis to itself."""
    return _IDENTITIES[rank] if rank < len(_IDENTITIES) else _identity(rank)


def _identity(rank: int) -> Map:
    return tuple(Affine(0, ((a, 1),)) for a in range(rank))


_IDENTITIES = tuple(_identity(r) for r in range(9))


def strides_of(space: Space) -> tuple[Size, ...]:
    """Return the elements between neighbours along each axis of a contiguous array."""
    result: list[Size] = []
    step: Size = 1
    for size in reversed(space):
        result.append(step)
        step = step * size
    return tuple(reversed(result))


def _sum(offset: Size, parts: Sequence[tuple[Size, Affine]]) -> Affine:
    terms: dict[int, Size] = {}
    for factor, affine in parts:
        offset = offset + factor * affine.offset
        for axis, coefficient in affine.terms:
            terms[axis] = terms.get(axis, 0) + factor * coefficient
    return Affine(offset, tuple([(a, terms[a]) for a in sorted(terms) if terms[a] != 0]))


def compose(position: Affine, over: Map) -> Affine:
    """Return ``position`` with each of its axes replaced by an affine position."""
    return _sum(position.offset, [(c, over[a]) for a, c in position.terms])


def flatten(axes: Map, space: Space) -> Affine:
    """Return the position in a contiguous array of ``space``."""
    return _sum(0, list(zip(strides_of(space), axes, strict=True)))


def _numbering(shape: Sequence[Size]) -> list[int]:
    """Return for each axis of a shape its number in the space, -1 for those of size 1."""
    result, count = [], 0
    for size in shape:
        result.append(-1 if size == 1 else count)
        count += size != 1
    return result


def _place(number: int) -> Affine:
    return Affine(0, ((number, 1),)) if number >= 0 else ZERO


def broadcast_map(shape: Sequence[Size], into: Sequence[Size]) -> Map:
    """Return the map of an operand of ``shape`` broadcast into a result of shape ``into``."""
    numbers = _numbering(into)[len(into) - len(shape) :]
    return tuple([_place(n) for size, n in zip(shape, numbers, strict=True) if size != 1])


def _transpose(node: Node) -> Map:
    numbers = _numbering(node.shape)
    x, permutation = node.inputs[0], node.attributes["permutation"]
    return tuple(_place(numbers[permutation.index(a)]) for a, size in enumerate(x.shape) if size != 1)


def _slice(node: Node) -> Map:
    numbers = iter(_numbering(node.shape))
    result = []
    for size, span in zip(node.inputs[0].shape, node.attributes["ranges"], strict=True):
        number = -1 if span.count is None else next(numbers)
        if size != 1:
            terms = ((number, span.step),) if number >= 0 else ()
            result.append(Affine(span.start, terms))
    return tuple(result)


def _same(node: Node) -> Map:
    return identity(len(space_of(node.shape)))


_MAPS: dict[str, Callable[[Node], Map]] = {
    "transpose": _transpose,
    "slice": _slice,
    "broadcast_to": lambda node: broadcast_map(node.inputs[0].shape, node.shape),
    "expand_dims": _same,
    "squeeze": _same,
}


def map_of(node: Node) -> Map | None:
    """Return the map from a view's operand, None for a reshape that has none."""
    if node.primitive.name == "reshape":
        return _same(node) if space_of(node.shape) == space_of(node.inputs[0].shape) else None
    return _MAPS[node.primitive.name](node)


def view_of(node: Node, views: dict[Node, View]) -> View | None:
    """Return what a view node looks at, or None where a copy has to be made (some reshapes of strided views).

    ``views`` holds the operand's View when the operand is itself a view.
    """
    (x,) = node.inputs
    inner = views.get(x)
    over = map_of(node)
    if over is not None:
        if inner is None:
            return View(x, over)
        if inner.axes is not None:
            return View(inner.source, tuple([compose(a, over) for a in inner.axes]))
        assert inner.flat is not None
        return View(inner.source, None, compose(inner.flat, over))
    if inner is None:
        inner = View(x, identity(len(space_of(x.shape))))
    flat = inner.flat if inner.axes is None else flatten(inner.axes, space_of(inner.source.shape))
    assert flat is not None
    regrouped = _regroup(flat, space_of(x.shape), space_of(node.shape))
    return None if regrouped is None else View(inner.source, None, regrouped)


def _regroup(flat: Affine, old: Space, new: Space) -> Affine | None:
    """Return a position over ``old`` axes as one over ``new`` axes of the same elements in row-major order."""
    coefficients = dict(flat.terms)
    terms: list[tuple[int, Size]] = []
    for left, right in _groups(old, new):
        step = coefficients.get(left[-1], 0) if left else 0
        for outer, inner in pairwise(left):
            if coefficients.get(outer, 0) != coefficients.get(inner, 0) * old[inner]:
                return None
        for axis in reversed(right):
            if step != 0:
                terms.append((axis, step))
            step = step * new[axis]
    return Affine(flat.offset, tuple(sorted(terms)))


def _groups(old: Space, new: Space) -> list[tuple[list[int], list[int]]]:
    """Return the shortest runs of axes whose sizes have equal products."""
    result = []
    a = b = 0
    while a < len(old) or b < len(new):
        left, right = [a] if a < len(old) else [], [b] if b < len(new) else []
        a, b = a + len(left), b + len(right)
        while (p := product([old[k] for k in left])) != (q := product([new[k] for k in right])):
            shorter_left = _less(p, q) if a < len(old) and b < len(new) else a < len(old)
            if shorter_left:
                left.append(a)
                a += 1
            elif b < len(new):
                right.append(b)
                b += 1
            else:
                return [(list(range(len(old))), list(range(len(new))))]
        result.append((left, right))
    return result


def _less(p: Size, q: Size) -> bool:
    if isinstance(p, int) and isinstance(q, int):
        return p < q
    return isinstance(p, int)
