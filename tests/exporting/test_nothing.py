"""Arrays without elements: the C says nothing that a strict compiler warns of, and computes what NumPy does."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

import symgrad as sg

from .test_c import CC, STRICT

ALL = ("grad", "value_and_grad", "hessian", "hvp", "jvp", "vjp")
PARTS = ("jacobian", "vjp", "jvp")
NONE = np.zeros(0)
CASES = {
    "rosenbrock": (lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), [np.ones(1)], ALL),
    "shifted": (lambda x: np.sum(x**2) + 3, [NONE], ALL),
    "differences": (lambda x: np.sum((x[1:] - x[:-1]) ** 2) + np.sum(x), [np.ones(1)], ALL),
    "product": (lambda x, y: np.prod(x) * np.exp(y), [NONE, np.array(0.4)], ("grad",)),
    "columns": (lambda x: np.sum(x, axis=0), [np.zeros((0, 3))], PARTS),
    "rows": (lambda x: np.sum(x, axis=1) + 1, [np.zeros((0, 3))], PARTS),
    "outer": (lambda x, y: x @ y, [np.zeros((3, 0)), np.zeros((0, 4))], PARTS),
    "inner": (lambda x, y: x @ y + 1, [NONE, NONE], ("grad", "hessian")),
    "joined": (lambda x: np.concatenate([x[:1], np.sin(x[1:])]), [np.ones(1)], PARTS),
    "cumulative": (lambda x: np.cumsum(x), [NONE], PARTS),
    "needless": (lambda x, y: np.sum(np.exp(x) * np.sum(y)), [NONE, np.ones(5)], ("grad",)),
    "picked": (lambda x: np.sum(x[np.array([], np.int64)]) + x[0], [np.ones(3)], ("grad",)),
    "picked_rows": (lambda x, i: np.sum(x[i]) + np.sum(x), [np.zeros((2, 0)), np.array([1, 0])], ("grad",)),
}


@pytest.fixture(scope="module")
def nothing(tmp_path_factory):
    """The folder of a module of them all."""
    if CC is None:
        pytest.skip("needs a C compiler")
    functions = {name: fn for name, (fn, _, _) in CASES.items()}
    specs = {name: [sg.TensorSpec(a.shape, str(a.dtype)) for a in given] for name, (_, given, _) in CASES.items()}
    derivatives = {name: chosen for name, (_, _, chosen) in CASES.items()}
    folder = tmp_path_factory.mktemp("nothing")
    return sg.export(functions, specs=specs, name="nothing", directory=folder, derivatives=derivatives)


def test_gcc_has_nothing_to_say(nothing):
    done = subprocess.run([CC, *STRICT, "-O1", "-c", "-o", "/dev/null", nothing / "nothing.c"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="needs clang, which the extra zig brings")
def test_clang_has_nothing_to_say(nothing, tmp_path):
    command = [sys.executable, "-m", "ziglang", "cc", *STRICT, "-O0", "-c", nothing / "nothing.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", CASES)
def test_values_are_numpys(nothing, name):
    fn, given, _ = CASES[name]
    found, wanted = getattr(sg.load(nothing), name)(*given), fn(*given)
    assert np.shape(found) == np.shape(wanted)
    np.testing.assert_allclose(found, wanted, rtol=1e-15)


def test_gradients_where_there_is_little(nothing):
    module = sg.load(nothing)
    np.testing.assert_array_equal(module.rosenbrock_grad(np.ones(1)), [0.0])
    np.testing.assert_array_equal(module.differences_grad(np.ones(1)), [1.0])
    np.testing.assert_array_equal(module.joined_jacobian(np.ones(1)), [[1.0]])
    np.testing.assert_array_equal(module.picked_grad(np.ones(3)), [1.0, 0.0, 0.0])
    assert module.shifted_hessian(NONE).shape == (0, 0)


def test_reductions_of_nothing_are_neutral_whatever_the_type():
    for fn, dtype in ((np.sum, np.int64), (np.prod, np.int64), (np.all, np.bool_), (np.any, np.bool_), (np.prod, np.float32)):
        wanted = fn(np.zeros((0, 2), dtype), axis=0)
        found = sg.compile(lambda x, fn=fn: fn(x, axis=0))(np.zeros((0, 2), dtype))
        np.testing.assert_array_equal(found, wanted)


def test_positions_are_checked_though_nothing_is_there(nothing):
    with pytest.raises(IndexError):
        sg.load(nothing).picked_rows(np.zeros((2, 0)), np.array([1, 2]))


def test_a_named_size_beside_an_axis_of_none(tmp_path):
    """Such arrays have the known size 0, and still a named shape."""
    spec = [sg.TensorSpec(("n", 0))]
    folder = sg.export({"f": lambda x: np.sum(np.exp(x))}, specs=spec, name="zn", directory=tmp_path, derivatives=("grad",))
    module = sg.load(folder)
    assert module.f(np.zeros((4, 0))) == 0.0 and module.f_grad(np.zeros((4, 0))).shape == (4, 0)
