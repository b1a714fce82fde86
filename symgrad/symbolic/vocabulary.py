"""SymPy's classes in terms of primitives.

A plan is the sub-expressions to translate first and the function that builds the node from theirs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from symgrad.dtypes import float64
from symgrad.ir.expr import Node, constant, ops
from symgrad.symbolic.constants import nearest
from symgrad.symbolic.refusals import refuse, shown

__all__ = ["Plan", "Planner", "join_terms", "numeric", "planners", "term_values"]

Plan = tuple[Sequence[Any], Callable[..., Node]]
Planner = Callable[[Any], Plan]

MOST_TERMS = 1_000_000  # of a Sum or Product that is written out


def numeric(node: Node) -> Node:
    """Return a node as float64; truth values become 0 and 1."""
    return ops.cast(node, dtype=float64) if node.dtype.is_bool else node


def truth(node: Node) -> Node:
    """Return a node as a truth value."""
    return node if node.dtype.is_bool else ops.ne(node, constant(0.0))


@cache
def planners() -> dict[type, Planner]:
    """Return the planner of each SymPy class that has a form in primitives."""
    import sympy as sp

    table: dict[type, Planner] = {sp.Add: _add, sp.Mul: _mul, sp.Pow: _pow, sp.Piecewise: _piecewise, sp.ITE: _if_then_else}
    table.update({getattr(sp, theirs): _applied(ours) for theirs, ours in _SAME.items()})
    table.update({getattr(sp, name): _defined(definition) for name, definition in _DEFINED.items()})
    table.update({sp.Max: _folded("maximum"), sp.Min: _folded("minimum")})
    table.update({sp.And: _logical("logical_and"), sp.Or: _logical("logical_or"), sp.Xor: _logical("logical_xor")})
    table.update({sp.Not: _logical("logical_not"), sp.Implies: _defined(_implies), sp.Equivalent: _equivalent})
    comparisons = {sp.Eq: "eq", sp.Ne: "ne", sp.Lt: "lt", sp.Le: "le", sp.Gt: "gt", sp.Ge: "ge"}
    table.update({theirs: _compared(ours) for theirs, ours in comparisons.items()})
    table.update({sp.besselj: _bessel("bessel_j"), sp.bessely: _bessel("bessel_y"), sp.besseli: _bessel("bessel_i")})
    table.update({sp.polygamma: _polygamma, sp.Sum: _written_out, sp.Product: _written_out, sp.Derivative: _evaluated})
    table.update({sp.Subs: _evaluated, sp.conjugate: _defined(lambda x: x), sp.re: _defined(lambda x: x)})
    table.update({getattr(sp, name): _rewritten(to) for name, to in _REWRITTEN.items()})
    table.update({getattr(sp, name): _refused(advice) for name, advice in _ADVICE.items()})
    table[sp.Contains] = lambda expr: ([expr.args[1].as_relational(expr.args[0])], lambda x: x)
    table.update(_c_functions())
    return table


_SAME = {
    **{name: name for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    **{name: name for name in ("atan2", "exp", "log", "sign", "floor", "erf", "erfc", "erfinv", "gamma", "digamma")},
    "Abs": "abs",
    "Mod": "remainder",
    "ceiling": "ceil",
    "loggamma": "lgamma",
}

_DEFINED: dict[str, Callable[..., Node]] = {
    "sec": lambda x: 1.0 / ops.cos(x),
    "csc": lambda x: 1.0 / ops.sin(x),
    "cot": lambda x: 1.0 / ops.tan(x),
    "sech": lambda x: 1.0 / ops.cosh(x),
    "csch": lambda x: 1.0 / ops.sinh(x),
    "coth": lambda x: 1.0 / ops.tanh(x),
    "asec": lambda x: ops.acos(1.0 / x),
    "acsc": lambda x: ops.asin(1.0 / x),
    "acot": lambda x: ops.atan(1.0 / x),
    "asech": lambda x: ops.acosh(1.0 / x),
    "acsch": lambda x: ops.asinh(1.0 / x),
    "acoth": lambda x: ops.atanh(1.0 / x),
    "sinc": lambda x: ops.sinc(x, order=0),
    "trigamma": lambda x: ops.polygamma(x, order=1),
    "factorial": lambda x: ops.gamma(x + 1.0),
    "frac": lambda x: x - ops.floor(x),
    "Trace": lambda x: ops.trace(x),  # noqa: PLW0108 - a composite is found when it is called
}

_REWRITTEN = {"beta": "gamma", "binomial": "gamma", "RisingFactorial": "gamma", "FallingFactorial": "gamma"}

_STEP = "it is not a function at its jump; write Piecewise((0, x < 0), (1, True)) with the value you want there"
_ADVICE = {
    "Heaviside": _STEP,
    "DiracDelta": "it is not a function; integrate it out with .doit() first",
    "Integral": "an integral has no closed form here; evaluate it with .doit(), or use a quadrature rule written as a Sum",
    "Limit": "evaluate it with .doit() first",
    "Lambda": "apply it to its argument first",
    "Order": "remove the order term with .removeO() first",
    "LambertW": "it has no primitive; solve w*exp(w) = x by Newton's method instead",
    "besselk": "it has no primitive; only besselj, bessely and besseli have one",
    "im": "arguments are real, so an imaginary part is 0; simplify the expression first",
    "arg": "arguments are real; write Piecewise((0, x >= 0), (pi, True))",
}


def _refused(advice: str) -> Planner:
    import sympy

    def plan(expr: Any) -> Plan:
        if isinstance(expr, sympy.Function) and not expr.free_symbols:
            return (), lambda: constant(nearest(expr))
        return refuse(expr, advice)

    return plan


def _applied(name: str) -> Planner:
    return lambda expr: (expr.args, lambda *xs: getattr(ops, name)(*[numeric(x) for x in xs]))


def _defined(definition: Callable[..., Node]) -> Planner:
    return lambda expr: (expr.args, definition)


def _folded(name: str) -> Planner:
    return lambda expr: (expr.args, lambda *xs: functools.reduce(getattr(ops, name), xs))


def _logical(name: str) -> Planner:
    def build(*xs: Node) -> Node:
        truths = [truth(x) for x in xs]
        return getattr(ops, name)(truths[0]) if len(truths) == 1 else functools.reduce(getattr(ops, name), truths)

    return lambda expr: (expr.args, build)


def _implies(x: Node, y: Node) -> Node:
    return ops.logical_or(ops.logical_not(truth(x)), truth(y))


def _equivalent(expr: Any) -> Plan:
    def build(first: Node, *rest: Node) -> Node:
        same = [ops.eq(truth(first), truth(other)) for other in rest]
        return functools.reduce(ops.logical_and, same)

    return expr.args, build


def _compared(name: str) -> Planner:
    def build(x: Node, y: Node) -> Node:
        if x.dtype is not y.dtype:
            x, y = numeric(x), numeric(y)
        return getattr(ops, name)(x, y)  # type: ignore[no-any-return]

    return lambda expr: (expr.args, build)


def _if_then_else(expr: Any) -> Plan:
    return expr.args, _selected


def _selected(condition: Node, x: Node, y: Node) -> Node:
    if x.dtype is not y.dtype:
        x, y = numeric(x), numeric(y)
    return ops.where(truth(condition), x, y)


def _piecewise(expr: Any) -> Plan:
    """Return a chain of `where`, the first condition outermost; nan where no condition holds."""

    def build(*parts: Node) -> Node:
        pairs = list(zip(parts[::2], parts[1::2], strict=True))
        last, condition = pairs.pop()
        certain = condition.primitive is ops.constant and condition.attributes["value"] is True
        result = last if certain else _selected(condition, last, constant(math.nan))
        for value, condition in reversed(pairs):
            result = _selected(condition, value, result)
        return result

    return [part for pair in expr.args for part in pair.args], build


# Sums, products and powers


def _add(expr: Any) -> Plan:
    """Return a sum from left to right in SymPy's order; terms with a negative coefficient are subtracted."""
    terms = expr.args
    negative = [_is_negative(t) for t in terms]

    def build(*nodes: Node) -> Node:
        total: Node | None = None
        for node, minus in zip(nodes, negative, strict=True):
            signed = -node if minus else node
            total = signed if total is None else (total - node if minus else total + node)
        assert total is not None
        return total

    return [-t if minus else t for t, minus in zip(terms, negative, strict=True)], build


def _is_negative(term: Any) -> bool:
    leading = term.args[0] if term.is_Mul else term
    return bool(leading.is_Number and leading.is_extended_negative and leading.is_finite)


def _mul(expr: Any) -> Plan:
    """Return a quotient of products, so that x/y and x/3 are rounded once."""
    import sympy

    numbers = [a for a in expr.args if _is_plain_number(a)]
    factors = [a for a in expr.args if not _is_plain_number(a)]
    if not factors:  # a number: evaluated as a whole by whoever uses it
        return expr.args, lambda *xs: functools.reduce(ops.mul, xs)
    above: list[Any] = [f for f in factors if not _is_reciprocal(f)]
    below: list[Any] = [_reciprocal(f) for f in factors if _is_reciprocal(f)]
    coefficient = sympy.Mul(*numbers)
    minus = bool(coefficient.is_extended_negative)
    coefficient = -coefficient if minus else coefficient
    over, under = _fraction(coefficient)
    if over != 1:
        above.insert(0, over)
    if under != 1:
        below.insert(0, under)
    count = len(above)

    def build(*nodes: Node) -> Node:
        top = functools.reduce(ops.mul, nodes[:count]) if count else constant(1.0)
        result = top / functools.reduce(ops.mul, nodes[count:]) if below else top
        return -result if minus else result

    return [*above, *below], build


def _is_plain_number(expr: Any) -> bool:
    """Whether a factor is a number at first sight; one that is known only after looking deep counts as a factor."""
    if expr.is_Pow:
        return all(a.is_Number or a.is_NumberSymbol for a in expr.args)
    return bool(expr.is_Number or expr.is_NumberSymbol)


def _fraction(coefficient: Any) -> tuple[Any, Any]:
    if coefficient.is_Rational and abs(coefficient.p) < 2**53 and coefficient.q < 2**53:
        return coefficient.as_numer_denom()  # type: ignore[no-any-return]
    return coefficient, 1


def _is_reciprocal(factor: Any) -> bool:
    return bool(factor.is_Pow and factor.exp.is_Rational and factor.exp.is_negative)


def _reciprocal(factor: Any) -> Any:
    import sympy

    exponent = -factor.exp
    return factor.base if exponent == 1 else sympy.Pow(factor.base, exponent, evaluate=False)


def _pow(expr: Any) -> Plan:
    base, exponent = expr.args
    if exponent.is_Integer:
        n = int(exponent)
        if abs(n) >= 2**31:
            refuse(expr, "its exponent is too large")
        if n == -1:
            return [base], lambda x: 1.0 / x
        return [base], lambda x: ops.integer_pow(x, exponent=n)
    if exponent.is_Rational and exponent.q == 2 and abs(exponent.p) == 1:
        return [base], ops.sqrt if exponent.p == 1 else ops.rsqrt
    if base.is_Integer and base == 2:
        return [exponent], ops.exp2
    if base.is_NumberSymbol and str(base) == "E":
        return [exponent], ops.exp
    return [base, exponent], ops.pow


def join_terms(expr: Any, terms: Sequence[Node]) -> Node:
    """Return the sum of the terms of a Sum, the product of those of a Product."""
    import sympy

    if isinstance(expr, sympy.Sum):
        return functools.reduce(ops.add, terms) if terms else constant(0.0)
    return functools.reduce(ops.mul, terms) if terms else constant(1.0)


def _written_out(expr: Any) -> Plan:
    """Return the terms of a Sum or Product for each value of its outermost variable."""
    import sympy

    variable, values, body = term_values(expr)
    bound = body.has(sympy.Sum, sympy.Product, sympy.Integral)
    terms = [body.subs(variable, v) if bound else body.xreplace({variable: v}) for v in values]
    return terms, lambda *xs: join_terms(expr, xs)


def term_values(expr: Any) -> tuple[Any, list[Any], Any]:
    """Return the outermost variable of a Sum or Product, its values, and what is summed over it."""
    import sympy

    variable, *bounds = expr.limits[-1]
    if len(bounds) != 2:
        refuse(expr, f"give {variable} a range, as in ({variable}, 0, 9)")
    low, high = bounds
    if not (low.is_Integer and high.is_Integer):
        refuse(expr, f"{variable} must run between two integers, got {shown(low)} to {shown(high)}")
    count = int(high) - int(low) + 1
    if count > MOST_TERMS:
        refuse(expr, f"{count} terms are too many to write out")
    inner = expr.limits[:-1]
    body = expr.function if not inner else expr.func(expr.function, *inner)
    return variable, [sympy.Integer(k) for k in range(int(low), int(high) + 1)], body


def _evaluated(expr: Any) -> Plan:
    found = expr.doit()
    if isinstance(found, type(expr)):
        refuse(expr, "it is not known; give it as an argument of its own, or substitute the function it belongs to")
    return [found], lambda x: x


def _rewritten(to: str) -> Planner:
    import sympy

    return lambda expr: ([expr.rewrite(getattr(sympy, to))], lambda x: x)


# Functions with an order


def _bessel(name: str) -> Planner:
    def plan(expr: Any) -> Plan:
        order, argument = expr.args
        if not order.is_Integer:
            refuse(expr, f"its order must be an integer, got {shown(order)}")
        return [argument], lambda x: getattr(ops, name)(x, order=int(order))

    return plan


def _polygamma(expr: Any) -> Plan:
    order, argument = expr.args
    if not order.is_Integer or order < 0:
        refuse(expr, f"its order must be an integer of at least 0, got {shown(order)}")
    if order == 0:
        return [argument], ops.digamma
    return [argument], lambda x: ops.polygamma(x, order=int(order))


def _c_functions() -> dict[type, Planner]:
    """Return the planners of the functions that SymPy's code generation names."""
    from sympy.codegen import cfunctions

    same = {"expm1": "expm1", "log1p": "log1p", "exp2": "exp2", "log2": "log2", "log10": "log10", "hypot": "hypot"}
    table = {getattr(cfunctions, theirs): _applied(ours) for theirs, ours in same.items()}
    table[cfunctions.Sqrt] = _applied("sqrt")
    table[cfunctions.Cbrt] = _applied("cbrt")
    table[cfunctions.fma] = _defined(lambda x, y, z: x * y + z)
    return table
