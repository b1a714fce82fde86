"""Generated C compiles alone under strict warnings, with and without the SIMD forms."""

import importlib.util
import subprocess
import sys

import pytest

from symgrad.codegen.render import render_c
from symgrad.ir.dims import dim
from symgrad.ir.kinds import Interpreted
from symgrad.lower.lower import lower
from symgrad.options import Options
from symgrad.primitives import ops

from ..lower.random_graphs import random_graph
from .compare import COMPILER, STRICT, needs_compiler
from .test_records import graph_of

pytestmark = needs_compiler


def compiles(texts):
    """Compile several sources, one after another in one run of the compiler for each kind of flags."""
    paths = list(map(str, texts))
    for flags in ([], ["-DSG_SIMD", "-fopenmp-simd", "-O1"]):
        done = subprocess.run([COMPILER, *STRICT, *flags, *paths], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()


def sources(graphs, tmp_path):
    for k, graph in enumerate(graphs):
        inputs, outputs = ([f"{c}{j}" for j in range(len(v))] for c, v in (("x", graph.inputs), ("y", graph.outputs)))
        source = render_c(lower(graph, Options()), f"f{k}", inputs, outputs, Options())
        path = tmp_path / f"f{k}.c"
        path.write_text(source.text)
        yield path


def graphs_of_records(letters):
    return [
        graph_of([f for f in record.samples if dtype in f.dtypes], record, dtype, (dim("n"),))
        for record in ops.primitives()
        if record.name[0] in letters and not isinstance(record.lowering, Interpreted)
        for dtype in dict.fromkeys(d for family in record.samples for d in family.dtypes)
    ]


@pytest.mark.parametrize("letters", ["ab", "cde", "fghijkl", "mnopqr", "s", "tuvwxyz"])
def test_every_record(letters, tmp_path):
    compiles(sources(graphs_of_records(letters), tmp_path))


@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="needs clang, which the extra zig brings")
def test_every_record_with_clang(tmp_path):
    paths = list(map(str, sources(graphs_of_records("abcdefghijklmnopqrstuvwxyz"), tmp_path)))
    flags = [f for f in STRICT if f != "-fsyntax-only"]
    command = [sys.executable, "-m", "ziglang", "cc", *flags, "-O0", "-c", *paths]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_random_graphs(tmp_path):
    compiles(sources([random_graph(seed) for seed in range(40)], tmp_path))
