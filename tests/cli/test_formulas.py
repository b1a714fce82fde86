"""Expressions of the command line: what they mean, and that nothing hostile is built, run or waited for."""

from __future__ import annotations

import time

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symgrad.cli.formulas import ARITY, FormulaError, free_names, read_formula
from symgrad.expressions import from_sympy

X, Y, Z = (sp.Symbol(n, real=True) for n in "xyz")
ARGUMENTS = {"x": X, "y": Y, "z": Z, "p": sp.IndexedBase("p", shape=(3,)), "m": sp.IndexedBase("m", shape=(2, 2))}

MEANINGS = {
    "sin(x*y) + x**2": lambda x, y, z: np.sin(x * y) + x**2,
    "x/3 - 1/y": lambda x, y, z: x / 3 - 1 / y,
    "x - y - z": lambda x, y, z: x - y - z,
    "x / y / z * 2": lambda x, y, z: x / y / z * 2,
    "x - -y + +z": lambda x, y, z: x + y + z,
    "-x**2": lambda x, y, z: -(x**2),
    "2**-x": lambda x, y, z: 2**-x,
    "x**y**z": lambda x, y, z: x ** (y**z),
    "(x + y)**3 / 7": lambda x, y, z: (x + y) ** 3 / 7,
    "where(x < y, x, y)": lambda x, y, z: np.where(x < y, x, y),
    "where(0 < x < 0.5, 1, z)": lambda x, y, z: np.where((x > 0) & (x < 0.5), 1, z),
    "where(x > y and not y > z, 1, 2)": lambda x, y, z: np.where((x > y) & ~(y > z), 1, 2),
    "where((x > y) | (y > z), 1, 2)": lambda x, y, z: np.where((x > y) | (y > z), 1, 2),
    "max(x, y, 0.3) + min(x, z)": lambda x, y, z: np.maximum(np.maximum(x, y), 0.3) + np.minimum(x, z),
    "arctan2(y, x) + hypot(x, y)": lambda x, y, z: np.arctan2(y, x) + np.hypot(x, y),
    "E**x + exp(1) + pi": lambda x, y, z: np.exp(x) + np.e + np.pi,
    "log1p(x) + expm1(y) + log2(z) + log10(z) + exp2(x)": lambda x, y, z: np.log1p(x) + np.expm1(y) + np.log2(z) + np.log10(z) + np.exp2(x),
    "abs(x - 0.5) + sqrt(y) + cbrt(z) + sign(x)": lambda x, y, z: abs(x - 0.5) + np.sqrt(y) + np.cbrt(z) + np.sign(x),
    "floor(7*x) + ceil(7*y) + mod(7*z, 2)": lambda x, y, z: np.floor(7 * x) + np.ceil(7 * y) + np.mod(7 * z, 2),
    "1e-3*x + 1.5": lambda x, y, z: 1e-3 * x + 1.5,
    "pow(x, 2) + x**(1/3) + 2**0.5": lambda x, y, z: x**2 + x ** (1 / 3) + 2**0.5,
    "x": lambda x, y, z: x,
    "sec(0.5) + tan(csc(2.5)) + sech(1.0)**y": lambda x, y, z: 1 / np.cos(0.5) + np.tan(1 / np.sin(2.5)) + (1 / np.cosh(1)) ** y,
    "acot(2)*asec(3)/acoth(4)": lambda x, y, z: np.arctan(0.5) * np.arccos(1 / 3) / np.arctanh(0.25),
}


@pytest.mark.parametrize("text", MEANINGS)
def test_an_expression_means_what_it_means_in_numpy(text):
    f = from_sympy(read_formula(text, ARGUMENTS), [X, Y, Z])
    for point in np.random.default_rng(0).uniform(0.1, 0.9, (5, 3)):
        assert float(f(*point)) == pytest.approx(float(MEANINGS[text](*point)), rel=1e-14)


def test_elements_of_arrays():
    found = read_formula("p[0]*p[2] + m[1, 0]", ARGUMENTS)
    p, m = ARGUMENTS["p"], ARGUMENTS["m"]
    assert found == p[0] * p[2] + m[1, 0]


@pytest.mark.parametrize("name", ARITY)
def test_every_known_function_is_built(name):
    arguments = {"where": "x > 0, x, y"}.get(name, "0, x" if name.startswith("bessel") else ", ".join("xyz"[: ARITY[name]]))
    f = from_sympy(read_formula(f"{name}({arguments})", ARGUMENTS), [X, Y, Z])
    assert np.isfinite(float(f(1.5 if name in ("asec", "acsc", "acoth", "acosh") else 0.5, 0.25, 0.75)))


def test_free_names():
    assert free_names("sin(b*a) + pi*E + where(c > 0, 1, 2)") == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["oo", "zoo", "nan", "NaN", "inf", "Infinity", "EulerGamma", "Catalan"])
def test_constants_that_are_not_known_are_no_arguments(name):
    with pytest.raises(FormulaError, match=f"'{name}': (only finite real numbers|it is a constant of SymPy's)"):
        free_names(f"x + {name}*y")


HOSTILE = {
    "__import__('os').system('true')": "no meaning",
    "().__class__": "not allowed",
    "x.__class__.__mro__": "attribute",
    "x._args": "attribute",
    "sin.__globals__": "attribute",
    "open(x)": "cannot be called",
    "eval(x)": "cannot be called",
    "__import__(x)": "cannot be called",
    "x(y)": "cannot be called",
    "sin(x)(y)": "cannot be called",
    "(lambda: x)()": "no meaning",
    "lambda x: x": "no meaning",
    "[x for x in y]": "not allowed",
    "[x, y]": "not allowed",
    "(x, y)": "not allowed",
    "x if y else z": "not allowed",
    "x, y": "not allowed",
    "f'{x}'": "no meaning",
    "'a'*10": "no meaning",
    "x; y": "no meaning",
    "x := 1": "no meaning",
    "x = 1": "invalid syntax",
    "import os": "invalid syntax",
    "x\ny": "invalid syntax",
    "x @ y": "no meaning",
    "x % y": "no meaning",
    "x // y": "floor",
    "x ^ 2": "**",
    "~x": "not allowed",
    "x & y": "condition",
    "x + (y > 1)": "condition",
    "not x": "condition",
    "sin(*x)": "by position",
    "sin(x=1)": "by position",
    "sin(**x)": "by position",
    "sin()": "takes 1",
    "sin(x, y)": "takes 1",
    "2x": "2x",
    "sin": "call it",
    "unknown": "not among the arguments",
    "1j*x": "finite real",
    "1e999": "finite real",
    "...": "finite real",
    "None": "finite real",
    "1/0": "divides by zero",
    "0**-1": "divides by zero",
    "p": "an element of it",
    "p[3]": "shape is [3]",
    "p[-1]": "shape is [3]",
    "p[x]": "shape is [3]",
    "p[0:1]": "no meaning",
    "m[0]": "shape is [2, 2]",
    "x[0]": "have elements",
    "": "empty",
    "   ": "empty",
    "x +": "invalid syntax at the end",
    "x y": "invalid syntax at 'y'",
    "(x": "never closed",
    "x\x00y": "no meaning",
    "𝐱": "no meaning",
    "９": "no meaning",
    "x\u202e": "no meaning",
    "9**9**9**9": "exponent",
    "2**10000000000": "exponent",
    "x**1001": "exponent",
    "x**-1e9": "exponent",
    "((9**1000)**1000)**1000": "too large",
    "(((2*x)**1000)**1000)**1000": "too large",
    "*".join(["(9**999)"] * 50): "too large",
    "gamma(10**9)": "above",
    "besselj(0, 1e300)": "above",
    "besselj(x, y)": "whole number",
    "sin(sqrt(-1))": "real",
    "where(where(x > 0, y, z) > 0, x, y)": "condition of another",
    "tan(loggamma(0))": "no real value",
    "acosh(erfinv(3))": "no real value",
    "tan(csc(0))": "real",
    "(3**900 + 1)**(1/7)": "root of a number",
    "9" * 5000: "",
    "(" * 3000 + "x" + ")" * 3000: "",
    "-" * 9000 + "x": "",
    "not " * 2000 + "x > 0": "",
    "sin(" * 500 + "x" + ")" * 500: "nested",
    "x**" * 500 + "x": "nested",
    "x+" * 4999 + "x": "",
    "x" * 10_001: "10000",
}


@pytest.mark.parametrize("text", HOSTILE, ids=lambda t: t[:24].encode("unicode_escape").decode())
def test_hostile_strings_give_one_clear_error_soon(text):
    started = time.process_time()
    with pytest.raises(FormulaError) as error:
        free_names(text)
        read_formula(text, ARGUMENTS)
    assert HOSTILE[text] in str(error.value)
    assert "\n" not in str(error.value) and len(str(error.value)) < 1200
    assert time.process_time() - started < 5


LARGE = {
    "sum": "+".join(f"x**{k}*y" for k in range(450)),
    "product": "*".join(f"(x + {k}/7)" for k in range(1, 300)),
    "fractions": "+".join(f"1/{k}" for k in range(1, 500)),
    "powers": "((x + y)**20 + z)**20",
    "roots": "+".join(f"sqrt({k} + sqrt(x))" for k in range(2, 300)),
    "choices": "+".join(f"where(x > {k}, max(x, y, {k}), min(x, {k}))" for k in range(200)),
    "numbers": "(9**300)**3 / (9**899) * x",
    "logarithms of numbers": "log2(" * 12 + "1e5 + atan2(pi, acot(pi))" + "+ 1e5)" * 12 + "*x",
    "powers of numbers": "2**(1/" * 12 + "3" + "+sqrt(2))" * 12 + "*x",
    "radicals": "*".join(f"{k}**(1/3)" for k in range(2, 200)),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_allowed_is_built_soon(name):
    started = time.process_time()
    assert from_sympy(read_formula(LARGE[name], ARGUMENTS), [X, Y, Z]) is not None
    assert time.process_time() - started < 20


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="xyzp0123456789.+-*/()[],<>=!&|~ _eEsincosqrtwhere\n", max_size=60))
def test_any_text_is_built_or_refused(text):
    try:
        found = read_formula(text, ARGUMENTS)
    except FormulaError:
        return
    assert isinstance(found, sp.Basic)
