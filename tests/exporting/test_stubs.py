"""The stub says what calls take and return: a type checker accepts what runs, and refuses what is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

ACCEPTED = """
import numpy as np
from numpy.typing import NDArray
from kinds import arctangents, compiled_grad, loss, loss_grad, loss_value_and_grad, lookup, nest, single, springs, whole

x: NDArray[np.float64] = np.ones(3)
value: np.float64 = loss(x)
gradient: NDArray[np.float64] = loss_grad(x=x)
both: tuple[np.float64, NDArray[np.float64]] = loss_value_and_grad(x)
loss(np.ones(3, np.float32)), loss(np.arange(3)), loss(np.array([True, False]))
single(np.ones(3, np.float32)), single(np.arange(3, dtype=np.int16))
whole(np.arange(3, dtype=np.int32)), lookup(np.array([1]), x)
angle: np.float64 = arctangents(1, 0.5)
arctangents(np.float64(1.0), np.float32(0.5)), arctangents(np.array(1.0), np.int64(2)), arctangents(True, np.bool_(True))
u: dict[str, NDArray[np.float64] | float] = {"u": x, "v": 1.0}
result = nest(u, (2.0, np.ones((2, 2), np.float32)), np.arange(4))
result["a"], nest({"u": x, "v": 2.0}, (1, np.ones((2, 2), np.float32)), np.arange(4))
after = springs((np.ones(2), np.zeros(2)), 3)
velocity: NDArray[np.float64] = after.velocity
state = springs(after, 3.0)
du: np.float64 = compiled_grad(1.0, 2.0)[0]
bound = loss_grad.bind(x, out=np.empty(3))
again: NDArray[np.float64] = bound()
fast = loss_grad.specialize(x)
out: NDArray[np.float64] = fast(x, np.empty(3))
pair = np.empty(()), np.empty(3)
loss_value_and_grad.specialize(x)(x, out=pair)
loss_value_and_grad.bind(x, out=pair)()
loss.facts["flops"], loss.symbol.upper(), loss.address + 1
"""
REFUSED = {
    "loss([1.0, 2.0])": "list",
    "loss('a')": "str",
    "loss(1.0)": "float",
    "loss(c)": "complex",
    "loss(x, x)": "Too many arguments",
    "loss(y=x)": "Unexpected keyword argument",
    "single(x)": "float64",
    "whole(np.arange(3))": "incompatible type",
    "lookup(x, x)": "float64",
    "arctangents([1.0], 0.5)": "list",
    "arctangents(1.0)": "Missing positional argument",
    "nest({'u': x, 'v': 'a'}, (2.0, np.ones((2, 2), np.float32)), np.arange(4))": "Dict entry",
    "nest(u, (2.0,), np.arange(4))": "tuple",
    "springs([np.ones(2), np.ones(2)], 1.0)": "list",
    "loss_grad.bind(np.arange(3))": "incompatible type",
    "loss_grad.bind(x, out=s)": "incompatible type",
    "loss(x).nothing": "nothing",
}


@pytest.fixture(scope="module")
def checked(exported, tmp_path_factory):
    """Return a function that type-checks a program, strictly, and returns what was said of each line."""
    folder = tmp_path_factory.mktemp("user")

    def check(program):
        (folder / "user.py").write_text(program)
        command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "cache", "user.py"]
        done = subprocess.run(command, cwd=folder, env={**os.environ, "MYPYPATH": str(exported.parent)}, capture_output=True, text=True)
        assert "user.py" in done.stdout or done.returncode == 0, done.stdout + done.stderr
        assert not re.search(r"^(?!user\.py).*error:", done.stdout, re.M), done.stdout
        return {int(n): text for n, text in re.findall(r"^user\.py:(\d+): error: (.*)$", done.stdout, re.M)}

    return check


def test_what_runs_is_accepted(checked, exported, module):
    assert checked(ACCEPTED) == {}
    exec(ACCEPTED, {})


def test_what_is_refused_is_an_error(checked, module):
    head = ACCEPTED.strip().splitlines()[:3]
    start = [*head, "x: NDArray[np.float64] = np.ones(3)", 'u: dict[str, NDArray[np.float64] | float] = {"u": x, "v": 1.0}', "c = np.ones(3, np.complex128)", "s = np.ones(3, np.float32)"]
    found = checked("\n".join([*start, *REFUSED, ""]))
    for number, (line, what) in enumerate(REFUSED.items(), len(start) + 1):
        assert what in found.get(number, "accepted"), (line, found.get(number))
    names = {name: getattr(module, name) for name in module.__all__} | {"np": np, "x": np.ones(3), "c": np.ones(3, complex), "s": np.ones(3, np.float32), "u": {"u": np.ones(3), "v": 1.0}}
    for line in REFUSED:
        with pytest.raises((TypeError, ValueError, AttributeError)):
            eval(line, names)
