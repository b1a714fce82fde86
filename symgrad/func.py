"""torch.func's names, signatures and results, over the same transforms.

``vjp`` and ``jvp`` take the point at once; ``grad_and_value`` gives the gradient first, as torch does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symgrad import transforms
from symgrad.errors import at_user_line
from symgrad.mapping import vmap as _vmap

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "vjp", "vmap"]

Function = Callable[..., Any]
Argnums = int | tuple[int, ...]


def grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the gradient of ``func``, which returns a number; with ``has_aux`` the result is ``(gradient, aux)``."""
    return transforms.grad(func, argnums, has_aux)


def grad_and_value(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return ``(gradient, value)`` of ``func``; with ``has_aux``, ``(gradient, (value, aux))``."""
    both = transforms.value_and_grad(func, argnums, has_aux)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return gradient, value

    return wrapped


def _first(func: Function, has_aux: bool) -> Function:
    """Return ``func`` without its auxiliary output."""

    def first(*args: Any, **kwargs: Any) -> Any:
        result = func(*args, **kwargs)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(at_user_line("has_aux: the function must return (output, aux)"))
        return result[0]

    return first if has_aux else func


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return ``(output, vjp_fn)``: ``vjp_fn(cotangents)`` gives one cotangent for each of ``primals``, in a tuple.

    With ``has_aux`` the result is ``(output, vjp_fn, aux)``. ``cotangents`` are nested like the output.
    """
    output = func(*primals)
    aux: tuple[Any, ...] = ()
    if has_aux:
        output, aux = output[0], (output[1],)
    first = _first(func, has_aux)

    def pull_back(*cotangents: Any) -> Any:
        given = cotangents[0] if len(cotangents) == 1 else cotangents
        result: tuple[Any, ...] = transforms.vjp(lambda packed: first(*packed))(primals, given)
        return result

    return (output, pull_back, *aux)


def jvp(func: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...], *, has_aux: bool = False) -> tuple[Any, ...]:
    """Return ``(output, tangent)`` of ``func`` at ``primals`` along ``tangents``; with ``has_aux`` aux comes last."""
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple) or len(primals) != len(tangents):
        raise RuntimeError(at_user_line("jvp: primals and tangents must be tuples of one length"))
    output = func(*primals)
    aux: tuple[Any, ...] = ()
    if has_aux:
        output, aux = output[0], (output[1],)
    first = _first(func, has_aux)
    return (output, transforms.jvp(lambda packed: first(*packed))(primals, tangents), *aux)


def _jacobian(func: Function, argnums: Argnums, has_aux: bool, mode: str) -> Function:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        first = _first(func, has_aux)
        result = transforms.jacobian(first, argnums, mode)(*args, **kwargs)
        return (result, func(*args, **kwargs)[1]) if has_aux else result

    return wrapped


def jacrev(func: Function, argnums: Argnums = 0, *, has_aux: bool = False) -> Function:
    """Return the Jacobian of ``func`` by reverse mode: for each output ``output.shape + input.shape``."""
    return _jacobian(func, argnums, has_aux, "reverse")


def jacfwd(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the Jacobian of ``func`` by forward mode: for each output ``output.shape + input.shape``."""
    return _jacobian(func, argnums, has_aux, "forward")


def hessian(func: Function, argnums: Argnums = 0) -> Function:
    """Return the Hessian of ``func``, forward over reverse; for a function with axes, of each element."""
    return jacfwd(jacrev(func, argnums), argnums)


def vmap(func: Function, in_dims: int | Sequence[int | None] | None = 0, out_dims: int | Sequence[int] = 0) -> Function:
    """Return ``func`` over an axis of its arguments."""
    return _vmap(func, in_dims, out_dims)
