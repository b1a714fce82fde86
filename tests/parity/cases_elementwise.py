"""Elementwise functions: value in both precisions, first and second derivative."""

from __future__ import annotations

from .harness import add, case, const, leaf, raises

WIDE = [-2.5, -1.0, -0.3, 0.4, 1.0, 3.0]
UNIT = [-0.9, -0.5, -0.1, 0.2, 0.6, 0.95]
POSITIVE = [0.1, 0.5, 1.0, 1.7, 4.0, 20.0]

UNARY = {
    "abs": WIDE, "neg": WIDE, "exp": WIDE, "exp2": WIDE, "expm1": [*WIDE, 1e-9], "log": POSITIVE, "log2": POSITIVE, "log10": POSITIVE,
    "log1p": [*POSITIVE, -0.5, 1e-9], "sqrt": POSITIVE, "rsqrt": POSITIVE, "square": WIDE, "reciprocal": WIDE, "sin": WIDE, "cos": WIDE,
    "tan": UNIT, "asin": UNIT, "acos": UNIT, "atan": WIDE, "sinh": WIDE, "cosh": WIDE, "tanh": WIDE, "asinh": WIDE,
    "acosh": [1.1, 2.0, 5.0],
    "atanh": UNIT, "sigmoid": WIDE, "logit": [0.1, 0.5, 0.9], "erf": WIDE, "erfc": WIDE, "relu": WIDE, "sinc": [*WIDE, 0.5], "sign": WIDE,
    "floor": WIDE, "ceil": WIDE, "round": [*WIDE, 0.5, 1.5, 2.5], "trunc": WIDE, "frac": WIDE, "deg2rad": WIDE, "rad2deg": WIDE,
    "absolute": WIDE, "negative": WIDE, "arcsin": UNIT, "arctan": WIDE, "arcsinh": WIDE, "fix": WIDE, "logical_not": WIDE,
    "isnan": WIDE, "isinf": WIDE, "isfinite": WIDE, "signbit": WIDE,
}
SPECIAL = {
    "lgamma": [0.3, 1.5, 2.5, 4.0], "digamma": [0.3, 1.5, 2.5, 4.0], "erfinv": [-0.9, -0.2, 0.3, 0.8], "i0": [-1.0, 0.5, 2.0],
    "mvlgamma": None,
}
BINARY = {
    "add": (WIDE, POSITIVE), "sub": (WIDE, POSITIVE), "mul": (WIDE, POSITIVE), "div": (WIDE, POSITIVE), "true_divide": (WIDE, POSITIVE),
    "pow": (POSITIVE, WIDE), "maximum": (WIDE, UNIT), "minimum": (WIDE, UNIT), "atan2": (WIDE, POSITIVE), "hypot": (WIDE, POSITIVE),
    "fmod": (WIDE, POSITIVE), "remainder": (WIDE, POSITIVE), "logaddexp": (WIDE, POSITIVE), "logaddexp2": (WIDE, POSITIVE),
    "fmax": (WIDE, UNIT),
    "fmin": (WIDE, UNIT), "xlogy": (WIDE, POSITIVE), "copysign": (WIDE, UNIT), "subtract": (WIDE, UNIT), "multiply": (WIDE, UNIT),
    "divide": (WIDE, POSITIVE),
}


def two_orders(torch, f, *points):
    """Return value, gradients and gradients of the gradients' weighted sum."""
    xs = [leaf(torch, p) for p in points]
    y = f(*xs)
    if not y.requires_grad:
        return [y, y.dtype]
    gradients = torch.autograd.grad(y.sum(), xs, create_graph=True, materialize_grads=True)
    total = sum((g * (k + 2) * torch.arange(1.0, g.numel() + 1, dtype=torch.float64).reshape(g.shape)).sum() for k,
        g in enumerate(gradients))
    second = torch.autograd.grad(total, xs, materialize_grads=True) if total.requires_grad else [g * 0 for g in gradients]
    return [y.detach(), y.grad_fn.name(), [g.detach() for g in gradients], [(h + 0).detach() for h in second]]


def both(name, points):
    def run(torch):
        f = getattr(torch, name)
        singles = [const(torch, p, "float32") for p in points]
        return [two_orders(torch, f, *points), f(*singles), getattr(singles[0], name)(*singles[1:])]

    return run


for _name, _points in UNARY.items():
    add(f"elementwise/{_name}", both(_name, (_points,)), (19, 6), rtol=None if _name != "logit" else 1e-12,
        why="" if _name != "logit" else "log(x / (1 - x)) as written")
for _name, _points in SPECIAL.items():
    if _points:
        add(f"elementwise/{_name}", both(_name, (_points,)), (19,), rtol=1e-6,
            why="rational approximations differ; float32 has 6 digits")
for _name, (_left, _right) in BINARY.items():
    add(f"elementwise/{_name}", both(_name, (_left, _right)), (19, 6))


@case(69)
def binary_with_numbers(torch):
    x = leaf(torch, [0.5, 2.0])
    made = [x + 2, 2 + x, x - 2, 2 - x, x * 2, 2 * x, x / 2, 2 / x, x**2, 2**x, x**0.5, x**-1, x % 0.3, -x, +x, abs(x), x**0, x**1]
    return [m.detach() for m in made] + [torch.autograd.grad(m.sum(), x) for m in made]


@case(19)
def power_gradients(torch):
    found = []
    for k in (0, 1, 2, 3, -1, -2, 0.5, 1.5, 2.0, 10):
        found.append(two_orders(torch, lambda x, k=k: x**k, [0.5, 2.0, 3.0]))
    return found


@case(67)
def power_at_zero(torch):
    found = []
    for k in (0, 1, 2, 3, 0.5, 1.0, 0.0):
        x = leaf(torch, [0.0, -0.0])
        (x**k).sum().backward()
        found.append([(x**k).detach(), x.grad])
    return found


@case(67)
def power_of_tensors_at_zero(torch):
    x, k = leaf(torch, [0.0, 0.0, 0.0, -1.0, -2.0]), leaf(torch, [0.0, 2.0, 1.0, 2.0, 3.0])
    y = x**k
    y.sum().backward()
    return [y.detach(), x.grad, k.grad]


@case(67)
def power_of_numbers(torch):
    k = leaf(torch, [0.0, 1.0, 2.0, -1.0])
    found = []
    for base in (0.0, 1.0, 2.0):
        y = base ** k[:3]
        found.append([y.detach(), torch.autograd.grad(y.sum(), k)])
    return found


@case(74)
def integer_power(torch):
    k = torch.tensor([2, 3])
    return [k**2, k ** torch.tensor([3, 2]), k**2.0, 2**k, raises(lambda: k**-1, "Integers to negative integer powers are not allowed"),
        k.float() ** -1]


@case(19)
def clamp(torch):
    x = leaf(torch, [-2.0, -1.0, 0.5, 1.0, 3.0])
    made = [x.clamp(-1, 1), x.clamp(min=0.5), x.clamp(max=0.5), torch.clip(x, -1, 1), x.clamp(const(torch, -1.0), const(torch, [1.0] * 5)),
        x.clamp_min(0), x.clamp_max(0)]
    return [[m.detach(), torch.autograd.grad(m.sum(), x), m.grad_fn.name()] for m in made]


@case(66)
def clamp_by_tensors(torch):
    x, low, high = leaf(torch, [-2.0, 0.0, 1.0, 3.0]), leaf(torch, -1.0), leaf(torch, [1.0, 1.0, 1.0, 1.0])
    y = torch.clamp(x, low, high)
    y.sum().backward()
    return [y.detach(), x.grad, low.grad, high.grad]


@case(74)
def clamp_edge_cases(torch):
    x = const(torch, [1.0, 2.0, 3.0])
    return [x.clamp(3, 1), x.clamp(min=float("nan")), raises(lambda: x.clamp(), "At least one of 'min' or 'max' must not be None"),
        torch.tensor([1, 5]).clamp(max=3)]


@case(19)
def division_modes(torch):
    x = leaf(torch, [-2.5, 2.5, 7.0])
    y = [torch.div(x, 2.0, rounding_mode=m) for m in (None, "trunc", "floor")] + [x // 2, x % 2, x.fmod(2), x.remainder(-2),
        torch.floor_divide(x.detach(), 2)]
    return [[m.detach() for m in y], raises(lambda: torch.div(x, 2, rounding_mode="up"), "rounding_mode")]


@case(74)
def integer_division(torch):
    a, b = torch.tensor([7, -7, 6]), torch.tensor([2, 2, -4])
    return [a / b, a // b, a % b, torch.div(a, b, rounding_mode="trunc"), a.fmod(b), 7 / b, 7 // b]


@case(74)
def integer_division_by_zero(torch):
    return raises(lambda: torch.tensor([1, 2]) // torch.tensor(0), "ZeroDivisionError|zero|Zero")


@case(74)
def comparisons(torch):
    x, y = const(torch, [1.0, 2.0, float("nan")]), const(torch, [1.0, 3.0, float("nan")])
    return [x == y, x != y, x < y, x <= 1, x > y, x <= 2, torch.eq(x, y), x.lt(y), x.ge(1.0), torch.equal(x, x), torch.equal(y[:2], y[:2]),
        torch.isclose(x, y),
            torch.allclose(x[:1], y[:1]), torch.allclose(x, x, equal_nan=True)]


@case(74)
def logic_and_bits(torch):
    a, b = torch.tensor([True, True, False]), torch.tensor([True, False, False])
    k, m = torch.tensor([6, 5]), torch.tensor([3, 1])
    return [a & b, a | b, a ^ b, ~a, torch.logical_and(a, b), k & m, k | m, k ^ m, ~k, k << 1, k >> 1, torch.logical_xor(k, m),
        a.logical_or(b), (a + b), a * 2,
            raises(lambda: a - b, "Subtraction, the `-` operator, with two bool tensors is not supported"),
            raises(lambda: -a, "Negation, the `-` operator, on a bool")]


@case(19)
def fused_and_ternary(torch):
    x, y = [0.5, 2.0, 3.0], [1.5, -1.0, 4.0]
    return [two_orders(torch, lambda a, b: torch.lerp(a, b, 0.3), x, y),
        two_orders(torch, lambda a, b, w: torch.lerp(a, b, w), x, y, [0.1, 0.5, 0.9]),
            two_orders(torch, lambda a, b: torch.addcmul(a, a, b, value=2), x, y),
            two_orders(torch, lambda a, b: torch.addcdiv(a, a, b, value=-1), x, y),
            two_orders(torch, lambda a, b: torch.where(a > 1, a * b, b), x, y),
            two_orders(torch, lambda a, b: torch.add(a, b, alpha=3), x, y),
            two_orders(torch, lambda a, b: a.sub(b, alpha=0.5), x, y)]


@case(74)
def where_forms(torch):
    x = const(torch, [1.0, -2.0])
    return [torch.where(x > 0, x, 0.0), torch.where(x > 0, 1, 0), torch.where(x > 0), x.where(x > 0, x * 10),
        torch.where(x > 0, x, torch.tensor(5.0)),
            torch.where(torch.tensor([[True], [False]]), x, -x)]


@case(19)
def nan_to_num(torch):
    x = leaf(torch, [1.0, float("nan"), float("inf"), -float("inf")])
    y = x.nan_to_num(0.5, 9.0, -9.0)
    y.sum().backward()
    return [y.detach(), x.grad, torch.nan_to_num(x.detach())]


@case(74)
def signed_zero_and_infinities(torch):
    x = const(torch, [0.0, -0.0, float("inf"), -float("inf"), float("nan")])
    made = [x.exp(), x.tanh(), x.sigmoid(), x.sign(), x.abs(), x.floor(), x.round(), x.relu(), 1 / x, x * 0, x - x, x.sqrt(), x.log(),
        x.atan(), x.clamp(-1, 1)]
    return [m.tolist() for m in made]


@case(74)
def arguments_of_the_wrong_type(torch):
    x = const(torch, [1.0])
    return [raises(lambda: torch.sin("a"), r"must be Tensor, not str|argument 'input'"),
        raises(lambda: x + "a", "unsupported operand|must be|argument"),
            raises(lambda: x + None, "unsupported operand|must be|argument"), raises(lambda: torch.add(x, [1.0]), "must be|argument"),
            raises(lambda: torch.sin(), "missing|argument"), raises(lambda: torch.exp(None), r"argument 'input' \(position 1\) must be Tensor"),
            raises(lambda: torch.mul(x, "a"), r"mul\(\): argument 'other' \(position 2\) must be Tensor")]


@case(74)
def rounding_with_decimals(torch):
    x = const(torch, [1.2345, -1.235, 2.5, 3.5])
    return [x.round(), x.round(decimals=2), torch.round(x * 100, decimals=-1)]


@case(74)
def integer_operands_of_floating_functions(torch):
    k = torch.tensor([1, 2, 3])
    return [k.exp(), k.sin(), k.sqrt(), torch.tensor([True]).exp(), k.sigmoid(), k.float().log().dtype, torch.atan2(k, k), k.reciprocal(),
        k.abs(), k.sign(), k.square()]
