"""Programs: what pending records compute, found again by their structure and run by the interpreter or natively."""

from __future__ import annotations

import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.eager.execution import Program
from symgrad.eager.grad_mode import mode
from symgrad.eager.recording import Record, pending
from symgrad.eager.values import bound_input, concrete, value_of
from symgrad.errors import ShapeError
from symgrad.ir.expr import Node, constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.transform.inlining import inline_calls

__all__ = ["Job", "evaluate", "inline", "node_of", "prepare", "stand_in", "tensor_inputs"]

tensor_inputs: weakref.WeakKeyDictionary[Node, tuple[Record, Any]] = weakref.WeakKeyDictionary()

_MOST_PROGRAMS = 256
_programs: OrderedDict[Any, Program] = OrderedDict()
_lock = threading.RLock()  # guards the table; it is not held while a program runs

# What holds a record besides its users: the list and the dict of a walk, the loop's variable, getrefcount's argument.
_OWN_REFERENCES = 4


class Job:
    """A program with the records it is run for."""

    __slots__ = ("leaves", "program", "wanted")

    def __init__(self, program: Program | None, leaves: list[Record], wanted: list[Record]) -> None:
        self.program = program
        self.leaves = leaves
        self.wanted = wanted

    def run(self) -> None:
        """Compute the wanted records' values."""
        if self.program is None:
            return
        results = self.program([_data(leaf) for leaf in self.leaves])
        for record, value in zip(self.wanted, results, strict=True):
            record.settle(value)


def evaluate(roots: Sequence[Record]) -> None:
    """Compute the values of records, and of every pending value on the way that somebody still holds.

    Raises
    ------
    TraceError
        When one depends on an argument of a trace, which has no value.
    """
    prepare(roots).run()


def prepare(roots: Sequence[Record], exact: bool = False) -> Job:
    """Return what must run for records to have their values; unless ``exact`` also for those on the way that are held."""
    for root in roots:
        if root.data is None and root.signature is None:
            assert root.node is not None
            root.data = value_of(root.node)
    order = pending(roots)
    if not order:
        return Job(None, [], [])
    key, leaves, wanted = _structure(order, roots, exact)
    known = tuple(key)
    return Job(_programs.get(known) or _build(known, order, leaves, wanted), leaves, wanted)


def _structure(order: list[Record], roots: Sequence[Record], exact: bool) -> tuple[list[Any], list[Record], list[Record]]:
    """Return the key of what is to be computed, the records it starts from, and those whose values are wanted."""
    number: dict[Record, int] = {}
    uses: dict[Record, int] = {}
    key: list[Any] = []
    leaves: list[Record] = []
    for record in order:
        key.append(record.signature)
        for operand in record.inputs:
            known = number.get(operand)
            if known is None:
                leaves.append(operand)
                known = number[operand] = -len(leaves)
            key.append(known)
            if known > 0:
                uses[operand] += 1
        edges = record.edges
        if edges is not None:
            for edge in edges:
                if edge in uses:
                    uses[edge] += 1
        uses[record] = record.token is not None  # its window's list
        number[record] = len(number) + 1
    wanted = []
    asked = set(roots)
    for k, record in enumerate(order):
        if not record.signature.single:  # type: ignore[union-attr]  # pending: it has one
            continue
        if record in asked or (not exact and sys.getrefcount(record) > uses[record] + _OWN_REFERENCES + 1):
            wanted.append(record)
            key.append(k)
    return key, leaves, wanted


def _data(record: Record) -> Any:
    if record.data is None:
        assert record.node is not None
        record.data = value_of(record.node)
    return record.data


def _build(key: Any, order: list[Record], leaves: list[Record], wanted: list[Record]) -> Program:
    inputs: list[Node] = []
    nodes: dict[Record, Any] = {}
    for leaf in leaves:
        nodes[leaf] = fresh_input("x", leaf.type)
        inputs.append(nodes[leaf])
    for record in order:
        nodes[record] = inline(record, [nodes[i] for i in record.inputs])
    program = Program(inline_calls(Graph(inputs, [nodes[w] for w in wanted])))
    with _lock:
        if len(_programs) >= _MOST_PROGRAMS:
            _programs.popitem(last=False)
        return _programs.setdefault(key, program)


def inline(record: Record, operands: Sequence[Any]) -> Any:
    """Return the node of a record for the nodes of its inputs; a tuple for an operation with several results."""
    signature = record.signature
    assert signature is not None
    if signature.index >= 0:
        return operands[0][signature.index]
    results = signature.graph(*operands)
    return results[0] if len(results) == 1 else results


def stand_in(record: Record, edge: Any, value: Any) -> Node:
    """Return the input of a graph that stands for a known value and for its place on the tape, the same while it lives."""
    table = record.stand_ins
    found = None if table is None else table.get(id(edge))
    node: Node | None = None if found is None else found()
    if node is not None and tensor_inputs[node][1] is edge:
        return node
    node = bound_input(np.asarray(value, record.type.dtype.numpy), "tensor")
    tensor_inputs[node] = record, edge
    if not record.exposed:  # else what it stands for may be another value next time
        if table is None:
            table = record.stand_ins = {}
        table[id(edge)] = weakref.ref(node)
    return node


def node_of(record: Record) -> Node:
    """Return where a record stands in a graph: its own node, a constant, a captured array, or its operation's node.

    What was recorded with gradients off passes no derivative on.
    """
    if record.node is not None:
        return record.node
    nodes: dict[Record, Any] = {}
    bound: set[Record] = set()  # what depends on an argument of the trace
    for one in sorted(_on_the_way(record), key=lambda r: r.serial):
        if one.node is not None:
            nodes[one] = one.node
            bound.add(one)
            continue
        if one.data is not None and not one.tied:
            nodes[one] = _known_node(one)
            continue
        found = inline(one, [_operand_node(one, k, nodes) for k in range(len(one.inputs))])
        if not bound.isdisjoint(one.inputs):
            bound.add(one)
            if mode.was_off(one.serial):
                found = _cut_off(found)
            if isinstance(found, Node):
                one.node = found
        nodes[one] = found
    result = nodes[record]
    if not isinstance(result, Node) or not isinstance(result.type, TensorType):
        raise ShapeError("a value with several parts has no node")
    return result


def _on_the_way(record: Record) -> list[Record]:
    order, seen, stack = [], set(), [record]
    while stack:
        one = stack.pop()
        if one not in seen:
            seen.add(one)
            order.append(one)
            if (one.data is None or one.tied) and one.node is None:
                stack.extend(one.inputs)
    return order


def _known_node(record: Record) -> Node:
    if isinstance(record.data, (bool, int, float)):
        return constant(record.data, record.type.dtype)
    return concrete(np.asarray(record.data), record.type.dtype)


def _operand_node(record: Record, k: int, nodes: dict[Record, Any]) -> Any:
    """Return the node of an operand; of a known value on the tape an input that stands for it, so that it stays there."""
    operand = record.inputs[k]
    edge = None if record.edges is None else record.edges[k]
    if edge is not None and operand.data is not None and operand.node is None and not operand.tied:
        return stand_in(operand, edge, operand.data)
    return nodes[operand]


def _cut_off(found: Any) -> Any:
    if isinstance(found, tuple):
        return tuple([_cut_off(f) for f in found])
    return ops.stop_gradient(found) if found.dtype.is_floating else found
