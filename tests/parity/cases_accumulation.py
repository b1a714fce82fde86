"""Accumulation into leaves, zeroing, which tensors get a gradient."""

from __future__ import annotations

from .harness import case, const, leaf, raises, warns


@case(8)
def accumulates_over_calls(torch):
    x = leaf(torch, [1.0, 2.0])
    seen = []
    for _ in range(3):
        (x**2).sum().backward()
        seen.append(x.grad.clone())
    return seen


@case(8)
def accumulates_over_losses(torch):
    x = leaf(torch, [1.0, 2.0])
    x.sum().backward()
    (x * 3).sum().backward()
    return x.grad


@case(8)
def accumulates_in_place(torch):
    x = leaf(torch, [1.0, 2.0])
    x.sum().backward()
    first = x.grad
    x.sum().backward()
    return [first is x.grad, first]


@case(8)
def accumulates_anew_with_create_graph(torch):
    x = leaf(torch, [1.0, 2.0])
    (x**2).sum().backward()
    first = x.grad
    (x**3).sum().backward(create_graph=True)
    return [first is x.grad, first, x.grad.detach(), x.grad.requires_grad, x.grad.grad_fn is not None]


@case(8)
def gradient_belongs_to_the_leaf(torch):
    x, y = leaf(torch, [1.0, 2.0]), leaf(torch, [1.0, 2.0])
    g = const(torch, [1.0, 1.0])
    (x + y).backward(g)
    x.grad.mul_(5)
    return [x.grad, y.grad, g]


@case(9)
def zero_in_place(torch):
    x = leaf(torch, [1.0, 2.0])
    (x**2).sum().backward()
    returned = x.grad.zero_() is x.grad
    zeroed = x.grad.clone()
    (x**2).sum().backward()
    return [returned, zeroed, x.grad]


@case(9)
def set_to_none(torch):
    x = leaf(torch, [1.0, 2.0])
    (x**2).sum().backward()
    x.grad = None
    none = x.grad
    (x**2).sum().backward()
    return [none, x.grad]


@case(9)
def delete(torch):
    x = leaf(torch, [1.0, 2.0])
    (x**2).sum().backward()
    del x.grad
    none = x.grad
    del x.grad
    return [none, x.grad]


@case(9)
def assigned_by_hand(torch):
    x = leaf(torch, [1.0, 2.0])
    g = const(torch, [10.0, 20.0])
    x.grad = g
    same = x.grad is g
    (x**2).sum().backward()
    return [same, x.grad, g]


@case(9, 10)
def assigned_grad_that_requires_grad(torch):
    x, g = leaf(torch, [1.0]), leaf(torch, [2.0])
    x.grad = g
    return [x.grad is g, x.grad.requires_grad]


@case(10)
def dtype_and_shape_of_the_leaf(torch):
    x, y = leaf(torch, [[1.0, 2.0]], "float32"), leaf(torch, [[3.0], [4.0]])
    (x * y).sum().backward()
    return [x.grad, y.grad, x.grad.requires_grad, x.grad.is_leaf, x.grad.grad_fn is None]


@case(10)
def wrong_grad_refused(torch):
    x = leaf(torch, [1.0, 2.0])

    def assign(value):
        x.grad = value

    return [
        raises(lambda: assign(const(torch, [1.0])), r"attempting to assign a gradient of size '\[1\]' to a tensor of size '\[2\]'"),
        raises(lambda: assign(const(torch, [1.0, 2.0], "float32")), "attempting to assign a gradient with dtype"),
        raises(lambda: assign(1.0), "assigned grad expected to be a Tensor or None but got grad of type"),
        raises(lambda: assign(x), "can't assign Variable as its own grad"),
        x.grad,
    ]


@case(11)
def only_leaves(torch):
    x = leaf(torch, 3.0)
    y = x * 2
    (y * y).backward()
    phrase = r"The \.grad attribute of a Tensor that is not a leaf Tensor is being accessed"
    return [x.grad, warns(lambda: y.grad, phrase), y.retains_grad, y.is_leaf]


@case(11)
def retain_grad(torch):
    x = leaf(torch, 3.0)
    y = x * 2
    y.retain_grad()
    y.retain_grad()
    z = y * y
    z.retain_grad()
    z.backward()
    return [x.grad, y.grad, z.grad, y.retains_grad, x.retains_grad]


@case(11)
def retain_grad_on_a_leaf_does_nothing(torch):
    x = leaf(torch, 3.0)
    x.retain_grad()
    (x * x).backward()
    return [x.grad, x.retains_grad]


@case(11)
def retain_grad_refused(torch):
    return raises(const(torch, 3.0).retain_grad, r"can't retain_grad on Tensor that has requires_grad=False")


@case(11)
def retained_grad_accumulates(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x + 2
    y.retain_grad()
    y.sum().backward()
    y.sum().backward()
    return [y.grad, x.grad]
