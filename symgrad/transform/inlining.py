"""Custom functions written out: where only values are wanted, what their author says of derivatives has no say."""

from __future__ import annotations

from symgrad.ir.expr import Node, ops
from symgrad.ir.graph import Graph, rebuild

__all__ = ["inline_calls"]


def inline_calls(graph: Graph) -> Graph:
    """Return the same values without calls of custom functions, nor what only derivatives look at."""
    custom = ops.custom
    return _inline(graph) if any(node.primitive is custom for node in graph.order) else graph


def _inline(graph: Graph) -> Graph:
    custom = ops.custom
    memo: dict[Node, Node] = {}
    for node in graph.order:
        inputs = [memo.get(i, i) for i in node.inputs]
        if node.primitive is custom:
            memo[node] = _inline(node.attributes["call"].graph)(*inputs)[node.attributes["index"]]
        elif node.primitive is ops.stop_gradient:
            memo[node] = inputs[0]
        else:
            memo[node] = rebuild(node, inputs)
    return Graph(graph.inputs, [memo[o] for o in graph.outputs])
