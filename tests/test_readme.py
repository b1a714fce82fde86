"""What the README says a call returns is what it returns."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symgrad as sg

TEXT = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.S)


def test_the_blocks_run_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # what is exported goes to build/ there
    names: dict = {}
    for block in BLOCKS:
        exec(block, names)
    rosenbrock, x = names["rosenbrock"], np.array([-1.2, 1.0, 0.8])
    assert f"# {rosenbrock(x):.1f}" in BLOCKS[0]
    assert f"# {rosenbrock.grad(x)!r}" in BLOCKS[0]
    loop = re.search(r"```c\n(.*?)```", TEXT, re.S).group(1)
    assert loop in rosenbrock.value_and_grad.c_source(x)
    assert np.allclose(names["g"].grad(1.0, 2.0), (1.1677, -0.4161), atol=1e-4)
    t = sp.Symbol("x")
    assert sg.to_sympy(sg.grad(lambda x: x**3), [sg.TensorSpec()]) == 3 * t**2


@pytest.mark.skipif(shutil.which("make") is None or shutil.which("cc") is None, reason="needs make and cc")
def test_the_commands_of_shipping_run_as_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    block = next(b for b in BLOCKS if "sg.export(" in b)
    exec(BLOCKS[0], names)
    exec(block, names)
    part = TEXT[TEXT.index("## Ship it") :]
    (tmp_path / "main.c").write_text(re.search(r"```c\n(.*?)```", part, re.S).group(1))
    commands = re.search(r"```sh\n(.*?)```", part, re.S).group(1)
    python = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["sh", "-e", "-c", commands], capture_output=True, text=True, env={**os.environ, "PATH": python}, check=True)
    assert done.stdout.split() == ["28.2", "0.0"]
    assert list(Path("build").glob("valley-*.whl"))
    assert "0.05 us" in block and names["step"]()[0] == names["valley"].height(names["x"])


def test_node_counts():
    graph = sg.compile(sg.derivative(lambda x: sg.sin(x * sg.exp(-(x**2))) / (1 + x**2), 8)).graph(0.3)
    assert f"{len(graph)} as compiled" in TEXT


def test_claims():
    fn = lambda x: sg.where(x > 0, x * sg.log(x), 0.0)  # noqa: E731  # as the README has it
    for _ in range(3):
        fn = sg.grad(fn)
        assert fn(0.0) == 0.0
