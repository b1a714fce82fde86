"""Views made while nothing is recorded: they require a gradient as their base does, and none arrives."""

from __future__ import annotations

import copy

from .harness import case, leaf, raises

CREATED = "A view was created in {} mode and {}"
OTHER = "its base or another view of its base has been modified inplace"
WRITTEN = "is being modified inplace"


def _made(torch, through=True, mode="no_grad"):
    x = leaf(torch, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    y = x * 1 if through else x
    with getattr(torch, mode)():
        return x, y, y[0]


def _flags(t):
    return [t.requires_grad, t.is_leaf, t.grad_fn is None, t._is_view()]


@case(36, 37)
def what_a_view_under_no_grad_shows(torch):
    found = []
    for through in (True, False):
        _x, y, v = _made(torch, through)
        found += [_flags(v), str(v), v._base is y, v.output_nr, raises(v.numpy, "Can't call numpy"), v.detach().requires_grad]
    return found


@case(36, 37)
def which_views_under_no_grad_require_a_gradient(torch):
    x = torch.ones(2, 2, requires_grad=True)
    with torch.no_grad():
        views = [x[0], x.t(), x.view(4), x.reshape(4), x.flatten(), x.ravel(), x.expand(3, 2, 2), x.unsqueeze(0), x.squeeze(),
                 x.diagonal(), x.unfold(0, 2, 1), x.as_strided((2,), (1,)), x.view_as(x), x.mT, *x.unbind(0), *x.split(1),
                 x.contiguous(), x.narrow(0, 0, 1)]  # fmt: skip
        others = [x.clone(), x.data, x.detach(), x[[0]], x * 2, x.view(torch.int32), x.t().flatten(), (x * 2)[0], torch.ones(2)[0]]
    return [[v.requires_grad for v in views], [v.requires_grad for v in others]]


@case(36, 37)
def no_gradient_arrives_through_it(torch):
    found = []
    for through in (True, False):
        x, y, v = _made(torch, through)
        w = leaf(torch, [1.0, 2.0, 3.0])
        z = v * w
        found += [z.requires_grad, z.grad_fn.next_functions[0], v.clone().requires_grad, torch.stack([v]).requires_grad]
        (z.sum() + y.sum()).backward()
        v.sum().backward()
        found += [x.grad, v.grad, w.grad]
    return found


@case(36, 37, 76)
def asking_for_its_gradient(torch):
    x, _y, v = _made(torch)
    z = (v * 2).sum()
    return [
        torch.autograd.grad(z, v, allow_unused=True, retain_graph=True), torch.autograd.grad(z, x, allow_unused=True, retain_graph=True),
        raises(lambda: torch.autograd.grad(z, v), "appears to not have been used in the graph"),
        raises(lambda: v.backward(torch.ones(3)), "element 0 of tensors does not require grad and does not have a grad_fn"),
    ]  # fmt: skip


@case(36, 37)
def a_view_of_it(torch):
    x, y, v = _made(torch)
    w = v[1:]
    w.sum().backward()
    return [_flags(w), w.grad_fn.name(), w.grad_fn.next_functions, w._base is y, x.grad,
            raises(lambda: w.zero_(), f"Output 0 of Slice is a view of a view which was created in no_grad mode and {WRITTEN}")]  # fmt: skip


@case(36, 37)
def a_leaf_of_its_own(torch):
    x, _y, v = _made(torch)
    v.requires_grad_(False)
    before = v.requires_grad
    v.requires_grad_()
    (v * v).sum().backward()
    c = copy.deepcopy(_made(torch, False)[2])
    return [before, v.requires_grad, v.is_leaf, v.grad, x.grad, c, c.is_leaf]


@case(36, 37)
def a_base_that_needs_none_any_more(torch):
    x, _y, v = _made(torch, False)
    x.requires_grad_(False)
    _, z, w = _made(torch)
    z.detach_()
    return [v.requires_grad, str(v), w.requires_grad]


@case(33, 36, 76)
def it_is_not_written_outside(torch):
    found = []
    for mode, name in (("no_grad", "no_grad"), ("inference_mode", "inference")):
        for through in (True, False):
            _x, _y, v = _made(torch, through, mode)
            phrase = CREATED.format(name, WRITTEN)
            found += [raises(write, phrase) for write in (lambda v=v: v.mul_(2), lambda v=v: v.zero_(), lambda v=v: v.copy_(torch.ones(3)))]
    plain = torch.ones(3)
    with torch.no_grad():
        u = plain[:2]
    u.mul_(2)
    found += [plain, raises(lambda: u.mul_(leaf(torch, [1.0, 2.0], "float32")), CREATED.format("no_grad", WRITTEN))]
    return found


@case(33, 36, 76)
def it_is_written_inside(torch):
    _x, y, v = _made(torch)
    with torch.no_grad():
        v.mul_(2)
        v[1:].add_(1)
        inside = [v.requires_grad, (v * 2).requires_grad, v.tolist(), v._version]
    phrase = CREATED.format("no_grad", OTHER)
    return [inside, v.requires_grad, str(v), v.detach(), v.data, v.grad, y.detach(),
            [raises(call, phrase) for call in (lambda: v.grad_fn, lambda: v * 2, lambda: v.is_leaf, lambda: v.clone())]]  # fmt: skip


@case(33, 36, 76)
def its_base_is_written(torch):
    found = []
    for mode, name in (("no_grad", "no_grad"), ("inference_mode", "inference")):
        for through in (True, False):
            _x, y, v = _made(torch, through, mode)
            with torch.no_grad():
                y.mul_(2)
            found += [v.requires_grad, str(v), v.tolist(), raises(lambda v=v: v * 2, CREATED.format(name, OTHER))]
    _x, y, v = _made(torch)
    y.mul_(3)
    return [*found, raises(lambda: v.sum(), CREATED.format("no_grad", OTHER))]


@case(36, 37)
def a_view_in_inference_mode_of_a_normal_tensor(torch):
    _x, _y, v = _made(torch, False, "inference_mode")
    with torch.inference_mode():
        n = torch.ones(3)
        w = torch.ones(3)[:2]
    m = n[:2]
    return [_flags(v), v.is_inference(), str(v), v._version, (v * 2).requires_grad, w.is_inference(), m.is_inference(), w.requires_grad]
