"""What a Function's forward leaves for its derivative, and the checks of what that returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.eager.operation import apply_graph
from symgrad.eager.recording import Record
from symgrad.eager.staleness import modified, place_of
from symgrad.eager.storage import saved_value, written_over
from symgrad.eager.tape import FREED, owner
from symgrad.eager.tensor_face import Tensor
from symgrad.errors import at_user_line
from symgrad.ir.expr import fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.transform.partials import unbroadcast

__all__ = ["Context", "check_results", "fitted"]


class Context:
    """What ``forward`` leaves for ``backward``: saved tensors, flags, and any attributes the user sets.

    Attributes
    ----------
    needs_input_grad : tuple of bool
        For each argument of ``apply`` whether its gradient is wanted.
    """

    needs_input_grad: tuple[bool, ...]

    def __init__(self, needs: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs
        self._saved: list[tuple[Any, Record | None, Any]] = []
        self._for_forward: tuple[Any, ...] = ()
        self._not_differentiable: set[int] = set()
        self._dirty: list[Tensor] = []
        self._materialize = True
        self._freed = False
        self._forward = False  # whether it is jvp that reads what was saved

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward, which finds out if they are modified in place meanwhile."""
        for k, tensor in enumerate(tensors):
            if tensor is not None and not isinstance(tensor, Tensor):
                kind = type(tensor).__name__
                raise TypeError(f"save_for_backward can only save variables, but argument {k} is of type {kind}")
        self._saved = [(t, None if t is None else t.current(), None if t is None else t._edge) for t in tensors]

    def save_for_forward(self, *tensors: Tensor) -> None:
        """Keep tensors for ``jvp``."""
        self._for_forward = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """The tensors that ``save_for_backward`` kept.

        Raises
        ------
        RuntimeError
            When they were given up after a backward, or modified in place.
        """
        if self._freed:
            raise RuntimeError(FREED)
        if self._forward and self._for_forward:
            return self._for_forward
        found: list[Tensor | None] = []
        for tensor, record, edge in self._saved:
            if record is None:
                found.append(None)
                continue
            written = written_over(record)
            if written is not None:
                place = place_of(edge if self._is_own(edge) else tensor.edge())
                raise modified(record, place, written[1][0], written[0])
            value = saved_value(record)  # another after a write that nothing was told of
            same = tensor._value is value and tensor._edge is edge
            found.append(tensor if same else Tensor.of(value, edge))
        return tuple(found) or self._for_forward

    def _is_own(self, edge: Any) -> bool:
        """Whether an edge leads to a result of the Function itself."""
        return isinstance(edge, Record) and getattr(owner(edge)[0], "context", None) is self

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which results have no gradient."""
        self._not_differentiable = {id(t) for t in tensors}
        self._kept = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which arguments ``forward`` modified in place and returns."""
        self._dirty = list(tensors)

    def __contains__(self, tensor: Tensor) -> bool:
        """Whether a result was marked as one without gradient."""
        return id(tensor) in self._not_differentiable

    def held(self) -> list[Tensor]:
        """Return the tensors that were saved, in whichever way."""
        kept = [t for t, _, _ in self._saved if t is not None] + list(self._for_forward)
        return kept + [v for v in self.__dict__.values() if isinstance(v, Tensor)]

    def rename(self, names: dict[int, Tensor]) -> None:
        """Have other tensors stand where some stood, found by ``id``: among what was saved, and among the user's attributes."""
        self._saved = [(names[id(t)], names[id(t)].current(), None) if id(t) in names else (t, r, e) for t, r, e in self._saved]
        self._for_forward = tuple([names.get(id(t), t) for t in self._for_forward])
        for name, value in self.__dict__.items():
            if isinstance(value, Tensor) and id(value) in names:
                self.__dict__[name] = names[id(value)]

    def set_materialize_grads(self, value: bool) -> None:
        """Say whether backward gets zeros (the default) or None for results that nothing depends on."""
        self._materialize = value


def check_results(name: str, results: list[Any]) -> None:
    """Raise TypeError for a result of forward that is neither a Tensor nor a plain value."""
    for result in results:
        if result is not None and not isinstance(result, (Tensor, bool, int, float, str)):
            kind = type(result).__name__
            raise TypeError(at_user_line(f"{name}.forward: expected to return Tensors, got {kind}"))


def fitted(
    name: str, result: Any, kinds: Sequence[bool], types: Sequence[TensorType], wanted: Sequence[bool]
) -> list[Tensor | None]:
    """Return what backward returned as one cotangent for each Tensor among the arguments, in its shape and element type.

    Parameters
    ----------
    name : str
        The Function's.
    result : Tensor, None, or a sequence of them
    kinds : sequence of bool
        Which arguments are Tensors.
    types, wanted : sequence
        Of each Tensor, its type, and whether it has a gradient.

    Raises
    ------
    RuntimeError
        As torch does.
    """
    passed = list(result) if isinstance(result, (tuple, list)) else [result]
    count = len(kinds)
    if len(passed) > count and all(p is None for p in passed[count:]):
        passed = passed[:count]
    if len(passed) != count:
        message = f"function {name}Backward returned an incorrect number of gradients (expected {count}, got {len(passed)})"
        raise RuntimeError(message)
    found: list[Tensor | None] = []
    for k, (value, is_tensor) in enumerate(zip(passed, kinds, strict=True)):
        if not is_tensor:
            if value is not None:
                raise RuntimeError(
                    f"function {name}Backward returned a gradient different from None at position {k + 1}, but the "
                    "corresponding forward input was not a Variable"
                )
            continue
        place = len(found)
        found.append(_fit(name, k, value, types[place]) if wanted and wanted[place] and value is not None else None)
    return found


def _fit(name: str, k: int, value: Any, type_: TensorType) -> Tensor:
    if not isinstance(value, Tensor):
        raise RuntimeError(f"expected Variable or None (got {type(value).__name__})")
    if tuple(value.shape) != type_.shape:
        try:
            reducible = np.broadcast_shapes(tuple(value.shape), type_.shape) == tuple(value.shape)  # type: ignore[arg-type]
        except ValueError:
            reducible = False
        if not reducible:
            raise RuntimeError(
                f"Function {name}Backward returned an invalid gradient at index {k} - got {list(value.shape)} but expected "
                f"shape compatible with {list(type_.shape)}"
            )
        node = fresh_input("ct", value._value.type)
        value = apply_graph(Graph([node], [unbroadcast(node, type_.shape)]), "SumBackward1", [value])[0]
    result: Tensor = value if value.dtype is type_.dtype else value.to(type_.dtype)
    return result
