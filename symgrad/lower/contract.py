"""Matrix products, gathers and scatters: where their operands lie, and in which order the loops run."""

from __future__ import annotations

from collections.abc import Sequence

from symgrad.ir.dims import Size, product
from symgrad.ir.expr import Node
from symgrad.lower.access import Map, compose, flatten, identity, space_of, strides_of
from symgrad.lower.fuse import Plan
from symgrad.lower.loops import ZERO, Affine, Contract, Scatter

__all__ = ["contract_step", "gather_index", "scatter_step"]

Access = tuple[int, Affine]


def _numbers(shape: Sequence[Size]) -> dict[int, int]:
    """Return the place in the space of each axis that is not of size 1."""
    return {axis: k for k, axis in enumerate([a for a, s in enumerate(shape) if s != 1])}


def _place(numbers: dict[int, int], axis: int) -> Affine:
    return Affine(0, ((numbers[axis], 1),)) if axis in numbers else ZERO


def gather_index(node: Node, plan: Plan) -> tuple[Affine, Size]:
    """Return where a gather reads apart from its index, and the distance of neighbours along the gathered axis."""
    x, indices = node.inputs
    axis = node.attributes["axis"]
    source = _numbers(x.shape)
    result = _numbers(node.shape)
    position = _position(x, plan)
    over: Map = tuple(ZERO if a == axis else _place(result, a if a < axis else a - 1 + indices.ndim) for a in sorted(source))
    stride = dict(position.terms).get(source.get(axis, -1), 0)
    return compose(position, over), stride


def _position(x: Node, plan: Plan) -> Affine:
    view = plan.views.get(x)
    space = space_of(x.shape)
    if view is None:
        return flatten(identity(len(space)), space)
    if view.axes is None:
        assert view.flat is not None
        return view.flat
    return flatten(view.axes, space_of(view.source.shape))


def scatter_step(node: Node, buffer: int, updates: Access, indices: Access) -> Scatter:
    """Return the loop that adds each update where its index says."""
    given, positions = node.inputs
    axis = node.attributes["axis"]
    numbers = _numbers(given.shape)
    strides = strides_of(node.shape)
    terms = []
    for a, k in numbers.items():
        if a < axis:
            terms.append((k, strides[a]))
        elif a >= axis + positions.ndim:
            terms.append((k, strides[a - positions.ndim + 1]))
    over: Map = tuple(_place(numbers, axis + a) for a, size in enumerate(positions.shape) if size != 1)
    return Scatter(
        space_of(given.shape),
        buffer,
        Affine(0, tuple(terms)),
        strides[axis],
        indices[0],
        compose(indices[1], over),
        updates[0],
        updates[1],
    )


def contract_step(node: Node, out: int, x: Access, y: Access) -> tuple[Contract, bool]:
    """Return the loops of a matrix product, and whether they add to memory that must be zero before.

    The innermost loop is one along which the result and the operands lie close together: a row of the result
    that is added to, or else a dot product.
    """
    a, b = node.inputs
    x_labels, y_labels, out_labels = (node.attributes[k] for k in ("x_labels", "y_labels", "out_labels"))
    sizes = dict(zip((*x_labels, *y_labels), (*a.shape, *b.shape), strict=True))
    x_steps = _steps(x_labels, a.shape, x[1])
    y_steps = _steps(y_labels, b.shape, y[1])
    out_steps = dict(zip(out_labels, strides_of(node.shape), strict=True))
    summed = [label for label in x_labels if label in y_labels and label not in out_labels]
    kept = [label for label in out_labels if sizes[label] != 1]
    summed = [label for label in summed if sizes[label] != 1]
    order = _loop_order(kept, summed, x_steps, y_steps)
    number = {label: k for k, label in enumerate(order)}

    def over(steps: dict[int, Size], offset: Size) -> Affine:
        return Affine(offset, tuple((number[label], steps[label]) for label in order if steps.get(label, 0) != 0))

    step = Contract(
        extents=tuple(sizes[label] for label in order),
        summed=tuple(label in summed for label in order),
        x=x[0],
        x_index=over(x_steps, x[1].offset),
        y=y[0],
        y_index=over(y_steps, y[1].offset),
        out=out,
        out_index=over(out_steps, 0),
        dtype=node.dtype,
    )
    flags = [label in summed for label in order]
    accumulates = flags != sorted(flags) or product([sizes[label] for label in summed]) == 0
    return step, accumulates


def _steps(labels: Sequence[int], shape: Sequence[Size], position: Affine) -> dict[int, Size]:
    numbers = _numbers(shape)
    terms = dict(position.terms)
    return {label: terms.get(numbers.get(a, -1), 0) for a, label in enumerate(labels)}


def _loop_order(kept: list[int], summed: list[int], x: dict[int, Size], y: dict[int, Size]) -> list[int]:
    """Return rows outside, then the sum, then a row of the result; the sum innermost where both operands are contiguous in it."""
    if not summed or not kept:
        return [*kept, *summed]
    last = kept[-1]
    row_cost = sum(1 for s in (x, y) if s.get(last, 0) not in (0, 1))
    dots = [label for label in summed if x.get(label, 0) == 1 and y.get(label, 0) == 1]
    if row_cost and dots:
        return [*kept, *[label for label in summed if label != dots[0]], dots[0]]
    return [*kept[:-1], *summed, last]
