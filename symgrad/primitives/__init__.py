"""Every primitive's record, registered by importing this package; ``ops`` reaches them by name."""

from symgrad.ir.expr import ops
from symgrad.primitives import (
    arithmetic,
    arrangement,
    exponential,
    indexing,
    linalg,
    products,
    reduction,
    selection,
    shape,
    special,
    statistics,
    trigonometric,
)

__all__ = [
    "arithmetic",
    "arrangement",
    "exponential",
    "indexing",
    "linalg",
    "ops",
    "products",
    "reduction",
    "selection",
    "shape",
    "special",
    "statistics",
    "trigonometric",
]
