"""autograd.grad and derivatives of derivatives."""

from __future__ import annotations

import math

from .harness import case, const, leaf, raises

ROUNDING = "the order of the sums in the derivative is free"


@case(14)
def tuple_result(torch):
    x, y = leaf(torch, 2.0), leaf(torch, 3.0)
    z = x**2 * y
    return [torch.autograd.grad(z, x, retain_graph=True), torch.autograd.grad(z, [x, y], retain_graph=True), torch.autograd.grad([z], (y,)),
            x.grad, y.grad]


@case(14)
def several_outputs(torch):
    x = leaf(torch, [1.0, 2.0])
    return torch.autograd.grad([(x**2).sum(), (x**3).sum()], x)


@case(14)
def grad_outputs(torch):
    x = leaf(torch, [1.0, 2.0])
    v = const(torch, [1.0, 10.0])
    return [torch.autograd.grad(x**2, x, v), torch.autograd.grad([x**2, x.sum()], [x], grad_outputs=[v, None]),
            torch.autograd.grad(x**3, x, grad_outputs=(v,))]


@case(14)
def intermediates(torch):
    x = leaf(torch, 2.0)
    y = x**2
    z = y.exp() + y
    return [torch.autograd.grad(z, [y, x, z]), x.grad, y.retains_grad]


@case(14)
def same_tensor_as_input_and_output(torch):
    x = leaf(torch, 2.0)
    y = x * 3
    return [torch.autograd.grad(x, x), torch.autograd.grad(y, [y, y])]


@case(14)
def grad_leaves_accumulated_gradients_alone(torch):
    x = leaf(torch, 2.0)
    (x**2).backward()
    torch.autograd.grad(x**3, x)
    return x.grad


@case(14)
def errors(torch):
    x, c = leaf(torch, [1.0, 2.0]), const(torch, [1.0, 2.0])
    return [
        raises(lambda: torch.autograd.grad(x**2, x), "grad can be implicitly created only for scalar outputs"),
        raises(lambda: torch.autograd.grad(c.sum(), x), "element 0 of tensors does not require grad and does not have a grad_fn"),
        raises(lambda: torch.autograd.grad(x.sum(), c), "One of the differentiated Tensors does not require grad"),
        raises(lambda: torch.autograd.grad(x**2, x, const(torch, [1.0])), "Mismatch in shape"),
        raises(lambda: torch.autograd.grad(x.sum(), []), r"inputs. argument to .grad\(\).* cannot be empty"),
    ]


@case(15)
def unused_refused(torch):
    x, y = leaf(torch, 2.0), leaf(torch, 3.0)
    phrase = "ifferentiated Tensors? .*appears to not have been used in the graph. Set allow_unused=True"
    return [raises(lambda: torch.autograd.grad(x**2, [x, y]), phrase), raises(lambda: torch.autograd.grad(x**2, y), phrase)]


@case(15)
def allow_unused(torch):
    x, y = leaf(torch, 2.0), leaf(torch, [3.0, 4.0])
    return [torch.autograd.grad(x**2, [x, y], allow_unused=True), torch.autograd.grad(x**2, [y], allow_unused=True)]


@case(15)
def materialize_grads(torch):
    x, y = leaf(torch, 2.0), leaf(torch, [3.0, 4.0])
    result = torch.autograd.grad(x**2, [x, y], materialize_grads=True)
    phrase = "Expected allow_unused to be True or not passed when materialize_grads=True"
    again = raises(lambda: torch.autograd.grad(x**2, [y], allow_unused=False, materialize_grads=True), phrase)
    return [result, again]


@case(15)
def later_result_is_unused(torch):
    x = leaf(torch, 2.0)
    y, z = x**2, x**3
    return torch.autograd.grad(y, [x, z], allow_unused=True)


@case(16)
def batched(torch):
    x = leaf(torch, [1.0, 2.0, 3.0])
    y = x**2
    return torch.autograd.grad(y, x, torch.eye(3, dtype=torch.float64), is_grads_batched=True)


@case(16)
def batched_of_another_length(torch):
    x = leaf(torch, [1.0, 2.0])
    y = (x**2).sum()
    return torch.autograd.grad(y, x, const(torch, [1.0, 2.0, 3.0]), is_grads_batched=True)


@case(16)
def batched_shape_check(torch):
    x = leaf(torch, [1.0, 2.0])
    wrong = torch.ones(3, dtype=torch.float64)
    return raises(lambda: torch.autograd.grad(x**2, x, wrong, is_grads_batched=True),
        "If `is_grads_batched=True`, we interpret the first dimension")


@case(19)
def powers_to_the_fifth_order(torch):
    x = leaf(torch, 2.0)
    y, seen = x**5, []
    for _ in range(6):
        (y,) = torch.autograd.grad(y, x, create_graph=True)
        seen.append(y.detach())
        if not y.requires_grad:
            break
    return seen


@case(19)
def sine_to_the_eighth_order(torch):
    x = leaf(torch, 0.7)
    y, seen = x.sin(), []
    for _ in range(8):
        (y,) = torch.autograd.grad(y, x, create_graph=True)
        seen.append(y.item())
    return seen


@case(19)
def composite_third_order(torch):
    x = leaf(torch, [0.3, -0.4])
    y, seen = (x.tanh() * x.exp() / (1 + x**2)).sum(), []
    for _ in range(3):
        (g,) = torch.autograd.grad(y, x, create_graph=True)
        seen.append(g.detach())
        y = g.sum()
    return seen


@case(19)
def mixed_partials(torch):
    x, y = leaf(torch, 0.5), leaf(torch, 1.5)
    z = (x * y).sin() + x**2 * y**3
    gx, gy = torch.autograd.grad(z, [x, y], create_graph=True)
    xy = torch.autograd.grad(gx, y, retain_graph=True)
    yx = torch.autograd.grad(gy, x, retain_graph=True)
    xx = torch.autograd.grad(gx, x, create_graph=True)
    xxy = torch.autograd.grad(xx, y)
    return [xy, yx, xxy]


@case(19)
def backward_with_create_graph_twice(torch):
    x = leaf(torch, 2.0)
    (x**3).backward(create_graph=True)
    g = x.grad
    x.grad = None
    g.backward()
    return [g.detach(), x.grad]


@case(19)
def derivative_of_a_linear_function_has_no_graph(torch):
    x = leaf(torch, 2.0)
    (g,) = torch.autograd.grad(x * 3, x, create_graph=True)
    return [g.requires_grad, g.grad_fn is None, raises(lambda: torch.autograd.grad(g, x), "does not require grad")]


@case(19)
def derivatives_of_piecewise_linear_functions_have_a_graph(torch):
    found = []
    for f in (torch.relu, torch.abs):
        x = leaf(torch, [0.5, -2.0, 3.0])
        (g,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
        found.append([g.detach() + 0, g.requires_grad])
    return found


@case(19)
def without_create_graph_no_second(torch):
    x = leaf(torch, 2.0)
    (g,) = torch.autograd.grad(x**3, x)
    return [g.requires_grad, raises(lambda: torch.autograd.grad(g, x), "element 0 of tensors does not require grad")]


def second(torch, f, values):
    x = leaf(torch, values)
    y = f(x)
    (g,) = torch.autograd.grad(y.sum() if y.ndim else y, x, create_graph=True)
    weights = torch.arange(1.0, g.numel() + 1, dtype=torch.float64).reshape(g.shape)
    (h,) = torch.autograd.grad((g * weights).sum(), x)
    return [g.detach(), h]


@case(19, rtol=1e-12, why=ROUNDING)
def double_backward_of_matrices(torch):
    m = [[2.0, 0.5], [0.25, 3.0]]
    functions = (lambda x: x @ x, lambda x: (x @ x.t()).exp().sum(), lambda x: torch.linalg.inv(x), lambda x: torch.linalg.det(x),
                 lambda x: torch.linalg.solve(x, x.t()), lambda x: torch.einsum("ij,jk,ki->", x, x, x))
    return [second(torch, f, m) for f in functions]


@case(19, rtol=1e-12, why=ROUNDING)
def double_backward_of_reductions(torch):
    v = [0.5, 1.5, 2.5]
    functions = (lambda x: x.prod(), lambda x: x.var(), lambda x: x.std(), lambda x: x.norm(), lambda x: x.logsumexp(0),
        lambda x: x.softmax(0) ** 2,
                 lambda x: x.log_softmax(0) ** 2, lambda x: x.cumsum(0) ** 2, lambda x: x.cumprod(0), lambda x: x.max() ** 2,
                 lambda x: x.mean() ** 3)
    return [second(torch, f, v) for f in functions]


@case(19)
def double_backward_of_shapes(torch):
    v = [[0.5, 1.5], [2.5, 3.5]]
    functions = (lambda x: x.t() ** 3, lambda x: x[0] ** 3, lambda x: x[x > 1] ** 3, lambda x: torch.cat([x, x**2]) ** 2,
        lambda x: x.flip(0) ** 3,
                 lambda x: x.reshape(4)[::2] ** 3, lambda x: torch.where(x > 1, x**3, x**2), lambda x: x.clamp(1, 3) ** 3,
                 lambda x: x.sort(1).values.cumprod(1), lambda x: x.expand(2, 2, 2) ** 3, lambda x: x.roll(1) * x**2)
    return [second(torch, f, v) for f in functions]


@case(19)
def third_backward_through_in_place(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 1
    y *= x
    y[0] *= x[1]
    total, seen = y.sum(), []
    for _ in range(3):
        (g,) = torch.autograd.grad(total, x, create_graph=True)
        seen.append(g.detach())
        total = (g * g).sum()
    return seen


@case(20)
def gradient_penalty(torch):
    x, w = leaf(torch, [1.0, 2.0]), leaf(torch, [0.5, -0.3])
    out = (x * w).sum().tanh()
    (g,) = torch.autograd.grad(out, x, create_graph=True)
    penalty = (g.norm() - 1) ** 2
    (out + penalty).backward()
    return [penalty.detach(), x.grad, w.grad]


@case(20)
def inner_step_of_meta_learning(torch):
    w, x = leaf(torch, [0.5, -0.3]), const(torch, [1.0, 2.0])
    inner = ((w * x).sum() - 1) ** 2
    (g,) = torch.autograd.grad(inner, w, create_graph=True)
    fast = w - 0.1 * g
    outer = ((fast * x).sum() + 2) ** 2
    outer.backward()
    return [fast.detach(), w.grad]


@case(20)
def unrolled_optimisation(torch):
    lr, w = leaf(torch, 0.1), leaf(torch, 2.0)
    p = w
    for _ in range(4):
        (g,) = torch.autograd.grad((p**2) * 1.5, p, create_graph=True)
        p = p - lr * g
    p.backward()
    return [p.detach(), lr.grad, w.grad]


@case(20)
def hessian_vector_product(torch):
    x, v = leaf(torch, [1.0, 2.0, 3.0]), const(torch, [1.0, 0.0, -1.0])
    (g,) = torch.autograd.grad((x**3).sum() + x.prod(), x, create_graph=True)
    return [torch.autograd.grad(g, x, v, retain_graph=True), torch.autograd.grad((g * v).sum(), x)]


@case(20)
def jvp_by_two_vjps(torch):
    x, v = leaf(torch, [1.0, 2.0]), const(torch, [0.5, -1.0])
    y = torch.stack([x.prod(), x.sum().sin(), x[0].exp()])
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(y, x, w, create_graph=True)
    return torch.autograd.grad(g, w, v)


@case(20)
def full_hessian_by_rows(torch):
    x = leaf(torch, [1.0, 2.0, 0.5])
    (g,) = torch.autograd.grad(x.prod() * x.sum(), x, create_graph=True)
    return torch.stack([torch.autograd.grad(g[k], x, retain_graph=True)[0] for k in range(3)])


@case(20)
def physics_residual(torch):
    t = leaf(torch, [0.0, 0.5, 1.0])
    a = leaf(torch, 2.0)
    u = torch.sin(a * t)
    (du,) = torch.autograd.grad(u.sum(), t, create_graph=True)
    (ddu,) = torch.autograd.grad(du.sum(), t, create_graph=True)
    loss = ((ddu + 3.0 * u) ** 2).mean()
    loss.backward()
    return [loss.detach(), a.grad]


@case(20)
def newton_iteration(torch):
    x = leaf(torch, 2.0)
    for _ in range(6):
        y = x**3 - 2 * x - 5
        (g,) = torch.autograd.grad(y, x)
        x = (x - y / g).detach().requires_grad_()
    return [x.item(), math.isclose(x.item(), 2.0945514815423265)]


@case(20)
def second_derivative_left_in_grad(torch):
    x = leaf(torch, 2.0)
    y = x**4
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    g.backward()
    return x.grad


@case(20)
def graph_of_gradient_kept_in_part(torch):
    x, y = leaf(torch, 2.0), leaf(torch, 3.0)
    z = x**2 * y
    gx, gy = torch.autograd.grad(z, [x, y], create_graph=True)
    (gx + gy).backward()
    return [x.grad, y.grad, gx.grad_fn is not None]


@case(24)
def which_derivatives_require_gradients(torch):
    f = torch.nn.functional
    functions = [
        lambda x, w: (x * x + w * 3).sum(), lambda x, w: (w * 3).sum(), lambda x, w: (x.exp() + w).sum(), lambda x, w: x.max() + w.min(),
        lambda x, w: torch.cat([x, w * w]).sum(), lambda x, w: torch.where(x > 1, x, w * w).sum(), lambda x, w: (x.clamp(0, 1) * w.detach()).sum(),
        lambda x, w: (x * 2).sum() * w.sum(), lambda x, w: (x.relu() + w.abs()).sum(), lambda x, w: ((w * 2).relu() + x).sum(),
        lambda x, w: f.leaky_relu(x).sum() + f.hardtanh(w).sum(), lambda x, w: f.l1_loss(x, w), lambda x, w: (1 - x).clamp(min=0).sum() + w.sum(),
        lambda x, w: torch.maximum(x, w).sum(), lambda x, w: (x**1).sum() + (w**2).sum(), lambda x, w: x.sort()[0].sum() + w.cumsum(0).sum(),
        lambda x, w: x.masked_fill(x > 1, 0.0).sum() + w[[0, 1]].sum(), lambda x, w: (x.floor() + x).sum() + w.norm(1),
    ]  # fmt: skip
    found = []
    for function in functions:
        x, w = leaf(torch, [1.0, 2.0]), leaf(torch, [1.5, 0.5])
        gradients = torch.autograd.grad(function(x, w), [x, w], create_graph=True, allow_unused=True)
        found.append([None if g is None else [g.requires_grad, g] for g in gradients])
    return found
