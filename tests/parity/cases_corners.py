"""Corners that random programs found: saved values against later writes, partial backward, aliases, tensors of no axes."""

from __future__ import annotations

from .harness import case, const, leaf, raises

TWICE = "Trying to backward through the graph a second time"


@case(29, 69)
def in_place_with_a_broadcast_leaf(torch):
    found = []
    for name in ("__imul__", "__iadd__", "__isub__", "__itruediv__"):
        x, s = leaf(torch, [[0.5, 1.0], [2.0, -1.0]]), leaf(torch, -0.8)
        y = getattr(x * 1, name)(s)
        y.sum().backward()
        found.append([x.grad, s.grad])
    return found


@case(14, 17)
def gradient_by_an_intermediate_of_a_freed_graph(torch):
    x = leaf(torch, [0.5, 1.0])
    y = x.tanh()
    y.sum().backward()
    return [torch.autograd.grad((y * y).sum(), y), torch.autograd.grad(y.sum(), y), x.grad]


@case(14, 17)
def gradient_by_an_intermediate_frees_nothing_before_it(torch):
    x = leaf(torch, [0.5, 1.0])
    y = x.exp()
    first = torch.autograd.grad((y**2).sum(), y)
    y.sum().backward()
    return [first, x.grad, raises(y.sum().backward, TWICE)]


@case(14, 24)
def gradient_by_an_intermediate_needs_nothing_before_it(torch):
    x = leaf(torch, [0.5, 1.0])
    a = x * 1
    y = a**2
    a.add_(1)
    return [torch.autograd.grad((y * 3).sum(), y), raises(y.sum().backward, "modified by an inplace operation")]


@case(24)
def selections_save_indices_only(torch):
    found = []
    for f in (lambda a: a.max(0).values, lambda a: a.sort().values, lambda a: a.min(0).values, lambda a: a.topk(1).values, lambda a: a[[1, 0]]):
        x = leaf(torch, [0.5, 1.0])
        a = x * 1
        y = f(a)
        a.fill_(9.0)
        found.append(torch.autograd.grad(y.sum(), x))
    return found


@case(24)
def quotient_saves_operands_only(torch):
    x, c = leaf(torch, [0.5, 1.0]), leaf(torch, [2.0, 4.0])
    y = x / c
    z = y + x
    y += 1
    z.sum().backward()
    return [x.grad, c.grad]


@case(27, 66)
def index_of_a_maximum_is_that_of_the_forward(torch):
    x = leaf(torch, [[1.0, 2.0], [4.0, 3.0]])
    y = x.max(1).values
    x.data = const(torch, [[2.0, 1.0], [3.0, 4.0]])
    y.sum().backward()
    return x.grad


@case(29, 27)
def old_operand_of_an_in_place_product(torch):
    x, c = leaf(torch, [0.5, 3.0]), const(torch, [2.0, 4.0])
    c.data = const(torch, [5.0, 6.0])
    c *= x
    (c**2).sum().backward()
    y = leaf(torch, [0.5, 3.0])
    d = const(torch, [2.0, 4.0])
    alias = d.data
    alias *= y
    (alias**2).sum().backward()
    return [x.grad, y.grad, d, alias.requires_grad, d.requires_grad]


@case(31, 26)
def setitem_into_an_alias(torch):
    found = []
    for name in ("data", "detach"):
        w, x = leaf(torch, -1.35), const(torch, [1.0, 2.0, 3.0])
        alias = x.data if name == "data" else x.detach()
        alias[0] = w * 2
        alias.sum().backward()
        found.append([alias.requires_grad, alias.detach(), x, x.requires_grad, w.grad])
    return found


@case(77, 33)
def arrays_of_tensors_without_axes(torch):
    x = const(torch, [1.0, 2.0])
    a = x[1].numpy()
    a[...] = 7.0
    b = x[0].reshape(-1).numpy()
    b[0] = 5.0
    s = const(torch, 3.0)
    s.numpy()[...] = 4.0
    return [x, s, list(a.shape), type(a).__name__, list(b.shape)]


@case(31, 32)
def masks_without_axes(torch):
    x, y = leaf(torch, 0.8), const(torch, -0.7)
    kept = x[x > 0]
    kept.sum().backward()
    y[y < 0] = 5.0
    y[y < 0] = 6.0
    return [kept.detach(), x[x < 0].detach(), x.grad, y]


@case(4)
def gradient_stays_when_requires_grad_is_switched_off(torch):
    x = leaf(torch, [1.0, 2.0])
    (x * 3).sum().backward()
    x.requires_grad_(False)
    kept = x.grad
    x.requires_grad_()
    x.sum().backward()
    return [kept is x.grad, x.grad]


@case(14, 19)
def gradient_by_itself_has_no_graph(torch):
    x = leaf(torch, 2.0)
    y = x * x
    (g,) = torch.autograd.grad(y, y, create_graph=True)
    (h,) = torch.autograd.grad((y * y).sum(), y, create_graph=True)
    return [g, g.requires_grad, h.requires_grad, h.detach()]


@case(35, 36)
def view_made_under_no_grad(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 1
    with torch.no_grad():
        v, w = x[:1], y[:1]
    return [v.is_leaf, v.grad_fn is None, w.is_leaf, w.grad_fn is None, v.detach(), w.detach()]


@case(35)
def fill_of_expanded_memory(torch):
    x = const(torch, [[1.0], [2.0]]).expand(2, 3)
    x.fill_(5.0)
    return [x, raises(lambda: x.mul_(2), "more than one element of the written-to tensor refers to a single memory location")]


@case(33, 29)
def in_place_with_an_operand_of_its_own(torch):
    x, y = const(torch, [1.0, 2.0, 3.0]), leaf(torch, [1.0, 2.0])
    x -= x[0].clone()
    w = y * 1
    w *= w.clone()
    w.sum().backward()
    return [x, w.detach(), y.grad]


@case(22, 27)
def leaf_refuses_writes_after_its_data_were_assigned(torch):
    x = leaf(torch, [1.0, 2.0])
    x.data = const(torch, [3.0, 4.0])
    phrase = "leaf Variable that requires grad is being used in an in-place operation"
    return [raises(lambda: x.mul_(2), phrase), raises(lambda: x.__setitem__(0, 5.0), phrase), raises(lambda: x[:1].add_(1), phrase), x]


@case(33, 26)
def view_of_an_alias_written(torch):
    x = leaf(torch, [[1.0, 2.0]])
    alias = x.detach() * 1
    again = alias.detach()
    row = again.squeeze()
    row.copy_(x[0] * 3)
    row.sum().backward()
    return [again.requires_grad, alias.requires_grad, again.detach(), alias.detach(), x.grad]


@case(77, 33)
def array_of_a_view_of_a_tensor_without_axes(torch):
    x = leaf(torch, 1.17)
    c = x.clone()
    v = c.unsqueeze(-1)
    w = v[..., :1]
    c.detach().reshape(-1).numpy()[0] = 2.0
    return [c.detach(), v.detach(), (w * 2).detach()]


@case(27, 66)
def norm_divides_by_the_result_of_the_forward(torch):
    x = leaf(torch, [3.0, 4.0])
    y = x.norm()
    x.data = const(torch, [10.0, 0.0])
    y.backward()
    return x.grad


@case(27, 66)
def norms_and_deviations_read_their_result(torch):
    shown = []
    for f in (lambda x: x.norm(dim=1), lambda x: x.norm(dim=1, keepdim=True), lambda x: x.std(), lambda x: x.std(1, keepdim=True)):
        x = leaf(torch, [[3.0, 4.0], [0.0, 0.0], [1.0, -2.0]])
        y = f(x)
        x.data = const(torch, [[10.0, 0.0], [1.0, 1.0], [0.5, 2.0]])
        y.sum().backward()
        shown.append(x.grad)
    y = leaf(torch, [3.0, 4.0]).norm()
    y.mul_(2)
    return [shown, raises(y.backward, "modified by an inplace operation")]
