"""What an entry of the tape keeps for backward, what hooks may put in a cotangent's place, and what has no derivative."""

from __future__ import annotations

from .harness import case, const, leaf, raises

ROWS = [[1.0, 2.0], [3.0, 0.5]]


def written_afterwards(torch, function, of_result=False):
    """Return the gradient of a function whose operand, or result, is written before backward."""
    x = leaf(torch, ROWS)
    h = x + 1
    p = function(h)
    loss = p.sum() if of_result else (p * p).sum()
    (p if of_result else h).add_(1)
    return torch.autograd.grad((p.sum() if of_result else loss), x)


@case(20)
def operands_that_are_not_kept_may_be_written(torch):
    f, labels = torch.nn.functional, torch.tensor([0, 1])
    soft = const(torch, [[0.0, 1.0], [0.5, 0.5]])
    functions = [lambda h: h.softmax(-1), lambda h: h.log_softmax(0), lambda h: f.softmin(h, -1), lambda h: f.tanhshrink(h),
                 lambda h: f.cross_entropy(h, labels), lambda h: f.cross_entropy(h, labels, label_smoothing=0.1),
                 lambda h: f.cross_entropy(h, labels, reduction="sum"), lambda h: f.cross_entropy(h, soft),
                 lambda h: h.reciprocal(), lambda h: h.rsqrt(), lambda h: h.expm1(), lambda h: h.cov(),
                 lambda h: h.kthvalue(1)[0], lambda h: h.median(0)[0], lambda h: h.quantile(0.5)]  # fmt: skip
    return [written_afterwards(torch, one) for one in functions]


@case(20)
def results_that_are_not_kept_may_be_written(torch):
    f = torch.nn.functional
    return [written_afterwards(torch, one, of_result=True) for one in (lambda h: (h * 0.1).erfinv(), f.tanhshrink)]


@case(20)
def operands_that_are_kept_must_not_be_written(torch):
    f = torch.nn.functional
    functions = [lambda h: h.sin(), lambda h: h * h, lambda h: f.gelu(h), lambda h: h.logsumexp(0), lambda h: h.std()]
    return [raises(lambda one=one: written_afterwards(torch, one), "modified by an inplace operation") for one in functions]


@case(20)
def views_written_in_place_have_second_derivatives(torch):
    found = []
    for write in (
        lambda v, w: v.mul_(w),
        lambda v, w: v.div_(w),
        lambda v, w: v.pow_(3),
        lambda v, w: v.sin_(),
        lambda v, w: v.rsqrt_(),
    ):
        for view in (lambda y: y[:2], lambda y: y.view(2, 2)[0], lambda y: y.view(2, 2).t()[0]):
            x, w = leaf(torch, [1.0, 1.5, 0.5, 2.0]), leaf(torch, [3.0, 2.0])
            y = x * 1.5
            write(view(y), w)
            first = torch.autograd.grad((y**2).sum(), [x, w], create_graph=True, allow_unused=True)
            total = sum((g**2).sum() for g in first if g is not None)
            found += [*first, *torch.autograd.grad(total, [x, w], allow_unused=True)]
    return found


@case(25)
def random_numbers_written_in_place_have_no_derivative(torch):
    found = []
    for name in ("normal_", "uniform_", "bernoulli_", "random_", "zero_"):
        x = leaf(torch, ROWS)
        h = x * 2
        getattr(h, name)()
        found += [type(h.grad_fn).__name__, h.requires_grad, torch.autograd.grad((h * x).sum() - (h.detach() * x).sum(), x)]
    x = leaf(torch, ROWS)
    h = x * 2
    h[0].uniform_()
    found.append(torch.autograd.grad(h.sum(), x))
    for value in (3.0, torch.tensor(3.0)):
        h = leaf(torch, ROWS) * 2
        found.append(type(h.fill_(value).grad_fn).__name__)
    return found


@case(60)
def what_hooks_put_in_place_must_be_alike(torch):
    def passed(register):
        x = leaf(torch, [1.0, 2.0])
        y = x * 2
        register(x, y)
        (y * 2).sum().backward()
        return x.grad

    return [
        raises(lambda: passed(lambda x, y: x.register_hook(lambda g: g.float())), r"hook '<lambda>' has changed the type of value \(was torch.DoubleTensor got torch.FloatTensor\)"),
        raises(lambda: passed(lambda x, y: y.register_hook(lambda g: g.float())), "has changed the type of value"),
        raises(lambda: passed(lambda x, y: y.register_hook(lambda g: g[:1])), "has changed the size of value"),
        raises(lambda: passed(lambda x, y: y.grad_fn.register_prehook(lambda g: (g[0].float(),))), "has changed the type of value"),
        raises(lambda: passed(lambda x, y: y.grad_fn.register_prehook(lambda g: (g[0][:1],))), "has changed the size of value"),
        raises(lambda: passed(lambda x, y: y.grad_fn.register_hook(lambda p, g: (p[0][:1], None))), "has changed the size of value"),
        raises(lambda: passed(lambda x, y: y.grad_fn.register_hook(lambda p, g: (p[0],))), r"has returned an incorrect number of values \(got 1, but expected 2\)"),
        passed(lambda x, y: y.grad_fn.register_hook(lambda p, g: (p[0] * 3, None))),
        passed(lambda x, y: y.grad_fn.register_prehook(lambda g: (g[0] * 5,))),
    ]  # fmt: skip


@case(20)
def what_has_no_derivative_says_so(torch):
    x = leaf(torch, ROWS)
    y = x * 1.0
    z = y // 2
    return [
        type(z.grad_fn).__name__, z.requires_grad,
        raises(lambda: torch.autograd.grad(z.sum(), x), "derivative for aten::floor_divide is not implemented"),
        raises(lambda: torch.autograd.grad(((y // 2) + y).sum(), x), "derivative for aten::floor_divide is not implemented"),
        raises(lambda: (torch.heaviside(y, y).sum()).backward(), "derivative for aten::heaviside is not implemented"),
        torch.autograd.grad((y * (y.detach() // 2)).sum(), x), torch.div(y, 2, rounding_mode="floor").requires_grad,
    ]  # fmt: skip


@case(20)
def what_a_function_saved_is_read_as_it_is_now(torch):
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            seen.append([x.detach().clone(), x.is_leaf])
            return 2 * x * g

    seen = []
    x = leaf(torch, [1.0, 2.0])
    y = Square.apply(x)
    x.data -= 10
    y.sum().backward()
    h = x * 1
    y = Square.apply(h)
    h.data -= 10
    y.sum().backward()
    y = Square.apply(x)
    x.data = torch.tensor([5.0, 6.0], dtype=torch.float64)
    y.sum().backward()
    y = Square.apply(x[:1])
    x.data[0] = 7
    y.sum().backward()
    return [x.grad, *seen]


@case(20)
def writes_through_views_are_differentiated_once(torch):
    def twice(write, keep=False):
        x, c = leaf(torch, [1.0, 2.0, 3.0]), torch.zeros(3, dtype=torch.float64)
        write(c, x)
        c.sum().backward(retain_graph=keep)
        c.sum().backward()
        return x.grad

    def item(key, value):
        return lambda c, x: c.__setitem__(key, value(x))

    writes = [item(slice(0, 2), lambda x: x[1:]), item(0, lambda x: x[1]), item([0, 1], lambda x: x[1:]),
              lambda c, x: c[:2].add_(x[1:])]  # fmt: skip
    return [
        *[raises(lambda w=w: twice(w), "second time") for w in writes],
        *[twice(w, keep=True) for w in writes],
        twice(lambda c, x: c.add_(x)),
        twice(lambda c, x: c.copy_(x)),
    ]


@case(2)
def a_leaf_may_be_switched_off_and_on(torch):
    seen = []
    x = leaf(torch, [1.0, 2.0])
    x.register_hook(lambda g: seen.append(g.clone()))
    y = x * 2
    x.requires_grad_(False)
    y.sum().backward(retain_graph=True)
    found = [x.grad, x.requires_grad]
    z = x * 3 + y
    x.requires_grad_(True)
    found += [x.grad, x.is_leaf]
    (z + x * x).sum().backward()
    found += [x.grad.clone()]
    y = x * x
    x.requires_grad = False
    x.mul_(5)
    found += [x.grad.clone(), raises(lambda: torch.autograd.grad(y.sum(), x), "does not require grad")]
    x.requires_grad = True
    (x * 1).sum().backward()
    return [*found, x.grad, *seen]


@case(20)
def indices_of_single_numbers_are_given_up_too(torch):
    def twice(function):
        x = leaf(torch, 1.5)
        y = function(x)
        y.backward()
        y.backward()
        return x.grad

    functions = [lambda x: x.sort()[0], lambda x: x.max(0).values, lambda x: x.min(-1)[0], lambda x: x.median(0)[0]]
    return [*[raises(lambda f=f: twice(f), "second time") for f in functions], twice(lambda x: x + 1)]
