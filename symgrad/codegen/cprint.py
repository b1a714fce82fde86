"""Prints values of the loop IR as C expressions, with the parentheses that precedence needs and no others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import DType
from symgrad.ir.dims import Dim, Size
from symgrad.ir.expr import Primitive
from symgrad.ir.kinds import ByType, Expression, Infix, Lowering, Prefix, Scalar
from symgrad.lower.loops import Affine

__all__ = ["ATOM", "Form", "affine_text", "alias_of", "form_for", "literal", "size_text", "wrapping"]

ATOM = 16
_UNARY = 15
_PRODUCT = 13
_SUM = 12
_CONDITIONAL = 3

_WRAPPING = ("+", "-", "*")  # what may leave the range of a signed type
_INT_MAX = 2**31 - 1

# libmvec of glibc 2.35 and later, in double and float
SIMD = frozenset(
    "sin cos tan exp log pow acos acosh asin asinh atan atan2 atanh cbrt cosh erf erfc exp2 expm1 hypot log10 log1p log2"
    " sinh tanh".split()
)

Form = tuple[Callable[..., tuple[str, int]], tuple[bool, ...], bool]


def alias_of(kind: str) -> str:
    """Return the name of a C type that may look at memory of another type: the workspace is one of doubles."""
    return kind if kind in ("double", "unsigned char") else f"sg_{kind}"


def literal(value: bool | int | float, dtype: DType) -> tuple[str, int]:
    """Return a constant that reads back to the same bits, and its precedence."""
    if dtype.is_bool:
        return ("1" if value else "0"), ATOM
    if dtype.is_integer:
        return _integer(int(value), dtype)
    number = float(value)
    if math.isnan(number):
        return "NAN", ATOM
    if math.isinf(number):
        return ("INFINITY", ATOM) if number > 0 else ("-INFINITY", _UNARY)
    text = repr(number) if dtype.itemsize == 8 else _single(number)
    if not any(c in text for c in ".en"):
        text += ".0"
    return text + dtype.suffix, _UNARY if text.startswith("-") else ATOM


def _single(number: float) -> str:
    return str(np.float32(number))


def _integer(value: int, dtype: DType) -> tuple[str, int]:
    if value == -(2 ** (8 * dtype.itemsize - 1)):
        return f"INT{8 * dtype.itemsize}_MIN", ATOM
    text = str(value) if abs(value) <= _INT_MAX else f"INT64_C({abs(value)})"
    if value < 0:
        return text if text.startswith("-") else f"-{text}", _UNARY
    return text, ATOM


def size_text(size: Size, dims: Mapping[str, str]) -> tuple[str, int]:
    """Return a size as C text, and its precedence."""
    if isinstance(size, int):
        return str(size), ATOM if size >= 0 else _UNARY
    text = size.format(lambda n: dims[n])
    if len(size.terms) > 1:
        return text, _SUM
    return text, ATOM if text.isidentifier() else _PRODUCT


def affine_text(index: Affine, loops: Sequence[str], dims: Mapping[str, str]) -> tuple[str, int]:
    """Return an index as C text in size_t arithmetic, what is added first, and its precedence."""
    added: list[str] = []
    taken: list[str] = []
    for axis, coefficient in index.terms:
        negative = _is_negative(coefficient)
        text, precedence = size_text(-coefficient if negative else coefficient, dims)
        if precedence < _PRODUCT:
            text = f"({text})"
        term = loops[axis] if text == "1" else f"{text}*{loops[axis]}"
        (taken if negative else added).append(term)
    offset = index.offset
    if offset != 0 or not added:
        negative = bool(added) and _is_negative(offset)
        text, precedence = size_text(-offset if negative else offset, dims)
        if negative and precedence <= _SUM:
            text = f"({text})"
        (taken if negative else added).append(text)
    result = " - ".join([" + ".join(added), *taken])
    if len(added) + len(taken) > 1 or " " in result:
        return result, _SUM
    return result, ATOM if result.isidentifier() or result.isdigit() else _PRODUCT


def _is_negative(size: Size) -> bool:
    if isinstance(size, Dim):
        return all(c < 0 for _, c in size.terms)
    return size < 0


def form_for(primitive: Primitive, dtype: DType, attributes: Mapping[str, Any], simd: bool) -> Form:
    """Return how an elementwise primitive is printed.

    A Form is a function of the operands' texts and precedences, alternating, that gives a text and its
    precedence; which operands must be names, because they occur twice or only under a condition; and whether it is
    the SIMD form of a function.
    """
    lowering: Lowering = primitive.lowering
    if isinstance(lowering, ByType):
        lowering = lowering.floating if dtype.is_floating else lowering.integer
    if isinstance(lowering, Infix):
        if dtype.is_integer and lowering.operator in _WRAPPING:
            return _wrapping_infix(lowering.operator, dtype)
        return _infix(lowering.operator, lowering.precedence)
    if isinstance(lowering, Prefix):
        return _negation(dtype) if dtype.is_integer and lowering.operator == "-" else _prefix(lowering.operator)
    if isinstance(lowering, Scalar):
        return _call(lowering, dtype, attributes, simd)
    if isinstance(lowering, Expression):
        return _expression(lowering.template, dtype)
    if primitive.name == "cast":
        return _cast(dtype)
    raise TypeError(f"codegen: no C form for primitive {primitive.name!r}")


def wrapping(operator: str, left: str, p: int, right: str, q: int, dtype: DType) -> str:
    """Return a sum, difference or product of integers that wraps: C defines that for unsigned types only."""
    unsigned = f"(u{dtype.c})"
    a, b = (text if precedence >= ATOM else f"({text})" for text, precedence in ((left, p), (right, q)))
    return f"({dtype.c})({unsigned}{a} {operator} {unsigned}{b})"


def _wrapping_infix(operator: str, dtype: DType) -> Form:
    def text(a: str, p: int, b: str, q: int) -> tuple[str, int]:
        return wrapping(operator, a, p, b, q, dtype), _UNARY

    return text, (False, False), False


def _negation(dtype: DType) -> Form:
    def text(a: str, p: int) -> tuple[str, int]:
        return wrapping("-", "0", ATOM, a, p, dtype), _UNARY

    return text, (False,), False


def _infix(operator: str, precedence: int) -> Form:
    left, right = precedence, precedence + 1
    if precedence <= 5:
        left = right = 9
    elif precedence <= 10:
        left = right = _SUM
    lazy = precedence <= 5

    def text(a: str, p: int, b: str, q: int) -> tuple[str, int]:
        if p < left:
            a = f"({a})"
        if q < right:
            b = f"({b})"
        return f"{a} {operator} {b}", precedence

    return text, (False, lazy), False


def _prefix(operator: str) -> Form:
    def text(a: str, p: int) -> tuple[str, int]:
        return f"{operator}{a}" if p >= ATOM else f"{operator}({a})", _UNARY

    return text, (False,), False


def _call(form: Scalar, dtype: DType, attributes: Mapping[str, Any], simd: bool) -> Form:
    name = form.function
    if simd and form.header == "math" and name in SIMD:
        name = f"sg_{name}"
    name += dtype.suffix
    first = [str(attributes[a]) for a in form.attributes]

    def text(*operands: Any) -> tuple[str, int]:
        return f"{name}({', '.join([*first, *operands[::2]])})", ATOM

    return text, (False,) * 8, name.startswith("sg_") and form.header == "math"


def _expression(template: str, dtype: DType) -> Form:
    conditional = "?" in template or "&&" in template or "||" in template
    names = tuple(template.count(f"{{{k}}}") > 1 or (conditional and not template.startswith(f"{{{k}}} ?")) for k in range(4))
    precedence = _CONDITIONAL if "?" in template else 9 if "!=" in template and template.count(" ") == 2 else 0

    def text(*operands: Any) -> tuple[str, int]:
        inside = [a if p >= ATOM else f"({a})" for a, p in zip(operands[::2], operands[1::2], strict=True)]
        return template.format(*inside, c=dtype.c, u=f"u{dtype.c}"), precedence

    return text, names, False


def _cast(dtype: DType) -> Form:
    def truth(a: str, p: int) -> tuple[str, int]:
        return f"{a if p >= _SUM else f'({a})'} != 0", 9

    def converted(a: str, p: int) -> tuple[str, int]:
        return f"({dtype.c}){a if p >= ATOM else f'({a})'}", _UNARY

    return (truth if dtype.is_bool else converted), (False,), False
