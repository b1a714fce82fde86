"""Trigonometric and hyperbolic functions and their inverses, atan2 and hypot."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symgrad.ir.expr import Node, like, ops
from symgrad.ir.kinds import Over, Partials, Rule, Scalar
from symgrad.primitives.rules import broadcast, floating, primitive, unary
from symgrad.primitives.samples import Domain, real, sample

__all__: list[str] = []

_LIBRARY = "two libraries' functions, each within 1 ulp; SIMD forms promise 4"


def _root_of_difference(x: Node) -> Node:
    return ops.sqrt((1.0 - x) * (x + 1.0))  # 1 - x*x would cancel near 1


def _function(name: str, partial: Rule, domain: Domain, doc: str, numpy: str = "") -> None:
    primitive(
        name,
        unary(floating),
        getattr(np, numpy or name),
        Partials(partial),
        Scalar(name),
        sympy=name,
        samples=(sample(domain),),
        ulp=4.0,
        ulp_reason=_LIBRARY,
        doc=doc,
    )


_PI = math.pi

_function("sin", lambda x, out: ops.cos(x), real(also=(-0.0, 0.0, _PI / 2, _PI)), "Sine of x in radians.")
_function("cos", lambda x, out: -ops.sin(x), real(also=(0.0, _PI / 2, _PI)), "Cosine of x in radians.")
_function("tan", lambda x, out: out * out + 1.0, real(-1.3, 1.3, also=(-0.0, 0.0)), "Tangent of x in radians.")
_function(
    "asin",
    lambda x, out: Over(_root_of_difference(x)),
    real(-0.95, 0.95, also=(-1.0, -0.0, 0.0, 1.0)),
    "Inverse sine in [-pi/2, pi/2]; nan outside [-1, 1].",
    "arcsin",
)
_function(
    "acos",
    lambda x, out: Over(-_root_of_difference(x)),
    real(-0.95, 0.95, also=(-1.0, 0.0, 1.0)),
    "Inverse cosine in [0, pi]; nan outside [-1, 1].",
    "arccos",
)
_function("atan", lambda x, out: Over(x * x + 1.0), real(also=(-0.0, 0.0)), "Inverse tangent in (-pi/2, pi/2).", "arctan")
_function("sinh", lambda x, out: ops.cosh(x), real(also=(-0.0, 0.0)), "Hyperbolic sine.")
_function("cosh", lambda x, out: ops.sinh(x), real(also=(0.0,)), "Hyperbolic cosine.")
_function("tanh", lambda x, out: 1.0 - out * out, real(also=(-0.0, 0.0)), "Hyperbolic tangent.")
_function(
    "asinh",
    lambda x, out: Over(ops.sqrt(x * x + 1.0)),
    real(also=(-0.0, 0.0)),
    "Inverse hyperbolic sine.",
    "arcsinh",
)
_function(
    "acosh",
    lambda x, out: Over(ops.sqrt(x - 1.0) * ops.sqrt(x + 1.0)),
    real(1.1, 6.0, also=(1.0,)),
    "Inverse hyperbolic cosine, not negative; nan below 1.",
    "arccosh",
)
_function(
    "atanh",
    lambda x, out: Over((1.0 - x) * (x + 1.0)),
    real(-0.9, 0.9, also=(-0.0, 0.0)),
    "Inverse hyperbolic tangent; nan outside [-1, 1].",
    "arctanh",
)


def _square_sum(y: Node, x: Node) -> Node:
    return y * y + x * x


def _leg(side: Node, out: Node) -> Node:
    zero = like(0.0, out)
    return ops.where(ops.eq(out, zero), zero, side / out)


def _sympy_hypot(x: Any, y: Any) -> Any:
    import sympy

    return sympy.sqrt(x**2 + y**2)


atan2 = primitive(
    "atan2",
    broadcast(floating),
    np.arctan2,
    Partials(lambda y, x, out: x / _square_sum(y, x), lambda y, x, out: -y / _square_sum(y, x)),
    Scalar("atan2"),
    sympy="atan2",
    samples=(
        sample(real(0.2, 4.0, also=(-0.0, 0.0)), real(0.2, 4.0, also=(1.0,))),
        sample(real(-4.0, -0.2), real(-4.0, -0.2)),
    ),
    ulp=4.0,
    ulp_reason=_LIBRARY,
    doc="Angle of the point (x, y) in [-pi, pi]. d/dy = x/(x^2+y^2), d/dx = -y/(x^2+y^2), nan at the origin.",
)
hypot = primitive(
    "hypot",
    broadcast(floating),
    np.hypot,
    Partials(lambda x, y, out: _leg(x, out), lambda x, y, out: _leg(y, out)),
    Scalar("hypot"),
    sympy=_sympy_hypot,
    samples=(sample(real(0.3, 4.0, also=(0.0, 3.0)), real(-4.0, 4.0, also=(0.0, 4.0))),),
    ulp=4.0,
    ulp_reason=_LIBRARY,
    doc="sqrt(x^2 + y^2) without overflow. The derivatives at the origin are 0.",
)
