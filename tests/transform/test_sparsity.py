"""Structural non-zeros: never less than what is found by evaluation, and exact where the structure is simple."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg
from symgrad.interpret import interpret
from symgrad.transform.sparsity import possible_nonzeros

from ..lower.random_graphs import random_graph

BAND = np.diag(np.ones(4)) + np.diag(np.ones(3), 1)


def pattern(fn, *arguments):
    return possible_nonzeros(sg.compile(fn).graph(*arguments))[0]


X = np.linspace(0.2, 0.9, 4)
CASES = {
    "elementwise": (sg.jacobian(lambda x: np.sin(x) * x), np.eye(4)),
    "shifted": (sg.jacobian(lambda x: x[1:] * x[:-1]), (np.eye(4) + np.eye(4, k=1))[:3]),
    "banded matrix": (sg.jacobian(lambda x: BAND @ np.exp(x)), BAND),
    "reversed": (sg.jacobian(lambda x: np.flip(x) / 2), np.eye(4)[::-1]),
    "cumulative": (sg.jacobian(lambda x: np.cumsum(x**2)), np.tril(np.ones((4, 4)))),
    "constant part": (sg.jacobian(lambda x: np.where(np.arange(4) < 2, x, 0.0)), np.diag([1, 1, 0, 0])),
    "separable": (sg.hessian(lambda x: np.sum(np.exp(x))), np.eye(4)),
    "chain": (sg.hessian(lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2)), np.eye(4) + np.eye(4, k=1) + np.eye(4, k=-1)),
    "linear": (sg.hessian(lambda x: np.sum(3 * x)), np.zeros((4, 4))),
    "dense": (sg.hessian(lambda x: np.sum(x) ** 2 / (1 + np.sum(x))), np.ones((4, 4))),
    "gathered": (sg.jacobian(lambda x: x[np.array([2, 0])] ** 2), np.eye(4)[[2, 0]]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_pattern(case):
    fn, wanted = CASES[case]
    found = pattern(fn, X)
    assert np.all(found | (np.asarray(fn(X)) == 0)), "a non-zero outside the pattern"
    np.testing.assert_array_equal(found, wanted != 0)


def test_named_sizes_and_large_graphs_are_not_told():
    f = sg.compile(lambda x: np.sin(x), specs=[sg.TensorSpec(("n",))])
    assert possible_nonzeros(f.graph()) == [None]
    assert possible_nonzeros(sg.compile(np.sin).graph(np.ones(1 << 21))) == [None]


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs_have_no_other_nonzeros(seed):
    graph = random_graph(seed)
    masks = possible_nonzeros(graph)
    if masks[0] is None:
        return
    random = np.random.default_rng(seed)
    arrays = [np.asarray(random.uniform(0.1, 0.9, i.shape), i.dtype.numpy) for i in graph.inputs]
    for mask, value in zip(masks, interpret(graph, arrays), strict=True):
        assert np.all(mask | (value == 0) | np.isnan(value))
