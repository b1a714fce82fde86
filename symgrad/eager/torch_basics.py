"""The operations that Tensors need whatever is computed: copies, casts, and writing one value everywhere."""

from __future__ import annotations

from symgrad.dtypes import DType, bool_
from symgrad.eager.faces import Weak
from symgrad.eager.operation import operation
from symgrad.eager.shapes import reshape_node
from symgrad.ir.expr import Node, constant, ops

__all__ = ["cast", "clone", "copy", "draws", "fill_with_number", "fill_with_tensor", "fill_with_zeros", "reshaped_copy"]

Operand = Node | Weak


@operation("CloneBackward0")
def clone(a: Node) -> Node:
    """Return a copy."""
    return a


@operation("UnsafeViewBackward0")
def reshaped_copy(a: Node, *, shape: tuple[int, ...]) -> Node:
    """Return a copy, which nobody else has, in another shape; it is no view."""
    return reshape_node(a, shape)


@operation("ToCopyBackward0")
def cast(a: Node, *, dtype: DType) -> Node:
    """Return the values in another element type."""
    if a.dtype is dtype:
        return a
    return ops.ne(a, constant(0, a.dtype)) if dtype is bool_ else ops.cast(a, dtype=dtype)


def _copy(a: Node, source: Node) -> Node:
    """Return ``source`` broadcast to the shape and cast to the element type of ``a``, whose place on the tape is kept."""
    node = source if source.dtype is a.dtype else ops.cast(source, dtype=a.dtype)
    return ops.where(constant(False, bool_), a, node)


def _fill(a: Node, value: Operand) -> Node:
    """Return ``value`` everywhere; no derivative passes to what was there, but its place on the tape is kept."""
    node = value.node if isinstance(value, Weak) else value
    node = node if node.dtype is a.dtype else ops.cast(node, dtype=a.dtype)
    return ops.where(constant(False, bool_), a, node)


copy = operation("CopyBackwards")(_copy)
fill_with_zeros = operation("ZeroBackward0")(_fill)
fill_with_number = operation("FillBackward2")(_fill)
fill_with_tensor = operation("FillBackward3")(_fill)
draws = {
    "normal_": operation("NormalBackward0")(_copy),
    "uniform_": operation("UniformBackward0")(_copy),
    "bernoulli_": operation("BernoulliBackward2")(_copy),
    "random_": operation("RandomBackward2")(_copy),
}
