"""Calls in which C reads Python's lists itself: they must give what calls through buffers give, for every kind of operand."""

import threading

import numpy as np
import pytest

from symgrad.dtypes import bool_, float32, float64, int64
from symgrad.ir.expr import fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.native import module, objects
from symgrad.native.direct import compile_graph
from symgrad.options import Options


def compiled(graph):
    names = [f"x{k}" for k in range(len(graph.inputs))], [f"y{k}" for k in range(len(graph.outputs))]
    return compile_graph(graph, name="program", options=Options(), input_names=names[0], output_names=names[1])


@pytest.fixture(scope="module")
def scaled():
    """x * s + k, and whether x is less than 1; s a float64, k an int64, both 0-d."""
    x, s, k = (fresh_input("x", t) for t in (TensorType((2, 3), float64), TensorType((), float64), TensorType((), int64)))
    total = ops.add(ops.mul(x, ops.broadcast_to(s, shape=(2, 3))), ops.broadcast_to(ops.cast(k, dtype=float64), shape=(2, 3)))
    return compiled(Graph([x, s, k], [total, ops.lt(x, total), ops.mul(s, s)]))


@pytest.fixture(params=["objects", "buffers"])
def run(request, scaled, monkeypatch):
    if request.param == "buffers":
        monkeypatch.setattr(module, "layout", lambda: None)
    elif objects.layout() is None:
        pytest.skip("this Python keeps its objects otherwise")
    return scaled.runner()


X = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("x", [X, np.asfortranarray(X), np.arange(12.0).reshape(2, 6)[:, ::2] / 2, X.copy()[::1]])
@pytest.mark.parametrize("s", [0.5, np.array(0.5), np.float64(0.5)])
@pytest.mark.parametrize("k", [3, np.array(3), np.int64(3), 1 << 40])
def test_operands(run, x, s, k):
    for _ in range(2):
        total, less, square = run([x, s, k])
        np.testing.assert_array_equal(total, x * 0.5 + int(k))
        np.testing.assert_array_equal(less, x < total)
        assert square.shape == () and square == 0.25
        assert total.dtype == np.float64 and less.dtype == np.bool_


def test_results_are_new_each_time(run):
    first = run([X, 2.0, 0])
    second = run([X, 3.0, 0])
    np.testing.assert_array_equal(first[0], X * 2)
    assert not any(np.shares_memory(a, b) for a in (*first, X) for b in second)


def test_many_integers_do_not_pile_up(run):
    for k in range(2000):
        assert run([X, 1.0, k])[0][0, 0] == k
    assert len(module._whole) <= 256


def test_errors_are_those_of_the_call():
    x, at = fresh_input("x", TensorType((4,), float32)), fresh_input("at", TensorType((2,), int64))
    run = compiled(Graph([x, at], [ops.gather(x, at, axis=0)])).runner()
    given = np.arange(4, dtype=np.float32)
    np.testing.assert_array_equal(run([given, np.array([3, 0])])[0], [3, 0])
    with pytest.raises(IndexError, match="outside"):
        run([given, np.array([4, 0])])
    np.testing.assert_array_equal(run([given, np.array([1, 2])])[0], [1, 2])


def test_threads_share_no_workspace():
    x = fresh_input("x", TensorType((64, 64), float64))
    row = ops.sum(x, axes=(1,))
    native = compiled(
        Graph([x], [ops.sum(ops.mul(ops.broadcast_to(ops.expand_dims(row, axes=(0,)), shape=(64, 64)), x), axes=(1,))])
    )
    run, wrong = native.runner(), []

    def work(scale):
        given = np.full((64, 64), float(scale))
        for _ in range(300):
            if not np.array_equal(run([given])[0], np.full(64, 64.0 * 64.0 * scale * scale)):
                wrong.append(scale)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_truth_values_meet():
    a, b = fresh_input("a", TensorType((4,), bool_)), fresh_input("b", TensorType((4,), bool_))
    run = compiled(Graph([a, b], [ops.logical_and(a, b), ops.logical_or(a, b)])).runner()
    p, q = np.array([True, True, False, False]), np.array([True, False, True, False])
    both, either = run([p, q])
    np.testing.assert_array_equal(both, p & q)
    np.testing.assert_array_equal(either, p | q)
