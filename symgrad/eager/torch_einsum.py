"""torch's einsum: sums of products described by letters, or by numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symgrad.eager.operation import operation
from symgrad.eager.torch_rules import Operand, check_list, refuse, same_dtype
from symgrad.ir.expr import Node, ops

__all__ = ["FUNCTIONS", "contraction"]


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def _check_einsum(equation: str, nodes: Sequence[Node]) -> None:
    """Raise in torch's words for an equation that does not fit the operands."""
    left, _, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(nodes):
        which = "fewer" if len(terms) > len(nodes) else "more"
        refuse(f"einsum(): {which} operands were provided than specified in the equation")
    sizes: dict[str, Any] = {}
    for k, (term, node) in enumerate(zip(terms, nodes, strict=True)):
        letters = term.replace("...", "")
        for place, letter in enumerate(letters):
            if not (letter.isascii() and letter.isalpha()):
                where = f"invalid subscript given at index {place} in the equation string"
                refuse(f"einsum(): {where}, subscripts must be in [a-zA-Z]")
        if "..." not in term and len(term) != node.ndim:
            counts = f"({len(term)}) does not match the number of dimensions ({node.ndim}) for operand {k}"
            refuse(f"einsum(): the number of subscripts in the equation {counts} and no ellipsis was given")
        before, _, after = term.partition("...")
        for letter, size in (*zip(before, node.shape, strict=False), *zip(reversed(after), reversed(node.shape), strict=False)):
            known = sizes.setdefault(letter, size)
            if size != known and 1 not in (size, known):
                apart = f"has size {size} for operand {k} which does not broadcast with previously seen size {known}"
                refuse(f"einsum(): subscript {letter} {apart}")
    for letter in right.replace("...", ""):
        if letter not in sizes:
            refuse(f"einsum(): output subscript {letter} does not appear in the equation for any input operand")


def _einsum_formula(*operands: Operand, subscripts: str) -> Node:
    nodes = [_node(x) for x in operands]
    for node in nodes[1:]:
        same_dtype("expected scalar type {} but found {}", nodes[0], node)
    _check_einsum(subscripts, nodes)
    result: Node = ops.einsum(*nodes, subscripts=subscripts)
    return result


_einsum_formula.__name__ = "einsum"
contraction = operation("ViewBackward0")(_einsum_formula)
_einsum_of_one = operation("PermuteBackward0")(_einsum_formula)


def einsum(equation: Any, *operands: Any) -> Any:
    """Return the sum of products that ``equation`` describes, as in "ij,jk->ik".

    Operands follow one by one or in one list; ``einsum(a, [0, 1], b, [1, 2], [0, 2])`` says the same with numbers.
    """
    if not isinstance(equation, str):
        equation, operands = _spelled(equation, *operands)
    given: Any = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    if not given:
        refuse(_NO_OPERANDS)
    check_list("einsum", tuple(given), argument=1)
    return (_einsum_of_one if len(given) == 1 else contraction)(*given, subscripts=equation)


_NO_OPERANDS = (
    "einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts list"
)


def _spelled(*parts: Any) -> tuple[str, tuple[Any, ...]]:
    """Return the equation and the operands of operands that each have a list of numbers behind them."""
    pairs = len(parts) // 2
    terms = ["".join(map(_letter, parts[2 * k + 1])) for k in range(pairs)]
    result = "->" + "".join(map(_letter, parts[-1])) if len(parts) % 2 else ""
    return ",".join(terms) + result, parts[: 2 * pairs : 2]


def _letter(label: Any) -> str:
    if label is Ellipsis:
        return "..."
    if not 0 <= label < 52:
        refuse("einsum(): subscript in subscript list is not within the valid range [0, 52)")
    return chr(ord("A") + label) if label < 26 else chr(ord("a") + label - 26)


FUNCTIONS: dict[str, Callable[..., Any]] = {"einsum": einsum}
