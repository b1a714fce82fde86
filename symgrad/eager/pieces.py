"""A piece of the tape in numbers: what its pullback is found again by, and what it is made from."""

from __future__ import annotations

from typing import Any

from symgrad.eager.grad_mode import mode
from symgrad.eager.pullbacks import Entry, Plan, make_plan
from symgrad.eager.recording import Record, outputs_of
from symgrad.eager.tape import Leaf, owner

__all__ = ["Piece", "Place"]

Place = tuple[Any, int]
_plans: dict[Any, Plan] = {}
_MOST_PLANS = 512


class Piece:
    """Entries of the tape, in the order they were recorded, their values and edges numbered by first use.

    Attributes
    ----------
    records : list of Record
    position : dict
        Of each record, its number.
    values, edges : list
        The operands and results, by number, each with the edge it was met with.
    made : set of int
        Numbers of results of operations with several, which no tensor holds.
    leaving : dict
        The places outside that cotangents go to, numbered.
    """

    def __init__(self, records: list[Record]) -> None:
        self.records = records
        self.position = {r: k for k, r in enumerate(records)}
        self.values: list[Record] = []
        self.edges: list[Any] = []
        self.made: set[int] = set()
        self.leaving: dict[Place, int] = {}
        self._number: dict[Any, int] = {}
        self._key: list[Any] = []
        self._entries: list[tuple[list[int], list[int], list[Any]]] = []
        for record in records:
            self._enter(record)

    def _enter(self, record: Record) -> None:
        signature = record.signature
        assert signature is not None
        operands: list[int] = []
        targets: list[Any] = []
        for operand, edge in zip(record.inputs, record.edges or (None,) * len(record.inputs), strict=True):
            known = self._number.get(operand)
            if known is None:
                known = self._add(operand, operand, edge)
            elif self.edges[known] is not edge:  # met with another edge, as by x * x.detach()
                apart = self._number.get((operand, edge))
                known = self._add((operand, edge), operand, edge) if apart is None else apart
            operands.append(known)
            targets.append(self._target(edge))
        self._key += (signature, *operands, *targets)
        self._entries.append((operands, self._results(record), targets))

    def _add(self, name: Any, value: Record, edge: Any) -> int:
        number = self._number[name] = len(self.values)
        self.values.append(value)
        self.edges.append(edge)
        return number

    def _target(self, edge: Any) -> Any:
        """Return where a cotangent goes: an entry of this piece with its result, the number of a place outside, or None."""
        if edge is None:
            return None
        place: Place = (edge, 0) if type(edge) is Leaf else owner(edge)
        inside = self.position.get(place[0])
        return (inside, place[1]) if inside is not None else self.leaving.setdefault(place, len(self.leaving))

    def _results(self, record: Record) -> list[int]:
        """Return the numbers of a record's results."""
        if record.signature.single:  # type: ignore[union-attr]  # on the tape
            known = self._number.get(record)
            return [self._add(record, record, record) if known is None else known]
        numbers = []
        for k, part in enumerate(_parts(record)):
            numbers.append(self._add((record, k), part, part if part.edges is not None else None))
            self.made.add(numbers[-1])
        return numbers

    def plan(self, seeds: list[tuple[int, int]], wanted: list[tuple[int, int]]) -> Plan:
        """Return the pullback from given cotangents of some results to what leaves, and to the ``wanted`` results' own."""
        key = (*self._key, tuple(seeds), tuple(wanted))
        found = _plans.get(key)
        if found is None:
            entries = [Entry(r.signature, *e) for r, e in zip(self.records, self._entries, strict=True)]  # type: ignore[arg-type]
            types = [e.type if isinstance(e, Leaf) else e.signature.types[k] for e, k in self.leaving]
            found = make_plan(entries, [v.type for v in self.values], seeds, types, wanted)
            if len(_plans) >= _MOST_PLANS:
                _plans.clear()
            _plans[key] = found
        return found


def _parts(record: Record) -> list[Record]:
    """Return the records of several results as they were recorded, whatever was written to them since."""
    window = mode.window
    if window is not None and record.token is window.token:
        first = record.number + 1
        known: list[Record] = window.records[first : first + len(record.signature.types)]  # type: ignore[union-attr]
        if all(r.overwritten is None and r.moved is None for r in known):
            return known
    return outputs_of(record)
