"""Operations on the bits of integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from symgrad.ir.kinds import Expression, Infix, Prefix, Zero
from symgrad.primitives.rules import broadcast, integer, primitive, unary
from symgrad.primitives.samples import index, sample

__all__: list[str] = []

_PAIR = (sample(index(1000), index(1000)),)

_numpy: Any
for _name, _numpy, _symbol, _precedence in (
    ("bitwise_and", np.bitwise_and, "&", 8),
    ("bitwise_xor", np.bitwise_xor, "^", 7),
    ("bitwise_or", np.bitwise_or, "|", 6),
):
    primitive(
        _name,
        broadcast(integer),
        _numpy,
        Zero(),
        Infix(_symbol, _precedence),
        samples=_PAIR,
        ulp=0.0,
        doc=f"x {_symbol} y, bit by bit.",
    )

bitwise_not = primitive(
    "bitwise_not",
    unary(integer),
    np.invert,
    Zero(),
    Prefix("~"),
    samples=(sample(index(1000)),),
    ulp=0.0,
    doc="Every bit turned over: -x - 1.",
)


def _left(x: Any, y: Any) -> Any:
    inside = (y >= 0) & (y < 8 * x.dtype.itemsize)
    return np.where(inside, np.left_shift(x, np.where(inside, y, 0)), x.dtype.type(0))


def _right(x: Any, y: Any) -> Any:
    top = 8 * x.dtype.itemsize - 1
    return np.right_shift(x, np.where((y < 0) | (y > top), top, y).astype(x.dtype))


_SIZE = "(int)(8 * sizeof({0}))"

left_shift = primitive(
    "left_shift",
    broadcast(integer),
    _left,
    Zero(),
    Expression(f"{{1}} < 0 || {{1}} >= {_SIZE} ? 0 : ({{c}})(({{u}}){{0}} << {{1}})"),
    samples=(sample(index(1000), index(20)),),
    ulp=0.0,
    doc="x 2**y; 0 for a shift below 0 or by the width and more.",
)
right_shift = primitive(
    "right_shift",
    broadcast(integer),
    _right,
    Zero(),
    Expression(f"{{0}} >> ({{1}} < 0 || {{1}} >= {_SIZE} ? {_SIZE} - 1 : {{1}})"),
    samples=(sample(index(100000), index(20)),),
    ulp=0.0,
    doc="x / 2**y rounded down; a shift below 0 or by the width and more takes the sign.",
)
