"""Values from earlier windows: what a loop carries over is differentiated as it is, not as it was in an earlier round."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg

from .test_runtime import double
from .test_straight import followed, fresh_window

__all__ = ["followed"]


def test_a_sum_that_grows(followed):
    fresh_window(slow=False)
    w, h = double([1.0], requires_grad=True), double([0.0])
    for k in range(1, 8):
        h = h + w
        h.sum().backward()
        assert w.grad.item() == k * (k + 1) / 2


def test_a_recurrence_that_is_kept(followed):
    fresh_window(slow=False)
    w, h = double([1.0], requires_grad=True), double([0.0])
    expected, total = 0.0, 0.0
    for _ in range(8):
        h = h * 2 + w
        h.sum().backward(retain_graph=True)
        expected = expected * 2 + 1
        total += expected
        assert w.grad.item() == total


def test_rows_that_alternate(followed):
    fresh_window(slow=False)
    w = double(np.arange(6.0).reshape(2, 3), requires_grad=True)
    for k in range(8):
        row = w[k % 2]
        row.sum().item()
        (w * w).sum().backward()
        w.grad = None
        (row * w).sum().backward()
        expected = np.tile(w.detach().numpy()[k % 2], (2, 1))
        expected[k % 2] += w.detach().numpy().sum(0)
        np.testing.assert_array_equal(w.grad.numpy(), expected)
        w.grad = None


@pytest.mark.parametrize("by", ["backward", "grad", "func"])
def test_what_lies_behind_may_be_another_operation(followed, by):
    fresh_window(slow=False)
    w = double([3.0], requires_grad=True)
    for k in range(12):
        behind = w * w if k % 3 == 2 else w + 1
        (w * 5).sum().backward()  # begins a new window
        w.grad = None
        slope = 6.0 if k % 3 == 2 else 1.0
        if by == "func":
            found = sg.func.grad(lambda x, behind=behind: (x * x * behind).sum())(double([2.0]))
            assert sg.autograd.grad(found.sum(), w)[0].item() == 4 * slope
            continue
        loss = (behind * 2 + w).sum()
        if by == "grad":
            assert sg.autograd.grad(loss, w)[0].item() == 2 * slope + 1
        else:
            loss.backward()
            assert w.grad.item() == 2 * slope + 1
            w.grad = None


def test_hooks_behind(followed):
    fresh_window(slow=False)
    w = double([1.0, 2.0], requires_grad=True)
    for k in range(8):
        y = w + 1
        (w * 1.0).sum().backward()
        w.grad = None
        if k >= 5:
            y.register_hook(lambda g: g * 10)
        (y * 2 + w).sum().backward()
        assert w.grad.tolist() == ([21.0, 21.0] if k >= 5 else [3.0, 3.0])
        w.grad = None


def test_memory_that_numpy_can_write_runs_at_once_in_each_round(followed):
    fresh_window(slow=False)
    a, b = (double(np.ones(3), requires_grad=True) for _ in range(2))
    for _ in range(20):
        (gradient,) = sg.autograd.grad((a.mean() * b).sum(), a, create_graph=True)
        b.grad = None
        (gradient**2).sum().backward()
        np.testing.assert_allclose(b.grad.numpy(), 2 * gradient.detach().numpy())
        b.detach().numpy()


def test_a_write_that_counts_is_seen_after_data_was_assigned():
    w = double([1.0, 2.0], requires_grad=True)
    w.data = w.data * 2
    y = (w**2).sum()
    with sg.no_grad():
        w -= 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
    z = (w**2).sum()
    w.data.add_(1)
    with sg.no_grad():
        w.mul_(0.5)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_a_view_keeps_its_storage_when_a_leaf_gets_other_data():
    a = double([1.0, 2.0, 3.0], requires_grad=True)
    part = a[1:]
    y = (part * part).sum()
    a.data = a.detach() * 10
    y.backward()
    assert a.grad.tolist() == [0.0, 4.0, 6.0]


def test_gradients_that_are_views_of_one_another_collect_from_all():
    a, b = double([1.0, 2.0, 3.0], requires_grad=True), double(np.ones((2, 3)), requires_grad=True)
    b.grad = double(np.zeros((2, 3)))
    a.grad = b.grad[0]
    (a * b).sum().backward()
    np.testing.assert_array_equal(b.grad.numpy(), [[3.0, 4.0, 5.0], [1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(a.grad.numpy(), [3.0, 4.0, 5.0])


def test_a_refused_write_counts_for_nothing():
    a, t = double([1.0], requires_grad=True), double(2.0)
    wide = t.expand(2, 4)
    z = a * t
    with pytest.raises(RuntimeError):
        wide.mul_(1.1)
    assert t._version == 0
    z.sum().backward()
    assert a.grad.item() == 2.0


def test_backward_inside_a_transform_is_refused_when_it_is_known_too(followed):
    fresh_window(slow=False)
    w = double([1.0], requires_grad=True)
    for _ in range(6):
        (w * w).sum().backward()
    before = w.grad.item()

    def inside(x):
        (w * w).sum().backward()
        return x.sum()

    with pytest.raises(RuntimeError, match="inside a functorch transform"):
        sg.func.grad(inside)(double([1.0]))
    assert w.grad.item() == before


def test_a_detached_leaf_keeps_its_gradient():
    b = double([1.0], requires_grad=True)
    (b * 3).sum().backward()
    b.detach_()
    assert b.grad.item() == 3.0


def test_backward_adds_to_a_gradient_that_is_on_the_tape():
    b = double([2.0], requires_grad=True)
    with pytest.warns(UserWarning, match="create_graph"):
        (b**3).sum().backward(create_graph=True)
    gradient = b.grad
    b.sum().backward()
    assert b.grad is gradient
    assert gradient.requires_grad
    assert gradient.item() == 13.0
    assert sg.autograd.grad(gradient.sum(), b)[0].item() == 12.0
