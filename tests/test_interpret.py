"""Evaluation of graphs with NumPy: sizes, memory, depth, element types, errors."""

import tracemalloc

import numpy as np
import pytest

from symgrad.dtypes import bool_, float32, float64, int32, int64
from symgrad.errors import ShapeError
from symgrad.interpret import bind_dims, evaluate, interpret
from symgrad.ir.dims import dim
from symgrad.ir.expr import Range, constant, fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.primitives import ops

N, M = dim("n"), dim("m")


def value(shape, dtype=float64, label="x"):
    return fresh_input(label, TensorType(shape, dtype))


def test_a_formula():
    x, y = value((3,)), value((2, 1))
    out = ops.sum(ops.sin(x) * y + 2.0, axes=(1,))
    a, b = np.arange(3.0), np.array([[1.0], [-1.0]])
    np.testing.assert_array_equal(interpret(Graph([x, y], [out]), [a, b])[0], np.sum(np.sin(a) * b + 2.0, axis=1))


def test_several_outputs_inputs_and_constants_come_back_as_they_are():
    x = value((2,))
    results = interpret(Graph([x], [x, constant(3, int32), x, constant(np.eye(2))]), [np.array([1.0, 2.0])])
    assert [r.dtype for r in results] == [np.float64, np.int32, np.float64, np.float64]
    np.testing.assert_array_equal(results[2], [1.0, 2.0])
    assert results[1].shape == ()


@pytest.mark.parametrize("dtype", [float64, float32, int64, int32])
def test_results_have_the_nodes_element_type(dtype):
    x = value((2,), dtype)
    outputs = [x + 1, x * 2, ops.sum(x, axes=(0,)), ops.eq(x, x), ops.cast(x, dtype=float32), -x, x**3]
    for node, result in zip(outputs, interpret(Graph([x], outputs), [np.array([1, 2], dtype.numpy)]), strict=True):
        assert isinstance(result, np.ndarray)
        assert result.dtype == node.dtype.numpy and result.shape == node.shape


def test_named_dims_are_read_from_the_arguments():
    x, y = value((N, M)), value((M,))
    outputs = [
        ops.reshape(x, shape=(N * M,)),
        ops.slice(y, ranges=(Range(M - 1, M, -1),)),
        ops.slice(x, ranges=(Range(1, N - 1), Range(0, None))),
        ops.assemble(y, shape=(M + N,), ranges=((Range(N, M),),)),
        ops.iota(size=2 * M - 1, dtype=int64),
        ops.dim_size(dim=N * N + 1),
        ops.broadcast_to(y, shape=(N, M)),
    ]
    a, b = np.arange(6.0).reshape(2, 3), np.arange(3.0)
    found = interpret(Graph([x, y], outputs), [a, b])
    wanted = [a.ravel(), b[::-1], a[1:, 0], np.pad(b, (2, 0)), np.arange(5), 5, np.broadcast_to(b, (2, 3))]
    for f, w in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(f, w)


def test_dims_may_be_given():
    x = value((N * N,))
    graph = Graph([x], [ops.reshape(x, shape=(N, N))])
    assert interpret(graph, [np.arange(9.0)], {"n": 3})[0].shape == (3, 3)
    with pytest.raises(ShapeError, match="no value is given for the dim n"):
        interpret(graph, [np.arange(9.0)])
    with pytest.raises(ShapeError, match=r"expected float64\[n\*n\], got shape \[9\]"):
        interpret(graph, [np.arange(9.0)], {"n": 2})


@pytest.mark.parametrize(
    ("shapes", "arguments", "message"),
    [
        (((N,), (N,)), ((2,), (3,)), r"n is 2 and 3 at once, got x\[2\], x\[3\]"),
        (((2,),), ((3,),), r"argument x: expected float64\[2\], got shape \[3\]"),
        (((2,),), ((2, 1),), "expected"),
        (((N,), (N + 1,)), ((2,), (4,)), "expected"),
    ],
)
def test_arguments_that_do_not_fit(shapes, arguments, message):
    inputs = [value(s) for s in shapes]
    with pytest.raises(ShapeError, match=message):
        interpret(Graph(inputs, [inputs[0]]), [np.zeros(a) for a in arguments])


def test_sizes_that_turn_out_too_small_are_refused():
    x = value((N,))
    graph = Graph([x], [ops.slice(x, ranges=(Range(2, N - 2),))])
    assert interpret(graph, [np.arange(3.0)])[0] == [2.0]
    with pytest.raises(ShapeError, match="out of range"):
        interpret(graph, [np.arange(1.0)])
    with pytest.raises(ShapeError, match="out of range"):
        interpret(Graph([x], [ops.slice(x, ranges=(Range(4, None),))]), [np.arange(3.0)])


def test_no_floating_point_warning_escapes():
    x = value((2,))
    found = interpret(Graph([x], [ops.log(x), 1.0 / x, ops.exp(x)]), [np.array([0.0, 1e4])])
    assert found[0][0] == -np.inf and found[1][0] == np.inf and found[2][1] == np.inf


def test_a_long_chain():
    x = value(())
    node = x
    for _ in range(100_000):
        node = node + 1.0
    assert interpret(Graph([x], [node]), [np.array(0.0)])[0] == 100_000.0


def test_intermediate_values_are_freed():
    size = 200_000
    x = value((size,))
    node = x
    for _ in range(50):
        node = ops.sin(node)
    graph = Graph([x], [ops.sum(node, axes=(0,))])
    argument = np.ones(size)
    tracemalloc.start()
    interpret(graph, [argument])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * argument.nbytes


def test_arguments_are_never_written():
    x = value((3,))
    given = np.arange(3.0)
    given.flags.writeable = False
    interpret(Graph([x], [x + 1.0, ops.assemble(x, shape=(4,), ranges=((Range(0, 3),),))]), [given])


def test_evaluate_takes_values_of_any_node():
    x = value((2,))
    inner = ops.sin(x)
    outer = inner * 2.0
    assert evaluate([outer], {inner: np.ones(2)})[0].tolist() == [2.0, 2.0]
    np.testing.assert_array_equal(evaluate([outer, x], {x: np.ones(2)})[0], 2 * np.sin(np.ones(2)))
    with pytest.raises(ShapeError, match="no value is given for the input x"):
        evaluate([outer], {})


def test_bind_dims():
    x, y = value((N, 2), label="a"), value((N * M,), bool_, "b")
    values = {x: np.zeros((3, 2)), y: np.zeros(6, bool)}
    assert bind_dims([x, y], values, {"m": 2}) == {"m": 2, "n": 3}
