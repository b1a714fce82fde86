"""Derivatives inside a trace are written out in the arguments only where something besides them is returned."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.eager.array_face import Array
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.trees import LEAF
from symgrad.options import Options
from symgrad.rewrite.passes import run_passes
from symgrad.tracing import trace
from symgrad.transform.derive import gradient


def f(x):
    return sg.sum(sg.sin(x) * x)


def traced(fn, count=1, face=Array):
    labels = ["x", "y", "z"][:count]
    return trace(fn, [LEAF] * count, [sg.TensorSpec(3).type] * count, [face] * count, labels)


def test_a_derivative_alone_is_the_graph_itself():
    assert traced(sg.grad(f)).graph.key == gradient(traced(f).graph, [0]).key
    both = traced(sg.value_and_grad(f)).graph
    assert both.key == gradient(traced(f).graph, [0], value=True).key
    assert [i.attributes["label"] for i in both.inputs] == ["x"]


@pytest.mark.parametrize("face", [Array, Tensor])
def test_an_argument_used_besides_is_the_same_input(face):
    for fn in (lambda x: (sg.grad(f)(x), x), lambda x: sg.grad(f)(x) + x, lambda x: (sg.grad(f)(x), sg.grad(f)(x))):
        graph = traced(fn, face=face).graph
        assert graph.free_inputs == ()
        assert len(graph.inputs) == 1


X, Y = np.array([0.5, -1.0, 2.0]), np.array([1.5, 0.25, -0.5])
DERIVATIVE = np.cos(X) * X + np.sin(X)


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (lambda x, y: sg.grad(lambda z: np.sum(z * x * y))(x), X * Y),
        (lambda x, y: sg.grad(lambda a, b: np.sum(np.sin(a) * b), argnums=(0, 1))(x, x), (np.cos(X) * X, np.sin(X))),
        (lambda x, y: sg.grad(lambda a: np.sum(np.sin(a) * y))(x), np.cos(X) * Y),
        (lambda x, y: sg.grad(f)(x)[1:], DERIVATIVE[1:]),
        (lambda x, y: sg.grad(f)(x).shape[0] * y, 3 * Y),
        (lambda x, y: (sg.grad(f)(x), sg.grad(f)(y)), (DERIVATIVE, np.cos(Y) * Y + np.sin(Y))),
        (lambda x, y: sg.grad(lambda z: np.sum(sg.grad(f)(z) * y))(x), (2 * np.cos(X) - X * np.sin(X)) * Y),
        (lambda x, y: sg.jvp(f)(x, y), np.sum(DERIVATIVE * Y)),
        (lambda x, y: sg.jvp(f)(x, x), np.sum(DERIVATIVE * X)),
        (lambda x, y: sg.hvp(f)(y, x), (2 * np.cos(Y) - Y * np.sin(Y)) * X),
    ],
)
def test_values(fn, expected):
    found = sg.compile(fn, options=sg.Options(tier="interpret"))(X, Y)
    for a, b in zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]:
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_a_write_into_a_result():
    def written(x):
        g = sg.grad(f)(x)
        g[0] = 7.0
        return g

    np.testing.assert_allclose(sg.compile(written, options=sg.Options(tier="interpret"))(X), [7.0, *DERIVATIVE[1:]], rtol=1e-14)


def test_unknown_names_are_refused_as_ever():
    def asks(x):
        with pytest.raises(AttributeError, match="'Array' object has no attribute 'nonsense'"):
            _ = sg.grad(f)(x).nonsense
        return x

    traced(asks)


def test_units_and_signs_leave_nothing_to_rewrite():
    def loop(x):
        a, b, c = x[0], x[1], x[2]
        for k in range(7):
            a, b, c = b * c + 0.5, np.sin(a) * c * 1.0, 1 * a - 0.25 * b * k / 1
        return a + b + c

    assert [one.fired for one in run_passes(gradient(traced(loop).graph, [0]), Options())[1]] == [0]
