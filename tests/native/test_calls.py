"""Calls with NumPy arrays: what is accepted, what is refused, and that nothing is misread."""

import gc
import threading

import numpy as np
import pytest

import symgrad as sg
from symgrad.dtypes import bool_, float32, float64, int32, int64
from symgrad.errors import DTypeError, ShapeError
from symgrad.ir.dims import dim
from symgrad.ir.expr import Range, constant, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType

from .graphs import compiled, lookup, needs_compiler, scaled

pytestmark = needs_compiler


@pytest.fixture(scope="module")
def twice():
    return compiled(scaled())


def test_call(twice):
    y, total = twice.call([np.arange(4.0)])
    np.testing.assert_array_equal(y, [0, 2, 4, 6])
    assert total.shape == () and total == 12.0


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ([1.0, 2.0], TypeError),
        (np.arange(4), DTypeError),
        (np.arange(4.0, dtype=np.float32), DTypeError),
        (np.arange(4.0).astype(">f8"), DTypeError),
        (np.arange(4.0).reshape(2, 2), ShapeError),
        (np.arange(8.0)[::2], ValueError),
        (np.array(["a"]), DTypeError),
        (np.array([object()]), DTypeError),
    ],
)
def test_wrong_arrays_are_refused(twice, argument, error):
    with pytest.raises(error, match="x: "):
        twice.check([argument])
    with pytest.raises(error):
        twice.call([argument])


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ([1.0, 2.0, 3.0, 4.0], TypeError),
        (np.arange(4), TypeError),
        (np.arange(4.0, dtype=np.float32), TypeError),
        (np.arange(4.0).astype(">f8"), TypeError),
        (np.arange(3.0), ValueError),
        (np.arange(1.0), ValueError),
        (np.arange(4.0).reshape(4, 1), ValueError),
    ],
)
def test_specialized_calls_never_convert(twice, argument, error):
    f = twice.specialize((4,))
    with pytest.raises(error, match="x: "):
        f(argument)
    np.testing.assert_array_equal(f(np.arange(4.0))[0], [0, 2, 4, 6])


@pytest.mark.parametrize("size", [0, 1, 7, 5000, 20_000])
def test_specialized_calls_of_every_size(twice, size):
    f = twice.specialize((size,))
    x = np.random.default_rng(0).normal(size=size)
    y, total = f(x)
    z, _ = f(x + 1.0)
    np.testing.assert_array_equal(y, x * 2.0)  # results are new arrays, the second call did not change the first's
    np.testing.assert_array_equal(z, (x + 1.0) * 2.0)
    np.testing.assert_allclose(total, 2.0 * x.sum(), rtol=1e-12, atol=1e-12)
    assert type(total) is np.float64 and type(y) is np.ndarray and y.flags.owndata


def test_strided_and_read_only_arguments_of_specialized_calls(twice):
    x = np.arange(8.0)
    x.flags.writeable = False
    np.testing.assert_array_equal(twice.specialize((4,))(x[::2])[0], x[::2] * 2)
    np.testing.assert_array_equal(twice.specialize((8,))(x)[0], x * 2)
    with pytest.raises(ValueError, match="contiguous"):
        twice.specialize((20_000,))(np.zeros(40_000)[::2])


def misaligned(size):
    return np.frombuffer(bytearray(8 * size + 1), np.uint8)[1:].view(np.float64)


def test_misaligned_arguments_are_never_passed_by_address(twice):
    small, large = misaligned(8), misaligned(20_000)
    small[:], large[:] = np.arange(8), np.arange(20_000)
    assert large.flags.c_contiguous and not large.flags.aligned
    np.testing.assert_array_equal(twice.specialize((8,))(small)[0], small * 2)  # by a copy
    for call in (twice.specialize((20_000,)), lambda x: twice.call([x]), lambda x: twice.bind([x])):
        with pytest.raises(ValueError, match="x: its elements must be aligned"):
            call(large)
    with pytest.raises(ValueError, match="output 0: its elements must be aligned"):
        twice.bind([np.arange(8.0)], [small, np.empty(())])


def test_numbers_for_arguments_without_axes():
    x = fresh_input("x", TensorType((), float64))
    k = fresh_input("k", TensorType((), int64))
    f = compiled(Graph([x, k], [ops.sin(x), k * k])).specialize()
    for a, b in ((0.5, 3), (np.float64(0.5), np.int64(3)), (np.array(0.5), np.array(3))):
        assert f(a, b) == (np.sin(0.5), 9)
    for a, b in ((1, 3), (0.5, 3.0), (np.float32(0.5), 3), (0.5, True), ("0.5", 3)):
        with pytest.raises(TypeError):
            f(a, b)


def test_bound_calls_read_and_write_the_same_buffers(twice):
    x, y, total = np.arange(3.0), np.empty(3), np.empty(())
    g = twice.bind([x], [y, total])
    assert g()[0] is y and g()[1] is total and total == 6.0
    x[:] = 1.0
    g()
    np.testing.assert_array_equal(y, [2, 2, 2])
    h = twice.bind([np.ones(1000)])
    gc.collect()
    np.testing.assert_array_equal(h()[0], np.full(1000, 2.0))


@pytest.mark.parametrize(
    "outputs",
    [
        lambda x: [np.empty(3)],
        lambda x: [np.empty(4), np.empty(())],
        lambda x: [np.empty(3, np.float32), np.empty(())],
        lambda x: [np.empty(6)[::2], np.empty(())],
        lambda x: [x, np.empty(())],
        lambda x: [read_only(3), np.empty(())],
        lambda x: [np.empty(3), np.empty(1)],
    ],
)
def test_wrong_outputs_are_refused(twice, outputs):
    x = np.arange(3.0)
    with pytest.raises((TypeError, ValueError), match="output|outputs"):
        twice.bind([x], outputs(x))


def read_only(size):
    array = np.empty(size)
    array.flags.writeable = False
    return array


def test_sizes_that_contradict_each_other():
    n = dim("n")
    x, y = (fresh_input(c, TensorType((n,), float64)) for c in "xy")
    f = compiled(Graph([x, y], [x + y]))
    with pytest.raises(ShapeError, match="y: axis 0 must have n elements where n = 3, got 4"):
        f.check([np.zeros(3), np.zeros(4)])


def test_sizes_that_would_be_negative():
    x = fresh_input("x", TensorType((dim("n"),), float64))
    f = compiled(Graph([x], [ops.slice(x, ranges=(Range(2, dim("n") - 2),))]))
    assert f.call([np.arange(2.0)])[0].shape == (0,)
    with pytest.raises(ShapeError, match="negative"):
        f.check([np.zeros(1)])


def test_indices_outside_raise_and_do_no_harm():
    f = compiled(lookup())
    np.testing.assert_array_equal(f.call([np.arange(3.0), np.array([2, 0])])[0], [2, 0])
    for bad in (3, -1, 2**62, -(2**63)):
        with pytest.raises(IndexError, match="gather"):
            f.call([np.arange(3.0), np.array([0, bad])])
        with pytest.raises(IndexError):
            f.specialize((3, 1))(np.arange(3.0), np.array([bad]))
        with pytest.raises(IndexError):
            f.bind([np.arange(3.0), np.array([bad])])()
    with pytest.raises(IndexError):
        f.call([np.empty(0), np.array([0])])


def test_argmax_of_nothing_raises():
    x = fresh_input("x", TensorType((dim("n"),), float64))
    f = compiled(Graph([x], [ops.argmax(x, axis=0)]))
    assert f.call([np.array([1.0, 3.0, 2.0])])[0] == 1
    with pytest.raises(ValueError, match="empty|negative"):
        f.call([np.empty(0)])


def test_every_element_type():
    types = (float64, float32, int64, int32, bool_)
    inputs = [fresh_input(f"x{k}", TensorType((2,), t)) for k, t in enumerate(types)]
    f = compiled(Graph(inputs, [ops.eq(i, i) for i in inputs] + inputs))
    arrays = [np.array([1, 0]).astype(t.numpy) for t in types]
    for outputs in (f.call(arrays), f.specialize()(*arrays)):
        assert [o.dtype for o in outputs] == [np.dtype(bool)] * 5 + [t.numpy for t in types]
        assert all(np.array_equal(o, a) for o, a in zip(outputs[5:], arrays, strict=True))


def test_outputs_may_be_inputs_constants_or_repeated():
    x = fresh_input("x", TensorType((3,), float64))
    c = constant(np.array([1.0, 2.0]))
    f = compiled(Graph([x], [x, c, ops.exp(x), ops.exp(x), constant(2.5), c]))
    a = np.arange(3.0)
    outputs = f.call([a])
    assert len({id(o) for o in outputs}) == 6 and outputs[0] is not a
    np.testing.assert_array_equal(outputs[2], outputs[3])


def test_no_arguments_at_all():
    f = compiled(Graph([], [constant(np.arange(3.0)), constant(1.5)]))
    np.testing.assert_array_equal(f.specialize()()[0], [0, 1, 2])


@pytest.mark.parametrize("size", [50, 30_000])
def test_threads_do_not_meet(twice, size):
    f = twice.specialize((size,))
    failures = []

    def work(value):
        x = np.full(size, value)
        for _ in range(300):
            if not (f(x)[0] == 2.0 * value).all():
                failures.append(value)

    threads = [threading.Thread(target=work, args=(float(k),)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_a_bound_call_outlives_the_function():
    g = compiled(scaled(3.0)).bind([np.ones(4)])
    f = compiled(scaled(5.0)).specialize((2,))
    gc.collect()
    np.testing.assert_array_equal(g()[0], [3, 3, 3, 3])
    np.testing.assert_array_equal(f(np.ones(2))[0], [5, 5])


@pytest.mark.parametrize("size", [3, 10_000])
def test_more_arguments_than_a_c_type_of_cffi_can_have(size):
    arrays = [np.full(size, k / 700) for k in range(420)]
    compiled = sg.compile(lambda arrays: sum(np.sin(a) for a in arrays))
    expected = sum(np.sin(a) for a in arrays)
    np.testing.assert_allclose(compiled(arrays), expected, rtol=1e-12)
    np.testing.assert_allclose(compiled.bind(arrays)(), expected, rtol=1e-12)
