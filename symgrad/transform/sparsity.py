"""Which elements of a graph's outputs can be other than zero, whatever the inputs hold.

A forward pass over the nodes: what does not depend on the inputs is computed, what is linear is applied to generic
numbers where its operand may be non-zero, an elementwise function keeps the zeros of all its operands if it is zero at
zero. So the pattern of a Jacobian or Hessian is read off its graph. As everywhere with sparse matrices, 0 times an
infinite number counts as 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.ir.expr import ArrayConstant, Node, ops
from symgrad.ir.graph import Graph
from symgrad.ir.kinds import Bilinear, Linear, Reduce, Select
from symgrad.ir.types import TensorType

__all__ = ["possible_nonzeros"]

_LARGEST = 1 << 21  # elements of all values together, up to which the pass is worth its time

Array = np.ndarray[Any, Any]


def possible_nonzeros(graph: Graph) -> list[Array | None]:
    """Return for each output where it may be non-zero; None where sizes are named, or the graph is too large to tell."""
    shapes = [n.type.shape if isinstance(n.type, TensorType) else (None,) for n in graph.order]
    if not all(isinstance(size, int) for shape in shapes for size in shape):  # a named one times 0 is an array's size too
        return [None] * len(graph.outputs)
    if sum(math.prod(_sizes(n)) for n in graph.order) > _LARGEST:
        return [None] * len(graph.outputs)
    rules = _Nonzeros(graph)
    with np.errstate(all="ignore"):
        for node in graph.order:
            rules.visit(node)
    return [rules.masks[o] for o in graph.outputs]


class _Nonzeros:
    """The pass: masks of all nodes so far, and the values of those that depend on no input."""

    def __init__(self, graph: Graph) -> None:
        self.inputs = set(graph.inputs)
        self.masks: dict[Node, Array] = {}
        self.known: dict[Node, Array] = {}
        self.random = np.random.default_rng(0)

    def visit(self, node: Node) -> None:
        """Add one node, whose operands have been visited."""
        if node in self.inputs or node.primitive is ops.input:
            self.masks[node] = np.ones(_sizes(node), bool)
            return
        if all(i in self.known for i in node.inputs):
            self.known[node] = value = self.value(node, [self.known[i] for i in node.inputs])
            self.masks[node] = value != 0
            return
        found = self.mask(node, [self.masks[i] for i in node.inputs])
        self.masks[node] = np.broadcast_to(np.ones((), bool) if found is None else found, _sizes(node))

    def value(self, node: Node, operands: Sequence[Array]) -> Array:
        """Return the primitive applied to numbers."""
        if node.primitive is ops.constant:
            value = node.attributes["value"]
            return np.asarray(value.array if isinstance(value, ArrayConstant) else value)
        return np.asarray(node.primitive.numpy(*operands, **node.attributes))

    def mask(self, node: Node, given: Sequence[Array]) -> Array | None:
        """Return where a node may be non-zero; None for everywhere."""
        derivative, lowering = node.primitive.derivative, node.primitive.lowering
        if isinstance(derivative, Select):
            chosen = self.known.get(node.inputs[0])
            return given[1] | given[2] if chosen is None else np.where(chosen, given[1], given[2])
        if node.primitive is ops.div:
            return given[0]
        if isinstance(derivative, Bilinear):
            return self.generic(node, given, range(2))
        if isinstance(derivative, Linear):
            return self.generic(node, given, range(len(given)) if derivative.args is None else derivative.args)
        if isinstance(lowering, Reduce):
            return np.asarray(np.any(given[0], axis=node.attributes["axes"]))
        if node.primitive.elementwise:
            zeros = [np.zeros(1, i.dtype.numpy) for i in node.inputs]
            if self.value(node, zeros) == 0:
                return np.logical_or.reduce(np.broadcast_arrays(*given)) if len(given) > 1 else given[0]
        return None

    def generic(self, node: Node, given: Sequence[Array], linear: Sequence[int]) -> Array | None:
        """Apply a primitive to random numbers where its linear operands may be non-zero."""
        operands = []
        for k, (operand, mask) in enumerate(zip(node.inputs, given, strict=True)):
            if operand in self.known and k not in linear:
                operands.append(self.known[operand])
            elif k in linear:
                operands.append(np.where(mask, self.random.uniform(1.0, 2.0, mask.shape), 0.0))
            else:
                return None
        if node.primitive is ops.cast:
            return given[0]
        return np.asarray(self.value(node, operands) != 0)


def _sizes(node: Node) -> list[int]:
    return [s for s in node.shape if isinstance(s, int)]  # all are: this is asked first
