"""The call of a custom function: a value with the derivative that its author wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symgrad.ir.expr import Node
from symgrad.ir.kinds import Expand, Rules
from symgrad.ir.types import TensorType
from symgrad.primitives.rules import primitive

__all__: list[str] = []

# The attribute ``call`` owns the traced forward graph (``call.graph``) and runs the author's code on nodes: ``pull``,
# ``push`` and ``batched``. Calls with equal operands and one ``call`` are the results of one application.


def _type(name: str, types: Sequence[TensorType], *, call: Any, index: int) -> TensorType:
    found: TensorType = call.graph.outputs[index].type
    return found


def _value(*operands: Any, call: Any, index: int) -> Any:
    return call.value(operands, index)


def _definition(*inputs: Node, call: Any, index: int) -> Node:
    found: Node = call.graph(*inputs)[index]
    return found


def _tangent(inputs: Sequence[Node], tangents: Sequence[Node | None], out: Node, *, call: Any, index: int) -> Node | None:
    found: Node | None = call.push(inputs, tangents)[index]
    return found


def _cotangents(inputs: Sequence[Node], ct: Node, out: Node, *, call: Any, index: int) -> Any:
    return call.pull(inputs, {index: ct})


def _batched(inputs: Sequence[Node], batched: Sequence[bool], *, call: Any, index: int) -> Node:
    found: Node = call.batched(inputs, batched)[index]
    return found


custom = primitive(
    "custom",
    _type,
    _value,
    Rules(_tangent, _cotangents),
    Expand(_definition),
    elementwise=False,
    batch=_batched,
    ulp=0.0,
    doc="One result of a custom function, whose derivative and batched form are its author's code.",
)
