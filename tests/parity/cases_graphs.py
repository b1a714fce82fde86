"""Shapes of graphs: diamonds, reuse, control flow, deep chains, and gradients of many operands."""

from __future__ import annotations

import gc
import threading
import weakref

from .harness import case, leaf, raises


@case(21)
def diamond(torch):
    x = leaf(torch, 2.0)
    a, b = x * 3, x**2
    (a * b).backward()
    return x.grad


@case(21)
def diamond_of_vectors(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x.exp()
    (y.sum() * y + y.prod()).sum().backward()
    return x.grad


@case(21)
def one_tensor_as_both_operands(torch):
    x = leaf(torch, 3.0)
    (x * x + x / x + x - x + x**x).backward()
    return x.grad


@case(21)
def repeated_squaring(torch):
    x = leaf(torch, 1.0 + 1e-3)
    y = x
    for _ in range(10):
        y = y * y
    y.backward()
    return [y.detach(), x.grad]


@case(21, rtol=1e-12, why="1024-fold product: each of ten roundings is doubled by every later squaring")
def repeated_squaring_far(torch):
    x = leaf(torch, 1.01)
    y = x
    for _ in range(10):
        y = y * y
    y.backward()
    return [y.detach(), x.grad]


@case(21)
def control_flow(torch):
    results = []
    for start in (0.5, 3.0, -2.0):
        x = leaf(torch, start)
        y = x
        while y.abs() < 20:
            y = y * 2 if y > 0 else y * -3
        y.backward()
        results.append([y.detach(), x.grad])
    return results


@case(21)
def loop_count_from_data(torch):
    x, n = leaf(torch, 1.5), torch.tensor(4)
    y = x
    for _ in range(n):
        y = y * x
    y.backward()
    return x.grad


@case(21)
def deep_chain(torch):
    x = leaf(torch, 1.0)
    y = x
    for _ in range(5000):
        y = y + 1.0
    y.backward()
    return [y.detach(), x.grad]


@case(21)
def deep_chain_freed(torch):
    x = leaf(torch, 1.0)
    y = x
    for _ in range(5000):
        y = y * 1.0
    gone = weakref.ref(y)
    del y
    gc.collect()
    return [gone() is None, x.grad]


@case(21)
def deep_graph_of_a_list(torch):
    x = leaf(torch, [1.0, 2.0])
    total = sum(x * k for k in range(200))
    total.sum().backward()
    return x.grad


@case(21)
def unused_branches(torch):
    x, y = leaf(torch, 2.0), leaf(torch, 3.0)
    unused = y * x
    (x * 2).backward()
    return [x.grad, y.grad, unused.detach()]


@case(21)
def wide_graph(torch):
    leaves = [leaf(torch, float(k)) for k in range(50)]
    torch.stack(leaves).prod().backward()
    return [x.grad for x in leaves[:2]]


@case(39)
def backward_from_another_thread(torch):
    x = leaf(torch, [1.0, 2.0])
    y = (x**2).sum()
    worker = threading.Thread(target=y.backward)
    worker.start()
    worker.join()
    return x.grad


@case(39)
def graphs_built_in_threads(torch):
    x = leaf(torch, [1.0, 2.0])
    parts = []
    workers = [threading.Thread(target=lambda k=k: parts.append((x * k).sum())) for k in (1, 2, 3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sum(parts).backward()
    return x.grad


@case(57)
def graph_freed_with_the_last_reference(torch):
    x = leaf(torch, [1.0, 2.0])
    y = x.exp()
    z = y * 2
    gone = weakref.ref(y)
    del y
    gc.collect()
    before = gone() is None
    z.sum().backward()
    return [before, x.grad]


@case(57)
def loop_that_drops_its_graph(torch):
    x = leaf(torch, 0.5)
    refs = []
    for _ in range(5):
        y = (x * 2).exp()
        refs.append(weakref.ref(y))
    gc.collect()
    return [r() is None for r in refs]


@case(69)
def scalar_with_matrix(torch):
    x, s = leaf(torch, [[1.0, 2.0], [3.0, 4.0]]), leaf(torch, 2.0)
    (x * s + s).sum().backward()
    return [x.grad, s.grad]


@case(69)
def row_and_column(torch):
    r, c = leaf(torch, [1.0, 2.0, 3.0]), leaf(torch, [[1.0], [2.0]])
    y = r * c
    y.sum().backward()
    return [y.detach(), r.grad, c.grad]


@case(69)
def leading_axes(torch):
    x, y = leaf(torch, [[[1.0, 2.0]], [[3.0, 4.0]]]), leaf(torch, [[5.0], [6.0], [7.0]])
    z = x - y
    (z**2).sum().backward()
    return [z.detach(), x.grad, y.grad]


@case(69)
def kept_one_axes(torch):
    x, y = leaf(torch, [[1.0]]), leaf(torch, [1.0, 2.0])
    (x / y).sum().backward()
    return [x.grad, y.grad]


@case(69)
def three_operands(torch):
    a, b, c = leaf(torch, [[1.0], [2.0]]), leaf(torch, [1.0, 2.0]), leaf(torch, 3.0)
    torch.where(a > 1, b, c).sum().backward()
    return [a.grad, b.grad, c.grad]


@case(69)
def empty_axes(torch):
    x, y = torch.zeros(0, 2, dtype=torch.float64, requires_grad=True), leaf(torch, [1.0, 2.0])
    z = x * y
    z.sum().backward()
    return [z, x.grad, y.grad]


@case(69)
def one_against_empty(torch):
    x, y = leaf(torch, [1.0]), torch.zeros(0, dtype=torch.float64)
    z = x + y
    z.sum().backward()
    return [z.detach(), x.grad]


@case(69)
def shape_errors(torch):
    x, y = leaf(torch, [1.0, 2.0]), leaf(torch, [1.0, 2.0, 3.0])
    phrase = r"must match the size of tensor b \(3\) at non-singleton dimension 0"
    return [raises(f, phrase) for f in (lambda: x + y, lambda: x * y, lambda: x > y, lambda: torch.maximum(x, y), lambda: x**y)]


@case(69)
def shape_error_names_the_axis(torch):
    x, y = torch.zeros(2, 3), torch.zeros(2, 4)
    return [
        raises(lambda: x + y, r"The size of tensor a \(3\) must match the size of tensor b \(4\) at non-singleton dimension 1"),
        raises(lambda: torch.zeros(2, 3) + torch.zeros(3, 3), "at non-singleton dimension 0"),
    ]


@case(69)
def state_after_a_shape_error(torch):
    x, y = leaf(torch, [1.0, 2.0]), leaf(torch, [1.0, 2.0, 3.0])
    raised = raises(lambda: x + y, "must match the size")
    (x * 2).sum().backward()
    return [raised, x.grad, y.grad]


@case(69)
def broadcast_tensors_and_to(torch):
    x, y = leaf(torch, [1.0, 2.0]), leaf(torch, [[3.0], [4.0]])
    a, b = torch.broadcast_tensors(x, y)
    (a * b + x.broadcast_to(2, 2)).sum().backward()
    return [a.detach(), b.detach(), x.grad, y.grad]
