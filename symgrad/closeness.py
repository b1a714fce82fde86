"""``sg.testing.assert_close``: whether values agree within rounding, and where they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symgrad.eager.tensor_face import Tensor

__all__ = ["assert_close"]

_TOLERANCES = {"float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
_EXACT = (0.0, 0.0)
Path = tuple[Any, ...]


class _Rules:
    """What ``assert_close`` was asked for."""

    def __init__(self, rtol: float | None, atol: float | None, equal_nan: bool, check_dtype: bool) -> None:
        self.given = None if rtol is None or atol is None else (rtol, atol)
        self.equal_nan = equal_nan
        self.check_dtype = check_dtype

    def tolerances(self, *dtypes: str) -> tuple[float, float]:
        """Return the relative and the absolute tolerance: those given, else the widest of the element types."""
        if self.given is not None:
            return self.given
        pairs = [_TOLERANCES.get(name, _EXACT) for name in dtypes]
        return max(r for r, _ in pairs), max(a for _, a in pairs)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise AssertionError unless ``|actual - expected| <= atol + rtol * |expected|`` for every element.

    Parameters
    ----------
    actual, expected : Tensor, ndarray, number, or sequences or mappings of them
    allow_subclasses, check_device, check_layout, check_stride : bool
        Accepted for torch's sake.
    rtol, atol : float, optional
        Both or none. Default: 1.3e-6 and 1e-5 for float32, 1e-7 and 1e-7 for float64, 0 for integers and bools.
    equal_nan : bool
        Let nan equal nan.
    check_dtype : bool
        Let the element types agree, too.
    msg : str or callable, optional
        What the error says, or a function of what it would say.

    Raises
    ------
    AssertionError
        For values, shapes, element types, lengths or keys that differ.
    TypeError
        For values of kinds that cannot be compared.
    ValueError
        For one tolerance without the other.
    """
    if (rtol is None) is not (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}.")
    found = _difference(actual, expected, _Rules(rtol, atol, equal_nan, check_dtype), ())
    if found is not None:
        text, path = found
        text += f"\n\nThe failure occurred for item {''.join(f'[{p!r}]' for p in path)}" if path else ""
        raise AssertionError(text if msg is None else msg(text) if callable(msg) else msg)


def _difference(actual: Any, expected: Any, rules: _Rules, path: Path) -> tuple[str, Path] | None:
    """Return the first difference and where it is, None where there is none."""
    if actual is None or expected is None:
        return None if actual is expected else (f"None mismatch: {actual} is not {expected}", path)
    for kind in (Tensor, np.ndarray):
        if isinstance(actual, kind) and isinstance(expected, kind):
            text = _of_arrays(actual, expected, rules)
            return None if text is None else (text, path)
    if isinstance(actual, (int, float, np.generic)) and isinstance(expected, (int, float, np.generic)):
        text = _of_numbers(actual, expected, rules)
        return None if text is None else (text, path)
    pair = actual, expected
    if all(isinstance(p, Mapping) for p in pair):
        return _of_mappings(actual, expected, rules, path)
    if all(isinstance(p, Sequence) and not isinstance(p, (str, bytes)) for p in pair):
        if len(actual) != len(expected):
            return f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", path
        found = (_difference(a, e, rules, (*path, k)) for k, (a, e) in enumerate(zip(actual, expected, strict=True)))
        return next((f for f in found if f is not None), None)
    raise TypeError(f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.")


def _of_mappings(actual: Any, expected: Any, rules: _Rules, path: Path) -> tuple[str, Path] | None:
    missing, more = [k for k in expected if k not in actual], [k for k in actual if k not in expected]
    if missing or more:
        keys = f"Missing keys in the actual mapping: {missing}\nAdditional keys in the actual mapping: {more}"
        return f"The keys of the mappings do not match:\n{keys}", path
    found = (_difference(actual[k], expected[k], rules, (*path, k)) for k in expected)
    return next((f for f in found if f is not None), None)


def _of_numbers(actual: Any, expected: Any, rules: _Rules) -> str | None:
    actual, expected = (v.item() if isinstance(v, np.generic) else v for v in (actual, expected))
    if rules.check_dtype and type(actual) is not type(expected):
        return f"The (d)types do not match: {type(actual)} != {type(expected)}."
    rtol, atol = rules.tolerances(*["float64" if isinstance(v, float) else "int" for v in (actual, expected)])
    if _close(np.asarray(actual), np.asarray(expected), rtol, atol, rules.equal_nan):
        return None
    return _of_one(actual, expected, rtol, atol)


def _close(actual: Any, expected: Any, rtol: float, atol: float, equal_nan: bool) -> Any:
    """Return which elements are close; whole numbers that must be equal are compared as such, not as floats."""
    if not (rtol or atol or actual.dtype.kind == "f" or expected.dtype.kind == "f"):
        return np.asarray(actual == expected)
    return np.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan)


def _of_one(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    apart = abs(actual - expected)
    part = apart / abs(expected) if expected else float("inf")
    head = f"Scalars are not {'close' if rtol or atol else 'equal'}!\n\nExpected {expected} but got {actual}.\n"
    return (
        f"{head}Absolute difference: {apart}{f' (up to {atol} allowed)' if rtol or atol else ''}\n"
        f"Relative difference: {part}{f' (up to {rtol} allowed)' if rtol or atol else ''}"
    )


def _of_arrays(actual: Any, expected: Any, rules: _Rules) -> str | None:
    if tuple(actual.shape) != tuple(expected.shape):
        return f"The values for attribute 'shape' do not match: {actual.shape} != {expected.shape}."
    if rules.check_dtype and actual.dtype != expected.dtype:
        return f"The values for attribute 'dtype' do not match: {actual.dtype} != {expected.dtype}."
    got, want = (np.asarray(v.numpy_value() if isinstance(v, Tensor) else v) for v in (actual, expected))
    rtol, atol = rules.tolerances(str(got.dtype), str(want.dtype))
    numbers = [v.astype(np.int64) if v.dtype.kind == "b" else v for v in (got, want)]
    close = _close(numbers[0], numbers[1], rtol, atol, rules.equal_nan)
    if close.all():
        return None
    if not got.ndim:
        return _of_one(numbers[0].item(), numbers[1].item(), rtol, atol)
    with np.errstate(all="ignore"):
        apart = np.abs(numbers[0] - numbers[1])
        part = apart / np.abs(numbers[1])
    apart, part = (np.where(close, 0, v) for v in (apart, part))
    count, far, wide = (
        int((~close).sum()),
        np.unravel_index(apart.argmax(), got.shape),
        np.unravel_index(part.argmax(), got.shape),
    )
    allowed = [f" (up to {t} allowed)" if rtol or atol else "" for t in (atol, rtol)]
    places = [str(tuple(int(i) for i in p)) for p in (far, wide)]
    return (
        f"Tensor-likes are not {'close' if rtol or atol else 'equal'}!\n\n"
        f"Mismatched elements: {count} / {close.size} ({100 * count / close.size:.1f}%)\n"
        f"Greatest absolute difference: {apart[far].item()} at index {places[0]}{allowed[0]}\n"
        f"Greatest relative difference: {part[wide].item()} at index {places[1]}{allowed[1]}"
    )
