"""Where CPython and NumPy keep what C has to read of their objects, so that a call hands over two lists and nothing else.

The places are those that CPython's and NumPy's headers have promised for years; they are tried out once on objects whose
contents are known. Where anything differs there is no layout, and calls go through buffers.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import _cffi_backend as backend
import numpy as np

__all__ = ["READABLE", "Numbers", "layout", "objects_source"]

READABLE = 0x101  # NumPy's C_CONTIGUOUS and ALIGNED

_ffi = backend.FFI()
_WORD = np.dtype(np.uintp).itemsize


@cache
def layout() -> Any:
    """Return the block that the C text below reads its places from, None where objects look otherwise."""
    if sys.implementation.name != "cpython" or _WORD != 8:
        return None
    head = object.__basicsize__
    items, flags = head + _WORD, head + 6 * _WORD
    block = np.array([head - _WORD, items, id(float), head, id(np.ndarray), head, flags], np.uintp)
    return _ffi.from_buffer(block) if _as_expected(head, items, flags) else None


def _as_expected(head: int, items: int, flags: int) -> bool:
    """Whether known objects have what they should have where it should be."""
    if list.__basicsize__ < items + _WORD or float.__basicsize__ < head + 8 or np.ndarray.__basicsize__ < flags + 4:
        return False
    arrays = [np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3).T, np.array(1.5), np.arange(9)[::2]]
    number = 1.25
    given = [*arrays, number]
    place = _at("size_t", id(given) + items)
    if any(_at("size_t", place + k * _WORD) != id(one) for k, one in enumerate(given)):
        return False
    if _at("size_t", id(number) + head - _WORD) != id(float) or _at("double", id(number) + head) != number:
        return False
    for array in arrays:
        found = _at("size_t", id(array) + head - _WORD), _at("size_t", id(array) + head), _at("int", id(array) + flags)
        if found[0] != id(np.ndarray) or found[1] != array.__array_interface__["data"][0]:
            return False
        if found[2] & READABLE != array.flags.num & READABLE:
            return False
    return True


def _at(kind: str, address: int) -> Any:
    return _ffi.cast(_ffi.typeof(f"{kind} *"), address)[0]


class Numbers(dict[int, Any]):
    """0-d arrays of Python's integers, whose own form C cannot read; the frequent ones are kept."""

    def __missing__(self, number: int) -> Any:
        made = np.array(number, np.int64)
        if len(self) < 256:
            self[number] = made
        return made


def objects_source(name: str, symbol: str, inputs: int, outputs: int) -> str:
    """Return the C text of ``name(layout, given, made, work)``: a call with two lists of Python's.

    It holds no reference and changes no object but the arrays that ``made`` lists. -1: one of ``given`` is neither a float
    nor an array that C can read; nothing has been computed then.
    """
    count = inputs + outputs
    words = ", ".join([*(f"sg_a[{k}]" for k in range(count)), "sg_work"])
    return f"""
int {name}(const uintptr_t *sg_layout, uintptr_t sg_given, uintptr_t sg_made, void *sg_work)
{{
    const uintptr_t *sg_x = *(const uintptr_t *const *)(sg_given + sg_layout[1]);
    const uintptr_t *sg_y = *(const uintptr_t *const *)(sg_made + sg_layout[1]);
    void *sg_a[{count}];
    int sg_k;
    for (sg_k = 0; sg_k < {inputs}; sg_k++) {{
        uintptr_t sg_type = *(const uintptr_t *)(sg_x[sg_k] + sg_layout[0]);
        if (sg_type == sg_layout[4] && (*(const int *)(sg_x[sg_k] + sg_layout[6]) & {READABLE}) == {READABLE})
            sg_a[sg_k] = *(void *const *)(sg_x[sg_k] + sg_layout[5]);
        else if (sg_type == sg_layout[2])
            sg_a[sg_k] = (void *)(sg_x[sg_k] + sg_layout[3]);
        else
            return -1;
    }}
    for (sg_k = 0; sg_k < {outputs}; sg_k++)
        sg_a[{inputs} + sg_k] = *(void *const *)(sg_y[sg_k] + sg_layout[5]);
    return {symbol}({words});
}}
"""
