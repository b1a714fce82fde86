"""The Chebyshev tables, computed again in 40 digits."""

import mpmath
import numpy as np
import pytest

from symgrad.primitives import tables


def coefficients(function, low, high, count, nodes=48):
    """Return Chebyshev coefficients by interpolation at Chebyshev nodes."""
    angles = [mpmath.pi * (j + mpmath.mpf(1) / 2) / nodes for j in range(nodes)]
    values = [function((high - low) / 2 * mpmath.cos(a) + (low + high) / 2) for a in angles]
    sums = [2 * mpmath.fsum(v * mpmath.cos(k * a) for v, a in zip(values, angles, strict=True)) / nodes for k in range(nodes)]
    sums[0] /= 2
    assert abs(sums[count]) < 1e-17 * max(abs(s) for s in sums), "the table ends too early"
    return [float(s) for s in sums[:count]]


def inverse_error_ratio(w):
    """erfinv(x)/x for w = -log(1 - x^2), by Halley's iteration on erfc."""
    x = mpmath.sqrt(-mpmath.expm1(-w))
    target = mpmath.exp(-w) / (1 + x)
    y = mpmath.sqrt(w) if w > 2 else mpmath.erfinv(x)
    for _ in range(60):
        step = (mpmath.erfc(y) - target) * mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(y * y)
        step = step / (1 - step * y)
        y += step
        if abs(step) < mpmath.mpf("1e-37"):
            break
    return y / x


def log_gamma_ratio(x):
    return mpmath.loggamma(x) / ((x - 1) * (x - 2))


@pytest.mark.parametrize(
    ("table", "function", "low", "high"),
    [
        (tables.ERFINV_CENTRE, inverse_error_ratio, 0, 6.25),
        (tables.ERFINV_MIDDLE, lambda s: inverse_error_ratio(s * s), 2.5, 4),
        (tables.ERFINV_TAIL, lambda s: inverse_error_ratio(s * s), 4, 6.25),
        (tables.LGAMMA_CENTRE, log_gamma_ratio, 1, 3),
    ],
)
def test_chebyshev(table, function, low, high):
    with mpmath.workdps(40):
        wanted = coefficients(function, mpmath.mpf(low), mpmath.mpf(high), len(table))
    np.testing.assert_allclose(table, wanted, rtol=1e-13, atol=1e-30)


def test_bernoulli():
    assert [len(t) for t in (tables.DIGAMMA_TAIL, tables.STIRLING_TAIL, tables.ZETA_TAIL)] == [9, 9, 12]
    for k, (digamma, stirling) in enumerate(zip(tables.DIGAMMA_TAIL, tables.STIRLING_TAIL, strict=True), 1):
        b = mpmath.bernoulli(2 * k)
        assert digamma == pytest.approx(float(b / (2 * k)), rel=1e-15)
        assert stirling == pytest.approx(float(b / (2 * k * (2 * k - 1))), rel=1e-15)
    for k, zeta in enumerate(tables.ZETA_TAIL, 1):
        assert zeta == pytest.approx(float(mpmath.bernoulli(2 * k) / mpmath.factorial(2 * k)), rel=1e-15)
