"""A C library of several functions: one header, and one source or several of bounded length."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from symgrad.codegen.checks import STATUSES
from symgrad.codegen.names import comment
from symgrad.codegen.render import simd_view, template_environment
from symgrad.codegen.unit import Unit
from symgrad.codegen.views import ConstantView
from symgrad.primitives.special_c import SpecialFunction, special_functions

__all__ = ["LONGEST_FILE", "Library", "library_names", "render_library"]

LONGEST_FILE = 4000  # lines of a source; one function, or part of one, may be longer


@dataclass(frozen=True, slots=True)
class Library:
    """What the templates of a library read.

    Attributes
    ----------
    name : str
    title : str
        One line about the library.
    version, key : str
        Of symgrad, and a digest of what the library computes.
    units : tuple of Unit
    """

    name: str
    title: str
    version: str
    key: str
    units: tuple[Unit, ...]

    @property
    def macro(self) -> str:
        """What names of macros begin with."""
        return self.name.upper()

    @property
    def statuses(self) -> tuple[tuple[str, str], ...]:
        """Names and meanings of the values that functions return, from 0 on."""
        return STATUSES

    @property
    def comment(self) -> str:
        """The title as text inside a C comment."""
        return comment(self.title)


def library_names(name: str) -> tuple[str, ...]:
    """Return the C names that belong to the library itself."""
    whole = tuple(f"{name}_{what}" for what in ("argument", "pattern", "message", "version", "key"))
    macros = (*(what for what, _ in STATUSES), "VERSION", "KEY", "H", "PARTS_H")
    return (*whole, *(f"{name.upper()}_{what}" for what in macros))


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Text that stays together in one source: a function, or the tables of one."""

    text: str
    prototype: str = ""
    unit: Unit | None = None

    @property
    def lines(self) -> int:
        return self.text.count("\n")


def render_library(library: Library, longest: int = LONGEST_FILE) -> dict[str, str]:
    """Return the text of each file: ``<name>.h``, ``<name>.c``, and ``<name>_2.c``, ... where one would be too long."""
    environment = template_environment()
    header = environment.get_template("export/library.h.jinja").render(library=library)
    chunks = list(_chunks(library))
    groups = _grouped(chunks, longest)
    shared = [c.prototype for c in chunks if c.prototype] if len(groups) > 1 else []
    files = {f"{library.name}.h": header}
    if shared:
        files[f"{library.name}_parts.h"] = environment.get_template("export/parts.h.jinja").render(library=library, heads=shared)
    for number, group in enumerate(groups, 1):
        file = f"{library.name}.c" if number == 1 else f"{library.name}_{number}.c"
        files[file] = _source(library, group, number == 1, bool(shared))
    return files


def _chunks(library: Library) -> Iterable[_Chunk]:
    environment = template_environment()
    function = environment.get_template("function.c.jinja").module.function  # type: ignore[attr-defined]  # a macro
    facts = environment.get_template("export/facts.c.jinja").module.facts  # type: ignore[attr-defined]
    for unit in library.units:
        for view in unit.functions:
            head = view.head.removeprefix("static ")
            yield _Chunk(str(function(view)), head if head != view.head else "", unit)
        yield _Chunk(str(facts(library, unit)))


def _grouped(chunks: Sequence[_Chunk], longest: int) -> list[list[_Chunk]]:
    groups: list[list[_Chunk]] = [[]]
    room = longest
    for chunk in chunks:
        if chunk.lines > room and groups[-1]:
            groups.append([])
            room = longest
        groups[-1].append(chunk)
        room -= chunk.lines
    return groups


def _source(library: Library, group: Sequence[_Chunk], first: bool, shared: bool) -> str:
    """Return one source, with the tables and static functions that it uses and no others."""
    texts = [c.text for c in group]
    if shared:
        texts = [t.removeprefix("static ") if c.prototype else t for t, c in zip(texts, group, strict=True)]
    words = set(re.findall(r"\w+", "\n".join(texts)))
    units = list(dict.fromkeys(c.unit for c in group if c.unit is not None))
    special = special_functions([f.name for u in units for f in u.special if f.name in words])
    module = _Prelude(
        simd=tuple(simd_view(n) for n in dict.fromkeys(n for u in units for n in u.simd) if f"sg_{n}" in words),
        loops="SG_LOOP" in words,
        sums=tuple(k for k, mark in (("double", "sg_add"), ("float", "sg_addf")) if mark in words),
        aliases=tuple(sorted({a for u in units for a in u.aliases if f"sg_{a}" in words})),
        special=special,
        hidden="sg_hidden" in words,
        kept=not words.isdisjoint(("SG_KEEP", "SG_KEEP_PLAIN")),
        constants=tuple(c for u in units for c in u.constants if c.declaration.split("[")[0].split()[-1] in words),
    )
    template = template_environment().get_template("export/library.c.jinja")
    guards = {"plus": "sg_plus" in words, "times": "sg_times" in words, "largest": "SG_LARGEST" in words}
    includes = [f"{library.name}.h", *([f"{library.name}_parts.h"] if shared else [])]
    text = template.render(library=library, module=module, texts=texts, first=first, guards=guards, includes=includes)
    return re.sub("\n{3,}", "\n\n", text).rstrip("\n") + "\n"


@dataclass(frozen=True, slots=True)
class _Prelude:
    """What stands before a source's functions, under the names that a ModuleView has."""

    simd: tuple[tuple[str, str, str], ...]
    loops: bool
    sums: tuple[str, ...]
    aliases: tuple[str, ...]
    special: tuple[SpecialFunction, ...]
    hidden: bool
    kept: bool
    constants: tuple[ConstantView, ...]
