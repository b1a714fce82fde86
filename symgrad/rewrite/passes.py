"""The passes of rewriting: one sweep over the graph each, inputs before users, linear in nodes.

A node is rewritten until no law holds for it, before any of its users is looked at; what a law builds is
rewritten in the same way. So the result of a pass is a fixed point of its laws, and one sweep is enough. Dead
code is what the new outputs do not reach; equal nodes are one by construction, and ``b + a`` becomes an ``a + b``
that is there already.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from functools import cache

from symgrad.ir.expr import Node, Primitive, ops
from symgrad.ir.graph import Graph
from symgrad.options import Options
from symgrad.rewrite.index import Index, Look
from symgrad.rewrite.pattern import Law
from symgrad.rewrite.rules import EXACT, FAST

__all__ = ["PASSES", "Pass", "PassRecord", "rewrite", "run_passes"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pass:
    """A named set of laws, applied to a fixed point in one sweep.

    Attributes
    ----------
    name : str
    laws : tuple of Law
    fast_math : bool
        Whether it runs only with ``options.fast_math``.
    """

    name: str
    laws: tuple[Law, ...]
    fast_math: bool = False


@dataclass(frozen=True, slots=True)
class PassRecord:
    """What one pass did: the number of nodes before and after, and how often each law was used."""

    name: str
    nodes_before: int
    nodes_after: int
    fired: int
    laws: tuple[tuple[str, int], ...] = ()


PASSES = (
    Pass("simplify", EXACT),
    Pass("fast_math", FAST + EXACT, fast_math=True),
)

_SHARED = "operands in the order of an equal node"
_MIRRORED = {
    "add": "add", "mul": "mul", "eq": "eq", "ne": "ne", "lt": "gt", "gt": "lt", "le": "ge", "ge": "le",
    "logical_and": "logical_and", "logical_or": "logical_or", "logical_xor": "logical_xor",
}  # fmt: skip


def rewrite(graph: Graph, options: Options) -> Graph:
    """Return an equal graph with every law that ``options`` allow applied to a fixed point.

    The inputs stay, also where the outputs no longer use one. Without ``options.fast_math`` every output keeps its
    bits (any nan stands for any other), except that pow with exponent 2 or -1 becomes the correctly rounded product
    or quotient.
    """
    return run_passes(graph, options)[0]


def run_passes(graph: Graph, options: Options) -> tuple[Graph, tuple[PassRecord, ...]]:
    """Return the rewritten graph and what each pass did."""
    records = []
    for one in PASSES:
        if one.fast_math and not options.fast_math:
            continue
        before = len(graph)
        graph, fired = _run(graph, one)
        records.append(PassRecord(one.name, before, len(graph), sum(fired.values()), tuple(sorted(fired.items()))))
    return graph, tuple(records)


def _run(graph: Graph, one: Pass) -> tuple[Graph, Counter[str]]:
    sweep = _Sweep(_index(one), _mirrors())
    outputs = sweep.run(graph)
    unchanged = all(a is b for a, b in zip(outputs, graph.outputs, strict=True))
    return graph if unchanged else Graph(graph.inputs, outputs), sweep.fired


@cache
def _index(one: Pass) -> Index:
    return Index(one.laws)


@cache
def _mirrors() -> dict[Primitive, Primitive]:
    return {getattr(ops, a): getattr(ops, b) for a, b in _MIRRORED.items()}


class _Sweep:
    """One pass over one graph."""

    def __init__(self, index: Index, mirrors: dict[Primitive, Primitive]) -> None:
        self.index = index
        self.mirrors = mirrors
        self.pairs: dict[tuple[Primitive, Node, Node], Node] = {}
        self.normal: dict[Node, Node] = {}  # each node seen, and what it became
        self.looks: dict[Node, Look] = {}  # of each node that was searched for laws
        self.fired: Counter[str] = Counter()
        self.verbose = _log.isEnabledFor(logging.DEBUG)

    def run(self, graph: Graph) -> list[Node]:
        """Return the outputs, rewritten."""
        normal, looks, known, mirrors = self.normal, self.looks, self.index.looks, self.mirrors
        for node in graph.order:
            if node in normal:
                continue
            inputs, current = node.inputs, node
            if len(inputs) == 2 and not node.attributes:  # spelled out: most nodes are of this form, and keep it
                a, b = inputs
                x, y = normal[a], normal[b]
                if x is not a or y is not b:
                    current = node.primitive(x, y)
                primitive = current.primitive
                look = known.get((primitive, x.primitive, y.primitive)) if x is not y else None
                if look and (not look.laws or look.further.get((looks[x], looks[y], current.type.dtype)) == ()):
                    settled = None if current is node else normal.get(current)
                    if settled is None:
                        settled = normal[current] = self.share(current) if primitive in mirrors else current
                        looks[current] = look
                    if current is not node:
                        normal[node] = settled
                    continue
            else:
                for operand in inputs:
                    if normal[operand] is not operand:
                        current = node.primitive(*[normal[i] for i in inputs], **node.attributes)
                        break
            settled = normal.get(current)
            if settled is None:
                settled = normal[current] = self.reduced(current)
            normal[node] = settled
        return [normal[o] for o in graph.outputs]

    def settle(self, root: Node) -> Node:
        """Return the fixed point of a node just built, and of the new nodes below it."""
        normal = self.normal
        stack = [root]
        while stack:
            node = stack[-1]
            if node in normal:
                stack.pop()
                continue
            pending = [i for i in node.inputs if i not in normal]
            if pending:
                stack.extend(reversed(pending))
                continue
            stack.pop()
            normal[node] = self.fixed_point(node)
        return normal[root]

    def fixed_point(self, node: Node) -> Node:
        """Return what a node whose operands are settled becomes."""
        for operand in node.inputs:
            if self.normal[operand] is not operand:
                return self.settle(node.primitive(*[self.normal[i] for i in node.inputs], **node.attributes))
        return self.reduced(node)

    def reduced(self, node: Node) -> Node:
        """Return what a node whose operands are at their fixed points becomes."""
        look = self.looks[node] = self.index.look(node)
        for law, rewriter in self.index.candidates(node, look, [self.looks[i] for i in node.inputs]):
            found = rewriter(node)
            if found is not None and found is not node:
                return self.settle(self.note(law, node, found))
        return self.share(node) if node.primitive in self.mirrors else node

    def note(self, law: Law, node: Node, found: Node) -> Node:
        """Count a firing, and log it at debug level."""
        self.fired[law.text] += 1
        if self.verbose:
            _log.debug("%s: %r becomes %r", law.text, node, found)
        return found

    def share(self, node: Node) -> Node:
        """Return the node with its operands exchanged where that one came first."""
        a, b = node.inputs
        if a is b:
            return node
        primitive = node.primitive
        key = (primitive, a, b) if id(a) < id(b) else (self.mirrors[primitive], b, a)
        first = self.pairs.setdefault(key, node)
        if first is not node:
            self.fired[_SHARED] += 1
        return first
