"""Where exported C is called from: SciPy's own loops, ctypes, numba; examples/ has C, C++, solvers and optimisers."""

from __future__ import annotations

import ctypes
import math

import numpy as np
import pytest
import scipy
from scipy.integrate import nquad, quad

import symgrad as sg

S = sg.TensorSpec


@pytest.fixture(scope="module")
def uses(tmp_path_factory):
    functions = {
        "bell": lambda x, a: np.exp(-a * x * x),
        "mixed": lambda p, s: p[0] * p[1] ** 2 + s,
        "norm": lambda x: np.sum(np.cumsum(x) ** 2),
        "wave": lambda x: np.sin(x) * x,
    }
    specs = {"bell": [S(), S()], "mixed": [S((2,)), S()], "norm": [S((40,))], "wave": [S(("n",))]}
    return sg.load(
        sg.export(
            functions,
            specs=specs,
            name="uses",
            directory=tmp_path_factory.mktemp("uses"),
            derivatives={"bell": ["grad"], "wave": ["vjp"]},
        )
    )


def test_quad_and_nquad_call_c_directly(uses):
    bell = uses.bell.low_level()
    assert isinstance(bell, scipy.LowLevelCallable) and bell.signature == "double (int, double *, void *)"
    assert quad(bell, -np.inf, np.inf, args=(2.0,))[0] == pytest.approx(math.sqrt(math.pi / 2), rel=1e-12)
    assert nquad(bell, [(-1.0, 1.0), (0.5, 1.5)])[0] == pytest.approx(
        nquad(lambda x, a: np.exp(-a * x * x), [(-1.0, 1.0), (0.5, 1.5)])[0]
    )


def test_arrays_and_workspace_in_integrands(uses):
    assert uses.norm.facts["integrand"] and nquad(uses.mixed.low_level(), [(0, 1), (0, 3), (0, 2)])[0] == pytest.approx(15.0)
    values = uses.ffi.new("double[40]", [1.0] * 40)
    assert uses.lib.uses_norm_integrand(40, values, uses.ffi.NULL) == sum(k * k for k in range(1, 41))
    assert math.isnan(uses.lib.uses_norm_integrand(39, values, uses.ffi.NULL))


def test_only_functions_of_numbers_are_integrands(uses):
    assert uses.bell_grad.low_level() is not None  # of one number: the derivative in x
    for function in (uses.wave, uses.wave_vjp):
        with pytest.raises(TypeError, match="needs a function of float64 numbers"):
            function.low_level()


def test_ctypes(uses):
    library = ctypes.CDLL(uses.native.__file__)
    x, out = np.linspace(0, 1, 5), np.empty(5)
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (x, out)]
    assert library.uses_wave(*pointers, ctypes.c_size_t(5), None) == 0
    np.testing.assert_array_equal(out, uses.wave(x))
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
    out[:] = 0.0
    assert kind(uses.wave.address)(*pointers, 5, None) == 0
    np.testing.assert_array_equal(out, uses.wave(x))


def test_cffi(uses):
    x, out = np.linspace(0, 1, 5), np.empty(5)
    pointer = [uses.ffi.from_buffer("double[]", a) for a in (x, out)]
    assert uses.lib.uses_wave(*pointer, 5, uses.ffi.NULL) == 0
    np.testing.assert_array_equal(out, uses.wave(x))


def test_numba_without_the_interpreter(uses):
    numba = pytest.importorskip("numba")
    from numba.core.typing import cffi_utils

    cffi_utils.register_module(uses.native)
    wave, ffi = uses.lib.uses_wave, uses.ffi

    @numba.njit(nogil=True)
    def total(rows, out, work):
        result = 0.0
        for k in range(rows.shape[0]):
            if wave(ffi.from_buffer(rows[k]), ffi.from_buffer(out), rows.shape[1], ffi.from_buffer(work)):
                return np.nan
            result += out.sum()
        return result

    rows = np.random.default_rng(0).uniform(0, 1, (20, 7))
    assert total(rows, np.empty(7), np.empty(1)) == pytest.approx(np.sum(np.sin(rows) * rows), rel=1e-13)
    assert total.nopython_signatures

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
    pointer = kind(uses.wave.address)

    @numba.njit
    def once(x, out):
        return pointer(x.ctypes, out.ctypes, x.size, out.ctypes)

    out = np.empty(7)
    assert once(rows[0].copy(), out) == 0
    np.testing.assert_array_equal(out, uses.wave(rows[0].copy()))
