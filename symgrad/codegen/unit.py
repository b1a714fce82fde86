"""One function of a C library: its views, and what its header and its callers have to know."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symgrad.codegen.checks import size_checks
from symgrad.codegen.cprint import size_text
from symgrad.codegen.names import comment
from symgrad.codegen.render import Renderer
from symgrad.codegen.views import ConstantView, FunctionView
from symgrad.ir.dims import Dim, Size
from symgrad.ir.types import TensorType
from symgrad.lower.loops import Program
from symgrad.options import Options
from symgrad.primitives.special_c import SpecialFunction, special_functions

__all__ = ["Pattern", "Unit", "public_names", "render_unit"]

_LONGEST_TABLE = 1 << 16  # non-zeros of a pattern that is written out
_STACK = 1024  # doubles of workspace that a function called by an integrator may have on the stack


@dataclass(frozen=True, slots=True)
class Pattern:
    """The structural non-zeros of one output as a matrix.

    Attributes
    ----------
    rows, columns : int
        Elements of the differentiated output, and of the input; both 0 where they depend on named sizes.
    places : tuple of (int, int), or None
        Row and column of each; None where all of them may be non-zero, or nothing better is known.
    """

    rows: int
    columns: int
    places: tuple[tuple[int, int], ...] | None = None

    @classmethod
    def of(cls, kind: TensorType, rows: Size, nonzero: np.ndarray[Any, Any] | None) -> Pattern:
        """Return the pattern of an output of type ``kind``, given where it may be non-zero, None for everywhere."""
        size = kind.size
        if not isinstance(size, int) or not isinstance(rows, int):
            return cls(0, 0)
        columns = size // rows if rows else 0
        if nonzero is None or nonzero.all() or np.count_nonzero(nonzero) > _LONGEST_TABLE:
            return cls(rows, columns)
        found = zip(*(part.tolist() for part in np.nonzero(nonzero.reshape(rows, columns))), strict=True)
        return cls(rows, columns, tuple(found))

    @property
    def tables(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Rows and columns as lines of C, sixteen numbers each; nothing where there is no place."""
        if not self.places:
            return ()
        columns = zip(*self.places, strict=True)
        lines = [[", ".join(map(str, c[k : k + 16])) for k in range(0, len(c), 16)] for c in columns]
        return tuple((word, tuple(found)) for word, found in zip(("row", "column"), lines, strict=True))

    @property
    def count(self) -> int:
        """How many there are."""
        return self.rows * self.columns if self.places is None else len(self.places)


@dataclass(frozen=True, slots=True)
class Unit:
    """One function of a library.

    Attributes
    ----------
    name, symbol : str
        In Python, and in C.
    title, formula : tuple of str
        What is computed, for people; a formula for each output in the arguments' C names, or none.
    inputs, outputs : tuple of (str, TensorType)
        C names and types of the arguments.
    dims : tuple of (str, str)
        Named sizes in the order of their arguments, and their C names.
    renamed : tuple of (str, str)
        Given names that C does not allow, with the names used instead.
    work, flops, bytes_moved : int or Dim
    failures : tuple of str
    conditions : tuple of Dim
    patterns : tuple of Pattern
        One for each output.
    functions : tuple of FunctionView
        The last one is public.
    key : str
        Digest of the graph.
    """

    name: str
    symbol: str
    title: tuple[str, ...]
    formula: tuple[str, ...]
    inputs: tuple[tuple[str, TensorType], ...]
    outputs: tuple[tuple[str, TensorType], ...]
    dims: tuple[tuple[str, str], ...]
    renamed: tuple[tuple[str, str], ...]
    work: Size
    flops: Size
    bytes_moved: Size
    failures: tuple[str, ...]
    conditions: tuple[Dim, ...]
    patterns: tuple[Pattern, ...]
    functions: tuple[FunctionView, ...]
    constants: tuple[ConstantView, ...]
    special: tuple[SpecialFunction, ...]
    simd: tuple[str, ...]
    sums: tuple[str, ...]
    aliases: tuple[str, ...]
    loops: bool
    prototype: str
    statements: int
    key: str

    @property
    def dim_names(self) -> dict[str, str]:
        """The C name of each named size."""
        return dict(self.dims)

    @property
    def macro(self) -> str:
        """What names of the function's macros begin with."""
        return self.symbol.upper()

    @property
    def dim_parameters(self) -> str:
        """The parameters of functions of the sizes alone."""
        return ", ".join(f"size_t {c}" for _, c in self.dims) or "void"

    @property
    def fixed_work(self) -> bool:
        """Whether the workspace is the same for all sizes."""
        return isinstance(self.work, int)

    @property
    def work_text(self) -> str:
        """The doubles of workspace as C that does not wrap."""
        return f"{self.macro}_WORK" if isinstance(self.work, int) else size_text(self.work, self.dim_names)[0]

    @property
    def work_checks(self) -> tuple[str, ...]:
        """Lines before ``work_text``: no workspace is needed for sizes that the function refuses."""
        if isinstance(self.work, int):
            return ()
        return size_checks(self.conditions, [self.work], self.dim_names, "0", "SIZE_MAX")

    @property
    def arguments(self) -> tuple[tuple[str, TensorType], ...]:
        """Inputs, then outputs."""
        return (*self.inputs, *self.outputs)

    @property
    def scalar_inputs(self) -> tuple[int, ...] | None:
        """Where each input starts in one array of them all; None unless this is a function that integrators call.

        That is a float64 number of float64 inputs of fixed sizes, with little workspace.
        """
        single = len(self.outputs) == 1 and not self.outputs[0][1].shape and not self.dims
        types = [t for _, t in self.arguments]
        if not single or any(t.dtype.name != "float64" for t in types) or not isinstance(self.work, int) or self.work > _STACK:
            return None
        starts = [0]
        for _, t in self.inputs:
            assert isinstance(t.size, int)
            starts.append(starts[-1] + t.size)
        return tuple(starts) if starts[-1] else None

    @property
    def shapes(self) -> Iterable[tuple[int, str, int]]:
        """Number, statements and rank of each argument, for the function that tells shapes."""
        for k, (_, kind) in enumerate(self.arguments):
            sizes = [size_text(s, self.dim_names)[0] for s in kind.shape]
            yield k, " ".join(f"shape[{a}] = {size};" for a, size in enumerate(sizes)), kind.ndim

    @property
    def pattern_tables(self) -> Iterable[Iterable[tuple[str, tuple[str, ...]]]]:
        """For each output no table, or those of the rows and columns of its non-zeros, sixteen to a line."""
        return (p.tables for p in self.patterns)

    def table(self, output: int, word: str) -> str:
        """Return the C name of a table of an output's non-zeros."""
        return f"{self.symbol}_{word}{output}" if self.patterns[output].places else "NULL"

    @property
    def about(self) -> Iterable[str]:
        """Lines of the comment in the header."""
        yield from map(comment, self.title)
        for (name, _), formula in zip(self.outputs, self.formula, strict=False):
            yield from textwrap.wrap(f"{name} = {comment(formula)}", 110, subsequent_indent="    ", break_long_words=False)
        yield ""
        for word, arguments in (("in ", self.inputs), ("out", self.outputs)):
            yield from (f"{word}  {name}: {kind}" for name, kind in arguments)
        for given, used in self.renamed:
            yield f"{comment(given)[:60]} is called {used} here"
        sizes = {"work": self.work, "flops": self.flops}
        work, flops = (size_text(s, self.dim_names)[0] for s in sizes.values())
        yield f"work: {work} doubles; flops: {flops}; graph: {self.key[:16]}"


def public_names(symbol: str) -> tuple[str, ...]:
    """Return the C names, but for macros, that belong to one function."""
    return (symbol, *(f"{symbol}_{what}" for what in ("work", "shape", "arguments", "patterns", "integrand")))


def render_unit(
    program: Program,
    *,
    module: str,
    name: str,
    title: Sequence[str],
    input_names: Sequence[str],
    output_names: Sequence[str],
    options: Options,
    conditions: Sequence[Dim],
    patterns: Sequence[Pattern],
    taken: Sequence[str],
) -> Unit:
    """Return a program as one function of a library; ``taken`` are names that arguments may not have."""
    symbol = f"{module}_{name}"
    others = [t for t in taken if t != symbol]
    renderer = Renderer(program, symbol, input_names, output_names, options, "", others, symbol)
    views = renderer.functions()
    dims = renderer.dim_names
    macro = module.upper()
    sizes = [*(b.size for b in program.buffers), program.work]
    checks = list(size_checks(conditions, sizes, dims, f"{macro}_SIZE", f"{macro}_TOO_LARGE"))
    if program.work != 0:
        needed = "" if isinstance(program.work, int) else f" && {size_text(program.work, dims)[0]} > 0"
        checks.append(f"if (!work{needed}) return {macro}_NO_WORK;")
    if checks:
        views = (*views[:-1], replace(views[-1], checks=tuple(checks)))
    writer = renderer.writer
    return Unit(
        name=name,
        symbol=renderer.symbol,
        title=tuple(title),
        formula=(),
        inputs=tuple(zip(renderer.inputs, program.inputs, strict=True)),
        outputs=tuple(zip(renderer.outputs, program.outputs, strict=True)),
        dims=tuple(dims.items()),
        renamed=renderer.renamed,
        work=program.work,
        flops=program.flops,
        bytes_moved=program.bytes_moved,
        failures=tuple(renderer.failures()),
        conditions=tuple(conditions),
        patterns=tuple(patterns),
        functions=views,
        constants=tuple(renderer.constants()),
        special=special_functions(writer.special),
        simd=tuple(sorted(writer.simd)),
        sums=tuple(renderer.sums),
        aliases=renderer.aliases(),
        loops=renderer.hinted(views),
        prototype=renderer.head(f"int {renderer.symbol}", restrict=False),
        statements=renderer.statements,
        key=program.key,
    )
