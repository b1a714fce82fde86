"""Jacobians entry by entry, where code reads or writes an array element by element.

Such code (loops written out, SymPy expressions) has mostly zero entries. Differentiating with respect to each element
that is read, with symbolic zeros for the others, leaves only the entries that are not zero.
"""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.ir.expr import Node, Range, constant, ops
from symgrad.ir.graph import Graph
from symgrad.transform.jvp import push_forward
from symgrad.transform.partials import zeros_like
from symgrad.transform.vjp import pull_back

__all__ = ["columns_by_element", "element_reads", "element_writes", "rows_by_element"]

Index = tuple[Range, ...]
Entries = list[tuple[Node, Index]]

_WORK_LIMIT = 2_000_000  # nodes visited in all; beyond it one batched sweep is cheaper to build


def element_reads(graph: Graph, wrt: Node) -> Entries | None:
    """Return the 0-d reads of ``wrt`` with their indices when it is read in no other way, else None."""
    if wrt.ndim == 0:
        return [(wrt, ())]
    if wrt in graph.outputs:
        return None
    reads: Entries = []
    for user in graph.users.get(wrt, ()):
        if user.primitive is not ops.slice or user.ndim:
            return None
        reads.append((user, user.attributes["ranges"]))
    return reads if len(reads) * len(graph) <= _WORK_LIMIT else None


def element_writes(graph: Graph, output: Node) -> Entries | None:
    """Return the 0-d pieces an output is assembled from with their indices, or None when it is not."""
    if output.ndim == 0:
        return [(output, ())]
    if output.primitive is not ops.assemble or any(piece.ndim for piece in output.inputs):
        return None
    writes = list(zip(output.inputs, output.attributes["ranges"], strict=True))
    return writes if len(writes) * len(graph) <= _WORK_LIMIT else None


def columns_by_element(outputs: Sequence[Node], wrt: Node, reads: Entries) -> list[Node]:
    """Return the Jacobian of each output, one forward sweep for each element read."""
    entries: list[Entries] = [[] for _ in outputs]
    for read, index in reads:
        tangents = push_forward(outputs, {read: constant(1.0, read.dtype)})
        for found, tangent in zip(entries, tangents, strict=True):
            if tangent is not None:
                found.extend((piece, (*ranges, *index)) for piece, ranges in _pieces(tangent))
    return [_assemble(found, output, wrt) for found, output in zip(entries, outputs, strict=True)]


def rows_by_element(output: Node, writes: Entries, wrt: Sequence[Node]) -> list[Node]:
    """Return the Jacobian with respect to each of ``wrt``, one reverse sweep for each element written."""
    entries: list[Entries] = [[] for _ in wrt]
    for written, index in writes:
        rows = pull_back([written], [constant(1.0, written.dtype)], wrt)
        for found, row in zip(entries, rows, strict=True):
            if row is not None:
                found.extend((piece, (*index, *ranges)) for piece, ranges in _pieces(row))
    return [_assemble(found, output, node) for found, node in zip(entries, wrt, strict=True)]


def _pieces(node: Node) -> Entries:
    """Return the pieces of an assemble, or a whole node as its own piece."""
    if node.primitive is ops.assemble:
        return list(zip(node.inputs, node.attributes["ranges"], strict=True))
    return [(node, tuple(Range(0, size, 1) for size in node.shape))]


def _assemble(entries: Entries, output: Node, wrt: Node) -> Node:
    shape = output.shape + wrt.shape
    if not entries:
        zero = zeros_like(output) if not wrt.ndim else constant(0.0, output.dtype)
        return ops.broadcast_to(zero, shape=shape) if shape and zero.shape != shape else zero
    if not shape:
        return entries[0][0]
    if len(entries) == 1 and entries[0][0].shape == shape:
        return entries[0][0]
    return ops.assemble(*[piece for piece, _ in entries], shape=shape, ranges=tuple(ranges for _, ranges in entries))
