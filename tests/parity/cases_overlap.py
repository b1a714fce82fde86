"""Writes to memory that an operand reads: refused where both are dense, carried out where they are one or lie apart."""

from __future__ import annotations

from .harness import case, leaf, raises

SHARED = "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location"


def vector(torch):
    return torch.arange(6.0)


def matrix(torch):
    return torch.arange(16.0).reshape(4, 4)


def assign(x, key, value):
    x[key] = value


def increase(x, y):
    x += y


@case(35, 31)
def assignments(torch):
    x, m = vector(torch), matrix(torch)
    refused = [lambda: assign(x, slice(1, None), x[:-1]), lambda: assign(x.data, slice(1, None), x[:-1]),
               lambda: assign(x, slice(1, None), x.detach()[:-1]), lambda: x[1:].copy_(x[:-1]), lambda: x.copy_(x[0]),
               lambda: m.copy_(m.t()), lambda: m.t().copy_(m), lambda: assign(m, slice(None), m.t()),
               lambda: assign(x, torch.tensor([0, 1]), x[1:3]), lambda: assign(x, x > 2, x[3:])]
    shown = [[raises(f, SHARED) for f in refused], x.clone(), m.clone()]
    x[:3] = x[3:]
    x[:] = x
    x.copy_(x)
    x[::2].copy_(x[1::2])
    x[1] = x[5]
    x[2:4] = x[0]
    m[0] = m[:, 0]
    m[:, :2] = m[:, 2:]
    m[1] = m[2, 2]
    m.diagonal().copy_(m[3])
    return [*shown, x, m]


@case(35, 29)
def arithmetic(torch):
    x, m = vector(torch), matrix(torch)
    refused = [lambda: x[1:].add_(x[:-1]), lambda: increase(x[1:], x[:-1]), lambda: x[0:4].mul_(x[2:6]), lambda: x.add_(x[0]),
               lambda: m.add_(m.t()), lambda: increase(m, m[0]), lambda: m.div_(m[1, 1]), lambda: m[:2].sub_(m[1:3]),
               lambda: x.view(2, 3).add_(x[:3]), lambda: x[1:].addcmul_(x[:-1], x[1:]), lambda: x[1:].lerp_(x[:-1], 0.5),
               lambda: x[1:].pow_(x[:-1]), lambda: x[1:].clamp_(x[:-1]), lambda: x[1:].eq_(x[:-1]), lambda: m.addr_(m[0], m[1])]
    shown = [[raises(f, SHARED) for f in refused], x.clone(), m.clone()]
    x.add_(x)
    x[1:].mul_(x[1:])
    x[::2].add_(x[1::2])
    x[1:4].add_(x[0])
    x[1].add_(x[0])
    x.view(2, 3).add_(x.view(2, 3))
    x.addcmul_(x, x)
    m[:2].add_(m[2:])
    m[0].add_(m[:, 0])
    m.addmm_(m, m)
    m[0].addmv_(m, m[0])
    x.masked_fill_(x > 1, x[0])
    return [*shown, x, m]


@case(35, 70)
def at_indices(torch):
    x, k = vector(torch), torch.tensor([0, 1])
    refused = [lambda: x.index_add_(0, k, x[:2]), lambda: x.index_copy_(0, k, x[1:3]), lambda: x.scatter_(0, k, x[1:3]),
               lambda: x.scatter_add_(0, k, x[1:3]), lambda: x.put_(k[:1], x[1:2]), lambda: x.index_put_((k[:1],), x[1:2]),
               lambda: x.index_add_(0, torch.arange(6), x)]
    shown = [[raises(f, SHARED) for f in refused], x.clone()]
    x.index_fill_(0, k, x[3])
    x[1:].fill_(x[0])
    return [*shown, x]


@case(35, 29)
def on_the_tape(torch):
    x = leaf(torch, [[1.0, 2.0], [3.0, 4.0]])
    y = x * 1
    refused = [raises(lambda: y.add_(y.t()), SHARED), raises(lambda: y[0].copy_(y[0, :1]), SHARED)]
    y[0] = y[1]
    y[:, 0].add_(y[:, 1])
    (y * y).sum().backward()
    return [refused, y.detach(), x.grad]


@case(35, 77)
def of_memory_shared_with_numpy(torch):
    x = vector(torch)
    array = x.numpy()
    refused = raises(lambda: x[1:].add_(x[:-1]), SHARED)
    x[:3].add_(x[3:])
    return [refused, array.copy()]
