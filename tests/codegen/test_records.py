"""Generated C against the interpreter: every record, element type and size, and special values."""

import numpy as np
import pytest

from symgrad.dtypes import float64
from symgrad.errors import CompileError
from symgrad.ir.dims import dim
from symgrad.ir.expr import fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.kinds import Interpreted
from symgrad.ir.types import TensorType
from symgrad.primitives import ops
from symgrad.primitives.samples import draw

from .compare import agrees, inputs_of, native, needs_compiler

SIZES = (0, 1, 7, 64)
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, np.inf, -np.inf, np.nan, 1e-300, 2.0**60)

pytestmark = needs_compiler

COMPILED = [p for p in ops.primitives() if not isinstance(p.lowering, Interpreted)]

CASES = [
    pytest.param(record, dtype, id=f"{record.name}-{dtype.name}")
    for record in COMPILED
    for dtype in dict.fromkeys(d for family in record.samples for d in family.dtypes)
]


def graph_of(families, record, dtype, leading):
    """Return one graph that applies a record to the inputs of every family."""
    inputs, outputs = [], []
    for family in families:
        shapes = family.shapes or (leading,) * len(family.domains)
        own = [
            fresh_input(f"x{len(inputs) + k}", TensorType(s, family.input_dtype(k, dtype))) for k, s in enumerate(shapes)
        ]
        inputs += own
        outputs.append(record(*own, **family.attributes))
    return Graph(inputs, outputs)


@pytest.mark.parametrize(("record", "dtype"), CASES)
def test_samples(record, dtype):
    families = [f for f in record.samples if dtype in f.dtypes]
    graph = graph_of(families, record, dtype, (dim("n"),))
    function = native(graph, record.name)
    rng = np.random.default_rng(3)
    for n in SIZES if any(f.shapes is None for f in families) else (0,):
        arrays = [a for f in families for a in draw(f, dtype, rng, (n,))]
        agrees(graph, function, arrays, record.ulp)


ELEMENTWISE = [
    pytest.param(record, dtype, id=f"{record.name}-{dtype.name}")
    for record in COMPILED
    if record.elementwise
    for dtype in dict.fromkeys(d for family in record.samples for d in family.dtypes if d.is_floating)
]


@pytest.mark.parametrize(("record", "dtype"), ELEMENTWISE)
def test_special_values(record, dtype):
    families = [f for f in record.samples if dtype in f.dtypes]
    graph = graph_of(families, record, dtype, (dim("n"),))
    arrays = []
    for family in families:
        count = len(family.domains)
        points = sorted({repr(float(p)): float(p) for d in family.domains for p in (*SPECIAL, *d.also)}.values(), key=repr)
        mesh = np.meshgrid(*[points] * count) if count <= 2 else [np.roll(points, k) for k in range(count)]
        arrays.append([m.ravel() for m in mesh])
    longest = max(len(a[0]) for a in arrays)
    flat = []
    for family, own in zip(families, arrays, strict=True):
        for k, a in enumerate(own):
            with np.errstate(all="ignore"):
                flat.append(np.resize(a, longest).astype(family.input_dtype(k, dtype).numpy))
    agrees(graph, native(graph, record.name), flat, record.ulp)


def test_zero_dimensional_and_empty_everywhere():
    x = fresh_input("x", TensorType((), float64))
    e = fresh_input("e", TensorType((0, 3), float64))
    graph = Graph([x, e], [x, x, ops.sin(x), e, ops.sum(e, axes=(0,)), ops.exp(e), ops.sum(e, axes=(0, 1))])
    agrees(graph, native(graph), [np.array(0.5), np.zeros((0, 3))], 4)




def test_views_of_inputs_are_outputs():
    a = np.arange(6.0).reshape(2, 3)
    (x,) = inputs_of([a])
    graph = Graph([x], [ops.transpose(x, permutation=(1, 0)), x, ops.reshape(x, shape=(3, 2))])
    agrees(graph, native(graph), [a], 0)


@pytest.mark.parametrize("record", [p for p in ops.primitives() if isinstance(p.lowering, Interpreted)], ids=lambda r: r.name)
def test_what_only_the_interpreter_runs_says_so(record):
    family = record.samples[0]
    graph = graph_of([family], record, family.dtypes[0], ())
    with pytest.raises(CompileError, match=f"compile: {record.name} has no form in C.*tier='interpret'"):
        native(graph, record.name)
