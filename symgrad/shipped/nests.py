"""Nests of arrays taken apart and put together, sizes, and single arguments: what calls of exported functions are made of.

A nest is 0 for an array, or ``{"tuple": nests}``, ``{"list": nests}``, ``{"dict": [[key, nest], ...]}``,
``{"named": [name, fields, nests]}``, ``{"none": 0}``. A size is an int, or a sum of ``[names, coefficient]``.
"""

from __future__ import annotations

import sys
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

__all__ = ["evaluate", "fitted", "kind_of", "leaves", "lone", "nested", "paths", "returning", "shape_text", "size_text"]

Array = np.ndarray[Any, Any]
Size = Any
Nest = Any


# Nests


def leaves(label: str, nest: Nest, value: Any, either: bool = False) -> Iterator[Any]:
    """Yield the leaves of a value that is nested as ``nest`` says; dicts may list their keys in any order.

    ``either`` says whether lists may stand for tuples, and tuples for lists.

    Raises
    ------
    TypeError
        When it is nested otherwise.
    """
    if nest == 0:
        yield value
        return
    ((what, inside),) = nest.items()
    if what == "none":
        if value is not None:
            raise TypeError(f"argument {label}: expected None, got {kind_of(value)}")
    elif what == "dict":
        keys = [key for key, _ in inside]
        if not isinstance(value, dict) or set(value) != set(keys):
            got = f"one with {', '.join(map(repr, value))}" if isinstance(value, dict) else kind_of(value)
            raise TypeError(f"argument {label}: expected a dict with the keys {', '.join(map(repr, keys))}, got {got}")
        for key, part in inside:
            yield from leaves(f"{label}[{key!r}]", part, value[key], either)
    else:
        fields, parts = inside[1:] if what == "named" else (range(len(inside)), inside)
        if not isinstance(value, (tuple, list) if either else list if what == "list" else tuple) or len(value) != len(parts):
            got = f"a {type(value).__name__} of {len(value)}" if isinstance(value, (list, tuple)) else kind_of(value)
            word = "list" if what == "list" else "tuple"
            raise TypeError(f"argument {label}: expected a {word} of {len(parts)}, got {got}")
        for field, part, member in zip(fields, parts, value, strict=True):
            yield from leaves(f"{label}.{field}" if what == "named" else f"{label}[{field}]", part, member, either)


def paths(label: str, nest: Nest) -> list[str]:
    """Return how each leaf is written in Python: ``p``, ``p[0]``, ``p['weights'][1]``, ``p.field``."""
    if nest == 0:
        return [label]
    ((what, inside),) = nest.items()
    if what == "none":
        return []
    if what == "dict":
        steps = [(f"[{key!r}]", part) for key, part in inside]
    elif what == "named":
        steps = [(f".{name}", part) for name, part in zip(*inside[1:], strict=True)]
    else:
        steps = [(f"[{k}]", part) for k, part in enumerate(inside)]
    return [path for step, part in steps for path in paths(label + step, part)]


def nested(nest: Nest, found: Iterator[Any]) -> Any:
    """Return the nest over leaves, which are taken one after the other."""
    if nest == 0:
        return next(found)
    ((what, inside),) = nest.items()
    if what == "none":
        return None
    if what == "dict":
        return {key: nested(part, found) for key, part in inside}
    if what == "named":
        name, fields, parts = inside
        return _named(name, tuple(fields))(*[nested(part, found) for part in parts])
    members = [nested(part, found) for part in inside]
    return members if what == "list" else tuple(members)


@cache
def _named(name: str, fields: tuple[str, ...]) -> Any:
    return namedtuple(name, fields)  # its fields are data


def returning(native: Callable[..., Any], nest: Nest, inputs: int, outputs: int) -> Callable[..., Any]:
    """Return ``native``, of and to flat arrays, with its results in a nest, and those it is given as ``out`` as well."""
    if nest == 0 or (outputs > 1 and nest == {"tuple": [0] * outputs}):
        return native

    def call(*given: Any, **named: Any) -> Any:
        out = given[inputs] if len(given) == inputs + 1 and not named else named.get("out")
        if out is None:
            found = native(*given, **named)
            return nested(nest, iter(found if outputs > 1 else (found,)))
        flat = tuple(leaves("out", nest, out, either=True))
        native(*given[:inputs], *given[inputs + 1 :], **{**named, "out": flat if outputs > 1 else flat[0]})
        return out

    return call


# Sizes


def evaluate(size: Size, values: Mapping[str, int]) -> int:
    """Return the number that a size is."""
    if isinstance(size, int):
        return size
    total = 0
    for names, coefficient in size:
        term = coefficient
        for name in names:
            term *= values[name]
        total += term
    return total


def lone(size: Size) -> tuple[str, int, int] | None:
    """Return ``name, a, b`` of a size ``a * name + b``."""
    if isinstance(size, int):
        return None
    rest = [(names, k) for names, k in size if names]
    if len(rest) != 1 or len(rest[0][0]) != 1:
        return None
    return rest[0][0][0], rest[0][1], sum(k for names, k in size if not names)


def size_text(size: Size) -> str:
    """Return a size as text."""
    if isinstance(size, int):
        return str(size)
    words = []
    for names, k in size:
        factors = ([str(abs(k))] if abs(k) != 1 or not names else []) + list(names)
        words.append(("- " if k < 0 else "+ ") + "*".join(factors))
    return " ".join(words).removeprefix("+ ")


def shape_text(shape: Sequence[Size]) -> str:
    """Return a shape as text."""
    return f"[{', '.join(map(size_text, shape))}]"


# Single arguments


def fitted(leaf: Any, label: str, dtype: np.dtype[Any], shape: Sequence[Size]) -> Array:
    """Return a leaf as an array of exactly ``dtype``, in C order, with as many axes as ``shape``.

    Raises
    ------
    TypeError
        For what is no array or number, and for elements that cannot be converted without loss.
    ValueError
        For another number of axes.
    """
    if isinstance(leaf, np.ndarray):
        masked = sys.modules.get("numpy.ma")
        if isinstance(leaf, np.matrix) or (masked is not None and isinstance(leaf, masked.MaskedArray)):
            raise TypeError(f"argument {label}: {kind_of(leaf)} means more than its elements; pass numpy.asarray(x)")
    elif not isinstance(leaf, (np.generic, bool, int, float)):
        raise TypeError(f"argument {label}: expected a NumPy array or a number, got {kind_of(leaf)}; use numpy.asarray")
    array = np.asarray(leaf)
    if array.dtype != dtype and not np.can_cast(array.dtype, dtype, "safe"):
        raise TypeError(f"argument {label}: {array.dtype} cannot be converted to {dtype} without loss; use x.astype({dtype})")
    if array.ndim != len(shape):
        raise ValueError(f"argument {label}: expected shape {shape_text(shape)}, got {list(array.shape)}")
    if array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned:
        return array if array.dtype.char == dtype.char else array.view(dtype)  # C has two names for some types
    return np.require(array, dtype, ["C", "A"]).reshape(array.shape)


def kind_of(value: Any) -> str:
    """Return what a value is, for messages."""
    if isinstance(value, np.ndarray):
        return f"{type(value).__name__} of {value.dtype}{list(value.shape)}"
    return f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")
