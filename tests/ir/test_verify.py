import dataclasses

import pytest

import symgrad.primitives  # noqa: F401
from symgrad.dtypes import float32, float64
from symgrad.errors import VerifyError
from symgrad.ir.expr import Node, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.ir.verify import LOWERED, REWRITTEN, STAGES, verify


def number(label="x"):
    return fresh_input(label, TensorType((), float64))


def test_well_formed_graphs_pass_every_stage():
    x = number()
    for stage in STAGES:
        verify(Graph([x], [ops.sin(x) * 2.0]), stage)


def test_every_primitive_derives_its_type_again():
    x = fresh_input("x", TensorType((3,), float64))
    verify(Graph([x], [ops.sum(x, axes=(0,)), ops.reshape(x, shape=(3, 1)), ops.lt(x, x), ops.gather(x, ops.argmax(x, axis=0), axis=0)]))


def test_inputs_are_distinct_inputs():
    x, y = number(), number("y")
    with pytest.raises(VerifyError, match="distinct"):
        verify(Graph([x, x], [x]))
    with pytest.raises(VerifyError, match="not one"):
        verify(Graph([x, ops.sin(x)], [x]))
    with pytest.raises(VerifyError, match="'y' is reached"):
        verify(Graph([x], [x + y]))


def test_types_are_derived_again():
    x = number()
    wrong = Node(ops.sin, (x,), {}, TensorType((), float32))
    with pytest.raises(VerifyError, match="should have type float64"):
        verify(Graph([x], [wrong]))
    broken = Node(ops.reshape, (x,), {"shape": (2,)}, TensorType((2,), float64))
    with pytest.raises(VerifyError, match="type rule"):
        verify(Graph([x], [broken]))


def test_primitives_are_registered():
    x = number()
    stranger = dataclasses.replace(ops.sin, name="stranger")
    with pytest.raises(VerifyError, match="not registered"):
        verify(Graph([x], [Node(stranger, (x,), {}, x.type)]))
    double = dataclasses.replace(ops.sin)
    with pytest.raises(VerifyError, match="not registered"):
        verify(Graph([x], [Node(double, (x,), {}, x.type)]))


def test_stages_refuse_what_they_should_have_removed():
    x = number()
    same = Graph([x], [ops.cast(x, dtype=float64)])
    verify(same)
    with pytest.raises(VerifyError, match="rewritten: .*changes nothing"):
        verify(same, REWRITTEN)
    power = Graph([x], [ops.integer_pow(x, exponent=3)])
    verify(power, REWRITTEN)
    with pytest.raises(VerifyError, match="lowered: .*expanded"):
        verify(power, LOWERED)


def test_outputs_are_nodes():
    with pytest.raises(VerifyError, match="made of nodes"):
        verify(Graph([], [1.0]))
