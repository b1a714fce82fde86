"""The stable text form of a graph: for people, and, exactly, for keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from symgrad.ir.dims import Dim
from symgrad.ir.expr import ArrayConstant, Node, Range
from symgrad.ir.types import TensorType, format_shape

__all__ = ["format_attribute", "format_nodes"]


def format_nodes(inputs: Sequence[Node], order: Iterable[Node], outputs: Sequence[Node], exact: bool = False) -> str:
    """Return one line for each node, in order: ``%3: float64[n] = mul %1 %2``.

    With ``exact`` the labels of inputs are left out and constants are written to the last bit, so that two
    graphs have the same text exactly when they are the same function.
    """
    number: dict[Node, str] = {}
    lines: list[str] = []
    for k, node in enumerate(inputs):
        number[node] = f"%{k}"
        label = "" if exact else f" {node.attributes['label']}"
        lines.append(f"%{k}: {node.type} = input{label}")
    types: dict[int, str] = {}  # by identity: the nodes keep them alive
    count = len(lines)
    for node in order:
        if node in number:
            continue
        primitive, operands = node.primitive, node.inputs
        if primitive.name == "constant" and not isinstance(node.attributes["value"], ArrayConstant):
            number[node] = _literal(node, exact)
            continue
        type_ = types.get(id(node.type))
        if type_ is None:
            type_ = types[id(node.type)] = str(node.type)
        number[node] = name = f"%{count}"
        count += 1
        if node.attributes:
            words = [primitive.name, *[number[i] for i in operands]]
            words += [f"{k}={format_attribute(v, exact)}" for k, v in sorted(node.attributes.items())]
            lines.append(f"{name}: {type_} = {' '.join(words)}")
        elif len(operands) == 2:
            lines.append(f"{name}: {type_} = {primitive.name} {number[operands[0]]} {number[operands[1]]}")
        else:
            lines.append(f"{name}: {type_} = {' '.join([primitive.name, *[number[i] for i in operands]])}")
    lines.append(f"return {', '.join(number[o] for o in outputs)}")
    return "\n".join(lines)


def _literal(node: Node, exact: bool) -> str:
    value = node.attributes["value"]
    if exact:
        return f"{node.type}:{value.hex() if isinstance(value, float) else value!r}"
    return repr(value)


def format_attribute(value: Any, exact: bool = False) -> str:
    """Return an attribute's value as text without spaces that depend on its kind."""
    if isinstance(value, Range):
        if value.count is None:
            return str(value.start)
        step = "" if value.step == 1 else f":{value.step}"
        return f"{value.start}+{value.count}{step}"
    if isinstance(value, ArrayConstant):
        import hashlib  # here, because it loads a cryptography library

        digest = hashlib.sha256(value.array.tobytes()).hexdigest()
        return f"{value.array.dtype.name}{format_shape(value.array.shape)}#{digest if exact else digest[:8]}"
    if isinstance(value, tuple):
        return f"({', '.join(format_attribute(v, exact) for v in value)})"
    if isinstance(value, (Dim, TensorType)):
        return str(value)
    if isinstance(value, float):
        return value.hex() if exact else repr(value)
    key = getattr(value, "key", None)  # a sub-graph
    if key is not None:
        return f"graph#{key if exact else key[:8]}"
    return getattr(value, "name", None) or repr(value)
