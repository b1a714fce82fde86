"""Calls of torch's functions that both libraries answer: each is an expression over named inputs.

``record_torch.py`` evaluates them with torch and stores what it finds; ``test_torch_functions.py`` compares.
T holds functions and methods, F torch.nn.functional, L torch.linalg, S torch.special, G is x[key].
"""

import numpy as np

NAN, INF = float("nan"), float("inf")


def inputs():
    """Return the arrays that the expressions name."""
    rng = np.random.default_rng(20)

    def unit(*shape):
        return np.round(rng.uniform(0.1, 0.9, shape), 3)

    def wide(*shape):
        return np.round(rng.uniform(-2.0, 2.0, shape), 3)

    square = wide(3, 3)
    return {
        "a": unit(2, 3), "b": unit(2, 3), "c": wide(2, 3), "d": wide(2, 3),
        "z": np.array([[0.0, 1.0, -1.0], [1.0, 1.0, 0.0]]),
        "h": np.array([[NAN, INF, -INF], [0.0, -1.5, 2.0]]),
        "o": np.zeros((2, 3)),
        "s": np.round(square @ square.T + 3 * np.eye(3), 3), "q": wide(3, 3) + 3 * np.eye(3), "w": wide(3, 2),
        "v": wide(3), "u": wide(3), "e": np.float64(0.7), "t": wide(2, 2, 3), "r": wide(2, 3, 2), "g": wide(2, 4, 4),
        "l": wide(4, 3), "p": wide(2, 3, 3) + 3 * np.eye(3),
        "f": wide(2, 3).astype(np.float32),
        "n": np.array([[3, -2, 0], [5, 1, -4]]), "m": np.array([[1, 2, 3], [3, 2, 1]]),
        "k": np.array([[True, False, True], [False, False, True]]), "j": np.array([[True, True, False], [False, True, False]]),
        "i": np.array([1, 0, 1]), "y": np.array([2, 0]), "x": np.array([[0, 2], [1, 1]]), "kv": np.array([True, False, True]),
    }  # fmt: skip


def lines(text):
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


UNARY = [
    f"T.{name}({x})"
    for name in (
        "sqrt rsqrt exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh atanh erf erfc erfinv lgamma "
        "digamma sigmoid abs neg sign sgn floor ceil round trunc frac square reciprocal sinc deg2rad rad2deg i0 logit nan_to_num "
        "arcsin arccos arctan arcsinh arctanh absolute negative fix"
    ).split()
    for x in ("a",)
] + lines("""
T.acosh(a + 2)
T.arccosh(a + 2)
T.sin(n)
T.sqrt(n)
T.abs(n)
T.neg(n)
T.square(n)
T.floor(n)
T.sign(n)
T.abs(z)
T.sqrt(o)
T.sign(h)
T.sigmoid(h)
T.nan_to_num(h)
T.nan_to_num(h, 1.0, 2.0, -3.0)
T.round(c, decimals=1)
T.round(c * 100, decimals=-1)
T.logit(z, 0.1)
T.polygamma(1, a)
T.polygamma(0, a)
T.polygamma(2, a)
T.mvlgamma(a + 3, 2)
T.isnan(h)
T.isinf(h)
T.isfinite(h)
T.isposinf(h)
T.isneginf(h)
T.isreal(h)
T.isnan(n)
T.isfinite(n)
T.signbit(c)
T.signbit(n)
T.logical_not(n)
T.logical_not(k)
T.bitwise_not(n)
T.bitwise_not(k)
T.reciprocal(n)
T.sinc(z)
S.i1(c)
S.ndtr(c)
S.entr(a)
S.entr(z)
S.expit(c)
S.psi(a)
S.gammaln(a)
S.xlog1py(a, b)
S.bessel_j0(a.detach())
S.bessel_y1(a.detach())
""")

BINARY = lines("""
T.add(c, d)
T.add(c, d, alpha=2)
T.add(c, 1.5)
T.add(k, j)
T.sub(c, v)
T.sub(c, d, alpha=0.5)
T.rsub(c, 2)
T.rsub(c, d)
T.mul(c, d)
T.mul(k, j)
T.mul(c, n)
T.div(c, d)
T.div(n, m)
T.div(c, d, rounding_mode="trunc")
T.div(n, m, rounding_mode="floor")
T.div(n, m, rounding_mode="trunc")
T.floor_divide(n, m)
T.remainder(c, b)
T.remainder(c, 0.7)
T.remainder(n, m)
T.fmod(c, b)
T.fmod(c, 0.7)
T.fmod(n, m)
T.pow(c, 2)
T.pow(c, 3.0)
T.pow(a, 0.5)
T.pow(a, -1)
T.pow(a, 2.5)
T.pow(a, b)
T.pow(2, c)
T.pow(2.5, c)
T.pow(z, 2)
T.pow(z, 1)
T.pow(z, 0)
T.pow(o, 0.5)
T.pow(o, b)
T.pow(o, 2.5)
T.pow(n, 3)
T.pow(m, m)
T.pow(n, m)
T.pow(n, 2.0)
T.float_power(n, 2)
T.maximum(c, d)
T.maximum(z, z * 1)
T.maximum(z, o)
T.minimum(z, o)
T.minimum(n, m)
T.fmax(c, h)
T.fmin(h, c)
T.fmax(z, o)
T.atan2(c, d)
T.hypot(c, d)
T.hypot(o, o * 1)
T.logaddexp(c, d)
T.logaddexp2(c, d)
T.ldexp(c, d)
T.xlogy(a, b)
T.xlogy(o, b)
T.xlogy(a, 2.0)
T.copysign(c, d)
T.copysign(c, -1.0)
T.heaviside(z, b)
T.eq(n, m)
T.ne(c, d)
T.lt(c, d)
T.le(n, 1.5)
T.gt(c, n)
T.ge(n, m)
T.greater(c, d)
T.less_equal(c, d)
T.not_equal(n, m)
T.logical_and(k, n)
T.logical_or(k, j)
T.logical_xor(n, m)
T.bitwise_and(n, m)
T.bitwise_or(n, 4)
T.bitwise_xor(n, m)
T.bitwise_and(k, j)
T.bitwise_xor(k, j)
T.bitwise_left_shift(m, m)
T.bitwise_right_shift(n, m)
T.where(k, c, d)
T.where(k, c, 0.5)
T.where(k, n, c)
T.where(kv, c, v)
T.clamp(c, -0.5, 0.5)
T.clamp(c, min=0.1)
T.clamp(c, max=0.1)
T.clamp(z, 0.0, 1.0)
T.clamp(c, a - 0.5, b)
T.clamp(c, min=b)
T.clamp(n, 0, 2)
T.clamp(n, max=1.5)
T.clamp_min(c, 0.2)
T.clamp_max(c, 0.2)
T.clip(c, -1, 1)
T.lerp(c, d, 0.3)
T.lerp(c, d, 0.8)
T.lerp(c, d, a)
T.addcmul(c, a, b)
T.addcmul(c, a, b, value=0.5)
T.addcdiv(c, a, b, value=2)
T.isclose(c, c + 1e-9)
T.isclose(h, h, equal_nan=True)
T.dist(c, d)
T.dist(c, d, 1)
c + d
2 - c
2 / c
c / 2
c ** 2
-c
""")

REDUCTIONS = lines("""
T.sum(c)
T.sum(c, 1)
T.sum(c, (0, 1))
T.sum(c, -1, keepdim=True)
T.sum(n)
T.sum(k, 0)
T.sum(f, dtype=DOUBLE)
T.nansum(h * 1, 0)
T.nanmean(z)
T.prod(c)
T.prod(z)
T.prod(z, 1)
T.prod(z, 0, keepdim=True)
T.prod(n)
T.mean(c)
T.mean(c, 1)
T.mean(c, (0, 1), True)
T.var(c)
T.var(c, 1)
T.var(c, 1, unbiased=False)
T.var(c, 0, correction=0)
T.var(c, dim=1, keepdim=True)
T.std(c)
T.std(c, 1)
T.std(o)
T.var(e)
T.var_mean(c, 1)
T.std_mean(c)
T.norm(c)
T.norm(c, 1)
T.norm(c, 3, 1)
T.norm(c, INF)
T.norm(c, -INF)
T.norm(c, 0)
T.norm(o)
T.norm(z, 1, 1)
T.norm(z, INF, 1)
T.norm(z, 3, 0)
T.norm(c, dim=1, keepdim=True)
T.renorm(c * 1.5, 2, 0, 1.0)
T.cdist(c, d)
T.cdist(c, d, 1.0)
T.cov(c)
T.corrcoef(l)
T.trapezoid(c)
T.trapezoid(c, v, dim=1)
T.trapezoid(c, dx=0.5, dim=0)
T.cumulative_trapezoid(c, v)
T.histc(c.detach(), 4)
T.histc(c.detach(), 3, -1.0, 1.0)
T.gcd(n, m)
T.lcm(n, m)
T.isin(n, m)
T.frexp(c.detach())
T.logsumexp(c, 1)
T.logsumexp(c, (0, 1), True)
T.amax(c, 1)
T.amax(z, 1)
T.amin(z, (0, 1))
T.amax(z)
T.amin(n, 0, True)
T.max(c)
T.max(z)
T.max(z, 1)
T.min(z, 0)
T.min(z)
T.max(c, 1, True)
T.max(n, 1)
T.max(k, 1)
T.max(c, d)
T.min(c, d)
T.max(h, 0)
T.aminmax(c)
T.aminmax(z, dim=1)
T.argmax(z)
T.argmax(c, 1)
T.argmin(c, 0, True)
T.argmax(c, -1, keepdim=True)
T.any(k)
T.any(k, 1)
T.all(n)
T.all(k, 0, True)
T.count_nonzero(z)
T.count_nonzero(z, 1)
T.sum(e)
T.sum(e, 0)
T.max(e, 0)
T.mean(t, (0, 2))
T.sum(t, (0, -1), keepdim=True)
T.median(c)
T.median(c, 1)
T.median(z)
T.median(n, 0)
T.median(h)
T.nanmedian(h)
T.nanmedian(h, 1)
T.quantile(c, 0.3)
T.quantile(c, 0.3, 1)
T.quantile(c, 0.5, 0, True)
T.quantile(c, a[0].detach(), 1)
T.quantile(c, 0.3, 1, interpolation="lower")
T.quantile(c, 0.3, 1, interpolation="midpoint")
T.quantile(c, 0.35, 1, interpolation="nearest")
T.nanquantile(h * 1, 0.5, 1, interpolation="higher")
T.mode(m, 0)
T.mode(z, 1)
T.softmax(c, 1)
T.softmax(c, 0)
T.softmax(f, -1)
T.log_softmax(c, 1)
T.log_softmax(c * 1000, 1)
T.softmax(c, 1, dtype=FLOAT)
""")

PRODUCTS = lines("""
T.matmul(c, w)
T.matmul(v, u)
T.matmul(c, v)
T.matmul(v, w)
T.matmul(t, w)
T.matmul(t, r)
T.matmul(t, v)
T.matmul(v, r)
T.matmul(n, T.t(m))
T.mm(c, w)
T.bmm(t, r)
T.mv(c, v)
T.dot(v, u)
T.inner(v, u)
T.inner(c, d)
T.outer(v, u)
T.ger(v, u)
T.addmm(q, s, q)
T.addmm(q, s, q, beta=0.5, alpha=2)
T.addmv(c[:, 0], c, v)
T.addr(q, v, u)
T.addbmm(q[:2, :2], t, r)
T.baddbmm(t[:, :, :2], t, r, alpha=0.5)
T.einsum("ij,kj->ik", c, d)
T.einsum("ij->ji", c)
T.einsum("ii->i", q)
T.einsum("bij,bjk->bik", t, r)
T.tensordot(c, d, dims=2)
T.tensordot(c, w, dims=1)
T.tensordot(c, d, dims=([0], [0]))
T.kron(c, w)
T.cross(q, s, dim=1)
T.cross(v, u, dim=0)
T.trace(q)
T.vander(v)
T.vander(v, 3, True)
L.multi_dot([c, q, w])
L.vecdot(c, d)
L.cross(q, s)
L.vander(v)
F.linear(c, d)
F.linear(c, d, c[:, 0])
F.linear(t, d)
F.linear(v, d)
F.linear(t, d, v[:2])
F.bilinear(c, d, p)
""")

SHAPES = lines("""
T.reshape(c, (3, 2))
T.reshape(c, (-1,))
T.view(c, 3, 2)
T.view(c, (6,))
T.view_as(c, w)
T.flatten(t)
T.flatten(t, 1)
T.ravel(c)
T.unflatten(c, 1, (3, 1))
T.unflatten(t, -1, (-1, 3))
T.permute(t, (2, 0, 1))
T.transpose(t, 0, 2)
T.swapaxes(c, 0, 1)
T.movedim(t, 0, 2)
T.movedim(t, (0, 1), (2, 0))
T.t(c)
T.t(v)
c.T
t.mT
T.adjoint(t)
T.squeeze(c[:1])
T.squeeze(c[:1], 0)
T.squeeze(c[:1], (0, 1))
T.unsqueeze(c, 0)
T.unsqueeze(c, -1)
T.expand(v, 2, 3)
T.expand(v, (2, -1))
T.expand_as(v, c)
T.broadcast_to(v, (2, 3))
c.repeat(2, 1)
v.repeat(2, 2)
T.tile(c, (2,))
T.tile(c, (2, 1))
T.repeat_interleave(c, 2)
T.repeat_interleave(c, 2, 1)
T.repeat_interleave(c, m[0], 1)
T.flip(c, (0,))
T.flip(t, (0, 2))
T.fliplr(c)
T.flipud(c)
T.roll(c, 1)
T.roll(c, 1, 1)
T.roll(c, (1, -1), (0, 1))
T.rot90(c)
T.rot90(c, 2)
T.rot90(c, -1)
T.cat([c, d])
T.cat([c, d], 1)
T.cat([c, n], 0)
T.concat([c, v.reshape(1, 3)])
T.stack([c, d])
T.stack([c, d], -1)
T.hstack([c, d])
T.hstack([v, u])
T.vstack([c, v])
T.dstack([c, d])
T.column_stack([v, u])
T.split(c, 2, 1)
T.split(c, [1, 2], 1)
T.chunk(c, 2, 1)
T.tensor_split(v, 2)
T.hsplit(c, 3)
T.unbind(c, 1)
T.narrow(c, 1, 1, 2)
T.select(c, 1, -1)
T.diag(v)
T.diag(v, 1)
T.diag(q)
T.diag(q, -1)
T.diagonal(q)
T.diagonal(q, 1)
T.diagonal(t, 0, 1, 2)
T.diagonal(t, -1, 0, 2)
T.diag_embed(c)
T.diag_embed(c, 1, 0, 2)
T.diagflat(c)
T.tril(q)
T.tril(q, 1)
T.triu(q, -1)
T.triu(t)
T.block_diag(c, w)
T.meshgrid(v, u, indexing="ij")
T.meshgrid(v, c[0], indexing="xy")
T.cartesian_prod(v, u)
T.combinations(v)
T.broadcast_tensors(v, c)
T.atleast_2d(v)
T.atleast_3d(v)
T.diff(c)
T.diff(c, 2, 1)
T.unfold(v, 0, 2, 1)
T.tril_indices(3, 2)
T.triu_indices(2, 3, 1)
F.pad(c, (1, 2))
F.pad(c, (1, 0, 0, 2), value=3.0)
F.pad(c, (-1, 1))
F.pad(t, (2, 1), mode="reflect")
F.pad(t, (1, 2), mode="replicate")
F.pad(t, (1, 2), mode="circular")
""")

INDEXING = lines("""
c[0]
c[-1]
c[0, 1]
c[:1]
c[:, 1:]
c[..., 1]
c[None]
c[:, None, :]
t[:, ::2]
t[1, ..., 0]
c[i]
c[:, i]
c[[1, 0]]
c[:, [0, 2]]
c[y // 2, y]
t[:, y // 2, y]
t[y // 2, :, y]
t[0, :, i]
t[0, i]
c[x // 2]
c[k]
c[k & j]
t[:, k]
c[:, kv]
c[y // 2, 1:]
c[True]
c[False]
c[T.tensor_of(1)]
c[T.tensor_of(True)]
c[T.tensor_of(False)]
c[-i]
T.gather(c, 1, x)
T.gather(c, 0, x // 2)
T.take_along_dim(c, x, 1)
T.take_along_dim(c, T.argsort(c, 1), 1)
T.index_select(c, 1, i)
T.index_select(c, 0, y // 2)
T.take(c, x)
T.masked_select(c, k)
T.scatter(c, 1, m - 1, d)
T.scatter(c, 0, x[:1, :1] // 2, d[:1, :1])
T.scatter(c, 1, x, 2.0)
T.scatter_add(c, 1, x, d[:, :2])
T.scatter_add(c, 0, x // 2, d[:, :2])
T.index_add(c, 1, i, d)
T.index_add(c, 0, y // 2, d, alpha=2)
T.index_copy(c, 1, y, d[:, :2])
T.index_fill(c, 1, y, 3.0)
T.index_put(c, (y // 2, y), v[:2])
T.index_put(c, (y // 2, y), v[:2], accumulate=True)
T.index_put(c, (i, i), v, accumulate=True)
T.masked_fill(c, k, 2.0)
T.masked_fill(c, k, e)
T.masked_fill(c, kv, 0.0)
T.masked_scatter(c, k, d)
T.put(c, y, v[:2])
T.scatter_reduce(c, 1, x, d[:, :2], "sum")
T.scatter_reduce(c, 1, x, d[:, :2], "mean")
T.scatter_reduce(c, 1, x, d[:, :2], "mean", include_self=False)
T.scatter_reduce(c, 1, x, d[:, :2], "amax")
T.scatter_reduce(z, 0, m // 2, o, "amin")
T.scatter_reduce(c, 1, x, d[:, :2], "amax", include_self=False)
T.index_reduce(c, 1, i, d, "amin")
T.put(c, y, v[:2], accumulate=True)
T.nonzero(z)
T.argwhere(k)
T.nonzero(k, as_tuple=True)
T.where(k)
F.embedding(x, w)
F.embedding(x, w, padding_idx=1)
F.one_hot(y)
F.one_hot(y, 4)
""")

SORTING = lines("""
T.sort(c)
T.sort(c, 0, descending=True)
T.sort(z, dim=1, stable=True)
T.sort(z, dim=1, descending=True, stable=True)
T.sort(h, 1)
T.argsort(c)
T.argsort(c, 0, True)
T.msort(c)
T.topk(c, 2)
T.topk(c, 1, 0, largest=False)
T.kthvalue(c, 2)
T.kthvalue(c, 1, 0, True)
T.cumsum(c, 1)
T.cumsum(n, 0)
T.cumprod(c, 1)
T.cumprod(z, 1)
T.cumprod(z, 0)
T.logcumsumexp(c, 1)
T.logcumsumexp(c * 500, 0)
T.cummax(c, 1)
T.cummax(z, 1)
T.cummin(c, 0)
T.cummin(z, 1)
T.cummax(n, 0)
T.searchsorted(T.sort(v)[0].detach(), u)
T.searchsorted(m[0], n)
T.searchsorted(m[0], n, right=True)
T.bucketize(n, m[0])
T.unique(m)
T.unique(m, return_inverse=True, return_counts=True)
T.unique_consecutive(m)
T.bincount(m[0])
T.bincount(m[0], v.detach())
T.bincount(m[0], minlength=6)
""")

LINALG = lines("""
L.det(q)
L.det(p)
L.slogdet(q)
T.logdet(s)
L.inv(q)
L.inv(p)
T.inverse(q)
L.solve(q, w)
L.solve(q, v)
L.solve(p, r)
L.solve(q, c, left=False)
L.solve_triangular(q, w, upper=False)
L.solve_triangular(q, w, upper=True)
L.solve_triangular(q, c, upper=True, left=False)
L.solve_triangular(q, w, upper=True, unitriangular=True)
L.cholesky(s)
L.cholesky(s, upper=True)
T.cholesky_solve(w, L.cholesky(s))
L.qr(q)
L.qr(l)
L.qr(c)[1]
L.eigvalsh(s)
L.eigh(s)[0]
T.square(L.eigh(s)[1])
L.svdvals(q)
L.svdvals(c)
T.square(L.svd(q)[0])
T.square(L.svd(c, full_matrices=False)[2])
L.pinv(q)
L.pinv(l)
L.pinv(c)
L.matrix_power(q, 3)
L.matrix_power(q, -2)
L.matrix_power(q, 1)
L.vector_norm(c)
L.vector_norm(c, 3, 1)
L.matrix_norm(q)
L.matrix_norm(q, 1)
L.matrix_norm(q, -INF)
L.matrix_norm(q, 2)
L.matrix_norm(p, "nuc")
L.norm(q)
L.norm(q, 2)
L.norm(c, 1, 1)
L.norm(v, INF)
L.cond(q)
L.matrix_rank(q)
L.diagonal(p)
L.matrix_exp(q)
T.matrix_exp(p)
L.lstsq(l, T.matmul(l, q))[0]
""")

NN = lines("""
F.relu(c)
F.relu(z)
F.relu6(c * 4)
F.relu6(n)
F.leaky_relu(c)
F.leaky_relu(c, 0.2)
F.elu(c)
F.elu(c, 0.5)
F.selu(c)
F.celu(c, 0.5)
F.gelu(c)
F.gelu(c, approximate="tanh")
F.silu(c)
F.mish(c)
F.hardtanh(c)
F.hardtanh(z)
F.hardsigmoid(c * 3)
F.hardswish(c * 3)
F.softplus(c)
F.softplus(c * 20)
F.softplus(c, 2.0)
F.softsign(c)
F.tanhshrink(c)
F.softshrink(c)
F.hardshrink(c)
F.threshold(c, 0.1, 5.0)
F.sigmoid(c)
F.logsigmoid(c)
F.tanh(c)
F.prelu(c, v)
F.prelu(c, v[:1])
F.glu(g)
F.softmax(c, 1)
F.softmin(c, 1)
F.log_softmax(c, 0)
F.normalize(c)
F.normalize(c, 1, 0)
F.layer_norm(c, (3,))
F.layer_norm(c, (3,), v, u)
F.layer_norm(t, (2, 3))
F.batch_norm(c, None, None, training=True)
F.batch_norm(t, None, None, v[:2], u[:2], training=True)
F.batch_norm(c, v.detach(), a[0].detach())
F.mse_loss(c, d)
F.mse_loss(c, d, reduction="none")
F.mse_loss(c, d, reduction="sum")
F.l1_loss(c, d)
F.l1_loss(z, o)
F.l1_loss(c, d, reduction="none")
F.kl_div(c, a, reduction="none")
F.smooth_l1_loss(c, d)
F.smooth_l1_loss(c, d, beta=0.3)
F.huber_loss(c, d)
F.huber_loss(c, d, delta=0.4)
F.cross_entropy(c, y)
F.cross_entropy(c, y, reduction="none")
F.cross_entropy(c, y, reduction="sum")
F.cross_entropy(c, y, weight=a[0].detach())
F.cross_entropy(c, y, ignore_index=0)
F.cross_entropy(c, y, label_smoothing=0.1)
F.cross_entropy(c, y, weight=a[0].detach(), label_smoothing=0.2)
F.cross_entropy(c, y, ignore_index=2, label_smoothing=0.2)
F.cross_entropy(c, y, ignore_index=2, weight=a[0].detach(), label_smoothing=0.2, reduction="none")
F.cross_entropy(c, a)
F.cross_entropy(c, a, label_smoothing=0.1)
F.cross_entropy(c, a, weight=b[0].detach())
F.cross_entropy(v, y[0])
F.cross_entropy(r, x)
F.nll_loss(c, y)
F.nll_loss(c, y, weight=a[0].detach(), reduction="sum")
F.binary_cross_entropy(a, b)
F.binary_cross_entropy(a, b, reduction="none")
F.binary_cross_entropy(a, b, weight=v.detach())
F.binary_cross_entropy_with_logits(c, a)
F.binary_cross_entropy_with_logits(c * 100, a)
F.binary_cross_entropy_with_logits(c, a, pos_weight=b[0].detach(), reduction="sum")
F.kl_div(c, a)
F.kl_div(c, a, reduction="batchmean")
F.kl_div(c, d, log_target=True, reduction="sum")
F.cosine_similarity(c, d)
F.cosine_similarity(c, v, 1)
F.pairwise_distance(c, d)
F.hinge_embedding_loss(c, T.sign(d.detach()))
F.hinge_embedding_loss(c, T.sign(d.detach()), margin=2.0, reduction="sum")
F.soft_margin_loss(c, T.sign(d.detach()))
F.poisson_nll_loss(c, a)
F.poisson_nll_loss(a, b * 9, log_input=False, full=True)
F.gaussian_nll_loss(c, d, a)
F.gaussian_nll_loss(c, d, a, full=True, reduction="none")
F.margin_ranking_loss(c, d, T.sign(c.detach()), 0.5)
F.triplet_margin_loss(c, d, a)
F.rms_norm(c, (3,))
F.rms_norm(c, (3,), v, 1e-3)
F.group_norm(g, 2)
F.group_norm(g, 2, q[0].repeat(2)[:4], l[:, 0])
F.pairwise_distance(c, d, 1.0, keepdim=True)
""")

GROUPS = {
    "unary": UNARY, "binary": BINARY, "reductions": REDUCTIONS, "products": PRODUCTS, "shapes": SHAPES, "indexing": INDEXING,
    "sorting": SORTING, "linalg": LINALG, "nn": NN,
}  # fmt: skip

# expression, and the phrase of torch's that ours has too
ERRORS = [
    ("T.add(c, w)", "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1"),
    ("T.sum(v, 2)", "Dimension out of range (expected to be in range of [-1, 0], but got 2)"),
    ("T.sum(c, (0, 0))", "dim 0 appears multiple times in the list of dims"),
    ("T.softmax(c, -3)", "Dimension out of range (expected to be in range of [-2, 1], but got -3)"),
    ("T.unsqueeze(c, 4)", "Dimension out of range (expected to be in range of [-3, 2], but got 4)"),
    ("T.mm(c, d)", "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"),
    ("T.matmul(c, d)", "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"),
    ("T.matmul(t, c)", "mat1 and mat2 shapes cannot be multiplied (4x3 and 2x3)"),
    ("T.matmul(v, c)", "mat1 and mat2 shapes cannot be multiplied (1x3 and 2x3)"),
    ("T.matmul(c, f.T)", "expected m1 and m2 to have the same dtype, but got: double != float"),
    ("T.matmul(e, c)", "both arguments to matmul need to be at least 1D, but they are 0D and 2D"),
    ("T.matmul(v, v[:2])", "inconsistent tensor size"),
    ("T.matmul(t, t)", "Expected size for first two dimensions of batch2 tensor to be: [2, 3] but got: [2, 2]."),
    ("T.dot(c, c)", "1D tensors expected, but got 2D and 2D tensors"),
    ("T.mv(c, v[:2])", "size mismatch, got input (2), mat (2x3), vec (2)"),
    ("T.mean(n)", "mean(): could not infer output dtype"),
    ("T.var(n)", "std and var only support floating point and complex dtypes"),
    ("T.sub(k, j)", "Subtraction, the `-` operator, with two bool tensors is not supported."),
    ("T.neg(k)", "Negation, the `-` operator, on a bool tensor is not supported."),
    ("T.pow(n, -1)", "Integers to negative integer powers are not allowed."),
    ("T.reshape(c, (4, 2))", "shape '[4, 2]' is invalid for input of size 6"),
    ("T.reshape(c, (-1, 4))", "shape '[-1, 4]' is invalid for input of size 6"),
    ("T.reshape(c, (-1, -1))", "only one dimension can be inferred"),
    ("T.permute(c, (0, 0))", "permute(): duplicate dims are not allowed."),
    ("T.t(t)", "t() expects a tensor with <= 2 dimensions, but self is 3D"),
    ("T.expand(c, (2, 4))", "The expanded size of the tensor (4) must match the existing size (3) at non-singleton dimension 1"),
    ("T.cat([c, w])", "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 2 for tensor number 1"),
    ("T.cat([c, v])", "Tensors must have same number of dimensions: got 2 and 1"),
    ("T.cat([])", "expected a non-empty list of Tensors"),
    ("T.stack([c, v])", "stack expects each tensor to be equal size, but got [2, 3] at entry 0 and [3] at entry 1"),
    ("T.split(c, [1, 1], 1)", "split_with_sizes expects split_sizes to sum exactly to 3"),
    ("T.narrow(c, 1, 2, 2)", "exceeds dimension size (3)."),
    ("c[5]", "index 5 is out of bounds for dimension 0 with size 2"),
    ("c[:, 3]", "index 3 is out of bounds for dimension 1 with size 3"),
    ("c[0, 0, 0]", "too many indices for tensor of dimension 2"),
    ("c[i + 4]", "out of bounds for dimension 0 with size 2"),
    ("c[k[:, :2]]", "The shape of the mask [2, 2] at index"),
    ("c[i, y]", "shape mismatch: indexing tensors could not be broadcast together with shapes [3], [2]"),
    ("c[v]", "tensors used as indices must be long, int, byte or bool tensors"),
    ("c[::-1]", "step must be greater than zero"),
    ("e[0]", "invalid index of a 0-dim tensor."),
    ("T.gather(c, 1, x + 3)", "out of bounds for dimension 1 with size 3"),
    ("T.gather(c, 1, i)", "Index tensor must have the same number of dimensions as input tensor"),
    ("T.index_select(c, 0, i + 4)", "index out of range in self"),
    ("T.masked_fill(c, k, v)", "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with 1 dimension(s)."),
    ("T.masked_fill(c, n, 1.0)", "masked_fill_ only supports boolean masks"),
    ("T.max(T.zeros_of(0))", "max(): Expected reduction dim to be specified for input.numel() == 0."),
    ("T.amax(T.zeros_of(0), 0)", "Expected reduction dim 0 to have non-zero size."),
    ("T.topk(c, 5)", "selected index k out of range"),
    ("T.where(c, c, d)", "where expected condition to be a boolean tensor, but got a tensor with dtype Double"),
    ("T.lerp(c, f, 0.5)", "expected dtype double for `end` but got dtype float"),
    ("L.inv(c)", "A must be batches of square matrices, but they are 2 by 3 matrices"),
    ("L.inv(q * 0)", "singular"),
    ("L.solve(q * 0, w)", "singular"),
    ("L.cholesky(-s)", "positive-definite"),
    ("L.solve(q, c)", "Incompatible shapes of A and B for the equation AX = B"),
    ("F.cross_entropy(c, i)", "Expected input batch_size (2) to match target batch_size (3)."),
    ("F.cross_entropy(c, y + 3)", "is out of bounds."),
    ("F.mse_loss(c, d, reduction='most')", "most is not a valid value for reduction"),
    ("F.linear(c, w)", "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"),
    ("F.dropout(c, 1.5)", "dropout probability has to be between 0 and 1, but got 1.5"),
    ("F.one_hot(n)", "Class values must be non-negative."),
    ("F.layer_norm(c, (2,))", "Given normalized_shape=[2], expected input with shape [*, 2], but got input of size[2, 3]"),
    ("F.binary_cross_entropy(c, a)", "all elements of input should be between 0 and 1"),
]

PROMOTED = ("T.add({}, {})", "T.mul({}, {})", "T.div({}, {})", "T.floor_divide({}, {})", "T.pow({}, {})", "T.maximum({}, {})",
            "T.eq({}, {})", "T.where(KEY, {}, {})", "T.atan2({}, {})")  # fmt: skip
PROMOTED_NUMBERS = (
    "T.add({}, {})",
    "T.mul({}, {})",
    "T.div({}, {})",
    "T.pow({}, {})",
    "T.floor_divide({}, {})",
    "T.remainder({}, {})",
)
DTYPES = ("float64", "float32", "int64", "int32", "bool")
