"""Activations and other functions that write into their operand: ``inplace=True``, and functions whose names end in _."""

from __future__ import annotations

from .harness import case, const, leaf, raises

ACTIVATIONS = {
    "relu": (), "relu6": (), "leaky_relu": (0.5,), "elu": (0.7,), "selu": (), "celu": (0.7,), "silu": (), "mish": (),
    "hardtanh": (-0.5, 1.5), "hardswish": (), "hardsigmoid": (), "threshold": (0.0, 5.0),
}  # fmt: skip


@case(24, 26, rtol=4e-8, why="torch has float32 constants in the derivatives of celu and hardsigmoid")
def activations_with_inplace(torch):
    found = []
    for name, rest in ACTIVATIONS.items():
        x = leaf(torch, [-1.0, 0.25, 2.0])
        y = x * 1
        same = getattr(torch.nn.functional, name)(y, *rest, inplace=True) is y
        found.append([same, y, y._version, torch.autograd.grad(y.sum(), x)])
    y = const(torch, [-1.0, 2.0])
    return [found, torch.nn.functional.relu(y, True) is y, y, torch.nn.functional.relu(y, inplace=False) is y,
            torch.nn.functional.dropout(y, 1.0, inplace=True) is y, y.abs(), torch.nn.functional.dropout(y, 0.5, training=False, inplace=True) is y]  # fmt: skip


@case(24, 26)
def activations_in_place_and_what_was_saved(torch):
    F = torch.nn.functional
    x = leaf(torch, [-1.0, 2.0])
    y = x * 1
    z, modified = y**2, "modified by an inplace operation"
    F.relu(y, inplace=True)
    e = x.exp()
    F.relu(e, inplace=True)
    return [
        raises(z.sum().backward, modified), raises(e.sum().backward, modified),
        raises(lambda: F.relu(x, inplace=True), "a leaf Variable that requires grad is being used in an in-place operation"),
        raises(lambda: torch.relu_(x), "a leaf Variable that requires grad is being used in an in-place operation"), x,
    ]  # fmt: skip


@case(24, 26)
def functions_that_write(torch):
    F, found = torch.nn.functional, []
    for name in "abs acos asin atan ceil cos cosh erf exp expm1 floor frac log1p neg reciprocal relu round rsqrt sigmoid sin sinh sqrt square tan tanh trunc selu".split():
        x = const(torch, [0.25, 0.75])
        found.append([getattr(torch, name + "_")(x) is x, x])
    x = const(torch, [-1.0, 2.0])
    steps = [lambda: torch.clamp_(x, max=1.5), lambda: torch.clamp_(x, -0.5, 1), lambda: torch.fill_(x, 3), lambda: torch.zero_(x), lambda: F.elu_(x.sub_(1), 0.5),
             lambda: F.leaky_relu_(x, 0.5), lambda: F.celu_(x), lambda: F.threshold_(x, 0.0, 4.0), lambda: F.hardtanh_(x), lambda: F.relu_(x), lambda: F.selu_(x),
             lambda: torch.threshold_(x, 5.0, 6.0), lambda: torch.dropout_(x, 0.0, True), lambda: torch.detach_(x)]  # fmt: skip
    for step in steps:
        found.append([step() is x, x.clone()])
    whole = torch.tensor([12, 18])
    return [
        found,
        whole.clone().gcd_(torch.tensor([8, 12])),
        torch.lcm_(whole, torch.tensor([8, 12])),
        raises(lambda: torch.exp_(3), "argument 'input' .position 1. must be Tensor, not int"),
    ]
