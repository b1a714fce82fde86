"""Patterns over nodes, laws that rewrite what they match, and the index that finds the laws for a node.

A law is ``(what it says, pattern, replacement)``. Patterns are written with operators, ``x + (-y)``, and with
``p.exp(x)`` for any primitive. Laws are indexed by the primitive at the root and one below it, so a node that
no law concerns costs a few dictionary lookups.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import CodeType, EllipsisType
from typing import Any

from symgrad.ir.expr import ArrayConstant, Node, Primitive, ops

__all__ = [
    "Apply",
    "Constant",
    "Elementwise",
    "Index",
    "Law",
    "Number",
    "Pattern",
    "Var",
    "apply_law",
    "index_laws",
    "p",
    "scalar",
]

Bound = dict[str, Any]
Matcher = Callable[[Node, Bound], bool]

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
    for pattern in _arrangements(law.pattern):
        yield _rewriter(pattern, law.replacement)


def _arrangements(pattern: Pattern) -> Iterator[Pattern]:
    """Return the pattern with the operands of commutative primitives in every order."""
    if not isinstance(pattern, Apply) or isinstance(pattern.arguments, EllipsisType):
        yield pattern
        return
    for chosen in itertools.product(*[list(_arrangements(a)) for a in pattern.arguments]):
        yield replace(pattern, arguments=chosen)
        if pattern.primitive in COMMUTATIVE and not all(isinstance(c, Var) for c in chosen):
            yield replace(pattern, arguments=chosen[::-1])


def _rewriter(pattern: Pattern, replacement: Callable[..., Node | None]) -> Rewriter:
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
    category = {"": None, "float": 2, "integer": 1}[pattern.kind]

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


# The index


@dataclass(slots=True)
class Entry:
    """Laws for nodes of one primitive, by what they need below it.

    ``always`` are those that need no more than this, ``same`` those that need two operands that are one node;
    ``by_operand`` those that need an operand of some primitive, with what they need below that one in turn;
    ``by_number`` those for a constant of one value.
    """

    by_operand: dict[Primitive, Entry] = field(default_factory=dict)
    by_number: dict[float, list[Compiled]] = field(default_factory=dict)
    always: list[Compiled] = field(default_factory=list)
    same: list[Compiled] = field(default_factory=list)

    def excludes(self, at: Node) -> bool:
        """Whether a quick look at a node shows that no law of this entry holds."""
        if self.always or self.same:
            return False
        by_operand = self.by_operand
        for operand in at.inputs:
            if operand.primitive in by_operand:
                return False
        return not self.by_number or scalar(at) not in self.by_number


@dataclass(slots=True)
class Root:
    """All laws for one primitive; for each combination of operands' primitives those that may hold, None for none."""

    laws: list[tuple[Pattern, Compiled]] = field(default_factory=list)
    entries: dict[tuple[Primitive, ...], Entry | None] = field(default_factory=dict)

    def entry(self, node: Node) -> Entry | None:
        """Return the laws that may hold for a node of this primitive."""
        inputs = node.inputs
        if len(inputs) == 2:  # spelled out: for most of these nothing is filed
            key: tuple[Primitive, ...] = (inputs[0].primitive, inputs[1].primitive)
        else:
            key = tuple([i.primitive for i in inputs]) if len(inputs) <= _MOST_OPERANDS else ()
        found = self.entries.get(key, ...)
        if found is ...:
            found = self.entries[key] = self._filed([c for c in self.laws if len(inputs) != len(key) or _may_hold(c[0], key)])
        return found

    def _filed(self, laws: Sequence[tuple[Pattern, Compiled]]) -> Entry | None:
        entry = Entry()
        for pattern, compiled in laws:
            _insert(entry, pattern, compiled)
        return entry if laws else None


_MOST_OPERANDS = 3  # whose primitives are told apart

Compiled = tuple[Law, Rewriter]
Index = dict[Primitive, Root]


def index_laws(laws: Iterable[Law]) -> Index:
    """Return the laws by root primitive, in their given order."""
    index: Index = {}
    for law in laws:
        for pattern in _arrangements(law.pattern):
            compiled = (law, _rewriter(pattern, law.replacement))
            for root in _roots(pattern):
                index.setdefault(root, Root()).laws.append((pattern, compiled))
    return index


def _may_hold(pattern: Pattern, primitives: Sequence[Primitive]) -> bool:
    """Whether a pattern may match an application to operands made by these primitives."""
    if isinstance(pattern, Elementwise):
        made = [q.name == pattern.operand for q in primitives]
        return any(made) and (all(made) or not pattern.every)
    assert isinstance(pattern, Apply)
    if isinstance(pattern.arguments, EllipsisType):
        return True
    for argument, q in zip(pattern.arguments, primitives, strict=False):
        wanted = (argument.primitive,) if isinstance(argument, Apply) else ("constant", "broadcast_to")
        if not isinstance(argument, Var) and q.name not in wanted:
            return False
    return True


def _roots(pattern: Pattern) -> Sequence[Primitive]:
    if isinstance(pattern, Elementwise):
        return [r for r in ops.primitives() if r.elementwise]
    assert isinstance(pattern, Apply), "a law rewrites the application of a primitive"
    return [getattr(ops, pattern.primitive)]


def _insert(entry: Entry, pattern: Pattern, compiled: Compiled) -> None:
    """File a law under the operand that tells most: an application, then a number, then any constant."""
    if isinstance(pattern, Elementwise):
        entry.by_operand.setdefault(getattr(ops, pattern.operand), Entry()).always.append(compiled)
        return
    assert isinstance(pattern, Apply)
    arguments = () if isinstance(pattern.arguments, EllipsisType) else pattern.arguments
    applied = [a for a in arguments if isinstance(a, Apply)]
    numbers = [a for a in arguments if isinstance(a, Number)]
    if applied:
        deepest = max(applied, key=_weight)
        _insert(entry.by_operand.setdefault(getattr(ops, deepest.primitive), Entry()), deepest, compiled)
    elif numbers:
        for primitive in (ops.constant, ops.broadcast_to):
            below = entry.by_operand.setdefault(primitive, Entry())
            below.by_number.setdefault(numbers[0].value, []).append(compiled)
    elif any(isinstance(a, Constant) for a in arguments):
        for primitive in (ops.constant, ops.broadcast_to):
            entry.by_operand.setdefault(primitive, Entry()).always.append(compiled)
    elif len(arguments) == 2 and len({a.name for a in arguments if isinstance(a, Var)}) == 1:
        entry.same.append(compiled)
    else:
        entry.always.append(compiled)


def _weight(pattern: Apply) -> int:
    """How much a pattern asks for; the commonest primitives tell least."""
    arguments = () if isinstance(pattern.arguments, EllipsisType) else pattern.arguments
    return (pattern.primitive not in ("add", "mul")) + 2 * sum(isinstance(a, (Apply, Number, Constant)) for a in arguments)
