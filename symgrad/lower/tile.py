"""The order of a nest's loops: the innermost in memory order, and neighbours that are one range made one loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from symgrad.dtypes import DType
from symgrad.ir.dims import Size
from symgrad.lower.access import Map, compose, flatten, identity
from symgrad.lower.loops import Accumulate, Affine, Fetch, Fill, Load, Nest, Position, Statement, Store
from symgrad.lower.values import Body, Reduction

__all__ = ["neutral", "tile"]

_SHORT = 8  # an axis not worth being the innermost


def neutral(combine: str, dtype: DType) -> float:
    """Return what a reduction of nothing gives."""
    if combine in ("max", "min"):
        if dtype.is_floating:
            return float("-inf") if combine == "max" else float("inf")
        bits = dtype.itemsize * 8 - 1
        return -(1 << bits) if combine == "max" else (1 << bits) - 1
    one = combine in ("*", "&&")
    return float(one) if dtype.is_floating else bool(one) if dtype.is_bool else int(one)


def tile(body: Body) -> tuple[Nest, list[Fill]]:
    """Return the nest of a body, and what has to be filled before it runs."""
    if not body.space:
        return Nest((), tuple(body.statements)), []
    order = _order(body)
    groups = _groups(body, order)
    extents: list[Size] = []
    over: list[Affine] = [Affine(0)] * len(body.space)
    for number, group in enumerate(groups):
        size: Size = 1
        for axis in reversed(group):
            size = size * body.space[axis]
        extents.append(size)
        over[group[-1]] = Affine(0, ((number, 1),))
    place = tuple(over)
    statements: list[Statement] = [_moved(s, place) for s in body.statements]
    fills: list[Fill] = []
    for reduction in body.reductions:
        statement, fill = _reduction(reduction, body, groups, place)
        statements.append(statement)
        fills.extend(fill)
    return Nest(tuple(extents), tuple(statements)), fills


def _accesses(body: Body) -> Iterator[Affine]:
    for s in body.statements:
        if isinstance(s, (Load, Fetch, Position, Store)):
            yield s.place


def _order(body: Body) -> list[int]:
    """Return the axes, moving the one with the most neighbouring accesses innermost."""
    axes = list(range(len(body.space)))
    if len(axes) < 2 or any(r.combine.startswith("arg") for r in body.reductions):
        return axes
    apart = [0] * len(axes)
    for access in _accesses(body):
        for axis, coefficient in access.terms:
            apart[axis] += coefficient not in (1, -1)
    best = min(reversed(axes), key=lambda a: apart[a])
    size = body.space[best]
    if apart[best] < apart[axes[-1]] and not (isinstance(size, int) and size < _SHORT):
        axes.remove(best)
        axes.append(best)
    return axes


def _groups(body: Body, order: Sequence[int]) -> list[list[int]]:
    """Return runs of axes that every access passes through as one."""
    groups: list[list[int]] = [[order[0]]]
    accesses = [dict(a.terms) for a in dict.fromkeys(_accesses(body))]
    kept = [set(r.kept) for r in body.reductions]
    for axis in order[1:]:
        outer = groups[-1][-1]
        size = body.space[axis]
        one = axis == outer + 1 and all((outer in k) == (axis in k) for k in kept)
        if one and all(a.get(outer, 0) == a.get(axis, 0) * size for a in accesses):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    return groups


def _moved(statement: Statement, place: Map) -> Statement:
    if isinstance(statement, (Load, Fetch, Position, Store)):
        return statement._replace(place=compose(statement.place, place))
    return statement


def _reduction(reduction: Reduction, body: Body, groups: Sequence[Sequence[int]], place: Map) -> tuple[Statement, list[Fill]]:
    kept = reduction.kept
    space = tuple(body.space[k] for k in kept)
    index = flatten(tuple(identity(len(body.space))[k] for k in kept), space)
    index = compose(index, place)
    outer = [k in kept for group in groups for k in group[:1]]
    level = sum(outer)
    if outer == sorted(outer, reverse=True):
        number, combine, value, _, length, buffer, dtype = _fields(reduction)
        return Accumulate(number, combine, value, level, length, buffer, index, dtype), []
    assert reduction.buffer is not None
    fill = Fill(reduction.buffer, neutral(reduction.combine, reduction.dtype))
    return Store(reduction.buffer, index, reduction.value, reduction.combine), [fill]


def _fields(r: Reduction) -> tuple[int, str, int, tuple[int, ...], Size, int | None, DType]:
    return r.number, r.combine, r.value, r.kept, r.length, r.buffer, r.dtype
