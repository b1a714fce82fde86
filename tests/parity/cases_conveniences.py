"""Small names that programs use: attention, assert_close, typed constructors, states of random numbers, questions about devices."""

from __future__ import annotations

import numpy as np

from .harness import case, const, leaf, raises


def _attended(torch, *shapes, **options):
    q, k, v = (leaf(torch, torch.arange(a * b * c, dtype=torch.float64).reshape(a, b, c).mul(0.37 + s).remainder(2.0).tolist()) for s, (a, b, c) in enumerate(shapes))
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, **options)
    first = torch.autograd.grad((out * out).sum(), [q, k, v], create_graph=True)
    return [out, first, torch.autograd.grad(sum(g.sum() for g in first), [q, k, v])]


@case(2, rtol=1e-12, why="torch scales the operands of the product")
def attention(torch):
    same, other = ((2, 3, 4),) * 3, ((2, 3, 4), (2, 5, 4), (2, 5, 2))
    mask = torch.tensor([[True, False, True], [True, True, False], [False, True, True]])
    added = const(torch, [[0.0, 1.0, -1.0], [0.5, 0.0, 2.0], [0.0, 0.0, float("-inf")]])
    return [
        _attended(torch, *same), _attended(torch, *other), _attended(torch, *same, is_causal=True), _attended(torch, *other, is_causal=True),
        _attended(torch, *same, attn_mask=mask), _attended(torch, *same, attn_mask=added, scale=0.3), _attended(torch, *same, dropout_p=0.0, scale=2.0),
    ]  # fmt: skip


@case(2)
def attention_that_is_refused(torch):
    attend, x = torch.nn.functional.scaled_dot_product_attention, torch.ones(2, 3, 4)
    nowhere = attend(x, x, x, attn_mask=torch.tensor([[False] * 3, [True] * 3, [False] * 3]))
    return [
        nowhere, attend(x[0], x[0], x[0]), attend(torch.ones(2, 1, 3, 4), torch.ones(2, 5, 6, 4), torch.ones(2, 5, 6, 7)).shape,
        raises(lambda: attend(x, x, x, attn_mask=torch.ones(3, 3, dtype=torch.bool), is_causal=True), "Explicit attn_mask should not be set when is_causal=True"),
        raises(lambda: attend(x, x, x, attn_mask=torch.zeros(3, 3, dtype=torch.int64)), "Expected attn_mask dtype to be bool or float or to match query dtype"),
        raises(lambda: attend(x[0, 0], x, x), "at least 2 dimensional"), raises(lambda: attend(x, x.double(), x), "to have the same dtype"),
    ]  # fmt: skip


@case(2, rtol=1e-12, why="torch scales the operands of the product")
def attention_that_looks_nowhere(torch):
    inf, nan = float("inf"), float("nan")
    added, partly = leaf(torch, [[0.0] * 3, [-inf] * 3, [-inf, 1.0, 0.0]]), const(torch, [[0.0] * 3, [-inf, nan, -inf], [-inf] * 3])
    shapes = ((2, 3, 4),) * 3
    x = torch.ones(1, 3, 2, dtype=torch.float64)
    attend = torch.nn.functional.scaled_dot_product_attention
    to_mask = torch.autograd.grad((attend(x, x, x * torch.tensor([[1.0], [2.0], [4.0]]), attn_mask=added) ** 2).sum(), added)
    return [
        to_mask, _attended(torch, *shapes, attn_mask=added), _attended(torch, *shapes, attn_mask=torch.tensor([[True] * 3, [False] * 3, [True, False, False]])),
        attend(x, x, x, attn_mask=partly),
    ]  # fmt: skip


@case(2)
def attention_at_the_edges(torch):
    attend, x = torch.nn.functional.scaled_dot_product_attention, torch.ones(2, 3, 4)
    q, k, v = (leaf(torch, torch.ones(2, 3, n).tolist()) for n in (0, 0, 2))
    out = attend(q, k, v)
    return [
        out, torch.autograd.grad(out.sum(), [q, k, v]), attend(q, k, v, scale=0.5), attend(x, x, x, dropout_p=-0.5), attend(x, x, x, dropout_p=1.0),
        raises(lambda: attend(x, x, x, dropout_p=1.5), "dropout probability has to be between 0 and 1, but got 1.5"),
        raises(lambda: attend(x, x, x, dropout_p="a"), "argument 'dropout_p' .*must be float, not str"),
    ]  # fmt: skip


@case(2)
def assert_close(torch):
    close, x = torch.testing.assert_close, torch.ones(2)
    nan = x * float("nan")
    passed = [close(x, x), close(x, x + 1e-6), close(x, x.double(), check_dtype=False), close(1.0, 1.0 + 1e-9), close([x, {"a": x}], (x, {"a": x})),
              close(nan, nan, equal_nan=True), close(x, x + 0.1, rtol=0, atol=0.2), close(None, None), close(x.numpy(), x.numpy()), close(torch.tensor([1]), torch.tensor([1]))]  # fmt: skip
    return [
        passed, raises(lambda: close(x, x + 1), "Tensor-likes are not close!\n\nMismatched elements: 2 / 2 .100.0%.\nGreatest absolute difference: 1.0 at index .0,. .up to 1e-05 allowed.\nGreatest relative difference: 0.5 at index .0,."),
        raises(lambda: close(x, torch.tensor([1.0, 1.5])), "Mismatched elements: 1 / 2 .50.0%.\nGreatest absolute difference: 0.5 at index .1,."),
        raises(lambda: close(x, x.double()), "The values for attribute 'dtype' do not match"), raises(lambda: close(x, torch.ones(3)), "The values for attribute 'shape' do not match"),
        raises(lambda: close(1, 1.0), "types do not match"), raises(lambda: close([x, x], [x]), "The length of the sequences mismatch: 2 != 1"),
        raises(lambda: close({"a": x}, {"a": x + 1}), "The failure occurred for item .'a'."), raises(lambda: close({"a": x}, {"b": x}), "Missing keys in the actual mapping: .'b'."),
        raises(lambda: close(nan, nan), "not close"), raises(lambda: close(x, x + 1, msg="own words"), "^own words$"), raises(lambda: close(x, x + 1, msg=lambda m: "before " + m), "^before Tensor"),
        raises(lambda: close(x, x, rtol=0), "must be either specified or omitted, but got no atol"), raises(lambda: close(torch.tensor([1, 2]), torch.tensor([1, 3])), "Tensor-likes are not equal!"),
        raises(lambda: close(1.0, 1.1), "Scalars are not close!\n\nExpected 1.1 but got 1.0."), raises(lambda: close(torch.tensor(1.0), torch.tensor(2.0)), "Scalars are not close!"),
        raises(lambda: close(x, 1.0), "No comparison pair was able to handle inputs"), raises(lambda: close("a", "a"), "No comparison pair"),
    ]  # fmt: skip


@case(2)
def assert_close_of_large_integers_and_of_numbers_of_numpy(torch):
    close, big, t = torch.testing.assert_close, 2**62, torch.tensor
    passed = [close(np.float64(1.0), 1.0), close(1.0, np.float64(1.0)), close(np.int64(1), 1), close(np.float32(1.0), 1.0), close(np.bool_(True), True),
              close(t(big), t(big + 1), rtol=0, atol=1), close(t(big), t(big)), close(big, big), close(t([1, 2]), t([1, 2]), rtol=0, atol=0)]  # fmt: skip
    return [
        passed, raises(lambda: close(t(big), t(big + 1)), "Expected 4611686018427387905 but got 4611686018427387904.\nAbsolute difference: 1\n"),
        raises(lambda: close(t([big, 1]), t([big + 1, 1]), rtol=0, atol=0), "not equal!\n\nMismatched elements: 1 / 2 .50.0%.\nGreatest absolute difference: 1 at index"),
        raises(lambda: close(big, big + 1), "Scalars are not equal!"), raises(lambda: close(None, 1), "None mismatch: None is not 1"), raises(lambda: close(t(1.0), None), "None mismatch: 1.0 is not None"),
        raises(lambda: close([1, None], [1, 2]), "None mismatch: None is not 2\n\nThe failure occurred for item .1."), raises(lambda: close(None, 1, msg="own"), "^own$"),
        raises(lambda: close(np.int64(1), 1.0), "types do not match"), raises(lambda: close(np.float64(1.0), 2.0), "Absolute difference: 1.0 .up to 1e-07 allowed."),
    ]  # fmt: skip


@case(2)
def tensors_of_one_type(torch):
    x = torch.FloatTensor([1, 2])
    return [
        x, isinstance(x, torch.FloatTensor), isinstance(x, torch.LongTensor), torch.LongTensor([1, 2]), torch.DoubleTensor(2, 3).dtype, torch.BoolTensor([0, 2]),
        torch.IntTensor(), torch.FloatTensor((1, 2)), torch.FloatTensor(3).shape, torch.DoubleTensor([[1], [2]]), isinstance(torch.ones(1), torch.DoubleTensor),
        raises(lambda: torch.FloatTensor(3.5), "data must be a sequence .got float."),
    ]  # fmt: skip


@case(2)
def random_numbers_again(torch):
    torch.manual_seed(5)
    torch.rand(3)
    state = torch.get_rng_state()
    first = [torch.rand(4), torch.randn(3), torch.randint(9, (5,))]
    torch.set_rng_state(state)
    again = [torch.rand(4), torch.randn(3), torch.randint(9, (5,))]
    own = torch.Generator()
    own.manual_seed(3)
    kept = own.get_state()
    a = torch.rand(2, generator=own)
    own.set_state(kept)
    return [[bool((p == q).all()) for p, q in zip(first, again, strict=True)], bool((torch.rand(2, generator=own) == a).all()), torch.initial_seed(),
            raises(lambda: torch.set_rng_state(torch.zeros(2)), "")]  # fmt: skip


@case(2)
def questions_about_the_machine(torch):
    torch.set_num_threads(1)
    error = torch.linalg.LinAlgError
    found = raises(lambda: torch.linalg.inv(torch.zeros(2, 2)), "singular")
    try:
        torch.linalg.inv(torch.zeros(2, 2))
    except error:
        caught = True
    torch.cuda.manual_seed_all(0)
    return [torch.cuda.is_available(), torch.cuda.device_count(), torch.get_num_threads(), raises(lambda: torch.set_num_threads(0), "expects a positive integer"),
            issubclass(error, RuntimeError), found, caught, str(torch.strided), str(torch.contiguous_format), str(torch.device("cpu")), torch.device("cuda:1").index]  # fmt: skip
