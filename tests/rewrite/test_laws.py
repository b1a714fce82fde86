import itertools

import numpy as np
import pytest

import symgrad.primitives  # noqa: F401
from symgrad.dtypes import float64, int64
from symgrad.interpret import interpret
from symgrad.ir.expr import constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.options import Options
from symgrad.rewrite.passes import rewrite
from symgrad.rewrite.pattern import Elementwise, apply_law
from symgrad.rewrite.rules import EXACT, FAST, GROUPS

from .instances import SAMPLES, inputs_of, nodes_for, ordinary_arguments, same_bits, special_arguments

EVERY = EXACT + FAST
name = lambda law: law.text  # noqa: E731


def fired(law):
    pairs = [(node, apply_law(law, node)) for node in nodes_for(law)]
    pairs = [(node, found) for node, found in pairs if found is not None and found is not node]
    assert pairs, f"no instance of {law.text!r} is rewritten"
    return pairs


def thinned(pairs, most=60):
    return pairs[:: max(1, len(pairs) // most)]


def values(node, inputs, arguments):
    return interpret(Graph(inputs, [node]), arguments)[0]


@pytest.mark.parametrize("law", EXACT, ids=name)
def test_exact_law_keeps_every_bit(law):
    rng = np.random.default_rng(7)
    for before, after in thinned(fired(law)):
        assert after.type == before.type
        inputs = inputs_of(before)
        for arguments in special_arguments(inputs, rng, 40 if any(i.ndim for i in inputs) else 120):
            a, b = values(before, inputs, arguments), values(after, inputs, arguments)
            if law.more_accurate:
                assert np.array_equal(np.signbit(a[~np.isnan(a)]), np.signbit(b[~np.isnan(b)]))
                limits = np.finfo(a.dtype)
                np.testing.assert_allclose(a, b, rtol=limits.eps, atol=limits.smallest_subnormal)
            else:
                assert same_bits(a, b), (before, after, arguments, a, b)
            if not inputs:
                break


@pytest.mark.parametrize("law", FAST, ids=name)
def test_fast_law_holds_for_ordinary_values(law):
    rng = np.random.default_rng(7)
    for before, after in thinned(fired(law)):
        assert after.type == before.type
        inputs = inputs_of(before)
        tolerance = 1e-4 if any(i.dtype.name == "float32" for i in inputs) else 1e-9
        for _ in range(5):
            arguments = ordinary_arguments(inputs, rng)
            a, b = values(before, inputs, arguments), values(after, inputs, arguments)
            a, b = a[np.isfinite(a)], b[np.isfinite(a)]  # a large constant may overflow
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("law", EVERY, ids=name)
def test_rewriting_an_instance_is_a_fixed_point_with_the_same_bits(law):
    rng = np.random.default_rng(3)
    for node in thinned(nodes_for(law), 12):
        inputs = inputs_of(node)
        graph = Graph(inputs, [node])
        for options in (Options(), Options(fast_math=True)):
            once = rewrite(graph, options)
            assert rewrite(once, options).outputs == once.outputs
            assert once.outputs[0].type == node.type
        exact = rewrite(graph, Options())
        for arguments in special_arguments(inputs, rng, 5):
            a, b = interpret(graph, arguments)[0], interpret(exact, arguments)[0]
            if not any(n.name == "pow" for n in graph.order):
                assert same_bits(a, b)


def test_every_law_has_a_name_of_its_own():
    assert len({law.text for law in EVERY}) == len(EVERY)
    assert set(SAMPLES) <= {law.text for law in EVERY}
    assert sum(map(len, GROUPS.values())) == len(EVERY)
    assert all(isinstance(law.pattern, Elementwise) or law.pattern.primitive for law in EVERY)


# What must not be rewritten without fast_math


def _kept():
    x, y = (fresh_input(label, TensorType((), float64)) for label in "xy")
    return {
        "x + 0": x + 0.0,
        "x - (-0)": x - -0.0,
        "0 - x": 0.0 - x,
        "x 0": x * 0.0,
        "x - x": x - x,
        "x / x": x / x,
        "x == x": ops.eq(x, x),
        "not (x < y)": ops.logical_not(ops.lt(x, y)),
        "log(exp(x))": ops.log(ops.exp(x)),
        "log(1 + x)": ops.log(x + 1.0),
        "-(x - y)": -(x - y),
        "(x 0.5) 0.5": x * 0.5 * 0.5,
        "(x 2) 0.5": x * 2.0 * 0.5,
        "(x 3) 5": x * 3.0 * 5.0,
        "x / 3": x / 3.0,
        "x / 2**1074": x / 5e-324,
        "pow(x, 1/2)": ops.pow(x, constant(0.5)),
        "pow(x, 3)": ops.pow(x, constant(3.0)),
        "float to int to float": ops.cast(ops.cast(x, dtype=int64), dtype=float64),
    }


@pytest.mark.parametrize("text", list(_kept()))
def test_inexact_identities_are_left_alone(text):
    node = _kept()[text]
    graph = Graph(inputs_of(node), [node])
    assert rewrite(graph, Options()) is graph


def test_pairs_of_constants_and_special_values():
    x = fresh_input("x", TensorType((), float64))
    special = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, 2.0, 0.5, -3.0, 1e308, 1e-308)
    for value, other in itertools.product(special, repeat=2):
        c, d = constant(value), constant(other)
        nodes = [(x * c) * d, (x / c) * d, (x * c) / d, (x + c) - d, -(x * c), c - x * d, c / (-x), ops.where(ops.lt(c, d), x, c)]
        graph = Graph([x], nodes)
        rewritten = rewrite(graph, Options())
        for argument in special:
            for a, b in zip(interpret(graph, [argument]), interpret(rewritten, [argument]), strict=True):
                assert same_bits(a, b)
