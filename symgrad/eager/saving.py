"""Hooks on what backward reads: a pair of functions that put saved tensors away and bring them back."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from symgrad.eager.grad_mode import mode
from symgrad.eager.pullbacks import saved_places
from symgrad.eager.recording import Record
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.windows import begin_window

__all__ = ["pack_saved", "save_on_cpu", "saved_tensors_hooks", "unpack_saved"]


class saved_tensors_hooks:  # noqa: N801  # torch's name
    """In a block, what operations save for backward goes to ``pack_hook``; backward reads what ``unpack_hook`` makes of it.

    Everything is recorded the slow way inside.
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self._hooks = pack_hook, unpack_hook
        self._before: Any = None

    def __enter__(self) -> None:
        self._before = mode.saving, self._before
        _switch(self._hooks)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        hooks, self._before = self._before
        _switch(hooks)


def _switch(hooks: Any) -> None:
    mode.saving = hooks
    begin_window().slow = hooks is not None or mode.anomaly


class save_on_cpu(saved_tensors_hooks):  # noqa: N801  # torch's name
    """Accepted for torch's sake: everything is in the processor's memory, and a copy of what is saved is kept."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cpu") -> None:
        super().__init__(lambda t: t.detach().clone(), lambda t: t)


def pack_saved(record: Record) -> None:
    """Put away what an operation that was just recorded saves."""
    if record.edges is None or record.signature is None:
        return
    pack, unpack = mode.saving
    hooks, mode.saving = mode.saving, None  # what the hook computes is not packed itself
    try:
        record.packed = {}
        for place in saved_places(record.signature, record.edges):
            own = place < 0
            tensor = Tensor.of(record, None) if own else Tensor.of(record.inputs[place], record.edges[place])
            record.packed[place] = unpack, pack(tensor)
    finally:
        mode.saving = hooks


def unpack_saved(record: Record, value: Record) -> Record:
    """Return what backward reads for an operand or the result of a record; itself where it was not put away."""
    place = record.inputs.index(value) if value in record.inputs else -1
    found = record.packed.get(place)
    if found is None:
        return value
    unpack, kept = found
    tensor = unpack(kept)
    if not isinstance(tensor, Tensor):
        raise TypeError("Output of saved tensor unpack_hook expected to be a Tensor")
    return tensor.current()
