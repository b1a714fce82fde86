"""Cotangents: symbolic zero (None), dense, or masked; and how they are added.

A masked cotangent is exactly zero outside its mask, whatever its value there: it comes from a branch of ``where``
that was not selected, whose partial derivatives may be inf or nan. Cleaning puts the zeros in place.
"""

from __future__ import annotations

from typing import NamedTuple

from symgrad.ir.expr import Node, constant, ops
from symgrad.transform.partials import unbroadcast

__all__ = ["Cotangent", "accumulate", "clean", "shrink"]


class Cotangent(NamedTuple):
    """A cotangent's value, and for a masked one the boolean node outside which it counts as exactly zero."""

    value: Node
    mask: Node | None = None


def clean(cotangent: Cotangent) -> Node:
    """Return the dense value: zero outside the mask."""
    value, mask = cotangent.value, cotangent.mask
    if mask is None:
        return value
    if value.primitive is ops.assemble and mask.primitive is ops.assemble and value.attributes == mask.attributes:
        pieces = [_select(m, v) for m, v in zip(mask.inputs, value.inputs, strict=True)]
        return ops.assemble(*pieces, **value.attributes)  # piece by piece: linear in the pieces, not in the array
    return _select(mask, value)


def _select(mask: Node, value: Node) -> Node:
    return ops.where(mask, value, constant(0.0, value.dtype))


def shrink(cotangent: Cotangent, operand: Node) -> Cotangent:
    """Return the cotangent of an operand that was broadcast to the cotangent's shape."""
    value, mask = cotangent
    if value.type.shape == operand.type.shape:
        return cotangent
    if mask is None:
        return Cotangent(unbroadcast(value, operand.shape))
    spread = mask if mask.shape == value.shape else ops.broadcast_to(mask, shape=value.shape)
    return Cotangent(unbroadcast(clean(cotangent), operand.shape), unbroadcast(spread, operand.shape))


def accumulate(contributions: list[Cotangent]) -> Cotangent:
    """Return the sum of contributions, in the order they arrived; masks are joined."""
    if len(contributions) == 1:
        return contributions[0]
    if len(contributions) == 2:  # spelled out: most sums have two dense terms
        (a, a_mask), (b, b_mask) = contributions
        if a_mask is b_mask is None and a.primitive is not ops.assemble and b.primitive is not ops.assemble:
            return Cotangent(ops.add(a, b))
    masks = [c.mask for c in contributions]
    if masks[0] is not None and all(m is masks[0] for m in masks):
        return Cotangent(_sum([c.value for c in contributions], ops.add), masks[0])
    value = _sum([clean(c) for c in contributions], ops.add)
    if any(m is None for m in masks):
        return Cotangent(value)
    return Cotangent(value, _sum([m for m in masks if m is not None], ops.logical_or))


def _sum(nodes: list[Node], join: object) -> Node:
    """Return the sum; assembles of one shape become a single assemble, so n slices cost n pieces and not n arrays."""
    pieces: list[Node] = []
    ranges: list[object] = []
    rest: list[Node] = []
    shape = None
    for node in nodes:
        if node.primitive is ops.assemble and (shape is None or node.shape == shape):
            shape = node.shape
            pieces.extend(node.inputs)
            ranges.extend(node.attributes["ranges"])
        else:
            rest.append(node)
    if shape is not None:
        rest.append(ops.assemble(*pieces, shape=shape, ranges=tuple(ranges)))
    total = rest[0]
    for node in rest[1:]:
        total = join(total, node)  # type: ignore[operator]  # a primitive
    return total
