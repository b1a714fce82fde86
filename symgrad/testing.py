"""``gradcheck`` and ``gradgradcheck``: derivatives held against central differences; and ``assert_close``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from symgrad.closeness import assert_close
from symgrad.differences import (
    Check,
    array_of,
    as_tuple,
    compare_along_a_direction,
    compare_forward,
    compare_jacobians,
    zeros_like,
)
from symgrad.dtypes import float64
from symgrad.eager.custom import Function
from symgrad.eager.gradients import grad
from symgrad.eager.tensor_face import Tensor
from symgrad.errors import GradcheckError

__all__ = ["GradcheckError", "assert_close", "gradcheck", "gradgradcheck"]

Tensors = tuple[Tensor, ...]

_UNDEFINED_RESULT = "Expected all input grads to be undefined or zero when all output grads are undefined or zero."
_UNDEFINED_ERROR = "Expected backward function to handle undefined output grads."


class _Undefined(Function):
    """The identity; no gradient arrives at what is before it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Any:
        """Return x."""
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        """Return nothing."""
        return None


def _check_inputs(inputs: tuple[Any, ...]) -> None:
    differentiable = False
    for k, x in enumerate(inputs):
        if not isinstance(x, Tensor) or not x.requires_grad:
            continue
        differentiable = True
        if x.dtype != float64:
            warnings.warn(
                f"Input #{k} requires gradient and is not a double precision floating point or complex. This check will "
                "likely fail if all the inputs are not of double precision floating point or complex. ",
                UserWarning,
                stacklevel=3,
            )
        if any(stride == 0 and size > 1 for stride, size in zip(x.stride(), x.shape, strict=True)):
            raise RuntimeError(
                f"The {k}th input has a dimension with stride 0. gradcheck only supports inputs that are non-overlapping to "
                "be able to compute the numerical gradients correctly. You should call .contiguous on the input before "
                "passing it to gradcheck."
            )
    if not differentiable:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )


def _check_batches(check: Check, outputs: Tensors) -> None:
    """Hold the gradients of a batch of cotangents against those of each."""
    generator = np.random.default_rng(0)
    for i, output in enumerate(outputs):
        batch = generator.standard_normal((2, *output.shape)).astype(array_of(output).dtype)
        options = {"retain_graph": True, "materialize_grads": True}
        single = [grad(output, check.wrt, Tensor.from_array(v), **options) for v in batch]
        together = grad(output, check.wrt, Tensor.from_array(batch), is_grads_batched=True, **options)
        for j, (t, *each) in enumerate(zip(together, *single, strict=True)):
            if not np.allclose(array_of(t), np.stack([array_of(s) for s in each]), 1e-5, 1e-8):
                raise GradcheckError(f"For output {i} and input {j}: the gradients of a batch differ from those of each")


def _check_zero_cotangents(check: Check, outputs: Tensors) -> None:
    """See that gradients are multiplied by the cotangent."""
    if not outputs:
        return
    found = grad(outputs, check.wrt, [zeros_like(o) for o in outputs], allow_unused=True)
    for gradient, tensor in zip(found, check.wrt, strict=True):
        if gradient is None:
            continue
        if np.any(array_of(gradient) != 0):
            raise GradcheckError("backward not multiplied by grad_output")
        if gradient.dtype != tensor.dtype:
            raise GradcheckError("grad is incorrect type")
        if tuple(gradient.shape) != tuple(tensor.shape):
            raise GradcheckError("grad is incorrect size")


def _check_undefined(check: Check) -> None:
    """See that backward bears cotangents that are missing: all of them, and each alone."""
    count = len(check.outputs())
    for missing in [range(count), *[(k,) for k in range(count if count > 1 else 0)]]:
        outputs = [_Undefined.apply(o) if k in missing else o for k, o in enumerate(check.outputs())]
        if not outputs:
            continue
        try:
            found = grad(outputs, check.wrt, [zeros_like(o) for o in outputs], allow_unused=True)
        except RuntimeError as error:
            raise GradcheckError(_UNDEFINED_ERROR) from error
        if any(g is not None and np.any(array_of(g) != 0) for g in found):
            raise GradcheckError(_UNDEFINED_RESULT)


def _check_modes(forward: bool, backward: bool, batched: bool, batched_forward: bool) -> None:
    if not (forward or backward):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if batched and not backward:
        raise AssertionError("Setting check_batched_grad=True requires check_backward_ad to be True")
    if batched_forward and not forward:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")


def _check_backward(check: Check, batched: bool, undefined: bool) -> None:
    """See to what a right Jacobian does not show."""
    outputs = check.outputs()
    if batched:
        _check_batches(check, outputs)
    _check_zero_cotangents(check, outputs)
    if undefined:
        _check_undefined(check)


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Hold the gradients of a function against central differences.

    Parameters
    ----------
    func : callable
    inputs : Tensor or tuple
        Those that require a gradient are moved; they should be float64.
    eps, atol, rtol : float
        How far inputs are moved, and what the difference may be: absolutely, and relative to the numerical derivative.
    raise_exception : bool
        Raise when the check fails; else return False.
    nondet_tol : float
        What two runs of backward may differ by.
    check_undefined_grad, check_grad_dtypes, check_batched_grad : bool
        See that backward bears missing cotangents, gives gradients of the inputs' types, and does batches as one by one.
    check_forward_ad, check_backward_ad : bool
        Which modes to check.
    fast_mode : bool
        Compare along one random direction instead of element by element.
    check_batched_forward_grad, masked
        Accepted for torch's sake; there are no batches of tangents and no sparse Tensors here.

    Raises
    ------
    GradcheckError
        When derivatives differ; a ValueError when no input requires a gradient.
    """
    _check_modes(check_forward_ad, check_backward_ad, check_batched_grad, check_batched_forward_grad)
    check = Check(func, as_tuple(inputs), eps, atol, rtol, nondet_tol, check_grad_dtypes)
    try:
        _check_inputs(check.inputs)
        if check_backward_ad:
            (compare_along_a_direction if fast_mode else compare_jacobians)(check)
        if check_forward_ad:
            compare_forward(check)
        if check_backward_ad:
            _check_backward(check, check_batched_grad, check_undefined_grad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    gen_non_contig_grad_outputs: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    **options: Any,
) -> bool:
    """Hold the second derivatives of a function against central differences of its gradients.

    Parameters
    ----------
    func, inputs
        As for ``gradcheck``.
    grad_outputs : Tensor or tuple of Tensor, optional
        Cotangents of the outputs, random ones unless given.
    gen_non_contig_grad_outputs : bool
        Lay the random ones out with gaps.
    check_fwd_over_rev, check_rev_over_rev : bool
        Which mode to differentiate the gradients by.
    **options
        The other options of ``gradcheck``.

    Returns
    -------
    bool

    Raises
    ------
    GradcheckError, ValueError
        As ``gradcheck``.
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    given = as_tuple(inputs)
    wrt = [k for k, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]
    if grad_outputs is None:
        outputs = [o for o in as_tuple(func(*given)) if o.requires_grad]
        cotangents = tuple(_random_cotangents(outputs, gen_non_contig_grad_outputs))
    else:
        cotangents = as_tuple(grad_outputs)

    def gradients(*args: Any) -> tuple[Tensor, ...]:
        inner, given_cotangents = args[: len(given)], args[len(given) :]
        results = [o for o in as_tuple(func(*inner)) if o.requires_grad]
        found = grad(results, [inner[k] for k in wrt], given_cotangents, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    modes = {"check_forward_ad": check_fwd_over_rev, "check_backward_ad": check_rev_over_rev}
    return gradcheck(gradients, (*given, *cotangents), **modes, **options)


def _random_cotangents(outputs: Sequence[Tensor], with_gaps: bool) -> Iterator[Tensor]:
    generator = np.random.default_rng(0)
    for output in outputs:
        shape, kind = tuple(output.shape), array_of(output).dtype
        values = generator.uniform(-1, 1, (*shape, 2)).astype(kind)
        gaps = Tensor.from_array(values)[..., 0]
        yield (gaps if with_gaps else Tensor.from_array(values[..., 0].copy())).detach().requires_grad_()
