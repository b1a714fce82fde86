"""What a call costs: NumPy in and out, and on bound buffers, against hand-written C called through cffi."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg

from .conftest import target

DECLARATION = "int rosen(const double *x, double *value, double *grad, size_t n);"
BY_HAND = r"""
#include <stddef.h>
int rosen(const double *restrict x, double *restrict value, double *restrict grad, size_t n)
{
    double sum = 0.0;
    grad[0] = 0.0;
    for (size_t i = 0; i + 1 < n; ++i) {
        const double a = x[i + 1] - x[i] * x[i], b = 1.0 - x[i];
        sum += 100.0 * a * a + b * b;
        grad[i] += -400.0 * a * x[i] - 2.0 * b;
        grad[i + 1] = 200.0 * a;
    }
    *value = sum;
    return 0;
}
"""


@sg.compile
def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def hand_call(module):
    rosen, from_buffer, empty = module.lib.rosen, module.ffi.from_buffer, np.empty

    def call(x):
        value, grad = empty(()), empty(x.shape)
        rosen(from_buffer("double[]", x), from_buffer("double[]", value), from_buffer("double[]", grad), x.shape[0])
        return value[()], grad

    return call


@pytest.mark.parametrize("who", ["symgrad", "C by hand, cffi API mode", "symgrad, specialized"])
@pytest.mark.parametrize("n", [pytest.param(2, marks=target("call of value_and_grad, n=2", "1.0x")),
                               pytest.param(100, marks=target("call of value_and_grad, n=100", "1.0x"))])  # fmt: skip
def test_call(benchmark, by_hand, who, n):
    x = np.linspace(-1.0, 1.0, n)
    f = rosenbrock.value_and_grad
    reference = hand_call(by_hand("hand_rosen", DECLARATION, BY_HAND))
    np.testing.assert_allclose(f(x)[1], reference(x)[1], rtol=1e-13)
    call = {"symgrad": f, "symgrad, specialized": f.specialize(x)}.get(who, reference)
    benchmark(call, x)


@pytest.mark.parametrize("who", ["symgrad", "C by hand, cffi API mode"])
@pytest.mark.parametrize("n", [pytest.param(2, marks=target("bound call of value_and_grad, n=2", "1.1x")),
                               pytest.param(100, marks=target("bound call of value_and_grad, n=100", "1.1x"))])  # fmt: skip
def test_bound_call(benchmark, by_hand, who, n):
    x = np.linspace(-1.0, 1.0, n)
    module = by_hand("hand_rosen", DECLARATION, BY_HAND)
    value, grad = np.empty(()), np.empty(n)
    pointers = [module.ffi.from_buffer("double[]", a) for a in (x, value, grad)]
    rosen = module.lib.rosen
    bound = rosenbrock.value_and_grad.bind(x)
    benchmark(bound if who == "symgrad" else lambda: rosen(*pointers, n))
