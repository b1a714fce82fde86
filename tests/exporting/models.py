"""Functions of all kinds for the tests of exporting."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import sympy as sp

import symgrad as sg

State = namedtuple("State", "position velocity")
S = sg.TensorSpec


def loss(x):
    """Rosenbrock's valley: "deep", \\steep, \u03b1."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def nest(p, q, w):
    return {"a": p["u"] * q[0] + p["v"], "b": [q[1] * 2, (w * w, None)]}


def single(x):
    return np.sum(np.tanh(x) ** 2)


def lookup(index, table):
    return table[index] * 2.0


def springs(state, k):
    force = -k * state.position
    return State(state.velocity * 1.0, force)


def arctangents(y, x):
    return np.arctan2(y, x) * np.exp(-x)


def weighted(x, a):
    return np.sum(a @ np.sin(x), axis=0)


def whole(k):
    return k * k - 3 * k


def many(x):
    """Functions whose SIMD forms and tables are emitted in an order that no hash may decide."""
    waves = np.sin(x) + np.cos(x) + np.exp(x) + np.tanh(x) + np.log1p(x) + np.arctan(x) + np.cosh(x) + np.cbrt(x)
    return waves + sg.erfinv(x) + sg.digamma(x) + sg.bessel_j(2, x)


u, v = sp.symbols("u v")

FUNCTIONS = {
    "loss": loss,
    "nest": nest,
    "single": single,
    "lookup": lookup,
    "springs": springs,
    "weighted": weighted,
    "whole": whole,
    "arctangents": arctangents,
    "many": many,
    "formula": sg.from_sympy(sp.sin(u * v) + u**2, [u, v]),
    "compiled": sg.compile(sp.exp(u) * v, args=[u, v]),
}
SPECS = {
    "loss": [S(("n",))],
    "nest": [{"u": S((3,)), "v": S()}, (S(), S((2, 2), sg.float32)), S(("n",), sg.int64)],
    "single": [S(("n",), sg.float32)],
    "lookup": [S(("m",), sg.int64), S(("k",))],
    "springs": [State(S((2,)), S((2,))), S()],
    "weighted": [S(("n",)), S(("m", "n"))],
    "whole": [S(("n",), sg.int32)],
    "arctangents": [S(), S()],
    "many": [S(("n",))],
}
DERIVATIVES = {
    "loss": ("grad", "value_and_grad", "hessian", "hvp", "jvp", "vjp", "jacobian"),
    "single": ("grad",),
    "lookup": (),
    "springs": ("jacobian",),
    "weighted": ("jacobian", "vjp"),
    "arctangents": ("grad", "d1", "d3"),
    "formula": ("grad", "hessian"),
    "compiled": ("grad",),
}
