"""The bare native call writes where it is told to, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg


def several(x, a):
    return {"s": np.sum(x * a), "v": [x * a, x - a]}


@pytest.mark.parametrize("size", [3, 30_000])  # copied through buffers, and not
def test_results_given_by_the_caller(size):
    x = np.linspace(0.0, 1.0, size)
    call = sg.compile(several).specialize(x, 2.0)
    wanted = several(x, 2.0)
    out = {"s": np.empty(()), "v": [np.empty(size), np.empty(size)]}
    for _ in range(2):
        assert call(x, 2.0, out=out) is out
        np.testing.assert_allclose(out["s"], wanted["s"], rtol=1e-12)
        np.testing.assert_array_equal(out["v"][0], wanted["v"][0])
        np.testing.assert_array_equal(out["v"][1], wanted["v"][1])
        fresh = call(x, 2.0, out=None)
        np.testing.assert_array_equal(fresh["v"][1], wanted["v"][1])
        assert fresh["v"][1] is not out["v"][1]


@pytest.mark.parametrize("kind", [list, tuple])
def test_lists_and_tuples_of_results_are_as_good(kind):
    x = np.ones(3)
    for result in (lambda a, b: [a, b], lambda a, b: (a, b)):
        f = sg.compile(lambda x, result=result: result(x + 1.0, x * 4.0))
        out = kind([np.empty(3), np.empty(3)])
        assert f.specialize(x)(x, out=out) is out
        assert out[0][0] == 2.0 and out[1][0] == 4.0
        assert f.bind(x, out=out)()[1] is out[1]
    call, out = sg.compile(several).specialize(x, 2.0), {"s": np.empty(()), "v": kind([np.empty(3), np.empty(3)])}
    assert call(x, 2.0, out=out) is out and out["v"][1][0] == -1.0


@pytest.mark.parametrize("size", [3, 30_000])
def test_what_results_cannot_go_into(size):
    x = np.linspace(0.0, 1.0, size)
    f = sg.compile(lambda x: (x * 2.0, np.sum(x)))
    call, value, before = f.specialize(x), np.empty(()), x.copy()
    read_only = np.empty(size)
    read_only.flags.writeable = False
    for out, error, message in (
        ((x, value), ValueError, "overlaps"),
        ((np.empty(size, np.float32), value), TypeError, "output 0"),
        ((np.empty(size + 1), value), ValueError, "output 0: expected shape"),
        ((np.empty(2 * size)[::2], value), ValueError, "C-contiguous"),
        ((read_only, value), ValueError, "writeable"),
        (np.empty(size), TypeError, "out must be a tuple of 2 arrays"),
        ((np.empty(size),), TypeError, "has 2 outputs, got 1"),
    ):
        with pytest.raises(error, match=message):
            call(x, out=out)
    np.testing.assert_array_equal(x, before)
    with pytest.raises(TypeError):
        call(x, (np.empty(size), value))
    nested = sg.compile(several).specialize(x, 2.0)
    with pytest.raises(TypeError, match="nested like"):
        nested(x, 2.0, out=[value])


def test_single_results_and_functions_of_nothing_else():
    call, out = sg.compile(lambda x: np.sin(x)).specialize(np.ones(3)), np.empty(3)
    assert call(np.ones(3), out=out) is out
    np.testing.assert_allclose(out, np.sin(1.0))
    number, there = sg.compile(lambda x: x * 3.0).specialize(2.0), np.empty(())
    assert number(5.0, out=there) is there and there == 15.0
    strict = sg.compile(lambda x: np.log(x), options=sg.Options(finite=True)).specialize(np.ones(2))
    with pytest.raises(FloatingPointError):
        strict(np.zeros(2), out=np.empty(2))


def test_an_ordinary_call_takes_none():
    f = sg.compile(lambda x: x * 2.0)
    f(np.ones(3))
    with pytest.raises(TypeError):
        f(np.ones(3), np.empty(3))
    with pytest.raises(TypeError):
        f(np.ones(3), out=np.empty(3))
