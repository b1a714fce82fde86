"""Operations on Tensors: a pure function of nodes, run once for each combination of operand types, then recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from symgrad.dtypes import from_numpy
from symgrad.eager.defaults import defaults
from symgrad.eager.faces import Face, Weak
from symgrad.eager.flushing import run_now
from symgrad.eager.grad_mode import mode
from symgrad.eager.programs import node_of, tensor_inputs
from symgrad.eager.pullbacks import saved_places
from symgrad.eager.recording import (
    LONGEST_WINDOW,
    AnyArray,
    Bare,
    Record,
    Signature,
    is_inference_type,
    leaf,
    next_serial,
    node_leaf,
)
from symgrad.eager.saving import pack_saved
from symgrad.eager.several import outputs_of
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.values import captured_value
from symgrad.eager.views import as_expansion, as_getitem, as_permutation, as_reshape
from symgrad.eager.windows import Found, NumberLeaf, Window, new_number, this_window
from symgrad.errors import at_user_line, user_line
from symgrad.ir.expr import Node, fresh_input
from symgrad.ir.graph import Graph

__all__ = [
    "UNDIFFERENTIABLE",
    "Operation",
    "Weak",
    "apply_graph",
    "apply_signature",
    "as_expansion",
    "as_getitem",
    "as_operand",
    "as_permutation",
    "as_reshape",
    "on_tape",
    "operation",
    "record_signature",
    "refuse_number",
    "settled",
]

UNDIFFERENTIABLE = "NotImplemented"  # torch's name for the entry of an operation without a derivative
_MOST_SIGNATURES = 512  # of one operation: more than any program has, and a bound for one whose shapes never repeat


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
        window = this_window()
        token = window.token
        key: list[Any] = [self]
        values: list[Record] = []
        edges: list[Any] = []
        try:
            for operand in operands:
                kind = type(operand)
                if kind is Tensor:
                    value = operand._value if operand._cell is None else operand.current()
                    edge = operand._edge
                    key.append(value.number if value.token is token else window.enter(value))
                    if edge is None or not mode.grad:
                        edges.append(None)
                        key.append(0)
                    else:
                        edges.append(edge)
                        key.append(1 if edge is value and value.token is token else window.edge_code(value, edge))
                else:
                    plain = kind is float or kind is int or kind is bool
                    if plain and len(operands) == 1:
                        refuse_number(_called(self), operand)
                    value = new_number(operand) if plain else as_operand(operand, self, len(values))
                    key.append(type(value.data) if type(value) is NumberLeaf else id(value.type))
                    key.append(0)
                    window.enter(value)
                    edges.append(None)
                values.append(value)
            if static:
                key.append(tuple(static.items()))
            known = tuple(key)
            found = window.moves.get(known)
            if found is None:
                found = self._learn(window, known, values, edges, static)
        except BaseException:  # what was numbered for it is in no state
            window.begin()
            raise
        return settle(window, found, tuple(values), tuple(edges))

    def learn(self, window: Window, key: Any, values: Sequence[Record], edges: Sequence[Any], static: dict[str, Any]) -> Found:
        """Return what recording this leads to, seen for the first time at the window's state."""
        try:
            return self._learn(window, key, values, edges, static)
        except BaseException:  # what was numbered for it is in no state
            window.begin()
            raise

    def _learn(self, window: Window, key: Any, values: Sequence[Record], edges: Sequence[Any], static: dict[str, Any]) -> Found:
        signature = self._signature(values, static)
        tracks = any(signature.carries) and any(e is not None for e in edges)
        at_once = any(v.exposed for v in values)
        if tracks and any(is_inference_type(v.type) for v in values):
            _refuse_saving(signature, values, edges)
        return signature, window.learn(key, signature, tracks, at_once).moves, tracks, at_once

    def _signature(self, values: Sequence[Record], static: dict[str, Any]) -> Signature:
        key = (*[type(v.data) if is_number(v) else id(v.type) for v in values], defaults.dtype, tuple(static.items()))
        found = self._signatures.get(key)
        if found is None:
            inputs = [fresh_input(f"x{k}", v.type) for k, v in enumerate(values)]
            given = [Weak(i, type(v.data)) if is_number(v) else i for i, v in zip(inputs, values, strict=True)]
            result = self.formula(*given, **static)
            found = Signature(self.grad_name, Graph(inputs, result if isinstance(result, tuple) else (result,)))
            if self.grad_name == UNDIFFERENTIABLE:
                found.undifferentiable = self.__name__
                found.carries = tuple([t.dtype.is_floating for t in found.types])  # so that it is found out
                found.tracks = found.carries[0]
            if len(self._signatures) >= _MOST_SIGNATURES:
                self._signatures.clear()
            self._signatures[key] = found
        return found


def settle(window: Window, found: Found, values: tuple[Record, ...], edges: tuple[Any, ...]) -> Any:
    """Record an operation whose signature is known, and return its results."""
    signature, window.moves, tracks, at_once = found
    record = Bare()
    record.signature = signature
    record.inputs = values
    record.edges = edges if tracks else None
    record.type = signature.type
    record.serial = next_serial()
    record.token = window.token
    record.data = record.overwritten = record.moved = record.gradient = record.rare = None
    record.freed = record.exposed = False
    records = window.records
    record.number = number = len(records)
    records.append(record)
    if signature.single:
        made = _new(Tensor)
        made._value = record
        made._cell = None
        made._edge = record if tracks else None
        if mode.inference and not tracks:
            made.mark_inference()
        if at_once or number >= LONGEST_WINDOW or window.slow:
            _see_to(window, [record], at_once)
        return made
    parts = outputs_of(record)
    for part in parts:
        part.token = window.token
        part.number = len(records)
        records.append(part)
    if at_once or number >= LONGEST_WINDOW or window.slow:
        _see_to(window, parts, at_once)
    return tuple([Tensor.of(r, r) if r.edges is not None else Tensor.fresh(r) for r in parts])


_new = Tensor.__new__


def _see_to(window: Window, made: list[Record], at_once: bool) -> None:
    """Run what must not wait; under anomaly detection, note the user's line."""
    if mode.anomaly:
        line = user_line()
        for record in made:
            record.line = line
            if record.inputs and record.signature is not None and record.signature.index >= 0:
                record.inputs[0].line = line
    if mode.saving is not None:
        first = made[0]
        pack_saved(first.inputs[0] if first.signature is not None and first.signature.index >= 0 else first)
    if at_once or len(window.records) >= LONGEST_WINDOW:
        plain = [r for r in made if not mode.tracing or r.is_plain]
        for record in made:
            if record not in plain and record.signature is not None and record.signature.single:
                node_of(record)  # in a trace nothing runs: what may change meanwhile becomes a constant
        run_now(window, plain, at_once)


def _refuse_saving(signature: Signature, values: Sequence[Record], edges: Sequence[Any]) -> None:
    """Raise RuntimeError where backward would need a Tensor made in inference mode."""
    if any(k >= 0 and is_inference_type(values[k].type) for k in saved_places(signature, edges)):
        raise RuntimeError(
            "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
            "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in "
            "autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
        )


def is_number(record: Record) -> bool:
    """Whether a record is a Python number, which adapts to the element types it meets."""
    return record.signature is None and type(record.data) in (float, int, bool)


def _called(of: Operation) -> str:
    """Return what users call an operation: the name of its formula, or where that says nothing what its grad_fn's means."""
    name = of.__name__.strip("_").removesuffix("_formula")
    if name not in _UNTOLD:
        return _MEANT.get(name, name)
    words = re.findall("[A-Z][a-z0-9]*", of.grad_name.partition("Backward")[0])
    return "_".join(words).lower() or name


_MEANT = {"add_scaled": "add", "clamped": "clamp", "lerped": "lerp", "outer_node": "outer", "sub_scaled": "sub"}
_UNTOLD = {"along", "formula", "formula_of", "made", "overall"}


def refuse_number(name: str, value: Any) -> NoReturn:
    """Raise TypeError for a Python number where a function needs a Tensor."""
    kind = type(value).__name__
    raise TypeError(at_user_line(f"{name}(): argument 'input' (position 1) must be Tensor, not {kind}"))


def as_operand(value: Any, of: Operation, place: int) -> Record:
    """Return the record of an operand that is no Tensor: the one at a place of an operation.

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
    label = ("'input' ", "'other' ")[place] if place < 2 else ""
    alone = getattr(of.formula, "__code__", None) is not None and of.formula.__code__.co_argcount == 1
    wanted = "Tensor" if alone else "Tensor or number"
    message = f"{_called(of)}(): argument {label}(position {place + 1}) must be {wanted}, not {kind.__name__}"
    raise TypeError(at_user_line(message))


def apply_signature(signature: Signature, tensors: Sequence[Tensor]) -> Any:
    """Record a known signature on Tensors of its operands' types."""
    return record_signature(signature, [t.current() for t in tensors], [t._edge if mode.grad else None for t in tensors])


def record_signature(signature: Signature, values: Sequence[Record], edges: Sequence[Any]) -> Any:
    """Record a known signature on values of its operands' types, whose cotangents take ``edges``."""
    window = this_window()
    found = window.follow(signature, values, edges)
    return settle(window, found, tuple(values), tuple(edges))


def apply_graph(graph: Graph, name: str, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Record a whole graph as one entry of the tape; return a Tensor for each output."""
    result = apply_signature(Signature(name, graph), tensors)
    return result if isinstance(result, tuple) else (result,)


def settled(nodes: Sequence[Node]) -> list[Tensor]:
    """Return what a transform of Tensors found; on the tape where it depends on what requires a gradient.

    Inside a trace it is a part of that; outside it is recorded like any operation, one and the same for one graph.
    """
    free = Graph([], nodes).free_inputs
    tensors = []
    for node in free:
        found, value = tensor_inputs.get(node), captured_value(node)
        if value is None:
            return [Tensor(n) for n in nodes]
        tensors.append(Tensor.of(leaf(value)) if found is None else Tensor.of(*found))
    graph = Graph(free, nodes)
    signature = _transforms.get(graph.key)
    if signature is None:
        if len(_transforms) >= _MOST_TRANSFORMS:
            _transforms.clear()
        signature = _transforms[graph.key] = Signature("TransformBackward", graph)
    result = apply_signature(signature, tensors)
    return list(result) if isinstance(result, tuple) else [result]


_transforms: dict[str, Signature] = {}
_MOST_TRANSFORMS = 256


def on_tape(
    graph: Callable[[], Graph], known: dict[Any, Signature], leaves: Sequence[Any], outputs: Sequence[AnyArray]
) -> list[Tensor]:
    """Return the results of native code as Tensors, with one entry on the tape where an argument requires a gradient.

    Parameters
    ----------
    graph : callable
        Returns what was computed, for the sizes of this call.
    known : dict
        The signatures of earlier calls.
    leaves : sequence
        The arguments, then what the function captured.
    outputs : sequence of ndarray
    """
    tensors = [x if isinstance(x, Tensor) else Tensor.of(leaf(np.array(x))) for x in leaves]
    edges = tuple([t.edge() for t in tensors])
    if not mode.grad or all(e is None for e in edges):
        return [Tensor.from_array(o) for o in outputs]
    values = tuple([t.current() for t in tensors])
    key = tuple([id(v.type) for v in values])
    signature = known.get(key)
    if signature is None:
        signature = known[key] = Signature("CompiledBackward", graph())
    record = Record(signature, values, edges, signature.type)
    made = [record] if signature.single else outputs_of(record)
    for one, value in zip(made, outputs, strict=True):
        one.data = value
    return [Tensor.of(r, r if carries else None) for r, carries in zip(made, signature.carries, strict=True)]


def operation(grad_name: str) -> Callable[[Callable[..., Any]], Operation]:
    """Return the decorator that makes a formula over nodes an Operation; ``grad_name`` as in ``MulBackward0``."""

    def decorate(formula: Callable[..., Any]) -> Operation:
        return Operation(formula, grad_name)

    return decorate
