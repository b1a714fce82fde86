"""Forward mode: the tangent of each output from the tangents of the inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symgrad.ir.expr import Node, ops
from symgrad.ir.graph import topological_order
from symgrad.ir.kinds import Bilinear, Linear, Partials, Rules, SameAs, Select, Zero
from symgrad.transform.partials import cast_like, partial_of, scale, zeros_like

__all__ = ["push_forward", "tangent_of"]

Tangents = dict[Node, Node]


def push_forward(outputs: Sequence[Node], tangents: Mapping[Node, Node]) -> list[Node | None]:
    """Return the tangent of each output, None for a symbolic zero.

    Parameters
    ----------
    outputs : sequence of Node
    tangents : mapping
        For some nodes the outputs depend on, the tangent: a node of the same shape and element type.
    """
    known: Tangents = dict(tangents)
    for node in topological_order(outputs, stop=tangents):
        if node not in known and any(i in known for i in node.inputs):
            tangent = tangent_of(node, known)
            if tangent is not None:
                known[node] = tangent
    return [known.get(o) for o in outputs]


def tangent_of(node: Node, known: Mapping[Node, Node]) -> Node | None:
    """Return the tangent of one node from its operands' tangents, by the kind of its derivative."""
    kind = node.primitive.derivative
    tangents = [known.get(i) for i in node.inputs]
    if isinstance(kind, Zero) or not node.dtype.is_floating:
        return None
    if isinstance(kind, Partials):
        return _from_partials(node, kind, tangents)
    if isinstance(kind, Linear):
        return _from_linear(node, tangents, kind.args)
    if isinstance(kind, Select):
        return _from_linear(node, tangents, (1, 2))
    if isinstance(kind, Bilinear):
        return _from_bilinear(node, tangents)
    if isinstance(kind, SameAs):
        definition = kind.definition(*node.inputs, **node.attributes)
        return push_forward([definition], {i: t for i, t in zip(node.inputs, tangents, strict=True) if t is not None})[0]
    assert isinstance(kind, Rules)
    tangent: Node | None = kind.jvp(node.inputs, tangents, node, **node.attributes)
    return tangent


def _from_partials(node: Node, kind: Partials, tangents: list[Node | None]) -> Node | None:
    total: Node | None = None
    for entry, tangent in zip(kind.each, tangents, strict=True):
        partial = None if tangent is None else partial_of(entry, node)
        if tangent is None or partial is None:
            continue
        term = scale(cast_like(tangent, node), partial)
        total = term if total is None else total + term
    if total is None or total.shape == node.shape:
        return total
    return ops.broadcast_to(total, shape=node.shape)


def _from_linear(node: Node, tangents: list[Node | None], args: tuple[int, ...] | None) -> Node | None:
    inputs = list(node.inputs)
    linear = range(len(inputs)) if args is None else args
    if all(tangents[k] is None for k in linear):
        return None
    if node.primitive is ops.assemble:
        return _assemble_known(node, tangents)
    for k in linear:
        tangent = tangents[k]
        inputs[k] = zeros_like(inputs[k]) if tangent is None else tangent
    return node.primitive(*inputs, **node.attributes)


def _assemble_known(node: Node, tangents: list[Node | None]) -> Node:
    """Assemble only the pieces that have a tangent: the rest of the result is zero without being written."""
    known = [(t, r) for t, r in zip(tangents, node.attributes["ranges"], strict=True) if t is not None]
    pieces, ranges = zip(*known, strict=True)
    return node.primitive(*pieces, shape=node.shape, ranges=tuple(ranges))


def _from_bilinear(node: Node, tangents: list[Node | None]) -> Node | None:
    left, right = node.inputs
    total: Node | None = None
    for operands in ((tangents[0], right), (left, tangents[1])):
        if operands[0] is None or operands[1] is None:
            continue
        term = node.primitive(operands[0], operands[1], **node.attributes)
        total = term if total is None else total + term
    return total
