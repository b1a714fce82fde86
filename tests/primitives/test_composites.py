"""Composites against their independent references, and at the values where formulas break."""

import numpy as np
import pytest

from symgrad.dtypes import float64
from symgrad.errors import DTypeError, ShapeError
from symgrad.interpret import interpret
from symgrad.ir.dims import dim
from symgrad.ir.expr import fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.primitives import ops
from symgrad.primitives.samples import draw

from .suite import call, cases, inputs_like

INF, NAN = np.inf, np.nan


@pytest.mark.parametrize(("record", "family", "dtype"), cases(ops.composites()))
def test_value(record, family, dtype):
    arrays = draw(family, dtype, np.random.default_rng(1))
    node, value = call(record, arrays, family.attributes)
    wanted = record.numpy(*arrays, **family.attributes)
    assert node.shape == np.shape(wanted)
    assert value.dtype == arrays[0].dtype
    tolerance = 8 * np.finfo(dtype.numpy).eps if dtype.is_floating else 0.0
    np.testing.assert_allclose(value, wanted, rtol=tolerance, atol=8 * tolerance)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([-INF, -INF], -INF),
        ([-INF, 1.0], 1.0),
        ([INF, 1.0], INF),
        ([INF, INF], INF),
        ([INF, -INF], INF),
        ([NAN, 1.0], NAN),
        ([1000.0, 1000.0], 1000.0 + np.log(2.0)),
        ([-1000.0, -1000.0], -1000.0 + np.log(2.0)),
        ([-1e308, 1e308], 1e308),
    ],
)
def test_logsumexp_limits(given, wanted):
    _, value = call(ops.logsumexp, [np.array(given)], {"axes": (0,)})
    np.testing.assert_allclose(value, wanted, rtol=1e-15)


def test_einsum_orders_three_operands_by_cost():
    shapes = ((30, 2), (2, 40), (40,))
    inputs = [fresh_input("x", TensorType(s, float64)) for s in shapes]
    node = ops.einsum(*inputs, subscripts="ij,jk,k->i")
    assert max(n.type.size for n in Graph(inputs, [node]).order) == 80  # never the 30 by 40 product


def test_named_dims():
    n = dim("n")
    square = fresh_input("a", TensorType((n, n), float64))
    row = fresh_input("x", TensorType((n,), float64))
    outputs = [
        ops.trace(square, offset=0),
        ops.diag_extract(square, offset=1),
        ops.diag_embed(row, offset=0),
        ops.matmul(square, row),
        ops.flip(row, axes=(0,)),
        ops.concatenate(row, row, axis=0),
        ops.pad(row, widths=((1, 2),), value=0),
        ops.mean(row, axes=(0,)),
        ops.var(row, axes=(0,), ddof=1),
        ops.einsum(square, row, square, subscripts="ij,j,ji->i"),
    ]
    a, x = np.random.default_rng(0).normal(size=(5, 5)), np.arange(5.0)
    values = interpret(Graph([square, row], outputs), [a, x])
    wanted = [
        np.trace(a), np.diagonal(a, 1), np.diag(x), a @ x, x[::-1], np.concatenate([x, x]), np.pad(x, (1, 2)),
        x.mean(), x.var(ddof=1), np.einsum("ij,j,ji->i", a, x, a),
    ]
    for value, w in zip(values, wanted, strict=True):
        np.testing.assert_allclose(value, w, rtol=1e-14, atol=1e-14)


def test_negative_zero_survives_arrangement():
    zero = np.array([-0.0])
    for record, count, attributes in (
        (ops.concatenate, 2, {"axis": 0}),
        (ops.stack, 2, {"axis": 0}),
        (ops.pad, 1, {"widths": ((0, 0),), "value": 0}),
        (ops.diag_embed, 1, {"offset": 0}),
    ):
        _, value = call(record, [zero] * count, attributes)
        assert np.signbit(value).all(), record.name


@pytest.mark.parametrize(
    ("record", "shapes", "attributes", "message"),
    [
        (ops.matmul, ((2, 3), (2, 3)), {}, r"matmul: inner sizes must agree, got a\[2, 3\] @ b\[2, 3\] \(test_composites.py:"),
        (ops.matmul, ((), (2,)), {}, "at least one axis"),
        (ops.matmul, ((2, 2, 3), (3, 3, 2)), {}, "batch shapes must broadcast"),
        (ops.dot, ((2,), (3,)), {}, "inner sizes must agree"),
        (ops.concatenate, ((2, 3), (3, 2)), {"axis": 0}, "sizes must agree along every axis but 0"),
        (ops.concatenate, ((2,),), {"axis": 1}, "axis must lie in"),
        (ops.stack, ((2,), (3,)), {"axis": 0}, "shapes must agree"),
        (ops.pad, ((2,),), {"widths": ((-1, 0),), "value": 0}, "at least 0"),
        (ops.trace, ((2,),), {"offset": 0}, "at least two axes"),
        (ops.logsumexp, ((0,),), {"axes": (0,)}, "empty axis"),
        (ops.einsum, ((2, 3), (2, 3)), {"subscripts": "ij,jk->ik"}, "sizes of one label"),
        (ops.einsum, ((2, 3),), {"subscripts": "ij,jk->ik"}, "one term for each"),
        (ops.einsum, ((2, 3),), {"subscripts": "ij->ii"}, "distinct labels"),
        (ops.einsum, ((2, 3),), {"subscripts": "ij->k"}, "distinct labels"),
        (ops.einsum, ((2, 3),), {"subscripts": "i"}, "name every axis"),
        (ops.einsum, ((2, 3),), {"subscripts": "i1"}, "ASCII letters"),
        (ops.einsum, ((2, 3),), {"subscripts": "ii"}, "equal sizes"),
    ],
)
def test_errors(record, shapes, attributes, message):
    nodes = [fresh_input("ab"[k], TensorType(s, float64)) for k, s in enumerate(shapes)]
    with pytest.raises(ShapeError, match=message):
        record(*nodes, **attributes)


@pytest.mark.parametrize("name", ["mean", "var", "std", "norm", "logsumexp"])
def test_integers_are_refused(name):
    (node,) = inputs_like([np.arange(3)])
    with pytest.raises(DTypeError, match=f"{name}|var"):
        getattr(ops, name)(node, axes=(0,))
