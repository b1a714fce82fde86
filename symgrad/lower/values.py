"""Values of loop nests: computed where they belong, recomputed where that is cheap, loaded elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from symgrad.dtypes import DType
from symgrad.ir.dims import Size
from symgrad.ir.expr import ArrayConstant, Node
from symgrad.ir.graph import Graph
from symgrad.lower.access import Map, Space, compose, flatten, identity, space_of
from symgrad.lower.fuse import Kind, Plan, operands_of
from symgrad.lower.loops import ZERO, Affine, Apply, Buffer, Literal, Load, Position, Step, Store, Value

__all__ = ["Bodies", "Body", "Phase", "Reduction"]

_COMPUTED = (Kind.POINT, Kind.GATHER, Kind.SCALAR, Kind.LITERAL, Kind.SIZE, Kind.IOTA)
_EVERYWHERE = (Kind.SCALAR, Kind.REDUCE, Kind.LITERAL, Kind.SIZE, Kind.GATHER)
_LONGEST = 400  # statements in one nest: longer bodies are slow to compile and spill registers


@dataclass(slots=True)
class Reduction:
    """A reduction before its nest has an order of loops."""

    number: int
    combine: str
    value: int
    kept: tuple[int, ...]
    length: Size
    buffer: int | None
    dtype: DType


@dataclass(slots=True)
class Body:
    """A nest while it is being filled."""

    phase: int
    space: Space
    statements: list[Value | Store] = field(default_factory=list)
    reductions: list[Reduction] = field(default_factory=list)
    memo: dict[Any, int] = field(default_factory=dict)


@dataclass(slots=True)
class Phase:
    """What runs in one phase: preparations, the straight-line part, then the rest in order of creation."""

    prepare: list[Step] = field(default_factory=list)
    scalars: Body = field(default_factory=lambda: Body(0, ()))
    checks: dict[Step, None] = field(default_factory=dict)
    steps: list[Body | Step] = field(default_factory=list)


class Bodies:
    """All nests of a program while they are filled, phase by phase.

    Attributes
    ----------
    scalars : dict
        Numbers of the values that every later step can see.
    home : dict
        The nest that computes a value.
    held : dict
        The buffers of values; ``pending`` are those of outputs whose store is still to be written.
    written : set
        Outputs whose buffer is that of the value itself.
    """

    def __init__(self, graph: Graph, plan: Plan) -> None:
        self.plan = plan
        self.phases: list[Phase] = []
        self.buffers: list[Buffer] = []
        self.scalars: dict[Any, int] = {}  # numbers of the values visible everywhere
        self.home: dict[Node, Body] = {}
        self.open: dict[tuple[int, Space], Body] = {}
        self.held: dict[Node, int] = {}  # buffers of sources
        self.count = 0
        for position, node in enumerate(graph.inputs):
            self.held[node] = self.add_buffer(Buffer("input", node.type.size, node.dtype, position))
        self.written: set[int] = set()
        for position, node in enumerate(graph.outputs):
            self.add_buffer(Buffer("output", node.type.size, node.dtype, position))
            source = plan.source(node)
            owns = plan.kind[source] > Kind.SCALAR and (plan.kind[source] != Kind.REDUCE or space_of(source.shape))
            if owns and source not in self.held and self.covers(node, source):
                self.held[source] = len(self.buffers) - 1
                self.written.add(position)
        self.pending = {n for n in self.held if plan.kind[n] in (Kind.POINT, Kind.GATHER)}

    # Places

    def number(self) -> int:
        """Return a number no value has yet."""
        self.count += 1
        return self.count

    def at(self, phase: int) -> Phase:
        """Return a phase."""
        while len(self.phases) <= phase:
            self.phases.append(Phase(scalars=Body(len(self.phases), (), memo=self.scalars)))
        return self.phases[phase]

    def nest(self, phase: int, space: Space) -> Body:
        """Return the nest of a phase and space that is open for more; a new one where the last is long."""
        if not space:
            return self.at(phase).scalars
        body = self.open.get((phase, space))
        if body is None or len(body.statements) > _LONGEST:
            body = self.open[phase, space] = Body(phase, space)
            self.at(phase).steps.append(body)
        return body

    def add_buffer(self, buffer: Buffer) -> int:
        """Return the number of a new buffer."""
        self.buffers.append(buffer)
        return len(self.buffers) - 1

    def covers(self, node: Node, source: Node) -> bool:
        """Whether an output is its source's elements in the same order."""
        view = self.plan.views.get(node)
        if view is None or node in self.plan.aligned:
            return True
        space = space_of(node.shape)
        return view.flat == flatten(identity(len(space)), space) and node.type.size == source.type.size

    def buffer_of(self, source: Node) -> int:
        """Return the buffer of a value, and see that it is stored there."""
        found = self.held.get(source)
        if found is not None and source not in self.pending:
            return found
        kind = self.plan.kind[source]
        if found is None:
            if kind == Kind.LEAF:
                constant: ArrayConstant = source.attributes["value"]
                found = self.add_buffer(Buffer("constant", source.type.size, source.dtype, constant=constant))
            else:
                found = self.add_buffer(Buffer("work", source.type.size, source.dtype))
            self.held[source] = found
        self.pending.discard(source)
        if kind in _COMPUTED or source in self.scalars:
            phase = 0 if kind <= Kind.IOTA else self.plan.phase[source] + (kind == Kind.REDUCE)
            body = self.home.get(source) or self.nest(phase, space_of(source.shape))
            value = self.value(body, source, None)
            body.statements.append(Store(found, flatten(identity(len(body.space)), body.space), value))
        return found

    # Values

    def value(self, body: Body, node: Node, over: Map | None) -> int:
        """Return the number of ``node`` at the index ``over`` of a body's loops."""
        key = (node, over, body.phase) if not body.space else node if over is None else (node, over)
        found = body.memo.get(key)
        if found is not None:
            return found
        view = self.plan.views.get(node)
        source = node if view is None else view.source
        found = self.scalars.get(source)
        if found is None or self.plan.kind[source] not in _EVERYWHERE:
            over = identity(len(body.space)) if over is None else over
            axes = over if view is None else None if view.axes is None else tuple([compose(a, over) for a in view.axes])
            flat = compose(view.flat, over) if view is not None and view.flat is not None else None
            found = self.element(body, source, axes, flat)
        body.memo[key] = found
        return found

    def element(self, body: Body, source: Node, axes: Map | None, flat: Affine | None) -> int:
        """Return the number of a source's element: computed here, recomputed or loaded."""
        kind = self.plan.kind[source]
        if kind == Kind.LITERAL:
            return self.leaf(source, Literal(self.number(), source.attributes["value"], source.dtype))
        if kind == Kind.SIZE:
            return self.leaf(source, Position(self.number(), Affine(source.attributes["dim"]), source.dtype))
        if kind == Kind.IOTA:
            position = flat if axes is None else axes[0] if axes else ZERO
            assert position is not None
            body = body if position.terms else self.at(0).scalars
            return self.once(body, (source, position), Position, position, source.dtype)
        if axes is not None and source in self.plan.cheap:
            operands = [self.value(body, i, self.through(o, axes)) for i, o in operands_of(source, Kind.POINT)]
            return self.apply(body, source, operands)
        if axes is not None and self.home.get(source) is body and axes == identity(len(body.space)):
            return body.memo[source]
        buffer = self.buffer_of(source)
        position = flatten(axes, space_of(source.shape)) if axes is not None else flat
        assert position is not None
        if not position.terms:  # the same in every iteration
            body = self.at(self.plan.ready(source) if kind != Kind.LEAF else 0).scalars
        return self.once(body, (buffer, position), Load, buffer, position, source.dtype)

    def through(self, over: Map | None, axes: Map) -> Map:
        """Return an operand's map where its consumer is itself read at ``axes``."""
        return axes if over is None else tuple([compose(a, axes) for a in over])

    def leaf(self, source: Node, value: Value) -> int:
        """Return the number of a value that is the same everywhere."""
        self.at(0).scalars.statements.append(value)
        self.scalars[source] = value.number
        return value.number

    def once(self, body: Body, key: Any, form: Any, *fields: Any) -> int:
        """Return the number of a statement that a nest has at most once."""
        found = body.memo.get(key)
        if found is None:
            found = body.memo[key] = self.number()
            body.statements.append(form(found, *fields))
        return found

    def apply(self, body: Body, node: Node, operands: list[int]) -> int:
        """Return the number of a primitive applied in a nest."""
        self.count = number = self.count + 1
        body.statements.append(Apply(number, node.primitive, tuple(operands), node.attributes, node.type.dtype))
        return number
