"""What the generic suites over the records share: calling a record, and an exact evaluation in 50 digits."""

from __future__ import annotations

import operator
from functools import cache

import mpmath
import numpy as np
import pytest
import sympy

from symgrad.dtypes import float64, from_numpy
from symgrad.interpret import interpret
from symgrad.ir.expr import fresh_input
from symgrad.ir.graph import Graph, topological_order
from symgrad.ir.types import TensorType
from symgrad.primitives.samples import draw

DIGITS = 50


def inputs_like(arrays):
    return [fresh_input(f"x{k}", TensorType(a.shape, from_numpy(a.dtype))) for k, a in enumerate(arrays)]


def call(record, arrays, attributes):
    """Return a record's node over fresh inputs, and its value for ``arrays``."""
    inputs = inputs_like(arrays)
    node = record(*inputs, **attributes)
    return node, interpret(Graph(inputs, [node]), arrays)[0]


def cases(records):
    """One pytest parameter for each record, sample and element type."""
    return [
        pytest.param(record, family, dtype, id=f"{record.name}-{k}-{dtype.name}")
        for record in records
        for k, family in enumerate(record.samples)
        for dtype in family.dtypes
    ]


def points(family, rng, count=5):
    """Return ``count`` draws and then the points worth a test of their own, one array for each input."""
    drawn = draw(family, float64, rng, (count,))
    also = max((len(d.also) for d in family.domains), default=0)
    result = []
    for domain, array in zip(family.domains, drawn, strict=True):
        own = [domain.also[k % len(domain.also)] if domain.also else array[k % count] for k in range(also)]
        result.append(np.concatenate([array, np.asarray(own, array.dtype)]))
    return result


# Exact evaluation: each primitive by its SymPy form, in mpmath


def sympy_form(record, attributes, symbols):
    form = record.sympy
    return getattr(sympy, form)(*symbols) if isinstance(form, str) else form(*symbols, **attributes)


@cache
def _exact_function(record, attributes):
    symbols = [sympy.Symbol(f"x{k}", real=True) for k in range(3)]
    arity = len(record.samples[0].domains)
    return sympy.lambdify(symbols[:arity], sympy_form(record, dict(attributes), symbols[:arity]), "mpmath")


_STRUCTURE = {"broadcast_to", "expand_dims", "squeeze", "reshape", "stop_gradient"}
_DIRECT = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "logical_and": lambda a, b: a and b, "logical_or": lambda a, b: a or b, "logical_not": operator.not_,
    "logical_xor": operator.ne, "isnan": mpmath.isnan, "isinf": mpmath.isinf, "isfinite": mpmath.isfinite,
    "where": lambda c, x, y: x if c else y, "trunc": lambda x: mpmath.floor(x) if x >= 0 else mpmath.ceil(x),
    "maximum": max, "minimum": min, "sign": mpmath.sign, "abs": abs,
}


def exactly(outputs, values):
    """Return the values of 0-d nodes in 50 digits: what the expression means, without rounding."""
    known = dict(values)
    for node in topological_order(outputs, stop=values):
        if node in known:
            continue
        operands = [known[i] for i in node.inputs]
        if node.name == "constant":
            value = node.attributes["value"]
            known[node] = value if isinstance(value, bool) else mpmath.mpf(value)
        elif node.name in _STRUCTURE:
            known[node] = operands[0]
        elif node.name == "cast":
            known[node] = mpmath.mpf(int(operands[0])) if isinstance(operands[0], bool) else operands[0]
        elif node.name == "sinc" and operands[0] == 0:
            order = node.attributes["order"]
            known[node] = mpmath.cos(mpmath.pi * order / 2) / (order + 1)
        elif node.name in _DIRECT:
            known[node] = _DIRECT[node.name](*operands)
        else:
            known[node] = _exact_function(node.primitive, tuple(sorted(node.attributes.items())))(*operands)
    return [known[o] for o in outputs]
