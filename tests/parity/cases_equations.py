"""Linear algebra in terms of the rest: tensors as matrices, results with reports, reflections; parts put into copies."""

from __future__ import annotations

from .harness import case, leaf, raises

SQUARE = [[2.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.3, 0.1, 4.0]]
WIDE = [[2.0, 1.0, 0.0, 0.0], [1.0, 3.0, 0.0, 1.0], [0.0, 0.0, 1.0, 2.0], [1.0, 0.0, 0.0, 3.0]]
ROWS = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
SOLVED = {"rtol": 1e-10, "why": "equations solved by other steps: the condition number times a few ulp, squared in gradients"}


def two_orders(torch, function, *data):
    """Return a function's value and the derivatives of two orders of a sum of its cubes."""
    arguments = [leaf(torch, d) for d in data]
    value = function(*arguments)
    first = torch.autograd.grad((value**3).sum(), arguments, create_graph=True)
    second = torch.autograd.grad(sum((g * g).sum() for g in first), arguments, allow_unused=True)
    return [value.detach(), *[g.detach() for g in first], *second]


@case(72, **SOLVED)
def tensors_as_matrices(torch):
    linalg = torch.linalg
    return [
        two_orders(torch, lambda a: linalg.tensorinv(a, 1), [[2.0, 1.0], [1.0, 3.0]]),
        two_orders(torch, lambda a: linalg.tensorinv(a.reshape(2, 2, 4)), WIDE),
        two_orders(torch, lambda a, b: linalg.tensorsolve(a.reshape(2, 2, 4), b), WIDE, [[1.0, 2.0], [3.0, 4.0]]),
        two_orders(torch, lambda a, b: linalg.tensorsolve(a.reshape(4, 2, 2), b, dims=(0,)), WIDE, [[1.0, 2.0], [3.0, 4.0]]),
        raises(lambda: linalg.tensorinv(leaf(torch, ROWS), 1), r"prod\(self.shape\[:ind\]\), but got 3 != 2"),
        raises(lambda: linalg.tensorinv(leaf(torch, ROWS), 0), "Expected a strictly positive integer for 'ind', but got 0"),
        raises(lambda: linalg.tensorsolve(leaf(torch, ROWS), leaf(torch, [1.0, 2.0])), "but got 3 != 2"),
    ]


@case(72, **SOLVED)
def results_with_reports(torch):
    linalg = torch.linalg
    singular, indefinite = ([[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [2.0, 1.0]])
    eye = torch.eye(3, dtype=torch.float64)
    return [
        two_orders(torch, lambda a: linalg.cholesky_ex(a @ a.transpose(-2, -1) + eye)[0], SQUARE),
        two_orders(torch, lambda a: linalg.inv_ex(a)[0], SQUARE),
        two_orders(torch, lambda a, b: linalg.solve_ex(a, b)[0], SQUARE, [[1.0], [2.0], [3.0]]),
        linalg.cholesky_ex(leaf(torch, indefinite).detach()).info, linalg.cholesky_ex(leaf(torch, [SQUARE, SQUARE]).detach()).info,
        linalg.inv_ex(leaf(torch, singular).detach()).info, linalg.inv_ex(leaf(torch, [SQUARE, SQUARE]).detach()).info,
        raises(lambda: linalg.cholesky_ex(leaf(torch, indefinite).detach(), check_errors=True), "factorization could not be completed"),
    ]  # fmt: skip


@case(72, **SOLVED)
def reflections(torch):
    tall, scales = [[1.0, 0.5], [0.2, 0.3], [0.4, 0.7]], [0.5, 0.8]
    return [
        two_orders(torch, torch.linalg.householder_product, tall, scales),
        two_orders(torch, torch.linalg.householder_product, [SQUARE, SQUARE], [scales, [0.3, 0.1]]),
        two_orders(torch, torch.orgqr, tall, scales),
        raises(lambda: torch.linalg.householder_product(leaf(torch, ROWS), leaf(torch, scales)), "greater than or equal"),
    ]


@case(72, **SOLVED)
def older_names(torch):
    found = [
        two_orders(torch, lambda a: torch.cholesky_inverse(a.tril()), SQUARE),
        two_orders(torch, lambda a: torch.cholesky_inverse(a.triu(), upper=True), SQUARE),
        two_orders(torch, lambda a, b: torch.lu_solve(b, *torch.linalg.lu_factor(a)), SQUARE, [[1.0], [2.0], [3.0]]),
        [q.shape for q in torch.svd(leaf(torch, ROWS))],
        torch.svd(leaf(torch, ROWS).detach()).S,
    ]
    for upper, transpose, unit in ((True, False, False), (False, False, True), (True, True, False), (False, True, True)):
        solve = lambda b, a, o=(upper, transpose, unit): torch.triangular_solve(b, a, *o)[0]  # noqa: E731
        found.append(two_orders(torch, solve, [[1.0], [2.0], [3.0]], SQUARE))
    return found


@case(75)
def parts_put_into_copies(torch):
    x, short = leaf(torch, ROWS), leaf(torch, [1.0])
    return [
        two_orders(torch, lambda x, y: torch.select_scatter(x, y, 1, 2), ROWS, [7.0, 8.0]),
        two_orders(torch, lambda x, y: x.select_scatter(y, 0, -1), ROWS, [7.0, 8.0, 9.0]),
        two_orders(torch, lambda x, y: torch.slice_scatter(x, y, 1, 0, 2), ROWS, [[7.0, 8.0], [1.0, 2.0]]),
        two_orders(torch, lambda x, y: x.slice_scatter(y, dim=1, start=0, step=2), ROWS, [[7.0, 8.0], [1.0, 2.0]]),
        two_orders(torch, lambda x, y: torch.diagonal_scatter(x, y), ROWS, [7.0, 8.0]),
        two_orders(torch, lambda x, y: x.diagonal_scatter(y, 1), ROWS, [7.0, 8.0]),
        type(torch.select_scatter(x, x[:, 0], 1, 2).grad_fn).__name__, type(torch.slice_scatter(x, x[:, :2], 1, 0, 2).grad_fn).__name__,
        raises(lambda: torch.select_scatter(x, short, 1, 0), r"src size = \[1\], slice size = \[2\]"),
        raises(lambda: torch.slice_scatter(x, short, 1, 0, 2), r"src size = \[1\], slice size = \[2, 2\]"),
        raises(lambda: torch.diagonal_scatter(x, short), r"src size = \[1\], slice size = \[2\]"),
        raises(lambda: torch.select_scatter(x, x[:, 0], 1, 5), "out of range"),
        list(torch.unravel_index(torch.tensor([0, 5, 3]), (2, 3))), list(torch.unravel_index(torch.tensor(5), (2, 3))),
    ]  # fmt: skip
