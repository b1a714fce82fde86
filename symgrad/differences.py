"""Jacobians by central differences and by the tape, and their comparison: the body of ``gradcheck``.

The numerical Jacobian comes from the function's values at ``x - eps`` and ``x + eps``, an element at a time, or in
``fast_mode`` along one random direction; the analytical one from ``autograd.grad``. Both are laid out as torch prints
them: a row for each element of the input, a column for each of the output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.eager.gradients import grad
from symgrad.eager.tensor_face import Tensor
from symgrad.errors import GradcheckError
from symgrad.func import jvp

__all__ = ["Check", "array_of", "as_tuple", "compare_along_a_direction", "compare_forward", "compare_jacobians", "zeros_like"]

Array = np.ndarray[Any, Any]
Tensors = tuple[Tensor, ...]

_NOT_REENTRANT = (
    "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives different values, "
    "although analytical gradient matches numerical gradient.The tolerance for nondeterminism was {}."
)
_FAST = """
The above quantities relating the numerical and analytical jacobians are computed
in fast mode, along one random direction. In slow mode they are:

Numerical:
 {}
Analytical:
{}

The max per-element difference (slow mode) is: {}.
"""
_FAST_ONLY = """Fast gradcheck failed but element-wise differences are small. This means that the
test might've passed in slow_mode!
"""


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return a tuple or list as a tuple, anything else as the only one in it."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def array_of(tensor: Tensor) -> Array:
    """Return a copy of a Tensor's values."""
    values: Array = np.array(tensor.detach().clone().numpy())
    return values


def _text(values: Any) -> str:
    return str(Tensor.from_array(np.asarray(values)))


def zeros_like(like: Tensor) -> Tensor:
    """Return zeros of a Tensor's shape and element type."""
    return Tensor.from_array(np.zeros_like(array_of(like)))


@dataclass(frozen=True, slots=True)
class Check:
    """A function at a point, and how closely its derivatives are to agree."""

    func: Callable[..., Any]
    inputs: tuple[Any, ...]
    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    check_grad_dtypes: bool

    @property
    def wrt(self) -> list[Tensor]:
        """The inputs that require a gradient."""
        return [x for x in self.inputs if isinstance(x, Tensor) and x.requires_grad]

    def values(self) -> list[Array]:
        """Return the function's values at the inputs' present contents."""
        return [array_of(o) for o in as_tuple(self.func(*self.inputs))]

    def outputs(self) -> Tensors:
        """Return the differentiable outputs, on the tape."""
        return tuple(o for o in as_tuple(self.func(*self.inputs)) if o.requires_grad)

    def difference(self, tensor: Tensor, at: Array, step: Array | float, index: Any) -> list[Array]:
        """Return the central difference of every output when ``tensor`` moves by ``step`` at ``index``."""
        storage, found = tensor.data, []
        try:
            for sign in (-1, 1):
                moved = at.copy()
                moved[index] = at[index] + step if sign > 0 else at[index] - step
                storage.copy_(Tensor.from_array(moved))
                found.append(self.values())
        finally:
            storage.copy_(Tensor.from_array(at))
        for a, b in zip(*found, strict=True):
            _check_same_kind(a, b, self.eps)
        return [((b ^ a) if a.dtype == bool else b - a) / (2 * self.eps) for a, b in zip(*found, strict=True)]

    def close(self, analytical: Any, numerical: Any, atol: float) -> bool:
        """Return whether two derivatives agree."""
        return bool(np.allclose(analytical, numerical, self.rtol, atol))


def _check_same_kind(a: Array, b: Array, eps: float) -> None:
    for what, one, other in (("shape", a.shape, b.shape), ("dtype", a.dtype, b.dtype)):
        if one != other:
            expected = f"Expected `func` to return outputs with the same {what} when inputs are perturbed by {eps}"
            raise AssertionError(f"{expected}, but got: {what}s {one} and {other}.")


def _numerical(check: Check) -> list[list[Array]]:
    """Return for each differentiable input the Jacobians of all outputs, differentiable or not."""
    by_input = []
    for tensor in check.wrt:
        at = array_of(tensor)
        rows = [check.difference(tensor, at, check.eps, index) for index in np.ndindex(at.shape)]
        widths = [v.size for v in check.values()] if not rows else []
        empty = [np.zeros((0, width)) for width in widths]
        by_input.append([np.stack([d.reshape(-1) for d in column]) for column in zip(*rows, strict=True)] if rows else empty)
    return by_input


def _units(output: Tensor) -> Iterator[Tensor]:
    zeros = np.zeros_like(array_of(output))
    for index in np.ndindex(zeros.shape):
        unit = zeros.copy()
        unit[index] = 1
        yield Tensor.from_array(unit)


def _pulled_back(check: Check, output: Tensor, cotangents: Sequence[Tensor]) -> list[Array]:
    """Return for each differentiable input a column for each cotangent.

    Raises
    ------
    GradcheckError
        When a gradient does not have the input's shape or, if that is checked, its element type.
    """
    columns: list[list[Array]] = [[] for _ in check.wrt]
    sizes_fit = types_fit = True
    for cotangent in cotangents:
        found = grad(output, check.wrt, cotangent, retain_graph=True, allow_unused=True)
        for column, gradient, tensor in zip(columns, found, check.wrt, strict=True):
            values = np.zeros_like(array_of(tensor)) if gradient is None else array_of(gradient)
            sizes_fit = sizes_fit and values.shape == tuple(tensor.shape)
            types_fit = types_fit and (gradient is None or gradient.dtype == tensor.dtype)
            column.append(values.reshape(-1))
    if check.check_grad_dtypes and not types_fit:
        raise GradcheckError("Gradient has dtype mismatch")
    if not sizes_fit:
        raise GradcheckError("Analytical gradient has incorrect size")
    return [np.stack(c, axis=1) if c else np.zeros((array_of(t).size, 0)) for c, t in zip(columns, check.wrt, strict=True)]


def _between_tiers(values: Array) -> float:
    """Return what two runs may differ by because native code took over from the interpreter between them: a few ulp."""
    finite = values[np.isfinite(values)]
    return 16 * float(np.finfo(values.dtype).eps) * float(np.abs(finite).max(initial=0.0))


def _analytical(check: Check, output: Tensor, cotangents: Sequence[Tensor]) -> list[Array]:
    """Return what ``_pulled_back`` does, computed twice to see that it is the same."""
    first, second = _pulled_back(check, output, cotangents), _pulled_back(check, output, cotangents)
    if any(a.size and np.abs(a - b).max() > check.nondet_tol + _between_tiers(a) for a, b in zip(first, second, strict=True)):
        raise GradcheckError(_NOT_REENTRANT.format(check.nondet_tol))
    return first


def _mismatch(analytical: str, numerical: str, output: int, given: int, mode: str = "") -> str:
    where = f"Jacobian {mode}mismatch for output {output} with respect to input {given},"
    return f"{where}\nnumerical:{numerical}\nanalytical:{analytical}\n"


def _expect_zero(jacobians: list[list[Array]]) -> None:
    if any(np.any(j != 0) for by_output in jacobians for j in by_output):
        raise GradcheckError("Numerical gradient for function expected to be zero")


def compare_jacobians(check: Check) -> None:
    """Compare the whole Jacobians."""
    numerical = _numerical(check)
    outputs = as_tuple(check.func(*check.inputs))
    differentiable = [k for k, o in enumerate(outputs) if o.requires_grad]
    if not differentiable:
        _expect_zero(numerical)
    for i, k in enumerate(differentiable):
        analytical = _analytical(check, outputs[k], list(_units(outputs[k])))
        for j, (a, by_output) in enumerate(zip(analytical, numerical, strict=True)):
            if not check.close(a, by_output[k], check.atol):
                raise GradcheckError(_mismatch(_text(a), _text(by_output[k]), i, j))


def _random_direction(tensor: Tensor, generator: np.random.Generator) -> Array:
    values = generator.random(tuple(tensor.shape))
    return (values / (np.linalg.norm(values) or 1.0)).astype(array_of(tensor).dtype)


def compare_along_a_direction(check: Check) -> None:
    """Compare ``v J u`` for one random u of each input and v of each output."""
    generator = np.random.default_rng(0)
    outputs = as_tuple(check.func(*check.inputs))
    differentiable = [k for k, o in enumerate(outputs) if o.requires_grad]
    us = [_random_direction(t, generator) for t in check.wrt]
    vs = {k: _random_direction(outputs[k], generator) for k in differentiable}
    steps = [check.difference(t, array_of(t), check.eps * u, ...) for t, u in zip(check.wrt, us, strict=True)]
    outputs = as_tuple(check.func(*check.inputs))  # on the tape after the inputs were moved and put back
    if not differentiable:
        _expect_zero(steps)
    for i, k in enumerate(differentiable):
        pulled = _analytical(check, outputs[k], [Tensor.from_array(vs[k])])
        for j, (p, u, by_output) in enumerate(zip(pulled, us, steps, strict=True)):
            a, n = float(p.reshape(-1) @ u.reshape(-1)), float(np.sum(by_output[k] * vs[k]))
            if not check.close(a, n, check.atol * float(u.sum()) * float(vs[k].sum())):
                raise GradcheckError(_mismatch(str(a), str(n), i, j) + _in_slow_mode(check, k, j))


def _in_slow_mode(check: Check, k: int, j: int) -> str:
    numerical = _numerical(check)[j][k]
    output = as_tuple(check.func(*check.inputs))[k]
    analytical = _pulled_back(check, output, list(_units(output)))[j]
    text = _FAST.format(_text(numerical), _text(analytical), np.abs(numerical - analytical).max())
    return text + _FAST_ONLY if check.close(analytical, numerical, check.atol) else text


def compare_forward(check: Check) -> None:
    """Compare the Jacobians' columns with those of forward mode."""
    tensors, numerical = check.wrt, _numerical(check)
    primals = tuple(t.detach() for t in tensors)
    place = [k for k, x in enumerate(check.inputs) if any(x is t for t in tensors)]

    def of_wrt(*values: Tensor) -> Any:
        inputs = list(check.inputs)
        for k, value in zip(place, values, strict=True):
            inputs[k] = value
        return as_tuple(check.func(*inputs))

    kept = [k for k, o in enumerate(as_tuple(check.func(*check.inputs))) if o.requires_grad]
    for j, tensor in enumerate(tensors):
        rows = []
        for unit in _units(tensor):
            tangents = tuple(unit if t is tensor else zeros_like(t) for t in tensors)
            rows.append([array_of(t).reshape(-1) for t in jvp(of_wrt, primals, tangents)[1]])
        for i, k in enumerate(kept if rows else ()):
            a, n = np.stack([row[k] for row in rows]), numerical[j][k]
            if not check.close(a, n, check.atol):
                raise GradcheckError(_mismatch(_text(a), _text(n), i, j, "computed with forward mode "))
