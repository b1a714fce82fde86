"""In-place operations inside torch.func.vmap: what may be written, and who sees it."""

from __future__ import annotations

from .harness import case, leaf, raises

WHOLE = r"vmap: (inplace arithmetic|aten::\w+)\(self, \*extra_args\) is not possible because there exists a Tensor|doesn't match the broadcast shape"


def rows(torch):
    return torch.arange(6.0).reshape(2, 3) + 1


def first_is(value):
    def run(a):
        a[0] = value(a)
        return a

    return run


@case(64, 29)
def slices_are_written(torch):
    functions = [lambda a: a.add_(1), lambda a: (a * 1).mul_(a), lambda a: a.mul_(a.sum()), lambda a: a[0].add_(10), lambda a: a.fill_(3.0),
                 lambda a: a.zero_(), lambda a: a.exp_(), lambda a: a.clamp_(2, 4), lambda a: a.masked_fill_(a > 2, 0.0),
                 first_is(lambda a: 5.0), first_is(lambda a: a.sum()), lambda a: a.index_add_(0, torch.tensor([0, 1]), torch.ones(2))]
    return [torch.func.vmap(f)(rows(torch)) for f in functions]


@case(64, 29)
def the_caller_sees_it(torch):
    def through_a_view(a):
        a[1:].mul_(10)
        return a.sum()

    shown = []
    for function, axis in ((lambda a: a.mul_(2), 0), (lambda a: a.mul_(2), 1), (through_a_view, 0), (lambda a: a * 2, 0)):
        x = rows(torch)
        result = torch.func.vmap(function, in_dims=axis)(x)
        shown.append([result, x, x._version])
    w = leaf(torch, [[1.0, 2.0], [3.0, 4.0]])
    y = w * 1
    torch.func.vmap(lambda a: a.mul_(3))(y)
    y.sum().backward()
    return [*shown, w.grad]


@case(64, 29)
def what_all_slices_share_refuses(torch):
    vmap, x = torch.func.vmap, rows(torch)
    captured = torch.zeros(3)

    def into_captured(a):
        captured.add_(a)
        return a

    def assigned(a):
        b = torch.zeros(3)
        b[0] = a.sum()
        return b

    functions = [lambda a: torch.zeros(3).add_(a), lambda a: torch.zeros(3).copy_(a), lambda a: torch.zeros(3).mul_(a.sum()), assigned,
                 lambda a: torch.zeros(3).masked_fill_(a > 2, 1.0), into_captured,
                 lambda s: torch.zeros(3).scatter_(0, torch.tensor([0, 1]), s[:2])]
    shared = raises(lambda: vmap(lambda a, b: b.add_(a), in_dims=(0, None))(x, captured), WHOLE)
    inner = raises(lambda: vmap(lambda a, b: vmap(lambda c: a.add_(c))(b))(x.clone(), x.clone()), WHOLE)
    return [[raises(lambda f=f: vmap(f)(x), WHOLE) for f in functions], shared, inner, captured, x]


@case(64, 29)
def what_all_slices_share_may_be_written_with_the_same(torch):
    captured = torch.zeros(3)

    def run(a):
        captured.add_(1.0)
        return a * captured + torch.zeros(3).add_(1.0)

    return [torch.func.vmap(run)(rows(torch)), captured]


@case(64, 29)
def what_is_made_like_a_slice(torch):
    vmap, x = torch.func.vmap, rows(torch)

    def filled(a):
        b = a.new_zeros(3)
        b[0] = a.sum()
        return b

    return [vmap(filled)(x), vmap(lambda a: torch.zeros_like(a).add_(a))(x), vmap(lambda a: torch.ones_like(a).mul_(a))(x),
            vmap(lambda a, b: vmap(lambda c: c.new_zeros(()).add_(c + a.sum()))(b))(x, x)]


@case(64, 29, 63)
def beside_other_transforms(torch):
    x = rows(torch)

    def product(a):
        b = a * 1
        b.mul_(a)
        return b.sum()

    def assigned(a):
        b = a * 1
        b[0] = a[1] * a[2]
        return b.sum()

    nested = torch.func.vmap(lambda a, b: torch.func.vmap(lambda c: c.add_(a.sum()))(b))
    return [torch.func.vmap(torch.func.grad(product))(x), torch.func.grad(lambda y: torch.func.vmap(assigned)(y).sum())(x),
            nested(x.clone(), x.clone()), x]


@case(64, 22)
def leaves_refuse(torch):
    w = rows(torch).requires_grad_()
    return raises(lambda: torch.func.vmap(lambda a: a.add_(1))(w), "a (view of a )?leaf Variable that requires grad is being used in an")
