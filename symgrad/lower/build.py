"""Builds the bodies of the loop nests that fusion decided on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from symgrad.dtypes import DType
from symgrad.ir.dims import Dim, Size, product
from symgrad.ir.expr import ArrayConstant, Node
from symgrad.ir.graph import Graph
from symgrad.ir.kinds import Reduce
from symgrad.lower.access import Map, Space, compose, flatten, identity, space_of, strides_of
from symgrad.lower.assemble import piece_index, rest_of
from symgrad.lower.contract import contract_step, gather_index, scatter_step
from symgrad.lower.fuse import Kind, Plan, operands_of
from symgrad.lower.loops import (
    ZERO,
    Affine,
    Apply,
    Buffer,
    Check,
    Fetch,
    Fill,
    Literal,
    Load,
    Position,
    Require,
    Step,
    Store,
    Value,
)

__all__ = ["Body", "Phase", "Reduction", "Schedule", "build"]

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


@dataclass(slots=True)
class Schedule:
    """All phases, and the buffers their steps name."""

    phases: list[Phase]
    buffers: list[Buffer]


def build(graph: Graph, plan: Plan) -> Schedule:
    """Return the nests of a planned graph."""
    builder = _Builder(graph, plan)
    for node in plan.order:
        builder.place(node)
    for position, node in enumerate(graph.outputs):
        builder.output(position, node)
    return Schedule(builder.phases, builder.buffers)


class _Builder:
    def __init__(self, graph: Graph, plan: Plan) -> None:
        self.plan = plan
        self.phases: list[Phase] = []
        self.buffers: list[Buffer] = []
        self.scalars: dict[Any, int] = {}  # numbers of the values visible everywhere
        self.home: dict[Node, Body] = {}
        self.open: dict[tuple[int, Space], Body] = {}
        self.held: dict[Node, int] = {}  # buffers of sources
        self.count = 0
        self.placers: dict[int, Callable[[Node], None]] = {
            Kind.POINT: self.point,
            Kind.GATHER: self.gather,
            Kind.REDUCE: self.reduce,
            Kind.ASSEMBLE: self.assemble,
            Kind.SCATTER: self.scatter,
            Kind.CONTRACT: self.contract,
            Kind.COPY: self.copy,
        }
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
        self.count += 1
        return self.count

    def at(self, phase: int) -> Phase:
        while len(self.phases) <= phase:
            self.phases.append(Phase(scalars=Body(len(self.phases), (), memo=self.scalars)))
        return self.phases[phase]

    def nest(self, phase: int, space: Space) -> Body:
        if not space:
            return self.at(phase).scalars
        body = self.open.get((phase, space))
        if body is None or len(body.statements) > _LONGEST:
            body = self.open[phase, space] = Body(phase, space)
            self.at(phase).steps.append(body)
        return body

    def add_buffer(self, buffer: Buffer) -> int:
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
            operands = [self.value(body, i, self.through(i, o, axes)) for i, o in operands_of(source, Kind.POINT)]
            return self.apply(body, source, operands)
        if axes is not None and self.home.get(source) is body and axes == identity(len(body.space)):
            return body.memo[source]
        buffer = self.buffer_of(source)
        position = flatten(axes, space_of(source.shape)) if axes is not None else flat
        assert position is not None
        if not position.terms:  # the same in every iteration
            body = self.at(self.plan.ready(source) if kind != Kind.LEAF else 0).scalars
        return self.once(body, (buffer, position), Load, buffer, position, source.dtype)

    def through(self, node: Node, over: Map | None, axes: Map) -> Map:
        return axes if over is None else tuple([compose(a, axes) for a in over])

    def leaf(self, source: Node, value: Value) -> int:
        self.at(0).scalars.statements.append(value)
        self.scalars[source] = value.number
        return value.number

    def once(self, body: Body, key: Any, form: Any, *fields: Any) -> int:
        found = body.memo.get(key)
        if found is None:
            found = body.memo[key] = self.number()
            body.statements.append(form(found, *fields))
        return found

    def apply(self, body: Body, node: Node, operands: list[int]) -> int:
        self.count = number = self.count + 1
        body.statements.append(Apply(number, node.primitive, tuple(operands), node.attributes, node.type.dtype))
        return number

    # One method for each kind of node

    def place(self, node: Node) -> None:
        kind = self.plan.kind[node]
        if kind == Kind.SCALAR:
            self.scalar(node)
            return
        placer = self.placers.get(kind)
        if placer is not None and node not in self.plan.cheap:
            placer(node)

    def scalar(self, node: Node) -> None:
        body = self.at(self.plan.phase[node]).scalars
        known = self.scalars
        operands = tuple([known[i] if i in known else self.value(body, i, None) for i in node.inputs])
        self.count = number = self.count + 1
        body.statements.append(Apply(number, node.primitive, operands, node.attributes, node.type.dtype))
        known[node] = number

    def point(self, node: Node) -> None:
        space = space_of(node.shape)
        body = self.home[node] = self.nest(self.plan.phase[node], space)
        operands = [self.value(body, i, over) for i, over in operands_of(node, Kind.POINT)]
        body.memo[node] = self.apply(body, node, operands)
        if node in self.pending:
            self.buffer_of(node)

    def gather(self, node: Node) -> None:
        plan = self.plan
        x, indices = node.inputs
        ((_, over),) = operands_of(node, Kind.GATHER)
        phase = plan.phase[node]
        self.check(phase, indices, x.shape[node.attributes["axis"]])
        body = self.nest(phase, space_of(node.shape))
        if body.space:
            self.home[node] = body
        index, stride = gather_index(node, plan)
        position = self.value(body, indices, over)
        number = self.once(body, node, Fetch, self.buffer_of(plan.source(x)), index, position, stride, node.dtype)
        if not body.space:
            self.scalars[node] = number
        if node in self.pending:
            self.buffer_of(node)

    def check(self, phase: int, indices: Node, limit: Size) -> None:
        space = space_of(indices.shape)
        buffer, position = self.read(indices)
        self.at(phase).checks[Check(space, buffer, position, limit)] = None

    def read(self, node: Node) -> tuple[int, Affine]:
        """Return the buffer that holds ``node``, and the position of its elements over its own space."""
        view = self.plan.views.get(node)
        space = space_of(node.shape)
        if view is None:
            return self.buffer_of(node), flatten(identity(len(space)), space)
        buffer = self.buffer_of(view.source)
        if view.axes is None:
            assert view.flat is not None
            return buffer, view.flat
        return buffer, flatten(view.axes, space_of(view.source.shape))

    def reduce(self, node: Node) -> None:
        (x,) = node.inputs
        form = node.primitive.lowering
        arg = not isinstance(form, Reduce)
        combine = node.primitive.name if not isinstance(form, Reduce) else form.combine
        axes = (node.attributes["axis"],) if arg else node.attributes["axes"]
        body = self.nest(self.plan.phase[node], space_of(x.shape))
        numbers = [k for k, size in enumerate(x.shape) if size != 1]
        kept = tuple(n for n, k in enumerate(numbers) if k not in axes)
        length = product([x.shape[a] for a in axes])
        number = self.number()
        buffer = None
        if kept:
            buffer = self.held.get(node)
            if buffer is None:
                buffer = self.held[node] = self.add_buffer(Buffer("work", node.type.size, node.dtype))
        else:
            self.scalars[node] = number
        if arg and isinstance(x.shape[axes[0]], Dim):
            self.at(self.plan.phase[node]).checks[Require(x.shape[axes[0]])] = None
        value = self.value(body, x, None)
        body.reductions.append(Reduction(number, combine, value, kept, length, buffer, node.dtype))

    def assemble(self, node: Node) -> None:
        buffer = self.own_buffer(node)
        disjoint, complete = self.plan.plain[node]
        last = self.plan.phase[node]
        strides = strides_of(node.shape)
        bodies = [self.body_of(piece, last) for piece in node.inputs]
        first = min([b.phase for b in bodies], default=last)
        added = "||" if node.dtype.is_bool else "+"
        one_nest = node in self.plan.late and all(b is bodies[0] for b in bodies)
        used: list[Body] = []
        for k, (piece, ranges, body) in enumerate(zip(node.inputs, node.attributes["ranges"], bodies, strict=True)):
            place = piece_index(piece.shape, ranges, strides)
            value = self.value(body, piece, None)
            if node in self.plan.late and body.space and any(b is body for b in used):
                body, value = self.later(last + 1, piece, body, value)
            used.append(body)
            combine = "=" if disjoint or (one_nest and k == 0) else added
            body.statements.append(Store(buffer, place, value, combine))
        rest = rest_of(node, node.attributes["ranges"][0]) if one_nest else [] if complete else [(0, None)]
        self.at(first).prepare += [Fill(buffer, 0, start, count) for start, count in rest]

    def body_of(self, piece: Node, last: int) -> Body:
        """Return the nest that computes a piece, or where it can be loaded or recomputed."""
        source = self.plan.source(piece)
        body = self.home.get(source) if self.plan.is_aligned(piece, None) else None
        phase = last if source in self.plan.cheap else self.plan.need(piece, None)
        return body or self.nest(phase, space_of(piece.shape))

    def later(self, phase: int, piece: Node, body: Body, value: int) -> tuple[Body, int]:
        """Return new loops of a later phase, and in them the value of a piece that is kept until then."""
        after = Body(phase, body.space)
        self.at(phase).steps.append(after)
        source = self.plan.source(piece)
        if source in self.held and source not in self.pending:
            return after, self.value(after, piece, None)
        kept = self.add_buffer(Buffer("work", piece.type.size, piece.dtype))
        place = flatten(identity(len(body.space)), body.space)
        body.statements.append(Store(kept, place, value))
        return after, self.once(after, (kept, place), Load, kept, place, piece.dtype)

    def own_buffer(self, node: Node) -> int:
        found = self.held.get(node)
        if found is None:
            found = self.held[node] = self.add_buffer(Buffer("work", node.type.size, node.dtype))
        return found

    def scatter(self, node: Node) -> None:
        updates, indices = node.inputs
        phase = self.plan.phase[node]
        self.check(phase, indices, node.attributes["size"])
        buffer = self.own_buffer(node)
        step = scatter_step(node, buffer, self.read(updates), self.read(indices))
        self.at(phase).prepare.append(Fill(buffer, 0))
        self.at(phase).steps.append(step)

    def contract(self, node: Node) -> None:
        x, y = node.inputs
        step, accumulates = contract_step(node, self.own_buffer(node), self.read(x), self.read(y))
        phase = self.at(self.plan.phase[node])
        if accumulates:
            phase.prepare.append(Fill(step.out, 0))
        phase.steps.append(step)

    def copy(self, node: Node) -> None:
        (x,) = node.inputs
        space = space_of(x.shape)
        body = self.nest(self.plan.phase[node], space)
        value = self.value(body, x, None)
        body.statements.append(Store(self.own_buffer(node), flatten(identity(len(space)), space), value))

    def output(self, position: int, node: Node) -> None:
        if position in self.written:
            source = self.plan.source(node)
            if source in self.pending:
                self.buffer_of(source)
            return
        buffer = next(k for k, b in enumerate(self.buffers) if b.role == "output" and b.position == position)
        space = space_of(node.shape)
        body = self.home.get(self.plan.source(node)) if self.plan.is_aligned(node, None) else None
        if body is None:
            body = self.nest(self.plan.need(node, None), space)
        value = self.value(body, node, None)
        body.statements.append(Store(buffer, flatten(identity(len(space)), space), value))
