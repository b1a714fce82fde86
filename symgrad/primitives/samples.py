"""Domains from which the generic tests draw the arguments of a primitive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symgrad.dtypes import DType, bool_, float32, float64, int32, int64

__all__ = ["Domain", "Sample", "boolean", "draw", "index", "number", "real", "sample", "whatever"]

Array = np.ndarray[Any, Any]

_DTYPES: dict[str, tuple[DType, ...]] = {
    "real": (float64, float32),
    "number": (float64, float32, int64, int32),
    "any": (float64, float32, int64, int32, bool_),
}


@dataclass(frozen=True, slots=True)
class Domain:
    """Where one argument is drawn from.

    Attributes
    ----------
    kind : str
        ``"real"`` floating values, ``"number"`` floating values or integers, ``"any"`` also booleans,
        ``"boolean"``, ``"index"`` integers ``low <= i < high``.
    low, high : float
        Bounds of the draw; the function is differentiable almost everywhere between them.
    also : tuple of float
        Points worth a test of their own: zeros, kinks, ends of the domain. Values are compared there,
        differences are not taken.
    """

    kind: str
    low: float = 0.0
    high: float = 1.0
    also: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One family of calls: a domain for each input, the inputs' shapes, and the attributes.

    ``shapes`` is None for elementwise primitives, which take any. ``prepare`` turns drawn arrays into arguments that
    a domain of numbers does not describe: positive definite matrices, indices in order.
    """

    domains: tuple[Domain, ...]
    shapes: tuple[tuple[int, ...], ...] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[list[Array]], list[Array]] | None = None

    @property
    def dtypes(self) -> tuple[DType, ...]:
        """The common element types this family is defined for; ``(bool,)`` where no input has a choice."""
        for kind in ("real", "number", "any"):
            if any(d.kind == kind for d in self.domains):
                return _DTYPES[kind]
        return (bool_,)

    def input_dtype(self, position: int, dtype: DType) -> DType:
        """Return the element type of one input when the common type is ``dtype``."""
        kind = self.domains[position].kind
        return {"boolean": bool_, "index": int64}.get(kind, dtype)


def real(low: float = -4.0, high: float = 4.0, also: tuple[float, ...] = ()) -> Domain:
    """Floating values between two bounds."""
    return Domain("real", low, high, also)


def number(low: float = -4.0, high: float = 4.0, also: tuple[float, ...] = ()) -> Domain:
    """Floating values or integers between two bounds."""
    return Domain("number", low, high, also)


def whatever(low: float = -4.0, high: float = 4.0) -> Domain:
    """Values of every element type."""
    return Domain("any", low, high)


def boolean() -> Domain:
    """Truth values."""
    return Domain("boolean")


def index(size: int) -> Domain:
    """Integer indices into an axis of ``size`` elements."""
    return Domain("index", 0, size)


def sample(
    *domains: Domain,
    shapes: tuple[tuple[int, ...], ...] | None = None,
    prepare: Callable[[list[Array]], list[Array]] | None = None,
    **attributes: Any,
) -> Sample:
    """Return the family of calls with these domains, shapes and attributes."""
    return Sample(domains, shapes, attributes, prepare)


def draw(family: Sample, dtype: DType, rng: np.random.Generator, shape: tuple[int, ...] = (7,)) -> list[Array]:
    """Return random arguments of the common element type ``dtype``; ``shape`` holds where the family leaves it open."""
    shapes = family.shapes if family.shapes is not None else (shape,) * len(family.domains)
    arrays = []
    for position, (domain, size) in enumerate(zip(family.domains, shapes, strict=True)):
        element = family.input_dtype(position, dtype)
        values: Array
        if element.is_bool:
            values = np.asarray(rng.integers(0, 2, size))
        elif element.is_integer:
            low = int(np.ceil(domain.low))
            values = rng.integers(low, max(low + 1, int(np.ceil(domain.high))), size)
        else:
            values = rng.uniform(domain.low, domain.high, size)
        arrays.append(np.asarray(values).astype(element.numpy))
    return arrays if family.prepare is None else family.prepare(arrays)
