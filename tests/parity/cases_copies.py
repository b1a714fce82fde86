"""Deep copies and pickles of tensors that share storage, and leaves that only the tape holds."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

from .harness import case, const, leaf


def written(one, *others):
    """Return what tensors are after the first element of one is written, which shows who shares storage."""
    one.detach()[..., :1].add_(100.0)
    return [t.detach().clone() for t in (one, *others)]


@case(28, 33)
def deep_copies_share_as_the_originals(torch):
    x = const(torch, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    whole, row, turned, apart, other = copy.deepcopy([x, x[1], x.t(), x[:, :2], x.detach()])
    flags = [[t._is_view(), t.stride(), t.storage_offset(), t.is_leaf] for t in (whole, row, turned, apart, other)]
    return [flags, written(row, whole, turned, apart, other), x]


@case(28, 33)
def deep_copies_of_views_without_their_base(torch):
    x = const(torch, [1.0, 2.0, 3.0, 4.0])
    first, second, third = copy.deepcopy((x[:3], x[1:], x.expand(2, 4)))
    return [written(second, first, third), first.as_strided((4,), (1,)), third.stride()]


@case(28, 10)
def deep_copies_of_leaves(torch):
    x = leaf(torch, [1.0, 2.0])
    (x * x).sum().backward()
    x.note = ["user's"]
    y, same, grad, data = copy.deepcopy([x, x, x.grad, x.data])
    (y * 3).sum().backward()
    shared = written(data, y)
    return [y is same, y.grad is grad, y.requires_grad, y.is_leaf, data.requires_grad, grad, x.grad, y.note, y.note is x.note, shared, x]


@case(28)
def deep_copies_of_objects(torch):
    class Model:
        def __init__(self):
            self.weight = leaf(torch, [1.0, 2.0, 3.0])
            self.tail = self.weight.detach()[1:]

    model = Model()
    again = copy.deepcopy(model)
    return [again.weight.requires_grad, again.tail.requires_grad, written(again.tail, again.weight), model.weight.detach()]


@case(78)
def pickled_results_and_attributes(torch):
    x = leaf(torch, [1.0, 2.0])
    x.note = 3
    again, result, part = pickle.loads(pickle.dumps((x, x * 2, x[1:])))
    return [again.note, again, result, part, result.is_leaf, part.is_leaf, again.grad is None]


@case(6, 57)
def a_leaf_lives_as_long_as_the_tape(torch):
    def made():
        x = leaf(torch, [1.0, 2.0])
        x.note = 7
        y = (x * x).sum()
        with torch.no_grad():
            x.add_(1.0)
            x.sub_(1.0)
        return y, y.grad_fn.next_functions[0][0].next_functions[0][0]

    y, node = made()
    gc.collect()
    found = node.variable
    again = node.variable is found
    z = (found * 10).sum()
    z.backward()
    return [node.name(), found.detach(), found.requires_grad, found.is_leaf, found.note, found._version, again, found.grad, y.item(),
            z.grad_fn.next_functions[0][0].next_functions[0][0] is node]


@case(6, 57)
def gradients_of_a_leaf_that_is_gone(torch):
    def made():
        x, seen = leaf(torch, [1.0, 2.0]), []
        x.register_post_accumulate_grad_hook(lambda t: seen.append([t.detach().clone(), t.grad]))
        return (x * x).sum(), seen

    y, seen = made()
    gc.collect()
    y.backward()
    return [seen, y.grad_fn.next_functions[0][0].next_functions[0][0].variable.grad]


@case(6, 57)
def of_shared_storage(torch):
    def made():
        x = torch.arange(6.0).reshape(2, 3).requires_grad_()
        d = x.detach()
        return (x * x).sum().grad_fn, d

    node, d = made()
    gc.collect()
    d[0] = 5.0
    found = node.next_functions[0][0].next_functions[0][0].variable
    return [found, found.is_leaf, found._version, found.shape]


@case(57)
def released_with_the_last_of_the_tape(torch):
    x = leaf(torch, [1.0, 2.0])
    y = (x * x).sum()
    kept, node = weakref.ref(x), y.grad_fn
    del x, y, node
    return kept() is None
