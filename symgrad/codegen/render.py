"""Renders a program as C source text and header."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.codegen.cprint import SIMD, alias_of, literal, size_text
from symgrad.codegen.folder import template_folder
from symgrad.codegen.names import Namer, comment
from symgrad.codegen.nests import step_view
from symgrad.codegen.uses import moves_values, sizes_used, touching_memory
from symgrad.codegen.views import ConstantView, FunctionView, ModuleView, ProductView, StepView
from symgrad.codegen.writer import Writer
from symgrad.ir.dims import Dim, Size
from symgrad.ir.types import TensorType
from symgrad.lower.buffers import buffers_of
from symgrad.lower.loops import Buffer, Check, Function, Nest, Program, Reload, Scatter, Spill
from symgrad.options import Options
from symgrad.primitives.special_c import special_functions

if TYPE_CHECKING:
    import jinja2

_WIDTH = 120  # characters of a line

__all__ = ["CSource", "Renderer", "render_c", "simd_view", "template_environment"]


@dataclass(frozen=True, slots=True)
class CSource:
    """C text, and what a caller of the compiled function has to know.

    Attributes
    ----------
    text, header : str
    symbol : str
        Name of the C function.
    inputs, outputs : tuple of TensorType
    input_names, output_names : tuple of str
        C names of the arguments.
    dims : tuple of str
        Named sizes in the order of their arguments; ``dim_names`` are their C names.
    renamed : tuple of (str, str)
        Given names that C does not allow, with the names used instead.
    work : int or Dim
        Doubles of workspace.
    flops, bytes_moved : int or Dim
    kernels : int
    statements : int
        Lines of straight-line code and loop bodies.
    key : str
        Digest of the graph.
    failures : tuple of str
        Operations that may return 1, an index outside its axis.
    """

    text: str
    header: str
    symbol: str
    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    dims: tuple[str, ...]
    dim_names: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    work: Size
    flops: Size
    bytes_moved: Size
    kernels: int
    statements: int
    key: str
    failures: tuple[str, ...] = field(default=())


@lru_cache(maxsize=1)
def template_environment() -> jinja2.Environment:
    """Return the Jinja2 environment all generated text comes from."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_folder()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def render_c(
    program: Program,
    name: str,
    input_names: Sequence[str],
    output_names: Sequence[str],
    options: Options,
    doc: str = "",
) -> CSource:
    """Return a program as one C source.

    Parameters
    ----------
    program : Program
    name : str
        Of the C function; any string, made an identifier.
    input_names, output_names : sequence of str
        The user's names; those that C does not allow are changed, and the change recorded.
    options : Options
    doc : str
        What is computed, for the comment at the top.
    """
    return Renderer(program, name, input_names, output_names, options, doc).source()


class Renderer:
    """Names what a program's C functions name, and makes the views of them; parameters are those of ``render_c``.

    ``taken`` are names that arguments may not have; names of static functions and tables begin with ``shared``, where
    several programs share a source.
    """

    def __init__(
        self,
        program: Program,
        name: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        options: Options,
        doc: str,
        taken: Iterable[str] = (),
        shared: str = "",
    ) -> None:
        self.program = program
        self.doc = doc
        self.shared = shared
        namer = Namer(taken)
        self.symbol = namer.take(name, function=True)
        self.inputs = namer.all(inputs)
        self.outputs = namer.all(outputs)
        self.dims = namer.all(program.dims)
        given = [name, *inputs, *outputs, *program.dims]
        used = [self.symbol, *self.inputs, *self.outputs, *self.dims]
        self.renamed = tuple((g, u) for g, u in zip(given, used, strict=True) if g != u)
        self.dim_names = dict(zip(program.dims, self.dims, strict=True))
        self.buffer_names = self._buffer_names()
        tables = [(b, x.constant) for b, x in enumerate(program.buffers) if x.constant is not None]
        self.hidden = {b: f"sg_{self.buffer_names[b].removeprefix('sg_')}_values" for b, x in tables if must_hide(x.array)}
        self.writer = Writer(program, self.buffer_names, self.dim_names, options.precise)
        self.sums: dict[str, None] = {}
        self.statements = 0

    def _buffer_names(self) -> list[str]:
        names, count = [], {"work": 0, "constant": 0}
        for buffer in self.program.buffers:
            if buffer.role == "input":
                names.append(self.inputs[buffer.position])
            elif buffer.role == "output":
                names.append(self.outputs[buffer.position])
            else:
                count[buffer.role] += 1
                table = f"sg_{self.shared}_c" if self.shared else "ck"
                names.append(f"{table if buffer.role == 'constant' else 'w'}{count[buffer.role]}")
        return names

    # The source

    def source(self) -> CSource:
        """Return the C source with its header."""
        program = self.program
        functions = self.functions()
        module = self.module(functions)
        environment = template_environment()
        text = environment.get_template("module.c.jinja").render(module=module)
        header = environment.get_template("module.h.jinja").render(module=module)
        return CSource(
            text=text,
            header=header,
            symbol=self.symbol,
            inputs=program.inputs,
            outputs=program.outputs,
            input_names=self.inputs,
            output_names=self.outputs,
            dims=program.dims,
            dim_names=self.dims,
            renamed=self.renamed,
            work=program.work,
            flops=program.flops,
            bytes_moved=program.bytes_moved,
            kernels=program.kernels,
            statements=self.statements,
            key=program.key,
            failures=tuple(self.failures()),
        )

    def failures(self) -> Iterable[str]:
        """Yield the operations that may return 1, an index outside its axis."""
        steps = [s for f in self.program.functions for s in f.steps]
        if any(isinstance(s, Check) for s in steps):
            scatters = any(isinstance(s, Scatter) for s in steps)
            yield "scatter_add or gather" if scatters else "gather"

    def module(self, functions: tuple[FunctionView, ...]) -> ModuleView:
        """Return what the templates of a source of its own read."""
        writer = self.writer
        return ModuleView(
            name=self.symbol,
            guard=f"SYMGRAD_{self.symbol.upper()}_H",
            about=tuple(self.about()),
            aliases=self.aliases(),
            special=special_functions(writer.special),
            simd=tuple(simd_view(n) for n in sorted(writer.simd)),
            loops=self.hinted(functions),
            sums=tuple(self.sums),
            hidden=bool(self.hidden),
            kept=any("SG_KEEP" in line for f in functions for s in f.steps if isinstance(s, StepView) for line in s.lines),
            constants=tuple(self.constants()),
            functions=functions,
            prototype=self.head(f"int {self.symbol}", restrict=False),
            work=tuple(self.work()),
        )

    @staticmethod
    def hinted(functions: Iterable[FunctionView]) -> bool:
        """Whether a loop carries a SIMD hint."""
        steps = [s for f in functions for s in f.steps]
        return any(isinstance(s, ProductView) or any(loop.hint for loop in s.opening) for s in steps)

    def aliases(self) -> tuple[str, ...]:
        """Return the C types, but for double and bytes, that the workspace holds."""
        kinds = dict.fromkeys(b.dtype.c for b in self.program.buffers if b.role == "work")
        bodies = (s.body for f in self.program.functions for s in f.steps if isinstance(s, Nest))
        kinds |= dict.fromkeys(s.dtype.c for body in bodies for s in body if isinstance(s, (Spill, Reload)))
        return tuple(sorted(kinds.keys() - {"double", "unsigned char"}))

    def work(self) -> Iterable[str]:
        """Yield what declares the size of the workspace."""
        work = self.program.work
        if isinstance(work, Dim):
            sizes = ", ".join(f"size_t {n}" for n in self.dims)
            yield f"/* Doubles of workspace that {self.symbol} needs. */"
            yield f"static inline size_t {self.symbol}_work({sizes})"
            yield "{"
            yield from (f"    (void){n};" for p, n in self.dim_names.items() if p not in work.names)
            yield f"    return {size_text(work, self.dim_names)[0]};"
            yield "}"
        else:
            yield f"#define {self.symbol.upper()}_WORK {work} /* doubles of workspace */"

    def about(self) -> Iterable[str]:
        """Yield the lines of the comment at the top."""
        program = self.program
        yield f"{self.symbol}: generated by symgrad. Returns 0, or 1 for an index outside its axis, 2 for an empty axis."
        for line in self.doc.splitlines():
            yield comment(line).rstrip()
        yield ""
        for names, types in ((self.inputs, program.inputs), (self.outputs, program.outputs)):
            word = "in " if names is self.inputs else "out"
            for n, t in zip(names, types, strict=True):
                yield f"{word}  {n}: {t}"
        for given, used in self.renamed:
            yield f"{comment(given)[:60]} is called {used} here"
        yield f"work: {size_text(program.work, self.dim_names)[0]} doubles; outputs and work overlap nothing"
        yield f"flops: {size_text(program.flops, self.dim_names)[0]}, loops: {program.kernels}, graph: {program.key[:16]}"

    # Functions

    def head(self, start: str, restrict: bool = True) -> str:
        """Return the start of a function or of its declaration; long ones have a line for each parameter."""
        parameters = self.parameters(restrict)
        line = f"{start}({', '.join(parameters)})"
        if len(line) <= _WIDTH:
            return line
        separator = ",\n    "
        return f"{start}(\n    {separator.join(parameters)})"

    def parameters(self, restrict: bool) -> list[str]:
        """Return the declarations of the arguments."""
        star = "*restrict " if restrict else "*"
        program = self.program
        parts = [f"const {t.dtype.c} {star}{n}" for n, t in zip(self.inputs, program.inputs, strict=True)]
        parts += [f"{t.dtype.c} {star}{n}" for n, t in zip(self.outputs, program.outputs, strict=True)]
        parts += [f"size_t {n}" for n in self.dims]
        return [*parts, f"double {star}work"]

    def arguments(self) -> list[str]:
        """Return the names of the arguments."""
        return [*self.inputs, *self.outputs, *self.dims, "work"]

    def functions(self) -> tuple[FunctionView, ...]:
        """Return the views of all functions, the public one last."""
        parts = self.program.functions
        if len(parts) == 1:
            return (self.function(parts[0], f"int {self.symbol}"),)
        part = f"{self.shared}_part" if self.shared else "sg_part"
        views = [self.function(f, f"static int {part}{k}") for k, f in enumerate(parts, 1)]
        calls = tuple(f"{part}{k}({', '.join(self.arguments())})" for k in range(1, len(parts) + 1))
        main = FunctionView(self.head(f"int {self.symbol}"), (), (), (), calls)
        return (*views, main)

    def function(self, function: Function, start: str) -> FunctionView:
        """Return the view of one function, whose head begins with ``start``."""
        used: dict[str, None] = {}
        pointers = []
        touching = [touching_memory(step) for step in function.steps]
        for b in dict.fromkeys(b for step in touching for b in buffers_of(step)):
            buffer = self.program.buffers[b]
            if b in self.hidden:
                pointers.append(f"const {buffer.dtype.c} *const {self.buffer_names[b]} = sg_hidden({self.hidden[b]});")
            if buffer.role == "work":
                pointers.append(self.pointer(buffer, self.buffer_names[b]))
                used["work"] = None
                used.update(dict.fromkeys(self._dims_in(buffer.offset)))
            else:
                used[self.buffer_names[b]] = None
        used.update(dict.fromkeys(self._dims_in(*sizes_used(touching, self.program.buffers))))
        if moves_values(function.steps):
            used["work"] = None
        steps = tuple(self.step(s) for s in function.steps)
        unused = tuple(n for n in self.arguments() if n not in used)
        return FunctionView(self.head(start), tuple(pointers), unused, steps)

    def step(self, step: Any) -> StepView | ProductView:
        """Return the view of a step."""
        view = step_view(step, self.writer, self.sums)
        self.statements += len(view.lines) if isinstance(view, StepView) else 1
        return view

    def pointer(self, buffer: Buffer, name: str) -> str:
        """Return the declaration of an array in the workspace."""
        kind = buffer.dtype.c
        offset = size_text(buffer.offset, self.dim_names)[0]
        place = "work" if offset == "0" else f"work + {offset}"
        if kind == "double":
            return f"double *const {name} = {place};"
        alias = alias_of(kind)
        return f"{alias} *const {name} = ({alias} *)({place});"

    def _dims_in(self, *sizes: Size) -> Iterable[str]:
        for size in sizes:
            if isinstance(size, Dim):
                yield from (self.dim_names[n] for n in size.names)

    def constants(self) -> Iterable[ConstantView]:
        """Yield the tables of constants."""
        for number, buffer in enumerate(self.program.buffers):
            if buffer.constant is not None:
                name = self.hidden.get(number, self.buffer_names[number])
                values = [literal(v, buffer.dtype)[0] for v in buffer.constant.array.ravel().tolist()] or ["0"]
                rows = tuple(", ".join(values[k : k + 8]) + "," for k in range(0, len(values), 8))
                yield ConstantView(f"{buffer.dtype.c} {name}[{len(values)}]", rows)


def must_hide(array: np.ndarray[Any, Any]) -> bool:
    """Whether a compiler must not see what is copied from a table: see the macro ``hidden_block``.

    It is so where equal words of 8 bytes other than 0 are followed by one of zeros, at any element.
    """
    for start in range(0, 8, array.itemsize):
        data = array.tobytes()[start:]
        words = np.frombuffer(data + bytes(-len(data) % 8), np.uint64)
        if np.any((words[:-2] == words[1:-1]) & (words[1:-1] != 0) & (words[2:] == 0)):
            return True
    return False


def simd_view(name: str) -> tuple[str, str, str]:
    """Return name, element type and types of the arguments of a function with SIMD forms."""
    kind = "float" if name[-1] == "f" and name not in SIMD else "double"
    two = name.rstrip("f") in ("atan2", "hypot", "pow")
    return name, kind, f"{kind}, {kind}" if two else kind
