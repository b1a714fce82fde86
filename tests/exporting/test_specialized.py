"""Calls for exactly known types and shapes: in C where NumPy is as known, in Python elsewhere, with the same outcome."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import numpy as np
import pytest

import symgrad as sg

from .models import State, nest

X = np.array([-1.2, 1.0, 0.8, 0.3])


@pytest.fixture(params=["C", "Python"])
def kinds(request, module, monkeypatch):
    """The module; in "Python" as with a NumPy of unknown layout."""
    special = sys.modules["kinds._special"]
    if request.param == "Python":
        monkeypatch.setattr(special, "_table", lambda: None)
    yield module
    specialized = module.loss_grad.specialize(X)
    assert (type(specialized).__name__ == "builtin_function_or_method") == (request.param == "C")


def test_they_never_convert(kinds):
    call = kinds.loss_grad.specialize(X)
    np.testing.assert_array_equal(call(X), kinds.loss_grad(X))
    for bad, message in (
        (X[:2], r"argument x: expected shape \[4\], got \[2\]"),
        (X.astype(np.float32), r"argument x: expected a numpy.ndarray of float64, got ndarray of float32\[4\]"),
        (X.astype(">f8"), "expected a numpy.ndarray of float64"),
        ([1.0] * 4, "expected a numpy.ndarray of float64, got list"),
        (X.view(np.memmap), "got memmap"),
        (np.repeat(X, 2)[::2], "argument x must be C-contiguous and aligned"),
        (np.frombuffer(b"." + X.tobytes(), np.uint8)[1:].view(np.float64), "C-contiguous and aligned"),
        (X.reshape(2, 2), r"expected shape \[4\], got \[2, 2\]"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            call(bad)
    with pytest.raises(TypeError, match="takes exactly 1 array by position, and out, got 0"):
        call()
    with pytest.raises(TypeError, match="1 array by position, and out, got 3"):
        call(X, X, X)
    with pytest.raises(TypeError, match="it has no argument y, got 1 and y="):
        call(X, y=X)


def test_types_of_results(kinds):
    assert type(kinds.loss.specialize(X)(X)) is np.float64
    single = np.ones(3, np.float32)
    assert type(kinds.single.specialize(single)(single)) is np.float32
    made = kinds.loss_value_and_grad.specialize(X)(X)
    assert type(made) is tuple and type(made[0]) is np.float64 and made[1].shape == (4,) and made[1].base is None
    whole = np.arange(4, dtype=np.int32)
    np.testing.assert_array_equal(kinds.whole.specialize(whole)(whole), whole * whole - 3 * whole)


def test_other_names_of_a_type_will_do(kinds):
    index, table = np.array([1, 0], np.longlong), np.linspace(0, 1, 4)
    call = kinds.lookup.specialize(np.array([1, 0]), table)
    np.testing.assert_array_equal(call(index, table), 2 * table[index])


def test_numbers(kinds):
    call = kinds.arctangents.specialize(0.4, 0.7)
    out = np.empty(())
    for given in ((0.4, 0.7), (np.float64(0.4), np.array(0.7))):
        assert call(*given) == kinds.arctangents(0.4, 0.7)
        assert call(*given, out=out) is out and out == kinds.arctangents(0.4, 0.7)
    with pytest.raises(TypeError, match="argument x: expected a numpy.ndarray of float64, got int"):
        call(0.4, 1)


def test_results_go_where_the_caller_says(kinds):
    call, out = kinds.loss_value_and_grad.specialize(X), (np.empty(()), np.empty(4))
    wanted = kinds.loss_value_and_grad(X)
    for lend in (lambda: call(X, out=out), lambda: call(X, out), lambda: call(X, **{"o" + "ut": out})):
        out[0][...], out[1][...] = 0.0, 0.0
        assert lend() is out
        assert out[0] == wanted[0]
        np.testing.assert_array_equal(out[1], wanted[1])
    np.testing.assert_array_equal(call(X, out=None)[1], wanted[1])
    np.testing.assert_array_equal(call(X, None)[1], wanted[1])
    gradient, one = kinds.loss_grad.specialize(X), np.empty(4)
    assert gradient(X, one) is one and gradient(X, out=one) is one
    np.testing.assert_array_equal(one, wanted[1])


def test_lists_and_tuples_of_results_are_as_good(kinds):
    call, out = kinds.loss_value_and_grad.specialize(X), [np.empty(()), np.empty(4)]
    wanted = kinds.loss_value_and_grad(X)
    for lend in (lambda: call(X, out=out), lambda: call(X, out)):
        out[1][...] = 0.0
        assert lend() is out and out[0] == wanted[0]
        np.testing.assert_array_equal(out[1], wanted[1])
    for bad in ([np.empty(())], [np.empty(()), np.empty(5)]):
        with pytest.raises((TypeError, ValueError), match="out must be a tuple of 2 arrays, got 1|expected shape"):
            call(X, out=bad)
    state = State(np.ones(2), np.zeros(2))
    lent = [np.empty(2), np.empty(2)]
    assert kinds.springs.specialize(state, 3.0)(*state, 3.0, out=lent) is lent
    np.testing.assert_array_equal(lent[1], [-3.0, -3.0])
    assert kinds.springs.bind(state, np.array(3.0), out=lent)().velocity is lent[1]
    given = {"u": np.ones(3), "v": 2.0}, (2.0, np.ones((2, 2), np.float32)), np.arange(4)
    flat = np.ones(3), 2.0, 2.0, np.ones((2, 2), np.float32), np.arange(4)
    nested = {"a": np.empty(3), "b": (np.empty((2, 2), np.float32), [np.empty(4, np.int64), None])}
    assert kinds.nest.specialize(*given)(*flat, out=nested) is nested
    np.testing.assert_array_equal(nested["a"], nest(*given)["a"])


def test_a_list_of_results_is_let_go(kinds):
    call, out = kinds.loss_value_and_grad.specialize(X), [np.empty(()), np.empty(4)]
    before = [sys.getrefcount(o) for o in (*out, out)]
    for _ in range(10):
        call(X, out=out)
    assert [sys.getrefcount(o) for o in (*out, out)] == before


def test_what_results_cannot_go_into(kinds):
    x, value = X.copy(), np.empty(())
    call = kinds.loss_value_and_grad.specialize(x)
    read_only, twice, around = np.empty(4), np.empty(5), np.empty(9)
    read_only.flags.writeable = False
    before = around.copy()
    for out, error, message in (
        ((value, np.empty(4, np.float32)), TypeError, r"loss_value_and_grad: out\[1\]: expected a numpy.ndarray of float64"),
        ((np.empty(1), np.empty(4)), ValueError, r"out\[0\]: expected shape \[\], got \[1\]"),
        ((value, np.empty(5)), ValueError, r"out\[1\]: expected shape \[4\], got \[5\]"),
        ((value, np.empty(8)[::2]), ValueError, r"out\[1\] must be C-contiguous"),
        ((value, read_only), ValueError, r"out\[1\] must be writeable"),
        ((value, x), ValueError, r"out\[1\] overlaps another array"),
        ((twice[0:1].reshape(()), twice[0:4]), ValueError, r"out\[1\] overlaps another array"),
        (np.empty(4), TypeError, r"out must be a tuple of 2 arrays, got ndarray of float64\[4\]"),
        ((value,), TypeError, "out must be a tuple of 2 arrays, got 1 of them"),
        ((0.0, np.empty(4)), TypeError, r"out\[0\]: expected a numpy.ndarray of float64, got float"),
    ):
        for lend in (lambda out=out: call(x, out=out), lambda out=out: call(x, out)):
            with pytest.raises(error, match=message):
                lend()
    with pytest.raises(ValueError, match="overlaps"):
        call(around[2:6], out=(value, around[3:7]))
    np.testing.assert_array_equal(around, before)
    call(twice[:4], out=(twice[4:].reshape(()), np.empty(4)))  # side by side is apart
    with pytest.raises(TypeError, match="takes exactly 1 array by position, and out, got 2 and out="):
        call(x, (value, np.empty(4)), out=(value, np.empty(4)))


def test_nests(kinds):
    given = {"u": np.ones(3), "v": 2.0}, (2.0, np.ones((2, 2), np.float32)), np.arange(4)
    call, flat = kinds.nest.specialize(*given), (np.ones(3), 2.0, 2.0, np.ones((2, 2), np.float32), np.arange(4))
    wanted, found = nest(*given), call(*flat)
    np.testing.assert_array_equal(found["b"][1][0], wanted["b"][1][0])
    out = {"a": np.empty(3), "b": [np.empty((2, 2), np.float32), (np.empty(4, np.int64), None)]}
    for lend in (lambda: call(*flat, out), lambda: call(*flat, out=out)):
        out["a"][:] = 0.0
        assert lend() is out
        np.testing.assert_array_equal(out["a"], wanted["a"])
        np.testing.assert_array_equal(out["b"][1][0], wanted["b"][1][0])
    with pytest.raises(TypeError, match="argument out: expected a dict with the keys 'a', 'b'"):
        call(*flat, out={"a": out["a"]})
    state = State(np.ones(2), np.zeros(2))
    after = kinds.springs.specialize(state, 3.0)(*state, 3.0, State(np.empty(2), np.empty(2)))
    np.testing.assert_array_equal(after.velocity, [-3.0, -3.0])


def test_an_ordinary_call_takes_no_results(module):
    out = np.empty(4)
    module.loss_grad(X)
    with pytest.raises(TypeError, match="takes 1 arguments"):
        module.loss_grad(X, out)
    with pytest.raises(TypeError, match="has no parameter 'out'"):
        module.loss_grad(X, out=out)


def test_indices_outside_are_errors(kinds):
    table, out = np.linspace(0, 1, 4), np.empty(1)
    call = kinds.lookup.specialize(np.array([1]), table)
    for lend in (lambda: call(np.array([9]), table), lambda: call(np.array([9]), table, out)):
        with pytest.raises(IndexError, match="outside its axis"):
            lend()


def test_arrays_of_no_elements_overlap_nothing(tmp_path):
    def pair(x, y):
        return x + 1.0, y * 2.0

    specs = [sg.TensorSpec(("n",)), sg.TensorSpec(("m",))]
    module = sg.load(sg.export(pair, specs=specs, name="empties", directory=tmp_path))
    whole = np.empty(6)
    call = module.pair.specialize(whole[3:3], np.ones(2))
    out = whole[1:1], whole[2:4]
    assert call(whole[3:3], np.ones(2), out) is out and whole[2:4].tolist() == [2.0, 2.0]


def test_workspace_is_nobody_elses(module):
    """Threads that let each other run meanwhile, each with memory of its own."""
    points = np.random.default_rng(0).uniform(-1, 1, (16, 3000))
    call = module.loss_value_and_grad.specialize(points[0])
    wanted = [module.loss_value_and_grad(p)[1] for p in points]
    wrong = []

    def work(k):
        out = np.empty(()), np.empty(3000)
        for _ in range(200):
            call(points[k], out)
            if not np.array_equal(out[1], wanted[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_they_keep_what_they_need_and_no_more(module):
    table = np.linspace(0, 1, 4)
    call = module.lookup.specialize(np.array([1]), table)
    seen = weakref.ref(table)
    del table
    gc.collect()
    assert seen() is None
    with pytest.raises(TypeError, match="lookup: takes exactly 2 arrays"):
        call()  # what says so lives as long as the call


def test_more_arguments_than_the_fast_call_takes(tmp_path):
    def total(*xs):
        return sum(xs)

    module = sg.load(sg.export(total, specs=[sg.TensorSpec(("n",))] * 70, name="wide", directory=tmp_path))
    given = [np.full(2, float(k)) for k in range(70)]
    for _ in range(2):
        np.testing.assert_array_equal(module.total(*given), [2415.0, 2415.0])
    call, out = module.total.specialize(*given), np.empty(2)
    assert call(*given, out) is out and out.tolist() == call(*given).tolist() == [2415.0, 2415.0]
    with pytest.raises(TypeError, match="expected a numpy.ndarray of float64"):
        call(*given[:-1], np.ones(2, np.int32))


def test_nests_of_other_types_follow_a_fast_call(module):
    """What is converted is not put into a nest twice."""
    one = {"u": np.ones(3), "v": 2.0}, (2.0, np.ones((2, 2), np.float32)), np.arange(4)
    other = {"u": np.ones(3, np.float32), "v": 2}, (2, np.ones((2, 2), np.float32)), np.arange(4)
    longer = {"u": np.ones(3), "v": 2.0}, (2.0, np.ones((2, 2), np.float32)), np.arange(5)
    for _ in range(2):
        for given in (one, other, longer, one):
            found, wanted = module.nest(*given), nest(*given)
            assert found.keys() == wanted.keys()
            np.testing.assert_array_equal(found["a"], wanted["a"])
            np.testing.assert_array_equal(found["b"][1][0], wanted["b"][1][0])
    state = State(np.ones(2, np.float32), np.zeros(2))
    for _ in range(2):
        assert module.springs(state, 3)._fields == ("position", "velocity")
        module.springs(State(np.ones(2), np.zeros(2)), 3.0)
