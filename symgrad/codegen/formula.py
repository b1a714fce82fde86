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
_SILENT = frozenset({"broadcast_to", "cast"})  # they change shapes and types, not values
_OVER_AXES = frozenset({"sum", "prod", "max", "min", "any", "all"})

Text = tuple[str, int]


def formulas(graph: Graph, names: Sequence[str], longest: int = 400) -> list[str]:
    """Return a formula for each output in terms of the inputs' names.

    None at all where one is longer than ``longest``, or has an operation that NumPy has no short notation for.
    """
    texts: dict[Node, Text] = {}
    for node, name in zip(graph.inputs, names, strict=True):
        texts[node] = name, _ATOM
    for node in graph.order:
        if node not in texts:
            found = _text(node, [texts[i] for i in node.inputs])
            if found is None or len(found[0]) > longest:
                return []
            texts[node] = found
    return [texts[o][0] for o in graph.outputs]


def _text(node: Node, operands: Sequence[Text]) -> Text | None:
    """Return a node as text; None where there is none that can be read."""
    name, attributes = node.primitive.name, node.attributes
    if name == "constant":
        value = attributes["value"]
        text = repr(value)
        return None if isinstance(value, ArrayConstant) else (text, 7 if text.startswith("-") else _ATOM)
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
    if name == "contract":
        return _product(node, operands)
    if name in _ARRANGED or name in _OVER_AXES:
        return _arranged(node, operands)
    if not node.primitive.elementwise:
        return None
    words = [*(text for text, _ in operands), *(f"{k}={format_attribute(v)}" for k, v in sorted(attributes.items()))]
    return f"{name}({', '.join(words)})", _ATOM


def _arranged(node: Node, operands: Sequence[Text]) -> Text | None:
    """Return what takes elements from elsewhere, or together: slices, transposes, sums over axes."""
    name, attributes = node.primitive.name, node.attributes
    if name == "iota":
        return f"arange({attributes['size']})", _ATOM
    if name == "dim_size":
        size = attributes["dim"]
        return str(size), _ATOM if len(str(size).split()) == 1 and "*" not in str(size) else 5
    x, shape = operands[0], node.inputs[0].shape
    inside = _inside(x, _ATOM)
    if name == "slice":
        spans = [_span(r, s) for r, s in zip(attributes["ranges"], shape, strict=True)]
        return None if None in spans else (f"{inside}[{', '.join(map(str, spans))}]", _ATOM)
    if name == "expand_dims":
        axes = attributes["axes"]
        if axes == tuple(range(len(axes))):  # as NumPy broadcasts by itself
            return x
        return f"{inside}[{', '.join('None' if a in axes else ':' for a in range(max(axes) + 1))}]", _ATOM
    if name == "transpose":
        order = attributes["permutation"]
        if order == tuple(reversed(range(len(shape)))):
            return f"{inside}.T", _ATOM
        return f"transpose({x[0]}, {_tuple(order)})", _ATOM
    if name == "reshape":
        return f"reshape({x[0]}, {_tuple(attributes['shape'])})", _ATOM
    if name == "gather":
        return f"take({x[0]}, {operands[1][0]}, axis={attributes['axis']})", _ATOM
    axes = attributes["axes"]
    if name != "squeeze" and len(axes) == len(shape):
        return f"{name}({x[0]})", _ATOM
    return f"{name}({x[0]}, axis={axes[0] if len(axes) == 1 else _tuple(axes)})", _ATOM


_ARRANGED = frozenset({"iota", "dim_size", "slice", "expand_dims", "transpose", "reshape", "gather", "squeeze"})


def _tuple(values: Sequence[object]) -> str:
    return f"({', '.join(map(str, values))}{',' if len(values) == 1 else ''})"


def _product(node: Node, operands: Sequence[Text]) -> Text:
    """Return a product as ``a @ b`` where that is what it is, else as einsum."""
    x, y, out = (node.attributes[f"{side}_labels"] for side in ("x", "y", "out"))
    summed = [label for label in x if label in y and label not in out]
    if len(summed) == 1 and x[-1] == y[0] == summed[0] and len(x) <= 2 and len(y) <= 2 and out == (*x[:-1], *y[1:]):
        level = _INFIX["mul"][1]
        return f"{_inside(operands[0], level)} @ {_inside(operands[1], level + 1)}", level
    letters = dict(zip(dict.fromkeys((*x, *y)), "ijklmnopqrstuvwxyzabcdefgh", strict=False))
    terms = ["".join(letters[label] for label in labels) for labels in (x, y, out)]
    return f"einsum('{terms[0]},{terms[1]}->{terms[2]}', {operands[0][0]}, {operands[1][0]})", _ATOM


def _inside(operand: Text, level: int) -> str:
    text, precedence = operand
    return text if precedence >= level else f"({text})"


def _span(span: Range, size: Size) -> str | None:
    """Return a range of an axis as in an index; None where it is none of the short ones."""
    if span.count is None:
        return str(span.start)
    if not _known(span):
        return None
    stop = span.start + span.count * span.step
    if span.step == 1:
        return f"{span.start if span.start != 0 else ''}:{'' if stop == size else stop}"
    if not isinstance(span.start, int) or not isinstance(stop, int):
        whole = span.step == -1 and span.count == size and span.start == size - 1
        return "::-1" if whole else None
    return f"{span.start}:{stop if stop >= 0 else ''}:{span.step}"


def _known(span: Range) -> bool:
    return all(isinstance(v, (int, Dim)) for v in span)
