"""Functions that are met less often, one case each: a missing one fails alone."""

from __future__ import annotations

from .harness import add, const, leaf

M = [[2.0, 0.5, 0.1], [0.25, 3.0, -0.5], [0.3, 0.7, 1.5]]
N = [[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]]
X = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
V = [0.5, -1.0, 2.0]
ORDER = "another factorisation, or another order of its sums"


def gradient(function, *points):
    """Return a snippet that shows the value of a function of the module and Tensors, and its gradients."""

    def run(torch):
        xs = [leaf(torch, p) for p in points]
        y = function(torch, *xs)
        weights = torch.arange(1.0, y.numel() + 1, dtype=torch.float64).reshape(y.shape)
        return [y.detach(), list(torch.autograd.grad((y * weights).sum(), xs, materialize_grads=True))]

    return run


WITHOUT_GRADIENT = {
    "heaviside": lambda t: t.heaviside(const(t, V), const(t, 0.5)),
    "frexp": lambda t: list(t.frexp(const(t, V))),
    "ldexp": lambda t: t.ldexp(const(t, V), t.tensor(2)),
    "float_power": lambda t: t.float_power(t.tensor([2, 3]), 2),
    "gcd": lambda t: [t.gcd(t.tensor([12, 18]), t.tensor([8, 27])), t.lcm(t.tensor([4]), t.tensor([6]))],
    "nextafter": lambda t: t.nextafter(const(t, V), const(t, 9.0)) > const(t, V),
    "quantile": lambda t: [const(t, V).quantile(0.5), t.quantile(const(t, V), const(t, [0.25, 0.75]))],
    "bincount": lambda t: t.bincount(t.tensor([0, 1, 1, 3])),
    "histc": lambda t: t.histc(const(t, V), 2, -1, 3),
    "aminmax": lambda t: list(t.aminmax(const(t, V))),
    "isin": lambda t: t.isin(t.tensor([1, 2, 3]), t.tensor([2, 3])),
    "searchsorted": lambda t: [t.searchsorted(const(t, [1.0, 2.0, 4.0]), const(t, [0.5, 2.0, 9.0]), right=r) for r in (False, True)],
    "bucketize": lambda t: t.bucketize(const(t, [0.5, 2.0, 9.0]), const(t, [1.0, 2.0, 4.0])),
    "tril_indices": lambda t: [t.tril_indices(2, 3), t.triu_indices(2, 2)],
    "asarray": lambda t: [t.asarray([1, 2]), t.asarray([1.5])],
    "vander": lambda t: t.vander(const(t, V)),
    "combinations": lambda t: t.combinations(t.tensor([1, 2, 3])),
    "matrix_rank": lambda t: t.linalg.matrix_rank(const(t, M)),
    "atleast_2d": lambda t: [t.atleast_1d(t.tensor(1.0)), t.atleast_2d(t.tensor([1.0])), t.atleast_3d(t.tensor([1.0]))],
    "nanquantile": lambda t: t.nanquantile(const(t, [1.0, float("nan"), 3.0]), 0.5),
    "logical_on_numbers": lambda t: [t.logical_and(const(t, V), const(t, 1.0)), t.logical_not(const(t, [0.0, 2.0]))],
    "bernoulli_of_certain": lambda t: t.bernoulli(const(t, [0.0, 1.0])),
    "unravel": lambda t: t.ravel(t.tensor(X)),
    "multinomial_of_certain": lambda t: t.multinomial(const(t, [0.0, 1.0, 0.0]), 2, replacement=True),
    "broadcast_shapes": lambda t: list(t.broadcast_shapes((2, 1), (3,))),
    "numel_and_is": lambda t: [t.numel(t.zeros(2, 3)), t.is_nonzero(t.tensor(1.0)), t.is_same_size(t.zeros(2), t.ones(2))],
}

WITH_GRADIENT = {
    "cross": (lambda t, a, b: t.linalg.cross(a, b), V, [1.0, 2.0, 3.0]),
    "trace": (lambda t, m: t.trace(m), M),
    "block_diag": (lambda t, a, b: t.block_diag(a, b), X, N),
    "kron": (lambda t, a, b: t.kron(a, b), X, N),
    "diff": (lambda t, x: t.diff(x, dim=0), X),
    "diff_of_second_order": (lambda t, x: x.diff(n=2), X),
    "unfold": (lambda t, x: x.unfold(1, 2, 1), X),
    "scatter_reduce": (lambda t, x: x.scatter_reduce(1, t.tensor([[0, 2], [1, 1]]), const(t, [[10.0, 20.0], [30.0, 40.0]]), "sum"), X),
    "index_reduce_by_amax": (lambda t, x: x.index_reduce(0, t.tensor([0]), const(t, [[9.0, 0.0, 9.0]]), "amax"), X),
    "renorm": (lambda t, x: x.renorm(2, 0, 1.0), N),
    "cov": (lambda t, x: t.cov(x), X),
    "corrcoef": (lambda t, x: t.corrcoef(x), [[1.0, 2.0, 4.0], [3.0, 1.0, 0.0]]),
    "trapezoid": (lambda t, x: t.trapezoid(x, dim=1), X),
    "cumulative_trapezoid": (lambda t, x: t.cumulative_trapezoid(x, dim=1), X),
    "var_mean": (lambda t, x: t.stack(t.var_mean(x)), V),
    "cosine_similarity": (lambda t, a, b: t.nn.functional.cosine_similarity(a, b, dim=0), V, [1.0, 2.0, 3.0]),
    "pairwise_distance": (lambda t, a, b: t.nn.functional.pairwise_distance(a, b), V, [1.0, 2.0, 3.0]),
    "pad_by_zeros": (lambda t, x: t.nn.functional.pad(x, (1, 2)), X),
    "pad_by_a_number": (lambda t, x: t.nn.functional.pad(x, (1, 0, 0, 1), value=9.0), X),
    "pad_cuts": (lambda t, x: t.nn.functional.pad(x, (-1, 0)), X),
    "pad_reflects": (lambda t, x: t.nn.functional.pad(x[None], (1, 1), mode="reflect"), X),
    "pad_replicates": (lambda t, x: t.nn.functional.pad(x[None], (1, 1), mode="replicate"), X),
    "kl_div": (lambda t, x: t.nn.functional.kl_div(x.log_softmax(0), const(t, [0.2, 0.3, 0.5]), reduction="sum"), V),
    "kl_div_of_logarithms": (lambda t, x: t.nn.functional.kl_div(x, const(t, [-1.0, -2.0, -0.5]), reduction="batchmean", log_target=True), V),
    "hinge_embedding_loss": (lambda t, x: t.nn.functional.hinge_embedding_loss(x, const(t, [1.0, -1.0, 1.0])), V),
    "soft_margin_loss": (lambda t, x: t.nn.functional.soft_margin_loss(x, const(t, [1.0, -1.0, 1.0])), V),
    "poisson_nll_loss": (lambda t, x: t.nn.functional.poisson_nll_loss(x, const(t, [0.2, 0.3, 0.5])), V),
    "gaussian_nll_loss": (lambda t, x, y, v: t.nn.functional.gaussian_nll_loss(x, y, v), V, [0.2, 0.3, 0.5], [0.2, 0.3, 0.5]),
    "margin_ranking_loss": (lambda t, x, y: t.nn.functional.margin_ranking_loss(x, y, const(t, [1.0, -1.0, 1.0])), V, [0.2, 0.3, 0.5]),
    "special_expit": (lambda t, x: t.special.expit(x), V),
    "special_logit": (lambda t, x: t.special.logit(x), [0.2, 0.5, 0.7]),
    "special_log1p": (lambda t, x: t.special.log1p(x), [0.2, 0.5, 0.7]),
    "linalg_vecdot": (lambda t, a, b: t.linalg.vecdot(a, b), X, [[1.0, 0.0, 2.0], [0.5, 0.5, 0.5]]),
}

BY_SUMS = {
    "pinv": (lambda t, m: t.linalg.pinv(m), M),
    "qr": (lambda t, m: t.linalg.qr(m).R.abs(), M),
    "matrix_exp": (lambda t, m: t.matrix_exp(m), [[0.0, 0.1], [-0.1, 0.0]]),
    "matrix_power": (lambda t, m: t.linalg.matrix_power(m, -2), M),
    "cond": (lambda t, m: t.linalg.cond(m), M),
    "cdist": (lambda t, a, b: t.cdist(a, b), M, N),
    "lstsq": (lambda t, a, b: t.linalg.lstsq(a, b).solution, [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [[1.0], [3.0], [4.0]]),
    "lu_of_a_matrix": (lambda t, m: t.linalg.lu(m)[2], M),
    "eigh_projector": (lambda t, m: t.linalg.eigh(m).eigenvectors[:, :1] @ t.linalg.eigh(m).eigenvectors[:, :1].mT, N),
    "svd_of_rank_two": (lambda t, x: t.linalg.svd(x, full_matrices=False).S, X),
    "normalize": (lambda t, x: t.nn.functional.normalize(x, dim=1), N),
    "normalize_by_sums": (lambda t, x: t.nn.functional.normalize(x, p=1, dim=0), N),
    "layer_norm": (lambda t, x: t.nn.functional.layer_norm(x, (3,)), N),
    "layer_norm_with_weights": (lambda t, x, w, b: t.nn.functional.layer_norm(x, (3,), w, b), X, V, [1.0, 2.0, 3.0]),
    "batch_norm": (lambda t, x: t.nn.functional.batch_norm(x, None, None, training=True), [[1.0, 2.0], [4.0, 3.0], [0.0, 5.0]]),
    "rms_norm": (lambda t, x: t.nn.functional.rms_norm(x, (3,)), N),
    "logcumsumexp": (lambda t, x: t.logcumsumexp(x, 1), X),
}

for _name, _function in WITHOUT_GRADIENT.items():
    add(f"rare/{_name}", _function, (70,))
for _name, (_function, *_points) in WITH_GRADIENT.items():
    add(f"rare/{_name}", gradient(_function, *_points), (70,), rtol=1e-12, why=ORDER)
for _name, (_function, *_points) in BY_SUMS.items():
    add(f"rare/{_name}", gradient(_function, *_points), (70, 72), rtol=1e-10, why=ORDER)
