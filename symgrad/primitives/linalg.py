"""Contraction of two operands: the one linear-algebra primitive behind dot, matmul, outer and einsum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.ir.dims import Size
from symgrad.ir.expr import Node, ops
from symgrad.ir.kinds import Bilinear, Structure
from symgrad.ir.types import TensorType
from symgrad.primitives.rules import Types, numeric, primitive, refuse_dtype, refuse_shape
from symgrad.primitives.samples import number, sample

__all__: list[str] = []

Labels = tuple[int, ...]


def _contract_type(name: str, types: Types, *, x_labels: Labels, y_labels: Labels, out_labels: Labels) -> TensorType:
    x, y = types
    if x.dtype is not y.dtype or x.dtype.category not in numeric:
        refuse_dtype(name, numeric, types)
    sizes: dict[int, Size] = {}
    for given, labels in ((x, x_labels), (y, y_labels)):
        if len(labels) != given.ndim or len(set(labels)) != len(labels):
            refuse_shape(f"{name}: one distinct label for each axis, got labels {labels} for {given}")
        for label, size in zip(labels, given.shape, strict=True):
            if sizes.setdefault(label, size) != size:
                refuse_shape(f"{name}: sizes of equal labels must agree, got {x} {x_labels} and {y} {y_labels}")
    if len(set(out_labels)) != len(out_labels) or not sizes.keys() >= set(out_labels):
        refuse_shape(f"{name}: the result's labels must be distinct labels of x or y, got {out_labels}")
    return TensorType(tuple(sizes[label] for label in out_labels), x.dtype)


def _contract_value(x: Any, y: Any, *, x_labels: Labels, y_labels: Labels, out_labels: Labels) -> Any:
    number_of = {label: k for k, label in enumerate(dict.fromkeys(x_labels + y_labels))}
    renamed = [[number_of[label] for label in labels] for labels in (x_labels, y_labels, out_labels)]
    optimize = x.dtype.kind == "f"  # BLAS has no integers
    return np.einsum(x, renamed[0], y, renamed[1], renamed[2], optimize=optimize)


def _contract_transpose(
    ct: Node, x: Node, y: Node, *, index: int, x_labels: Labels, y_labels: Labels, out_labels: Labels
) -> Node:
    wanted, other = ((x_labels, y_labels), (y_labels, x_labels))[index]
    target, factor = ((x, y), (y, x))[index]
    present = tuple(label for label in wanted if label in out_labels or label in other)
    result = ops.contract(ct, factor, x_labels=out_labels, y_labels=other, out_labels=present)
    absent = tuple(k for k, label in enumerate(wanted) if label not in present)
    if absent:  # summed alone: every element had the same weight
        result = ops.broadcast_to(ops.expand_dims(result, axes=absent), shape=target.shape)
    return result


def _batched_contract(
    inputs: Sequence[Node], batched: Sequence[bool], *, x_labels: Labels, y_labels: Labels, out_labels: Labels
) -> Node:
    label = max((*x_labels, *y_labels), default=-1) + 1
    return ops.contract(
        *inputs,
        x_labels=(label, *x_labels) if batched[0] else x_labels,
        y_labels=(label, *y_labels) if batched[1] else y_labels,
        out_labels=(label, *out_labels),
    )


_KINDS = (
    ((2, 3), (3, 4), (0, 1), (1, 2), (0, 2)),
    ((3,), (3,), (0,), (0,), ()),
    ((2,), (3,), (0,), (1,), (1, 0)),
    ((2, 3), (2, 3), (0, 1), (0, 1), (1, 0)),
    ((2, 3, 4), (2, 4, 2), (0, 1, 2), (0, 2, 3), (0, 1, 3)),
    ((2, 3), (4,), (0, 1), (2,), (0,)),
    ((), (2, 2), (), (0, 1), (1, 0)),
)

contract = primitive(
    "contract",
    _contract_type,
    _contract_value,
    Bilinear(_contract_transpose),
    Structure("contract"),
    elementwise=False,
    batch=_batched_contract,
    samples=tuple(sample(number(), number(), shapes=(x, y), x_labels=a, y_labels=b, out_labels=c) for x, y, a, b, c in _KINDS),
    ulp=16.0,
    ulp_reason="sums in another order; bounded relative to the sum of magnitudes",
    doc="Sum of products of two operands by labels, as einsum of two operands without repeated labels in one of them.",
)
