"""``autograd.grad`` in loops: what is written out after some rounds gives what the first rounds gave, and steps back in time."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg
from symgrad.eager import deriving
from symgrad.eager.grad_mode import mode
from symgrad.eager.windows import forget_states

from .test_runtime import double
from .test_straight import followed, fresh_window

__all__ = ["followed"]


@pytest.fixture
def written(monkeypatch):
    """Have derivatives written out at their second round; a list of those that were followed."""
    done = []
    made = deriving.Watch._written_out

    def noting(self, *given):
        follow = made(self, *given)

        def noted(window):
            result = follow(window)
            done.append(result is not None)
            return result

        return noted if follow is not None else None

    forget_states()
    monkeypatch.setattr(deriving, "OFTEN", 2)
    monkeypatch.setattr(deriving.Watch, "_written_out", noting)
    fresh_window(slow=False)
    return done


FORMULAS = {
    "polynomial": lambda x, w: (x**3 * w).sum(),
    "mixed": lambda x, w: (sg.sin(x * w) + sg.exp(-x) * w).mean(),
    "views": lambda x, w: (x[1:] * w[:-1]).sum() + x[0] ** 2,
    "where": lambda x, w: sg.where(x > 0.5, x * w, x**2).sum(),
    "matrix": lambda x, w: (sg.outer(x, w) @ x).sum(),
    "several results": lambda x, w: (x.sort().values ** 4 * w).sum() + x.max(0).values,
    "constant": lambda x, w: (2 * x + w).sum(),
}


def rounds(formula, slow, count=6, order=3):
    """Return the derivatives up to some order in each of several rounds, while the arguments change."""
    fresh_window(slow=slow)
    generator = np.random.default_rng(3)
    found = []
    for _ in range(count):
        x = double(generator.uniform(0.1, 1.0, 4), requires_grad=True)
        w = double(generator.uniform(0.1, 1.0, 4), requires_grad=True)
        value = formula(x, w)
        for k in range(order):
            more = k < order - 1
            gradients = sg.autograd.grad(value, (x, w), create_graph=more, allow_unused=True, materialize_grads=True)
            value = sum((g * (k + 1.0)).sum() for k, g in enumerate(gradients))
            found.append([value.tolist(), *[g.tolist() for g in gradients]])
            if not value.requires_grad:
                break
    return np.concatenate([np.ravel(v) for row in found for v in row])


@pytest.mark.parametrize("name", FORMULAS)
def test_derivatives_of_each_order(written, name):
    expected = rounds(FORMULAS[name], slow=True)
    found = rounds(FORMULAS[name], slow=False)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)
    assert any(written) or name == "constant"


def test_a_network_of_derivatives(written):
    def train(slow):
        fresh_window(slow=slow)
        generator = np.random.default_rng(0)
        shapes = ((1, 4), (4,), (4, 4), (4,), (4, 1), (1,))
        weights = [double(generator.normal(size=s), requires_grad=True) for s in shapes]
        t = double(np.linspace(0, 1, 5)[:, None], requires_grad=True)
        for _ in range(12):
            u = sg.tanh(sg.tanh(t @ weights[0] + weights[1]) @ weights[2] + weights[3]) @ weights[4] + weights[5]
            (du,) = sg.autograd.grad(u, t, grad_outputs=sg.ones_like(u), create_graph=True)
            (ddu,) = sg.autograd.grad(du.sum(), t, create_graph=True)
            for w in weights:
                w.grad = None
            (((ddu + u) ** 2).mean() + (u[0, 0] - 1) ** 2).backward()
            with sg.no_grad():
                for w in weights:
                    w -= 0.01 * w.grad
        return np.concatenate([w.detach().numpy().ravel() for w in weights])

    np.testing.assert_allclose(train(slow=False), train(slow=True), rtol=1e-12)
    assert any(written)


@pytest.mark.parametrize("what", ["hook", "leaf hook", "freed", "written", "another output", "no_grad", "another cotangent"])
def test_what_was_not_so_before(written, what):
    x = double([1.0, 2.0], requires_grad=True)
    for k in range(6):
        late = k >= 4
        data = double([3.0, 4.0])
        y = (x * x * data).sum()
        expected = [2 * 1.0 * 3, 2 * 2.0 * 4]
        keep, cotangent, output = what == "freed", None, y
        if late and what == "hook":
            y.register_hook(lambda g: 10 * g)
            expected = [10 * e for e in expected]
        if late and what == "leaf hook":
            handle = x.register_hook(lambda g: 10 * g)
            expected = [10 * e for e in expected]
        if late and what == "another output":
            output, expected = y * 2, [2 * e for e in expected]
        if late and what == "another cotangent":
            cotangent, expected = double(5.0), [5 * e for e in expected]
        if late and what == "freed":
            y.backward()
            x.grad = None
        if late and what == "written":
            data.zero_()
        if late and what in ("freed", "written"):
            with pytest.raises(RuntimeError, match="a second time" if what == "freed" else "modified by an inplace"):
                sg.autograd.grad(output, x, retain_graph=keep)
            continue
        with sg.set_grad_enabled(not (late and what == "no_grad")):
            (found,) = sg.autograd.grad(output, x, cotangent)
        if late and what == "leaf hook":
            handle.remove()
        assert found.tolist() == expected
        assert not found.requires_grad
    assert any(written)


def test_a_saved_value_overwritten_behind_the_tape(written):
    x = double([1.0, 2.0], requires_grad=True)
    for k in range(6):
        data = double([3.0, 4.0])
        y = (x * data).sum()
        if k >= 4:
            data.data.zero_()
        assert sg.autograd.grad(y, x)[0].tolist() == ([0.0, 0.0] if k >= 4 else [3.0, 4.0])
    assert any(written)


@pytest.mark.parametrize("how", ["backward", "grad"])
def test_a_pass_that_fails_leaves_numbers_as_they_were(followed, how):
    """What a failed pass numbered must not shift the operands of what is recorded after it."""
    fresh_window(slow=False)
    w = double([3.0], requires_grad=True)
    w.grad = double([7.0])
    for k in range(8):
        mode.window.begin()  # so that each round takes the same path
        x, t = double([5.0]), double([k + 1.0])
        y = (w * x).sum()
        if k >= 6:
            x.zero_()
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                _ = y.backward() if how == "backward" else sg.autograd.grad(y, w, double(2.0))
        assert (y * t).item() == 15.0 * (k + 1)
    assert w.grad.item() == 7.0


def test_results_are_on_the_tape_or_not(written):
    x = double([1.0, 2.0], requires_grad=True)
    for _ in range(6):
        (first,) = sg.autograd.grad((x**3).sum(), x, create_graph=True)
        assert first.requires_grad
        assert not first.is_leaf
        (second,) = sg.autograd.grad(first.sum(), x)
        assert second.tolist() == [6.0, 12.0]
        assert not second.requires_grad
        assert mode.grad
    assert any(written)
