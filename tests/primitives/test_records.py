"""Every record by itself: its type rule, its documentation, its samples."""

import numpy as np
import pytest

from symgrad.dtypes import from_numpy
from symgrad.ir.expr import Composite
from symgrad.ir.kinds import Linear, Partials
from symgrad.ir.types import TensorType
from symgrad.primitives import ops
from symgrad.primitives.samples import draw

from .suite import call, cases, inputs_like

LEAVES = {"input", "constant"}
RECORDS = [p for p in ops.primitives() if p.name not in LEAVES]
SAMPLED = [p for p in RECORDS if p.samples]


@pytest.mark.parametrize("record", [*RECORDS, *ops.composites()], ids=lambda r: r.name)
def test_says_what_it_is(record):
    assert record.doc and record.doc.endswith(".")
    if isinstance(record, Composite):
        assert record.samples
        return
    assert record.samples or record.name in ("project", "custom")
    assert record.ulp == 0.0 or record.ulp_reason, "a tolerance needs its reason"
    if isinstance(record.derivative, Partials):
        assert len(record.derivative.each) == len(record.samples[0].domains)
    if not record.elementwise and record.samples and record.samples[0].domains:
        assert record.batch is not None


@pytest.mark.parametrize(("record", "family", "dtype"), cases(SAMPLED))
def test_type_rule_foretells_the_value(record, family, dtype):
    arrays = draw(family, dtype, np.random.default_rng(1))
    node, value = call(record, arrays, family.attributes)
    with np.errstate(all="ignore"):
        raw = np.asarray(record.numpy(*arrays, **family.attributes))
    assert TensorType(raw.shape, from_numpy(raw.dtype)) == node.type
    np.testing.assert_array_equal(raw, value)


@pytest.mark.parametrize(("record", "family", "dtype"), cases([p for p in SAMPLED if p.elementwise]))
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_elementwise_in_every_shape(record, family, dtype, shape):
    node, value = call(record, draw(family, dtype, np.random.default_rng(2), shape), family.attributes)
    assert node.shape == shape == value.shape


@pytest.mark.parametrize("record", [p for p in SAMPLED if p.elementwise and len(p.samples[0].domains) > 1], ids=lambda r: r.name)
def test_elementwise_broadcasts(record):
    family = record.samples[0]
    dtype = family.dtypes[0]
    arrays = draw(family, dtype, np.random.default_rng(3), (2, 1))
    arrays[1] = np.resize(arrays[1], (3,))
    _, value = call(record, arrays, family.attributes)
    _, wanted = call(record, list(np.broadcast_arrays(*arrays)), family.attributes)
    assert value.shape == (2, 3)
    np.testing.assert_array_equal(value, wanted)


@pytest.mark.parametrize("record", SAMPLED, ids=lambda r: r.name)
def test_equal_applications_are_one_node(record):
    family = record.samples[0]
    inputs = inputs_like(draw(family, family.dtypes[0], np.random.default_rng(4)))
    assert record(*inputs, **family.attributes) is record(*inputs, **dict(family.attributes))


@pytest.mark.parametrize("record", [p for p in RECORDS if isinstance(p.derivative, Linear) and p.samples], ids=lambda r: r.name)
def test_linear_records_are_linear(record):
    for family in record.samples:
        dtype = family.dtypes[0]
        one, two = (draw(family, dtype, np.random.default_rng(seed)) for seed in (5, 6))
        args = record.derivative.args if record.derivative.args is not None else tuple(range(len(one)))
        both = [2 * a - 3 * b if k in args else a for k, (a, b) in enumerate(zip(one, two, strict=True))]
        two = [b if k in args else a for k, (a, b) in enumerate(zip(one, two, strict=True))]
        values = [call(record, arrays, family.attributes)[1] for arrays in (one, two, both)]
        np.testing.assert_allclose(values[2], 2 * values[0] - 3 * values[1], atol=1e-12)
