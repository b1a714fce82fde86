"""Applying one partial derivative: the only place where elementwise derivatives are scaled and broadcasting is undone."""

from __future__ import annotations

from typing import Any, cast

from symgrad.dtypes import float64
from symgrad.errors import DTypeError
from symgrad.ir.dims import same_size
from symgrad.ir.expr import Node, constant, ops
from symgrad.ir.kinds import Over
from symgrad.ir.types import Shape

__all__ = ["Partial", "cast_like", "partial_of", "require_floating", "scale", "times", "unbroadcast", "zeros_like"]

Partial = Node | Over | float


def partial_of(entry: Any, node: Node) -> Partial | None:
    """Return one entry of ``Partials`` for ``node``, or None where the derivative is zero everywhere."""
    return cast("Partial | None", entry(*node.inputs, node, **node.attributes) if callable(entry) else entry)


def scale(vector: Node, partial: Partial) -> Node:
    """Return ``vector`` times a partial derivative."""
    if isinstance(partial, Over):
        quotient: Node = vector / partial.denominator
        return quotient
    if isinstance(partial, Node):
        return times(vector, partial)
    if partial == 1:
        return vector
    return negative(vector) if partial == -1 else vector * partial


def times(vector: Node, factor: Node) -> Node:
    """Return a product, with a factor 1 or -1 left out, and with a sign in a constant factor.

    Rewriting does the same, but there all that depends on the product has to be built once more.
    """
    if factor.primitive is ops.constant and not factor.type.shape:
        number = factor.attributes["value"]
        if number == 1:
            return vector
        if number == -1:
            return negative(vector)
        if vector.primitive is ops.neg:
            return vector.inputs[0] * constant(-number, factor.dtype)
        if vector.primitive is ops.constant and not vector.type.shape and vector.dtype is float64:
            return constant(vector.attributes["value"] * number, float64)
    return factor if is_one(vector) else ops.mul(vector, factor)


def negative(vector: Node) -> Node:
    """Return ``-vector``, of a number the number, and of a negative what that is of."""
    if vector.primitive is ops.neg:
        return vector.inputs[0]
    if vector.primitive is ops.constant and not vector.type.shape:
        return constant(-vector.attributes["value"], vector.dtype)
    return -vector


def is_one(vector: Node) -> bool:
    """Whether a tangent or cotangent is the number 1, as every seed is: then a product by it is the other factor."""
    return vector.primitive is ops.constant and not vector.type.shape and vector.attributes["value"] == 1


def unbroadcast(cotangent: Node, shape: Shape) -> Node:
    """Return a cotangent summed back to the shape of the operand that was broadcast; a mask is joined by ``or``."""
    if cotangent.shape == shape:
        return cotangent
    lead = cotangent.ndim - len(shape)
    if lead < 0:  # the result had fewer axes than the operand, all of size 1
        return ops.reshape(cotangent, shape=shape)
    kept = cotangent.shape[lead:]
    spread = [k for k, size in enumerate(shape) if size == 1 and not same_size(kept[k], 1)]
    axes = (*range(lead), *[lead + k for k in spread])
    reduce = ops.any if cotangent.dtype.is_bool else ops.sum
    result = reduce(cotangent, axes=axes) if axes else cotangent
    return ops.expand_dims(result, axes=tuple(spread)) if spread else result


def cast_like(vector: Node, node: Node) -> Node:
    """Return a tangent or cotangent in the element type of the value it belongs to."""
    return vector if vector.dtype is node.dtype else ops.cast(vector, dtype=node.dtype)


def zeros_like(node: Node) -> Node:
    """Return a node of zeros with the shape and element type of ``node``: where a symbolic zero must become real."""
    zero = constant(0.0 if node.dtype.is_floating else 0, node.dtype)
    return ops.broadcast_to(zero, shape=node.shape) if node.ndim else zero


def require_floating(operation: str, node: Node) -> None:
    """Raise DTypeError unless a derivative with respect to ``node`` makes sense."""
    if not node.dtype.is_floating:
        label = node.attributes.get("label", "an argument")
        raise DTypeError(
            f"{operation}: differentiates with respect to floating-point arguments, got {label} of type {node.type}; "
            "pass a float array, for example x.astype(float), or leave the argument out of argnums"
        )
