"""How fast the generated loops are, against C that a specialist would write with the same vector library."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg

from .conftest import target

DECLARATION = "void gradient(const double *x, double *out, size_t n); void both(const double *x, double *value, double *out, size_t n);"
BY_HAND = r"""
#include <stddef.h>
#define FORM(name) double v_##name(double) __asm__(#name) __attribute__((simd("notinbranch"), const, nothrow));
FORM(sin) FORM(cos) FORM(exp) FORM(log1p) FORM(tanh)

void gradient(const double *restrict x, double *restrict out, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; ++i) {
        const double v = x[i], q = v * v, e = v_exp(-q), t = v_tanh(v);
        out[i] = e * (v_cos(v) - 2.0 * v * v_sin(v)) + 2.0 * v / (1.0 + q) * t + v_log1p(q) * (1.0 - t * t);
    }
}

void both(const double *restrict x, double *restrict value, double *restrict out, size_t n)
{
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; ++i) {
        const double v = x[i], q = v * v, e = v_exp(-q), t = v_tanh(v), s = v_sin(v), l = v_log1p(q);
        sum += s * e + l * t;
        out[i] = e * (v_cos(v) - 2.0 * v * s) + 2.0 * v / (1.0 + q) * t + l * (1.0 - t * t);
    }
    *value = sum;
}
"""
VECTOR = ("-mprefer-vector-width=512", "-lmvec")


@sg.compile
def mixture(x):
    return np.sum(np.sin(x) * np.exp(-(x**2)) + np.log1p(x**2) * np.tanh(x))


@pytest.mark.parametrize("who", ["symgrad", "C by hand with libmvec", "NumPy, forward value only"])
@target("gradient of the mixture, n=1e5", "1.15x")
def test_gradient(benchmark, by_hand, who):
    x = np.random.default_rng(0).normal(size=100_000)
    module = by_hand("hand_mixture", DECLARATION, BY_HAND, *VECTOR)
    out = np.empty_like(x)
    pointers = [module.ffi.from_buffer("double[]", a) for a in (x, out)]
    bound = mixture.grad.bind(x)
    module.lib.gradient(*pointers, x.size)
    np.testing.assert_allclose(bound(), out, rtol=1e-11, atol=1e-13)
    calls = {"symgrad": bound, "NumPy, forward value only": lambda: mixture.fn(x)}
    benchmark(calls.get(who, lambda: module.lib.gradient(*pointers, x.size)))


@pytest.mark.parametrize("who", ["symgrad", "C by hand with libmvec"])
@target("value and gradient of the mixture, n=1e5", "1.15x")
def test_value_and_gradient(benchmark, by_hand, who):
    x = np.random.default_rng(0).normal(size=100_000)
    module = by_hand("hand_mixture", DECLARATION, BY_HAND, *VECTOR)
    value, out = np.empty(1), np.empty_like(x)
    pointers = [module.ffi.from_buffer("double[]", a) for a in (x, value, out)]
    bound = mixture.value_and_grad.bind(x)
    benchmark(bound if who == "symgrad" else lambda: module.lib.both(*pointers, x.size))


@pytest.mark.parametrize("who", ["symgrad", "NumPy"])
@target("matrix product 256x256 and its gradient", "reported")
def test_matmul(benchmark, who):
    a, b = np.random.default_rng(0).normal(size=(2, 256, 256))
    f = sg.compile(lambda a, b: np.sum((a @ b) ** 2)).grad
    benchmark(f.bind(a, b) if who == "symgrad" else lambda: 2 * (a @ b) @ b.T)
