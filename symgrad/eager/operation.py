"""Operations on Tensors: a pure function of nodes, run once for each combination of operand types, then recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import from_numpy
from symgrad.eager.faces import Face, Weak
from symgrad.eager.grad_mode import mode
from symgrad.eager.programs import evaluate
from symgrad.eager.recording import DEEPEST, Record, Signature, leaf, node_leaf, outputs_of
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.views import as_expansion, as_getitem, as_permutation, as_reshape
from symgrad.errors import at_user_line, user_line
from symgrad.ir.expr import Node, fresh_input
from symgrad.ir.graph import Graph

__all__ = [
    "Operation",
    "Weak",
    "apply_graph",
    "apply_signature",
    "as_expansion",
    "as_getitem",
    "as_operand",
    "as_permutation",
    "as_reshape",
    "operation",
]

_MOST_SIGNATURES = 4096  # of one operation: more than any program has, and a bound for one whose shapes never repeat


class Operation:
    """A differentiable function of Tensors.

    Called with Tensors, numbers and arrays it records one entry and returns a Tensor, or a tuple of them.
    Keyword arguments are constants of the operation and must be hashable.
    """

    def __init__(self, formula: Callable[..., Any], grad_name: str) -> None:
        self.formula = formula
        self.grad_name = grad_name
        self.__name__ = formula.__name__
        self.__doc__ = formula.__doc__
        self._signatures: dict[Any, Signature] = {}

    def __repr__(self) -> str:
        return f"<operation {self.__name__}>"

    def __call__(self, *operands: Any, **static: Any) -> Any:
        """Record this operation on ``operands``."""
        key: list[Any] = []
        values: list[Record] = []
        edges: list[Any] = []
        tracked = False
        for operand in operands:
            if isinstance(operand, Tensor):
                value = operand._value if operand._cell is None else operand.current()
                edge = operand._edge
                key.append(id(value.type))
                if edge is not None:
                    tracked = True
                edges.append(edge)
            else:
                value = as_operand(operand)
                kind = type(value.data)
                key.append(kind if kind is float or kind is int or kind is bool else id(value.type))
                edges.append(None)
            values.append(value)
        if static:
            key.append(tuple(static.items()))
        known = tuple(key)
        signature = self._signatures.get(known)
        if signature is None:
            signature = self._learn(known, values, static)
        return _record(signature, tuple(values), tuple(edges) if tracked and mode.grad else None)

    def _learn(self, key: Any, values: Sequence[Record], static: dict[str, Any]) -> Signature:
        inputs = [fresh_input(f"x{k}", v.type) for k, v in enumerate(values)]
        given = [Weak(i, type(v.data)) if is_number(v) else i for i, v in zip(inputs, values, strict=True)]
        result = self.formula(*given, **static)
        signature = Signature(self.grad_name, Graph(inputs, result if isinstance(result, tuple) else (result,)))
        if len(self._signatures) >= _MOST_SIGNATURES:
            self._signatures.clear()
        self._signatures[key] = signature
        return signature


def is_number(record: Record) -> bool:
    """Whether a record is a Python number, which adapts to the element types it meets."""
    return record.signature is None and type(record.data) in (float, int, bool)


def as_operand(value: Any) -> Record:
    """Return the record of an operand that is no Tensor.

    Raises
    ------
    TypeError
        For something that is neither a number nor an array.
    """
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        return leaf(value)
    if isinstance(value, Face):
        return node_leaf(value.node)
    if isinstance(value, Node):
        return node_leaf(value)
    if isinstance(value, np.generic):
        return leaf(value.item())
    if isinstance(value, np.ndarray):
        kind_ = from_numpy(value.dtype)
        return leaf(np.array(value, dtype=kind_.numpy, order="C"))
    if isinstance(value, (float, int)):
        return leaf(float(value) if isinstance(value, float) else int(value))
    raise TypeError(at_user_line(f"expected a Tensor or a number, got {kind.__module__}.{kind.__name__}"))


def _record(signature: Signature, values: tuple[Record, ...], edges: tuple[Any, ...] | None) -> Any:
    record = Record(signature, values, edges if edges is not None and any(signature.carries) else None, signature.type)
    if mode.anomaly:
        record.line = user_line()
    if len(signature.types) == 1:
        tensor = Tensor.of(record, record if record.edges is not None and signature.tracks else None)
        results: Any = tensor
        made = [record]
    else:
        made = outputs_of(record)
        results = tuple([Tensor.of(r, r if r.edges is not None else None) for r in made])
    for value in values:
        if value.exposed:
            evaluate(made)
            break
    else:
        if record.depth >= DEEPEST:
            evaluate(made)
    return results


def apply_signature(signature: Signature, tensors: Sequence[Tensor]) -> Any:
    """Record a known signature on Tensors of its operands' types."""
    values = tuple([t._value if t._cell is None else t.current() for t in tensors])
    edges = tuple([t._edge for t in tensors]) if mode.grad else ()
    return _record(signature, values, edges if any(e is not None for e in edges) else None)


def apply_graph(graph: Graph, name: str, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Record a whole graph as one entry of the tape; return a Tensor for each output."""
    result = apply_signature(Signature(name, graph), tensors)
    return result if isinstance(result, tuple) else (result,)


def operation(grad_name: str) -> Callable[[Callable[..., Any]], Operation]:
    """Return the decorator that makes a formula over nodes an Operation; ``grad_name`` as in ``MulBackward0``."""

    def decorate(formula: Callable[..., Any]) -> Operation:
        return Operation(formula, grad_name)

    return decorate
