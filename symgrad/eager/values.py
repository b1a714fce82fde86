"""What the inputs of a trace stand for: a NumPy array, a node of an outer trace, or nothing yet."""

from __future__ import annotations

import weakref
from collections.abc import Container, Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import DType, from_numpy
from symgrad.errors import MappedError, ShapeError, TraceError, at_user_line
from symgrad.interpret import evaluate
from symgrad.ir.dims import Dim
from symgrad.ir.expr import Node, constant, fresh_input, ops
from symgrad.ir.graph import topological_order
from symgrad.ir.types import TensorType

__all__ = [
    "AnyArray",
    "bound_input",
    "captured_value",
    "concrete",
    "is_concrete",
    "is_plain",
    "new_inner",
    "new_mapped",
    "reached",
    "unknown_size",
    "value_of",
]

AnyArray = np.ndarray[Any, Any]

_values: weakref.WeakKeyDictionary[Node, AnyArray] = weakref.WeakKeyDictionary()
_outer: weakref.WeakKeyDictionary[Node, Node] = weakref.WeakKeyDictionary()

_mapped: weakref.WeakSet[Node] = weakref.WeakSet()

CONSTANT_LIMIT = 64  # longer arrays met in a trace are captured as inputs, not written into the C as tables


def bound_input(array: AnyArray, label: str = "captured") -> Node:
    """Return a new input that stands for an array; the array is copied, so later writes to it do not matter."""
    kind = from_numpy(array.dtype)
    value = np.array(array, dtype=kind.numpy, order="C")
    value.flags.writeable = False
    node = fresh_input(label, TensorType(value.shape, kind))
    _values[node] = value
    return node


def new_inner(node: Node, label: str) -> Node:
    """Return a new input for an inner trace that stands for ``node``: differentiating by it cannot meet an outer one."""
    inner = fresh_input(node.attributes["label"] if node.primitive is ops.input else label, node.type)
    _outer[inner] = node
    return inner


def new_mapped(label: str, type_: TensorType) -> Node:
    """Return a new input for the inside of a vmap: it has no one value."""
    inner = fresh_input(label, type_)
    _mapped.add(inner)
    return inner


def concrete(array: AnyArray, dtype: DType | None = None) -> Node:
    """Return the node of a NumPy array or scalar met in a trace."""
    kind = dtype or from_numpy(array.dtype)
    if array.size <= CONSTANT_LIMIT:
        return constant(array, kind)
    return bound_input(array.astype(kind.numpy, copy=False))


def is_concrete(nodes: Sequence[Node]) -> bool:
    """Whether every input the nodes depend on has a value, and every size too."""
    walked = _walk(nodes)
    return all(n in _values for n in walked if n.primitive is ops.input and n not in _outer) and not any(map(_unsized, walked))


def _unsized(node: Node) -> bool:
    if node.primitive is ops.dim_size:
        return isinstance(node.attributes["dim"], Dim)
    return isinstance(node.type, TensorType) and bool(node.type.names)


def is_plain(nodes: Sequence[Node]) -> bool:
    """Whether the nodes depend on arrays alone: on no argument of a trace that is still under way."""
    inputs = [n for n in topological_order(nodes) if n.primitive is ops.input]
    return all(n in _values and n not in _outer for n in inputs)


def reached(nodes: Sequence[Node], inputs: Container[Node]) -> list[Node]:
    """Return those of ``inputs`` that nodes depend on, also through what inner inputs stand for."""
    return [n for n in _walk(nodes) if n in inputs]


def captured_value(node: Node) -> AnyArray | None:
    """Return the array an input stands for, None if it stands for none."""
    return None if node in _outer else _values.get(node)


MAPPED = (
    "vmap: It looks like you're calling .item() on a Tensor, or using one in some data-dependent control flow. We don't support "
    "vmap over calling .item() on a Tensor, please try to rewrite what you're doing with other operations, as sg.where"
)


def value_of(node: Node, asked: str = "a value") -> AnyArray:
    """Return the value of a node whose inputs all have values.

    Raises
    ------
    TraceError
        When one does not, as under ``sg.compile``; ``asked`` says what user code wanted.
    """
    found = _values.get(node)
    if found is not None:
        return found
    order = _walk([node])
    for each in order:
        if each.primitive is ops.input and each not in _values and each not in _outer:
            if each in _mapped:
                raise MappedError(at_user_line(MAPPED))
            raise TraceError(at_user_line(_no_value(asked, each)))
        if each.primitive is ops.dim_size and _unsized(each):
            raise TraceError(at_user_line(unknown_size(asked, each.attributes["dim"])))
        if isinstance(each.type, TensorType) and each.type.names:
            raise ShapeError(at_user_line(f"{asked}: a value with named dims {each.type} exists only at the call"))
    for each in order:  # an inner input takes its outer node's value, which the walk put before it
        if each not in _values:
            outer = _outer.get(each)
            operands = {i: _values[i] for i in each.inputs}
            _values[each] = _values[outer] if outer is not None else evaluate([each], operands)[0]
    return _values[node]


def unknown_size(asked: str, size: Dim) -> str:
    """Return what to say to code that asks for a size known only at the call."""
    instead = "make arrays with sg.zeros, sg.ones, sg.full or sg.arange, or give a fixed TensorSpec"
    return f"{asked}: the size {size} is known only at the call; {instead}"


def _no_value(asked: str, node: Node) -> str:
    label = node.attributes["label"]
    return (
        f"{asked} needs the value of {label!r} ({node.type}), which does not exist while the function is traced: "
        "use sg.where (or np.where) to choose between values, NumPy's functions in place of math's, "
        "and static_argnames for arguments that decide how the code runs"
    )


def _walk(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes a value depends on, through inner inputs to what they stand for; known values end the walk."""
    order: list[Node] = []
    seen: set[Node] = set()
    stack = [(n, False) for n in reversed(nodes)]
    while stack:
        node, entered = stack.pop()
        if entered:
            order.append(node)
            continue
        if node in seen:
            continue
        seen.add(node)
        stack.append((node, True))
        if node not in _values:
            outer = _outer.get(node)
            below = node.inputs if outer is None else (outer,)
            stack.extend((i, False) for i in reversed(below) if i not in seen)
    return order
