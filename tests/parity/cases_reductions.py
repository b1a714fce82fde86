"""Reductions with dim, keepdim and tuples; statistics; norms."""

from __future__ import annotations

from .harness import add, case, const, leaf, raises

X = [[[0.5, -1.0], [2.0, 3.0], [0.1, 0.7]], [[1.5, 2.5], [-0.5, 0.25], [4.0, -2.0]]]
ROUNDING = {"rtol": 1e-12, "why": "the order of the sums is free"}


def gradient(torch, f, data):
    x = leaf(torch, data)
    y = f(x)
    weights = torch.arange(1.0, y.numel() + 1, dtype=torch.float64).reshape(y.shape)
    (g,) = torch.autograd.grad((y * weights).sum(), x)
    return [y.detach(), y.grad_fn.name(), g]


def over_axes(name, tuples=True, **options):
    def run(torch):
        f = lambda x, *a, **k: getattr(x, name)(*a, **k, **options)  # noqa: E731
        found = [gradient(torch, lambda x: f(x, dim=1), X), gradient(torch, lambda x: f(x, dim=-1, keepdim=True), X),
            gradient(torch, lambda x: getattr(torch, name)(x, dim=0, **options), X)]
        if tuples:
            found += [gradient(torch, lambda x: f(x, dim=(0, 2)), X), gradient(torch, lambda x: f(x, dim=(1, 2), keepdim=True), X)]
        return found

    return run


for _name in ("sum", "mean", "var", "std", "amax", "amin", "logsumexp"):
    add(f"reductions/{_name}_over_axes", over_axes(_name), (70,), **ROUNDING)
add("reductions/prod_over_axes", over_axes("prod", tuples=False), (70,))
add("reductions/nansum_over_axes", over_axes("nansum"), (70,))
add("reductions/var_population_over_axes", over_axes("var", correction=0), (70,), **ROUNDING)


@case(70, **ROUNDING)
def whole(torch):
    names = "sum mean prod var std max min amax amin norm median".split()
    return [gradient(torch, lambda x, n=n: getattr(x, n)(), X) for n in names]


@case(70)
def second_order(torch):
    found = []
    for name in ("sum", "mean", "prod", "max", "amax"):
        x = leaf(torch, [1.0, 2.0, 4.0])
        (g,) = torch.autograd.grad(getattr(x, name)() ** 2, x, create_graph=True)
        found.append(torch.autograd.grad((g * const(torch, [1.0, 2.0, 3.0])).sum(), x))
    return found


@case(70)
def max_and_min_over_an_axis(torch):
    x = leaf(torch, X)
    found = []
    for name in ("max", "min", "median", "mode"):
        result = getattr(x, name)(1)
        kept = getattr(torch, name)(x, dim=-1, keepdim=True)
        (g,) = torch.autograd.grad(result.values.sum() + kept[0].sum(), x)
        found.append([result.values.detach(), result.indices, kept.values.detach(), result[1], g, type(result).__name__])
    return found


@case(70)
def named_results_unpack(torch):
    values, indices = const(torch, [3.0, 1.0, 2.0]).max(0)
    return [values, indices, len(torch.max(const(torch, [[1.0]]), 1)), torch.max(const(torch, [3.0, 1.0]), 0).values]


@case(70)
def arg_reductions(torch):
    x = const(torch, X)
    return [x.argmax(), x.argmin(), x.argmax(1), x.argmin(dim=2, keepdim=True), torch.argmax(x, 0), x.argmax().dtype,
        x.argmax(keepdim=True)]


@case(70)
def any_all_count(torch):
    x = torch.tensor([[True, False], [True, True]])
    k = torch.tensor([[0, 2], [3, 0]])
    return [x.any(), x.all(), x.any(0), x.all(1, keepdim=True), k.any(), k.all(0), torch.count_nonzero(k), torch.count_nonzero(k, dim=0),
        k.bool().sum(), x.sum(0)]


@case(70, 74)
def dtypes(torch):
    k, b, x = torch.tensor([1, 2]), torch.tensor([True, False]), const(torch, [1.0, 2.0], "float32")
    return [k.sum(), k.prod(), b.sum(), k.int().sum(), x.sum(dtype=torch.float64), k.sum(dtype=torch.float32), k.max(), k.cumsum(0),
        b.cumsum(0),
            raises(k.mean, "mean|floating|infer output dtype"), k.float().mean(), k.mean(dtype=torch.float64),
            raises(k.var, "floating point"), k.amax(), k.int().max(0)]


@case(70)
def empty_reductions(torch):
    x = torch.zeros(0, 3, dtype=torch.float64)
    return [x.sum(), x.prod(), x.mean(), x.sum(0), x.mean(0), x.sum(1), x.any(), x.all(), x.prod(0), x.logsumexp(0),
            raises(lambda: x.max(), r"max\(\): Expected reduction dim to be specified for input.numel\(\) == 0"),
            raises(lambda: x.argmax(), "argmax"), raises(lambda: x.amax(0), "amax"),
            raises(lambda: x.max(0), "Expected reduction dim 0 to have non-zero size")]


@case(70)
def of_one_element_and_0d(torch):
    x = leaf(torch, 3.0)
    made = [x.sum(), x.sum(0), x.mean(-1), x.prod(), x.max(), x.max(0).values, x.norm(), x.logsumexp(0), x.amax()]
    return [[m.detach(), torch.autograd.grad(m, x)] for m in made]


@case(70)
def variance_options(torch):
    x = const(torch, [1.0, 2.0, 4.0, 7.0])
    return [x.var(), x.var(unbiased=False), x.var(correction=2), x.std(correction=0), torch.var(x, 0), torch.var(x, dim=0, unbiased=False),
        torch.var_mean(x), torch.std_mean(x, 0), x[:1].var(), x.std(False)]


@case(70)
def wrong_axes(torch):
    x = const(torch, X)
    phrase = r"Dimension out of range \(expected to be in range of \[-3, 2\], but got 3\)"
    return [raises(lambda: x.sum(3), phrase), raises(lambda: x.mean(dim=3), phrase), raises(lambda: x.max(3), phrase),
        raises(lambda: x.sum((0, 0)), "dim 0 appears multiple times in the list of dims"),
            raises(lambda: x.softmax(3), phrase), raises(lambda: x.prod(-4), "Dimension out of range"),
            raises(lambda: x.sum("a"), "dim|argument")]


@case(70)
def axis_and_keepdims_aliases(torch):
    x = const(torch, X)
    return [torch.sum(x, axis=1), x.sum(axis=(0, 1)), x.mean(axis=0, keepdims=True), torch.amax(x, axis=2), x.sum(axis=-1, keepdim=True),
        torch.argmax(x, axis=1), torch.max(x, axis=1).values]


@case(70)
def empty_tuple_of_axes(torch):
    x = const(torch, [[1.0, 2.0], [3.0, 4.0]])
    return [x.sum(()), x.sum(dim=None), x.mean(dim=None, keepdim=True), x.amax(())]


@case(70, **ROUNDING)
def norms(torch):
    x = [[3.0, -4.0], [1.0, 2.0]]
    functions = (lambda x: x.norm(), lambda x: x.norm(1), lambda x: x.norm(3, dim=1), lambda x: x.norm(float("inf")),
        lambda x: x.norm(dim=0, keepdim=True), lambda x: torch.norm(x, p=2, dim=1),
                 lambda x: x.norm("fro"), lambda x: torch.linalg.norm(x), lambda x: torch.linalg.norm(x, 1),
                 lambda x: torch.linalg.vector_norm(x, 3), lambda x: torch.linalg.matrix_norm(x),
                 lambda x: torch.linalg.norm(x, float("inf")), lambda x: torch.dist(x, x * 0 + 1), lambda x: x.norm(0.5),
                 lambda x: torch.linalg.norm(x, dim=1))
    return [gradient(torch, f, x) for f in functions] + [const(torch, x).norm(0)]


@case(70, **ROUNDING)
def normalisations(torch):
    x = [[0.5, -1.0, 2.0], [1.5, 2.5, 0.25]]
    functions = (lambda x: x.softmax(1), lambda x: x.softmax(-2), lambda x: torch.softmax(x, dim=0), lambda x: x.log_softmax(1),
        lambda x: torch.log_softmax(x, 0), lambda x: x.logsumexp((0, 1)),
                 lambda x: torch.nn.functional.normalize(x, dim=1), lambda x: torch.nn.functional.softmin(x, dim=1))
    return [gradient(torch, f, x) for f in functions]


@case(70)
def softmax_dtype(torch):
    x = const(torch, [1.0, 2.0], "float32")
    return [x.softmax(0, dtype=torch.float64).dtype, torch.tensor([1, 2]).softmax(0, dtype=torch.float32),
        raises(lambda: torch.tensor([1, 2]).softmax(0), "not implemented for|softmax")]


@case(70, rtol=1e-12, why="a sum of 100,000 terms: the order is free")
def long_sums(torch):
    x = torch.linspace(0, 1, 100_000, dtype=torch.float64)
    return [x.sum(), x.mean(), x.var(), (x.float().sum() - 50_000).abs() < 1]


@case(70)
def sum_of_python_list(torch):
    x = leaf(torch, [1.0, 2.0])
    y = sum([x, x * 2, x**2])
    y.sum().backward()
    return [y.detach(), x.grad, sum(x).detach(), max(x).detach(), min(x).detach()]
