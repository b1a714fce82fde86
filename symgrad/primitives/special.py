"""Special functions: error, gamma and Bessel families, sinc, and the stable logistic formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symgrad.ir.expr import Node, like, ops
from symgrad.ir.kinds import Expand, Partials, Scalar
from symgrad.ir.types import TensorType
from symgrad.primitives import numerics_bessel, numerics_error, numerics_gamma
from symgrad.primitives.rules import Types, broadcast, floating, primitive, refuse_dtype, refuse_shape, sympy_module, unary
from symgrad.primitives.samples import real, sample

__all__: list[str] = []

_LIBRARY = "two libraries' functions, each within a few ulp; SIMD forms promise 4"
_NEAR_ZEROS = "the same algorithm on both sides, over libraries that differ by an ulp; that grows near zeros of the function"
_TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)
_ROOT_HALF = math.sqrt(0.5)
_ONE_OVER_ROOT_TWO_PI = 1.0 / math.sqrt(2.0 * math.pi)
_LN2 = math.log(2.0)
_INF = math.inf


# Error functions


def _gauss(x: Node) -> Node:
    return ops.exp(-(x * x)) * _TWO_OVER_ROOT_PI


erf = primitive(
    "erf",
    unary(floating),
    numerics_error.erf,
    Partials(lambda x, out: _gauss(x)),
    Scalar("erf"),
    sympy="erf",
    samples=(sample(real(-3.0, 3.0, also=(-0.0, 0.0))),),
    ulp=4.0,
    ulp_reason=_LIBRARY,
    doc="2/sqrt(pi) times the integral of exp(-t^2) from 0 to x (DLMF 7.2.1).",
)
erfc = primitive(
    "erfc",
    unary(floating),
    numerics_error.erfc,
    Partials(lambda x, out: -_gauss(x)),
    Scalar("erfc"),
    sympy="erfc",
    samples=(sample(real(-3.0, 5.0, also=(0.0,))),),
    ulp=8.0,
    ulp_reason=_LIBRARY,
    doc="1 - erf(x) without cancellation (DLMF 7.2.2).",
)
erfinv = primitive(
    "erfinv",
    unary(floating),
    numerics_error.erfinv,
    Partials(lambda x, out: ops.exp(out * out) * (1.0 / _TWO_OVER_ROOT_PI)),
    Scalar("sg_erfinv", header="special"),
    sympy="erfinv",
    samples=(sample(real(-0.95, 0.95, also=(-1.0, -0.0, 0.0, 1.0))),),
    ulp=8.0,
    ulp_reason="one series on both sides, over two libraries' log",
    doc="Inverse of erf on (-1, 1), infinite at the ends, nan outside. x times Chebyshev series in log(1 - x^2), the "
    "variable of M. Giles, Approximating the erfinv function, GPU Computing Gems 2 (2011); coefficients of our own.",
)
ndtr = primitive(
    "ndtr",
    unary(floating),
    lambda x: 0.5 * numerics_error.erfc(x * x.dtype.type(-_ROOT_HALF)),
    Partials(lambda x, out: ops.exp(x * x * -0.5) * _ONE_OVER_ROOT_TWO_PI),
    Expand(lambda x: ops.erfc(x * -_ROOT_HALF) * 0.5),
    sympy=lambda x: sympy_module().erfc(-x / sympy_module().sqrt(2)) / 2,
    samples=(sample(real(also=(-0.0, 0.0))),),
    ulp=8.0,
    ulp_reason=_LIBRARY,
    doc="Distribution function of the standard normal law: erfc(-x/sqrt 2)/2 (DLMF 7.1.22 and 7.2.2).",
)

# Gamma functions

gamma = primitive(
    "gamma",
    unary(floating),
    numerics_gamma.gamma,
    Partials(lambda x, out: out * ops.digamma(x)),
    Scalar("tgamma"),
    sympy="gamma",
    samples=(sample(real(0.2, 6.0, also=(-0.0, 0.0, 1.0, 2.0))), sample(real(-2.9, -2.1, also=(-1.0,)))),
    ulp=16.0,
    ulp_reason="the interpreter's and the C library's gamma each allow themselves about 8 ulp",
    doc="Gamma function (DLMF 5.2.1); infinite with the sign of x at 0, nan at negative integers.",
)
lgamma = primitive(
    "lgamma",
    unary(floating),
    numerics_gamma.lgamma,
    Partials(lambda x, out: ops.digamma(x)),
    Scalar("sg_lgamma", header="special"),
    sympy="loggamma",
    samples=(sample(real(0.2, 15.0, also=(-1.0, 0.0, 1.0, 2.0))),),
    ulp=16.0,
    ulp_reason=_NEAR_ZEROS,
    doc="log |gamma(x)|; inf at the poles. Stirling's series from 10 on (DLMF 5.11.1), a Chebyshev series with the zeros at 1 "
    "and 2 taken out below, reflection for x < 0 (DLMF 5.5.3). Not the C library's lgamma: that one writes the global signgam.",
)
digamma = primitive(
    "digamma",
    unary(floating),
    numerics_gamma.digamma,
    Partials(lambda x, out: ops.polygamma(x, order=1)),
    Scalar("sg_digamma", header="special"),
    sympy="digamma",
    samples=(sample(real(0.2, 15.0, also=(-1.0, -0.0, 0.0, 1.0))), sample(real(-2.9, -2.6))),
    ulp=64.0,
    ulp_reason=_NEAR_ZEROS,
    doc="Derivative of log gamma. Recurrence up to 10 (DLMF 5.5.2), then the asymptotic series (DLMF 5.11.2); reflection for "
    "x < 0 (DLMF 5.5.4). At 0 infinite with the sign of -x, nan at negative integers.",
)


_LARGEST_ORDER = 1_000_000  # beyond it recurrences run for seconds, and C's int is near its end


def _check_order(name: str, order: int, least: int) -> None:
    if isinstance(order, bool) or not isinstance(order, int) or not least <= order <= _LARGEST_ORDER:
        refuse_shape(f"{name}: the order must be an integer from {least} to {_LARGEST_ORDER}, got {order!r}")


def _polygamma_type(name: str, types: Types, *, order: int) -> TensorType:
    _check_order(name, order, 1)  # order 0 is digamma
    return unary(floating)(name, types)


polygamma = primitive(
    "polygamma",
    _polygamma_type,
    numerics_gamma.polygamma,
    Partials(lambda x, out, *, order: ops.polygamma(x, order=order + 1)),
    Scalar("sg_polygamma", header="special", attributes=("order",)),
    sympy=lambda x, order: sympy_module().polygamma(order, x),
    samples=(
        *(sample(real(0.3, 12.0, also=(-1.0, 0.0, 1.0)), order=n) for n in (1, 2, 3, 5)),
        sample(real(-2.8, -2.6), order=1),
    ),
    ulp=64.0,
    ulp_reason=_NEAR_ZEROS,
    doc="Derivative of this order of digamma: (-1)^(n+1) n! zeta(n+1, x) (DLMF 25.11.12) with Hurwitz's zeta by Euler-Maclaurin "
    "(DLMF 25.11(iii)); for x < 1/2 the sum over all integers less the other half.",
)

# Bessel functions of integer order


def _integer_order(name: str, types: Types, *, order: int) -> TensorType:
    _check_order(name, order, -_LARGEST_ORDER)
    if types[0].dtype.category not in floating:
        refuse_dtype(name, floating, types)
    return types[0]


def _reflected(name: str, x: Node, order: int) -> Node:
    """Return J or Y of any integer order by one that is not negative (DLMF 10.4.1)."""
    node: Node = getattr(ops, name)(x, order=-order if order < 0 else order)
    return -node if order < 0 and order % 2 else node


def _bessel_slope(name: str, x: Node, order: int) -> Node:
    """Return the derivative of J or Y: half of C_{n-1} - C_{n+1} (DLMF 10.6.1)."""
    if order == 0:
        return -_reflected(name, x, 1)
    return (_reflected(name, x, order - 1) - _reflected(name, x, order + 1)) * 0.5


def _modified_slope(x: Node, order: int) -> Node:
    """Return the derivative of I: half of I_{n-1} + I_{n+1} (DLMF 10.29.1)."""
    if order == 0:
        return ops.bessel_i(x, order=1)
    return (ops.bessel_i(x, order=abs(order - 1)) + ops.bessel_i(x, order=abs(order + 1))) * 0.5


_RECURRENCE = (
    "Backward recurrence with Neumann's series up to 25 (DLMF 10.74(iv), 10.12.4; Abramowitz and Stegun 9.1.89), Hankel's "
    "expansion (DLMF 10.17.3) and forward recurrence (DLMF 10.6.1) beyond."
)
bessel_j = primitive(
    "bessel_j",
    _integer_order,
    numerics_bessel.bessel_j,
    Partials(lambda x, out, *, order: _bessel_slope("bessel_j", x, order)),
    Scalar("sg_bessel_j", header="special", attributes=("order",)),
    sympy=lambda x, order: sympy_module().besselj(order, x),
    samples=tuple(sample(real(-12.0, 12.0, also=(-0.0, 0.0, 30.0)), order=n) for n in (0, 1, 2, 5)),
    ulp=64.0,
    ulp_reason=_NEAR_ZEROS,
    doc=f"Bessel function of the first kind of integer order. {_RECURRENCE}",
)
bessel_y = primitive(
    "bessel_y",
    _integer_order,
    numerics_bessel.bessel_y,
    Partials(lambda x, out, *, order: _bessel_slope("bessel_y", x, order)),
    Scalar("sg_bessel_y", header="special", attributes=("order",)),
    sympy=lambda x, order: sympy_module().bessely(order, x),
    samples=tuple(sample(real(0.3, 12.0, also=(-1.0, 0.0, 30.0)), order=n) for n in (0, 1, 2, 5)),
    ulp=64.0,
    ulp_reason=_NEAR_ZEROS,
    doc=f"Bessel function of the second kind of integer order; -inf at 0, nan below. {_RECURRENCE}",
)
bessel_i = primitive(
    "bessel_i",
    _integer_order,
    numerics_bessel.bessel_i,
    Partials(lambda x, out, *, order: _modified_slope(x, order)),
    Scalar("sg_bessel_i", header="special", attributes=("order",)),
    sympy=lambda x, order: sympy_module().besseli(order, x),
    samples=tuple(sample(real(-12.0, 12.0, also=(-0.0, 0.0, 40.0)), order=n) for n in (0, 1, 2, 5)),
    ulp=16.0,
    ulp_reason="the same algorithm on both sides; exp differs by an ulp between libraries",
    doc="Modified Bessel function of the first kind of integer order: the power series (DLMF 10.25.2) up to max(30, n^2/2), "
    "the asymptotic expansion (DLMF 10.40.1) beyond.",
)


def _sinc_type(name: str, types: Types, *, order: int) -> TensorType:
    _check_order(name, order, 0)
    return unary(floating)(name, types)


def _sympy_sinc(x: Any, order: int) -> Any:
    sympy = sympy_module()
    if order == 0:
        return sympy.sinc(x)
    t = sympy.Dummy("t")
    return sympy.diff(sympy.sin(t) / t, t, order).subs(t, x)


sinc = primitive(
    "sinc",
    _sinc_type,
    numerics_bessel.sinc,
    Partials(lambda x, out, *, order: ops.sinc(x, order=order + 1)),
    Scalar("sg_sinc", header="special", attributes=("order",)),
    sympy=_sympy_sinc,
    samples=tuple(sample(real(-6.0, 6.0, also=(-0.0, 0.0, _INF)), order=n) for n in (0, 1, 2, 5)),
    ulp=64.0,
    ulp_reason=_NEAR_ZEROS,
    doc="Derivative of this order of sin(x)/x (not NumPy's sin(pi x)/(pi x)), exact at 0, 0 at infinity. From x f(n) + n f(n-1) "
    "= sin(x + n pi/2), Leibniz's rule on x f = sin x, recurred upwards for |x| > n and downwards else.",
)

# Formulas in other primitives; NumPy's form is the same formula, so that only the library's exp and log differ


def _xlogy_value(x: Any, y: Any) -> Any:
    return np.where((x == 0.0) & ~np.isnan(y), 0.0, x * np.log(y))


def _xlogy(x: Node, y: Node) -> Node:
    zero = like(0.0, x)
    vanishes = ops.logical_and(ops.eq(x, zero), ops.logical_not(ops.isnan(y)))
    return ops.where(vanishes, zero, x * ops.log(y))


def _sigmoid_value(x: Any) -> Any:
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0.0, 1.0, decay) / (decay + 1.0)


def _sigmoid(x: Node) -> Node:
    decay = ops.exp(-ops.abs(x))
    return ops.where(x >= 0.0, like(1.0, x), decay) / (decay + 1.0)


def _softplus_value(x: Any) -> Any:
    return np.where(x < 0.0, 0.0, x) + np.log1p(np.exp(-np.abs(x)))


def _softplus(x: Node) -> Node:
    return ops.where(x < 0.0, like(0.0, x), x) + ops.log1p(ops.exp(-ops.abs(x)))


def _logaddexp_value(x: Any, y: Any) -> Any:
    return np.where(x == y, x + _LN2, np.where(x >= y, x, y) + np.log1p(np.exp(-np.abs(x - y))))


def _logaddexp(x: Node, y: Node) -> Node:
    apart = ops.where(x >= y, x, y) + ops.log1p(ops.exp(-ops.abs(x - y)))
    return ops.where(ops.eq(x, y), x + _LN2, apart)


xlogy = primitive(
    "xlogy",
    broadcast(floating),
    _xlogy_value,
    Partials(lambda x, y, out: ops.log(y), lambda x, y, out: x / y),
    Expand(_xlogy),
    sympy=lambda x, y: x * sympy_module().log(y),
    samples=(sample(real(also=(0.0, 1.0)), real(0.2, 4.0, also=(0.0, 1.0))),),
    ulp=4.0,
    ulp_reason=_LIBRARY,
    doc="x log(y), 0 where x = 0 unless y is nan. d/dx = log(y), d/dy = x/y.",
)
sigmoid = primitive(
    "sigmoid",
    unary(floating),
    _sigmoid_value,
    Partials(lambda x, out: out * (1.0 - out)),
    Expand(_sigmoid),
    sympy=lambda x: 1 / (1 + sympy_module().exp(-x)),
    samples=(sample(real(also=(-0.0, 0.0))),),
    ulp=8.0,
    ulp_reason=_LIBRARY,
    doc="1/(1 + exp(-x)), from exp(-|x|) so that nothing overflows.",
)
softplus = primitive(
    "softplus",
    unary(floating),
    _softplus_value,
    Partials(lambda x, out: ops.sigmoid(x)),
    Expand(_softplus),
    sympy=lambda x: sympy_module().log(1 + sympy_module().exp(x)),
    samples=(sample(real(also=(-0.0, 0.0))),),
    ulp=8.0,
    ulp_reason=_LIBRARY,
    doc="log(1 + exp(x)) as max(x, 0) + log1p(exp(-|x|)).",
)
logaddexp = primitive(
    "logaddexp",
    broadcast(floating),
    _logaddexp_value,
    Partials(lambda x, y, out: ops.sigmoid(x - y), lambda x, y, out: ops.sigmoid(y - x)),
    Expand(_logaddexp),
    sympy=lambda x, y: sympy_module().log(sympy_module().exp(x) + sympy_module().exp(y)),
    samples=(sample(real(also=(0.0, 1.0)), real(also=(0.0, 1.0))),),
    ulp=32.0,
    ulp_reason="cancellation where the result is near 0",
    doc="log(exp(x) + exp(y)) as max + log1p(exp(-|x - y|)), x + log 2 where they are equal (infinities too).",
)


def _least_log(x: Any) -> Any:
    return np.maximum(np.log(x), x.dtype.type(_LEAST_LOG))


def _limited_log(x: Node) -> Node:
    return ops.maximum(ops.log(x), like(_LEAST_LOG, x))


def _binary_entropy(x: Node, target: Node) -> Node:
    return (target - 1.0) * _limited_log(1.0 - x) - target * _limited_log(x)


def _binary_entropy_slope(x: Node, target: Node, out: Node) -> Node:
    return (x - target) / ops.maximum((1.0 - x) * x, like(1e-12, x))


_LEAST_LOG = -100.0
binary_entropy = primitive(
    "binary_entropy",
    broadcast(floating),
    lambda x, target: (target - 1.0) * _least_log(1.0 - x) - target * _least_log(x),
    Partials(_binary_entropy_slope, lambda x, target, out: _limited_log(1.0 - x) - _limited_log(x)),
    Expand(_binary_entropy),
    samples=(sample(real(0.1, 0.9, also=(0.0, 1.0)), real(0.1, 0.9, also=(0.0, 1.0))),),
    ulp=8.0,
    ulp_reason=_LIBRARY,
    doc="-t log(x) - (1 - t) log(1 - x), logarithms not below -100. d/dx = (x - t) / max(x (1 - x), 1e-12), as torch's.",
)
