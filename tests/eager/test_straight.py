"""Plans written out as straight lines: they do what the first rounds did, and step back where something is different."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg
from symgrad.eager import execution, flushing, programs, repeating
from symgrad.eager.grad_mode import mode
from symgrad.eager.windows import forget_states

from .test_runtime import double, flat, step


@pytest.fixture
def followed(monkeypatch):
    """Have plans written out at their second use, programs being interpreted; a list of what followed them."""
    done = []

    def at_once(program):
        program.fast = lambda values: execution.interpreted(program.graph, values)

    def noting(make):
        def made(*args, **kwargs):
            follow = make(*args, **kwargs)

            def noted(*given):
                result = follow(*given)
                done.append((make.__name__, result))
                return result

            return noted if follow is not None else None

        return made

    programs._programs.clear()
    forget_states()
    monkeypatch.setattr(execution, "HOT", 1)
    monkeypatch.setattr(execution, "_hot", at_once)
    for module in (flushing, repeating):
        monkeypatch.setattr(module, "OFTEN", 2)
    monkeypatch.setattr(flushing, "straight_run", noting(flushing.straight_run))
    monkeypatch.setattr(repeating, "straight_backward", noting(repeating.straight_backward))
    return done


def fresh_window(slow):
    mode.window = None
    double([1.0]) + 1  # a window of its own
    mode.window.slow = slow


DISTURBANCES = ["hook", "post hook", "no gradient", "retain_graph", "another gradient", "shared gradient", "kept result", "data", "view"]


def disturb(kind, leaves, kept):
    """Do something between two rounds that a plan was not made for."""
    first, second = leaves
    with sg.no_grad():
        if kind == "hook":
            first.register_hook(lambda g: g * 2)
        elif kind == "post hook":
            first.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(0.5))
        elif kind == "no gradient":
            first.grad = None
        elif kind == "another gradient":
            first.grad = double([1.0, 2.0, 3.0])
        elif kind == "shared gradient":
            first.grad = second.grad = double([1.0, 2.0, 3.0])
        elif kind == "data":
            first.data = double([0.1, 0.2, 0.3])
        elif kind == "view" and second.grad is not None:
            kept.append(second.grad[1:])


def train(choices, kind, slow, rounds=12):
    generator = np.random.default_rng(5)
    leaves = [double(generator.normal(size=3), requires_grad=True) for _ in range(2)]
    observed, kept = [], []
    before = mode.window
    try:
        fresh_window(slow)
        for k in range(rounds):
            if k in (7, 10):
                disturb(kind, leaves, kept)
            loss = step(choices, leaves, observed, retain_graph=kind == "retain_graph" and k == 7)
            if kind == "kept result" and k >= 7:
                kept.append(loss)
        observed.append([t.tolist() for t in kept])
    finally:
        mode.window = before
    return observed


@pytest.mark.parametrize("kind", DISTURBANCES)
@pytest.mark.parametrize("seed", range(100, 112))
def test_what_a_plan_was_not_made_for(followed, seed, kind):
    generator = np.random.default_rng(seed)
    count = int(generator.integers(2, 7))
    choices = [tuple(int(generator.integers(0, c)) for c in (2, 20, 20, 20, 12)) for _ in range(count)]
    try:
        found = train(choices, kind, slow=False)
    except RuntimeError as error:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            train(choices, kind, slow=True)
        assert "modified by an inplace operation" in str(error)
        return
    expected = train(choices, kind, slow=True)
    assert ("straight_backward", True) in followed
    np.testing.assert_allclose(flat(found), flat(expected), rtol=1e-12, atol=1e-13)


def test_a_gradient_that_is_recorded_first_is_no_missing_gradient():
    fresh_window(slow=False)
    x = double([1.0, 2.0], requires_grad=True)
    for given in (False, True, False, True):
        with sg.no_grad():
            seed = double([10.0, 10.0]) * 1.0
        x.grad = seed if given else None
        (x**2).sum().backward()
        assert x.grad.tolist() == ([12.0, 14.0] if given else [2.0, 4.0])


def test_values_that_wait_elsewhere_are_asked_for(followed):
    fresh_window(slow=False)
    x = double([1.0, 2.0])
    for k in range(8):
        y = (x + k) * 2
        window, mode.window = mode.window, None
        other = (x + k) * 3  # of a window of its own, and pending there from the sixth round on
        if k < 5:
            other.tolist()
        mode.window = window
        assert (y + other).sum().item() == pytest.approx(5 * (3 + 2 * k))
    assert ("straight_run", None) in followed


@pytest.mark.parametrize("retain", [False, True])
def test_freed_graphs_and_kept_graphs(followed, retain):
    fresh_window(slow=False)
    x = double([1.0, 2.0], requires_grad=True)
    for _ in range(6):
        y = (x**2).sum()
        x.grad = None
        y.backward(retain_graph=retain)
        assert x.grad.tolist() == [2.0, 4.0]
        if retain:
            y.backward()
            assert x.grad.tolist() == [4.0, 8.0]
        else:
            with pytest.raises(RuntimeError, match="a second time"):
                y.backward()
    assert ("straight_backward", True) in followed


def test_a_long_plan_is_not_written_out(followed):
    fresh_window(slow=False)
    leaves = [double([float(k)], requires_grad=True) for k in range(150)]
    for _ in range(5):
        total = leaves[0] * 1.0
        for leaf in leaves[1:]:
            total = total + leaf * leaf
        for leaf in leaves:
            leaf.grad = None
        total.sum().backward()
    assert leaves[7].grad.item() == 14.0
    assert not followed


def test_one_gradient_of_two_leaves_collects_from_both():
    first, second = (double([1.0], requires_grad=True) for _ in range(2))
    shared = first.grad = second.grad = double([100.0])
    for k in range(1, 4):
        (first * 2 + second * 3).sum().backward()
        assert shared.tolist() == [100.0 + 5 * k]
    assert first.grad is second.grad is shared


@pytest.mark.parametrize("saves", [True, False])
@pytest.mark.parametrize("what", ["hook", "retain_grad", "hook of the entry"])
def test_a_hook_on_what_lies_between(followed, what, saves):
    fresh_window(slow=False)
    x = double([1.0, 2.0], requires_grad=True)
    for k in range(8):
        y = x * x if saves else x + x
        if k >= 6 and what == "hook":
            y.register_hook(lambda g: 10 * g)
        if k >= 6 and what == "hook of the entry":
            y.grad_fn.register_prehook(lambda gs: (10 * gs[0],))
        if k >= 6 and what == "retain_grad":
            y.retain_grad()
        x.grad = None
        y.sum().backward()
        factor = 10.0 if k >= 6 and what != "retain_grad" else 1.0
        assert x.grad.tolist() == [factor * 2.0, factor * (4.0 if saves else 2.0)]
        assert k < 6 or what != "retain_grad" or y.grad.tolist() == [1.0, 1.0]
    assert ("straight_backward", True) in followed


@pytest.mark.parametrize("hidden", [False, True])
def test_a_saved_value_that_was_written(followed, hidden):
    fresh_window(slow=False)
    w = double([3.0], requires_grad=True)
    for k in range(8):
        x = double([5.0])
        y = (w * x).sum()
        w.grad = None
        if k < 6:
            y.backward()
            assert w.grad.item() == 5.0
        elif hidden:
            x.data.zero_()
            y.backward()
            assert w.grad.item() == 0.0
        else:
            x.zero_()
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                y.backward()
            assert w.grad is None
    assert ("straight_backward", True) in followed


def test_batches_that_are_slices_take_the_same_path(followed):
    fresh_window(slow=False)
    data = double(np.arange(400.0).reshape(40, 10) / 100)
    w = double(np.ones(10), requires_grad=True)
    for k in range(10):
        start = 3 * k
        batch = data[start : start + 8]  # more than what is copied
        loss = ((batch @ w) ** 2).sum()
        w.grad = None
        if k == 8:
            data[start + 1] = 0.0
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                loss.backward()
            continue
        if k == 9:
            data.data[start] = 0.0  # behind the tape: backward reads what is there
            loss.backward()
            rows = data.numpy()[start : start + 8]
            before = np.arange(400.0).reshape(40, 10)[start : start + 8].sum(1) / 100
            np.testing.assert_allclose(w.grad.numpy(), 2 * before @ rows, rtol=1e-12)
            continue
        loss.backward()
        rows = data.detach().clone().numpy()[start : start + 8]
        np.testing.assert_allclose(w.grad.numpy(), 2 * rows.sum(1) @ rows, rtol=1e-12)
    assert ("straight_backward", True) in followed


def test_a_slice_keeps_what_it_was(followed):
    fresh_window(slow=False)
    base = double(np.arange(300.0))
    part = base[100:200]
    kept = part * 1.0
    alias = base[100:200].detach()
    base[150] = -1.0
    assert part[50].item() == alias[50].item() == base[150].item() == -1.0
    assert kept[50].item() == 150.0
    part[0] = 7.0
    assert base[100].item() == 7.0
