"""Compiled results where the order of phases, functions and stores matters."""

import shutil

import numpy as np
import pytest

from symgrad.dtypes import bool_, float64
from symgrad.interpret import interpret
from symgrad.ir.dims import dim
from symgrad.ir.expr import Range, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.native.direct import compile_graph
from symgrad.options import Options

from .test_fusion import long_scalar_graph

pytestmark = pytest.mark.skipif(not (shutil.which("cc") or shutil.which("gcc")), reason="needs a C compiler")

N = dim("n")


def compare(graph, *arrays, rtol=1e-12):
    names = [f"x{k}" for k in range(len(graph.inputs))], [f"y{k}" for k in range(len(graph.outputs))]
    function = compile_graph(graph, name="f", options=Options(), input_names=names[0], output_names=names[1])
    for garbage in (np.nan, 7.0):  # what is not written shows
        wanted = interpret(graph, list(arrays))
        outputs = [np.full(w.shape, garbage).astype(w.dtype) for w in wanted]
        function.bind(list(arrays), outputs)()
        for found, value in zip(outputs, wanted, strict=True):
            np.testing.assert_allclose(found, value, rtol=rtol, atol=1e-13)


def vector(name="x", size=N):
    return fresh_input(name, TensorType((size,), float64))


def test_long_code_in_several_functions():
    compare(long_scalar_graph(5000, reach=1500), np.linspace(0.1, 0.9, 8), rtol=1e-9)


def test_a_value_used_later_at_another_index_is_ready_before():
    x = vector()
    total = ops.sum(x, axes=(0,))
    y = ops.exp(ops.sin(x))
    reversed_ = ops.slice(y, ranges=(Range(N - 1, N, -1),))
    compare(Graph([x], [reversed_ * total]), np.linspace(0, 1, 9))
    compare(Graph([x], [reversed_ * total, y * total]), np.linspace(0, 1, 9))
    compare(Graph([x], [ops.tanh(reversed_ * 2.0 + 1.0) * total, ops.sum(y, axes=(0,))]), np.linspace(0, 1, 9))


@pytest.mark.parametrize("start", [0, 1, 2])
def test_what_pieces_do_not_cover_is_zero(start):
    x = vector()
    padded = ops.assemble(x, shape=(N + 2,), ranges=((Range(start, N),),))
    compare(Graph([x], [padded, ops.exp(padded)]), np.arange(1.0, 6.0))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_overlapping_pieces_add_up(count):
    x = vector()
    pieces = [ops.exp(x * (0.1 * k)) if k % 2 else x * float(k + 1) for k in range(count)]
    ranges = tuple((Range(k % 3, N),) for k in range(count))
    joined = ops.assemble(*pieces, shape=(N + 2,), ranges=ranges)
    compare(Graph([x], [joined, ops.sum(joined * joined, axes=(0,))]), np.linspace(0, 1, 100))


def test_overlapping_pieces_of_several_shapes_and_steps():
    x, y = fresh_input("x", TensorType((3, N), float64)), vector("y")
    every_other = (Range(0, 3, 2), Range(0, N))
    row, column = (Range(1, None), Range(0, N)), (Range(0, 3), Range(0, None))
    pieces = [x, ops.sin(y), ops.sum(x, axes=(1,)), x, y]
    ranges = (every_other, row, column, (Range(2, 3), Range(0, N)), (Range(0, None), Range(0, N)))
    joined = ops.assemble(*pieces, shape=(5, N), ranges=ranges)
    compare(Graph([x, y], [joined]), np.arange(12.0).reshape(3, 4), np.arange(4.0))


def test_overlapping_truth_values_are_or_ed():
    x, y = (fresh_input(c, TensorType((N,), bool_)) for c in "xy")
    joined = ops.assemble(x, ops.logical_not(y), shape=(N + 1,), ranges=((Range(0, N),), (Range(1, N),)))
    compare(Graph([x, y], [joined]), np.array([True, False, False]), np.array([True, False, True]))


def test_reductions_over_any_axes_share_a_nest():
    x = fresh_input("x", TensorType((2, N, 3), float64))
    y = ops.sin(x)
    axes = [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    outputs = [kind(y, axes=a) for a in axes for kind in (ops.sum, ops.max, ops.prod)]
    compare(Graph([x], outputs), np.random.default_rng(0).normal(size=(2, 5, 3)))


def test_long_bodies_are_cut_into_nests():
    x = vector()
    values = [x, ops.cos(x)]
    for k in range(1200):
        values.append(ops.sin(values[-1] + values[-1 - k % 2]) * 0.9 + values[k // 3] * 0.01)
    compare(Graph([x], [values[-1], ops.sum(values[700], axes=(0,))]), np.linspace(-1, 1, 20), rtol=1e-9)


def accuracy(size):
    rng = np.random.default_rng(size)
    return rng.normal(size=size) * 10.0 ** rng.integers(0, 6, size)


@pytest.mark.parametrize("size", [65, 1000, 100_003, 1_000_000])
def test_long_sums_are_at_least_as_accurate_as_numpy(size):
    import math

    x = vector()
    f = compile_graph(Graph([x], [ops.sum(x, axes=(0,))]), name="f", options=Options(), input_names=["x"], output_names=["y"])
    ours = theirs = 0.0
    for shift in range(8):
        a = np.roll(accuracy(size), shift) + shift
        exact = math.fsum(a)
        ours += abs(float(f.call([a])[0]) - exact)
        theirs += abs(float(np.sum(a)) - exact)
    assert ours <= 2 * theirs + np.spacing(abs(exact))


def test_sums_of_infinities_and_nan():
    x = vector()
    f = compile_graph(Graph([x], [ops.sum(x, axes=(0,))]), name="f", options=Options(), input_names=["x"], output_names=["y"])
    a = np.ones(3000)
    a[5] = np.inf
    assert f.call([a])[0] == np.inf
    a[2500] = -np.inf
    assert np.isnan(f.call([a])[0])
    a[:] = 1.0
    a[17] = np.nan
    assert np.isnan(f.call([a])[0])
