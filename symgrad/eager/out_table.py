"""Which of torch's functions take ``out``, and in what element types."""

from __future__ import annotations

__all__ = ["OUT", "OUT_OF_LINALG", "OUT_OF_SPECIAL"]

# in any type of the result's category or above
_LOOSE = """
acos acosh add addcdiv addcmul addr arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh atan atan2 atanh
bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor cat chain_matmul cholesky cholesky_solve clamp
clamp_max clamp_min clip column_stack concat concatenate copysign cos cosh deg2rad diff digamma div divide
dstack eq erf erfc erfinv exp exp2 expm1 floor_divide fmax fmin fmod gcd ge ger greater greater_equal gt hstack hypot i0 kron
lcm ldexp le less less_equal lgamma log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor
logit logsumexp lt matrix_power max maximum mean min minimum mul multiply mvlgamma nanmean nansum ne nextafter
not_equal outer polygamma pow rad2deg reciprocal remainder row_stack rsqrt sigmoid sin sinc sinh sqrt square stack std sub
subtract tan tanh threshold true_divide var vstack xlogy
""".split()
# in the result's type
_EXACT = """
abs absolute addbmm addmm addmv all amax amin any argmax argmin baddbmm bitwise_not bmm bucketize ceil cross diag dot fix
float_power floor frac gather hardshrink heaviside histc index_add index_copy index_select inner inverse isin isneginf isposinf
lerp log_softmax logcumsumexp masked_select matmul mm msort mv nan_to_num nanquantile neg negative nonzero norm quantile
renorm round scatter scatter_add scatter_reduce searchsorted sgn sign signbit softmax take take_along_dim tensordot
tril triu trunc vdot aminmax cummax cummin frexp kthvalue median mode nanmedian qr slogdet sort topk where
""".split()
# in any type, in which they compute then
_OWN = ("cumprod", "cumsum", "prod", "sum")

OUT = {**dict.fromkeys(_LOOSE, "loose"), **dict.fromkeys(_EXACT, "exact"), **dict.fromkeys(_OWN, "own")}
OUT_OF_LINALG = {
    **dict.fromkeys(("cond", "matrix_power", "matrix_rank", "pinv", "lstsq"), "loose"),
    **dict.fromkeys(
        """cholesky cross det eigh eigvalsh inv lu lu_factor lu_factor_ex lu_solve matmul matrix_norm multi_dot norm qr slogdet
        solve solve_triangular svd svdvals vecdot vector_norm""".split(),
        "exact",
    ),
}
OUT_OF_SPECIAL = {
    **dict.fromkeys(
        """bessel_j0 bessel_j1 bessel_y0 bessel_y1 digamma entr erf erfc erfinv exp2 expit expm1 gammaln i0 i1 log1p logit
        logsumexp modified_bessel_i0 modified_bessel_i1 multigammaln ndtr polygamma psi sinc xlog1py xlogy""".split(),
        "loose",
    ),
    "round": "exact",
}
