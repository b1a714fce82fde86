"""A user's file, and the command run in this process as a user would run it there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from symgrad.eager.execution import wait_for_compiler
from symgrad_cli import main

ROOT = Path(__file__).parent.parent.parent
MODEL = '''
import numpy as np


def loss(x):
    """Rosenbrock's valley."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def penalty(x, k=2.0):
    return k * np.sum(x**2)


def nested(p, q):
    return p["u"] * q[0] + np.sum(p["v"]) * q[1]


def kink(x):
    return np.sum(abs(x))


def branch(x):
    if x > 0:
        return x
    return -x


def broken(x):
    return x + undefined_name


not_a_function = 3
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with model.py in it, and a cache of its own."""
    wait_for_compiler()  # what other tests left to the background goes to the cache that is chosen when it is done
    (tmp_path / "model.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.fixture
def run(folder):
    """Return a function that runs the command; ``code`` is the exit code it must have."""

    def run(*args, code=0, stdin=None):
        result = CliRunner().invoke(main, [str(a) for a in args], input=stdin, prog_name="symgrad")
        assert result.exit_code == code, f"exit code {result.exit_code}\n{result.output}\n{result.exception!r}"
        return result

    return run


@pytest.fixture
def run_json(run):
    """Return a function that runs the command with --json and reads what it prints."""

    def run_json(*args, code=0):
        return json.loads(run(*args, "--json", code=code).stdout)

    return run_json


@pytest.fixture
def shell(folder):
    """Return a function that runs the command in a process of its own."""

    def shell(*args, **environment):
        clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "SYMGRAD_VERIFY")}
        settings = {"PYTHONPATH": str(ROOT), **{k: str(v) for k, v in environment.items()}}
        command = [sys.executable, "-m", "symgrad", *map(str, args)]
        return subprocess.run(command, capture_output=True, text=True, env={**clean, **settings}, cwd=folder, timeout=120)

    return shell
