"""Functions that make Tensors: from data, filled, counted, random; torch's names, arguments and default element types."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import DType, as_dtype, bool_, float64, int64, promote
from symgrad.dtypes import from_numpy as dtype_of
from symgrad.eager.defaults import defaults
from symgrad.eager.faces import Face
from symgrad.eager.grad_mode import mode
from symgrad.eager.recording import AnyArray, leaf
from symgrad.eager.storage import Cell, shared_leaf
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.windows import forget_states
from symgrad.errors import DTypeError, TraceError, at_user_line

__all__ = [
    "arange",
    "as_tensor",
    "asarray",
    "empty",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "get_default_dtype",
    "kind_of",
    "like",
    "linspace",
    "logspace",
    "new_tensor",
    "ones",
    "scalar_tensor",
    "set_default_dtype",
    "shape_of",
    "tensor",
    "zeros",
]


def set_default_dtype(dtype: Any) -> None:
    """Set the element type that Python floats get: float32 or float64.

    Raises
    ------
    TypeError
        For a type that is not floating.
    """
    kind = as_dtype(dtype)
    if not kind.is_floating:
        raise TypeError("only floating-point types are supported as the default type")
    defaults.dtype = kind
    forget_states()  # what operations led to before they made of another type


def new_tensor(array: AnyArray, requires_grad: bool) -> Tensor:
    """Return a leaf that holds an array."""
    made = Tensor.of(leaf(array))
    return made.requires_grad_() if requires_grad else made


def kind_of(dtype: Any) -> DType:
    """Return an element type, by default that of Python floats."""
    return defaults.dtype if dtype is None else as_dtype(dtype)


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """Return a Tensor with a copy of ``data``: a number, nested lists, an ndarray, a Tensor.

    Python floats become float32 and integers int64, NumPy's element types are kept.

    Raises
    ------
    RuntimeError
        When a gradient is asked for integers or bools.
    TypeError
        For data that are no numbers; TraceError for traced values in a list, whose derivative would be lost.
    """
    if isinstance(data, Tensor):
        message = "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
        message += "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor)."
        warnings.warn(message, UserWarning, stacklevel=2)
    array = _array_of(data, None if dtype is None else as_dtype(dtype))
    return new_tensor(array, requires_grad)


def _array_of(data: Any, dtype: DType | None) -> AnyArray:
    if isinstance(data, Tensor):
        data = data.numpy_value()
    elif isinstance(data, Face):
        raise TraceError(at_user_line("tensor: a traced value cannot be copied, its derivative would be lost; use it as it is"))
    elif isinstance(data, (list, tuple)):
        data = _unpacked(data)
    array = np.asarray(data)
    if array.dtype.kind == "c":
        raise DTypeError(at_user_line(f"symgrad has no complex element types, got {array.dtype}: use float64 for each part"))
    if array.dtype.kind not in "fiub":
        if data is None or (isinstance(data, list) and None in data):
            raise RuntimeError(at_user_line("Could not infer dtype of NoneType"))
        if array.dtype.kind == "O" and isinstance(data, (list, tuple)):
            raise ValueError(at_user_line(_ragged(data)))
        kind = type(data).__name__
        raise TypeError(at_user_line(f"new(): invalid data type '{kind}'"))
    if dtype is None:
        dtype = _element_type(data, array)
    return np.array(array, dtype=dtype.numpy, order="C")


def _element_type(data: Any, array: AnyArray) -> DType:
    """Return the element type of data: Python floats have the default one, NumPy's numbers and arrays their own."""
    if isinstance(data, (np.ndarray, np.generic)):
        return dtype_of(array.dtype)
    if array.dtype.kind != "f":
        return defaults.dtype if not array.size else dtype_of(array.dtype)
    found, stack = defaults.dtype, [data]
    while stack:
        one = stack.pop()
        if isinstance(one, (list, tuple)):
            stack.extend(one)
        elif isinstance(one, np.floating):
            found = promote(found, dtype_of(one.dtype))
    return found


def _ragged(data: Sequence[Any]) -> str:
    sizes = [len(d) if isinstance(d, (list, tuple)) else 0 for d in data]
    other = next((s for s in sizes if s != sizes[0]), sizes[0])
    return f"expected sequence of length {sizes[0]} at dim 1 (got {other})"


def _unpacked(data: Any) -> Any:
    """Return nested lists with Tensors of one element, and arrays, as plain values."""
    if isinstance(data, (list, tuple)):
        found = [_unpacked(d) for d in data]
        try:
            np.shape(found)
        except ValueError:
            raise ValueError(at_user_line(_ragged(data))) from None
        return found
    if isinstance(data, Tensor):
        return list(data.numpy_value()) if data.ndim else data.numpy_value()[()]
    if isinstance(data, Face):
        return _array_of(data, None)
    return list(data) if isinstance(data, np.ndarray) and data.ndim else data


def legacy(*args: Any) -> Tensor:
    """Return what ``Tensor(data)`` or ``Tensor(*sizes)`` makes: always the default floating type."""
    if len(args) == 1 and not isinstance(args[0], int):
        return new_tensor(_array_of(args[0], defaults.dtype), False)
    return zeros(*args) if args else zeros(0)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Return ``data`` as a Tensor: itself if it is one, sharing an ndarray's memory, else a copy."""
    kind = None if dtype is None else as_dtype(dtype)
    if isinstance(data, Tensor):
        made: Tensor = data if kind is None else data.to(kind)
        return made
    if isinstance(data, np.ndarray) and (kind is None or data.dtype == kind.numpy):
        return from_numpy_array(data)
    return tensor(data, dtype=dtype)


def from_numpy_array(array: AnyArray) -> Tensor:
    """Return a Tensor that shares an ndarray's memory: each sees what the other writes.

    Raises
    ------
    TypeError
        For something that is no ndarray, or of an element type that Tensors do not have.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(at_user_line(f"expected np.ndarray (got {type(array).__name__})"))
    if array.dtype.kind not in "fiub":
        kind = f"{array.dtype.type.__module__}.{array.dtype.type.__name__}"
        supported = "float64, float32, int64, int32, and bool"
        message = f"can't convert np.ndarray of type {kind}. The only supported types are: {supported}."
        raise TypeError(at_user_line(message))
    dtype_of(array.dtype)
    memory = array if array.dtype.isnative and array.flags.writeable else np.array(array, array.dtype.newbyteorder("="))
    made = Tensor.of(shared_leaf(memory))
    cell = Cell(made._value, None, made.counter)
    cell.memory = memory
    made._cell, made._stamp = cell, cell.stamp
    return made


def shape_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Return sizes given one by one or as one sequence, checked."""
    given = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    for size in given:
        if not hasattr(size, "__index__"):
            kind = type(size).__name__
            raise TypeError(at_user_line(f"shape must be a tuple of ints, but found element of type {kind}"))
    found = tuple([int(s) for s in given])
    if any(s < 0 for s in found):
        raise RuntimeError(at_user_line(f"Trying to create tensor with negative dimension {min(found)}: {list(found)}"))
    return found


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None, **ignored: Any) -> Tensor:
    """Return zeros; sizes one by one or as one sequence."""
    return new_tensor(np.zeros(shape_of(size), kind_of(dtype).numpy), requires_grad)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None, **ignored: Any) -> Tensor:
    """Return ones; sizes one by one or as one sequence."""
    return new_tensor(np.ones(shape_of(size), kind_of(dtype).numpy), requires_grad)


def empty(*size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None, **ignored: Any) -> Tensor:
    """Return a Tensor whose values do not matter: zeros."""
    return zeros(*size, dtype=dtype, requires_grad=requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Return ``fill_value`` everywhere, in the element type of the value unless one is given."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    kind = as_dtype(dtype) if dtype is not None else {bool: bool_, int: int64}.get(type(value), defaults.dtype)
    shape = shape_of((size,))
    return new_tensor(np.full(shape, value, kind.numpy), requires_grad)


def scalar_tensor(value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a number as a 0-d Tensor of the default element type."""
    return new_tensor(np.asarray(value, kind_of(dtype).numpy), requires_grad)


def like(make: Any) -> Any:
    """Return the ``*_like`` form of a function of sizes."""

    def function(input: Tensor, *args: Any, dtype: Any = None, requires_grad: bool = False, **ignored: Any) -> Tensor:
        found: Tensor = make(tuple(input.shape), *args, dtype=dtype or input.dtype, requires_grad=requires_grad)
        if mode.mapping is not None:
            mode.mapping.adopt(found, input)
        return found

    function.__doc__ = f"Return ``{make.__name__}`` of a Tensor's shape, and of its element type unless one is given."
    return function


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Return ``start, start + step, ...`` before ``end``; ``arange(n)`` counts from 0. Integers unless a float is given."""
    low, high = (0, start) if end is None else (start, end)
    low, high, step = (v.item() if isinstance(v, Tensor) else v for v in (low, high, step))
    if step == 0:
        raise RuntimeError(at_user_line("step must be nonzero"))
    if (high - low) * step < 0:
        raise RuntimeError(at_user_line("upper bound and lower bound inconsistent with step sign"))
    floating = any(isinstance(v, float) for v in (low, high, step))
    kind = as_dtype(dtype) if dtype is not None else defaults.dtype if floating else int64
    count = max(0, math.ceil((high - low) / step))
    return new_tensor((low + step * np.arange(count)).astype(kind.numpy), requires_grad)


def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Return ``steps`` values from ``start`` to ``end``, evenly spaced and both included."""
    low, high = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    if steps < 0:
        raise RuntimeError(at_user_line("number of steps must be non-negative"))
    kind = kind_of(dtype)
    work = kind.numpy.type if kind.is_floating else np.float64
    step = work((high - low) / (steps - 1)) if steps > 1 else work(0)
    first = np.arange(steps)
    half = steps // 2
    rising = work(low) + step * first.astype(work)
    falling = work(high) - step * (steps - 1 - first).astype(work)
    return new_tensor(np.where(first < half, rising, falling).astype(kind.numpy) if steps > 1 else
                 np.full(steps, low, kind.numpy), requires_grad)  # fmt: skip


def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ``base`` to the powers that ``linspace`` gives."""
    powers = linspace(start, end, steps, dtype=float64).numpy_value()
    return new_tensor((base**powers).astype(kind_of(dtype).numpy), requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Return ones on the diagonal and zeros elsewhere."""
    return new_tensor(np.eye(n, n if m is None else m, dtype=kind_of(dtype).numpy), requires_grad)


def from_dlpack(source: Any) -> Tensor:
    """Return a Tensor that shares the memory of another library's array."""
    return from_numpy_array(np.from_dlpack(source))


def get_default_dtype() -> DType:
    """Return the element type that Python floats get."""
    return defaults.dtype


def asarray(data: Any, *, dtype: Any = None, copy: bool | None = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Return ``data`` as a Tensor: without ``copy`` itself, or sharing an ndarray's memory where it can."""
    made = as_tensor(data, dtype)
    if copy and (made is data or isinstance(data, np.ndarray)):
        made = Tensor.of(leaf(np.array(made.numpy_value())))
    return made.requires_grad_() if requires_grad else made


from_numpy = from_numpy_array
zeros_like, ones_like, full_like, empty_like = like(zeros), like(ones), like(full), like(empty)
