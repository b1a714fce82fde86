"""Names from users: in messages they are what the user wrote, in files they are text and nothing else."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import symgrad as sg

S = sg.TensorSpec
KEYS = [
    '"""; import os; os._exit(3); """', "*/ int x; /*", "a\nb", "back\\slash", "\\u0022", "?" + "?/", "α β", "{{ 7 }}", "{% x %}",
    "#define n 3", "'", "%s", "end\\", 3, 2.5, "", "double", "\u202e", "\ud800",
]  # fmt: skip
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wconversion", "-c"]


def odd(p):
    return {key: value * 2.0 for key, value in p.items()}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder of a module whose one argument has odd keys."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    specs = [{key: S((2,)) for key in KEYS}]
    return sg.export(odd, specs=specs, name="oddities", directory=tmp_path_factory.mktemp("odd"), derivatives=["vjp"])


def test_the_module_computes(place):
    given = {key: np.full(2, float(k)) for k, key in enumerate(KEYS)}
    found = sg.load(place).odd(given)
    assert list(found) == KEYS and all((found[key] == 2.0 * k).all() for k, key in enumerate(KEYS))


def test_no_key_leaves_its_place_in_python(place):
    for file in ("__init__.py", "__init__.pyi"):
        text = (place / file).read_text(encoding="ascii")
        tree = ast.parse(text)
        allowed = (ast.Expr, ast.ImportFrom, ast.Import, ast.Assign, ast.AnnAssign, ast.ClassDef)
        assert all(isinstance(s, allowed) for s in tree.body)
        assert not any(isinstance(n, ast.Name) and n.id == "os" for n in ast.walk(tree))


def test_the_docstring_shows_what_to_write(place):
    lines = inspect.getdoc(sg.load(place).odd).splitlines()
    for key in KEYS:
        assert f"p[{key!r}] : float64[2]" in lines and f"out[{key!r}] : float64[2]" in lines, key


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_c_is_strict(place, compiler, tmp_path):
    command = [shutil.which(compiler)]
    if command == [None] and compiler == "clang" and importlib.util.find_spec("ziglang") is not None:
        command = [sys.executable, "-m", "ziglang", "cc"]
    if command == [None]:
        pytest.skip(f"needs {compiler}, or the extra zig for clang")
    done = subprocess.run([*command, *STRICT, place / "oddities.c", "-o", tmp_path / "a.o"], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert "import os" not in (place / "oddities.c").read_text()


def test_the_manifest_and_the_report_are_whole(place):
    facts = json.loads((place / "manifest.json").read_text())["functions"]["odd"]
    assert [key for key, _ in facts["arguments"][0]["dict"]] == KEYS
    rows = [line for line in (place / "check.txt").read_text(encoding="utf-8").splitlines() if line.startswith("odd.")]
    assert len(rows) == len(KEYS)


def test_an_argument_may_be_called_self(tmp_path):
    def doubled(self, args=None):
        return self * 2.0

    module = sg.load(sg.export(doubled, specs=[S(("n",))], name="selfish", directory=tmp_path))
    assert module.doubled(self=np.ones(2)).tolist() == [2.0, 2.0]
    assert sg.compile(doubled)(self=np.ones(2)).tolist() == [2.0, 2.0]
    stub = ast.parse((tmp_path / "selfish" / "__init__.pyi").read_text())
    calls = [n for n in ast.walk(stub) if isinstance(n, ast.FunctionDef) and n.name == "__call__"]
    assert [a.arg for a in calls[0].args.args] == ["this", "self"]


PATHS = {
    "dtype": ({"w1": [np.ones(3), np.ones(2)], "w2": np.array(1.0 + 0j)}, r"argument params\['w2'\]: .*complex128"),
    "list": ({"w1": [[1.0], np.ones(2)], "w2": 1.0}, r"argument params\['w1'\]\[0\]: expected an? (NumPy )?array or (a )?number, got (a )?list"),
    "shape": ({"w1": [np.ones((3, 1)), np.ones(2)], "w2": 1.0}, r"argument params\['w1'\]\[0\]: expected shape \[n\], got \[3, 1\]"),
    "size": ({"w1": [np.ones(3), np.ones(4)], "w2": 1.0}, r"argument params\['w1'\]\[1\]: expected shape \[2\]( where n = 3)?, got \[4\]"),
}  # fmt: skip


def layered(params):
    return np.sum(params["w1"][0]) * np.sum(params["w1"][1]) * params["w2"]


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    specs = [{"w1": [S(("n",)), S((2,))], "w2": S()}]
    exported = sg.load(sg.export(layered, specs=specs, name="layers", directory=tmp_path_factory.mktemp("layers")))
    return {"exported": exported.layered, "compiled": sg.compile(layered, specs=specs)}


@pytest.mark.parametrize("case", PATHS)
@pytest.mark.parametrize("which", ["exported", "compiled"])
def test_messages_say_where_in_a_nest(layers, which, case):
    given, message = PATHS[case]
    with pytest.raises((TypeError, ValueError), match=message):
        layers[which](given)


def test_messages_of_specialized_and_bound_calls_say_it_too(layers):
    given = {"w1": [np.ones(3), np.ones(2)], "w2": np.array(1.0)}
    call = layers["exported"].specialize(given)
    assert call(np.ones(3), np.ones(2), 1.0) == 6.0
    with pytest.raises(TypeError, match=r"argument params\['w1'\]\[1\]: expected a numpy.ndarray of float64"):
        call(np.ones(3), np.ones(2, int), 1.0)
    with pytest.raises(ValueError, match=r"argument params\['w1'\]\[0\]: expected shape \[3\], got \[4\]"):
        call(np.ones(4), np.ones(2), 1.0)
    with pytest.raises(ValueError, match=r"layered.bind: out must be float64\[\], got ndarray of float64\[1\]"):
        layers["exported"].bind(given, out=np.empty(1))
