"""The workspace: where each array lives, memory being used again once an array is dead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from symgrad.ir.dims import Dim, Size
from symgrad.lower.loops import (
    Accumulate,
    Buffer,
    Check,
    Contract,
    Fetch,
    Fill,
    Function,
    Load,
    Nest,
    Scatter,
    Step,
    Store,
)

__all__ = ["buffers_of", "place"]

_TOUCHING = frozenset({Load, Store, Fetch, Accumulate})
_LINE = 8  # doubles of a cache line: where arrays start


def buffers_of(step: Step) -> Iterator[int]:
    """Yield the buffers a step reads or writes."""
    if isinstance(step, Nest):
        body: Sequence[Any] = step.body
        for s in body:
            if type(s) in _TOUCHING and s.buffer is not None:
                yield s.buffer
    elif isinstance(step, (Fill, Check)):
        yield step.buffer
    elif isinstance(step, Scatter):
        yield from (step.buffer, step.positions, step.updates)
    elif isinstance(step, Contract):
        yield from (step.x, step.y, step.out)


def place(functions: Sequence[Function], buffers: Sequence[Buffer], slots: int) -> tuple[tuple[Buffer, ...], Size]:
    """Return the buffers with their offsets after the slots, and the doubles of workspace in all."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    now = 0
    for function in functions:
        for step in function.steps:
            for b in buffers_of(step):
                if buffers[b].role == "work":
                    first.setdefault(b, now)
                    last[b] = now
            now += 1
    plan = _Workspace(-(-slots // _LINE) * _LINE if slots else 0)
    ending: dict[int, list[int]] = {}
    for b, end in last.items():
        ending.setdefault(end, []).append(b)
    starting: dict[int, list[int]] = {}
    for b, start in first.items():
        starting.setdefault(start, []).append(b)
    placed = list(buffers)
    for time in range(now):
        for b in starting.get(time, ()):
            placed[b] = replace(buffers[b], offset=plan.take(_doubles(buffers[b])))
        for b in ending.get(time, ()):
            plan.give(placed[b].offset, _doubles(buffers[b]))
    return tuple(placed), plan.top if last else slots


def _doubles(buffer: Buffer) -> Size:
    """Return how many doubles hold a buffer; a named size is not divided."""
    if isinstance(buffer.size, Dim):
        return buffer.size
    count = -(-buffer.size * buffer.dtype.itemsize // 8)
    return count if count < _LINE else -(-count // _LINE) * _LINE


class _Workspace:
    """A stack of memory with lists of free pieces by size."""

    def __init__(self, top: Size) -> None:
        self.top = top
        self.free: dict[Size, list[Size]] = {}

    def take(self, size: Size) -> Size:
        exact = self.free.get(size)
        if exact:
            return exact.pop()
        if isinstance(size, int):
            larger = [s for s, places in self.free.items() if isinstance(s, int) and places and size <= s <= 2 * size]
            if larger:
                best = min(larger)
                return self.free[best].pop()
        offset = self.top
        self.top = self.top + size
        return offset

    def give(self, offset: Size, size: Size) -> None:
        self.free.setdefault(size, []).append(offset)
