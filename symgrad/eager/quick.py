"""The shortest way to record the operations that loops are made of: an operator, or a method whose options are known.

Each function made here does what calling the Operation does, in one Python frame; everything unusual is left to that
call. The time of an epoch of small tensors is the time of these functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.eager.faces import Face
from symgrad.eager.grad_mode import mode
from symgrad.eager.operation import Operation, settle
from symgrad.eager.recording import LONGEST_WINDOW, SCALARS, Bare, next_serial
from symgrad.eager.storage import renew
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.windows import NumberLeaf

__all__ = ["binary_operator", "is_operand", "unary_method"]

_FLOAT, _INT = SCALARS[float], SCALARS[int]
_new_tensor = Tensor.__new__


def is_operand(value: Any) -> bool:
    """Whether Python's operators of Tensors take ``value``."""
    return isinstance(value, (Tensor, float, int, bool, np.ndarray, np.generic, Face))


def binary_operator(operation: Operation) -> Callable[[Any, Any], Any]:
    """Return ``operation(a, b)`` for a Tensor ``a``; NotImplemented for what is no operand."""

    def operator(a: Any, b: Any) -> Any:
        window = mode.window
        kind = type(b)
        if window is None or not (kind is Tensor or kind is float or kind is int):
            return operation(a, b) if is_operand(b) else NotImplemented
        token = window.token
        if a._cell is not None and a._cell.stamp != a._stamp:
            renew(a)
        x = a._value
        m = x.number if x.token is token else window.enter(x)
        from_a = a._edge
        key: Any
        if kind is Tensor:
            y = b._value if b._cell is None else b.current()
            n = y.number if y.token is token else window.enter(y)
            from_b = b._edge
        else:
            y = NumberLeaf()
            y.signature = y.edges = y.overwritten = y.moved = y.rare = None
            y.data, y.type = b, _FLOAT if kind is float else _INT
            y.inputs, y.serial, y.exposed = (), -1, False
            leaves = window.leaves
            y.token, y.number = token, -1 - len(leaves)
            leaves.append(y)
            n, from_b = kind, None
        if (from_a is None and from_b is None) or not window.grad:
            edges: Any = None
            key = operation, m, 0, n, 0
        else:
            edges = (from_a, from_b)
            p = 0 if from_a is None else 1 if from_a is x and x.token is token else window.edge_code(x, from_a)
            q = 0 if from_b is None else 1 if from_b is y and y.token is token else window.edge_code(y, from_b)
            key = operation, m, p, n, q
        found = window.moves.get(key)
        if found is None:
            found = operation.learn(window, key, (x, y), edges or (None, None), {})
        signature, window.moves, tracks, at_once = found
        number = len(records := window.records)
        if at_once or number >= LONGEST_WINDOW or window.slow or not signature.single:
            return settle(window, found, (x, y), edges or (None, None))
        record = Bare()
        record.signature, record.inputs = signature, (x, y)
        record.edges = edges if tracks else None
        record.type, record.serial = signature.type, next_serial()
        record.token, record.number = token, number
        record.data = record.overwritten = record.moved = record.gradient = record.rare = None
        record.freed = record.exposed = False
        records.append(record)
        made = _new_tensor(Tensor)
        made._value, made._cell, made._edge = record, None, record if tracks else None
        if window.inference and not tracks:
            made.mark_inference()
        return made

    operator.__name__ = operator.__qualname__ = operation.__name__
    operator.__doc__ = operation.__doc__
    return operator


def unary_method(operation: Operation, **static: Any) -> Callable[[Any], Any]:
    """Return ``operation(a, **static)`` for a Tensor ``a``."""
    options = tuple(static.items())

    def method(a: Any) -> Any:
        window = mode.window
        if window is None:
            return operation(a, **static)
        token = window.token
        if a._cell is not None and a._cell.stamp != a._stamp:
            renew(a)
        x = a._value
        m = x.number if x.token is token else window.enter(x)
        edge = a._edge
        if edge is not None and not window.grad:
            edge = None
        p = 0 if edge is None else 1 if edge is x and x.token is token else window.edge_code(x, edge)
        key = operation, m, p, options
        found = window.moves.get(key)
        if found is None:
            found = operation.learn(window, key, (x,), (edge,), static)
        signature, window.moves, tracks, at_once = found
        number = len(records := window.records)
        if at_once or number >= LONGEST_WINDOW or window.slow or not signature.single:
            return settle(window, found, (x,), (edge,))
        record = Bare()
        record.signature, record.inputs = signature, (x,)
        record.edges = (edge,) if tracks else None
        record.type, record.serial = signature.type, next_serial()
        record.token, record.number = token, number
        record.data = record.overwritten = record.moved = record.gradient = record.rare = None
        record.freed = record.exposed = False
        records.append(record)
        made = _new_tensor(Tensor)
        made._value, made._cell, made._edge = record, None, record if tracks else None
        if window.inference and not tracks:
            made.mark_inference()
        return made

    return method
