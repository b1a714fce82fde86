"""Functions inside transforms and compiled functions: the author's backward, jvp and vmap are what counts there.

Every derivative here differs from that of the forward pass by a factor of its own, so that it shows which was used.
"""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import symgrad as sg

from ..parity.functions import cube

F = sg.autograd.Function
f = sg.func


Cube = cube(sg, backward=30, jvp=300)


class Exp(F):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.exp()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, g):
        return ctx.saved_tensors[0] * g * 2


class Two(F):
    generate_vmap_rule = True

    @staticmethod
    def forward(x, y, k):
        return x * y * k, x + y, 7

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs[:2])
        ctx.k = inputs[2]

    @staticmethod
    def backward(ctx, g, h, _):
        x, y = ctx.saved_tensors
        return g * y * ctx.k + h * 10, g * x * ctx.k + h * 10, None


class Old(F):
    @staticmethod
    def forward(ctx, x):
        y = x.sin()
        ctx.save_for_backward(x, y)
        ctx.factor = 5.0
        return y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * x.cos() * ctx.factor + 0 * y


class Sine(F):
    """Leaves the graph."""

    @staticmethod
    def forward(x):
        return sg.from_numpy(np.sin(x.detach().numpy()))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * sg.from_numpy(np.cos(x.detach().numpy()))


def vector(requires_grad=False):
    return sg.tensor([1.0, 2.0], dtype=sg.float64, requires_grad=requires_grad)


def number(value=2.0):
    return sg.tensor(value, dtype=sg.float64)


X = np.array([1.0, 2.0])


def close(found, expected):
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-12)


def test_reverse_mode_runs_backward():
    close(f.grad(Cube.apply)(number()), 120.0)
    close(f.grad(f.grad(Cube.apply))(number()), 120.0)  # of backward's operations
    close(f.jacrev(Exp.apply)(vector()), np.diag(2 * np.exp(X)))
    close(f.grad(f.grad(Exp.apply))(number()), 4 * np.exp(2.0))  # through the saved result: the Function again


def test_forward_mode_runs_jvp_or_transposes_backward():
    close(f.jvp(Cube.apply, (number(),), (number(),))[1], 2400.0)
    close(f.jacfwd(Exp.apply)(vector()), np.diag(2 * np.exp(X)))
    close(f.hessian(lambda x: Exp.apply(x).sum())(vector()), np.diag(4 * np.exp(X)))
    close(sg.taylor(Exp.apply, 2)(number()), np.exp(2.0) * np.array([1.0, 2.0, 2.0]))


def test_several_results_are_pulled_back_together():
    x = number()
    gradients = f.grad(lambda x, y: sum(Two.apply(x, y, 2.0)[:2]), argnums=(0, 1))(x, x + 1)
    close(gradients[0], 16.0)
    close(gradients[1], 14.0)
    calls = []

    class Counted(Two):
        @staticmethod
        def backward(ctx, g, h, _):
            calls.append((g, h))
            return Two.backward(ctx, g, h, _)

    def loss(x):
        a, b, _ = Counted.apply(x, x, 2.0)
        return a.sin() + b * a

    f.grad(loss)(x)
    assert len(calls) == 1


def test_results_that_have_no_gradient():
    class Marked(F):
        @staticmethod
        def forward(x):
            return x * 2, x * 3

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.mark_non_differentiable(output[1])
            ctx.set_materialize_grads(False)

        @staticmethod
        def backward(ctx, g, h):
            assert h is None
            return g * 5

    close(f.grad(lambda x: sum(Marked.apply(x)))(number()), 5.0)


def test_batched_by_the_generated_rule():
    close(f.vmap(Exp.apply)(vector()), np.exp(X))
    close(f.vmap(f.grad(Exp.apply))(vector()), 2 * np.exp(X))
    close(f.grad(lambda x: f.vmap(Exp.apply)(x).sum())(vector()), 2 * np.exp(X))
    # the second operand is shared by all slices: its cotangents are summed
    close(f.grad(lambda x: f.vmap(lambda a: Two.apply(a, x[0], 3.0)[0])(x).sum())(vector()), [12.0, 3.0])
    close(f.jacfwd(lambda x: f.vmap(Exp.apply)(x))(vector()), np.diag(2 * np.exp(X)))


def test_batched_by_the_author():
    class Mine(F):
        @staticmethod
        def forward(x, k):
            return x * k

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.k = inputs[1]

        @staticmethod
        def backward(ctx, g):
            return g * ctx.k, None

        @staticmethod
        def vmap(info, in_dims, x, k):
            assert in_dims == (0, None)
            return (x * k + info.batch_size).reshape(1, 2), 1

    close(f.vmap(lambda x: Mine.apply(x, 3.0))(vector()), [[5.0], [8.0]])
    with pytest.raises(RuntimeError, match="You tried to vmap over Cube, but it does not have vmap support"):
        f.vmap(Cube.apply)(vector())


def test_the_form_without_setup_context():
    with pytest.raises(RuntimeError, match="must override the setup_context"):
        f.grad(Old.apply)(number())
    with pytest.raises(RuntimeError, match="must override the setup_context"):
        f.vmap(Old.apply)(vector())
    close(sg.grad(Old.apply)(number()), 5 * np.cos(2.0))


def test_compiled():
    compiled = sg.compile(lambda x: Old.apply(x) * Exp.apply(x))
    x = vector(requires_grad=True)
    y = compiled(x)
    close(y.detach(), np.sin(X) * np.exp(X))
    (gradient,) = sg.autograd.grad(y.sum(), x, create_graph=True)
    close(gradient.detach(), 5 * np.cos(X) * np.exp(X) + 2 * np.sin(X) * np.exp(X))
    (second,) = sg.autograd.grad(gradient.sum(), x)
    expected = (-5 * np.sin(X) + 5 * np.cos(X) * 2) + (2 * np.sin(X) * 2 + 2 * np.cos(X) * 5)  # by the same rules again
    close(second, expected * np.exp(X))
    total = sg.compile(lambda x: Old.apply(x).sum())
    close(total.grad(vector()), 5 * np.cos(X))
    assert "sin" in total.c_source(vector())
    assert total.report(vector()).kernels == 1


def test_what_leaves_the_graph():
    close(f.grad(lambda x: Sine.apply(x).sum())(vector()), 2 * np.cos(X))
    x = vector(requires_grad=True)
    Sine.apply(x * 2).sum().backward()
    close(x.grad, 4 * np.cos(2 * X))
    with pytest.raises(sg.TraceError, match="does not exist while the function is traced"):
        sg.compile(Sine.apply)(vector())


def test_of_arrays():
    close(sg.compile(lambda x: Old.apply(x) * 2)(X), 2 * np.sin(X))
    close(sg.grad(lambda x: Old.apply(x).sum())(X), 5 * np.cos(X))
    assert str(sg.to_sympy(lambda x: Old.apply(x) * 2, [sg.TensorSpec()])) == "2*sin(x)"
    close(sg.compile(lambda x: sum(Two.apply(x, x, 2.0)[:2]).sum()).grad(X), 4 * X + 20)


def test_compiled_functions_do_not_pickle():
    compiled = sg.compile(Old.apply)
    compiled(vector())
    with pytest.raises(TypeError, match="derivatives in Python"):
        pickle.dumps(compiled)


def test_captured_leaf():
    w = sg.tensor(3.0, dtype=sg.float64, requires_grad=True)
    y = f.grad(lambda x: Cube.apply(x * w))(number())
    y.backward()
    close(w.grad, 30 * 3 * 9 * 4)


def test_in_place():
    class Triple(F):
        @staticmethod
        def forward(ctx, x):
            x.mul_(3)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 7

    def run(x):
        y = x * 1
        z = Triple.apply(y)
        assert z is y
        return (y * y).sum()

    close(sg.grad(run)(vector()), 2 * 3 * X * 7)


def test_once_differentiable():
    class Once(F):
        @staticmethod
        def forward(x):
            return x**2

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        @sg.autograd.function.once_differentiable
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    close(f.grad(Once.apply)(number()), 4.0)
    with pytest.raises(RuntimeError, match="trying to differentiate twice"):
        sg.grad(sg.grad(Once.apply))(number())
    close(f.grad(f.grad(Once.apply))(number()), 0.0)  # torch's: the tape ends there


def test_wrong_gradients():
    class Wrong(Exp):
        @staticmethod
        def backward(ctx, g):
            return g, g

    with pytest.raises(RuntimeError, match=r"returned an incorrect number of gradients \(expected 1, got 2\)"):
        f.grad(Wrong.apply)(number())
    assert sg.is_grad_enabled()
    close(f.grad(Exp.apply)(number()), 2 * np.exp(2.0))


def test_functions_in_functions():
    class Outer(F):
        @staticmethod
        def forward(x):
            return Exp.apply(x) + 1

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            return g * Exp.apply(ctx.saved_tensors[0]) * 3

    close(f.grad(Outer.apply)(number()), 3 * np.exp(2.0))
    close(f.grad(f.grad(Outer.apply))(number()), 6 * np.exp(2.0))
    x = vector(requires_grad=True)
    sg.compile(Outer.apply)(x).sum().backward()
    close(x.grad, 3 * np.exp(X))
