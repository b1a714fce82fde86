"""Steps of a program that NumPy runs: products of matrices by its BLAS, and operations without C."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symgrad.eager.recording import AnyArray
from symgrad.ir.expr import Node
from symgrad.ir.types import TensorType
from symgrad.primitives import ops

__all__ = ["Call", "by_numpy", "is_clearing", "operands"]

Call = Callable[[Sequence[Any]], list[Any]]


def by_numpy(node: Node) -> Call:
    """Return what computes a node from the values of its ``operands``."""
    if is_clearing(node):
        return _clearing(node)
    found = _product(node) if node.primitive is ops.contract else None
    if found is not None:
        return found
    function, attributes, type_ = node.primitive.numpy, node.attributes, node.type

    def run(operands: Sequence[Any]) -> list[Any]:
        with np.errstate(all="ignore"):
            result = function(*operands, **attributes)
        return [np.array(result, type_.dtype.numpy, order="C") if isinstance(type_, TensorType) else result]

    return run


def operands(node: Node) -> tuple[Node, ...]:
    """Return what a step for a node reads: its inputs, of a mask only what it is spread out from."""
    return (_unspread(node.inputs[0])[0], node.inputs[1]) if is_clearing(node) else node.inputs


# clearing rows and columns ---------------------------------------------------------------------------------------------


def is_clearing(node: Node) -> bool:
    """Whether a node sets whole rows or columns of a product to zero: ``where(mask, product, 0)``, the mask spread out.

    It is a gradient some of whose rows may have got nothing. Mostly all got something, and nothing is to be done.
    """
    if node.primitive is not ops.where or node.inputs[1].primitive is not ops.contract:
        return False
    mask, product, zero = node.inputs
    cleared = zero.primitive is ops.constant and not zero.ndim and repr(float(zero.attributes["value"])) == "0.0"
    return cleared and node.shape == product.shape and mask.primitive is ops.broadcast_to


def _unspread(mask: Node) -> tuple[Node, Any]:
    """Return what a mask is spread out from, and the shape it has just before."""
    while mask.primitive is ops.broadcast_to:
        mask = mask.inputs[0]
    shape = mask.shape
    while mask.primitive is ops.expand_dims:
        mask = mask.inputs[0]
    return mask, shape


def _clearing(node: Node) -> Call:
    shape = _unspread(node.inputs[0])[1]

    def run(operands: Sequence[Any]) -> list[Any]:
        mask, product = operands
        if not mask.all():
            np.copyto(product, 0, where=~mask.reshape(shape))
        return [product]

    return run


# products by BLAS ------------------------------------------------------------------------------------------------------


def _product(node: Node) -> Call | None:
    """Return the call of a contraction as one matrix product, None where it is none."""
    x_labels, y_labels, out = (list(node.attributes[k]) for k in ("x_labels", "y_labels", "out_labels"))
    batch = [label for label in out if label in x_labels and label in y_labels]
    rows = [label for label in out if label in x_labels and label not in y_labels]
    columns = [label for label in out if label in y_labels and label not in x_labels]
    inner = [label for label in x_labels if label in y_labels and label not in out]
    if len(batch) + len(rows) + len(inner) != len(x_labels) or len(batch) + len(columns) + len(inner) != len(y_labels):
        return None
    sizes = dict(zip(x_labels, node.inputs[0].shape, strict=True)) | dict(zip(y_labels, node.inputs[1].shape, strict=True))
    turned = out == [*batch, *columns, *rows]  # the product of the other with this is the result as it is to lie
    if turned:
        rows, columns, x_labels, y_labels = columns, rows, y_labels, x_labels
    made = [*batch, *rows, *columns]
    arrange_x = _matrices(x_labels, (batch, rows, inner), sizes)
    arrange_y = _matrices(y_labels, (batch, inner, columns), sizes)
    full, back = tuple([sizes[label] for label in made]), tuple([made.index(label) for label in out])
    straight, plain = made == out, len(made) == len(batch) + 2
    matmul = _short_matmul if _is_short(x_labels, y_labels, sizes) else np.matmul

    def call(operands: Sequence[Any]) -> list[Any]:
        x, y = operands[::-1] if turned else operands
        result = matmul(arrange_x(x), arrange_y(y))
        if not plain:
            result = result.reshape(full)
        return [result if straight else np.ascontiguousarray(result.transpose(back))]

    return call


_SHORT = 1 << 20  # multiplications
_SMALL = 1 << 13  # elements


def _is_short(x_labels: list[Any], y_labels: list[Any], sizes: dict[Any, Any]) -> bool:
    """Whether a product is a small ``x @ y.T``: the one form that OpenBLAS has no short way for.

    Single precision on AVX-512, ``(64, 64) @ (128, 64).T``: 22 us; of a copy in another order 9 us.
    """
    if len(x_labels) != 2 or len(y_labels) != 2 or x_labels[1] != y_labels[1]:
        return False
    rows, inner, columns = (sizes[label] for label in (*x_labels, y_labels[0]))
    return bool(rows * inner * columns <= _SHORT and inner * min(rows, columns) <= _SMALL)


def _short_matmul(x: AnyArray, y: AnyArray) -> AnyArray:
    """Return ``x @ y`` for a y that lies transposed in memory: the smaller of the two is turned."""
    if x.shape[0] < y.shape[1]:
        return np.matmul(x.T.copy().T, y)  # type: ignore[no-any-return]  # NumPy's
    return np.matmul(x, y.copy())  # type: ignore[no-any-return]  # NumPy's


def _matrices(labels: list[Any], groups: Sequence[list[Any]], sizes: dict[Any, Any]) -> Callable[[Any], Any]:
    """Return what brings an operand into the form of matrices: first the batch as it is, then each group as one axis."""
    order = tuple([labels.index(label) for group in groups for label in group])
    shape = [sizes[label] for label in groups[0]]
    for group in groups[1:]:
        total = 1
        for label in group:
            total *= sizes[label]
        shape.append(total)
    same, flat = order == tuple(range(len(order))), len(shape) == len(order)
    if same and flat:
        return lambda x: x
    if flat:
        return lambda x: x.transpose(order)
    return lambda x: x.transpose(order).reshape(shape)
