"""Evaluation of what is constant, and moving repetition outwards so that every value is computed once."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.ir.dims import Dim
from symgrad.ir.expr import ArrayConstant, Node, constant, ops
from symgrad.rewrite.pattern import Elementwise, Law, Number, Var, p, scalar

__all__ = ["FOLDING", "LARGEST", "REPETITION"]

LARGEST = 1024  # elements of an array constant that is computed here; longer ones would only bloat the C

x = Var("x")


def _small(node: Node) -> bool:
    size = node.type.size
    return not isinstance(size, Dim) and size <= LARGEST


def _value(node: Node) -> Any:
    value = node.attributes["value"]
    return value.array if isinstance(value, ArrayConstant) else np.asarray(value, node.dtype.numpy)


def _evaluate(node: Node) -> Node | None:
    """Return an elementwise primitive of constants as a constant, computed as the interpreter does."""
    if not all(i.primitive is ops.constant for i in node.inputs) or not _small(node):
        return None
    values = [_value(i) for i in node.inputs]
    if node.primitive is ops.cast and node.dtype.is_integer and not _castable(values[0], node):
        return None
    with np.errstate(all="ignore"):
        result = np.asarray(node.primitive.numpy(*values, **node.attributes))
    return constant(result.astype(node.dtype.numpy), node.dtype)


def _castable(value: Any, node: Node) -> bool:
    """Whether every floating value has an integer; for the others the machine decides at the call."""
    if value.dtype.kind != "f":
        return True
    limits = np.iinfo(node.dtype.numpy)
    return bool(np.all(np.isfinite(value)) and np.all(value >= limits.min) and np.all(value < -float(limits.min)))


def _view(node: Node, x: Node) -> Node | None:
    if not x.ndim or not _small(node):
        return None
    return constant(node.primitive.numpy(_value(x), **node.attributes), node.dtype)


def _assembled(node: Node) -> Node | None:
    if not _small(node) or not all(i.primitive is ops.constant or scalar(i) is not None for i in node.inputs):
        return None
    if any(isinstance(s, Dim) for i in node.inputs for s in i.shape):
        return None
    pieces = [_value(i) if i.primitive is ops.constant else _repeated(i) for i in node.inputs]
    result = node.primitive.numpy(*pieces, **node.attributes)
    first = result.reshape(-1)[:1]
    if result.size and np.full(result.shape, first).tobytes() == result.tobytes():
        return ops.broadcast_to(constant(first[0], node.dtype), shape=node.shape)
    return constant(result, node.dtype)


def _repeated(node: Node) -> Any:
    shape: Any = node.shape
    return np.broadcast_to(_value(node.inputs[0]), shape)


def _fixed_size(node: Node) -> Node | None:
    size = node.attributes["dim"]
    return None if isinstance(size, Dim) else constant(size, node.dtype)


_CONSTANT = p.constant(...).named("x")

FOLDING = (
    Law("f(constants) is a constant", Elementwise("constant", every=True), _evaluate),
    *(
        Law(f"{name} of a constant is a constant", getattr(p, name)(_CONSTANT), _view)
        for name in ("expand_dims", "reshape", "slice", "squeeze", "transpose")
    ),
    Law("assemble of constants is a constant", p.assemble(...), _assembled),
    Law("a fixed size is a constant", p.dim_size(), _fixed_size),
)


# Repetition


def _outwards(node: Node) -> Node | None:
    """``f(broadcast x, y) = broadcast f(x, y)``; the engine repeats what is smaller than the node was."""
    inner = [i.inputs[0] if i.primitive is ops.broadcast_to else i for i in node.inputs]
    return node.primitive(*inner, **node.attributes)


def _point(node: Node, x: Node) -> Node | None:
    return ops.broadcast_to(x, shape=node.shape) if not x.ndim else None


_REPEATED = p.broadcast_to(x)

REPETITION = (
    Law("f(broadcast x, y) = broadcast f(x, y)", Elementwise("broadcast_to"), _outwards),
    Law("broadcast to the same shape", _REPEATED, lambda node, x: x if x.shape == node.shape else None),
    Law("broadcast of a broadcast", p.broadcast_to(_REPEATED), lambda node, x: ops.broadcast_to(x, shape=node.shape)),
    *(
        Law(f"{name} of a repeated number", getattr(p, name)(_REPEATED), _point)
        for name in ("expand_dims", "reshape", "slice", "squeeze", "transpose")
    ),
    *(Law(f"{name} of a number", getattr(p, name)(x), _point) for name in ("expand_dims", "reshape")),
    Law("all of true", p.all(Number(True)), lambda: constant(True)),
    Law("any of false", p.any(Number(False)), lambda: constant(False)),
)
