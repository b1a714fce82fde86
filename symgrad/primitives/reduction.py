"""Reductions over axes: sum, prod, max, min, any, all, argmax, argmin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import int64
from symgrad.errors import ShapeError, at_user_line
from symgrad.ir.dims import Size
from symgrad.ir.expr import Node, Range, like, ops
from symgrad.ir.kinds import Linear, Reduce, Rules, SameAs, Structure, Zero
from symgrad.ir.types import TensorType
from symgrad.primitives.rules import (
    Types,
    anything,
    boolean,
    mask,
    numeric,
    primitive,
    reduced,
    refuse_dtype,
    refuse_shape,
)
from symgrad.primitives.samples import boolean as truth
from symgrad.primitives.samples import number, sample, whatever

__all__: list[str] = []

Axes = tuple[int, ...]

_FAMILIES = tuple(
    sample(number(), shapes=(shape,), axes=axes)
    for shape, axes in (((5,), (0,)), ((3, 4), (0,)), ((3, 4), (1,)), ((2, 3, 4), (0, 2)), ((2, 3), (0, 1)), ((2, 3), ()))
)
_TRUTHS = tuple(sample(truth(), shapes=(shape,), axes=axes) for shape, axes in (((5,), (0,)), ((3, 4), (1,)), ((2, 2), (0, 1))))


def _batched_reduction(name: str) -> Callable[..., Node]:
    def batch(inputs: Sequence[Node], batched: Sequence[bool], *, axes: Axes) -> Node:
        return getattr(ops, name)(inputs[0], axes=tuple(a + 1 for a in axes))  # type: ignore[no-any-return]

    return batch


def spread(reduced: Node, axes: Axes, shape: tuple[Size, ...]) -> Node:
    """Return a reduced value repeated along the axes that were dropped."""
    return ops.broadcast_to(ops.expand_dims(reduced, axes=axes), shape=shape)


sum_ = primitive(
    "sum",
    reduced(numeric),
    lambda x, axes: np.sum(x, axis=axes, dtype=x.dtype),
    Linear((0,), lambda ct, x, *, axes: (spread(ct, axes, x.shape),)),
    Reduce("+"),
    elementwise=False,
    batch=_batched_reduction("sum"),
    samples=_FAMILIES,
    ulp=16.0,
    ulp_reason="sums in another order; bounded relative to the sum of magnitudes",
    doc="Sum over axes, in the element type itself; 0 over an empty axis.",
)


# Products


def _halves(x: Node, axis: int, size: int) -> tuple[Node, Node, Node | None]:
    def part(start: int, count: int) -> Node:
        ranges = tuple(Range(start, count) if a == axis else Range(0, s) for a, s in enumerate(x.shape))
        return ops.slice(x, ranges=ranges)

    half = size // 2
    return part(0, half), part(half, half), part(2 * half, 1) if size % 2 else None


def _prod_tree(x: Node, *, axes: Axes) -> Node:
    """Return the product as a tree of products of halves: exact derivatives at zeros, of every order."""
    for axis in axes:
        size = x.shape[axis]
        if not isinstance(size, int):
            raise ShapeError(
                at_user_line(f"prod: its derivative needs a fixed size along axis {axis}, got {x.type}; give a fixed spec")
            )
        if size == 0:
            return ops.broadcast_to(like(1, x), shape=tuple(s for a, s in enumerate(x.shape) if a not in axes))
        odd: Node | None = None
        while size > 1:
            low, high, last = _halves(x, axis, size)
            x, size = low * high, size // 2
            if last is not None:
                odd = last if odd is None else odd * last
        if odd is not None:
            x = x * odd
    return ops.squeeze(x, axes=axes)


prod = primitive(
    "prod",
    reduced(numeric),
    lambda x, axes: np.prod(x, axis=axes, dtype=x.dtype),
    SameAs(_prod_tree),
    Reduce("*"),
    elementwise=False,
    batch=_batched_reduction("prod"),
    samples=_FAMILIES,
    ulp=16.0,
    ulp_reason="products in another order, half an ulp for each factor",
    doc="Product over axes, in the element type itself; 1 over an empty axis. Derivatives are exact at zeros too.",
)


# Extrema


def _winners(x: Node, out: Node, axes: Axes) -> Node:
    return ops.eq(x, spread(out, axes, x.shape))


def _extremum_jvp(inputs: Sequence[Node], tangents: Sequence[Node | None], out: Node, *, axes: Axes) -> Node | None:
    (x,), (tangent,) = inputs, tangents
    if tangent is None:
        return None
    winners = _winners(x, out, axes)
    total = ops.sum(ops.where(winners, tangent, like(0, tangent)), axes=axes)
    return total / ops.sum(mask(winners, x), axes=axes)


def _extremum_vjp(inputs: Sequence[Node], ct: Node, out: Node, *, axes: Axes) -> tuple[Node]:
    (x,) = inputs
    winners = _winners(x, out, axes)
    share = ct / ops.sum(mask(winners, x), axes=axes)
    return (ops.where(winners, spread(share, axes, x.shape), like(0, x)),)


def _least(dtype: np.dtype[Any]) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _greatest(dtype: np.dtype[Any]) -> Any:
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


for _name, _numpy, _word in (
    ("max", lambda x, axes: np.max(x, axis=axes, initial=_least(x.dtype)), "Greatest"),
    ("min", lambda x, axes: np.min(x, axis=axes, initial=_greatest(x.dtype)), "Least"),
):
    primitive(
        _name,
        reduced(numeric, empty=False),
        _numpy,
        Rules(_extremum_jvp, _extremum_vjp),
        Reduce(_name),
        elementwise=False,
        batch=_batched_reduction(_name),
        samples=_FAMILIES,
        ulp=0.0,
        doc=f"{_word} element over axes; nan wins. An axis of fixed size 0 is an error, a named one that turns out empty "
        "gives the neutral element. Ties share the derivative evenly.",
    )

for _name, _numpy, _combine in (("any", np.any, "||"), ("all", np.all, "&&")):
    primitive(
        _name,
        reduced(boolean),
        lambda x, axes, _numpy=_numpy: _numpy(x, axis=axes),
        Zero(),
        Reduce(_combine),
        elementwise=False,
        batch=_batched_reduction(_name),
        samples=_TRUTHS,
        ulp=0.0,
        doc=f"Whether {_name} of the truth values over axes hold.",
    )


def _arg_type(name: str, types: Types, *, axis: int) -> TensorType:
    (given,) = types
    if not 0 <= axis < given.ndim:
        refuse_shape(f"{name}: axis must lie in [0, {given.ndim}), got {axis}")
    if given.shape[axis] == 0:
        refuse_shape(f"{name}: an empty axis has no {name}, got {given} along axis {axis}")
    if given.dtype.category not in anything:
        refuse_dtype(name, anything, types)
    return TensorType(given.shape[:axis] + given.shape[axis + 1 :], int64)


def _batched_arg(name: str) -> Callable[..., Node]:
    def batch(inputs: Sequence[Node], batched: Sequence[bool], *, axis: int) -> Node:
        return getattr(ops, name)(inputs[0], axis=axis + 1)  # type: ignore[no-any-return]

    return batch


for _name, _numpy in (("argmax", np.argmax), ("argmin", np.argmin)):
    primitive(
        _name,
        _arg_type,
        lambda x, axis, _numpy=_numpy: np.asarray(_numpy(x, axis=axis)).astype(np.int64),
        Zero(),
        Structure(_name),
        elementwise=False,
        batch=_batched_arg(_name),
        samples=(
            sample(whatever(), shapes=((5,),), axis=0),
            sample(whatever(), shapes=((3, 4),), axis=0),
            sample(whatever(), shapes=((2, 3, 4),), axis=1),
        ),
        ulp=0.0,
        doc="Index along one axis, the first where several are equal; nan wins.",
    )
