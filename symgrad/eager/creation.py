"""Functions that make Tensors from data, under torch's names; and the element type of Python floats."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import DType, as_dtype, promote
from symgrad.dtypes import from_numpy as dtype_of
from symgrad.eager.defaults import defaults
from symgrad.eager.device import check_place
from symgrad.eager.faces import Face
from symgrad.eager.grad_mode import mode
from symgrad.eager.recording import AnyArray, leaf
from symgrad.eager.storage import Cell, shared_leaf
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.windows import forget_states
from symgrad.errors import DTypeError, TraceError, at_user_line

__all__ = [
    "as_tensor",
    "asarray",
    "from_dlpack",
    "from_numpy",
    "get_default_dtype",
    "kind_of",
    "legacy",
    "new_tensor",
    "new_tensor_like",
    "set_default_dtype",
    "sizes_of",
    "tensor",
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
    made = Tensor.fresh(leaf(array))
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
    check_place("tensor", None, device, pin_memory)
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


def legacy(*args: Any, dtype: DType | None = None) -> Tensor:
    """Return what ``Tensor(data)`` or ``Tensor(*sizes)`` makes: always of one type, the default floating one unless given."""
    kind = defaults.dtype if dtype is None else dtype
    if len(args) == 1 and not isinstance(args[0], int):
        if isinstance(args[0], float):
            raise TypeError(at_user_line("new(): data must be a sequence (got float)"))
        return new_tensor(_array_of(args[0], kind), False)
    return new_tensor(np.zeros(sizes_of("Tensor", args or (0,)), kind.numpy), False)


def new_tensor_like(
    self: Tensor, data: Any, *, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Return a Tensor with a copy of ``data``, in this tensor's element type unless one is given."""
    check_place("new_tensor", layout, device, pin_memory)
    made = new_tensor(_array_of(data, self.dtype if dtype is None else as_dtype(dtype)), requires_grad)
    if mode.mapping is not None:
        mode.mapping.adopt(made, self)
    return made


def sizes_of(name: str, given: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """Return sizes given one by one, as one sequence, or as the keyword ``size``.

    Raises
    ------
    TypeError
        For none at all or both, and for what is no size.
    RuntimeError
        For negative ones.
    """
    if size is not None:
        if given:
            raise TypeError(at_user_line(f"{name}() got multiple values for argument 'size'"))
        given = (size,)
    elif not given:
        raise TypeError(at_user_line(f'{name}() missing 1 required positional arguments: "size"'))
    listed = len(given) == 1 and isinstance(given[0], (tuple, list))
    if len(given) > 1 and isinstance(given[0], (tuple, list)):
        raise TypeError(at_user_line(f"{name}() takes 1 positional argument but {len(given)} were given"))
    sizes = tuple(given[0]) if listed else given
    for place, one in enumerate(sizes):
        if not hasattr(one, "__index__"):
            at = f"but found element of type {type(one).__name__} at pos {place}" if listed else f"not {type(one).__name__}"
            raise TypeError(at_user_line(f"{name}(): argument 'size' (position 1) must be tuple of ints, {at}"))
    found = tuple([int(s) for s in sizes])
    if any(s < 0 for s in found):
        raise RuntimeError(at_user_line(f"Trying to create tensor with negative dimension {min(found)}: {list(found)}"))
    return found


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Return ``data`` as a Tensor: itself if it is one, sharing an ndarray's memory, else a copy."""
    check_place("as_tensor", None, device)
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


def from_dlpack(source: Any) -> Tensor:
    """Return a Tensor that shares the memory of another library's array."""
    return from_numpy_array(np.from_dlpack(source))


def get_default_dtype() -> DType:
    """Return the element type that Python floats get."""
    return defaults.dtype


def asarray(obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False) -> Tensor:
    """Return ``obj`` as a Tensor: without ``copy`` itself, or sharing an ndarray's memory where it can."""
    made = as_tensor(obj, dtype, device)
    if copy and (made is obj or isinstance(obj, np.ndarray)):
        made = Tensor.fresh(leaf(np.array(made.numpy_value())))
    return made.requires_grad_() if requires_grad else made


from_numpy = from_numpy_array
new_tensor_like.__qualname__ = "new_tensor"  # what messages call it
