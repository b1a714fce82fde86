"""The transforms are closed: any composition works, and the ways to the same derivative agree."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg

RNG = np.random.default_rng(0)
X = RNG.normal(size=4)
A = RNG.normal(size=(4, 4))


def energy(x):
    return np.sum(np.tanh(A @ x) ** 2) + np.prod(x) + np.log(np.sum(np.exp(x)))


def field(x):
    return np.tanh(A @ x) * x[::-1] + np.sum(x**2)


def numeric(fn, x, eps=1e-6):
    columns = []
    for k in range(x.size):
        step = np.zeros(x.size)
        step[k] = eps
        step = step.reshape(x.shape)
        columns.append((np.asarray(fn(x + step)) - np.asarray(fn(x - step))) / (2 * eps))
    return np.stack(columns, axis=-1)


def test_gradient_against_differences():
    np.testing.assert_allclose(sg.grad(energy)(X), numeric(energy, X), rtol=1e-7, atol=1e-8)


def test_hessian_four_ways():
    h = sg.hessian(energy)(X)
    np.testing.assert_allclose(h, numeric(sg.grad(energy), X), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(h, sg.jacobian(sg.grad(energy), mode="forward")(X), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(h, sg.jacobian(sg.grad(energy), mode="reverse")(X), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(h, h.T, rtol=1e-12, atol=1e-13)
    by_column = np.stack([sg.hvp(energy)(X, e) for e in np.eye(4)], axis=-1)
    np.testing.assert_allclose(h, by_column, rtol=1e-12, atol=1e-13)


def test_reverse_over_forward_equals_forward_over_reverse():
    v = RNG.normal(size=4)
    one = sg.grad(lambda x: sg.jvp(energy)(x, v))(X)
    two = sg.jvp(sg.grad(energy))(X, v)
    np.testing.assert_allclose(one, two, rtol=1e-12)


def test_adjoint_identity():
    v, w = RNG.normal(size=4), RNG.normal(size=4)
    np.testing.assert_allclose(sg.jvp(field)(X, v) @ w, v @ sg.vjp(field)(X, w), rtol=1e-12)


def test_grad_of_grad_of_jvp():
    def third(x):
        return sg.grad(lambda y: sg.sum(sg.grad(lambda z: sg.jvp(energy)(z, sg.ones(4)))(y) * y))(x)

    t = sg.jacobian(sg.hessian(energy))(X)
    ones = np.ones(4)
    expected = np.einsum("ijk,j,k->i", t, X, ones) + sg.hessian(energy)(X) @ ones
    np.testing.assert_allclose(third(X), expected, rtol=1e-10)


def test_jacobian_modes_and_shapes():
    def fn(x):
        return np.outer(x, np.sin(x)) * x[0]

    x = X.reshape(2, 2)

    def matrix(m):
        return m @ m

    np.testing.assert_allclose(sg.jacobian(fn)(X), numeric(fn, X), rtol=1e-7, atol=1e-8)
    j = sg.jacobian(matrix)(x)
    assert j.shape == (2, 2, 2, 2)
    np.testing.assert_allclose(j.reshape(4, 4), numeric(lambda v: matrix(v.reshape(2, 2)).ravel(), x.ravel()), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(j, sg.jacobian(matrix, mode="reverse")(x), rtol=1e-13)


def test_elementwise_code_has_entries_not_columns():
    def chain(x):
        out = np.zeros_like(x)
        for k in range(4):
            out[k] = np.sin(x[k]) * (x[k - 1] if k else 1.0)
        return out

    j = sg.jacobian(chain)(X)
    np.testing.assert_allclose(j, numeric(chain, X), rtol=1e-7, atol=1e-8)
    assert np.count_nonzero(j) == 7


def test_nested_arguments_and_argnums():
    def loss(params, x, scale):
        return np.sum((params["w"] @ x + params["b"][0]) ** 2) * scale

    params = {"w": A[:2], "b": [np.array([1.0, 2.0])]}
    g, gs = sg.grad(loss, argnums=(0, 2))(params, X, 3.0)
    residual = A[:2] @ X + params["b"][0]
    np.testing.assert_allclose(g["w"], 6 * np.outer(residual, X))
    np.testing.assert_allclose(g["b"][0], 6 * residual)
    np.testing.assert_allclose(gs, residual @ residual)
    h = sg.hessian(loss, argnums=(1, 2))(params, X, 3.0)
    np.testing.assert_allclose(h[0][0], 6 * A[:2].T @ A[:2])
    assert h[1][1] == 0.0 and h[0][1].shape == (4,)


def test_has_aux():
    (value, aux), g = sg.value_and_grad(lambda x: (np.sum(x**2), {"mean": x.mean()}), has_aux=True)(X)
    np.testing.assert_allclose([value, aux["mean"]], [X @ X, X.mean()])
    np.testing.assert_allclose(g, 2 * X)


def test_perturbations_do_not_mix():
    assert sg.grad(lambda x: x * sg.grad(lambda y: x + y)(1.0))(2.0) == 1.0
    assert sg.grad(lambda x: x * sg.grad(lambda y: x * y * y)(1.0))(3.0) == 12.0


def test_vmap():
    xs = RNG.normal(size=(5, 4))
    np.testing.assert_allclose(sg.vmap(sg.grad(energy))(xs), np.stack([sg.grad(energy)(x) for x in xs]), rtol=1e-12)
    np.testing.assert_allclose(sg.vmap(field, in_dims=1, out_dims=1)(xs.T), np.stack([field(x) for x in xs], axis=1), rtol=1e-12)
    outer = sg.vmap(sg.vmap(lambda a, b: a * b, in_dims=(None, 0)), in_dims=(0, None))(X, X)
    np.testing.assert_allclose(outer, np.outer(X, X))
    with pytest.raises(sg.ShapeError, match="same size in the mapped dimension, got sizes .5, 4."):
        sg.vmap(lambda a, b: a * b)(xs, X)


def test_values_decide_outside_compile():
    def fn(x):
        while x < 10:
            x = x * 2
        return x if x > 12 else -x

    assert sg.grad(fn)(1.0) == 16.0
    assert sg.grad(fn)(3.0) == -4.0


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: sg.grad(lambda x: x * 2)(3), sg.DTypeError, "grad: differentiates with respect to floating-point arguments"),
        (lambda: sg.grad(lambda x: x)(X), sg.ShapeError, r"must return a single number \(shape \[\]\), got shape \[4\]"),
        (lambda: sg.grad(lambda x: (x, x))(1.0), TypeError, "must return one array, got a tuple"),
        (lambda: sg.grad(lambda x: x > 0)(1.0), sg.DTypeError, "must return a float, got bool"),
        (lambda: sg.jvp(field)(X, X[:3]), sg.ShapeError, r"must have type float64\[4\], got float64\[3\]"),
        (lambda: sg.grad(lambda x: float(x))(1.0), sg.TraceError, r"float\(\): a traced value is not a Python number"),
        (lambda: sg.grad(lambda x: np.array([x, x]).sum())(1.0), sg.TraceError, "np.stack"),
        (lambda: sg.grad(lambda x: np.zeros(3).__setitem__(0, x))(1.0), sg.TraceError, "np.zeros_like"),
        (lambda: sg.jacobian(field, mode="sideways")(X), ValueError, "mode must be 'auto', 'forward' or 'reverse'"),
        (lambda: sg.grad(lambda a, b: a * b, argnums=(0, -2))(1.0, 2.0), ValueError, "argnums must name each argument once"),
        (lambda: sg.grad(lambda x: x, argnums=2)(1.0), ValueError, "argnums must name one of the 1 arguments"),
    ],
)
def test_errors_name_what_is_wrong(make, error, text):
    with pytest.raises(error, match=text):
        make()
