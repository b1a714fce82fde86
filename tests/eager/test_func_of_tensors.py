"""Transforms of functions of Tensors: what the function looks at, detaches, captures and draws."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import symgrad as sg

f = sg.func


def number(value=3.0):
    return sg.tensor(value, dtype=sg.float64)


def vector():
    return sg.tensor([1.0, 2.0], dtype=sg.float64)


def test_looking_at_a_value_keeps_the_derivative():
    assert f.grad(lambda x: x * x * x if x.item() > 0 else x)(number()).item() == 27.0

    def branches(x):
        y = x * 2
        z = y * x if y > 0 else x
        float(z)
        return z * z

    assert f.grad(branches)(number()).item() == 16 * 27.0


def test_detached_values_pass_no_derivative_on():
    assert f.grad(lambda x: (x * x.detach()).sum())(vector()).tolist() == [1.0, 2.0]
    assert f.grad(lambda x: (x * x.data).sum())(vector()).tolist() == [1.0, 2.0]

    def inner(x):
        with sg.no_grad():
            c = x**2
        return x * c

    assert f.grad(inner)(number()).item() == 9.0
    with sg.no_grad():
        assert f.grad(lambda x: x**2)(number()).item() == 6.0
        assert f.grad(inner)(number()).item() == 9.0


def test_detached_values_in_compiled_functions():
    x = sg.tensor([1.0, 2.0], dtype=sg.float64, requires_grad=True)

    def g(x):
        with sg.no_grad():
            c = x.exp()
        return (x * x.detach() * c).sum()

    sg.compile(g)(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), [np.exp(1), 2 * np.exp(2)])
    compiled = sg.compile(lambda x: (x**2).sum())
    with sg.no_grad():  # compiled here, differentiated outside
        compiled(x)
    x.grad = None
    compiled(x).backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_captured_tensors_stay_on_the_tape():
    w = sg.tensor(3.0, dtype=sg.float64, requires_grad=True)
    v = w * 2
    v.item()
    y = f.grad(lambda t: v * w * t**2)(number(2.0))
    y.backward()
    assert w.grad.item() == 4 * 2 * 3 * 2
    big = sg.ones(100, dtype=sg.float64).requires_grad_()
    f.grad(lambda t: (big * t).sum() ** 2)(number()).backward()
    assert big.grad.shape == (100,)
    with sg.no_grad():
        assert not f.grad(lambda t: w * t**2)(number()).requires_grad
    detached = f.grad(lambda t: w.detach() * t**2)(number())
    assert not detached.requires_grad


def test_steps_do_not_grow():
    x = vector()
    step = f.grad(lambda x: (x**2).sum())
    for _ in range(30):
        x = x - 0.1 * step(x)
    gc.collect()
    np.testing.assert_allclose(x.numpy(), np.array([1.0, 2.0]) * 0.8**30)
    assert x.is_plain


def test_many_operations_in_a_trace():
    def chain(x):
        for _ in range(1500):
            x = x * 1.001
        return x

    np.testing.assert_allclose(sg.compile(chain)(number()).item(), 3 * 1.001**1500, rtol=1e-10)
    np.testing.assert_allclose(f.grad(chain)(number()).item(), 1.001**1500, rtol=1e-10)


def test_functions_run_once():
    count = []

    def g(x):
        count.append(1)
        return x**2, x.sum()

    _, pull = f.vjp(g, vector())
    pull((vector(), number()))
    pull((vector(), number()))
    f.jvp(g, (vector(),), (vector(),))
    f.linearize(g, vector())[1](vector())
    f.jacrev(lambda x: g(x), has_aux=True)(vector())
    assert len(count) == 4


def test_errors():
    x = vector()
    with pytest.raises(RuntimeError, match="argnums must be int or Tuple"):
        f.grad(lambda x: x.sum(), argnums="a")(x)
    with pytest.raises(RuntimeError, match="argnums elements must be unique"):
        f.grad(lambda x: x.sum(), argnums=(0, -1))(x)
    with pytest.raises(RuntimeError, match="Expected pytree structure of cotangents"):
        f.vjp(lambda x: (x, x), x)[1](x)
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        f.vjp(lambda x: x, x)[1](x[:1])
    with pytest.raises(RuntimeError, match="Expected primals to be a tuple"):
        f.jvp(lambda x: x, x, (x,))
    with pytest.raises(RuntimeError, match="doesn't match the shape"):
        f.linearize(lambda x: x, x)[1](x[:1])
    with pytest.raises(RuntimeError, match="to return only tensors"):
        f.jacrev(lambda x: 1.0)(x)


def test_vmap_nests():
    x, s = vector(), number()
    assert f.vmap(lambda d, e: d[0] + d[1] * e, in_dims=((0, None), 0))((x, s), x).tolist() == [4.0, 8.0]
    found = f.vmap(lambda a: {"a": a, "b": [a, a]}, out_dims={"a": 0, "b": 0})(x)
    assert found["b"][1].tolist() == [1.0, 2.0]
    assert f.vmap(lambda a: (a, x), out_dims=(0, None))(x)[1].shape == (2,)
    assert f.vmap(lambda a: a.sum(), chunk_size=1)(sg.ones(3, 2)).tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(ValueError, match="can not return a BatchedTensor when out_dim is None"):
        f.vmap(lambda a: a, out_dims=None)(x)
    with pytest.raises(ValueError, match="out_dims is not compatible"):
        f.vmap(lambda a: (a, a), out_dims=(0,))(x)
    with pytest.raises(ValueError, match="in_dims is not compatible"):
        f.vmap(lambda a: a, in_dims=({"a": 0},))(x)
    with pytest.raises(IndexError, match="Dimension out of range"):
        f.vmap(lambda a: a, out_dims=2)(x)
    with pytest.raises(ValueError, match="must only return Tensors"):
        f.vmap(lambda a: 1.0)(x)
    with pytest.raises(ValueError, match="chunk_size"):
        f.vmap(lambda a: a, chunk_size=0)
    with pytest.raises(RuntimeError, match="data-dependent control flow"):
        f.vmap(lambda a: a if a > 0 else -a)(x)


def test_random_numbers_in_vmap():
    x = vector()
    with pytest.raises(RuntimeError, match="randomness error mode"):
        f.vmap(lambda a: a * sg.rand(2))(x)
    with pytest.raises(RuntimeError, match="Only allowed values"):
        f.vmap(lambda a: a, randomness="none")
    same = f.vmap(lambda a: sg.rand(3), randomness="same")(x).numpy()
    assert (same[0] == same[1]).all()
    other = f.vmap(lambda a: sg.randn(3), randomness="different")(x).numpy()
    assert (other[0] != other[1]).all()
    nested = f.vmap(f.vmap(lambda a: a * 0 + sg.rand(()), randomness="different"), randomness="different")(sg.zeros(2, 3))
    assert len(set(nested.numpy().ravel())) == 6
    assert sg.rand(2).shape == (2,)


def test_hooks_in_traces():
    def hooked(x, seen=None):
        y = x * 2
        y.register_hook(lambda g: g * 10)
        handle = y.register_hook(lambda g: g + 1)
        removed = y.register_hook(lambda g: g * 1000)
        removed.remove()
        assert handle.id != removed.id
        return y.sum()

    assert f.grad(hooked)(vector()).tolist() == [22.0, 22.0]
    assert f.vmap(f.grad(hooked))(sg.ones(3, 2, dtype=sg.float64)).tolist() == [[22.0, 22.0]] * 3
    assert f.jvp(hooked, (vector(),), (vector(),))[1].item() == 6.0
    x = sg.tensor([1.0, 2.0], dtype=sg.float64, requires_grad=True)
    sg.compile(hooked)(x).backward()
    assert x.grad.tolist() == [22.0, 22.0]
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        f.grad(lambda x: ((x > 1).register_hook(print), x.sum())[1])(vector())


def test_arguments_are_leaves_in_reverse_mode():
    def inner(x):
        assert x.requires_grad
        assert x.is_leaf
        (g,) = sg.autograd.grad((x**3).sum(), x, create_graph=True)
        return g.sum()

    assert f.grad(inner)(vector()).tolist() == [6.0, 12.0]
    assert f.vmap(f.grad(inner))(sg.ones(2, 2, dtype=sg.float64)).tolist() == [[6.0, 6.0]] * 2
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        f.grad(lambda x: x.mul_(2).sum())(vector())
    with pytest.raises(RuntimeError, match="inside a functorch transform"):
        f.grad(lambda x: (x.sum().backward(), x.sum())[1])(vector())
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        f.grad(lambda x: x.sum() * x.numpy()[0])(vector())
    f.jvp(lambda x: (x.requires_grad is False or pytest.fail("forward mode")) and x, (vector(),), (vector(),))

    def seen(x, log):
        y = x * 2
        y.register_hook(log.append)
        return sg.autograd.grad(y.sum(), x, create_graph=True)[0].sum() + y.sum()

    log = []
    assert f.grad(lambda x: seen(x, log))(vector()).tolist() == [2.0, 2.0]
    assert len(log) == 2
