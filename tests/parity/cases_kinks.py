"""Conventions at kinks, poisoned branches, and stable extremes."""

from __future__ import annotations

from .harness import case, const, leaf

INF = float("inf")
NAN = float("nan")


def gradients(torch, f, *points):
    xs = [leaf(torch, p) for p in points]
    y = f(*xs)
    return [y.detach(), list(torch.autograd.grad(y.sum(), xs, materialize_grads=True))]


@case(66)
def at_zero(torch):
    f = torch.nn.functional
    functions = (torch.relu, torch.abs, torch.sign, torch.sqrt, lambda x: x.norm(), lambda x: x.clamp(0, 1), lambda x: x.clamp(min=0),
        f.leaky_relu, f.elu, f.softplus,
                 f.hardtanh, f.relu6, lambda x: x**2, torch.floor, torch.round, torch.square, f.softsign, f.hardswish,
                 f.selu, f.gelu, f.silu)
    return [gradients(torch, g, [0.0]) for g in functions]


@case(66)
def maximum_halves(torch):
    pairs = ([1.0, 2.0, 3.0], [1.0, 3.0, 2.0])
    return [gradients(torch, g, *pairs) for g in (torch.maximum, torch.minimum, torch.fmax, torch.fmin, torch.max, torch.min)]


@case(66)
def full_reductions_share_evenly(torch):
    x = [2.0, 5.0, 5.0, 1.0, 1.0]
    return [gradients(torch, g, x) for g in (torch.max, torch.min, torch.amax, torch.amin, lambda x: x.median())]


@case(66)
def reductions_over_an_axis(torch):
    x = [[2.0, 5.0, 5.0], [1.0, 1.0, 3.0]]
    functions = (lambda x: x.max(1).values, lambda x: x.min(1).values, lambda x: x.amax(1), lambda x: x.amin(1), lambda x: x.max(0).values,
        lambda x: x.median(1).values,
                 lambda x: x.amax((0, 1)), lambda x: x.cummax(1).values, lambda x: x.topk(2, 1).values, lambda x: x.sort(1).values)
    return [gradients(torch, g, x) for g in functions]


@case(66)
def max_index_is_the_first(torch):
    x = const(torch, [[2.0, 5.0, 5.0], [1.0, 1.0, 3.0]])
    return [x.max(1).indices, x.min(1).indices, x.argmax(), x.argmin(), x.argmax(1), x.argmin(0)]


@case(66)
def clamp_is_one_at_the_bounds(torch):
    return [gradients(torch, lambda x: x.clamp(-1, 1), [-1.0, 1.0, 0.0, 1.5]),
        gradients(torch, torch.nn.functional.hardtanh, [-1.0, 1.0, 0.0, 1.5]),
            gradients(torch, torch.nn.functional.relu6, [0.0, 6.0, 3.0, 7.0])]


@case(66)
def norms_at_zero(torch):
    z = [[0.0, 0.0], [3.0, 4.0]]
    functions = (lambda x: x.norm(), lambda x: x.norm(dim=1), lambda x: x.norm(p=1), lambda x: x.norm(p=3), lambda x: x.norm(p=INF),
        lambda x: torch.linalg.norm(x, dim=1),
                 lambda x: torch.linalg.vector_norm(x, 1, dim=1), lambda x: torch.dist(x, x * 1))
    return [gradients(torch, g, z) for g in functions]


@case(66)
def square_root_at_zero(torch):
    return [gradients(torch, torch.sqrt, [0.0, 4.0]), gradients(torch, lambda x: (x**2).sqrt(), [0.0]),
        gradients(torch, lambda x: x**0.5, [0.0])]


@case(66)
def std_of_equal_numbers(torch):
    return [gradients(torch, lambda x: x.std(), [1.0, 1.0]), gradients(torch, lambda x: x.var(), [1.0, 1.0]),
        gradients(torch, lambda x: x.std(unbiased=False), [2.0, 4.0])]


@case(66)
def nan_in_maximum(torch):
    x, y = [1.0, NAN, 2.0, NAN], [NAN, 1.0, 1.0, NAN]
    return [gradients(torch, g, x, y) for g in (torch.maximum, torch.minimum, torch.fmax, torch.fmin)]


@case(66)
def nan_in_reductions(torch):
    x = const(torch, [1.0, NAN, 3.0])
    return [x.max(), x.min(), x.argmax(), x.sum(), x.nansum(), x.nanmean(), x.amax(), x.median(), x.nanmedian(), x.max(0).values,
        x.sort().values]


WHERE = "where(): the gradient of the branch that was not selected is exactly 0"


@case(67, differs=WHERE, expected=[0.0, 0.5])
def where_of_a_square_root(torch):
    x = leaf(torch, [-1.0, 1.0])
    torch.where(x > 0, x.sqrt(), torch.zeros_like(x)).sum().backward()
    return x.grad.tolist()


@case(67, differs=WHERE, expected=[0.0, 0.5])
def where_of_a_logarithm(torch):
    x = leaf(torch, [0.0, 2.0])
    torch.where(x > 0, x.log(), 0.0).sum().backward()
    return x.grad.tolist()


@case(67, differs=WHERE, expected=[1.0, -0.25])
def where_of_a_quotient(torch):
    x = leaf(torch, [0.0, 2.0])
    torch.where(x != 0, 1 / x, x).sum().backward()
    return x.grad.tolist()


@case(67, differs=WHERE, expected=[1.0, 1.0])
def where_of_an_overflow(torch):
    x = leaf(torch, [1000.0, 1.0])
    torch.where(x < 10, (x.exp() - 1).log1p(), x).sum().backward()
    return x.grad.tolist()


@case(67, differs=WHERE, expected=[[0.0, 0.5], [0.0, -0.25]])
def where_at_second_order(torch):
    x = leaf(torch, [0.0, 1.0])
    y = torch.where(x > 0, x.sqrt(), 0.0)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    return [g.detach().tolist(), h.tolist()]


@case(67, differs=WHERE, expected=[0.0, 0.25, 0.5])
def where_through_a_sum_inside(torch):
    x = leaf(torch, [0.0, 4.0, 1.0])
    inner = torch.where(x > 0, (x * 1.0).sqrt(), 1.0)
    inner.sum().backward()
    return x.grad.tolist()


@case(67)
def where_with_a_safe_argument(torch):
    def safe(x):
        return torch.where(x > 0, torch.where(x > 0, x, 1.0).sqrt(), 0.0)

    return gradients(torch, safe, [-1.0, 0.0, 4.0])


@case(67)
def product_by_a_mask_still_poisons(torch):
    x = leaf(torch, [0.0, 4.0])
    ((x > 0) * x.sqrt()).sum().backward()
    return x.grad


@case(67)
def masked_fill_and_indexing_cut(torch):
    x = leaf(torch, [-1.0, 4.0])
    y = x[x > 0].sqrt()
    y.sum().backward()
    return x.grad


@case(67)
def product_with_zeros(torch):
    found = [gradients(torch, torch.prod, p) for p in ([0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0], [0.0])]
    return [*found, gradients(torch, lambda x: x.prod(1), [[0.0, 2.0], [3.0, 4.0]]),
        gradients(torch, lambda x: x.cumprod(0), [2.0, 0.0, 3.0, 4.0]),
            gradients(torch, lambda x: x.cumprod(0), [0.0, 0.0, 3.0])]


@case(67)
def product_with_zeros_second_order(torch):
    x = leaf(torch, [0.0, 2.0, 3.0])
    (g,) = torch.autograd.grad(x.prod(), x, create_graph=True)
    return [g.detach(), torch.autograd.grad(g.sum(), x)]


@case(67)
def xlogy_at_zero(torch):
    return [gradients(torch, torch.xlogy, [0.0, 2.0, 0.0], [3.0, 4.0, -1.0]), gradients(torch, lambda x: x * x.log(), [0.0, 2.0]),
            gradients(torch, torch.special.xlog1py, [0.0, 2.0], [1.0, 3.0]), gradients(torch, torch.special.entr, [0.0, 0.5, 1.0])]


@case(67, differs="torch gives nan for x/y where 0 log 0 counts as 0; here what counts as 0 has the derivative 0", expected=[[0.0], [0.0]])
def xlogy_of_zeros(torch):
    return [g.tolist() for g in gradients(torch, torch.xlogy, [0.0], [0.0])[1]]


@case(67, rtol=1e-12, why="torch takes exp(x - result), which has the rounding of a result near 1000")
def logsumexp_of_infinities(torch):
    rows = ([-INF, 0.0], [-INF, -INF], [INF, 0.0], [1000.0, 1000.0], [-1000.0, 0.0])
    return [gradients(torch, lambda x: x.logsumexp(0), r) for r in rows]


@case(67)
def logaddexp_of_infinities(torch):
    return gradients(torch, torch.logaddexp, [-INF, 1000.0, -INF, 0.0], [0.0, 1000.0, -INF, -1000.0])


@case(67)
def atan2_and_hypot_at_zero(torch):
    return [gradients(torch, torch.atan2, [0.0, 0.0, 1.0], [1.0, -1.0, 0.0]), gradients(torch, torch.hypot, [3.0], [0.0])]


@case(68)
def sigmoid_and_tanh(torch):
    far = [-1000.0, -50.0, 0.0, 50.0, 1000.0]
    f = torch.nn.functional
    return [gradients(torch, g, far) for g in (torch.sigmoid, torch.tanh, f.logsigmoid, f.softplus, f.silu, f.gelu, torch.erf, torch.erfc,
        torch.atan)]


@case(68)
def softmax_of_large_numbers(torch):
    far = [[1000.0, 1000.0, 0.0], [-1000.0, 0.0, 1.0]]
    weights = const(torch, [1.0, 2.0, 3.0])
    return [gradients(torch, lambda x, g=g: g(x) * weights, far) for g in (lambda x: x.softmax(1), lambda x: x.log_softmax(1),
        lambda x: x.softmax(0))]


@case(68)
def softmax_with_masked_scores(torch):
    return [gradients(torch, lambda x: x.softmax(0) ** 2, [-INF, 0.0, 1.0]), gradients(torch, lambda x: x.softmax(0), [-INF, -INF]),
            gradients(torch, lambda x: x.log_softmax(0)[1:], [-INF, 0.0, 1.0])]


@case(68, rtol=1e-11, why="torch takes exp(x - result), which has the rounding of a result near 10,000")
def logsumexp_shifts(torch):
    return [gradients(torch, lambda x: x.logsumexp(0), p) for p in ([0.0, 1.0], [1e4, 1e4 + 1], [-1e4, -1e4 + 1])]


@case(68)
def log1p_and_expm1_near_zero(torch):
    return [gradients(torch, g, [1e-300, 1e-17, 1e-9]) for g in (torch.log1p, torch.expm1, torch.sin, torch.tanh)]


@case(68)
def cross_entropy_of_large_scores(torch):
    f = torch.nn.functional
    target = torch.tensor([0, 2])
    return [gradients(torch, lambda x: f.cross_entropy(x, target), [[1000.0, 0.0, -1000.0], [1000.0, 0.0, -1000.0]]),
            gradients(torch, lambda x: f.binary_cross_entropy_with_logits(x, const(torch, [1.0, 0.0])), [-1000.0, 1000.0])]


@case(68, rtol=1e-5, why="1 - p of a softmax near 1 cancels")
def single_precision_extremes(torch):
    found = []
    for g in (torch.sigmoid, torch.tanh, torch.exp, lambda x: x.softmax(0), lambda x: x.logsumexp(0)):
        x = leaf(torch, [-100.0, 0.0, 88.0, 100.0], "float32")
        y = g(x)
        y.sum().backward()
        found.append([y.detach(), x.grad])
    return found


@case(67, 80)
def infinite_loss(torch):
    x = leaf(torch, [0.0, 1.0])
    y = (1 / x).sum()
    y.backward()
    return [y.detach(), x.grad]
