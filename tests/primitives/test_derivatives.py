"""Every record's derivative: exactly, to third order; forward against reverse mode; and against differences."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import sympy

from symgrad.dtypes import float64
from symgrad.interpret import interpret
from symgrad.ir.expr import constant, fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.kinds import Zero
from symgrad.ir.types import TensorType
from symgrad.primitives import ops
from symgrad.primitives.samples import draw
from symgrad.transform.jvp import push_forward
from symgrad.transform.vjp import pull_back

from .suite import DIGITS, exactly, inputs_like, sympy_form

SMOOTH = [
    p
    for p in ops.primitives()
    if not isinstance(p.derivative, Zero) and p.samples and any(float64 in f.dtypes for f in p.samples) and p.name != "cast"
]
FAMILIES = [pytest.param(p, f, id=f"{p.name}-{k}") for p in (*SMOOTH, *ops.composites()) for k, f in enumerate(p.samples)]
EXACT = [
    pytest.param(p, f, id=f"{p.name}-{k}")
    for p in SMOOTH
    if p.elementwise and p.sympy is not None and p.name not in ("where", "fmod", "remainder", "maximum", "minimum", "clip")
    for k, f in enumerate(p.samples)
]


def forward(output, wrt):
    found = push_forward([output], {wrt: constant(1.0, float64)})[0]
    return constant(0.0, float64) if found is None else found


def reverse(output, wrt):
    found = pull_back([output], [constant(1.0, float64)], [wrt])[0]
    return constant(0.0, float64) if found is None else found


def directions(arity):
    """Which inputs to differentiate by, one after another: every mixed derivative of orders 1 to 3 up to order."""
    for order in (1, 2, 3):
        yield from itertools.combinations_with_replacement(range(arity), order)


def oracle(record, family, path):
    """Return the derivative along ``path`` as SymPy finds it, as a function over mpmath's numbers."""
    symbols = [sympy.Symbol(f"x{k}", real=True) for k in range(len(family.domains))]
    expression = sympy_form(record, dict(family.attributes), symbols)
    for k in path:
        expression = sympy.diff(expression, symbols[k])
    expression = expression.replace(sympy.DiracDelta, lambda *_: sympy.Integer(0))
    return sympy.lambdify(symbols, expression.doit(), "mpmath")


@pytest.mark.parametrize("mode", [forward, reverse])
@pytest.mark.parametrize(("record", "family"), EXACT)
def test_exact_to_third_order(record, family, mode):
    # The derivative graph is evaluated in 50 digits itself, so what is compared is formulas, not rounding; the
    # constants in it (log 2, 2/sqrt pi, ...) have double precision, hence 1e-14. Floats are compared after that.
    inputs = [fresh_input("x", TensorType((), float64)) for _ in family.domains]
    rows = list(zip(*draw(family, float64, np.random.default_rng(9), (3,)), strict=True))
    for path in directions(len(inputs)):
        node = record(*inputs, **family.attributes)
        for k in path:
            node = mode(node, inputs[k])
        reference = oracle(record, family, path)
        for row in rows:
            with mpmath.workdps(DIGITS):
                given = [mpmath.mpf(float(v)) for v in row]
                wanted = reference(*given)
                found = exactly([node], dict(zip(inputs, given, strict=True)))[0]
                assert abs(found - wanted) <= mpmath.mpf("1e-14") * max(abs(wanted), 1), (path, row, found, wanted)
            value = interpret(Graph(inputs, [node]), row)[0]
            assert float(value) == pytest.approx(float(wanted), rel=1e-10, abs=1e-9), (path, row)


KINKS = [
    ("abs", (0.0,), {}, 0, 0.0),
    ("sqrt", (0.0,), {}, 0, math.inf),
    ("cbrt", (0.0,), {}, 0, math.inf),
    ("maximum", (1.0, 1.0), {}, 0, 0.5),
    ("maximum", (1.0, 1.0), {}, 1, 0.5),
    ("maximum", (2.0, 1.0), {}, 0, 1.0),
    ("minimum", (1.0, 1.0), {}, 0, 0.5),
    ("minimum", (2.0, 1.0), {}, 0, 0.0),
    ("clip", (-1.0, -1.0, 1.0), {}, 0, 1.0),
    ("clip", (1.0, -1.0, 1.0), {}, 0, 1.0),
    ("clip", (3.0, -1.0, 1.0), {}, 0, 0.0),
    ("clip", (3.0, -1.0, 1.0), {}, 2, 1.0),
    ("clip", (-3.0, -1.0, 1.0), {}, 1, 1.0),
    ("pow", (0.0, 0.0), {}, 0, 0.0),
    ("pow", (0.0, 2.0), {}, 1, 0.0),
    ("pow", (0.0, 1.0), {}, 0, 1.0),
    ("pow", (-2.0, 3.0), {}, 0, 12.0),
    ("xlogy", (0.0, 2.0), {}, 0, math.log(2.0)),
    ("xlogy", (0.0, 2.0), {}, 1, 0.0),
    ("hypot", (0.0, 0.0), {}, 0, 0.0),
    ("remainder", (-5.5, 2.0), {}, 1, 3.0),
    ("remainder", (-5.5, 2.0), {}, 0, 1.0),
    ("fmod", (-5.5, 2.0), {}, 1, 2.0),
    ("sinc", (0.0,), {"order": 0}, 0, 0.0),
    ("sinc", (0.0,), {"order": 1}, 0, -1 / 3),
    ("integer_pow", (0.0,), {"exponent": 1}, 0, 1.0),
    ("integer_pow", (0.0,), {"exponent": 0}, 0, 0.0),
    ("integer_pow", (0.0,), {"exponent": 2}, 0, 0.0),
]


@pytest.mark.parametrize("mode", [forward, reverse])
@pytest.mark.parametrize(("name", "point", "attributes", "wrt", "wanted"), KINKS)
def test_kinks(name, point, attributes, wrt, wanted, mode):
    inputs = [fresh_input("x", TensorType((), float64)) for _ in point]
    node = mode(getattr(ops, name)(*inputs, **attributes), inputs[wrt])
    value = interpret(Graph(inputs, [node]), [np.float64(p) for p in point])[0]
    assert float(value) == pytest.approx(wanted, rel=1e-14)


def setting(record, family, seed):
    """Return inputs, arguments, the floating inputs' positions and the output node of one call."""
    arrays = draw(family, float64, np.random.default_rng(seed), (4,))
    inputs = inputs_like(arrays)
    return inputs, arrays, [k for k, i in enumerate(inputs) if i.dtype.is_floating], record(*inputs, **family.attributes)


def floating_families(record, family):
    return float64 in family.dtypes


@pytest.mark.parametrize(("record", "family"), [p for p in FAMILIES if floating_families(*p.values)])
def test_forward_and_reverse_are_adjoint(record, family):
    inputs, arrays, floats, out = setting(record, family, 11)
    rng = np.random.default_rng(12)
    for _ in range(2):  # of the function, then of its gradient's product with a constant vector
        tangents = [fresh_input("v", inputs[k].type) for k in floats]
        cotangent = fresh_input("w", out.type)
        pushed = push_forward([out], {inputs[k]: t for k, t in zip(floats, tangents, strict=True)})[0]
        pulled = pull_back([out], [cotangent], [inputs[k] for k in floats])
        vs = [rng.normal(size=arrays[k].shape) for k in floats]
        w = rng.normal(size=out.shape)
        named = [p for p in (pushed, *pulled) if p is not None]
        values = interpret(Graph([*inputs, *tangents, cotangent], named), [*arrays, *vs, w])
        by_node = dict(zip(named, values, strict=True))
        left = 0.0 if pushed is None else np.sum(by_node[pushed] * w)
        terms = [np.sum(by_node[p] * v) for p, v in zip(pulled, vs, strict=True) if p is not None]
        np.testing.assert_allclose(left, sum(terms), rtol=1e-9, atol=1e-9)
        if all(p is None for p in pulled):
            return
        weighted = [ops.sum(p * constant(v), axes=tuple(range(p.ndim))) for p, v in zip(pulled, vs, strict=True) if p is not None]
        out = sum(weighted[1:], weighted[0])
        out = Graph([*inputs, cotangent], [out])(*inputs, constant(w))[0]


@pytest.mark.parametrize(("record", "family"), [p for p in FAMILIES if floating_families(*p.values)])
def test_against_central_differences(record, family):
    inputs, arrays, floats, out = setting(record, family, 13)
    rng = np.random.default_rng(14)
    vs = [rng.normal(size=arrays[k].shape) for k in floats]
    tangent = push_forward([out], {inputs[k]: constant(v) for k, v in zip(floats, vs, strict=True)})[0]
    graph = Graph(inputs, [out])

    def along(step):
        moved = list(arrays)
        for k, v in zip(floats, vs, strict=True):
            moved[k] = arrays[k] + step * v
        return interpret(graph, moved)[0]

    h = 1e-3  # five points: the error is of order h^4
    wanted = (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h)
    found = np.zeros(out.shape) if tangent is None else interpret(Graph(inputs, [tangent]), arrays)[0]
    scale = np.max(np.abs(wanted), initial=1.0)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7 * scale)


def test_prod_is_exact_at_zeros():
    x = fresh_input("x", TensorType((4,), float64))
    gradient = pull_back([ops.prod(x, axes=(0,))], [constant(1.0)], [x])[0]
    cases = {(2.0, 0.0, 3.0, 5.0): [0, 30, 0, 0], (0.0, 0.0, 3.0, 5.0): [0, 0, 0, 0]}
    for given, wanted in cases.items():
        np.testing.assert_array_equal(interpret(Graph([x], [gradient]), [np.array(given)])[0], wanted)
    second = pull_back([ops.slice(gradient, ranges=(_first(0),))], [constant(1.0)], [x])[0]
    np.testing.assert_array_equal(interpret(Graph([x], [second]), [np.array([0.0, 0.0, 3.0, 5.0])])[0], [0, 15, 0, 0])


def _first(k):
    from symgrad.ir.expr import Range

    return Range(k, None)


@pytest.mark.parametrize("name", ["max", "min"])
def test_ties_share_evenly(name):
    x = fresh_input("x", TensorType((4,), float64))
    given = np.array([1.0, 3.0, 3.0, 3.0]) * (1 if name == "max" else -1)
    gradient = pull_back([getattr(ops, name)(x, axes=(0,))], [constant(1.0)], [x])[0]
    np.testing.assert_allclose(interpret(Graph([x], [gradient]), [given])[0], [0, 1 / 3, 1 / 3, 1 / 3])


@pytest.mark.parametrize("name", ["norm", "std"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_roots_of_squares_have_no_derivative_at_zero(name, order):
    x = fresh_input("x", TensorType((3,), float64))
    node = getattr(ops, name)(x, axes=(0,))
    for _ in range(order):
        node = pull_back([node], [constant(1.0)], [x])[0]
        node = ops.slice(node, ranges=(_first(0),))
    assert interpret(Graph([x], [node]), [np.zeros(3)])[0] == 0.0


def test_logsumexp_is_exact_at_every_order_with_infinite_elements():
    x = fresh_input("x", TensorType((3,), float64))
    given = np.array([-np.inf, 0.5, 1.5])
    node = ops.logsumexp(x, axes=(0,))
    p = 1 / (1 + math.exp(-1.0))  # the share of the last element
    wanted = [p, p * (1 - p), p * (1 - p) * (1 - 2 * p)]
    for expected in wanted:
        node = ops.slice(pull_back([node], [constant(1.0)], [x])[0], ranges=(_first(2),))
        assert float(interpret(Graph([x], [node]), [given])[0]) == pytest.approx(expected, rel=1e-13)


