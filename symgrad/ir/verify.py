"""Well-formedness of graphs, and which primitives may exist after which stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from symgrad.errors import SymgradError, VerifyError
from symgrad.ir.expr import Node, ops
from symgrad.ir.graph import Graph
from symgrad.ir.kinds import ByType, Expand

__all__ = ["LOWERED", "REWRITTEN", "STAGES", "TRACED", "Stage", "verify"]


@dataclass(frozen=True, slots=True)
class Stage:
    """What a graph may hold once a stage is done.

    Attributes
    ----------
    name : str
    refuses : callable
        Returns why a node must not exist any more, or None where it may.
    """

    name: str
    refuses: Callable[[Node], str | None]


def _nothing(node: Node) -> str | None:
    return None


_REARRANGED = frozenset({"broadcast_to", "cast", "reshape"})


def _left_over(node: Node) -> str | None:
    """Rewriting leaves no node that says the same as its input."""
    name = node.primitive.name
    if name in _REARRANGED and node.type == node.inputs[0].type:
        return "changes nothing"
    if name in ("expand_dims", "squeeze") and not node.attributes["axes"]:
        return "changes nothing"
    return None


def _unexpanded(node: Node) -> str | None:
    lowering = node.primitive.lowering
    if isinstance(lowering, ByType):
        lowering = lowering.floating if node.dtype.is_floating else lowering.integer
    return "has no loop form: it should have been expanded" if isinstance(lowering, Expand) else None


TRACED = Stage("traced", _nothing)
REWRITTEN = Stage("rewritten", _left_over)
LOWERED = Stage("lowered", _unexpanded)

STAGES = (TRACED, REWRITTEN, LOWERED)


def verify(graph: Graph, stage: Stage = TRACED) -> None:
    """Check that a graph is well-formed and fit for what follows ``stage``; sub-graphs in attributes too.

    Inputs are distinct input nodes and the only ones reached, every primitive is the registered one, every type
    is what the type rule derives again, and the stage refuses no node. Linear in nodes.

    Raises
    ------
    VerifyError
        For the first node that breaks a rule.
    """
    pending = [graph]
    while pending:
        current = pending.pop()
        _check_inputs(current, stage)
        for node in current.order:
            _check_node(node, stage)
            pending.extend(v for v in node.attributes.values() if isinstance(v, Graph))


def _check_inputs(graph: Graph, stage: Stage) -> None:
    for node in (*graph.inputs, *graph.outputs):
        if not isinstance(node, Node):
            raise VerifyError(f"{stage.name}: a graph is made of nodes, got {node!r}")
    for node in graph.inputs:
        if node.primitive is not ops.input:
            _refuse(stage, node, "stands among the inputs and is not one")
    if len(set(graph.inputs)) != len(graph.inputs):
        raise VerifyError(f"{stage.name}: inputs must be distinct, got {[n.attributes['label'] for n in graph.inputs]}")
    for node in graph.free_inputs:
        _refuse(stage, node, f"{node.attributes['label']!r} is reached but is not an input of the graph")


def _check_node(node: Node, stage: Stage) -> None:
    primitive = node.primitive
    if getattr(ops, primitive.name, None) is not primitive:
        _refuse(stage, node, "has a primitive that is not registered")
    derived: Any
    try:
        derived = primitive.type_rule(primitive.name, tuple([i.type for i in node.inputs]), **node.attributes)
    except (SymgradError, TypeError, ValueError, KeyError, IndexError) as error:
        raise VerifyError(f"{stage.name}: {node!r} breaks its type rule: {error}") from error
    if derived != node.type:
        _refuse(stage, node, f"should have type {derived}")
    reason = stage.refuses(node)
    if reason is not None:
        _refuse(stage, node, reason)


def _refuse(stage: Stage, node: Node, reason: str) -> NoReturn:
    raise VerifyError(f"{stage.name}: {node!r} {reason}")
