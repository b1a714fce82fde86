"""Writes the steps of a program as views: where accumulators live, where loops are blocked, which are SIMD."""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.codegen.cprint import ATOM, literal, wrapping
from symgrad.codegen.frame import PAD, around, backwards, is_short, loop_head, loop_names, loops_view
from symgrad.codegen.products import contract_view
from symgrad.codegen.views import ProductView, StepView
from symgrad.codegen.writer import Writer
from symgrad.dtypes import DType
from symgrad.ir.dims import Size
from symgrad.lower.loops import (
    Accumulate,
    Affine,
    Check,
    Fetch,
    Fill,
    Load,
    Nest,
    Require,
    Scatter,
    Step,
    Store,
)
from symgrad.lower.tile import neutral

__all__ = ["step_view"]

_BLOCK = 512  # elements added by one SIMD sum before a compensated one
_SIMD_COMBINES = {"+": "+", "*": "*", "||": "|", "&&": "&"}


def step_view(step: Step, writer: Writer, sums: dict[str, None]) -> StepView | ProductView:
    """Return the view of one step; ``sums`` collects the types of compensated sums."""
    if isinstance(step, Nest):
        if not step.extents:
            lines = writer.lines(step.body, (), False)
            writer.leave()
            return StepView("straight", lines=tuple(lines))
        view = _NestWriter(step, writer, sums).view()
        writer.leave()
        return view
    if isinstance(step, Fill):
        return _fill(step, writer)
    if isinstance(step, Check):
        return _check(step, writer)
    if isinstance(step, Require):
        return StepView("straight", lines=(f"if ({writer.size(step.size)} == 0) return 2;",))
    return _scatter(step, writer) if isinstance(step, Scatter) else contract_view(step, writer)


def _plain(extents: Sequence[Size], writer: Writer, lines: Sequence[str], hint: str = "") -> StepView:
    names = loop_names(len(extents), writer)
    loops = [("", loop_head(n, writer.size(e))) for n, e in zip(names, extents, strict=True)]
    if loops and hint:
        loops[-1] = (hint, loops[-1][1])
    if not loops:
        return StepView("straight", lines=tuple(lines))
    return loops_view(loops, around(len(loops)), lines)


def _fill(step: Fill, writer: Writer) -> StepView:
    buffer = writer.buffers[step.buffer]
    value = literal(float(step.value) if buffer.dtype.is_floating else step.value, buffer.dtype)[0]
    count = buffer.size if step.count is None else step.count
    writer.loops = loop_names(1, writer)
    if count == 1:
        return StepView("straight", lines=(f"{writer.element(step.buffer, Affine(step.start))} = {value};",))
    return _plain((count,), writer, (f"{writer.element(step.buffer, Affine(step.start, ((0, 1),)))} = {value};",))


def _check(step: Check, writer: Writer) -> StepView:
    writer.loops = loop_names(len(step.extents), writer)
    at = writer.element(step.buffer, step.index)
    limit = writer.size(step.limit)
    return _plain(step.extents, writer, (f"if ({at} < 0 || (uint64_t){at} >= {limit}) return 1;",))


def _scatter(step: Scatter, writer: Writer) -> StepView:
    writer.loops = loop_names(len(step.extents), writer)
    place = f"(size_t){writer.element(step.positions, step.at)}"
    stride = writer.size(step.stride)
    if stride != "1":
        place = f"({stride})*{place}" if " " in stride else f"{stride}*{place}"
    rest = writer.index(step.index)
    target = f"{writer.names[step.buffer]}[{place if rest == '0' else f'{rest} + {place}'}]"
    dtype, update = writer.buffers[step.buffer].dtype, writer.element(step.updates, step.source)
    if dtype.is_integer:
        return _plain(step.extents, writer, (f"{target} = {wrapping('+', target, ATOM, update, ATOM, dtype)};",))
    return _plain(step.extents, writer, (f"{target} {'|=' if dtype.is_bool else '+='} {update};",))


class _NestWriter:
    """One loop nest with its reductions."""

    def __init__(self, nest: Nest, writer: Writer, sums: dict[str, None]) -> None:
        self.nest = nest
        self.writer = writer
        self.sums = sums
        self.depth = len(nest.extents)
        self.names = loop_names(self.depth, writer)
        self.around = around(self.depth)
        self.reductions = [s for s in nest.body if isinstance(s, Accumulate)]
        self.blocked = [r for r in self.reductions if r.combine == "+" and r.dtype.is_floating and not is_short(r.length)]
        self.inner = self.depth - 1
        self.strip = ""  # name of the block's start, when the innermost loop is blocked
        self.in_blocks: list[str] = []
        self.clauses: dict[str, list[str]] = {}
        self.tail: list[str] = []

    def view(self) -> StepView:
        names, inner = self.names, self.inner
        size = self.nest.extents[inner]
        short = isinstance(size, int) and size <= 2 * _BLOCK
        if self.blocked and not short:
            self.strip = f"{names[inner]}0"
        simd = self.is_parallel()
        body = self.writer.lines(self.nest.body, names, True)
        for r in self.reductions:
            self.reduction(r, body)
        if self.reductions and any(backwards(s.place, self.inner) for s in self.nest.body if isinstance(s, (Load, Fetch))):
            body.append("SG_KEEP_PLAIN();" if simd else "SG_KEEP();")
        hint = ""
        if simd:
            clauses = [f"reduction({op}: {', '.join(found)})" for op, found in self.clauses.items()]
            hint = f"SG_LOOP({' '.join(clauses)})"
        loops = [("", loop_head(n, self.writer.size(e))) for n, e in zip(names, self.nest.extents, strict=True)]
        if not self.strip:
            loops[inner] = (hint, loops[inner][1])
            return loops_view(loops, self.around, body)
        return self.stripped(loops, hint, body)

    def stripped(self, loops: list[tuple[str, str]], hint: str, body: list[str]) -> StepView:
        """Return the innermost loop as a loop over blocks around one over a block's elements."""
        inner, name, first = self.inner, self.names[self.inner], self.strip
        size = self.writer.size(self.nest.extents[inner])
        last = f"{name}1"
        loops[inner] = ("", f"size_t {first} = 0; {first} < {size}; {first} += {_BLOCK}")
        loops.append((hint, f"size_t {name} = {first}; {name} < {last}; ++{name}"))
        enter = [f"const size_t {last} = {size} - {first} < {_BLOCK} ? {size} : {first} + {_BLOCK};"]
        if " " in size:
            enter = [f"const size_t {last} = ({size}) - {first} < {_BLOCK} ? {size} : {first} + {_BLOCK};"]
        around = self.around
        around.before.append([*enter, *self.in_blocks])
        around.after.append(self.tail)
        return loops_view(loops, around, body)

    def is_parallel(self) -> bool:
        """Whether the iterations of the innermost loop are independent, but for sums that may be reordered."""
        targets: dict[int, int] = {}
        for s in self.nest.body:
            if isinstance(s, Store):
                if all(a != self.inner for a, _ in s.place.terms):
                    return False
                if s.combine != "=":
                    targets[s.buffer] = targets.get(s.buffer, 0) + 1
        if any(n > 1 for n in targets.values()):
            return False
        return all(self.may_reorder(r) for r in self.reductions)

    def may_reorder(self, r: Accumulate) -> bool:
        if r.combine not in _SIMD_COMBINES:
            return False
        return not r.dtype.is_floating or not is_short(r.length)

    def declare(self, level: int, line: str) -> None:
        self.around.before[level].append(line)

    def finish(self, level: int, line: str) -> None:
        self.around.after[level].append(line)

    def reduction(self, r: Accumulate, body: list[str]) -> None:
        """Write one reduction around and into the body."""
        if r.combine.startswith("arg"):
            self.position_of(r, body)
            return
        writer = self.writer
        total = writer.fresh("s")
        writer.texts[r.number] = total, ATOM
        start = _start(r.combine, r.dtype)
        self.declare(r.level, f"{r.dtype.c} {total} = {start};")
        target = total
        if r in self.blocked and (self.strip or r.level < self.inner):
            target = self.block_sum(r, total)
        if r.combine in ("max", "min"):
            writer.force(r.value, body)
        body.append(writer.combined(target, r.combine, r.value, r.dtype))
        if r.combine in _SIMD_COMBINES:
            self.clauses.setdefault(_SIMD_COMBINES[r.combine], []).append(target)
        self.leave(r, total)

    def block_sum(self, r: Accumulate, total: str) -> str:
        """Return the name of a block's sum, which is added to the total with compensation."""
        kind = r.dtype.c
        self.sums[kind] = None
        rest, block = self.writer.fresh("c"), self.writer.fresh("s")
        suffix = r.dtype.suffix
        self.declare(r.level, f"{kind} {rest} = {_start('+', r.dtype)};")
        line = f"{kind} {block} = {_start('+', r.dtype)};"
        add = f"sg_add{suffix}(&{total}, &{rest}, {block});"
        if self.strip:
            self.in_blocks.append(line)
            self.tail.append(add)
        else:
            self.declare(self.inner, line)
            self.finish(self.inner, add)
        self.finish(r.level, f"{total} = sg_total{suffix}({total}, {rest});")
        return block

    def leave(self, r: Accumulate, total: str) -> None:
        if r.buffer is not None:
            self.writer.loops = self.names
            self.finish(r.level, f"{self.writer.element(r.buffer, r.place)} = {total};")

    def position_of(self, r: Accumulate, body: list[str]) -> None:
        """Write an argmax or argmin: the first index of the best element, nan being best."""
        writer = self.writer
        dtype: DType = writer.dtypes[r.value]
        best, at = writer.fresh("s"), writer.fresh("s")
        writer.texts[r.number] = at, ATOM
        self.declare(r.level, f"{dtype.c} {best} = {_start('+', dtype)};")
        self.declare(r.level, f"int64_t {at} = 0;")
        writer.force(r.value, body)
        name, value = self.names[self.inner], writer.text(r.value)
        sign = ">" if r.combine == "argmax" else "<"
        test = f"{name} == 0 || {value} {sign} {best}"
        if dtype.is_floating:
            test += f" || (isnan({value}) && !isnan({best}))"
        body += [f"if ({test}) {{", f"{PAD}{best} = {value};", f"{PAD}{at} = (int64_t){name};", "}"]
        self.leave(r, at)


def _start(combine: str, dtype: DType) -> str:
    return literal(neutral(combine, dtype), dtype)[0]
