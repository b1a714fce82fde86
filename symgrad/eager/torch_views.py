"""torch's views: reshapes, permutations, slices and axes of size 1, each by one of the three kinds of view."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from symgrad.dtypes import DType, as_dtype
from symgrad.eager.layouts import is_ordered, viewable
from symgrad.eager.torch_basics import clone, reshaped_copy
from symgrad.eager.torch_bits import as_bits
from symgrad.eager.torch_rules import axes_of, axis_of, refuse, shape_text
from symgrad.eager.views import as_diagonal, as_expansion, as_getitem, as_permutation, as_reshape, as_several
from symgrad.errors import at_user_line

__all__ = ["FUNCTIONS", "LINALG", "PROPERTIES", "sizes_of", "view_by_key"]

Function = Callable[..., Any]

ALL = slice(None)


def sizes_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Return sizes given one by one or as one sequence."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    for size in sizes:
        if not hasattr(size, "__index__"):
            kind = type(size).__name__
            raise TypeError(at_user_line(f"shape must be tuple of ints, but found element of type {kind}"))
    return tuple([s if isinstance(s, int) else int(s) for s in sizes])


# reshapes


def _shape_for(x: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape with its -1 worked out, or raise in torch's words."""
    total = _product(x.shape)
    if shape.count(-1) > 1:
        refuse("only one dimension can be inferred")
    if any(s < -1 for s in shape):
        refuse(f"invalid shape dimension {min(shape)}")
    rest = _product([s for s in shape if s != -1])
    if -1 not in shape:
        if rest != total:
            refuse(f"shape '{shape_text(shape)}' is invalid for input of size {total}")
        return shape
    if rest == 0:
        why = "because the unspecified dimension size -1 can be any value and is ambiguous"
        refuse(f"cannot reshape tensor of {total} elements into shape {shape_text(shape)} {why}")
    if total % rest:
        refuse(f"shape '{shape_text(shape)}' is invalid for input of size {total}")
    return tuple(total // rest if s == -1 else s for s in shape)


def _product(sizes: Sequence[int]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total


NOT_VIEWABLE = (
    "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous "
    "subspaces). Use .reshape(...) instead."
)


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    """Return the elements in a shape that fits: a view where memory allows it, else a copy."""
    if is_ordered(x):
        return as_reshape(x, shape)
    return as_reshape(x, shape, "ReshapeAliasBackward0") if viewable(x, shape) else reshaped_copy(clone(x), shape=shape)


def _viewed(x: Any, shape: tuple[int, ...]) -> Any:
    """Return the elements in a shape that fits, never a copy."""
    return as_reshape(x, shape) if viewable(x, shape) else refuse(NOT_VIEWABLE)


def reshape(input: Any, *shape: Any) -> Any:
    """Return the elements in the same order with another shape, a view where memory allows it; one size may be -1."""
    return _reshaped(input, _shape_for(input, sizes_of(shape)))


def view(input: Any, *shape: Any, dtype: Any = None) -> Any:
    """Return the elements with another shape, or their bits as another element type, without a copy.

    Raises
    ------
    RuntimeError
        When their order in memory does not allow it; ``reshape`` copies then.
    """
    if dtype is not None or (len(shape) == 1 and isinstance(shape[0], (DType, type))):
        return as_bits(input, as_dtype(shape[0] if dtype is None else dtype))
    return _viewed(input, _shape_for(input, sizes_of(shape)))


def view_as(input: Any, other: Any) -> Any:
    """Return the elements in the shape of another tensor, without a copy."""
    return view(input, tuple(other.shape))


def reshape_as(input: Any, other: Any) -> Any:
    """Return the elements in the shape of another tensor, a view where memory allows it."""
    return reshape(input, tuple(other.shape))


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Return axes from ``start_dim`` to ``end_dim`` as one."""
    first, last = axis_of(start_dim, input.ndim), axis_of(end_dim, input.ndim)
    if first > last:
        refuse("flatten() has invalid args: start_dim cannot come after end_dim")
    shape = tuple(input.shape)
    merged = (*shape[:first], _product(shape[first : last + 1]), *shape[last + 1 :]) if shape else (1,)
    return input if merged == shape else _reshaped(input, merged)


def ravel(input: Any) -> Any:
    """Return the elements as one axis: a view of what lies in order, else of a copy."""
    return as_reshape(input if is_ordered(input) else clone(input), (_product(input.shape),))


def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Any:
    """Return an axis as several; one size may be -1."""
    axis, shape = axis_of(dim, input.ndim), tuple(input.shape)
    given = tuple(sizes)
    rest = _product([s for s in given if s != -1])
    if given.count(-1) == 1 and rest and shape[axis] % rest == 0:
        given = tuple(shape[axis] // rest if s == -1 else s for s in given)
    if _product(given) != shape[axis]:
        wanted = f"unflatten: Provided sizes {shape_text(sizes)} don't multiply up to the size of dim {dim}"
        refuse(f"{wanted} ({shape[axis]}) in the input tensor")
    return _viewed(input, (*shape[:axis], *given, *shape[axis + 1 :]))


# permutations


def _permuted(x: Any, order: tuple[int, ...], grad_fn: str = "PermuteBackward0") -> Any:
    return as_permutation(x, order, grad_fn)


def permute(input: Any, *dims: Any) -> Any:
    """Return the axes in another order."""
    order = tuple(axis_of(d, input.ndim) for d in sizes_of(dims))
    if len(order) != input.ndim:
        counts = f"i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(order)}"
        matches = "number of dimensions in the tensor input does not match the length of the desired ordering of dimensions"
        refuse(f"permute(sparse_coo): {matches} {counts}")
    if len(set(order)) != len(order):
        refuse("permute(): duplicate dims are not allowed.")
    return _permuted(input, order)


def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """Return two axes exchanged."""
    order = list(range(input.ndim))
    a, b = axis_of(dim0, input.ndim), axis_of(dim1, input.ndim)
    if order:
        order[a], order[b] = order[b], order[a]
    return _permuted(input, tuple(order), "TransposeBackward0")


def t(input: Any) -> Any:
    """Return a matrix transposed; a vector as it is."""
    if input.ndim > 2:
        refuse(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return _permuted(input, tuple(reversed(range(input.ndim))), "TBackward0")


def numpy_T(input: Any) -> Any:  # noqa: N802  # torch's name
    """Return all axes reversed."""
    return _permuted(input, tuple(reversed(range(input.ndim))))


def adjoint(input: Any) -> Any:
    """Return the last two axes exchanged."""
    if input.ndim < 2:
        refuse(f"tensor.mT is only supported on matrices or batches of matrices. Got {input.ndim}-D tensor.")
    return transpose(input, -2, -1)


def movedim(input: Any, source: Any, destination: Any) -> Any:
    """Return axes moved to other places, the others in their order."""
    start, end = ((v,) if isinstance(v, int) else tuple(v) for v in (source, destination))
    if len(start) != len(end):
        refuse(
            f"movedim: Invalid source or destination dims: source ({shape_text(start)} dims) should contain "
            f"the same number of dims as destination ({shape_text(end)} dims)"
        )
    start, end = (tuple(axis_of(d, input.ndim) for d in dims) for dims in (start, end))
    rest = iter(a for a in range(input.ndim) if a not in start)
    order = tuple(start[end.index(k)] if k in end else next(rest) for k in range(input.ndim))
    return _permuted(input, order)


# axes of size 1, slices


def view_by_key(input: Any, key: tuple[Any, ...], grad_fn: str) -> Any:
    """Return ``x[key]`` for a key of integers, slices, None and Ellipsis."""
    return as_getitem(input, key, grad_fn)


def unsqueeze(input: Any, dim: int) -> Any:
    """Return with an axis of size 1 inserted."""
    return view_by_key(input, (*[ALL] * axis_of(dim, input.ndim, insert=True), None), "UnsqueezeBackward0")


def squeeze(input: Any, dim: Any = None, *, axis: Any = None) -> Any:
    """Return without axes of size 1: all, or those named where their size is 1."""
    dim = dim if axis is None else axis
    grad_fn = f"SqueezeBackward{0 if dim is None else 1 if isinstance(dim, int) else 2}"
    axes = axes_of(dim, input.ndim) if dim is None or input.ndim else ()
    dropped = [a for a in axes if input.shape[a] == 1]
    key = tuple(0 if a in dropped else ALL for a in range(input.ndim))
    return view_by_key(input, key, grad_fn)


def narrow(input: Any, dim: int, start: int, length: int) -> Any:
    """Return ``length`` elements along an axis from ``start`` on."""
    if input.ndim == 0:
        refuse("narrow() cannot be applied to a 0-dim tensor.")
    axis = axis_of(dim, input.ndim)
    size, first = input.shape[axis], int(start)
    if not -size <= first <= size:
        bounds = f"[{-size}, {size}], but got {first}"
        raise IndexError(at_user_line(f"start out of range (expected to be in range of {bounds})"))
    first = first + size if first < 0 else first
    if length < 0:
        refuse("narrow(): length must be non-negative.")
    if first + length > size:
        refuse(f"start ({first}) + length ({length}) exceeds dimension size ({size}).")
    return view_by_key(input, (*[ALL] * axis, slice(first, first + length)), "SliceBackward0")


def select(input: Any, dim: int, index: int) -> Any:
    """Return the elements at one index of an axis, without that axis."""
    if input.ndim == 0:
        raise IndexError(at_user_line("select() cannot be applied to a 0-dim tensor."))
    axis = axis_of(dim, input.ndim)
    size = input.shape[axis]
    if not -size <= index < size:
        text = f"select(): index {index} out of range for tensor of size {shape_text(input.shape)} at dimension {axis}"
        raise IndexError(at_user_line(text))
    return view_by_key(input, (*[ALL] * axis, int(index)), "SelectBackward0")


def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """Return the elements at every index of an axis."""
    if input.ndim == 0:
        raise IndexError(at_user_line("Dimension specified as 0 but tensor has no dimensions"))
    axis = axis_of(dim, input.ndim)
    return as_several(input, [(*[ALL] * axis, k) for k in range(input.shape[axis])], "UnbindBackward0")


def split(input: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Return pieces along an axis: of one size, the last perhaps smaller, or of the sizes given."""
    _needs_axes(input, "split expects at least a 1-dimensional tensor")
    axis = axis_of(dim, input.ndim)
    size = input.shape[axis]
    if not isinstance(split_size_or_sections, int):
        return split_with_sizes(input, split_size_or_sections, dim)
    step = split_size_or_sections
    if step < 0 or (step == 0 and size):
        refuse(f"split expects split_size be non-negative, but got split_size={step}")
    return _pieces(input, axis, [min(step, size - k) for k in range(0, size, step or 1)] or [0], "SplitBackward0")


def split_with_sizes(input: Any, split_sizes: Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """Return pieces of the sizes given along an axis."""
    _needs_axes(input, "split expects at least a 1-dimensional tensor")
    axis = axis_of(dim, input.ndim)
    size, sections = input.shape[axis], [int(s) for s in split_sizes]
    if sum(sections) != size:
        expects = f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at dimension {axis})"
        refuse(f"{expects}, but got split_sizes={shape_text(sections)}")
    return _pieces(input, axis, sections, "SplitWithSizesBackward0")


def _needs_axes(x: Any, message: str) -> None:
    if x.ndim == 0:
        refuse(message)


def _pieces(x: Any, axis: int, sections: Sequence[int], grad_fn: str) -> tuple[Any, ...]:
    """Return consecutive pieces along an axis, as results of one operation."""
    stops = list(itertools.accumulate(sections))
    return as_several(x, [(*[ALL] * axis, slice(b - n, b)) for b, n in zip(stops, sections, strict=True)], grad_fn)


def _piece(x: Any, axis: int, start: int, length: int) -> Any:
    return view_by_key(x, (*[ALL] * axis, slice(start, start + length)), "SliceBackward0")


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """Return at most ``chunks`` pieces of equal size along an axis, the last perhaps smaller."""
    _needs_axes(input, "chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        refuse(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = input.shape[axis_of(dim, input.ndim)]
    return split(input, max(-(-size // chunks), 1), dim)


def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Return pieces along an axis as even as possible, or between the indices given."""
    _needs_axes(input, "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    axis = axis_of(dim, input.ndim)
    size = input.shape[axis]
    if isinstance(indices_or_sections, int):
        small, extra = divmod(size, indices_or_sections)
        sections = [small + (k < extra) for k in range(indices_or_sections)]
        starts = [0, *itertools.accumulate(sections)]
    else:
        bounds = [slice(None, i).indices(size)[1] for i in indices_or_sections]
        starts = [0, *bounds]
        sections = [max(b - a, 0) for a, b in zip(starts, [*bounds, size], strict=True)]
    return tuple([_piece(input, axis, start, length) for start, length in zip(starts, sections, strict=False)])


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """Return a diagonal of two axes, as the last axis."""
    first, second = axis_of(dim1, input.ndim), axis_of(dim2, input.ndim)
    if first == second:
        refuse(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    rest = [a for a in range(input.ndim) if a not in (first, second)]
    rows, columns = input.shape[first], input.shape[second]
    length = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    return as_diagonal(input, (*rest, first, second), (max(-offset, 0), max(offset, 0)), length)


def linalg_diagonal(input: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Return a diagonal of the last two axes."""
    return diagonal(input, offset, dim1, dim2)


# broadcasting: read only


def _expanded(shape: tuple[Any, ...], own_shape: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the sizes that ``expand`` gives a shape, or raise in torch's words."""
    lead = len(shape) - len(own_shape)
    if lead < 0:
        counts = f"({len(shape)}) must be greater or equal to the number of dimensions in the tensor ({len(own_shape)})"
        refuse(f"expand({shape_text(own_shape)}, size={shape_text(shape)}): the number of sizes provided {counts}")
    sizes: list[Any] = []
    for k, size in enumerate(shape):
        own = own_shape[k - lead] if k >= lead else 1
        if size == -1 and k < lead:
            refuse(f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {k}")
        if size != -1 and own not in (1, size):
            must = f"The expanded size of the tensor ({size}) must match the existing size ({own})"
            targets = f"Target sizes: {shape_text(shape)}.  Tensor sizes: {shape_text(own_shape)}"
            refuse(f"{must} at non-singleton dimension {k}.  {targets}")
        sizes.append(own if size == -1 else size)
    return tuple(sizes)


def expand(input: Any, *sizes: Any) -> Any:
    """Return broadcast to a shape; -1 keeps a size."""
    return as_expansion(input, _expanded(sizes_of(sizes), tuple(input.shape)), "ExpandBackward0")


def expand_as(input: Any, other: Any) -> Any:
    """Return broadcast to the shape of another tensor."""
    return expand(input, tuple(other.shape))


def broadcast_to(input: Any, *shape: Any) -> Any:
    """Return broadcast to a shape."""
    return expand(input, *shape)


FUNCTIONS: dict[str, Function] = {
    "reshape": reshape, "view": view, "view_as": view_as, "reshape_as": reshape_as, "flatten": flatten, "ravel": ravel,
    "unflatten": unflatten, "permute": permute, "transpose": transpose, "swapaxes": transpose, "swapdims": transpose, "t": t,
    "adjoint": adjoint, "movedim": movedim, "moveaxis": movedim, "unsqueeze": unsqueeze, "squeeze": squeeze, "narrow": narrow,
    "select": select, "unbind": unbind, "split": split, "split_with_sizes": split_with_sizes, "chunk": chunk,
    "tensor_split": tensor_split, "diagonal": diagonal, "expand": expand, "expand_as": expand_as, "broadcast_to": broadcast_to,
}  # fmt: skip
LINALG: dict[str, Function] = {"diagonal": linalg_diagonal}
PROPERTIES: dict[str, Function] = {"T": numpy_T, "mT": adjoint, "H": t, "mH": adjoint}
