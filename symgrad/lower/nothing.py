"""Drops what has no elements, so that no loop runs over nothing and nothing is computed for one that would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from symgrad.ir.expr import Node, constant, ops
from symgrad.ir.graph import Graph, rebuild
from symgrad.ir.kinds import Reduce, Structure
from symgrad.lower.loops import Accumulate, Buffer, Fill, Literal, Nest, Step, Store
from symgrad.lower.tile import neutral

__all__ = ["loops_over_something", "without_nothing"]


def without_nothing(graph: Graph) -> Graph:
    """Return an equal graph in which nothing is computed for arrays with an axis of the fixed size 0.

    A reduction of such an array is its neutral element, and pieces that are such arrays are no part of what is put
    together. What reads or writes at positions stays where there are positions, which have to be checked.
    """
    if not any(_is_empty(node) for node in graph.order):
        return graph
    memo: dict[Node, Node] = {}
    checking: set[Node] = set()  # arrays without elements whose positions are checked, and all that are made of them
    for node in graph.order:
        changed = rebuild(node, [memo.get(i, i) for i in node.inputs])
        if _checks(changed) or not checking.isdisjoint(changed.inputs):
            checking.add(changed)
        elif changed.inputs:
            changed = _reduced(changed)
        memo[node] = changed
    return Graph(graph.inputs, [memo[o] for o in graph.outputs])


def loops_over_something(step: Step, buffers: Sequence[Buffer]) -> Iterator[Step]:
    """Yield a step where it does anything; for a nest that runs over nothing what its reductions leave."""
    if isinstance(step, Fill) and (step.count == 0 or (step.count is None and buffers[step.buffer].size == 0)):
        return
    extents = getattr(step, "extents", ())
    if all(size != 0 for size in extents):
        yield step
    elif isinstance(step, Nest):
        for r in step.body:
            if isinstance(r, Accumulate) and all(size != 0 for size in extents[: r.level]):
                value = Literal(r.number, neutral(r.combine, r.dtype), r.dtype)
                yield Nest(extents[: r.level], (value, *_stored(r)))


def _stored(r: Accumulate) -> tuple[Store, ...]:
    return () if r.buffer is None else (Store(r.buffer, r.place, r.number),)


def _form(node: Node) -> str:
    lowering = node.primitive.lowering
    return lowering.form if isinstance(lowering, Structure) else ""


def _checks(node: Node) -> bool:
    given = _form(node) in ("gather", "scatter") and any(map(_is_empty, (node, node.inputs[0])))
    return given and not _is_empty(node.inputs[1])


def _is_empty(node: Node) -> bool:
    return any(size == 0 for size in node.type.shape)


def _reduced(node: Node) -> Node:
    form, none = node.primitive.lowering, any(map(_is_empty, node.inputs))
    if _is_empty(node) or (none and _form(node) in ("contract", "scatter")):
        return _filled(node, 0.0)
    if none and isinstance(form, Reduce):
        return _filled(node, neutral(form.combine, node.dtype))
    return _assembled(node) if none and _form(node) == "assemble" else node


def _assembled(node: Node) -> Node:
    """Return an assembly without the pieces that have no elements."""
    parts = [(p, r) for p, r in zip(node.inputs, node.attributes["ranges"], strict=True) if not _is_empty(p)]
    if not parts:
        return _filled(node, 0.0)
    ranges = tuple(r for _, r in parts)
    return node.primitive(*[p for p, _ in parts], **{**node.attributes, "ranges": ranges})


def _filled(node: Node, value: float) -> Node:
    scalar = constant(value, node.dtype)
    return ops.broadcast_to(scalar, shape=node.shape) if node.shape else scalar
