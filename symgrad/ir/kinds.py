"""What a primitive says about its derivative and its C form: data that the transforms and the lowering read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Bilinear",
    "ByType",
    "Derivative",
    "Expand",
    "Expression",
    "Infix",
    "Linear",
    "Lowering",
    "Over",
    "Partials",
    "Prefix",
    "Reduce",
    "Rules",
    "SameAs",
    "Scalar",
    "Select",
    "Structure",
    "Zero",
]

Rule = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Over:
    """The partial derivative ``1 / denominator``, applied by dividing: one rounding less than a product."""

    denominator: Any


@dataclass(frozen=True, slots=True)
class Partials:
    """An elementwise primitive with one partial derivative for each input.

    ``jvp = sum(p_i * t_i)`` and ``vjp_i = unbroadcast(p_i * ct)``. Each entry is called as
    ``p(*inputs, out, **attributes)`` and returns a Node, ``Over(node)`` for a quotient, or a Python number
    for a constant partial; an entry may also be that number itself, or None where the derivative is zero
    everywhere. Only the entries that are needed are called.
    """

    each: tuple[Rule | float | None, ...]

    def __init__(self, *each: Rule | float | None) -> None:
        object.__setattr__(self, "each", each)


@dataclass(frozen=True, slots=True)
class Linear:
    """Linear in the inputs numbered ``args`` jointly; the other inputs are held fixed.

    The tangent is the primitive itself applied to the tangents. ``transpose(ct, *inputs, **attributes)``
    returns one cotangent for each of ``args``, built from shape and index operations only, so that it can be
    applied to the mask of a masked cotangent as well. ``args=None`` means all inputs, however many.
    ``accumulates`` says that the transpose may add several elements into one (a gather's does).
    """

    args: tuple[int, ...] | None
    transpose: Rule
    accumulates: bool = False


@dataclass(frozen=True, slots=True)
class Bilinear:
    """Linear in each of its two inputs, as a product or a contraction is.

    ``transpose(ct, *inputs, index, **attributes)`` returns the cotangent of input ``index``.
    """

    transpose: Rule


@dataclass(frozen=True, slots=True)
class Select:
    """``where(condition, x, y)``: jointly linear in its two branches, and what keeps reverse mode NaN-safe."""


@dataclass(frozen=True, slots=True)
class Zero:
    """Piecewise constant, or not of floating type: every derivative is exactly zero."""


@dataclass(frozen=True, slots=True)
class SameAs:
    """Differentiate an equal expression instead: ``definition(*inputs, **attributes)`` in other primitives."""

    definition: Rule


@dataclass(frozen=True, slots=True)
class Rules:
    """The escape hatch: both modes written out.

    ``jvp(inputs, tangents, out, **attributes)`` gets None for a zero tangent and returns the tangent of ``out``;
    ``vjp(inputs, ct, out, **attributes)`` returns one cotangent, or None, for each input.
    """

    jvp: Rule
    vjp: Rule


Derivative = Partials | Linear | Bilinear | Select | Zero | SameAs | Rules


@dataclass(frozen=True, slots=True)
class Scalar:
    """A C function of scalars, named as for ``double``; the ``float`` form has an ``f`` appended.

    ``attributes`` names integer attributes passed before the arguments, as in ``jn(n, x)``. ``header`` is
    ``"math"`` for the C library, or ``"special"`` for a function that the templates emit.
    """

    function: str
    header: str = "math"
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Infix:
    """A C operator between two operands; ``precedence`` as in C, higher binds tighter."""

    operator: str
    precedence: int


@dataclass(frozen=True, slots=True)
class Prefix:
    """A C operator before its operand."""

    operator: str


@dataclass(frozen=True, slots=True)
class Expression:
    """A C expression with ``{0}``, ``{1}``, ... for the operands, each put in parentheses where needed."""

    template: str


@dataclass(frozen=True, slots=True)
class Expand:
    """Lowered as an equal expression: ``definition(*inputs, **attributes)`` in other primitives."""

    definition: Rule


@dataclass(frozen=True, slots=True)
class Reduce:
    """A reduction over ``axes``: ``combine`` is one of ``+``, ``*``, ``max``, ``min``, ``&&``, ``||``."""

    combine: str


@dataclass(frozen=True, slots=True)
class Structure:
    """A form the lowering knows by name: ``view``, ``leaf``, ``assemble``, ``gather``, ``scatter``, ``contract``, ..."""

    form: str


@dataclass(frozen=True, slots=True)
class ByType:
    """One form where the result is floating, another where it is an integer."""

    floating: Scalar | Infix | Prefix | Expression | Expand
    integer: Scalar | Infix | Prefix | Expression | Expand


Lowering = Scalar | Infix | Prefix | Expression | Expand | Reduce | Structure | ByType
