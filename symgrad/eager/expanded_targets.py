"""In-place methods of expanded tensors: torch refuses to write all of one, but at indices and masks it writes what they name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from symgrad.eager.in_place import finish_in_place
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.torch_indexing import index_put_contents
from symgrad.eager.torch_names import METHODS as TORCH
from symgrad.eager.torch_rules import axis_of
from symgrad.eager.torch_strided import each_once, warn_expanded

__all__ = ["on_expanded"]

Function = Callable[..., Any]


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

    method.__doc__ = plain.__doc__
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

    method.__doc__ = plain.__doc__
    return method


def on_expanded(methods: Mapping[str, Function]) -> dict[str, Function]:
    """Return the in-place methods that write also to expanded tensors."""
    return {
        "index_put_": _index_put,
        "masked_fill_": _masked_fill(methods["masked_fill_"]),
        "index_fill_": _index_fill(methods["index_fill_"]),
    }
