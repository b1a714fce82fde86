"""Unit vectors pushed through sums and products without being multiplied: what is left of a product is picked out.

A Jacobian is a batch of derivatives along the unit vectors of an array, ``u[b, i, j] = (b = (i, j))``. Summed against
another array, over i say, one element of that array is left: zeros are neither made nor multiplied, so that inf and nan
elsewhere do not reach it, and the arrays in between are no larger than the Jacobian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from symgrad.dtypes import int64
from symgrad.ir.dims import Size
from symgrad.ir.expr import Node, constant, ops
from symgrad.ir.graph import rebuild, topological_order

__all__ = ["along_units", "unit_vectors"]

_BATCH = -1
Axis = tuple[str, int]  # ("unit", k): which vector, in axis k of the array; ("place", k): where along it; ("other", label)


def unit_vectors(node: Node, size: Size) -> Node:
    """Return the unit vectors of ``node``'s shape, stacked along a leading axis of ``size``."""
    eye = ops.cast(_same(size, 0, 1, 2), dtype=node.dtype)
    return eye if node.ndim == 1 else ops.reshape(eye, shape=(size, *node.shape))


def along_units(output: Node, vectors: Node, last: bool = False) -> Node:
    """Return a batched derivative in which ``vectors``, an input, stands for all unit vectors of an array.

    The batch's axis is first; with ``last`` it is at the end, and has become the axes of the array.

    Parameters
    ----------
    output : Node
        Linear in ``vectors``.
    vectors : Node
        Of the array's shape after the batch's axis, which is first.
    """
    sizes = vectors.shape[1:]
    units = {vectors: _Units(tuple(range(_BATCH, len(sizes))))}
    known: dict[Node, Node] = {}
    arranged = False
    for node in topological_order([output]):
        if node is vectors:
            known[node] = unit_vectors(_like(vectors), vectors.shape[0])
            continue
        at_end, inputs = last and node is output, [known[i] for i in node.inputs]
        of = [units.get(i) for i in node.inputs]
        found, still = None, _through(node, of, inputs)
        if still is not None:
            units[node] = still
            if still.factor is not None or at_end:
                found = _picked(still.axes, still, _Term(constant(1.0, node.dtype), ()), sizes, node, at_end)
        elif node.primitive is ops.sum and of[0] is not None:
            found = _sum(node, of[0], sizes, at_end)
        elif node.primitive is ops.contract and sum(u is not None for u in of) == 1:
            found = _contract(node, of, inputs, sizes, at_end)
        arranged = at_end and found is not None
        known[node] = rebuild(node, [known[i] for i in node.inputs]) if found is None else found
    if arranged or not last:
        return known[output]
    rank = output.ndim - 1
    moved = ops.transpose(known[output], permutation=(*range(1, rank + 1), 0)) if rank else known[output]
    return moved if len(sizes) == 1 else ops.reshape(moved, shape=output.shape[1:] + sizes)


@dataclass(frozen=True, slots=True)
class _Units:
    """Unit vectors, their axes in another order perhaps, each element times a factor.

    Attributes
    ----------
    axes : tuple of int
        For each axis the axis of the array that it runs along, or that of the batch.
    factor : Node, or None
        Of the array's shape.
    """

    axes: tuple[int, ...]
    factor: Node | None = None

    def times(self, factor: Node, node: Node) -> _Units | None:
        """Return them times what every vector is multiplied by."""
        of_array = self.of_array(factor, node)
        if of_array is None:
            return None
        return _Units(self.axes, of_array if self.factor is None else ops.mul(self.factor, of_array))

    def where(self, condition: Node, is_chosen: bool, node: Node) -> _Units | None:
        """Return them where a condition is, or is not, true, and 0 elsewhere."""
        of_array = self.of_array(condition, node)
        if of_array is None:
            return None
        sides = (self.scale(node), constant(0.0, node.dtype))
        return _Units(self.axes, ops.where(of_array, *(sides if is_chosen else sides[::-1])))

    def of_array(self, other: Node, node: Node) -> Node | None:
        """Return another operand of ``node`` as a number or of the array's shape; None where it has the batch's axis."""
        if self.axes[0] != _BATCH or other.ndim >= node.ndim or node.ndim != len(self.axes):
            return None
        if not other.ndim:
            return other
        whole = ops.broadcast_to(other, shape=node.shape[1:])
        return ops.transpose(whole, permutation=tuple([self.axes[1:].index(k) for k in range(whole.ndim)]))

    def scale(self, node: Node) -> Node:
        """Return the factor, 1 where there is none, as a number or of the array's shape."""
        return constant(1.0, node.dtype) if self.factor is None else self.factor


def _like(vectors: Node) -> Node:
    return ops.broadcast_to(constant(0.0, vectors.dtype), shape=vectors.shape[1:])


def _same(size: Size, one: int, other: int, rank: int) -> Node:
    """Return whether the indices along two axes are equal, as an array of ``rank`` axes, the others of size 1."""
    index = ops.iota(size=size, dtype=int64)
    sides = [ops.expand_dims(index, axes=tuple([a for a in range(rank) if a != axis])) for axis in (one, other)]
    return ops.eq(*sides)


def _through(node: Node, of: Sequence[_Units | None], inputs: Sequence[Node]) -> _Units | None:
    """Return what an operation makes of unit vectors among its operands where that is as simple; else None."""
    places = [k for k, units in enumerate(of) if units is not None]
    if not places:
        return None
    units = of[places[0]]
    assert units is not None
    if len(places) == 2:
        other = of[1]
        if node.primitive not in (ops.add, ops.sub) or other is None or other.axes != units.axes:
            return None
        return _Units(units.axes, node.primitive(*(u.scale(node) for u in (units, other))))
    if node.primitive is ops.transpose:
        return _Units(tuple([units.axes[a] for a in node.attributes["permutation"]]), units.factor)
    if node.shape != node.inputs[places[0]].shape:  # broadcast along an axis of size 1
        return None
    if node.primitive is ops.neg:
        return units.times(constant(-1.0, node.dtype), node)
    if node.primitive is ops.mul:
        return units.times(inputs[1 - places[0]], node)
    if node.primitive is ops.div and not places[0]:
        return units.times(ops.div(constant(1.0, node.dtype), inputs[1]), node)
    if node.primitive is ops.where and places[0] and _is_zero(node.inputs[3 - places[0]]):
        return units.where(inputs[0], places[0] == 1, node)
    return None


def _is_zero(node: Node) -> bool:
    while node.primitive in (ops.broadcast_to, ops.expand_dims):
        node = node.inputs[0]
    return node.primitive is ops.constant and not node.ndim and node.attributes["value"] == 0


def _sum(node: Node, units: _Units, sizes: tuple[Size, ...], at_end: bool) -> Node | None:
    summed = node.attributes["axes"]
    if node.ndim != len(units.axes) - len(summed) or units.axes.index(_BATCH) in summed:
        return None
    left = [axis for k, axis in enumerate(units.axes) if k not in summed]
    return _picked(left, units, _Term(constant(1.0, node.dtype), ()), sizes, node, at_end)


def _contract(
    node: Node, of: Sequence[_Units | None], inputs: Sequence[Node], sizes: tuple[Size, ...], at_end: bool
) -> Node | None:
    place = 0 if of[0] is not None else 1
    units, other = of[place], inputs[1 - place]
    assert units is not None
    labels = [node.attributes[f"{side}_labels"] for side in ("x", "y")]
    own, others, out = labels[place], labels[1 - place], node.attributes["out_labels"]
    batch = own[units.axes.index(_BATCH)]
    if batch in others or batch not in out or any(len(set(ls)) < len(ls) for ls in (own, others, out)):
        return None
    alone = tuple([k for k, label in enumerate(others) if label not in own and label not in out])
    if alone:
        other = ops.sum(other, axes=alone)
        others = tuple([label for k, label in enumerate(others) if k not in alone])
    by_label = dict(zip(own, units.axes, strict=True))
    left = [by_label.get(label, ("other", label)) for label in out]
    axes = [_place(by_label[label], left) if label in by_label else ("other", label) for label in others]
    return _picked(left, units, _Term(other, tuple(axes)), sizes, node, at_end)


def _place(axis: int, left: Sequence[int | Axis]) -> Axis:
    """Return which axis of the result holds the elements along an axis of the array: itself where it is left."""
    return ("place" if axis in left else "unit"), axis


@dataclass(frozen=True, slots=True)
class _Term:
    """A factor of the result, and which axes of that its axes are."""

    node: Node
    axes: tuple[Axis, ...]

    def aligned(self, axes: Sequence[Axis]) -> Node:
        """Return it with an axis for each of the result's, of size 1 where it has none."""
        order = tuple(sorted(range(len(self.axes)), key=lambda k: axes.index(self.axes[k])))
        node = self.node if order == tuple(range(len(order))) else ops.transpose(self.node, permutation=order)
        missing = tuple([k for k, axis in enumerate(axes) if axis not in self.axes])
        return ops.expand_dims(node, axes=missing) if missing else node


def _picked(left: Sequence[int | Axis], units: _Units, other: _Term, sizes: tuple[Size, ...], node: Node, at_end: bool) -> Node:
    """Return what takes the place of a node: the other factor where indices agree, 0 elsewhere.

    ``left`` says what the axes of the node are: the batch's, an axis of the array, or one of the other factor's. With
    ``at_end`` the batch's is last, and stays apart.
    """
    if at_end:
        left = [*(axis for axis in left if axis != _BATCH), _BATCH]
    axes: list[Axis] = []
    for axis in left:
        if axis == _BATCH:
            axes += [("unit", k) for k in range(len(sizes))]
        else:
            axes.append(("place", axis) if isinstance(axis, int) else axis)
    known: dict[Axis, Size] = {(word, k): s for word in ("unit", "place") for k, s in enumerate(sizes)}
    known |= dict(zip(other.axes, other.node.shape, strict=True))
    shape = tuple([known[a] for a in axes])
    value = other.aligned(axes)
    if units.factor is not None:
        there = [_place(k, left) for k in range(units.factor.ndim)]  # none for a number
        factor = _Term(units.factor, tuple(there)).aligned(axes)
        value = ops.mul(factor, value) if other.axes or units.factor.ndim == 0 else factor
    hits = [_same(known[a], axes.index(("unit", a[1])), axes.index(a), len(axes)) for a in axes if a[0] == "place"]
    if hits:
        value = ops.where(reduce(ops.logical_and, hits), value, constant(0.0, value.dtype))
    if value.shape != shape:
        value = ops.broadcast_to(value, shape=shape)
    return value if at_end or shape == node.shape else ops.reshape(value, shape=node.shape)
