"""``symgrad check``: what agrees passes, what does not ends with exit code 1 and says why."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

KEYS = {
    "function", "kind", "ok", "problem", "points", "sizes", "worst_ulp", "relative", "differences", "differences_allowed",
    "outputs",
}  # fmt: skip


def test_a_table_of_errors(run):
    lines = run("check", "model.py:loss,penalty", "--spec", "x: float64[n]").stdout.splitlines()
    assert lines[0].split() == ["output", "points", "worst", "ulp", "relative", "differences"]
    assert [line.split()[0] for line in lines[1:7]] == ["loss", "loss_grad", "loss_hessian", "penalty", "penalty_grad", "penalty_hessian"]
    assert all(line.endswith("ok") for line in lines[1:7])
    assert "sizes: n = 5" in lines[7]


def test_json(run_json):
    checked = run_json("check", "model.py:loss", "--spec", "x: float64[n]", "--range", "x=-2:2", "--range", "n=9", "--derivatives", "grad,hvp")
    assert set(checked) == {"ok", "functions", "ranges"} and checked["ok"]
    assert [f["kind"] for f in checked["functions"]] == ["value", "grad", "hvp"]
    for f in checked["functions"]:
        assert set(f) == KEYS and f["points"] == 5 and f["sizes"] == {"n": 9} and f["worst_ulp"] < 64
    assert 0 < checked["functions"][1]["differences"] < f["differences_allowed"] < 1e-5


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        (["--expr", "x*y"], ["value", "grad", "hessian"]),
        (["model.py:penalty", "--spec", "x: float32[n]"], ["value", "grad", "hessian"]),
        (["model.py:penalty", "--spec", "x: int64[n]"], ["value"]),
        (["model.py:nested", "--spec", "p: {u: float64, v: float64[3]}, q: (float64, float64)"], ["value", "grad", "hessian"]),
        (["--expr", "x*y", "--derivatives", ""], ["value"]),
        (["--expr", "sin(x*y)", "--derivatives", "d1,d3,jvp,vjp,hvp"], ["value", "d1", "d3", "jvp", "vjp", "hvp"]),
    ],
)
def test_what_is_checked_when_nothing_is_named(arguments, kinds, run_json):
    checked = run_json("check", *arguments)
    assert [f["kind"] for f in checked["functions"]] == kinds


def test_a_kink_fails(run, run_json):
    arguments = ["check", "model.py:kink", "--spec", "x: float64[n]", "--range", "x=-1e-7:1e-7"]
    result = run(*arguments, code=1)
    assert "fails" in result.stdout and "is there a kink or a jump near?" in result.stderr
    checked = run_json(*arguments, code=1)
    assert not checked["ok"] and [f["ok"] for f in checked["functions"]] == [True, False, False]


def test_a_wrong_derivative_fails(run_json, monkeypatch):
    """The derivative is compared with the function's own differences, not with itself."""
    check = import_module("symgrad.cli.check")
    right = check.compile_graph

    def wrong(graph, **named):
        made = right(graph, **named)
        if named["name"].endswith("_grad"):
            call = made.call
            made.call = lambda arrays, dims: [a * (1 + 1e-4) for a in call(arrays, dims)]
        return made

    monkeypatch.setattr(check, "compile_graph", wrong)
    checked = run_json("check", "--expr", "sin(x)*y", code=1)
    value, grad, hessian = checked["functions"]
    assert value["ok"] and hessian["ok"] and not grad["ok"]
    assert grad["relative"] == pytest.approx(1e-4, rel=1e-3) and "from the interpreter" in grad["problem"]
    assert grad["differences"] > grad["differences_allowed"]


def test_nan_at_every_point_is_no_success(run):
    result = run("check", "--expr", "sqrt(x)", "--range", "x=-2:-1", code=1)
    assert "nan or inf at every point; say where it is defined: --range x=LOW:HIGH" in result.stderr


def test_sizes_that_do_not_fit_are_no_success(run):
    result = run("check", "model.py:loss", "--spec", "x: float64[n]", "--range", "n=0", code=1)
    assert "no point could be computed" in result.stderr


def test_tolerance(run_json):
    assert run_json("check", "--expr", "exp(3*x)")["ok"]
    assert not run_json("check", "--expr", "exp(3*x)", "--tolerance", "1e-14", code=1)["ok"]


def test_float32_is_held_to_its_own_rounding(run_json):
    checked = run_json("check", "model.py:penalty", "--spec", "x: float32[n]", "--derivatives", "grad")
    assert checked["functions"][1]["differences_allowed"] == pytest.approx(np.finfo(np.float32).eps ** (1 / 3))


def test_native_code_is_what_is_checked(run, monkeypatch):
    monkeypatch.setenv("SYMGRAD_TIER", "interpret")  # of the user's programs; here it would check nothing
    run("check", "--expr", "sin(x)")
    assert "1 entry" not in run("cache", "size").output and "0 entries" not in run("cache", "size").output


def test_without_a_compiler_it_is_exit_code_3(run, monkeypatch):
    monkeypatch.setenv("CC", "/no/such/compiler")
    assert "/no/such/compiler was not found" in run("check", "--expr", "x*y", code=3).output
