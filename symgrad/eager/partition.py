"""Cutting a graph where NumPy does better, or alone can: large products of matrices, and operations without C."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.ir.dims import Dim
from symgrad.ir.expr import Node, fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.kinds import Interpreted
from symgrad.ir.types import TensorType
from symgrad.primitives import ops

__all__ = ["Part", "Schedule", "partition", "product"]

LARGE = 1 << 14  # multiplications from which BLAS beats compiled loops, its call included

Call = Callable[[Sequence[Any]], list[Any]]


@dataclass(frozen=True, slots=True)
class Part:
    """One step: a graph to compile, or one operation for NumPy; which values it reads and which it makes, by slot."""

    graph: Graph | None
    node: Node | None
    reads: tuple[int, ...]
    writes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Steps in order, over a table of values that begins with the graph's inputs."""

    parts: tuple[Part, ...]
    slots: int
    outputs: tuple[int, ...]


def partition(graph: Graph) -> Schedule:
    """Return a graph as steps, each as large as can be; a graph without such operations is one."""
    left = {n for n in graph.order if _for_numpy(n)}
    if not left:
        count = len(graph.inputs)
        outputs = tuple(range(count, count + len(graph.outputs)))
        return Schedule((Part(graph, None, tuple(range(count)), outputs),), count + len(outputs), outputs)
    stage = _stages(graph, left)
    return _Cutter(graph, left, stage).schedule()


def _for_numpy(node: Node) -> bool:
    if node.primitive is ops.contract:
        return _multiplications(node) >= LARGE
    if node.primitive is ops.project:
        return _for_numpy(node.inputs[0])
    return not isinstance(node.type, TensorType) or isinstance(node.primitive.lowering, Interpreted)


def _multiplications(node: Node) -> int:
    sizes: dict[int, Any] = {}
    for operand, labels in zip(node.inputs, (node.attributes["x_labels"], node.attributes["y_labels"]), strict=True):
        sizes.update(zip(labels, operand.shape, strict=True))
    count = 1
    for size in sizes.values():
        if isinstance(size, Dim):
            return 0
        count *= size
    return count


def _stages(graph: Graph, left: set[Node]) -> dict[Node, int]:
    """Return for each node the number of its step: compiled nodes of one number run together, then NumPy's of that number."""
    stage: dict[Node, int] = {}
    for node in graph.order:
        last = 0
        for operand in node.inputs:
            after = operand in left and node not in left
            last = max(last, stage[operand] + after)
        stage[node] = last
    return stage


def _small_forms(node: Node) -> list[Node]:
    """Return what to keep of a value for a later step: what it is spread out from, where it is only that."""
    while node.primitive in (ops.broadcast_to, ops.expand_dims):
        node = node.inputs[0]
    return [node]


class _Cutter:
    def __init__(self, graph: Graph, left: set[Node], stage: dict[Node, int]) -> None:
        self.graph = graph
        self.left = left
        self.stage = stage
        self.slot = {node: k for k, node in enumerate(graph.inputs)}
        self.parts: list[Part] = []
        self.slots = len(graph.inputs)
        self.wanted = set(graph.outputs)
        for node in graph.order:
            for operand in node.inputs:
                if operand in left or node in left:
                    self.wanted.add(operand)
                elif stage[operand] != stage[node]:
                    self.wanted.update(_small_forms(operand))

    def place(self, node: Node) -> int:
        self.slot[node] = self.slots
        self.slots += 1
        return self.slot[node]

    def schedule(self) -> Schedule:
        last = max(self.stage.values())
        for number in range(last + 1):
            here = [n for n in self.graph.order if self.stage[n] == number and n not in self.slot]
            self.compiled([n for n in here if n not in self.left and n in self.wanted and n.inputs])
            for node in here:
                if node in self.left:
                    for operand in node.inputs:
                        if operand not in self.slot:
                            self.compiled([operand])  # a constant
                    reads = tuple([self.slot[i] for i in node.inputs])
                    self.parts.append(Part(None, node, reads, (self.place(node),)))
        missing = [o for o in dict.fromkeys(self.graph.outputs) if o not in self.slot]
        if missing:
            self.compiled(missing)
        return Schedule(tuple(self.parts), self.slots, tuple([self.slot[o] for o in self.graph.outputs]))

    def compiled(self, outputs: list[Node]) -> None:
        """Add a step that computes nodes from what the table holds; constants are made where they are needed."""
        if not outputs:
            return
        known = [n for n in self.slot if isinstance(n.type, TensorType)]
        inputs = {n: fresh_input("x", n.type) for n in known}
        graph = Graph(list(inputs.values()), Graph([], outputs).substitute(inputs))
        used = set(graph.order[len(graph.inputs) :])
        read = {i for n in used for i in n.inputs} | set(graph.outputs)
        needed = [n for n in known if inputs[n] in read]
        closed = Graph([inputs[n] for n in needed], graph.outputs)
        self.parts.append(Part(closed, None, tuple([self.slot[n] for n in needed]), tuple([self.place(o) for o in outputs])))


# products by BLAS ------------------------------------------------------------------------------------------------------


def product(node: Node) -> Call | None:
    """Return the call of a contraction as one matrix product, None where it is none."""
    x_labels, y_labels, out = (list(node.attributes[k]) for k in ("x_labels", "y_labels", "out_labels"))
    batch = [label for label in out if label in x_labels and label in y_labels]
    rows = [label for label in out if label in x_labels and label not in y_labels]
    columns = [label for label in out if label in y_labels and label not in x_labels]
    inner = [label for label in x_labels if label in y_labels and label not in out]
    if len(batch) + len(rows) + len(inner) != len(x_labels) or len(batch) + len(columns) + len(inner) != len(y_labels):
        return None
    sizes = dict(zip(x_labels, node.inputs[0].shape, strict=True)) | dict(zip(y_labels, node.inputs[1].shape, strict=True))
    turned = out == [*batch, *columns, *rows]  # the product of the other with this is the result as it is to lie
    if turned:
        rows, columns, x_labels, y_labels = columns, rows, y_labels, x_labels
    made = [*batch, *rows, *columns]
    arrange_x = _matrices(x_labels, (batch, rows, inner), sizes)
    arrange_y = _matrices(y_labels, (batch, inner, columns), sizes)
    full, back = tuple([sizes[label] for label in made]), tuple([made.index(label) for label in out])
    straight, plain = made == out, len(made) == len(batch) + 2
    matmul = np.matmul

    def call(operands: Sequence[Any]) -> list[Any]:
        x, y = operands[::-1] if turned else operands
        result = matmul(arrange_x(x), arrange_y(y))
        if not plain:
            result = result.reshape(full)
        return [result if straight else np.ascontiguousarray(result.transpose(back))]

    return call


def _matrices(labels: list[Any], groups: Sequence[list[Any]], sizes: dict[Any, Any]) -> Callable[[Any], Any]:
    """Return what brings an operand into the form of matrices: first the batch as it is, then each group as one axis."""
    order = tuple([labels.index(label) for group in groups for label in group])
    shape = [sizes[label] for label in groups[0]]
    for group in groups[1:]:
        total = 1
        for label in group:
            total *= sizes[label]
        shape.append(total)
    same, flat = order == tuple(range(len(order))), len(shape) == len(order)
    if same and flat:
        return lambda x: x
    if flat:
        return lambda x: x.transpose(order)
    return lambda x: x.transpose(order).reshape(shape)
