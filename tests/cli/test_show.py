"""``symgrad show``: each stage, and pictures with and without Graphviz."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from symgrad.native.toolchain import find_compiler

LOSS = ["model.py:loss", "--spec", "x: float64[n]"]
SVG = "{http://www.w3.org/2000/svg}"


def test_c_compiles_as_it_is_printed(run, folder):
    (folder / "shown.c").write_text(run("show", *LOSS, "--derivative", "value_and_grad").stdout)
    subprocess.run([*find_compiler().command, "-std=c99", "-Wall", "-Wextra", "-Werror", "-c", "shown.c"], cwd=folder, check=True)


def test_graph(run):
    assert run("show", "--expr", "x*y + 1", "--stage", "graph").output.splitlines() == [
        "%0: float64 = input x",
        "%1: float64 = input y",
        "%2: float64 = mul %0 %1",
        "%3: float64 = add 1.0 %2",
        "return %3",
    ]


def test_loops(run):
    assert run("show", "model.py:penalty", "--spec", "x: float64[n]", "--derivative", "grad", "--stage", "loops").output.splitlines() == [
        "input x: float64[n]",
        "output grad: float64[n]",
        "v2 = 4.0",
        "for i < n",
        "    v1 = x[i]",
        "    v3: float64 = mul v1 v2",
        "    grad[i] = v3",
    ]


def test_latex(run):
    assert r"\frac{\sin{\left(x \right)}}{y}" in run("show", "--expr", "sin(x)/y", "--stage", "latex").output


def test_no_compiler_is_needed(run, monkeypatch):
    monkeypatch.setenv("CC", "/no/such/compiler")
    for stage in ("graph", "loops", "c", "latex"):
        assert run("show", "--expr", "sin(x)", "--stage", stage).output


def test_json(run_json):
    shown = run_json("show", *LOSS, "--derivative", "grad", "--stage", "graph")
    assert set(shown) == {"function", "stage", "text", "inputs", "outputs", "nodes", "flops", "bytes_moved", "kernels"}
    assert shown["function"] == "loss_grad" and shown["outputs"] == {"grad": "float64[n]"}


EVERY = {
    "array": ("lambda x, k: np.cumsum(x) + np.where(x > 0, x, -x) * k", "x: float64[9], k: int64"),
    "matmul": ("lambda a, b: a @ b", "a: float64[n, m], b: float64[m, 3]"),
    "gather": ("lambda x, i: x[i] + np.max(x)", "x: float64[n], i: int64[m]"),
    "argmax": ("lambda x: np.argmax(x)", "x: float64[n]"),
    "constant": ("lambda x: x * np.arange(5.0)**0.3", "x: float64[5]"),
    "large": ("lambda x: sum(np.sin(x * k) for k in range(400))", "x: float64"),
}


@pytest.mark.parametrize("name", EVERY)
def test_every_kind_of_step_is_listed(name, run, folder):
    text, spec = EVERY[name]
    (folder / "file.py").write_text(f"import numpy as np\nf = {text}\n")
    for derivative in ("value", "vjp"):
        if name != "argmax" or derivative == "value":
            output = run("show", "file.py:f", "--spec", spec, "--stage", "loops", "--derivative", derivative).output
            assert "output" in output and "object at" not in output


@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_a_picture_without_graphviz(suffix, run, folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    output = run("show", "--expr", "sin(x*y) + x**2 + 1e-3", "--derivative", "hessian", "--picture", f"graph{suffix}").output
    assert "apt install graphviz" in output
    text = (folder / f"graph{suffix}").read_text()
    root = ElementTree.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    width, height = float(root.get("width")), float(root.get("height"))
    boxes = [[float(r.get(k)) for k in ("x", "y", "width", "height")] for r in root.iter(f"{SVG}rect") if r.get("x")]
    assert len(boxes) > 10 and len(list(root.iter(f"{SVG}path"))) >= len(boxes) - 2
    for k, (x, y, w, h) in enumerate(boxes):
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
        for x2, y2, w2, h2 in boxes[:k]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y, "two boxes overlap"
    labels = [t.text for t in root.iter(f"{SVG}text")]
    assert "x" in labels and "hessian_0_0" in labels
    for path in root.iter(f"{SVG}path"):  # down from one box to the next
        start, end = re.match(r"M[\d.]+ ([\d.]+)C.* ([\d.]+)$", path.get("d")).groups()
        assert float(start) < float(end)


def test_names_are_escaped(run, folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    (folder / "file.py").write_text("def f(p): return p['<b>&\"'] * 2\n\nf.specs = None\n")
    (folder / "file.py").write_text("import symgrad as sg\nf = sg.compile(lambda p: p['<b>&\"'] * 2, specs=[{'<b>&\"': sg.TensorSpec()}])\n")
    run("show", "file.py:f", "--picture", "graph.svg")
    assert "p_<b>&\"" in [t.text for t in ElementTree.parse(folder / "graph.svg").iter(f"{SVG}text")]


def test_graphviz_draws_where_it_is_installed(run, run_json, folder, monkeypatch):
    dot = folder / "bin" / "dot"
    dot.parent.mkdir()
    dot.write_text('#!/bin/sh\nwhile [ $# -gt 0 ]; do case "$1" in -o) out="$2"; shift;; *) last="$1";; esac; shift; done\ncp "$last" "$out"\n')
    dot.chmod(dot.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{dot.parent}{os.pathsep}{os.environ['PATH']}")
    assert run_json("show", "--expr", "x*y", "--picture", "graph.png")["drawn_by"] == "graphviz"
    assert (folder / "graph.png").read_text().startswith('digraph "formula(x, y)" {')
    assert (folder / "graph.png").read_text().count("->") == 3
    run("show", "--expr", "x*y", "--picture", "graph.dot")
    assert (folder / "graph.dot").read_text() == (folder / "graph.png").read_text()
    dot.write_text("#!/bin/sh\necho cannot >&2\nexit 1\n")
    assert run_json("show", "--expr", "x*y", "--picture", "graph.svg")["drawn_by"] == "symgrad"
    assert "Graphviz failed: cannot" in run("show", "--expr", "x*y", "--picture", "graph.pdf", code=3).output


def test_what_cannot_be_drawn(run, folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    assert "must end with one of .svg" in run("show", "--expr", "x", "--picture", "graph.bmp", code=2).output
    assert "install it (apt install graphviz)" in run("show", "--expr", "x", "--picture", "graph.png", code=3).output
    assert "no folder" in run("show", "--expr", "x", "--picture", "none/graph.svg", code=2).output
    (folder / "file.py").write_text("import numpy as np\ndef f(x):\n    for k in range(3000): x = np.sin(x)\n    return x\n")
    assert "more than 2000" in run("show", "file.py:f", "--spec", "x: float64", "--picture", "graph.svg", code=2).output
    assert not list(folder.glob("graph.*"))


def test_one_function_at_a_time(run):
    assert "one function at a time" in run("show", "model.py:loss,penalty", "--spec", "x: float64[n]", code=2).output
