"""Evaluation of a graph with NumPy: the reference that every compiled result is held to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError
from symgrad.ir.dims import Dim, Monomial
from symgrad.ir.dims import evaluate as evaluate_size
from symgrad.ir.expr import Node, Range, ops
from symgrad.ir.graph import Graph, topological_order
from symgrad.ir.types import TensorType

__all__ = ["bind_dims", "evaluate", "interpret"]

Array = np.ndarray[Any, Any]


def interpret(graph: Graph, arguments: Sequence[Array], dims: Mapping[str, int] | None = None) -> list[Array]:
    """Return the outputs of ``graph`` for ``arguments``, computed with NumPy one node at a time.

    Parameters
    ----------
    graph : Graph
    arguments : sequence of ndarray
        One for each input, of its element type and shape.
    dims : mapping, optional
        Values of named dims. Names that stand alone as the size of an input's axis need none.

    Returns
    -------
    list of ndarray
        Each of exactly its node's element type and shape. Floating-point warnings are silenced.

    Raises
    ------
    ShapeError
        For arguments that do not fit the inputs' types or contradict each other.
    """
    values = {node: np.asarray(a) for node, a in zip(graph.inputs, arguments, strict=True)}
    return _run(graph.order, graph.outputs, values, bind_dims(graph.inputs, values, dims))


def evaluate(nodes: Sequence[Node], values: Mapping[Node, Array], dims: Mapping[str, int] | None = None) -> list[Array]:
    """Return the values of ``nodes`` where ``values`` gives those of the inputs (or of any node) they depend on."""
    given = {node: np.asarray(v) for node, v in values.items()}
    return _run(topological_order(nodes, stop=given), nodes, given, bind_dims(list(given), given, dims))


def bind_dims(inputs: Sequence[Node], values: Mapping[Node, Array], dims: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return the values of named dims, read from the arguments' shapes, and check every shape against its type.

    Raises
    ------
    ShapeError
        When two arguments disagree about a dim, or an argument's shape is not its input's.
    """
    bound = dict(dims or {})
    for node in inputs:
        if len(values[node].shape) != len(node.shape):
            _refuse(node, values[node])
        for size, got in zip(node.shape, values[node].shape, strict=True):
            name = _plain_name(size)
            if name is not None and bound.setdefault(name, got) != got:
                raise ShapeError(f"argument: {name} is {bound[name]} and {got} at once, got {_described(inputs, values)}")
    for node in inputs:
        for size, got in zip(node.shape, values[node].shape, strict=True):
            known = not isinstance(size, Dim) or all(n in bound for n in size.names)
            if known and evaluate_size(size, bound) != got:
                _refuse(node, values[node])
    return bound


def _plain_name(size: Any) -> str | None:
    if isinstance(size, Dim) and len(size.terms) == 1:
        monomial: Monomial
        monomial, coefficient = size.terms[0]
        if coefficient == 1 and len(monomial) == 1:
            return monomial[0]
    return None


def _refuse(node: Node, value: Array) -> None:
    label = node.attributes.get("label", node.name)
    raise ShapeError(f"argument {label}: expected {node.type}, got shape {list(value.shape)}")


def _described(inputs: Sequence[Node], values: Mapping[Node, Array]) -> str:
    return ", ".join(f"{n.attributes.get('label', n.name)}{list(values[n].shape)}" for n in inputs)


def _run(order: Sequence[Node], outputs: Sequence[Node], given: Mapping[Node, Array], dims: Mapping[str, int]) -> list[Array]:
    values: dict[Node, Any] = {}
    remaining = Counter(i for node in order if node not in given for i in node.inputs)
    remaining.update(outputs)  # an output is never freed
    with np.errstate(all="ignore"):
        for node in order:
            if node in given:
                values[node] = _exactly(node, given[node])
                continue
            values[node] = _apply(node, [values[i] for i in node.inputs], dims)
            for operand in node.inputs:
                remaining[operand] -= 1
                if not remaining[operand]:
                    del values[operand]
    return [values[node] for node in outputs]


def _apply(node: Node, operands: Sequence[Any], dims: Mapping[str, int]) -> Any:
    if node.primitive is ops.input:
        raise ShapeError(f"interpret: no value is given for the input {node.attributes['label']}")
    attributes = {k: _concrete(v, dims) for k, v in node.attributes.items()}
    result = node.primitive.numpy(*operands, **attributes)
    return _exactly(node, result) if isinstance(node.type, TensorType) else result


def _exactly(node: Node, value: Any) -> Array:
    return np.asarray(value, dtype=node.dtype.numpy)


def _concrete(value: Any, dims: Mapping[str, int]) -> Any:
    """Return an attribute with every size in it evaluated."""
    if isinstance(value, Dim):
        missing = [n for n in value.names if n not in dims]
        if missing:
            raise ShapeError(f"interpret: no value is given for the dim {missing[0]}")
        return evaluate_size(value, dims)
    if isinstance(value, Range):
        return Range(*(_concrete(v, dims) for v in value))
    if isinstance(value, tuple):
        return tuple(_concrete(v, dims) for v in value)
    return value
