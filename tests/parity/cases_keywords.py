"""Keywords of the functions that make tensors: which there are, what they mean, and what is refused."""

from __future__ import annotations

import numpy as np

from .harness import case, leaf, raises, warns


@case(2)
def sizes_by_keyword(torch):
    x = torch.ones(2, dtype=torch.float64)
    random = [
        torch.rand(size=(2, 3)),
        torch.randn(size=[2]),
        torch.randint(5, size=(2,)),
        torch.randint(low=1, high=5, size=(2, 2)),
    ]
    return [
        torch.zeros(size=(2, 3)), torch.ones(size=[2]), torch.empty(size=(2, 3)).shape, torch.full(size=(2,), fill_value=1.5),
        x.new_zeros(size=(1, 2)), x.new_full(size=(2,), fill_value=3), x.new_tensor(data=[1, 2]), torch.full_like(x, fill_value=3),
        [(list(r.shape), r.dtype) for r in random], torch.randint(high=5, size=(2,)).dtype, torch.randint_like(x, low=0, high=1),
    ]  # fmt: skip


@case(2)
def bounds_by_keyword(torch):
    arange = torch.arange
    return [
        arange(end=3), arange(start=1, end=3), arange(1, end=3), arange(1, 7, step=2), arange(start=0, end=1, step=0.25),
        torch.linspace(start=0, end=1, steps=3), torch.eye(n=2, m=3), torch.randperm(n=3).shape,
    ]  # fmt: skip


@case(2)
def keywords_that_say_nothing_new(torch):
    given = {"layout": torch.strided, "device": torch.device("cpu"), "pin_memory": False}
    x = torch.zeros(2)
    return [
        torch.zeros(2, **given), torch.ones_like(x, **given, memory_format=torch.preserve_format), x.new_ones(2, **given),
        torch.empty(2, memory_format=torch.contiguous_format).shape, torch.arange(2, **given), torch.eye(1, device="cpu"),
        torch.rand(2, generator=None, **given).shape, torch.randperm(1, **given), torch.full((1,), 2, **given),
        torch.normal(0.0, 1.0, (2,), **given, requires_grad=True).requires_grad, torch.tensor([1.0], device="cpu"),
        torch.scalar_tensor(2, **given), torch.logspace(0, 1, 2, **given), torch.asarray(obj=[1.0], device="cpu"),
    ]  # fmt: skip


@case(2)
def unknown_keywords(torch):
    x = torch.ones(2)
    unexpected = "got an unexpected keyword argument|received an invalid combination of arguments"
    return [
        raises(lambda: torch.zeros(2, require_grad=True), unexpected), raises(lambda: torch.ones(2, bogus=1), unexpected),
        raises(lambda: torch.zeros_like(x, bogus=1), unexpected), raises(lambda: torch.zeros_like(x, out=x), unexpected),
        raises(lambda: torch.zeros(2, generator=None), unexpected), raises(lambda: x.new_zeros(2, bogus=1), unexpected),
        raises(lambda: x.new_tensor([1], bogus=1), unexpected), raises(lambda: torch.full((2,), 1, bogus=1), unexpected),
        raises(lambda: torch.randn(2, bogus=1), unexpected), raises(lambda: torch.randint(1, 2, (2,), bogus=1), unexpected),
        raises(lambda: torch.arange(2, bogus=1), unexpected), raises(lambda: torch.eye(2, bogus=1), unexpected),
        raises(lambda: torch.rand(2, memory_format=torch.contiguous_format), unexpected),
        raises(lambda: torch.zeros(2, memory_format=torch.contiguous_format), unexpected),
        raises(lambda: torch.tensor([1.0], bogus=1), unexpected), raises(lambda: torch.full_like(x, 1, bogus=1), unexpected),
    ]  # fmt: skip


@case(2)
def devices_that_are_not_there(torch):
    x = torch.ones(2)
    return [
        raises(function, "")
        for function in (
            lambda: torch.zeros(2, device="cuda"), lambda: torch.zeros(2, device="nowhere"), lambda: torch.rand(2, device="cuda:0"),
            lambda: torch.tensor([1.0], device="cuda"), lambda: torch.ones_like(x, device="cuda"),
            lambda: x.new_zeros(2, device="cuda"), lambda: torch.zeros(2, pin_memory=True), lambda: torch.arange(3, device="cuda"),
        )
    ]  # fmt: skip


@case(2)
def sizes_that_are_none(torch):
    return [
        raises(lambda: torch.zeros(), "missing 1 required positional argument"),
        raises(lambda: torch.zeros(2, size=(2,)), "got multiple values for argument 'size'"),
        raises(lambda: torch.zeros((2,), (3,)), "takes 1 positional argument but 2 were given"),
        raises(lambda: torch.zeros(2.5), "argument 'size' .position 1. must be tuple of ints, not float"),
        raises(lambda: torch.zeros([2.5]), "must be tuple of ints, but found element of type float at pos 0"),
        raises(lambda: torch.full(2, 1), "argument 'size' .position 1. must be tuple of ints, not int"),
        raises(lambda: torch.eye(2.5), "argument 'n' .position 1. must be int, not float"),
        raises(lambda: torch.arange(start=1), "missing 1 required positional arguments: .end."),
        raises(lambda: torch.arange(5, step=2), "arange"), raises(lambda: torch.arange("a"), "must be Number, not str"), raises(lambda: torch.arange(), "arange"),
        raises(lambda: torch.randint(5), "randint"), raises(lambda: torch.randint(1, 5), "must be tuple of ints, not int"),
        raises(lambda: torch.zeros(2, requires_grad=1), "argument 'requires_grad' must be bool, not int"),
    ]  # fmt: skip


@case(2)
def counts_that_are_refused(torch):
    three, invalid, np_three = torch.tensor(3), "received an invalid combination of arguments - got .int, int, {}.", np.int64(3)
    refused = [raises(lambda f=f, s=s: f(0, 1, s), invalid.format(type(s).__name__)) for f in (torch.linspace, torch.logspace) for s in (2.5, True, "a", None, torch.tensor(2.5))]
    return [
        refused, torch.linspace(0, 1, three), torch.logspace(0, 1, np_three), raises(lambda: torch.linspace(0, 1, -1), "number of steps must be non-negative"),
        torch.randperm(0), torch.randperm(torch.tensor(1)), raises(lambda: torch.randperm(-1), "Trying to create tensor with negative dimension -1: .-1."),
        raises(lambda: torch.randperm(2.5), "argument 'n' .position 1. must be int, not float"), raises(lambda: torch.randperm(True), "must be int, not bool"),
    ]  # fmt: skip


@case(2)
def ranges_of_integers_with_bounds_of_floats(torch):
    arange, long, short = torch.arange, torch.int64, torch.int32
    return [
        arange(0.0, 5.0, 1.9, dtype=long), arange(2.7, dtype=long), arange(0.9, 3.2, 1, dtype=long), arange(5, 0.5, -1.5, dtype=long), arange(-2.5, 2.5, dtype=long),
        arange(0.0, 0.5, 1.0, dtype=long), arange(-1.5, 1.5, dtype=short), arange(0.0, 1.0, 0.1, dtype=short), arange(0.5, -0.9, -1.0, dtype=short), arange(0, 2**62 + 1, 2**61),
        raises(lambda: arange(0.0, 1.0, 0.1, dtype=long), "step must be nonzero"), raises(lambda: arange(0.0, -2.0, -0.5, dtype=long), "step must be nonzero"),
        raises(lambda: arange(0, 1, 0), "step must be nonzero"), raises(lambda: arange(0, 3, dtype=torch.bool), "not implemented for 'Bool'"),
        raises(lambda: arange(0.0, float("nan")), "unsupported range: 0 -> nan"), raises(lambda: arange(0.0, float("inf"), dtype=long), "unsupported range: 0 -> inf"),
    ]  # fmt: skip


@case(2)
def chances_that_are_refused(torch):
    t, spread, chance = torch.tensor, "normal expects all elements of std >= 0.0", "Expected p_in >= 0 && p_in <= 1 to be true, but got false"
    return [
        raises(lambda: torch.normal(0.0, -1.0, (2,)), "normal expects std >= 0.0, but found std -1"), raises(lambda: torch.normal(t([1.0]), -1.5), "but found std -1.5"),
        raises(lambda: torch.normal(0.0, t([-1.0, 1.0])), spread), raises(lambda: torch.normal(t([1.0]), t([float("nan")])), spread), torch.normal(0.0, t([0.0])),
        raises(lambda: torch.bernoulli(t([2.0])), chance), raises(lambda: torch.bernoulli(t([-0.1])), chance), raises(lambda: torch.bernoulli(t([float("nan")])), chance),
        torch.bernoulli(t([2.0]), 0.0), raises(lambda: torch.bernoulli(t([2.0]), 1.5), "bernoulli_ expects p to be in .0, 1., but got p=1.5"),
        torch.bernoulli(t([2]), 1.0), raises(lambda: torch.bernoulli(t([1])), "not implemented for 'Long'"),
    ]  # fmt: skip


@case(2)
def factories_into_a_tensor(torch):
    out = torch.ones(2, 2, dtype=torch.float64)
    same = [torch.zeros(2, 2, out=out) is out, torch.eye(2, out=out) is out, torch.full((2, 2), 3, out=out) is out]
    fresh = torch.ones(3, dtype=torch.int64)
    return [
        same, out, torch.zeros(2, out=fresh), fresh, torch.linspace(0, 1, 3, out=torch.zeros(3)), torch.arange(3, out=torch.zeros(0)),
        warns(lambda: torch.arange(3, out=torch.zeros(2)), "does not match the computed number of elements 3"),
        torch.rand(2, out=torch.zeros(2)).shape, torch.randperm(1, out=torch.ones(1, dtype=torch.int64)),
        raises(lambda: torch.zeros(2, out=leaf(torch, [1.0])), "don't support automatic differentiation"),
        raises(lambda: torch.zeros(2, out=fresh, dtype=torch.float32), "dtype Float does not match dtype of out parameter .Long."),
    ]  # fmt: skip


@case(2)
def variables(torch):
    x = torch.ones(2)
    V = torch.autograd.Variable
    y, z = V(x, requires_grad=True), V(x)
    (y * 3).sum().backward()
    x.add_(1)
    return [
        y, y.grad, y.is_leaf, z, z._version, x.requires_grad, isinstance(x, V), V(leaf(torch, [1.0])).requires_grad, V(),
        V(data=x, requires_grad=False), raises(lambda: V([1.0]), "Variable data has to be a tensor, but got list"),
        raises(lambda: V(torch.tensor([1]), requires_grad=True), "Only Tensors of floating point"),
    ]  # fmt: skip
