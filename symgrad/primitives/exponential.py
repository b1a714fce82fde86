"""Exponentials, logarithms and roots."""

from __future__ import annotations

import math

import numpy as np

from symgrad.ir.expr import ops
from symgrad.ir.kinds import Expand, Over, Partials, Scalar
from symgrad.primitives.rules import floating, primitive, sympy_module, unary
from symgrad.primitives.samples import real, sample

__all__: list[str] = []

_LN2 = math.log(2.0)
_LN10 = math.log(10.0)
_LIBRARY = "two libraries' functions, each within 1 ulp; SIMD forms promise 4"


sqrt = primitive(
    "sqrt",
    unary(floating),
    np.sqrt,
    Partials(lambda x, out: Over(out * 2.0)),
    Scalar("sqrt"),
    sympy="sqrt",
    samples=(sample(real(0.1, 9.0, also=(0.0, 1.0, 4.0))),),
    ulp=0.0,
    doc="Square root; nan below 0. The derivative at 0 is inf.",
)
rsqrt = primitive(
    "rsqrt",
    unary(floating),
    lambda x: 1.0 / np.sqrt(x),
    Partials(lambda x, out: out / x * -0.5),
    Expand(lambda x: 1.0 / ops.sqrt(x)),
    sympy=lambda x: 1 / sympy_module().sqrt(x),
    samples=(sample(real(0.1, 9.0, also=(1.0, 4.0))),),
    ulp=0.0,
    doc="1 / sqrt(x), rounded twice; inf at 0.",
)
cbrt = primitive(
    "cbrt",
    unary(floating),
    np.cbrt,
    Partials(lambda x, out: Over(out * out * 3.0)),
    Scalar("cbrt"),
    sympy=lambda x: sympy_module().real_root(x, 3),
    samples=(sample(real(0.1, 9.0, also=(-8.0, -0.0, 0.0, 1.0, 8.0))),),
    ulp=4.0,
    ulp_reason=_LIBRARY,
    doc="Real cube root, odd. The derivative at 0 is inf.",
)
exp = primitive(
    "exp",
    unary(floating),
    np.exp,
    Partials(lambda x, out: out),
    Scalar("exp"),
    sympy="exp",
    samples=(sample(real(also=(0.0, 1.0))),),
    ulp=4.0,
    ulp_reason=_LIBRARY,
    doc="e**x.",
)
exp2 = primitive(
    "exp2",
    unary(floating),
    np.exp2,
    Partials(lambda x, out: out * _LN2),
    Scalar("exp2"),
    sympy=lambda x: 2**x,
    samples=(sample(real(also=(0.0, 1.0, 3.0))),),
    ulp=4.0,
    ulp_reason=_LIBRARY,
    doc="2**x.",
)
expm1 = primitive(
    "expm1",
    unary(floating),
    np.expm1,
    Partials(lambda x, out: ops.exp(x)),
    Scalar("expm1"),
    sympy=lambda x: sympy_module().exp(x) - 1,
    samples=(sample(real(also=(-0.0, 0.0))),),
    ulp=4.0,
    ulp_reason=_LIBRARY,
    doc="e**x - 1 without cancellation. The derivative is exp(x): out + 1 would cancel far below 0.",
)
log = primitive(
    "log",
    unary(floating),
    np.log,
    Partials(lambda x, out: Over(x)),
    Scalar("log"),
    sympy="log",
    samples=(sample(real(0.1, 9.0, also=(1.0,))),),
    ulp=4.0,
    ulp_reason=_LIBRARY,
    doc="Natural logarithm; -inf at 0, nan below.",
)
log2 = primitive(
    "log2",
    unary(floating),
    np.log2,
    Partials(lambda x, out: Over(x * _LN2)),
    Scalar("log2"),
    sympy=lambda x: sympy_module().log(x, 2),
    samples=(sample(real(0.1, 9.0, also=(1.0, 8.0))),),
    ulp=4.0,
    ulp_reason=_LIBRARY,
    doc="Logarithm to base 2.",
)
log10 = primitive(
    "log10",
    unary(floating),
    np.log10,
    Partials(lambda x, out: Over(x * _LN10)),
    Scalar("log10"),
    sympy=lambda x: sympy_module().log(x, 10),
    samples=(sample(real(0.1, 9.0, also=(1.0, 10.0))),),
    ulp=4.0,
    ulp_reason=_LIBRARY,
    doc="Logarithm to base 10.",
)
log1p = primitive(
    "log1p",
    unary(floating),
    np.log1p,
    Partials(lambda x, out: Over(x + 1.0)),
    Scalar("log1p"),
    sympy=lambda x: sympy_module().log(1 + x),
    samples=(sample(real(-0.9, 9.0, also=(-0.0, 0.0))),),
    ulp=4.0,
    ulp_reason=_LIBRARY,
    doc="log(1 + x) without cancellation.",
)
