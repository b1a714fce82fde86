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


# by the tape --------------------------------------------------------------------------------------------------------------

W = sg.tensor([0.5, -1.0, 2.0], dtype=sg.float64)


def cubes(x, w=1.0):
    return (x**3 * w).sum()


TAPED = {
    "one argument": lambda: sg.func.grad(cubes)(point()),
    "pending argument": lambda: sg.func.grad(cubes)(point() * 2 + 1),
    "several arguments": lambda: sg.func.grad(cubes, argnums=(1, 0))(point(), W),
    "a nest": lambda: sg.func.grad(lambda p: cubes(p["a"], p["b"][0]))({"a": point(), "b": [W]}),
    "by name": lambda: sg.func.grad(cubes)(point(), w=W),
    "aux": lambda: sg.func.grad(lambda x: (cubes(x), {"twice": x * 2, "n": 3}), has_aux=True)(point()),
    "value": lambda: sg.func.grad_and_value(cubes)(point()),
    "value and aux": lambda: sg.func.grad_and_value(lambda x: (cubes(x), x + 1), has_aux=True)(point()),
    "unused argument": lambda: sg.func.grad(lambda x, w: (x * x).sum(), argnums=(0, 1))(point(), W),
    "constant": lambda: sg.func.grad(lambda x: W.sum())(point()),
    "branch on a value": lambda: sg.func.grad(lambda x: cubes(x) if x.sum() > 0 else x.sum())(point()),
    "without gradients outside": lambda: off(sg.func.grad(cubes))(point()),
    "without gradients inside": lambda: sg.func.grad(lambda x: off(cubes)(x) + x.sum())(point()),
    "detached inside": lambda: sg.func.grad(lambda x: (x.detach() * x).sum())(point()),
    "twice": lambda: sg.func.grad(lambda x: sg.func.grad(cubes)(x).sum())(point()),
    "autograd inside": lambda: sg.func.grad(lambda x: sg.autograd.grad(cubes(x), x, create_graph=True)[0].sum())(point()),
    "hook": lambda: sg.func.grad(hooked)(point()),
    "where": lambda: sg.func.grad(lambda x: sg.where(x > 0, x.log(), x * x).sum())(point() - 2),
    "view of a Tensor": lambda: sg.func.grad(cubes)(sg.stack([point(), W])[0]),
}


def point():
    return sg.tensor([1.0, 2.0, 3.0], dtype=sg.float64)


def off(fn):
    return sg.no_grad()(fn)


def hooked(x):
    y = x * x
    y.register_hook(lambda g: g * 10)
    return y.sum()


def told(result):
    """Return values, and whether they are on the tape."""
    if isinstance(result, sg.Tensor):
        return result.tolist(), result.dtype, result.requires_grad, result.is_leaf
    if isinstance(result, dict):
        return {k: told(v) for k, v in result.items()}
    return [told(r) for r in result] if isinstance(result, (tuple, list)) else result


@pytest.mark.parametrize("name", TAPED)
def test_the_tape_gives_what_a_trace_gives(monkeypatch, name):
    by_tape = []
    real = sg.func.taped_gradient
    monkeypatch.setattr(sg.func, "taped_gradient", lambda *given: by_tape.append(real(*given)) or by_tape[-1])
    found = [told(TAPED[name]()) for _ in range(12)]
    assert by_tape[-1] is not None
    monkeypatch.setattr(sg.func, "taped_gradient", lambda *given: None)
    expected = told(TAPED[name]())
    assert all(one == expected for one in found)


def test_what_the_function_has_from_outside_is_on_the_tape():
    x, w = point(), W.clone().requires_grad_()
    gradient = sg.func.grad(lambda x: cubes(x, w))(x)
    assert gradient.requires_grad
    assert x.requires_grad is False
    assert sg.autograd.grad(gradient.sum(), w)[0].tolist() == [3.0, 12.0, 27.0]
    with sg.no_grad():
        assert not sg.func.grad(lambda x: cubes(x, w))(x).requires_grad
    gradient, (value, aux) = sg.func.grad_and_value(lambda x: (cubes(x), x * w), has_aux=True)(x)
    assert aux.requires_grad
    assert sg.autograd.grad(aux.sum(), w)[0].tolist() == x.tolist()
    assert (value.item(), gradient.tolist()) == (36.0, [3.0, 12.0, 27.0])


def test_writes_to_an_argument_stay_inside():
    x = point()

    def doubles(y):
        with sg.no_grad():
            y.mul_(2.0)
        return (y * y).sum()

    assert sg.func.grad(doubles)(x).tolist() == [4.0, 8.0, 12.0]
    assert x.tolist() == [1.0, 2.0, 3.0]
    assert x._version == 0


def test_a_value_that_is_no_float():
    with pytest.raises(sg.DTypeError, match="must return a float, got int64"):
        sg.func.grad(lambda x: x.argmax())(point())
