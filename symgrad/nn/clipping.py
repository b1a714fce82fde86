"""torch.nn.utils' names for gradients: their common norm, and limits for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from symgrad.eager.creation import tensor
from symgrad.eager.grad_mode import no_grad
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.tensor_methods import METHODS

__all__ = ["clip_grad_norm_", "clip_grad_value_", "get_total_norm"]


def get_total_norm(
    tensors: Iterable[Tensor] | Tensor, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """Return the norm of the norms of tensors: that of all their elements.

    Parameters
    ----------
    tensors : Tensor or iterable of Tensor
    norm_type : float
        The order of the norm.
    error_if_nonfinite : bool
        Refuse a norm that is nan or infinite.
    foreach : bool, optional
        Accepted for torch's sake.

    Raises
    ------
    RuntimeError
        With ``error_if_nonfinite``.
    """
    order = float(norm_type)
    norms = [METHODS["norm"](t, order) for t in _several(tensors)]
    if not norms:
        return tensor(0.0)
    total: Tensor = METHODS["norm"](METHODS["stack_rows"](norms[0], norms), order)
    if error_if_nonfinite and not METHODS["isfinite"](total).item():
        raise RuntimeError(
            f"The total norm of order {order} for gradients from `parameters` is non-finite, so it cannot be clipped. To disable "
            "this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


def clip_grad_norm_(
    parameters: Iterable[Tensor] | Tensor,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale gradients in place so that their common norm is at most ``max_norm``; return what it was.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without gradient are passed over.
    max_norm, norm_type : float
        The limit, and the order of the norm.
    error_if_nonfinite : bool
        Refuse a norm that is nan or infinite.
    foreach : bool, optional
        Accepted for torch's sake.

    Raises
    ------
    RuntimeError
        With ``error_if_nonfinite``.
    """
    with no_grad():
        gradients = _gradients(parameters)
        total = get_total_norm(gradients, norm_type, error_if_nonfinite)
        factor = METHODS["clamp"](float(max_norm) / (total + 1e-6), max=1.0)
        for gradient in gradients:
            METHODS["mul_"](gradient, factor)
    return total


def clip_grad_value_(parameters: Iterable[Tensor] | Tensor, clip_value: float, foreach: bool | None = None) -> None:
    """Limit the elements of gradients in place to ``[-clip_value, clip_value]``.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without gradient are passed over.
    clip_value : float
    foreach : bool, optional
        Accepted for torch's sake.
    """
    limit = float(clip_value)
    with no_grad():
        for gradient in _gradients(parameters):
            METHODS["clamp_"](gradient, min=-limit, max=limit)


def _several(tensors: Iterable[Tensor] | Tensor) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(parameters: Iterable[Tensor] | Tensor) -> list[Any]:
    return [p.grad for p in _several(parameters) if p.grad is not None]
