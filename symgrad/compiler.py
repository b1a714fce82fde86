"""The pipeline, stage by stage: this file is the compiler's table of contents, the only one that names every stage."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.errors import CompileError, ShapeError, at_user_line
from symgrad.interpret import interpret
from symgrad.ir.dims import Size, evaluate
from symgrad.ir.graph import Graph
from symgrad.native.build import Library, find_library, key_parts, library_key
from symgrad.native.module import NativeFunction, load
from symgrad.options import Options, verify_enabled
from symgrad.transform.inlining import inline_calls

if TYPE_CHECKING:
    from symgrad.codegen.render import CSource
    from symgrad.codegen.unit import Unit
    from symgrad.lower.loops import Program
    from symgrad.rewrite.passes import PassRecord

__all__ = ["Compiled", "Report", "compile_graph", "deferred", "exported_unit"]

AnyArray = np.ndarray[Any, Any]

LONGEST_HEADER = 40  # nodes of a graph that is written out in the head of its C
QUICK_CALLS = 4  # calls that the quick tier interprets before it compiles


@dataclass(frozen=True, slots=True)
class Report:
    """What compiling one signature did.

    Attributes
    ----------
    nodes : int
        Nodes of the graph after rewriting.
    passes : tuple of PassRecord
        Nodes before and after each rewriting pass, and the laws it used.
    flops, bytes_moved : int or Dim
        Arithmetic operations, and bytes read and written in arrays, of one call.
    kernels : int
        Loop nests.
    compile_seconds : float
        From the graph to loaded code, the C compiler included.
    cache_hit : bool
        Whether the code was found compiled.
    """

    nodes: int
    passes: tuple[PassRecord, ...]
    flops: Size
    bytes_moved: Size
    kernels: int
    compile_seconds: float
    cache_hit: bool

    def __str__(self) -> str:
        lines = [f"nodes          {self.nodes}"]
        for one in self.passes:
            laws = ", ".join(f"{name} {count}x" for name, count in one.laws)
            lines.append(f"  {one.name:<12} {one.nodes_before} -> {one.nodes_after}" + (f"   ({laws})" if laws else ""))
        lines += [f"flops          {self.flops}", f"bytes moved    {self.bytes_moved}", f"kernels        {self.kernels}"]
        found = "found in the cache" if self.cache_hit else "compiled"
        return "\n".join([*lines, f"ready after    {self.compile_seconds * 1e3:.1f} ms, {found}"])


class Compiled:
    """A graph with its native code; the interpreter stands in where there is no compiler, or not yet.

    Parameters
    ----------
    traced : Graph
    name : str
    options : Options
    input_names, output_names : sequence of str
    """

    def __init__(
        self, traced: Graph, name: str, options: Options, input_names: Sequence[str], output_names: Sequence[str]
    ) -> None:
        self._traced = traced
        self._name = name
        self._options = options
        self._input_names = tuple(input_names)
        self._output_names = tuple(output_names)
        self._calls = 0
        self._native: NativeFunction | None = None
        self._seconds = 0.0
        self._missing: CompileError | None = None
        if options.tier == "native":
            self._compile()

    @cached_property
    def _rewritten(self) -> tuple[Graph, tuple[PassRecord, ...]]:
        from symgrad.rewrite.passes import run_passes

        return run_passes(self._traced, self._options)

    @property
    def graph(self) -> Graph:
        """The graph after rewriting."""
        return self._rewritten[0]

    def _compile(self) -> NativeFunction | None:
        """Return the native code, built now if need be; None where options say so, or there is no compiler.

        Then there is one warning, and the interpreter stands in.
        """
        if self._native is None and self._options.tier != "interpret" and not self._missing:
            started = time.perf_counter()
            try:
                key = library_key(self._traced, self._name, self._input_names, self._output_names, self._options)
            except CompileError as error:
                self._missing = error
                _warn_once(error)
                return None
            self._native = load(find_library(key, self._traced) or self._build(key), self._input_names)
            self._seconds = time.perf_counter() - started
        return self._native

    def _build(self, key: str) -> Library:
        """Run the stages whose result the cache did not have; they are imported here, off the way of a warm hit."""
        from symgrad.native.build import build

        parts = key_parts(self._traced, self._name, self._input_names, self._output_names, self._options)
        return build(self.rendered(), self._traced, key, self._options, parts)

    @property
    def loops(self) -> Program:
        """The loops the graph was lowered to; no compiler is needed."""
        return _lowered(self._traced, self.graph, self._options)

    def rendered(self) -> CSource:
        """Return the C that would be compiled; no compiler is needed."""
        from symgrad.codegen.render import render_c

        names = self._name, self._input_names, self._output_names
        return render_c(self.loops, *names, self._options, self._equations())

    def _equations(self) -> str:
        """Return the graph as text for the head of the C, unless it is long."""
        return str(self.graph) if len(self.graph) <= LONGEST_HEADER else ""

    def _required(self, asked: str) -> NativeFunction:
        native = self._compile()
        if native is None:
            raise self._missing or CompileError(f"{asked}: options.tier is 'interpret'; compile with another tier")
        return native

    @property
    def c_source(self) -> str:
        """The generated C."""
        return self._required("c_source").c_source

    @property
    def report(self) -> Report:
        """What compiling did."""
        library = self._required("report").library
        graph, passes = self._rewritten
        return Report(len(graph), passes, library.flops, library.bytes_moved, library.kernels, self._seconds, library.hit)

    def call(self, arrays: Sequence[AnyArray], dims: Mapping[str, int]) -> list[AnyArray]:
        """Return the outputs for exact arrays, whose dims have the sizes ``dims``."""
        self._calls += 1
        quick = self._options.tier == "quick" and self._calls <= QUICK_CALLS
        native = None if quick else self._compile()
        if native is None:
            self._check_conditions(dims)
            outputs = interpret(self._traced, arrays, dims)
            return [np.array(o, order="C") for o in outputs]
        sizes = native.check(arrays) if native.library.dims or native.library.conditions else ()
        return native.call(arrays, sizes)

    def _check_conditions(self, dims: Mapping[str, int]) -> None:
        for condition in self._traced.conditions:
            if evaluate(condition, dims) < 0:
                given = ", ".join(f"{n} = {v}" for n, v in dims.items())
                raise ShapeError(at_user_line(f"{self._name}: a size {condition} is negative where {given}"))

    def outputs(self, dims: Mapping[str, int]) -> list[AnyArray]:
        """Return new arrays for the outputs."""
        return [np.empty([evaluate(s, dims) for s in o.shape], o.dtype.numpy) for o in self._traced.outputs]

    def specialize(self, arrays: Sequence[AnyArray], lends: bool = False) -> Callable[..., Any] | None:
        """Return the native call for the shapes of ``arrays``, None where only the interpreter is there.

        It returns a bare array for one output and a tuple for several; with ``lends`` it takes them as ``out`` as well.
        """
        native = self._native
        return None if native is None else native.specialize(native.check(arrays), lends)

    def runner(self) -> Callable[[list[Any]], list[Any]]:
        """Return the fastest call on a list of operands, which checks nothing; see NativeFunction.runner."""
        return self._required("runner").runner()

    def bind(self, inputs: Sequence[AnyArray], outputs: Sequence[AnyArray], result: Any) -> Callable[[], Any]:
        """Return a call on fixed buffers that returns ``result``."""
        return self._required("bind").bind(inputs, outputs, result)


def _lowered(traced: Graph, rewritten: Graph, options: Options) -> Program:
    """Return the loops of a graph after rewriting, each stage held to its specification where that is asked for."""
    from symgrad.ir.verify import LOWERED, REWRITTEN, TRACED, verify
    from symgrad.lower.expand import expand
    from symgrad.lower.lower import lower

    expanded = expand(rewritten)
    if verify_enabled():
        verify(traced, TRACED)
        verify(rewritten, REWRITTEN)
        verify(expanded, LOWERED)
    return lower(expanded, options, traced.key)


def exported_unit(
    traced: Graph,
    *,
    module: str,
    name: str,
    title: Sequence[str],
    input_names: Sequence[str],
    output_names: Sequence[str],
    rows: Sequence[Size],
    taken: Sequence[str],
    options: Options,
) -> Unit:
    """Return a traced graph as one function of a C library.

    Parameters
    ----------
    traced : Graph
    module, name : str
        Of the library, and of the function in it.
    title : sequence of str
        What is computed; a formula, where it is short, is written below it.
    input_names, output_names : sequence of str
    rows : sequence of int or Dim
        For each output, how many of its leading elements count as rows of a derivative.
    taken : sequence of str
        C names that arguments may not have.
    options : Options
    """
    from symgrad.codegen.formula import formulas
    from symgrad.codegen.unit import Pattern, render_unit
    from symgrad.rewrite.passes import run_passes
    from symgrad.transform.sparsity import possible_nonzeros

    rewritten = run_passes(traced, options)[0]
    found = possible_nonzeros(rewritten)
    patterns = [Pattern.of(o.type, r, f) for o, r, f in zip(traced.outputs, rows, found, strict=True)]
    unit = render_unit(
        _lowered(traced, rewritten, options),
        module=module,
        name=name,
        title=title,
        input_names=input_names,
        output_names=output_names,
        options=options,
        conditions=traced.conditions,
        patterns=patterns,
        taken=taken,
    )
    in_c = [c for c, _ in unit.inputs]
    written = sorted([formulas(g, in_c) for g in (traced, rewritten)], key=_length)
    return replace(unit, formula=tuple(written[0]))


def _length(formulas: Sequence[str]) -> tuple[bool, int]:
    return not formulas, sum(map(len, formulas))


_warned: set[str] = set()


def _warn_once(error: CompileError) -> None:
    if str(error) not in _warned:
        _warned.add(str(error))
        message = at_user_line(f"{error}. Until then functions are interpreted, which is slower")
        warnings.warn(message, RuntimeWarning, stacklevel=2)


def compile_graph(
    graph: Graph, *, name: str, options: Options, input_names: Sequence[str], output_names: Sequence[str]
) -> Compiled:
    """Return a traced graph compiled to native code, from the cache where it has been built before.

    Raises
    ------
    CompileError
        When the C compiler fails or takes too long.
    """
    return Compiled(inline_calls(graph), name, options, input_names, output_names)


def deferred(graph: Graph, *, name: str, options: Options, input_names: Sequence[str], output_names: Sequence[str]) -> Compiled:
    """Return a traced graph whose stages can be looked at; it is compiled when it is called often enough, or for its report."""
    return Compiled(inline_calls(graph), name, replace(options, tier="quick"), input_names, output_names)
