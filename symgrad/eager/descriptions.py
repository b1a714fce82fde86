"""What ``help`` says of functions that arrays and Tensors share: NumPy's meaning, and torch's beside it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["MAKERS", "described", "signature_of"]

_FLOATS = "Integers and bools become the default floating type, float32 unless ``set_default_dtype`` says otherwise."
_PAIRS = (
    "Shapes are broadcast; the result has the element type of the wider category, and within it of the wider type. A Python "
    "number does not widen a Tensor's floating type: float32 stays float32."
)
_OVER = "``dim`` is an axis or a tuple of them, all by default; ``axis`` and ``keepdims`` are taken, too."
_ALONG = "``dim`` is one axis."

_GROUPS = (
    (
        "acos acosh asin asinh atan atanh cos cosh digamma erf erfc erfinv exp exp2 expm1 i0 lgamma log log10 log1p log2 rsqrt "
        "sigmoid sin sinc sinh sqrt tan tanh",
        "(input, *, out=None)",
        _FLOATS,
    ),
    ("abs ceil floor round sign square trunc", "(input, *, out=None)", "The element type stays."),
    ("add sub", "(input, other, *, alpha=1, out=None)", "It is ``input + alpha * other``, or the difference. " + _PAIRS),
    ("mul fmod remainder floor_divide maximum minimum pow", "(input, other, *, out=None)", _PAIRS),
    ("div", "(input, other, *, rounding_mode=None, out=None)", _PAIRS + " Integers are divided as floats."),
    ("atan2 hypot logaddexp xlogy", "(input, other, *, out=None)", _PAIRS),
    ("eq ge gt le lt ne logical_and logical_or logical_xor", "(input, other, *, out=None)", "The result is bool."),
    ("isfinite isinf isnan logical_not", "(input)", "The result is bool."),
    ("sum prod", "(input, dim=None, keepdim=False, *, dtype=None, out=None)", _OVER + " Integers and bools are added in int64."),
    ("mean", "(input, dim=None, keepdim=False, *, dtype=None, out=None)", _OVER + " It needs floats."),
    ("std var", "(input, dim=None, *, correction=1, keepdim=False, out=None)", _OVER + " It divides by n - 1."),
    ("amax amin", "(input, dim=(), keepdim=False, *, out=None)", _OVER + " Equal extrema share the gradient."),
    ("all any", "(input, dim=None, keepdim=False, *, out=None)", _OVER),
    (
        "max min",
        "(input, dim=None, keepdim=False, *, out=None)",
        "With ``dim`` it returns values and indices as a named tuple; given another Tensor it compares elements.",
    ),
    ("argmax argmin", "(input, dim=None, keepdim=False)", "Without ``dim`` it counts in memory order; the result is int64."),
    ("cumsum cumprod", "(input, dim, *, dtype=None, out=None)", _ALONG),
    ("logsumexp", "(input, dim, keepdim=False, *, out=None)", "``dim`` is an axis or a tuple of them."),
    ("matmul", "(input, other, *, out=None)", "Both have one element type; leading axes are broadcast, vectors have one axis."),
    ("dot", "(input, tensor, *, out=None)", "Both are vectors of one size and element type."),
    ("outer", "(input, vec2, *, out=None)", "Both are vectors."),
    ("einsum", "(equation, *operands)", "Lists of numbers may say the same: one behind each operand, and the result's."),
    ("stack concatenate", "(tensors, dim=0, *, out=None)", "The element types combine."),
    ("where", "(condition, input, other, *, out=None)", "Where only ``condition`` is given it returns the indices that hold."),
    ("clip", "(input, min=None, max=None, *, out=None)", "It is ``clamp``: the gradient passes at the bounds."),
    ("reshape", "(input, *shape)", "It is a view where memory allows it, else a copy; one size may be -1."),
    ("squeeze", "(input, dim=None)", "It is a view."),
    ("transpose", "(input, dim0, dim1)", "It swaps two axes, and is a view."),
    ("diagonal", "(input, offset=0, dim1=0, dim2=1)", "It is a view."),
    ("diag tril triu", "(input, diagonal=0, *, out=None)", ""),
    ("flip tile", "(input, dims)", ""),
    ("roll", "(input, shifts, dims=None)", ""),
    ("broadcast_to", "(input, size)", "It is a view that reads elements repeatedly."),
    ("gather", "(input, dim, index, *, sparse_grad=False, out=None)", "The index has as many axes as ``input``."),
    ("norm", "(input, p='fro', dim=None, keepdim=False, out=None, dtype=None)", ""),
    ("trace", "(input)", "It sums the diagonal of a matrix."),
    ("polygamma", "(n, input, *, out=None)", _FLOATS),
    ("zeros_like ones_like", "(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None)", ""),
    ("full_like", "(input, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None)", ""),
)  # fmt: skip
_OF_TENSORS = {name: (arguments, text) for names, arguments, text in _GROUPS for name in names.split()}

_DEFAULT = "The element type is the default one, float32 unless ``set_default_dtype`` says otherwise; ``dtype`` gives another."
_SIZES = "Return a Tensor of {}; sizes one by one, as one sequence, or as ``size``."
_KEYWORDS = (
    "``requires_grad`` makes it a leaf whose gradient is wanted; ``out`` is a Tensor to write into;\n``layout``, ``device`` and "
    "``pin_memory`` are taken where they mean this machine's memory."
)

# of functions that make Tensors: their arguments, and what they return
MAKERS: dict[str, tuple[Callable[..., Any], str]] = {
    "zeros": (
        lambda *size, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False: None,
        f"{_SIZES.format('zeros')}\n\n{_DEFAULT}",
    ),
    "ones": (
        lambda *size, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False: None,
        f"{_SIZES.format('ones')}\n\n{_DEFAULT}",
    ),
    "full": (
        lambda size, fill_value, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False: None,
        "Return a Tensor of ``size``, a sequence, with ``fill_value`` everywhere.\n\nThe element type is that of the value: "
        "bool, int64, or the default floating type; ``dtype`` gives another.",
    ),
    "arange": (
        lambda start=0, end=None, step=1, *, out=None, dtype=None, layout=None, device=None, pin_memory=False,
        requires_grad=False: None,
        "Return a Tensor of ``start, start + step, ...`` before ``end``; ``arange(end)`` counts from 0.\n\nThe element type is "
        "int64, or the default floating type where a bound or the step is a float; ``dtype`` gives another.",
    ),
    "eye": (
        lambda n, m=None, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False: None,
        f"Return a Tensor of ``n`` rows and ``m`` columns, by default as many, with ones on the diagonal.\n\n{_DEFAULT}",
    ),
}  # fmt: skip


def described(name: str, doc: str | None) -> str:
    """Return what help says of a function of arrays, and of Tensors beside it."""
    text = inspect.cleandoc(doc or "")
    if name in MAKERS:
        lines = text.splitlines()
        own = "\n".join(f"    {line}".rstrip() for line in lines)
        array = "While a function of arrays is traced, and for named sizes, it is an Array:"
        return f"{MAKERS[name][1]}\n{_KEYWORDS}\n\n{array}\n\n{own}"
    if name not in _OF_TENSORS:
        return text
    arguments, meaning = _OF_TENSORS[name]
    return f"{text}\n\nOf Tensors it is torch's ``{name}{arguments}``.\n{meaning}".rstrip()


def signature_of(name: str) -> Callable[..., Any]:
    """Return a function with the arguments of one that makes Tensors."""
    return MAKERS[name][0]
