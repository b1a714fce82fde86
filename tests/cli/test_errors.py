"""Errors under --json: one object on the standard output, for every command and every kind of error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib import import_module

import pytest

from symgrad_cli import COMMANDS

from .conftest import ROOT

SPEC = ["--spec", "x: float64[n]"]
CASES = {
    "no such command": (["exprot"], 2, "UsageError", "did you mean 'export'"),
    "no such option": (["show", "--nothing"], 2, "NoSuchOption", "--nothing"),
    "no value": (["check", "--expr"], 2, "BadOptionUsage", "requires an argument"),
    "a bad choice": (["show", "--expr", "x", "--stage", "assembly"], 2, "BadParameter", "assembly"),
    "no function": (["check"], 2, "UsageError", ""),
    "no such file": (["check", "nothing.py:f", *SPEC], 2, "", "nothing.py"),
    "no such name": (["show", "model.py:los", *SPEC], 2, "", "los"),
    "a bad formula": (["show", "--expr", "__import__('os')"], 2, "", "has no meaning"),
    "a bad spec": (["show", "model.py:loss", "--spec", "x: float65[n]"], 2, "", "float65"),
    "the user's error": (["show", "model.py:broken", *SPEC], 2, "NameError", "undefined_name"),
    "a trace error": (["bench", "model.py:branch", "--spec", "x: float64"], 2, "TraceError", "sg.where"),
    "a bad name": (["export", "model.py:loss", *SPEC, "--name", "double"], 2, "ExportError", "reserved word"),
    "no compiler": (["export", "model.py:loss", *SPEC, "--name", "a"], 3, "CompileError", "/no/such/compiler"),
    "a group": (["cache", "prune", "--older-than", "much"], 2, "", "such as 30d"),
    "a group's command": (["cache", "nothing"], 2, "", "nothing"),
    "without JSON of its own": (["demo"], 2, "NoSuchOption", "--json"),
    "the group alone": ([], 2, "NoSuchOption", "--json"),
}


@pytest.mark.parametrize("case", CASES)
def test_an_error_is_an_object(case, run, monkeypatch):
    arguments, code, kind, words = CASES[case]
    if code == 3:
        monkeypatch.setenv("CC", "/no/such/compiler")
    result = run(*arguments, "--json", code=code) if case != "no value" else run("check", "--json", "--expr", code=code)
    said = json.loads(result.stdout)
    assert said.keys() == {"ok", "error"} and said["ok"] is False
    error = said["error"]
    assert error.keys() == {"type", "message", "hint", "exit_code"} and error["exit_code"] == code
    assert words in error["message"] and error["message"] == error["message"].strip() != ""
    assert error["type"] == kind if kind else error["type"].isidentifier()
    assert error["message"].split("\n")[0].split(";")[0][:40] in result.stderr, "people read it where they always do"
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command(name, run):
    error = json.loads(run(name, "--no-such-option", "--json", code=2).stdout)["error"]
    assert error["exit_code"] == 2 and "--no-such-option" in error["message"]


def test_a_defect(run, monkeypatch):
    def defect(*args, **kwargs):
        raise AssertionError("out of step")

    monkeypatch.setattr(import_module("symgrad.cli.show"), "deferred", defect)
    result = run("show", "--expr", "x**2", "--json", code=70)
    error = json.loads(result.stdout)["error"]
    assert error["type"] == "AssertionError" and "out of step" in error["hint"] and "Traceback" in result.stderr


def test_a_failed_check_is_the_checks_own_object(run):
    said = json.loads(run("check", "model.py:kink", *SPEC, "--range", "x=-1e-7:1e-7", "--json", code=1).stdout)
    assert said["ok"] is False and "functions" in said and "error" not in said


def test_what_is_no_option_is_none(run):
    assert run("show", "--", "--json", code=2).stdout == ""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interruption(folder):
    (folder / "slow.py").write_text("import sys, time\ndef f(x):\n    print('here', file=sys.stderr, flush=True)\n    time.sleep(60)\n    return x\n")
    command = [sys.executable, "-m", "symgrad", "show", "slow.py:f", "--spec", "x: float64", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # ignored where tests run in the background
    )
    assert process.stderr.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and "interrupted" in errors and "Traceback" not in errors
    assert json.loads(out)["error"] == {"type": "Interrupted", "message": "interrupted", "hint": None, "exit_code": 130}
