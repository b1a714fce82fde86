"""Assignments straight to memory: what may be written so, and who must not notice."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg
from symgrad.eager import programs


def table():
    return len(programs._programs)


def test_a_loop_over_rows_makes_no_programs():
    x, v = sg.zeros(60, 3), sg.ones(3)
    before = table()
    for k in range(60):
        x[k] = 0.5 * k
        x[k, 1] = k
    assert table() == before
    for k in range(60):
        x[k, :2] = v[:2]
    assert table() <= before + 1
    assert x.tolist() == [[1.0, 1.0, 0.5 * k] for k in range(60)]
    assert x._version == 180


def test_reading_in_a_loop_makes_few_programs():
    x, total = sg.arange(40.0), sg.tensor(0.0)
    before = table()
    for k in range(40):
        total = total + x[k] * x[k : k + 1].sum()
    assert total.item() == sum(k * k for k in range(40))
    assert table() <= before + 2


def test_pending_operations_mean_what_was_there():
    x = sg.zeros(3)
    x[0] = 1.0  # from now on the array is the tensor's own
    doubled, part, copy = x * 2, x[0:2] + 0, x.clone()
    x[0] = 9.0
    assert (doubled.tolist(), part.tolist(), copy.tolist()) == ([2.0, 0.0, 0.0], [1.0, 0.0], [1.0, 0.0, 0.0])
    assert x.tolist() == [9.0, 0.0, 0.0]


def test_aliases_and_views_see_it():
    x = sg.zeros(4)
    x[3] = 3.0
    view, alias, data, row = x[1:], x.detach(), x.data, x.reshape(2, 2)[1]
    x[2] = 5.0
    assert [t.tolist() for t in (view, alias, data, row)] == [[0.0, 5.0, 3.0], [0.0, 0.0, 5.0, 3.0], [0.0, 0.0, 5.0, 3.0], [5.0, 3.0]]
    alias[0] = 7.0
    x[1] = 8.0
    assert x.tolist() == data.tolist() == [7.0, 8.0, 5.0, 3.0]
    assert row.tolist() == [5.0, 3.0]
    assert x._version == alias._version == 4


def test_arrays_that_others_hold_are_copied():
    x, y = sg.zeros(3), sg.ones(3)
    x.zero_()
    y.zero_()
    x[0] = 5.0
    z = sg.ones(3)
    z.zero_()
    assert (x.tolist(), y.tolist(), z.tolist()) == ([5.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    array = x.numpy()
    x[1] = 6.0
    assert array.tolist() == [5.0, 6.0, 0.0]
    given = np.arange(3.0)
    tensor = sg.from_numpy(given)
    tensor[0] = 4.0
    assert given.tolist() == [4.0, 1.0, 2.0]
    values = sg.tensor([1.0, 2.0])
    held = values.numpy_value()
    values[0] = 3.0
    assert held.tolist() == [1.0, 2.0]


def test_saved_values_are_found_modified():
    w, x = sg.ones(3, requires_grad=True), sg.zeros(3)
    x[0] = 2.0
    y = w * x
    x[0] = 3.0
    with pytest.raises(RuntimeError, match="is at version 2; expected version 1 instead"):
        y.sum().backward()


def test_a_leaf_is_written_under_no_grad():
    w = sg.ones(3, requires_grad=True)
    with sg.no_grad():
        w[0] = 5.0
        w[1] = 6.0
    (w * w).sum().backward()
    assert w.grad.tolist() == [10.0, 12.0, 2.0]
    with sg.no_grad():
        w[2] = 7.0
    assert w.tolist() == [5.0, 6.0, 7.0]
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        w[0] = 1.0


def test_what_is_tracked_is_recorded():
    w, x = sg.tensor(2.0, requires_grad=True), sg.zeros(3)
    x[0] = 1.0
    x[1] = w * w
    x[2] = 4.0
    (x * x).sum().backward()
    assert x.tolist() == [1.0, 4.0, 4.0]
    assert w.grad.item() == 32.0


def test_numbers_that_do_not_fit_are_converted_as_elsewhere():
    k, x = sg.zeros(3, dtype=sg.int64), sg.zeros(2)
    k[0] = 1.75
    k[1] = True
    x[0] = float("nan")
    x[1] = -float("inf")
    assert k.tolist() == [1, 1, 0]
    assert np.isnan(x[0].item()) and x[1].item() == -float("inf")
    x[0] = sg.tensor(2.5, dtype=sg.float64)
    assert x.dtype is sg.float32 and x[0].item() == 2.5


def test_errors_are_torchs():
    x = sg.zeros(2, 3)
    with pytest.raises(IndexError, match="index 2 is out of bounds for dimension 0 with size 2"):
        x[2] = 1.0
    with pytest.raises(IndexError, match="too many indices"):
        x[0, 0, 0] = 1.0
    with pytest.raises(ValueError, match="step must be greater than zero"):
        x[::-1] = 1.0
    with pytest.raises(RuntimeError, match="must match the existing size"):
        x[0] = sg.ones(2)
    assert x.tolist() == [[0.0] * 3] * 2 and x._version == 0
