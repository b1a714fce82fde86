"""Exported modules: their calls and C against code written by hand, and CasADi's where it is installed; building, importing."""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.integrate import nquad, quad

import symgrad as sg

from .conftest import FLAGS, target
from .test_calls import BY_HAND as CALLED
from .test_calls import DECLARATION as CALLED_DECLARATION
from .test_calls import hand_call
from .test_kernels import BY_HAND, DECLARATION, VECTOR

SPEC = sg.TensorSpec
LOOP = "void many(const double *x, double *out, size_t n);"
SCALAR = r"""
#include <math.h>
#include <stddef.h>

static int gradient(const double *v, double *g)
{
    const double x = v[0], y = v[1], z = v[2], p = x * y, e = exp(-z * z), cp = cos(p) * e, q = 1.0 / (1.0 + z * z);
    const double t = tanh(x + y), d = 1.0 - t * t, w = 1.0 + x * x, r = sqrt(x * x + y * y + z * z), zq = z * q;
    g[0] = cp * y + 2.0 * x / w * cos(y) + x / r + y * zq + d;
    g[1] = cp * x - log(w) * sin(y) + y / r + x * zq + d;
    g[2] = -2.0 * z * sin(p) * e + z / r + p * q - 2.0 * p * zq * zq;
    return 0;
}
"""
MANY = """
void many(const double *x, double *out, size_t n)
{
    for (size_t k = 0; k < n; ++k) CALL;
}
"""


def thirty(v):
    """A formula of 30 operations."""
    x, y, z = v[0], v[1], v[2]
    wave = np.sin(x * y) * np.exp(-z * z) + np.log(1 + x * x) * np.cos(y)
    return wave + np.sqrt(x * x + y * y + z * z) + x * y * z / (1 + z * z) + np.tanh(x + y)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def mixture(x):
    return np.sum(np.sin(x) * np.exp(-(x**2)) + np.log1p(x**2) * np.tanh(x))


def ripple(x):
    total = np.exp(-0.1 * x)
    for k in range(10):
        total = total + np.sin((k + 1.0) * x) * np.cos(k * x + 0.1) / (k + 1.0)
    return total


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    functions = {"rosen": rosenbrock, "thirty": thirty, "mixture": mixture, "bell": lambda x, y: np.exp(-x * y) * np.cos(x), "ripple": ripple}
    specs = {"rosen": [SPEC(("n",))], "thirty": [SPEC((3,))], "mixture": [SPEC(("n",))], "bell": [SPEC(), SPEC()], "ripple": [SPEC()]}
    derivatives = {"rosen": ["value_and_grad"], "thirty": ["grad"], "mixture": ["grad"]}
    folder = tmp_path_factory.mktemp("exported")
    return sg.export(functions, specs=specs, name="measured", directory=folder, derivatives=derivatives)


def casadi_call(folder, n):
    """Return CasADi's fastest call, of generated C on buffers that are bound beforehand."""
    ca = pytest.importorskip("casadi")
    x = ca.SX.sym("x", n)
    value = ca.sum1(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    function = ca.Function("rosen", [x], [value, ca.gradient(value, x)])
    function.generate("rosen.c")
    os.replace("rosen.c", folder / "rosen.c")
    subprocess.run(["cc", "-shared", "-fPIC", *FLAGS, "-o", folder / "rosen.so", folder / "rosen.c", "-lm"], check=True)
    loaded = ca.external("rosen", str(folder / "rosen.so"))
    buffer, trigger = loaded.buffer()
    arrays = [np.linspace(-1.0, 1.0, n), np.empty(1), np.empty(n)]
    buffer.set_arg(0, memoryview(arrays[0]))
    buffer.set_res(0, memoryview(arrays[1]))
    buffer.set_res(1, memoryview(arrays[2]))
    trigger()
    return trigger, arrays, buffer, loaded


@pytest.mark.parametrize("who", ["symgrad", "C by hand, cffi API mode"])
@pytest.mark.parametrize("n", [pytest.param(2, marks=target("exported: call, n=2", "1.3x")),
                               pytest.param(100, marks=target("exported: call, n=100", "1.3x"))])  # fmt: skip
def test_call(benchmark, by_hand, exported, who, n):
    x = np.linspace(-1.0, 1.0, n)
    f = sg.load(exported).rosen_value_and_grad
    reference = hand_call(by_hand("hand_rosen", CALLED_DECLARATION, CALLED))
    np.testing.assert_allclose(f(x)[1], reference(x)[1], rtol=1e-13)
    benchmark(f if who == "symgrad" else reference, x)


HUNDRED = range(100)  # calls at a time: calling what is measured costs as much as the shortest of these


def sizes(what):
    groups = [pytest.param(n, marks=target(f"exported: {what}, n={n}, 100 times", "0.6x")) for n in (2, 100)]
    return pytest.mark.parametrize("n", groups)


@pytest.mark.parametrize("who", ["symgrad", "CasADi, normal call"])
@sizes("specialised call, new results")
def test_specialised_call(benchmark, exported, tmp_path, who, n):
    x = np.linspace(-1.0, 1.0, n)
    f = sg.load(exported).rosen_value_and_grad.specialize(x)
    *_, loaded = casadi_call(tmp_path, n)
    np.testing.assert_allclose(np.asarray(loaded(x)[1])[:, 0], f(x)[1], rtol=1e-12)
    call = f if who == "symgrad" else loaded

    def calls():
        for _ in HUNDRED:
            call(x)

    benchmark(calls)


@pytest.mark.parametrize("who", ["symgrad", "CasADi, buffers set each time", "CasADi, bound beforehand"])
@sizes("specialised call, out given")
def test_specialised_call_with_results(benchmark, exported, tmp_path, who, n):
    x, out = np.linspace(-1.0, 1.0, n), (np.empty(()), np.empty(n))
    f = sg.load(exported).rosen_value_and_grad.specialize(x)
    trigger, arrays, buffer, _ = casadi_call(tmp_path, n)
    given, value, gradient = map(memoryview, arrays)
    np.testing.assert_allclose(arrays[2], f(x, out)[1], rtol=1e-12)

    def ours():
        for _ in HUNDRED:
            f(x, out)

    def set_each_time():
        for _ in HUNDRED:
            buffer.set_arg(0, given)
            buffer.set_res(0, value)
            buffer.set_res(1, gradient)
            trigger()

    def bound_beforehand():
        for _ in HUNDRED:
            trigger()

    benchmark(ours if who == "symgrad" else set_each_time if "set" in who else bound_beforehand)


@pytest.mark.parametrize("who", ["symgrad", "CasADi, bound beforehand"])
@sizes("bound call")
def test_bound_call(benchmark, exported, tmp_path, who, n):
    bound = sg.load(exported).rosen_value_and_grad.bind(np.linspace(-1.0, 1.0, n))
    trigger, arrays, buffer, _ = casadi_call(tmp_path, n)
    call = bound if who == "symgrad" else trigger

    def calls():
        for _ in HUNDRED:
            call()

    benchmark(calls)
    assert arrays and buffer  # alive until here


@pytest.mark.parametrize("who", ["symgrad", "C by hand"])
@target("exported C: gradient of 30 operations, 10,000 times", "1.1x")
def test_scalar_gradient(benchmark, by_hand, exported, who):
    ours = f'#include "{exported}/measured.c"\n' + MANY.replace("CALL", "measured_thirty_grad(x + 3 * k, out + 3 * k, 0)")
    hand = SCALAR + MANY.replace("CALL", "gradient(x + 3 * k, out + 3 * k)")
    modules = [by_hand(name, LOOP, text) for name, text in (("many_ours", ours), ("many_hand", hand))]
    x = np.random.default_rng(0).uniform(0.2, 1.5, 30_000)
    outs = [np.empty_like(x) for _ in modules]
    pointers = [[m.ffi.from_buffer("double[]", a) for a in (x, o)] for m, o in zip(modules, outs, strict=True)]
    for m, p in zip(modules, pointers, strict=True):
        m.lib.many(*p, 10_000)
    np.testing.assert_allclose(*outs, rtol=1e-10)
    k = 0 if who == "symgrad" else 1
    benchmark(modules[k].lib.many, *pointers[k], 10_000)


@pytest.mark.parametrize("who", ["symgrad", "C by hand with libmvec"])
@target("exported C: gradient of an array formula, n=1e5", "1.1x")
def test_array_gradient(benchmark, by_hand, exported, who):
    text = f'#define SG_SIMD\n#include "{exported}/measured.c"\n' + MANY.replace(
        "for (size_t k = 0; k < n; ++k) CALL", "measured_mixture_grad(x, out, n, 0)"
    )
    ours, hand = by_hand("array_ours", LOOP, text, *VECTOR), by_hand("hand_mixture", DECLARATION, BY_HAND, *VECTOR)
    x = np.random.default_rng(0).normal(size=100_000)
    out = np.empty_like(x)
    call = ours.lib.many if who == "symgrad" else hand.lib.gradient
    module = ours if who == "symgrad" else hand
    benchmark(call, *[module.ffi.from_buffer("double[]", a) for a in (x, out)], x.size)


@pytest.mark.parametrize("who", ["symgrad", "Python callback"])
@target("exported: nquad of exp(-x*y)*cos(x), low-level", "reported")
def test_integration(benchmark, exported, who):
    function = sg.load(exported).bell.low_level() if who == "symgrad" else lambda x, y: np.exp(-x * y) * np.cos(x)
    benchmark(lambda: nquad(function, [(0.0, 3.0), (0.0, 2.0)]))


@pytest.mark.parametrize("who", ["symgrad", "Python callback"])
@target("exported: quad of 60 operations, 2,000 points, low-level", "reported")
def test_quadrature(benchmark, exported, who):
    module = sg.load(exported)
    calls = {"symgrad": module.ripple.low_level(), "Python callback": ripple}
    result = quad(calls[who], 0.0, 40.0, limit=400, epsabs=1e-10)
    assert result[0] == pytest.approx(quad(ripple, 0.0, 40.0, limit=400, epsabs=1e-10)[0], abs=1e-9)
    benchmark(lambda: quad(calls[who], 0.0, 40.0, limit=400, epsabs=1e-10))


def test_building(measured, tmp_path):
    times = []
    for k in range(5):
        started = time.perf_counter()
        sg.export(thirty, specs=[SPEC((3,))], name="built", directory=tmp_path / str(k), derivatives=["grad", "hessian"])
        times.append(time.perf_counter() - started)
    measured("export of value, gradient, Hessian of 30 operations", f"{statistics.median(times):.2f} s (first {times[0]:.2f} s)", "1.5 s")


def test_importing(measured, exported):
    program = "import time, numpy, cffi; t = time.perf_counter(); import measured; print(time.perf_counter() - t)"
    environment = {**os.environ, "PYTHONPATH": str(exported.parent)}
    command = [sys.executable, "-c", program]
    times = [float(subprocess.run(command, env=environment, capture_output=True, check=True).stdout) for _ in range(9)]
    measured("import of an exported module beyond NumPy and cffi", f"{statistics.median(times) * 1e3:.1f} ms", "40 ms")


def test_casadi_is_there_or_not(measured):
    there = importlib.util.find_spec("casadi") is not None
    measured("CasADi, for the comparison", "installed" if there else "not installed: pip install '.[bench]'", "optional")
