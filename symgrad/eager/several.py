"""Operations with several results: one record for the operation, and one for each result."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from symgrad.eager.recording import Record, Signature
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType

__all__ = ["Projection", "edges_of", "outputs_of"]


class Projection(Signature):
    """One of several results."""

    def __init__(self, index: int, type_: TensorType, single: bool = True) -> None:
        self.name = "Projection"
        self.index = index
        self.types, self.type = (type_,), type_
        self.single = single
        self.view, self.carries, self.tracks = False, (True,), True

    def __repr__(self) -> str:
        return f"<Projection {self.index}: {self.type}>"

    @cached_property
    def graph(self) -> Graph:  # type: ignore[override]  # a projection is read off, never inlined
        """Nothing: a projection has no graph of its own."""
        raise TypeError("a projection has no graph")


_projections: dict[tuple[int, int, bool], Projection] = {}


def _projection(index: int, type_: TensorType, single: bool = True) -> Projection:
    """Return the signature that takes result ``index``; not ``single`` for an edge alone, which has no value."""
    key = index, id(type_), single
    found = _projections.get(key)
    return found or _projections.setdefault(key, Projection(index, type_, single))


def outputs_of(record: Record) -> list[Record]:
    """Return the records of an operation's several results, each on the tape where a derivative passes."""
    carries = record.signature.carries  # type: ignore[union-attr]  # it has one
    tracked = record.edges is not None
    return [_part(record, k, (record,) if tracked and c else None, True) for k, c in enumerate(carries)]


def edges_of(entry: Record, results: Sequence[int]) -> list[Record]:
    """Return the edges to some results of an entry that only backward looks at: they have no values."""
    return [_part(entry, k, (entry,), False) for k in results]


def _part(record: Record, k: int, edges: Any, single: bool) -> Record:
    types = record.signature.types  # type: ignore[union-attr]  # it has one
    made = Record(_projection(k, types[k], single), (record,), edges, types[k])
    made.serial = record.serial + (k + 1) / (len(types) + 1)  # right after it, in order, whatever else was recorded
    return made
