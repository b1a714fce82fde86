"""Expressions, literals and names in generated C."""

import ctypes
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from symgrad.codegen.cprint import affine_text, literal
from symgrad.codegen.names import RESERVED, Namer, comment, sanitize
from symgrad.codegen.nests import step_view
from symgrad.codegen.render import render_c
from symgrad.codegen.writer import Writer
from symgrad.dtypes import bool_, float32, float64, int32, int64
from symgrad.ir.dims import dim
from symgrad.ir.expr import constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.lower.loops import Affine, Function
from symgrad.lower.lower import lower
from symgrad.options import Options

from .compare import COMPILER, STRICT, agrees, native, needs_compiler

N, M = dim("n"), dim("m")
HOSTILE = ['x; system("rm -rf /")', "*/ int evil(void) { return 1; } /*", "a\nb", "", "Δx", "θ", "42", "x" * 300, "??/", "\\"]


def scalar(name="x", dtype=float64):
    return fresh_input(name, TensorType((), dtype))


def rendered(graph, name="f", inputs=None, outputs=None, doc=""):
    inputs = inputs or [f"x{k}" for k in range(len(graph.inputs))]
    outputs = outputs or [f"y{k}" for k in range(len(graph.outputs))]
    return render_c(lower(graph, Options()), name, inputs, outputs, Options(), doc)


def body(*outputs, inputs):
    text = rendered(Graph(inputs, outputs)).text
    return text[text.index("int f(") :]


def strict(text, *flags):
    done = subprocess.run([COMPILER, *STRICT, *flags, "-x", "c", "-"], input=text.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode() + text


# Expressions


def test_parentheses_are_those_that_precedence_needs():
    x, y, z = scalar("x"), scalar("y"), scalar("z")
    cases = {
        (x + y) * z: "(x0[0] + x1[0]) * x2[0]",
        x + y * z: "x0[0] + x1[0] * x2[0]",
        x - (y - z): "x0[0] - (x1[0] - x2[0])",
        (x - y) - z: "x0[0] - x1[0] - x2[0]",
        x / (y * z): "x0[0] / (x1[0] * x2[0])",
        x * (y / z): "x0[0] * (x1[0] / x2[0])",
        ops.neg(-x) * (y + z): "-(-x0[0]) * (x1[0] + x2[0])",
        -ops.sin(x + y) - z: "-sin(x0[0] + x1[0]) - x2[0]",
        x - constant(-1.0) + y * z: "x0[0] - -1.0 + x1[0] * x2[0]",
    }
    for node, text in cases.items():
        assert f"y0[0] = {text};" in body(node, inputs=[x, y, z])


def test_conditions_are_branch_free_selects_of_names():
    x = scalar()
    text = body(ops.where(ops.gt(x, constant(0.0)), ops.log(x), ops.exp(x) + 1.0), inputs=[x])
    assert "x0[0] > 0.0" in text and "? t1 : t2" in text


def test_a_value_used_twice_has_a_name():
    x = scalar()
    e = ops.exp(x)
    assert "const double t1 = exp(x0[0]);\n    y0[0] = t1 + t1 * t1;" in body(e + e * e, inputs=[x])


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (Affine(0), "0"),
        (Affine(3, ((0, 1),)), "i + 3"),
        (Affine(0, ((0, M), (1, 1))), "m*i + j"),
        (Affine(N - 1, ((0, -1),)), "n - 1 - i"),
        (Affine(-2, ((0, N + 1),)), "(n + 1)*i - 2"),
        (Affine(N * M, ((0, 2),)), "2*i + m*n"),
        (Affine(5, ((0, -2),)), "5 - 2*i"),
    ],
)
def test_positions(index, text):
    assert affine_text(index, ["i", "j"], {"n": "n", "m": "m"})[0] == text


# Literals


def test_literals_read_back_to_the_same_bits():
    rng = np.random.default_rng(0)
    doubles = rng.integers(0, 2**64, 3000, dtype=np.uint64).view(np.float64)
    for v in [*doubles[np.isfinite(doubles)], 0.1, 1e22, 5e-324, 1.7976931348623157e308, -0.0, 2.0]:
        assert np.float64(literal(float(v), float64)[0]).tobytes() == np.float64(v).tobytes()
    singles = rng.integers(0, 2**32, 3000, dtype=np.uint32).view(np.float32)
    for v in [*singles[np.isfinite(singles)], np.float32(0.1), np.float32(1e-45)]:
        text = literal(float(v), float32)[0]
        assert text.endswith("f") and np.float32(text[:-1]).tobytes() == np.float32(v).tobytes()


def test_literals_that_have_no_digits():
    assert literal(np.nan, float64)[0] == "NAN" and literal(-np.inf, float32)[0] == "-INFINITY"
    assert literal(-(2**63), int64)[0] == "INT64_MIN" and literal(-(2**31), int32)[0] == "INT32_MIN"
    assert literal(2**40, int64)[0] == "INT64_C(1099511627776)" and literal(True, bool_)[0] == "1"


@needs_compiler
def test_literals_in_compiled_code():
    x = scalar()
    values = [0.1, 1e-310, -0.0, np.inf, -np.inf, np.nan, 1 / 3]
    graph = Graph([x], [constant(v, float64) for v in values])
    found = native(graph).call([np.array(0.0)])
    assert [f.tobytes() for f in found if not np.isnan(f)] == [np.float64(v).tobytes() for v in values if not np.isnan(v)]


# Names


@pytest.mark.parametrize("name", [*HOSTILE, "int", "exp", "work", "t1", "sg_add", "i0", "abs", "NAN", "restrict"])
def test_any_string_becomes_an_identifier_of_its_own(name):
    taken = Namer().take(name)
    assert taken.isascii() and taken.isidentifier() and taken not in RESERVED and len(taken) < 60


def test_clashes_are_told_apart_and_recorded():
    x, y = scalar(), scalar()
    source = rendered(Graph([x, y], [x + y, x]), "f", ["θ", "theta"], ["f", "return"])
    assert source.input_names == ("theta", "theta_2") and source.output_names == ("f_2", "return_")
    assert (dict(source.renamed)["return"] == "return_" and sanitize("Δx") == "deltax")


@needs_compiler
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_and_comments_are_harmless(name):
    x, y = fresh_input(name, TensorType((N,), float64)), scalar(name)
    source = rendered(Graph([x, y], [ops.sin(x) + y, ops.sum(x, axes=(0,))]), name, [name, name], [name, "n"], doc=name)
    strict(source.text)
    strict(source.header)
    assert comment(name).isascii() and "*/" not in comment(name)


@pytest.mark.parametrize("names", [("i", "j"), ("n", "k"), ("s", "t"), ("out", "in")])
@needs_compiler
def test_names_of_loops_step_aside(names):
    a = np.arange(6.0)
    graph = Graph([x := fresh_input("x", TensorType((N, 3), float64)), y := fresh_input("y", TensorType((3,), float64))], [x * y])
    source = render_c(lower(graph, Options()), "f", names, ["y"], Options())
    strict(source.text)
    agrees(graph, native(graph), [a.reshape(2, 3), a[:3]], 0)


# Text


def test_source_is_plain_c99():
    x = fresh_input("x", TensorType((N, M), float64))
    text = rendered(Graph([x], [ops.exp(ops.exp(x))]), doc="y = exp(exp(x))").text
    for word in ("malloc", "alloca", "//", "\t"):
        assert word not in text
    assert text.isascii() and "y = exp(exp(x))" in text and "float64[n, m]" in text and text.endswith("}\n")
    assert all(len(line) <= 130 and line == line.rstrip() for line in text.splitlines())


@needs_compiler
def test_header_alone_and_from_c_plus_plus():
    x = fresh_input("x", TensorType((N,), float64))
    e = ops.exp(x)
    source = rendered(Graph([x], [e / ops.sum(e, axes=(0,)), ops.sum(e, axes=(0,)) * e]))
    strict(source.header)
    assert "_work(size_t n)" in source.header and "#define" in source.header


@needs_compiler
def test_c_calls_it_without_python(tmp_path):
    x = fresh_input("x", TensorType((4,), float64))
    source = rendered(Graph([x], [ops.sum(ops.exp(x), axes=(0,)), ops.exp(x)]), "model")
    (tmp_path / "model.c").write_text(source.text)
    library = tmp_path / "model.so"
    flags = ["-std=c99", "-O2", "-shared", "-fPIC"]
    subprocess.run([COMPILER, *flags, "-o", str(library), str(tmp_path / "model.c"), "-lm"], check=True)
    a, total, e = (np.arange(4.0), np.empty(1), np.empty(4))
    pointers = [ctypes.c_void_p(v.ctypes.data) for v in (a, total, e)]
    assert ctypes.CDLL(str(library)).model(*pointers, None) == 0
    np.testing.assert_allclose(e, np.exp(a), rtol=1e-15)
    np.testing.assert_allclose(total, np.exp(a).sum(), rtol=1e-15)


def test_two_additions_into_one_array_are_no_simd_loop():
    x = fresh_input("x", TensorType((N,), float64))
    program = lower(Graph([x], [ops.exp(x)]), Options())
    (nest,) = program.functions[0].steps
    load, apply, store = nest.body
    both = [store._replace(combine="+", place=store.place._replace(offset=k)) for k in (0, 1)]
    for stores, parallel in ((both[:1], True), (both, False)):
        changed = replace(nest, body=(load, apply, *stores))
        writer = Writer(replace(program, functions=(Function((changed,)),)), ["x", "y"], {"n": "n"}, False)
        assert bool(step_view(changed, writer, {}).opening[0].hint) == parallel
