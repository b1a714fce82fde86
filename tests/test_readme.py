"""What the README says a call returns is what it returns."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import sympy as sp

import symgrad as sg

TEXT = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.S)


def test_first_block():
    names: dict = {}
    exec(BLOCKS[0], names)
    assert f"# {names['rosenbrock'](names['x']):.1f}" in BLOCKS[0]
    assert f"# {names['rosenbrock'].grad(names['x'])!r}" in BLOCKS[0]
    printed = names["rosenbrock"].value_and_grad.c_source(names["x"])
    loop = re.search(r"```c\n(.*?)```", TEXT, re.S).group(1)
    assert loop in printed


def test_transforms_block_runs():
    x, v = np.array([0.5, 0.25]), np.array([1.0, 2.0])

    def f(x, b=1.0, c=1.0):
        return sg.sum(sg.sin(x) * b) * c

    names = {"sg": sg, "np": np, "x": x, "v": v, "ct": 1.0, "batch": np.stack([x, v]), "f": f, "a": x, "b": 2.0, "c": 3.0}
    lines = BLOCKS[1].splitlines()
    assert len(lines) >= 10
    for line in lines:
        assert eval(line, names) is not None


def test_sympy_block():
    names: dict = {"sg": sg}
    exec(BLOCKS[2], names)
    assert np.allclose(names["f"].grad(1.0, 2.0), (1.1677, -0.4161), atol=1e-4)
    x = sp.Symbol("x")
    assert sg.to_sympy(sg.grad(lambda x: x**3), [sg.TensorSpec()]) == 3 * x**2


def test_claims():
    fn = lambda x: sg.where(x > 0, x * sg.log(x), 0.0)  # noqa: E731  # as the README has it
    for _ in range(3):
        fn = sg.grad(fn)
        assert fn(0.0) == 0.0
