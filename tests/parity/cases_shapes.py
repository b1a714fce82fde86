"""Shape operations: reshaping, joining, splitting, repeating, padding; values and gradients."""

from __future__ import annotations

from .harness import add, case, const, leaf, raises

X = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def gradient(torch, f, data):
    x = leaf(torch, data)
    y = f(x)
    weights = torch.arange(1.0, y.numel() + 1, dtype=torch.float64).reshape(y.shape)
    (g,) = torch.autograd.grad((y * weights).sum(), x)
    return [y.detach(), y.grad_fn.name(), g]


TABLE = {
    "reshape": (lambda x: x.reshape(3, 2), lambda x: x.reshape(-1), lambda x: x.reshape((6, 1)), lambda x: x.reshape(2, -1, 1),
    lambda x: x.t().reshape(6)),
    "view": (lambda x: x.view(3, 2), lambda x: x.view(-1), lambda x: x.view_as(x), lambda x: x.view((1, 6))),
    "flatten": (lambda x: x.flatten(), lambda x: x[None].flatten(0, 1), lambda x: x[None].flatten(1), lambda x: x.ravel(),
    lambda x: x.unflatten(1, (3, 1))),
    "transpose": (lambda x: x.t(), lambda x: x.T, lambda x: x.transpose(0, 1), lambda x: x[None].transpose(-1, 0),
    lambda x: x.swapaxes(0, 1), lambda x: x.mT, lambda x: x.swapdims(0, 1)),
    "permute": (lambda x: x.permute(1, 0), lambda x: x[None].permute(2, 0, 1), lambda x: x[None].permute((1, 2, 0)),
    lambda x: x[None].movedim(0, 2), lambda x: x[None].movedim((0, 1), (1, 0))),
    "squeeze": (lambda x: x[None].squeeze(), lambda x: x[None, :, None].squeeze(2), lambda x: x.squeeze(0), lambda x: x[None].squeeze((0,)),
    lambda x: x.unsqueeze(1), lambda x: x.unsqueeze(-1)),
    "expand": (lambda x: x.expand(4, 2, 3), lambda x: x[:1].expand(3, -1), lambda x: x[:, :1].expand_as(x),
    lambda x: x.broadcast_to(2, 2, 3), lambda x: x[0, 0].expand(2)),
    "repeat": (lambda x: x.repeat(2, 1), lambda x: x.repeat(2, 1, 2), lambda x: x.tile(2), lambda x: x.tile((2, 1)),
    lambda x: x.repeat_interleave(2, dim=1), lambda x: x.repeat_interleave(2)),
    "flip": (lambda x: x.flip(0), lambda x: x.flip(0, 1), lambda x: x.flip((1,)), lambda x: x.fliplr(), lambda x: x.flipud(),
    lambda x: x.rot90(), lambda x: x.roll(1), lambda x: x.roll(1, 0), lambda x: x.roll((1, -1), (0, 1))),
    "triangles": (lambda x: x.tril(), lambda x: x.triu(), lambda x: x.tril(1), lambda x: x.triu(-1), lambda x: x.diagonal(),
    lambda x: x.diagonal(1), lambda x: x[0].diag(), lambda x: x.diag(), lambda x: x[0].diag(1), lambda x: x[:, :2].trace(),
    lambda x: x[0].diag_embed()),
}


def rows(functions):
    return lambda torch: [gradient(torch, f, X) for f in functions]


for _name, _functions in TABLE.items():
    add(f"shapes/{_name}", rows(_functions), (32, 33, 6))


@case(32)
def joining(torch):
    x, y = leaf(torch, X), leaf(torch, [[7.0, 8.0, 9.0]])
    made = [torch.cat([x, y]), torch.cat((x, x), dim=1), torch.stack([x, x], 1), torch.stack((x, x), dim=-1), torch.vstack([x, y]),
        torch.hstack([x, x]), torch.concat([y, y], 0), torch.concatenate([x, y]),
            torch.cat([x, x.float()]), torch.column_stack([x, x]), torch.dstack([x, x])]
    total = sum((m**2).sum() for m in made)
    total.backward()
    return [[m.detach() for m in made], x.grad, y.grad]


@case(32)
def splitting(torch):
    x = leaf(torch, [1.0, 2.0, 3.0, 4.0, 5.0])
    made = [x.split(2), x.split([1, 4]), x.chunk(2), x.chunk(3), torch.tensor_split(x, 3), x.unbind(), torch.split(x, 3, dim=0),
        x.tensor_split((1, 3))]
    sum((k + 1) * p.sum() for parts in made for k, p in enumerate(parts)).backward()
    return [[[p.detach() for p in parts] for parts in made], x.grad, type(made[0]).__name__]


@case(32)
def selecting(torch):
    functions = (lambda x: x.select(0, 1), lambda x: x.narrow(1, 1, 2), lambda x: x.index_select(1, torch.tensor([2, 0, 0])),
        lambda x: torch.take(x, torch.tensor([0, 5])), lambda x: x.masked_select(x > 2),
                 lambda x: torch.narrow(x, 0, 0, 1), lambda x: x.take_along_dim(torch.tensor([[0], [2]]), 1),
                 lambda x: torch.movedim(x, 0, 1)[1])
    return [gradient(torch, f, X) for f in functions]


@case(70)
def gather_and_scatter(torch):
    k = torch.tensor([[0, 2], [1, 1]])
    v = const(torch, [[10.0, 20.0], [30.0, 40.0]])
    functions = (lambda x: x.gather(1, k), lambda x: torch.gather(x, 0, torch.tensor([[0, 1, 0]])),
        lambda x: x.scatter(1, k[:, :1], v[:, :1]), lambda x: x.scatter_add(1, k, v), lambda x: x.scatter(1, k[:, :1], 9.0),
                 lambda x: torch.zeros_like(x).scatter_add(1, torch.tensor([[0, 0, 1], [2, 2, 2]]), x),
                 lambda x: torch.zeros_like(x).scatter(1, torch.tensor([[2, 1, 0], [0, 1, 2]]), x))
    return [gradient(torch, f, X) for f in functions]


@case(70)
def index_functions(torch):
    k = torch.tensor([0, 0])
    v = const(torch, [[10.0, 20.0, 30.0], [1.0, 2.0, 3.0]])
    functions = (lambda x: x.index_add(0, k, v), lambda x: x.index_add(0, k, v, alpha=2), lambda x: v.index_add(0, k, x),
        lambda x: x.index_copy(0, k[:1], v[:1]), lambda x: x.index_fill(1, k[:1], 7.0),
                 lambda x: x.index_put((k, k), const(torch, [5.0, 6.0]), accumulate=True),
                 lambda x: x.index_put((torch.tensor([1]),), const(torch, 0.0)),
                 lambda x: x.masked_fill(x > 4, 0.0), lambda x: x.masked_scatter(x > 4, v))
    return [gradient(torch, f, X) for f in functions]


@case(70)
def index_functions_in_place(torch):
    x = leaf(torch, X)
    k = torch.tensor([1, 1])
    y = x * 1
    y.index_add_(0, k, x)
    y.scatter_add_(1, torch.tensor([[0, 0, 0]]), x[:1])
    y.index_fill_(1, torch.tensor([2]), 0.0)
    y.scatter_(1, torch.tensor([[1], [1]]), x[:, :1])
    (y**2).sum().backward()
    return [y.detach(), x.grad]


@case(70)
def gather_errors(torch):
    x = const(torch, X)
    return [raises(lambda: x.gather(1, torch.tensor([[5]])), "index 5 is out of bounds for dimension 1 with size 3"),
        raises(lambda: x.gather(1, torch.tensor([0])), "same number of dimensions"),
            raises(lambda: x.index_select(0, torch.tensor([2])), "index out of range|out of bounds|out of range"),
            raises(lambda: x.gather(1, const(torch, [[0.0]])), "int64|int32")]


@case(33)
def shape_errors(torch):
    x = const(torch, X)
    return [raises(lambda: x.reshape(4, 2), r"shape '\[4, 2\]' is invalid for input of size 6"),
        raises(lambda: x.reshape(-1, -1), "only one dimension can be inferred"),
        raises(lambda: x.reshape(-1, 4), "is invalid for input of size 6"),
            raises(lambda: x.permute(0, 0), "repeat|same|unique|duplicate"), raises(lambda: x.permute(0), "permute|dims"),
            raises(lambda: x.transpose(0, 2), "Dimension out of range"), raises(lambda: x.expand(3, 3), "expanded size of the tensor"),
            raises(lambda: torch.cat([x, x[:, :2]]), "Sizes of tensors must match except in dimension 0"),
            raises(lambda: torch.stack([x, x[:1]]), "stack expects each tensor to be equal size"),
            raises(lambda: torch.cat([]), "non-empty"),
            raises(lambda: x[None].t(), r"t\(\) expects a tensor with <= 2 dimensions, but self is 3D"),
            raises(lambda: x.squeeze(5), "Dimension out of range"), raises(lambda: x.split([1, 2]),
            "split_with_sizes expects split_sizes to sum exactly to 2")]


@case(33)
def sizes(torch):
    x = torch.zeros(2, 3, 4)
    return [list(x.shape), list(x.size()), x.size(1), x.size(-1), x.numel(), x.nelement(), x.ndim, x.dim(), len(x), x.shape[0],
        x.shape.numel(), x.is_floating_point(), x.shape == (2, 3, 4), list(x.shape[1:]), x.ndimension()]


@case(32)
def meshes(torch):
    x, y = leaf(torch, [1.0, 2.0]), leaf(torch, [3.0, 4.0, 5.0])
    a, b = torch.meshgrid(x, y, indexing="ij")
    c, _ = torch.meshgrid(x, y, indexing="xy")
    (a * b + c.t()).sum().backward()
    return [a.detach(), b.detach(), c.detach(), x.grad, y.grad, torch.cartesian_prod(x.detach(), y.detach())]


@case(1)
def factories(torch):
    return [torch.zeros(2), torch.zeros(2, 3, dtype=torch.int64), torch.ones((2, 1)), torch.full((2, 2), 3), torch.full((2,), 1.5),
        torch.arange(5), torch.arange(1, 2.5, 0.5), torch.arange(3, 0, -1), torch.linspace(0, 1, 5),
            torch.eye(2), torch.eye(2, 3), torch.logspace(0, 2, 3), torch.empty(0).shape == (0,), torch.tensor([]),
            torch.tensor([[]]).shape == (1, 0), torch.zeros([]), torch.zeros(()), torch.scalar_tensor(2.0),
            torch.full((), True), torch.zeros(2, dtype=torch.bool), torch.ones(2, dtype=torch.double),
            torch.arange(0, 1, 0.25, dtype=torch.float64), torch.linspace(-1, 1, 1), torch.empty_like(torch.ones(2)).shape[0]]


@case(1)
def tensors_of_other_things(torch):
    x = torch.ones(2)
    return [torch.tensor(3), torch.tensor(2.5), torch.tensor([1, 2.5]), torch.tensor([True, False]), torch.tensor((1, 2)),
        torch.tensor([[1], [2]]), torch.tensor([x[0], x[1]]), torch.tensor(range(3)),
            torch.as_tensor([1.0]), torch.tensor(True), torch.tensor([1, True]),
            torch.tensor(1e300, dtype=torch.float64), torch.tensor([1, 2], dtype=torch.float32), torch.Tensor([1, 2]),
            raises(lambda: torch.tensor([[1, 2], [3]]), "expected sequence of length 2 at dim 1"),
            raises(lambda: torch.tensor("a"), "new\\(\\): invalid data type 'str'|invalid data type"),
            raises(lambda: torch.tensor(None), "Could not infer dtype of NoneType"),
            raises(lambda: torch.tensor([1, None]), "Could not infer dtype of NoneType|NoneType")]


@case(1)
def factory_errors(torch):
    return [raises(lambda: torch.zeros(-1), "negative dimension|must be non-negative"),
        raises(lambda: torch.linspace(0, 1, -1), "number of steps must be non-negative"),
        raises(lambda: torch.arange(0, 5, 0), "step must be nonzero"),
            raises(lambda: torch.arange(0, 5, -1),
            "upper bound and lower bound inconsistent with step sign|larger bound inconsistent with step sign|inconsistent with step sign"),
            raises(lambda: torch.zeros("a"), "argument|must be")]
