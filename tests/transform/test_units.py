"""Jacobians along unit vectors: right for every product and sum, no larger than their result, exact beside inf and nan."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg
from symgrad.compiled import CompiledFunction
from symgrad.ir.dims import evaluate

S = sg.TensorSpec
SIZES = {"m": 3, "n": 4, "k": 2, "b": 5}
V, M, N, T = S(("n",)), S(("m", "n")), S(("n", "k")), S(("b", "m", "n"))
CASES = {
    "matrix @ vector": (lambda w, y: w @ y, [M, V]),
    "vector @ matrix": (lambda w, y: y @ w.T, [M, V]),
    "matrix of a vector": (lambda y, w: w @ y, [V, M]),
    "matrix @ matrix": (lambda a, b: a @ b, [M, N]),
    "matrix @ matrix, right": (lambda b, a: a @ b, [N, M]),
    "batches": (lambda t, b: t @ b, [T, N]),
    "batches, right": (lambda b, t: t @ b, [N, T]),
    "transposed": (lambda w, y: w.T @ y, [S(("n", "m")), V]),
    "permuted": (lambda t, y: np.transpose(t, (2, 0, 1)) @ y, [T, S(("m",))]),
    "layer": (lambda w, y: np.tanh(w @ y), [M, V]),
    "two layers": (lambda y, w, v: v @ np.tanh(w @ y), [V, M, S(("k", "m"))]),
    "of squares": (lambda w, y: (w * w) @ y, [M, V]),
    "of quotients": (lambda w, y: (-w / y) @ y, [M, V]),
    "of a scaled row": (lambda w, y: (w * y) @ y, [M, V]),
    "of a transposed square": (lambda w, y: np.sin(w.T) @ y, [S(("n", "m")), V]),
    "times its own": (lambda x, a: (a @ x) * np.sum(x * x), [V, M]),
    "broadcast": (lambda x, w: x * w, [S((1, "n")), M]),
    "broadcast, summed": (lambda x, w: np.sum(x * w + x, axis=1), [S((1, "n")), M]),
    "sums of both": (lambda x: x * np.cos(x) - x / (1.0 + x * x), [V]),
    "where": (lambda w, y: np.where(w > 0.9, w, 0.0) @ y, [M, V]),
    "where not": (lambda w, y: np.where(w > y, 0.0, w.T.T * y) @ y, [M, V]),
    "where of another": (lambda w, y: np.where(w > 0.9, w * w, y) @ y, [M, V]),
    "clipped": (lambda w, y: np.maximum(w, 0.7) @ y, [M, V]),
    "itself twice": (lambda w, y: (w @ y) @ w, [M, V]),
    "rows": (lambda w, y: np.sum(w * w, axis=1), [M, V]),
    "columns": (lambda w, y: np.sum(np.exp(w), axis=0) * y, [M, V]),
    "all but one axis": (lambda t: np.sum(t * t, axis=(0, 2)), [T]),
    "elementwise": (lambda x: np.sin(x) * x, [V]),
    "linear": (lambda x: x * 1.0, [V]),
    "outer": (lambda x, y: sg.outer(x, y), [V, S(("m",))]),
    "diagonal": (lambda w: sg.einsum("ii->i", w @ w), [S(("n", "n"))]),
    "trace of a product": (lambda w, v: sg.einsum("ij,jk->k", w, v), [M, N]),
    "summed alone": (lambda w, v: sg.einsum("ij,kl->ik", w, v), [M, S(("k", "n"))]),
    "common, kept": (lambda w, v: sg.einsum("ij,ij->ij", w, v), [M, M]),
    "shifted": (lambda w, y: w[:, 1:] @ y[1:], [M, V]),
    "gathered": (lambda w, i: w[i] @ w.T, [S((2, "n")), S(("k",), sg.int64)]),
    "float32": (lambda w, y: w @ y, [S(("m", "n"), sg.float32), S(("n",), sg.float32)]),
    "fixed": (lambda w, y: w @ y, [S((3, 4)), S((4,))]),
    "fixed and named": (lambda w, y: w @ y, [S((3, "n")), V]),
}  # fmt: skip


def arguments(specs, sizes, seed=0):
    random = np.random.default_rng(seed)
    found = []
    for spec in specs:
        shape = [evaluate(s, sizes) for s in spec.shape]
        drawn = random.integers(0, 2, shape) if spec.dtype.name == "int64" else random.uniform(0.5, 1.5, shape)
        found.append(np.asarray(drawn, spec.dtype.numpy))
    return found


def by_vectors(fn, given):
    """The Jacobian, one direction at a time."""
    x = given[0]
    columns = []
    for k in range(x.size):
        v = np.zeros_like(x)
        v.flat[k] = 1.0
        columns.append(np.asarray(sg.jvp(fn)(*given, v)))
    shape = np.asarray(fn(*given)).shape
    return np.stack(columns, -1).reshape(shape + x.shape) if columns else np.zeros(shape + x.shape)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_equal_to_one_direction_at_a_time(case, mode):
    fn, specs = CASES[case]
    rtol = 1e-5 if case == "float32" else 1e-13
    jacobian = sg.compile(sg.jacobian(fn, mode=mode), specs=specs)
    for seed, sizes in enumerate((SIZES, dict.fromkeys(SIZES, 2), {**SIZES, "m": 1})):
        fixed = case.startswith("fixed")
        if (fixed and sizes is not SIZES) or ("diagonal" in case and seed):
            continue
        given = arguments(specs, sizes, seed)
        wanted = by_vectors(fn, given)
        found = jacobian(*given)
        assert found.shape == wanted.shape and found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("case", ["matrix @ vector", "matrix @ matrix", "of squares", "rows", "matrix of a vector"])
def test_empty_sizes(case):
    fn, specs = CASES[case]
    given = arguments(specs, {**SIZES, "n": 0})
    found = sg.compile(sg.jacobian(fn), specs=specs)(*given)
    assert found.shape == (np.asarray(fn(*given))).shape + given[0].shape


WORK = {  # workspace at most, in elements of the result
    "matrix @ vector": 0, "matrix of a vector": 0, "of squares": 0, "rows": 0, "fixed": 0, "layer": 1, "matrix @ matrix": 0,
    "vector @ matrix": 1, "matrix @ matrix, right": 1, "where": 0, "two layers": 1, "elementwise": 0,
}  # fmt: skip


@pytest.mark.parametrize("case", WORK)
def test_the_workspace_is_no_larger_than_the_result(case):
    fn, specs = CASES[case]
    compiled = CompiledFunction(fn, specs=specs).jacobian
    work = compiled._asked((), {})[0].compiled.loops.work
    for scale in (50, 500):
        sizes = {"m": scale, "n": 2 * scale, "k": 3 * scale, "b": 4}
        shape = [evaluate(s, sizes) for s in compiled.graph().outputs[0].shape]
        inputs = sum(np.prod([evaluate(s, sizes) for s in spec.shape]) for spec in specs)
        assert evaluate(work, sizes) <= WORK[case] * np.prod(shape) + 2 * inputs, work


def test_infinities_stay_where_they_are():
    y = np.array([np.inf, 1.0, np.nan])
    w = np.ones((2, 3))
    found = sg.compile(sg.jacobian(lambda w, y: w @ y), specs=[M, V])(w, y)
    np.testing.assert_array_equal(found, [[y, 0 * np.ones(3)], [0 * np.ones(3), y]])
    square = sg.compile(sg.jacobian(lambda x: x * x), specs=[V])(y)
    np.testing.assert_array_equal(np.diag(square), 2 * y)
    assert not square[~np.eye(3, dtype=bool)].any()


@pytest.mark.parametrize("order", [2, 3])
def test_derivatives_of_it(order):
    def fn(w, y):
        return np.sin(w @ y)

    derived = fn
    for _ in range(order):
        derived = sg.jacobian(derived)
    w, y = arguments([M, V], {**SIZES, "m": 2, "n": 3})
    found = sg.compile(derived, specs=[M, V])(w, y)
    s = w @ y
    last = {2: -np.sin(s), 3: -np.cos(s)}[order]
    wanted = np.zeros((2, *(2, 3) * order))
    for row in range(2):
        entries = last[row]
        for _ in range(order):
            entries = np.multiply.outer(entries, y)
        wanted[(row, *(row, slice(None)) * order)] = entries
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)
