"""Dual numbers, hooks on several gradients and on saved tensors."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad as sg

fwd = sg.autograd.forward_ad
graph = sg.autograd.graph


def vector(requires_grad=False):
    return sg.tensor([1.0, 2.0], dtype=sg.float64, requires_grad=requires_grad)


def test_tangents():
    x, v = vector(), sg.tensor([1.0, 10.0], dtype=sg.float64)
    with fwd.dual_level():
        dual = fwd.make_dual(x, v)
        assert dual.sum().item() == 3.0
        y = dual**2 * x
        primal, tangent = fwd.unpack_dual(y)
        assert tangent.tolist() == [2.0, 80.0]
        assert primal.tolist() == [1.0, 8.0]
        with sg.no_grad():  # says nothing about tangents
            assert fwd.unpack_dual(dual * dual).tangent.tolist() == [2.0, 40.0]
        assert fwd.unpack_dual(dual.detach()).tangent is None
        assert fwd.unpack_dual(x).tangent is None
    assert fwd.unpack_dual(x).tangent is None
    assert (x * 2).tolist() == [2.0, 4.0]


def test_tangents_on_the_tape():
    x = vector(requires_grad=True)
    with fwd.dual_level():
        tangent = fwd.unpack_dual(fwd.make_dual(x, sg.ones(2, dtype=sg.float64)) ** 3).tangent
    tangent.sum().backward()
    assert x.grad.tolist() == [6.0, 12.0]


def test_level_errors():
    x = vector()
    with pytest.raises(RuntimeError, match="no level exists"):
        fwd.make_dual(x, x)
    with pytest.raises(RuntimeError, match="Trying to exit a forward AD level"):
        fwd.exit_dual_level()
    with fwd.dual_level():
        with pytest.raises(RuntimeError, match="Nested forward mode AD"):
            fwd.enter_dual_level()
        with pytest.raises(ValueError, match="Expected primal to be floating point"):
            fwd.make_dual(sg.tensor([1, 2]), x)
        with pytest.raises(RuntimeError, match="already has a forward gradient"):
            fwd.make_dual(fwd.make_dual(x, x), x)
        with pytest.raises(RuntimeError, match="different size"):
            fwd.make_dual(x, x[:1])
    level = fwd.enter_dual_level()
    fwd.exit_dual_level(level=level)


def test_hook_on_several_gradients():
    a, b, c = (sg.tensor(v, requires_grad=True) for v in (1.0, 2.0, 3.0))
    seen = []
    handle = graph.register_multi_grad_hook((a, b, c), lambda g: seen.append([None if x is None else x.item() for x in g]))
    (a * b).backward()
    (a * b * c).backward()
    assert seen == [[2.0, 1.0, None], [6.0, 3.0, 2.0]]
    handle.remove()
    (a * b).backward()
    assert len(seen) == 2
    with graph.register_multi_grad_hook((a, b), lambda g: seen.append(g.item()), mode="any"):
        (a * b).backward()
        (a * b).backward()
    assert seen[2:] == [2.0, 2.0]
    with pytest.raises(ValueError, match="Expects mode"):
        graph.register_multi_grad_hook((a,), print, mode="some")


def test_saved_tensors_hooks():
    z, log = vector(requires_grad=True), []

    def pack(t):
        log.append(("pack", t.tolist()))
        return t

    def unpack(t):
        log.append("unpack")
        return t * 10

    with graph.saved_tensors_hooks(pack, unpack):
        e = z.exp()
        (e * z).sum()
        moved = z + 1
    y = (z * 2).sum()  # outside: nothing is packed
    assert log == [("pack", [np.exp(1.0), np.exp(2.0)]), ("pack", [np.exp(1.0), np.exp(2.0)]), ("pack", [1.0, 2.0])]
    y.backward()
    moved.sum().backward()
    assert "unpack" not in log
    z.grad = None
    e.sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), 10 * np.exp([1.0, 2.0]))
    with graph.save_on_cpu():
        w = (z**2).sum()
    z.grad = None
    w.backward()
    assert z.grad.tolist() == [2.0, 4.0]
    with graph.saved_tensors_hooks(lambda t: t, lambda t: 3.0):
        w = (z**2).sum()
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor"):
        w.backward()


def test_edges_and_versions():
    x = vector(requires_grad=True)
    y = x * 2
    edge = graph.get_gradient_edge(y)
    assert edge.node is y.grad_fn
    assert edge.output_nr == 0
    assert graph.get_gradient_edge(x).node.name() == "AccumulateGrad"
    assert isinstance(y.grad_fn, graph.Node)
    with pytest.raises(RuntimeError, match="does not require gradients"):
        graph.get_gradient_edge(vector())
    w = vector()
    z = (x * w).sum()
    graph.increment_version(w)
    assert w._version == 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_modes_of_autograd():
    assert not sg.is_anomaly_enabled()
    with sg.autograd.set_detect_anomaly(True, check_nan=False):
        assert sg.is_anomaly_enabled()
        assert not sg.is_anomaly_check_nan_enabled()
    assert not sg.autograd.is_anomaly_enabled()
    with sg.autograd.set_multithreading_enabled(False):
        pass
    assert sg.autograd.function.FunctionCtx is sg.autograd.Context
    x = vector(requires_grad=True)
    assert (x * 2).grad_fn._saved_self is x
    assert (x**3).grad_fn._saved_exponent == 3
