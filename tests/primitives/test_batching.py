"""A record's batching rule is the record applied to each member of the batch."""

import itertools

import numpy as np
import pytest

from symgrad.dtypes import from_numpy
from symgrad.interpret import interpret
from symgrad.ir.expr import fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.primitives import ops
from symgrad.primitives.samples import draw

from .suite import call

RULES = [p for p in ops.primitives() if p.batch is not None]
CASES = [
    pytest.param(p, family, flags, id=f"{p.name}-{k}-{''.join('xb'[f] for f in flags)}")
    for p in RULES
    for k, family in enumerate(p.samples)
    for flags in itertools.product((False, True), repeat=len(family.domains))
    if any(flags)
]
SIZE = 3


@pytest.mark.parametrize(("record", "family", "flags"), CASES)
def test_batch_is_a_stack_of_calls(record, family, flags):
    dtype = family.dtypes[0]
    members = [draw(family, dtype, np.random.default_rng(seed)) for seed in range(SIZE)]
    members = [[a if flag else members[0][k] for k, (a, flag) in enumerate(zip(m, flags, strict=True))] for m in members]
    arrays = [np.stack([m[k] for m in members]) if flag else members[0][k] for k, flag in enumerate(flags)]
    inputs = [fresh_input("x", TensorType(a.shape, from_numpy(a.dtype))) for a in arrays]
    node = record.batch(inputs, flags, **family.attributes)
    value = interpret(Graph(inputs, [node]), arrays)[0]
    wanted = np.stack([call(record, m, family.attributes)[1] for m in members])
    assert node.shape == wanted.shape
    np.testing.assert_allclose(value, wanted, rtol=1e-12, atol=1e-12)
