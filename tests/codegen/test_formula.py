"""Formulas are NumPy: evaluated as they are printed, they give what the graph gives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special as special

import symgrad as sg
from symgrad.codegen.formula import formulas
from symgrad.interpret import interpret
from symgrad.options import Options
from symgrad.planning import plan

S = sg.TensorSpec
X, M, V = S((4,)), S((3, 4)), S(("n",))
CASES = {
    "arithmetic": (lambda x: -(x - 2.0) * (x / (1.0 - x)) ** 2 - (3.0 - (x - 1.0)), [X], ()),
    "functions": (lambda x: np.tanh(x) + np.sqrt(x) * np.arctan2(x, 2.0), [X], ("jvp",)),
    "sums": (lambda m: np.sum(m, axis=1) + np.max(m) - np.prod(m, axis=(0, 1)), [M], ()),
    "kept axes": (lambda m: m / np.sum(m, axis=1, keepdims=True), [M], ()),
    "means": (lambda m: m - np.mean(m, axis=0), [S(("p", "q"))], ()),
    "slices": (lambda x: x[1:] * x[:-1] + x[::-1][:-1] + x[0], [X], ()),
    "named slices": (lambda x: x[1:] * x[:-1], [V], ()),
    "backwards": (lambda x: x[::-1] * x, [V], ()),
    "steps": (lambda m: m[::2, 3:0:-1], [M], ()),
    "matrix @ vector": (lambda m, x: np.tanh(m @ x), [M, X], ("vjp",)),
    "matrix @ matrix": (lambda a, b: (a + 1.0) @ (b - a.T), [M, S((4, 3))], ()),
    "transposed": (lambda a, b: a.T @ b, [M, M], ()),
    "batches": (lambda t, m: t @ m, [S((2, 3, 4)), S((4, 2))], ()),
    "permuted": (lambda t: np.transpose(t, (1, 0, 2)) + 1.0, [S((2, 3, 4))], ()),
    "reshaped": (lambda m: np.reshape(m, (2, 6)), [M], ()),
    "where": (lambda x: np.where(x > 0.6, x, 0.0), [X], ("jvp",)),
    "gathered": (lambda x, i: x[i] * 2.0, [X, S((2,), sg.int64)], ()),
    "sizes": (lambda x: x * x.shape[0], [V], ()),
    "jacobian": (lambda m, x: m @ x, [S(("p", "n")), V], ("jacobian",)),
}  # fmt: skip
NAMES = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")} | {"erf": special.erf}


@pytest.mark.parametrize("case", CASES)
def test_a_formula_is_what_is_computed(case):
    fn, specs, kinds = CASES[case]
    sizes = {"p": 3, "q": 4, "n": 4}
    for p in plan({"f": fn}, specs, "m", kinds, Options())[0]:
        found = formulas(p.graph, p.input_names)
        assert found, f"{p.name} has none"
        random = np.random.default_rng(0)
        given = []
        for i in p.graph.inputs:
            shape = [sizes[str(s)] if not isinstance(s, int) else s for s in i.shape]
            given.append(random.integers(0, 3, shape) if i.dtype.name == "int64" else random.uniform(0.2, 0.9, shape))
        wanted = interpret(p.graph, given, sizes)
        names = NAMES | sizes | dict(zip(p.input_names, given, strict=True))
        for text, value in zip(found, wanted, strict=True):
            result = np.broadcast_to(eval(text, names), value.shape)
            np.testing.assert_allclose(result, value, rtol=1e-13, atol=1e-15, err_msg=text)


@pytest.mark.parametrize("fn", [np.cumsum, lambda x: np.stack([x[0], x[1]]), lambda x: x * np.arange(4.0)], ids=["cumsum", "stack", "table"])
def test_what_has_no_short_notation_has_no_formula(fn):
    graph = sg.compile(fn, specs=[X]).graph()
    assert formulas(graph, ["x"]) == []
