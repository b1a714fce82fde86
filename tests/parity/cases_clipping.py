"""torch.nn.utils: the common norm of gradients, and limits for them."""

from __future__ import annotations

from .harness import case, const, leaf, raises


def parameters(torch):
    a, b, c = leaf(torch, [3.0, 4.0]), leaf(torch, [[1.0, -2.0]]), leaf(torch, 1.0)
    ((a * a).sum() + (b * b).sum()).backward()
    return a, b, c


@case(79, 9)
def norms_of_all_orders(torch):
    shown = []
    for order in (2.0, 1, 3.0, float("inf")):
        given = parameters(torch)
        before = given[0].grad
        total = torch.nn.utils.clip_grad_norm_(given, 1.0, norm_type=order)
        shown.append([total, total.requires_grad, given[0].grad is before, [p.grad for p in given]])
    return shown


@case(79)
def smaller_norms_and_other_collections(torch):
    clip = torch.nn.utils.clip_grad_norm_
    small, one, made = parameters(torch), parameters(torch), parameters(torch)
    totals = [clip(small, 100.0), clip(one[0], 1.0), clip((p for p in made), 2.0), clip([], 1.0), clip([leaf(torch, [1.0])], 1.0)]
    return [totals, [p.grad for p in (*small, *one, *made)], torch.nn.utils.get_total_norm([const(torch, [3.0, 4.0]), const(torch, [12.0])])]


@case(79)
def norms_that_are_not_finite(torch):
    refused, scaled = parameters(torch), parameters(torch)
    refused[0].grad = const(torch, [float("nan"), 1.0])
    scaled[0].grad = const(torch, [float("inf"), 1.0])
    phrase = "The total norm of order 2.0 for gradients from `parameters` is non-finite, so it cannot be clipped"
    error = raises(lambda: torch.nn.utils.clip_grad_norm_(refused, 1.0, error_if_nonfinite=True), phrase)
    return [error, refused[1].grad, torch.nn.utils.clip_grad_norm_(scaled, 1.0), scaled[0].grad, scaled[1].grad]


@case(79)
def values(torch):
    given = parameters(torch)
    result = torch.nn.utils.clip_grad_value_(given, 2.5)
    return [result, [p.grad for p in given]]


@case(59)
def parameters_as_one_vector(torch):
    utils = torch.nn.utils
    a, b = leaf(torch, [[1.0, 2.0], [3.0, 4.0]]), leaf(torch, [5.0])
    vector = utils.parameters_to_vector([a, b])
    (vector * vector).sum().backward()
    new = torch.arange(5.0, dtype=torch.float64)
    utils.vector_to_parameters(new, iter([a, b]))
    new[0] = 9.0
    return [vector, a.grad, b.grad, a, b, a.is_leaf, raises(lambda: utils.vector_to_parameters([1.0], [a]), "expected torch.Tensor, but got: list"),
            raises(lambda: utils.vector_to_parameters(new[:3], [a]), "is invalid for input of size 3"), raises(lambda: utils.parameters_to_vector([]), "non-empty list")]  # fmt: skip
