"""A graph to a native function without the rewriting passes: lower, render, build, load."""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.codegen.render import render_c
from symgrad.ir.graph import Graph
from symgrad.lower.lower import lower
from symgrad.native.build import build, find_library, library_key
from symgrad.native.module import NativeFunction, load
from symgrad.options import Options

__all__ = ["compile_graph"]


def compile_graph(
    graph: Graph,
    *,
    name: str,
    options: Options,
    input_names: Sequence[str],
    output_names: Sequence[str],
    doc: str = "",
) -> NativeFunction:
    """Return a graph, as it is, as a native function, from the cache where it has been built before.

    Raises
    ------
    CompileError
        When there is no compiler, or it fails or takes too long.
    """
    key = library_key(graph, name, input_names, output_names, options, doc)
    library = find_library(key, graph)
    if library is None:
        program = lower(graph, options)
        source = render_c(program, name, input_names, output_names, options, doc)
        library = build(source, graph, key, options)
    return load(library, input_names)
