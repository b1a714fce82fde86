"""All functions of Tensors under torch's names: what the modules beside this one define, in one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symgrad.eager import (
    torch_activations,
    torch_arithmetic,
    torch_attention,
    torch_einsum,
    torch_elementwise,
    torch_equations,
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
    torch_parts,
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
from symgrad.eager.in_place import in_place, of_tensors, where_asked
from symgrad.eager.out_table import OUT, OUT_OF_LINALG, OUT_OF_SPECIAL

__all__ = ["FUNCTIONS", "IN_PLACE", "METHODS", "PUBLIC", "PUBLIC_IN_PLACE", "PUBLIC_LINALG", "PUBLIC_NN", "PUBLIC_SPECIAL"]

Function = Callable[..., Any]

_MODULES = (
    torch_elementwise, torch_arithmetic, torch_selection, torch_reductions, torch_products, torch_views, torch_joining,
    torch_gathering, torch_indexing, torch_sorting, torch_activations, torch_linalg, torch_extrema, torch_running,
    torch_grids, torch_layers, torch_statistics, torch_matrix_functions, torch_scattering,
    torch_strided, torch_lu, torch_einsum, torch_equations, torch_parts,
)  # fmt: skip

FUNCTIONS: dict[str, Function] = {name: f for module in _MODULES for name, f in module.FUNCTIONS.items()}
_MEANINGS = {
    "cholesky": "Return the lower factor of a positive definite matrix, or with ``upper`` the upper one.",
    "fliplr": "Return the columns in reversed order.",
    "flipud": "Return the rows in reversed order.",
    "outer": "Return the products of each element of one vector with each of another.",
    "qr": "Return the factors of a matrix: orthonormal columns, and an upper triangle.",
}
for _name, _meaning in _MEANINGS.items():
    FUNCTIONS[_name].__doc__ = _meaning

SPECIAL: dict[str, Function] = {
    **torch_elementwise.SPECIAL, **torch_arithmetic.SPECIAL, "logsumexp": FUNCTIONS["logsumexp"],
    "softmax": FUNCTIONS["softmax"], "log_softmax": FUNCTIONS["log_softmax"],
}  # fmt: skip
LINALG: dict[str, Function] = {
    **torch_products.LINALG, **torch_views.LINALG, **torch_linalg.LINALG, **torch_matrix_functions.LINALG,
    **torch_lu.LINALG, **torch_equations.LINALG,
}  # fmt: skip
NN: dict[str, Function] = {
    **torch_activations.NN, **torch_layers.NN, **torch_losses.NN, **torch_margins.NN, **torch_attention.NN,
}  # fmt: skip

# what ``sg`` and its parts have under torch's names, called in every way that torch allows
PUBLIC: dict[str, Function] = {name: public(f, name, OUT.get(name, "")) for name, f in FUNCTIONS.items()}
PUBLIC_LINALG = {name: public(f, name, OUT_OF_LINALG.get(name, ""), "symgrad.linalg") for name, f in LINALG.items()}
PUBLIC_SPECIAL = {name: public(f, name, OUT_OF_SPECIAL.get(name, ""), "symgrad.special") for name, f in SPECIAL.items()}
PUBLIC_NN = {name: public(where_asked(f, name), name, module="symgrad.nn.functional") for name, f in NN.items()}
_ACTIVATIONS = ("celu", "elu", "hardtanh", "leaky_relu", "relu", "selu", "threshold")
PUBLIC_NN |= {f"{name}_": of_tensors(in_place(NN[name], name), f"{name}_", "symgrad.nn.functional") for name in _ACTIVATIONS}

TENSOR_FUNCTIONS.update(PUBLIC)

# functions that are no methods in torch, because no one operand comes first
_NO_METHODS = set(
    """
atleast_1d atleast_2d atleast_3d bilinear block_diag
broadcast_shapes broadcast_tensors bucketize cartesian_prod cat cdist celu chain_matmul
column_stack combinations concat concatenate cosine_similarity cumulative_trapezoid diagflat dropout dstack einsum embedding
hstack layer_norm meshgrid pairwise_distance row_stack rsub searchsorted selu stack std_mean
tensordot threshold trapezoid unravel_index trapz tril_indices triu_indices vander var_mean vstack
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
abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr arccos arccosh arcsin arcsinh arctan arctan2 arctanh
asin asinh atan atan2 atanh baddbmm bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor
ceil clamp clamp_max clamp_min clip copysign cos cosh cumprod cumsum deg2rad digamma div divide eq erf erfc erfinv exp exp2
expm1 fix float_power floor floor_divide fmod frac gcd ge greater greater_equal gt heaviside hypot i0 index_add index_copy
index_fill index_put index_reduce lcm ldexp le lerp less less_equal lgamma log log10 log1p log2 logical_and logical_not
logical_or logical_xor logit lt masked_fill masked_scatter mul multiply mvlgamma nan_to_num ne neg negative nextafter
not_equal polygamma pow put rad2deg reciprocal relu remainder renorm round rsqrt scatter scatter_add scatter_reduce sgn
sigmoid sign sin sinc sinh sqrt square sub subtract tan tanh tril triu true_divide trunc xlogy
""".split()
)

# those in place that torch has as functions, too
PUBLIC_IN_PLACE = tuple(
    """
abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ as_strided_ asin_ asinh_ atan_ atanh_ ceil_ clamp_
clamp_max_ clamp_min_ clip_ cos_ cosh_ deg2rad_ detach_ erf_ erfc_ exp2_ exp_ expm1_ fill_ fix_ floor_ frac_ gcd_ i0_
index_put_ lcm_ ldexp_ log10_ log1p_ log2_ log_ logit_ nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ relu_ round_ rsqrt_
sigmoid_ sin_ sinc_ sinh_ sqrt_ square_ tan_ tanh_ trunc_ xlogy_ zero_
""".split()
)
PUBLIC |= {
    f"{name}_": of_tensors(in_place(FUNCTIONS[name], name), f"{name}_") for name in ("celu", "dropout", "selu", "threshold")
}
