"""Compiled random graphs against the interpreter."""

import shutil

import numpy as np
import pytest

from symgrad.interpret import interpret
from symgrad.ir.dims import evaluate
from symgrad.native.direct import compile_graph
from symgrad.options import Options

from .random_graphs import random_graph

pytestmark = pytest.mark.skipif(not (shutil.which("cc") or shutil.which("gcc")), reason="needs a C compiler")

LARGEST = 300_000  # elements of one value


@pytest.mark.parametrize("seed", range(60))
def test_agrees_with_the_interpreter(seed):
    graph = random_graph(seed)
    names = [f"y{k}" for k in range(len(graph.outputs))]
    function = compile_graph(graph, name="f", options=Options(), input_names=["x0", "x1", "x2"], output_names=names)
    for n in (2, 3, 9, 600) if graph.dims else (0,):
        if max(evaluate(node.type.size, {"n": n}) for node in graph.order) > LARGEST:
            continue
        rng = np.random.default_rng(seed)
        arrays = [rng.normal(size=[evaluate(s, {"n": n}) for s in i.shape]) for i in graph.inputs]
        try:
            wanted = interpret(graph, arrays)
        except ValueError:  # a slice of one more element than there are
            continue
        for found, value in zip(function.call(arrays), wanted, strict=True):
            np.testing.assert_allclose(found, value, rtol=1e-9, atol=1e-9)
