"""symgrad: a symbolic-to-numeric autograd compiler.

Write the mathematics once; get its value and its exact derivatives of any order as Python calls, as native
functions and as plain C.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from symgrad import errors, func
from symgrad import naming as _naming
from symgrad import primitives as _primitives  # noqa: F401  # registers every primitive
from symgrad.compilation import compile
from symgrad.compiled import CompiledFunction
from symgrad.dtypes import bool_ as bool
from symgrad.dtypes import float32, float64, int32, int64
from symgrad.eager import functions as _functions
from symgrad.eager import making as _making
from symgrad.eager import numpy_table as _numpy_table  # noqa: F401  # answers NumPy's protocols
from symgrad.eager import rearranging as _rearranging
from symgrad.eager.array_face import Array
from symgrad.eager.functions import clip, concatenate, einsum, full_like, logsumexp, ones_like, pow, stack, where, zeros_like
from symgrad.eager.rearranging import (
    astype,
    broadcast_to,
    cumprod,
    cumsum,
    diag,
    diagonal,
    expand_dims,
    flip,
    gather,
    norm,
    pad,
    repeat,
    reshape,
    roll,
    scatter_add,
    sinc,
    square,
    squeeze,
    tile,
    trace,
    transpose,
    tril,
    triu,
)
from symgrad.errors import (
    CompileError,
    DTypeError,
    ExportError,
    GradcheckError,
    ShapeError,
    SymgradError,
    TraceError,
)
from symgrad.ir.expr import ops
from symgrad.mapping import vmap
from symgrad.options import Options
from symgrad.tracing import TensorSpec
from symgrad.transforms import derivative, grad, hessian, hvp, jacobian, jvp, taylor, value_and_grad, vjp

if TYPE_CHECKING:
    from symgrad.eager.creation import tensor
    from symgrad.eager.tensor_face import Tensor
    from symgrad.exporting import export, load
    from symgrad.expressions import from_sympy, to_sympy

__version__ = "0.1.0"

_LAZY = {  # SymPy and cffi's parser are slow to import
    "export": "symgrad.exporting",
    "from_sympy": "symgrad.expressions",
    "load": "symgrad.exporting",
    "to_sympy": "symgrad.expressions",
}

_ELEMENTWISE = (
    *_functions.FLOATING,
    *_functions.UNARY,
    *_functions.BINARY,
    *_functions.FLOATING_BINARY,
    *_functions.COMPARISONS,
    *_functions.LOGICAL,
)
globals().update({name: _functions.elementwise(name) for name in _ELEMENTWISE})
globals().update({name: _functions.with_order(name) for name in ("polygamma", "bessel_j", "bessel_y", "bessel_i")})
globals().update({name: _functions.joined(name) for name in ("matmul", "dot", "outer")})
_REDUCTIONS = ("sum", "prod", "mean", "var", "std", "max", "min", "any", "all", "argmax", "argmin")
globals().update({name: _functions.integrate_axes(name) for name in _REDUCTIONS})
_BESSEL = ("j0", "j1", "y0", "y1", "i0", "i1")
globals().update({name: _rearranging.bessel(name[0], int(name[1])) for name in _BESSEL})
cast = astype


_HERE = globals()
for _name in _naming.SHARED:  # Tensors mean torch's function, all else the one above
    if _name in _HERE:
        _HERE[_name] = _functions.by_kind(_name, _HERE[_name])
_HERE["scatter_add"] = _functions.by_form("scatter_add", scatter_add)
for _name in ("arange", "eye", "full", "ones", "zeros"):
    _HERE[_name] = _naming.maker(_name, getattr(_making, _name))


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    found = _naming.of_torch(name)
    if found is _naming.MISSING:
        raise AttributeError(f"module 'symgrad' has no attribute {name!r}")
    _HERE[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*_HERE, *_LAZY, *_naming.names()})


__all__ = [
    "Array",
    "CompileError",
    "CompiledFunction",
    "DTypeError",
    "ExportError",
    "GradcheckError",
    "Options",
    "ShapeError",
    "SymgradError",
    "Tensor",
    "TensorSpec",
    "TraceError",
    "astype",
    "bessel_i",
    "bessel_j",
    "bessel_y",
    "bool",
    "broadcast_to",
    "cast",
    "clip",
    "compile",
    "concatenate",
    "cumprod",
    "cumsum",
    "derivative",
    "diag",
    "diagonal",
    "dot",
    "einsum",
    "errors",
    "expand_dims",
    "export",
    "flip",
    "float32",
    "float64",
    "from_sympy",
    "func",
    "full_like",
    "gather",
    "grad",
    "hessian",
    "hvp",
    "int32",
    "int64",
    "jacobian",
    "jvp",
    "load",
    "logsumexp",
    "matmul",
    "norm",
    "ones_like",
    "ops",
    "outer",
    "pad",
    "polygamma",
    "pow",
    "repeat",
    "reshape",
    "roll",
    "scatter_add",
    "sinc",
    "square",
    "squeeze",
    "stack",
    "taylor",
    "tensor",
    "tile",
    "to_sympy",
    "trace",
    "transpose",
    "tril",
    "triu",
    "value_and_grad",
    "vjp",
    "vmap",
    "where",
    "zeros_like",
    *_ELEMENTWISE,  # names, all strings
    *_BESSEL,
    "arange",
    "eye",
    "full",
    "ones",
    "zeros",
    *_REDUCTIONS,
]
