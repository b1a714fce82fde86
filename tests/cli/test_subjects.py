"""What is given in words: files and functions, types of arguments, ranges; each mistake has one message that helps."""

from __future__ import annotations

import click
import pytest

import symgrad as sg
from symgrad.cli.specs import read_ranges, read_specs

S = sg.TensorSpec

SPECS = {
    "x: float64[n]": {"x": S("n")},
    "x: float64": {"x": S()},
    "x: [n, 3]": {"x": S(("n", 3))},
    "x: float32[n, 3], k: int64; flag: bool[2]": {"x": S(("n", 3), sg.float32), "k": S((), sg.int64), "flag": S(2, sg.bool)},
    "loss.x:float64[ n ]": {"loss.x": S("n")},
    "p: {u: float64, v: (float64[2], int32)}": {"p": {"u": S(), "v": (S(2), S((), sg.int32))}},
    "x: float64[],": {"x": S()},
    "x: float64[0]": {"x": S(0)},
    "": {},
}
BAD_SPECS = {
    "x": "expected ':'",
    "x: float6[n]": "float64, float32, int64, int32, bool",
    "x: float64[n": "expected ']'",
    "x: float64[n]]": "expected ','",
    "x: float64[-1]": "a size",
    "x: float64[n+1]": "expected ']'",
    "x: float64[_n]": "a size",
    "x: float64[99999999999]": "a size below",
    "1x: float64": "the name of an argument",
    "x.: float64": "the name of an argument",
    "x: {u float64}": "expected ':'",
    "x: {": "",
    "x: float64, x: int64": "twice",
    "x: " + "(" * 50 + "float64" + ")" * 50: "20 deep",
    "x: float64[n]" + " " * 10_000: "longer than",
    "x\x00: float64": "expected ':'",
    "x: λ[n]": "an element type",
}


@pytest.mark.parametrize("text", SPECS)
def test_specs(text):
    assert read_specs([text]) == SPECS[text]


@pytest.mark.parametrize("text", BAD_SPECS, ids=lambda t: t[:20].encode("unicode_escape").decode())
def test_bad_specs(text):
    with pytest.raises(click.UsageError) as error:
        read_specs([text])
    assert BAD_SPECS[text] in error.value.message


def test_ranges():
    assert read_ranges(["x=-2:2", "n=100", "y=1e-3:1e3"]) == {"x": (-2.0, 2.0), "n": 100, "y": (1e-3, 1e3)}
    for bad in ("x", "x=", "x=2:1", "x=a:b", "x=nan:1", "x=0:inf", "=1:2", "x y=1:2", "n=1.5"):
        with pytest.raises(click.UsageError, match="write x=-2:2"):
            read_ranges([bad])
    with pytest.raises(click.UsageError, match="twice"):
        read_ranges(["x=0:1", "x=1:2"])


MISTAKES = [
    ([], "which function?"),
    (["modle.py:loss"], "did you mean 'model.py'?"),
    (["nowhere/model.py:loss"], "there is no file"),
    (["model.py"], "for example model.py:loss"),
    (["model.py:los"], "did you mean 'loss'?"),
    (["model.py:xyzzy"], "it has loss, penalty"),
    (["model.py:not_a_function"], "it is int, not a function"),
    (["model.py:__class__"], "there is no function '__class__'"),
    (["model.py:loss"], "the type of 'x' is not given; add --spec 'x: float64[n]'"),
    (["model.py:loss", "--spec", "y: float64"], "the type of 'x' is not given"),
    (["model.py:loss", "--spec", "x: float64[n], y: float64"], "'y', which is no argument of loss"),
    (["model.py:loss", "--spec", "x: float64[n]", "--args", "x"], "--args says what the arguments of --expr are"),
    (["model.py:broken", "--spec", "x: float64"], "model.py:29: in broken: `return x + undefined_name`: NameError"),
    (["model.py:branch", "--spec", "x: float64"], "(model.py:23)"),
    (["--expr", "x.y"], "an attribute (.name) is not allowed"),
    (["--expr", "2"], "it has no arguments"),
    (["--expr", "x*gamma(-1)"], "no real value"),
    (["--expr", "x*erfinv(3)"], "no real value"),
    (["--expr", "x/sin(0)"], "x"),
    (["--expr", "sqrt(-2)*x"], "it is complex"),
    (["--expr", "x", "--args", "y"], "not among the arguments, which are y"),
    (["--expr", "x", "--args", "x,x"], "twice"),
    (["--expr", "x", "--args", "x y"], "names separated by commas"),
    (["--expr", "x", "--spec", "x: float32"], "in an expression it is float64"),
    (["--expr", "x[0]", "--spec", "x: float64[n]"], "sizes that are numbers"),
    (["--expr", "x", "--march", "pentium"], "pentium"),
    (["model.py:loss", "--spec", "x: float64[n]", "--derivative", "gradient"], "there is no derivative 'gradient'"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=lambda a: " ".join(a)[:40] if isinstance(a, list) else "")
def test_mistakes(arguments, message, run):
    output = " ".join(run("show", *arguments, code=2).output.split())
    assert message in output and "Traceback" not in output


FILES = {
    "x = 1\ny = 1 / 0\n": "file.py:2: `y = 1 / 0`: ZeroDivisionError: division by zero",
    "def f(x:\n    return x\n": "file.py:1: '(' was never closed",
    "import no_such_module\n": "No module named 'no_such_module' (is it installed in this Python",
    "import sys\nsys.exit(3)\n": "keep that under `if __name__ == '__main__':`",
    "import other\n": "other.py:2: in fails: `raise ValueError('inner')`: ValueError: inner",
    "f = 1 +\n": "file.py:1: invalid syntax",
    "x\0y": "null bytes",
}


@pytest.mark.parametrize("text", FILES, ids=range(len(FILES)))
def test_an_error_in_the_users_file_is_shown_with_its_line(text, folder, run):
    (folder / "other.py").write_text("def fails():\n    raise ValueError('inner')\nfails()\n")
    (folder / "file.py").write_text(text)
    output = " ".join(run("show", "file.py:f", code=2).output.split())
    assert FILES[text] in output and "Traceback" not in output


def test_a_file_imports_what_stands_beside_it_and_is_not_the_main_program(folder, run):
    (folder / "sub").mkdir()
    (folder / "sub" / "constants_of_mine.py").write_text("FACTOR = 7.5\n")
    text = "from constants_of_mine import FACTOR\nif __name__ == '__main__': raise SystemExit('main')\ndef f(x): return FACTOR * x\n"
    (folder / "sub" / "file.py").write_text(text)
    assert "7.5" in run("show", "sub/file.py:f", "--spec", "x: float64").output


def test_a_sympy_expression_in_a_file_is_told_how_to_become_a_function(folder, run):
    (folder / "file.py").write_text("import sympy\nx = sympy.Symbol('x')\ng = sympy.sin(x)\n")
    assert "sg.from_sympy(g" in run("show", "file.py:g", code=2).output


def test_compiled_functions_with_specs_need_none(folder, run):
    (folder / "file.py").write_text("import symgrad as sg\nf = sg.compile(lambda x: sg.sin(x), specs=[sg.TensorSpec('n')])\n")
    assert "sin(x[i])" in run("show", "file.py:f").output


def test_specs_for_one_function_alone(run_json):
    shown = run_json("show", "model.py:loss", "--spec", "x: float64[n], loss.x: float32[4]")
    assert shown["inputs"] == {"x": "float32[4]"}


def test_arguments_of_an_expression(run_json):
    assert list(run_json("show", "--expr", "b - a")["inputs"]) == ["a", "b"]
    assert list(run_json("show", "--expr", "b - a", "--args", "b,a,c")["inputs"]) == ["b", "a", "c"]
    assert run_json("show", "--expr", "p[0]*k", "--spec", "p: float64[2]")["inputs"] == {"p": "float64[2]", "k": "float64"}
    assert run_json("show", "--expr", "area = pi*r**2")["function"] == "area"
