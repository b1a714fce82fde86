"""A Tensor as text, as torch prints it: four decimals, one format for all elements, long ones summarised."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symgrad.dtypes import DType, bool_, float32, int64

__all__ = ["printoptions", "set_printoptions", "tensor_text"]

AnyArray = np.ndarray[Any, Any]


class _Settings:
    precision = 4
    threshold = 1000.0
    edgeitems = 3
    linewidth = 80
    sci_mode: bool | None = None


printoptions = _Settings()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how Tensors print, with torch's arguments; ``profile`` is ``default``, ``short`` or ``full``."""
    if profile is not None:
        settings = {"default": (4, 1000.0, 3, 80), "short": (2, 1000.0, 2, 80), "full": (4, math.inf, 3, 80)}[profile]
        printoptions.precision, printoptions.threshold, printoptions.edgeitems, printoptions.linewidth = settings
    for name, value in (("precision", precision), ("threshold", threshold), ("edgeitems", edgeitems), ("linewidth", linewidth)):
        if value is not None:
            setattr(printoptions, name, value)
    printoptions.sci_mode = sci_mode


class _Formatter:
    """One format for every element of a tensor, decided by those that are shown."""

    def __init__(self, shown: AnyArray) -> None:
        self.floating = shown.dtype.kind == "f"
        self.integral, self.scientific, self.width = True, False, 1
        if not self.floating:
            self.width = max((len(self._plain(v)) for v in shown.ravel()), default=1)
            return
        nonzero = shown[np.isfinite(shown) & (shown != 0)].astype(np.float64)
        if not nonzero.size:
            return
        magnitude = np.abs(nonzero)
        low, high = float(magnitude.min()), float(magnitude.max())
        self.integral = bool(np.all(nonzero == np.ceil(nonzero)))
        self.scientific = high / low > 1000.0 or high > 1.0e8 or (not self.integral and low < 1.0e-4)
        if printoptions.sci_mode is not None:
            self.scientific = printoptions.sci_mode
        self.width = max(len(self(v, pad=False)) for v in nonzero)

    @staticmethod
    def _plain(value: Any) -> str:
        return str(bool(value)) if isinstance(value, np.bool_) else str(value)

    def __call__(self, value: Any, pad: bool = True) -> str:
        if not self.floating:
            text = self._plain(value)
        elif self.scientific:
            text = f"{float(value):.{printoptions.precision}e}"
        elif self.integral:
            text = f"{float(value):.0f}" + ("." if math.isfinite(value) else "")
        else:
            text = f"{float(value):.{printoptions.precision}f}"
        return text.rjust(self.width) if pad else text


def _summarised(array: AnyArray) -> AnyArray:
    """Return the elements that a summary shows."""
    edge = printoptions.edgeitems
    for axis, size in enumerate(array.shape):
        if size > 2 * edge:
            kept = [*range(edge), *range(size - edge, size)]
            array = np.take(array, kept, axis)
    return array


def _lines(array: AnyArray, indent: int, summarise: bool, form: _Formatter) -> str:
    edge = printoptions.edgeitems
    if array.ndim == 0:
        return form(array[()])
    short = summarise and array.shape[0] > 2 * edge
    if array.ndim == 1:
        room = max(1, (printoptions.linewidth - indent) // (form.width + 2))
        if short:
            items = [form(v) for v in array[:edge]] + [" ..."] + [form(v) for v in array[-edge:]]
        else:
            items = [form(v) for v in array]
        rows = [items[k : k + room] for k in range(0, len(items), room)]
        return "[" + (",\n" + " " * (indent + 1)).join(", ".join(row) for row in rows) + "]"
    if short:
        parts = [_lines(a, indent + 1, summarise, form) for a in array[:edge]]
        parts += ["..."]
        parts += [_lines(a, indent + 1, summarise, form) for a in array[-edge:]]
    else:
        parts = [_lines(a, indent + 1, summarise, form) for a in array]
    gap = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
    return "[" + gap.join(parts) + "]"


def tensor_text(array: AnyArray, dtype: DType, requires_grad: bool, grad_fn: str) -> str:
    """Return ``tensor(...)``.

    Parameters
    ----------
    array : ndarray
    dtype : DType
        Named unless it is what torch makes of Python numbers.
    requires_grad : bool
        Whether this is a leaf that requires a gradient.
    grad_fn : str
        The name of the operation that made it, "" for a leaf.
    """
    prefix = "tensor("
    usual = dtype in (float32, int64, bool_)
    suffixes: list[str] = []
    if not array.size:
        if array.ndim != 1:
            suffixes.append(f"size={tuple(array.shape)}")
        body = "[]"
        usual = usual and dtype is float32
    else:
        summarise = array.size > printoptions.threshold
        form = _Formatter(_summarised(array) if summarise else array)
        body = _lines(array, len(prefix), summarise, form)
    if not usual:
        suffixes.append(f"dtype=torch.{dtype.name}")
    if grad_fn:
        suffixes.append(f"grad_fn=<{grad_fn}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    return _with_suffixes(prefix + body, suffixes)


def _with_suffixes(text: str, suffixes: list[str]) -> str:
    last = len(text) - text.rfind("\n")
    for suffix in suffixes:
        if last + len(suffix) + 2 > printoptions.linewidth:
            text += ",\n" + " " * len("tensor(") + suffix
            last = len("tensor(") + len(suffix)
        else:
            text += ", " + suffix
            last += len(suffix) + 2
    return text + ")"
