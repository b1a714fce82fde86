"""All functions of Tensors under torch's names: what the modules beside this one define, in one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symgrad.eager import (
    torch_activations,
    torch_arithmetic,
    torch_einsum,
    torch_elementwise,
    torch_extrema,
    torch_gathering,
    torch_grids,
    torch_indexing,
    torch_joining,
    torch_layers,
    torch_linalg,
    torch_losses,
    torch_lu,
    torch_margins,
    torch_matrix_functions,
    torch_products,
    torch_reductions,
    torch_running,
    torch_scattering,
    torch_selection,
    torch_sorting,
    torch_statistics,
    torch_strided,
    torch_views,
)
from symgrad.eager.call_forms import public
from symgrad.eager.functions import TENSOR_FUNCTIONS
from symgrad.eager.out_table import OUT, OUT_OF_LINALG, OUT_OF_SPECIAL

__all__ = ["FUNCTIONS", "IN_PLACE", "METHODS", "PUBLIC", "PUBLIC_LINALG", "PUBLIC_NN", "PUBLIC_SPECIAL"]

Function = Callable[..., Any]

_MODULES = (
    torch_elementwise, torch_arithmetic, torch_selection, torch_reductions, torch_products, torch_views, torch_joining,
    torch_gathering, torch_indexing, torch_sorting, torch_activations, torch_linalg, torch_extrema, torch_running,
    torch_grids, torch_layers, torch_statistics, torch_matrix_functions, torch_scattering,
    torch_strided, torch_lu, torch_einsum,
)  # fmt: skip

FUNCTIONS: dict[str, Function] = {name: f for module in _MODULES for name, f in module.FUNCTIONS.items()}
SPECIAL: dict[str, Function] = {
    **torch_elementwise.SPECIAL, **torch_arithmetic.SPECIAL, "logsumexp": FUNCTIONS["logsumexp"],
    "softmax": FUNCTIONS["softmax"], "log_softmax": FUNCTIONS["log_softmax"],
}  # fmt: skip
LINALG: dict[str, Function] = {
    **torch_products.LINALG, **torch_views.LINALG, **torch_linalg.LINALG, **torch_matrix_functions.LINALG,
    **torch_lu.LINALG,
}  # fmt: skip
NN: dict[str, Function] = {**torch_activations.NN, **torch_layers.NN, **torch_losses.NN, **torch_margins.NN}

# what ``sg`` and its parts have under torch's names, called in every way that torch allows
PUBLIC: dict[str, Function] = {name: public(f, name, OUT.get(name, "")) for name, f in FUNCTIONS.items()}
PUBLIC_LINALG = {name: public(f, name, OUT_OF_LINALG.get(name, "")) for name, f in LINALG.items()}
PUBLIC_SPECIAL = {name: public(f, name, OUT_OF_SPECIAL.get(name, "")) for name, f in SPECIAL.items()}
PUBLIC_NN = {name: public(f, name) for name, f in NN.items()}

TENSOR_FUNCTIONS.update(PUBLIC)

# functions that are no methods in torch, because no one operand comes first
_NO_METHODS = set(
    """
atleast_1d atleast_2d atleast_3d bilinear block_diag
broadcast_shapes broadcast_tensors bucketize cartesian_prod cat cdist celu chain_matmul
column_stack combinations concat concatenate cosine_similarity cumulative_trapezoid diagflat dropout dstack einsum embedding
hstack layer_norm meshgrid pairwise_distance row_stack rsub searchsorted selu stack std_mean
tensordot threshold trapezoid trapz tril_indices triu_indices vander var_mean vstack
""".split()
)

METHODS: dict[str, Function] = {name: f for name, f in FUNCTIONS.items() if name not in _NO_METHODS}
METHODS["diagflat"] = FUNCTIONS["diagflat"]


def _where(self: Any, condition: Any, other: Any) -> Any:
    """Return these values where ``condition`` holds, else ``other``."""
    return FUNCTIONS["where"](condition, self, other)


def _polygamma(self: Any, n: int) -> Any:
    """Return the n-th derivative of digamma."""
    return FUNCTIONS["polygamma"](n, self)


METHODS |= {"where": _where, "polygamma": _polygamma}

# methods that have a form ending in _, which writes the result into the tensor itself
IN_PLACE = tuple(
    """
abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin
asinh atan atan2 atanh baddbmm bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor ceil
clamp clamp_max clamp_min clip copysign cos cosh cumprod cumsum deg2rad digamma div divide eq erf erfc erfinv exp exp2 expm1
fix float_power floor floor_divide fmod frac ge greater greater_equal gt heaviside hypot i0 index_add index_copy index_fill
index_put ldexp le lerp less less_equal lgamma log log10 log1p log2 logical_and logical_not logical_or logical_xor logit lt
masked_fill masked_scatter mul multiply mvlgamma nan_to_num ne neg negative not_equal polygamma pow put rad2deg reciprocal
relu remainder renorm round rsqrt scatter scatter_add scatter_reduce sgn sigmoid sign sin sinc sinh sqrt square sub
subtract tan tanh tril triu true_divide trunc xlogy
""".split()
)
