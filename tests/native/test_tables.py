"""Constant tables come out of compiled code as they went in, whatever a compiler makes of copying them."""

from __future__ import annotations

import random

import numpy as np
import pytest

import symgrad as sg
from symgrad.codegen.render import must_hide


@pytest.mark.parametrize("size", [4, 5, 8, 12, 20, 33])
def test_the_gradient_of_a_part(size):
    compiled = sg.compile(sg.grad(lambda x: np.sum(x[:-1])))
    expected = np.ones(size)
    expected[-1] = 0.0
    np.testing.assert_array_equal(compiled(np.zeros(size)), expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int32, np.bool_])
@pytest.mark.parametrize("seed", range(3))
def test_tables_are_copied_as_they_are(seed, dtype):
    rng = random.Random(seed)
    tables = []
    for _ in range(60):
        values = [rng.choice([1, 2])] * rng.choice([3, 4, 5, 8, 12, 16, 20, 24, 36, 65])
        for _ in range(rng.choice([1, 1, 2, 5])):
            values[rng.randrange(len(values))] = rng.choice([0, 0, 1, 3])
        tables.append(np.array(values, dtype))

    def copies(x):
        return [sg.where(x > 0.0, t, t) if k % 3 == 0 else sg.asarray(t) for k, t in enumerate(tables)]

    for found, table in zip(sg.compile(copies)(np.float64(1.0)), tables, strict=True):
        np.testing.assert_array_equal(found, table)


def test_which_tables_are_hidden():
    assert must_hide(np.array([1.0, 1.0, 1.0, 0.0]))
    assert must_hide(np.array([5.0, 1.0, 1.0, 0.0, 2.0]))
    assert must_hide(np.array([9, 1, 1, 1, 1, 0, 0, 7], np.float32))
    assert must_hide(np.array([True] * 16 + [False] * 8))
    assert not must_hide(np.array([1.0, 1.0, 1.0]))
    assert not must_hide(np.array([1.0, 0.0, 0.0, 0.0]))
    assert not must_hide(np.array([0.0, 1.0, 1.0, 1.0]))
