"""``symgrad export``: what is written can be used, is named in JSON, and nothing that was there is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import symgrad as sg

ROSEN = ["model.py:loss", "--spec", "x: float64[n]", "--derivatives", "grad,hessian", "--name", "rosen"]


def test_a_package_is_written_that_needs_no_symgrad(run, folder):
    output = run("export", *ROSEN).output
    assert "wrote build/rosen/" in output and "loss_hessian" in output
    assert "PYTHONPATH=build python -c 'import rosen" in output
    program = "import sys, numpy as np, rosen; print(rosen.loss_grad(np.array([-1.2, 1.0, 0.8])).tolist(), 'symgrad' in sys.modules)"
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={**clean, "PYTHONPATH": "build"}, cwd=folder)
    assert done.returncode == 0, done.stderr
    found = np.array(eval(done.stdout.rsplit(" ", 1)[0]))
    np.testing.assert_allclose(found, [-215.6, -8.0, -40.0], rtol=1e-13)
    assert done.stdout.endswith("False\n")


def test_json(run_json, folder):
    written = run_json("export", *ROSEN, "--wheel")
    assert set(written) == {"name", "folder", "written", "version", "key", "wheel", "functions"}
    assert written["written"] and written["folder"] == "build/rosen"
    assert set(written["functions"]) == {"loss", "loss_grad", "loss_hessian"}
    assert "int rosen_loss_grad(" in written["functions"]["loss_grad"]["prototype"]
    assert written["functions"]["loss_grad"]["check"]["differences"] < 1e-6
    assert "rosen/__init__.py" in zipfile.ZipFile(written["wheel"]).namelist()
    assert not run_json("export", *ROSEN)["written"]


def test_several_functions_and_expressions(run, run_json, folder):
    arguments = ["model.py:loss,penalty", "--expr", "energy = m*v**2/2", "--spec", "x: float64[n], k: float64"]
    assert "add --name" in run("export", *arguments, code=2).output
    written = run_json("export", *arguments, "--name", "several", "--out", "elsewhere")
    assert set(written["functions"]) == {"loss", "penalty", "energy"}
    module = sg.load(folder / "elsewhere" / "several")
    assert module.penalty(np.array([1.0, 2.0]), 3.0) == 15.0 and module.energy(2.0, 3.0) == 9.0


def test_nests_of_arguments(run_json, folder):
    spec = "p: {u: float64, v: float64[n]}, q: (float64, float64)"
    run_json("export", "model.py:nested", "--spec", spec, "--name", "nests")
    assert sg.load(folder / "build" / "nests").nested({"u": 2.0, "v": np.ones(3)}, (5.0, 7.0)) == 31.0


def test_what_is_there_is_replaced_only_by_force(run, folder):
    run("export", *ROSEN)
    other = ["--expr", "x**2", "--name", "rosen"]
    output = run("export", *other, code=2).output
    assert "give --force to replace it" in output and "force=True" not in output
    assert (folder / "build/rosen/rosen.h").read_text().count("rosen_loss_grad")
    run("export", *other, "--force")
    assert "rosen_formula" in (folder / "build/rosen/rosen.h").read_text()
    (folder / "build" / "mine").mkdir()
    (folder / "build" / "mine" / "thesis.txt").write_text("precious")
    run("export", "--expr", "x**2", "--name", "mine", code=2)
    assert (folder / "build" / "mine" / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--expr", "x**2", "--name", "for"], "reserved word"),
        (["--expr", "x**2", "--name", "a;b"], "ASCII identifier"),
        (["--expr", "x**2", "--name", "../up"], "ASCII identifier"),
        (["--expr", "x**2", "--name", "numpy"], "name of a Python library"),
        (["--expr", "x**2", "--range", "y=0:1"], "--range gives 'y', which is no argument or size; they are x"),
        (["--expr", "x**2", "--derivatives", "grad,foo"], "there is no derivative 'foo'"),
        (["--expr", "x**2", "--expr", "x**3"], "two functions called 'formula'"),
        (["model.py:penalty", "--spec", "x: int64[n]", "--derivatives", "grad"], "floating-point arguments"),
        (["model.py:loss", "--spec", "x: float64[2, 2], k: float64"], "'k', which is no argument of loss"),
    ],
)
def test_mistakes_leave_nothing_behind(arguments, message, run, folder):
    output = " ".join(run("export", *arguments, code=2).output.split())
    assert message in output and "Traceback" not in output
    assert not (folder / "build").exists()


def test_without_a_compiler_it_is_exit_code_3(run, folder, monkeypatch):
    monkeypatch.setenv("CC", "/no/such/compiler")
    output = run("export", "--expr", "x**2", code=3).output
    assert "/no/such/compiler was not found" in output and "symgrad doctor" in output
    assert not (folder / "build").exists() or not list((folder / "build").iterdir())


def test_a_folder_that_cannot_be_written(run, folder):
    (folder / "file").write_text("")
    output = run("export", "--expr", "x**2", "--out", "file/build", code=2).output
    assert "Traceback" not in output
