"""torch's elementwise functions of one argument."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from symgrad.dtypes import bool_, int64
from symgrad.eager.operation import operation
from symgrad.eager.torch_rules import Operand, floating, number_node, refuse, refuse_dtype, truth_of, zero_like
from symgrad.ir.expr import Node, like, ops

__all__ = ["FUNCTIONS", "SPECIAL"]

Function = Callable[..., Any]

FUNCTIONS: dict[str, Function] = {}
SPECIAL: dict[str, Function] = {}

_FLOATING = {
    "sqrt": "Sqrt", "rsqrt": "Rsqrt", "exp": "Exp", "exp2": "Exp2", "expm1": "Expm1", "log": "Log", "log2": "Log2",
    "log10": "Log10", "log1p": "Log1P", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan",
    "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "erf": "Erf",
    "erfc": "Erfc", "erfinv": "Erfinv", "lgamma": "Lgamma", "digamma": "Digamma", "sigmoid": "Sigmoid",
}  # fmt: skip
ALIASES = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
    "absolute": "abs", "negative": "neg", "fix": "trunc",
}  # fmt: skip
_IN_SPECIAL = {
    "exp2": "exp2", "expm1": "expm1", "log1p": "log1p", "erf": "erf", "erfc": "erfc", "erfinv": "erfinv", "gammaln": "lgamma",
    "digamma": "digamma", "psi": "digamma", "expit": "sigmoid", "i0": "i0", "logit": "logit", "sinc": "sinc", "round": "round",
    "polygamma": "polygamma",
}  # fmt: skip


def _named(name: str, grad_fn: str, formula: Function) -> Function:
    """Return an operation named as torch's function; a bare grad_fn gets torch's ending."""
    formula.__name__ = formula.__qualname__ = name
    formula.__doc__ = f"Return {name} of each element."
    made: Function = operation(grad_fn if "Backward" in grad_fn else f"{grad_fn}Backward0")(formula)
    return made


def _of_floats(name: str) -> Function:
    primitive = getattr(ops, name)

    def formula(x: Operand) -> Node:
        result: Node = primitive(floating(x))
        return result

    return formula


for _name, _grad_fn in _FLOATING.items():
    FUNCTIONS[_name] = _named(_name, _grad_fn, _of_floats(_name))


# whole and signed values: integers stay integers


def _node(x: Operand) -> Node:
    return x if isinstance(x, Node) else x.node


def _abs(x: Operand) -> Node:
    node = _node(x)
    return node if node.dtype is bool_ else ops.abs(node)


def _neg(x: Operand) -> Node:
    node = _node(x)
    if node.dtype is bool_:
        refuse_dtype(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, "
            "use the `~` or `logical_not()` operator instead."
        )
    return -node


def _sign(x: Operand) -> Node:
    node = _node(x)
    if node.dtype.is_floating:
        return ops.where(ops.isnan(node), zero_like(node), ops.sign(node))
    return node if node.dtype is bool_ else ops.sign(node)


def _whole(name: str) -> Function:
    def formula(x: Operand) -> Node:
        node = _node(x)
        if node.dtype is bool_:
            refuse_dtype(f"{name} is not implemented for 'Bool'")
        result: Node = getattr(ops, name)(node) if node.dtype.is_floating else node
        return result

    return formula


def _frac(x: Operand) -> Node:
    node = _node(x)
    if not node.dtype.is_floating:
        refuse_dtype("frac is implemented for floating-point tensors only")
    return node - ops.trunc(node)


def _square(x: Operand) -> Node:
    node = number_node(x, int64) if _node(x).dtype is bool_ else _node(x)
    return ops.integer_pow(node, exponent=2)


def _i(order: int) -> Function:
    def formula(x: Operand) -> Node:
        return ops.bessel_i(floating(x), order=order)

    return formula


def _bessel(name: str, order: int) -> Function:
    def formula(x: Operand) -> Node:
        result: Node = getattr(ops, name)(floating(x), order=order)
        return result

    return formula


def _entr(x: Operand) -> Node:
    node = floating(x)
    zero = zero_like(node)
    below = ops.where(ops.eq(node, zero), ops.sqrt(node), like(-math.inf, node))  # the root: 0, where it rises infinitely steep
    return ops.where(ops.logical_or(node > 0.0, ops.isnan(node)), -(node * ops.log(node)), below)


_FORMULAS: dict[str, tuple[str, Function]] = {
    "abs": ("Abs", _abs),
    "neg": ("Neg", _neg),
    "sign": ("Sign", _sign),
    "sgn": ("Sgn", _sign),
    "floor": ("Floor", _whole("floor")),
    "ceil": ("Ceil", _whole("ceil")),
    "trunc": ("Trunc", _whole("trunc")),
    "frac": ("Frac", _frac),
    "square": ("PowBackward0", _square),
    "reciprocal": ("Reciprocal", lambda x: 1.0 / floating(x)),
    "sinc": ("Sinc", lambda x: ops.sinc(floating(x) * math.pi, order=0)),
    "deg2rad": ("Deg2Rad", lambda x: floating(x) * (math.pi / 180.0)),
    "rad2deg": ("Rad2Deg", lambda x: floating(x) * (180.0 / math.pi)),
    "i0": ("I0", _i(0)),
}
for _name, (_grad_fn, _formula) in _FORMULAS.items():
    FUNCTIONS[_name] = _named(_name, _grad_fn, _formula)

for _name, (_grad_fn, _formula) in {
    "i1": ("SpecialI1Backward0", _i(1)),
    "ndtr": ("MulBackward1", lambda x: ops.ndtr(floating(x))),
    "entr": ("SpecialEntrBackward0", _entr),
    **{f"bessel_{k}{n}": (f"SpecialBessel{k.upper()}{n}", _bessel(f"bessel_{k}", n)) for k in "jy" for n in (0, 1)},
    **{f"modified_bessel_i{n}": (f"SpecialModifiedBesselI{n}", _i(n)) for n in (0, 1)},
}.items():
    SPECIAL[_name] = _named(_name, _grad_fn, _formula)


# with options


@operation("RoundBackward0")
def _round(x: Operand) -> Node:
    return _whole("round")(x)  # type: ignore[no-any-return]


@operation("RoundBackward1")
def _round_decimals(x: Operand, *, decimals: int) -> Node:
    node = _node(x)
    if not node.dtype.is_floating:
        if decimals < 0:
            refuse("round: integers at negative decimals are not supported")
        return node
    scale = 10.0 ** abs(decimals)
    return ops.round(node * scale) / scale if decimals > 0 else ops.round(node / scale) * scale


def round(input: Any, *, decimals: int = 0) -> Any:
    """Return the nearest multiple of 10**-decimals, halves to even; the gradient is 0."""
    return _round(input) if decimals == 0 else _round_decimals(input, decimals=decimals)


@operation("LogitBackward0")
def _logit(x: Operand, *, eps: float | None) -> Node:
    node = floating(x)
    if eps is None:
        return ops.log(node / (1.0 - node))
    low, high = like(eps, node), like(1.0 - eps, node)
    inside = ops.clip(node, low, high)
    return ops.log(inside / (1.0 - inside))


def logit(input: Any, eps: float | None = None) -> Any:
    """Return log(x / (1 - x)), of x limited to [eps, 1 - eps] where ``eps`` is given."""
    return _logit(input, eps=None if eps is None else float(eps))


@operation("NanToNumBackward0")
def _nan_to_num(x: Operand, *, nan: float, posinf: float | None, neginf: float | None) -> Node:
    node = _node(x)
    if not node.dtype.is_floating:
        return node
    top = float(np.finfo(node.dtype.numpy).max)
    high, low = (top if posinf is None else posinf), (-top if neginf is None else neginf)
    inf = like(math.inf, node)
    limited = ops.where(ops.eq(node, inf), like(high, node), ops.where(ops.eq(node, -inf), like(low, node), node))
    return ops.where(ops.isnan(node), like(nan, node), limited)


def nan_to_num(input: Any, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """Return nan and the infinities replaced by numbers; their gradient is 0."""
    limits = [None if v is None else float(v) for v in (posinf, neginf)]
    return _nan_to_num(input, nan=float(nan or 0.0), posinf=limits[0], neginf=limits[1])


@operation("PolygammaBackward0")
def _polygamma(x: Operand, *, n: int) -> Node:
    return ops.polygamma(floating(x), order=n) if n else ops.digamma(floating(x))


def polygamma(n: int, x: Any) -> Any:
    """Return the n-th derivative of digamma."""
    if n < 0:
        refuse("polygamma(n, x) does not support negative n.")
    return _polygamma(x, n=int(n))


@operation("MvlgammaBackward0")
def _mvlgamma(x: Operand, *, p: int) -> Node:
    node = floating(x)
    total = like(math.log(math.pi) * (p * (p - 1) / 4.0), node)
    for j in range(p):
        total = total + ops.lgamma(node - 0.5 * j if j else node)
    return total


def mvlgamma(input: Any, p: int) -> Any:
    """Return the logarithm of the multivariate gamma function of dimension ``p``."""
    return _mvlgamma(input, p=int(p))


def positive(input: Any) -> Any:
    """Return ``input`` itself, which may not be bool."""
    if input.dtype is bool_:
        refuse_dtype("The `+` operator, on a bool tensor is not supported.")
    return input


# tests of values


def _test(name: str) -> Function:
    def formula(x: Operand) -> Node:
        node = _node(x)
        if node.dtype.is_floating:
            result: Node = getattr(ops, name)(node)
            return result
        answer = like(name == "isfinite", truth_of(node))
        return ops.broadcast_to(answer, shape=node.shape) if node.ndim else answer

    return formula


def _signed_infinity(bound: float) -> Function:
    def formula(x: Operand) -> Node:
        node = floating(x)
        return ops.eq(node, like(bound, node))

    return formula


def _signbit(x: Operand) -> Node:
    node = _node(x)
    if node.dtype is bool_:
        return ops.logical_and(node, ops.logical_not(node))
    if not node.dtype.is_floating:
        return node < 0
    zero = zero_like(node)
    return ops.logical_or(node < 0.0, ops.logical_and(ops.eq(node, zero), 1.0 / node < 0.0))


for _name, _formula in {
    "isnan": _test("isnan"),
    "isinf": _test("isinf"),
    "isfinite": _test("isfinite"),
    "isposinf": _signed_infinity(math.inf),
    "isneginf": _signed_infinity(-math.inf),
    "isreal": lambda x: ops.eq(truth_of(x), truth_of(x)),
    "signbit": _signbit,
    "logical_not": lambda x: ops.logical_not(truth_of(x)),
}.items():
    FUNCTIONS[_name] = _named(_name, _name.title(), _formula)

FUNCTIONS |= {
    "round": round, "logit": logit, "nan_to_num": nan_to_num, "polygamma": polygamma, "mvlgamma": mvlgamma, "positive": positive,
}  # fmt: skip
FUNCTIONS |= {alias: FUNCTIONS[name] for alias, name in ALIASES.items()}
SPECIAL |= {alias: FUNCTIONS[name] for alias, name in _IN_SPECIAL.items()} | {"multigammaln": mvlgamma}
