"""Pullbacks of recorded operations: a piece of the tape as one graph from saved values and cotangents to cotangents.

Each operation's pullback is taken once, on placeholders, from the records of its primitives; a piece of the tape puts
these together and keeps the masks of ``where`` from one operation to the next, so that it is as safe against nan as the
gradient of the whole function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symgrad.eager.recording import Signature
from symgrad.eager.values import captured_value
from symgrad.ir.expr import Node, constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.transform.cotangents import Cotangent, accumulate, clean
from symgrad.transform.vjp import pull_back_masked

__all__ = ["Entry", "Plan", "make_plan", "saved_places"]


class Entry:
    """One operation of a piece of the tape, by numbers.

    Attributes
    ----------
    signature : Signature
    operands : tuple of int
        The number of each operand's value.
    own : tuple of int
        The number of each result's value.
    targets : tuple
        For each operand None, or ``(entry, result)`` in this piece, or the number of an edge that leaves it.
    """

    __slots__ = ("operands", "own", "signature", "targets")

    def __init__(self, signature: Signature, operands: Sequence[int], own: Sequence[int], targets: Sequence[Any]) -> None:
        self.signature = signature
        self.operands = operands
        self.own = own
        self.targets = targets


class Plan:
    """What one piece of the tape computes.

    Attributes
    ----------
    signature : Signature
        From needed values, then seeds, to the cotangents that leave, then those asked for inside.
    needed : tuple of int
        The numbers of the values it reads.
    saving : tuple of int
        Positions of the entries that read a saved value.
    readers : tuple of tuple of int
        For each needed value the positions of the entries that read it.
    """

    __slots__ = ("needed", "readers", "saving", "signature", "steps")

    def __init__(
        self, signature: Signature, needed: tuple[int, ...], saving: tuple[int, ...], readers: tuple[tuple[int, ...], ...]
    ) -> None:
        self.signature = signature
        self.needed = needed
        self.saving = saving
        self.readers = readers
        self.steps: Any = None  # the same, operation by operation, for create_graph; see engine.py


# entries that torch differentiates once also where nothing is kept here: writes through views, and what keeps indices
_ONCE = {"CopySlices", "MaxBackward0", "MinBackward0", "SortBackward0", "TopkBackward0", "KthvalueBackward0", "MedianBackward1"}


def make_plan(
    entries: Sequence[Entry],
    types: Sequence[TensorType],
    seeds: Sequence[tuple[int, int]],
    leaving: Sequence[TensorType],
    asked: Sequence[tuple[int, int]],
) -> Plan:
    """Return the pullback of entries in the order they were recorded.

    Parameters
    ----------
    entries : sequence of Entry
    types : sequence of TensorType
        Of the values, by number.
    seeds : sequence of (entry, result)
        The results whose cotangents are given.
    leaving : sequence of TensorType
        The types of the edges that leave, by number.
    asked : sequence of (entry, result)
        Results whose own cotangents are wanted too.
    """
    values = [fresh_input("v", t) for t in types]
    given = [fresh_input("ct", entries[e].signature.types[k]) for e, k in seeds]
    arrived: list[dict[int, list[Cotangent]]] = [{} for _ in entries]
    for seed, node in zip(seeds, given, strict=True):
        arrived[seed[0]].setdefault(seed[1], []).append(Cotangent(node))
    out: list[list[Cotangent]] = [[] for _ in leaving]
    totals: dict[tuple[int, int], Cotangent] = {}
    reads: list[list[Node]] = [[] for _ in entries]
    for position in reversed(range(len(entries))):
        entry = entries[position]
        present = {k: accumulate(c) for k, c in arrived[position].items()}
        totals |= {(position, k): c for k, c in present.items()}
        if not present:
            continue
        for target, cotangent in _pull(entry, present, values, reads[position]):
            if isinstance(target, tuple):
                arrived[target[0]].setdefault(target[1], []).append(cotangent)
            else:
                out[target].append(cotangent)
    outputs = [_dense(c, t) for c, t in zip(out, leaving, strict=True)]
    for place in asked:
        found = totals.get(place)
        outputs.append(_dense([found] if found else [], entries[place[0]].signature.types[place[1]]))
    used = set(Graph([], outputs).order)
    needed = tuple([n for n, v in enumerate(values) if v in used])
    saved = {values[n] for n in needed}
    once = {p for p, e in enumerate(entries) if e.signature.name in _ONCE and arrived[p]}
    saving = tuple([p for p, nodes in enumerate(reads) if p in once or not saved.isdisjoint(nodes)])
    readers = tuple([tuple([p for p, nodes in enumerate(reads) if values[n] in nodes]) for n in needed])
    return Plan(Signature("Backward", Graph([*[values[n] for n in needed], *given], outputs)), needed, saving, readers)


def _pull(entry: Entry, present: dict[int, Cotangent], values: Sequence[Node], reads: list[Node]) -> list[tuple[Any, Cotangent]]:
    """Return where an entry's cotangents go, and what goes there; ``reads`` receives the values it looks at."""
    wanted = tuple([k for k, t in enumerate(entry.targets) if t is not None])
    masks = tuple([(k, None if c.mask is None else c.mask.type) for k, c in sorted(present.items())])
    template = _template(entry.signature, wanted, masks)
    arguments: list[Node] = [values[n] for n in entry.operands]
    arguments += [values[number] for number in entry.own]
    for _, cotangent in sorted(present.items()):
        arguments.append(cotangent.value)
        if cotangent.mask is not None:
            arguments.append(cotangent.mask)
    reads.extend(arguments[k] for k in template.reads)
    results = template.graph(*arguments)
    passed, place = [], 0
    for k, (has_value, has_mask) in zip(wanted, template.made, strict=True):
        if has_value:
            mask = results[place + 1] if has_mask else None
            passed.append((entry.targets[k], Cotangent(results[place], mask)))
            place += 1 + has_mask
    return passed


def saved_places(signature: Signature, edges: Sequence[Any]) -> list[int]:
    """Return which operands' values the pullback of an operation reads; -1 for its result's.

    Parameters
    ----------
    signature : Signature
    edges : sequence
        For each operand where its cotangent goes, None where it is not asked for.
    """
    wanted = tuple([k for k, edge in enumerate(edges) if edge is not None])
    masks = tuple([(k, None) for k, carries in enumerate(signature.carries) if carries])
    return [k if k < len(edges) else -1 for k in _template(signature, wanted, masks).reads]


class _Template:
    """One operation's pullback over placeholders: operands, results, then cotangents and their masks."""

    __slots__ = ("graph", "made", "reads")

    def __init__(self, graph: Graph, made: list[tuple[bool, bool]], operands: int, results: int) -> None:
        self.graph = graph
        self.made = made
        used = set(graph.order) - set(graph.inputs)
        touched = {i for node in used for i in node.inputs} | set(graph.outputs)
        self.reads = tuple([k for k, node in enumerate(graph.inputs[: operands + results]) if node in touched])


_templates: dict[Any, _Template] = {}
_MOST_TEMPLATES = 2048


def _template(signature: Signature, wanted: tuple[int, ...], masks: Any) -> _Template:
    key = signature, wanted, masks
    found = _templates.get(key)
    if found is None:
        if len(_templates) >= _MOST_TEMPLATES:
            _templates.clear()
        found = _templates[key] = _make_template(signature, wanted, masks)
    return found


def _make_template(signature: Signature, wanted: tuple[int, ...], masks: Any) -> _Template:
    operands = [fresh_input("x", i.type) for i in signature.graph.inputs]
    outputs = signature.graph(*operands)
    results = [fresh_input("out", t) for t in signature.types]
    inputs = [*operands, *results]
    cotangents: list[Cotangent | None] = [None] * len(outputs)
    for k, mask_type in masks:
        value = fresh_input("ct", signature.types[k])
        mask = None if mask_type is None else fresh_input("mask", mask_type)
        inputs += [value] if mask is None else [value, mask]
        cotangents[k] = Cotangent(value, mask)
    found = pull_back_masked(outputs, cotangents, [operands[k] for k in wanted])
    made: list[tuple[bool, bool]] = []
    nodes: list[Node] = []
    for one in found:
        made.append((one is not None, one is not None and one.mask is not None))
        if one is not None:
            nodes += [one.value] if one.mask is None else [one.value, one.mask]
    if not signature.name.startswith("Div"):  # a result is read, not computed again; a quotient saves its operands only
        again = {o: r for o, r in zip(outputs, results, strict=True) if o.primitive not in (ops.input, ops.constant)}
        again |= _told_by_results(outputs, results)
        nodes = list(Graph(inputs, nodes).substitute(again))
    graph = Graph(inputs, nodes)
    for free in graph.free_inputs:  # what a custom function's backward uses besides its operands
        held = captured_value(free)
        if held is not None:
            graph = Graph(inputs, graph.substitute({free: constant(held, free.dtype)}))
    return _Template(graph, made, len(operands), len(results))


def _told_by_results(outputs: Sequence[Node], results: Sequence[Node]) -> dict[Node, Node]:
    """Return nodes of the forward pass that a result tells as well: what saves its result lets its operand change."""
    found = {}
    for output, result in zip(outputs, results, strict=True):
        if output.primitive is ops.expand_dims:  # a reduction that keeps its axes
            axes = output.attributes["axes"]
            output, result = output.inputs[0], ops.squeeze(result, axes=axes)  # noqa: PLW2901
        if output.primitive is not ops.where:
            continue
        condition, if_true, if_false = output.inputs
        if condition.primitive is ops.le and condition.inputs[0] is if_false and condition.inputs[1] is if_true:
            found[condition] = ops.le(result, if_true)  # relu
        elif if_false.primitive is ops.sqrt and condition is ops.eq(if_false.inputs[0], if_true):
            found |= {condition: ops.eq(result, if_true), if_false: result}  # a norm, which is 0 where its square is
    return found


def _dense(cotangents: list[Cotangent], type_: TensorType) -> Node:
    if cotangents:
        return clean(accumulate(cotangents))
    zero = constant(0.0, type_.dtype)
    return ops.broadcast_to(zero, shape=type_.shape) if type_.shape else zero
