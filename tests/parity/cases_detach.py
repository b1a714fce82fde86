"""detach and data: shared storage, with and without the version."""

from __future__ import annotations

from .harness import case, const, leaf


@case(26)
def detach_shares(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x.detach()
    y[0] = 10.0
    return [x, y, y.requires_grad, y.is_leaf, y.grad_fn, x._version, y.data_ptr() == x.data_ptr()]


@case(26)
def detach_stops_the_gradient(torch):
    x = leaf(torch, [1.0, 2.0])
    (x * x.detach()).sum().backward()
    return x.grad


@case(26)
def detach_of_a_result(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 2
    z = y.detach().requires_grad_()
    (z**2).sum().backward()
    return [z.grad, x.grad, z.is_leaf]


@case(26)
def detach_in_place(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 2
    z = y * 3
    same = y.detach_() is y
    z.sum().backward()
    return [same, y.requires_grad, y.grad_fn, y.is_leaf, x.grad]


@case(27)
def data_shares_but_not_the_version(torch):
    x = leaf(torch, [1.0, 2.0])
    y = (x**2).sum()
    x.data += 1
    y.backward()
    return [x, x._version, x.grad, x.data.requires_grad, x.data.is_leaf]


@case(27)
def silent_edit_of_a_saved_result(torch):
    x = leaf(torch, [0.0, 1.0])
    y = x.exp()
    y.data.mul_(10)
    y.sum().backward()
    return [x.grad, y.detach()]


@case(27)
def lazily_read_operand(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x**2
    z = y.exp()
    x.data += 1
    z.sum().backward()
    return [z.detach(), x.grad]


@case(27)
def data_assigned(torch):
    x = leaf(torch, [1.0, 2.0])
    y = (x**2).sum()
    x.data = const(torch, [5.0, 6.0])
    y.backward()
    (x**2).sum().backward()
    return [x, x.grad, x.is_leaf]


@case(27)
def data_assigned_twice(torch):
    found = []
    for last in (7.0, 1.0):
        x = leaf(torch, [1.0])
        y = (x**2).sum()
        x.data = const(torch, [5.0])
        x.data = const(torch, [last])
        y.backward()
        found.append(x.grad)
    return found


@case(27)
def data_put_back(torch):
    x = leaf(torch, [1.0])
    before = x.data
    x.data = const(torch, [5.0])
    x.data = before
    (x**2).sum().backward()
    return [x, x.grad]


@case(27)
def data_assigned_with_another_shape(torch):
    x = leaf(torch, [1.0, 2.0])
    x.data = const(torch, [5.0, 6.0, 7.0])
    (x**2).sum().backward()
    return [x, x.grad]
