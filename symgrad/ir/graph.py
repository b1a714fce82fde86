"""Graphs: some inputs and outputs, and the nodes between them in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from typing import Any

from symgrad.ir.dims import Dim, Size
from symgrad.ir.expr import Node, Range, fresh_input, ops
from symgrad.ir.text import format_nodes
from symgrad.ir.types import TensorType

__all__ = ["Graph", "rebuild", "topological_order"]


def topological_order(outputs: Iterable[Node], stop: Iterable[Node] = ()) -> list[Node]:
    """Return every node the outputs depend on, inputs before users, in an order fixed by the outputs alone.

    Nodes of ``stop`` are listed but not entered. Iterative: a chain of a million nodes is no deeper than one.
    """
    placed: dict[Node, None] = {}
    _place(placed, outputs, set(stop))
    return list(placed)


_FEW = 4  # operands looked at again each time one of them has been placed


def _place(placed: dict[Node, None], outputs: Iterable[Node], ends: Set[Node]) -> None:
    """Add to ``placed`` what the outputs depend on, depth first."""
    remaining: dict[Node, Iterator[Node]] = {}  # operands that are still to be looked at, of nodes with many
    for output in outputs:
        if output in placed:
            continue
        node, path = output, []  # the node in hand, and those above it, which wait for it
        while True:
            operands: Iterable[Node] = node.inputs
            if len(node.inputs) > _FEW:
                operands = remaining.setdefault(node, iter(node.inputs))
            for operand in () if node in ends else operands:
                if operand not in placed:
                    path.append(node)
                    node = operand
                    break
            else:
                placed[node] = None
                if not path:
                    break
                node = path.pop()


def rebuild(node: Node, inputs: Sequence[Node]) -> Node:
    """Return ``node``'s primitive and attributes applied to other inputs."""
    if all(a is b for a, b in zip(node.inputs, inputs, strict=True)):
        return node
    return node.primitive(*inputs, **node.attributes)


class Graph:
    """A pure function: ``outputs`` computed from ``inputs``. Immutable.

    Attributes
    ----------
    inputs : tuple of Node
        Input nodes, all distinct. An input the outputs do not use is allowed.
    outputs : tuple of Node
    """

    __slots__ = ("__dict__", "inputs", "outputs")

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]

    def __init__(self, inputs: Iterable[Node], outputs: Iterable[Node]) -> None:
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)

    @cached_property
    def order(self) -> tuple[Node, ...]:
        """All nodes, the inputs first, each node after what it depends on."""
        placed = dict.fromkeys(self.inputs)
        _place(placed, self.outputs, frozenset())
        return tuple(placed)

    @cached_property
    def users(self) -> dict[Node, list[Node]]:
        """For each node the nodes that consume it, once for each operand."""
        result: dict[Node, list[Node]] = {node: [] for node in self.order}
        for node in self.order:
            for operand in node.inputs:
                result[operand].append(node)
        return result

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the inputs' dims, by first appearance."""
        return tuple(dict.fromkeys(name for node in self.inputs for name in node.type.names))

    @property
    def conditions(self) -> tuple[Dim, ...]:
        """What must not be negative at the call: symbolic sizes, and what keeps every index inside a symbolic axis."""
        found: dict[Dim, None] = {}
        for node in self.order:
            for condition in _conditions(node):
                if isinstance(condition, Dim):
                    found[condition] = None
        return tuple(found)

    @property
    def free_inputs(self) -> tuple[Node, ...]:
        """Input nodes the outputs depend on that are not among ``inputs``."""
        bound = set(self.inputs)
        return tuple(n for n in self.order if n.primitive is ops.input and n not in bound)

    def __len__(self) -> int:
        return len(self.order)

    def __str__(self) -> str:
        return format_nodes(self.inputs, self.order, self.outputs)

    def __repr__(self) -> str:
        given = ", ".join(str(n.type) for n in self.inputs)
        return f"<Graph ({given}) -> ({', '.join(str(n.type) for n in self.outputs)}), {len(self)} nodes>"

    @cached_property
    def key(self) -> str:
        """A digest equal for two graphs exactly when they are the same function of their numbered inputs."""
        import hashlib  # here, because it loads a cryptography library

        return hashlib.sha256(self.exact_text.encode()).hexdigest()

    @property
    def exact_text(self) -> str:
        """The text that ``key`` digests: no labels, constants to the last bit."""
        return format_nodes(self.inputs, self.order, self.outputs, exact=True)

    def substitute(self, replacements: Mapping[Node, Node]) -> tuple[Node, ...]:
        """Return the outputs with nodes replaced; a replacement is not itself searched."""
        memo: dict[Node, Node] = dict(replacements)
        for node in topological_order(self.outputs, stop=replacements):
            if node not in memo:
                memo[node] = rebuild(node, [memo[i] for i in node.inputs])
        return tuple(memo[o] for o in self.outputs)

    def __call__(self, *arguments: Node) -> tuple[Node, ...]:
        """Return the outputs with ``arguments`` in place of the inputs."""
        return self.substitute(dict(zip(self.inputs, arguments, strict=True)))

    def fresh(self) -> Graph:
        """Return the same function over new inputs."""
        inputs = [fresh_input(i.attributes["label"], i.type) for i in self.inputs]
        return Graph(inputs, self(*inputs))

    def __reduce__(self) -> tuple[Any, ...]:
        number = {node: k for k, node in enumerate(self.order)}
        table = tuple((n.name, tuple(number[i] for i in n.inputs), tuple(sorted(n.attributes.items()))) for n in self.order)
        return _restore, (table, tuple(number[i] for i in self.inputs), tuple(number[o] for o in self.outputs))


_NO_EMPTY_AXIS = ("max", "min", "argmax", "argmin")


def _conditions(node: Node) -> Iterator[Size]:
    if not isinstance(node.type, TensorType):
        return
    yield from node.type.shape
    name = node.primitive.name
    if name == "slice":
        yield from _inside(node.attributes["ranges"], node.inputs[0].shape)
    elif name == "assemble":
        for ranges in node.attributes["ranges"]:
            yield from _inside(ranges, node.shape)
    elif name in _NO_EMPTY_AXIS:
        axes = node.attributes["axes"] if "axes" in node.attributes else (node.attributes["axis"],)
        yield from (node.inputs[0].shape[axis] - 1 for axis in axes)


def _inside(ranges: Sequence[Range], shape: Sequence[Size]) -> Iterator[Size]:
    """Yield what must not be negative for every index of the ranges to lie inside the axes."""
    for taken, size in zip(ranges, shape, strict=True):
        start, count, step = taken
        if count is None:
            yield from (start, size - 1 - start)
            continue
        last = start + (count - 1) * step
        if isinstance(count, int) and count > 0:
            yield from (start, last, size - 1 - start, size - 1 - last)
        elif isinstance(step, Dim) or step > 0:  # an empty range may start where its axis ends
            yield from (start, size - 1 - last)
        else:
            yield from (last, size - 1 - start)


def _restore(table: tuple[Any, ...], inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Graph:
    nodes: list[Node] = []
    for name, operands, attributes in table:
        values = dict(attributes)
        if name == "input":
            nodes.append(fresh_input(values["label"], values["type"]))
        else:
            nodes.append(getattr(ops, name)(*[nodes[k] for k in operands], **values))
    return Graph([nodes[k] for k in inputs], [nodes[k] for k in outputs])
