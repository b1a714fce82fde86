"""How long it takes to get there: imports, the first gradient cold and warm, and straight-line code by its length."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time

import numpy as np
import pytest

import symgrad as sg
from symgrad.codegen.render import render_c
from symgrad.eager.array_face import Array
from symgrad.eager.trees import LEAF
from symgrad.lower.lower import lower
from symgrad.options import Options
from symgrad.rewrite.passes import rewrite
from symgrad.tracing import trace

PREAMBLE = "import time, numpy, cffi; t = time.perf_counter(); import symgrad as sg; i = time.perf_counter() - t\n"
FIRST = """
np = numpy
def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
x = np.linspace(-1.0, 1.0, 100)
t = time.perf_counter(); sg.compile(rosenbrock).grad(x); g = time.perf_counter() - t
import sys
slow = [m for m in ("jinja2", "sympy") if m in sys.modules]
"""


def child(code: str, cache: str, result: str) -> str:
    environment = {**os.environ, "SYMGRAD_CACHE_DIR": cache, "SYMGRAD_VERIFY": "0"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    command = [sys.executable, "-c", f"{code}\nprint({result})"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return run.stdout.strip()


def median_ms(code: str, result: str, caches: list[str]) -> float:
    child(code, caches[0] + "-first", result)  # writes the bytecode
    return float(np.median([float(child(code, cache, result)) for cache in caches])) * 1e3


def test_import(measured, tmp_path):
    measured("import symgrad, beyond NumPy and cffi", f"{median_ms(PREAMBLE, 'i', [str(tmp_path)] * 9):.1f} ms", "40 ms")


def test_cold(measured, tmp_path):
    cold = median_ms(PREAMBLE + FIRST, "g", [str(tmp_path / str(k)) for k in range(5)])
    measured("first gradient of Rosenbrock n=100, cold cache", f"{cold:.0f} ms", "500 ms")


def test_warm(measured, tmp_path):
    child(PREAMBLE + FIRST, str(tmp_path), "g")
    assert child(PREAMBLE + FIRST, str(tmp_path), "slow") == "[]"
    warm = median_ms(PREAMBLE + FIRST, "g", [str(tmp_path)] * 9)
    measured("first gradient of Rosenbrock n=100, warm cache", f"{warm:.1f} ms", "30 ms")


def straight_line(x, length):
    a, b, c = x[0], x[1], x[2]
    for k in range(length):
        a, b, c = b * c + 0.5, np.sin(a) * c, a - 0.25 * b * (k % 7)
    return a + b + c


def python_stages(length):
    """Return the processor time of tracing and differentiating, that of all stages to the C, and how many statements that has."""
    started = time.process_time()
    traced = trace(sg.grad(lambda x: straight_line(x, length)), [LEAF], [sg.TensorSpec(3).type], [Array], ["x"])
    after_trace = time.process_time()
    program = lower(rewrite(traced.graph, Options()), Options())
    source = render_c(program, "f", traced.input_names, traced.output_names, Options())
    return after_trace - started, time.process_time() - started, source.text.count(";\n")


@pytest.mark.parametrize("length", [1000, 4000, 16000])
def test_python_time_per_statement(measured, monkeypatch, length):
    monkeypatch.setenv("SYMGRAD_VERIFY", "0")
    python_stages(10)  # imports Jinja2 and reads the templates, once for a process: that is in the cold gradient's time
    gc.disable()  # as sg.compile does
    tracing, whole, count = python_stages(length)
    gc.enable()
    figure = f"{whole / count * 1e6:.1f} us ({tracing / count * 1e6:.1f} of it tracing and differentiating)"
    measured(f"Python time a statement, {count} statements", figure, "15 us")


def test_long_code(measured, tmp_path, monkeypatch):
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("SYMGRAD_VERIFY", "0")
    f = sg.compile(lambda x: straight_line(x, 12000)).grad
    x = np.array([0.1, 0.2, 0.3])
    started = time.perf_counter()
    f(x)
    seconds = time.perf_counter() - started
    measured(f"{f.c_source(x).count(chr(59) + chr(10))} statements end to end, gcc included", f"{seconds:.1f} s", "60 s for 1e5")
