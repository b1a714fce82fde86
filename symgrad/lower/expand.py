"""Writes primitives that have no loop form of their own as others that do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symgrad.errors import CompileError
from symgrad.ir.expr import Node, Primitive, constant, ops
from symgrad.ir.graph import Graph, rebuild, topological_order
from symgrad.ir.kinds import ByType, Expand, Interpreted, Lowering, Reduce

__all__ = ["expand", "form_of"]

Expander = Callable[[Node], Node | None]


def form_of(node: Node) -> Lowering:
    """Return the lowering of a node's primitive, that for its element type where there are two."""
    lowering = node.primitive.lowering
    if isinstance(lowering, ByType):
        return lowering.floating if node.dtype.is_floating else lowering.integer
    return lowering


def expand(graph: Graph) -> Graph:
    """Return an equal graph of primitives that the loop IR has a form for.

    Raises
    ------
    CompileError
        For a primitive that only the interpreter runs.
    """
    memo: dict[Node, Node] = {}
    known: dict[Primitive, Expander | None] = {}
    for node in graph.order:
        changed = node
        if memo and any(i in memo for i in node.inputs):
            changed = rebuild(node, [memo.get(i, i) for i in node.inputs])
        if known.get(changed.primitive, ...) is not None:
            changed = _expand_node(changed, known)
        if changed is not node:
            memo[node] = changed
    return Graph(graph.inputs, [memo.get(o, o) for o in graph.outputs]) if memo else graph


def _expand_node(node: Node, known: dict[Primitive, Expander | None]) -> Node:
    primitive = node.primitive
    if primitive in known:
        expander = known[primitive]
    else:
        expander = known[primitive] = _expander(primitive)
    replacement = expander(node) if expander is not None else None
    if replacement is None or replacement is node:
        return node
    memo = {i: i for i in node.inputs}
    for inner in topological_order([replacement], stop=node.inputs):
        if inner not in memo:
            memo[inner] = _expand_node(rebuild(inner, [memo[i] for i in inner.inputs]), known)
    return memo[replacement]


def _expander(primitive: Primitive) -> Expander | None:
    named = _BY_NAME.get(primitive.name)
    if named is not None:
        return named
    if isinstance(primitive.lowering, Reduce):
        return _drop_single_axes
    if isinstance(primitive.lowering, (Expand, ByType)):
        return _definition
    if isinstance(primitive.lowering, Interpreted):
        needs = f"compile: {primitive.name} has no form in C, it runs in the interpreter"
        raise CompileError(f"{needs}; {primitive.lowering.instead}")
    return None


def _definition(node: Node) -> Node | None:
    form = form_of(node)
    if not isinstance(form, Expand):
        return None
    result: Node = form.definition(*node.inputs, **node.attributes)
    return result


def _drop_single_axes(node: Node) -> Node | None:
    """Reducing an axis of size 1 is dropping it."""
    (x,) = node.inputs
    axes = node.attributes["axes"]
    single = tuple(a for a in axes if x.shape[a] == 1)
    if not single and axes:
        return None
    rest = tuple(a - sum(s < a for s in single) for a in axes if a not in single)
    if single:
        x = ops.squeeze(x, axes=single)
    return node.primitive(x, axes=rest) if rest else x


def _representable(node: Node) -> Node | None:
    """Bring a float into the integer type's range before it is converted: outside, C leaves the result undefined.

    What is outside, and nan, becomes the least integer, as NumPy has it on x86-64.
    """
    (x,) = node.inputs
    if not (x.dtype.is_floating and node.dtype.is_integer):
        return None
    bound = 2.0 ** (8 * node.dtype.itemsize - 1)
    low = constant(-bound, x.dtype)
    if x.primitive is ops.where and x.inputs[2] is low:  # it has been already
        return None
    inside = ops.logical_and(ops.ge(x, low), ops.lt(x, constant(bound, x.dtype)))
    return ops.cast(ops.where(inside, x, low), dtype=node.dtype)


def _last_axis(node: Node) -> Node | None:
    """Bring the axis of argmax and argmin last, where the loops are in memory order or a copy is made."""
    (x,) = node.inputs
    axis = node.attributes["axis"]
    if x.shape[axis] == 1:
        return ops.broadcast_to(constant(0, node.dtype), shape=node.shape)
    if axis == x.ndim - 1:
        return None
    order = (*(a for a in range(x.ndim) if a != axis), axis)
    return node.primitive(ops.transpose(x, permutation=order), axis=x.ndim - 1)


def _contract(node: Node) -> Node | None:
    """Leave a contraction only where both operands have an axis of their own: a matrix product."""
    labels = [node.attributes["x_labels"], node.attributes["y_labels"]]
    out = node.attributes["out_labels"]
    operands = list(node.inputs)
    for k in (0, 1):
        alone = tuple(a for a, label in enumerate(labels[k]) if label not in out and label not in labels[1 - k])
        if alone:
            operands[k] = ops.sum(operands[k], axes=alone)
            labels[k] = tuple(label for a, label in enumerate(labels[k]) if a not in alone)
    x, y = operands
    own = [set(labels[k]) - set(labels[1 - k]) for k in (0, 1)]
    summed = [label for label in labels[0] if label not in out]
    if own[0] and own[1] and summed:
        if x is node.inputs[0] and y is node.inputs[1]:
            return None
        return node.primitive(x, y, x_labels=labels[0], y_labels=labels[1], out_labels=out)
    order = tuple(out) if not summed else tuple(labels[1] if own[1] else labels[0])
    product = ops.mul(_aligned(x, labels[0], order), _aligned(y, labels[1], order))
    if not summed:
        return product
    total = ops.sum(product, axes=tuple(a for a, label in enumerate(order) if label not in out))
    kept = [label for label in order if label in out]
    return _transposed(total, tuple(kept.index(label) for label in out))


def _aligned(x: Node, labels: Sequence[int], order: Sequence[int]) -> Node:
    """Return ``x`` as a view with one axis for each label of ``order``, of size 1 where it has none."""
    present = [label for label in order if label in labels]
    x = _transposed(x, tuple(labels.index(label) for label in present))
    missing = tuple(a for a, label in enumerate(order) if label not in labels)
    return ops.expand_dims(x, axes=missing) if missing else x


def _transposed(x: Node, permutation: tuple[int, ...]) -> Node:
    return x if permutation == tuple(range(x.ndim)) else ops.transpose(x, permutation=permutation)


_BY_NAME: dict[str, Expander] = {
    "argmax": _last_axis,
    "argmin": _last_axis,
    "cast": _representable,
    "contract": _contract,
}
