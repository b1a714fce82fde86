"""Running sums and products along an axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.errors import ShapeError, at_user_line
from symgrad.ir.expr import Node, Range, ops
from symgrad.ir.kinds import Expand, Rules, SameAs
from symgrad.ir.types import TensorType
from symgrad.primitives.rules import Types, numeric, primitive, refuse_dtype, refuse_shape
from symgrad.primitives.samples import number, real, sample

__all__ = ["doubling", "shifted"]

_SHAPES = (((5,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 8, 2), 1), ((1, 2), 0))


def _type(name: str, types: Types, *, axis: int) -> TensorType:
    (given,) = types
    if given.dtype.category not in numeric:
        refuse_dtype(name, numeric, types)
    if not 0 <= axis < given.ndim:
        refuse_shape(f"{name}: axis must lie in [0, {given.ndim}), got {axis} for {given}")
    return given


def shifted(x: Node, axis: int, step: int, neutral: float) -> Node:
    """Return elements moved ``step`` places along an axis, ``neutral`` where none came from."""
    size: Any = x.shape[axis]
    kept = ops.slice(x, ranges=tuple(Range(0, size - step if a == axis else s) for a, s in enumerate(x.shape)))
    widths = tuple((step if a == axis else 0, 0) for a in range(x.ndim))
    result: Node = ops.pad(kept, widths=widths, value=neutral)
    return result


def doubling(x: Node, axis: int, combine: Callable[[Node, Node], Node], neutral: float) -> Node:
    """Return a scan in log2(n) steps: each combines an element with that twice as far before it as in the last."""
    size = x.shape[axis]
    if not isinstance(size, int):
        raise ShapeError(at_user_line(f"scan: needs a fixed size along axis {axis}, got {x.type}; give a fixed spec"))
    step = 1
    while step < size:
        x = combine(shifted(x, axis, step, neutral), x)
        step *= 2
    return x


def _backward(x: Node, axis: int) -> Node:
    """Return sums from each element to the last."""
    flipped = ops.flip(x, axes=(axis,))
    result: Node = ops.flip(ops.cumsum(flipped, axis=axis), axes=(axis,))
    return result


def _tangent(inputs: Sequence[Node], tangents: Sequence[Node | None], out: Node, *, axis: int) -> Node | None:
    return None if tangents[0] is None else ops.cumsum(tangents[0], axis=axis)


def _cotangent(inputs: Sequence[Node], ct: Node, out: Node, *, axis: int) -> tuple[Node]:
    full = ct if ct.shape == out.shape else ops.broadcast_to(ct, shape=out.shape)
    return (_backward(full, axis),)


def _batched(name: str) -> Callable[..., Node]:
    def batch(inputs: Sequence[Node], batched: Sequence[bool], *, axis: int) -> Node:
        return getattr(ops, name)(inputs[0], axis=axis + 1)  # type: ignore[no-any-return]

    return batch


cumsum = primitive(
    "cumsum",
    _type,
    lambda x, axis: np.cumsum(x, axis=axis, dtype=x.dtype),
    Rules(_tangent, _cotangent),
    Expand(lambda x, *, axis: doubling(x, axis, ops.add, 0)),
    elementwise=False,
    batch=_batched("cumsum"),
    samples=tuple(sample(number(1.0, 4.0), shapes=(shape,), axis=axis) for shape, axis in _SHAPES),
    ulp=16.0,
    ulp_reason="sums in another order",
    doc="Sums of the elements up to each along an axis, in the element type itself. In C log2(n) passes, of a fixed size.",
)
cumprod = primitive(
    "cumprod",
    _type,
    lambda x, axis: np.cumprod(x, axis=axis, dtype=x.dtype),
    SameAs(lambda x, *, axis: doubling(x, axis, ops.mul, 1)),
    Expand(lambda x, *, axis: doubling(x, axis, ops.mul, 1)),
    elementwise=False,
    batch=_batched("cumprod"),
    samples=tuple(sample(real(-2.0, 2.0), shapes=(shape,), axis=axis) for shape, axis in _SHAPES),
    ulp=16.0,
    ulp_reason="products in another order, half an ulp for each factor",
    doc="Products of the elements up to each along an axis; derivatives are exact at zeros too.",
)
