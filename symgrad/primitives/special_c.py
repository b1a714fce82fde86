"""The C functions that the templates emit where the C library has none: what each needs, and its tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from symgrad.primitives import tables

__all__ = ["SPECIAL", "SpecialFunction", "special_functions"]

Table = tuple[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class SpecialFunction:
    """One static C function of the template ``special.c.jinja``.

    Attributes
    ----------
    name : str
        Its name in C.
    template : str
        The file below ``templates/special`` that holds it.
    needs : tuple of str
        Names of the special functions it calls.
    tables : tuple
        ``(C name, values)`` of the arrays of double it reads; they are emitted before it.
    order : bool
        Whether an int ``order`` comes before ``x``.
    """

    name: str
    template: str
    needs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    order: bool = False


def _function(name: str, *needs: str, order: bool = False, **given: tuple[float, ...]) -> SpecialFunction:
    return SpecialFunction(f"sg_{name}", f"{name}.c.jinja", tuple(f"sg_{n}" for n in needs), tuple(given.items()), order)


def _rounded(function: SpecialFunction) -> SpecialFunction:
    """Return the float form: computed in double and rounded once."""
    return SpecialFunction(f"{function.name}f", "rounded.c.jinja", (function.name,), (), function.order)


_PARTS = (
    _function("chebyshev"),
    _function("polynomial"),
    _function("zeta", sg_zeta_tail=tables.ZETA_TAIL),
    _function("bessel_backward"),
    _function("bessel_hankel"),
)
_FUNCTIONS = (
    _function(
        "erfinv",
        "chebyshev",
        sg_erfinv_centre=tables.ERFINV_CENTRE,
        sg_erfinv_middle=tables.ERFINV_MIDDLE,
        sg_erfinv_tail=tables.ERFINV_TAIL,
    ),
    _function(
        "lgamma",
        "chebyshev",
        "polynomial",
        sg_lgamma_centre=tables.LGAMMA_CENTRE,
        sg_lgamma_tail=tables.STIRLING_TAIL,
    ),
    _function("digamma", "polynomial", sg_digamma_tail=tables.DIGAMMA_TAIL),
    _function("polygamma", "zeta", order=True),
    _function("bessel_j", "bessel_backward", "bessel_hankel", order=True),
    _function("bessel_y", "bessel_backward", "bessel_hankel", order=True),
    _function("bessel_i", order=True),
    _function("sinc", order=True),
)

SPECIAL: dict[str, SpecialFunction] = {f.name: f for f in (*_PARTS, *_FUNCTIONS, *map(_rounded, _FUNCTIONS))}


def special_functions(names: Iterable[str]) -> tuple[SpecialFunction, ...]:
    """Return the functions called ``names`` and all they need, each after what it calls, in an order of their own."""
    wanted: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in wanted:
            wanted.add(name)
            pending.extend(SPECIAL[name].needs)
    return tuple(f for f in SPECIAL.values() if f.name in wanted)
