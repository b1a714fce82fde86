"""What people build of custom functions: checkpoints, straight-through, reversal, NumPy inside, transforms of them."""

from __future__ import annotations

import numpy as np

from .functions import cube
from .harness import case, const, leaf, raises


@case(55)
def forward_derivative(torch):
    x, v = const(torch, [1.0, 2.0]), const(torch, [1.0, 10.0])
    out, tangent = torch.func.jvp(cube(torch).apply, (x,), (v,))
    return [out, tangent, torch.func.grad(lambda x: cube(torch).apply(x).sum())(x)]


@case(55)
def function_under_grad_and_vmap(torch):
    class Double(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = const(torch, [1.0, 2.0, 3.0])
    return [torch.func.vmap(Double.apply)(x), torch.func.vmap(torch.func.grad(lambda t: Double.apply(t) ** 2))(x)]


@case(55)
def function_without_setup_context_under_grad(torch):
    class Mine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    phrase = "In order to use an autograd.Function with functorch transforms .* it must override the setup_context"
    return raises(lambda: torch.func.grad(lambda x: Mine.apply(x))(const(torch, 1.0)), phrase)


@case(55)
def own_vmap_rule(torch):
    class Mine(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, g):
            return g * 2

        @staticmethod
        def vmap(info, in_dims, x):
            return x * 2 + info.batch_size, in_dims[0]

    return torch.func.vmap(Mine.apply)(const(torch, [1.0, 2.0, 3.0]))


@case(56)
def checkpoint_by_recomputation(torch):
    class Checkpoint(torch.autograd.Function):
        @staticmethod
        def forward(ctx, run, x):
            ctx.run = run
            ctx.save_for_backward(x)
            return run(x)

        @staticmethod
        def backward(ctx, g):
            x = ctx.saved_tensors[0].detach().requires_grad_()
            with torch.enable_grad():
                y = ctx.run(x)
            torch.autograd.backward(y, g)
            return None, x.grad

    x = leaf(torch, [0.5, 1.0])
    y = Checkpoint.apply(lambda t: t.exp() * t.sin(), x * 2)
    y.sum().backward()
    return [y.detach(), x.grad]


@case(56)
def checkpoint_by_grad_inside_backward(torch):
    class Checkpoint(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.exp().sin()

        @staticmethod
        def backward(ctx, g):
            x = ctx.saved_tensors[0].detach().requires_grad_()
            with torch.enable_grad():
                y = x.exp().sin()
            return torch.autograd.grad(y, x, g)[0]

    x = leaf(torch, [0.5, 1.0])
    Checkpoint.apply(x).sum().backward()
    return x.grad


@case(56)
def numpy_inside(torch):
    class Sine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.from_numpy(np.sin(x.detach().numpy()))

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * torch.from_numpy(np.cos(x.detach().numpy()))

    x = leaf(torch, [0.5, 1.0])
    y = Sine.apply(x * 2)
    y.sum().backward()
    return [y.detach(), x.grad, y.requires_grad]


@case(56)
def straight_through(torch):
    class Round(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.round()

        @staticmethod
        def backward(ctx, g):
            return g

    x, y = leaf(torch, [0.4, 1.6]), leaf(torch, [0.4, 1.6])
    (Round.apply(x) ** 2).sum().backward()
    ((y + (y.round() - y).detach()) ** 2).sum().backward()
    return [x.grad, y.grad]


@case(56)
def gradient_reversal(torch):
    class Reverse(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.scale = scale
            return x.view_as(x)

        @staticmethod
        def backward(ctx, g):
            return -ctx.scale * g, None

    x = leaf(torch, [1.0, 2.0])
    y = Reverse.apply(x, 0.5)
    (y**2).sum().backward()
    return [y.detach(), x.grad]


@case(56)
def gradient_clipping(torch):
    class Clip(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, limit):
            ctx.limit = limit
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g.clamp(-ctx.limit, ctx.limit), None

    x = leaf(torch, [1.0, 20.0])
    (Clip.apply(x, 3.0) ** 2).sum().backward()
    return x.grad


@case(56)
def reentrant_backward_inside_backward(torch):
    w = leaf(torch, 2.0)

    class Outer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 1

        @staticmethod
        def backward(ctx, g):
            with torch.enable_grad():
                (w * 3).backward()
            return g

    x = leaf(torch, [1.0])
    Outer.apply(x).sum().backward()
    return [x.grad, w.grad]


@case(56)
def implicit_function(torch):
    class Root(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            x = a.clone()
            for _ in range(30):
                x = x - (x**2 - a) / (2 * x)
            ctx.save_for_backward(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g / (2 * ctx.saved_tensors[0])

    a = leaf(torch, [2.0, 9.0])
    Root.apply(a).sum().backward()
    return [Root.apply(a).detach(), a.grad]


@case(56)
def operands_and_results_of_other_shapes(torch):
    class Outer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a[:, None] * b

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            return g @ b, a @ g

    a, b = leaf(torch, [1.0, 2.0]), leaf(torch, [3.0, 4.0, 5.0])
    (Outer.apply(a, b) ** 2).sum().backward()
    return [a.grad, b.grad]
