"""A loop that trains must not keep anything of the epochs that are over."""

import gc
import tracemalloc

import pytest

import symgrad as sg
from symgrad.eager.execution import wait_for_compiler


def fit():
    x, y = sg.tensor([1.0, 2.0, 3.0]), sg.tensor([3.0, 5.0, 7.0])
    a, b = (sg.tensor([1.0], requires_grad=True) for _ in range(2))

    def epoch():
        loss = ((a * x + b - y) ** 2).mean()
        if a.grad is not None:
            a.grad.zero_()
            b.grad.zero_()
        loss.backward()
        with sg.no_grad():
            a.data -= 0.01 * a.grad
            b.data -= 0.01 * b.grad

    return epoch


def descent():
    x = sg.tensor([3.0], requires_grad=True)

    def epoch():
        y = x**2
        if x.grad is not None:
            x.grad.zero_()
        y.backward()
        with sg.no_grad():
            x.data -= 0.1 * x.grad
        return x.item(), y.item()

    return epoch


def accumulation():
    x = sg.tensor([1.0, 2.0], requires_grad=True)
    return lambda: (x**2 + 2 * x + 7).mean().backward()


def moving_average():
    """Nothing is differentiated and nothing is asked for."""
    values = [sg.ones(3)]

    def epoch():
        values[0] = 0.9 * values[0] + 0.1

    return epoch


def leaking():
    """Each epoch's loss is kept, tape and all."""
    x, losses = sg.tensor([3.0], requires_grad=True), []

    def epoch():
        losses.append((x**2).sum())
        losses[-1].backward()

    return epoch


def growth(epoch, count=1500):
    """Bytes that ``count`` further epochs leave behind."""
    for _ in range(1100):  # more than wait at most in one window
        epoch()
    wait_for_compiler()
    for _ in range(50):
        epoch()
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(50):
            epoch()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(count):
            epoch()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("loop", [fit, descent, accumulation])
def test_memory_is_flat(loop):
    assert growth(loop()) < 20_000  # 13 bytes an epoch: no object is as small


def test_pending_operations_are_bounded():
    assert growth(moving_average(), 3000) < 2_000_000  # what waits at most, not what was ever recorded


def test_a_leak_would_be_seen():
    assert growth(leaking()) > 200_000
