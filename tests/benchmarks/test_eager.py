"""What training costs eagerly: small loops, where each operation counts, and a network, where the products do; against torch.

torch comes with the optional extra ``parity``; without it only symgrad is measured. Both run in one process, one after the
other, so what else the machine does falls on both.
"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys

import numpy as np
import pytest

import symgrad as sg
from symgrad.eager.execution import wait_for_compiler

from .conftest import target

try:
    import torch
except ImportError:
    torch = None

WITHOUT = pytest.mark.skipif(torch is None, reason="torch is not installed: pip install symgrad[parity]")
WHO = [pytest.param("symgrad", id="symgrad"), pytest.param("torch", id="torch", marks=WITHOUT)]


def library(who):
    return sg if who == "symgrad" else torch


def fit(lib, count=20):
    """Two parameters, fitted to five points through .data."""
    x, y = (lib.tensor(v, dtype=lib.float) for v in ([1, 2, 3, 4, 5], [3, 5, 7, 9, 11]))
    a, b = (lib.tensor([1], dtype=lib.float, requires_grad=True) for _ in range(2))

    def epochs():
        for _ in range(count):
            prediction = a * x + b
            loss = ((prediction - y) ** 2).mean()
            if a.grad is not None and b.grad is not None:
                a.grad.zero_()
                b.grad.zero_()
            loss.backward()
            with lib.no_grad():
                a.data -= 0.01 * a.grad
                b.data -= 0.01 * b.grad
        return a.item(), b.item()

    return epochs


def descent(lib, count=20):
    """One parameter, whose value and loss are asked for in each epoch."""
    x = lib.tensor([3.0], requires_grad=True, dtype=lib.float)

    def epochs():
        path = []
        for _ in range(count):
            y = x**2
            if x.grad is not None:
                x.grad.zero_()
            y.backward()
            with lib.no_grad():
                x.data -= 0.1 * x.grad
            path.append((x.item(), y.item()))
        return path[-1]

    return epochs


def accumulation(lib, count=20):
    """Gradients that are added up."""
    x = lib.tensor([1.0, 2.0, 5.3], requires_grad=True)

    def epochs():
        for _ in range(count):
            (x**2 + 2 * x + 7).mean().backward()
        return x.grad

    return epochs


def second_derivatives(lib):
    """A small network whose loss has the first and second derivative by its argument."""
    random = np.random.default_rng(0)
    shapes = ((1, 20), (20,), (20, 20), (20,), (20, 1), (1,))
    weights = [lib.tensor((random.normal(size=s) / np.sqrt(s[0])).astype(np.float32), requires_grad=True) for s in shapes]
    t = lib.tensor(np.linspace(0, 1, 64, dtype=np.float32)[:, None], requires_grad=True)

    def step():
        u = lib.tanh(lib.tanh(t @ weights[0] + weights[1]) @ weights[2] + weights[3]) @ weights[4] + weights[5]
        (du,) = lib.autograd.grad(u.sum(), t, create_graph=True)
        (ddu,) = lib.autograd.grad(du.sum(), t, create_graph=True)
        loss = ((ddu + u) ** 2).mean() + (u[0, 0] - 1) ** 2
        for w in weights:
            w.grad = None
        loss.backward()
        with lib.no_grad():
            for w in weights:
                w -= 1e-3 * w.grad
        return loss.item()

    return step


def functional(lib):
    """The gradient of a function of ten operations, by func.grad."""
    x = lib.tensor([1.0, 2.0, 3.0])
    gradient = lib.func.grad(lambda x: ((x.sin() * x.exp() + x**2).sum() + (x.tanh() * 2 - x.cos()).mean()) * 3)
    return lambda: gradient(x).tolist()


def batches(lib):
    """A linear fit by slices of a data set, each of 64 rows."""
    random = np.random.default_rng(0)
    x, y = (lib.tensor(random.normal(size=s).astype(np.float32)) for s in ((1000, 10), (1000,)))
    w = lib.tensor(np.ones(10, np.float32), requires_grad=True)

    def epoch():
        for start in range(0, 960, 64):
            loss = ((x[start : start + 64] @ w - y[start : start + 64]) ** 2).mean()
            w.grad = None
            loss.backward()
            with lib.no_grad():
                w.sub_(0.01 * w.grad)
        return loss.item()

    return epoch


def network(lib, batch):
    """One step of 784-128-64-10 in float32, ReLU and cross entropy, by gradient descent."""
    random = np.random.default_rng(0)
    x = lib.tensor(random.normal(size=(batch, 784)).astype(np.float32))
    y = lib.tensor(random.integers(0, 10, batch))
    parameters = []
    for rows, columns in ((784, 128), (128, 64), (64, 10)):
        weight = (random.normal(size=(rows, columns)) / np.sqrt(rows)).astype(np.float32)
        parameters += [lib.tensor(weight, requires_grad=True), lib.zeros(columns, requires_grad=True)]
    functional = lib.nn.functional

    def step():
        hidden = x
        for k in (0, 2, 4):
            hidden = hidden @ parameters[k] + parameters[k + 1]
            if k < 4:
                hidden = functional.relu(hidden)
        loss = functional.cross_entropy(hidden, y)
        for p in parameters:
            p.grad = None
        loss.backward()
        with lib.no_grad():
            for p in parameters:
                p -= 0.01 * p.grad
        return loss

    return step


def _trained(lib, parameters, loss):
    for p in parameters:
        p.grad = None
    loss.backward()
    with lib.no_grad():
        for p in parameters:
            p -= 0.01 * p.grad
    return loss.item()


def _normal(lib, *sizes, requires_grad=False):
    values = np.random.default_rng(sum(sizes)).normal(size=sizes).astype(np.float32)
    return lib.tensor(values, requires_grad=requires_grad)


def recurrent(lib):
    """A recurrent network over twenty steps of a sequence, read one by one."""
    inner, state, bias, out = (_normal(lib, *s, requires_grad=True) for s in ((8, 16), (16, 16), (16,), (16, 1)))
    xs = _normal(lib, 20, 4, 8)

    def step():
        h = lib.zeros(4, 16)
        for k in range(20):
            h = lib.tanh(xs[k] @ inner * 0.3 + h @ state * 0.1 + bias)
        return _trained(lib, (inner, state, bias, out), ((h @ out) ** 2).mean())

    return step


def attention(lib):
    """Self-attention with four heads: reshape, permute, unbind, softmax."""
    x, parameters = _normal(lib, 2, 6, 16), [_normal(lib, 16, n, requires_grad=True) for n in (48, 16)]

    def step():
        q, k, v = (x @ parameters[0]).reshape(2, 6, 3, 4, 4).permute(2, 0, 3, 1, 4).unbind(0)
        seen = lib.nn.functional.softmax(q @ k.transpose(-2, -1) / 2.0, dim=-1) @ v
        return _trained(lib, parameters, ((seen.transpose(1, 2).reshape(2, 6, 16) @ parameters[1]) ** 2).mean())

    return step


def _six_layers(lib, activation):
    parameters = [_normal(lib, *s, requires_grad=True) for _ in range(6) for s in ((16, 16), (16,))]
    x = _normal(lib, 32, 16)

    def step():
        h = x
        for k in range(0, 12, 2):
            h = activation(h @ parameters[k] * 0.25 + parameters[k + 1], k)
        return _trained(lib, parameters, (h**2).mean())

    return step


def hooked(lib):
    """A network of six layers, one of which clips its gradient by a hook."""

    def activation(h, k):
        h = lib.tanh(h)
        if k == 6:
            h.register_hook(lambda g: g.clamp(-1, 1))
        return h

    return _six_layers(lib, activation)


def customised(lib):
    """A network of six layers whose activation is a Function."""

    class Swish(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x * lib.sigmoid(x)
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            s = lib.sigmoid(x)
            return g * (s + y * (1 - s))

    return _six_layers(lib, lambda h, k: Swish.apply(h))


def hot(step):
    for _ in range(12):
        step()
    wait_for_compiler()
    for _ in range(3):
        step()
    return step


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("loop", [
    pytest.param(fit, marks=target("20 epochs: fit of two parameters", "0.5x")),
    pytest.param(descent, marks=target("20 epochs: descent with item()", "0.5x")),
    pytest.param(accumulation, marks=target("20 epochs: accumulation", "0.5x")),
    pytest.param(second_derivatives, marks=target("step with second derivatives", "1.0x")),
    pytest.param(functional, marks=target("func.grad of ten operations", "1.0x")),
    pytest.param(batches, marks=target("15 batches that are slices", "1.0x")),
    pytest.param(recurrent, marks=target("recurrent network, 20 steps", "1.0x")),
    pytest.param(attention, marks=target("attention with four heads", "1.0x")),
    pytest.param(hooked, marks=target("six layers with a hook", "1.0x")),
    pytest.param(customised, marks=target("six layers with a Function", "reported")),
])  # fmt: skip
def test_loop(benchmark, who, loop):
    benchmark(hot(loop(library(who))))


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("batch", [pytest.param(64, marks=target("step of 784-128-64-10, batch 64", "1.0x")),
                                   pytest.param(512, marks=target("step of 784-128-64-10, batch 512", "1.0x"))])  # fmt: skip
def test_network(benchmark, who, batch):
    benchmark(hot(network(library(who), batch)))


FIRST = """
import time
import symgrad as sg
{text}
epochs = fit(sg, 1)
start = time.perf_counter()
epochs()
print(time.perf_counter() - start)
"""


def test_first_epoch(measured, tmp_path):
    """The first epoch of a new process, with nothing compiled: nothing may wait for a compiler."""
    text = FIRST.format(text=inspect.getsource(fit))
    times = []
    for k in range(5):
        environment = os.environ | {"SYMGRAD_CACHE_DIR": str(tmp_path / str(k))}
        done = subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True, check=True)
        times.append(float(done.stdout))
    measured("first epoch of the fit, nothing compiled", f"{np.median(times) * 1e3:.1f} ms", "20 ms")
