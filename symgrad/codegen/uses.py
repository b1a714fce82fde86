"""What steps of the loop IR use: which sizes their text names, and whether values pass through the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from symgrad.ir.dims import Size
from symgrad.lower.loops import (
    Accumulate,
    Apply,
    Buffer,
    Check,
    Contract,
    Fetch,
    Fill,
    Literal,
    Load,
    Nest,
    Position,
    Reload,
    Require,
    Scatter,
    Spill,
    Step,
    Store,
)

__all__ = ["moves_values", "sizes_used", "touching_memory"]

_INDEXED = (Accumulate, Fetch, Load, Position, Store)
_MOVES = frozenset({Reload, Spill})
_UNTOUCHING = frozenset({Apply, Literal, Reload, Spill})


def touching_memory(step: Step) -> Step:
    """Return a step without the statements that name no buffer and no size: most of straight-line code."""
    if not isinstance(step, Nest):
        return step
    return Nest(step.extents, tuple([s for s in step.body if type(s) not in _UNTOUCHING]))


def moves_values(steps: Iterable[Step]) -> bool:
    """Whether values pass between functions, through slots of the workspace."""
    return any(type(s) in _MOVES for step in steps if isinstance(step, Nest) for s in step.body)


def sizes_used(steps: Iterable[Step], buffers: Sequence[Buffer]) -> Iterable[Size]:
    """Yield the sizes that steps name."""
    for step in steps:
        if isinstance(step, Require):
            yield step.size
            continue
        if isinstance(step, Fill):
            yield from (step.start, buffers[step.buffer].size if step.count is None else step.count)
        yield from getattr(step, "extents", ())
        if isinstance(step, (Check, Scatter)):
            yield step.limit if isinstance(step, Check) else step.stride
        for index in _indices(step):
            yield from (index.offset, *[c for _, c in index.terms])
        if isinstance(step, Nest):
            yield from (s.stride for s in step.body if isinstance(s, Fetch))


def _indices(step: Any) -> Iterable[Any]:
    if isinstance(step, Nest):
        return (s.place for s in step.body if isinstance(s, _INDEXED))
    if isinstance(step, Contract):
        return (step.x_index, step.y_index, step.out_index)
    if isinstance(step, Scatter):
        return (step.index, step.at, step.source)
    return (step.index,) if isinstance(step, Check) else ()
