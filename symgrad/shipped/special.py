"""Calls for exactly known types and shapes: as a function of CPython's where NumPy is as known, in Python elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from symgrad.shipped.nests import kind_of

__all__ = ["Signature", "native_call", "plain_call", "refuser"]

Array = np.ndarray[Any, Any]
Kind = tuple[tuple[int, ...], np.dtype[Any]]

_MOST, _RANK = 64, 8  # arguments of a call without Python in it, and axes of one
_HOMES = ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath")  # of NumPy 2 and 1


class Signature(NamedTuple):
    """The types and shapes of one call.

    Attributes
    ----------
    name : str
        Of the function.
    labels, results : sequence of str
        How inputs and outputs are written, for messages.
    inputs, outputs : sequence of (shape, dtype)
    sizes : sequence of int
        Of the named dims.
    work : int
        Doubles of workspace.
    slow : bool
        Whether other threads should run meanwhile.
    """

    name: str
    labels: Sequence[str]
    results: Sequence[str]
    inputs: Sequence[Kind]
    outputs: Sequence[Kind]
    sizes: Sequence[int]
    work: int
    slow: bool


def native_call(
    native: Any, known: Signature, other: Callable[..., Any], fail: Callable[[int], None], lends: bool
) -> Callable[..., Any] | None:
    """Return a function of C's that takes exactly what is known, and passes the rest on to ``other``.

    ``lends`` says whether it takes where the results go as well, one array or a tuple or list of them: after the inputs, or as
    ``out``. None where it cannot be made: NumPy is not of a known version, or there are too many arrays.
    """
    ffi, lib, kinds, table = native.ffi, native.lib, [*known.inputs, *known.outputs], _table()
    if table is None or max(len(kinds), len(known.sizes)) > _MOST or any(len(shape) > _RANK for shape, _ in kinds):
        return None
    plan = ffi.new("sg_special *")
    plan.run = ffi.addressof(lib, f"sg_packed_{known.name}")
    plan.inputs, plan.outputs, plan.dims = len(known.inputs), len(known.outputs), len(known.sizes)
    plan.slow, plan.lends, plan.work, plan.sizes[0 : plan.dims] = known.slow, lends, known.work, list(known.sizes)
    for name, value in {"array": np.ndarray, "other": other, "fail": fail, "word": sys.intern("out")}.items():
        setattr(plan, name, ffi.cast("void *", id(value)))
    for one, (shape, dtype) in zip(plan.arrays, kinds, strict=False):
        one.type, one.rank, one.shape[0 : len(shape)] = ffi.cast("void *", id(dtype)), len(shape), list(shape)
        one.bytes, one.number = _bytes(shape, dtype), not shape and dtype == np.float64
    calls: list[Callable[..., Any]] = []
    status = lib.sg_specialize(plan, id(table), id(calls))
    if status < 0:
        raise MemoryError(f"{known.name}: out of memory")
    return calls[0] if calls else None


def _table() -> Any:
    """Return the capsule of NumPy's functions."""
    found = (getattr(sys.modules.get(home), "_ARRAY_API", None) for home in _HOMES)
    return next((table for table in found if table is not None), None)


def _bytes(shape: Sequence[int], dtype: np.dtype[Any]) -> int:
    count = dtype.itemsize
    for size in shape:
        count *= size
    return count


def plain_call(
    known: Signature, run: Callable[[Sequence[Array], Sequence[Array]], None], other: Callable[..., Any]
) -> Callable[..., Any]:
    """Return what ``native_call`` does with ``lends``, in Python; ``run`` computes from inputs into outputs."""

    def call(*given: Any, **named: Any) -> Any:
        arrays, out = _split(known, given, named)
        lent = [np.empty(*kind) for kind in known.outputs] if out is None else _lent(known, out)
        if arrays is None or _problem_of(known, arrays, lent) is not None:
            return other(*given, **named)
        run(arrays, lent)
        if out is not None:
            return out
        results = [o if o.ndim else o[()] for o in lent]
        return results[0] if len(results) == 1 else tuple(results)

    return call


def _split(known: Signature, given: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[list[Any] | None, Any]:
    """Return the inputs, None where there are not as many, and what was given for the results."""
    count = len(known.inputs)
    at_end = len(given) == count + 1 and not named
    if not (at_end or (len(given) == count and named.keys() <= {"out"})):
        return None, None
    arrays = [np.asarray(a) if isinstance(a, float) else a for a in given[:count]]
    return arrays, given[count] if at_end else named.get("out")


def _lent(known: Signature, out: Any) -> Any:
    """Return what was given for the results as a tuple, where it is one array, a tuple or a list."""
    return (out,) if len(known.outputs) == 1 else tuple(out) if isinstance(out, list) else out


def _problem_of(known: Signature, inputs: Sequence[Any], outputs: Any) -> Exception | None:
    """Return why arrays are not of the types and shapes that are known; None where they are."""
    if len(inputs) != len(known.inputs):
        return TypeError(f"{known.name}: takes exactly {_arrays(len(known.inputs))}, got {len(inputs)}")
    for label, kind, array in zip(known.labels, known.inputs, inputs, strict=True):
        problem = _problem(f"argument {label}", kind, array)
        if problem is not None:
            return problem
    if not isinstance(outputs, tuple | list) or len(outputs) != len(known.outputs):
        got = f"{len(outputs)} of them" if isinstance(outputs, tuple | list) else kind_of(outputs)
        return TypeError(f"{known.name}: out must be a tuple of {_arrays(len(known.outputs))}, got {got}")
    for k, (name, kind, array) in enumerate(zip(known.results, known.outputs, outputs, strict=True)):
        label = f"{known.name}: {name}"
        problem = _problem(label, kind, array)
        if problem is not None:
            return problem
        if not array.flags.writeable:
            return ValueError(f"{label} must be writeable")
        if any(np.may_share_memory(array, other) for other in (*inputs, *outputs[:k])):
            return ValueError(f"{label} overlaps another array")
    return None


def _problem(label: str, kind: Kind, array: Any) -> Exception | None:
    shape, dtype = kind
    if type(array) is not np.ndarray or array.dtype != dtype:
        return TypeError(f"{label}: expected a numpy.ndarray of {dtype}, got {kind_of(array)}")
    if array.shape != shape:
        return ValueError(f"{label}: expected shape {list(shape)}, got {list(array.shape)}")
    if not (array.flags.c_contiguous and array.flags.aligned):
        return ValueError(f"{label} must be C-contiguous and aligned; use numpy.ascontiguousarray")
    return None


def _arrays(count: int) -> str:
    return "1 array" if count == 1 else f"{count} arrays"


def refuser(known: Signature) -> Callable[..., Any]:
    """Return what says why arguments are not of exact types and shapes."""

    def refuse(*given: Any, **named: Any) -> Any:
        arrays, out = _split(known, given, named)
        if arrays is None:
            wanted, more = _arrays(len(known.inputs)), ", ".join(n for n in named if n != "out")
            got = f"{len(given)} and {', '.join(named)}=" if named else str(len(given))
            hint = f"; it has no argument {more}" if more else ", and out"
            raise TypeError(f"{known.name}: takes exactly {wanted} by position{hint}, got {got}")
        lent = [np.empty(*kind) for kind in known.outputs] if out is None else _lent(known, out)
        problem = _problem_of(known, arrays, lent)
        raise problem or ValueError(f"{known.name}: an argument was changed by another thread meanwhile")

    return refuse
