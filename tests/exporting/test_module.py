"""What an exported module computes, takes, refuses and says of itself."""

from __future__ import annotations

import contextlib
import copy
import gc
import inspect
import json
import pickle
import sys
import threading
import tracemalloc

import numpy as np
import pytest

import symgrad as sg

from .models import State, loss, nest, weighted

X = np.array([-1.2, 1.0, 0.8, 0.3])


@pytest.mark.parametrize("n", [2, 4, 700, 5000])
def test_derivatives_for_every_size(module, n):
    x, v = np.random.default_rng(n).uniform(-1, 1, (2, n))
    near = {"rtol": 1e-12, "atol": 1e-9}
    np.testing.assert_allclose(module.loss(x), loss(x), **near)
    np.testing.assert_allclose(module.loss_grad(x), sg.grad(loss)(x), **near)
    value, gradient = module.loss_value_and_grad(x)
    np.testing.assert_allclose(value, loss(x), **near)
    np.testing.assert_allclose(gradient, sg.grad(loss)(x), **near)
    np.testing.assert_allclose(module.loss_hvp(x, v), sg.hvp(loss)(x, v), **near)
    np.testing.assert_allclose(module.loss_jvp(x, v), sg.jvp(loss)(x, v), **near)
    np.testing.assert_allclose(module.loss_vjp(x, 2.0), 2 * sg.grad(loss)(x), **near)
    if n < 1000:
        np.testing.assert_allclose(module.loss_hessian(x), sg.hessian(loss)(x), **near)


def test_types_of_results(module):
    assert type(module.loss(X)) is np.float64
    assert module.single(np.ones(3, np.float32)).dtype == np.float32
    assert module.whole(np.arange(4, dtype=np.int32)).dtype == np.int32


def test_nests_keep_their_shape_and_names(module):
    arguments = {"v": 2.0, "u": np.ones(3)}, (2.0, np.ones((2, 2), np.float32)), np.arange(4)
    found, wanted = module.nest(*arguments), nest(*arguments)
    assert found.keys() == wanted.keys() and type(found["b"]) is list and found["b"][1][1] is None
    np.testing.assert_array_equal(found["a"], wanted["a"])
    np.testing.assert_array_equal(found["b"][0], wanted["b"][0])
    np.testing.assert_array_equal(found["b"][1][0], wanted["b"][1][0])
    assert "const double *p_u" in module.nest.facts["prototype"]


def test_named_tuples(module):
    after = module.springs(State(np.ones(2), np.zeros(2)), 3.0)
    assert type(after).__name__ == "State" and after._fields == ("position", "velocity")
    np.testing.assert_array_equal(after.velocity, [-3.0, -3.0])
    (dp_dp, dp_dv), (dv_dp, _) = (tuple(row) for row in module.springs_jacobian(State(np.ones(2), np.zeros(2)), 3.0))
    np.testing.assert_array_equal(dp_dp, np.zeros((2, 2)))
    np.testing.assert_array_equal(dp_dv, np.eye(2))
    np.testing.assert_array_equal(dv_dp, -3 * np.eye(2))


def test_several_sizes(module):
    x, a = np.linspace(0, 1, 3), np.arange(12.0).reshape(4, 3)
    np.testing.assert_allclose(module.weighted(x, a), weighted(x, a))
    np.testing.assert_allclose(module.weighted_jacobian(x, a), sg.jacobian(weighted)(x, a), rtol=1e-13)


def test_sympy_and_compiled_functions(module):
    assert module.formula(1.0, 2.0) == pytest.approx(np.sin(2.0) + 1.0)
    np.testing.assert_allclose(module.formula_grad(1.0, 2.0), (2 * np.cos(2.0) + 2.0, np.cos(2.0)))
    ((a, b), (c, _)) = module.formula_hessian(1.0, 2.0)
    assert (a, b) == pytest.approx((2 - 4 * np.sin(2.0), np.cos(2.0) - 2 * np.sin(2.0))) and b == c
    assert module.compiled(0.0, 3.0) == 3.0


def test_orders(module):
    f = lambda y: np.arctan2(y, 0.7) * np.exp(-0.7)  # noqa: E731
    assert module.arctangents_d1(0.4, 0.7) == pytest.approx(sg.derivative(f)(0.4), rel=1e-13)
    assert module.arctangents_d3(0.4, 0.7) == pytest.approx(sg.derivative(f, 3)(0.4), rel=1e-12)


def test_integers_wrap_as_numpy_does(module):
    k = np.array([2**31 - 1, -(2**31), 7], np.int32)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(module.whole(k), k * k - np.int32(3) * k)


# Arguments


@pytest.mark.parametrize(
    "given",
    [X.astype(np.float32), X.astype(">f8"), np.repeat(X, 2)[::2], np.arange(4)],
    ids=["float32", "swapped", "strided", "int"],
)
def test_arguments_are_converted_where_that_loses_nothing(module, given):
    for _ in range(2):  # the second call meets the fast path
        assert module.loss(given) == pytest.approx(loss(np.asarray(given, float)), rel=1e-14)


REFUSED = {
    "list": (lambda m: m.loss([1.0, 2.0]), TypeError, "expected a NumPy array or a number, got list"),
    "axes": (lambda m: m.loss(np.ones((2, 2))), ValueError, r"expected shape \[n\], got \[2, 2\]"),
    "complex": (lambda m: m.loss(X + 0j), TypeError, "complex128 cannot be converted to float64 without loss"),
    "masked": (lambda m: m.loss(np.ma.array(X)), TypeError, "means more than its elements"),
    "empty": (lambda m: m.loss(np.ones(0)), ValueError, "n - 1 is negative where n = 0"),
    "missing": (lambda m: m.weighted(X), TypeError, "needs a as well"),
    "too many": (lambda m: m.loss(X, X), TypeError, "takes 1 arguments"),
    "unknown": (lambda m: m.loss(X, y=1), TypeError, "has no parameter 'y'"),
    "twice": (lambda m: m.loss(X, x=X), TypeError, "two values for x"),
    "sizes": (lambda m: m.weighted(np.ones(3), np.ones((4, 5))), ValueError, r"expected shape \[m, n\] where"),
    "narrow": (lambda m: m.single(X), TypeError, "float64 cannot be converted to float32"),
    "keys": (lambda m: m.nest({"u": 1}, (1, 2), 3), TypeError, "expected a dict with the keys 'u', 'v', got one with 'u'"),
    "members": (lambda m: m.nest({"u": np.ones(3), "v": 1.0}, (1.0,), 3), TypeError, "expected a tuple of 2, got a tuple of 1"),
    "index": (lambda m: m.lookup(np.array([5]), X), IndexError, "an index lies outside its axis"),
    "negative index": (lambda m: m.lookup(np.array([-5]), X), IndexError, "outside"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(module, case):
    call, error, message = REFUSED[case]
    for _ in range(2):
        with pytest.raises(error, match=message):
            call(module)


def test_after_a_refusal_calls_go_on(module):
    module.loss(X)
    with pytest.raises(TypeError):
        module.loss("x")
    assert module.loss(X) == pytest.approx(loss(X))


def test_keywords(module):
    assert module.arctangents(x=0.7, y=0.4) == module.arctangents(0.4, 0.7)


def test_bound_calls_read_and_write_buffers(module):
    x, out = X.copy(), np.empty(4)
    call = module.loss_grad.bind(x, out=out)
    assert call() is out
    x += 1.0
    call()
    np.testing.assert_array_equal(out, module.loss_grad(x))
    for bad in (x, np.empty(3), np.empty(8)[::2], np.empty(4, np.float32)):
        with pytest.raises(ValueError, match=r"bind: out "):
            module.loss_grad.bind(x, out=bad)
    with pytest.raises(ValueError, match=r"bind: argument x: .* of float64, got ndarray of float32\[4\]"):
        module.loss_grad.bind(x.astype(np.float32))
    with pytest.raises(ValueError, match="argument x: .* C-contiguous array of float64, got float$"):
        module.arctangents.bind(np.array(0.5), 0.5)
    with pytest.raises(ValueError, match=r"argument x: .* C-contiguous .* got ndarray of float64\[4\] of other strides"):
        module.loss_grad.bind(np.repeat(x, 2)[::2])


def test_threads_do_not_meet(module):
    points = np.random.default_rng(0).uniform(-1, 1, (64, 40))
    wanted = [sg.grad(loss)(p) for p in points]
    wrong = []

    def work():
        for p, w in zip(points, wanted, strict=True):
            if not np.allclose(module.loss_grad(p), w, rtol=1e-12):
                wrong.append(p)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_the_fast_call_takes_only_what_it_was_made_for(module):
    """Each of these follows a call that the fast path was made for."""
    x, i = np.linspace(0, 1, 4), np.array([1, 0])
    other_name = np.array([1, 0], np.longlong)  # the same type as int64 under another name
    for _ in range(2):
        np.testing.assert_array_equal(module.lookup(i, x), 2 * x[i])
        np.testing.assert_array_equal(module.lookup(other_name, x), 2 * x[i])
        np.testing.assert_array_equal(module.lookup(i, x.astype(np.float32)), 2 * x.astype(np.float32)[i])
        np.testing.assert_array_equal(module.lookup(i, x[::-1]), 2 * x[::-1][i])
        np.testing.assert_array_equal(module.lookup(i.astype(np.int32), x), 2 * x[i])
        unaligned = np.frombuffer(bytearray(b"." + x.tobytes()), np.uint8)[1:].view(np.float64)
        assert not unaligned.flags.aligned
        np.testing.assert_array_equal(module.lookup(i, unaligned), 2 * x[i])
    assert module.arctangents(1, 1.0) == module.arctangents(1.0, np.float64(1.0)) == module.arctangents(np.array(1.0), True)


def test_calls_keep_and_leak_nothing(module):
    x = np.linspace(0, 1, 6)
    bound, call = module.loss_value_and_grad.bind(x), module.loss_value_and_grad.specialize(x)
    lent = np.empty(()), np.empty(6)

    def everything():
        for _ in range(3000):
            module.loss_value_and_grad(x)
            call(x)
            call(x, lent)
            call(x, out=lent)
            bound()
            module.arctangents(0.5, 0.25)
        for bad in (
            lambda: module.lookup(np.array([9]), x),
            lambda: call(x[:2]),
            lambda: call(x, lent[1]),
            lambda: call(x, out=(lent[0], x)),
            lambda: call(x, oot=lent),
            lambda: module.loss(x, x),
            lambda: module.loss(x + 0j),
        ):
            for _ in range(300):
                with contextlib.suppress(Exception):
                    bad()

    everything()
    gc.collect()
    seen = x, None, np.float64, np.empty, np.dtype(np.float64), lent, *lent, "out"
    counts = [sys.getrefcount(one) for one in seen]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    everything()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 20_000
    now = [sys.getrefcount(one) for one in seen]
    assert all(abs(a - b) < 50 for a, b in zip(counts, now, strict=True)), (counts, now)


def test_finite_results_where_that_is_asked_for(tmp_path):
    function = {"f": lambda x: {"y": np.log(x), "n": x > 0}}
    options = sg.Options(finite=True)
    module = sg.load(sg.export(function, specs=[sg.TensorSpec(("n",))], name="strict", directory=tmp_path, options=options))
    x, bad = np.ones(3), np.array([1.0, 0.0, 2.0])
    for call in (module.f, module.f.specialize(x)):
        assert call(x)["y"].tolist() == [0.0] * 3
        for _ in range(2):
            with pytest.raises(FloatingPointError, match=r"f: a result is nan or inf"):
                call(bad)
    bound = module.f.bind(x)
    bound()
    x[1] = -1.0
    with pytest.raises(FloatingPointError):
        bound()


# What it says of itself


def test_docstrings(module):
    doc = inspect.getdoc(module.loss)
    for part in (
        '"deep", \\steep, \u03b1',
        "x : float64[n]",
        "out : float64",
        "sum(100.0 * ",
        "C: int kinds_loss(const double *x, double *out, size_t n, double *work)",
    ):
        assert part in doc
    assert str(inspect.signature(module.weighted)) == "(x, a)"


def test_pickled_by_name(module):
    assert pickle.loads(pickle.dumps(module.loss)) is module.loss
    assert copy.deepcopy(module.loss) is module.loss
    assert b"kinds" in pickle.dumps(module.loss) and len(pickle.dumps(module.loss)) < 60


def test_manifest(exported):
    manifest = json.loads((exported / "manifest.json").read_text())
    assert set(manifest["files"]) == {p.name for p in exported.iterdir() if p.is_file()} - {"manifest.json"}
    assert manifest["functions"]["loss"]["inputs"] == [{"name": "x", "c": "x", "dtype": "float64", "shape": [[[["n"], 1]]]}]
    assert {"compiler", "flags", "cffi", "symgrad", "options", "platform"} <= manifest["key_entries"].keys()


def test_check_report(exported):
    report = json.loads((exported / "check.json").read_text())
    points = report["points"]
    assert points.keys() == json.loads((exported / "manifest.json").read_text())["functions"].keys()
    for name, one in points.items():
        assert one["points"] == 5, name
        for output in one["outputs"]:
            assert output["relative"] < (1e-6 if "single" in name else 1e-13), (name, output)
        derivative = name.split("_")[-1] in ("grad", "hessian", "hvp", "jvp", "vjp", "jacobian", "d1", "d3")
        for output in one["outputs"]:
            assert (output["differences"] is not None) == (derivative and output["name"] != "value"), (name, output)
            assert output["differences"] is None or output["differences"] < (3e-2 if "single" in name else 1e-6), (name, one)
    assert "loss_grad.grad" in (exported / "check.txt").read_text()


def test_a_module_is_loaded_once(exported, module):
    assert sg.load(exported) is module
    with pytest.raises(sg.ExportError, match="holds no module"):
        sg.load(exported.parent)
