"""Sources kept as files, to be read: generated text is these, byte for byte, and they compute what they say.

After an intended change: SYMGRAD_UPDATE_GOLDEN=1 python -m pytest tests/golden, and read the difference.
"""

import os
import shutil
import subprocess
from pathlib import Path

import _cffi_backend as backend
import numpy as np
import pytest

from symgrad.codegen.render import render_c
from symgrad.dtypes import float64, int64
from symgrad.interpret import interpret
from symgrad.ir.dims import dim
from symgrad.ir.expr import Range, constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.lower.lower import lower
from symgrad.options import Options

HERE = Path(__file__).parent
COMPILER = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-O2", "-shared", "-fPIC"]
N, M, K = dim("n"), dim("m"), dim("k")


def value(name, *shape, dtype=float64):
    return fresh_input(name, TensorType(shape, dtype))


def rosenbrock():
    x = value("x", N)
    after, before = (ops.slice(x, ranges=(Range(k, N - 1),)) for k in (1, 0))
    r, s = after - before * before, 1.0 - before
    pieces = (r * 200.0, r * before * -400.0 - s * 2.0)
    gradient = ops.assemble(*pieces, shape=(N,), ranges=((Range(1, N - 1),), (Range(0, N - 1),)))
    return Graph([x], [ops.sum(r * r * 100.0 + s * s, axes=(0,)), gradient]), ("x",), ("value", "gradient")


def softmax():
    x = value("x", M, N)

    def rows(v):
        return ops.expand_dims(v, axes=(1,))

    e = ops.exp(x - rows(ops.max(x, axes=(1,))))
    return Graph([x], [e / rows(ops.sum(e, axes=(1,)))]), ("x",), ("p",)


def layer():
    x, w, b = value("x", M, K), value("w", K, N), value("b", N)
    product = ops.contract(x, w, x_labels=(0, 1), y_labels=(1, 2), out_labels=(0, 2))
    return Graph([x, w, b], [ops.tanh(product + b)]), ("x", "w", "b"), ("y",)


def lookup():
    table, index = value("table", N), value("index", M, dtype=int64)
    taken = ops.gather(table, index, axis=0)
    return Graph([table, index], [taken * taken, ops.scatter_add(taken, index, axis=0, size=N)]), ("table", "index"), ("y", "total")


def kepler():
    m, e = value("M"), value("e")
    angle = m + e * ops.sin(m)
    for _ in range(3):
        angle = angle - (angle - e * ops.sin(angle) - m) / (1.0 - e * ops.cos(angle))
    radius = ops.where(ops.lt(e, constant(1.0)), 1.0 - e * ops.cos(angle), constant(float("nan")))
    return Graph([m, e], [angle, radius]), ("M", "e"), ("E", "r")


EXAMPLES = {
    "rosenbrock": (rosenbrock, [(9,)], {"n": 9}),
    "softmax": (softmax, [(3, 200)], {"m": 3, "n": 200}),
    "layer": (layer, [(5, 7), (7, 6), (6,)], {"m": 5, "k": 7, "n": 6}),
    "lookup": (lookup, [(5,), "index"], {"n": 5, "m": 4}),
    "kepler": (kepler, [(), ()], {}),
}


def source_of(name):
    graph, inputs, outputs = EXAMPLES[name][0]()
    return graph, render_c(lower(graph, Options()), name, inputs, outputs, Options(), doc=f"golden example: {name}")


@pytest.mark.parametrize("name", EXAMPLES)
def test_text_is_the_kept_file(name):
    source = source_of(name)[1]
    for suffix, text in ((".c", source.text), (".h", source.header)):
        path = HERE / f"{name}{suffix}"
        if os.environ.get("SYMGRAD_UPDATE_GOLDEN"):
            path.write_text(text)
        assert path.read_text() == text


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_kept_file_computes_it(name, tmp_path):
    graph, source = source_of(name)
    _, shapes, sizes = EXAMPLES[name]
    rng = np.random.default_rng(0)
    arrays = [np.array([3, 0, 3, 1]) if s == "index" else rng.uniform(0.1, 0.9, s) for s in shapes]
    wanted = interpret(graph, arrays)
    found = [np.full(w.shape, -1.0) for w in wanted]
    path = tmp_path / f"{name}.so"
    subprocess.run([COMPILER, *STRICT, "-o", str(path), str(HERE / f"{name}.c"), "-lm"], check=True)
    ffi = backend.FFI()
    library = backend.load_library(str(path), 0)
    count = len(arrays) + len(found)
    kind = ", ".join(["void *"] * count + ["size_t"] * len(graph.dims) + ["void *"])
    function = library.load_function(ffi.typeof(f"int(*)({kind})"), name)
    work = np.empty(10_000)
    pointers = [ffi.from_buffer(np.atleast_1d(a)) for a in (*arrays, *found)]
    assert function(*pointers, *[sizes[d] for d in graph.dims], ffi.from_buffer(work)) == 0
    assert source.symbol == name
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)
