"""Custom functions: forward, backward and what ctx offers."""

from __future__ import annotations

from .harness import case, const, graph_names, leaf, raises


def make(torch, forward, backward, name="Mine", **more):
    """Return a Function of two plain functions."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type(name, (torch.autograd.Function,), {**methods, **{k: staticmethod(v) for k, v in more.items()}})


def save(result):
    def forward(ctx, x, *rest):
        ctx.save_for_backward(x)
        return result(x, *rest)

    return forward


@case(47)
def square(torch):
    f = make(torch, save(lambda x: x**2), lambda ctx, g: 2 * ctx.saved_tensors[0] * g, "Square")
    x = leaf(torch, [1.0, 2.0, 3.0])
    y = f.apply(x)
    y.sum().backward()
    return [y.detach(), y.requires_grad, y.grad_fn.name(), type(y.grad_fn).__name__, graph_names(y.grad_fn), x.grad]


@case(47)
def result_and_attributes_on_ctx(torch):
    def forward(ctx, x, k):
        y = x.exp()
        ctx.save_for_backward(y)
        ctx.k = k
        return y * k

    f = make(torch, forward, lambda ctx, g: (g * ctx.saved_tensors[0] * ctx.k, None))
    x = leaf(torch, [0.0, 1.0])
    f.apply(x, 3).sum().backward()
    return x.grad


@case(47)
def non_tensor_arguments(torch):
    def forward(ctx, x, text, numbers, option=None):
        ctx.n = len(text) + sum(numbers)
        return x * ctx.n

    f = make(torch, forward, lambda ctx, g: (g * ctx.n, None, None, None))
    x = leaf(torch, [1.0, 2.0])
    f.apply(x, "abc", [1, 2], {"a": 1}).sum().backward()
    return x.grad


@case(47)
def composed_with_other_operations(torch):
    f = make(torch, save(lambda x: x.sin()), lambda ctx, g: g * ctx.saved_tensors[0].cos())
    x = leaf(torch, [0.5, 1.0])
    (f.apply(x * 2) * f.apply(x)).sum().backward()
    return x.grad


@case(47)
def result_without_grad(torch):
    f = make(torch, lambda ctx, x: x * 2, lambda ctx, g: g * 2)
    x = const(torch, [1.0])
    y = f.apply(x)
    with torch.no_grad():
        z = f.apply(leaf(torch, [1.0]))
    return [y, y.requires_grad, y.grad_fn, z.requires_grad]


@case(47)
def saved_tensors_keep_identity(torch):
    kept = []

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        kept.append([x is leaf_, x.requires_grad, x.grad_fn is None])
        return g

    leaf_ = leaf(torch, [1.0])
    make(torch, save(lambda x: x * 1), backward).apply(leaf_).sum().backward()
    return kept


@case(47)
def save_none_and_several(torch):
    def forward(ctx, x, y):
        ctx.save_for_backward(x, None, y)
        return x * y

    def backward(ctx, g):
        x, nothing, y = ctx.saved_tensors
        assert nothing is None
        return g * y, g * x

    x, y = leaf(torch, 2.0), leaf(torch, 3.0)
    make(torch, forward, backward).apply(x, y).backward()
    return [x.grad, y.grad]


@case(47)
def save_refuses_numbers(torch):
    def forward(ctx, x):
        ctx.save_for_backward(1.0)
        return x * 1

    x = leaf(torch, 1.0)
    return raises(lambda: make(torch, forward, lambda ctx, g: g).apply(x),
        "save_for_backward can only save variables, but argument 0 is of type float")


@case(48)
def needs_input_grad(torch):
    seen = []

    def backward(ctx, g):
        seen.append(list(ctx.needs_input_grad))
        return g, g, None

    f = make(torch, lambda ctx, x, y, k: x + y, backward)
    x, c = leaf(torch, 1.0), const(torch, 2.0)
    f.apply(x, c, 3).backward()
    f.apply(c, x, 3).backward()
    f.apply(x, x, 3).backward()
    return [seen, x.grad]


@case(48)
def needs_input_grad_in_forward(torch):
    seen = []

    def forward(ctx, x, y):
        seen.append(list(ctx.needs_input_grad))
        return x + y

    make(torch, forward, lambda ctx, g: (g, g)).apply(leaf(torch, 1.0), const(torch, 2.0))
    return seen


@case(48)
def none_gradients(torch):
    f = make(torch, lambda ctx, x, y: x * y, lambda ctx, g: (None, g * 2))
    x, y = leaf(torch, 1.0), leaf(torch, 2.0)
    f.apply(x, y).backward()
    return [x.grad, y.grad]


@case(48)
def none_for_the_only_input(torch):
    f = make(torch, lambda ctx, x: x * 1, lambda ctx, g: None)
    x = leaf(torch, [1.0, 2.0])
    f.apply(x * 2).sum().backward()
    return [x.grad, torch.autograd.grad(f.apply(x).sum(), x, allow_unused=True)]


@case(48)
def several_outputs(torch):
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y, x + y

    def backward(ctx, g, h):
        x, y = ctx.saved_tensors
        return g * y + h, g * x + h

    x, y = leaf(torch, [1.0, 2.0]), leaf(torch, [3.0, 4.0])
    p, s = make(torch, forward, backward).apply(x, y)
    (p * 2 + s * 10).sum().backward()
    return [p.detach(), s.detach(), p.grad_fn is s.grad_fn, p.output_nr, s.output_nr, x.grad, y.grad]


@case(48)
def outputs_that_are_not_tensors(torch):
    f = make(torch, lambda ctx, x: (x * 1, "text", None), lambda ctx, g, a, b: g * 5)
    x = leaf(torch, 2.0)
    y, text, nothing = f.apply(x)
    y.backward()
    return [text, nothing, x.grad]


@case(48)
def tuple_of_one(torch):
    f = make(torch, lambda ctx, x: (x * 2,), lambda ctx, g: g * 2)
    x = leaf(torch, 2.0)
    result = f.apply(x)
    result[0].backward()
    return [type(result).__name__, len(result), x.grad]


@case(49)
def modes_inside(torch):
    seen = []

    def forward(ctx, x):
        seen.append(["forward", torch.is_grad_enabled(), (x * 2).requires_grad, x.requires_grad])
        return x * 2

    def backward(ctx, g):
        seen.append(["backward", torch.is_grad_enabled()])
        return g * 2

    f = make(torch, forward, backward)
    x = leaf(torch, 1.0)
    f.apply(x).backward()
    torch.autograd.grad(f.apply(x), x, create_graph=True)
    return seen


@case(49)
def intermediate_results_of_forward_are_not_recorded(torch):
    seen = []

    def forward(ctx, x):
        y = x * 3
        seen.append([y.requires_grad, y.is_leaf])
        with torch.enable_grad():
            seen.append((x.detach().requires_grad_() * 2).requires_grad)
        return y + 1

    x = leaf(torch, 1.0)
    y = make(torch, forward, lambda ctx, g: g * 3).apply(x)
    return [seen, graph_names(y.grad_fn)]


@case(49, 52)
def backward_is_recorded_only_under_create_graph(torch):
    seen = []

    def backward(ctx, g):
        seen.append([g.requires_grad, (ctx.saved_tensors[0] * g).requires_grad])
        return 2 * ctx.saved_tensors[0] * g

    f = make(torch, save(lambda x: x**2), backward)
    x = leaf(torch, 2.0)
    f.apply(x).backward()
    (g,) = torch.autograd.grad(f.apply(x), x, create_graph=True)
    return [seen, x.grad, g.requires_grad]
