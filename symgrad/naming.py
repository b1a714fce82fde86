"""torch's names under ``sg``: found when first asked for, so that importing symgrad does not load the eager runtime."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

from symgrad.eager.array_face import NamedSize
from symgrad.eager.descriptions import described, signature_of
from symgrad.eager.faces import Face
from symgrad.eager.grad_mode import mode

__all__ = ["MISSING", "SHARED", "maker", "names", "of_torch"]

MISSING = object()

# functions that arrays and Tensors both have, under one name
SHARED = tuple(
    """
abs acos acosh add all amax amin any argmax argmin asin asinh atan atan2 atanh broadcast_to ceil clip concatenate cos cosh cumprod
cumsum diag diagonal digamma div dot einsum eq erf erfc erfinv exp exp2 expm1 flip floor floor_divide fmod gather ge gt hypot i0
isfinite isinf isnan le lgamma log log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor logsumexp lt matmul
max maximum mean min minimum mul ne norm outer polygamma pow prod remainder reshape roll round rsqrt sigmoid sign sin
sinc sinh sqrt square squeeze stack std sub sum tan tanh tile trace transpose tril triu trunc var where xlogy zeros_like
ones_like full_like
""".split()
)

# where the names that only Tensors have are defined
_PLACES: dict[str, str] = {
    **dict.fromkeys(("Tensor", "Size"), "symgrad.eager.tensor_face"),
    **dict.fromkeys((
        "as_tensor", "asarray", "from_dlpack", "from_numpy", "get_default_dtype", "set_default_dtype", "tensor",
    ), "symgrad.eager.creation"),
    **dict.fromkeys(("empty", "empty_like", "linspace", "logspace", "scalar_tensor"), "symgrad.eager.factories"),
    **dict.fromkeys(("contiguous_format", "device", "preserve_format", "strided"), "symgrad.eager.device"),
    **dict.fromkeys((
        "BoolTensor", "DoubleTensor", "FloatTensor", "IntTensor", "LongTensor",
    ), "symgrad.eager.typed_tensors"),
    **dict.fromkeys((
        "Generator", "bernoulli", "initial_seed", "manual_seed", "multinomial", "normal", "rand", "rand_like",
        "get_rng_state", "randint", "randint_like", "randn", "randn_like", "randperm", "seed", "set_rng_state",
    ), "symgrad.eager.random_numbers"),
    **dict.fromkeys((
        "enable_grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "set_grad_enabled",
    ), "symgrad.eager.grad_mode"),
    **dict.fromkeys(("set_printoptions",), "symgrad.eager.printing"),
    **dict.fromkeys(("is_anomaly_check_nan_enabled", "is_anomaly_enabled"), "symgrad.autograd.anomaly_mode"),
    **dict.fromkeys((
        "can_cast", "clone", "detach", "finfo", "get_num_threads", "iinfo", "is_complex", "is_floating_point",
        "is_inference", "is_nonzero", "is_same_size", "is_tensor", "numel", "promote_types", "result_type",
        "set_num_threads", "typename",
    ), "symgrad.eager.tensor_functions"),
}  # fmt: skip
_NUMBERS = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "newaxis": None}
_PACKAGES = ("autograd", "cuda", "linalg", "nn", "optim", "special", "testing")
_DTYPES = {"float": "float32", "double": "float64", "int": "int32", "long": "int64"}
_ABSENT = {"half", "float16", "bfloat16", "complex64", "complex128", "cfloat", "cdouble", "int8", "int16", "short", "uint8"}


def names() -> list[str]:
    """Return the names that ``of_torch`` knows without looking."""
    return [*_PLACES, *_PACKAGES, *_DTYPES, *_NUMBERS]


def of_torch(name: str) -> Any:
    """Return what torch's name stands for, MISSING if there is none.

    Raises
    ------
    AttributeError
        For element types that symgrad does not have, saying which there are.
    """
    if name in _PACKAGES:
        return import_module(f"symgrad.{name}")
    if name in _NUMBERS:
        return _NUMBERS[name]
    if name in _DTYPES:
        return getattr(import_module("symgrad.dtypes"), _DTYPES[name])
    if name in _ABSENT:
        raise AttributeError(f"symgrad has no element type {name}: use float32, float64, int32, int64 or bool")
    if name.startswith("__"):
        return MISSING
    import_module("symgrad.eager.tensor_methods")  # a Tensor is whole from its first appearance
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    return import_module("symgrad.eager.torch_names").PUBLIC.get(name, MISSING)


def maker(name: str, of_arrays: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that makes Tensors, and Arrays while a function of Arrays is traced or sizes are named."""

    @functools.wraps(of_arrays)
    def chosen(*args: Any, **kwargs: Any) -> Any:
        if mode.arrays or _of_arrays((*args, *kwargs.values())):
            return of_arrays(*args, **kwargs)
        import_module("symgrad.eager.tensor_methods")
        return getattr(import_module("symgrad.eager.factories"), name)(*args, **kwargs)

    chosen.__doc__ = described(name, of_arrays.__doc__)
    chosen.__module__, chosen.__name__, chosen.__qualname__ = "symgrad", name, name  # where pickle finds it
    chosen.__wrapped__ = signature_of(name)  # what help shows of its arguments
    return chosen


def _of_arrays(args: tuple[Any, ...]) -> bool:
    for value in args:
        members = value if isinstance(value, (list, tuple)) else (value,)
        if any(isinstance(m, NamedSize) or (isinstance(m, Face) and m.default_float.name == "float64") for m in members):
            return True
    return False
