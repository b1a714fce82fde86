"""Leaves, requires_grad and its propagation, grad_fn and the graph behind it."""

from __future__ import annotations

import copy

from .harness import case, const, graph_names, leaf, raises


def flags(x):
    return [x.requires_grad, x.is_leaf, x.grad is None, x.grad_fn is None]


@case(1)
def tensor_keyword(torch):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = torch.tensor([1.0, 2.0])
    return [flags(x), flags(y), x.dtype, x]


@case(1)
def factories(torch):
    return [
        torch.zeros(2, requires_grad=True), torch.ones(2, 3, requires_grad=True), torch.full((2,), 0.5, requires_grad=True),
        torch.arange(3.0, requires_grad=True), torch.eye(2, requires_grad=True), torch.linspace(0, 1, 3, requires_grad=True),
        torch.empty(2, 0, requires_grad=True), torch.rand(0, requires_grad=True), torch.randn(0, 2, requires_grad=True),
    ]


@case(1)
def like_factories(torch):
    x = const(torch, [1.0, 2.0])
    made = [torch.zeros_like(x, requires_grad=True), torch.ones_like(x, requires_grad=True),
            torch.full_like(x, 3.0, requires_grad=True), torch.empty_like(x, requires_grad=True) * 0 == 1]
    return [*made, torch.zeros_like(x, dtype=torch.float32), torch.rand_like(x, requires_grad=True).shape]


@case(1)
def like_factories_do_not_inherit(torch):
    x = leaf(torch, [1.0, 2.0])
    return [torch.zeros_like(x), torch.ones_like(x), torch.full_like(x, 2.0), x.new_zeros(2), x.new_ones(1, 2), x.new_tensor([3.0])]


@case(1)
def factory_gradients(torch):
    x = torch.ones(2, 2, requires_grad=True)
    y = torch.arange(4.0, requires_grad=True)
    (x.reshape(4) * y).sum().backward()
    return [x.grad, y.grad]


@case(1, 5)
def integer_factories_refuse(torch):
    phrase = "Only Tensors of floating point and complex dtype can require gradients"
    return [
        raises(lambda: torch.tensor([1, 2], requires_grad=True), phrase),
        raises(lambda: torch.arange(3, requires_grad=True), "nly Tensors of floating point"),
        raises(lambda: torch.tensor(True, requires_grad=True), phrase),
        raises(lambda: torch.ones(2, dtype=torch.int64, requires_grad=True), "nly Tensors of floating point"),
    ]


@case(2)
def propagation(torch):
    x, c = leaf(torch, [1.0, 2.0]), const(torch, [3.0, 4.0])
    return [flags(x * c), flags(c * x), flags(c * c), flags(x + 1), flags(1 - c), flags(torch.stack([c, x])), flags(torch.cat([c, c]))]


@case(2)
def constants_get_nothing(torch):
    x, c = leaf(torch, [1.0, 2.0]), const(torch, [3.0, 4.0])
    (x * c).sum().backward()
    return [x.grad, c.grad, c.requires_grad]


@case(2)
def through_constants_only_where_needed(torch):
    x, c = leaf(torch, 2.0), const(torch, 3.0)
    inner = c.exp() * 2
    y = x * inner
    return [inner.requires_grad, graph_names(y.grad_fn)]


@case(3)
def attributes(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 2
    return [flags(x), flags(y), flags(y.detach()), flags(const(torch, 1.0)), flags(const(torch, 1.0) * 2), flags(y.sum())]


@case(3, 36)
def results_without_grad_are_leaves(torch):
    x = leaf(torch, [1.0, 2.0])
    with torch.no_grad():
        y = x * 2
    return [flags(y), flags(x.data), flags(x > 1), flags(x.argmax()), flags(x.detach() + 1)]


@case(3)
def leaf_after_backward(torch):
    x = leaf(torch, [1.0, 2.0])
    y = (x * x).sum()
    y.backward()
    return [flags(x), flags(y), x.grad, x.grad.requires_grad, x.grad.is_leaf]


@case(4)
def requires_grad_method(torch):
    x = const(torch, [1.0])
    same = x.requires_grad_() is x
    first = x.requires_grad
    x.requires_grad_(False)
    return [same, first, x.requires_grad, x.requires_grad_(requires_grad=True).requires_grad]


@case(4)
def requires_grad_assignment(torch):
    x = const(torch, [1.0, 2.0])
    before = x * 2
    x.requires_grad = True
    after = x * 2
    x.requires_grad = False
    return [before.requires_grad, after.requires_grad, (x * 2).requires_grad]


@case(4)
def refusal_on_results(torch):
    y = leaf(torch, [1.0]) * 2
    phrase = "you can only change requires_grad flags of leaf variables"

    def assign():
        y.requires_grad = False

    return [raises(assign, phrase), raises(lambda: y.requires_grad_(False), phrase), y.requires_grad_().requires_grad]


@case(4)
def switched_off_leaf_gets_nothing(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * x
    x.requires_grad_(False)
    y.sum().backward()
    return [x.grad, y.requires_grad]


@case(5)
def integer_refusal(torch):
    x = torch.tensor([1, 2])
    phrase = "nly Tensors of floating point"

    def assign():
        x.requires_grad = True

    return [raises(x.requires_grad_, phrase), raises(assign, phrase), x.requires_grad_(False).requires_grad]


@case(5)
def integer_and_bool_results(torch):
    x = leaf(torch, [1.5, -2.0, 3.0])
    found = [x > 0, x == x, x.argmax(), x.long(), x.int(), x.bool(), x.isnan(), torch.sort(x).indices, x.max(0).indices, x.argsort()]
    return [[flags(f), f] for f in found]


@case(5, 75)
def integer_operands(torch):
    x, k = leaf(torch, [1.0, 2.0]), torch.tensor([3, 4])
    y = (x * k).sum()
    y.backward()
    return [y, x.grad, k.grad]


@case(6)
def names_of_arithmetic(torch):
    x, y = leaf(torch, [1.0, 2.0]), leaf(torch, [3.0, 4.0])
    made = [x + y, x - y, x * y, x / y, -x, x**2, x**y, 2**x, x + 1, 1 - x, 1 / x, x @ y, x.abs(), x % y]
    return [m.grad_fn.name() for m in made]


@case(6)
def names_of_elementwise(torch):
    x = leaf(torch, [0.3, 0.4])
    names = "exp log sqrt sin cos tan tanh sigmoid relu asin atan sinh cosh log1p expm1 rsqrt reciprocal square erf sign floor"
    return [getattr(x, n)().grad_fn.name() for n in names.split()]


@case(6)
def names_of_reductions(torch):
    x = leaf(torch, [[0.3, 0.4], [0.1, 0.2]])
    made = [x.sum(), x.sum(0), x.mean(), x.mean(1), x.prod(), x.prod(0), x.max(), x.max(0).values, x.amax(0), x.var(), x.std(), x.norm(),
            x.logsumexp(0), x.softmax(0), x.log_softmax(0), x.cumsum(0), x.cumprod(0), x.min(), x.min(1).values]
    return [m.grad_fn.name() for m in made]


@case(6)
def names_of_shapes(torch):
    x = leaf(torch, [[0.3, 0.4], [0.1, 0.2]])
    made = [x.t(), x.T, x.reshape(4), x.view(4), x.transpose(0, 1), x.permute(1, 0), x.unsqueeze(0), x[:1].squeeze(0), x.expand(3, 2, 2),
            x.flatten(), torch.cat([x, x]), torch.stack([x, x]), x.clone(), x.repeat(2, 1), x.flip(0), x.diagonal(), x.tril()]
    return [m.grad_fn.name() for m in made]


@case(6)
def names_of_indexing(torch):
    x = leaf(torch, [[0.3, 0.4], [0.1, 0.2]])
    k = torch.tensor([0, 1])
    made = [x[0], x[:, 1:], x[k], x[x > 0.2], x[None], x.gather(0, k[None]), x.index_select(0, k), torch.where(x > 0.2, x, x * 2),
            x.masked_fill(x > 0.2, 0.0), x.unbind(0)[0], x.split(1)[0], x.chunk(2)[1], x.select(0, 1), x.narrow(0, 0, 1)]
    return [m.grad_fn.name() for m in made]


@case(6)
def names_of_products(torch):
    x, v = leaf(torch, [[0.3, 0.4], [0.1, 0.2]]), leaf(torch, [1.0, 2.0])
    b = x.expand(3, 2, 2)
    made = [x @ x, x @ v, v @ v, torch.mm(x, x), torch.mv(x, v), torch.dot(v, v), torch.bmm(b, b), torch.outer(v, v),
        torch.addmm(x, x, x)]
    return [m.grad_fn.name() for m in made]


@case(6)
def names_of_activations(torch):
    x = leaf(torch, [[0.3, 0.4], [0.1, 0.2]])
    f = torch.nn.functional
    made = [f.relu(x), f.gelu(x), f.softplus(x), f.elu(x), f.leaky_relu(x), f.silu(x), f.softmax(x, 1), f.log_softmax(x, 1),
        f.mse_loss(x, x * 2)]
    return [m.grad_fn.name() for m in made]


@case(6)
def walk_to_the_leaves(torch):
    x, y, c = leaf(torch, [1.0, 2.0]), leaf(torch, [3.0, 4.0]), const(torch, [1.0, 1.0])
    z = ((x * y + c).exp() - x).sum()
    return graph_names(z.grad_fn)


@case(6)
def accumulate_grad_holds_the_leaf(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 2
    node, number = y.grad_fn.next_functions[0]
    return [node.variable is x, number, len(y.grad_fn.next_functions), y.grad_fn.next_functions[1][0] is None, node.next_functions == ()]


@case(6)
def one_accumulate_grad_for_each_leaf(torch):
    x = leaf(torch, [1.0, 2.0])
    y, z = x * 2, x.exp()
    return [y.grad_fn.next_functions[0][0] is z.grad_fn.next_functions[0][0], y.grad_fn is y.grad_fn, type(y.grad_fn).__name__]


@case(6)
def output_numbers(torch):
    x = leaf(torch, [[3.0, 1.0], [2.0, 4.0]])
    values, _ = x.sort(1)
    first, second = x.unbind(0)
    y = (second * 2).grad_fn
    return [values.grad_fn.next_functions[0][1], y.next_functions[0][1], first.grad_fn is second.grad_fn, second.output_nr, first.output_nr]


@case(28)
def clone_and_tensor_copies(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x.clone()
    z = x.detach().clone().requires_grad_()
    (y * y).sum().backward()
    return [flags(y), flags(z), x.grad, z.grad, y.grad_fn.name(), torch.tensor(x.tolist(), dtype=x.dtype)]


@case(28)
def tensor_of_a_tensor_warns_and_copies(torch):
    x = leaf(torch, [1.0, 2.0])
    y = torch.tensor(x)
    return [flags(y), y.dtype, y]


@case(28)
def deepcopy_of_a_leaf(torch):
    x = leaf(torch, [1.0, 2.0])
    (x * x).sum().backward()
    y = copy.deepcopy(x)
    y.grad.zero_()
    return [flags(y), y, x.grad, y.grad]


@case(28)
def deepcopy_of_a_result(torch):
    y = leaf(torch, [1.0, 2.0]) * 2
    return [raises(lambda: copy.deepcopy(y), "Only Tensors created explicitly by the user"), copy.deepcopy(y.detach())]


@case(28)
def deepcopy_in_a_dict_keeps_sharing(torch):
    x = leaf(torch, [1.0])
    pair = copy.deepcopy({"a": x, "b": x})
    return [pair["a"] is pair["b"], pair["a"] is x]


def _completed(torch, shapes, loss):
    leaves, seen = [leaf(torch, torch.ones(s).tolist()) for s in shapes], []
    for k, p in enumerate(leaves):
        p.register_post_accumulate_grad_hook(lambda p, k=k: seen.append([k, p.grad is not None]))
    loss(*leaves).backward()
    return seen


@case(45)
def gradients_are_complete_from_the_last_layer_on(torch):
    F, cube, line = torch.nn.functional, (2, 2), (2,)
    return [
        _completed(torch, [(), (), (), ()], lambda w, b, v, c: ((w * 2 + b).tanh() * v + c).relu()),
        _completed(torch, [cube, line] * 3, lambda w, b, v, c, u, d: F.linear(F.linear(F.linear(torch.ones(3, 2).double(), w, b).tanh(), v, c), u, d).sum()),
        _completed(torch, [cube, line] * 2, lambda w, b, v, c: F.linear(F.linear(torch.ones(4, 3, 2).double(), w, b).tanh(), v, c).sum()),
        _completed(torch, [cube] * 3, lambda a, b, c: ((a @ b).tanh() @ c).sum()), _completed(torch, [()] * 3, lambda a, b, c: a * 2 + (b * 3 + c * 4)),
        _completed(torch, [()] * 3, lambda a, b, c: a * b * c * a + b.exp()), _completed(torch, [line] * 4, lambda a, b, c, d: torch.cat([a, b * 2, c, d]).sum()),
        _completed(torch, [line, cube, line], lambda b, x, w: torch.addmm(b, x, torch.stack([w, w])).sum()),
    ]  # fmt: skip
