"""What is given in words on the command line: types of arguments, ranges and sizes.

spec   = argument {("," | ";") argument}
argument = [function "."] name ":" type
type   = dtype ["[" [size {"," size}] "]"]  |  "{" name ":" type {"," name ":" type} "}"  |  "(" type {"," type} ")"
size   = number | name
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

from symgrad.dtypes import BY_NAME
from symgrad.tracing import TensorSpec

__all__ = ["read_ranges", "read_specs"]

_TOKEN = re.compile(r"\s*(?:([A-Za-z_][A-Za-z0-9_]*)|([0-9]+)|(.))", re.S)
_LONGEST, _DEEPEST, _LARGEST = 10_000, 20, 2**31
_DEFAULT = "float64"


def read_specs(given: Sequence[str]) -> dict[str, Any]:
    """Return the type of each argument, ``"x"`` or ``"loss.x"`` by name: a TensorSpec, or a dict or tuple of them.

    Raises
    ------
    click.UsageError
        When one cannot be read, or an argument is given twice.
    """
    found: dict[str, Any] = {}
    for text in given:
        reader = _Reader(text)
        while not reader.at_end:
            name, kind = reader.argument()
            if name in found:
                raise click.UsageError(f"--spec gives '{name}' twice")
            found[name] = kind
    return found


class _Reader:
    """Reads one --spec from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0
        if len(text) > _LONGEST:
            raise click.UsageError(f"--spec is longer than {_LONGEST} characters")
        self.tokens = [(m.group().strip(), m.end()) for m in _TOKEN.finditer(text) if m.group().strip()]

    @property
    def at_end(self) -> bool:
        return self.place >= len(self.tokens)

    def peek(self) -> str:
        return "" if self.at_end else self.tokens[self.place][0]

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if wanted and token != wanted:
            self.refuse(f"'{wanted}'")
        self.place += 1
        return token

    def refuse(self, wanted: str) -> None:
        got = f"'{self.peek()}'" if self.peek() else "the end"
        shown = self.text if len(self.text) <= 60 else f"{self.text[:60]}..."
        raise click.UsageError(f"--spec '{shown}': expected {wanted}, got {got}; write for example 'x: float64[n, 3], k: int64'")

    def name(self, what: str) -> str:
        if not self.peek().isidentifier():
            self.refuse(what)
        return self.take()

    def argument(self) -> tuple[str, Any]:
        """Return the next argument; what separates it from one after it is taken as well."""
        name = self.name("the name of an argument")
        if self.peek() == ".":
            self.take()
            name = f"{name}.{self.name('the name of an argument')}"
        self.take(":")
        kind = self.kind(0)
        if not self.at_end:
            if self.peek() not in (",", ";"):
                self.refuse("',' or the end")
            self.take()
        return name, kind

    def kind(self, depth: int) -> Any:
        """Return a type."""
        if depth > _DEEPEST:
            raise click.UsageError(f"--spec nests more than {_DEEPEST} deep")
        if self.peek() == "{":
            return dict(self.members("}", lambda: self.member(depth)))
        if self.peek() == "(":
            return tuple(self.members(")", lambda: self.kind(depth + 1)))
        dtype = self.name("an element type") if self.peek() != "[" else _DEFAULT
        if dtype not in BY_NAME:
            self.place -= 1
            self.refuse(f"an element type ({', '.join(BY_NAME)})")
        return TensorSpec(self.members("]", self.size) if self.peek() == "[" else (), dtype)

    def members(self, end: str, one: Any) -> list[Any]:
        """Return what stands between brackets, the opening one being next."""
        self.take()
        found = []
        while self.peek() != end:
            found.append(one())
            if self.peek() != ",":
                break
            self.take()
        self.take(end)
        return found

    def member(self, depth: int) -> tuple[str, Any]:
        name = self.name("a key")
        self.take(":")
        return name, self.kind(depth + 1)

    def size(self) -> int | str:
        token = self.peek()
        if token.isdigit():
            if len(token) > 10 or int(token) >= _LARGEST:
                self.refuse(f"a size below {_LARGEST}")
            return int(self.take())
        if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", token):
            self.refuse("a size: a number, or a name such as n")
        return self.take()


def read_ranges(given: Sequence[str]) -> dict[str, Any]:
    """Return the ranges of ``x=-2:2`` and sizes of ``n=100``, by name.

    Raises
    ------
    click.UsageError
        When one cannot be read.
    """
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        low, colon, high = value.partition(":")
        try:
            pair = (float(low), float(high)) if colon else int(low)
        except ValueError:
            pair = (1.0, 0.0)
        good = isinstance(pair, int) or (all(map(math.isfinite, pair)) and pair[0] <= pair[1])
        if not (equals and name.strip().isidentifier() and good):
            raise click.UsageError(f"--range '{text[:60]}': write x=-2:2 for the values of an argument, n=100 for a size")
        if name.strip() in found:
            raise click.UsageError(f"--range gives '{name.strip()}' twice")
        found[name.strip()] = pair
    return found


def fit_specs(function: str, parameters: Sequence[tuple[str, bool]], specs: Mapping[str, Any]) -> tuple[list[Any], set[str]]:
    """Return the types of a function's arguments in their order, and which of ``specs`` they are.

    Parameters
    ----------
    function : str
    parameters : sequence of (str, bool)
        Name of each, and whether it must be given.
    specs : mapping
        As ``read_specs`` returns them.

    Raises
    ------
    click.UsageError
        When an argument has no type.
    """
    found: list[Any] = []
    used: set[str] = set()
    skipped = ""
    for name, required in parameters:
        key = f"{function}.{name}" if f"{function}.{name}" in specs else name
        if key not in specs:
            if required:
                example = ", ".join(f"{n}: float64[n]" for n, r in parameters if r)
                raise click.UsageError(f"{function}: the type of '{name}' is not given; add --spec '{example}' (or what it is)")
            skipped = skipped or name
            continue
        if skipped:
            raise click.UsageError(f"{function}: '{key}' has a type, so '{skipped}' before it needs one too")
        found.append(specs[key])
        used |= {key, name} & set(specs)
    return found, used
