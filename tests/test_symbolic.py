import math
import subprocess
import sys

import numpy as np
import pytest
import sympy as sp
from sympy.codegen import cfunctions

import symgrad.primitives  # noqa: F401
from symgrad.dtypes import float64, int64
from symgrad.errors import TraceError
from symgrad.interpret import interpret
from symgrad.ir.dims import dim
from symgrad.ir.expr import Range, constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.ir.verify import verify
from symgrad.symbolic import from_expression, latex, to_expressions

x, y, z = sp.symbols("x y z")
t = sp.Symbol("t")
i, j = sp.symbols("i j", integer=True)
X = sp.IndexedBase("X", shape=(5,))
POINT = {x: 0.3125, y: 1.75, z: -0.625}

EXPRESSIONS = [
    x + y + z, x - y - 3, -x - y, 2 * x * y * z, x / y, x / 3, -x / (3 * y**2), x * sp.Rational(2, 7),
    1 / x, 1 / (x * y), 5 / x,
    x**2, x**3, x**-2, x**11, sp.sqrt(x), 1 / sp.sqrt(x), x / sp.sqrt(y), y**sp.Rational(3, 2), y**sp.Rational(1, 3), y**x,
    y**-x, 2**x, 10**x, sp.exp(x), sp.exp(-x**2 / 2) / sp.sqrt(2 * sp.pi), sp.log(y), sp.log(y, 2),
    sp.sin(x), sp.cos(x), sp.tan(x), sp.sec(x), sp.csc(x), sp.cot(x), sp.asin(x), sp.acos(x), sp.atan(x),
    sp.acot(x), sp.asec(y), sp.acsc(y), sp.atan2(x, y),
    sp.sinh(x), sp.cosh(x), sp.tanh(x), sp.sech(x), sp.csch(x), sp.coth(x), sp.asinh(x), sp.acosh(y), sp.atanh(x), sp.acoth(y),
    sp.asech(x), sp.acsch(x), sp.erf(x), sp.erfc(x), sp.erfinv(x), sp.gamma(y), sp.loggamma(y), sp.digamma(y), sp.polygamma(0, y),
    sp.polygamma(2, y), sp.trigamma(y), sp.besselj(0, y), sp.besselj(2, y), sp.bessely(1, y), sp.besseli(1, y), sp.sinc(x),
    sp.factorial(y), sp.beta(x, y), sp.binomial(5, y), sp.Abs(z), sp.sign(z), sp.floor(z), sp.ceiling(z),
    sp.Mod(z, y), sp.frac(y),
    sp.Max(x, y, z), sp.Min(x, y, z), sp.Piecewise((x, x > 1), (y, y > 1), (z, True)),
    sp.Piecewise((x, sp.And(x > 0, y < 1)), (y, True)),
    sp.Piecewise((1, sp.Or(x > 1, sp.Not(sp.Eq(x, y)))), (0, True)),
    sp.Piecewise((x, (x > 0) ^ (y > 0)), (y, True)),
    sp.ITE(x > 0, y > 0, z > 0), sp.Implies(x > 1, y > 2), sp.Equivalent(x > 1, y > 2), sp.Ne(x, y), sp.Ge(x, y), sp.Le(x, y),
    sp.Sum(x**i / sp.factorial(i), (i, 0, 10)), sp.Product(x + i, (i, 1, 4)), sp.Sum(x * i * j, (i, 1, j), (j, 1, 4)),
    sp.Sum(x, (i, 3, 2)), sp.Derivative(sp.sin(x) * y, x), sp.Subs(sp.Derivative(sp.sin(t), t), t, x), sp.pi * x + sp.E * y,
    sp.Sum(sp.sin(x), (i, 1, 3)), cfunctions.expm1(x), cfunctions.log1p(x), cfunctions.hypot(x, y), cfunctions.fma(x, y, z),
    cfunctions.Cbrt(y), cfunctions.log10(y), sp.sqrt(2) * x, x * sp.cos(1), sp.EulerGamma * x, sp.conjugate(x) + sp.re(y),
    sp.Contains(x, sp.Interval(0, 1)), x * sp.Float("0.1", 30), x * sp.LambertW(2), x * sp.zeta(3), x**y**z,
    (x + y) ** 2 / (1 + z**2) ** 3,
]  # fmt: skip


def expected(expr):
    value = expr.subs({k: sp.Float(v, 40) for k, v in POINT.items()})
    value = sp.expand_func(value.doit() if hasattr(value, "doit") else value)
    return bool(value) if value in (sp.true, sp.false) else float(sp.N(value, 30))


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_values(expr):
    translated = from_expression(expr, [x, y, z])
    verify(translated.graph)
    (value,) = interpret(translated.graph, list(POINT.values()))
    assert translated.structure == "expr" and value.shape == ()
    assert value == pytest.approx(expected(expr), rel=4e-15, abs=1e-16)


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_round_trip_keeps_the_value(expr):
    translated = from_expression(expr, [x, y, z])
    (back,) = to_expressions(translated.graph, ["x", "y", "z"])
    assert back.free_symbols <= {x, y, z}
    assert expected(back) == pytest.approx(expected(expr), rel=4e-15, abs=1e-16)
    assert isinstance(latex(translated.graph, ["x", "y", "z"]), str)


@pytest.mark.parametrize(
    "expr",
    [x + y, x * y - 3 * z, sp.sin(x) * sp.exp(-(x**2)) / (1 + y**2), sp.sqrt(x**2 + y**2), x**y, sp.pi * x / 4, sp.Max(x, y),
     sp.Piecewise((x, x < y), (y, x > 3), (z, True)), sp.besselj(2, x), sp.Abs(x), sp.atan2(y, x), x < y, x / 3],
    ids=str,
)  # fmt: skip
def test_round_trip_is_the_same_expression(expr):
    assert to_expressions(from_expression(expr, [x, y, z]).graph, ["x", "y", "z"]) == [expr]


# Numbers


@pytest.mark.parametrize(
    ("number", "value"),
    [(sp.Rational(1, 3), 1 / 3), (sp.pi, math.pi), (sp.E, math.e), (sp.pi / 4, math.pi / 4), (sp.sqrt(2), 2**0.5),
     (sp.Integer(2) ** 80 + 1, float(2**80 + 1)), (sp.Float("0.1", 50), 0.1), (sp.Float("1e-320"), 1e-320), (sp.oo, math.inf),
     (-sp.oo, -math.inf), (sp.Rational(10**400, 10**399 * 3), 10 / 3), (sp.GoldenRatio, (1 + 5**0.5) / 2), (7, 7.0), (0.25, 0.25),
     (sp.exp(10), 22026.465794806718), (1 + sp.pi, 1 + math.pi)],
)  # fmt: skip
def test_numbers_are_the_nearest_doubles(number, value):
    (result,) = interpret(from_expression(number, []).graph, [])
    assert float(result) == value
    (node,) = from_expression(number, []).graph.outputs
    assert node.primitive is ops.constant


def test_nan_and_truth():
    assert math.isnan(interpret(from_expression(sp.nan, []).graph, [])[0])
    assert interpret(from_expression(sp.true, []).graph, [])[0].dtype == bool


def test_a_constant_factor_is_rounded_once():
    graph = from_expression(sp.Rational(1, 3) * x, [x]).graph
    for value in np.random.default_rng(0).normal(size=50):
        assert interpret(graph, [value])[0] == value / 3


def test_no_condition_gives_nan():
    assert math.isnan(interpret(from_expression(sp.Piecewise((x, x > 1)), [x]).graph, [0.5])[0])


# Arguments and structures


def test_arguments_become_arrays():
    a = sp.symbols("a0:3")
    m = sp.Matrix(2, 2, sp.symbols("m:4"))
    matrix = sp.MatrixSymbol("A", 2, 3)
    expr = a[0] * a[2] + m[0, 1] - m[1, 0] + X[4] * matrix[1, 2] + t
    graph = from_expression(expr, [list(a), m, X, matrix, t]).graph
    assert [n.shape for n in graph.inputs] == [(3,), (2, 2), (5,), (2, 3), ()]
    assert [n.attributes["label"] for n in graph.inputs] == ["a", "m", "X", "A", "t"]
    assert all(n.dtype is float64 for n in graph.inputs)
    arrays = [np.array([2.0, 0.0, 3.0]), np.array([[0.0, 5.0], [1.0, 0.0]]), np.arange(5.0), np.arange(6.0).reshape(2, 3), 0.5]
    assert interpret(graph, arrays)[0] == 6 + 4 + 20 + 0.5


def test_nested_lists_and_undefined_functions_are_arguments():
    theta = sp.Function("theta")(t)
    rate = theta.diff(t)
    graph = from_expression(rate**2 + sp.sin(theta) + t, [[theta, rate], t]).graph
    assert interpret(graph, [np.array([0.5, 2.0]), 1.0])[0] == 4 + math.sin(0.5) + 1
    grid = [[x, y], [z, t]]
    assert from_expression(x * t, [grid]).graph.inputs[0].shape == (2, 2)


def test_unused_arguments_stay():
    assert len(from_expression(x, [x, y]).graph.inputs) == 2


def test_structures():
    translated = from_expression([x, (sp.Matrix([[x, 0], [1, y]]), [x * y]), sp.Array([[[x, y]]])], [x, y])
    assert translated.structure == ("list", ["expr", ("list", [("matrix", 2, 2), ("list", ["expr"])]), ("array", 1, 1, 2)])
    values = interpret(translated.graph, [2.0, 3.0])
    assert [v.tolist() for v in values] == [2.0, [[2.0, 0.0], [1.0, 3.0]], 6.0, [[[2.0, 3.0]]]]
    assert from_expression(sp.zeros(2, 3), []).graph.outputs[0].shape == (2, 3)
    assert from_expression([], [x]).graph.outputs == ()


def test_shared_parts_are_translated_once():
    part = sp.exp(sp.sin(x) + y)
    graph = from_expression([part, part * x, sp.Matrix([part + 1, part])], [x, y]).graph
    assert sum(n.name == "exp" for n in graph.order) == 1


def test_matrix_expressions():
    a, b = sp.MatrixSymbol("A", 2, 3), sp.MatrixSymbol("B", 3, 2)
    s = sp.MatrixSymbol("S", 2, 2)
    rng = np.random.default_rng(1)
    av, bv, sv = rng.normal(size=(2, 3)), rng.normal(size=(3, 2)), rng.normal(size=(2, 2))
    cases = [
        (a * b, av @ bv), (2 * a * b - s, 2 * av @ bv - sv), (a.T + b, av.T + bv), (sp.HadamardProduct(s, s), sv * sv),
        (sp.Trace(a * b), np.trace(av @ bv)), (sp.Determinant(s), np.linalg.det(sv)), (s.I, np.linalg.inv(sv)), (s**2, sv @ sv),
        ((a * b)[0, 1], (av @ bv)[0, 1]), (sp.Identity(2) + s, np.eye(2) + sv), (x * sp.OneMatrix(2, 2) + s, 0.5 + sv),
    ]  # fmt: skip
    for expr, value in cases:
        result = interpret(from_expression(expr, [a, b, s, x]).graph, [av, bv, sv, 0.5])[0]
        np.testing.assert_allclose(result, value, rtol=1e-13)


def test_sums_over_indexed_arrays():
    rosenbrock = sp.Sum(100 * (X[i + 1] - X[i] ** 2) ** 2 + (1 - X[i]) ** 2, (i, 0, 3))
    value = np.array([0.5, -1.0, 2.0, 0.25, 1.5])
    wanted = np.sum(100 * (value[1:] - value[:-1] ** 2) ** 2 + (1 - value[:-1]) ** 2)
    assert interpret(from_expression(rosenbrock, [X]).graph, [value])[0] == pytest.approx(wanted, rel=1e-15)
    grid = sp.IndexedBase("G", shape=(2, 3))
    double = sp.Sum(grid[i, j] * (i + 2 * j), (i, 0, 1), (j, 0, 2))
    array = np.arange(6.0).reshape(2, 3)
    wanted = sum(array[p, q] * (p + 2 * q) for p in (0, 1) for q in range(3))
    assert interpret(from_expression(double, [grid]).graph, [array])[0] == wanted
    weighted = sp.Sum(i * X[i] + X[4 - i] ** i, (i, 0, 4)) + sp.Product(X[i] - x, (i, 1, 3)) + sp.Sum(X[i], (i, 2, 1))
    wanted = sum(p * value[p] + value[4 - p] ** p for p in range(5)) + np.prod(value[1:4] - 0.5)
    assert interpret(from_expression(weighted, [X, x]).graph, [value, 0.5])[0] == pytest.approx(wanted, rel=1e-15)
    k = sp.Idx("k", 5)
    assert interpret(from_expression(sp.Sum(X[k], k), [X]).graph, [value])[0] == value.sum()


# Refusals

CASES = [
    (sp.LambertW(x), [x], "LambertW"),
    (sp.Heaviside(x), [x], r"Heaviside.*Piecewise"),
    (sp.DiracDelta(x), [x], "DiracDelta"),
    (sp.Integral(sp.exp(x * t), (t, 0, 1)), [x], "Integral.*quadrature"),
    (sp.besselj(sp.Rational(1, 2), x), [x], "order must be an integer"),
    (sp.besselj(y, x), [x, y], "order must be an integer"),
    (sp.besselk(1, x), [x], "besselk"),
    (sp.polygamma(y, x), [x, y], "order must be an integer"),
    (sp.I * x, [x], "complex"),
    (sp.sqrt(-2) * x, [x], "complex"),
    (sp.Integer(-8) ** sp.Rational(1, 3) * x, [x], "complex"),
    (sp.zoo, [], "divides by zero"),
    (sp.Integer(10) ** 400, [], "too large"),
    (x + y * z, [x], "not among args: y, z"),
    (sp.Function("f")(x), [x], r"not among args: f\(x\)"),
    (sp.Function("f")(x).diff(x), [x], "as an argument of its own"),
    (sp.Function("sin")(x), [x], r"not among args: sin\(x\)"),
    (sp.Sum(x**i, (i, 0, y)), [x, y], "between two integers"),
    (sp.Sum(x**i, (i, 0, sp.oo)), [x], "between two integers"),
    (X[i], [X], "index must be an integer"),
    (X[5], [X], "outside the shape"),
    (sp.Sum(X[i], (i, 0, 5)), [X], "outside the shape"),
    (sp.IndexedBase("Y", shape=(2,))[0], [X], "not among args: Y"),
    (sp.MatrixSymbol("A", 2, 2), [x], "not among args: A"),
    (sp.Inverse(sp.MatrixSymbol("A", 4, 4)), [sp.MatrixSymbol("A", 4, 4)], "linear system"),
    (sp.MatrixSymbol("A", y, 2), [x], "shape must be of numbers"),
    (x, [sp.IndexedBase("Y")], r"shape=\(n,\)"),
    (x, [sp.MatrixSymbol("A", y, 2)], "shape must be of numbers"),
    (x, [x, x], "given twice"),
    (x, [[x, y], y], "given twice"),
    (x, [x + 1], "an argument is a Symbol"),
    (x, [[x, y + 1]], "an argument is a Symbol"),
    (x, [[[x, y], [z]]], "equal lengths"),
    (x, x, "args must be a list"),
    (x, "x", "args must be a list"),
    ("x + 1", [x], "expected a SymPy expression"),
    (None, [x], "expected a SymPy expression"),
    (sp.zeta(x), [x], "zeta has no primitive"),
    (sp.Order(x), [x], "removeO"),
    (sp.Lambda(x, x), [x], "Lambda"),
    (sp.im(x), [x], "real"),
]


@pytest.mark.parametrize(("expr", "args", "message"), CASES, ids=lambda v: str(v)[:30])
def test_what_cannot_be_translated_is_named(expr, args, message):
    with pytest.raises(TraceError, match=message) as caught:
        from_expression(expr, args)
    assert "test_symbolic.py" in str(caught.value)


# Size


def test_deep_and_wide_expressions():
    deep = x
    for _ in range(3000):
        deep = sp.sin(deep, evaluate=False)
    assert len(from_expression(deep, [x]).graph) == 3001
    wide = sp.Add(*[sp.sin(k * x) for k in range(1, 3000)])
    assert interpret(from_expression(wide, [x]).graph, [0.1])[0] == pytest.approx(sum(math.sin(0.1 * k) for k in range(1, 3000)))


_SCRIPT = """
import sympy as sp, symgrad.primitives
from symgrad.symbolic import from_expression, latex
x, y, z = sp.symbols("x y z")
e = sp.expand((x + y + z)**4) + sp.Max(x, y, z) + sp.Piecewise((1, sp.And(x > 0, y > 0, z > 0)), (0, True)) * sp.sin(x*y*z)
g = from_expression(e, [x, y, z]).graph
print(g, latex(g, ["x", "y", "z"]))
"""


def test_the_same_whatever_the_hash_seed():
    texts = set()
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(p for p in sys.path if p)}
        done = subprocess.run([sys.executable, "-c", _SCRIPT], env=environment, capture_output=True, text=True, check=True)
        texts.add(done.stdout)
    assert len(texts) == 1


def test_sympy_is_imported_only_when_used():
    script = "import sys, symgrad.symbolic; assert 'sympy' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": ":".join(p for p in sys.path if p)}, check=True)


# Graphs as expressions


def array(*shape, label="x", dtype=float64):
    return fresh_input(label, TensorType(shape, dtype))


def test_arrays_become_arrays_of_elements():
    v = array(3)
    total = ops.sum(ops.sin(v) * 2.0, axes=(0,))
    graph = Graph([v], [v * v, total, ops.reshape(v, shape=(3, 1)), ops.max(v, axes=(0,))])
    base = sp.IndexedBase("x", shape=(3,))
    square, whole, column, largest = to_expressions(graph, ["x"])
    assert square == sp.Array([base[k] ** 2 for k in range(3)])
    assert whole == sum(2 * sp.sin(base[k]) for k in range(3))
    assert column.shape == (3, 1)
    assert largest == sp.Max(*[base[k] for k in range(3)])


def test_every_structural_primitive_agrees_with_the_interpreter():
    v, m = array(4, label="v"), array(2, 3, label="m")
    indices = constant(np.array([2, 0, 2]))
    truths = ops.gt(m, constant(0.0))
    outputs = [
        ops.slice(v, ranges=(Range(3, 2, -2),)),
        ops.assemble(v, v, shape=(6,), ranges=((Range(0, 4),), (Range(5, 4, -1),))),
        ops.gather(m, indices, axis=1),
        ops.scatter_add(ops.gather(m, indices, axis=1), indices, axis=1, size=3),
        ops.contract(m, m, x_labels=(0, 1), y_labels=(2, 1), out_labels=(2, 0)),
        ops.matmul(m, ops.transpose(m, permutation=(1, 0))),
        ops.outer(v, v),
        ops.prod(m, axes=(0,)),
        ops.min(m, axes=(0, 1)),
        ops.cast(ops.any(truths, axes=(0,)), dtype=float64),
        ops.cast(ops.all(truths, axes=(1,)), dtype=float64),
        ops.where(truths, m, -m),
        ops.broadcast_to(ops.expand_dims(ops.sum(m, axes=(1,)), axes=(1,)), shape=(2, 3)),
        ops.round(m * 4.0), ops.trunc(m * 4.0), ops.floor(m), ops.remainder(m, constant(0.7)),
        ops.cast(ops.iota(size=4, dtype=int64), dtype=float64) * v,
        ops.cast(ops.cast(v * 3.0, dtype=int64), dtype=float64),
        ops.softplus(v), ops.sinc(v, order=1), ops.clip(v, constant(-0.5), constant(0.5)),
    ]  # fmt: skip
    graph = Graph([v, m], outputs)
    values = [np.array([0.5, -1.25, 0.75, 2.0]), np.array([[0.5, -0.25, 1.5], [2.0, 0.125, -1.0]])]
    v_base, m_base = sp.IndexedBase("v", shape=(4,)), sp.IndexedBase("m", shape=(2, 3))
    point = {v_base[k]: sp.Float(values[0][k], 30) for k in range(4)}
    point.update({m_base[p, q]: sp.Float(values[1][p, q], 30) for p in range(2) for q in range(3)})
    for expression, value in zip(to_expressions(graph, ["v", "m"]), interpret(graph, values), strict=True):
        entries = list(expression.reshape(len(expression))) if value.ndim else [expression]
        assert getattr(expression, "shape", ()) == value.shape
        found = [float(sp.N(sp.sympify(e).xreplace(point))) for e in entries]
        np.testing.assert_allclose(np.array(found).reshape(value.shape), value, rtol=1e-12, atol=1e-14)


def test_graphs_without_a_sympy_form_are_refused():
    n = array(dim("n"))
    with pytest.raises(TraceError, match="fixed sizes"):
        to_expressions(Graph([n], [n * 2.0]), ["x"])
    v = array(3)
    with pytest.raises(TraceError, match="argmax has no SymPy form"):
        to_expressions(Graph([v], [ops.argmax(v, axis=0)]), ["x"])
    with pytest.raises(TraceError, match="isnan has no SymPy form"):
        to_expressions(Graph([v], [ops.isnan(v)]), ["x"])
    k = array(dtype=int64, label="k")
    with pytest.raises(TraceError, match="indices that vary"):
        to_expressions(Graph([v, k], [ops.gather(v, k, axis=0)]), ["x", "k"])
    with pytest.raises(TraceError, match="at most"):
        to_expressions(Graph([], [ops.broadcast_to(constant(1.0), shape=(1000, 1000))]), [])


# LaTeX


def test_latex_of_a_formula():
    graph = from_expression(sp.sin(x) ** 2 / (1 + x**2), [x]).graph
    assert latex(graph, ["x"]) == sp.latex(sp.sin(x) ** 2 / (1 + x**2))
    assert latex(graph, ["alpha"]) == r"\frac{\sin^{2}{\left(\alpha \right)}}{\alpha^{2} + 1}"


def test_latex_of_vectors_and_matrices():
    graph = from_expression([sp.Matrix([[x, y], [1, 0]])], [x, y]).graph
    assert latex(graph, ["x", "y"]) == r"\left[\begin{matrix}x & y\\1 & 0\end{matrix}\right]"
    v = array(2)
    assert latex(Graph([v], [v * 2.0]), ["x"]) == r"\left[\begin{matrix}2 {x}_{0}\\2 {x}_{1}\end{matrix}\right]"
    two = latex(from_expression([x, y], [x, y]).graph, ["x", "y"])
    assert two == "\\begin{aligned}\ny_{1} &= x \\\\\ny_{2} &= y\n\\end{aligned}"


def test_latex_of_a_long_formula_names_its_parts():
    part = sp.exp(-(x**2)) * sp.sin(x + y)
    graph = from_expression(sp.expand(sum(part**k * (k + x) for k in range(1, 8))), [x, y]).graph
    text = latex(graph, ["x", "y"])
    assert "t_{1} &=" in text and text.startswith("\\begin{aligned}") and text.endswith("\\end{aligned}")


def test_latex_of_large_arrays_defines_nodes():
    v, m = array(dim("n")), array(dim("n"), dim("n"), label="m")
    e = ops.exp(-v * v)
    text = latex(Graph([v, m], [ops.sum(e * ops.sin(v) + e, axes=(0,)), ops.matmul(m, e)]), ["x", "M"])
    assert r"t_{1} &= e^{- x^{2}}" in text
    assert r"\operatorname{sum}\left(" in text and r"M t_{1}" not in text.split("\n")[1]
    odd = ops.where(ops.isnan(v), constant(0.0), v)
    assert r"\operatorname{isnan}\left(x\right)" in latex(Graph([v], [odd]), ["x"])
    rows = array(100, 3)
    part = ops.slice(ops.transpose(rows, permutation=(1, 0)), ranges=(Range(1, None), Range(0, 50, 2)))
    text = latex(Graph([rows], [part]), ["x"])
    assert text == r"\left(x^{\top}\right)_{1, 0:100:2}"
    assert "reshape" in latex(Graph([rows], [ops.reshape(rows, shape=(3, 100))]), ["x"])


def test_latex_of_every_elementwise_primitive():
    for primitive in ops.primitives():
        for family in primitive.samples[:1]:
            if primitive.elementwise:
                inputs = [array(40, dtype=family.input_dtype(k, family.dtypes[0])) for k in range(len(family.domains))]
                node = primitive(*inputs, **family.attributes)
                assert latex(Graph(inputs, [node]), ["x", "y", "z"][: len(inputs)])
