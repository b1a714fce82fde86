"""``symgrad demo`` shows the main job, and its exit code says how it went."""

from __future__ import annotations

import subprocess
import sys

from click.testing import CliRunner

from symgrad.native.toolchain import find_compiler
from symgrad_cli import main


def test_demo_agrees():
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 0, result.output
    assert "def rosenbrock(x):" in result.output
    assert "const double *restrict x" in result.output.replace("\n", " ")
    assert "agrees" in result.output


def test_printed_code_compiles(tmp_path):
    shown = CliRunner().invoke(main, ["demo"]).output
    code = shown[shown.index("/*") : shown.rindex("return 0;\n}") + 12]
    (tmp_path / "shown.c").write_text(code)
    compiler = find_compiler().command
    subprocess.run([*compiler, "-std=c99", "-Wall", "-Werror", "-c", "shown.c"], cwd=tmp_path, check=True)


def test_help_and_usage():
    shown = CliRunner().invoke(main, ["--help"])
    assert shown.exit_code == 0 and "demo" in shown.output
    assert CliRunner().invoke(main, ["no-such-command"]).exit_code == 2


def test_python_dash_m():
    done = subprocess.run([sys.executable, "-m", "symgrad", "--version"], capture_output=True, text=True, check=True)
    assert "symgrad" in done.stdout


def test_missing_compiler_is_exit_code_3(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "/no/such/compiler")
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(tmp_path))
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 3, result.output
    assert "compiler" in result.output
