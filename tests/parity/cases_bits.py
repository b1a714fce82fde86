"""``x.view(dtype)``: the bits of a tensor as another element type, in the same memory."""

from __future__ import annotations

import copy

from .harness import case, raises


def _numbered(torch):
    return torch.arange(12.0).reshape(3, 4)


@case(33, 61)
def bits_are_read_again(torch):
    x = _numbered(torch).clone()
    return [
        torch.tensor([2.0, -0.5]).view(torch.int32), torch.tensor(2.0).view(torch.int32), torch.tensor([2.0, 3.0]).view(torch.float64),
        torch.tensor([[2.0, 3.0]], dtype=torch.float64).view(torch.float32), torch.tensor([1, 256]).view(torch.bool),
        torch.tensor([1, -1]).view(torch.float64), torch.ones(3).view(dtype=torch.int32), x[:, 2:].view(torch.float64),
        x.t().view(torch.int32).stride(), torch.ones(2, 4).expand(2, 2, 4).view(torch.float64).stride(),
        torch.ones(3, 2)[1:2].view(torch.int64).storage_offset(), x[1:].view(torch.int64).t().contiguous(),
        torch.ones(0, 2).view(torch.float64).shape, torch.ones(3).view(torch.float32),
    ]  # fmt: skip


@case(33, 76)
def what_does_not_fit_is_refused(torch):
    x = _numbered(torch).clone()
    same = r"\(different element sizes\)"
    calls = {
        "size": (lambda: torch.ones(3).view(torch.float64), r"self.size\(-1\) must be divisible by 2 to view Float as Double " + same),
        "scalar": (lambda: torch.tensor(2.0).view(torch.float64), r"self.dim\(\) cannot be 0 to view Float as Double " + same),
        "last stride": (lambda: x.double().t().view(torch.float32), r"self.stride\(-1\) must be 1 to view Double as Float " + same),
        "offset": (lambda: x[:, 1:3].view(torch.float64), r"self.storage_offset\(\) must be divisible by 2 to view Float as Double " + same),
        "every second": (lambda: x[:, ::2].view(torch.float64), r"self.stride\(-1\) must be 1 to view Float as Double " + same),
        "stride": (lambda: torch.ones(3, 3)[:, :2].view(torch.int64), r"self.stride\(0\) must be divisible by 2 to view Float as Long "),
        "bool": (lambda: torch.tensor([True, False]).view(torch.int32), r"must be divisible by 4 to view Bool as Int .*, but got 2"),
    }  # fmt: skip
    return {name: raises(call, phrase) for name, (call, phrase) in calls.items()}


@case(33, 32)
def memory_and_version_are_shared(torch):
    x = torch.ones(4)
    y = x.view(torch.int32)
    y[0] = 1073741824
    seen = [x.tolist()]
    x[1] = 2.0
    seen += [y.tolist(), x._version, y._version, y._base is None, y._is_view()]
    y.add_(1)
    y[2:].mul_(0)
    d = x.view(torch.float64)
    d[1] = 1.0
    y.view(2, 2)[0].fill_(5)
    return [seen, x, y, d, x._version, d._version]


@case(33, 32)
def a_view_of_a_view_is_written(torch):
    x = torch.zeros(3, 4)
    bits = x[1:].t()[1:3].view(torch.int32)
    bits.fill_(1065353216)
    bits[0] += torch.tensor([8388608, 0], dtype=torch.int32)
    whole = x.view(torch.float64)
    x[2] = 3.0
    return [x, bits, bits.stride(), bits.storage_offset(), whole]


@case(33, 36)
def no_gradient_passes(torch):
    x = torch.ones(4, requires_grad=True)
    y, same, wide = x.view(torch.int32), x.view(torch.float32), x.view(torch.float64)
    seen = [[t.requires_grad, t.is_leaf, t.grad_fn, t is x] for t in (y, same, wide)]
    y.fill_(1073741824)
    (x * x).sum().backward()
    w = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    wide.mul_(0).add_(w)
    (wide * wide).sum().backward()
    return [seen, x, x.grad, w.grad, wide.requires_grad, x._version]


@case(33, 32, 76)
def a_write_to_the_bits_counts(torch):
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    z = y * y
    y.view(torch.int32).fill_(0)
    w = torch.ones(2, dtype=torch.float64, requires_grad=True)
    a = torch.ones(4)
    d = a.view(torch.float64)
    q = w * d
    a.fill_(3.0)
    return [y.detach(), raises(lambda: z.sum().backward(), "has been modified by an inplace operation"),
            raises(lambda: q.sum().backward(), "has been modified by an inplace operation")]  # fmt: skip


@case(33, 41)
def copies_share_what_these_share(torch):
    x = torch.ones(4)
    y = x.view(torch.int32)
    a, b = copy.deepcopy([x, y])
    b[0] = 0
    array = y.numpy()
    array[1] = 0
    return [x, y, a, b]
