"""The in-place forms of functions: what they write, where that fits, and where elements of the target are one in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from symgrad.eager.overlaps import refuse_overlap, refuse_windows
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_basics import cast
from symgrad.eager.torch_indexing import index_put_contents
from symgrad.eager.torch_names import METHODS as TORCH
from symgrad.eager.torch_rules import axis_of
from symgrad.eager.torch_strided import each_once, warn_expanded
from symgrad.errors import DTypeError, at_user_line
from symgrad.ir.types import format_shape

__all__ = ["finish_in_place", "in_place", "on_expanded"]

Function = Callable[..., Any]

_TITLES = {"float32": "Float", "float64": "Double", "int64": "Long", "int32": "Int", "bool": "Bool"}


def finish_in_place(target: Tensor, result: Tensor) -> Tensor:
    """Write a result into ``target``, in its own element type and shape.

    Raises
    ------
    RuntimeError
        When the result does not fit, as torch says it.
    """
    if result._value.type is target._value.type:
        return target.write_in_place(result._value, result._edge)
    if result.dtype is not target.dtype:
        if result.dtype.category > target.dtype.category:
            given, own = _TITLES[result.dtype.name], _TITLES[target.dtype.name]
            raise DTypeError(at_user_line(f"result type {given} can't be cast to the desired output type {own}"))
        result = cast(result, dtype=target.dtype)
    if tuple(result.shape) != tuple(target.shape):
        own_shape, given_shape = format_shape(target.shape), format_shape(result.shape)
        message = f"output with shape {own_shape} doesn't match the broadcast shape {given_shape}"
        raise RuntimeError(at_user_line(message))
    return target.write_in_place(result._value, result._edge)


def in_place(function: Function, name: str) -> Function:
    """Return the form of a function that writes its result into its first argument."""
    scattered, careless = name in _SCATTERED, name in _CARELESS

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if (self._cell is not None and not careless) or scattered:
            refuse_overlap(self, (*args, *kwargs.values()), whole=scattered)
        if self._chain:
            refuse_windows(self)
        return finish_in_place(self, function(self, *args, **kwargs))

    return method


# what writes at indices must read nothing of what it writes; and what may read anything, as it computes elsewhere first
_SCATTERED = {"index_add", "index_copy", "index_put", "put", "scatter", "scatter_add", "scatter_reduce"}
_CARELESS = {"addbmm", "addmm", "addmv", "baddbmm", "index_fill", "masked_fill", "masked_scatter"}


# expanded targets: torch refuses to write all of one, but at indices and masks it writes what they name


def _index_put(self: Tensor, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """Write ``values`` at ``indices``, one array for each leading axis; the last written counts, or all add."""
    finish_in_place(*index_put_contents(self, indices, values, accumulate))
    return self


def _masked_fill(plain: Function) -> Function:
    def method(self: Tensor, mask: Any, value: Any) -> Tensor:
        once = each_once(self)
        if once is self:
            return plain(self, mask, value)  # type: ignore[no-any-return]  # a method from the table
        warn_expanded("masked_fill_", "mask] = scalar")
        repeated = [k for k, (n, m) in enumerate(zip(self.shape, once.shape, strict=True)) if n != m]
        plain(once, TORCH["expand"](mask, tuple(self.shape)).any(dim=repeated, keepdim=True), value)
        return self

    return method


def _index_fill(plain: Function) -> Function:
    def method(self: Tensor, dim: int, index: Any, value: Any) -> Tensor:
        once = each_once(self)
        if once is self:
            return plain(self, dim, index, value)  # type: ignore[no-any-return]
        warn_expanded("index_fill_", "mask] = scalar")
        TORCH["index_fill"](self, dim, index, value)  # may refuse
        axis = axis_of(dim, self.ndim)
        plain(once, dim, index if once.shape[axis] == self.shape[axis] else index * 0, value)
        return self

    return method


def on_expanded(methods: Mapping[str, Function]) -> dict[str, Function]:
    """Return the in-place methods that write also to expanded tensors."""
    return {
        "index_put_": _index_put,
        "masked_fill_": _masked_fill(methods["masked_fill_"]),
        "index_fill_": _index_fill(methods["index_fill_"]),
    }
