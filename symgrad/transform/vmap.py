"""Batching: the same function over a leading axis of some of its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symgrad.errors import TraceError
from symgrad.ir.expr import Node, ops
from symgrad.ir.graph import topological_order
from symgrad.ir.kinds import SameAs

__all__ = ["batch"]


def batch(outputs: Sequence[Node], batched: Mapping[Node, Node]) -> list[tuple[Node, bool]]:
    """Return each output with its inputs replaced by batched ones, and whether it has the batch axis.

    Parameters
    ----------
    outputs : sequence of Node
    batched : mapping
        For some inputs the node that takes its place, with one more axis in front.

    Raises
    ------
    TraceError
        When a primitive has no batching rule.
    """
    known: dict[Node, Node] = dict(batched)
    flagged: set[Node] = set(batched)
    for node in topological_order(outputs, stop=batched):
        if node in known:
            continue
        flags = [i in flagged for i in node.inputs]
        if any(flags):
            known[node] = _batch_node(node, [known[i] for i in node.inputs], flags)
            flagged.add(node)
        else:
            known[node] = node
    return [(known[o], o in flagged) for o in outputs]


def _batch_node(node: Node, inputs: list[Node], flags: list[bool]) -> Node:
    rule = node.primitive.batch
    if rule is not None:
        return rule(tuple(inputs), tuple(flags), **node.attributes)
    if node.primitive.elementwise:
        aligned = [_align(i, node.ndim) if flag else i for i, flag in zip(inputs, flags, strict=True)]
        return node.primitive(*aligned, **node.attributes)
    kind = node.primitive.derivative
    if isinstance(kind, SameAs):
        definition = kind.definition(*node.inputs, **node.attributes)
        replaced = {i: b for i, b, flag in zip(node.inputs, inputs, flags, strict=True) if flag}
        return batch([definition], replaced)[0][0]
    raise TraceError(f"vmap: {node.name} cannot be batched; call it outside vmap, or loop over the batch")


def _align(batched: Node, rank: int) -> Node:
    """Insert axes after the batch axis, so that shorter operands still broadcast from the right."""
    missing = rank - (batched.ndim - 1)
    return ops.expand_dims(batched, axes=tuple(range(1, 1 + missing))) if missing > 0 else batched
