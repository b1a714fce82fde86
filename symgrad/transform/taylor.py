"""Taylor mode: all derivatives up to an order along one direction, by arithmetic on power series.

For w = f(u) with partial derivative p, ``w' = p u'`` gives ``w_k = (1/k) sum_{j=1..k} j u_j p_{k-j}``; p is itself an
expression of u and w whose series is known one order below, so every primitive needs only the rule it already has.
Nested differentiation grows exponentially with the order, this quadratically. The recurrence is that of
Griewank and Walther, Evaluating Derivatives, 2nd ed., section 13.2.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence

from symgrad.ir.expr import Node, constant, fresh_input, ops
from symgrad.ir.graph import rebuild, topological_order
from symgrad.ir.kinds import Bilinear, Linear, Over, Partials, Rules, SameAs, Select, Zero
from symgrad.transform.jvp import push_forward, tangent_of
from symgrad.transform.partials import Partial, partial_of, zeros_like

__all__ = ["Series", "nth_derivative", "taylor_series"]

Coefficient = Node | None


class _Motion(enum.IntEnum):
    """How a node changes along the path; the larger of its operands' is its own."""

    STILL = 0
    MOVES = 1
    RATED = 2  # it depends on the rate of another node, so that even its value at t = 0 must be built


class Series:
    """The Taylor coefficients of nodes along one direction, computed order by order and remembered.

    Parameters
    ----------
    directions : mapping
        For some nodes the tangent: they move as ``node + t * direction``.
    """

    def __init__(self, directions: Mapping[Node, Node]) -> None:
        self._directions = directions
        self._known: dict[Node, list[Coefficient]] = {}
        self._partials: dict[Node, list[Partial | None]] = {}
        self._streams: dict[Node, Node] = {}
        self._rate_of: dict[Node, Node] = {}
        self._moving: dict[Node, _Motion] = dict.fromkeys(directions, _Motion.MOVES)

    def coefficient(self, node: Node, order: int) -> Coefficient:
        """Return the coefficient of ``t**order``, None for a symbolic zero."""
        stack: list[tuple[Node, int]] = [(node, order)]
        while stack:
            wanted, k = stack[-1]
            needs = [] if self._ready(wanted, k) else self._needs(wanted, k)
            if needs:
                stack.extend(needs)
                continue
            stack.pop()
            if not self._ready(wanted, k):
                self._series_of(wanted).append(self._next(wanted, k) if k else self._value(wanted))
        return self._get(node, order)

    def _series_of(self, node: Node) -> list[Coefficient]:
        return self._known.setdefault(node, [] if self._motion(node) is _Motion.RATED else [node])

    def _ready(self, node: Node, k: int) -> bool:
        if node in self._directions or self._motion(node) is _Motion.STILL:
            return True
        if node in self._rate_of:
            return self._ready(self._rate_of[node], k + 1)
        return len(self._series_of(node)) > k

    def _get(self, node: Node, k: int) -> Coefficient:
        if node in self._directions:
            return (node, self._directions[node])[k] if k < 2 else None
        if node in self._rate_of:
            return _scaled(self._get(self._rate_of[node], k + 1), float(k + 1))
        if self._motion(node) is _Motion.STILL:
            return node if k == 0 else None
        return self._known[node][k]

    def _value(self, node: Node) -> Node:
        """Return the value at t = 0 of a node that depends on rates."""
        values = [self._get(i, 0) for i in node.inputs]
        return rebuild(node, [zeros_like(i) if v is None else v for i, v in zip(node.inputs, values, strict=True)])

    def _motion(self, node: Node) -> _Motion:
        found = self._moving.get(node)
        if found is None:
            for each in topological_order([node], stop=self._moving):
                if each not in self._moving:
                    flat = isinstance(each.primitive.derivative, Zero) or not each.dtype.is_floating
                    moved = max((self._moving[i] for i in each.inputs), default=_Motion.STILL)
                    self._moving[each] = _Motion.STILL if flat else moved
            found = self._moving[node]
        return found

    def _moves(self, node: Node) -> bool:
        """Whether a node depends on a moving one through something that is not piecewise constant."""
        return self._motion(node) is not _Motion.STILL

    def _needs(self, node: Node, k: int) -> list[tuple[Node, int]]:
        """Return coefficients that must be known before coefficient ``k`` of ``node``."""
        if node in self._rate_of:
            return [(self._rate_of[node], k + 1)]
        wanted = [(i, k) for i in node.inputs]
        kind = node.primitive.derivative
        if k and isinstance(kind, Partials) and node.primitive is not ops.div:
            found = [p.denominator if isinstance(p, Over) else p for p in self._partial(node)]
            wanted += [(p, k - 1) for p in found if isinstance(p, Node)]
        elif k and isinstance(kind, (SameAs, Rules)):
            wanted.append((self._stream(node), k if isinstance(kind, SameAs) else k - 1))
        if k:
            wanted.append((node, k - 1))
        return [(n, j) for n, j in wanted if not self._ready(n, j)]

    def _partial(self, node: Node) -> list[Partial | None]:
        found = self._partials.get(node)
        if found is None:
            entries = node.primitive.derivative.each  # type: ignore[union-attr]  # a Partials, by the caller
            found = [partial_of(e, node) if self._moves(i) else None for e, i in zip(entries, node.inputs, strict=True)]
            if sum(p is not None for p in found) > 1:  # the quotient's recurrence is for a single moving operand
                found = [1.0 / p.denominator if isinstance(p, Over) else p for p in found]
            self._partials[node] = found
        return found

    def _stream(self, node: Node) -> Node:
        """Return an expression to take the series of: an equal one, or the rate of change along the path."""
        found = self._streams.get(node)
        if found is None:
            kind = node.primitive.derivative
            if isinstance(kind, SameAs):
                found = kind.definition(*node.inputs, **node.attributes)
            else:
                tangent = tangent_of(node, {i: self._rate(i) for i in dict.fromkeys(node.inputs) if self._moves(i)})
                found = zeros_like(node) if tangent is None else tangent
            self._streams[node] = found
        return found

    def _rate(self, operand: Node) -> Node:
        rate = fresh_input("rate", operand.type)
        self._rate_of[rate] = operand
        self._moving[rate] = _Motion.RATED
        return rate

    def _next(self, node: Node, k: int) -> Coefficient:
        kind = node.primitive.derivative
        if node.primitive is ops.div:
            return self._quotient(node, k)
        if isinstance(kind, Partials):
            return self._from_partials(node, k)
        if isinstance(kind, Bilinear):
            return self._convolve(node, k)
        if isinstance(kind, (Linear, Select)):
            args = (1, 2) if isinstance(kind, Select) else kind.args
            return self._linear(node, args, k)
        if isinstance(kind, SameAs):
            return self._get(self._stream(node), k)
        return _scaled(self._get(self._stream(node), k - 1), 1 / k)

    def _linear(self, node: Node, args: tuple[int, ...] | None, k: int) -> Coefficient:
        tangents = {i: c for n, i in enumerate(node.inputs) if (args is None or n in args) and (c := self._get(i, k)) is not None}
        return tangent_of(node, tangents) if tangents else None

    def _convolve(self, node: Node, k: int) -> Coefficient:
        left, right = node.inputs
        terms = []
        for j in range(k + 1):
            a, b = self._get(left, j), self._get(right, k - j)
            if a is not None and b is not None:
                terms.append(node.primitive(a, b, **node.attributes))
        return _total(terms)

    def _quotient(self, node: Node, k: int) -> Coefficient:
        """From q y = x: ``q_k = (x_k - sum_{j=1..k} y_j q_{k-j}) / y_0``."""
        numerator, denominator = node.inputs
        total = self._get(numerator, k)
        for j in range(1, k + 1):
            y, q = self._get(denominator, j), self._get(node, k - j)
            if y is not None and q is not None:
                total = _less(total, y * q)
        return None if total is None else _fit(total / denominator, node)

    def _from_partials(self, node: Node, k: int) -> Coefficient:
        terms: list[Node] = []
        for operand, partial in zip(node.inputs, self._partial(node), strict=True):
            if partial is None or not self._moves(operand):
                continue
            if isinstance(partial, (Node, Over)):
                term = self._over(node, operand, partial, k) if isinstance(partial, Over) else self._times(operand, partial, k)
            else:
                term = _scaled(self._get(operand, k), partial)
            if term is not None:
                terms.append(term)
        total = _total(terms)
        if total is not None and total.dtype is not node.dtype:
            total = ops.cast(total, dtype=node.dtype)
        return None if total is None else _fit(total, node)

    def _times(self, operand: Node, partial: Node, k: int) -> Coefficient:
        terms: list[Node] = []
        for j in range(1, k + 1):
            u, p = self._get(operand, j), self._get(partial, k - j)
            if u is not None and p is not None:
                terms.append(u * p if j == k else u * p * (j / k))
        return _total(terms)

    def _over(self, node: Node, operand: Node, partial: Over, k: int) -> Coefficient:
        """From w' q = u': ``w_k = (u_k - sum_{j=1..k-1} (k-j)/k q_j w_{k-j}) / q_0``."""
        total = self._get(operand, k)
        for j in range(1, k):
            q, w = self._get(partial.denominator, j), self._get(node, k - j)
            if q is not None and w is not None:
                total = _less(total, q * w * ((k - j) / k))
        return None if total is None else total / partial.denominator


def taylor_series(outputs: Sequence[Node], directions: Mapping[Node, Node], order: int) -> list[list[Node]]:
    """Return for each output its Taylor coefficients 0..order along the directions, zeros made real.

    Parameters
    ----------
    outputs : sequence of Node
    directions : mapping
        For some nodes the direction they move in: a node of the same shape and element type.
    order : int
    """
    series = Series(directions)
    result = []
    for output in outputs:
        coefficients = [series.coefficient(output, k) for k in range(order + 1)]
        result.append([zeros_like(output) if c is None else _fit(c, output) for c in coefficients])
    return result


def nth_derivative(outputs: Sequence[Node], directions: Mapping[Node, Node], order: int) -> list[Node]:
    """Return for each output its ``order``-th derivative along the directions."""
    if order == 1:
        return [zeros_like(o) if t is None else t for o, t in zip(outputs, push_forward(outputs, directions), strict=True)]
    last = [coefficients[order] for coefficients in taylor_series(outputs, directions, order)]
    return [c * float(math.factorial(order)) if order > 1 else c for c in last]


def _total(terms: list[Node]) -> Coefficient:
    total: Coefficient = None
    for term in terms:
        total = term if total is None else total + term
    return total


def _less(total: Coefficient, term: Node) -> Node:
    return -term if total is None else total - term


def _scaled(vector: Coefficient, factor: float) -> Coefficient:
    if vector is None or factor == 1:
        return vector
    if factor == -1:
        return -vector
    if vector.primitive is ops.constant and vector.ndim == 0:
        return constant(vector.attributes["value"] * factor, vector.dtype)
    return vector * factor


def _fit(vector: Node, node: Node) -> Node:
    return vector if vector.shape == node.shape else ops.broadcast_to(vector, shape=node.shape)
