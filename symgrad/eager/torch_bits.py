"""``x.view(dtype)``: the bits of a tensor read as another element type, in the same memory."""

from __future__ import annotations

import math
from typing import NoReturn

import numpy as np

from symgrad.dtypes import DType
from symgrad.eager.grad_mode import mode
from symgrad.eager.layouts import layout_of
from symgrad.eager.recording import AnyArray, type_of
from symgrad.eager.storage import View, renew, share
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_rules import DTYPE_NAMES, refuse
from symgrad.errors import TraceError, at_user_line
from symgrad.ir.expr import Node
from symgrad.ir.types import TensorType

__all__ = ["as_bits"]


def as_bits(tensor: Tensor, dtype: DType) -> Tensor:
    """Return a tensor that shares the memory and the version, and takes its bits for another element type.

    No gradient passes through. The memory is shared as with NumPy from now on: operations on either tensor run at once.

    Raises
    ------
    RuntimeError
        When the last axis does not consist of whole elements of the other type.
    TraceError
        While tracing: what depends on an argument has no memory yet.
    """
    if mode.tracing or mode.mapping is not None:
        raise TraceError(at_user_line("view: in a trace there is no memory to read as another element type; use x.to(dtype)"))
    made: Tensor = tensor.detach()
    if dtype is tensor.dtype:
        return made
    shape = _shape_for(tensor, dtype)
    share(made)
    made._chain = (*made._chain, _view(made._value.type, dtype, shape))
    renew(made)
    return made


def _shape_for(tensor: Tensor, dtype: DType) -> tuple[int, ...]:
    """Return the shape in another element type, or raise in torch's words."""
    shape, old, new = tuple(tensor.shape), tensor.dtype.itemsize, dtype.itemsize
    if old == new:
        return shape
    kinds = f"to view {DTYPE_NAMES[tensor.dtype]} as {DTYPE_NAMES[dtype]} (different element sizes)"
    if not shape:
        refuse(f"self.dim() cannot be 0 {kinds}")
    layout = layout_of(tensor)
    assert layout is not None
    if old > new:
        if layout.strides[-1] != 1:
            refuse(f"self.stride(-1) must be 1 {kinds}, but got {layout.strides[-1]}")
        return *shape[:-1], shape[-1] * (old // new)
    ratio = new // old
    whole = [("size(-1)", shape[-1]), ("storage_offset()", layout.offset)]
    for name, count in whole:
        if count % ratio:
            refuse(f"self.{name} must be divisible by {ratio} {kinds}, but got {count}")
    if layout.strides[-1] != 1:
        refuse(f"self.stride(-1) must be 1 {kinds}, but got {layout.strides[-1]}")
    for k, step in enumerate(layout.strides[:-1]):
        if step % ratio:
            refuse(f"self.stride({k}) must be divisible by {ratio} {kinds}, but got {step}")
    return *shape[:-1], shape[-1] // ratio


_views: dict[tuple[int, DType], View] = {}


def _view(operand: TensorType, dtype: DType, shape: tuple[int, ...]) -> View:
    """Return the view that exists in memory only."""
    key = id(operand), dtype
    if key in _views:
        return _views[key]

    def array(a: AnyArray) -> AnyArray:
        found: AnyArray = a.view(dtype.numpy) if math.prod(shape) else np.empty(shape, dtype.numpy)
        return found

    def refuse_graph(*nodes: Node) -> NoReturn:
        raise RuntimeError(
            "view: what another element type saw in this memory is gone, because the memory was written through .data; "
            "clone() the view before"
        )

    made = View("ViewBackward1", operand, refuse_graph, refuse_graph, array, type_=type_of(shape, dtype))
    made.in_memory = True
    if len(_views) >= _MOST:
        _views.clear()
    _views[key] = made
    return made


_MOST = 512
