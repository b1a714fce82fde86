"""torch.func: grad, grad_and_value, vjp, jvp, jacrev, jacfwd, hessian, vmap, and forward mode."""

from __future__ import annotations

from .harness import case, const, leaf, raises


def total(x):
    return (x**3).sum()


@case(63)
def grad(torch):
    f = torch.func
    x = const(torch, [1.0, 2.0])
    return [f.grad(total)(x), f.grad(lambda x: x.sin())(const(torch, 0.5)), f.grad(lambda x, y: (x * y).sum(), argnums=1)(x, x + 1),
            f.grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(x, x + 1), f.grad(lambda x, k=2: total(x) * k)(x, k=3)]


@case(63)
def grad_with_aux(torch):
    x = const(torch, [1.0, 2.0])
    return [torch.func.grad(lambda x: (total(x), x * 2), has_aux=True)(x),
        torch.func.grad(lambda x: (total(x), {"a": x, "b": [x]}), has_aux=True)(x)]


@case(63)
def grad_nested(torch):
    f = torch.func
    x = const(torch, 2.0)
    return [f.grad(f.grad(lambda x: x**4))(x), f.grad(f.grad(f.grad(lambda x: x**4)))(x),
            f.grad(lambda x: x * f.grad(lambda y: x * y**2)(x))(x)]


@case(63)
def grad_of_leaves_keeps_the_outer_graph(torch):
    x = leaf(torch, 2.0)
    y = torch.func.grad(lambda t: t**3)(x)
    y.backward()
    return [y.detach(), y.requires_grad, x.grad]


@case(63)
def grad_with_captured_leaf(torch):
    w = leaf(torch, 3.0)
    y = torch.func.grad(lambda t: w * t**2)(const(torch, 2.0))
    y.backward()
    return [y.detach(), w.grad]


@case(63)
def grad_errors(torch):
    x = const(torch, [1.0, 2.0])
    f = torch.func.grad
    return [
        raises(lambda: f(lambda x: x * 2)(x), r"Expected f\(\*args\) to return a scalar Tensor, got tensor with 1 dims"),
        raises(lambda: f(lambda x: 1.0)(x), r"Expected f\(\*args\) to return a Tensor, got <class .float.>"),
        raises(lambda: f(lambda x: (total(x), x))(x), "Expected"),
        raises(lambda: f(total, argnums=1)(x), "argnum"),
        raises(lambda: f(total)(torch.tensor([1, 2])), "floating|must be float"),
    ]


@case(63)
def grad_of_structures(torch):
    args = {"w": const(torch, [1.0, 2.0]), "b": [const(torch, 3.0), const(torch, 4.0)]}
    return torch.func.grad(lambda p: (p["w"] * p["b"][0]).sum() + p["b"][1] ** 2)(args)


@case(63)
def unused_argument_gets_zeros(torch):
    x, y = const(torch, 2.0), const(torch, [1.0, 2.0])
    return torch.func.grad(lambda x, y: x**2, argnums=(0, 1))(x, y)


@case(63)
def grad_and_value(torch):
    x = const(torch, [1.0, 2.0])
    return [torch.func.grad_and_value(total)(x), torch.func.grad_and_value(lambda x: (total(x), x), has_aux=True)(x)]


@case(63)
def vjp(torch):
    x = const(torch, [1.0, 2.0])
    out, pull = torch.func.vjp(lambda x: x**2, x)
    two, pull_two = torch.func.vjp(lambda x, y: (x * y, x.sum()), x, x + 1)
    _, pull_aux, aux = torch.func.vjp(lambda x: (x**2, x + 1), x, has_aux=True)
    return [out, pull(x), pull(torch.ones_like(x)), two, pull_two((x, const(torch, 1.0))), pull_aux(x), aux]


@case(63)
def jvp(torch):
    x, v = const(torch, [1.0, 2.0]), const(torch, [1.0, 10.0])
    f = torch.func.jvp
    return [f(lambda x: x**2, (x,), (v,)), f(lambda x, y: x * y, (x, v), (v, x)), f(lambda x: (x, x.sum()), (x,), (v,)),
            f(lambda x: (x**2, x + 1), (x,), (v,), has_aux=True)]


@case(63)
def jvp_errors(torch):
    x = const(torch, [1.0, 2.0])
    return [raises(lambda: torch.func.jvp(total, (x,), (x, x)), "primals|tangents"),
        raises(lambda: torch.func.jvp(total, x, (x,)), "tuple")]


@case(63)
def jacrev_and_jacfwd(torch):
    x, y = const(torch, [1.0, 2.0]), const(torch, 3.0)
    found = []
    for f in (torch.func.jacrev, torch.func.jacfwd):
        found.append([f(lambda x: x**3)(x), f(lambda x, y: x * y, argnums=1)(x, y), f(lambda x, y: x * y, argnums=(0, 1))(x, y),
                      f(lambda x: (x**2, x.sum()))(x), f(lambda x: {"a": x * 2})(x), f(lambda x: (x**2, x), has_aux=True)(x)])
    return found


@case(63)
def hessian(torch):
    x = const(torch, [1.0, 2.0])
    return [torch.func.hessian(lambda x: x.prod() * x.sum())(x), torch.func.hessian(lambda x, y: (x * y).sum() ** 2, argnums=(0, 1))(x,
        x + 1),
            torch.func.hessian(lambda x: x**3)(x)]


@case(63)
def compositions(torch):
    f = torch.func
    x = const(torch, [1.0, 2.0])
    return [f.jacfwd(f.jacrev(total))(x), f.jacrev(f.jacfwd(total))(x), f.jacrev(f.grad(total))(x), f.jvp(f.grad(total), (x,), (x,)),
            f.jacfwd(lambda x: f.vjp(lambda t: t**2, x)[1](x)[0])(x)]


@case(64)
def vmap(torch):
    x, y = const(torch, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), const(torch, [10.0, 20.0])
    v = torch.func.vmap
    return [v(lambda r: r.sum())(x), v(torch.dot, in_dims=(0, None))(x, y), v(lambda c: c.sum(), in_dims=1)(x),
        v(lambda r: r * 2, out_dims=1)(x),
            v(lambda a, b: a * b, in_dims=(0, 0))(x, x), v(lambda r: (r.sum(), r))(x), torch.vmap(lambda r: r.max())(x)]


@case(64)
def vmap_nested(torch):
    x, y = const(torch, [1.0, 2.0]), const(torch, [3.0, 4.0, 5.0])
    v = torch.func.vmap
    return [v(v(lambda a, b: a * b, in_dims=(None, 0)), in_dims=(0, None))(x, y), v(v(lambda a: a**2))(x[None] * y[:, None])]


@case(64)
def vmap_of_constant_results_and_indexing(torch):
    x = const(torch, [[1.0, 2.0], [3.0, 4.0]])
    v = torch.func.vmap
    return [v(lambda r: torch.ones(2))(x), v(lambda r: r[0])(x), v(lambda r: r[None, :])(x), v(lambda r: torch.where(r > 2, r, -r))(x),
            v(lambda r: r.softmax(0))(x), v(lambda r: r.reshape(2, 1) @ r.reshape(1, 2))(x)]


@case(64)
def vmap_errors(torch):
    x, y = const(torch, [1.0, 2.0]), const(torch, [1.0, 2.0, 3.0])
    v = torch.func.vmap
    return [
        raises(lambda: v(lambda a, b: a * b)(x, y), "Expected all tensors to have the same size in the mapped dimension"),
        raises(lambda: v(lambda a: a, in_dims=2)(x), "in_dim"),
        raises(lambda: v(lambda a: a, in_dims=None)(x), "in_dims"),
        raises(lambda: v(lambda a: a)(2.0), "input|at least one Tensor"),
        raises(lambda: v(lambda a: a.item())(x), r"\.item\(\)|vmap"),
    ]


@case(64)
def per_sample_gradients(torch):
    w = const(torch, [0.5, -1.0])
    x, t = const(torch, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), const(torch, [1.0, 0.0, -1.0])

    def loss(w, x, t):
        return ((w * x).sum() - t) ** 2

    return torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(w, x, t)


@case(64)
def dict_inputs(torch):
    p = {"w": const(torch, [1.0, 2.0]), "b": const(torch, 3.0)}
    x = const(torch, [[1.0, 2.0], [3.0, 4.0]])

    def f(p, x):
        return ((p["w"] * x).sum() + p["b"]) ** 2

    v = torch.func.vmap
    return [v(torch.func.grad(f), in_dims=(None, 0))(p, x), v(lambda d: d["a"] * 2)({"a": x}),
        v(lambda d: {"out": d["a"].sum()}, in_dims=({"a": 0},))({"a": x})]


@case(64)
def vmap_of_leaves(torch):
    x = leaf(torch, [[1.0, 2.0], [3.0, 4.0]])
    y = torch.func.vmap(lambda r: r.prod())(x)
    y.sum().backward()
    return [y.detach(), x.grad]


@case(64)
def batched_jacobian(torch):
    x = const(torch, [[1.0, 2.0], [3.0, 4.0]])
    return [torch.func.vmap(torch.func.jacrev(lambda r: r**2))(x), torch.func.vmap(torch.func.hessian(lambda r: r.prod()))(x)]


@case(64)
def chunked(torch):
    x = const(torch, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    return torch.func.vmap(lambda r: r.sum(), chunk_size=2)(x)


@case(65)
def dual_numbers(torch):
    fwd = torch.autograd.forward_ad
    x, v = const(torch, [1.0, 2.0]), const(torch, [1.0, 10.0])
    with fwd.dual_level():
        dual = fwd.make_dual(x, v)
        out = fwd.unpack_dual(dual**2 * dual.sin())
        plain = fwd.unpack_dual(x)
        return [out.primal, out.tangent, plain.tangent]


@case(65)
def dual_numbers_need_a_level(torch):
    fwd = torch.autograd.forward_ad
    x = const(torch, [1.0])
    return raises(lambda: fwd.make_dual(x, x), "Trying to create a dual Tensor for forward AD but no level exists")


@case(65)
def dual_numbers_check_the_tangent(torch):
    fwd = torch.autograd.forward_ad
    x = const(torch, [1.0, 2.0])
    with fwd.dual_level():
        return raises(lambda: fwd.make_dual(x, x[:1]), "size|shape")


@case(65)
def linearize(torch):
    x, v = const(torch, [1.0, 2.0]), const(torch, [1.0, 10.0])
    out, push = torch.func.linearize(lambda x: x**2 * x.sum(), x)
    return [out, push(v), push(v * 2)]
