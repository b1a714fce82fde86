"""Transforms found again: what a transform made of a graph is kept by the graph's structure.

A function that is traced anew at each call gives the same graph each time, in other inputs; its derivative is the kept one
in those inputs, without the transform being run again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from symgrad.ir.expr import fresh_input
from symgrad.ir.graph import Graph

__all__ = ["found_again"]

_MOST = 256  # kept graphs
_LONGEST = 2000  # nodes: the key of a longer graph takes longer than it may save

_known: dict[Any, tuple[Graph, int]] = {}


def found_again(transform: Callable[..., Graph]) -> Callable[..., Graph]:
    """Return ``transform(graph, wrt, ...)``, which keeps the graph's inputs first, with its results kept."""

    @functools.wraps(transform)
    def again(graph: Graph, wrt: Sequence[int], *options: Any, **named: Any) -> Graph:
        if len(graph) > _LONGEST or any("call" in n.attributes for n in graph.order):
            return transform(graph, wrt, *options, **named)  # a call has derivatives that its graph does not tell
        free = graph.free_inputs
        whole = Graph([*graph.inputs, *free], graph.outputs)
        key = transform, len(graph.inputs), tuple(wrt), options, tuple(sorted(named.items())), whole.key
        found = _known.get(key)
        if found is None:
            own = whole.fresh()
            made = transform(Graph(own.inputs[: len(graph.inputs)], own.outputs), wrt, *options, **named)
            found = Graph([*made.inputs, *own.inputs[len(graph.inputs) :]], made.outputs), len(made.inputs)
            if len(_known) >= _MOST:
                _known.clear()
            _known[key] = found
        kept, count = found
        further = [fresh_input(i.attributes["label"], i.type) for i in kept.inputs[len(graph.inputs) : count]]
        return Graph([*graph.inputs, *further], kept(*graph.inputs, *further, *free))

    return again
