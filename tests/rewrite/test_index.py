"""The index of laws offers every law that holds, and few besides."""

import pytest

import symgrad.primitives  # noqa: F401
from symgrad.dtypes import float64, int64
from symgrad.ir.expr import constant, fresh_input, ops
from symgrad.ir.types import TensorType
from symgrad.rewrite.index import Index
from symgrad.rewrite.pattern import apply_law
from symgrad.rewrite.rules import EXACT, FAST

from .instances import nodes_for

EVERY = EXACT + FAST
INDEX = Index(EVERY)  # one for all tests, so that nodes that look alike meet


def offers(index, node):
    return [law for law, _ in index.candidates(node, index.look(node), [index.look(i) for i in node.inputs])]


@pytest.mark.parametrize("law", EVERY, ids=lambda law: law.text)
def test_every_law_that_holds_is_offered(law):
    for node in nodes_for(law):
        if apply_law(law, node) is not None:
            assert law in offers(INDEX, node), node


def test_laws_come_in_their_given_order():
    place = {law: k for k, law in enumerate(EVERY)}
    for law in EVERY:
        for node in nodes_for(law)[:20]:
            offered = [place[found] for found in offers(INDEX, node)]
            assert offered == sorted(offered)


def test_what_concerns_no_law_is_offered_none():
    exact = Index(EXACT)
    x, y, z = (fresh_input(label, TensorType((), float64)) for label in "xyz")
    n = fresh_input("n", TensorType((), int64))
    quiet = [x + y, x * y, ops.sin(x), x * y + y * z, (x + y) * 0.75, ops.sin(x) * ops.cos(x), x - y * z, n * 3, n + n * n]
    assert [offers(exact, node) for node in quiet] == [[]] * len(quiet)
    assert {law.text for law in offers(exact, (x * 3.0) * 0.75)} == {"(r a) b = r (a b) where that is exact"}
    assert {law.text for law in offers(exact, x * constant(1.0))} >= {"x 1 = x"}
    assert "x + x = 2 x" in {law.text for law in offers(exact, x + x)}
