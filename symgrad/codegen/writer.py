"""Writes the statements of the loop IR as C lines; small expressions used once are written where they are used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from symgrad.codegen.cprint import ATOM, Form, affine_text, alias_of, form_for, literal, size_text, wrapping
from symgrad.dtypes import DType
from symgrad.ir.dims import Size
from symgrad.ir.expr import Primitive
from symgrad.ir.kinds import Scalar
from symgrad.lower.cut import operands
from symgrad.lower.loops import (
    Accumulate,
    Affine,
    Apply,
    Buffer,
    Fetch,
    Literal,
    Load,
    Nest,
    Position,
    Program,
    Reload,
    Spill,
    Statement,
    Store,
)

__all__ = ["Writer"]

_WIDTH = 72  # characters of an expression written in place
_SHORT = 16  # characters of a load that is written wherever it is used
_WITHOUT_OPERANDS = frozenset({Apply, Literal, Load, Position, Reload})  # or counted apart


def _assigned(text: str, dtype: DType) -> str:
    """Return a right-hand side; C's classification macros give an int, which a strict compiler does not narrow."""
    return f"({dtype.c})({text})" if dtype.is_bool and any(m in text for m in ("isnan(", "isinf(", "isfinite(")) else text


class Writer:
    """Names values and prints statements, function by function, in the program's order.

    Attributes
    ----------
    names : sequence of str
        The C name of each buffer.
    dims : mapping
        The C name of each named size.
    """

    def __init__(self, program: Program, names: Sequence[str], dims: Mapping[str, str], precise: bool) -> None:
        self.buffers: Sequence[Buffer] = program.buffers
        self.names = names
        self.dims = dims
        self.precise = precise
        self.uses: dict[int, int] = {}
        self.texts: dict[int, tuple[str, int]] = {}
        self.dtypes: dict[int, DType] = {}
        self.forms: tuple[dict[tuple[Primitive, DType], Form], ...] = {}, {}  # scalar, and those of SIMD loops
        self.special: dict[str, None] = {}
        self.simd: dict[str, None] = {}
        self.forced: dict[int, tuple[str, int]] = {}
        self.count = 0
        self.loops: Sequence[str] = ()
        taken = {*names, *dims.values()}
        self.letters = [n for n in ("i", "j", "k", "l", "p", "q", "r") if n not in taken]
        self.vector = False
        for function in program.functions:
            for step in function.steps:
                if isinstance(step, Nest):
                    self._count(step.body)

    def _count(self, body: Sequence[Any]) -> None:
        """Count uses; one from another body counts twice, so that the value gets a name."""
        uses = self.uses
        applied = [s.operands for s in body if type(s) is Apply]
        others = [operands(s) for s in body if type(s) not in _WITHOUT_OPERANDS]
        here = {s.number for s in body if type(s) is not Store and type(s) is not Spill}
        used = Counter(chain.from_iterable(applied + others))
        for number, times in used.items():
            uses[number] = uses.get(number, 0) + (times if number in here else 2 * times)

    # Small texts

    def size(self, size: Size) -> str:
        """Return a size as C."""
        return size_text(size, self.dims)[0]

    def index(self, index: Affine) -> str:
        """Return a position as C."""
        return affine_text(index, self.loops, self.dims)[0]

    def element(self, buffer: int, index: Affine) -> str:
        """Return an array element as C."""
        return f"{self.names[buffer]}[{self.index(index)}]"

    def fresh(self, letter: str) -> str:
        """Return a new name."""
        self.count += 1
        return f"{letter}{self.count}"

    def text(self, number: int) -> str:
        """Return the text of a value."""
        return self.texts[number][0]

    # Statements

    def lines(self, body: Sequence[Statement], loops: Sequence[str], vector: bool) -> list[str]:
        """Return the lines of a body, without its reductions."""
        self.loops = loops
        self.vector = vector and not self.precise
        self.forced = {}
        lines: list[str] = []
        write, texts, uses, dtypes = self._WRITERS, self.texts, self.uses, self.dtypes
        forms = self.forms[self.vector]
        for s in body:
            if type(s) is not Apply:
                write[type(s)](self, s, lines)
                continue
            number, primitive, values, _, dtype = s
            form, names, _ = forms.get((primitive, dtype)) or self._form(s)
            if len(values) == 2 and not names[1] and not names[0]:  # spelled out: most are sums and products
                x, y = values
                value = form(*texts[x], *texts[y])
            else:
                value = form(*self._operands(values, names, lines))
            dtypes[number] = dtype
            if uses.get(number) == 1 and len(value[0]) < _WIDTH:
                texts[number] = value
                continue
            self.count += 1
            name = f"t{self.count}"
            lines.append(f"const {dtype.c} {name} = {value[0] if dtype.category else _assigned(value[0], dtype)};")
            texts[number] = name, ATOM
        return lines

    def _operands(self, values: Sequence[int], names: Sequence[bool], lines: list[str]) -> list[Any]:
        """Return texts and precedences of operands, alternating; those that must be names get one."""
        arguments: list[Any] = []
        for k, o in enumerate(values):
            if names[k]:
                self.force(o, lines)
            arguments += self.texts[o]
        return arguments

    def leave(self) -> None:
        """Forget the names that loops gave to values from outside."""
        self.texts.update(self.forced)
        self.forced = {}

    def _form(self, s: Apply) -> Form:
        """Return how a primitive is printed, and note what that needs; it is remembered where no attribute decides."""
        lowering = s.primitive.lowering
        known = form_for(s.primitive, s.dtype, s.attributes, self.vector)
        if isinstance(lowering, Scalar):
            if known[2]:
                self.simd[lowering.function + s.dtype.suffix] = None
            elif lowering.header == "special":
                self.special[lowering.function + s.dtype.suffix] = None
        if not s.attributes:
            self.forms[self.vector][s.primitive, s.dtype] = known
        return known

    def force(self, number: int, lines: list[str]) -> None:
        """Give a value a name if it is an expression."""
        text, precedence = self.texts[number]
        if precedence < ATOM or "(" in text or "[" in text:
            name = self.fresh("t")
            lines.append(f"const {self.dtypes[number].c} {name} = {_assigned(text, self.dtypes[number])};")
            self.forced[number] = text, precedence
            self.texts[number] = name, ATOM

    def literal(self, s: Literal, lines: list[str]) -> None:
        """Remember a constant."""
        self.texts[s.number] = literal(s.value, s.dtype)
        self.dtypes[s.number] = s.dtype

    def load(self, s: Load, lines: list[str]) -> None:
        """Write or remember an element; one of an argument is written wherever it is used."""
        text = self.element(s.buffer, s.place)
        self.dtypes[s.number] = s.dtype
        uses = self.uses.get(s.number, 0)
        fixed = self.buffers[s.buffer].role in ("input", "constant")
        if (uses == 1 or (fixed and len(text) <= _SHORT)) and uses:
            self.texts[s.number] = text, ATOM
        elif uses:
            self.named(s.number, s.dtype, text, lines)

    def named(self, number: int, dtype: DType, text: str, lines: list[str]) -> None:
        """Write a value under a new name."""
        name = self.fresh("t")
        lines.append(f"const {dtype.c} {name} = {text};")
        self.texts[number] = name, ATOM
        self.dtypes[number] = dtype

    def position(self, s: Position, lines: list[str]) -> None:
        """Remember an index as a number."""
        text, precedence = affine_text(s.place, self.loops, self.dims)
        if s.dtype.is_floating and not text.isdigit():
            text, precedence = f"(int64_t){text if precedence == ATOM else f'({text})'}", ATOM
        if precedence < ATOM:
            text = f"({text})"
        self.dtypes[s.number] = s.dtype
        self.texts[s.number] = f"({s.dtype.c}){text}", 15

    def fetch(self, s: Fetch, lines: list[str]) -> None:
        """Write an element at an index that is a value."""
        at, precedence = self.texts[s.position]
        place = f"(size_t){at if precedence == ATOM else f'({at})'}"
        stride, p = size_text(s.stride, self.dims)
        if s.stride == 0:
            place = ""
        elif stride != "1":
            place = f"{stride if p >= 13 else f'({stride})'}*{place}"
        rest = self.index(s.place)
        text = place if rest == "0" and place else f"{rest} + {place}" if place else rest
        self.named(s.number, s.dtype, f"{self.names[s.buffer]}[{text}]", lines)

    def store(self, s: Store, lines: list[str]) -> None:
        """Write an assignment, or one that combines."""
        target = self.element(s.buffer, s.place)
        if s.combine == "=":
            lines.append(f"{target} = {_assigned(self.text(s.value), self.buffers[s.buffer].dtype)};")
            return
        dtype = self.buffers[s.buffer].dtype
        if s.combine in ("max", "min"):
            self.force(s.value, lines)
        lines.append(self.combined(target, s.combine, s.value, dtype))

    def combined(self, target: str, combine: str, value: int, dtype: DType) -> str:
        """Return the line that combines a value into ``target``."""
        text, precedence = self.texts[value]
        if combine in ("max", "min"):
            sign = ">" if combine == "max" else "<"
            test = f"{text} {sign} {target}"
            if dtype.is_floating:
                test += f" || isnan({text})"
            return f"{target} = {test} ? {text} : {target};"
        if combine in ("||", "&&"):
            return f"{target} = {target} {combine[0]} {text if precedence >= ATOM else f'({text})'};"
        if dtype.is_integer:
            return f"{target} = {wrapping(combine, target, ATOM, text, precedence, dtype)};"
        return f"{target} {combine}= {text};"

    def reload(self, s: Reload, lines: list[str]) -> None:
        """Read a value back from its slot, under the name it has."""
        cast = "" if s.dtype.c == "double" else f"(const {alias_of(s.dtype.c)} *)"
        place = f"work[{s.slot}]" if not cast else f"*{cast}(work + {s.slot})"
        lines.append(f"const {s.dtype.c} {self.text(s.number)} = {place};")

    def spill(self, s: Spill, lines: list[str]) -> None:
        """Put a value into its slot."""
        place = f"work[{s.slot}]" if s.dtype.c == "double" else f"*({alias_of(s.dtype.c)} *)(work + {s.slot})"
        lines.append(f"{place} = {self.text(s.value)};")

    def skip(self, s: Accumulate, lines: list[str]) -> None:
        """Reductions are written with the loops."""

    _WRITERS: Mapping[type, Any] = {
        Literal: literal,
        Load: load,
        Position: position,
        Fetch: fetch,
        Store: store,
        Reload: reload,
        Spill: spill,
        Accumulate: skip,
    }
