"""``symgrad bench``: every way that is installed is timed, and gives the same result."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

QUICK = ["--seconds", "0.002"]
OWN = ["native", "specialized", "bound", "interpreter"]


def test_a_function_of_a_file(run_json):
    found = run_json("bench", "model.py:loss", "--spec", "x: float64[n]", "--range", "n=12", *QUICK)
    assert set(found) == {"function", "sizes", "timings", "missing"}
    assert found["sizes"] == {"n": 12} and list(found["timings"]) == ["value", "grad"]
    for kind, row in found["timings"].items():
        for peer in [*OWN, "lambdify", *(["numpy"] if kind == "value" else [])]:
            assert row[peer]["seconds"] > 0 and row[peer]["difference"] < 1e-12 and row[peer]["skipped"] is None, peer
    assert found["timings"]["grad"]["numpy"] == {"seconds": None, "difference": None, "skipped": "NumPy has no derivatives"}


def test_an_expression(run_json):
    kinds = "value,grad,value_and_grad,hessian"
    found = run_json("bench", "--expr", "sin(x*y) + x**2 + p[0]*p[1]", "--spec", "p: float64[2]", "--derivatives", kinds, *QUICK)
    assert list(found["timings"]) == kinds.split(",")
    for row in found["timings"].values():
        for peer in [*OWN, "lambdify"]:
            assert row[peer]["difference"] < 1e-12, (peer, row[peer])


def test_arrays_and_numbers_of_all_types(run_json, folder):
    (folder / "file.py").write_text("import numpy as np\ndef f(x, k, m): return np.sin(x) * k + np.where(m[0], 1.0, 2.0)\n")
    spec = "x: float32[n], k: int32, m: bool[2]"
    found = run_json("bench", "file.py:f", "--spec", spec, "--range", "k=1:9", "--range", "n=8", *QUICK)
    assert found["timings"]["value"]["numpy"]["seconds"] > 0 and "jacobian" in found["timings"]
    (folder / "file.py").write_text("import numpy as np\ndef f(x): return np.sin(x)\n")
    found = run_json("bench", "file.py:f", "--spec", "x: float64[3]", *QUICK)
    assert "no single number" in found["timings"]["value"]["lambdify"]["skipped"]


def test_nested_arguments(run_json):
    spec = "p: {u: float64, v: float64[3]}, q: (float64, float64)"
    row = run_json("bench", "model.py:nested", "--spec", spec, *QUICK)["timings"]["value"]
    assert row["native"]["seconds"] > 0 and row["bound"]["seconds"] > 0 and "nested" in row["specialized"]["skipped"]


def test_a_table_with_notes(run):
    output = run("bench", "model.py:loss", "--spec", "x: float64[n]", *QUICK).stdout
    lines = output.splitlines()
    assert lines[0].split() == ["loss", "value", "grad"] and "1.0x" in lines[1]
    assert "n = 100" in output and "NumPy has no derivatives" in output and "--range n=8" in output


def test_a_wrong_result_is_told(run, run_json, monkeypatch):
    peers = import_module("symgrad.cli.peers")
    wrong = peers.Peer("numpy", "NumPy: the function itself", "", lambda task: lambda: np.float64(1e9))
    fails = peers.Peer("lambdify", "SymPy lambdify (NumPy)", "", lambda task: 1 // 0)
    bench = import_module("symgrad.cli.bench")
    monkeypatch.setattr(bench, "PEERS", (peers.PEERS[0], wrong, fails))
    arguments = ["bench", "model.py:penalty", "--spec", "x: float64[n]", "--derivatives", "value", *QUICK]
    output = run(*arguments).stdout
    assert "differs from native code's by" in output and "ZeroDivisionError" in output
    assert run_json(*arguments)["timings"]["value"]["numpy"]["difference"] > 1


@pytest.mark.parametrize("package", ["jax", "casadi", "torch"])
def test_other_libraries_agree(package, run_json):
    pytest.importorskip(package, reason="not installed; symgrad needs none of them")
    kinds = "value,grad,value_and_grad,hessian"
    found = run_json("bench", "--expr", "sin(x*y) + x**2*exp(-y)", "--derivatives", kinds, *QUICK)["timings"]
    for kind, row in found.items():
        assert row[package]["skipped"] is None and row[package]["difference"] < 1e-12, (kind, row[package])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model.py:loss", "--spec", "x: float64[n]", "--derivatives", "hvp"], "cannot be timed"),
        (["model.py:loss", "--spec", "x: float64[n]", "--range", "y=0:1"], "they are n, x"),
        (["model.py:loss", "--spec", "x: float64[n]", "--range", "n=-1"], "at least 0"),
        (["model.py:loss", "--spec", "x: float64[n]", "--range", "n=0"], "is negative"),
        (["model.py:loss", "--spec", "x: float64[n]", "--seconds", "0"], "--seconds"),
    ],
)
def test_mistakes(arguments, message, run):
    output = " ".join(run("bench", *arguments, code=2).output.split())
    assert message in output and "Traceback" not in output


def test_without_a_compiler_it_is_exit_code_3(run, monkeypatch):
    monkeypatch.setenv("CC", "/no/such/compiler")
    run("bench", "--expr", "x*y", code=3)
