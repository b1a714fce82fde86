"""Cutting a graph where NumPy does better, or alone can: large products of matrices, and operations without C."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from symgrad.eager.by_numpy import is_clearing, operands
from symgrad.ir.dims import Dim, Size
from symgrad.ir.expr import Node, fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.kinds import Interpreted
from symgrad.ir.types import TensorType
from symgrad.primitives import ops

__all__ = ["Part", "Schedule", "partition"]

LARGE = 1 << 14  # multiplications from which BLAS beats compiled loops, its call included


@dataclass(frozen=True, slots=True)
class Part:
    """One step: a graph to compile, or one operation for NumPy; which values it reads and which it makes, by slot."""

    graph: Graph | None
    node: Node | None
    reads: tuple[int, ...]
    writes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Steps in order, over values whose slots begin with the graph's inputs."""

    inputs: int
    parts: tuple[Part, ...]
    outputs: tuple[int, ...]


def partition(graph: Graph) -> Schedule:
    """Return a graph as steps, each as large as can be; a graph without such operations is one."""
    left = {n for n in graph.order if _for_numpy(n)}
    left.update(_clearings(graph, left))
    if not left:
        count = len(graph.inputs)
        outputs = tuple(range(count, count + len(graph.outputs)))
        return Schedule(count, (Part(graph, None, tuple(range(count)), outputs),), outputs)
    stage = _stages(graph, left)
    return _Cutter(graph, left, stage).schedule()


def _for_numpy(node: Node) -> bool:
    if node.primitive is ops.contract:
        return _multiplications(node) >= LARGE
    if node.primitive is ops.project:
        return _for_numpy(node.inputs[0])
    return not isinstance(node.type, TensorType) or isinstance(node.primitive.lowering, Interpreted)


def _multiplications(node: Node) -> int:
    sizes: dict[int, Size] = {}
    for operand, labels in zip(node.inputs, (node.attributes["x_labels"], node.attributes["y_labels"]), strict=True):
        sizes.update(zip(labels, operand.shape, strict=True))
    return _count(sizes.values())


def _count(sizes: Iterable[Size]) -> int:
    """Return the product of sizes, 0 where one has only a name."""
    count = 1
    for size in sizes:
        if isinstance(size, Dim):
            return 0
        count *= size
    return count


def _clearings(graph: Graph, left: set[Node]) -> list[Node]:
    """Return what may be done to a large product in place, for nothing else reads it."""
    found = [n for n in graph.order if is_clearing(n) and n.inputs[1] in left and _count(n.shape) >= LARGE]
    if not found:
        return found
    uses = Counter([i for n in graph.order for i in n.inputs] + list(graph.outputs))
    return [n for n in found if uses[n.inputs[1]] == 1]


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
            if node in left:
                self.wanted.update(operands(node))
                continue
            for operand in node.inputs:
                if operand in left:
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
                    read = operands(node)
                    for operand in read:
                        if operand not in self.slot:
                            self.compiled([operand])  # a constant
                    reads = tuple([self.slot[i] for i in read])
                    self.parts.append(Part(None, node, reads, (self.place(node),)))
        missing = [o for o in dict.fromkeys(self.graph.outputs) if o not in self.slot]
        if missing:
            self.compiled(missing)
        return Schedule(len(self.graph.inputs), tuple(self.parts), tuple([self.slot[o] for o in self.graph.outputs]))

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
