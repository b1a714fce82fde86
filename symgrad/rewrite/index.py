"""The index of laws: for a node the few that may hold, by the primitives in it and below it.

A node that no law concerns costs one or two dictionary lookups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any

from symgrad.ir.expr import Node, Primitive, ops
from symgrad.ir.types import TensorType
from symgrad.rewrite.pattern import (
    CATEGORIES,
    Apply,
    Elementwise,
    Law,
    Number,
    Pattern,
    Rewriter,
    Var,
    arrangements,
    rewriter_of,
    scalar,
)

__all__ = ["Index", "Look"]

Compiled = tuple[Law, Rewriter]
Filed = tuple[Pattern, Compiled]

_MOST_OPERANDS = 3  # whose primitives are told apart
_LEAVES = ("constant", "broadcast_to")  # what a number is made by
_ONE_TYPE = frozenset({"add", "div", "mul", "neg", "sub"})  # the result's element type is that of every operand


@dataclass(slots=True, eq=False)
class Look:
    """What nodes look like that have the same primitive and whose operands have the same ones.

    Attributes
    ----------
    laws : list
        Those that may hold for such a node.
    further : dict
        Those that may still hold by the looks of the operands and the element type.
    """

    laws: list[Filed]
    further: dict[Any, tuple[Compiled, ...]] = field(default_factory=dict)


class Index:
    """Finds the few laws that may hold for a node, in their given order.

    Attributes
    ----------
    looks : dict
        By the primitives of a node and of its operands, for a number by its value where a law names that; entered when
        first asked for. Of two operands that are one node the second counts as None.
    """

    def __init__(self, laws: Iterable[Law]) -> None:
        self.laws: dict[Primitive, list[Filed]] = {}
        self.looks: dict[tuple[Any, ...], Look] = {}
        self.numbers: set[float] = set()
        self.leaves = frozenset(getattr(ops, name) for name in _LEAVES)
        for law in laws:
            for pattern in arrangements(law.pattern):
                filed = pattern, (law, rewriter_of(pattern, law.replacement))
                self.numbers.update(_numbers_below(pattern))
                for root in _roots(pattern):
                    self.laws.setdefault(root, []).append(filed)

    def look(self, node: Node) -> Look:
        """Return what a node looks like."""
        primitive, inputs = node.primitive, node.inputs
        key: tuple[Any, ...]
        if len(inputs) == 2:
            a, b = inputs
            key = primitive, a.primitive, None if a is b else b.primitive
        elif len(inputs) > _MOST_OPERANDS:
            key = (primitive,)
        else:
            key = (primitive, *[i.primitive for i in inputs])
            if primitive in self.leaves and (value := scalar(node)) is not None and value in self.numbers:
                key = (*key, value)
        found = self.looks.get(key)
        if found is None:
            found = Look([filed for filed in self.laws.get(primitive, ()) if _may_hold(filed[0], node)])
            self.looks[key] = found
        return found

    def candidates(self, node: Node, look: Look, below: Sequence[Look]) -> Sequence[Compiled]:
        """Return the laws that may hold for a node by its own look and those of its operands."""
        if not look.laws:
            return ()
        key = (*below[:_MOST_OPERANDS], node.type.dtype if isinstance(node.type, TensorType) else None)
        found = look.further.get(key)
        if found is None:
            found = look.further[key] = tuple([c for pattern, c in look.laws if _may_hold_below(pattern, node)])
        return found


def _may_hold(pattern: Pattern, node: Node) -> bool:
    """Whether a node's operands are made by what a pattern wants, and are one node where it wants that."""
    inputs = node.inputs
    if len(inputs) > _MOST_OPERANDS:
        return True
    if isinstance(pattern, Elementwise):
        made = [i.primitive.name == pattern.operand for i in inputs]
        return any(made) and (all(made) or not pattern.every)
    assert isinstance(pattern, Apply)
    if isinstance(pattern.arguments, EllipsisType):
        return True
    if len(inputs) == 2 and inputs[0] is not inputs[1]:
        a, b = pattern.arguments
        if isinstance(a, Var) and isinstance(b, Var) and a.name == b.name:
            return False
    return all(map(_may_be, pattern.arguments, inputs))


def _may_be(pattern: Pattern, node: Node) -> bool:
    """Whether a node's primitive is one that a pattern wants."""
    if isinstance(pattern, Var):
        return True
    return node.primitive.name in ((pattern.primitive,) if isinstance(pattern, Apply) else _LEAVES)


def _may_hold_below(pattern: Pattern, node: Node) -> bool:
    """Whether the operands' own operands, the numbers among the operands and the element type are what a pattern wants."""
    if not isinstance(pattern, Apply) or isinstance(pattern.arguments, EllipsisType) or len(node.inputs) > _MOST_OPERANDS:
        return True
    kind = _kind(pattern)
    if kind and node.dtype.category != CATEGORIES[kind]:
        return False
    for argument, operand in zip(pattern.arguments, node.inputs, strict=False):
        if isinstance(argument, Number) and scalar(operand) != argument.value:
            return False
        if isinstance(argument, Apply) and not _may_apply(argument, operand):
            return False
    return True


def _may_apply(pattern: Apply, node: Node) -> bool:
    """Whether the operands of a node of the right primitive are made by what a pattern wants."""
    if isinstance(pattern.arguments, EllipsisType) or len(node.inputs) > _MOST_OPERANDS:
        return True
    return all(map(_may_be, pattern.arguments, node.inputs))


def _kind(pattern: Pattern) -> str:
    """Return the kind of a pattern's element type where its variables fix it."""
    if isinstance(pattern, Var):
        return pattern.kind
    if isinstance(pattern, Apply) and pattern.primitive in _ONE_TYPE and not isinstance(pattern.arguments, EllipsisType):
        return next((kind for kind in map(_kind, pattern.arguments) if kind), "")
    return ""


def _numbers_below(pattern: Pattern) -> Iterator[float]:
    """Yield the numbers among a pattern's arguments."""
    if isinstance(pattern, Apply) and not isinstance(pattern.arguments, EllipsisType):
        yield from (a.value for a in pattern.arguments if isinstance(a, Number))


def _roots(pattern: Pattern) -> Sequence[Primitive]:
    if isinstance(pattern, Elementwise):
        return [r for r in ops.primitives() if r.elementwise]
    assert isinstance(pattern, Apply), "a law rewrites the application of a primitive"
    return [getattr(ops, pattern.primitive)]
