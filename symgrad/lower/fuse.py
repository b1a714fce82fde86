"""Fusion: which values share a loop nest, which are recomputed, which are kept in memory.

Nests run phase by phase. A value of a nest can be used at the same index by another one of the same phase and
space; a value that is needed in full (a reduction, the source of a gather, an operand at another index) is ready
one phase later. Phases are as early as possible at first; then values that only later phases use are moved there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from symgrad.ir.expr import ArrayConstant, Node, Primitive
from symgrad.ir.graph import Graph
from symgrad.ir.kinds import Reduce, Structure
from symgrad.lower.access import Map, View, broadcast_map, identity, space_of, view_of
from symgrad.lower.assemble import tiling
from symgrad.lower.cost import weight_of

__all__ = ["Kind", "Operand", "Plan", "fuse", "gather_map", "operands_of"]

_CHEAP = 6  # additions worth repeating instead of a store and a load
_CHEAP_LOADS = 3
_MANY = 64  # pieces of an assembly looked at

Operand = tuple[Node, Map | None]  # the map into the consumer's space, None for the identity


class Kind:
    """How a node becomes loops."""

    LITERAL, SIZE, IOTA, LEAF, VIEW, SCALAR, POINT, REDUCE, GATHER, ASSEMBLE, SCATTER, CONTRACT, COPY = range(13)


INLINE = (Kind.LITERAL, Kind.SIZE, Kind.IOTA)

_STRUCTURES = {
    "view": Kind.VIEW,
    "assemble": Kind.ASSEMBLE,
    "gather": Kind.GATHER,
    "scatter": Kind.SCATTER,
    "contract": Kind.CONTRACT,
    "cast": Kind.POINT,
    "argmax": Kind.REDUCE,
    "argmin": Kind.REDUCE,
}
_LEAVES = {"input": Kind.LEAF, "constant": Kind.LITERAL, "dim_size": Kind.SIZE, "iota": Kind.IOTA}


@dataclass(slots=True)
class Plan:
    """The decisions of fusion.

    Attributes
    ----------
    order : tuple of Node
    kind : dict
        For every node.
    views : dict
        For view nodes, what they look at.
    aligned : set
        Views whose elements are their source's, at the same index.
    stored : set
        Values that need a buffer whoever uses them.
    cheap : set
        Values recomputed wherever they are used.
    phase : dict
        For values computed in one place, the phase of their nest.
    together, apart : dict
        For cheap values, the earliest phase of a nest that uses them at its own index, or at another one.
    plain : dict
        For assemblies, which pieces are stored rather than added, and whether the pieces fill the result.
    late : set
        Assemblies with overlapping pieces: all but the first are added one phase later, each in loops of its own.
    """

    order: tuple[Node, ...]
    kind: dict[Node, int] = field(default_factory=dict)
    views: dict[Node, View] = field(default_factory=dict)
    aligned: set[Node] = field(default_factory=set)
    stored: set[Node] = field(default_factory=set)
    cheap: dict[Node, tuple[int, tuple[Node, ...]]] = field(default_factory=dict)
    phase: dict[Node, int] = field(default_factory=dict)
    together: dict[Node, int] = field(default_factory=dict)
    apart: dict[Node, int] = field(default_factory=dict)
    plain: dict[Node, tuple[bool, bool]] = field(default_factory=dict)
    late: set[Node] = field(default_factory=set)

    def source(self, node: Node) -> Node:
        """Return what a view looks at; any other node itself."""
        view = self.views.get(node)
        return node if view is None else view.source

    def is_aligned(self, node: Node, over: Map | None) -> bool:
        """Whether an operand is its source at the consumer's own index."""
        return over is None and (node not in self.views or node in self.aligned)

    def need(self, node: Node, over: Map | None) -> int:
        """Return the earliest phase of a nest that uses ``node`` under a map."""
        source = self.source(node)
        kind = self.kind[source]
        if kind <= Kind.LEAF:
            return 0
        if kind == Kind.SCALAR:
            return self.phase[source]
        if kind in (Kind.POINT, Kind.GATHER) and self.is_aligned(node, over):
            return self.together[source] if source in self.cheap else self.phase[source]
        return self.ready(node)

    def ready(self, node: Node) -> int:
        """Return the earliest phase of a nest that reads ``node`` in full."""
        source = self.source(node)
        if source in self.cheap:
            return self.apart[source]
        kind = self.kind[source]
        return 0 if kind == Kind.LEAF else 1 if kind in INLINE else self.phase[source] + (2 if source in self.late else 1)


def fuse(graph: Graph) -> Plan:
    """Return where each value of an expanded graph is computed."""
    plan = Plan(graph.order)
    codes: dict[Primitive, int] = {}
    kinds = plan.kind
    for node in graph.order:
        code = codes.get(node.primitive)
        if code == Kind.POINT and not node.type.shape:
            kinds[node] = Kind.SCALAR
        else:
            _classify(plan, node, codes)
    for node in graph.outputs:
        plan.stored.add(plan.source(node))
    weights = {p: weight_of(p) for p in codes}
    start = _straight(plan)
    for node in graph.order[start:]:
        _schedule(plan, node, weights)
    if start < len(plan.order) and Kind.POINT in kinds.values():
        _sink(plan)
    return plan


def _straight(plan: Plan) -> int:
    """Place straight-line code that no loop comes before, and return how many nodes that is."""
    phases, kinds = plan.phase, plan.kind
    for count, node in enumerate(plan.order):
        kind = kinds[node]
        if kind == Kind.SCALAR:
            phases[node] = 0
        elif kind > Kind.SCALAR:
            return count
    return len(plan.order)


def _code(primitive: Primitive) -> int:
    if primitive.name in _LEAVES:
        return _LEAVES[primitive.name]
    form = primitive.lowering
    if isinstance(form, Reduce):
        return Kind.REDUCE
    if isinstance(form, Structure):
        code = _STRUCTURES.get(form.form, _STRUCTURES.get(primitive.name))
        if code is None:
            raise TypeError(f"lower: no loop form for primitive {primitive.name!r} ({form.form})")
        return code
    return Kind.POINT


def _classify(plan: Plan, node: Node, codes: dict[Primitive, int]) -> None:
    primitive = node.primitive
    code = codes.get(primitive)
    if code is None:
        code = codes[primitive] = _code(primitive)
    if code == Kind.POINT:
        shape = node.type.shape
        if not shape or not space_of(shape):
            code = Kind.SCALAR
    elif code == Kind.LITERAL and isinstance(node.attributes["value"], ArrayConstant):
        code = Kind.LEAF
    elif code == Kind.VIEW:
        code = _classify_view(plan, node)
    elif code in (Kind.GATHER, Kind.CONTRACT, Kind.SCATTER):
        plan.stored.update([plan.source(i) for i in node.inputs])
    plan.kind[node] = code


def _classify_view(plan: Plan, node: Node) -> int:
    view = view_of(node, plan.views)
    if view is None:
        return Kind.COPY
    plan.views[node] = view
    if view.flat is not None:
        plan.stored.add(view.source)
    else:
        space = space_of(view.source.shape)
        if view.axes == identity(len(space)) and space_of(node.shape) == space:
            plan.aligned.add(node)
    return Kind.VIEW


def gather_map(node: Node) -> Map:
    """Return the map of a gather's indices into its result."""
    indices, axis = node.inputs[1], node.attributes["axis"]
    after = (1,) * (node.ndim - axis - indices.ndim)
    return broadcast_map((*indices.shape, *after), node.shape)


def operands_of(node: Node, kind: int) -> list[Operand]:
    """Return what the nest of a node reads at its own index, and under which maps."""
    if kind == Kind.SCALAR:
        return [(i, None) for i in node.inputs]
    if kind == Kind.GATHER:
        over = gather_map(node)
        return [(node.inputs[1], None if over == identity(len(space_of(node.shape))) else over)]
    if kind != Kind.POINT:
        return [(i, None) for i in node.inputs]
    shape = node.type.shape
    result: list[Operand] = []
    for i in node.inputs:
        other = i.type.shape
        same = other is shape or other == shape or space_of(other) == space_of(shape)
        result.append((i, None if same else broadcast_map(other, shape)))
    return result


def _schedule(plan: Plan, node: Node, weights: dict[Primitive, int]) -> None:
    """Set the earliest phase of a node, or that it is cheap."""
    kind = plan.kind[node]
    phase = 0
    if kind == Kind.SCALAR:
        kinds, phases = plan.kind, plan.phase
        for i in node.inputs:
            p = phases[i] if kinds[i] == Kind.SCALAR else plan.need(i, None)
            phase = max(p, phase)
        phases[node] = phase
        return
    if kind <= Kind.VIEW:
        return
    if kind in (Kind.CONTRACT, Kind.SCATTER):
        plan.phase[node] = max([plan.ready(i) for i in node.inputs])
        return
    operands = operands_of(node, kind)
    if kind == Kind.POINT and _is_cheap(plan, node, operands, weights):
        plan.together[node] = max([plan.need(i, over) for i, over in operands])
        plan.apart[node] = max([_need_apart(plan, i) for i, over in operands])
        return
    phase = max([plan.need(i, over) for i, over in operands], default=0)
    if kind == Kind.GATHER:
        phase = max(phase, *[plan.ready(i) for i in node.inputs])
    plan.phase[node] = phase
    if kind == Kind.ASSEMBLE:
        plan.plain[node] = tiling(node)
        spaces = [space_of(i.shape) for i in node.inputs]
        if not plan.plain[node][0] and any(space and spaces.count(space) > 1 for space in spaces[:_MANY]):
            plan.late.add(node)


def _need_apart(plan: Plan, node: Node) -> int:
    """Return the earliest phase of a nest that uses ``node`` at an index of its own choice."""
    source = plan.source(node)
    kind = plan.kind[source]
    if kind <= Kind.LEAF:
        return 0
    return plan.phase[source] if kind == Kind.SCALAR else plan.ready(source)


def _is_cheap(plan: Plan, node: Node, operands: Iterable[Operand], weights: dict[Primitive, int]) -> bool:
    if node in plan.stored:
        return False
    cost = weights[node.primitive]
    loads: dict[Node, None] = {}
    for operand, _ in operands:
        source = plan.source(operand)
        kind = plan.kind[source]
        if source in plan.cheap:
            more, inner = plan.cheap[source]
            cost += more
            loads.update(dict.fromkeys(inner))
        elif kind not in (Kind.SCALAR, *INLINE):
            loads[source] = None
    computed = sum(1 for s in loads if plan.kind[s] in (Kind.POINT, Kind.GATHER) and s not in plan.stored)
    if cost > _CHEAP or len(loads) > _CHEAP_LOADS or computed > 1:
        return False
    plan.cheap[node] = (cost, tuple(loads))
    return True


def _sink(plan: Plan) -> None:
    """Move values that only later phases use into those, where that needs at most as many stores."""
    latest: dict[Node, int] = {}
    for node in reversed(plan.order):
        kind = plan.kind[node]
        if kind <= Kind.VIEW:
            continue
        if kind == Kind.SCALAR:
            _use(plan, latest, [(i, None) for i in node.inputs if plan.kind[i] == Kind.VIEW], plan.phase[node])
            continue
        if kind in (Kind.CONTRACT, Kind.SCATTER):
            _use(plan, latest, [(i, ()) for i in node.inputs], plan.phase[node])
            continue
        operands = operands_of(node, kind)
        if node in plan.cheap:
            phase = latest.get(node, plan.together[node])
        else:
            movable = kind == Kind.POINT and node not in plan.stored and latest.get(node, 0) > plan.phase[node]
            if movable and _fresh(plan, operands) <= 1:
                plan.phase[node] = latest[node]
            phase = plan.phase[node]
        _use(plan, latest, operands, phase)
        if kind == Kind.GATHER:
            _use(plan, latest, [(i, ()) for i in node.inputs], phase)


def _use(plan: Plan, latest: dict[Node, int], operands: Iterable[Operand], phase: int) -> None:
    """Note that a nest of ``phase`` uses values: those not at its own index have to be ready before."""
    for operand, over in operands:
        source = plan.source(operand)
        if plan.kind[source] == Kind.POINT:
            bound = phase if plan.is_aligned(operand, over) else phase - 1
            latest[source] = min(latest.get(source, bound), bound)


def _fresh(plan: Plan, operands: Iterable[Operand]) -> int:
    """Count the operands that would have to be stored for a nest of a later phase."""
    found: dict[Node, None] = {}
    for operand, _ in operands:
        source = plan.source(operand)
        found.update(dict.fromkeys(plan.cheap[source][1] if source in plan.cheap else (source,)))
    return sum(1 for s in found if plan.kind[s] == Kind.POINT and s not in plan.stored)
