"""Reverse mode: the cotangent of each input from the cotangents of the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symgrad.ir.expr import Node, ops
from symgrad.ir.graph import topological_order
from symgrad.ir.kinds import Bilinear, Linear, Partials, Reduce, Rules, SameAs, Select, Zero
from symgrad.transform.cotangents import Cotangent, accumulate, clean, shrink
from symgrad.transform.partials import cast_like, partial_of, scale, times

__all__ = ["pull_back", "pull_back_masked"]

Pending = dict[Node, list[Cotangent]]


def pull_back(outputs: Sequence[Node], cotangents: Sequence[Node | None], wrt: Sequence[Node]) -> list[Node | None]:
    """Return the cotangent of each node of ``wrt``, None for a symbolic zero.

    Parameters
    ----------
    outputs : sequence of Node
    cotangents : sequence of Node or None
        For each output a node of its shape and element type.
    wrt : sequence of Node
        Inputs, or any nodes the outputs depend on.
    """
    pending = _seed(outputs, cotangents)
    results = _sweep(outputs, pending, wrt)
    return [None if (found := results.get(node)) is None else clean(found) for node in wrt]


def pull_back_masked(
    outputs: Sequence[Node], cotangents: Sequence[Cotangent | None], wrt: Sequence[Node]
) -> list[Cotangent | None]:
    """Return what ``pull_back`` does from and to masked cotangents, for a function that is differentiated piecewise."""
    pending: Pending = {}
    for output, cotangent in zip(outputs, cotangents, strict=True):
        if cotangent is not None:
            pending.setdefault(output, []).append(cotangent)
    results = _sweep(outputs, pending, wrt)
    return [results.get(node) for node in wrt]


def _seed(outputs: Sequence[Node], cotangents: Sequence[Node | None]) -> Pending:
    pending: Pending = {}
    for output, cotangent in zip(outputs, cotangents, strict=True):
        if cotangent is not None:
            pending.setdefault(output, []).append(Cotangent(cotangent))
    return pending


def _sweep(outputs: Sequence[Node], pending: Pending, wrt: Sequence[Node]) -> dict[Node, Cotangent]:
    order = topological_order(outputs)
    active = set(wrt)
    custom = ops.custom
    calls: dict[Any, list[Node]] = {}
    for node in order:
        if not active.isdisjoint(node.inputs):
            active.add(node)
            if node.primitive is custom:
                calls.setdefault((node.inputs, node.attributes["call"]), []).append(node)
    wanted = set(wrt)
    results: dict[Node, Cotangent] = {}
    for node in reversed(order):
        if calls and node.primitive is custom:
            together = calls.get((node.inputs, node.attributes["call"]), [node])
            if together[0] is node:  # before it in order nothing can still add to the others
                _pull_back_call(together, active, wanted, pending, results)
            continue
        contributions = pending.pop(node, None)
        if contributions is None or node not in active:
            continue
        total = accumulate(contributions)
        if node in wanted:
            results[node] = total
        if node.dtype.is_floating:
            _pull_back_node(node, total, active, pending)
    return results


def _pull_back_call(together: list[Node], active: set[Node], wanted: set[Node], pending: Pending, results: Any) -> None:
    """Pull back all results of one call of a custom function at once."""
    given: dict[int, Node] = {}
    for node in together:
        contributions = pending.pop(node, None)
        if contributions is None or node not in active:
            continue
        total = accumulate(contributions)
        if node in wanted:
            results[node] = total
        if node.dtype.is_floating:
            given[node.attributes["index"]] = clean(total)
    first = together[0]
    if not given or active.isdisjoint(first.inputs):
        return
    for operand, value in zip(first.inputs, first.attributes["call"].pull(first.inputs, given), strict=True):
        if operand in active and value is not None:
            _add(pending, operand, Cotangent(value))


def _pull_back_node(node: Node, cotangent: Cotangent, active: set[Node], pending: Pending) -> None:
    """Add to ``pending`` what ``node`` passes to its active operands, by the kind of its derivative."""
    kind = node.primitive.derivative
    if isinstance(kind, Zero):
        return
    if isinstance(kind, Partials):
        for k, entry in enumerate(kind.each):
            if node.inputs[k] in active and (partial := partial_of(entry, node)) is not None:
                _add(pending, node.inputs[k], Cotangent(scale(cotangent.value, partial), cotangent.mask))
    elif isinstance(kind, Select):
        _select(node, cotangent, active, pending)
    elif isinstance(kind, Linear):
        _linear(node, kind, cotangent, active, pending)
    elif isinstance(kind, Bilinear):
        _bilinear(node, kind, cotangent, active, pending)
    elif isinstance(kind, SameAs):
        _same_as(node, kind, cotangent, active, pending)
    else:
        assert isinstance(kind, Rules)
        passed = kind.vjp(node.inputs, clean(cotangent), node, **node.attributes)
        for operand, value in zip(node.inputs, passed, strict=True):
            if operand in active and value is not None:
                _add(pending, operand, Cotangent(value, _rules_mask(node, cotangent.mask, operand)))


def _add(pending: Pending, operand: Node, cotangent: Cotangent) -> None:
    """Put a contribution on an operand's list, in the operand's own shape and element type."""
    if cotangent.value.type is not operand.type:
        if not operand.dtype.is_floating:
            return
        cotangent = shrink(cotangent, operand)
        if cotangent.value.dtype is not operand.dtype:
            cotangent = Cotangent(cast_like(cotangent.value, operand), cotangent.mask)
    found = pending.get(operand)
    if found is None:
        pending[operand] = [cotangent]
    else:
        found.append(cotangent)


def _select(node: Node, cotangent: Cotangent, active: set[Node], pending: Pending) -> None:
    condition, *branches = node.inputs
    for k, branch in enumerate(branches):
        if branch not in active:
            continue
        selected = ops.logical_not(condition) if k else condition
        mask = selected if cotangent.mask is None else ops.logical_and(cotangent.mask, selected)
        _add(pending, branch, Cotangent(cotangent.value, mask))


def _linear(node: Node, kind: Linear, cotangent: Cotangent, active: set[Node], pending: Pending) -> None:
    args = range(len(node.inputs)) if kind.args is None else kind.args
    if not any(node.inputs[k] in active for k in args):
        return
    mask = cotangent.mask
    value = clean(cotangent) if kind.accumulates else cotangent.value
    values = kind.transpose(value, *node.inputs, **node.attributes)
    masks: Sequence[Node | None] = [None] * len(values)
    if mask is not None:
        spread = mask if mask.shape == node.shape else ops.broadcast_to(mask, shape=node.shape)
        masks = kind.transpose(spread, *node.inputs, **node.attributes)
    for k, passed, passed_mask in zip(args, values, masks, strict=True):
        if node.inputs[k] in active:
            _add(pending, node.inputs[k], Cotangent(passed, passed_mask))


def _bilinear(node: Node, kind: Bilinear, cotangent: Cotangent, active: set[Node], pending: Pending) -> None:
    elementwise = node.primitive.elementwise
    value, mask = cotangent if elementwise else (clean(cotangent), cotangent.mask)
    for k, operand in enumerate(node.inputs):
        if operand in active:
            if node.primitive is ops.mul:
                passed = times(value, node.inputs[1 - k])
            else:
                passed = kind.transpose(value, *node.inputs, index=k, **node.attributes)
            own_mask = mask if mask is None or elementwise else _contraction_mask(node, mask, k)
            _add(pending, operand, Cotangent(passed, own_mask))


def _rules_mask(node: Node, mask: Node | None, operand: Node) -> Node | None:
    """Return the mask of the operand of a reduction by rules (max, min): that of the result, spread over its axes."""
    if mask is None or not isinstance(node.primitive.lowering, Reduce):
        return None
    spread = mask if mask.shape == node.shape else ops.broadcast_to(mask, shape=node.shape)
    return ops.broadcast_to(ops.expand_dims(spread, axes=node.attributes["axes"]), shape=operand.shape)


def _contraction_mask(node: Node, mask: Node, index: int) -> Node:
    """Return where an operand of a contraction meets a result that counts.

    Exactly zero elsewhere; where only some of the results that an element meets count, IEEE arithmetic decides.
    """
    operand = node.inputs[index]
    if mask.ndim == 0:
        return ops.broadcast_to(mask, shape=operand.shape) if operand.ndim else mask
    labels = node.attributes[("x_labels", "y_labels")[index]]
    out = node.attributes["out_labels"]
    spread = mask if mask.shape == node.shape else ops.broadcast_to(mask, shape=node.shape)
    others = tuple(axis for axis, label in enumerate(out) if label not in labels)
    reduced = ops.any(spread, axes=others) if others else spread
    kept = [label for label in out if label in labels]
    order = tuple(sorted(range(len(kept)), key=lambda axis: labels.index(kept[axis])))
    ordered = reduced if order == tuple(range(len(order))) else ops.transpose(reduced, permutation=order)
    missing = tuple(axis for axis, label in enumerate(labels) if label not in out)
    full = ops.expand_dims(ordered, axes=missing) if missing else ordered
    return full if full.shape == operand.shape else ops.broadcast_to(full, shape=operand.shape)


def _same_as(node: Node, kind: SameAs, cotangent: Cotangent, active: set[Node], pending: Pending) -> None:
    definition = kind.definition(*node.inputs, **node.attributes)
    operands = [i for i in dict.fromkeys(node.inputs) if i in active]
    results = _sweep_from(definition, cotangent, operands)
    for operand in operands:
        if operand in results:
            _add(pending, operand, results[operand])


def _sweep_from(definition: Node, cotangent: Cotangent, operands: list[Node]) -> dict[Node, Cotangent]:
    return _sweep([definition], {definition: [cotangent]}, operands)
