"""Reshapes by where elements lie in memory: a view where memory allows it, else a copy; strides, and what may be written."""

from __future__ import annotations

from .harness import case, const, graph_names, leaf, raises

NOT_VIEWABLE = "view size is not compatible with input tensor's size and stride"


def _numbered(torch):
    return torch.arange(12.0, dtype=torch.float64).reshape(3, 4).clone()


RESHAPES = {
    "reshape": lambda torch, x: torch.reshape(x.t(), (-1,)),
    "reshape of another form": lambda torch, x: torch.reshape(x, (2, 6)),
    "method": lambda torch, x: x.t().reshape(2, 6),
    "same shape": lambda torch, x: x.t().reshape(4, 3),
    "split axis": lambda torch, x: x.t().reshape(2, 2, 3),
    "axes of size 1": lambda torch, x: x[:, 1:3].reshape(3, 1, 2, 1),
    "flatten": lambda torch, x: x.flatten(),
    "flatten of a transpose": lambda torch, x: x.t().flatten(),
    "flatten of columns": lambda torch, x: x[:, :2].flatten(),
    "flatten of rows": lambda torch, x: x[1:].flatten(),
    "flatten one axis": lambda torch, x: x.t().flatten(1, 1),
    "function flatten": lambda torch, x: torch.flatten(x.t()),
    "ravel": lambda torch, x: x.ravel(),
    "ravel of a transpose": lambda torch, x: x.t().ravel(),
    "ravel of a column": lambda torch, x: x[:, 0].ravel(),
    "function ravel": lambda torch, x: torch.ravel(x[:, ::2]),
    "reshape_as": lambda torch, x: x.t().reshape_as(torch.ones(12)),
    "reshape_as viewed": lambda torch, x: x.reshape_as(torch.ones(12)),
    "unflatten": lambda torch, x: x.t().unflatten(0, (2, 2)),
    "unflatten columns": lambda torch, x: x[:, :2].unflatten(1, (1, 2)),
    "view_as": lambda torch, x: x.t().view_as(torch.ones(4, 3)),
    "chain": lambda torch, x: x.reshape(2, 6).reshape(12).reshape(6, 2).t().reshape(-1),
    "diagonal of a transpose": lambda torch, x: x.t().diagonal(1),
    "diagonal below": lambda torch, x: x.diagonal(-1).reshape(2),
    "diagonal of an outer axis": lambda torch, x: x.reshape(3, 2, 2).diagonal(0, 0, 2),
}  # fmt: skip


@case(33)
def what_a_reshape_writes(torch):
    found = {}
    for name, function in RESHAPES.items():
        x = _numbered(torch)
        y = function(torch, x)
        y.mul_(-1)
        found[name] = [x.tolist(), y.stride(), y.storage_offset(), y.is_contiguous(), y._base is x]
    return found


@case(33)
def what_a_reshape_of_shared_memory_writes(torch):
    found = {}
    for name, function in RESHAPES.items():
        x = _numbered(torch)
        array = x.numpy()
        function(torch, x).mul_(-1)
        found[name] = array.tolist()
    return found


@case(33, 36)
def how_a_reshape_is_named(torch):
    found = {}
    for name, function in RESHAPES.items():
        x = leaf(torch, [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0], [8.0, 9.0, 1.0, 1.0]])
        y = function(torch, x)
        (y * y * torch.arange(y.numel()).reshape(y.shape)).sum().backward()
        found[name] = [graph_names(y.grad_fn), x.grad]
    return found


@case(33)
def a_view_of_numpy_s_transposed_array(torch):
    import numpy as np

    array = np.arange(6.0).reshape(2, 3)
    x = torch.from_numpy(array.T)
    y = x.reshape(6)
    y.zero_()
    return [x.stride(), x.is_contiguous(), raises(lambda: x.view(6), NOT_VIEWABLE), array.copy(), x.view(3, 1, 2).stride()]


@case(33)
def an_expansion_is_copied_flat(torch):
    x = torch.ones(2, 4)
    y = x.expand(2, 2, 4).flatten()
    y.zero_()
    return [x, y, y.stride()]


@case(33, 76)
def view_as_and_view_refuse_a_copy(torch):
    x = _numbered(torch)
    calls = [
        lambda: x.t().view_as(torch.ones(3, 4)), lambda: x.t().view(12), lambda: torch.ones(2, 4).expand(2, 2, 4).view(16),
        lambda: x[:, :2].view(6), lambda: x.t()[1:].view(9),
    ]  # fmt: skip
    return [raises(call, NOT_VIEWABLE) for call in calls] + [x[:, :2].view(3, 1, 2), x.t().view(2, 2, 3).stride()]


@case(33, 19)
def a_copy_is_differentiated_twice(torch):
    x = leaf(torch, [[1.0, 2.0], [3.0, 4.0]])
    y = x.t().flatten()
    (g,) = torch.autograd.grad((y**3 * const(torch, [1.0, 2.0, 3.0, 4.0])).sum(), x, create_graph=True)
    return [g.detach(), torch.autograd.grad((g * g).sum(), x)[0]]


@case(33)
def a_write_to_the_copy_leaves_what_was_saved(torch):
    x = leaf(torch, [[1.0, 2.0], [3.0, 4.0]])
    y = x * 2
    z = y * y
    w = y.t().reshape(-1)
    w.mul_(3)
    z.sum().backward()
    return [x.grad, w.detach(), y._version, w._version]
