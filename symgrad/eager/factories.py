"""Functions that make Tensors of a size: filled, counted, evenly spaced; torch's names, keywords and element types.

Each is written once as a function that returns an array; ``factory``, ``like`` and ``new`` give it torch's keywords.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import DType, as_dtype, bool_, float64, int64
from symgrad.eager.creation import kind_of, new_tensor, sizes_of
from symgrad.eager.defaults import defaults
from symgrad.eager.device import check_place
from symgrad.eager.grad_mode import mode
from symgrad.eager.out_argument import check_derivative, check_out, deliver
from symgrad.eager.recording import AnyArray
from symgrad.eager.tensor_face import Tensor
from symgrad.eager.titles import TITLES
from symgrad.errors import at_user_line

__all__ = [
    "NEW",
    "arange",
    "empty",
    "eye",
    "factory",
    "full",
    "like",
    "linspace",
    "logspace",
    "ones",
    "scalar_tensor",
    "whole",
    "zeros",
]

Make = Callable[..., Any]

_KEYWORDS = """
    Parameters
    ----------
    {first}dtype : DType, optional
        The element type; {kind}.
    layout, device, pin_memory : optional
        Accepted where they mean this machine's memory: ``strided``, ``"cpu"``, False.
    requires_grad : bool
        Whether the Tensor is a leaf whose gradient is wanted.
"""
_OUT = """out : Tensor, optional
        Where to write the result; it is resized where it does not fit.
    """


def _accepted(make: Make, *without: str) -> list[inspect.Parameter]:
    """Return the parameters of a function that makes an array, but for ``dtype`` and the names ``without``."""
    return [p for p in inspect.signature(make).parameters.values() if p.name not in ("dtype", *without)]


def _signature(own: list[inspect.Parameter], *, out: bool) -> inspect.Signature:
    named = inspect.Parameter.KEYWORD_ONLY
    common = {"dtype": None, "layout": None, "device": None, "pin_memory": False, "requires_grad": False}
    more = {"out": None, **common} if out else common
    return inspect.Signature([*own, *[inspect.Parameter(k, named, default=v) for k, v in more.items()]])


def _refuse_strangers(name: str, given: dict[str, Any], own: frozenset[str]) -> None:
    for key in given:
        if key not in own:
            raise TypeError(at_user_line(f"{name}() got an unexpected keyword argument {key!r}"))


def _finished(name: str, made: Any, requires_grad: Any) -> Tensor:
    if requires_grad is not None and not isinstance(requires_grad, bool):
        kind = type(requires_grad).__name__
        raise TypeError(at_user_line(f"{name}(): argument 'requires_grad' must be bool, not {kind}"))
    if isinstance(made, Tensor):  # under vmap
        return made.requires_grad_() if requires_grad else made
    return new_tensor(made, bool(requires_grad))


def factory(make: Make, kind: str = "by default that of ``set_default_dtype``") -> Callable[..., Tensor]:
    """Return torch's function for ``make``, which gets ``dtype`` and returns an array."""
    name = make.__name__
    own = _accepted(make)
    known = frozenset(p.name for p in own)

    def function(
        *args: Any, out: Tensor | None = None, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = False,
        requires_grad: Any = False, **given: Any,
    ) -> Tensor:  # fmt: skip
        _refuse_strangers(name, given, known)
        check_place(name, layout, device, pin_memory)
        chosen = None if dtype is None else as_dtype(dtype)
        if out is None:
            return _finished(name, make(*args, dtype=chosen, **given), requires_grad)
        check_out(f"aten::{name}", out, ())
        check_derivative(f"aten::{name}", out, None)
        if chosen not in (None, out.dtype):
            own_name, given_name = TITLES[out.dtype.name], TITLES[as_dtype(dtype).name]
            raise RuntimeError(at_user_line(f"dtype {given_name} does not match dtype of out parameter ({own_name})"))
        made = _finished(name, make(*args, dtype=out.dtype, **given), False)
        if name == "arange" and tuple(made.shape) != tuple(out.shape) and out.numel():
            _warn_of_count(out, made)
        return deliver(out, made, quiet=True).requires_grad_(bool(requires_grad))

    function.__name__ = function.__qualname__ = name
    function.__module__ = "symgrad"  # where pickle finds it
    function.__doc__ = f"{make.__doc__}\n{_KEYWORDS.format(first=_OUT, kind=kind)}"
    function.__signature__ = _signature(own, out=True)  # type: ignore[attr-defined]
    return function


def _warn_of_count(out: Tensor, made: Tensor) -> None:
    shape, count = list(out.shape), made.numel()
    text = f"The number of elements in the out tensor of shape {shape} is {out.numel()} which does not match the computed number "
    text += f"of elements {count}. Note that this may occur as a result of rounding error. The out tensor will be resized to a "
    warnings.warn(f"{text}tensor of shape ({count},).", UserWarning, stacklevel=4)


def like(make: Make) -> Callable[..., Tensor]:
    """Return the ``*_like`` form of a function of sizes: shape and element type of a Tensor."""
    name = f"{make.__name__}_like"
    own = _accepted(make, "sizes", "size")
    known = frozenset([p.name for p in own] + ["memory_format"])

    def function(
        input: Tensor, *args: Any, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = False,
        requires_grad: Any = False, **given: Any,
    ) -> Tensor:  # fmt: skip
        if not isinstance(input, Tensor):
            kind = type(input).__name__
            raise TypeError(at_user_line(f"{name}(): argument 'input' (position 1) must be Tensor, not {kind}"))
        _refuse_strangers(name, given, known)
        check_place(name, layout, device, pin_memory)
        given.pop("memory_format", None)
        chosen = input.dtype if dtype is None else as_dtype(dtype)
        found = _finished(name, make(tuple(input.shape), *args, dtype=chosen, **given), requires_grad)
        if mode.mapping is not None:
            mode.mapping.adopt(found, input)
        return found

    function.__name__ = function.__qualname__ = name
    function.__module__ = "symgrad"  # where pickle finds it
    article = "numbers as ``" if "rand" in name else "``"
    function.__doc__ = f"Return {article}{make.__name__}`` in a Tensor's shape.\n" + _KEYWORDS.format(
        first="input : Tensor\n    ", kind="by default that of ``input``"
    )
    where = [inspect.Parameter("input", inspect.Parameter.POSITIONAL_OR_KEYWORD), *own]
    function.__signature__ = _signature(where, out=False)  # type: ignore[attr-defined]
    return function


def _new(make: Make) -> Callable[..., Tensor]:
    """Return ``new_zeros`` and the like: a method, whose Tensors have this one's element type."""
    name = f"new_{make.__name__}"
    own = _accepted(make)
    known = frozenset(p.name for p in own)

    def method(
        self: Tensor, *args: Any, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = False,
        requires_grad: Any = False, **given: Any,
    ) -> Tensor:  # fmt: skip
        _refuse_strangers(name, given, known)
        check_place(name, layout, device, pin_memory)
        made = _finished(name, make(*args, dtype=self.dtype if dtype is None else as_dtype(dtype), **given), requires_grad)
        if mode.mapping is not None:
            mode.mapping.adopt(made, self)
        return made

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"Return ``{make.__name__}`` in this tensor's element type unless one is given."
    return method


def _zeros(*sizes: Any, size: Any = None, dtype: DType | None) -> AnyArray:
    """Return zeros; sizes one by one, as one sequence, or as ``size``."""
    return np.zeros(sizes_of("zeros", sizes, size), kind_of(dtype).numpy)


def _ones(*sizes: Any, size: Any = None, dtype: DType | None) -> AnyArray:
    """Return ones; sizes one by one, as one sequence, or as ``size``."""
    return np.ones(sizes_of("ones", sizes, size), kind_of(dtype).numpy)


def _empty(*sizes: Any, size: Any = None, dtype: DType | None, memory_format: Any = None) -> AnyArray:
    """Return a Tensor whose values do not matter: zeros."""
    return np.zeros(sizes_of("empty", sizes, size), kind_of(dtype).numpy)


def _full(size: Any, fill_value: Any, *, dtype: DType | None) -> AnyArray:
    """Return ``fill_value`` everywhere."""
    if not isinstance(size, (tuple, list)):
        kind = type(size).__name__
        raise TypeError(at_user_line(f"full(): argument 'size' (position 1) must be tuple of ints, not {kind}"))
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    chosen = dtype if dtype is not None else {bool: bool_, int: int64}.get(type(value), defaults.dtype)
    return np.full(sizes_of("full", (size,)), value, chosen.numpy)


def _number(value: Any, name: str) -> Any:
    if isinstance(value, Tensor):
        return value.item()
    if not isinstance(value, (int, float, np.generic)):
        kind = type(value).__name__
        raise TypeError(at_user_line(f"{name} must be Number, not {kind}"))
    return value


def _arange(*bounds: Any, start: Any = None, end: Any = None, step: Any = None, dtype: DType | None) -> AnyArray:
    """Return ``start, start + step, ...`` before ``end``: ``arange(end)``, ``arange(start, end)``, ``arange(start, end, step)``.

    ``start`` is 0 and ``step`` is 1 unless they are given.
    """
    names = ("end",) if len(bounds) == 1 and end is None and step is None else ("start", "end", "step")
    if len(bounds) > 3:
        raise TypeError(at_user_line(f"arange() takes from 1 to 3 positional arguments but {len(bounds)} were given"))
    limits = {"start": start, "end": end, "step": step}
    for name, bound in zip(names, bounds, strict=False):
        if limits[name] is not None:
            raise TypeError(at_user_line(f"arange() got multiple values for argument {name!r}"))
        limits[name] = bound
    if limits["end"] is None:
        raise TypeError(at_user_line('arange() missing 1 required positional arguments: "end"'))
    given = zip(limits.values(), (0, 0, 1), strict=True)
    low, high, by = (_number(default if v is None else v, "arange(): argument 'end' (position 1)") for v, default in given)
    if by == 0:
        raise RuntimeError(at_user_line("step must be nonzero"))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(at_user_line(f"unsupported range: {low:g} -> {high:g}"))
    if (high - low) * by < 0:
        raise RuntimeError(at_user_line("upper bound and lower bound inconsistent with step sign"))
    floating = any(isinstance(v, (float, np.floating)) for v in (low, high, by))
    chosen = dtype if dtype is not None else defaults.dtype if floating else int64
    return np.asarray(_counted(low, high, by, chosen).astype(chosen.numpy))


def _counted(low: Any, high: Any, by: Any, kind: DType) -> AnyArray:
    """Return the values of ``arange``; those of integers begin and go on in integers, whose count int32 takes from the floats."""
    if kind is bool_:
        raise NotImplementedError(at_user_line("\"arange_cpu\" not implemented for 'Bool'"))
    if kind is int64:
        low, high, by = int(low), int(high), int(by)
        if by == 0:
            raise ValueError(at_user_line("step must be nonzero"))
        count = -((low - high) // by)
    else:
        count = math.ceil((high - low) / by)
    if not kind.is_floating:
        low, by = int(low), int(by)
    return np.asarray(low + by * np.arange(max(0, count)))


def whole(value: Any, refused: str) -> int:
    """Return what stands for a count as an int; raise TypeError with the message ``refused`` for anything else."""
    if isinstance(value, Tensor) and not value.ndim and not value.dtype.is_floating and value.dtype is not bool_:
        return int(value.item())
    if isinstance(value, (bool, np.bool_, Tensor)) or not hasattr(value, "__index__"):
        raise TypeError(at_user_line(refused))
    return int(value)


def _linspace(start: Any, end: Any, steps: int, *, dtype: DType | None) -> AnyArray:
    """Return ``steps`` values from ``start`` to ``end``, evenly spaced and both included."""
    return _spaced("linspace", start, end, steps, dtype)


def _spaced(name: str, start: Any, end: Any, steps: Any, dtype: DType | None) -> AnyArray:
    low, high = (_number(v, f"{name}(): argument '{n}'") for n, v in (("start", start), ("end", end)))
    kinds = ", ".join(type(v).__name__ for v in (start, end, steps))
    steps = whole(steps, f"{name}() received an invalid combination of arguments - got ({kinds})")
    if steps < 0:
        raise RuntimeError(at_user_line("number of steps must be non-negative"))
    kind = kind_of(dtype)
    if steps < 2:
        return np.full(steps, low, kind.numpy)
    work = kind.numpy.type if kind.is_floating else np.float64
    step = work((high - low) / (steps - 1))
    first = np.arange(steps)
    rising = work(low) + step * first.astype(work)
    falling = work(high) - step * (steps - 1 - first).astype(work)
    return np.where(first < steps // 2, rising, falling).astype(kind.numpy)


def _logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: DType | None) -> AnyArray:
    """Return ``base`` to the powers that ``linspace`` gives."""
    powers = _spaced("logspace", start, end, steps, float64)
    return np.asarray((base**powers).astype(kind_of(dtype).numpy))


def _eye(n: int, m: int | None = None, *, dtype: DType | None) -> AnyArray:
    """Return ones on the diagonal of ``n`` rows and ``m`` columns, by default as many, and zeros elsewhere."""
    for name, count in (("n", n), ("m", n if m is None else m)):
        if isinstance(count, bool) or not hasattr(count, "__index__"):
            place = 1 if name == "n" else 2
            raise TypeError(at_user_line(f"eye(): argument '{name}' (position {place}) must be int, not {type(count).__name__}"))
        if count < 0:
            raise RuntimeError(at_user_line(f"{name} must be greater or equal to 0, got {count}"))
    return np.eye(n, n if m is None else m, dtype=kind_of(dtype).numpy)


def _scalar_tensor(value: Any, *, dtype: DType | None) -> AnyArray:
    """Return a number as a 0-d Tensor."""
    return np.asarray(value, kind_of(dtype).numpy)


_MAKES = (_zeros, _ones, _empty, _full, _arange, _linspace, _logspace, _eye, _scalar_tensor)
for _make in _MAKES:
    _make.__name__ = _make.__qualname__ = _make.__name__[1:]  # what messages call it

zeros, ones, empty = factory(_zeros), factory(_ones), factory(_empty)
logspace, eye, scalar_tensor = factory(_logspace), factory(_eye), factory(_scalar_tensor)
linspace = factory(_linspace)
full = factory(_full, "by default that of the value: floats have that of ``set_default_dtype``")
arange = factory(_arange, "by default int64, or that of ``set_default_dtype`` if a number given is a float")
zeros_like, ones_like, empty_like, full_like = like(_zeros), like(_ones), like(_empty), like(_full)
NEW: dict[str, Callable[..., Tensor]] = {f"new_{m.__name__}": _new(m) for m in (_zeros, _ones, _empty, _full)}
