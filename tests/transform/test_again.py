"""Transforms found again: by the graph's structure, in the inputs and captured values of this time."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.ir.expr import fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.transform import again, derive


def made(scale=2.0):
    x = fresh_input("x", TensorType((3,), sg.float64))
    return Graph([x], [ops.sin(x * scale)])


@pytest.fixture
def runs(monkeypatch):
    """The transforms that were run, by their graphs."""
    monkeypatch.setattr(again, "_known", {})
    seen = []

    @again.found_again
    def transform(graph, wrt, *options):
        seen.append((graph, options))
        return Graph(graph.inputs, [ops.cos(o) for o in graph.outputs])

    return transform, seen


def test_a_graph_of_known_structure_is_not_transformed_again(runs):
    transform, seen = runs
    first, second = made(), made()
    found = [transform(g, [0]) for g in (first, second)]
    assert len(seen) == 1
    assert [f.inputs for f in found] == [first.inputs, second.inputs]
    assert found[0].key == found[1].key == Graph(first.inputs, [ops.cos(first.outputs[0])]).key
    transform(made(3.0), [0])
    transform(made(), [0], "option")
    assert len(seen) == 3


def test_what_is_kept_is_bounded(runs, monkeypatch):
    monkeypatch.setattr(again, "_MOST", 4)
    transform, seen = runs
    for k in range(10):
        transform(made(float(k + 2)), [0])
    assert len(again._known) <= 4 and len(seen) == 10


def test_further_inputs_are_new_each_time():
    graphs = [derive.vjp(made(), [0]) for _ in range(2)]
    assert len({i for g in graphs for i in g.inputs}) == 4
    assert graphs[0].key == graphs[1].key


def test_captured_values_are_those_of_this_call():
    x = sg.tensor([1.0, 2.0])
    for scale in (2.0, 3.0, 5.0):
        factor = sg.tensor([scale, scale + 1])
        found = sg.func.jacrev(lambda a, f=factor: a * a * f)(x)
        np.testing.assert_allclose(found.numpy(), np.diag([2 * scale, 4 * (scale + 1)]))


def test_functions_alike_forward_keep_their_own_backward():
    def with_slope(slope):
        class Doubled(sg.autograd.Function):
            generate_vmap_rule = True

            @staticmethod
            def forward(x):
                return x * 2

            @staticmethod
            def setup_context(ctx, inputs, output):
                pass

            @staticmethod
            def backward(ctx, g):
                return g * slope

        return Doubled

    x = sg.tensor([1.0, 2.0])
    for slope in (2.0, 7.0):
        np.testing.assert_allclose(sg.func.jacrev(with_slope(slope).apply)(x).numpy(), np.eye(2) * slope)
        _, pull = sg.func.vjp(with_slope(slope).apply, x)
        np.testing.assert_allclose(pull(sg.ones(2))[0].numpy(), [slope, slope])
