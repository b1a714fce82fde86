"""The Python side of an exported package: its functions' docstrings, stubs, and the files around them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symgrad.codegen.library import Library
from symgrad.codegen.manifest import one_line
from symgrad.codegen.render import template_environment
from symgrad.codegen.stubs import stub_of
from symgrad.codegen.unit import Unit
from symgrad.ir.types import TensorType

__all__ = ["PackagedFunction", "docstring", "package_files", "shipped_files"]

_WIDTH = 110
_SHIPPED = {  # modules of symgrad that a package gets copies of, and their names there
    "native/cache.py": "_cache", "shipped/building.py": "_building",
    "shipped/functions.py": "_functions", "shipped/loading.py": "_loading", "shipped/nests.py": "_nests",
    "shipped/special.py": "_special",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PackagedFunction:
    """One function of a package.

    Attributes
    ----------
    name : str
    doc : str
        Its docstring.
    facts : mapping
        What manifest.json says of it.
    """

    name: str
    doc: str
    facts: Mapping[str, Any]

    @property
    def literal(self) -> str:
        """The docstring as Python."""
        return _literal(self.doc, "    ")


def _literal(text: str, pad: str) -> str:
    """Return text as a triple-quoted literal of plain ASCII, indented by ``pad``."""
    doubled = text.replace("\\", "\\\\")
    plain = "".join(c if c == "\n" or " " <= c <= "~" else c.encode("unicode_escape").decode() for c in doubled)
    lines = [f"{pad}{line}" if line else "" for line in plain.replace('"', '\\"').split("\n")]
    return '"""' + "\n".join(lines).lstrip() + (f"\n{pad}" if len(lines) > 1 else "") + '"""'


def docstring(title: str, text: str, unit: Unit, inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """Return the docstring of a function: what it is, its arrays' shapes and types, its formula and its C.

    ``inputs`` and ``outputs`` are how the arrays are written in Python.
    """
    lines = [title]
    if text:
        lines += ["", *text.splitlines()]
    lines += ["", "Parameters", "----------", *(_array_lines(inputs, unit.inputs) or ["none"])]
    lines += ["", "Returns", "-------", *_array_lines(outputs, unit.outputs)]
    lines += ["", "Notes", "-----"]
    for (name, _), one in zip(unit.outputs, unit.formula, strict=False):
        lines += textwrap.wrap(f"{name} = {one}", _WIDTH, subsequent_indent="    ", break_long_words=False)
    lines += textwrap.wrap(f"C: {one_line(unit.prototype)}", _WIDTH, subsequent_indent="    ", break_long_words=False)
    return "\n".join(line.rstrip() for line in lines)


def _array_lines(paths: Sequence[str], arrays: Sequence[tuple[str, TensorType]]) -> list[str]:
    lines = []
    for path, (c, kind) in zip(paths, arrays, strict=True):
        lines += [f"{path} : {kind}", *([] if path == c else [f"    {c} in C and in the formula."])]
    return lines


def shipped_files() -> dict[str, str]:
    """Return the modules that every package gets a copy of, importing each other inside the package."""
    root = Path(__file__).parent.parent
    files = {}
    for source, name in _SHIPPED.items():
        text = (root / source).read_text(encoding="utf-8")
        for other, short in _SHIPPED.items():
            folder, stem = other.removesuffix(".py").split("/")
            text = text.replace(f"from symgrad.{folder}.{stem} import", f"from .{short} import")
            text = text.replace(f"from symgrad.{folder} import {stem}\n", f"from . import {short} as {stem}\n")
            text = text.replace(f"from symgrad.{folder} import {stem}  #", f"from . import {short} as {stem}  #")
        files[f"{name}.py"] = text
    return files


def package_files(
    library: Library, functions: Sequence[PackagedFunction], sources: Sequence[str], version: str, key: str
) -> dict[str, str]:
    """Return all text files of a package but for its C and its manifest.

    Parameters
    ----------
    library : Library
    functions : sequence of PackagedFunction
    sources : sequence of str
        The C files of the library.
    version : str
        Of the package.
    key : str
        What tells this package from every other one.
    """
    environment = template_environment()
    names = {"__init__.py": "init.py", "__init__.pyi": "init.pyi", "Makefile": "Makefile"}
    names |= {f"{library.name}.cmake": "library.cmake", f"{library.name}.pc": "library.pc"}
    given: dict[str, Any] = {"library": library, "functions": functions, "sources": sources, "version": version, "key": key}
    given["stub"] = stub_of([(f.name, f.facts) for f in functions])
    summary = "\n".join(f.doc.splitlines()[0] for f in functions)
    given["doc"] = _literal(f"{library.title}\n\n{summary}\n\nWritten by symgrad {library.version}.", "")
    files = {file: environment.get_template(f"export/{template}.jinja").render(**given) for file, template in names.items()}
    return {**shipped_files(), **files, "py.typed": ""}
