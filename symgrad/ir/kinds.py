"""What a primitive says about its derivative and its C form: data that the transforms and the lowering read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, dataclass_transform

__all__ = [
    "Bilinear",
    "ByType",
    "Derivative",
    "Expand",
    "Expression",
    "Infix",
    "Interpreted",
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


@dataclass_transform(frozen_default=True)
class _Kind:
    """An immutable record whose fields are its annotations; twenty dataclasses would double the time of an import."""

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = type(self).__annotations__
        given = dict(zip(fields, values, strict=False)) | named
        missing = [f for f in fields if f not in given and not hasattr(type(self), f)]
        if len(values) > len(fields) or missing or not given.keys() <= fields.keys():
            raise TypeError(f"{type(self).__name__}: takes {', '.join(fields)}")
        self.__dict__.update(given)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.__dict__.items())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"


class Over(_Kind):
    """The partial derivative ``1 / denominator``, applied by dividing: one rounding less than a product."""

    denominator: Any


class Partials(_Kind):
    """An elementwise primitive with one partial derivative for each input.

    ``jvp = sum(p_i * t_i)`` and ``vjp_i = unbroadcast(p_i * ct)``. Each entry is called as
    ``p(*inputs, out, **attributes)`` and returns a Node, ``Over(node)`` for a quotient, or a Python number
    for a constant partial; an entry may also be that number itself, or None where the derivative is zero
    everywhere. Only the entries that are needed are called.
    """

    each: tuple[Rule | float | None, ...]

    def __init__(self, *each: Rule | float | None) -> None:
        super().__init__(each)


class Linear(_Kind):
    """Linear in the inputs numbered ``args`` jointly; the other inputs are held fixed.

    The tangent is the primitive itself applied to the tangents. ``transpose(ct, *inputs, **attributes)``
    returns one cotangent for each of ``args``, built from shape and index operations only, so that it can be
    applied to the mask of a masked cotangent as well. ``args=None`` means all inputs, however many.
    ``accumulates`` says that the transpose may add several elements into one (a gather's does).
    """

    args: tuple[int, ...] | None
    transpose: Rule
    accumulates: bool = False


class Bilinear(_Kind):
    """Linear in each of its two inputs, as a product or a contraction is.

    ``transpose(ct, *inputs, index, **attributes)`` returns the cotangent of input ``index``.
    """

    transpose: Rule


class Select(_Kind):
    """``where(condition, x, y)``: jointly linear in its two branches, and what keeps reverse mode NaN-safe."""


class Zero(_Kind):
    """Piecewise constant, or not of floating type: every derivative is exactly zero."""


class SameAs(_Kind):
    """Differentiate an equal expression instead: ``definition(*inputs, **attributes)`` in other primitives."""

    definition: Rule


class Rules(_Kind):
    """The escape hatch: both modes written out.

    ``jvp(inputs, tangents, out, **attributes)`` gets None for a zero tangent and returns the tangent of ``out``;
    ``vjp(inputs, ct, out, **attributes)`` returns one cotangent, or None, for each input.
    """

    jvp: Rule
    vjp: Rule


Derivative = Partials | Linear | Bilinear | Select | Zero | SameAs | Rules


class Scalar(_Kind):
    """A C function of scalars, named as for ``double``; the ``float`` form has an ``f`` appended.

    ``attributes`` names integer attributes passed before the arguments, as in ``jn(n, x)``. ``header`` is
    ``"math"`` for the C library, or ``"special"`` for a function that the templates emit.
    """

    function: str
    header: str = "math"
    attributes: tuple[str, ...] = ()


class Infix(_Kind):
    """A C operator between two operands; ``precedence`` as in C, higher binds tighter."""

    operator: str
    precedence: int


class Prefix(_Kind):
    """A C operator before its operand."""

    operator: str


class Expression(_Kind):
    """A C expression with ``{0}``, ``{1}``, ... for the operands, each put in parentheses where needed.

    ``{c}`` is the C type of the result, and ``{u}`` that of an integer without its sign.
    """

    template: str


class Expand(_Kind):
    """Lowered as an equal expression: ``definition(*inputs, **attributes)`` in other primitives."""

    definition: Rule


class Reduce(_Kind):
    """A reduction over ``axes``: ``combine`` is one of ``+``, ``*``, ``max``, ``min``, ``&&``, ``||``."""

    combine: str


class Structure(_Kind):
    """A form the lowering knows by name: ``view``, ``leaf``, ``assemble``, ``gather``, ``scatter``, ``contract``, ..."""

    form: str


class ByType(_Kind):
    """One form where the result is floating, another where it is an integer."""

    floating: Scalar | Infix | Prefix | Expression | Expand
    integer: Scalar | Infix | Prefix | Expression | Expand


class Interpreted(_Kind):
    """No loop form: the interpreter runs it with NumPy. ``instead`` says what to do where C is asked for."""

    instead: str


Lowering = Scalar | Infix | Prefix | Expression | Expand | Reduce | Structure | ByType | Interpreted
