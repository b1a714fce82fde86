"""Pieces put together: which of them can simply be stored, and where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symgrad.ir.dims import Size, product
from symgrad.ir.expr import Node, Range
from symgrad.lower.loops import Affine

__all__ = ["piece_index", "rest_of", "tiling"]

_MARKED = 1 << 22  # elements up to which tiling is decided by marking them

Ranges = tuple[Range, ...]


def piece_index(shape: Sequence[Size], ranges: Ranges, strides: Sequence[Size]) -> Affine:
    """Return where the elements of a piece go in the result, over the piece's space."""
    offset: Size = 0
    terms: list[tuple[int, Size]] = []
    axis = number = 0
    for span, stride in zip(ranges, strides, strict=True):
        offset = offset + span.start * stride
        if span.count is None:
            continue
        if shape[axis] != 1:
            terms.append((number, span.step * stride))
            number += 1
        axis += 1
    return Affine(offset, tuple(terms))


def tiling(node: Node) -> tuple[bool, bool]:
    """Return whether no two pieces of an assembly overlap, and whether they fill the result as well."""
    ranges: tuple[Ranges, ...] = node.attributes["ranges"]
    if not ranges:
        return True, product(node.shape) == 0
    disjoint, complete = _tiling(node.shape, ranges)
    return disjoint, disjoint and complete


def rest_of(node: Node, ranges: Ranges) -> list[tuple[Size, Size | None]]:
    """Return starts and counts of the elements that a piece does not cover, or of more where that is not simple."""
    shape = node.shape
    varying = [k for k, size in enumerate(shape) if not _whole(ranges[k], size)]
    if not varying:
        return []
    axis = varying[0]
    span = ranges[axis]
    outer = product(shape[:axis])
    if len(varying) > 1 or outer != 1 or span.step != 1:
        return [(0, None)]
    row = product(shape[axis + 1 :])
    end = span.start + (1 if span.count is None else span.count)
    return [(start, count) for start, count in ((0, span.start * row), (end * row, (shape[axis] - end) * row)) if count != 0]


def _tiling(shape: Sequence[Size], ranges: tuple[Ranges, ...]) -> tuple[bool, bool]:
    if all(isinstance(s, int) for s in shape) and all(isinstance(v, int) or v is None for r in ranges for s in r for v in s):
        counts = [product([1 if s.count is None else s.count for s in r]) for r in ranges]
        sizes = [c for c in counts if isinstance(c, int)]
        total = product(shape)
        assert isinstance(total, int)
        if total <= _MARKED and sum(sizes) <= 2 * total:
            return _marked(shape, ranges)
        if sum(sizes) > total:
            return False, False
    varying = [k for k in range(len(shape)) if any(not _whole(r[k], shape[k]) for r in ranges)]
    if not varying:
        return len(ranges) == 1, len(ranges) == 1
    return _consecutive(shape[varying[0]], [r[varying[0]] for r in ranges]) if len(varying) == 1 else _apart(ranges, varying)


def _apart(ranges: tuple[Ranges, ...], varying: list[int]) -> tuple[bool, bool]:
    return len(ranges) == 1, False


def _whole(span: Range, size: Size) -> bool:
    return (span.start == 0 and span.step == 1 and span.count == size) or (size == 1 and span.start == 0)


def _marked(shape: Sequence[Size], ranges: tuple[Ranges, ...]) -> tuple[bool, bool]:
    marks = np.zeros([s for s in shape if isinstance(s, int)], np.uint8)
    for spans in ranges:
        index = tuple([_indices(s) for s in spans])
        part = marks[index]
        if np.any(part):
            return False, False
        marks[index] = 1
    return True, bool(np.all(marks))


def _indices(span: Range) -> int | slice:
    start, count, step = span
    assert isinstance(start, int) and isinstance(step, int)
    if count is None:
        return start
    assert isinstance(count, int)
    stop = start + count * step
    return slice(start, stop if stop >= 0 else None, step) if count else slice(0, 0)


def _consecutive(size: Size, spans: Sequence[Range]) -> tuple[bool, bool]:
    """Follow pieces along the one axis they differ on, by equality of symbolic starts."""
    by_start: dict[Size, Range] = {}
    for span in spans:
        if span.step != 1 or span.start in by_start:
            return len(spans) == 1, False
        by_start[span.start] = span
    at: Size = 0
    for _ in spans:
        if at not in by_start:
            break
        span = by_start.pop(at)
        at = at + (1 if span.count is None else span.count)
    if not by_start:
        return True, at == size
    return _ordered(spans), False


def _ordered(spans: Sequence[Range]) -> bool:
    """Whether pieces, in the order given or reversed, end before the next one starts, whatever the sizes."""
    for order in (spans, list(reversed(spans))):
        ends = [s.start + (1 if s.count is None else s.count) for s in order]
        if all(_never_negative(b.start - end) for end, b in zip(ends, order[1:], strict=False)):
            return True
    return False


def _never_negative(size: Size) -> bool:
    if isinstance(size, int):
        return size >= 0
    return all(c >= 0 for _, c in size.terms)
