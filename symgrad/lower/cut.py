"""Long programs in several functions: compilers take time that grows faster than a function's length.

A value that is used in a later function than the one that computes it goes through a slot of the workspace; a
slot is used again once its value is dead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from symgrad.dtypes import DType
from symgrad.lower.loops import (
    Accumulate,
    Apply,
    Buffer,
    Fetch,
    Function,
    Literal,
    Load,
    Nest,
    Position,
    Reload,
    Spill,
    Statement,
    Step,
    Store,
)

__all__ = ["cut", "operands"]

_WITH_VALUE = frozenset({Store, Accumulate, Spill})
_NO_NUMBER = frozenset({Store, Spill})
_LONGEST = 600  # statements in one function of a program that is cut
_WHOLE = 900  # statements of a program that is not


def operands(statement: Any) -> tuple[int, ...]:
    """Return the numbers of the values a statement uses."""
    if type(statement) is Apply:
        return statement.operands
    if type(statement) in _WITH_VALUE:
        value: int = statement.value
        return (value,)
    return (statement.position,) if type(statement) is Fetch else ()


def cut(steps: Sequence[Step], buffers: Sequence[Buffer]) -> tuple[tuple[Function, ...], int]:
    """Return the functions of a program, and how many slots pass values between them."""
    total = sum(len(s.body) for s in steps if isinstance(s, Nest))
    if total <= _WHOLE:
        return (Function(tuple(steps)),), 0
    parts = _parts(steps)
    return _Spiller(parts, buffers).functions()


def _parts(steps: Sequence[Step]) -> list[list[Step]]:
    """Return runs of steps of bounded length, splitting straight-line code."""
    parts: list[list[Step]] = [[]]
    room = _LONGEST
    for step in steps:
        for piece in _pieces(step):
            size = len(piece.body) if isinstance(piece, Nest) else 1
            if size > room and parts[-1]:
                parts.append([])
                room = _LONGEST
            parts[-1].append(piece)
            room -= size
    return parts


def _pieces(step: Step) -> Iterator[Step]:
    if not isinstance(step, Nest) or step.extents or len(step.body) <= _LONGEST:
        yield step
        return
    body = _stores_early(step.body)
    for start in range(0, len(body), _LONGEST):
        yield Nest((), tuple(body[start : start + _LONGEST]))


def _stores_early(body: Sequence[Any]) -> list[Statement]:
    """Return straight-line code with each store right after its value, so that the value need not live on."""
    waiting: dict[int, list[Statement]] = {}
    stores = [s for s in body if type(s) is Store]
    for store in stores:
        waiting.setdefault(store.value, []).append(store)
    result: list[Statement] = []
    for s in body:
        if type(s) is Store:
            result.extend(waiting.pop(s.value, ()))
        elif type(s) is not Spill:
            result.append(s)
            if s.number in waiting:
                result.extend(waiting.pop(s.number))
    return result


class _Spiller:
    """Follows values across functions."""

    def __init__(self, parts: Sequence[Sequence[Step]], buffers: Sequence[Buffer]) -> None:
        self.parts = parts
        self.buffers = buffers
        self.anywhere: dict[int, Statement] = {}  # values that are their own text, or loaded again
        self.made: dict[int, int] = {}
        self.dtypes: dict[int, DType] = {}
        self.last: dict[int, int] = {}
        for k, part in enumerate(parts):
            for step in part:
                if isinstance(step, Nest):
                    self.scan(k, step)
        self.slots: dict[int, int] = {}

    def scan(self, k: int, step: Nest) -> None:
        local = bool(step.extents)
        made, last = self.made, self.last
        body: Sequence[Any] = step.body  # kinds are told apart by type(), which is fast
        for s in body:
            kind = type(s)
            if kind is Apply:
                number, _, used, _, _ = s
                for o in used:
                    if made.get(o, k) != k:
                        last[o] = k
                if not local:
                    made[number] = k
                continue
            for o in operands(s):
                if made.get(o, k) != k:
                    last[o] = k
            if kind in _NO_NUMBER:
                continue
            if self.is_free(s):
                self.anywhere[s.number] = s
            elif not local or (isinstance(s, Accumulate) and s.level == 0):
                self.made[s.number] = k

    def is_free(self, s: Statement) -> bool:
        if isinstance(s, (Load, Position)):
            fixed = isinstance(s, Position) or self.buffers[s.buffer].role in ("input", "constant")
            return fixed and not s.place.terms
        return isinstance(s, Literal)

    def functions(self) -> tuple[tuple[Function, ...], int]:
        expiring: dict[int, list[int]] = {}
        for number, k in self.last.items():
            expiring.setdefault(k, []).append(number)
        made: dict[int, list[int]] = {}
        for number, k in self.made.items():
            if number in self.last:
                made.setdefault(k, []).append(number)
        free: list[int] = []
        count = 0
        result = []
        for k, part in enumerate(self.parts):
            for number in expiring.get(k - 1, ()):
                free.append(self.slots[number])
            for number in made.get(k, ()):
                if free:
                    self.slots[number] = free.pop()
                else:
                    self.slots[number] = count
                    count += 1
            result.append(Function(tuple(self.rewrite(part))))
        return tuple(result), count

    def rewrite(self, part: Sequence[Step]) -> Iterator[Step]:
        here: set[int] = set()
        for step in part:
            if not isinstance(step, Nest):
                yield step
            elif step.extents:
                before = [r for s in step.body for o in operands(s) for r in self.bring(o, here)]
                if before:
                    yield Nest((), tuple(before))
                yield step
                body: Sequence[Any] = step.body
                after = [self.spill(s) for s in body if self.leaves(s)]
                here.update(s.number for s in step.body if isinstance(s, Accumulate) and s.level == 0)
                if after:
                    yield Nest((), tuple(after))
            else:
                yield Nest((), self.straight(step.body, here))

    def leaves(self, s: Any) -> bool:
        return isinstance(s, Accumulate) and s.number in self.slots and s.number in self.last

    def spill(self, s: Any) -> Statement:
        self.dtypes[s.number] = s.dtype
        return Spill(s.number, self.slots[s.number], s.dtype)

    def straight(self, body: Sequence[Any], here: set[int]) -> tuple[Statement, ...]:
        last = self.last
        result: list[Statement] = []
        for s in body:
            kind = type(s)
            for o in s.operands if kind is Apply else operands(s):
                if o not in here:
                    result.extend(self.bring(o, here))
            result.append(s)
            if kind is Apply or kind not in _NO_NUMBER:
                number = s.number
                here.add(number)
                if number in last:
                    result.append(self.spill(s))
        return tuple(result)

    def bring(self, number: int, here: set[int]) -> Iterator[Statement]:
        if number in here:
            return
        free = self.anywhere.get(number)
        if free is not None:
            here.add(number)
            yield free
        elif number in self.slots:
            here.add(number)
            yield Reload(number, self.slots[number], self.dtypes[number])
