"""Composites over contract: dot, matmul, outer and einsum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from string import ascii_letters
from typing import NamedTuple, NoReturn

import numpy as np

from symgrad.ir.dims import Size
from symgrad.ir.expr import Node, ops
from symgrad.ir.types import Shape, format_shape
from symgrad.primitives.rules import agree, composite, named, refuse_shape
from symgrad.primitives.samples import number, sample

__all__: list[str] = []

Labels = tuple[int, ...]

_NOMINAL = 32  # what a named size counts for when einsum chooses an order


class Term(NamedTuple):
    """An operand of einsum with a label for each axis."""

    node: Node
    labels: Labels


def _contract(x: Term, y: Term, out: Labels) -> Term:
    return Term(ops.contract(x.node, y.node, x_labels=x.labels, y_labels=y.labels, out_labels=out), out)


def _without(term: Term, positions: Sequence[int]) -> Term:
    if not positions:
        return term
    labels = tuple(label for k, label in enumerate(term.labels) if k not in positions)
    return Term(ops.squeeze(term.node, axes=tuple(positions)), labels)


def _broadcast_terms(operation: str, terms: Sequence[Term]) -> list[Term]:
    """Drop axes of size 1 whose label is larger in another term: broadcasting without copies."""
    sizes: dict[int, Size] = {}
    for term in terms:
        for label, size in zip(term.labels, term.node.shape, strict=True):
            known = sizes.get(label, 1)
            if known not in (1, size) and size != 1:
                given = ", ".join(named(t.node) for t in terms)
                refuse_shape(f"{operation}: sizes of one label must agree, got {known} and {size} in {given}")
            sizes[label] = known if known != 1 else size
    result = []
    for term in terms:
        ones = [k for k, (label, s) in enumerate(zip(term.labels, term.node.shape, strict=True)) if s == 1 != sizes[label]]
        result.append(_without(term, ones))
    return result


# matmul, dot, outer


def _matmul(x: Node, y: Node) -> Node:
    agree("matmul", (x.type, y.type))
    if not x.ndim or not y.ndim:
        refuse_shape(f"matmul: needs at least one axis on each side, got {named(x)} @ {named(y)}")
    if x.shape[-1] != y.shape[max(y.ndim - 2, 0)]:
        refuse_shape(f"matmul: inner sizes must agree, got {named(x)} @ {named(y)}")
    row, inner, column = -1, -2, -3  # batch axes are numbered from the right: 0, 1, ...
    lead_x = tuple(reversed(range(max(x.ndim - 2, 0))))
    lead_y = tuple(reversed(range(max(y.ndim - 2, 0))))
    rows = (row,) if x.ndim > 1 else ()
    columns = (column,) if y.ndim > 1 else ()
    lead = lead_x if len(lead_x) > len(lead_y) else lead_y
    left = Term(x, (*lead_x, *rows, inner))
    right = Term(y, (*lead_y, inner, *columns))
    return _contract(*_batch_broadcast(left, right), (*lead, *rows, *columns)).node


def _batch_broadcast(left: Term, right: Term) -> tuple[Term, Term]:
    sizes = dict(zip(left.labels, left.node.shape, strict=True))
    for label, size in zip(right.labels, right.node.shape, strict=True):
        if label >= 0 and sizes.get(label, 1) not in (1, size) and size != 1:
            refuse_shape(f"matmul: batch shapes must broadcast, got {named(left.node)} @ {named(right.node)}")
    one, other = _broadcast_terms("matmul", [left, right])
    return one, other


def _dot(x: Node, y: Node) -> Node:
    agree("dot", (x.type, y.type))
    if not x.ndim or not y.ndim:
        return x * y
    axis = max(y.ndim - 2, 0)
    if x.shape[-1] != y.shape[axis]:
        refuse_shape(f"dot: inner sizes must agree, got {named(x)} . {named(y)}")
    x_labels = tuple(range(x.ndim))
    y_labels = tuple(x.ndim - 1 if a == axis else x.ndim + a for a in range(y.ndim))
    out = (*x_labels[:-1], *(label for label in y_labels if label >= x.ndim))
    return _contract(Term(x, x_labels), Term(y, y_labels), out).node


def _outer(x: Node, y: Node) -> Node:
    agree("outer", (x.type, y.type))
    flat = [n if n.ndim == 1 else ops.reshape(n, shape=(n.type.size,)) for n in (x, y)]
    return ops.contract(*flat, x_labels=(0,), y_labels=(1,), out_labels=(0, 1))


# einsum


def _refuse(subscripts: str, problem: str) -> NoReturn:
    refuse_shape(f"einsum: {problem}, got {subscripts!r}")


def _parse(subscripts: str, ranks: Sequence[int]) -> tuple[list[Labels], Labels]:
    """Return the labels of each operand and of the result; an ellipsis is numbered from the right by -1, -2, ..."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        _refuse(subscripts, f"one term for each of {len(ranks)} operands")
    labels = [_labels(subscripts, term, rank) for term, rank in zip(terms, ranks, strict=True)]
    dots = min((label for term in labels for label in term), default=0)
    batch = tuple(range(dots, 0)) if dots < 0 else ()
    if arrow:
        out = _labels(subscripts, right, len(right.replace("...", "")) + (len(batch) if "..." in right else 0))
    else:
        counts = Counter(label for term in labels for label in term if label >= 0)
        out = (*batch, *sorted(label for label, times in counts.items() if times == 1))
    known = {label for term in labels for label in term}
    if len(set(out)) != len(out) or not known >= set(out):
        _refuse(subscripts, "the result's labels must be distinct labels of the operands")
    return labels, out


def _labels(subscripts: str, term: str, rank: int) -> Labels:
    before, dots, after = term.partition("...")
    letters = before + after
    if any(c not in ascii_letters for c in letters):
        _refuse(subscripts, "labels are ASCII letters, terms are separated by ',' and '->'")
    extra = rank - len(letters)
    if extra < 0 or (extra and not dots):
        _refuse(subscripts, f"a term must name every axis, {term!r} does not fit {rank} axes")
    return (*map(ord, before), *range(-extra, 0), *map(ord, after))


def _diagonal_term(term: Term) -> Term:
    """Return the term with repeated labels merged by taking diagonals."""
    node, labels = term
    while len(set(labels)) < len(labels):
        label = next(label for label, times in Counter(labels).items() if times > 1)
        first = labels.index(label)
        second = labels.index(label, first + 1)
        rest = [k for k in range(len(labels)) if k not in (first, second)]
        if node.shape[first] != node.shape[second]:
            refuse_shape(f"einsum: a repeated label needs equal sizes, got {format_shape(node.shape)}")
        node = ops.diag_extract(ops.transpose(node, permutation=(*rest, first, second)), offset=0)
        labels = (*(labels[k] for k in rest), label)
    return Term(node, labels)


def _arrange(term: Term, out: Labels) -> Node:
    """Return one term summed and transposed to the result."""
    summed = tuple(k for k, label in enumerate(term.labels) if label not in out)
    node = ops.sum(term.node, axes=summed) if summed else term.node
    kept = tuple(label for label in term.labels if label in out)
    permutation = tuple(kept.index(label) for label in out)
    return node if permutation == tuple(range(len(kept))) else ops.transpose(node, permutation=permutation)


def _order(terms: Sequence[Term], out: Labels) -> list[tuple[int, ...]]:
    """Return which operands to contract, step by step, as numpy.einsum_path finds it."""
    letters = dict(zip(dict.fromkeys(label for term in terms for label in term.labels), ascii_letters, strict=False))
    text = ",".join("".join(letters[label] for label in term.labels) for term in terms)
    text += "->" + "".join(letters[label] for label in out)
    shapes: list[Shape] = [term.node.shape for term in terms]
    dummies = [np.broadcast_to(0.0, [s if isinstance(s, int) else _NOMINAL for s in shape]) for shape in shapes]
    path, _ = np.einsum_path(text, *dummies, optimize="greedy")
    return [tuple(step) for step in path[1:]]


def _einsum(*xs: Node, subscripts: str) -> Node:
    agree("einsum", tuple([x.type for x in xs]))
    labels, out = _parse(subscripts, [x.ndim for x in xs])
    terms = [_diagonal_term(Term(x, given)) for x, given in zip(xs, labels, strict=True)]
    terms = _broadcast_terms("einsum", terms)
    if len(terms) > 2:
        for step in _order(terms, out):
            taken = [terms[k] for k in step]
            terms = [t for k, t in enumerate(terms) if k not in step]
            while len(taken) > 1:
                taken = [_join(taken[0], taken[1], [*taken[2:], *terms], out), *taken[2:]]
            terms.append(taken[0])
    if len(terms) == 2:
        terms = [_join(terms[0], terms[1], [], out)]
    return _arrange(terms[0], out)


def _join(x: Term, y: Term, others: Sequence[Term], out: Labels) -> Term:
    """Return two terms contracted, keeping the labels that the result or ``others`` need; the last join is in order."""
    needed = set(out).union(*(t.labels for t in others))
    kept = tuple(label for label in dict.fromkeys(x.labels + y.labels) if label in needed)
    return _contract(x, y, kept if others else tuple(label for label in out if label in kept))


_EINSUMS = (
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iji->j", (2, 3, 2)),
    ("ij->ji", (2, 3)),
    ("ba", (2, 3)),
    ("i,i->", (3,), (3,)),
    ("...ij,...jk->...ik", (2, 2, 3), (3, 2)),
    ("i...->...", (2, 3)),
    ("...", (2, 3)),
    ("ij,ij->ij", (1, 3), (2, 3)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("a,b,c->abc", (2,), (3,), (2,)),
    ("ij,jj,j->i", (2, 3), (3, 3), (3,)),
    ("ab,cb,ad,ef->cd", (2, 3), (2, 3), (2, 2), (2, 2)),
    (",ij->", (), (2, 3)),
)

_MATMULS = (
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 4)),
    ((4, 2, 3), (3, 2)),
    ((3,), (4, 3, 2)),
    ((4, 2, 3), (3,)),
    ((1, 2, 3), (4, 3, 2)),
    ((5, 1, 2, 3), (4, 3, 2)),
    ((2, 0), (0, 3)),
)

matmul = composite(
    "matmul",
    _matmul,
    np.matmul,
    tuple(sample(number(), number(), shapes=shapes) for shapes in _MATMULS),
    "Matrix product of the last two axes, leading axes broadcast; one axis counts as a row on the left, a column on the right.",
)
dot = composite(
    "dot",
    _dot,
    np.dot,
    tuple(
        sample(number(), number(), shapes=shapes)
        for shapes in (((3,), (3,)), ((2, 3), (3, 4)), ((2, 3), (3,)), ((2, 2, 3), (4, 3, 2)), ((), (2,)))
    ),
    "Sum of products over the last axis of x and the last but one of y, as numpy.dot.",
)
outer = composite(
    "outer",
    _outer,
    np.outer,
    (sample(number(), number(), shapes=((2,), (3,))), sample(number(), number(), shapes=((2, 2), ()))),
    "All products of the elements of x and of y.",
)
einsum = composite(
    "einsum",
    _einsum,
    lambda *xs, subscripts: np.einsum(subscripts, *xs),
    tuple(
        sample(*[number() for _ in shapes], shapes=shapes, subscripts=text)
        for text, *rest in _EINSUMS
        for shapes in [tuple(rest)]
    ),
    "Einstein summation of any number of operands, in the order numpy.einsum_path finds; ellipsis and repeated labels included.",
)
