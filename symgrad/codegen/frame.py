"""The frame of nested loops: their names and heads, and the lines around each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symgrad.codegen.views import ClosingView, LoopView, StepView
from symgrad.codegen.writer import Writer
from symgrad.ir.dims import Size
from symgrad.lower.loops import Affine

__all__ = ["PAD", "Around", "around", "backwards", "is_short", "loop_head", "loop_names", "loops_view"]

PAD = "    "
_ORDERED = 64  # elements that are added in plain order


@dataclass(slots=True)
class Around:
    """Lines around the loops, by level: level k stands right outside loop k."""

    before: list[list[str]]
    after: list[list[str]]


def loop_names(depth: int, writer: Writer) -> list[str]:
    """Return names for nested loops that no argument has."""
    free = writer.letters
    return [free[d] if d < len(free) else f"b{d}" for d in range(depth)]


def loop_head(name: str, size: str) -> str:
    """Return what stands between the parentheses of ``for``."""
    return f"size_t {name} = 0; {name} < {size}; ++{name}"


def loops_view(loops: Sequence[tuple[str, str]], lines_around: Around, lines: Sequence[str], note: str = "") -> StepView:
    """Return nested loops; ``loops`` holds a hint and a head for each."""
    depth = len(loops)
    opening = [LoopView(PAD * d, tuple(lines_around.before[d]), loops[d][0], loops[d][1]) for d in range(depth)]
    closing = [ClosingView(PAD * d, tuple(lines_around.after[d])) for d in reversed(range(depth))]
    return StepView("loops", note, tuple(opening), PAD * depth, tuple(lines), tuple(closing))


def backwards(index: Affine, axis: int) -> bool:
    """Whether a loop reads memory from its end: see the macro ``keep_block``."""
    return any(a == axis and isinstance(c, int) and c < 0 for a, c in index.terms)


def around(depth: int) -> Around:
    """Return no lines around ``depth`` loops."""
    return Around([[] for _ in range(depth)], [[] for _ in range(depth)])


def is_short(size: Size) -> bool:
    """Whether a sum of so many elements keeps their plain order."""
    return isinstance(size, int) and size <= _ORDERED
