"""Functions that more than one test needs."""

from __future__ import annotations


def cube(torch, backward=3.0, jvp=3.0):
    """Return a Function of x**3 whose derivatives have the given factors, which show which of them was used."""

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x**3

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx, g):
            return backward * ctx.saved_tensors[0] ** 2 * g

        @staticmethod
        def jvp(ctx, t):
            return jvp * ctx.saved_tensors[0] ** 2 * t

    return Cube
