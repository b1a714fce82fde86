"""symgrad: a symbolic-to-numeric autograd compiler.

Write the mathematics once; get its value and its exact derivatives of any order as Python calls, as native
functions and as plain C.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from symgrad import errors
from symgrad import primitives as _primitives  # noqa: F401  # registers every primitive
from symgrad.compilation import compile
from symgrad.compiled import CompiledFunction
from symgrad.dtypes import bool_ as bool
from symgrad.dtypes import float32, float64, int32, int64
from symgrad.eager import functions as _functions
from symgrad.eager import numpy_table as _numpy_table  # noqa: F401  # answers NumPy's protocols
from symgrad.eager.array_face import Array
from symgrad.eager.functions import clip, concatenate, einsum, logsumexp, pow, stack, where
from symgrad.eager.tensor_face import Tensor, tensor
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
    from symgrad.expressions import from_sympy, to_sympy

__version__ = "0.1.0"

_LAZY = {"from_sympy": "symgrad.expressions", "to_sympy": "symgrad.expressions"}  # SymPy is slow to import

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
zeros, ones = _functions.filled(0.0), _functions.filled(1.0)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'symgrad' has no attribute {name!r}")


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
    "bool",
    "clip",
    "compile",
    "concatenate",
    "derivative",
    "einsum",
    "errors",
    "float32",
    "float64",
    "from_sympy",
    "grad",
    "hessian",
    "hvp",
    "int32",
    "int64",
    "jacobian",
    "jvp",
    "logsumexp",
    "ones",
    "ops",
    "pow",
    "stack",
    "taylor",
    "tensor",
    "to_sympy",
    "value_and_grad",
    "vjp",
    "vmap",
    "where",
    "zeros",
    "matmul",
    "dot",
    "outer",
    "polygamma",
    "bessel_j",
    "bessel_y",
    "bessel_i",
    *_ELEMENTWISE,  # names, all strings
    *_REDUCTIONS,
]
