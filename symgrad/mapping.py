"""vmap: a function over one axis of its arguments, as one batched computation. Messages are torch's."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from symgrad.eager.faces import Face, lift_one
from symgrad.eager.grad_mode import mode
from symgrad.eager.programs import node_of
from symgrad.eager.recording import Record
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.trees import Tree, flatten, unflatten
from symgrad.eager.values import bound_input, is_plain, new_mapped, reached
from symgrad.errors import ShapeError, at_user_line
from symgrad.ir.dims import same_size
from symgrad.ir.expr import Node, ops
from symgrad.ir.types import TensorType
from symgrad.tracing import run_user_code
from symgrad.transform.vmap import batch
from symgrad.transforms import face_for, outer_node, to_numpy

__all__ = ["vmap"]

Function = Callable[..., Any]
Dims = Any  # an int, None, or a nest of them


def vmap(
    fn: Function, in_dims: Dims = 0, out_dims: Dims = 0, randomness: str = "error", *, chunk_size: int | None = None
) -> Function:
    """Return ``fn`` applied to each slice of its arguments, as one batched computation.

    Parameters
    ----------
    fn : callable
    in_dims : int, or a nest
        The axis that is mapped over: one for all arguments, or a tuple with one for each, which may be nested like the
        argument; None for what is used whole.
    out_dims : int, None, or a nest
        Where the batch axis goes in each result; None for a result that has none.
    randomness : {"error", "same", "different"}
        What random numbers drawn by ``fn`` do.
    chunk_size : int, optional
        Accepted for torch's sake: the batch is always computed as a whole.

    Raises
    ------
    ValueError
        When the arguments, results and their axes do not fit each other.
    RuntimeError
        When ``fn`` asks for a value, or draws random numbers while ``randomness`` is "error".
    """
    if randomness not in ("error", "same", "different"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    name = getattr(fn, "__name__", repr(fn))

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        level = _Level(randomness)
        replaced = level.enter(name, in_dims, args)
        with level:
            found = run_user_code(fn, replaced, kwargs)
        result, tree = flatten(found)
        every = flatten([args, kwargs])[0]
        face = face_for(every)
        targets = _placed(name, out_dims, found, tree)
        _only_arrays(name, found, result)
        with _batching():
            outputs = batch([lift_one(leaf, face.default_float) for leaf in result], level.moved)
        nodes = [_leave_batch(name, node, flagged, level.size, k) for (node, flagged), k in zip(outputs, targets, strict=True)]
        plain = not any(isinstance(leaf, Face) for leaf in every) and is_plain(nodes)
        results = [to_numpy(n) for n in nodes] if plain else face.settled(nodes)
        level.pass_on_writes(name)
        return unflatten(tree, results)

    return wrapped


IN_PLACE = (
    "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args that has "
    "more elements than `self`. This happened due to `other` being vmapped over but `self` not being vmapped over in a vmap. "
    "Please try to use out-of-place operators instead of inplace arithmetic."
)


class _Level:
    """One vmap under way: what its inputs stand for, and what random numbers do in it."""

    def __init__(self, randomness: str) -> None:
        self.randomness = randomness
        self.moved: dict[Node, Node] = {}
        self.size: Any = 0
        self._entered: list[tuple[Tensor, Tensor, Node, int]] = []  # outside, inside, what that was at first, the axis
        self._outside: Any = None

    def __enter__(self) -> None:
        self._outside = mode.mapping
        mode.mapping = self
        mode.transforms += 1

    def __exit__(self, *error: object) -> None:
        mode.mapping = self._outside
        mode.transforms -= 1

    def enter(self, name: str, in_dims: Dims, args: tuple[Any, ...]) -> list[Any]:
        """Return the arguments with inner inputs in place of what is mapped."""
        leaves, tree = flatten(list(args))
        replaced = []
        for leaf, axis in zip(leaves, _mapped_axes(name, in_dims, args, leaves, tree), strict=True):
            if axis is None:
                replaced.append(leaf)
                continue
            inner = self._mapped(_to_front(outer_node(leaf, "x"), axis))
            replaced.append(face_for([leaf])(inner))
            if isinstance(leaf, Tensor):
                self._entered.append((leaf, replaced[-1], inner, axis))
        sizes = [n.shape[0] for n in self.moved.values()]
        if not sizes:
            raise ValueError(at_user_line("vmap: Expected at least one Tensor to vmap over"))
        if not all(same_size(s, sizes[0]) for s in sizes):
            unequal = f"got sizes [{', '.join(map(str, sizes))}] for the mapped dimension"
            raise ShapeError(at_user_line(f"vmap: Expected all tensors to have the same size in the mapped dimension, {unequal}"))
        self.size = sizes[0]
        entered: list[Any] = unflatten(tree, replaced)
        return entered

    def _mapped(self, front: Node) -> Node:
        inner = new_mapped("x", TensorType(front.shape[1:], front.dtype))
        self.moved[inner] = front
        return inner

    def check_write(self, target: Tensor, value: Record) -> None:
        """Raise RuntimeError where something that is the same in each slice is to be written with what is not."""
        root = target if target._parent is None else target._parent
        level, old, new = self, [node_of(target.current())], [node_of(value)]
        while level is not None:
            before, after = (reached(nodes, level.moved) for nodes in (old, new))
            if after and not before and level not in root.__dict__.get("_slices_of", ()):
                raise RuntimeError(at_user_line(IN_PLACE))
            old += [level.moved[n] for n in before]
            new += [level.moved[n] for n in after]
            level = level._outside

    def adopt(self, made: Tensor, source: Tensor) -> None:
        """Let what was made like a slice be written as a slice."""
        level, nodes = self, [source.node]
        while level is not None:
            found = reached(nodes, level.moved)
            if found or level in source.__dict__.get("_slices_of", ()):
                made.__dict__.setdefault("_slices_of", []).append(level)
            nodes += [level.moved[n] for n in found]
            level = level._outside

    def pass_on_writes(self, name: str) -> None:
        """Write to the arguments what was written to their slices."""
        for outside, inside, inner, axis in self._entered:
            if inside.node is inner:
                continue
            with _batching():
                ((node, flagged),) = batch([inside.node], self.moved)
            (whole,) = Tensor.settled([_leave_batch(name, node, flagged, self.size, axis)])
            outside.write_in_place(whole.current(), whole.edge())

    def check_random(self) -> None:
        """Raise RuntimeError for random numbers that may not be the same in each slice."""
        if self.randomness == "same":
            return
        refused = "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
        if self.randomness == "different":
            refused = "vmap: this random operation has no batched form, only rand, randn and randint do. Please use the 'same' "
        raise RuntimeError(at_user_line(refused + "randomness flags on vmap or perform the randomness operation out of vmap"))

    def different(self, draw: Callable[[tuple[int, ...]], np.ndarray[Any, Any]], shape: tuple[int, ...]) -> Node:
        """Return random numbers of a shape that are others in each slice."""
        whole = (self.size, *shape)
        outside = self._outside
        nested = outside is not None and outside.randomness == "different"
        return self._mapped(outside.different(draw, whole) if nested else bound_input(draw(whole), "random"))


@contextmanager
def _batching() -> Iterator[None]:
    """Have custom functions ask for a rule to be batched by, as the user's vmap demands."""
    before = mode.batching
    mode.batching = True
    try:
        yield
    finally:
        mode.batching = before


def _spread(dims: Dims, tree: Tree) -> list[Any] | None:
    """Return the axis of each leaf of a nest, from one that may be less deep; None where they do not fit."""
    if not isinstance(dims, (tuple, list, dict)):
        return [dims] * tree.leaves
    if tree.kind is None or len(dims) != len(tree.children):
        return None
    if isinstance(dims, dict):
        if not issubclass(tree.kind, dict) or set(dims) != set(tree.keys):
            return None
        members = [dims[key] for key in tree.keys]
    elif issubclass(tree.kind, dict):
        return None
    else:
        members = list(dims)
    found: list[Any] = []
    for member, child in zip(members, tree.children, strict=True):
        part = _spread(member, child)
        if part is None:
            return None
        found += part
    return found


def _mapped_axes(name: str, in_dims: Dims, args: tuple[Any, ...], leaves: Sequence[Any], tree: Tree) -> list[int | None]:
    """Return for each leaf of the arguments the axis to map over, None for one that is used whole.

    Raises
    ------
    ValueError
        As torch does.
    """
    what = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple, list)):
        nest = "expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs"
        raise ValueError(at_user_line(f"{what}: {nest}, got: {type(in_dims)}."))
    if not args:
        none = "got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a function with no inputs."
        raise ValueError(at_user_line(f"vmap({name})(<inputs>): {none} The latter is unsupported."))
    axes = _spread(in_dims, tree)
    if axes is None:
        nested = f"in_dims is not compatible with the structure of `inputs`, {len(args)} arguments of {tree.leaves} leaves"
        raise ValueError(at_user_line(f"{what}: {nested}"))
    return [None if axis is None else _mapped_axis(what, axis, leaf) for axis, leaf in zip(axes, leaves, strict=True)]


def _mapped_axis(what: str, axis: Any, leaf: Any) -> int:
    if not isinstance(axis, int):
        only = "for an input but in_dim must be either an integer dimension or None."
        raise ValueError(at_user_line(f"{what}: Got in_dim={axis} {only}"))
    if not isinstance(leaf, (Face, np.ndarray, np.generic)):
        kind = f"for an input but the input is of type {type(leaf)}. We cannot vmap over non-Tensor arguments"
        raise ValueError(at_user_line(f"{what}: Got in_dim={axis} {kind}, please use None as the respective in_dim"))
    rank = leaf.ndim
    if not -rank <= axis < rank:
        range_ = f"expected in_dim to satisfy -{rank} <= in_dim < {rank}"
        rank_ = f"for some input, but that input is a Tensor of dimensionality {rank}"
        raise ValueError(at_user_line(f"{what}: Got in_dim={axis} {rank_} so {range_}."))
    return axis % rank


def _placed(name: str, out_dims: Dims, found: Any, tree: Tree) -> list[Any]:
    """Return for each result where its batch axis goes.

    Raises
    ------
    ValueError
        When they do not fit the results.
    """
    what = f"vmap({name}, ..., out_dims={out_dims})"
    given = [] if out_dims is None else _members(out_dims)
    if not all(d is None or isinstance(d, int) for d in given):
        must = "`out_dims` must be an int, None or a python collection of ints representing where in the outputs the vmapped "
        raise ValueError(at_user_line(f"{what}: {must}dimension should appear."))
    if tree.kind is None and isinstance(out_dims, (tuple, list)) and len(out_dims) == 1:
        return list(out_dims)
    axes = _spread(out_dims, tree)
    if axes is None:
        kind = "one array" if tree.kind is None else f"a {tree.kind.__name__} of {len(tree.children)}"
        raise ValueError(at_user_line(f"{what}(<inputs>): out_dims is not compatible with the structure of `outputs`, {kind}."))
    return axes


def _members(dims: Dims) -> list[Any]:
    if isinstance(dims, (tuple, list, dict)):
        inner = dims.values() if isinstance(dims, dict) else dims
        return [m for d in inner for m in _members(d)]
    return [dims]


def _only_arrays(name: str, found: Any, leaves: Sequence[Any]) -> None:
    for leaf in [found] if found is None else leaves:
        if not isinstance(leaf, (Face, np.ndarray, np.generic)):
            kind = f"must only return Tensors, got type {type(leaf)}. Did you mean to set out_dims= to None for output?"
            raise ValueError(at_user_line(f"vmap({name}, ...): `{name}` {kind}"))


def _to_front(node: Node, axis: int) -> Node:
    if axis == 0:
        return node
    rest = [k for k in range(node.ndim) if k != axis]
    return ops.transpose(node, permutation=(axis, *rest))


def _leave_batch(name: str, node: Node, flagged: bool, size: Any, axis: int | None) -> Node:
    if axis is None:
        if flagged:
            raise ValueError(at_user_line(f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None"))
        return node
    if not flagged:
        node = ops.broadcast_to(node, shape=(size, *node.shape))
    rank = node.ndim
    if not -rank <= axis < rank:
        message = f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {axis})"
        raise IndexError(at_user_line(message))
    position = axis % rank
    if position == 0:
        return node
    order = list(range(1, rank))
    order.insert(position, 0)
    return ops.transpose(node, permutation=tuple(order))
