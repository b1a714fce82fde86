"""vmap: a function over one axis of its arguments, as one batched computation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from symgrad.eager.faces import Face, lift_one
from symgrad.eager.trees import flatten, unflatten
from symgrad.eager.values import is_plain
from symgrad.errors import ShapeError, at_user_line
from symgrad.ir.dims import same_size
from symgrad.ir.expr import Node, fresh_input, ops
from symgrad.ir.types import TensorType, normalize_axis
from symgrad.tracing import run_user_code
from symgrad.transform.vmap import batch
from symgrad.transforms import face_for, outer_node, to_numpy

__all__ = ["vmap"]

Function = Callable[..., Any]


def vmap(fn: Function, in_dims: int | Sequence[int | None] | None = 0, out_dims: int | Sequence[int] = 0) -> Function:
    """Return ``fn`` applied to each slice of its arguments, as one batched computation.

    Parameters
    ----------
    fn : callable
    in_dims : int, None, or a sequence with one for each argument
        The axis of each argument (of each array in it) that is mapped over; None for arguments used whole.
    out_dims : int or sequence of int
        Where the batch axis goes in each result.

    Raises
    ------
    ShapeError
        When the mapped axes differ in size.
    ValueError
        When no argument is mapped.
    """

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        dims = [in_dims] * len(args) if in_dims is None or isinstance(in_dims, int) else list(in_dims)
        if len(dims) != len(args):
            raise ValueError(at_user_line(f"vmap: in_dims must name an axis for each of {len(args)} arguments, got {in_dims}"))
        moved, replaced = _enter_batch(args, dims)
        result, tree = flatten(run_user_code(fn, replaced, kwargs))
        every = flatten([args, kwargs])[0]
        face = face_for(every)
        outputs = batch([lift_one(leaf, face.default_float) for leaf in result], moved)
        size = next(iter(moved.values())).shape[0]
        targets = [out_dims] * len(outputs) if isinstance(out_dims, int) else list(out_dims)
        nodes = [_leave_batch(node, flagged, size, k) for (node, flagged), k in zip(outputs, targets, strict=True)]
        plain = not any(isinstance(leaf, Face) for leaf in every) and is_plain(nodes)
        return unflatten(tree, [to_numpy(n) for n in nodes] if plain else face.settled(nodes))

    return wrapped


def _enter_batch(args: tuple[Any, ...], dims: Sequence[int | None]) -> tuple[dict[Node, Node], list[Any]]:
    moved: dict[Node, Node] = {}
    replaced = list(args)
    for k, axis in enumerate(dims):
        if axis is None:
            continue
        leaves, tree = flatten(args[k])
        faces = []
        for leaf in leaves:
            node = outer_node(leaf, f"arg{k}")
            front = _to_front(node, normalize_axis("vmap", axis, node.ndim))
            inner = fresh_input(f"arg{k}", TensorType(front.shape[1:], front.dtype))
            moved[inner] = front
            faces.append(face_for([leaf])(inner))
        replaced[k] = unflatten(tree, faces)
    sizes = [n.shape[0] for n in moved.values()]
    if not sizes:
        raise ValueError(at_user_line("vmap: at least one argument must be mapped over"))
    if not all(same_size(s, sizes[0]) for s in sizes):
        raise ShapeError(at_user_line(f"vmap: mapped axes must have one size, got {', '.join(map(str, sizes))}"))
    return moved, replaced


def _to_front(node: Node, axis: int) -> Node:
    if axis == 0:
        return node
    rest = [k for k in range(node.ndim) if k != axis]
    return ops.transpose(node, permutation=(axis, *rest))


def _leave_batch(node: Node, flagged: bool, size: Any, axis: int) -> Node:
    if not flagged:
        node = ops.broadcast_to(node, shape=(size, *node.shape))
    position = normalize_axis("vmap", axis, node.ndim)
    if position == 0:
        return node
    order = list(range(1, node.ndim))
    order.insert(position, 0)
    return ops.transpose(node, permutation=tuple(order))
