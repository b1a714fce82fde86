"""Patterns over nodes, and laws that rewrite what they match.

A law is ``(what it says, pattern, replacement)``. Patterns are written with operators, ``x + (-y)``, and with
``p.exp(x)`` for any primitive.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import CodeType, EllipsisType
from typing import Any

from symgrad.ir.expr import ArrayConstant, Node, ops

__all__ = [
    "CATEGORIES",
    "Apply",
    "Constant",
    "Elementwise",
    "Law",
    "Number",
    "Pattern",
    "Rewriter",
    "Var",
    "apply_law",
    "arrangements",
    "p",
    "rewriter_of",
    "scalar",
]

Bound = dict[str, Any]
Matcher = Callable[[Node, Bound], bool]

CATEGORIES = {"": None, "float": 2, "integer": 1}  # by the kind of a variable, that of its element type

COMMUTATIVE = frozenset({"add", "eq", "logical_and", "logical_or", "logical_xor", "mul", "ne"})


class Pattern:
    """What a node may look like."""

    def __add__(self, other: Pattern) -> Apply:
        return Apply("add", (self, other))

    def __sub__(self, other: Pattern) -> Apply:
        return Apply("sub", (self, other))

    def __mul__(self, other: Pattern) -> Apply:
        return Apply("mul", (self, other))

    def __truediv__(self, other: Pattern) -> Apply:
        return Apply("div", (self, other))

    def __neg__(self) -> Apply:
        return Apply("neg", (self,))

    def __and__(self, other: Pattern) -> Apply:
        return Apply("logical_and", (self, other))

    def __or__(self, other: Pattern) -> Apply:
        return Apply("logical_or", (self, other))

    def __xor__(self, other: Pattern) -> Apply:
        return Apply("logical_xor", (self, other))

    def __invert__(self) -> Apply:
        return Apply("logical_not", (self,))


@dataclass(frozen=True, eq=False)
class Var(Pattern):
    """Any node, the same one wherever the name occurs; ``kind`` is ``"float"``, ``"integer"`` or empty for any."""

    name: str
    kind: str = ""


@dataclass(frozen=True, eq=False)
class Number(Pattern):
    """The constant ``value``, repeated or not: an int matches it in any numeric type, a float by its bits, a bool itself."""

    value: float


@dataclass(frozen=True, eq=False)
class Constant(Pattern):
    """Any number, repeated or not; its Python value is bound to the name."""

    name: str


@dataclass(frozen=True, eq=False)
class Apply(Pattern):
    """A primitive applied to what the arguments match, or to anything for ``...``; ``named`` binds the node itself."""

    primitive: str
    arguments: tuple[Pattern, ...] | EllipsisType
    name: str = ""

    def named(self, name: str) -> Apply:
        """Return the same pattern that also binds the node."""
        return replace(self, name=name)


@dataclass(frozen=True, eq=False)
class Elementwise(Pattern):
    """Any elementwise primitive with an operand made by the primitive ``operand``, or all of them where ``every`` is set."""

    operand: str
    every: bool = False


class _Patterns:
    """``p.exp(x)`` is the pattern of ``exp`` applied to ``x``; ``p.assemble(...)`` takes any operands."""

    def __getattr__(self, name: str) -> Callable[..., Apply]:
        def build(*arguments: Any) -> Apply:
            return Apply(name, ... if arguments == (...,) else arguments)

        return build


p = _Patterns()


@dataclass(frozen=True, eq=False)
class Law:
    """An equation read from left to right.

    Attributes
    ----------
    text : str
        What it says; its name in logs and reports.
    pattern : Pattern
    replacement : callable
        Called with what the pattern bound, by name (``node`` is the matched node), returns the equal node, or
        None where the law does not hold. It may be smaller than the match where that was broadcast.
    more_accurate : bool
        The result may differ by rounding, and is then closer to the exact value.
    """

    text: str
    pattern: Pattern
    replacement: Callable[..., Node | None]
    more_accurate: bool = False


def scalar(node: Node) -> Any:
    """Return the number a node has everywhere when it is a constant, repeated or not, else None."""
    if node.primitive is ops.broadcast_to:
        node = node.inputs[0]
    if node.primitive is not ops.constant:
        return None
    value = node.attributes["value"]
    return None if isinstance(value, ArrayConstant) else value


def apply_law(law: Law, node: Node) -> Node | None:
    """Return what a law makes of a node, in the node's own shape, or None."""
    for matcher in _matchers(law):
        found = matcher(node)
        if found is not None:
            return found
    return None


# Compiling

Rewriter = Callable[[Node], "Node | None"]


def _matchers(law: Law) -> Iterator[Rewriter]:
    for pattern in arrangements(law.pattern):
        yield rewriter_of(pattern, law.replacement)


def arrangements(pattern: Pattern) -> Iterator[Pattern]:
    """Return the pattern with the operands of commutative primitives in every order."""
    if not isinstance(pattern, Apply) or isinstance(pattern.arguments, EllipsisType):
        yield pattern
        return
    for chosen in itertools.product(*[list(arrangements(a)) for a in pattern.arguments]):
        yield replace(pattern, arguments=chosen)
        if pattern.primitive in COMMUTATIVE and not all(isinstance(c, Var) for c in chosen):
            yield replace(pattern, arguments=chosen[::-1])


def rewriter_of(pattern: Pattern, replacement: Callable[..., Node | None]) -> Rewriter:
    """Return what a pattern and its replacement make of a node, None where it does not match."""
    if isinstance(pattern, Elementwise):
        return lambda node: _fitted(replacement(node), node)
    match = _matcher(pattern)
    code: CodeType = replacement.__code__
    wanted = code.co_varnames[: code.co_argcount]

    def rewrite(node: Node) -> Node | None:
        bound: Bound = {"node": node}
        if not match(node, bound):
            return None
        return _fitted(replacement(*[bound[name] for name in wanted]), node)

    return rewrite


def _fitted(result: Node | None, node: Node) -> Node | None:
    """Return a result in the shape of the node it replaces."""
    if result is not None and result.type is not node.type and result.shape != node.shape:
        return ops.broadcast_to(result, shape=node.shape)
    return result


def _matcher(pattern: Pattern) -> Matcher:
    if isinstance(pattern, Var):
        return _match_var(pattern)
    if isinstance(pattern, Number):
        return _match_number(pattern.value)
    if isinstance(pattern, Constant):
        return _match_constant(pattern.name)
    assert isinstance(pattern, Apply)
    return _match_apply(pattern)


def _match_var(pattern: Var) -> Matcher:
    name = pattern.name
    category = CATEGORIES[pattern.kind]

    def match(node: Node, bound: Bound) -> bool:
        if category is not None and node.dtype.category != category:
            return False
        return bound.setdefault(name, node) is node

    return match


def _match_number(value: float) -> Matcher:
    kind = type(value)

    def match(node: Node, bound: Bound) -> bool:
        found = scalar(node)
        if found is None or found != value:
            return False
        if kind is int:
            return type(found) is not bool
        return type(found) is kind and math.copysign(1.0, found) == math.copysign(1.0, value)

    return match


def _match_constant(name: str) -> Matcher:
    def match(node: Node, bound: Bound) -> bool:
        found = scalar(node)
        if found is None:
            return False
        bound[name] = found
        return True

    return match


def _match_apply(pattern: Apply) -> Matcher:
    primitive = getattr(ops, pattern.primitive)
    arguments = pattern.arguments
    below = () if isinstance(arguments, EllipsisType) else tuple(_matcher(a) for a in arguments)
    name = pattern.name

    def match(node: Node, bound: Bound) -> bool:
        if node.primitive is not primitive:
            return False
        if name:
            bound[name] = node
        for inner, operand in zip(below, node.inputs, strict=False):  # noqa: SIM110 - all() is slower; none for `...`
            if not inner(operand, bound):
                return False
        return True

    return match
