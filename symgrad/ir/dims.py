"""Named dimensions: sums and products of names with integer coefficients."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from symgrad.errors import ShapeError, at_user_line

__all__ = ["Dim", "Size", "dim", "divide", "evaluate", "product", "same_size"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")

Monomial = tuple[str, ...]


class Dim:
    """A size known only at the call: a polynomial in named sizes with integer coefficients.

    Immutable and hashable; equal when the polynomials are equal. Arithmetic with ints and Dims gives
    an int whenever the result is constant. Every name stands for an integer of at least 0.
    """

    __slots__ = ("_hash", "terms")

    terms: tuple[tuple[Monomial, int], ...]

    def __init__(self, terms: tuple[tuple[Monomial, int], ...]) -> None:
        self.terms = terms
        self._hash = hash(terms)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self.terms == other.terms

    def __reduce__(self) -> tuple[type[Dim], tuple[tuple[tuple[Monomial, int], ...]]]:
        return Dim, (self.terms,)

    def __add__(self, other: Size) -> Size:
        return _combine(self, other, 1)

    def __radd__(self, other: Size) -> Size:
        return _combine(self, other, 1)

    def __sub__(self, other: Size) -> Size:
        return _combine(self, other, -1)

    def __rsub__(self, other: Size) -> Size:
        return _combine(-1 * self, other, 1)

    def __mul__(self, other: Size) -> Size:
        result: dict[Monomial, int] = {}
        for left, a in self.terms:
            for right, b in _terms(other):
                monomial = tuple(sorted(left + right))
                result[monomial] = result.get(monomial, 0) + a * b
        return _normal(result)

    def __rmul__(self, other: Size) -> Size:
        return self * other

    def __neg__(self) -> Size:
        return self * -1

    @property
    def names(self) -> tuple[str, ...]:
        """The names that occur, sorted."""
        return tuple(sorted({name for monomial, _ in self.terms for name in monomial}))

    def format(self, name: Callable[[str], str] = str) -> str:
        """Return the polynomial as text, valid in Python and C, each name passed through ``name``."""
        parts: list[str] = []
        for monomial, coefficient in self.terms:
            factors = [name(n) for n in monomial]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            sign = "-" if coefficient < 0 else "+"
            parts.append(f"{sign} {'*'.join(factors)}")
        text = " ".join(parts)
        return text[2:] if text.startswith("+ ") else f"-{text[2:]}"

    def __str__(self) -> str:
        return self.format()

    def __repr__(self) -> str:
        return f"Dim({self.format()})"


Size = int | Dim


def dim(name: str) -> Dim:
    """Return the named dimension ``name``, an ASCII identifier that does not start with an underscore.

    Raises
    ------
    ShapeError
        When it is not.
    """
    if not isinstance(name, str) or not _NAME.match(name):
        raise ShapeError(f"dimension: expected an int or an ASCII identifier such as 'n', got {name!r}")
    return Dim((((name,), 1),))


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(size, Dim):
        return size.terms
    return (((), int(size)),) if size else ()


def _normal(terms: Mapping[Monomial, int]) -> Size:
    kept = sorted(((m, c) for m, c in terms.items() if c), key=lambda t: (-len(t[0]), t[0]))
    if not kept:
        return 0
    if len(kept) == 1 and kept[0][0] == ():
        return kept[0][1]
    return Dim(tuple(kept))


def _combine(left: Size, right: Size, sign: int) -> Size:
    result = dict(_terms(left))
    for monomial, coefficient in _terms(right):
        result[monomial] = result.get(monomial, 0) + sign * coefficient
    return _normal(result)


def product(sizes: Sequence[Size]) -> Size:
    """Return the product of sizes; 1 for none."""
    result: Size = 1
    for size in sizes:
        result = result * size
    return result


def divide(size: Size, by: Size) -> Size:
    """Return ``size / by`` where it is exact for every value of the names.

    Raises
    ------
    ShapeError
        When it is not.
    """
    if isinstance(size, int) and isinstance(by, int):
        if by and size % by == 0:
            return size // by
    elif size == by:
        return 1
    else:
        divisor = _terms(by)
        if len(divisor) == 1 and divisor[0][1]:
            quotient = _divide_by_monomial(size, *divisor[0])
            if quotient is not None:
                return quotient
    raise ShapeError(at_user_line(f"size: {size} is not a multiple of {by}"))


def _divide_by_monomial(size: Size, monomial: Monomial, coefficient: int) -> Size | None:
    result: dict[Monomial, int] = {}
    for term, c in _terms(size):
        rest = list(term)
        for name in monomial:
            if name not in rest:
                return None
            rest.remove(name)
        if c % coefficient:
            return None
        result[tuple(rest)] = c // coefficient
    return _normal(result)


def same_size(left: Size, right: Size) -> bool:
    """Whether two sizes are equal for every value of their names."""
    return left is right or left == right


def evaluate(size: Size, values: Mapping[str, int]) -> int:
    """Return the number that ``size`` has when its names have ``values``."""
    if isinstance(size, int):
        return size
    total = 0
    for monomial, coefficient in size.terms:
        term = coefficient
        for name in monomial:
            term *= values[name]
        total += term
    return total
