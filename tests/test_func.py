"""torch.func's signatures and results (what is expected was read off torch's documentation)."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg

X = np.array([0.5, -1.0, 2.0])


def f(x):
    return sg.sum(x**3)


def test_grad_and_value():
    np.testing.assert_allclose(sg.func.grad(f)(X), 3 * X**2)
    gradient, value = sg.func.grad_and_value(f)(X)
    np.testing.assert_allclose(gradient, 3 * X**2)
    assert value == f(X)
    gradient, (value, aux) = sg.func.grad_and_value(lambda x: (f(x), x * 2), has_aux=True)(X)
    np.testing.assert_allclose(aux, 2 * X)
    np.testing.assert_allclose(sg.func.grad(sg.func.grad(lambda x: x**4))(2.0), 48.0)


def test_vjp():
    output, pull_back = sg.func.vjp(lambda a, b: a * b, X, X + 1)
    np.testing.assert_allclose(output, X * (X + 1))
    by_a, by_b = pull_back(np.ones(3))
    np.testing.assert_allclose(by_a, X + 1)
    np.testing.assert_allclose(by_b, X)
    _, pull_back, aux = sg.func.vjp(lambda a: (sg.sin(a), "kept"), X, has_aux=True)
    assert aux == "kept"
    np.testing.assert_allclose(pull_back(np.ones(3))[0], np.cos(X))
    _, pull_back = sg.func.vjp(lambda a: (a, a * 2), X)
    np.testing.assert_allclose(pull_back((np.ones(3), np.ones(3)))[0], np.full(3, 3.0))


def test_jvp():
    output, tangent = sg.func.jvp(lambda a, b: a * b, (X, X + 1), (np.ones(3), np.zeros(3)))
    np.testing.assert_allclose(output, X * (X + 1))
    np.testing.assert_allclose(tangent, X + 1)
    with pytest.raises(RuntimeError, match="Expected primals and tangents to have the same python structure"):
        sg.func.jvp(lambda a: a, (X,), X)


def test_jacobians_and_hessian():
    def g(x):
        return sg.stack([x[0] * x[1], x[2] ** 2])

    expected = [[-1.0, 0.5, 0.0], [0.0, 0.0, 4.0]]
    np.testing.assert_allclose(sg.func.jacrev(g)(X), expected)
    np.testing.assert_allclose(sg.func.jacfwd(g)(X), expected)
    jacobian, aux = sg.func.jacrev(lambda x: (g(x), 7), has_aux=True)(X)
    np.testing.assert_allclose(jacobian, expected)
    assert aux == 7
    np.testing.assert_allclose(sg.func.hessian(f)(X), np.diag(6 * X))
    assert sg.func.hessian(g)(X).shape == (2, 3, 3)


def test_compose_with_compile_and_vmap():
    xs = np.stack([X, X + 1])
    np.testing.assert_allclose(sg.compile(sg.func.vmap(sg.func.grad(f)))(xs), 3 * xs**2)
    np.testing.assert_allclose(sg.compile(lambda x: sg.func.jvp(f, (x,), (sg.sin(x),))[1])(X), np.sum(3 * X**2 * np.sin(X)))
