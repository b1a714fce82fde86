"""torch's functions in a compiled function: the same formulas without data, interpreted; and what needs data says so."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.dtypes import float64
from symgrad.eager.execution import Program
from symgrad.eager.partition import partition
from symgrad.interpret import interpret
from symgrad.ir.expr import Range, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType

from .test_torch_functions import LIBRARY
from .torch_cases import GROUPS, inputs
from .torch_evaluation import evaluate, leaves_of, outputs_of

# the shape of the result, or the operation itself, depends on values
NEED_VALUES = {
    "T.histc(c.detach(), 4)", "T.histc(c.detach(), 3, -1.0, 1.0)", "T.gcd(n, m)", "T.lcm(n, m)", "T.frexp(c.detach())",
    "T.mode(m, 0)", "T.mode(z, 1)", "T.repeat_interleave(c, m[0], 1)", "c[k]", "c[k & j]", "t[:, k]", "c[:, kv]",
    "T.masked_select(c, k)", "T.nonzero(z)", "T.argwhere(k)", "T.nonzero(k, as_tuple=True)", "T.where(k)", "F.one_hot(y)",
    "T.unique(m)", "T.unique(m, return_inverse=True, return_counts=True)", "T.unique_consecutive(m)", "T.bincount(m[0])",
    "T.bincount(m[0], v.detach())", "T.bincount(m[0], minlength=6)", "L.matrix_rank(q)",
}  # fmt: skip
WITHOUT_INPUTS = {"T.tril_indices(3, 2)", "T.triu_indices(2, 3, 1)"}
CASES = [
    pytest.param(text, id=f"{name}:{text}") for name, group in GROUPS.items() for text in group if text not in WITHOUT_INPUTS
]


def traced(text, tier="interpret"):
    leaves = leaves_of(text, inputs(), lambda array, _: sg.tensor(array))
    names = list(leaves)

    def function(*args):
        return tuple(outputs_of(evaluate(text, LIBRARY, dict(zip(names, args, strict=True))), sg.Tensor))

    compiled = sg.compile(function, options=sg.Options(tier=tier))
    return compiled(*leaves.values()), outputs_of(evaluate(text, LIBRARY, leaves), sg.Tensor)


@pytest.mark.parametrize("text", CASES)
def test_traced(text):
    if text in NEED_VALUES:
        with pytest.raises(sg.TraceError, match="values|needs the value"):
            traced(text)
        return
    found, wanted = traced(text)
    assert len(found) == len(wanted)
    for f, w in zip(found, wanted, strict=True):
        assert f.dtype is w.dtype
        np.testing.assert_allclose(f.numpy(), w.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "text", ["T.sort(c)", "T.searchsorted(m[0], n)", "T.index_copy(c, 1, y, d[:, :2])", "L.inv(q)", "L.svdvals(c)"]
)
def test_what_has_no_c_says_so(text):
    with pytest.raises(sg.CompileError, match="has no form in C, it runs in the interpreter"):
        traced(text, "native")


@pytest.mark.parametrize(
    "text",
    [
        "F.cross_entropy(c, y)", "F.layer_norm(c, (3,), v, u)", "T.cummax(z, 1)", "T.cumsum(n, 0)", "T.gather(c, 1, x)", "t[y // 2, :, y]",
        "T.scatter_add(c, 1, x, d[:, :2])", "T.bitwise_left_shift(m, m)", "T.bitwise_right_shift(n, m)", "T.pow(n, m)", "T.logcumsumexp(c, 1)",
        "F.pad(t, (2, 1), mode=\"reflect\")", "T.norm(z, 3, 0)", "T.var_mean(c, 1)", "F.gelu(c)", "T.unfold(v, 0, 2, 1)",
    ],
)  # fmt: skip
def test_native(text):
    found, wanted = traced(text, "native")
    for f, w in zip(found, wanted, strict=True):
        np.testing.assert_allclose(f.numpy(), w.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("text", CASES)
def test_single_precision_stays_single(text):
    def single(array):
        return array.astype(np.float32) if array.dtype.kind == "f" else array

    arrays = {name: np.asarray(array) for name, array in inputs().items()}
    double = outputs_of(evaluate(text, LIBRARY, leaves_of(text, arrays, lambda a, r: sg.tensor(a, requires_grad=r))), sg.Tensor)
    leaves = leaves_of(text, arrays, lambda a, r: sg.tensor(single(a), requires_grad=r))
    for found, wanted in zip(outputs_of(evaluate(text, LIBRARY, leaves), sg.Tensor), double, strict=True):
        asked = "DOUBLE" in text or "float_power" in text
        assert found.dtype is (sg.float32 if wanted.dtype is sg.float64 and not asked else wanted.dtype)
        if "nan_to_num(h)" in text:  # the greatest number of each type
            continue
        values = wanted.detach().numpy()
        scale = max(1.0, np.abs(values[np.isfinite(values)]).max(initial=0.0))
        np.testing.assert_allclose(found.detach().numpy(), values, rtol=3e-4, atol=1e-4 * scale)


@pytest.mark.parametrize("text", [c for c in CASES if c.values[0] not in NEED_VALUES])
def test_batched_is_a_stack_of_calls(text):
    arrays = leaves_of(text, inputs(), lambda array, _: np.asarray(array))
    names, count = list(arrays), 3
    stacks = [np.stack([a * (1 + 0.01 * k) if a.dtype.kind == "f" else a for k in range(count)]) for a in arrays.values()]

    def function(*args):
        return tuple(outputs_of(evaluate(text, LIBRARY, dict(zip(names, args, strict=True))), sg.Tensor))

    found = sg.func.vmap(function)(*[sg.tensor(s) for s in stacks])
    for k in range(count):
        wanted = function(*[sg.tensor(s[k]) for s in stacks])
        for f, w in zip(found, wanted, strict=True):
            np.testing.assert_allclose(f.detach().numpy()[k], w.detach().numpy(), rtol=1e-9, atol=1e-11)


def test_programs_of_the_eager_runtime_leave_to_numpy_what_has_no_c():
    x = fresh_input("x", TensorType((3, 3), float64))
    inverse = ops.inv(ops.sin(x) + ops.matmul(x, x))
    order = ops.argsort(inverse, axis=0, descending=False)
    graph = Graph([x], [ops.gather(ops.exp(inverse), ops.slice(order, ranges=(Range(0, 3), Range(0, None))), axis=0)])
    steps = partition(graph).parts
    assert [p.node.name for p in steps if p.node is not None] == ["inv", "argsort"]
    assert [p.graph is not None for p in steps] == [True, False, False, True]
    given = np.random.default_rng(0).normal(size=(3, 3)) + 3 * np.eye(3)
    program = Program(graph)
    wanted = interpret(graph, [given])[0]
    np.testing.assert_allclose(program([given])[0], wanted, rtol=1e-12)
    program.compile(sg.Options())
    np.testing.assert_allclose(program([given])[0], wanted, rtol=1e-12)
