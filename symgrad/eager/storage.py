"""Storage: what views, detached aliases and ``.data`` share, and how a write to one is seen by all.

A storage is a cell that holds the record of its present contents. A view is a chain of view operations from the
cell's contents; a write through a view records the new contents of the whole. A write counts up the version and marks
the record it replaced, so that backward finds out that a saved value is gone; a write through ``.data`` only leaves
a trail to the storage, whose contents backward then reads as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.eager.grad_mode import mode
from symgrad.eager.programs import evaluate
from symgrad.eager.recording import AnyArray, Assigned, Record, inference_type, leaf, normal_type, type_of
from symgrad.eager.tape import Leaf, Refused
from symgrad.eager.view_operation import View
from symgrad.eager.windows import this_window
from symgrad.ir.expr import ops

if TYPE_CHECKING:
    from symgrad.eager.tensor_state import TensorState as Tensor

__all__ = ["Cell", "Hidden", "View", "alias", "cell_of", "read_view", "renew", "saved_value", "write"]


Chain = tuple[View, ...]


class Hidden:
    """Where a value is that was overwritten without counting up the version: what the storage holds; and what wrote it.

    ``version`` is the storage's at that time: a write that counts may follow.
    """

    __slots__ = ("by", "cell", "version")

    def __init__(self, cell: Cell, by: Record) -> None:
        self.cell = cell
        self.by = by
        self.version = cell.counter[0]

    @property
    def value(self) -> Record:
        """The storage's present contents."""
        return self.cell.value


class Cell:
    """The storage of some tensors: the record of its contents, and its place on the tape.

    Attributes
    ----------
    value : Record
    edge : Edge or None
        Where a cotangent of the whole contents goes.
    counter : list of int
        The version, counted up by each write; aliases that share it hold the same list.
    stamp : int
        Counts all writes, also those that leave the version alone.
    memory : ndarray or None
        The array that NumPy or DLPack shares, once it was given away or taken in.
    """

    __slots__ = ("__weakref__", "counter", "edge", "memory", "stamp", "value")

    def __init__(self, value: Record, edge: Any, counter: list[int]) -> None:
        self.value = value
        self.edge = edge
        self.counter = counter
        self.stamp = 0
        self.memory: AnyArray | None = None


def cell_of(tensor: Tensor) -> Cell:
    """Return a tensor's storage, made now if nothing shared it before."""
    cell = tensor._cell
    if cell is None:
        edge = tensor._edge
        cell = tensor._cell = Cell(tensor._value, edge, tensor.counter)
        tensor._stamp = 0
        if type(edge) is Leaf:
            edge.keep(tensor)
    return cell


def renew(tensor: Tensor) -> None:
    """Bring a tensor up to the present contents of its storage."""
    cell = tensor._cell
    assert cell is not None
    if not tensor._chain:
        tensor._value, tensor._stamp = cell.value, cell.stamp
        if tensor._follows:
            tensor._edge = cell.edge
        return
    value, edge, array = cell.value, cell.edge if tensor._follows else None, cell.memory
    chain, root = tensor._chain, tensor._parent
    apart = root is not None and not root._follows and isinstance(root._edge, Record) and type(tensor._edge) is not Leaf
    if apart:  # a view of an alias that a write put on the tape
        for view in root._chain:
            array = None if array is None else view.array(array)
        value, edge, chain = root.current(), root._edge, chain[len(root._chain) :]
    for view in chain:
        value, array = read_view(view, value, edge, array)
        edge = None if edge is None else value
    tensor._value, tensor._stamp = value, cell.stamp
    if tensor._born is not None and (edge is not None or tensor._edge is not None):
        if tensor.counter[0] != tensor._born and not isinstance(tensor._edge, Refused):
            tensor._edge = Refused.of(value.type, tensor._forbidden)
    elif tensor._follows or apart:
        tensor._edge = edge


def read_view(view: View, value: Record, edge: Any, memory: AnyArray | None) -> tuple[Record, AnyArray | None]:
    """Return the record of a view of ``value``, and the part of ``memory`` that it is."""
    if memory is None:
        return this_window().record(view, (value,), None if edge is None else (edge,)), None
    made = Record(view, (value,), None if edge is None else (edge,), view.type)
    array = made.data = view.array(memory)  # others may write it: what is read is always the memory itself
    made.exposed = True
    return made, array


def alias(tensor: Tensor, other: Tensor, counted: bool) -> None:
    """Make a new tensor share another's storage, outside its place on the tape; ``counted``: and its version."""
    cell = other._cell or cell_of(other)
    tensor._cell = cell
    tensor._stamp = cell.stamp
    if other._chain:
        tensor._chain = other._chain
    tensor._follows = False
    if counted:
        tensor._counter = other.counter
    if mode.tracing and other._value.type.dtype.is_floating and not other._value.is_plain:
        _cut_off(tensor, other)


def _cut_off(tensor: Tensor, other: Tensor) -> None:
    """Make what shares another's storage pass no derivative on: a trace has no tape that it could be left out of."""
    value = other._value
    view = _cuts.get(value.type)
    if view is None:
        view = _cuts[value.type] = View("AliasBackward0", value.type, ops.stop_gradient, lambda _, new: new, lambda a: a)
    tensor._chain = (*other._chain, view)
    tensor._value = Record(view, (value,), None, view.type)


_cuts: dict[Any, View] = {}


NO_INFERENCE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a normal tensor before "
    "doing inplace update."
)


def write(tensor: Tensor, value: Record, edge: Any) -> None:
    """Give a tensor new contents, of its own type; ``edge`` is None when that is not to be differentiated."""
    if tensor._inference and not mode.inference:
        raise RuntimeError(NO_INFERENCE)
    if mode.inference:  # what was made for it is part of the tensor now
        value.type = (inference_type if tensor._inference else normal_type)(value.type)
    if mode.mapping is not None:
        mode.mapping.check_write(tensor, value)
    if edge is not None:
        tensor.move_retaining(edge)
    counter = tensor._counter
    if counter is None:
        counter = tensor._counter = [0]
    cell = tensor._cell
    if cell is not None:
        _write_shared(tensor, cell, value, edge)
        return
    version = counter[0]
    counter[0] = version + 1
    tensor._value.overwritten = version, counter, value
    tensor._value = value
    if edge is not None:
        tensor._edge = edge
    elif type(tensor._edge) is Leaf:
        tensor._edge.value = value


def _write_shared(tensor: Tensor, cell: Cell, value: Record, edge: Any) -> None:
    """Give a storage that is shared new contents, through one of its tensors."""
    if tensor._stamp != cell.stamp:
        renew(tensor)
    by, root = value, None
    if tensor._chain:  # a write may be refused: nothing has been marked yet
        root, value, edge = _whole(tensor, cell, value, edge)
    _mark(tensor, cell, by)
    if cell.memory is not None:
        value = _into_memory(cell.memory, value)
    if tensor._inference:
        value.type = inference_type(value.type)
    cell.value = value
    cell.stamp += 1
    if root is not None:
        if edge is not None:
            root._edge = edge
            renew(root)
        return
    if edge is not None and tensor._follows:
        cell.edge = edge
    if not tensor._chain:
        tensor._value, tensor._stamp = value, cell.stamp
        if edge is not None:
            tensor._edge = edge


def _mark(tensor: Tensor, cell: Cell, by: Record) -> None:
    """Count up the version, and note at what is overwritten what overwrote it."""
    counter = tensor.counter
    version = counter[0]
    counter[0] = version + 1
    if counter is cell.counter:
        cell.value.overwritten = version, counter, by
    elif tensor._edge is not None:  # a leaf whose data were assigned: its version is not the storage's
        cell.value.overwritten = version, counter, by
        cell.counter[0] += 1
    else:
        cell.value.moved = Hidden(cell, by)


def _whole(tensor: Tensor, cell: Cell, value: Record, edge: Any) -> tuple[Tensor | None, Record, Any]:
    """Return the storage's contents after a write through a view, with their edge.

    The edge is that of an alias which does not follow the storage's place on the tape, where one is returned first.
    """
    chain = type(tensor).written_chain(tensor) if any(view.repeats for view in tensor._chain) else tensor._chain
    root = tensor if tensor._parent is None else tensor._parent
    if root._follows:
        base_edge = cell.edge if mode.grad and tensor._follows else None
        return None, *_put(chain, cell.value, base_edge, value, edge)
    return root, *_put_apart(root, chain, tensor, value, edge)


APART = (
    "a write to a part of an expanded tensor that was detached cannot be put on the tape, because the tensor is itself a view; "
    "detach first, then take the view and expand it"
)


def _put_apart(root: Tensor, chain: Chain, tensor: Tensor, value: Record, edge: Any) -> tuple[Record, Any]:
    """Write to an alias that has its own place on the tape, or a view of it.

    Return the contents of the storage, and the edge of the alias.
    """
    cell, below = cell_of(root), len(root._chain)
    if tensor is root:
        return _put_plainly(cell, chain, value), edge
    own = root.current()
    base_edge = root._edge if mode.grad and isinstance(root._edge, Record) else None
    if chain is not tensor._chain and below:  # its places are those in the storage, not in the alias
        if edge is not None or base_edge is not None:
            raise RuntimeError(APART)
        return _put_plainly(cell, chain, value), None
    value, edge = _put(chain[below:], own, base_edge, value, edge)
    return _put_plainly(cell, root._chain, value) if below else value, edge


def _put_plainly(cell: Cell, chain: Chain, value: Record) -> Record:
    """Return the contents of a storage after a write through a chain of views, off the tape."""
    if not any(view.in_memory for view in chain):
        return _put(chain, cell.value, None, value, None)[0]
    memory = cell.memory
    assert memory is not None  # given away when its bits were viewed
    evaluate([value])
    array = memory
    for view in chain:
        array = view.array(array)
    np.copyto(array, value.data)
    return shared_leaf(memory)


def _put(chain: Chain, contents: Record, base_edge: Any, value: Record, edge: Any) -> tuple[Record, Any]:
    """Return the contents of the whole after a write through a chain of views, and their edge."""
    bases: list[tuple[Record, Any]] = [(contents, base_edge)]
    for view in chain[:-1]:
        base, from_ = bases[-1]
        record = this_window().record(view, (base,), None if from_ is None else (from_,))
        bases.append((record, None if from_ is None else record))
    for view, (base, from_) in zip(reversed(chain), reversed(bases), strict=True):
        put = view.put
        tracked = put.tracks and (edge is not None or from_ is not None)
        value = this_window().record(put, (base, value), (from_, edge) if tracked else None)
        edge = value if tracked else None
    return value, edge


def _into_memory(memory: AnyArray, value: Record) -> Record:
    evaluate([value])
    np.copyto(memory, value.data)
    return shared_leaf(memory)


def shared_leaf(memory: AnyArray) -> Record:
    """Return the record of memory that others may write: operations on it run at once."""
    record = leaf(memory)
    record.exposed = True
    return record


def share(tensor: Tensor) -> AnyArray:
    """Return a tensor's values as an ndarray that shares its storage from now on."""
    cell = cell_of(tensor)
    if cell.memory is None:
        evaluate([cell.value])
        old = cell.value
        memory = np.array(old.data, dtype=old.type.dtype.numpy, order="C")
        cell.memory = memory
        cell.value = shared_leaf(memory)
        old.moved = Hidden(cell, cell.value)  # what was saved is now what the memory holds
        cell.stamp += 1
        renew(tensor)
    array = cell.memory
    for view in tensor._chain:
        array = view.array(array)
    return array


def saved_value(record: Record, viewed: bool = False) -> Record:
    """Return the record that backward reads where the forward pass read ``record``.

    It is another one after a write that autograd was not told of. What is ``viewed`` keeps its storage when a leaf is
    assigned other data.
    """
    while record.moved is not None and record.moved.value is not record and record.moved.value.type is record.type:
        if viewed and isinstance(record.moved, Assigned):
            break
        record = record.moved.value
    signature = record.signature
    if signature is not None and signature.view and record.inputs:
        base = saved_value(record.inputs[0], True)
        if base is not record.inputs[0]:
            return Record(signature, (base,), None, record.type)
    return record


def written_over(record: Record) -> tuple[int, list[int], Record] | None:
    """Return the version a saved record had and its storage's counter, if it was written since; None if it was not."""
    viewed = False
    while True:
        if record.overwritten is not None:
            return record.overwritten
        moved = record.moved
        if isinstance(moved, Hidden):
            if moved.cell.counter[0] != moved.version:
                return moved.version, moved.cell.counter, moved.cell.value
        elif moved is not None and not viewed and moved.value.overwritten is not None:
            return moved.value.overwritten
        signature = record.signature
        if signature is None or not signature.view or not record.inputs:
            return None
        record = record.inputs[0]
        viewed = True


def touched(record: Record) -> bool:
    """Whether a value, or what it is a view of, was written since."""
    return written_over(record) is not None or written_by(record) is not None


def written_by(record: Record) -> Record | None:
    """Return what overwrote a value, or what it is a view of, without counting up the version; None if nothing did."""
    while record.moved is None:
        signature = record.signature
        if signature is None or not signature.view or not record.inputs:
            return None
        record = record.inputs[0]
    return record.moved.by


__all__ += ["share", "shared_leaf", "touched", "type_of", "written_by", "written_over"]
