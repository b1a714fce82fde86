"""Custom functions: outputs, wrong gradients, double backward, dirty inputs, the setup_context form."""

from __future__ import annotations

import gc
import weakref

from .cases_function import make, save
from .harness import case, const, leaf, raises


@case(50)
def non_differentiable_output(torch):
    def forward(ctx, x):
        values, index = x.sort()
        ctx.mark_non_differentiable(index)
        ctx.save_for_backward(index)
        return values, index

    def backward(ctx, g, _):
        (index,) = ctx.saved_tensors
        return torch.zeros_like(g).index_add(0, index, g)

    x = leaf(torch, [3.0, 1.0, 2.0])
    values, index = make(torch, forward, backward).apply(x)
    (values * const(torch, [1.0, 2.0, 3.0])).sum().backward()
    return [values.detach(), index, index.requires_grad, x.grad]


@case(50)
def floating_output_marked(torch):
    def forward(ctx, x):
        a, b = x * 2, x * 3
        ctx.mark_non_differentiable(b)
        return a, b

    seen = []
    f = make(torch, forward, lambda ctx, g, h: seen.append(h) or g * 2)
    x = leaf(torch, [1.0, 2.0])
    a, b = f.apply(x)
    a.sum().backward()
    return [a.requires_grad, b.requires_grad, b, seen, x.grad]


@case(50)
def zeros_for_unused_outputs(torch):
    seen = []
    f = make(torch, lambda ctx, x: (x * 2, x * 3), lambda ctx, g, h: seen.append([g, h]) or g * 2 + h * 3)
    x = leaf(torch, [1.0, 2.0])
    f.apply(x)[0].sum().backward()
    return [seen, x.grad]


@case(50)
def set_materialize_grads(torch):
    seen = []

    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    def backward(ctx, g, h):
        seen.append([g is None, h is None])
        return h * 3

    x = leaf(torch, [1.0, 2.0])
    make(torch, forward, backward).apply(x)[1].sum().backward()
    return [seen, x.grad]


@case(51)
def wrong_number(torch):
    x = leaf(torch, [1.0, 2.0])
    one = make(torch, lambda ctx, a, b: a * b, lambda ctx, g: g)
    two = make(torch, lambda ctx, a: a * 1, lambda ctx, g: (g, g))
    none = make(torch, lambda ctx, a: a * 1, lambda ctx, g: (g, None))
    found = [raises(one.apply(x, x).sum().backward,
        r"function MineBackward returned an incorrect number of gradients \(expected 2, got 1\)"),
             raises(two.apply(x).sum().backward, r"function MineBackward returned an incorrect number of gradients \(expected 1, got 2\)")]
    none.apply(x).sum().backward()
    return [found, x.grad]


@case(51)
def wrong_shape(torch):
    x = leaf(torch, [1.0, 2.0])
    f = make(torch, lambda ctx, a: a * 1, lambda ctx, g: g[:1])
    phrase = r"Function MineBackward returned an invalid gradient at index 0 - got \[1\] but expected shape compatible with \[2\]"
    return [raises(f.apply(x).sum().backward, phrase), x.grad]


@case(51)
def wrong_shape_that_can_be_summed(torch):
    x = leaf(torch, [1.0, 2.0])
    f = make(torch, lambda ctx, a: a * 1, lambda ctx, g: torch.ones(3, 2, dtype=torch.float64))
    f.apply(x).sum().backward()
    return x.grad


@case(51)
def wrong_type_and_dtype(torch):
    x = leaf(torch, [1.0, 2.0])
    number = make(torch, lambda ctx, a: a * 1, lambda ctx, g: 1.0)
    single = make(torch, lambda ctx, a: a * 1, lambda ctx, g: g.float() * 3)
    found = raises(number.apply(x).sum().backward, r"expected Variable or None \(got float\)")
    single.apply(x).sum().backward()
    return [found, x.grad]


@case(51)
def missing_methods(torch):
    x = leaf(torch, [1.0, 2.0])
    no_backward = type("NoBackward", (torch.autograd.Function,), {"forward": staticmethod(lambda ctx, a: a * 1)})
    nothing = type("Nothing", (torch.autograd.Function,), {})
    return [raises(no_backward.apply(x).sum().backward,
        "You must implement either the backward or vjp method for your custom autograd.Function"),
            raises(lambda: nothing.apply(x), "You must implement the forward function for custom autograd.Function")]


@case(51)
def exceptions_pass_through(torch):
    def fail(ctx, *_):
        raise ZeroDivisionError("mine")

    x, z = leaf(torch, [1.0, 2.0]), leaf(torch, 2.0)
    f, g = make(torch, lambda ctx, a: a * 1, fail), make(torch, fail, lambda ctx, g: g)
    found = []
    for call in (lambda: (f.apply(x).sum() + z).backward(), lambda: g.apply(x)):
        try:
            call()
        except ZeroDivisionError as error:
            found.append(str(error))
    (x * 2).sum().backward()
    return [found, x.grad, torch.is_grad_enabled()]


@case(51)
def called_instead_of_applied(torch):
    f = make(torch, lambda ctx, a: a * 1, lambda ctx, g: g)
    return raises(lambda: f()(leaf(torch, 1.0)), "Legacy autograd function with non-static forward method is deprecated")


@case(52)
def double_backward(torch):
    f = make(torch, save(lambda x: x**3), lambda ctx, g: 3 * ctx.saved_tensors[0] ** 2 * g)
    x = leaf(torch, [1.0, 2.0])
    (g,) = torch.autograd.grad(f.apply(x).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x, create_graph=True)
    (t,) = torch.autograd.grad(h.sum(), x)
    return [g.detach(), h.detach(), t]


@case(52)
def double_backward_of_a_function_in_a_function(torch):
    inner = make(torch, save(lambda x: x.sin()), lambda ctx, g: g * ctx.saved_tensors[0].cos(), "Inner")
    outer = make(torch, save(lambda x: -x.cos()), lambda ctx, g: g * inner.apply(ctx.saved_tensors[0]), "Outer")
    x = leaf(torch, 0.7)
    (g,) = torch.autograd.grad(outer.apply(x), x, create_graph=True)
    (h,) = torch.autograd.grad(g, x)
    return [g.detach(), h]


@case(52)
def once_differentiable(torch):
    from_module = torch.autograd.function.once_differentiable
    f = make(torch, save(lambda x: x**2), from_module(lambda ctx, g: 2 * g * ctx.saved_tensors[0]))
    x = leaf(torch, [1.0, 2.0])
    f.apply(x).sum().backward()
    y = f.apply(x).sum()
    (g,) = torch.autograd.grad(y * x.sum(), x, create_graph=True)
    return [x.grad, g.detach(), raises(g.sum().backward,
                                       "trying to differentiate twice a function that was marked with @once_differentiable")]


@case(53)
def mark_dirty(torch):
    def forward(ctx, x):
        x.mul_(3)
        ctx.mark_dirty(x)
        return x

    f = make(torch, forward, lambda ctx, g: g * 3)
    x = leaf(torch, [1.0, 2.0])
    y = x * 1
    z = f.apply(y)
    z.sum().backward()
    return [z is y, y.detach(), y.grad_fn.name(), y._version, x.grad, raises(lambda: f.apply(leaf(torch, 1.0)),
        "a leaf Variable that requires grad")]


@case(53)
def mark_dirty_and_not_returned(torch):
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x * 1

    f = make(torch, forward, lambda ctx, g: g)
    return raises(lambda: f.apply(leaf(torch, 1.0) * 1),
        "Some elements marked as dirty during the forward method were not returned as output")


@case(53)
def returning_an_input(torch):
    f = make(torch, lambda ctx, x: x, lambda ctx, g: g * 7)
    x = leaf(torch, [1.0, 2.0])
    y = f.apply(x)
    y.sum().backward()
    return [y is x, y.is_leaf, y.grad_fn.name(), x.grad]


@case(53, 23)
def version_check_of_saved_tensors(torch):
    f = make(torch, save(lambda x: x * 1), lambda ctx, g: g * ctx.saved_tensors[0])
    x = leaf(torch, [1.0, 2.0])
    a = x * 1
    y = f.apply(a)
    a.add_(1)
    return raises(y.sum().backward, "one of the variables needed for gradient computation has been modified by an inplace operation")


@case(53)
def freed_saved_tensors(torch):
    f = make(torch, save(lambda x: x * 1), lambda ctx, g: g * ctx.saved_tensors[0])
    x = leaf(torch, [1.0, 2.0])
    y = f.apply(x).sum()
    y.backward()
    return [raises(y.backward, "Trying to backward through the graph a second time"), x.grad]


@case(53, 17)
def nothing_saved_may_run_twice(torch):
    f = make(torch, lambda ctx, x: x * 2, lambda ctx, g: g * 2)
    x = leaf(torch, [1.0, 2.0])
    y = f.apply(x).sum()
    y.backward()
    y.backward()
    return x.grad


@case(54)
def setup_context(torch):
    class Mine(torch.autograd.Function):
        @staticmethod
        def forward(x, k):
            return x**k

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, ctx.k = inputs
            ctx.save_for_backward(x, output)

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * ctx.k * y / x, None

    x = leaf(torch, [1.0, 2.0])
    Mine.apply(x, 3).sum().backward()
    (g,) = torch.autograd.grad(Mine.apply(x, 3).sum(), x, create_graph=True)
    return [x.grad, torch.autograd.grad(g.sum(), x)]


@case(54)
def vjp_is_another_name_of_backward(torch):
    class Mine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def vjp(ctx, g):
            return g * 2

    x = leaf(torch, 1.0)
    Mine.apply(x).backward()
    return x.grad


@case(54)
def keywords_refused(torch):
    f = make(torch, lambda ctx, x: x * 2, lambda ctx, g: g * 2)
    return raises(lambda: f.apply(leaf(torch, 1.0), k=1), "keyword argument")


@case(57)
def ctx_released(torch):
    class Token:
        pass

    made = []

    def forward(ctx, x):
        ctx.token = Token()
        made.append(weakref.ref(ctx.token))
        return x * 2

    y = make(torch, forward, lambda ctx, g: g * 2).apply(leaf(torch, 1.0))
    seen = [made[0]() is not None]
    y.backward()
    seen.append(made[0]() is not None)
    del y
    gc.collect()
    return [*seen, made[0]() is None]


@case(56)
def results_that_are_no_tensors_have_numbers_too(torch):
    seen = []

    class Several(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 3, x * 2, "text", x * 3

        @staticmethod
        def backward(ctx, *g):
            seen.extend([len(g), g[0], g[1], g[2], g[3]])
            return g[1] * 2 + g[3] * 3

    x = leaf(torch, [1.0, 2.0])
    number, a, text, b = Several.apply(x)
    y = a * b
    seen.extend([number, text, [k for _, k in y.grad_fn.next_functions]])
    b.register_hook(lambda g: seen.append(g))
    b.grad_fn.register_prehook(lambda g: seen.append([len(g), g[1], g[3]]))
    b.grad_fn.register_hook(lambda passed, arrived: seen.append([len(passed), len(arrived)]))
    y.sum().backward()
    a, b = Several.apply(x)[1::2]
    b.sum().backward()
    return [x.grad, *seen]
