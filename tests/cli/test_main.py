"""The command itself: help without NumPy, exit codes, Ctrl-C, pipes and terminals, completion."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from importlib import import_module

import click
import pytest

import symgrad as sg
from symgrad_cli import COMMANDS, main

from .conftest import ROOT

HEAVY = ("numpy", "sympy", "rich", "symgrad", "jinja2", "cffi")


def test_without_arguments_it_shows_help(run):
    assert run().output == run("--help").output
    assert "Commands:" in run().output and "Exit codes: 0 done, 1 a check failed, 2 usage, 3 toolchain" in " ".join(run().output.split())


@pytest.mark.parametrize("args", [["--help"], [], ["no-such-command"]])
def test_help_and_usage_errors_import_nothing_slow(args, tmp_path):
    program = (
        "import sys, symgrad_cli\n"
        "try: symgrad_cli.main(sys.argv[1:], prog_name='symgrad')\n"
        "except SystemExit: pass\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *args], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=tmp_path)
    assert done.stderr.splitlines()[-1] == "[]", done.stderr


def test_completing_a_command_imports_nothing_slow(tmp_path):
    program = (
        "import sys, symgrad_cli\n"
        "try: symgrad_cli.main(prog_name='symgrad')\n"
        "except SystemExit: pass\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    settings = {"_SYMGRAD_COMPLETE": "bash_complete", "COMP_WORDS": "symgrad ex", "COMP_CWORD": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **settings}, cwd=tmp_path)
    assert done.stdout.splitlines() == ["plain,export", "[]"], done.stdout + done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_has_help(name, run):
    command = import_module(f"symgrad.cli.{name}").command
    assert command.name == name
    assert f"Usage: symgrad {name}" in run(name, "--help").output
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or parameter.help, f"{name} {parameter.name} says nothing"


def test_version(run):
    assert run("--version").output == f"symgrad {sg.__version__}\n"


def test_an_unknown_command_names_its_neighbour(run):
    assert "did you mean 'export'?" in run("exprot", code=2).output
    assert "the commands are export, show" in run("xyzzy", code=2).output


def test_python_dash_m(shell):
    assert shell("--version").stdout == f"symgrad {sg.__version__}\n"


def test_a_pipe_is_plain_and_a_terminal_is_coloured(shell):
    arguments = ["check", "--expr", "x*y"]
    assert "\x1b" not in shell(*arguments).stdout
    coloured = shell(*arguments, FORCE_COLOR=1, TERM="xterm-256color").stdout
    assert "\x1b[" in coloured
    assert not re.search("\x1b\\[[0-9;]*3[0-9]m", shell(*arguments, FORCE_COLOR=1, NO_COLOR=1, TERM="xterm-256color").stdout)


def test_lines_of_a_pipe_are_not_folded(shell):
    done = shell("doctor", COLUMNS=40)
    assert done.returncode == 0, done.stderr
    flags = next(line for line in done.stdout.splitlines() if " flags " in line)
    assert "-std=c99" in flags and "-O2" in flags


def test_json_has_no_colours_in_a_terminal(shell):
    assert "\x1b" not in shell("cache", "size", "--json", FORCE_COLOR=1, TERM="xterm-256color").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_control_c_ends_quietly(folder):
    (folder / "slow.py").write_text("import time\ndef f(x):\n    print('here', flush=True)\n    time.sleep(60)\n    return x\n")
    command = [sys.executable, "-m", "symgrad", "show", "slow.py:f", "--spec", "x: float64"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # ignored where tests run in the background
    )
    assert process.stdout.readline() == "here\n"
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in errors and "interrupted" in errors
    assert time.monotonic() - started < 20


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["export", "--help"], ["export", "--expr", "x*y", "--name", "made"], ["export", "--expr", "x*y", "--name", "told", "--json"]],
    ids=" ".join,
)
def test_a_reader_that_goes_away_is_no_failed_check(arguments, folder):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "symgrad", *arguments]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
    assert "--name" not in arguments or (folder / "build" / arguments[4] / "__init__.py").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
@pytest.mark.parametrize("columns", [80, 120])
def test_in_a_terminal_nothing_is_wider_than_it(folder, columns):
    import fcntl
    import pty
    import struct
    import termios

    mother, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    command = [sys.executable, "-m", "symgrad", "doctor"]
    process = subprocess.Popen(command, stdout=child, stderr=child, env={**clean, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"})
    os.close(child)
    shown = b""
    while True:
        try:
            part = os.read(mother, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(mother)
    assert process.wait(timeout=30) == 0
    lines = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown).decode().replace("\r", "\n").split("\n")
    assert b"\x1b[" in shown and any("compiling" in line for line in lines)
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_scripts(name, run):
    assert "_SYMGRAD_COMPLETE" in run("completion", name).output


def test_completion_needs_a_shell(run, monkeypatch):
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert "bash, zsh, fish" in run("completion", code=2).output


def test_functions_of_a_file_are_completed_without_running_it(folder):
    (folder / "boom.py").write_text("def one(x): return x\nraise SystemExit('run')\n")
    settings = {"_SYMGRAD_COMPLETE": "bash_complete", "COMP_WORDS": "symgrad show boom.py:o", "COMP_CWORD": "2", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-m", "symgrad"], capture_output=True, text=True, env={**os.environ, **settings})
    assert done.stdout == "plain,boom.py:one\n", done.stdout + done.stderr


def test_a_defect_is_told_from_a_users_error(run, monkeypatch):
    show = import_module("symgrad.cli.show")

    def defect(*args, **kwargs):
        raise AssertionError("out of step")

    monkeypatch.setattr(show, "deferred", defect)
    result = run("show", "--expr", "x**2", code=70)
    assert "defect of symgrad" in result.output and "Traceback" in result.output


def test_the_group_is_a_click_group():
    assert isinstance(main, click.Group) and main.list_commands(None) == list(COMMANDS)
