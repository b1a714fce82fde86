"""Functions that make Tensors: from data, filled, counted, random; torch's names, arguments and default element types."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from symgrad.dtypes import DType, as_dtype, bool_, float32, float64, int64
from symgrad.dtypes import from_numpy as dtype_of
from symgrad.eager.faces import Face
from symgrad.eager.recording import AnyArray, leaf
from symgrad.eager.storage import Cell, shared_leaf
from symgrad.eager.tensor_face import Tensor
from symgrad.errors import TraceError, at_user_line

__all__ = [
    "Generator",
    "arange",
    "as_tensor",
    "bernoulli",
    "empty",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "get_default_dtype",
    "initial_seed",
    "like",
    "linspace",
    "logspace",
    "manual_seed",
    "multinomial",
    "normal",
    "ones",
    "rand",
    "randint",
    "randn",
    "random_generator",
    "randperm",
    "scalar_tensor",
    "seed",
    "set_default_dtype",
    "tensor",
    "zeros",
]


class _Defaults:
    dtype = float32


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
    _Defaults.dtype = kind


def _made(array: AnyArray, requires_grad: bool) -> Tensor:
    made = Tensor.of(leaf(array))
    return made.requires_grad_() if requires_grad else made


def _kind(dtype: Any) -> DType:
    return _Defaults.dtype if dtype is None else as_dtype(dtype)


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
    array = _array_of(data, None if dtype is None else as_dtype(dtype))
    return _made(array, requires_grad)


def _array_of(data: Any, dtype: DType | None) -> AnyArray:
    if isinstance(data, Tensor):
        data = data.numpy_value()
    elif isinstance(data, Face):
        raise TraceError(at_user_line("tensor: a traced value cannot be copied, its derivative would be lost; use it as it is"))
    elif isinstance(data, (list, tuple)):
        data = _unpacked(data)
    array = np.asarray(data)
    if array.dtype.kind not in "fiub":
        if array.dtype.kind == "O" and isinstance(data, (list, tuple)):
            raise ValueError(at_user_line(_ragged(data)))
        kind = type(data).__name__
        raise TypeError(at_user_line(f"new(): invalid data type '{kind}'"))
    if dtype is None:
        plain = not isinstance(data, (np.ndarray, np.generic))
        dtype = _Defaults.dtype if array.dtype.kind == "f" and plain else None
        if array.size == 0 and isinstance(data, list):
            dtype = _Defaults.dtype
        dtype = dtype or dtype_of(array.dtype)
    return np.array(array, dtype=dtype.numpy, order="C")


def _ragged(data: Sequence[Any]) -> str:
    sizes = [len(d) if isinstance(d, (list, tuple)) else 0 for d in data]
    return f"expected sequences of one length at every level, got lengths {sizes}"


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
        return data.tolist()
    if isinstance(data, Face):
        return _array_of(data, None)
    return data.tolist() if isinstance(data, (np.ndarray, np.generic)) else data


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
    dtype_of(array.dtype)
    memory = array if array.dtype.isnative and array.flags.writeable else np.array(array, array.dtype.newbyteorder("="))
    made = Tensor.of(shared_leaf(memory))
    cell = Cell(made._value, None, made.counter)
    cell.memory = memory
    made._cell, made._stamp = cell, cell.stamp
    return made


def _shape(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    given = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    found = tuple([int(s) for s in given])
    if any(s < 0 for s in found):
        raise RuntimeError(at_user_line(f"Trying to create tensor with negative dimension {min(found)}: {list(found)}"))
    return found


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None, **ignored: Any) -> Tensor:
    """Return zeros; sizes one by one or as one sequence."""
    return _made(np.zeros(_shape(size), _kind(dtype).numpy), requires_grad)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None, **ignored: Any) -> Tensor:
    """Return ones; sizes one by one or as one sequence."""
    return _made(np.ones(_shape(size), _kind(dtype).numpy), requires_grad)


def empty(*size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None, **ignored: Any) -> Tensor:
    """Return a Tensor whose values do not matter: zeros."""
    return zeros(*size, dtype=dtype, requires_grad=requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Return ``fill_value`` everywhere, in the element type of the value unless one is given."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    kind = as_dtype(dtype) if dtype is not None else {bool: bool_, int: int64}.get(type(value), _Defaults.dtype)
    shape = _shape((size,))
    return _made(np.full(shape, value, kind.numpy), requires_grad)


def scalar_tensor(value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return a number as a 0-d Tensor of the default element type."""
    return _made(np.asarray(value, _kind(dtype).numpy), requires_grad)


def like(make: Any) -> Any:
    """Return the ``*_like`` form of a function of sizes."""

    def function(input: Tensor, *args: Any, dtype: Any = None, requires_grad: bool = False, **ignored: Any) -> Tensor:
        found: Tensor = make(tuple(input.shape), *args, dtype=dtype or input.dtype, requires_grad=requires_grad)
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
    kind = as_dtype(dtype) if dtype is not None else _Defaults.dtype if floating else int64
    count = max(0, math.ceil((high - low) / step))
    return _made((low + step * np.arange(count)).astype(kind.numpy), requires_grad)


def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Return ``steps`` values from ``start`` to ``end``, evenly spaced and both included."""
    low, high = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    if steps < 0:
        raise RuntimeError(at_user_line("number of steps must be non-negative"))
    kind = _kind(dtype)
    work = kind.numpy.type if kind.is_floating else np.float64
    step = work((high - low) / (steps - 1)) if steps > 1 else work(0)
    first = np.arange(steps)
    half = steps // 2
    rising = work(low) + step * first.astype(work)
    falling = work(high) - step * (steps - 1 - first).astype(work)
    return _made(np.where(first < half, rising, falling).astype(kind.numpy) if steps > 1 else
                 np.full(steps, low, kind.numpy), requires_grad)  # fmt: skip


def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return ``base`` to the powers that ``linspace`` gives."""
    powers = linspace(start, end, steps, dtype=float64).numpy_value()
    return _made((base**powers).astype(_kind(dtype).numpy), requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Return ones on the diagonal and zeros elsewhere."""
    return _made(np.eye(n, n if m is None else m, dtype=_kind(dtype).numpy), requires_grad)


def from_dlpack(source: Any) -> Tensor:
    """Return a Tensor that shares the memory of another library's array."""
    return from_numpy_array(np.from_dlpack(source))


def get_default_dtype() -> DType:
    """Return the element type that Python floats get."""
    return _Defaults.dtype


from_numpy = from_numpy_array
zeros_like, ones_like, full_like, empty_like = like(zeros), like(ones), like(full), like(empty)

# random --------------------------------------------------------------------------------------------------------------


class Generator:
    """A sequence of random numbers of its own; ``manual_seed`` begins it anew."""

    def __init__(self, device: Any = None) -> None:
        self.lock = threading.Lock()
        self.manual_seed(0)

    def manual_seed(self, seed: int) -> Generator:
        """Begin the sequence that ``seed`` stands for."""
        self._initial = int(seed)
        self.source = np.random.Generator(np.random.PCG64(self._initial % (1 << 64)))
        return self

    def initial_seed(self) -> int:
        """Return the seed the sequence began with."""
        return self._initial

    def seed(self) -> int:
        """Begin a sequence that nobody can foresee, and return its seed."""
        fresh = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
        self.manual_seed(fresh)
        return fresh


_default = Generator()
_default.seed()


def manual_seed(seed: int) -> Generator:
    """Begin the sequence of random numbers that ``seed`` stands for: the same on every machine, not torch's."""
    return _default.manual_seed(seed)


def seed() -> int:
    """Begin a sequence that nobody can foresee, and return its seed."""
    return _default.seed()


def random_generator(generator: Generator | None = None) -> np.random.Generator:
    """Return the source of random numbers."""
    return (generator or _default).source


def rand(
    *size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Return numbers drawn evenly from [0, 1)."""
    kind = _kind(dtype)
    return _made(random_generator(generator).random(_shape(size), dtype=kind.numpy.type), requires_grad)


def randn(
    *size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Return numbers drawn from the normal distribution with mean 0 and variance 1."""
    kind = _kind(dtype)
    return _made(np.asarray(random_generator(generator).standard_normal(_shape(size), dtype=kind.numpy.type)), requires_grad)


def randint(*args: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return integers drawn from ``low`` (default 0) up to but without ``high``: ``randint([low,] high, size)``."""
    low, high, size = (0, *args) if len(args) == 2 else args
    kind = int64 if dtype is None else as_dtype(dtype)
    if high <= low:
        raise RuntimeError(at_user_line(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"))
    return _made(random_generator(generator).integers(low, high, _shape((size,))).astype(kind.numpy), requires_grad)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None) -> Tensor:
    """Return 0 .. n - 1 in random order."""
    return _made(random_generator(generator).permutation(n).astype((int64 if dtype is None else as_dtype(dtype)).numpy), False)


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Return numbers drawn from normal distributions with these means and standard deviations."""
    shape = size if size is not None else np.broadcast_shapes(np.shape(mean), np.shape(std))
    made: Tensor = randn(tuple(shape), generator=generator) * std + mean
    return made.detach()


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """Return ones with the probabilities that ``input`` gives, else zeros."""
    p = input.numpy_value()
    return _made((random_generator(generator).random(p.shape) < p).astype(p.dtype), False)


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Tensor:
    """Return indices drawn with the weights that ``input`` gives, for each row."""
    weights = np.atleast_2d(input.numpy_value().astype(np.float64))
    source = random_generator(generator)
    rows = [source.choice(w.size, num_samples, replacement, w / w.sum()) for w in weights]
    drawn = np.stack(rows).astype(np.int64)
    return _made(drawn if input.ndim > 1 else drawn[0], False)


def initial_seed() -> int:
    """Return the seed that the sequence of random numbers began with."""
    return _default.initial_seed()


rand_like, randn_like = like(rand), like(randn)


def randint_like(input: Tensor, *bounds: int, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Return integers drawn from [low, high) in a Tensor's shape and element type."""
    return randint(*bounds, tuple(input.shape), dtype=dtype or input.dtype, requires_grad=requires_grad)
