"""What an exported C function checks before it computes: sizes that fit each other, memory and the machine's integers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from symgrad.ir.dims import Dim, Size

__all__ = ["STATUSES", "guarded", "size_checks"]

STATUSES = (
    ("OK", "done"),
    ("INDEX", "an index lies outside its axis"),
    ("EMPTY", "argmax or argmin of an empty axis"),
    ("SIZE", "the sizes do not fit: an axis would have a negative number of elements"),
    ("TOO_LARGE", "the sizes are too large for this machine's memory"),
    ("NO_WORK", "work is NULL, and workspace is needed"),
)


def size_checks(
    conditions: Sequence[Dim], sizes: Iterable[Size], dims: Mapping[str, str], negative: str, large: str
) -> tuple[str, ...]:
    """Return lines of C that return where a size is negative, or too large to be counted in bytes.

    Parameters
    ----------
    conditions : sequence of Dim
        What must not be negative.
    sizes : iterable of int or Dim
        Elements of all arrays, and of the workspace.
    dims : mapping
        The C name of each named size.
    negative, large : str
        What is returned then.
    """
    parts = [_split(c) for c in conditions]
    bounded = [_split(s)[0] for s in sizes if isinstance(s, Dim)]
    bounded += [half for pair in parts for half in pair if isinstance(half, Dim) and _degree(half) > 1]
    lines = [
        f"if ({guarded(size, dims)} > SG_LARGEST) return {large};"
        for size in _largest([s for s in bounded if isinstance(s, Dim)])
    ]
    for condition in _strictest([c for c in conditions if any(k < 0 for _, k in c.terms)]):
        enough, taken = _split(condition)
        lines.append(f"if ({guarded(enough, dims)} < {guarded(taken, dims)}) return {negative};")
    return tuple(lines)


def guarded(size: Size, dims: Mapping[str, str]) -> str:
    """Return a size without negative terms as C that stops at SIZE_MAX instead of wrapping."""
    if isinstance(size, int):
        return str(size)
    total = ""
    for names, coefficient in size.terms:
        factors = [dims[n] for n in names]
        if coefficient != 1 or not factors:
            factors.insert(0, str(coefficient))
        term = factors[0]
        for factor in factors[1:]:
            term = f"sg_times({term}, {factor})"
        total = f"sg_plus({total}, {term})" if total else term
    return total


def _split(size: Size) -> tuple[Size, Size]:
    """Return what a size adds, and what it takes away."""
    if isinstance(size, int):
        return max(size, 0), max(-size, 0)
    halves: list[Size] = []
    for sign in (1, -1):
        terms = tuple([(names, sign * k) for names, k in size.terms if sign * k > 0])
        if not terms or terms == (((), terms[0][1]),):
            halves.append(terms[0][1] if terms else 0)
        else:
            halves.append(Dim(terms))
    return halves[0], halves[1]


def _degree(size: Dim) -> int:
    return max(len(names) for names, _ in size.terms)


def _covers(large: Dim, small: Dim) -> bool:
    """Whether ``large - small`` has no negative term, so that it is never negative."""
    rest = large - small
    return rest >= 0 if isinstance(rest, int) else all(k > 0 for _, k in rest.terms)


def _largest(sizes: Sequence[Dim]) -> list[Dim]:
    return _maximal(sizes, _covers)


def _strictest(conditions: Sequence[Dim]) -> list[Dim]:
    return _maximal(conditions, lambda strict, loose: _covers(loose, strict))


def _maximal(found: Sequence[Dim], implies: Callable[[Dim, Dim], bool]) -> list[Dim]:
    """Return those that no other one implies, in their order."""
    kept: list[Dim] = []
    for one in dict.fromkeys(found):
        if not any(implies(other, one) for other in kept):
            kept = [other for other in kept if not implies(one, other)]
            kept.append(one)
    return kept
