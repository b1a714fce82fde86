"""Functions of the public namespace: they take traced values, NumPy arrays and numbers, and return the kind they got."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

import symgrad as sg

RNG = np.random.default_rng(3)
V = RNG.uniform(0.2, 0.9, size=6)
M = RNG.normal(size=(3, 4))
S = RNG.normal(size=(4, 4))

CASES = {
    "reshape": (lambda m: sg.reshape(m, (2, -1)), lambda m: m.reshape(2, -1), M),
    "reshape F": (lambda m: sg.reshape(m, (2, 6), order="F"), lambda m: m.reshape((2, 6), order="F"), M),
    "transpose": (lambda m: sg.transpose(m), lambda m: m.T, M),
    "transpose axes": (lambda m: sg.transpose(m, (0, 1)), lambda m: m, M),
    "broadcast_to": (lambda x: sg.broadcast_to(x, (2, 6)), lambda x: np.broadcast_to(x, (2, 6)), V),
    "expand_dims": (lambda x: sg.expand_dims(x, 0), lambda x: x[None], V),
    "squeeze": (lambda x: sg.squeeze(x[None]), lambda x: x, V),
    "pad": (lambda x: sg.pad(x, (1, 2), 3.0), lambda x: np.pad(x, (1, 2), constant_values=3.0), V),
    "flip": (lambda m: sg.flip(m, 1), lambda m: m[:, ::-1], M),
    "roll": (lambda m: sg.roll(m, (1, 2), (0, 1)), lambda m: np.roll(m, (1, 2), (0, 1)), M),
    "tile": (lambda m: sg.tile(m, 2), lambda m: np.tile(m, 2), M),
    "repeat": (lambda m: sg.repeat(m, 2, 0), lambda m: np.repeat(m, 2, 0), M),
    "diag": (lambda x: sg.diag(x, 1), lambda x: np.diag(x, 1), V),
    "diag of a matrix": (lambda m: sg.diag(m), lambda m: np.diag(m), M),
    "diagonal": (lambda s: sg.diagonal(s, 1), lambda s: np.diagonal(s, 1), S),
    "trace": (lambda s: sg.trace(s), lambda s: np.trace(s), S),
    "tril": (lambda s: sg.tril(s), lambda s: np.tril(s), S),
    "triu": (lambda s: sg.triu(s, 1), lambda s: np.triu(s, 1), S),
    "cumsum": (lambda m: sg.cumsum(m, 1), lambda m: np.cumsum(m, 1), M),
    "cumprod": (lambda m: sg.cumprod(m), lambda m: np.cumprod(m), M),
    "norm": (lambda m: sg.norm(m), lambda m: np.linalg.norm(m), M),
    "norm of order": (lambda m: sg.norm(m, 1, True, ord=1), lambda m: np.linalg.norm(m, 1, 1, True), M),
    "astype": (lambda m: sg.astype(m, sg.float32), lambda m: m.astype(np.float32), M),
    "cast": (lambda m: sg.cast(m, int), lambda m: m.astype(int), 10 * M),
    "gather": (lambda m: sg.gather(m, np.array([[0, -1], [2, 2]]), 1), lambda m: np.take(m, [[0, -1], [2, 2]], axis=1), M),
    "scatter_add": (lambda x: sg.scatter_add([0, 2, -1, 2, 1, 0], x, 4), lambda x: np.array([x[0] + x[5], x[4], x[1] + x[3], x[2]]), V),
    "scatter_add axis": (lambda m: sg.scatter_add(np.array([[0, 1], [1, 1]]), m.reshape(3, 2, 2), 2, axis=1), lambda m: np.stack([m[:, 0], m[:, 1:].sum(1)], 1), M),
    "square": (lambda m: sg.square(m), lambda m: m * m, M),
    "sinc": (lambda m: sg.sinc(m), lambda m: np.sinc(m), M),
    "zeros_like": (lambda m: sg.zeros_like(m), lambda m: np.zeros_like(m), M),
    "ones_like": (lambda m: sg.ones_like(m, dtype=int), lambda m: np.ones_like(m, dtype=int), M),
    "full_like": (lambda m: sg.full_like(m, 2.5), lambda m: np.full_like(m, 2.5), M),
    "logical": (lambda m: sg.logical_xor(m > 0, sg.logical_not(m > 1)), lambda m: np.logical_xor(m > 0, ~(m > 1)), M),
    "i0": (lambda x: sg.i0(x), special.i0, V), "i1": (lambda x: sg.i1(x), special.i1, V),
    "j0": (lambda x: sg.j0(x), special.j0, V), "j1": (lambda x: sg.j1(x), special.j1, V),
    "y0": (lambda x: sg.y0(x), special.y0, V), "y1": (lambda x: sg.y1(x), special.y1, V),
}  # fmt: skip


OF_NUMPY = {"reshape F", "transpose", "transpose axes", "cumprod", "norm of order", "gather"}


@pytest.mark.parametrize("name", CASES)
def test_traced_values_numpy_arrays_and_tensors(name):
    fn, reference, x = CASES[name]
    expected = reference(x)
    for got in (fn(x), sg.compile(fn)(x)):
        assert isinstance(got, (np.ndarray, np.generic))
        assert np.shape(got) == np.shape(expected)
        np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-15)
        assert got.dtype == expected.dtype
    if name in OF_NUMPY:  # a Tensor has torch's function of that name, with torch's arguments
        return
    answered = fn(sg.tensor(x))
    assert isinstance(answered, sg.Tensor)
    np.testing.assert_allclose(answered.numpy(), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("cast", "logical", "astype")])
def test_derivatives(name):
    fn, reference, x = CASES[name]
    v = RNG.normal(size=x.shape)
    expected = (reference(x + 1e-6 * v).astype(float) - reference(x - 1e-6 * v)) / 2e-6
    np.testing.assert_allclose(sg.jvp(fn)(x, v), expected, rtol=1e-6, atol=1e-8)


def test_numbers_stay_numbers():
    for fn in (sg.square, sg.sinc, sg.j0, sg.norm, sg.zeros_like, sg.i1):
        assert isinstance(fn(0.5), float)
    assert sg.sinc(1.0) == pytest.approx(0.0, abs=1e-15)  # normalised, as NumPy's and torch's
    assert sg.norm([3.0, 4.0]) == 5.0
    assert sg.square(3) == 9


def test_constructors():
    fn = sg.compile(
        lambda x: (
            sg.eye(2, 3, -1) * x,
            sg.full((2,), 3) * x,
            sg.full(2, x),
            sg.arange(1, 7, 2) * x,
            sg.arange(0.0, 1.0, 0.25) + x,
            sg.zeros(2, 3) + x,
            sg.ones((2,)) * x,
        )
    )
    expected = (
        np.eye(2, 3, -1) * 2.0,
        [6.0, 6.0],
        [2.0, 2.0],
        [2.0, 6.0, 10.0],
        np.arange(0.0, 1.0, 0.25) + 2,
        np.full((2, 3), 2.0),
        [2.0, 2.0],
    )
    for got, wanted in zip(fn(2.0), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_indices_out_of_range():
    with pytest.raises(IndexError, match="4 is out of range"):
        sg.gather(V[:4], [4])
    with pytest.raises(IndexError, match="-5 is out of range"):
        sg.scatter_add([-5], V[:1], 4)
    f = sg.compile(lambda x, i: sg.scatter_add(i, x, 3))
    np.testing.assert_allclose(f(V[:2], np.array([-1, 2])), [0, 0, V[0] + V[1]])
    with pytest.raises(IndexError):
        f(V[:2], np.array([0, 3]))


NAMES = """add sub mul div pow exp exp2 expm1 log log2 log10 log1p sqrt rsqrt cbrt sin cos tan asin acos atan sinh cosh tanh asinh acosh
atanh atan2 hypot erf erfc ndtr gamma lgamma digamma polygamma j0 j1 y0 y1 i0 i1 sinc xlogy sigmoid softplus logaddexp abs sign floor ceil
round trunc fmod remainder minimum maximum clip eq ne lt le gt ge logical_and logical_or logical_xor logical_not where sum prod max min mean
var logsumexp reshape transpose broadcast_to expand_dims squeeze concatenate stack pad gather scatter_add diag dot matmul outer einsum astype
cast flip trace norm square eye full arange zeros ones zeros_like ones_like full_like floor_divide isnan isinf isfinite any all argmax argmin"""


@pytest.mark.parametrize("name", NAMES.split())
def test_every_function_is_public_and_documented(name):
    assert name in sg.__all__
    assert getattr(sg, name).__doc__


def test_public_names_exist():
    assert len(set(sg.__all__)) == len(sg.__all__)
    for name in sg.__all__:
        assert hasattr(sg, name), name
