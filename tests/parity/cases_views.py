"""Views: shared storage, values and gradients seen through it, forbidden edits, strides."""

from __future__ import annotations

from .harness import case, const, leaf, raises


@case(32)
def slices(torch):
    x = leaf(torch, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    y = [x[0], x[-1], x[:, 1], x[:, ::2], x[1:, :2], x[..., 0], x[None, 0], x[0, 1], x[:, -2:]]
    sum((k + 1) * p.sum() for k, p in enumerate(y)).backward()
    return [[p.detach() for p in y], x.grad]


@case(32)
def new_axes_and_ellipsis(torch):
    x = leaf(torch, [[1.0, 2.0], [3.0, 4.0]])
    y = [x[None], x[:, None], x[..., None], x[None, ..., None], x[...], x[:, None, 0]]
    return [[list(p.shape) for p in y], y[-1].detach()]


@case(32)
def integer_arrays_with_repeats(torch):
    x = leaf(torch, [1.0, 2.0, 3.0])
    y = x[[0, 0, 2, -1]]
    (y * const(torch, [1.0, 10.0, 100.0, 1000.0])).sum().backward()
    return [y.detach(), x.grad]


@case(32)
def integer_arrays_on_two_axes(torch):
    x = leaf(torch, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    k, m = torch.tensor([0, 1, 1]), torch.tensor([2, 0, 0])
    y = [x[k, m], x[:, m], x[k], x[k[:, None], m], x[0, m]]
    sum(p.sum() for p in y).backward()
    return [[p.detach() for p in y], x.grad]


@case(32)
def masks(torch):
    x = leaf(torch, [[1.0, -2.0], [-3.0, 4.0]])
    y = [x[x > 0], x[torch.tensor([True, False])], x[:, torch.tensor([False, True])], x[x > 100]]
    sum(p.sum() for p in y).backward()
    return [[p.detach() for p in y], x.grad]


@case(32)
def scalars_and_empty(torch):
    x = leaf(torch, [1.0, 2.0])
    y = [x[1], x[torch.tensor(0)], x[1:1], x[[]], x[2:], x[True]]
    y[0].backward()
    return [[p.detach() for p in y], x.grad]


@case(32)
def getitem_errors(torch):
    x = const(torch, [[1.0, 2.0], [3.0, 4.0]])
    return [
        raises(lambda: x[2], "index 2 is out of bounds for dimension 0 with size 2"),
        raises(lambda: x[:, -3], "index -3 is out of bounds for dimension 1 with size 2"),
        raises(lambda: x[0, 0, 0], "too many indices for tensor of dimension 2"),
        raises(lambda: x[[0, 5]], "index 5 is out of bounds for dimension 0 with size 2"),
        raises(lambda: x[torch.tensor([True, False, True])], "The shape of the mask .* does not match the shape of the indexed tensor"),
        raises(lambda: x[::-1], "step must be greater than zero"),
        raises(lambda: x[1.0], "only integers, slices"),
        raises(lambda: const(torch, 1.0)[0], "invalid index of a 0-dim tensor"),
    ]


@case(33)
def edit_of_the_view_seen_by_the_base(torch):
    x = leaf(torch, [1.0, 2.0, 3.0])
    y = x * 1
    v = y[1:]
    v *= 10
    y.sum().backward()
    return [y.detach(), v.detach(), x.grad, y.grad_fn.name()]


@case(33)
def edit_of_the_base_seen_by_the_view(torch):
    x = leaf(torch, [1.0, 2.0, 3.0])
    y = x * 1
    v = y[1:]
    y *= 10
    v.sum().backward()
    return [v.detach(), x.grad]


@case(33)
def two_views(torch):
    x = leaf(torch, [1.0, 2.0, 3.0, 4.0])
    y = x * 1
    a, b = y[:3], y.view(2, 2)
    a += 100
    b[0] *= 2
    (a.sum() + (b**2).sum()).backward()
    return [y.detach(), a.detach(), b.detach(), x.grad]


@case(33)
def chain_of_views(torch):
    x = leaf(torch, [[1.0, 2.0], [3.0, 4.0]])
    y = x * 1
    v = y.t()[1].unsqueeze(0)
    v.mul_(5)
    (y**2).sum().backward()
    return [y.detach(), v.detach(), x.grad]


@case(33)
def overlapping_views(torch):
    x = leaf(torch, [1.0, 2.0, 3.0])
    y = x * 1
    a, b = y[:2], y[1:]
    a *= 2
    b *= 3
    a.sum().backward()
    return [y.detach(), a.detach(), x.grad]


@case(33)
def values_without_gradients(torch):
    x = torch.arange(6.0)
    v = x.view(2, 3)
    v[0, 0] = 50
    x[5] = -1
    w = v.t()
    w[2, 1] += 1
    return [x, v, w]


@case(33)
def reshape_shares_where_it_can(torch):
    x = torch.arange(4.0)
    x.reshape(2, 2)[0, 0] = 9
    y = torch.arange(4.0).reshape(2, 2).t()
    y.reshape(4)[0] = 9
    return [x, y]


@case(33)
def which_functions_share(torch):
    names = []
    for name, f in (
        ("detach", lambda x: x.detach()), ("T", lambda x: x.T), ("flatten", lambda x: x.flatten()), ("clone", lambda x: x.clone()),
        ("expand", lambda x: x.expand(2, 2, 2)), ("squeeze", lambda x: x.squeeze()), ("contiguous", lambda x: x.contiguous()),
        ("contiguous of t", lambda x: x.t().contiguous()), ("to", lambda x: x.to(torch.float32)), ("double", lambda x: x.double()),
        ("diagonal", lambda x: x.diagonal()), ("narrow", lambda x: x.narrow(0, 0, 1)), ("unbind", lambda x: x.unbind()[0]),
        ("split", lambda x: x.split(1)[0]), ("chunk", lambda x: x.chunk(2)[0]), ("list index", lambda x: x[[0]]), ("+0", lambda x: x + 0),
        ("movedim", lambda x: x.movedim(0, 1)), ("swapaxes", lambda x: x.swapaxes(0, 1)), ("view_as", lambda x: x.view_as(x)),
        ("ravel", lambda x: x.ravel()), ("flip", lambda x: x.flip(0)), ("real repeat", lambda x: x.repeat(1, 1)),
    ):
        x = torch.zeros(2, 2)
        shared = f(x)
        x += 1
        names.append([name, shared.sum().item() > 0])
    return names


@case(33, 3)
def view_remembers_its_base(torch):
    x = const(torch, [1.0, 2.0, 3.0])
    v = x[1:]
    w = v[:1]
    return [v._base is x, w._base is x, x._base is None, v._is_view(), x._is_view(), x.detach()._base is None]


@case(33)
def view_of_a_constant_becomes_a_result(torch):
    x, c = leaf(torch, [1.0, 2.0]), torch.zeros(2, 2, dtype=torch.float64)
    row = c[0]
    row += x
    c.sum().backward()
    return [c.detach(), c.requires_grad, row.requires_grad, x.grad]


@case(33)
def gradient_through_several_writes(torch):
    x = leaf(torch, [1.0, 2.0])
    y = torch.zeros(3, dtype=torch.float64)
    y[:2] = x
    y[1:] = y[:2].clone() * x
    y[0] *= y[2].clone()
    y.sum().backward()
    return [y.detach(), x.grad]


@case(33)
def hook_and_history_of_a_base_written_through_a_view(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x.exp()
    before = y.grad_fn.name()
    y[0] = 0.0
    return [before, y.grad_fn.name(), y.is_leaf]


@case(34)
def strides_and_contiguity(torch):
    x = torch.zeros(2, 3, 4)
    made = [x, x.transpose(0, 2), x[:, 1], x[..., ::2], x.expand(5, 2, 3, 4), x.permute(1, 0, 2), x.unsqueeze(1)]
    return [[list(m.stride()), m.is_contiguous(), m.storage_offset()] for m in made]


@case(34)
def contiguous(torch):
    x = leaf(torch, [[1.0, 2.0], [3.0, 4.0]])
    y = x.t().contiguous()
    y.view(4)[0].backward()
    return [y.detach(), y.is_contiguous(), x.contiguous() is x, x.grad]


@case(34)
def view_needs_compatible_strides(torch):
    x = torch.arange(6.0).view(2, 3).t()
    return [raises(lambda: x.view(6), "view size is not compatible with input tensor's size and stride"), x.reshape(6)]


@case(34)
def as_strided(torch):
    x = leaf(torch, [1.0, 2.0, 3.0, 4.0])
    y = x.as_strided((3, 2), (1, 1))
    (y * const(torch, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])).sum().backward()
    return [y.detach(), x.grad]


@case(34)
def element_size_and_pointers(torch):
    x = torch.zeros(4)
    return [x.element_size(), x[1:].data_ptr() - x.data_ptr(), x.double().element_size(), x.nbytes]


@case(35)
def unbind_outputs_refuse(torch):
    x = leaf(torch, [[1.0, 2.0], [3.0, 4.0]])
    y = x * 1
    a, _ = y.unbind(0)
    return raises(lambda: a.add_(1), "Output 0 of Unbind(Backward0)? is a view and is being modified inplace")


@case(35)
def view_made_under_no_grad_refuses(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 1
    with torch.no_grad():
        v = y[:1]
    return raises(lambda: v.mul_(x[:1]), "A view was created in no_grad mode and is being modified inplace with grad mode enabled")


@case(35)
def expanded_memory_refuses(torch):
    x = torch.zeros(1).expand(3)
    phrase = "unsupported operation: more than one element of the written-to tensor refers to a single memory location"
    return [raises(lambda: x.add_(1), phrase), raises(lambda: x.copy_(torch.ones(3)), phrase)]


@case(35)
def split_outputs_refuse(torch):
    y = leaf(torch, [1.0, 2.0]) * 1
    return raises(lambda: y.split(1)[0].add_(1), "Output 0 of Split(Backward0)? is a view and is being modified inplace")


@case(35, 23)
def overlapping_source_and_target(torch):
    x = torch.arange(4.0)
    x[1:] = x[:-1].clone()
    y = torch.arange(4.0)
    y += y.flip(0)
    return [x, y]
