"""Windows, expansions and detached aliases: what is one in memory, what may be written, and where gradients go."""

from __future__ import annotations

import warnings

from .harness import case, const, leaf, raises, warns

SEVERAL = "more than one element of the written-to tensor refers to a single memory location"


@case(33)
def windows_are_a_view(torch):
    x = torch.arange(6.0)
    y = x.unfold(0, 3, 1)
    x[1] = 10.0
    seen = [y.tolist(), y.stride(), y._base is None]
    y[0, 0] = -5.0
    y[1, 0] += 3
    w = x.unfold(0, 2, 2)
    w.mul_(2)
    w[1] = torch.tensor([7.0, 8.0])
    return [seen, x, y, w, w.is_contiguous(), x.unfold(0, 2, 3).stride(), x.unfold(0, 6, 1).shape, x._version, y._version]


@case(33)
def windows_that_overlap_are_filled_and_copied_into(torch):
    a, b, c, d = (torch.arange(4.0) for _ in range(4))
    a.unfold(0, 2, 1).copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    b.unfold(0, 2, 1)[:] = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    c.unfold(0, 3, 1).zero_()
    d.unfold(0, 2, 1)[0] = torch.tensor([8.0, 9.0])
    e = torch.arange(5.0)
    e.as_strided((3, 3), (1, 1))[1] = 7.0
    return [a, b, c, d, e]


@case(33, 76)
def windows_of_odd_sizes(torch):
    x = torch.arange(4.0)
    return [
        torch.tensor(3.0).unfold(0, 1, 1), torch.tensor(3.0).unfold(0, 0, 1).shape, x.unfold(0, 0, 1).shape,
        x.unfold(dimension=0, size=2, step=3), torch.ones(0, 3).unfold(0, 0, 1).shape,
        raises(lambda: x.unfold(0, 5, 1), "maximum size for tensor at dimension 0 is 4 but size is 5"),
        raises(lambda: x.unfold(0, 2, 0), "step is 0 but must be > 0"), raises(lambda: x.unfold(0, -1, 1), "size is -1 but must be >= 0"),
    ]  # fmt: skip


@case(33, 19)
def windows_are_differentiated_twice(torch):
    x = leaf(torch, [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 1.0, 2.0, 3.0]])
    y = x.unfold(1, 2, 1)
    w = y.unfold(0, 2, 1)
    weights = torch.arange(24, dtype=torch.float64).reshape(2, 3, 2, 2)
    (g,) = torch.autograd.grad((w**3 * weights).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad((g * g).sum(), x)
    return [y.shape, y.stride(), w.stride(), y.grad_fn.name(), g.detach(), h]


@case(33)
def a_write_to_windows_is_differentiated(torch):
    x = leaf(torch, [1.0, 2.0, 3.0, 4.0, 5.0])
    y = x * 2
    w = y.unfold(0, 2, 2)
    w.mul_(const(torch, [3.0, 4.0]))
    y.pow(2).sum().backward()
    return [x.grad, y.grad_fn.name(), y._version]


# expansions


def _filled(torch):
    y = torch.ones(2, 4)
    y.expand(2, 2, 4).detach().zero_()
    return y


def _detached_leaf(torch):
    y = torch.ones(2, 4, requires_grad=True)
    e = y.expand(2, 2, 4).detach()
    e.fill_(3)
    return [y, e._version, y._version]


def _part_of_detached(torch):
    y = torch.ones(4)
    y[:2].expand(2, 2).detach()[:, 0].zero_()
    y.expand(2, 4).data[:, 3].fill_(5)
    y.expand(2, 4).detach()[1].mul_(2)
    return y


@case(33)
def a_detached_expansion_is_filled(torch):
    return [_filled(torch), _detached_leaf(torch), _part_of_detached(torch)]


@case(33)
def filling_a_detached_expansion_counts(torch):
    x = leaf(torch, [[1.0, 2.0]])
    z = x * 1
    w = z * z
    z.expand(3, 2).detach().fill_(3)
    return raises(lambda: w.sum().backward(), "has been modified by an inplace operation")


PARTS = {
    "index": lambda torch, e: e.__setitem__(0, 5.0),
    "tensor": lambda torch, e: e.__setitem__(0, torch.arange(12.0).reshape(3, 4)),
    "method": lambda torch, e: e[1].mul_(3),
    "element": lambda torch, e: e.__setitem__((1, 2, 3), 8.0),
    "add": lambda torch, e: e[0, :, 1].add_(torch.arange(3.0)),
    "slice of one": lambda torch, e: e[0:1].copy_(torch.arange(12.0).reshape(1, 3, 4)),
    "index_fill_": lambda torch, e: e[0].index_fill_(0, torch.tensor([0]), 2.0),
    "fill all": lambda torch, e: e.fill_(3),
    "fill rows": lambda torch, e: e[:, 1].zero_(),
}
WARNED = {
    "mask": lambda torch, e: e.__setitem__(e < 2, e[e < 2] * 3),
    "mask of one": lambda torch, e: e.__setitem__(e < 2, 3.0),
    "row mask": lambda torch, e: e.__setitem__(torch.tensor([True, False]), 3.0),
    "rows": lambda torch, e: e.__setitem__([0, 1], torch.arange(4.0)),
    "places": lambda torch, e: e.__setitem__(
        (torch.tensor([0, 1]), torch.tensor([0, 0])), torch.tensor([[1.0, 2, 3, 4], [5.0, 6, 7, 8]])
    ),
    "index_put_": lambda torch, e: e.index_put_((torch.tensor([0]),), torch.arange(12.0).reshape(3, 4)),
    "masked_fill_": lambda torch, e: e.masked_fill_(torch.arange(4) > 1, 2.0),
    "index_fill_": lambda torch, e: e.index_fill_(0, torch.tensor([1]), 2.0),
    "index_fill_ rows": lambda torch, e: e.index_fill_(1, torch.tensor([1]), 2.0),
}
REFUSED = {
    "all": lambda torch, e: e.__setitem__(slice(None), 5.0),
    "method": lambda torch, e: e.mul_(3),
    "row of all": lambda torch, e: e.__setitem__((slice(None), 0), torch.ones(4)),
    "copy_": lambda torch, e: e.copy_(torch.ones(2, 3, 4)),
    "fill with a tensor": lambda torch, e: e.fill_(torch.tensor(3.0)),
    "clamp_": lambda torch, e: e.clamp_(0, 0.5),
}


@case(33)
def what_a_write_to_a_part_of_an_expansion_does(torch):
    found = {}
    for name, write in PARTS.items():
        y = torch.ones(3, 4)
        e = y.expand(2, 3, 4)
        write(torch, e)
        found[name] = [y, e.tolist(), y._version, e._version]
    return found


@case(33)
def a_write_at_indices_of_an_expansion_warns(torch):
    found = {}
    for name, write in WARNED.items():
        y = torch.ones(3, 4)
        found[name] = [warns(lambda write=write, y=y: (write(torch, y.expand(2, 3, 4)), None)[1], "on expanded tensors is deprecated"), y]
    return found


@case(33, 76)
def a_write_to_all_of_an_expansion_is_refused(torch):
    y = torch.ones(3, 4)
    return [raises(lambda write=write: write(torch, y.expand(2, 3, 4)), SEVERAL) for write in REFUSED.values()] + [y, y._version]


@case(33)
def a_write_to_a_part_is_differentiated(torch):
    x, w = leaf(torch, [1.0, 2.0, 3.0]), leaf(torch, [2.0, 3.0, 4.0])
    y = x * 2
    e = y.expand(2, 3)
    e[0].mul_(const(torch, [1.0, 2.0, 3.0]))
    (e.pow(2).sum() + y.sum()).backward()
    first = x.grad
    z = x * 2
    f = z.expand(2, 3)
    f[1] = w * w
    f.pow(2).sum().backward()
    return [first, y.grad_fn.name(), x.grad, w.grad, f.detach()]


# assignments


@case(33)
def an_assignment_passes_over_leading_ones(torch):
    x, y, z = torch.zeros(2, 4), torch.zeros(2, 4), torch.zeros(4)
    x[[0, -1]] = torch.ones(1, 2, 4)
    y[0] = torch.ones(1, 1, 4)
    y[:, [1, 2]] = torch.ones(1, 1, 2, 2) * 3
    y[[0, 1], [0, 3]] = torch.ones(1, 1) * 4
    z[torch.tensor([True, False, True, False])] = torch.ones(1, 1, 2)
    v = leaf(torch, [[[1.0, 2.0], [3.0, 4.0]]])
    t = torch.zeros(3, 2, dtype=torch.float64)
    t[[0, -1]] = v * 3
    t.pow(2).sum().backward()
    flat = torch.zeros(2, 4)
    flat[flat == 0] = torch.ones(1, 8)
    return [x, y, z, v.grad, flat]


@case(33, 76)
def an_assignment_of_another_shape_is_refused(torch):
    x = torch.zeros(2, 4)
    phrase = "shape mismatch: value tensor of shape {} cannot be broadcast to indexing result of shape {}"
    return [
        raises(lambda: x.__setitem__(x == 0, torch.ones(1, 4)), phrase.format(r"\[4\]", r"\[8\]")),
        raises(lambda: x.__setitem__([0, 1], torch.ones(2, 1, 4)), phrase.format(r"\[2, 1, 4\]", r"\[2, 4\]")),
        raises(lambda: x.index_put_((torch.tensor([0, 1]),), torch.ones(1, 2, 4)), phrase.format(r"\[1, 2, 4\]", r"\[2, 4\]")),
    ]


# failed writes


FAILING = {
    "index_fill_": (lambda torch, y: y.index_fill_(0, torch.tensor([9]), 1.0), "index 9 is out of bounds for dimension 0 with size 3"),
    "index_fill_ before": (lambda torch, y: y.index_fill_(0, torch.tensor([-4]), 1.0), "index -4 is out of bounds"),
    "index_add_": (lambda torch, y: y.index_add_(0, torch.tensor([9]), torch.ones(1)), "out of range in self"),
    "index_copy_": (lambda torch, y: y.index_copy_(0, torch.tensor([9]), torch.ones(1)), "out of (range|bounds)"),
    "scatter_": (lambda torch, y: y.scatter_(0, torch.tensor([9]), 1.0), "index 9 is out of bounds"),
    "scatter_add_": (lambda torch, y: y.scatter_add_(0, torch.tensor([9]), torch.ones(1)), "index 9 is out of bounds"),
    "put_": (lambda torch, y: y.put_(torch.tensor([9]), torch.ones(1)), "out of range: tried to access index 9 on a tensor of 3 elements"),
    "index_put_": (lambda torch, y: y.index_put_((torch.tensor([9]),), torch.ones(1)), "index 9 is out of bounds"),
    "assignment": (lambda torch, y: y.__setitem__(torch.tensor([9]), 1.0), "index 9 is out of bounds for dimension 0 with size 3"),
    "copy_": (lambda torch, y: y.copy_(torch.ones(4)), ""),
}


@case(32, 76)
def a_write_that_failed_does_not_count(torch):
    found = {}
    for name, (write, phrase) in FAILING.items():
        x = torch.ones(3, requires_grad=True)
        y = x * 2
        z = y * y
        failed = raises(lambda write=write, y=y: write(torch, y), phrase)
        z.sum().backward()
        found[name] = [failed, y._version, x.grad]
    return found


@case(32, 76)
def too_few_values_for_a_mask(torch):
    y = torch.ones(3)
    mask = torch.tensor([True, True, True])
    return raises(lambda: y.masked_scatter_(mask, torch.ones(1)), "Number of elements of source < number of ones in mask")


# aliases


def _seen(*tensors):
    return [[t.requires_grad, t.is_leaf, t.detach().tolist(), t._version] for t in tensors]


@case(33, 37)
def a_view_of_an_alias_follows_it_onto_the_tape(torch):
    x = leaf(torch, [1.0, 2.0, 3.0])
    b = x.detach()
    v = b[:2]
    w = v[1:]
    b.mul_(x.sum())
    (v * const(torch, [1.0, 5.0])).sum().backward(retain_graph=True)
    first = x.grad.clone()
    (w * w).sum().backward()
    return [_seen(x, b, v, w), first, x.grad]


@case(33, 37)
def a_write_through_a_view_of_an_alias(torch):
    x = leaf(torch, [1.0, 2.0, 3.0])
    b = x.detach()
    v, w = b[:2], b[1:]
    v.mul_(x.sum())
    (w * const(torch, [1.0, 5.0])).sum().backward(retain_graph=True)
    first = x.grad.clone()
    v.mul_(2)
    b.add_(1)
    (b * b * const(torch, [1.0, 2.0, 3.0])).sum().backward()
    return [_seen(x, b, v, w), first, x.grad]


@case(33, 37)
def an_alias_of_a_view(torch):
    x = leaf(torch, [1.0, 2.0, 3.0, 4.0])
    b = x[1:].detach()
    v, w = b[:1], b.view(3, 1)
    b.mul_(x.sum())
    assert v.grad_fn is not None  # torch finds it only when it is asked for
    v.mul_(3)
    (w * w).sum().backward()
    return [_seen(x, b, v, w), b._base is None, v._base is b, x.grad]


@case(33, 37)
def a_view_of_data_and_a_second_alias(torch):
    x = leaf(torch, [1.0, 2.0, 3.0])
    b, c = x.data, x.detach()
    v, u = b[:2], c[:2]
    b.mul_(x.sum())
    v.sum().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [_seen(b, v), u.requires_grad, c.requires_grad, u.tolist(), x._version, x.grad]
