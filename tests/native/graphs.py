"""Small graphs for the tests of building and calling."""

from __future__ import annotations

import shutil

import pytest

from symgrad.dtypes import float64, int64
from symgrad.ir.dims import dim
from symgrad.ir.expr import fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.native.direct import compile_graph
from symgrad.options import Options

needs_compiler = pytest.mark.skipif(not (shutil.which("cc") or shutil.which("gcc")), reason="needs a C compiler")


def scaled(factor=2.0, size="n"):
    """Return ``x * factor`` and its sum, for x of a named or fixed size."""
    shape = (dim(size) if isinstance(size, str) else size,)
    x = fresh_input("x", TensorType(shape, float64))
    return Graph([x], [x * factor, ops.sum(x * factor, axes=(0,))])


def lookup():
    table = fresh_input("table", TensorType((dim("n"),), float64))
    index = fresh_input("index", TensorType((dim("m"),), int64))
    return Graph([table, index], [ops.gather(table, index, axis=0)])


def compiled(graph, **options):
    names = [i.attributes["label"] for i in graph.inputs]
    outputs = [f"y{k}" for k in range(len(graph.outputs))]
    return compile_graph(graph, name="f", options=Options(**options), input_names=names, output_names=outputs)
