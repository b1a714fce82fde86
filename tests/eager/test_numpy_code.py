"""Existing NumPy code is traced unchanged, and gives NumPy's values."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg

RNG = np.random.default_rng(1)
V = RNG.uniform(0.2, 0.9, size=6)
M = RNG.normal(size=(3, 4))
S = RNG.normal(size=(4, 4))
C3 = RNG.normal(size=(3, 3, 3))

CODE = {
    "arithmetic": lambda: (lambda x: (x + 1) * 2 - x / 3 + 2 / (1 + x) - x // 2 + x % 0.3 + x**3 + 2.0**x + -x + abs(x), V),
    "int operands": lambda: (lambda x: x * np.arange(6) + np.int64(3) - np.float32(2), V),
    "elementwise": lambda: (lambda x: np.sin(x) + np.arctan2(x, 2) + np.hypot(x, 1) + np.square(x) + np.reciprocal(x) + np.cbrt(x), V),
    "arc": lambda: (lambda x: np.arcsin(x) + np.arccos(x) + np.arcsinh(x) + np.arccosh(1 + x) + np.arctanh(x), V),
    "logs": lambda: (lambda x: np.log(x) + np.log2(x) + np.log10(x) + np.log1p(x) + np.exp2(x) + np.expm1(x) + np.logaddexp(x, 1), V),
    "rounding": lambda: (lambda x: np.floor(3 * x) + np.ceil(x) + np.trunc(5 * x) + np.rint(7 * x) + np.round(x, 1) + np.sign(x - 0.5), V),
    "comparison": lambda: (lambda x: np.where((x > 0.5) & ~(x > 0.8) | (x == 0), x, -x) + (x <= 0.5) * 1.0, V),
    "select": lambda: (lambda x: np.select([x < 0.3, x < 0.6], [x, x**2], default=1.0), V),
    "clip": lambda: (lambda x: np.clip(x, 0.3, 0.7) + np.clip(x, None, 0.5) + np.minimum(x, 0.4) + np.maximum(x, x[::-1]), V),
    "degrees": lambda: (lambda x: np.deg2rad(x) + np.degrees(x) + np.sinc(x), V),
    "sums": lambda: (lambda m: m.sum() + np.sum(m, axis=0).sum() + np.sum(m, axis=(0, 1), keepdims=True)[0, 0] + np.prod(m[0]), M),
    "statistics": lambda: (lambda m: np.mean(m, 0) + np.var(m, axis=0) + np.std(m, axis=0, ddof=1) + m.max(0) - np.min(m, axis=0), M),
    "average": lambda: (lambda x: np.average(x, weights=np.arange(6.0)) + np.trapezoid(x) + np.linalg.norm(x), V),
    "boolean": lambda: (lambda m: np.any(m > 1, axis=0) + 0.0 + np.all(m > -2) + np.argmax(m, axis=0) + np.argmin(m), M),
    "shapes": lambda: (lambda m: np.reshape(m, (4, -1)).T + np.swapaxes(m.reshape(4, 3), 0, 1) + m.transpose().ravel().reshape(3, 4), M),
    "axes": lambda: (lambda m: np.squeeze(np.expand_dims(m, (0, 2))) + np.moveaxis(m[None], 0, -1)[..., 0] + m[:, None, :][:, 0], M),
    "join": lambda: (lambda m: np.concatenate([m, 2 * m], axis=1)[:, ::2] + np.stack([m[0], m[1], m[2]]) + np.vstack([m[:2], m[:1]]), M),
    "hstack": lambda: (lambda x: np.hstack([x[:3], x[3:] * 2]) + np.column_stack([x, x])[:, 1] + np.atleast_2d(x)[0], V),
    "pad roll flip": lambda: (lambda x: np.pad(x, 1)[1:-1] + np.roll(x, 2) + np.flip(x) + np.pad(x, (2, 0), constant_values=3.0)[:6], V),
    "difference": lambda: (lambda x: np.diff(x) * 2 + np.diff(x, n=2).sum(), V),
    "products": lambda: (lambda m: m @ m.T + np.dot(m, m.T) + np.inner(m, m) + np.outer(m[:, 0], m[:, 1]) + np.tensordot(m, m, ([1], [1])), M),
    "einsum": lambda: (lambda m: np.einsum("ij,kj,k->i", m, m, m[:, 0]) + np.einsum("ij->i", m) + np.vdot(m, m), M),
    "square": lambda: (lambda s: np.trace(s) + np.diag(s) + np.diagonal(s, 1).sum() + np.diag(np.diag(s)).sum(0) + np.einsum("ii->i", s), S),
    "kron cross": lambda: (lambda m: np.cross(m[0, :3], m[1, :3]) + np.kron(m[0, :1], m[2, :3]), M),
    "indexing": lambda: (lambda m: m[[0, 2, 0], [1, -1, 1]] + m[:, 1] + m[np.array([2, 1, 0]), 0] + np.take(m, [1, 1, 0], axis=1)[:, 2], M),
    "mask": lambda: (lambda x: x[np.array([True, False, True, True, False, True])] * 2 + x[-4:], V),
    "like": lambda: (lambda x: np.zeros_like(x) + np.ones_like(x) * 2 + np.full_like(x, 3.0) + x, V),
    "reduce": lambda: (lambda m: np.add.reduce(m) + np.maximum.reduce(m, axis=0) + np.multiply.outer(m[0], m[1])[0], M),
    "iteration": lambda: (lambda m: sum(row * k for k, row in enumerate(m)), M),
    "broadcast": lambda: (lambda x: np.broadcast_to(x, (2, 6)) + np.ones((2, 1)), V),
    "column-major": lambda: (lambda m: np.reshape(m, (4, 3), order="F").T + m.reshape((-1, 3), order="F").T * m.ravel("F")[3] + m.flatten("F")[5] + np.ravel(m, order="F")[7] + m.copy("F"), M),
    "averages": lambda: (lambda m: np.average(m, axis=0, weights=np.arange(1.0, 4.0)).sum() + np.average(m, axis=1, weights=m[0] + 3) + np.average(m, axis=1, weights=m + 3, returned=True)[1], M),
    "norms": lambda: (lambda m: np.linalg.norm(m, axis=1, ord=3) + np.linalg.norm(m, axis=1, ord=1) + np.linalg.norm(m, np.inf, 1) + np.linalg.norm(m, -np.inf, 1) + np.linalg.norm(m, "fro") + np.linalg.norm(m, 1) + np.linalg.norm(m, np.inf, (0, 1)) + np.linalg.norm(m, 0, axis=1), M),
    "dtypes": lambda: (lambda m: np.sum(m, dtype=np.float64) + np.mean(m, axis=0, dtype="float64") + np.var(m, 0, np.float64) + np.prod(m, axis=0, dtype=float) + np.std(m, axis=0, correction=1), M),
    "initial": lambda: (lambda m: np.add.reduce(m, initial=2.0) + np.multiply.reduce(m, axis=0, initial=3.0) + np.maximum.reduce(m, initial=0.25) + np.max(m, axis=0, initial=0.5) + np.sum(m, 0, initial=1.0) + np.min(m, 0, initial=-0.5), M),
    "diagonals of more axes": lambda: (lambda c: np.diagonal(c).sum(0) + c.diagonal(1, 1, 2).sum(1) + np.trace(c) + c.trace(axis1=2, axis2=1, offset=-1) + np.diagonal(c, axis1=2, axis2=0).T.sum(1), C3),
    "take modes": lambda: (lambda x: np.take(x, [-9, 2, 9, 4, 1, 0], mode="clip") + np.take(x, np.array([-9, 2, 9, 4, 1, 0]), mode="wrap") + x.take(7, mode="wrap"), V),
    "trapezoids": lambda: (lambda m: np.trapezoid(m, np.cumsum(np.abs(m), axis=0), axis=0) + np.trapezoid(m, np.array([0.0, 1.0, 4.0]), axis=0) + np.trapezoid(m, dx=2.0, axis=0), M),
    "roll along axes": lambda: (lambda m: np.roll(m, (1, -2), axis=(0, 1)) + np.roll(m, 5, axis=(1, 0)) + np.roll(m, (1, 2), axis=0) + np.roll(m, (1, 2)), M),
    "numbers beside nan": lambda: (lambda x: np.fmax(x, np.array([np.nan, 0.5, 0.5, np.nan, 0, 9])) + np.fmin(np.where(x > 0.5, x, np.nan), 0.7), V),
    "signs": lambda: (lambda x: np.copysign(x, np.array([-1.0, 1, -0.0, 0.0, 2, -3])) + np.copysign(2.0, x - 0.5) + np.heaviside(x - 0.5, 0.5) + np.heaviside(0.0, x) + np.signbit(x - 0.5), V),
    "logaddexp2": lambda: (lambda x: np.logaddexp2(x, 1.0) + np.logaddexp2(x, -x), V),
    "repeat": lambda: (lambda m: np.repeat(m, 2, axis=1)[:, ::2] + np.repeat(m, [2, 0, 1], axis=0) + m.repeat(3)[4] + np.repeat(m, np.array([1]), 0), M),
    "triangles": lambda: (lambda m: np.tril(m) + np.triu(m, 1) * 2 + np.tril(m, -1) * m + np.triu(m[None] * m, -1)[0], M),
    "closeness": lambda: (lambda x: np.isclose(x, x + 1e-9) + np.isclose(x, np.array([np.inf, np.nan, 0, 0, 0, 0])) + np.allclose(x, x) + x, V),
    "nan_to_num": lambda: (lambda x: np.nan_to_num(np.where(x > 0.5, x, np.nan), nan=2.0) + np.nan_to_num(np.where(x > 0.5, x, -np.inf), neginf=-3.0) + np.nan_to_num(np.where(x > 0.5, x, np.inf), posinf=3.0), V),
    "nansum": lambda: (lambda m: np.nansum(np.where(m > 0, m, np.nan), axis=0) + np.nansum(m), M),
    "nanmean": lambda: (lambda m: np.nanmean(np.where(m > 0, m, np.nan), axis=1) + np.count_nonzero(m > 0) + np.concatenate([m, m], axis=None)[13] + np.count_nonzero(m, axis=1), M),
    "append": lambda: (lambda m: np.append(m, m[:1] ** 2, axis=0)[1:] + np.append(m, 1.0)[0] + np.append(m, m)[20], M),
    "turns": lambda: (lambda s: np.rot90(s) + np.rot90(s, 2) * s + np.rot90(s, -1) + np.rot90(s, 4, axes=(1, 0)), S),
    "gradient": lambda: (lambda m: np.gradient(m[:, 0] ** 2, 0.5)[:, None] + np.gradient(m, axis=1) + np.gradient(m, 0.1, 0.2)[0] + np.gradient(m, 2.0)[1], M),
    "modf": lambda: (lambda x: np.modf(3 * x - 1)[0] + np.modf(3 * x - 1)[1], V),
    "cumulative": lambda: (lambda m: np.cumsum(m, axis=1) + np.cumprod(m, axis=0) + m.cumsum()[5] + np.cumsum(m, 0, dtype=np.float64) + np.add.accumulate(m, 1) + np.multiply.accumulate(m) + m.cumprod()[7], M),
    "builtins": lambda: (lambda x: divmod(x, 0.3)[0] + divmod(1.0, x)[1] + np.divmod(x, 0.4)[1] + np.fix(3 * x), V),
    "diff with ends": lambda: (lambda m: np.diff(m, prepend=0.0, axis=0) + np.diff(m, append=m[:, :1]) + np.fabs(m), M),
}  # fmt: skip


@pytest.mark.parametrize("name", CODE)
def test_same_values_as_numpy(name):
    fn, x = CODE[name]()
    compiled = sg.compile(fn)
    expected = fn(x)
    got = compiled(x)
    assert np.shape(got) == np.shape(expected)
    np.testing.assert_allclose(got, expected, rtol=3e-14, atol=1e-14)
    assert np.asarray(got).dtype == np.asarray(expected).dtype


@pytest.mark.parametrize("name", CODE)
def test_derivative_against_differences(name):
    fn, x = CODE[name]()
    v = RNG.normal(size=x.shape)
    eps = 1e-6
    expected = (fn(x + eps * v) - fn(x - eps * v)) / (2 * eps)
    np.testing.assert_allclose(sg.jvp(fn)(x, v), expected, rtol=2e-6, atol=2e-6)


def test_writing_into_arrays():
    def fn(x):
        out = np.zeros_like(x)
        out[0] = x[1] * 2
        for k in range(1, 6):
            out[k] = out[k - 1] + x[k]
        out[2:4] *= 3
        out[[0, 5]] = x[:2]
        out[out > 100] = 0.0
        return out

    def run(x):
        try:
            return sg.compile(fn)(x)
        except sg.TraceError as error:
            assert "x[mask]" in str(error) or "known" in str(error)
            raise

    with pytest.raises(sg.TraceError):
        run(V)  # the mask out > 100 depends on values


def test_writing_and_derivative():
    def fn(x):
        out = np.zeros_like(x)
        out[0] = x[1] * 2
        for k in range(1, 6):
            out[k] = out[k - 1] + x[k] ** 2
        out[2:4] *= 3
        out[np.array([0, 5])] = x[:2]
        return out

    np.testing.assert_allclose(sg.compile(fn)(V), fn(V), rtol=1e-15)
    v = RNG.normal(size=6)
    np.testing.assert_allclose(sg.jvp(fn)(V, v), (fn(V + 1e-6 * v) - fn(V - 1e-6 * v)) / 2e-6, rtol=1e-7, atol=1e-8)


def test_writes_that_tracing_cannot_follow():
    def into_argument(x):
        x[0] = 1.0
        return x

    def through_a_view(x):
        out = np.zeros_like(x)
        view = out[1:]
        view[0] = x[0]
        return out

    def base_with_a_view(x):
        out = np.zeros_like(x)
        view = out[1:]
        out[1] = x[0]
        return view

    for fn in (into_argument, through_a_view, base_with_a_view):
        with pytest.raises(sg.TraceError, match="copy"):
            sg.compile(fn)(V)


UNTRACEABLE = {
    "if": (lambda x: x if x > 0 else -x, "sg.where"),
    "float": (lambda x: float(x), "np.sin for math.sin"),
    "math": (lambda x: __import__("math").sin(x), "np.sin for math.sin"),
    "while": (lambda x: [x for _ in iter(lambda: bool(x < 1), False)], "sg.where"),
    "range": (lambda x: sum(range(x)), "float|integer|number"),
    "array": (lambda x: np.array([x, x]), "np.stack"),
    "asarray": (lambda x: np.asarray(x) * 2, "np.stack"),
    "element": (lambda x: np.zeros(2).__setitem__(0, x), "sg.zeros"),
    "mask": (lambda x: sg.stack([x, x])[sg.stack([x, x]) > 0], r"sg.where\(mask"),
    "function": (lambda x: np.linalg.svd(x), "numpy.linalg.svd: cannot be traced"),
    "ufunc": (lambda x: np.spacing(x), "numpy.spacing: cannot be traced"),
    "out": (lambda x: np.sin(x, out=np.zeros(())), "out= and where= cannot be traced"),
    "object": (lambda x: {"a": x, "b": object()}, "a compiled function returns arrays"),
    "operand": (lambda x: x + "a", "unsupported operand"),
}


@pytest.mark.parametrize("name", UNTRACEABLE)
def test_untraceable_code_is_told_what_to_do(name):
    fn, text = UNTRACEABLE[name]
    with pytest.raises(TypeError, match=text) as caught:
        sg.compile(fn)(0.5)
    if isinstance(caught.value, sg.TraceError) and name != "object":
        assert "test_numpy_code.py:" in str(caught.value)


def test_index_errors_are_python_s():
    with pytest.raises(IndexError, match="index: 6 is out of range for an axis of size 6"):
        sg.compile(lambda x: x[6])(V)
    with pytest.raises(IndexError, match="too many indices"):
        sg.compile(lambda x: x[0, 0])(V)
    with pytest.raises(sg.ShapeError, match="add: shapes must broadcast together"):
        sg.compile(lambda x: x + x[:3])(V)
    with pytest.raises(ValueError, match=r"matmul: inner sizes must agree"):
        sg.compile(lambda m: m @ m)(M)


def test_traced_indices():
    def fn(x, i):
        return x[i] * 2 + x[i - 1]

    compiled = sg.compile(fn)
    i = np.array([0, 5, 2])
    np.testing.assert_allclose(compiled(V, i), fn(V, i))
    np.testing.assert_allclose(compiled.jvp(V, i, V), fn(V, i))
    with pytest.raises(IndexError):
        compiled(V, np.array([0, 6, 2]))
    with pytest.raises(IndexError):
        compiled(V, np.array([0, -7, 2]))


def test_functions_return_the_kind_they_got():
    assert isinstance(sg.sin(0.5), float)
    assert isinstance(sg.sin(V), np.ndarray)
    assert sg.sum(V) == pytest.approx(V.sum())
    assert isinstance(sg.where(V > 0.5, V, 0.0), np.ndarray)
    assert sg.concatenate([V, V]).shape == (12,)
    np.testing.assert_allclose(sg.logsumexp(np.array([1000.0, 1000.0])), 1000 + np.log(2))


def test_named_dims_in_code():
    spec = [sg.TensorSpec(("n", 3))]
    f = sg.compile(
        lambda x: (
            np.sum(x) / x.shape[0] + x[-1, 0] + x.reshape(-1)[0] + np.zeros((x.shape[0], 2)).sum()
            if False
            else np.sum(x) / x.shape[0] + x[-1, 0] + x.reshape(-1)[0]
        ),
        specs=spec,
    )
    for n in (1, 4):
        x = RNG.normal(size=(n, 3))
        np.testing.assert_allclose(f(x), x.sum() / n + x[-1, 0] + x[0, 0])
    for bad in (lambda x: len(x), lambda x: range(x.shape[0]), lambda x: x[::2]):
        with pytest.raises(sg.TraceError, match="fixed TensorSpec"):
            sg.compile(bad, specs=spec)(RNG.normal(size=(2, 3)))
