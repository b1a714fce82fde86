"""How functions may be called: names of arguments, out=, edges in place of Tensors, named parameters."""

from __future__ import annotations

from .harness import case, const, leaf, raises, warns

M = [[0.5, 2.0], [3.0, -1.0]]


@case(2)
def sequences_by_keyword(torch):
    m, x = const(torch, M), const(torch, [1.0, 2.0])
    return [
        m.reshape(shape=(4,)), m.view(size=(4,)), m.view(dtype=torch.float64), x.expand(size=(2, 2)), x.repeat(repeats=(2, 1)),
        m.permute(dims=(1, 0)), torch.permute(input=m, dims=[1, 0]), torch.reshape(m, shape=[4]), torch.reshape(input=m, shape=(4,)),
        m.flip(dims=(0,)), torch.tile(x, dims=(2,)), torch.broadcast_to(x, size=(2, 2)), m.split(split_size=1),
        m.split(split_size=[1, 1]), torch.split(tensor=m, split_size_or_sections=1),
    ]  # fmt: skip


@case(2)
def operands_by_keyword(torch):
    m, x = const(torch, M), const(torch, [1.0, 2.0])
    return [
        torch.add(input=x, other=x, alpha=2), torch.mul(x, other=3), torch.neg(input=x), x.mul(other=x), x.sub(other=x, alpha=3),
        x.clone().mul_(other=2), x.clone().add_(other=x, alpha=2), torch.mm(m, mat2=m), torch.mm(input=m, mat2=m),
        torch.addmm(input=m, mat1=m, mat2=m, beta=2), torch.mv(m, vec=x), torch.dot(x, tensor=x), torch.outer(x, vec2=x),
        torch.maximum(input=x, other=-x), torch.max(m, other=-m), torch.eq(input=x, other=x), x.lt(other=2), torch.matmul(input=m, other=x),
        torch.where(condition=x > 1, input=x, other=-x), torch.cat(tensors=[x, x], dim=0), torch.pow(input=x, exponent=2),
        torch.swapaxes(m, axis0=0, axis1=1), m.clone().swapaxes_(axis0=0, axis1=1), torch.tensordot(a=m, b=m, dims=1),
        m.clone().clamp_(min=0, max=1), m.clone().masked_fill_(mask=m > 1, value=7), torch.nn.functional.relu(input=m),
        torch.zeros(2).normal_(mean=3.0, std=0.0), torch.scatter_add(m, dim=0, index=torch.tensor([[1, 1]]), src=m),
        torch.gather(m, 0, torch.tensor([[1, 0]]), sparse_grad=False), torch.linalg.det(A=m), torch.special.entr(input=x),
    ]  # fmt: skip


@case(2)
def names_of_numpy(torch):
    m = const(torch, M)
    return [torch.sum(m, axis=0), m.sum(axis=0, keepdims=True), m.amax(axis=1), torch.amax(m, axis=1, keepdims=True), torch.argmax(m, axis=0),
            torch.std(m, axis=0), torch.cumsum(m, axis=0), torch.unsqueeze(m, axis=0).shape, m.softmax(axis=0), torch.add(x1=m, x2=m)]  # fmt: skip


@case(2)
def arguments_that_are_not_there(torch):
    x = const(torch, [1.0])
    return [
        raises(lambda: torch.exp(x, bogus=1), "unexpected keyword argument 'bogus'|takes no keyword"),
        raises(lambda: torch.exp(), "exp"), raises(lambda: torch.exp(x, x), "exp"), raises(lambda: torch.mul(x), "mul"),
        raises(lambda: x.exp(bogus=1), "exp"), raises(lambda: x.mul(), "mul"), raises(lambda: torch.relu(x, out=x), "out"),
        raises(lambda: torch.reshape(x, (1,), out=x), "out"), raises(lambda: x.add(x, out=x), "out"),
    ]  # fmt: skip


@case(5, 53)
def set_grad_enabled_by_keyword(torch):
    with torch.set_grad_enabled(mode=False):
        inside = torch.is_grad_enabled()
    return [inside, torch.is_grad_enabled()]


@case(2)
def einsum_with_numbers(torch):
    m, x = leaf(torch, M), leaf(torch, [1.0, 2.0])
    product = torch.einsum(m, [0, 1], x, [1], [0])
    return [
        product, torch.autograd.grad(product.sum(), [m, x]), torch.einsum(m, [0, 0]), torch.einsum(m, [1, 0]), torch.einsum(m, [30, 2]),
        torch.einsum(m, [..., 0], x, [0]), torch.einsum("ij,jk", [m, m]),
        raises(lambda: torch.einsum(m, [0, 52]), "not within the valid range"),
        raises(lambda: torch.einsum("ij"), "at least one operand"),
    ]  # fmt: skip


@case(2)
def out_takes_the_result(torch):
    m, x = const(torch, M), const(torch, [1.0, 2.0])
    out, wide = torch.zeros(2, dtype=torch.float64), torch.zeros(2, 2, dtype=torch.float64)
    found = [torch.add(x, x, out=out) is out, out.clone(), torch.mul(x, 3, out=out) is out, out.clone(), torch.exp(x, out=None)]
    torch.clamp(x, max=1.5, out=out)
    found += [
        out.clone(),
        torch.sum(m, 0, out=out),
        torch.mean(m, 1, out=out),
        torch.maximum(x, -x, out=out),
        torch.sub(x, out, out=out),
    ]
    found += [
        torch.mm(m, m, out=wide).clone(),
        torch.matmul(m, m, out=wide),
        torch.div(m, m, out=wide),
        torch.linalg.inv(m, out=wide),
    ]
    found += [
        torch.cat([x, x], out=torch.zeros(4, dtype=torch.float64)),
        torch.stack([x, x], out=wide),
        torch.outer(x, x, out=wide),
    ]
    found += [
        torch.cumsum(x, 0, out=torch.zeros(2, dtype=torch.int64)),
        torch.special.expit(x, out=out),
        torch.gather(x, 0, torch.tensor([1]), out=torch.zeros(1, dtype=torch.float64)),
    ]
    values, indices = torch.max(m, 0, out=(out, torch.zeros(2, dtype=torch.int64)))
    base = torch.zeros(3, 2)
    torch.add(x, x, out=base[1])
    return [found, values is out, indices, out, base, base._version, torch.eq(x, x, out=torch.zeros(2))]


@case(2)
def out_of_another_type_or_shape(torch):
    x = const(torch, [1.0, 2.0], "float32")
    small = torch.zeros(0)
    return [
        torch.add(x, x, out=torch.zeros(2, dtype=torch.float64)), torch.add(x, x, out=small), small,
        warns(lambda: torch.add(x, x, out=torch.zeros(3)), "An output with one or more elements was resized"),
        raises(lambda: torch.add(x, x, out=torch.zeros(2, dtype=torch.int64)), "result type Float can't be cast to the desired output type Long"),
        raises(lambda: torch.dot(x, x, out=torch.zeros((), dtype=torch.float64)), "dtype"),
        raises(lambda: torch.mm(x[:, None], x[None], out=torch.zeros(2, 2, dtype=torch.float64)), "Expected out tensor to have dtype float, but got double instead"),
        raises(lambda: torch.cat([x, x], out=torch.zeros(4, dtype=torch.int64)), "can't be cast to the desired output type Long"),
    ]  # fmt: skip


@case(2, 5)
def out_where_gradients_are_on(torch):
    x, plain = leaf(torch, [1.0, 2.0]), const(torch, [3.0, 4.0])
    refused = "functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad"
    found = [raises(lambda: torch.add(x, 1, out=plain), refused), raises(lambda: torch.add(plain, 1, out=x), refused),
             raises(lambda: torch.cat([x, x], out=torch.zeros(4, dtype=torch.float64)), refused)]  # fmt: skip
    y = x * plain
    with torch.no_grad():
        torch.add(x, 1, out=plain)
    return [found, plain, raises(y.sum().backward, "modified by an inplace operation")]


@case(11, 14)
def gradients_at_edges(torch):
    edge = torch.autograd.graph.get_gradient_edge
    grad = torch.autograd.grad

    def made():
        x = leaf(torch, [0.5, 1.0])
        y = x * 3
        z = y.exp()
        return x, y, z, z.sum()

    x, y, z, loss = made()
    found = [grad(loss, edge(y), retain_graph=True), grad(loss, [edge(x), y, edge(z)])]
    x, y, z, loss = made()
    found += [grad(edge(loss), x), raises(lambda: grad(edge(made()[2]), x), "only for scalar outputs")]
    x, y, z, loss = made()
    found += [grad([edge(z), y], edge(x), [torch.ones_like(z), torch.ones_like(y)])]
    x = leaf(torch, [2.0, 3.0])
    a, b = torch.unbind(x * 2)
    found += [edge(b).output_nr, grad(a * b, [edge(b), edge(a)])]
    x, y, z, loss = made()
    torch.autograd.backward(loss, inputs=edge(x))
    other = edge(leaf(torch, 1.0) * 2)
    unused = [raises(lambda: grad(made()[3], other), "The differentiated Tensor at index 0 appears to not have been used"),
              grad(made()[3], other, allow_unused=True),
              raises(lambda: grad(made()[3], [other], materialize_grads=True), "materialize_grads cannot be used when the given input is a GradientEdge")]  # fmt: skip
    return [found, x.grad, unused]


@case(11, 20)
def unused_inputs_by_number(torch):
    x, y = leaf(torch, 1.0), leaf(torch, 2.0)
    text = "The differentiated Tensor at index {} appears to not have been used in the graph. Set allow_unused=True if this is the desired"
    return [
        raises(lambda: torch.autograd.grad(x * 2, [y]), text.format(0)), raises(lambda: torch.autograd.grad(x * 2, [x, y]), text.format(1)),
        raises(lambda: torch.autograd.grad(x * 2, x * 3), text.format(0)),
        raises(lambda: torch.autograd.grad(x * 2, 3), "not iterable"), raises(lambda: torch.autograd.grad(x * 2, [3]), "have to be Tensors or GradientEdges"),
        torch.autograd.grad(x * 2, x, None, None, False, True, True), torch.autograd.grad(x * 2, [x], only_inputs=True),
        warns(lambda: torch.autograd.grad(x * 2, [x], only_inputs=False), "only_inputs argument is deprecated"),
    ]  # fmt: skip


@case(2)
def products_at_indices(torch):
    def product(x, s, index, dim, include_self):
        y = x.scatter_reduce(dim, index, s, "prod", include_self=include_self)
        first = torch.autograd.grad((y * y).sum(), [x, s], create_graph=True)
        return [y, first, torch.autograd.grad(sum(g.sum() for g in first), [x, s])]

    x, s = leaf(torch, [2.0, 3.0, 4.0]), leaf(torch, [5.0, 7.0, -1.0])
    m, t = leaf(torch, M), leaf(torch, [[1.5, 2.5]])
    index = torch.tensor([0, 0, 2])
    found = [product(x, s, index, 0, True), product(x, s, index, 0, False), product(m, t, torch.tensor([[1, 1]]), 0, True)]
    small = leaf(torch, [[1.5]])
    found += [product(m, small, torch.tensor([[1]]), 1, True), product(m, small, torch.tensor([[0]]), 0, False)]
    whole = torch.tensor([2, 3, 4])
    found += [whole.scatter_reduce(0, index, whole, "prod"), whole.scatter_reduce_(0, index, whole.clone(), reduce="prod")]
    return [
        found,
        raises(
            lambda: x.scatter_reduce(0, index, s, "bogus"),
            "reduce argument must be either sum, prod, mean, amax or amin, got bogus",
        ),
    ]


@case(2)
def scatter_with_reduce(torch):
    m, index = torch.ones(2, 2) * 2, torch.tensor([[0, 1], [0, 1]])
    source = torch.tensor([[3.0, 4.0], [5.0, 6.0]])
    x = leaf(torch, M, "float32")
    return [
        m.clone().scatter_(0, index, 3.0, reduce="add"), m.clone().scatter_(0, index, 3.0, reduce="multiply"),
        torch.scatter(m, 0, index, source, reduce="multiply"), torch.scatter(m, 1, index, source, reduce="add"),
        raises(lambda: m.scatter(0, index, source, reduce="bogus"), "reduce argument must be either add or multiply."),
        raises(lambda: x.scatter(0, index, 3.0, reduce="multiply").sum().backward(), "derivative for aten::scatter is not implemented"),
    ]  # fmt: skip


@case(2)
def named_parameters(torch):
    x, y = leaf(torch, [1.0, 2.0]), leaf(torch, [3.0])
    SGD = torch.optim.SGD
    optimizer = SGD([("w", x), ("b", y)], lr=0.5)
    ((x * x).sum() + y.sum()).backward()
    optimizer.step()
    groups = SGD([{"params": [("w", x)], "lr": 1.0}, {"params": [("b", y)]}], lr=0.5)
    fresh = SGD([("u", x), ("v", y)], lr=0.1)
    fresh.load_state_dict(optimizer.state_dict())
    names = [o.param_groups[0]["param_names"] for o in (optimizer, groups, fresh)]
    missing = "all optimizer params should be with/without names. Some param names are missing"
    apart = "all optimizer param groups should be with/without names"
    return [
        x, y, names, groups.param_groups[1]["param_names"], optimizer.state_dict()["param_groups"][0]["param_names"],
        raises(lambda: SGD([("w", x), y], lr=0.5), missing), raises(lambda: SGD([y, ("w", x)], lr=0.5), missing),
        raises(lambda: optimizer.add_param_group({"params": [leaf(torch, 1.0)]}), apart),
        raises(lambda: SGD([x]).add_param_group({"params": [("b", y)]}), apart), SGD({"w": x}.items(), lr=0.1).param_groups[0]["param_names"],
    ]  # fmt: skip


@case(75)
def places_types_and_out_of_what_has_no_derivative(torch):
    x = leaf(torch, [1.0, 3.0, 2.0])
    index, flags = torch.tensor(0), torch.empty(3, dtype=torch.bool)
    found = [torch.argmax(x, out=index), torch.gt(x, 2, out=flags), index, flags]
    with torch.no_grad():
        found.append(torch.exp(x, out=torch.empty(3, dtype=torch.float64)))
    one = torch.ones(2)
    found += [one.type("torch.LongTensor"), one.type(torch.DoubleTensor), one.type(), one.to("cpu", torch.float64),
              one.to(torch.device("cpu"), dtype=torch.int64), one.to(index)]  # fmt: skip
    return [
        *found,
        raises(lambda: torch.exp(x, out=torch.empty(3, dtype=torch.float64)), "don't support automatic differentiation"),
        raises(lambda: torch.exp(one, out=torch.ones(2, requires_grad=True)), "don't support automatic differentiation"),
        raises(lambda: one.to(foo=1), "to"),
        raises(lambda: torch.device("foo"), "device type at start of device string: foo"),
    ]
