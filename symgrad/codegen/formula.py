"""Writes small graphs as formulas in NumPy's notation, for docstrings and comments."""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.ir.dims import Dim, Size
from symgrad.ir.expr import ArrayConstant, Node, Range
from symgrad.ir.graph import Graph
from symgrad.ir.text import format_attribute

__all__ = ["formulas"]

_ATOM = 10
_INFIX = {
    "add": ("+", 5), "sub": ("-", 5), "mul": ("*", 6), "div": ("/", 6), "pow": ("**", 8), "integer_pow": ("**", 8),
    "lt": ("<", 3), "le": ("<=", 3), "gt": (">", 3), "ge": (">=", 3), "eq": ("==", 3), "ne": ("!=", 3),
}  # fmt: skip
_SILENT = frozenset({"broadcast_to", "expand_dims", "squeeze", "cast"})  # they change shapes and types, not values

Text = tuple[str, int]


def formulas(graph: Graph, names: Sequence[str], longest: int = 400) -> list[str]:
    """Return a formula for each output in terms of the inputs' names; none at all where one is longer than ``longest``."""
    texts: dict[Node, Text] = {}
    for node, name in zip(graph.inputs, names, strict=True):
        texts[node] = name, _ATOM
    for node in graph.order:
        if node not in texts:
            text, precedence = _text(node, [texts[i] for i in node.inputs])
            if len(text) > longest:
                return []
            texts[node] = text, precedence
    return [texts[o][0] for o in graph.outputs]


def _text(node: Node, operands: Sequence[Text]) -> Text:
    name, attributes = node.primitive.name, node.attributes
    if name == "constant":
        value = attributes["value"]
        if isinstance(value, ArrayConstant):
            return f"array{list(value.array.shape)}", _ATOM
        text = repr(value)
        return text, 7 if text.startswith("-") else _ATOM
    if name in _INFIX:
        sign, level = _INFIX[name]
        left = operands[0]
        right = operands[1] if len(operands) == 2 else (str(attributes["exponent"]), _ATOM)
        tight = sign in ("-", "/")
        return f"{_inside(left, level + (sign == '**'))} {sign} {_inside(right, level + tight)}".replace(" ** ", "**"), level
    if name == "neg":
        return f"-{_inside(operands[0], 7)}", 7
    if name in _SILENT:
        return operands[0]
    if name == "slice":
        spans = ", ".join(_span(r, s) for r, s in zip(attributes["ranges"], node.inputs[0].shape, strict=True))
        return f"{_inside(operands[0], _ATOM)}[{spans}]", _ATOM
    words = [text for text, _ in operands]
    if name in ("sum", "prod", "max", "min") and len(attributes["axes"]) == node.inputs[0].ndim:
        return f"{name}({words[0]})", _ATOM
    words += [f"{k}={format_attribute(v)}" for k, v in sorted(attributes.items())]
    return f"{name}({', '.join(words)})", _ATOM


def _inside(operand: Text, level: int) -> str:
    text, precedence = operand
    return text if precedence >= level else f"({text})"


def _span(span: Range, size: Size) -> str:
    if span.count is None:
        return str(span.start)
    if not (span.step == 1 and _known(span)):
        return format_attribute(span)
    stop = span.start + span.count
    return f"{span.start if span.start != 0 else ''}:{'' if stop == size else stop}"


def _known(span: Range) -> bool:
    return all(isinstance(v, (int, Dim)) for v in span)
