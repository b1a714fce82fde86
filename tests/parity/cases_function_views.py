"""Functions whose forward returns an argument, or a view of one: storage is shared, and writes would pass by backward."""

from __future__ import annotations

from .harness import case, const, leaf, raises

WRITTEN = "Output 0 of [A-Za-z]* is a view and is being modified inplace. This view was created inside a custom Function"
BASE_WRITTEN = "Output 0 of [A-Za-z]* is a view and its base or another view of its base has been modified inplace"


def functions(torch):
    """Return Functions whose derivative is ten times that of their value."""

    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 10

    class Slice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x[1:]

        @staticmethod
        def backward(ctx, g):
            return torch.cat([torch.zeros(1, dtype=torch.float64), g * 10])

    class Viewed(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x.view_as(x)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(output)

        @staticmethod
        def backward(ctx, g):
            return g * 10

    return [Same, Slice, Viewed]


def detached(torch):
    class Detached(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.detach()

        @staticmethod
        def backward(ctx, g):
            return g * 10

    return Detached


@case(53)
def what_is_returned(torch):
    shown = []
    for function in functions(torch):
        for x in (leaf(torch, [1.0, 2.0, 3.0]), leaf(torch, [1.0, 2.0, 3.0]) * 1, const(torch, [1.0, 2.0, 3.0])):
            y = function.apply(x)
            shown.append([y is x, y._is_view(), y._base is x, y.requires_grad, y.is_leaf, y.data_ptr() - x.data_ptr(), y._version])
    return shown


@case(53)
def gradients(torch):
    shown = []
    for function in functions(torch):
        x = leaf(torch, [1.0, 2.0, 3.0])
        h = x * x
        y = function.apply(h)
        ((y * 2).sum() + h[-1] + y[:1].sum()).backward()
        shown.append([y.grad_fn.name(), y.grad_fn.next_functions[0][0] is h.grad_fn, x.grad])
    return shown


@case(53, 35)
def they_refuse_to_be_written(torch):
    shown = []
    for function in functions(torch):
        x = leaf(torch, [1.0, 2.0, 3.0])
        h = x * 1
        shown += [raises(lambda f=function, x=x: f.apply(x).mul_(3), WRITTEN), raises(lambda f=function, h=h: f.apply(h).zero_(), WRITTEN),
                  raises(lambda f=function, h=h: f.apply(h)[:1].mul_(3), "This view was created inside a custom Function")]
    return shown


@case(53, 35)
def after_a_write_to_the_base(torch):
    shown = []
    for function in functions(torch):
        x = leaf(torch, [1.0, 2.0, 3.0])
        h = x * 1
        y = function.apply(h)
        h.mul_(3)
        shown.append([raises(lambda y=y: y * 2, BASE_WRITTEN), raises(lambda y=y: y.grad_fn, BASE_WRITTEN),
                      raises(lambda y=y: y.sum().backward(), BASE_WRITTEN), y.detach(), y.requires_grad])
        h.sum().backward()
        shown.append(x.grad)
    return shown


@case(53)
def storage_is_shared(torch):
    shown = []
    for function in functions(torch):
        x = leaf(torch, [1.0, 2.0, 3.0])
        y = function.apply(x)
        x.data.mul_(7)
        shown.append(y.detach().clone())
        y.sum().backward()
        with torch.no_grad():
            y.mul_(5)
        shown.append([x.detach().clone(), x._version, x.grad, raises(lambda y=y: y.grad_fn, BASE_WRITTEN)])
        c = const(torch, [1.0, 2.0, 3.0])
        d = function.apply(c)
        d.mul_(2)
        shown.append([c, d])
    return shown


@case(53)
def under_no_grad_an_argument_is_detached(torch):
    x = leaf(torch, [1.0, 2.0])
    with torch.no_grad():
        y = functions(torch)[0].apply(x)
        y.mul_(2)
    return [y is x, y._is_view(), y.requires_grad, x, y]


@case(53)
def a_detached_argument_may_be_written(torch):
    x = leaf(torch, [1.0, 2.0])
    h = x * 1
    y = detached(torch).apply(h)
    flag = y._is_view()
    y.mul_(3)
    (y * 1).sum().backward()
    return [flag, y.detach(), h.detach(), y.grad_fn.name(), h._version, x.grad]


@case(50, 53)
def an_argument_without_gradient(torch):
    class Marked(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_non_differentiable(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 10

    x = leaf(torch, [1.0, 2.0])
    y = Marked.apply(x)
    with torch.no_grad():
        y.mul_(2)
    return [y is x, y._is_view(), y.requires_grad, x]


@case(48, 53)
def among_several_results(torch):
    class Several(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x, x * 2, x[1:]

        @staticmethod
        def backward(ctx, a, b, c):
            return a * 10 + b + torch.cat([torch.zeros(1, dtype=torch.float64), c])

    x = leaf(torch, [1.0, 2.0, 3.0])
    h = x * 1
    same, double, part = Several.apply(h)
    double.mul_(3)
    (same.sum() + double.sum() + part.sum()).backward()
    phrase = "is a view and is being modified inplace. This view is the output of a function that returns multiple views"
    return [[t._is_view() for t in (same, double, part)], [t.output_nr for t in (same, part)], x.grad,
            raises(lambda: same.mul_(2), f"Output 0 of Several {phrase}"), raises(lambda: part.mul_(2), f"Output 2 of Several {phrase}")]


@case(35)
def several_views_after_a_write_to_their_base(torch):
    y = leaf(torch, [[1.0, 2.0], [3.0, 4.0]]) * 1
    first, second = y.unbind(0)
    twice = first * 2
    y.mul_(3)
    return [raises(lambda: first * 2, BASE_WRITTEN), raises(lambda: second.grad_fn, "Output 1 of Unbind is a view and its base"),
            first.detach(), second.tolist(), twice.grad_fn.name(), y[0].grad_fn is not None]
