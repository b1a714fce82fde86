"""The keyword ``out`` of torch's functions: what is computed goes into a tensor that is there already."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from symgrad.eager.grad_mode import mode
from symgrad.eager.overlaps import refuse_overlap
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.titles import TITLES, WORDS
from symgrad.eager.torch_basics import cast
from symgrad.errors import DTypeError, at_user_line
from symgrad.ir.types import format_shape

__all__ = ["check_derivative", "check_out", "deliver"]

RESIZED = (
    "An output with one or more elements was resized since it had shape {}, which does not match the required output shape {}. "
    "This behavior is deprecated, and in a future PyTorch release outputs will not be resized unless they have zero elements. "
    "You can explicitly reuse an out tensor t by resizing it, inplace, to zero elements with t.resize_(0)."
)


def check_out(name: str, out: Any, operands: Sequence[Any]) -> None:
    """Raise what torch raises for an ``out`` that cannot be written.

    Raises
    ------
    TypeError
        When it is no Tensor.
    RuntimeError
        When an operand overlaps it in memory.
    """
    if not isinstance(out, Tensor):
        raise TypeError(at_user_line(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}"))
    if out._cell is not None:
        refuse_overlap(out, [t for v in operands for t in (v if isinstance(v, (list, tuple)) else (v,)) if isinstance(t, Tensor)])


def check_derivative(name: str, out: Tensor, made: Any) -> None:
    """Raise RuntimeError when a derivative would be lost: of what was computed, or of what is written over."""
    if mode.grad and (out.requires_grad or (isinstance(made, Tensor) and made.requires_grad)):
        raise RuntimeError(
            at_user_line(
                f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments "
                "requires grad."
            )
        )


def deliver(out: Tensor, made: Tensor, exact: bool = False, quiet: bool = False) -> Tensor:
    """Write ``made`` into ``out``, which takes on its shape, and return ``out``.

    Parameters
    ----------
    out, made : Tensor
    exact : bool
        Refuse another element type, as products of matrices do; else it is refused only if it is of a lower category.
    quiet : bool
        Do not warn when elements are lost.

    Raises
    ------
    RuntimeError
        For an element type that does not fit, or a view of another size.
    """
    if made.dtype is not out.dtype:
        if exact:
            wanted, given = WORDS[made.dtype.name], WORDS[out.dtype.name]
            raise DTypeError(at_user_line(f"Expected out tensor to have dtype {wanted}, but got {given} instead"))
        if made.dtype.category > out.dtype.category:
            given, own = TITLES[made.dtype.name], TITLES[out.dtype.name]
            raise DTypeError(at_user_line(f"result type {given} can't be cast to the desired output type {own}"))
        made = cast(made, dtype=out.dtype)
    if tuple(made.shape) != tuple(out.shape):
        return _resized(out, made, quiet)
    return out.write_in_place(made.current(), made._edge)


def _resized(out: Tensor, made: Tensor, quiet: bool) -> Tensor:
    """Let ``out`` take over memory of the new size."""
    if out._chain:
        sizes = f"from {format_shape(out.shape)} to {format_shape(made.shape)}"
        raise RuntimeError(at_user_line(f"out: a view cannot be resized, {sizes}; give a tensor of the result's shape"))
    if math.prod(out.shape) and not quiet:
        text = RESIZED.format(format_shape(out.shape), format_shape(made.shape))
        warnings.warn(text, UserWarning, stacklevel=4)
    out.data = made.detach()
    out.counter[0] += 1
    return out
