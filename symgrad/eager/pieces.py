"""The course of a backward pass: the tape's entries in pieces, and a piece in numbers, by which its pullback is found again.

A loop whose passes the user's code looks at takes the same course each time round; it is found under the state its
window was in, and bound to the records of this round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from symgrad.eager.grad_mode import mode
from symgrad.eager.pullbacks import Entry, Plan, make_plan
from symgrad.eager.recording import Record
from symgrad.eager.several import outputs_of
from symgrad.eager.tape import Leaf, owner
from symgrad.eager.windows import Window

__all__ = ["Course", "Piece", "Place", "Route"]

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
        self._known: dict[Any, Plan] = {}  # by seeds and what is wanted
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
        asked = tuple(seeds), tuple(wanted)
        found = self._known.get(asked)
        if found is None:
            found = self._known[asked] = self._plan(seeds, wanted)
        return found

    def _plan(self, seeds: list[tuple[int, int]], wanted: list[tuple[int, int]]) -> Plan:
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

    def unbound(self, window: Window) -> Callable[[Window], Piece] | None:
        """Return what makes the same piece of another round, from its window; None where something lies outside."""
        records = _numbers(window, self.records)
        values = _numbers(window, self.values)
        entries = _numbers(window, [e for e, _ in self.leaving if type(e) is not Leaf])
        if records is None or values is None or entries is None:
            return None
        left = iter(entries)
        leaving = [(window.numbers[e] - 2, -1) if type(e) is Leaf else (next(left), k) for e, k in self.leaving]
        made, key, own, known = self.made, self._key, self._entries, self._known

        def bind(now: Window) -> Piece:
            table, leaves, accumulators = now.records, now.leaves, now.accumulators
            piece = Piece.__new__(Piece)
            piece.records = [table[n] for n in records]
            piece.position = {r: k for k, r in enumerate(piece.records)}
            piece.values = [table[n] if n >= 0 else leaves[-1 - n] for n in values]
            piece.edges = []
            places = [(accumulators[n], 0) if k < 0 else (table[n], k) for n, k in leaving]
            piece.leaving = {place: k for k, place in enumerate(places)}
            piece.made, piece._key, piece._entries, piece._known = made, key, own, known
            return piece

        return bind


@dataclass(frozen=True, slots=True)
class Course:
    """What a backward pass comes by.

    Attributes
    ----------
    order : list of Record
        The entries, the latest first.
    leaves : list of Leaf
    ends : set of Record
        Entries whose cotangents are asked for and go no further.
    pieces : list of Piece or Record
        The entries in pieces, the latest first: one that Python code stands for is alone, one with hooks the latest of its piece.
    """

    order: list[Record]
    leaves: list[Leaf]
    ends: set[Any]
    pieces: list[Piece | Record]


class Route:
    """The course of the backward from one record of a window, by the numbers of what it comes by; kept in the window's state."""

    __slots__ = ("_key", "_plans", "_window")

    def __init__(self, window: Window, root: Record) -> None:
        self._window, self._plans, self._key = window, window.state.plans, ("course", root.number)

    def again(self) -> Course | None:
        """Return the course of earlier rounds with the records of this one; None at first."""
        found = self._plans.get(self._key)
        return found(self._window) if found is not None else None

    def note(self, course: Course) -> None:
        """Remember a course if all of it lies in the window."""
        window = self._window
        order = _numbers(window, course.order)
        if order is None or course.ends or any(n < 0 for n in order) or any(e not in window.numbers for e in course.leaves):
            return
        leaves = [window.numbers[e] - 2 for e in course.leaves]
        binds: list[Any] = []
        for piece in course.pieces:
            bind = piece.unbound(window) if isinstance(piece, Piece) else piece.number
            if bind is None:
                return
            binds.append(bind)

        def bound(now: Window) -> Course:
            table, accumulators = now.records, now.accumulators
            pieces = [table[b] if type(b) is int else b(now) for b in binds]
            return Course([table[n] for n in order], [accumulators[k] for k in leaves], set(), pieces)

        self._plans[self._key] = bound


def _numbers(window: Window, records: Sequence[Record]) -> list[int] | None:
    """Return the numbers of records; None if one has none."""
    found = [window.number_of(r) for r in records]
    return None if None in found else found  # type: ignore[return-value]  # none is None


def _parts(record: Record) -> list[Record]:
    """Return the records of several results as they were recorded, whatever was written to them since."""
    window = mode.window
    if window is not None and record.token is window.token:
        first = record.number + 1
        known: list[Record] = window.records[first : first + len(record.signature.types)]  # type: ignore[union-attr]
        if all(r.overwritten is None and r.moved is None for r in known):
            return known
    return outputs_of(record)
