"""Expressions of the command line, read by a whitelist over Python's own syntax and built with SymPy's constructors.

Nothing here is evaluated as Python, and SymPy never sees text. What an expression may cost is bounded before it is
built: its length and depth, and the size of every number that could come about in it.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NoReturn

__all__ = ["FormulaError", "free_names", "read_formula"]

LONGEST, DEEPEST, MOST = 10_000, 60, 3_000  # characters; brackets, calls and powers inside each other; operations
EXPONENT, BITS = 1_000, 20_000  # of a power; of any whole number, or the degree of any power, that could come about
DIGITS = 40  # of a number that stands in a function or a power, where it is none of those that are written exactly
LARGEST = 1e6  # of a number that a function is applied to

_SHOWN = 60
_ALPHABET = re.compile(r"[A-Za-z0-9_\s+\-*/()\[\],.<>=!&|~]*\Z")
_SAME = (
    "sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sec csc cot sech csch coth asec acsc acot asech acsch acoth "
    "sqrt exp log erf erfc erfinv gamma loggamma digamma trigamma sign floor sinc frac"
).split()
_RECIPROCALS = {"sec": "cos", "csc": "sin", "cot": "tan", "sech": "cosh", "csch": "sinh", "coth": "tanh"}
_OF_RECIPROCALS = {"asec": "acos", "acsc": "asin", "acot": "atan", "asech": "acosh", "acsch": "asinh", "acoth": "atanh"}
_CODE = {"log2": 1, "log10": 1, "log1p": 1, "expm1": 1, "exp2": 1, "hypot": 2}
_ALIAS = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
    "arctan2": "atan2", "ln": "log", "ceiling": "ceil", "Abs": "abs", "lgamma": "loggamma", "max": "maximum", "min": "minimum",
    "Max": "maximum", "Min": "minimum", "power": "pow", "mod": "remainder", "Mod": "remainder",
}  # fmt: skip
_OTHERS = {"atan2": 2, "ceil": 1, "abs": 1, "maximum": 2, "minimum": 2, "pow": 2, "remainder": 2, "where": 3, "cbrt": 1,
           "besselj": 2, "bessely": 2, "besseli": 2}  # fmt: skip
ARITY = {**dict.fromkeys(_SAME, 1), **_CODE, **_OTHERS}
CONSTANTS = ("pi", "E")
_NOT_FINITE = ("oo", "zoo", "nan", "NaN", "inf", "Infinity", "NegativeInfinity", "ComplexInfinity")
_NOT_HERE = ("EulerGamma", "Catalan", "GoldenRatio", "TribonacciConstant")  # constants of SymPy's


class FormulaError(Exception):
    """An expression that is not allowed, or cannot be read; the message says where."""


def free_names(text: str) -> list[str]:
    """Return the names in an expression that stand for its arguments, sorted; ``pi`` and ``E`` are numbers.

    Names of what is no finite number, and of other constants of SymPy's, are no arguments: nobody means them as such.

    Raises
    ------
    FormulaError
        For what is not allowed.
    """
    tree = _parsed(text)
    called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called}
    for name in sorted(names):
        if name in _NOT_FINITE:
            raise FormulaError(f"'{name}': only finite real numbers are allowed, and no argument can be called so")
        if name in _NOT_HERE:
            raise FormulaError(f"'{name}': it is a constant of SymPy's, not known here; write its value as a number")
    return sorted(names - set(CONSTANTS))


def read_formula(text: str, arguments: Mapping[str, Any]) -> Any:
    """Return a SymPy expression.

    Parameters
    ----------
    text : str
        Python's arithmetic, comparisons, ``and``, ``or``, ``not``, calls of known functions, elements of arrays.
    arguments : mapping
        The SymPy Symbol or IndexedBase each name stands for.

    Raises
    ------
    FormulaError
        For what is not allowed, not known, or too large.
    """
    value, _ = _Builder(text, arguments).build(_parsed(text), 0)
    return value


def _parsed(text: str) -> ast.expr:
    """Return the syntax tree of an expression that is no longer than is allowed."""
    if len(text) > LONGEST:
        raise FormulaError(f"the expression has {len(text)} characters, more than {LONGEST}; write a Python function instead")
    if not text.strip():
        raise FormulaError("the expression is empty; write for example 'sin(x*y) + x**2'")
    if not _ALPHABET.match(text):
        bad = next(c for c in text if not _ALPHABET.match(c))
        hint = "; a power is written **" if bad == "^" else ""
        raise FormulaError(f"{bad!r} has no meaning in an expression{hint}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python's, about the text
            return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        line = text.strip().splitlines()[(error.lineno or 1) - 1]
        rest = line[error.offset - 1 :] if error.offset else ""
        raise FormulaError(f"{error.msg} at " + (f"'{rest[:20]}'" if rest else "the end")) from None
    except (ValueError, RecursionError, MemoryError):
        raise FormulaError(f"it is nested too deeply; at most {DEEPEST} levels") from None


Sized = tuple[Any, float]  # an expression, and a bound on the bits of its numbers and the degree of its powers


class _Builder:
    """Builds the expression of a syntax tree, all whose nodes it knows."""

    def __init__(self, text: str, arguments: Mapping[str, Any]) -> None:
        import sympy

        self.sp, self.text, self.arguments, self.count = sympy, text.strip(), arguments, 0

    def build(self, node: ast.expr, depth: int) -> Sized:
        """Return the expression of a node; sums and products of many terms are no deeper than one."""
        self.count += 1
        if depth > DEEPEST:
            raise FormulaError(f"it is nested too deeply; at most {DEEPEST} levels")
        if self.count > MOST:
            raise FormulaError(f"it has more than {MOST} operations; write a Python function instead")
        kinds: dict[type, Callable[[Any, int], Sized]] = {
            ast.BinOp: self.arithmetic,
            ast.UnaryOp: self.unary,
            ast.Call: self.call,
            ast.Name: self.name,
            ast.Constant: self.number,
            ast.Subscript: self.element,
            ast.Compare: self.comparison,
            ast.BoolOp: self.logical,
        }
        build = kinds.get(type(node))
        if build is None:
            self.refuse(node, f"{_words(node)} is not allowed; arithmetic, comparisons and calls of known functions are")
        try:
            value, size = build(node, depth)
        except (ArithmeticError, ValueError, TypeError, AttributeError) as error:  # of SymPy's, about numbers
            self.refuse(node, f"a number in it has no real value ({str(error)[:100] or type(error).__name__})")
        if size > BITS:
            self.refuse(node, f"its numbers or powers grow too large (over {BITS} bits or degrees)")
        return value, size

    def refuse(self, node: ast.expr, reason: str) -> NoReturn:
        part = ast.get_source_segment(self.text, node) or self.text
        shown = part if len(part) <= _SHOWN else f"{part[:_SHOWN]}..."
        raise FormulaError(f"'{shown}': {reason}")

    # Numbers and names

    def number(self, node: ast.Constant, depth: int) -> Sized:
        value = node.value
        if isinstance(value, bool):
            return (self.sp.true if value else self.sp.false), 1
        if isinstance(value, int):
            return self.sp.Integer(value), float(value.bit_length())
        if isinstance(value, float) and value - value == 0.0:
            return self.sp.Float(value), 64
        return self.refuse(node, "only finite real numbers are allowed")

    def name(self, node: ast.Name, depth: int) -> Sized:
        found = self.arguments.get(node.id)
        if found is None and node.id in CONSTANTS:
            return getattr(self.sp, node.id), 1
        if found is None:
            hint = "it is a function; call it" if _meant(node.id) in ARITY else "it is not among the arguments"
            self.refuse(node, hint + (f", which are {', '.join(self.arguments)}" if self.arguments and "among" in hint else ""))
        if isinstance(found, self.sp.IndexedBase):
            self.refuse(node, f"it is an array; write an element of it, as in {node.id}[0]")
        return found, 1

    def element(self, node: ast.Subscript, depth: int) -> Sized:
        base = self.arguments.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if not isinstance(base, self.sp.IndexedBase):
            self.refuse(node, "only arguments whose --spec has sizes have elements")
        places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        found = [p.value if isinstance(p, ast.Constant) and type(p.value) is int else -1 for p in places]
        shape = [int(s) for s in base.shape]
        if len(found) != len(shape) or not all(0 <= k < s for k, s in zip(found, shape, strict=True)):
            self.refuse(node, f"its shape is {shape}; an index is a number from 0 on for each axis")
        return base[tuple(found)], 1

    # Arithmetic

    def arithmetic(self, node: ast.BinOp, depth: int) -> Sized:
        if isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
            return self.chain(node, depth)
        if isinstance(node.op, ast.Pow):
            return self.power(node, node.left, node.right, depth)
        if isinstance(node.op, (ast.Mod, ast.FloorDiv)):
            self.refuse(node, "write remainder(x, y) or floor(x / y)")
        if isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            return self.joined("And" if isinstance(node.op, ast.BitAnd) else "Or", [node.left, node.right], depth)
        return self.refuse(node, "this operator is not allowed; arithmetic is written + - * / **")

    def chain(self, node: ast.BinOp, depth: int) -> Sized:
        """Return a sum or product of all terms that stand one after the other."""
        sums = isinstance(node.op, (ast.Add, ast.Sub))
        inverse = ast.Sub if sums else ast.Div
        wanted = (ast.Add, ast.Sub) if sums else (ast.Mult, ast.Div)
        terms: list[Sized] = []
        part: ast.expr = node
        while isinstance(part, ast.BinOp) and isinstance(part.op, wanted):
            value, size = self.real(part.right, depth + 1)
            if isinstance(part.op, inverse):
                if not sums and value.is_zero:
                    self.refuse(part, "it divides by zero")
                value = -value if sums else self.sp.Pow(value, -1)
            terms.append((value, size))
            part = part.left
        terms.append(self.real(part, depth + 1))
        sizes = [size for _, size in terms]
        join = self.sp.Add if sums else self.sp.Mul
        total = max(sizes) + len(sizes).bit_length() if sums and not self.fractions(terms) else sum(sizes)
        if total > BITS:
            self.refuse(node, f"its numbers or powers grow too large (over {BITS} bits or degrees)")
        return join(*[value for value, _ in reversed(terms)]), total

    @staticmethod
    def fractions(terms: list[Sized]) -> bool:
        """Whether common denominators may come about."""
        return any(value.is_Rational and not value.is_Integer for value, _ in terms)

    def power(self, node: ast.expr, low: ast.expr, high: ast.expr, depth: int) -> Sized:
        base, size = self.atom(low, depth + 1)
        exponent, other = self.atom(high, depth + 1)
        if not exponent.is_number:
            return self.sp.Pow(base, exponent), size + other
        degree = abs(float(exponent)) if other <= 1000 else float("inf")
        if degree > EXPONENT:
            self.refuse(node, f"its exponent is larger than {EXPONENT}")
        if base.is_zero and exponent.is_negative:
            self.refuse(node, "it divides by zero")
        if exponent.is_Rational and not exponent.is_Integer and size > 1000:
            self.refuse(node, "it is a root of a number with more than 1000 bits")
        total = size * max(degree, 1.0)
        if total > BITS:
            self.refuse(node, f"its numbers or powers grow too large (over {BITS} bits or degrees)")
        return self.sp.Pow(base, exponent), total

    def unary(self, node: ast.UnaryOp, depth: int) -> Sized:
        signs = 0
        part: ast.expr = node
        while isinstance(part, ast.UnaryOp) and isinstance(part.op, (ast.USub, ast.UAdd)):
            signs += isinstance(part.op, ast.USub)
            part = part.operand
        if part is not node:
            value, size = self.real(part, depth + 1)
            return (-value if signs % 2 else value), size
        if isinstance(node.op, ast.Not):
            value, size = self.truth(node.operand, depth + 1)
            return self.sp.Not(value, evaluate=False), size
        return self.refuse(node, "this operator is not allowed; write not")

    def real(self, node: ast.expr, depth: int) -> Sized:
        value, size = self.build(node, depth)
        if not isinstance(value, self.sp.Expr):
            self.refuse(node, "a condition stands where a number is needed; write where(condition, 1, 0)")
        return value, size

    def atom(self, node: ast.expr, depth: int) -> Sized:
        """Return a number of which more is computed as 40 digits, unless it is rational, pi or E; else as ``real``.

        SymPy's evaluation takes time exponential in the depth of functions of functions of numbers, so there are none.
        """
        value, size = self.real(node, depth)
        if not value.is_number or value.is_Rational or value.is_Float or value.is_NumberSymbol:
            return value, size
        found = value.evalf(DIGITS)
        if not (found.is_Float or found.is_Rational):
            self.refuse(node, "it has no real value")
        return found, max(float(abs(int(found)).bit_length()), 1.0) if abs(found) < 2**2000 else float("inf")

    def truth(self, node: ast.expr, depth: int) -> Sized:
        value, size = self.build(node, depth)
        if isinstance(value, self.sp.Expr):
            self.refuse(node, "a number stands where a condition such as x > 0 is needed")
        return value, size

    # Conditions

    def comparison(self, node: ast.Compare, depth: int) -> Sized:
        names = {ast.Lt: "Lt", ast.LtE: "Le", ast.Gt: "Gt", ast.GtE: "Ge", ast.Eq: "Eq", ast.NotEq: "Ne"}
        sides = [self.real(side, depth + 1) for side in (node.left, *node.comparators)]
        found = []
        for operator, (left, _), (right, _) in zip(node.ops, sides, sides[1:], strict=False):
            if type(operator) not in names:
                self.refuse(node, "only < <= > >= == != compare")
            found.append(getattr(self.sp, names[type(operator)])(left, right, evaluate=False))
        size = max(s for _, s in sides)
        return (found[0] if len(found) == 1 else self.sp.And(*found, evaluate=False)), size

    def logical(self, node: ast.BoolOp, depth: int) -> Sized:
        return self.joined("And" if isinstance(node.op, ast.And) else "Or", node.values, depth)

    def joined(self, name: str, parts: list[ast.expr], depth: int) -> Sized:
        values = [self.truth(part, depth + 1) for part in parts]
        return getattr(self.sp, name)(*[v for v, _ in values], evaluate=False), max(s for _, s in values)

    # Functions

    def call(self, node: ast.Call, depth: int) -> Sized:
        name = _meant(node.func.id) if isinstance(node.func, ast.Name) else ""
        if name not in ARITY:
            known = "known functions are " + ", ".join(ARITY) if isinstance(node.func, ast.Name) else "only functions are called"
            self.refuse(node.func, f"it cannot be called; {known}")
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            self.refuse(node, "arguments are given by position")
        wanted = ARITY[name]
        several = name in ("maximum", "minimum") and len(node.args) >= wanted
        if len(node.args) != wanted and not several:
            self.refuse(node, f"{name} takes {wanted} argument{'s' * (wanted > 1)}, got {len(node.args)}")
        if name == "pow":
            return self.power(node, node.args[0], node.args[1], depth)
        if name == "where":
            (condition, _), one, other = self.truth(node.args[0], depth + 1), *[self.real(a, depth + 1) for a in node.args[1:]]
            if condition.has(self.sp.Piecewise):  # SymPy would multiply the cases out
                self.refuse(node.args[0], "a where stands in the condition of another; use and, or, not")
            chosen = self.sp.Piecewise((one[0], condition), (other[0], True), evaluate=False)
            return chosen, max(one[1], other[1])
        values = [self.atom(a, depth + 1) for a in node.args]
        for value, size in values:
            if value.is_number and (size > 1000 or abs(float(value)) > LARGEST):
                self.refuse(node, f"a number stands in it that is above {LARGEST:g}")
        return self.applied(name, [value for value, _ in values]), max(size for _, size in values)

    def applied(self, name: str, values: list[Any]) -> Any:
        """Return a function of SymPy's, evaluated only where that is quick whatever its arguments are."""
        sp = self.sp
        if name in _CODE or name == "cbrt":
            from sympy.codegen import cfunctions

            return getattr(cfunctions, "Cbrt" if name == "cbrt" else name)(*values, evaluate=False)
        if name in ("maximum", "minimum"):
            return (sp.Max if name == "maximum" else sp.Min)(*values, evaluate=False)
        if name.startswith("bessel") and not values[0].is_Integer:
            raise FormulaError(f"{name}: its order must be a whole number")
        if name == "sqrt":
            return sp.sqrt(values[0])
        if name in _RECIPROCALS and values[0].is_number:  # these do not all know that their values are real
            return sp.Pow(getattr(sp, _RECIPROCALS[name])(values[0], evaluate=False), -1)
        if name in _OF_RECIPROCALS and values[0].is_number:
            return getattr(sp, _OF_RECIPROCALS[name])(sp.Pow(values[0], -1), evaluate=False)
        theirs = {"ceil": "ceiling", "abs": "Abs", "remainder": "Mod"}.get(name, name)
        return getattr(sp, theirs)(*values, evaluate=False)


@cache
def _meant(name: str) -> str:
    return _ALIAS.get(name, name)


def _words(node: ast.expr) -> str:
    """Return what a kind of syntax is called."""
    known = {"Attribute": "an attribute (.name)", "Lambda": "lambda", "IfExp": "if-else", "NamedExpr": ":=", "Tuple": "a tuple"}
    kind = type(node).__name__
    return known.get(kind, f"this ({kind})")
