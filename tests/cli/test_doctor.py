"""``symgrad doctor``: what is there, what is missing, and the exit code that says whether functions can be compiled."""

from __future__ import annotations

import stat
from importlib import import_module

STATES = {"ok", "limited", "broken", "optional"}


def by_name(found):
    return {f["name"]: f for f in found["findings"]}


def test_all_is_well_here(run, run_json):
    found = run_json("doctor")
    assert found["ok"] and all(set(f) == {"name", "state", "found", "advice"} and f["state"] in STATES for f in found["findings"])
    names = by_name(found)
    for name in ("python", "numpy", "cffi", "compiler", "flags", "compiling", "cpu", "cache", "templates"):
        assert names[name]["state"] == "ok", names[name]
    assert {"vector math", "blas", "graphviz", "ziglang", "Python.h"} <= set(names)
    assert all(f["advice"] for f in found["findings"] if f["state"] != "ok")
    output = run("doctor").output
    assert "Functions are compiled and called here." in output and "-std=c99" in output


def test_it_leaves_nothing_in_the_cache(run, run_json):
    run("doctor")
    assert run_json("cache", "size")["entries"] == 0


def test_no_compiler(run, run_json, monkeypatch):
    monkeypatch.setenv("CC", "/no/such/compiler")
    found = run_json("doctor", code=3)
    assert not found["ok"] and by_name(found)["compiler"]["state"] == "broken" and by_name(found)["compiling"]["state"] == "broken"
    output = run("doctor", code=3).output
    assert "To do:" in output and "apt install gcc" in output and "Functions are compiled" not in output


def test_a_compiler_that_fails(run_json, folder, monkeypatch):
    fake = folder / "badcc"
    fake.write_text("#!/bin/sh\necho no licence found >&2\nexit 1\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CC", str(fake))
    found = by_name(run_json("doctor", code=3))
    assert found["compiling"]["state"] == "broken" and "no licence found" in found["compiling"]["advice"]


def test_a_compiler_that_hangs(run_json, folder, monkeypatch):
    fake = folder / "slowcc"
    fake.write_text("#!/bin/sh\nsleep 60\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CC", str(fake))
    monkeypatch.setattr(import_module("symgrad.cli.findings"), "_SECONDS", 0.5)
    found = by_name(run_json("doctor", code=3))
    assert "was stopped after 0.5 s" in found["compiling"]["advice"]


def test_a_cache_that_others_can_write(run_json, folder, monkeypatch):
    (folder / "shared" / "symgrad-code").mkdir(parents=True)
    (folder / "shared" / "symgrad-code").chmod(0o777)
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(folder / "shared"))
    found = by_name(run_json("doctor"))["cache"]
    assert found["state"] == "limited" and "chmod go-w" in found["advice"]


def test_interpreting_is_pointed_out(run_json, monkeypatch):
    monkeypatch.setenv("SYMGRAD_TIER", "interpret")
    found = by_name(run_json("doctor"))
    assert found["variables"]["state"] == "limited" and "unset it" in found["variables"]["advice"]
    assert found["compiling"]["state"] == "ok"


def test_a_variable_that_cannot_be_read(run, monkeypatch):
    monkeypatch.setenv("SYMGRAD_THREADS", "many")
    assert "SYMGRAD_THREADS: expected int, got 'many'" in run("doctor", code=2).output
