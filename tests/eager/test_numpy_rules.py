"""NumPy's rules for element types and arguments: followed, or refused with a TraceError that says what to do."""

from __future__ import annotations

from collections import OrderedDict, defaultdict

import numpy as np
import pytest

import symgrad as sg

RNG = np.random.default_rng(2)
M = RNG.normal(size=(3, 4))
WHOLE = np.array([-3, -1, 0, 1, 2, 7])
B = np.array([True, False, True, False, True, True])
N = np.array([True, True, False, False, True, False])


def same(fn, *args):
    expected, got = fn(*args), sg.compile(fn)(*args)
    assert np.asarray(got).dtype == np.asarray(expected).dtype
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "name",
    [
        "floor",
        "ceil",
        "trunc",
        "rint",
        "round",
        "abs",
        "sign",
        "square",
        "fabs",
        "fix",
        "negative",
        "isnan",
        "isfinite",
        "isinf",
        "signbit",
    ],
)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_functions_of_integers_have_numpy_s_element_type(name, dtype):
    same(getattr(np, name), WHOLE.astype(dtype))


@pytest.mark.parametrize(
    "fn",
    [
        lambda b, n: b + n, lambda b, n: b * n, lambda b, n: abs(b), lambda b, n: b + True, lambda b, n: b * 2, lambda b, n: np.add(b, n),
        lambda b, n: np.multiply(b, n), lambda b, n: np.absolute(b), lambda b, n: np.maximum(b, n), lambda b, n: np.minimum(b, n),
        lambda b, n: np.floor(b), lambda b, n: b / n[:1], lambda b, n: np.max(b), lambda b, n: b.min(), lambda b, n: np.sum(b), lambda b, n: np.prod(b),
        lambda b, n: np.sum(b, dtype=bool), lambda b, n: np.diff(b), lambda b, n: np.cumsum(b), lambda b, n: True + b, lambda b, n: b - 1, lambda b, n: np.tril(b[None]),
    ],
)  # fmt: skip
def test_arithmetic_of_bools(fn):
    same(fn, B, N)


def test_arithmetic_of_bools_that_numpy_refuses():
    for fn in (lambda b: b - b, lambda b: -b):
        with pytest.raises(TypeError):
            fn(B)
        with pytest.raises(TypeError):
            sg.compile(fn)(B)


def test_integer_powers():
    same(lambda i: i**3, WHOLE)
    same(lambda i: i**2.0, WHOLE)  # a float exponent makes floats
    same(lambda i: i.astype(float) ** i, np.array([1, 2, 3]))
    for fn in (lambda i: i**i, lambda i: 2**i, lambda i: np.power(i, i), lambda i: i ** np.array([1, 2, 0, 1, 2, 3])):
        with pytest.raises(sg.TraceError, match="make the base a float.*test_numpy_rules.py"):
            sg.compile(fn)(np.abs(WHOLE))


def test_element_types_asked_for():
    for fn in (
        lambda m: np.mean(m, dtype=np.float32), lambda m: np.var(m, axis=0, dtype="float32"), lambda m: m.sum(dtype=np.int64),
        lambda m: np.add.reduce(m, dtype=np.float32), lambda m: np.maximum.reduce(m, dtype=np.float32), lambda m: np.prod(m, dtype=np.float32),
        lambda m: np.add(m, 1, dtype=np.float32), lambda m: np.trace(m, dtype=np.float32), lambda m: np.cumsum(m, dtype=np.float32),
    ):  # fmt: skip
        expected, got = fn(M), sg.compile(fn)(M)
        assert got.dtype == np.asarray(expected).dtype
        np.testing.assert_allclose(got, expected, rtol=1e-5)
    same(lambda i: np.add.reduce(i, initial=4), WHOLE)
    same(lambda i: np.trace(np.stack([i, i])), WHOLE.astype(np.int32))
    same(lambda i: np.cumsum(i), WHOLE.astype(np.int32))
    same(lambda i: np.reciprocal(i), np.array([1, -1, 5, -4]))


REFUSED = {
    "order": (lambda m: m.reshape(4, 3, order="Z"), ValueError, "order must be one of"),
    "ravel": (lambda m: np.ravel(m, order="X"), ValueError, "order must be one of"),
    "copy": (lambda m: m.copy(order="X"), ValueError, "order must be one of"),
    "2-norm": (lambda m: np.linalg.norm(m, 2, axis=(0, 1)), sg.TraceError, "norms of matrices"),
    "nuclear": (lambda m: np.linalg.norm(m, "nuc"), sg.TraceError, "norms of matrices"),
    "where": (lambda m: np.sum(m, where=m > 0), sg.TraceError, "where= cannot be traced; use np.where"),
    "mean where": (lambda m: np.mean(m, where=m > 0), sg.TraceError, "where= cannot be traced"),
    "reduce where": (lambda m: np.add.reduce(m, where=m > 0), sg.TraceError, "out= and where= cannot be traced"),
    "mean dtype": (lambda m: np.mean(m, dtype=int), sg.TraceError, "must be floating"),
    "reduce dtype": (lambda m: np.logical_and.reduce(m, dtype=float), sg.TraceError, "dtype= cannot be traced"),
    "keyword": (lambda m: np.var(m, mean=m[0]), sg.TraceError, "mean= cannot be traced"),
    "unknown": (lambda m: np.pad(m, 1, mode="edge"), sg.TraceError, "mode='constant'"),
    "stat_length": (lambda m: np.pad(m, 1, stat_length=2), sg.TraceError, "stat_length= cannot be traced"),
    "take": (lambda m: np.take(m, 1, mode="around"), ValueError, "'raise', 'wrap' or 'clip'"),
    "weights": (lambda m: np.average(m, weights=m[0]), sg.ShapeError, "axis= says which"),
    "repeat": (lambda m: np.repeat(m, (m[0] > 0).astype(int)), sg.TraceError, "counts decide"),
    "gradient": (lambda m: np.gradient(m, edge_order=2), sg.TraceError, "edge_order=1"),
    "diagonal": (lambda m: np.diagonal(m, 0, 1, 1), sg.ShapeError, "must differ"),
    "arange": (lambda m: sg.arange(m[0, 0]), sg.TraceError, "must be Python numbers or sizes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_arguments_that_cannot_be_followed(name):
    fn, error, text = REFUSED[name]
    with pytest.raises(error, match=text) as caught:
        sg.compile(fn)(M)
    assert "test_numpy_rules.py:" in str(caught.value)


def test_python_s_round():
    for x in (2.5, -3.5, 0.2):
        assert sg.compile(round)(x) == round(x)
        assert sg.compile(round)(x).dtype == np.int64
    assert sg.compile(lambda x: round(x, 2))(2.34567) == round(2.34567, 2)
    assert sg.compile(lambda x: round(x))(5) == 5
    assert sg.compile(lambda x: divmod(x, 3))(11) == divmod(11, 3)
    assert sg.compile(lambda x: divmod(11, x))(3) == divmod(11, 3)
    np.testing.assert_array_equal(sg.compile(lambda t: round(t)).__call__(sg.tensor([0.5, 1.5])).numpy(), [0.0, 2.0])


NAMED = {
    "zeros": lambda x: np.zeros(x.shape[0]) + x,
    "zeros of a tuple": lambda x: np.zeros((x.shape[0], 2)),
    "ones": lambda x: np.ones(x.shape) * x,
    "arange": lambda x: np.arange(x.shape[0]) * x,
    "arange from": lambda x: np.arange(0, x.shape[0] - 1),
    "full": lambda x: np.full(x.shape[0], 2.0),
    "eye": lambda x: np.eye(x.shape[0]),
    "linspace": lambda x: np.linspace(0, 1, x.shape[0]),
}


@pytest.mark.parametrize("name", NAMED)
def test_numpy_s_constructors_with_named_sizes_are_told_what_to_do(name):
    f = sg.compile(NAMED[name], specs=[sg.TensorSpec(("n",))])
    # NumPy puts an error of its own, that shows the size's repr, in place of the TraceError when a size stands alone
    alone = name in ("zeros", "full")
    with pytest.raises(
        TypeError if alone else sg.TraceError,
        match=r"n, known only.*sg.zeros.*sg.arange.*fixed TensorSpec"
        if alone
        else r"n( - 1)? is known only at the call.*sg.zeros.*sg.arange.*fixed TensorSpec.*test_numpy_rules.py",
    ):
        f(np.ones(3))


def test_sizes_computed_from_named_ones_are_no_numbers():
    spec = [sg.TensorSpec(("n",))]
    with pytest.raises(TypeError, match="fixed TensorSpec"):
        sg.compile(lambda x: np.zeros(x.shape[0] // 2), specs=spec)(np.ones(4))
    with pytest.raises(sg.TraceError, match="the size n is known only at the call"):
        sg.compile(lambda x: x if x.shape[0] > 3 else -x, specs=spec)(np.ones(4))
    np.testing.assert_array_equal(
        sg.compile(lambda x: x * (5 - x.shape[0]) + sg.zeros(2 + x.shape[0])[2:], specs=spec)(np.ones(4)), np.ones(4)
    )


def test_reshape_that_does_not_fit_named_sizes():
    for fn in (lambda x: x.reshape(x.shape[0] * 2), lambda x: x.reshape(2, -1), lambda x: np.reshape(x, (4,), order="F")):
        f = sg.compile(fn, specs=[sg.TensorSpec(("n",))])
        with pytest.raises(sg.ShapeError, match=r"reshape: sizes must agree.*fixed TensorSpec.*test_numpy_rules.py"):
            f(np.ones(4))


def test_constructors_take_named_sizes():
    spec = [sg.TensorSpec(("n", 2))]
    fn = sg.compile(
        lambda x: {
            "range": sg.arange(x.shape[0]), "part": sg.arange(1, x.shape[0] + 1, dtype=float), "eye": sg.eye(x.shape[0]),
            "full": sg.full(x.shape, 0.5), "ones": sg.ones(x.shape[0], 3), "zeros": sg.zeros(x.shape), "upper": sg.eye(x.shape[0], 4, 1, dtype=int),
            "traced": sg.full((x.shape[0],), x[0, 1]), "lower": np.tril(x, -1), "twice": np.repeat(x, 2, axis=0), "roll": np.roll(x, 1, axis=0),
            "like": sg.zeros_like(x) + np.full_like(x, x[0]), "size": np.average(x, returned=True)[1],
        },
        specs=spec,
    )  # fmt: skip
    for n in (1, 4):
        x = RNG.normal(size=(n, 2))
        got = fn(x)
        expected = {
            "range": np.arange(n), "part": np.arange(1, n + 1, dtype=float), "eye": np.eye(n), "full": np.full(x.shape, 0.5),
            "ones": np.ones((n, 3)), "zeros": np.zeros(x.shape), "upper": np.eye(n, 4, 1, dtype=int), "traced": np.full(n, x[0, 1]),
            "lower": np.tril(x, -1), "twice": np.repeat(x, 2, axis=0), "roll": np.roll(x, 1, axis=0), "like": np.full_like(x, x[0]), "size": np.array(2.0 * n),
        }  # fmt: skip
        for key, value in expected.items():
            np.testing.assert_array_equal(got[key], value, err_msg=key)
            assert np.asarray(got[key]).dtype == value.dtype, key
    for bad in (lambda x: np.cumsum(x, 0), lambda x: np.repeat(x, [1, 2], axis=0)):
        with pytest.raises(sg.TraceError, match="fixed TensorSpec"):
            sg.compile(bad, specs=spec)(np.ones((2, 2)))


def test_element_types_of_floats_stay():
    x = RNG.normal(size=5).astype(np.float32)
    same(lambda x: np.round(x, 2), x)
    for name in ("nan_to_num", "cumsum", "cumprod", "copysign", "heaviside", "fmax", "logaddexp2", "gradient", "tril"):

        def fn(x, name=name):
            function = getattr(np, name)
            return (
                function(x[None] if name == "tril" else x, x)
                if name in ("copysign", "heaviside", "fmax", "logaddexp2")
                else function(x[None] if name == "tril" else x)
            )

        got = sg.compile(fn)(x)
        assert got.dtype == np.float32, name
        np.testing.assert_allclose(got, fn(x), rtol=1e-5, err_msg=name)


def test_running_products_are_exact_at_zeros():
    x = np.array([2.0, 0.0, 3.0, 0.0, 5.0])
    jacobian = sg.jacobian(np.cumprod)(x)
    expected = np.array([[np.prod(np.delete(x[: k + 1], j)) if j <= k else 0.0 for j in range(5)] for k in range(5)])
    np.testing.assert_array_equal(jacobian, expected)
    np.testing.assert_array_equal(sg.jacobian(np.cumsum)(x), np.tril(np.ones((5, 5))))


class Parameters(dict):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale


@pytest.mark.parametrize(
    "make", [OrderedDict, lambda items: defaultdict(list, items), lambda items: _filled(Parameters(2.0), items)]
)
def test_subclasses_of_dict_are_nests(make):
    params = make([("w", np.array([1.0, 2.0])), ("b", np.array(3.0))])

    def loss(p, x):
        assert list(p) == ["w", "b"]
        return (p["w"] * x).sum() * p["b"]

    gradient = sg.grad(loss)(params, np.array([4.0, 5.0]))
    assert type(gradient) is type(params)
    np.testing.assert_array_equal(gradient["w"], [12.0, 15.0])
    assert gradient["b"] == 14.0
    result = sg.compile(lambda p: p)(params)
    assert type(result) is type(params) and list(result) == ["w", "b"]
    np.testing.assert_array_equal(result["w"], params["w"])


def _filled(container, items):
    container.update(items)
    return container
