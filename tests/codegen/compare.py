"""What the tests of generated code share: compiling a graph, and comparing arrays in units in the last place."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from symgrad.dtypes import from_numpy
from symgrad.interpret import interpret
from symgrad.ir.expr import fresh_input
from symgrad.ir.types import TensorType
from symgrad.native.direct import compile_graph
from symgrad.options import Options

COMPILER = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow", "-fsyntax-only"]

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")


def native(graph, name="f", options=None):
    """Compile a graph whose arguments are called x0, x1, ..., y0, y1, ..."""
    inputs = [f"x{k}" for k in range(len(graph.inputs))]
    outputs = [f"y{k}" for k in range(len(graph.outputs))]
    return compile_graph(graph, name=name, options=options or Options(), input_names=inputs, output_names=outputs)


def inputs_of(arrays, shapes=None):
    shapes = shapes or [a.shape for a in arrays]
    return [fresh_input(f"x{k}", TensorType(s, from_numpy(a.dtype))) for k, (a, s) in enumerate(zip(arrays, shapes, strict=True))]


def ulps(found, wanted):
    """Return how far apart arrays are, in spacings of the wanted values; 0 where both are nan or equal."""
    if wanted.dtype.kind != "f":
        return 0.0 if np.array_equal(found, wanted) else np.inf
    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    with np.errstate(all="ignore"):
        apart = np.where(same, 0.0, np.abs(found - wanted) / np.spacing(np.abs(wanted)))
    return float(np.where(np.isnan(apart), np.inf, apart).max(initial=0.0))


def agrees(graph, function, arrays, tolerance):
    """Assert that compiled outputs are the interpreter's, within ``tolerance`` ulp each."""
    with np.errstate(all="ignore"):
        wanted = interpret(graph, arrays)
    for a, b in zip(function.call(arrays), wanted, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        assert ulps(a, b) <= tolerance, (a, b)
