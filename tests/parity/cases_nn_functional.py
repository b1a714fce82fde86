"""nn.functional: activations, losses, and small layers."""

from __future__ import annotations

from .harness import add, case, const, leaf, raises, warns

WIDE = [-2.5, -1.0, -0.3, 0.4, 1.0, 3.0]
ACTIVATIONS = {
    "relu": {}, "relu6": {}, "leaky_relu": {"negative_slope": 0.2}, "elu": {"alpha": 1.5}, "selu": {}, "celu": {"alpha": 2.0}, "gelu": {},
    "silu": {}, "mish": {}, "softplus": {"beta": 2.0}, "softsign": {},
    "tanh": {}, "sigmoid": {}, "logsigmoid": {}, "hardtanh": {"min_val": -0.5, "max_val": 2.0}, "hardswish": {}, "tanhshrink": {},
    "softshrink": {}, "hardshrink": {}, "threshold": {"threshold": 0.5, "value": -1.0},
}


def f(torch):
    return torch.nn.functional


def two_orders(torch, function, *points):
    xs = [leaf(torch, p) for p in points]
    y = function(*xs)
    gradients = torch.autograd.grad(y.sum(), xs, create_graph=True, materialize_grads=True)
    total = sum((g * g).sum() for g in gradients)
    second = torch.autograd.grad(total, xs, materialize_grads=True) if total.requires_grad else [g * 0 for g in gradients]
    return [y.detach(), [g.detach() for g in gradients], [(h + 0).detach() for h in second]]


def activation(name, options):
    def run(torch):
        function = getattr(f(torch), name)
        named = function(leaf(torch, WIDE), **options).grad_fn.name()
        return [named, two_orders(torch, lambda x: function(x, **options), WIDE), function(const(torch, WIDE, "float32"), **options)]

    return run


for _name, _options in ACTIVATIONS.items():
    add(f"nn_functional/{_name}", activation(_name, _options), (66, 19))


@case(19)
def gelu_by_tanh(torch):
    return [two_orders(torch, lambda x: f(torch).gelu(x, approximate="tanh"), WIDE),
        raises(lambda: f(torch).gelu(const(torch, WIDE), approximate="x"), "approximate argument must be either none or tanh")]


@case(68)
def softmax_and_log_softmax(torch):
    x = [[0.5, -1.0, 2.0], [1.5, 2.5, 0.25]]
    g = f(torch)
    return [two_orders(torch, lambda x: g.softmax(x, dim=1) ** 2, x), two_orders(torch, lambda x: g.log_softmax(x, dim=0) ** 2, x),
        two_orders(torch, lambda x: g.softmin(x, dim=1) ** 2, x)]


@case(66)
def prelu_and_glu(torch):
    g = f(torch)
    return [two_orders(torch, lambda x, w: g.prelu(x, w), WIDE, [0.25]), two_orders(torch, lambda x: g.glu(x, dim=0), WIDE)]


PAIR = ([0.2, 0.7, -1.5, 2.5], [0.1, 1.0, 0.0, 2.0])
POINT_LOSSES = {"mse_loss": {}, "l1_loss": {}, "smooth_l1_loss": {"beta": 0.5}, "huber_loss": {"delta": 0.4}}


def reductions(name, options):
    def run(torch):
        function = getattr(f(torch), name)
        return [two_orders(torch, lambda x, t, r=r: function(x, t, reduction=r, **options), *PAIR) for r in ("mean", "sum",
            "none")] + [raises(lambda: function(const(torch, [1.0]), const(torch, [1.0]), reduction="x"),
            "is not a valid value for reduction")]

    return run


for _name, _options in POINT_LOSSES.items():
    add(f"nn_functional/{_name}", reductions(_name, _options), (19, 66))


@case(19)
def mse_loss_broadcast_warns(torch):
    x, t = leaf(torch, [1.0, 2.0]), const(torch, [[1.0], [3.0]])
    found = warns(lambda: f(torch).mse_loss(x, t), "Using a target size .* that is different to the input size")
    found["value"].backward()
    return [{**found, "value": found["value"].detach()}, x.grad]


SCORES = [[0.5, -1.0, 2.0], [1.5, 2.5, 0.25], [0.0, 0.1, 0.2]]


@case(68)
def cross_entropy(torch):
    g, t = f(torch), torch.tensor([2, 0, 1])
    w = const(torch, [1.0, 2.0, 0.5])
    functions = (lambda x: g.cross_entropy(x, t), lambda x: g.cross_entropy(x, t, reduction="sum"),
        lambda x: g.cross_entropy(x, t, reduction="none"), lambda x: g.cross_entropy(x, t, weight=w),
                 lambda x: g.cross_entropy(x, t, label_smoothing=0.1), lambda x: g.cross_entropy(x, torch.tensor([2, -100, 1])),
                 lambda x: g.cross_entropy(x, torch.tensor([2, 0, 1]), ignore_index=0), lambda x: g.cross_entropy(x[0], t[0]))
    return [two_orders(torch, h, SCORES) for h in functions]


@case(19)
def cross_entropy_of_probabilities(torch):
    g = f(torch)
    t = const(torch, [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    return [two_orders(torch, lambda x: g.cross_entropy(x, t), SCORES),
        two_orders(torch, lambda x: g.cross_entropy(x, t, label_smoothing=0.2, reduction="sum"), SCORES)]


@case(19)
def cross_entropy_errors(torch):
    g, x = f(torch), const(torch, SCORES)
    return [raises(lambda: g.cross_entropy(x, torch.tensor([0, 1, 5])), "Target 5 is out of bounds"),
        raises(lambda: g.cross_entropy(x, torch.tensor([0, 1])), r"Expected input batch_size \(3\) to match target batch_size \(2\)"),
            raises(lambda: g.cross_entropy(x, const(torch, [0.0, 1.0, 2.0])),
            "expected scalar type Long|Expected floating point type for target|Long"),
            g.cross_entropy(x[:0], torch.tensor([], dtype=torch.int64))]


@case(19)
def nll_loss(torch):
    g, t = f(torch), torch.tensor([2, 0, 1])
    return [two_orders(torch, lambda x: g.nll_loss(x.log_softmax(1), t), SCORES), g.nll_loss(const(torch, SCORES), t, reduction="none"),
        g.nll_loss(const(torch, SCORES), t, weight=const(torch, [1.0, 2.0, 0.5])),
        g.nll_loss(const(torch, SCORES), torch.tensor([-100, 0, 1]))]


@case(68, rtol=1e-10, why="torch adds 1e-12 to the denominators of the derivatives")
def binary_cross_entropy(torch):
    g, p, t = f(torch), [0.1, 0.5, 0.9], const(torch, [0.0, 1.0, 1.0])
    w = const(torch, [1.0, 2.0, 3.0])
    functions = (lambda x: g.binary_cross_entropy(x, t), lambda x: g.binary_cross_entropy(x, t, weight=w, reduction="sum"),
        lambda x: g.binary_cross_entropy(x, t, reduction="none"))
    logits = (lambda x: g.binary_cross_entropy_with_logits(x, t), lambda x: g.binary_cross_entropy_with_logits(x, t, pos_weight=w),
        lambda x: g.binary_cross_entropy_with_logits(x, t, weight=w, reduction="none"))
    return [two_orders(torch, h, p) for h in functions] + [two_orders(torch, h,
        [-2.0, 0.5, 3.0]) for h in logits] + [g.binary_cross_entropy(const(torch, [0.0, 1.0]), const(torch, [1.0, 1.0]), reduction="none")]


@case(19)
def binary_cross_entropy_errors(torch):
    g = f(torch)
    return [raises(lambda: g.binary_cross_entropy(const(torch, [1.5]), const(torch, [1.0])),
        "all elements of input should be between 0 and 1"), raises(lambda: g.binary_cross_entropy(const(torch, [0.5, 0.5]),
        const(torch, [1.0])), "Using a target size .* that is different to the input size"),
            raises(lambda: g.binary_cross_entropy_with_logits(const(torch, [0.5, 0.5]), const(torch, [1.0])),
            "Target size .* must be the same as input size")]


@case(71)
def linear(torch):
    g = f(torch)
    x, w, b = [[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]], [[0.1, 0.2, 0.3], [0.4, -0.5, 0.6]], [0.5, -0.5]
    return [two_orders(torch, g.linear, x, w, b), two_orders(torch, g.linear, x, w),
        two_orders(torch, lambda x, w, b: g.linear(x[0], w, b), x, w, b),
        raises(lambda: g.linear(const(torch, x), const(torch, b)[None]), "cannot be multiplied")]


@case(70)
def one_hot_and_embedding(torch):
    g = f(torch)
    w = leaf(torch, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    y = g.embedding(torch.tensor([[0, 2], [2, 2]]), w)
    (y**2).sum().backward()
    return [g.one_hot(torch.tensor([0, 2])), g.one_hot(torch.tensor([1]), 4), y.detach(), w.grad]


@case(50)
def dropout(torch):
    g = f(torch)
    x = leaf(torch, [1.0] * 2000)
    torch.manual_seed(0)
    y = g.dropout(x, 0.25)
    y.sum().backward()
    kept = (y != 0).double().mean().item()
    return [abs(kept - 0.75) < 0.05, y.unique().detach(), torch.equal(y.detach(), x.grad), g.dropout(x, 0.5, training=False).sum().detach(),
        g.dropout(x[:2], 1.0).detach(), raises(lambda: g.dropout(x, 1.5), "dropout probability has to be between 0 and 1")]


@case(20, rtol=1e-12, why="the products sum in another order")
def two_layer_network(torch):
    g = f(torch)
    x, t = const(torch, SCORES), torch.tensor([1, 0, 1])
    w, b = leaf(torch, [[0.1, 0.2, -0.3], [0.4, -0.5, 0.6], [0.2, 0.1, 0.7], [0.3, 0.3, 0.3]]), leaf(torch, [0.1, 0.0, -0.1, 0.2])
    v, c = leaf(torch, [[0.5, -0.2, 0.1, 0.3], [-0.1, 0.4, 0.2, -0.6]]), leaf(torch, [0.05, -0.05])
    seen = []
    for _ in range(4):
        loss = g.cross_entropy(g.linear(g.relu(g.linear(x, w, b)), v, c), t)
        loss.backward()
        with torch.no_grad():
            for p in (w, b, v, c):
                p -= 0.5 * p.grad
                p.grad = None
        seen.append(loss.detach())
    return [seen, w, b, v, c]
