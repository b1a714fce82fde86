"""Values against SymPy in 50 digits, and at the points where floating point has its own rules."""

import math

import mpmath
import numpy as np
import pytest

from symgrad.dtypes import float32, float64
from symgrad.primitives import ops
from symgrad.primitives.samples import draw

from .suite import DIGITS, call, exactly, inputs_like, points

INF, NAN = math.inf, math.nan
ORACLES = [
    pytest.param(p, family, id=f"{p.name}-{k}")
    for p in ops.primitives()
    if p.sympy is not None and p.elementwise
    for k, family in enumerate(p.samples)
    if all(d.kind in ("real", "number") for d in family.domains) and family.attributes.get("dtype", float64) is float64
]


@pytest.mark.parametrize(("record", "family"), ORACLES)
def test_against_sympy(record, family):
    arrays = points(family, np.random.default_rng(3), 12)
    _, values = call(record, arrays, family.attributes)
    checked = 0
    for row, value in zip(zip(*arrays, strict=True), values, strict=True):
        scalars = inputs_like([np.asarray(v) for v in row])
        with mpmath.workdps(DIGITS):
            try:
                given = {s: mpmath.mpf(float(v)) for s, v in zip(scalars, row, strict=True)}
                exact = exactly([record(*scalars, **family.attributes)], given)
            except (ZeroDivisionError, ValueError, OverflowError):  # a pole: test_special_values has it
                continue
        if not (np.isfinite(value) and np.isreal(exact[0])) or isinstance(exact[0], mpmath.mpc) or not mpmath.isfinite(exact[0]):
            continue
        wanted = exact[0]
        checked += 1
        if values.dtype == bool:
            assert bool(value) == bool(wanted), row
            continue
        # far from zeros the error is in ulp of the value; near them, in ulp of the size the function has around
        scale = max(abs(wanted), mpmath.mpf(0.25))
        assert abs(mpmath.mpf(float(value)) - wanted) <= 8 * np.finfo(float).eps * scale, (row, value, wanted)
    assert checked >= 10


SPECIAL_VALUES = [
    ("sqrt", [-0.0, 0.0, INF, -1.0, NAN], [-0.0, 0.0, INF, NAN, NAN]),
    ("rsqrt", [0.0, INF, -1.0, NAN], [INF, 0.0, NAN, NAN]),
    ("cbrt", [-8.0, -0.0, INF, -INF], [-2.0, -0.0, INF, -INF]),
    ("exp", [-INF, INF, -0.0, NAN], [0.0, INF, 1.0, NAN]),
    ("expm1", [-0.0, -INF, INF], [-0.0, -1.0, INF]),
    ("log", [0.0, -1.0, INF, NAN], [-INF, NAN, INF, NAN]),
    ("log1p", [-0.0, -1.0, -2.0, INF], [-0.0, -INF, NAN, INF]),
    ("sin", [-0.0, INF, NAN], [-0.0, NAN, NAN]),
    ("tanh", [-0.0, INF, -INF], [-0.0, 1.0, -1.0]),
    ("asin", [1.0, 1.5], [math.pi / 2, NAN]),
    ("acosh", [1.0, 0.5], [0.0, NAN]),
    ("atanh", [1.0, -1.0, 2.0], [INF, -INF, NAN]),
    ("sign", [-0.0, -3.0, NAN, INF], [0.0, -1.0, NAN, 1.0]),
    ("abs", [-0.0, -INF, NAN], [0.0, INF, NAN]),
    ("round", [0.5, 1.5, 2.5, -0.5, -1.5], [0.0, 2.0, 2.0, -0.0, -2.0]),
    ("trunc", [-1.9, 1.9, -0.5], [-1.0, 1.0, -0.0]),
    ("erf", [-0.0, INF, -INF, NAN], [-0.0, 1.0, -1.0, NAN]),
    ("erfc", [0.0, INF, -INF, 30.0], [1.0, 0.0, 2.0, 0.0]),
    ("erfinv", [-0.0, 1.0, -1.0, 1.5, NAN], [-0.0, INF, -INF, NAN, NAN]),
    ("ndtr", [-INF, 0.0, INF, NAN], [0.0, 0.5, 1.0, NAN]),
    ("gamma", [0.0, -0.0, -1.0, -INF, INF, 171.7, 172.0, -200.5, NAN], [INF, -INF, NAN, NAN, INF, INF, INF, -0.0, NAN]),
    ("lgamma", [0.0, 1.0, 2.0, -1.0, INF, -INF, NAN], [INF, 0.0, 0.0, INF, INF, INF, NAN]),
    ("digamma", [0.0, -0.0, -1.0, INF, NAN], [-INF, INF, NAN, INF, NAN]),
    ("sigmoid", [-1000.0, 1000.0, INF, -INF, NAN], [0.0, 1.0, 1.0, 0.0, NAN]),
    ("softplus", [-1000.0, 1000.0, INF, -INF, NAN], [0.0, 1000.0, INF, 0.0, NAN]),
]


@pytest.mark.parametrize(("name", "given", "wanted"), SPECIAL_VALUES)
@pytest.mark.parametrize("dtype", [float64, float32])
def test_special_values(name, given, wanted, dtype):
    _, value = call(getattr(ops, name), [np.array(given, dtype.numpy)], {})
    np.testing.assert_array_equal(value, np.array(wanted, dtype.numpy))
    np.testing.assert_array_equal(np.signbit(value[value == 0]), np.signbit(np.array(wanted)[value == 0]))


PAIRS = [
    ("maximum", [1.0, NAN, 1.0, -0.0], [2.0, 1.0, NAN, 0.0], [2.0, NAN, NAN, -0.0]),
    ("minimum", [1.0, NAN, 1.0, 0.0], [2.0, 1.0, NAN, -0.0], [1.0, NAN, NAN, 0.0]),
    ("pow", [0.0, 0.0, -8.0, -2.0, 1.0, INF], [0.0, -1.0, 1 / 3, 3.0, NAN, 0.0], [1.0, INF, NAN, -8.0, 1.0, 1.0]),
    ("hypot", [1e300, INF, 0.0], [1e300, NAN, -0.0], [math.sqrt(2) * 1e300, INF, 0.0]),
    ("atan2", [0.0, -0.0, 0.0], [-1.0, -1.0, 0.0], [math.pi, -math.pi, 0.0]),
    ("xlogy", [0.0, 0.0, 0.0, 1.0, NAN], [0.0, NAN, -1.0, 0.0, 1.0], [0.0, NAN, 0.0, -INF, NAN]),
    ("logaddexp", [-INF, INF, 1000.0, NAN], [-INF, -INF, 1000.0, 1.0], [-INF, INF, 1000 + math.log(2), NAN]),
    ("remainder", [5.5, -5.5, 5.5, 1.0, -0.0, -1.0], [2.0, 2.0, -2.0, 0.0, 2.0, INF], [1.5, 0.5, -0.5, NAN, 0.0, INF]),
    ("fmod", [5.5, -5.5, 1.0, -1.0], [2.0, 2.0, 0.0, INF], [1.5, -1.5, NAN, -1.0]),
    ("floor_divide", [5.5, -5.5, 1.0, -0.0], [2.0, 2.0, 0.0, 3.0], [2.0, -3.0, INF, -0.0]),
]


@pytest.mark.parametrize(("name", "x", "y", "wanted"), PAIRS)
def test_special_values_of_pairs(name, x, y, wanted):
    _, value = call(getattr(ops, name), [np.array(x), np.array(y)], {})
    np.testing.assert_allclose(value, wanted, rtol=4e-16)
    np.testing.assert_array_equal(np.signbit(value[value == 0]), np.signbit(np.array(wanted)[value == 0]))


@pytest.mark.parametrize("name", ["remainder", "fmod", "floor_divide"])
def test_whole_division_by_zero_is_zero(name):
    _, value = call(getattr(ops, name), [np.array([3, -3]), np.array([0, 0])], {})
    np.testing.assert_array_equal(value, [0, 0])


@pytest.mark.parametrize(
    ("name", "order", "given", "wanted"),
    [
        ("bessel_j", 0, [-0.0, INF, NAN, 1e-320], [1.0, 0.0, NAN, 1.0]),
        ("bessel_j", 1, [-0.0, INF, -INF], [-0.0, 0.0, -0.0]),
        ("bessel_j", 3, [0.0, 1e-200], [0.0, 0.0]),
        ("bessel_y", 0, [0.0, -1.0, INF, NAN], [-INF, NAN, 0.0, NAN]),
        ("bessel_y", 4, [0.0, 1e-200], [-INF, -INF]),
        ("bessel_i", 0, [0.0, INF, -INF, 800.0], [1.0, INF, INF, INF]),
        ("bessel_i", 1, [-0.0, -INF, NAN], [-0.0, -INF, NAN]),
        ("sinc", 0, [0.0, INF, NAN], [1.0, 0.0, NAN]),
        ("sinc", 1, [0.0, -INF], [0.0, 0.0]),
        ("sinc", 2, [0.0], [-1 / 3]),
        ("sinc", 8, [0.0], [1 / 9]),
        ("polygamma", 1, [0.0, -1.0, INF, -INF, NAN], [INF, INF, 0.0, NAN, NAN]),
        ("polygamma", 2, [0.0, INF], [-INF, -0.0]),
    ],
)
def test_special_values_with_an_order(name, order, given, wanted):
    _, value = call(getattr(ops, name), [np.array(given)], {"order": order})
    np.testing.assert_array_equal(value, wanted)


@pytest.mark.parametrize("exponent", range(-10, 11))
def test_integer_pow_keeps_to_products(exponent):
    x = np.array([-2.0, -0.0, 0.5, 3.0, INF, NAN])
    _, value = call(ops.integer_pow, [x], {"exponent": exponent})
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(value, np.power(x, float(exponent)), rtol=1e-15)


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_nan_wins_reductions(name):
    attributes = {"axes": (0,)} if name in ("max", "min") else {"axis": 0}
    _, value = call(getattr(ops, name), [np.array([1.0, NAN, 5.0, NAN, 0.0])], attributes)
    assert value == 1 if name.startswith("arg") else np.isnan(value)


def test_assemble_adds_where_pieces_overlap():
    family = ops.assemble.samples[2]
    one, two = draw(family, float64, np.random.default_rng(0))
    _, value = call(ops.assemble, [one, two], family.attributes)
    wanted = np.zeros(6)
    wanted[[3, 2, 1, 0]] += one
    wanted[1:5] += two
    np.testing.assert_array_equal(value, wanted)
