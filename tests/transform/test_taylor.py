"""Taylor mode: exact at every order, and small."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

import symgrad as sg
from symgrad.dtypes import float64
from symgrad.ir.expr import fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.transform import derive


def reference(x, np=sg):
    return np.sin(x * np.exp(-(x**2))) / (1 + x**2)


def graph_of(fn):
    x = fresh_input("x", TensorType((), float64))
    return Graph([x], [fn(sg.Array(x)).node])


def test_node_counts_of_high_derivatives():
    graph = graph_of(reference)
    counts = [len(derive.derivative(graph, [0], order)) for order in range(1, 9)]
    assert counts == [23, 46, 74, 107, 148, 193, 248, 307]
    assert counts[-1] <= 500


@pytest.mark.parametrize("order", range(1, 9))
def test_against_mpmath(order):
    with mpmath.workdps(60):
        exact = float(mpmath.diff(lambda t: reference(t, mpmath), mpmath.mpf(0.7), order))
    np.testing.assert_allclose(sg.derivative(reference, order)(0.7), exact, rtol=1e-12)


SMOOTH = {
    "exp": sg.exp, "log": sg.log, "sqrt": sg.sqrt, "rsqrt": sg.rsqrt, "cbrt": sg.cbrt, "tan": sg.tan, "atan": sg.atan, "tanh": sg.tanh,
    "asinh": sg.asinh, "log1p": sg.log1p, "quotient": lambda x: sg.sin(x) / (2 + x * x), "power": lambda x: x**2.5,
    "cube": lambda x: x**3, "negative power": lambda x: x**-3, "hypot": lambda x: sg.hypot(x, 2 * x + 1),
    "atan2": lambda x: sg.atan2(x, 1 + x * x), "traced power": lambda x: sg.pow(x, 1 + x), "prod": lambda x: sg.prod(sg.stack([x, x + 1, x * x])),
    "max": lambda x: sg.max(sg.stack([sg.sin(x), x * x, 3 * x])), "matmul": lambda x: sg.stack([x, x * x]) @ sg.stack([sg.exp(x), x]),
    "max of max": lambda x: sg.max(sg.stack([x * x, sg.max(sg.stack([sg.exp(x), x]))])),
}  # fmt: skip


@pytest.mark.parametrize("name", SMOOTH)
def test_equals_nested_forward_mode(name):
    fn = SMOOTH[name]
    nested = fn
    series = sg.taylor(fn, 4)(0.8)
    for order in range(5):
        np.testing.assert_allclose(nested(0.8), series[order] * math.factorial(order), rtol=1e-11, atol=1e-13)
        nested = (lambda f: lambda x: sg.jvp(f)(x, 1.0))(nested)


def test_shapes():
    x = np.linspace(0.1, 1, 6).reshape(2, 3)
    assert sg.taylor(sg.exp, 3)(x).shape == (4, 2, 3)
    np.testing.assert_allclose(sg.taylor(sg.exp, 3)(x)[3], np.exp(x) / 6)
    assert sg.derivative(sg.sin, 0)(0.5) == np.sin(0.5)


def test_bad_order():
    with pytest.raises(ValueError, match="order must be an integer of at least 0, got -1"):
        sg.derivative(sg.sin, -1)(1.0)


def test_a_long_chain_meets_no_recursion_limit():
    def fn(x):
        for _ in range(3000):
            x = sg.sin(x) + 1e-3
        return x

    assert np.isfinite(sg.derivative(fn, 2)(0.3))
