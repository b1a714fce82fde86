"""Sorting, searching, cumulative functions and linear algebra."""

from __future__ import annotations

from .harness import case, const, leaf, raises

SOLVED = {"rtol": 1e-11, "why": "another factorisation, or another order of its sums"}


def gradient(torch, f, *data):
    xs = [leaf(torch, d) for d in data]
    y = f(*xs)
    weights = torch.arange(1.0, y.numel() + 1, dtype=torch.float64).reshape(y.shape)
    return [y.detach(), list(torch.autograd.grad((y * weights).sum(), xs))]


@case(70)
def sort(torch):
    x = [[3.0, 1.0, 2.0], [0.5, 4.0, -1.0]]
    t = const(torch, x)
    return [gradient(torch, lambda x: x.sort().values, x), gradient(torch, lambda x: x.sort(0, descending=True).values, x),
        t.sort().indices, t.sort(descending=True)[1], t.argsort(), torch.argsort(t, dim=0, descending=True),
            gradient(torch, lambda x: x.msort(), x)]


@case(70)
def sort_stable(torch):
    k = torch.tensor([2, 1, 2, 1, 2])
    return [torch.sort(k, stable=True).indices, torch.sort(k, stable=True, descending=True).indices, k.sort().values,
        k.argsort(stable=True)]


@case(70)
def topk_and_kthvalue(torch):
    x = [[3.0, 1.0, 2.0, 5.0], [0.5, 4.0, -1.0, 2.0]]
    t = const(torch, x)
    return [gradient(torch, lambda x: x.topk(2).values, x), t.topk(2).indices,
        gradient(torch, lambda x: x.topk(2, largest=False).values, x), t.topk(1, dim=0), gradient(torch, lambda x: x.kthvalue(2).values, x),
        t.kthvalue(2).indices,
            raises(lambda: t.topk(9), "selected index k out of range"), gradient(torch, lambda x: x.median(1).values, x)]


@case(70)
def unique_and_nonzero(torch):
    k, x = torch.tensor([3, 1, 3, 2, 1]), const(torch, [[0.0, 1.0], [2.0, 0.0]])
    return [k.unique(), torch.unique(k, return_inverse=True, return_counts=True), torch.unique_consecutive(k), x.nonzero(),
        x.nonzero(as_tuple=True), torch.argwhere(x > 0), torch.nonzero(k == 9)]


@case(70)
def cumulative(torch):
    x = [[0.5, -1.0, 2.0], [1.5, 2.5, 0.25]]
    functions = (lambda x: x.cumsum(1), lambda x: x.cumsum(0), lambda x: x.cumprod(1), lambda x: torch.cumprod(x, dim=0),
        lambda x: x.cummax(1).values, lambda x: x.cummin(1).values, lambda x: x.logcumsumexp(1))
    return [gradient(torch, f, x) for f in functions] + [const(torch, x).cummax(1).indices]


@case(70)
def cumulative_integers_and_in_place(torch):
    k, x = torch.tensor([1, 2, 3]), leaf(torch, [1.0, 2.0, 3.0])
    y = x * 1
    y.cumsum_(0)
    y.sum().backward()
    return [k.cumsum(0), k.cumprod(0), torch.cumsum(k, 0, dtype=torch.float32), y.detach(), x.grad,
        raises(lambda: k.cumsum(1), "Dimension out of range")]


@case(71)
def matmul_over_ranks(torch):
    shapes = (((3,), (3,)), ((2, 3), (3,)), ((2,), (2, 3)), ((2, 3), (3, 2)), ((4, 2, 3), (3, 2)), ((4, 2, 3), (4, 3, 2)),
        ((4, 2, 3), (3,)), ((3,), (4, 3, 2)), ((2, 1, 2, 3), (3, 3, 2)), ((1, 1), (1, 1)), ((0, 3), (3, 2)), ((2, 0), (0, 2)))
    found = []
    for a, b in shapes:
        x, y = (((torch.arange(float(torch.zeros(s).numel()), dtype=torch.float64).reshape(s) % 5) - 1.5).requires_grad_() for s in (a, b))
        z = x @ y
        (z**2).sum().backward()
        found.append([z.detach(), x.grad, y.grad])
    return found


@case(71)
def named_products(torch):
    a, b, v = [[1.0, 2.0], [3.0, 4.0]], [[0.5, -1.0], [2.0, 1.5]], [1.0, -2.0]
    return [gradient(torch, torch.mm, a, b), gradient(torch, torch.mv, a, v), gradient(torch, torch.dot, v, v),
        gradient(torch, torch.outer, v, v), gradient(torch, torch.matmul, a, b), gradient(torch, torch.inner, a, b),
            gradient(torch, lambda x, y: torch.bmm(x[None], y[None]), a, b), gradient(torch, torch.vdot, v, v),
            gradient(torch, lambda x, y: torch.tensordot(x, y, 1), a, b), gradient(torch, torch.kron, a, b),
            gradient(torch, lambda x: torch.linalg.multi_dot([x, x, x]), a), gradient(torch, lambda x: torch.matrix_power(x, 3), a),
            gradient(torch, lambda x: torch.chain_matmul(x, x), a)]


@case(71)
def products_with_a_sum(torch):
    a, b, v = [[1.0, 2.0], [3.0, 4.0]], [[0.5, -1.0], [2.0, 1.5]], [1.0, -2.0]
    return [gradient(torch, torch.addmm, b, a, b), gradient(torch, lambda c, x, y: torch.addmm(c, x, y, beta=0.5, alpha=2), v, a, b),
        gradient(torch, torch.addmv, v, a, v), gradient(torch, lambda c, x: torch.addr(c, x, x), a, v),
            gradient(torch, lambda c, x: torch.baddbmm(c[None], x[None], x[None]), a, b),
            gradient(torch, lambda c, x: torch.addbmm(c, x[None], x[None]), a, b)]


@case(71)
def matmul_errors(torch):
    a, b, v = torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(2)
    return [raises(lambda: a @ b, r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3\)"),
        raises(lambda: a @ v, "size mismatch, got input \\(2\\), mat \\(2x3\\), vec \\(2\\)"),
        raises(lambda: torch.dot(v, torch.zeros(3)), "inconsistent tensor size"),
            raises(lambda: torch.tensor(1.0) @ a, "both arguments to matmul need to be at least 1D, but they are 0D and 2D"),
            raises(lambda: a @ b.double().t(), "expected.*same dtype|same dtype"), raises(lambda: torch.mm(a, v), "mat2 must be a matrix"),
            raises(lambda: torch.bmm(a, b), "batch1 must be a 3D tensor")]


@case(71, 74)
def integer_products(torch):
    k = torch.tensor([[1, 2], [3, 4]])
    return [k @ k, k @ torch.tensor([1, 1]), torch.dot(k[0], k[1]), torch.einsum("ij->ji", k)]


@case(71)
def einsum(torch):
    a, b, v = [[1.0, 2.0], [3.0, 4.0]], [[0.5, -1.0], [2.0, 1.5]], [1.0, -2.0]
    one = ("ij->ji", "ij->", "ij->i", "ii->i", "ii", "ij->j", "...j->...", "ba")
    two = ("ij,jk->ik", "ij,jk", "ij,ij->", "ij,kj->ik", "ij,kl->ijkl", "...ij,...jk->...ik", "ij,ij->ij", " i j , j k -> i k ", "ij,ji->")
    found = [gradient(torch, lambda x, s=s: torch.einsum(s, x), a) for s in one] + [gradient(torch, lambda x, y, s=s: torch.einsum(s, x, y),
        a, b) for s in two]
    return [*found, gradient(torch, lambda x, y, z: torch.einsum("ij,j,ik->k", x, y, z), a, v, b),
        gradient(torch, lambda x, y: torch.einsum("bij,bjk->bik", x[None], y[None]), a, b)]


@case(71)
def einsum_errors(torch):
    a = torch.zeros(2, 3)
    return [raises(lambda: torch.einsum("ij,jk", a, a), "einsum\\(\\)"), raises(lambda: torch.einsum("ij->k", a), "output subscript k"),
        raises(lambda: torch.einsum("ijk", a), "einsum\\(\\): the number of subscripts in the equation \\(3\\)"),
            raises(lambda: torch.einsum("ij,jk", a), "einsum\\(\\): more operands|fewer operands"),
            raises(lambda: torch.einsum("i%->i", a), "einsum\\(\\): invalid subscript|einsum")]


M = [[2.0, 0.5, 0.1], [0.25, 3.0, -0.5], [0.3, 0.7, 1.5]]
SPD = [[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]]


@case(72, **SOLVED)
def determinants(torch):
    g = torch.linalg
    return [gradient(torch, g.det, M), gradient(torch, torch.det, [M, SPD]), gradient(torch, torch.logdet, SPD),
        gradient(torch, lambda m: g.slogdet(m)[1], M), g.slogdet(const(torch, M)).sign]


@case(72, differs="the gradient of det is the cofactor matrix, also of a singular matrix", expected=[[4.0, -2.0], [-2.0, 1.0]])
def determinant_of_a_singular_matrix(torch):
    m = leaf(torch, [[1.0, 2.0], [2.0, 4.0]])
    torch.linalg.det(m).backward()
    return m.grad.tolist()


@case(72, **SOLVED)
def inverse_and_solve(torch):
    g, v = torch.linalg, [1.0, -2.0, 0.5]
    return [gradient(torch, g.inv, M), gradient(torch, torch.inverse, SPD), gradient(torch, lambda m: m.inverse(), M),
        gradient(torch, g.solve, M, v), gradient(torch, g.solve, M, SPD), gradient(torch, lambda m, b: g.solve(m, b[:, None]), M, v),
            gradient(torch, lambda m, b: g.solve_triangular(m.tril(), b, upper=False), M, SPD)]


@case(72, **SOLVED)
def cholesky(torch):
    g = torch.linalg
    return [gradient(torch, g.cholesky, SPD), gradient(torch, lambda m: torch.cholesky_solve(m, g.cholesky(m)), SPD),
        gradient(torch, lambda m: g.cholesky(m @ m.mT + 1), M)]


@case(72, **SOLVED)
def eigenvalues_and_singular_values(torch):
    g = torch.linalg
    return [gradient(torch, g.eigvalsh, SPD), gradient(torch, g.svdvals, M), gradient(torch, lambda m: g.eigh(m).eigenvalues, SPD),
        gradient(torch, lambda m: g.svd(m).S, M)]


@case(72)
def linalg_errors(torch):
    g = torch.linalg
    singular = const(torch, [[1.0, 2.0], [2.0, 4.0]])
    return [raises(lambda: g.inv(singular), "singular"), raises(lambda: g.solve(singular, singular), "singular"),
        raises(lambda: g.cholesky(-singular), "not positive-definite"),
        raises(lambda: g.inv(torch.zeros(2, 3)), "must be batches of square matrices"),
            raises(lambda: g.det(torch.zeros(2)), "must have at least 2 dimensions"),
            raises(lambda: g.inv(torch.tensor([[1, 2], [3, 5]])), "Expected a floating point or complex tensor|floating point")]


@case(72, 19, **SOLVED)
def second_order(torch):
    found = []
    for f in (torch.linalg.det, lambda m: torch.linalg.inv(m).sum(), lambda m: torch.linalg.slogdet(m)[1],
        lambda m: torch.linalg.cholesky(m).sum()):
        m = leaf(torch, SPD)
        (g,) = torch.autograd.grad(f(m), m, create_graph=True)
        found.append(torch.autograd.grad((g**2).sum(), m))
    return found
