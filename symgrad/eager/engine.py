"""Backward: cotangents from roots to leaves, piece by piece of the tape.

The tape's entries that nothing of the user's looks at are taken together: their pullbacks form one graph, recorded as
one pending operation that runs in the same program as whatever else is pending. Hooks and custom functions divide
the tape; between them cotangents are Tensors.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from symgrad.eager.grad_mode import mode
from symgrad.eager.hooks import call_hooks, look_for_nan, run_after, run_before
from symgrad.eager.operation import record_signature
from symgrad.eager.pieces import Course, Piece, Place, Route
from symgrad.eager.pullbacks import Plan
from symgrad.eager.recording import Record
from symgrad.eager.replaying import replay
from symgrad.eager.saving import unpack_saved
from symgrad.eager.several import Projection, outputs_of
from symgrad.eager.staleness import counts, modified, place_of, present_place
from symgrad.eager.storage import saved_value, written_by, written_over
from symgrad.eager.tape import FREED, Leaf, Refused, owner
from symgrad.eager.tensor_face import Tensor

__all__ = ["AccumulateLock", "CustomEntry", "Pass", "run"]

AccumulateLock = threading.RLock()
LONGEST = 1024  # entries of one piece: so a long tape of one pattern is a few programs, and not one for each length


class CustomEntry(Record):
    """An entry of the tape whose pullback is Python code."""

    def pull_back(self, cotangents: list[Tensor | None], create_graph: bool) -> Sequence[Tensor | None]:
        """Return the cotangents of the operands, None where there is none."""
        raise NotImplementedError


class Pass:
    """One backward pass."""

    def __init__(self, create_graph: bool, inside: bool) -> None:
        self.create_graph = create_graph
        self.inside = inside  # whether what it computes is recorded in the window
        self.arrived: dict[Place, list[Tensor]] = {}
        self.asked: dict[Place, Tensor] = {}
        self.spent: list[Record] = []
        self.read: list[Record] = []
        self.found: dict[Any, Tensor] = {}
        self.repeatable = True
        self.nodes: tuple[Any, ...] = ()

    @cached_property
    def reached(self) -> set[Any]:
        """The entries and leaves that this pass reaches."""
        return {node for nodes in self.nodes for node in nodes}

    def total(self, place: Place) -> Tensor | None:
        """Return the sum of what arrived at a place so far."""
        found = self.arrived.get(place)
        if not found:
            return None
        result = found[0]
        for other in found[1:]:
            result = result + other
        if len(found) > 1:
            self.arrived[place] = [result]
        return result


def run(
    roots: Sequence[tuple[Any, Tensor]],
    targets: Sequence[Any] | None,
    retain_graph: bool,
    create_graph: bool,
    inside: bool = False,
    route: Route | None = None,
) -> Pass:
    """Return a pass with what arrives at each target edge, by default at each leaf; edges that none reaches are left out.

    Parameters
    ----------
    roots : sequence of (edge, Tensor)
    targets : sequence of edges, or None
    retain_graph, create_graph : bool
    inside : bool
        Whether what is computed is recorded in the window, where what follows finds it.
    route : Route, optional
        Where the course of earlier rounds is found.

    Raises
    ------
    RuntimeError
        When saved values were freed, or modified in place.
    """
    course = None if route is None else route.again()
    if course is None:
        course = _course([e for e, _ in roots], targets)
        if route is not None:
            route.note(course)
    order, leaves, ends = course.order, course.leaves, course.ends
    state = Pass(create_graph, inside)
    for edge, cotangent in roots:
        state.arrived.setdefault(owner(edge), []).append(cotangent)
    asked = {owner(t) for t in targets or () if not isinstance(t, Leaf)}
    state.nodes = order, leaves if targets is None else [t for t in targets if isinstance(t, Leaf)]
    before, outside = mode.grad, mode.backward
    mode.set_grad(create_graph)
    mode.backward = state
    try:
        for piece in course.pieces:
            if isinstance(piece, Record):
                state.repeatable = False
                _pull_back_alone(state, piece, asked, piece in ends)
            elif piece.records[-1].gradient is not None:
                state.repeatable = False
                _pull_back_looked_at(state, piece, asked)
            else:
                _pull_back_piece(state, piece, asked)
        state.found = _finish(state, leaves if targets is None else targets)
    finally:
        mode.set_grad(before)
        mode.backward = outside
    if not retain_graph:
        for record in state.spent:
            record.freed = True
    return state


def _finish(state: Pass, edges: Sequence[Any]) -> dict[Any, Tensor]:
    found = {}
    for edge in dict.fromkeys(edges):  # hooks of one that is asked for twice run once
        place = owner(edge)
        total = state.asked.get(place)
        if total is None:
            total = state.total(place)
        if total is not None:
            if isinstance(edge, Leaf) and edge.extras is not None:
                total = call_hooks(edge.extras.hooks.get(0, {}), total)
            found[edge] = total
    return found


def _course(roots: Sequence[Any], targets: Sequence[Any] | None) -> Course:
    """Return what a pass from roots comes by, on its way to targets if there are any."""
    order, leaves = _collect(roots)
    ends: set[Any] = set()
    if targets is not None:
        order, ends = _towards(order, targets)
    return Course(order, leaves, ends, _pieces(order, ends))


def _collect(roots: Sequence[Any]) -> tuple[list[Record], list[Leaf]]:
    """Return the entries that the roots lead to, the latest first, and the leaves."""
    seen: set[Any] = set()
    leaves: dict[Leaf, None] = {}
    stack = [owner(r)[0] for r in roots]
    while stack:
        entry = stack.pop()
        if type(entry) is Leaf:
            leaves[entry] = None
            continue
        if entry in seen:
            continue
        seen.add(entry)
        for edge in reversed(entry.edges or ()):  # so that the first operand's leaf comes first
            if edge is not None:
                if type(edge) is not Leaf and type(edge.signature) is Projection:
                    edge = edge.inputs[0]  # noqa: PLW2901  # its operation's entry
                if edge not in seen:
                    stack.append(edge)
    return sorted(seen, key=_serial, reverse=True), list(leaves)


def _serial(record: Record) -> float:
    return record.serial


def _towards(order: list[Record], targets: Sequence[Any]) -> tuple[list[Record], set[Any]]:
    """Return the entries that lie on a way to a target, and those targets among them that lead to no other.

    The latter are listed only for their hooks: what they saved is neither needed nor given up.
    """
    asked = {owner(t)[0] for t in targets}
    needed = set(asked)
    found, ends = [], set()
    for record in reversed(order):
        if any(e is not None and owner(e)[0] in needed for e in record.edges or ()):
            needed.add(record)
            found.append(record)
        elif record in asked and record.gradient is not None:
            ends.add(record)
            found.append(record)
    return found[::-1], ends


def _pieces(order: list[Record], ends: set[Any]) -> list[Piece | Record]:
    """Return the entries in pieces, the latest first; one that Python code stands for is alone, one with hooks is the latest."""
    pieces: list[Piece | Record] = []
    current: list[Record] = []
    for record in order:
        alone = isinstance(record, CustomEntry) or mode.anomaly or record.packed is not None or record in ends
        alone = alone or record.signature.undifferentiable != ""  # type: ignore[union-attr]  # on the tape
        if (alone or record.gradient is not None or len(current) >= LONGEST) and current:
            pieces.append(Piece(current[::-1]))
            current = []
        if alone:
            pieces.append(record)
        else:
            current.append(record)
    if current:
        pieces.append(Piece(current[::-1]))
    return pieces


# pieces --------------------------------------------------------------------------------------------------------------


def _pull_back_piece(state: Pass, piece: Piece, asked: set[Place]) -> None:
    """Take a piece of the tape as one graph."""
    records, position = piece.records, piece.position
    seeds, cotangents = _seeds(state, position)
    if not seeds:
        return
    for record in records:
        if record.freed:
            raise RuntimeError(record.why if isinstance(record, Refused) else FREED)
    wanted = [(position[r], k) for r, k in asked if r in position] if asked else []
    plan = piece.plan(seeds, wanted)
    values = piece.values
    read = _read(plan, values, records)
    state.read.extend([values[n] for n in plan.needed if n not in piece.made])
    state.spent.extend([records[p] for p in plan.saving])
    results = _apply(state, plan, read, piece, cotangents)
    leaving = piece.leaving
    for place, result in zip(leaving, results, strict=False):
        state.arrived.setdefault(place, []).append(result)
    for (entry, k), result in zip(wanted, results[len(leaving) :], strict=True):
        state.asked[records[entry], k] = result


def _seeds(state: Pass, position: dict[Record, int]) -> tuple[list[tuple[int, int]], list[Tensor]]:
    found = []
    for place in list(state.arrived):
        inside = position.get(place[0])
        if inside is not None:
            total = state.total(place)
            assert total is not None
            found.append(((inside, place[1]), total))
            del state.arrived[place]
    found.sort(key=lambda pair: pair[0])
    return [s for s, _ in found], [t for _, t in found]


def _read(plan: Plan, values: list[Record], records: list[Record]) -> list[Record]:
    """Return the values that a plan needs, as they were saved."""
    if records[0].packed is not None:  # it stands alone
        return [unpack_saved(records[0], values[n]) for n in plan.needed]
    return [_checked(values[n], [records[p] for p in r]) for n, r in zip(plan.needed, plan.readers, strict=True)]


def _checked(record: Record, readers: Sequence[Record]) -> Record:
    """Return the value to read for a saved one.

    Raises
    ------
    RuntimeError
        When it was modified in place, by another operation than the one that reads it.
    """
    if record.overwritten is None and record.moved is None and (record.signature is None or not record.signature.view):
        return record
    written = written_over(record)
    if written is None:
        hidden = written_by(record)
        return record.alias() if hidden is not None and all(r is hidden for r in readers) else saved_value(record)
    readers = [r for r in readers if counts(r, record)]
    version, counter, by = written
    casts = by.signature is not None and by.signature.name == "ToCopyBackward0"  # an operation cast to what it is written to
    if all(r is by or (casts and r is by.inputs[0]) for r in readers):
        return record.alias()  # as if it had been copied before
    own = record.edges is not None and all(r is owner(record)[0] for r in readers)
    raise modified(record, place_of(record) if own else present_place(record), counter[0], version)


def _apply(state: Pass, plan: Plan, values: list[Record], piece: Piece, seeds: list[Tensor]) -> list[Tensor]:
    """Record what a plan computes: as one entry that nothing can differentiate, or operation by operation."""
    if state.create_graph:
        return replay(plan, values, [piece.edges[n] for n in plan.needed], seeds, piece.records)
    inputs = (*values, *[s.current() for s in seeds])
    if state.inside:
        found = record_signature(plan.signature, inputs, (None,) * len(inputs))
        return list(found) if isinstance(found, tuple) else [found]
    record = Record(plan.signature, inputs, None, plan.signature.type)
    made = [record] if len(plan.signature.types) == 1 else outputs_of(record)
    return [Tensor.of(r, None) for r in made]


# entries that Python code looks at -----------------------------------------------------------------------------------


def _pull_back_looked_at(state: Pass, piece: Piece, asked: set[Place]) -> None:
    """Take a piece whose latest entry has hooks."""
    latest = piece.records[-1]
    if latest.gradient.posthooks:  # they see what this entry alone passes on
        _pull_back_alone(state, latest, asked, False)
        piece = Piece(piece.records[:-1])
    else:
        for k, cotangent in enumerate(_seen(state, latest, asked)):
            if cotangent is not None:
                state.arrived[latest, k] = [cotangent]
    _pull_back_piece(state, piece, asked)


def _seen(state: Pass, record: Record, asked: set[Place]) -> list[Tensor | None]:
    """Return the cotangents that arrived at an entry, after its hooks; they are taken from the places where they arrived."""
    types = record.signature.types  # type: ignore[union-attr]  # on the tape
    cotangents = [state.total((record, k)) for k in range(len(types))]
    if record.gradient is not None and any(c is not None for c in cotangents):
        cotangents = run_before(record.gradient, cotangents)
    for k, cotangent in enumerate(cotangents):
        state.arrived.pop((record, k), None)
        if cotangent is not None and (record, k) in asked:
            state.asked[record, k] = cotangent
    return cotangents


def _pull_back_alone(state: Pass, record: Record, asked: set[Place], ends: bool) -> None:
    """Take one entry whose cotangents Python code looks at; ``ends`` says that they are asked for and go no further."""
    extras = record.gradient
    cotangents = _seen(state, record, asked)
    if ends or all(c is None for c in cotangents):
        return
    if record.signature.undifferentiable:  # type: ignore[union-attr]  # on the tape
        raise RuntimeError(f"derivative for aten::{record.signature.undifferentiable} is not implemented")  # type: ignore[union-attr]
    arrivals = _passed_on(state, record, cotangents)
    if extras is not None and extras.posthooks:
        arrivals = run_after(record, extras, arrivals, cotangents)
    if mode.anomaly:
        look_for_nan(record, [c for _, c in arrivals])
    for place, cotangent in arrivals:
        state.arrived.setdefault(place, []).append(cotangent)


def _passed_on(state: Pass, record: Record, cotangents: list[Tensor | None]) -> list[tuple[Place, Tensor]]:
    """Return where an entry's cotangents go, and what goes there."""
    if isinstance(record, CustomEntry):
        passed = record.pull_back(cotangents, state.create_graph)
        state.spent.append(record)
        places = [None if e is None else owner(e) for e in record.edges or ()]
        return [(p, c) for p, c in zip(places, passed, strict=True) if p is not None and c is not None]
    outside, state.arrived = state.arrived, {(record, k): [c] for k, c in enumerate(cotangents) if c is not None}
    try:
        _pull_back_piece(state, Piece([record]), set())
        return [(p, c) for p, found in state.arrived.items() for c in found]
    finally:
        state.arrived = outside
