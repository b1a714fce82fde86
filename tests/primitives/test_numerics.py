"""The special functions that are computed here, against mpmath densely and against SciPy widely."""

import mpmath
import numpy as np
import pytest
import scipy.special

from symgrad.primitives import ops

EPS = np.finfo(float).eps
RNG = np.random.default_rng(7)


def value(name, x, **attributes):
    with np.errstate(all="ignore"):
        return getattr(ops, name).numpy(np.asarray(x, float), **attributes)


def worst(name, reference, xs, scale=None, **attributes):
    """Return the greatest error in ulp, of the value or of the size the function has around it."""
    found = value(name, xs, **attributes)
    errors = []
    with mpmath.workdps(40):
        for x, got in zip(xs, found, strict=True):
            wanted = reference(mpmath.mpf(float(x)))
            size = max(abs(wanted), 0 if scale is None else scale(float(x)))
            errors.append(float(abs(mpmath.mpf(float(got)) - wanted) / size) / EPS)
    return max(errors)


def amplitude(order):
    return lambda x: np.sqrt(2 / np.pi / abs(x)) if abs(x) > order else 0.0


def test_erfinv():
    ends = 1 - 10.0 ** RNG.uniform(-16, -1, 60)
    xs = np.concatenate([RNG.uniform(-1, 1, 60), ends, -ends, 10.0 ** RNG.uniform(-300, -1, 20)])
    assert worst("erfinv", mpmath.erfinv, xs[np.abs(xs) < 1]) <= 4


@pytest.mark.parametrize(("low", "high"), [(0.001, 1), (1, 3), (3, 12), (12, 1e5)])
def test_gamma_family(low, high):
    xs = RNG.uniform(low, high, 60)
    assert worst("lgamma", mpmath.loggamma, xs) <= 4
    assert worst("digamma", mpmath.digamma, xs, lambda x: 1.0) <= 8  # its zero at 1.46 is not taken out
    assert worst("gamma", mpmath.gamma, xs[xs < 171]) <= 8 if high < 1000 else True


@pytest.mark.parametrize("centre", [1.0, 2.0])
def test_lgamma_near_its_zeros(centre):
    assert worst("lgamma", mpmath.loggamma, centre + 10.0 ** RNG.uniform(-15, -2, 40)) <= 4
    assert worst("lgamma", mpmath.loggamma, centre - 10.0 ** RNG.uniform(-15, -2, 40)) <= 4


def test_gamma_family_below_zero():
    xs = RNG.uniform(-15, 0, 80)
    assert worst("lgamma", lambda t: mpmath.loggamma(t).real, xs, lambda x: 0.5) <= 8
    assert worst("digamma", mpmath.digamma, xs, lambda x: 1.0) <= 16
    assert worst("gamma", mpmath.gamma, xs) <= 8


@pytest.mark.parametrize("order", [1, 2, 3, 6, 12])
def test_polygamma(order):
    assert worst("polygamma", lambda t: mpmath.polygamma(order, t), RNG.uniform(0.01, 60, 30), order=order) <= 8
    near = lambda x: abs(x - np.rint(x)) ** -(order + 1.0)  # noqa: E731
    assert worst("polygamma", lambda t: mpmath.polygamma(order, t), RNG.uniform(-6, 0, 20), near, order=order) <= 1e3


@pytest.mark.parametrize("order", [0, 1, 2, 5, 12, 40])
def test_bessel(order):
    for low, high in ((0.001, 3), (3, 25), (25, 60), (60, 1000)):
        xs = RNG.uniform(low, high, 25)
        assert worst("bessel_j", lambda t: mpmath.besselj(order, t), xs, amplitude(order), order=order) <= 16
        assert worst("bessel_y", lambda t: mpmath.bessely(order, t), xs, amplitude(order), order=order) <= 16
        if high < 700:
            assert worst("bessel_i", lambda t: mpmath.besseli(order, t), xs, order=order) <= 20


@pytest.mark.parametrize("order", [0, 1, 2, 3, 7, 20])
def test_sinc(order):
    def reference(t):
        return mpmath.quad(lambda s: s**order * mpmath.cos(t * s + order * mpmath.pi / 2), mpmath.linspace(0, 1, 5))

    for bound in (1, 6, 40):
        xs = RNG.uniform(-bound, bound, 12)
        assert worst("sinc", reference, xs, lambda x: 1 / ((order + 1) * max(1, abs(x))), order=order) <= 8


@pytest.mark.parametrize(
    ("name", "reference", "low", "high"),
    [
        ("erf", scipy.special.erf, -6, 6),
        ("erfc", scipy.special.erfc, -6, 26),
        ("erfinv", scipy.special.erfinv, -1, 1),
        ("ndtr", scipy.special.ndtr, -30, 8),
        ("gamma", scipy.special.gamma, 0, 170),
        ("lgamma", scipy.special.gammaln, 0, 1e6),
        ("digamma", scipy.special.digamma, 0, 1e6),
        ("sigmoid", scipy.special.expit, -700, 700),
    ],
)
def test_against_scipy(name, reference, low, high):
    xs = RNG.uniform(low, high, 2000)
    np.testing.assert_allclose(value(name, xs), reference(xs), rtol=1e-12 if name in ("ndtr", "erfc") else 2e-14, atol=1e-300)


@pytest.mark.parametrize("order", range(6))
def test_orders_against_scipy(order):
    xs = RNG.uniform(0.01, 500, 2000)
    np.testing.assert_allclose(value("bessel_j", xs, order=order), scipy.special.jn(order, xs), rtol=1e-10, atol=2e-14)
    # SciPy's yn recurs with an error of its own where it is huge
    np.testing.assert_allclose(value("bessel_y", xs, order=order), scipy.special.yn(order, xs), rtol=1e-10, atol=2e-14)
    np.testing.assert_allclose(value("bessel_i", xs, order=order), scipy.special.iv(order, xs), rtol=1e-12)
    if order:
        np.testing.assert_allclose(value("polygamma", xs, order=order), scipy.special.polygamma(order, xs), rtol=1e-12)


def test_works_without_scipy():
    import subprocess
    import sys

    program = (
        "import sys; sys.modules['scipy'] = None\n"
        "import numpy as np\nfrom symgrad.primitives import ops\n"
        "x = np.array([0.5])\n"
        "names = ('erf', 'erfc', 'erfinv', 'ndtr', 'gamma', 'lgamma', 'digamma', 'sigmoid', 'softplus')\n"
        "assert all(np.isfinite(getattr(ops, n).numpy(x)).all() for n in names)\n"
        "orders = ('polygamma', 'bessel_j', 'bessel_y', 'bessel_i', 'sinc')\n"
        "assert all(np.isfinite(getattr(ops, n).numpy(x, order=2)).all() for n in orders)\n"
        "assert 'sympy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
