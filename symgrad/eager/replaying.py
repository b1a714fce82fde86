"""A graph on Tensors, operation by operation: what ``create_graph`` records, so that it can be differentiated again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symgrad.dtypes import bool_
from symgrad.eager.operation import record_signature
from symgrad.eager.pullbacks import Plan
from symgrad.eager.recording import Record, Signature, leaf, type_of
from symgrad.eager.tape import owner
from symgrad.eager.tensor_face import Tensor
from symgrad.interpret import evaluate
from symgrad.ir.attributes import attributes_key
from symgrad.ir.expr import Node, constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType

__all__ = ["replay"]

_NAMES = {
    "integer_pow": "PowBackward0", "pow": "PowBackward1", "broadcast_to": "ExpandBackward0", "expand_dims": "UnsqueezeBackward0",
    "cast": "ToCopyBackward0", "contract": "MmBackward0", "transpose": "PermuteBackward0", "sum": "SumBackward1",
    "reshape": "ViewBackward0", "assemble": "SliceBackward0", "gather": "IndexBackward0",
}  # fmt: skip


class _Step:
    """One operation: its signature and where its operands are; ``parts`` counts the results of one with several."""

    __slots__ = ("operands", "parts", "signature", "value")

    def __init__(self, signature: Signature | None, operands: tuple[int, ...], parts: int, value: Record | None) -> None:
        self.signature = signature
        self.operands = operands
        self.parts = parts
        self.value = value


def _title(name: str) -> str:
    return _NAMES.get(name) or "".join(word.capitalize() for word in name.split("_")) + "Backward0"


def _steps(graph: Graph) -> tuple[list[_Step], tuple[Any, ...]]:
    """Return the operations of a graph, in order, and where its outputs are."""
    place: dict[Node, Any] = {node: k for k, node in enumerate(graph.inputs)}
    steps: list[_Step] = []
    for node in graph.order:
        if node in place:
            continue
        if node.primitive is ops.project:
            place[node] = (place[node.inputs[0]], node.attributes["index"])
            continue
        place[node] = len(graph.inputs) + len(steps)
        if not node.inputs:
            steps.append(_Step(None, (), 1, leaf(evaluate([node], {})[0])))
            continue
        operands = tuple([place[i] for i in node.inputs])
        parts = 1 if isinstance(node.type, TensorType) else len(node.type.elements)
        steps.append(_Step(_signature(node, parts), operands, parts, None))
    return steps, tuple([place[o] for o in graph.outputs])


_signatures: dict[Any, Signature] = {}


def _signature(node: Node, parts: int) -> Signature:
    types = [type_of(i.type.shape, i.type.dtype) for i in node.inputs]
    key = node.primitive, attributes_key(node.attributes), *map(id, types)
    found = _signatures.get(key)
    if found is None:
        inputs = [fresh_input("x", t) for t in types]
        made = node.primitive(*inputs, **node.attributes)
        outputs = [made] if parts == 1 else [ops.project(made, index=k) for k in range(parts)]
        found = _signatures[key] = Signature(_title(node.primitive.name), Graph(inputs, outputs))
    return found


def replay(
    plan: Plan, values: Sequence[Record], edges: Sequence[Any], seeds: Sequence[Tensor], entries: Sequence[Record]
) -> list[Tensor]:
    """Record a plan operation by operation.

    As in torch, a derivative that is a power's, or that one of some operations gives from what it saved, stays on the tape
    also where it is constant: the next derivative is zero then, no error.
    """
    if plan.steps is None:
        plan.steps = *_steps(plan.signature.graph), _sources(plan.signature.graph, len(values))
    given = [(v, e) for v, e in zip(values, edges, strict=True)] + [(s.current(), s._edge) for s in seeds]
    steps, outputs, sources = plan.steps
    power = any(r.power or (r.signature is not None and r.signature.name == "PowBackward0") for r in entries)
    results = _run(steps, outputs, given, power)
    stays = {n for n, e in enumerate(edges) if e is not None and any(_keeps(entries[p]) for p in plan.readers[n])}
    if not power and not stays:
        return results
    operands = [(v, e) for r in entries for v, e in zip(r.inputs, r.edges or (), strict=False) if e is not None]
    found = []
    for result, source in zip(results, sources, strict=True):
        read = sorted(stays & source)
        anchors = [given[n] for n in read] or (operands if power else [])
        found.append(_anchored(result, *anchors[0]) if result._edge is None and anchors else result)
    return found


# whose derivative torch computes from a saved tensor, though it is constant wherever it is differentiable
_PIECEWISE_LINEAR = {
    f"{name}Backward0"
    for name in ("Relu", "LeakyRelu", "Threshold", "Hardtanh", "Hardshrink", "Softshrink", "Hardsigmoid", "Abs", "PreluKernel")
}


def _keeps(entry: Record) -> bool:
    return entry.signature is not None and entry.signature.name in _PIECEWISE_LINEAR


def _sources(graph: Graph, count: int) -> list[set[int]]:
    """Return for each output which of the first ``count`` inputs it depends on."""
    found: dict[Node, set[int]] = {node: {k} if k < count else set() for k, node in enumerate(graph.inputs)}
    for node in graph.order:
        if node not in found:
            found[node] = set().union(*(found[i] for i in node.inputs))
    return [found[o] for o in graph.outputs]


def _anchored(tensor: Tensor, value: Record, edge: Any) -> Tensor:
    """Return a constant as something that depends on ``value`` with derivative zero."""
    constant_value = tensor.current()
    key = "anchor", id(constant_value.type), id(value.type)
    found = _signatures.get(key)
    if found is None:
        node, other = fresh_input("c", constant_value.type), fresh_input("x", value.type)
        total = ops.sum(other, axes=tuple(range(other.ndim))) if other.ndim else other
        total = total if total.dtype is node.dtype else ops.cast(total, dtype=node.dtype)
        chosen = ops.where(constant(False, bool_), total, node)
        found = _signatures[key] = Signature("PowBackward0", Graph([node, other], [chosen]))
    made: Tensor = record_signature(found, (constant_value, value), (None, edge))
    made._value.power = True
    return made


def _run(steps: list[_Step], outputs: tuple[Any, ...], given: list[tuple[Any, Any]], power: bool = False) -> list[Tensor]:
    table: list[Any] = list(given)
    for step in steps:
        if step.signature is None:
            table.append((step.value, None))
            continue
        operands = [_at(table, p) for p in step.operands]
        made = record_signature(step.signature, [v for v, _ in operands], [e for _, e in operands])
        parts = made if step.parts > 1 else (made,)
        if power:
            owner(parts[0]._value)[0].power = True
        found = [(t._value, t._edge) for t in parts]
        table.append(found if step.parts > 1 else found[0])
    return [Tensor.of(*_at(table, p)) for p in outputs]


def _at(table: list[Any], place: Any) -> tuple[Record, Any]:
    if isinstance(place, tuple):
        found: tuple[Record, Any] = table[place[0]][place[1]]
        return found
    whole: tuple[Record, Any] = table[place]
    return whole
