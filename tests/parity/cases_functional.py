"""autograd.functional: jacobian, hessian, vjp, jvp, hvp, vhp."""

from __future__ import annotations

from .harness import case, const, leaf, raises


def api(torch):
    return torch.autograd.functional


def cubes(x):
    return x**3


def mixed(x, y):
    return (x * y).sum() + (x**2).sum() * y.prod()


@case(61)
def jacobian(torch):
    x = const(torch, [1.0, 2.0, 3.0])
    return [api(torch).jacobian(cubes, x), api(torch).jacobian(lambda x: x.sum(), x), api(torch).jacobian(lambda x: x.reshape(3, 1) * x, x)]


@case(61)
def jacobian_of_several_inputs(torch):
    x, y = const(torch, [1.0, 2.0]), const(torch, 3.0)
    return [api(torch).jacobian(lambda x, y: x * y, (x, y)), api(torch).jacobian(lambda x: x * 2, (x,))]


@case(61)
def jacobian_of_several_outputs(torch):
    x, y = const(torch, [1.0, 2.0]), const(torch, [3.0, 4.0])
    one = api(torch).jacobian(lambda x: (x**2, x.sum()), x)
    two = api(torch).jacobian(lambda x, y: (x * y, y.sum()), (x, y))
    return [one, two, api(torch).jacobian(lambda x: (x**2,), x)]


@case(61)
def jacobian_of_matrices(torch):
    x = const(torch, [[1.0, 2.0], [3.0, 4.0]])
    return api(torch).jacobian(lambda x: x @ x, x)


@case(61)
def jacobian_leaves_the_input_alone(torch):
    x = leaf(torch, [1.0, 2.0])
    result = api(torch).jacobian(cubes, x)
    return [result, result.requires_grad, x.grad]


@case(61)
def jacobian_create_graph(torch):
    x = leaf(torch, [1.0, 2.0])
    result = api(torch).jacobian(cubes, x, create_graph=True)
    result.sum().backward()
    return [result.detach(), result.requires_grad, x.grad]


@case(61)
def jacobian_create_graph_of_a_constant_input(torch):
    result = api(torch).jacobian(cubes, const(torch, [1.0, 2.0]), create_graph=True)
    return [result.detach(), result.requires_grad]


@case(61)
def jacobian_vectorize(torch):
    x, y = const(torch, [1.0, 2.0]), const(torch, [3.0, 4.0])
    f = api(torch).jacobian
    return [f(cubes, x, vectorize=True), f(lambda x, y: (x * y, y.sum()), (x, y), vectorize=True),
        f(cubes, x, vectorize=True, strategy="forward-mode")]


@case(61)
def jacobian_strict(torch):
    x, y = const(torch, [1.0, 2.0]), const(torch, [3.0, 4.0])
    f = api(torch).jacobian
    return [
        f(cubes, x, strict=True),
        raises(lambda: f(lambda x: torch.ones(2), x, strict=True), "Output 0 of the user-provided function does not require gradients"),
        raises(lambda: f(lambda x, y: x * 2, (x, y), strict=True), "Output 0 of the user-provided function is independent of input 1"),
        raises(lambda: f(cubes, x, strict=True, vectorize=True), "`strict=True` and `vectorized=True` are not supported together"),
        f(lambda x, y: x * 2, (x, y)),
    ]


@case(61)
def jacobian_argument_errors(torch):
    x = const(torch, [1.0, 2.0])
    f = api(torch).jacobian
    return [
        raises(lambda: f(lambda x: x.tolist(), x),
        "The outputs of the user-provided function given to jacobian must be either a Tensor or a tuple of"),
        raises(lambda: f(cubes, 2.0), "The inputs given to jacobian must be either a Tensor or a tuple of Tensors"),
        raises(lambda: f(cubes, x, strategy="sideways"), 'Expected strategy to be either "forward-mode" or "reverse-mode"'),
        raises(lambda: f(cubes, x, strategy="forward-mode"), "only implemented for `vectorize=True`"),
    ]


@case(61)
def hessian(torch):
    x = const(torch, [1.0, 2.0, 3.0])
    f = api(torch).hessian
    return [f(lambda x: (x**3).sum(), x), f(lambda x: x.prod(), x), f(lambda x: x.sum(), x), f(lambda x: x**3, const(torch, 2.0))]


@case(61)
def hessian_of_several_inputs(torch):
    return api(torch).hessian(mixed, (const(torch, [1.0, 2.0]), const(torch, [3.0, 4.0])))


@case(61)
def hessian_of_a_matrix(torch):
    return api(torch).hessian(lambda x: torch.linalg.det(x), const(torch, [[1.0, 2.0], [3.0, 5.0]]))


@case(61)
def hessian_options(torch):
    x = leaf(torch, [1.0, 2.0])
    f = api(torch).hessian
    with_graph = f(lambda x: (x**4).sum(), x, create_graph=True)
    with_graph.sum().backward()
    return [with_graph.detach(), x.grad, f(lambda x: (x**4).sum(), x, vectorize=True),
            f(lambda x: (x**4).sum(), x.detach(), vectorize=True, outer_jacobian_strategy="forward-mode").detach()]


@case(61)
def hessian_errors(torch):
    x = const(torch, [1.0, 2.0])
    f = api(torch).hessian
    return [
        raises(lambda: f(cubes, x), "The Tensor returned by the function given to hessian should contain a single element"),
        raises(lambda: f(lambda x: (x.sum(), x.sum()), x), "The function given to hessian should return a single Tensor"),
        raises(lambda: f(lambda x: x.sum(), x, strict=True), "independent of the input. This is not allowed in strict mode"),
        raises(lambda: f(lambda x: x.sum().detach(), x, strict=True), "does not require gradients"),
    ]


@case(62)
def vjp(torch):
    x = const(torch, [1.0, 2.0])
    f = api(torch).vjp
    return [f(cubes, x, const(torch, [1.0, 10.0])), f(lambda x: x.prod(), x), f(lambda x: (x * 2, x.sum()), x, (x, const(torch, 1.0)))]


@case(62)
def vjp_of_several_inputs(torch):
    return api(torch).vjp(mixed, (const(torch, [1.0, 2.0]), const(torch, [3.0, 4.0])))


@case(62)
def vjp_options(torch):
    x, v = leaf(torch, [1.0, 2.0]), const(torch, [1.0, 1.0])
    out, g = api(torch).vjp(cubes, x, v, create_graph=True)
    g.sum().backward()
    return [out.requires_grad, g.detach(), x.grad, [t.requires_grad for t in api(torch).vjp(cubes, x, v)],
            api(torch).vjp(lambda x: torch.ones((), dtype=torch.float64), x)]


@case(62)
def vjp_errors(torch):
    x = const(torch, [1.0, 2.0])
    f = api(torch).vjp
    return [
        raises(lambda: f(cubes, x),
        "The vector v can only be None if the user-provided function returns a single Tensor with a single element"),
        raises(lambda: f(cubes, x, x[:1]),
        r"v has invalid size: should be torch.Size\(\[2\]\) but got torch.Size\(\[1\]\)|v has invalid size"),
        raises(lambda: f(lambda x: torch.ones(()), x, strict=True), "does not require gradients"),
        raises(lambda: f(cubes, x, (x, x)), "The given v should contain a single Tensor"),
        raises(lambda: f(lambda x: (x, x), x, x), "v is a tuple of invalid length: should be 2 but got 1"),
    ]


@case(62)
def jvp(torch):
    x = const(torch, [1.0, 2.0])
    f = api(torch).jvp
    return [f(cubes, x, const(torch, [1.0, 10.0])), f(lambda x: (x * 2, x.prod()), x, x), f(lambda x: x**2, const(torch, 3.0))]


@case(62)
def jvp_of_several_inputs(torch):
    x, y = const(torch, [1.0, 2.0]), const(torch, [3.0, 4.0])
    return [api(torch).jvp(mixed, (x, y), (y, x)), api(torch).jvp(lambda x, y: (x * y, y), (x, y), (x, x))]


@case(62)
def jvp_options(torch):
    x, v = leaf(torch, [1.0, 2.0]), const(torch, [1.0, 1.0])
    _, t = api(torch).jvp(cubes, x, v, create_graph=True)
    t.sum().backward()
    return [t.detach(), x.grad, [r.requires_grad for r in api(torch).jvp(cubes, x, v)],
            api(torch).jvp(lambda x: torch.ones(2, dtype=torch.float64), x, v)]


@case(62)
def jvp_errors(torch):
    x = const(torch, [1.0, 2.0])
    f = api(torch).jvp
    return [
        raises(lambda: f(cubes, x),
        "The vector v can only be None if the input to the user-provided function is a single Tensor with a single element"),
        raises(lambda: f(cubes, x, x[:1]), "v has invalid size"),
        raises(lambda: f(lambda x: torch.ones(2), x, x, strict=True), "does not require gradients"),
        raises(lambda: f(lambda x: x * 2, x, x, strict=True, create_graph=True),
        "The jacobian of the user-provided function is independent of input 0"),
    ]


@case(62)
def hvp(torch):
    x, v = const(torch, [1.0, 2.0]), const(torch, [1.0, -1.0])
    f = api(torch).hvp
    return [f(lambda x: (x**3).sum(), x, v), f(mixed, (x, v + 3), (v, x)), f(lambda x: x.sum(), x, v), f(lambda x: x**3, const(torch, 2.0))]


@case(62)
def vhp(torch):
    x, v = const(torch, [1.0, 2.0]), const(torch, [1.0, -1.0])
    f = api(torch).vhp
    return [f(lambda x: (x**3).sum(), x, v), f(mixed, (x, v + 3), (v, x)), f(lambda x: x.sum(), x, v), f(lambda x: x**3, const(torch, 2.0))]


@case(62)
def hvp_and_vhp_create_graph(torch):
    x, v = leaf(torch, [1.0, 2.0]), const(torch, [1.0, -1.0])
    found = []
    for f in (api(torch).hvp, api(torch).vhp):
        _, product = f(lambda x: (x**4).sum(), x, v, create_graph=True)
        found.append([product.detach(), torch.autograd.grad(product.sum(), x)])
    return found


@case(62)
def hvp_and_vhp_errors(torch):
    x = const(torch, [1.0, 2.0])
    hvp, vhp = api(torch).hvp, api(torch).vhp
    phrase = "independent of the input. This is not allowed in strict mode"
    return [
        raises(lambda: hvp(cubes, x, x), "The Tensor returned by the function given to hvp should contain a single element"),
        raises(lambda: vhp(cubes, x, x), "The Tensor returned by the function given to vhp should contain a single element"),
        raises(lambda: vhp(lambda x: (x.sum(), x.sum()), x, x), "The function given to vhp should return a single Tensor"),
        raises(lambda: vhp(lambda x: x.sum(), x),
        "The vector v can only be None if the input to the user-provided function is a single Tensor"),
        raises(lambda: hvp(lambda x: x.sum(), x, x, strict=True), phrase),
        raises(lambda: vhp(lambda x: x.sum(), x, x, strict=True), phrase),
    ]
