"""Call an exported function's C through ctypes, and, where numba is installed, from numba's own native code."""

import ctypes
import tempfile

import numpy as np

import symgrad as sg


def wave(x):
    return np.sin(x) * x


def from_ctypes(module, x):
    """Return the wave, by the address of its C function: int wave_wave(const double *, double *, size_t, double *)."""
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
    out = np.empty_like(x)
    status = kind(module.wave.address)(x.ctypes.data, out.ctypes.data, x.size, None)
    assert status == 0, module.ffi.string(module.lib.signals_message(status))
    return out


def from_numba(module, rows):
    """Return the sum of the wave over rows; the whole loop runs without the interpreter."""
    import numba
    from numba.core.typing import cffi_utils

    cffi_utils.register_module(module.native)
    native, ffi = module.lib.signals_wave, module.ffi

    @numba.njit
    def total(rows, out):
        result = 0.0
        for k in range(rows.shape[0]):
            native(ffi.from_buffer(rows[k]), ffi.from_buffer(out), rows.shape[1], ffi.from_buffer(out))
            result += out.sum()
        return result

    return total(rows, np.empty(rows.shape[1]))


def main():
    with tempfile.TemporaryDirectory() as folder:
        place = sg.export(wave, specs=[sg.TensorSpec(("n",))], name="signals", directory=folder)
        module = sg.load(place)
        x = np.linspace(0, 3, 7)
        np.testing.assert_allclose(from_ctypes(module, x), wave(x), rtol=1e-14)
        print("ctypes:", from_ctypes(module, x))
        rows = np.stack([x, 2 * x, 3 * x])
        try:
            found = from_numba(module, rows)
        except ImportError:
            print("numba is not installed")
        else:
            np.testing.assert_allclose(found, np.sum(wave(rows)), rtol=1e-13)
            print("numba:", found)


if __name__ == "__main__":
    main()
