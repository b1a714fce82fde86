"""The text form of the loop IR, for people: buffers, then each function's loops with the statements in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from symgrad.ir.dims import Dim, Size
from symgrad.ir.text import format_attribute
from symgrad.lower.loops import (
    Accumulate,
    Affine,
    Apply,
    Check,
    Contract,
    Fetch,
    Fill,
    Function,
    Literal,
    Load,
    Nest,
    Position,
    Program,
    Reload,
    Require,
    Scatter,
    Spill,
    Statement,
    Step,
    Store,
)

__all__ = ["format_program"]

_AXES = "ijklmn"


def format_program(program: Program, input_names: Sequence[str], output_names: Sequence[str]) -> str:
    """Return a program as text: loops are ``for``, values ``v7``, buffers have the arguments' names, or ``w0``, ``c0``."""
    return "\n".join(_Listing(program, input_names, output_names).lines())


class _Listing:
    """Writes one program."""

    def __init__(self, program: Program, input_names: Sequence[str], output_names: Sequence[str]) -> None:
        self.program = program
        self.names: list[str] = []
        given = {"input": input_names, "output": output_names}
        for k, buffer in enumerate(program.buffers):
            names = given.get(buffer.role)
            self.names.append(names[buffer.position] if names else f"{buffer.role[0]}{k}")

    def lines(self) -> Iterator[str]:
        """Yield the lines."""
        for name, buffer in zip(self.names, self.program.buffers, strict=True):
            place = f" at {buffer.offset}" if buffer.role == "work" else ""
            yield f"{buffer.role} {name}: {buffer.dtype.name}[{buffer.size}]{place}"
        for number, function in enumerate(self.program.functions):
            if len(self.program.functions) > 1:
                yield f"function {number}"
            yield from self.function(function)

    def function(self, function: Function) -> Iterator[str]:
        """Yield the lines of a function."""
        for step in function.steps:
            yield from self.nest(step) if isinstance(step, Nest) else [self.step(step)]

    def nest(self, nest: Nest) -> Iterator[str]:
        """Yield the lines of a loop nest; what is reduced over an axis stands behind the loops."""
        for depth, extent in enumerate(nest.extents):
            yield f"{'    ' * depth}for {_axis(depth)} < {extent}"
        for statement in nest.body:
            yield "    " * len(nest.extents) + self.statement(statement, len(nest.extents))

    def statement(self, s: Statement, depth: int) -> str:
        """Return one statement."""
        if isinstance(s, Literal):
            return f"v{s.number} = {s.value!r}"
        if isinstance(s, Load):
            return f"v{s.number} = {self.element(s.buffer, s.place)}"
        if isinstance(s, Position):
            return f"v{s.number} = {_affine(s.place)}"
        if isinstance(s, Apply):
            words = [s.primitive.name, *[f"v{n}" for n in s.operands]]
            words += [f"{k}={format_attribute(v)}" for k, v in sorted(s.attributes.items())]
            return f"v{s.number}: {s.dtype.name} = {' '.join(words)}"
        if isinstance(s, Fetch):
            return f"v{s.number} = {self.names[s.buffer]}[{_affine(s.place)} + {_factor(s.stride)}v{s.position}]"
        if isinstance(s, Reload):
            return f"v{s.number} = slot{s.slot}"
        if isinstance(s, Spill):
            return f"slot{s.slot} = v{s.value}"
        if isinstance(s, Store):
            sign = "=" if s.combine == "=" else f"{s.combine}="
            return f"{self.element(s.buffer, s.place)} {sign} v{s.value}"
        return self.accumulate(s, depth)

    def accumulate(self, s: Accumulate, depth: int) -> str:
        """Return a reduction over the inner axes."""
        axes = ", ".join(_axis(k) for k in range(s.level, depth))
        where = f"v{s.number}" if s.buffer is None else f"v{s.number} -> {self.element(s.buffer, s.place)}"
        kind = {"+": "sum", "*": "product", "||": "any", "&&": "all"}.get(s.combine, s.combine)
        return f"{where} = {kind} of v{s.value} over {axes}" if axes else f"{where} = v{s.value}"

    def step(self, step: Step) -> str:
        """Return a step that is no loop nest."""
        names = self.names
        if isinstance(step, Fill):
            part = "" if step.count is None else f" from {step.start}, {step.count} elements"
            return f"fill {names[step.buffer]}{part} with {step.value!r}"
        if isinstance(step, Check):
            return f"check 0 <= {self.element(step.buffer, step.index)} < {step.limit} for {_loops(step.extents)}"
        if isinstance(step, Require):
            return f"require {step.size} >= 1"
        if isinstance(step, Scatter):
            place = f"{names[step.buffer]}[{_affine(step.index)} + {_factor(step.stride)}{self.element(step.positions, step.at)}]"
            return f"for {_loops(step.extents)}: {place} += {self.element(step.updates, step.source)}"
        assert isinstance(step, Contract)
        product = f"{self.element(step.x, step.x_index)} * {self.element(step.y, step.y_index)}"
        return f"for {_loops(step.extents)}: {self.element(step.out, step.out_index)} += {product}"

    def element(self, buffer: int, place: Affine) -> str:
        """Return an element of a buffer."""
        return f"{self.names[buffer]}[{_affine(place)}]"


def _axis(k: int) -> str:
    return _AXES[k] if k < len(_AXES) else f"i{k}"


def _loops(extents: Sequence[Size]) -> str:
    return ", ".join(f"{_axis(k)} < {extent}" for k, extent in enumerate(extents)) or "once"


def _affine(place: Affine) -> str:
    terms = [f"{_factor(c)}{_axis(axis)}" for axis, c in place.terms]
    if not terms or place.offset != 0:
        terms.append(str(place.offset))
    return " + ".join(terms).replace("+ -", "- ")


def _factor(size: Size) -> str:
    if size == 1:
        return ""
    return f"({size})*" if isinstance(size, Dim) and len(size.terms) > 1 else f"{size}*"
