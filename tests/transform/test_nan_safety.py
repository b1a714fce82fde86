"""``where`` contributes exactly zero from the branch that is not selected, at every order, in every composition."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import symgrad as sg


def nested(fn, order):
    for _ in range(order):
        fn = sg.grad(fn)
    return fn


def forward(fn, order):
    for _ in range(order):
        fn = (lambda f: lambda x: sg.jvp(f)(x, 1.0))(fn)
    return fn


GUARDED = {
    # at the guarded point 0 the derivatives are those of the constant branch
    "x log x": (lambda x: sg.where(x > 0, x * sg.log(sg.where(x > 0, x, 1.0)), 0.0), sympy.Symbol("x") * sympy.log(sympy.Symbol("x"))),
    "x log x, plain": (lambda x: sg.where(x > 0, x * sg.log(x), 0.0), sympy.Symbol("x") * sympy.log(sympy.Symbol("x"))),
    "sqrt": (lambda x: sg.where(x > 0, sg.sqrt(x), 0.0), sympy.sqrt(sympy.Symbol("x"))),
    "1/x": (lambda x: sg.where(x == 0, 0.0, 1.0 / x), 1 / sympy.Symbol("x")),
    "power": (lambda x: sg.where(x > 0, x**0.3, 0.0), sympy.Symbol("x") ** sympy.Float(0.3, 30)),
    "chain": (lambda x: sg.exp(sg.where(x > 0, sg.log(x), 0.0)) * 2.0, 2 * sympy.Symbol("x")),
}


@pytest.mark.parametrize("mode", [nested, forward, lambda f, k: sg.derivative(f, k)], ids=["reverse", "forward", "taylor"])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", GUARDED)
def test_guarded_formula(name, order, mode):
    fn, expression = GUARDED[name]
    derivative = mode(fn, order)
    at_zero = derivative(0.0)
    assert at_zero == 0.0, "the unselected branch must contribute exactly 0"
    expected = float(sympy.diff(expression, sympy.Symbol("x"), order).subs(sympy.Symbol("x"), sympy.Float(0.7, 30)))
    np.testing.assert_allclose(derivative(0.7), expected, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_array_with_both_kinds_of_elements(order):
    def fn(x):
        return np.sum(np.where(x > 0, x * np.log(x), 0.0))

    x = np.array([0.0, 0.5, -1.0, 2.0])
    result = sg.derivative(lambda v: sg.where(v > 0, v * sg.log(v), 0.0), order)(x)
    assert result[0] == 0.0 and result[2] == 0.0
    g = sg.grad(fn)(x)
    np.testing.assert_allclose(g, [0.0, np.log(0.5) + 1, 0.0, np.log(2.0) + 1])
    h = sg.hessian(fn)(x)
    np.testing.assert_allclose(h, np.diag([0.0, 2.0, 0.0, 0.5]))


def test_norm_at_zero_through_a_sum():
    def norm(x):
        s = np.sum(x * x)
        return np.where(s > 0, np.sqrt(s), 0.0)

    zero = np.zeros(3)
    assert np.array_equal(sg.grad(norm)(zero), zero)
    assert np.array_equal(sg.hessian(norm)(zero), np.zeros((3, 3)))
    x = np.array([3.0, 0.0, 4.0])
    np.testing.assert_allclose(sg.grad(norm)(x), x / 5)
    np.testing.assert_allclose(sg.hessian(norm)(x), (np.eye(3) - np.outer(x, x) / 25) / 5)


def test_third_order_norm_at_zero():
    def norm(x):
        s = np.sum(x * x)
        return np.where(s > 0, np.sqrt(s), 0.0)

    third = sg.jacobian(sg.hessian(norm))(np.zeros(2))
    assert np.array_equal(third, np.zeros((2, 2, 2)))


def test_broadcast_branch_that_is_nowhere_selected():
    def fn(a):
        x = np.array([-1.0, -2.0])
        return np.sum(sg.where(x > 0, sg.log(a), x))

    assert sg.grad(fn)(0.0) == 0.0


def test_shape_and_index_operations_carry_the_mask():
    def fn(x):
        y = np.reshape(np.where(x > 0, np.sqrt(x), 0.0), (2, 2)).T[::-1, 1:]
        return np.sum(y * y.shape[0])

    g = sg.grad(fn)(np.array([0.0, 4.0, 0.0, 0.0]))
    assert np.array_equal(g, [0.0, 0.0, 0.0, 0.0])
    g = sg.grad(fn)(np.array([1.0, 1.0, 4.0, 0.0]))
    assert np.array_equal(g, [0.0, 0.0, 0.5, 0.0])


def test_slices_of_a_masked_sum_join_their_masks():
    def fn(x):
        s = sg.where(x[0] > 0, sg.sqrt(x[0]), 0.0) + sg.where(x[1] > 0, sg.sqrt(x[1]), 0.0)
        return s * s

    assert np.array_equal(sg.grad(fn)(np.array([0.0, 4.0])), [0.0, 1.0])
    assert np.array_equal(sg.hessian(fn)(np.array([0.0, 4.0])), np.zeros((2, 2)))


def test_gather_and_nested_where():
    index = np.array([0, 0, 1])

    def fn(x):
        y = x[index]
        return np.sum(np.where(y > 0, np.where(y < 10, np.sqrt(y), 1 / (y - 10)), 0.0))

    assert np.array_equal(sg.grad(fn)(np.array([0.0, 4.0])), [0.0, 0.25])
    assert np.array_equal(sg.grad(fn)(np.array([4.0, 10.0])), [0.5, -np.inf])


def test_ordinary_infinities_stay():
    assert sg.grad(sg.sqrt)(0.0) == np.inf
    assert np.isnan(sg.grad(lambda x: 0.0 * sg.sqrt(x))(0.0))


CONDITIONAL = {
    "max": lambda x: sg.max(sg.sqrt(x)),
    "min": lambda x: sg.min(sg.log(x)),
    "dot": lambda x: sg.log(x) @ sg.log(x),
    "matrix product": lambda x: sg.sum(np.array([[1.0, 2.0], [3.0, 4.0]]) @ sg.log(x)),
    "outer": lambda x: sg.sum(sg.outer(sg.sqrt(x), sg.log(x))),
    "einsum": lambda x: sg.einsum("i,j->", sg.log(x), sg.sqrt(x)),
    "prod": lambda x: sg.prod(sg.log(x)),
    "var": lambda x: sg.var(sg.log(x)),
}


@pytest.mark.parametrize("name", CONDITIONAL)
@pytest.mark.parametrize("order", [1, 2])
def test_reductions_and_contractions_that_are_not_selected(name, order):
    def fn(x):
        return sg.where(x[0] > 0, CONDITIONAL[name](x), sg.sum(x))

    transform = sg.grad if order == 1 else sg.hessian
    expected = np.ones(2) if order == 1 else np.zeros((2, 2))
    for x in (np.zeros(2), np.array([0.0, 1.0])):
        assert np.array_equal(transform(fn)(x), expected)
        assert np.array_equal(sg.compile(transform(fn))(x), expected)
    x = np.array([0.5, 2.0])
    np.testing.assert_allclose(transform(fn)(x), transform(CONDITIONAL[name])(x), rtol=1e-13)


def test_rows_of_a_matrix_product_that_are_not_selected():
    a = np.array([[1.0, 2.0], [3.0, 4.0]])

    def fn(x):  # the mask is constant along the contracted axis
        rows = sg.log(x) @ a
        return sg.sum(sg.where(x[:, :1] > 0, rows, 0.0))

    x = np.array([[0.0, 1.0], [2.0, 4.0]])
    np.testing.assert_allclose(sg.grad(fn)(x), [[0.0, 0.0], [3.0 / 2.0, 7.0 / 4.0]])
