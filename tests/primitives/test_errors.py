"""What each family of records refuses, and how it says so."""

import numpy as np
import pytest

from symgrad.dtypes import bool_, float32, float64, int64
from symgrad.errors import DTypeError, ShapeError
from symgrad.ir.dims import dim
from symgrad.ir.expr import Range, fresh_input
from symgrad.ir.types import TensorType
from symgrad.primitives import ops

from .suite import call


def value(shape=(2, 3), dtype=float64):
    return fresh_input("x", TensorType(shape, dtype))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ops.add(value(), value(dtype=float32)), r"add: element types must agree, got float64\[2, 3\], float32\[2, 3\]"),
        (lambda: ops.sin(value(dtype=int64)), r"sin: needs floating-point elements, got int64\[2, 3\] \(test_errors.py:\d+\)"),
        (lambda: ops.add(value(dtype=bool_), value(dtype=bool_)), "floating-point or integer"),
        (lambda: ops.div(value(dtype=int64), value(dtype=int64)), "floating-point"),
        (lambda: ops.logical_and(value(), value()), "bool"),
        (lambda: ops.where(value(), value(), value()), "where: condition: needs bool"),
        (lambda: ops.where(value(dtype=bool_), value(), value(dtype=float32)), "element types must agree"),
        (lambda: ops.sum(value(dtype=bool_), axes=(0,)), "floating-point or integer"),
        (lambda: ops.any(value(), axes=(0,)), "bool"),
        (lambda: ops.gather(value(), value((2,)), axis=0), "indices must be int32 or int64"),
        (lambda: ops.contract(value((2,), bool_), value((2,), bool_), x_labels=(0,), y_labels=(0,), out_labels=()), "floating"),
        (lambda: ops.assemble(value((1,)), value((1,), int64), shape=(2,), ranges=((Range(0, 1),), (Range(1, 1),))), "agree"),
    ],
)
def test_element_types(build, message):
    with pytest.raises(DTypeError, match=message):
        build()


N = dim("n")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ops.add(value((2,)), value((3,))), r"add: shapes must broadcast together, got \[2\], \[3\] \(test_errors.py"),
        (lambda: ops.add(value((N,)), value((3,))), "broadcast"),
        (lambda: ops.add(value((N,)), value((dim("m"),))), "broadcast"),
        (lambda: ops.where(value((2,), bool_), value((3,)), value((3,))), "broadcast"),
        (lambda: ops.integer_pow(value(dtype=int64), exponent=-1), "no power -1"),
        (lambda: ops.sum(value(), axes=(2,)), r"axes must be sorted, distinct and in \[0, 2\)"),
        (lambda: ops.sum(value(), axes=(1, 0)), "sorted"),
        (lambda: ops.max(value((0, 2)), axes=(0,)), "empty axis"),
        (lambda: ops.argmax(value((0,)), axis=0), "empty axis"),
        (lambda: ops.argmax(value(), axis=2), "axis must lie"),
        (lambda: ops.reshape(value(), shape=(4,)), "sizes must agree"),
        (lambda: ops.reshape(value((N,)), shape=(3,)), "sizes must agree"),
        (lambda: ops.transpose(value(), permutation=(0, 0)), "each axis once"),
        (lambda: ops.broadcast_to(value((2,)), shape=(3,)), "broadcast"),
        (lambda: ops.broadcast_to(value(), shape=(3,)), "does not broadcast"),
        (lambda: ops.expand_dims(value(), axes=(4,)), "axes must be"),
        (lambda: ops.squeeze(value(), axes=(0,)), "must have size 1"),
        (lambda: ops.slice(value((3,)), ranges=(Range(0, 4),)), "out of range"),
        (lambda: ops.slice(value((3,)), ranges=(Range(2, 4, -1),)), "out of range"),
        (lambda: ops.slice(value((3,)), ranges=(Range(3, None),)), "out of range"),
        (lambda: ops.slice(value((3,)), ranges=(Range(-1, 1),)), "out of range"),
        (lambda: ops.slice(value((3,)), ranges=(Range(0, 1, 0),)), "step must not be 0"),
        (lambda: ops.slice(value((3,)), ranges=(Range(0, -1),)), "count is at least 0"),
        (lambda: ops.slice(value((3,)), ranges=()), "one range for each axis"),
        (lambda: ops.assemble(shape=(3,), ranges=()), "at least one piece"),
        (lambda: ops.assemble(value((2,)), shape=(3,), ranges=((Range(0, 3),),)), "shape of its place"),
        (lambda: ops.gather(value(), value((2,), int64), axis=2), "axis must lie"),
        (lambda: ops.scatter_add(value((2,)), value((3,), int64), axis=0, size=4), "updates must have the indices' shape"),
        (lambda: ops.contract(value(), value(), x_labels=(0, 0), y_labels=(0, 1), out_labels=()), "distinct label"),
        (lambda: ops.contract(value(), value((2,)), x_labels=(0, 1), y_labels=(1,), out_labels=()), "sizes of equal labels"),
        (lambda: ops.contract(value(), value(), x_labels=(0, 1), y_labels=(0, 1), out_labels=(2,)), "labels of x or y"),
        (lambda: ops.polygamma(value(), order=0), "an integer from 1 to 1000000, got 0"),
        (lambda: ops.sinc(value(), order=-1), "an integer from 0 to"),
        (lambda: ops.bessel_j(value(), order=2**31), "from -1000000 to 1000000"),
        (lambda: ops.bessel_j(value(), order=0.5), "integer"),
        (lambda: ops.iota(size=-1, dtype=int64), "at least 0"),
    ],
)
def test_shapes(build, message):
    with pytest.raises(ShapeError, match=message):
        build()


@pytest.mark.parametrize("indices", [[5], [-1], [0, 7]])
def test_indices_out_of_range(indices):
    given = np.array(indices)
    with pytest.raises(IndexError, match="gather: an index lies outside an axis of size 5"):
        call(ops.gather, [np.zeros(5), given], {"axis": 0})
    with pytest.raises(IndexError, match="scatter_add: an index"):
        call(ops.scatter_add, [np.zeros(given.shape), given], {"axis": 0, "size": 5})


def test_derivative_of_prod_needs_fixed_sizes():
    node = value((N,))
    assert ops.prod(node, axes=(0,)).shape == ()
    with pytest.raises(ShapeError, match="fixed size along axis 0"):
        ops.prod.derivative.definition(node, axes=(0,))
