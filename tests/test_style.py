"""The linter and the type checker find nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff(tmp_path):
    run("ruff", "check", "--no-cache", "symgrad", "symgrad_cli.py", "tests", "examples")


def test_mypy(tmp_path):
    run("mypy", "--cache-dir", str(tmp_path), "symgrad", "symgrad_cli.py")
