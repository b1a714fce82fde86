"""unbind, split and chunk: several views of one tensor, which are the results of one entry of the tape."""

from __future__ import annotations

from .harness import case, leaf, raises

WRITTEN = "is a view and is being modified inplace. This view is the output of a function that returns multiple views"


def matrix(torch):
    return leaf(torch, [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0]])


def ways(torch):
    return [lambda x: x.unbind(0), lambda x: x.unbind(1), lambda x: x.split(2), lambda x: x.split([1, 3], 1), lambda x: x.chunk(3),
            list, lambda x: torch.split_with_sizes(x, [1, 2])]


@case(6, 33)
def one_entry_with_numbered_outputs(torch):
    shown = []
    for way in ways(torch):
        found = way(matrix(torch))
        behind = (found[1] * 2).grad_fn.next_functions[0]
        shown.append([found[0].grad_fn.name(), found[0].grad_fn is found[-1].grad_fn, [f.output_nr for f in found], behind[1],
                      behind[0] is found[0].grad_fn, found[0].grad_fn.next_functions[0][0].name(), len(found[0].grad_fn.next_functions)])
    return shown


@case(6, 33)
def pieces_that_are_entries_of_their_own(torch):
    x = matrix(torch)
    found = [x.tensor_split(3, 1), x.tensor_split([1, 2], 1), x.hsplit(2), x.split(3)]
    return [[[p.grad_fn.name(), p.output_nr] for p in pieces] + [pieces[0].grad_fn is pieces[-1].grad_fn] for pieces in found]


@case(14, 33)
def gradients_of_some_and_of_all(torch):
    shown = []
    for way in ways(torch):
        x = matrix(torch)
        y = x * 1
        found = way(y)
        first = torch.autograd.grad(found[0].sum() + (found[1] ** 2).sum(), [y, found[0], found[1], x], retain_graph=True)
        whole = torch.autograd.grad(sum((k + 1) * (p**3).sum() for k, p in enumerate(found)), x)
        shown.append([list(first), list(whole)])
    return shown


@case(19, 33)
def twice(torch):
    shown = []
    for way in ways(torch):
        x = matrix(torch)
        (g,) = torch.autograd.grad((way(x)[0] ** 3).sum(), x, create_graph=True)
        shown.append([g.detach(), torch.autograd.grad((g * g).sum(), x)[0]])
    return shown


@case(43, 46)
def hooks_of_results_and_of_their_entry(torch):
    x, seen = matrix(torch), []
    first, second, _ = (x * 1).unbind(0)
    first.register_hook(lambda g: g * 10)
    second.retain_grad()
    first.grad_fn.register_hook(lambda gi, go: seen.append([len(gi), [None if g is None else g.tolist() for g in go]]))
    (first * 2 + second).sum().backward()
    return [seen, second.grad, first.retains_grad, second.retains_grad, x.grad]


@case(35)
def they_refuse_to_be_written(torch):
    shown = []
    for way in ways(torch):
        y, plain = matrix(torch) * 1, matrix(torch).detach()
        pieces, free = way(y), way(plain)
        with torch.no_grad():
            pieces[0].mul_(2)
        free[0].mul_(3)
        shown.append([y.detach(), plain, raises(lambda way=way, y=y: way(y)[1].mul_(2), f"Output 1 of [A-Za-z]* {WRITTEN}"),
                      raises(lambda way=way: way(matrix(torch))[0].zero_(), f"Output 0 of [A-Za-z]* {WRITTEN}"),
                      raises(lambda free=free, y=y: free[1].copy_(y.sum()), "created in no_grad mode and is being modified inplace")])
    return shown


@case(35)
def made_under_no_grad(torch):
    y = matrix(torch) * 1
    with torch.no_grad():
        pieces = y.unbind(0)
    return raises(lambda: pieces[0].mul_(2), "A view was created in no_grad mode and is being modified inplace with grad mode enabled")


@case(29, 33)
def pieces_that_may_be_written(torch):
    x = matrix(torch)
    y = x * 1
    left, right = y.hsplit(2)
    left.mul_(10)
    z = y.tensor_split(3)[2]
    z *= right.sum()
    (y * y).sum().backward()
    return [y.detach(), x.grad]


@case(22, 33)
def views_of_a_leaf_that_is_a_view(torch):
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    phrase = "a view of a leaf Variable that requires grad is being used in an in-place operation"
    return [raises(lambda: x[0].zero_(), phrase), raises(lambda: x.t().mul_(2), phrase), raises(lambda: x.hsplit(3)[0].add_(1), phrase),
            raises(lambda: x.mul_(2), phrase), x.is_leaf]
