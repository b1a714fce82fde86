"""What shares a loop nest, what is kept in memory, and how memory is used again."""

import numpy as np
import pytest

from symgrad.dtypes import float32, float64
from symgrad.ir.dims import dim
from symgrad.ir.expr import Range, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.lower.cut import operands
from symgrad.lower.loops import Accumulate, Apply, Contract, Fill, Load, Nest, Reload, Spill, Store
from symgrad.lower.lower import lower
from symgrad.options import Options

N = dim("n")


def value(*shape, dtype=float64):
    return fresh_input("x", TensorType(shape, dtype))


def lowered(inputs, *outputs):
    return lower(Graph(inputs, outputs), Options())


def steps(program):
    return [s for f in program.functions for s in f.steps]


def nests(program):
    return [s for s in steps(program) if isinstance(s, Nest) and s.extents]


def test_value_and_gradient_of_a_sum_take_one_pass():
    x = value(N)
    f = ops.sin(x) * ops.exp(x)
    program = lowered([x], ops.sum(f, axes=(0,)), ops.cos(x) * ops.exp(x) + f)
    (nest,) = nests(program)
    assert program.work == 0 and program.kernels == 1
    assert sum(isinstance(s, Load) for s in nest.body) == 1
    assert sum(isinstance(s, Apply) and s.primitive.name == "exp" for s in nest.body) == 1


def test_softmax_keeps_only_the_exponentials():
    x = value(N)
    e = ops.exp(x - ops.max(x, axes=(0,)))
    program = lowered([x], e / ops.sum(e, axes=(0,)))
    assert len(nests(program)) == 3
    assert program.work == N


def test_a_value_used_later_only_is_computed_later():
    x = value(N)
    total = ops.sum(ops.sin(x), axes=(0,))
    program = lowered([x], ops.exp(ops.tanh(x)) * total)
    first, second = nests(program)
    assert program.work == 0
    assert [s.primitive.name for s in first.body if isinstance(s, Apply)] == ["sin"]
    assert {s.primitive.name for s in second.body if isinstance(s, Apply)} == {"tanh", "exp", "mul"}


def test_cheap_values_are_recomputed_rather_than_stored():
    x = value(N)
    centred = x - ops.sum(x, axes=(0,))
    program = lowered([x], ops.sum(centred * centred, axes=(0,)), ops.max(centred, axes=(0,)) * centred)
    assert program.work == 0


def test_views_never_copy():
    x = value(4, 6)
    rows = ops.slice(x, ranges=(Range(3, 2, -2), Range(0, 6)))
    y = ops.reshape(ops.transpose(rows, permutation=(1, 0)), shape=(6, 2, 1))
    program = lowered([x], ops.exp(ops.squeeze(y, axes=(2,))))
    (nest,) = nests(program)
    (load,) = [s for s in nest.body if isinstance(s, Load)]
    assert program.work == 0 and load.place.offset == 18
    assert dict(load.place.terms) == {0: 1, 1: -12}


@pytest.mark.parametrize("shape", [(N,), (N, 3), (2, N, 3)])
def test_neighbouring_axes_become_one_loop(shape):
    x = value(*shape)
    (nest,) = nests(lowered([x], ops.exp(x)))
    assert len(nest.extents) == 1


def test_innermost_loop_follows_memory():
    x = value(N, 3)
    (nest,) = nests(lowered([x], ops.exp(ops.transpose(x, permutation=(1, 0))) + 1.0))
    assert len(nest.extents) == 2 and nest.extents[1] == N


def test_trailing_sums_have_accumulators_and_leading_ones_add_to_memory():
    x = value(N, 5)
    (by_row,) = nests(lowered([x], ops.sum(ops.sin(x), axes=(1,))))
    assert [s.level for s in by_row.body if isinstance(s, Accumulate)] == [1]
    by_column = steps(lowered([x], ops.sum(ops.sin(x), axes=(0,))))
    assert isinstance(by_column[0], Fill)
    assert [s.combine for s in by_column[-1].body if isinstance(s, Store)] == ["+"]


def test_tiling_pieces_are_stored_and_overlapping_ones_added():
    x = value(N)
    both = ops.assemble(ops.sin(x), ops.cos(x), shape=(N * 2,), ranges=((Range(0, N),), (Range(N, N),)))
    program = lowered([x], both)
    assert len(steps(program)) == 1
    assert [s.combine for s in nests(program)[0].body if isinstance(s, Store)] == ["=", "="]
    shifted = ops.assemble(ops.sin(x), ops.cos(x), shape=(N + 1,), ranges=((Range(0, N),), (Range(1, N),)))
    fill, first, second = steps(lowered([x], shifted))
    assert (fill.start, fill.count) == (N, 1)
    assert sorted(s.combine for n in (first, second) for s in n.body if isinstance(s, Store)) == ["+", "=", "="]


def test_matrix_products_stay_products_and_the_others_fuse():
    x, y, v = value(N, 4), value(4, N), value(4)
    program = lowered([x, y], ops.contract(x, y, x_labels=(0, 1), y_labels=(1, 2), out_labels=(0, 2)))
    assert any(isinstance(s, Contract) for s in steps(program))
    matvec = ops.contract(x, ops.exp(v), x_labels=(0, 1), y_labels=(1,), out_labels=(0,))
    assert not any(isinstance(s, Contract) for s in steps(lowered([x, v], matvec)))


def test_memory_is_used_again():
    x = value(64)
    y = x
    for _ in range(20):
        y = ops.exp(y - ops.sum(ops.sin(y), axes=(0,)))
    assert lowered([x], y).work <= 3 * 64


def test_single_precision_takes_half_the_memory():
    x = value(64, dtype=float32)
    e = ops.exp(x - ops.max(x, axes=(0,)))
    assert lowered([x], e / ops.sum(e, axes=(0,))).work == 32


# Long programs


def long_scalar_graph(count, reach=200):
    x = value(8)
    rng = np.random.default_rng(1)
    values = [ops.slice(x, ranges=(Range(k, None),)) for k in range(8)]
    for _ in range(count):
        a, b = (values[-int(k)] for k in rng.integers(1, min(len(values), reach), 2))
        kind = int(rng.integers(3))
        values.append(ops.sin(a) if kind == 0 else ops.tanh(a) * b if kind == 1 else a - b * 0.5)
    pieces = [ops.expand_dims(v, axes=(0,)) for v in values[-8:]]
    return Graph([x], [ops.assemble(*pieces, shape=(8,), ranges=tuple((Range(k, 1),) for k in range(8)))])


def test_long_code_is_cut_into_functions_and_slots_are_used_again():
    program = lower(long_scalar_graph(6000), Options())
    sizes = [sum(len(s.body) for s in f.steps) for f in program.functions]
    assert len(sizes) > 5 and max(sizes) < 1500
    spilled = sum(isinstance(s, Spill) for f in program.functions for n in f.steps for s in n.body)
    assert program.work < spilled / 3


def test_values_exist_before_they_are_used_in_every_function():
    for function in lower(long_scalar_graph(4000), Options()).functions:
        known = set()
        for nest in function.steps:
            for s in nest.body:
                assert all(o in known for o in operands(s))
                if not isinstance(s, (Store, Spill)):
                    known.add(s.number)
        assert any(isinstance(s, (Reload, Load)) for nest in function.steps for s in nest.body)


def test_a_long_chain_is_no_deeper_than_a_short_one():
    x = value()
    y = x
    for k in range(100_000):
        y = ops.sin(y) if k % 2 else y * 1.5
    assert len(lower(Graph([x], [y]), Options()).functions) > 100


def test_slots_hold_what_is_read_from_them():
    program = lower(long_scalar_graph(6000, reach=1500), Options())
    held, used = {}, 0
    for function in program.functions:
        for s in (s for nest in function.steps for s in nest.body):
            if isinstance(s, Spill):
                held[s.slot] = s.value
            elif isinstance(s, Reload):
                used += 1
                assert held[s.slot] == s.number
    assert used > 300
