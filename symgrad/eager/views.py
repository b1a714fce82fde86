"""Views: results that share their operand's storage, of four kinds."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from symgrad.eager.grad_mode import mode
from symgrad.eager.indexing import Key, parse, read
from symgrad.eager.indexing import write as write_node
from symgrad.eager.layouts import is_ordered
from symgrad.eager.recording import AnyArray, Record, Signature, type_of
from symgrad.eager.shapes import reshape_node
from symgrad.eager.storage import View, cell_of, read_view
from symgrad.eager.tape import Leaf
from symgrad.eager.tensor_face import UNDER_INFERENCE, UNDER_NO_GRAD, Tensor
from symgrad.eager.windows import this_window
from symgrad.ir.dims import Size
from symgrad.ir.expr import Node, fresh_input, ops
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType

__all__ = [
    "SEVERAL",
    "as_alias",
    "as_diagonal",
    "as_expansion",
    "as_getitem",
    "as_permutation",
    "as_reshape",
    "as_several",
    "as_view",
]

MANY_TO_ONE = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
    "Please clone() the tensor before performing the operation."
)

_views: dict[Any, View] = {}
_MOST_VIEWS = 2048


def as_view(tensor: Tensor, kind: Hashable, make: Callable[[TensorType], View]) -> Tensor:
    """Return a view of ``tensor``; ``kind`` tells it from other views of the same type."""
    value = tensor.current()
    key = kind, id(value.type)
    view = _views.get(key)
    if view is None:
        if len(_views) >= _MOST_VIEWS:
            _views.clear()
        view = _views[key] = make(value.type)
    edge = tensor._edge if mode.grad else None
    at_once = edge is None and not value.exposed and not mode.tracing and view.is_slice and type(value.data) is np.ndarray
    data = view.read_at_once(value.data) if at_once else None
    if data is not None:
        record = Record(view, (value,), None, view.type)
        record.data = data
    else:
        record, _ = read_view(view, value, edge, value.data if value.exposed else None)
    made = _new(Tensor)
    made._value, made._edge = record, None if edge is None else record
    cell = cell_of(tensor)
    made._cell, made._chain, made._stamp = cell, (*tensor._chain, view), cell.stamp
    made._counter = tensor.counter
    made._follows = tensor._follows and mode.grad
    made._parent = tensor if tensor._parent is None else tensor._parent
    if tensor._inference:
        made.mark_inference()
    if not mode.grad:
        _set_adrift(made, tensor)
    elif tensor._forbidden:
        _forbid_further(made, tensor)
    return made


_new = Tensor.__new__


def _set_adrift(made: Tensor, tensor: Tensor) -> None:
    """Have a view that was made while nothing is recorded require a gradient as its base does, and refuse recorded writes."""
    if mode.tracing:
        made._forbidden = tensor._forbidden or (UNDER_NO_GRAD if tensor._edge is not None else "")
        return
    made._forbidden = UNDER_INFERENCE if mode.inference else UNDER_NO_GRAD
    if tensor._edge is not None:
        edge = made._edge = Leaf(made._value.type, made)
        edge.adrift = True
        made._born = made.counter[0]


def _forbid_further(made: Tensor, tensor: Tensor) -> None:
    """Have a view of a view that must not be written say so in its turn."""
    made._forbidden = tensor._forbidden
    if tensor._forbidden is UNDER_NO_GRAD or tensor._forbidden is UNDER_INFERENCE:
        name = made._chain[-1].name.removesuffix("Backward0")
        made._forbidden = f"Output 0 of {name} is a view of a view which was{tensor._forbidden.removeprefix('A view was')}"
        made._born = made.counter[0] if tensor._born is not None else None


def as_getitem(tensor: Tensor, key: Any, name: str = "SliceBackward0") -> Tensor:
    """Return ``tensor[key]`` for a key of integers, slices and new axes."""
    parsed = key if isinstance(key, Key) else parse(key, tensor._value.type.shape)
    return _sliced(tensor, parsed, name)


SEVERAL = (
    "{} is being modified inplace{}. This view is the output of a function that returns multiple views. Such functions do not "
    "allow the output views to be modified inplace. You should replace the inplace operation by an out-of-place one."
)


def as_several(tensor: Tensor, keys: Sequence[Any], name: str) -> tuple[Tensor, ...]:
    """Return ``tensor[key]`` for several keys, as the results of one entry of the tape; they must not be written."""
    made = tuple([as_getitem(tensor, key, name) for key in keys])
    for k, one in enumerate(made):
        if not one._forbidden:
            named = f"Output {k} of {name.removesuffix('Backward0')} is a view and", ""
            unnamed = "A view was created in no_grad mode and", " with grad mode enabled"
            one._forbidden = SEVERAL.format(*(unnamed if one._edge is None else named))
            one._born = tensor.counter[0]
    if len(made) > 1 and isinstance(made[0]._edge, Record):
        entry = Record(_joint(made, name), (tensor._value,), made[0]._value.edges, made[0]._value.type)
        on_tape = [k for k, carries in enumerate(entry.signature.carries) if carries]  # type: ignore[union-attr]  # it has one
        for k, edge in zip(on_tape, this_window().record_entry(entry, on_tape), strict=True):
            made[k]._edge = edge
    return made


_joints: dict[Any, Signature] = {}


def _joint(made: Sequence[Tensor], name: str) -> Signature:
    """Return the operation that gives the results of several views of one tensor."""
    views = tuple([one._chain[-1] for one in made])
    found = _joints.get(views)
    if found is None:
        if len(_joints) >= _MOST_JOINTS:
            _joints.clear()
        node = fresh_input("x", views[0].graph.inputs[0].type)
        found = _joints[views] = Signature(name, Graph([node], [v.graph(node)[0] for v in views]))
    return found


_MOST_JOINTS = 256


def _sliced(tensor: Tensor, key: Key, name: str) -> Tensor:

    def make(operand: TensorType) -> View:
        def put(base: Node, new: Node) -> Node:
            return write_node(base, key, new, base.dtype)

        type_ = None
        if all(isinstance(s, int) for s in operand.shape):
            sizes = [count for _, count, _ in key.ranges if count is not None]
            for place in key.inserted:
                sizes.insert(place, 1)
            type_ = type_of(tuple(sizes), operand.dtype)
        index = _numpy_key(key)
        return View(name, operand, lambda x: read(x, key), put, lambda a: a[index], type_=type_)

    return as_view(tensor, ("slice", name, key), make)


def _numpy_key(key: Key) -> tuple[Any, ...]:
    items: list[Any] = []
    for start, count, step in key.ranges:
        if count is None:
            items.append(start)
            continue
        stop: Any = start + count * step
        items.append(slice(start, None if stop < 0 else stop, step) if count else slice(0, 0))
    for place in key.inserted:
        kept = [k for k, item in enumerate(items) if item is None or isinstance(item, slice)]
        items.insert(kept[place] if place < len(kept) else len(items), None)
    return (*items, ...)  # also where nothing is left: a view without axes, not a copied number


def as_permutation(tensor: Tensor, order: Sequence[int], name: str = "PermuteBackward0") -> Tensor:
    """Return the axes in another order."""
    axes = tuple(order)
    back = tuple(sorted(range(len(axes)), key=axes.__getitem__))

    def make(operand: TensorType) -> View:
        return View(
            name,
            operand,
            lambda x: ops.transpose(x, permutation=axes) if axes else x,
            lambda base, new: ops.transpose(new, permutation=back) if back else new,
            lambda a: a.transpose(axes),
        )

    return as_view(tensor, ("permute", name, axes), make)


def as_reshape(tensor: Tensor, shape: Sequence[Size], name: str = "ViewBackward0") -> Tensor:
    """Return the elements in the same order in another shape, all of whose sizes are given."""
    sizes = tuple(shape)

    def make(operand: TensorType) -> View:
        return View(
            name,
            operand,
            lambda x: reshape_node(x, sizes),
            lambda base, new: reshape_node(new, operand.shape),
            lambda a: a.reshape(sizes),
        )

    made = as_view(tensor, ("reshape", name, sizes), make)
    if is_ordered(tensor):
        made._in_order = made._chain
    return made


def as_diagonal(tensor: Tensor, order: Sequence[int], starts: tuple[int, int], length: int) -> Tensor:
    """Return a diagonal of the last two axes of a permutation, as the last axis, from a row and a column on."""
    axes = tuple(order)
    back = tuple(sorted(range(len(axes)), key=axes.__getitem__))

    def make(operand: TensorType) -> View:
        *rest, rows, columns = (operand.shape[a] for a in axes)
        step: Any = columns + 1
        first: Any = starts[0] * columns + starts[1] if length else 0
        key = parse((..., slice(first, first + length * step, step)), (*rest, rows * columns))

        def flat(x: Node) -> Node:
            return reshape_node(ops.transpose(x, permutation=axes), (*rest, rows * columns))

        def put(base: Node, new: Node) -> Node:
            written = write_node(flat(base), key, new, base.dtype)
            return ops.transpose(reshape_node(written, (*rest, rows, columns)), permutation=back)

        def array(a: AnyArray) -> AnyArray:
            low, right = starts if length else (0, 0)
            square = a.transpose(axes)[..., low : low + length, right : right + length]
            found: AnyArray = np.einsum("...ii->...i", square)  # unlike np.diagonal one that may be written
            return found

        return View("DiagonalBackward0", operand, lambda x: read(flat(x), key), put, array)

    return as_view(tensor, ("diagonal", axes, starts, length), make)


def as_alias(tensor: Tensor) -> Tensor:
    """Return a view of the whole tensor."""

    def make(operand: TensorType) -> View:
        return View("AliasBackward0", operand, lambda x: x, lambda base, new: new, lambda a: a)

    return as_view(tensor, ("alias",), make)


def as_expansion(tensor: Tensor, shape: Sequence[Size], name: str = "ExpandBackward0") -> Tensor:
    """Return the values broadcast to a shape; several elements are one, so that it must not be written."""
    sizes = tuple(shape)

    def refuse(base: Node, new: Node) -> Node:
        raise RuntimeError(MANY_TO_ONE)

    def read_wide(a: AnyArray) -> AnyArray:
        return np.broadcast_to(a, sizes)  # type: ignore[arg-type]  # Tensors have fixed sizes

    def make(operand: TensorType) -> View:
        if sizes == operand.shape:
            return View(name, operand, lambda x: x, lambda base, new: new, lambda a: a)
        return View(name, operand, lambda x: ops.broadcast_to(x, shape=sizes), refuse, read_wide, repeats=True)

    return as_view(tensor, ("expand", name, sizes), make)
