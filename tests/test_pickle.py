"""Graphs and compiled functions pickle as graphs, never as code."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

import symgrad as sg

WEIGHTS = np.linspace(0.0, 1.0, 100)  # long enough to be captured, not written into the code


def test_compiled_function_with_its_derivatives():
    f = sg.compile(lambda x: np.sum(x**2 * WEIGHTS))
    x = np.ones(100)
    f(x)
    again = pickle.loads(pickle.dumps(f))
    assert again(x) == f(x)
    np.testing.assert_array_equal(again.grad(x), f.grad(x))
    np.testing.assert_array_equal(sg.grad(again)(x), f.grad(x))
    with pytest.raises(sg.TraceError, match=r"knows the signatures it was pickled with, \(float64\[100\]\); got \(float64\[3\]\)"):
        again(np.ones(3))


def test_specs_nests_and_static_arguments():
    f = sg.compile(lambda p: {"out": p["x"] * 2}, specs=[{"x": sg.TensorSpec("n")}])
    again = pickle.loads(pickle.dumps(f))
    assert again({"x": np.arange(3.0)})["out"].tolist() == [0.0, 2.0, 4.0]
    g = sg.compile(lambda x, power: x**power, static_argnames="power")
    assert g(3.0, power=2) == 9.0
    assert pickle.loads(pickle.dumps(g))(3.0, power=2) == 9.0


def test_in_another_process():
    f = sg.compile(lambda x: sg.sin(x) * 2, specs=[sg.TensorSpec()])
    code = "import pickle, sys; f = pickle.load(sys.stdin.buffer); print(repr(float(f(0.5))), repr(float(f.grad(0.5))))"
    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(f), capture_output=True, check=True)
    value, slope = map(float, done.stdout.split())
    assert value == 2 * np.sin(0.5) and slope == pytest.approx(2 * np.cos(0.5), rel=1e-15)


def test_nothing_to_pickle_yet():
    with pytest.raises(TypeError, match="call the function once"):
        pickle.dumps(sg.compile(lambda x: x))
    with pytest.raises(TypeError, match="pickle the Graph"):
        pickle.dumps(sg.compile(lambda x: x, specs=[sg.TensorSpec()]).graph().outputs[0])


def test_graph():
    graph = sg.compile(lambda x: np.sum(np.exp(x[1:])), specs=[sg.TensorSpec("n")]).grad.graph()
    again = pickle.loads(pickle.dumps(graph))
    assert again.key == graph.key and str(again) == str(graph)


def test_public_functions_are_found_by_their_names():
    """A process that is sent ``sg.relu`` has the same function."""
    places = {"symgrad": sg, "symgrad.linalg": sg.linalg, "symgrad.special": sg.special, "symgrad.nn.functional": sg.nn.functional}
    lost = []
    for module, place in places.items():
        for name in dir(place):
            found = getattr(place, name, None)
            if name.startswith("_") or not callable(found) or isinstance(found, type):
                continue
            try:
                assert pickle.loads(pickle.dumps(found)) is found
            except (pickle.PicklingError, AttributeError, AssertionError):
                lost.append(f"{module}.{name}")
    assert not lost
