"""Programs: what pending records compute, found again by their structure and run by the interpreter or natively."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.eager.execution import Program
from symgrad.eager.recording import Record, pending
from symgrad.eager.values import concrete, value_of
from symgrad.errors import ShapeError
from symgrad.ir.expr import Node, constant, fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType

__all__ = ["Job", "evaluate", "inline", "node_of", "prepare"]

_MOST_PROGRAMS = 512
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
    program = Program(Graph(inputs, [nodes[w] for w in wanted]))
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


def node_of(record: Record) -> Node:
    """Return where a record stands in a graph: its own node, a constant, a captured array, or its operation's node."""
    if record.node is not None:
        return record.node
    order, seen, stack = [], set(), [record]
    while stack:
        one = stack.pop()
        if one not in seen:
            seen.add(one)
            order.append(one)
            if one.data is None and one.node is None:
                stack.extend(one.inputs)
    nodes: dict[Record, Any] = {}
    for one in sorted(order, key=lambda r: r.serial):
        if one.node is None:
            if one.data is None:
                found = inline(one, [nodes[i] for i in one.inputs])
            elif isinstance(one.data, (bool, int, float)):
                found = constant(one.data, one.type.dtype)
            else:
                found = concrete(np.asarray(one.data), one.type.dtype)
            nodes[one] = found
            if isinstance(found, Node) and one.data is None:  # a known value stands for itself: see Tensor.node
                one.node = found
        else:
            nodes[one] = one.node
    result = nodes[record]
    if not isinstance(result, Node) or not isinstance(result.type, TensorType):
        raise ShapeError("a value with several parts has no node")
    return result
