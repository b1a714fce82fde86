"""What ``symgrad demo`` shows: the main job in one minute."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.syntax import Syntax

from symgrad.compilation import compile

__all__ = ["demonstrate"]


def rosenbrock(x):  # type: ignore[no-untyped-def]  # shown as a user would write it
    """Rosenbrock's valley; its minimum is 0 at x = (1, ..., 1)."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def demonstrate(console: Console | None = None) -> bool:
    """Compile the function, show its gradient's C, call it, check it; return whether the check agreed."""
    out = console or Console(highlight=False)
    x = np.linspace(-1.2, 1.0, 8)
    out.rule("A NumPy function", align="left")
    _code(out, re.sub("  # type: .*", "", inspect.getsource(rosenbrock)), "python")
    _code(out, "f = sg.compile(rosenbrock)\nvalue, gradient = f.value_and_grad(x)", "python")

    function = compile(rosenbrock)
    started = time.perf_counter()
    code = function.value_and_grad.c_source(x)  # says what is missing where there is no compiler
    value, gradient = function.value_and_grad(x)
    first = time.perf_counter() - started
    again = _microseconds(lambda: function.value_and_grad(x))
    out.rule("The C of its value and gradient", align="left")
    _code(out, code.strip(), "c")

    out.rule("Calling it", align="left")
    out.print(f"x        = {np.array2string(x, precision=4)}")
    out.print(f"value    = {value:.15g}")
    out.print(f"gradient = {np.array2string(gradient, precision=4)}")
    out.print(f"first call, compiling included: {first * 1e3:.0f} ms; then {again:.2f} us a call")

    out.rule("Checking it against central differences", align="left")
    numeric = _differences(function, x)
    error = float(np.max(np.abs(gradient - numeric)) / np.max(np.abs(gradient)))
    agreed = error < 1e-8
    out.print(f"largest difference, relative to the gradient: {error:.1e}   {'agrees' if agreed else 'DIFFERS'}")
    return agreed


def _code(out: Console, text: str, language: str) -> None:
    if out.is_terminal:
        out.print(Syntax("", language, theme="ansi_dark", background_color="default").highlight(text), soft_wrap=True)
    else:  # to be read by a compiler, perhaps: nothing is wrapped
        out.print(text, soft_wrap=True, markup=False)


def _microseconds(call: Callable[[], Any], count: int = 2000) -> float:
    started = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - started) / count * 1e6


def _differences(function: Callable[[Any], Any], x: np.ndarray[Any, Any], step: float = 1e-5) -> np.ndarray[Any, Any]:
    """Return central differences; their error is about step**2, and 1e-16 / step of rounding."""
    columns = np.eye(x.size) * step
    return np.array([(function(x + e) - function(x - e)) / (2 * step) for e in columns])
