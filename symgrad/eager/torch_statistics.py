"""torch's distances, covariances, histograms, membership, trapezoids, and arithmetic of whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.eager.operation import operation
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_joining import part
from symgrad.eager.torch_reductions import vector_norm_node
from symgrad.eager.torch_returns import return_type
from symgrad.eager.torch_rules import Operand, axis_of, broadcast, common, floating, refuse, refuse_dtype
from symgrad.ir.expr import Node, like, ops
from symgrad.primitives.matrices import mT

__all__ = ["FUNCTIONS"]

Function = Callable[..., Any]

_frexp_type = return_type("frexp", "mantissa", "exponent")


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


@operation("CdistBackward0")
def _cdist(a: Operand, b: Operand, *, p: float) -> Node:
    x, y = common(a, b, floats=True)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        refuse(f"X1 and X2 must have the same number of columns. X1: {x.shape[-1]} X2: {y.shape[-1]}")
    apart = ops.expand_dims(x, axes=(x.ndim - 1,)) - ops.expand_dims(y, axes=(y.ndim - 2,))
    return vector_norm_node(apart, p, (apart.ndim - 1,))


def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: Any = None) -> Any:
    """Return the distances of the rows of two matrices."""
    return _cdist(x1, x2, p=float(p))


@operation("RenormBackward0")
def _renorm(x: Operand, *, p: float, dim: int, maxnorm: float) -> Node:
    node = floating(x)
    axis = axis_of(dim, node.ndim)
    axes = tuple(a for a in range(node.ndim) if a != axis)
    size = ops.expand_dims(vector_norm_node(node, p, axes), axes=axes)
    return node * ops.where(size > maxnorm, maxnorm / (size + 1e-7), like(1.0, node))


def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Any:
    """Return the slices along an axis scaled down to a norm of at most ``maxnorm``."""
    return _renorm(input, p=float(p), dim=dim, maxnorm=float(maxnorm))


def _covariance(x: Node, correction: int) -> Node:
    rows = ops.expand_dims(x, axes=(0,)) if x.ndim < 2 else x
    count: Any = rows.shape[1]
    apart = rows - ops.expand_dims(ops.mean(rows, axes=(1,)), axes=(1,))
    return ops.matmul(apart, mT(apart)) / like(float(max(count - correction, 0)), x)


@operation("SqueezeBackward0")
def _cov(x: Operand, *, correction: int) -> Node:
    node = floating(x)
    found = _covariance(node, correction)
    return found if node.ndim == 2 else ops.squeeze(found, axes=(0, 1))


def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """Return the covariances of the rows."""
    if fweights is not None or aweights is not None:
        refuse("cov: weights are not supported; weigh the observations before it")
    return _cov(input, correction=int(correction))


@operation("ClampBackward1")
def corrcoef(x: Operand) -> Node:
    """Return the correlations of the rows."""
    node = floating(x)
    found = _covariance(node, 1)
    size = ops.sqrt(ops.diag_extract(found, offset=0))
    scaled = found / ops.expand_dims(size, axes=(1,)) / ops.expand_dims(size, axes=(0,))
    limited = ops.clip(scaled, like(-1.0, node), like(1.0, node))
    return limited if node.ndim == 2 else ops.squeeze(limited, axes=(0, 1))


# trapezoids


def _slabs(y: Operand, x: Operand | None, dim: int, dx: float) -> tuple[Node, int]:
    """Return the areas between neighbours along an axis."""
    values = floating(y)
    axis = axis_of(dim, values.ndim)
    size: Any = values.shape[axis]
    sums = part(values, axis, 1, size - 1) + part(values, axis, 0, size - 1)
    if x is None:
        return sums * (0.5 * dx), axis
    points = _node(x)
    if points.ndim == 1:
        points = ops.reshape(points, shape=(size, *(1,) * (values.ndim - axis - 1)))
    place = points.ndim - (values.ndim - axis)
    widths = part(points, place, 1, size - 1) - part(points, place, 0, size - 1)
    broadcast(sums, widths)
    return sums * widths * 0.5, axis


def _trapezoid_formula(y: Operand, *x: Operand, dim: int, dx: float) -> Node:
    areas, axis = _slabs(y, x[0] if x else None, dim, dx)
    return ops.sum(areas, axes=(axis,))


def _running_trapezoid(y: Operand, *x: Operand, dim: int, dx: float) -> Node:
    areas, axis = _slabs(y, x[0] if x else None, dim, dx)
    return ops.cumsum(areas, axis=axis)


def _integral(name: str, grad_fn: str, formula: Function) -> Function:
    even, uneven = operation(grad_fn)(formula), operation("DivBackward1")(formula)

    def function(y: Any, x: Any = None, *, dx: float = 1.0, dim: int = -1) -> Any:
        return even(y, dim=dim, dx=float(dx)) if x is None else uneven(y, x, dim=dim, dx=1.0)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Return the integral along an axis by the trapezoidal rule, for points ``dx`` apart, or at ``input``."
    return function


# what needs values


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """Return how many elements fall into each of ``bins`` equal intervals between min and max."""
    values = input.numpy_value()
    if not input.dtype.is_floating:
        refuse_dtype("histogram is implemented for floating-point tensors only")
    low, high = (values.min(), values.max()) if min == max == 0 and values.size else (min, max)
    counts, _ = np.histogram(values, int(bins), (low - 1, high + 1) if low == high else (low, high))
    return Tensor.from_array(counts.astype(values.dtype))


@operation("NotDifferentiable")
def _isin(elements: Operand, tests: Operand, *, invert: bool) -> Node:
    x, y = common(elements, tests)
    row = ops.reshape(y, shape=(y.type.size,))
    found = ops.any(ops.eq(ops.expand_dims(x, axes=(x.ndim,)), row), axes=(x.ndim,))
    return ops.logical_not(found) if invert else found


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    """Return for each element whether it is among others."""
    return _isin(elements, test_elements, invert=bool(invert))


def _of_whole_numbers(name: str, function: Callable[..., Any]) -> Function:
    def made(input: Any, other: Any) -> Any:
        if input.dtype.category != 1 or other.dtype.category != 1:
            refuse_dtype(f"{name} is implemented for integer tensors only")
        return Tensor.from_array(np.asarray(function(input.numpy_value(), other.numpy_value())))

    made.__name__ = made.__qualname__ = name
    made.__doc__ = f"Return the {name} of each pair of integers."
    return made


def nextafter(input: Any, other: Any) -> Any:
    """Return the next number after ``input`` towards ``other``."""
    return Tensor.from_array(np.asarray(np.nextafter(input.numpy_value(), other.numpy_value())))


def frexp(input: Any) -> Any:
    """Return mantissas in [0.5, 1) and exponents of 2."""
    mantissa, exponent = np.frexp(input.numpy_value())
    return _frexp_type(Tensor.from_array(np.asarray(mantissa)), Tensor.from_array(np.asarray(exponent, np.int32)))


FUNCTIONS: dict[str, Function] = {
    "cdist": cdist, "renorm": renorm, "cov": cov, "corrcoef": corrcoef, "histc": histc, "isin": isin,
    "trapezoid": _integral("trapezoid", "MulBackward1", _trapezoid_formula),
    "trapz": _integral("trapz", "MulBackward1", _trapezoid_formula),
    "cumulative_trapezoid": _integral("cumulative_trapezoid", "CumsumBackward0", _running_trapezoid),
    "gcd": _of_whole_numbers("gcd", np.gcd), "lcm": _of_whole_numbers("lcm", np.lcm), "nextafter": nextafter, "frexp": frexp,
}  # fmt: skip
