"""Places every node of a planned graph: one method for each kind of node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from symgrad.ir.dims import Dim, Size, product
from symgrad.ir.expr import Node
from symgrad.ir.graph import Graph
from symgrad.ir.kinds import Reduce
from symgrad.lower.access import flatten, identity, space_of, strides_of
from symgrad.lower.assemble import piece_index, rest_of
from symgrad.lower.contract import contract_step, gather_index, scatter_step
from symgrad.lower.fuse import Kind, Plan, operands_of
from symgrad.lower.loops import Affine, Apply, Buffer, Check, Fetch, Fill, Load, Require, Store
from symgrad.lower.values import Bodies, Body, Phase, Reduction

__all__ = ["Schedule", "build"]

_new = tuple.__new__  # a named tuple without the Python frame of its own constructor


@dataclass(slots=True)
class Schedule:
    """All phases, and the buffers their steps name."""

    phases: list[Phase]
    buffers: list[Buffer]


def build(graph: Graph, plan: Plan) -> Schedule:
    """Return the nests of a planned graph."""
    builder = _Builder(graph, plan)
    start = builder.straight(plan.order)
    for node in plan.order[start:]:
        builder.place(node)
    for position, node in enumerate(graph.outputs):
        builder.output(position, node)
    return Schedule(builder.phases, builder.buffers)


class _Builder(Bodies):
    def __init__(self, graph: Graph, plan: Plan) -> None:
        super().__init__(graph, plan)
        self.checked: dict[Check, int] = {}
        self.placers: dict[int, Callable[[Node], None]] = {
            Kind.POINT: self.point,
            Kind.GATHER: self.gather,
            Kind.REDUCE: self.reduce,
            Kind.ASSEMBLE: self.assemble,
            Kind.SCATTER: self.scatter,
            Kind.CONTRACT: self.contract,
            Kind.COPY: self.copy,
        }

    def straight(self, order: Sequence[Node]) -> int:
        """Place straight-line code that no loop comes before, all of it in one body; return how many nodes that is."""
        kinds, known = self.plan.kind, self.scalars
        body = self.at(0).scalars
        append = body.statements.append
        number = self.count
        for count, node in enumerate(order):
            kind = kinds[node]
            if kind == Kind.SCALAR:
                operands = []
                for i in node.inputs:
                    found = known.get(i)
                    if found is None:
                        self.count = number
                        found = self.value(body, i, None)
                        number = self.count
                    operands.append(found)
                known[node] = number = number + 1
                append(_new(Apply, (number, node.primitive, tuple(operands), node.attributes, node.type.dtype)))
            elif kind > Kind.SCALAR:
                self.count = number
                return count
        self.count = number
        return len(order)

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
        step = Check(space, buffer, position, limit)
        if self.checked.get(step, phase + 1) > phase:  # a later phase need not check again
            self.checked[step] = phase
            self.at(phase).checks[step] = None

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
                after, value = self.later(last + 1, piece, body, value)
                after.statements.append(Store(buffer, place, value, added))
                continue
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
