"""Factors of matrices by elimination: linalg.lu, lu_factor, lu_solve; batches, any shape, derivatives of two orders."""

from __future__ import annotations

from .harness import case, const, leaf, raises

SQUARE = [[2.0, 1.0, -4.0], [4.0, -3.0, 3.5], [8.0, 2.0, 1.0]]
WIDE = [[1.0, 4.0, 2.0, 0.5], [3.0, -1.0, 2.5, 1.0], [-2.0, 5.0, 1.0, 7.0]]
BATCH = [[[1.0, 2.0], [3.0, 5.0]], [[4.0, 1.0], [2.0, 3.0]], [[0.0, 1.0], [1.0, 0.0]]]
LU = {"rtol": 1e-12, "why": "elimination by other steps: the condition number times a few ulp, and its square in gradients"}


def weights(torch, shape):
    count = 1
    for size in shape:
        count *= size
    return (torch.arange(count, dtype=torch.float64) * 0.7 + 1).sin().reshape(shape)


def shown(torch, data):
    x = leaf(torch, data)
    p, lower, upper = torch.linalg.lu(x)
    value = (lower * lower * weights(torch, lower.shape)).sum() + (upper**3 * weights(torch, upper.shape)).sum()
    (g,) = torch.autograd.grad(value, x, create_graph=True)
    (second,) = torch.autograd.grad((g * g).sum(), x)
    return [p, lower.detach(), upper.detach(), g.detach(), second]


@case(72, **LU)
def square(torch):
    return shown(torch, SQUARE)


@case(72, **LU)
def more_columns_than_rows(torch):
    return shown(torch, WIDE)


@case(72, **LU)
def more_rows_than_columns(torch):
    return shown(torch, [list(row) for row in zip(*WIDE, strict=True)])


@case(72, **LU)
def batches(torch):
    return shown(torch, BATCH)


@case(72)
def names_and_flags(torch):
    x = leaf(torch, SQUARE)
    found = torch.linalg.lu(x)
    p, lower, upper = found
    factors = torch.linalg.lu_factor(x)
    return [p.requires_grad, lower.grad_fn.name(), lower.grad_fn is upper.grad_fn, lower.output_nr, upper.output_nr,
            factors.LU.grad_fn.name(), factors.pivots, factors.pivots.requires_grad]


@case(72)
def empty_and_singular(torch):
    zero = torch.zeros(2, 2, dtype=torch.float64)
    return [list(torch.linalg.lu(zero)), [list(f.shape) for f in torch.linalg.lu(torch.ones(0, 3))],
            list(torch.linalg.lu(const(torch, [[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]]))), list(torch.linalg.lu_factor_ex(zero))]


@case(72, **LU)
def solutions(torch):
    x, b = leaf(torch, SQUARE), leaf(torch, [[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]])
    factors = torch.linalg.lu_factor(x)
    found = [torch.linalg.lu_solve(*factors, b), torch.linalg.lu_solve(*factors, b, adjoint=True),
             torch.linalg.lu_solve(*factors, b.t(), left=False), torch.linalg.lu_solve(*factors, b.t(), left=False, adjoint=True)]
    gradients = [torch.autograd.grad((f * f).sum(), (x, b), retain_graph=True) for f in found]
    return [[f.detach() for f in found], gradients]


@case(72, **LU)
def solutions_of_batches(torch):
    x, b = leaf(torch, BATCH), leaf(torch, [[1.0], [2.0]])
    found = torch.linalg.lu_solve(*torch.linalg.lu_factor(x), b)
    found.pow(2).sum().backward()
    return [found.detach(), x.grad, b.grad]


@case(72)
def unpacked(torch):
    x = leaf(torch, WIDE)
    factors = torch.linalg.lu_factor(x)
    p, lower, upper = torch.lu_unpack(*factors)
    (lower.sum() + upper.sum()).backward()
    return [p, lower.detach(), upper.detach(), lower.grad_fn.name(), x.grad]


@case(72)
def errors(torch):
    zero = torch.zeros(3, 2, 2, dtype=torch.float64)
    zero[0] = zero[2] = torch.eye(2, dtype=torch.float64)
    factors = torch.linalg.lu_factor(const(torch, SQUARE))
    return [
        raises(lambda: torch.linalg.lu(torch.ones(3)), r"linalg.lu: Expected tensor with 2 or more dimensions. Got size: \[3\] instead"),
        raises(lambda: torch.linalg.lu(torch.ones(3, 3), pivot=False), "LU without pivoting is not implemented on the CPU"),
        raises(lambda: torch.linalg.lu_factor(zero[1]), r"U\[1,1\] is zero and using it on lu_solve would result in a division by zero"),
        raises(lambda: torch.linalg.lu_factor(zero), r"\(Batch element 1\): U\[1,1\] is zero"),
        raises(lambda: torch.linalg.lu_solve(*factors, torch.ones(2, 1, dtype=torch.float64)),
               r"Incompatible shapes of A and B for the equation AX = B \(3x3 and 2x1\)"),
        raises(lambda: torch.linalg.lu_solve(*factors, torch.ones(3, 1)), "to have the same dtype"),
    ]
