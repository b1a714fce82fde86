"""Reads and writes in an order in which a runtime that computes late could mix them up."""

from __future__ import annotations

import numpy as np

from .harness import case, const, leaf, raises


@case(42)
def result_before_an_in_place_write(torch):
    x = const(torch, [1.0, 2.0])
    y = x * 2
    x += 10
    z = x * 2
    x.zero_()
    return [y, z, x]


@case(27)
def result_before_a_write_through_data(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x.exp()
    x.data.zero_()
    z = x.exp()
    return [y.detach(), z.detach()]


@case(33)
def result_of_a_view_before_a_write_of_the_base(torch):
    x = const(torch, [1.0, 2.0, 3.0])
    v = x[1:]
    s = v.sum()
    x.mul_(10)
    t = v.sum()
    v.fill_(0.0)
    return [s, t, x.sum(), x]


@case(33)
def result_of_the_base_before_a_write_of_a_view(torch):
    x = const(torch, [[1.0, 2.0], [3.0, 4.0]])
    total = x.sum()
    x.t()[0] = 100.0
    return [total, x.sum(), x]


@case(31)
def swap_of_two_parts(torch):
    x = const(torch, [1.0, 2.0])
    a, b = x[0].clone(), x[1].clone()
    x[0], x[1] = b, a
    y = const(torch, [1.0, 2.0])
    y[0], y[1] = y[1], y[0]
    return [x, y]


@case(31)
def running_sum_in_place(torch):
    x = const(torch, [1.0, 2.0, 3.0, 4.0])
    for k in range(1, 4):
        x[k] += x[k - 1]
    return x


@case(31)
def fibonacci_in_a_buffer(torch):
    x = torch.zeros(12, dtype=torch.int64)
    x[0] = x[1] = 1
    for k in range(2, 12):
        x[k] = x[k - 1] + x[k - 2]
    return x


@case(77)
def array_written_after_an_operation_was_called(torch):
    a = np.array([1.0, 2.0])
    x = torch.from_numpy(a)
    y = x * 2
    a[0] = 100.0
    z = x * 2
    a[:] = 0.0
    return [y, z, x.sum()]


@case(77)
def array_of_a_tensor_written_after_an_operation_was_called(torch):
    x = const(torch, [1.0, 2.0])
    a = x.numpy()
    y = x + 1
    a[:] = 50.0
    x += 1
    return [y, x, a]


@case(77)
def array_taken_before_in_place_writes(torch):
    x = const(torch, [1.0, 2.0, 3.0])
    a = x[1:].numpy()
    x *= 2
    x[1] = 7.0
    b = x.view(3).numpy()
    b[2] = -1.0
    return [a, b, x]


@case(77)
def array_of_a_leaf_written_between_forward_and_backward(torch):
    x = leaf(torch, [1.0, 2.0])
    y = (x**2).sum()
    x.detach().numpy()[0] = 10.0
    y.backward()
    return [y.detach(), x.grad]


@case(42)
def updates_of_several_parameters_from_each_other(torch):
    a, b = leaf(torch, 1.0), leaf(torch, 2.0)
    for _ in range(3):
        loss = (a * b - 1) ** 2 + (a - b) ** 2
        a.grad = b.grad = None
        loss.backward()
        with torch.no_grad():
            a -= 0.05 * a.grad * b
            b -= 0.05 * b.grad * a
    return [a, b, loss.detach()]


@case(42)
def losses_kept_over_a_loop(torch):
    x = leaf(torch, [3.0])
    kept = []
    for _ in range(4):
        loss = (x**2).sum()
        x.grad = None
        loss.backward()
        with torch.no_grad():
            x -= 0.1 * x.grad
        kept.append(loss)
    return [k.detach() for k in kept]


@case(8)
def gradient_kept_and_accumulated_into(torch):
    x = leaf(torch, [1.0, 2.0])
    (x**2).sum().backward()
    kept = x.grad
    copied = x.grad.clone()
    doubled = x.grad * 2
    (x**2).sum().backward()
    return [kept, copied, doubled, kept is x.grad]


@case(9)
def gradient_zeroed_before_it_was_read(torch):
    x = leaf(torch, [1.0, 2.0])
    (x**2).sum().backward()
    later = x.grad + 0
    x.grad.zero_()
    (x * 5).sum().backward()
    return [later, x.grad]


@case(9)
def gradient_shared_with_the_seed_is_not_written(torch):
    seed = const(torch, [1.0, 1.0])
    x = leaf(torch, [1.0, 2.0])
    for _ in range(2):
        x.backward(seed)
    x.grad.zero_()
    y = leaf(torch, 3.0)
    y.backward()
    y.grad.mul_(5)
    z = leaf(torch, 3.0)
    (z * z).backward()
    return [seed, x.grad, y.grad, z.grad]


@case(11)
def retained_gradient_written(torch):
    for _ in range(2):
        x = leaf(torch, 3.0)
        y = x * x
        y.retain_grad()
        y.backward()
        y.grad.zero_()
    x.grad = None
    (x * x).backward()
    return [y.grad, x.grad]


@case(21)
def value_asked_for_in_the_middle(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 3
    middle = y.sum().item()
    z = (y**2).sum()
    again = y.tolist()
    z.backward()
    return [middle, again, x.grad, z.item()]


@case(21)
def thousands_of_pending_operations(torch):
    x = leaf(torch, 0.0)
    y, kept = x, []
    for k in range(2500):
        y = y + 0.5
        if k % 500 == 0:
            kept.append(y)
    y.backward()
    return [y.detach(), [k.item() for k in kept], x.grad]


@case(21)
def same_code_with_other_shapes_and_dtypes(torch):
    found = []
    for dtype in ("float32", "float64"):
        for shape in ((), (1,), (3,), (2, 2), (0,), (3, 1)):
            x = torch.ones(shape, dtype=getattr(torch, dtype), requires_grad=True)
            (x * 2 + x.sum()).sum().backward()
            found.append(x.grad)
    return found


@case(21)
def same_code_with_other_numbers(torch):
    found = []
    for lr in (0.1, 0.2, 1, -1.5, 0.0):
        x = leaf(torch, 2.0)
        y = x * lr + lr / x - lr
        y.backward()
        found.append([y.detach(), x.grad])
    return found


@case(21)
def same_code_with_and_without_sharing(torch):
    found = []
    for other in (None, 3.0):
        x = leaf(torch, 2.0)
        y = x if other is None else leaf(torch, other)
        (x * y).backward()
        found.append([x.grad, y.grad])
    return found


@case(44)
def failed_backward_leaves_nothing_behind(torch):
    x, y = leaf(torch, [1.0, 2.0]), leaf(torch, [3.0, 4.0])
    a = x * 2

    def fail(g):
        raise RuntimeError("stop here")

    handle = a.register_hook(fail)
    loss = (a * y).sum()
    raised = raises(loss.backward, "stop here")
    partial = [x.grad, y.grad if y.grad is None else "there"]
    handle.remove()
    x.grad = y.grad = None
    (x * y).sum().backward()
    return [raised, partial[0], x.grad, y.grad]


@case(7)
def failed_backward_can_be_repeated_rightly(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 2
    first = raises(y.backward, "grad can be implicitly created only for scalar outputs")
    second = raises(lambda: y.backward(const(torch, [1.0])), "Mismatch in shape")
    y.backward(const(torch, [1.0, 1.0]))
    return [first, second, x.grad]


@case(26)
def detached_copy_against_detached_alias(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x * 2
    alias, copy = y.detach(), y.detach().clone()
    with torch.no_grad():
        y.add_(1)
    return [alias, copy, y.detach()]


@case(36)
def values_computed_under_no_grad_used_later(torch):
    x = leaf(torch, [1.0, 2.0])
    with torch.no_grad():
        scale = x.norm()
        x.div_(scale)
    (x * scale).sum().backward()
    return [scale, x, x.grad]


@case(25)
def version_counts_writes_that_change_nothing(torch):
    x = const(torch, [1.0, 2.0])
    x.add_(0)
    x.copy_(x)
    x[:] = x
    x.fill_(3.0)
    x[0] += 0
    return [x._version, x]


@case(74)
def conditions_on_pending_values(torch):
    x = const(torch, [3.0, 1.0])
    taken = []
    while x.max() > 1.5:
        x = x * 0.8
        taken.append(bool(x[0] > x[1]))
    return [x, taken, 2 if x.sum() else 3, [1, 2][x.argmin()]]
