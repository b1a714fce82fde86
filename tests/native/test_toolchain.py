"""Compilers that are missing, fail, hang, or lie."""

import os
import stat
import sys
import time

import numpy as np
import pytest

from symgrad.errors import CompileError
from symgrad.native import build as build_module
from symgrad.native import toolchain
from symgrad.native.toolchain import find_compiler, flags_for
from symgrad.options import Options
from symgrad.shipped import building

from .graphs import compiled, needs_compiler, scaled

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="fake compilers are shell scripts")


@pytest.fixture
def fake(tmp_path, monkeypatch, fresh_cache):
    """Return a function that makes ``$CC`` a shell script."""

    def make(script):
        path = tmp_path / "fakecc"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("CC", str(path))
        toolchain._find.cache_clear()
        return path

    yield make
    toolchain._find.cache_clear()


def empty(folder):
    return not folder.exists() or not [p for p in folder.rglob("*") if p.is_file()]


def test_no_compiler(monkeypatch, tmp_path, fresh_cache):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(building.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CompileError, match=r"none of cc, gcc, clang.*symgrad\[zig\].*SYMGRAD_TIER"):
        compiled(scaled())
    assert empty(fresh_cache)


def test_the_zig_package_is_the_last_choice(monkeypatch, tmp_path):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(building.importlib.util, "find_spec", lambda name: object())
    assert list(building.candidates(""))[-1] == (sys.executable, "-m", "ziglang", "cc")


@pytest.mark.parametrize("chosen", ["/nowhere/cc", "no-such-compiler -O2", 'cc "unclosed'])
def test_a_chosen_compiler_that_does_not_exist(monkeypatch, chosen, fresh_cache):
    monkeypatch.setenv("CC", chosen)
    with pytest.raises(CompileError, match="CC="):
        compiled(scaled())


def test_a_failing_compiler_is_quoted(fake, fresh_cache):
    fake("echo 'module.c:1: the moon is in the wrong phase' >&2; exit 3")
    with pytest.raises(CompileError, match="(?s)status 3.*wrong phase.*-std=c99"):
        compiled(scaled())
    assert empty(fresh_cache)


def test_a_hanging_compiler_is_stopped_with_its_children(fake, fresh_cache, tmp_path):
    mark = tmp_path / "alive"
    fake(f"(sleep 2; touch {mark}) &\nsleep 60")
    started = time.monotonic()
    with pytest.raises(CompileError, match="stopped after 0.3 s.*compile_budget"):
        compiled(scaled(), compile_budget=0.3)
    assert time.monotonic() - started < 5
    assert empty(fresh_cache)
    time.sleep(2.2)
    assert not mark.exists()


def test_a_hanging_compiler_takes_the_budget_once(fake, fresh_cache, tmp_path):
    starts = tmp_path / "starts"
    fake(f"echo x >> {starts}; sleep 60")
    with pytest.raises(CompileError, match="stopped after 0.6 s"):
        compiled(scaled(), compile_budget=0.6)
    assert starts.read_text() == "x\n"


def test_a_second_run_without_simd_has_what_is_left_of_the_budget(fresh_cache, monkeypatch):
    deadlines = []

    def rejecting(compiler, arguments, folder, budget, deadline):
        deadlines.append(deadline)
        raise CompileError("rejected")

    monkeypatch.setattr(build_module, "flags_for", lambda *_: ("-O2", "-DSG_SIMD"))
    monkeypatch.setattr(build_module, "run", rejecting)
    before = time.monotonic()
    with pytest.raises(CompileError, match="rejected"):
        compiled(scaled(), compile_budget=7.0)
    assert deadlines[0] == deadlines[1] and before + 7.0 <= deadlines[0] <= time.monotonic() + 7.0


def test_children_that_outlive_the_compiler_are_ended(fake, fresh_cache, tmp_path):
    mark = tmp_path / "alive"
    fake(f"(sleep 1.5; touch {mark}) &\nexit 0")
    with pytest.raises(CompileError, match="compile_budget"):
        compiled(scaled(), compile_budget=0.3)
    time.sleep(1.6)
    assert not mark.exists()


def test_a_compiler_that_writes_nothing(fake, fresh_cache):
    fake("exit 0")
    with pytest.raises(CompileError, match="wrote nothing"):
        compiled(scaled())
    assert empty(fresh_cache)


def test_a_compiler_that_writes_rubbish(fake, fresh_cache):
    fake("echo rubbish > module.so; exit 0")
    with pytest.raises(CompileError, match="cannot be loaded"):
        compiled(scaled())


def test_a_compiler_that_cannot_be_started(fake, fresh_cache):
    path = fake("exit 0")
    path.write_bytes(b"\x7fELF not really")
    with pytest.raises(CompileError, match="cannot be started|failed"):
        compiled(scaled())


@needs_compiler
def test_a_compiler_without_the_simd_forms(fake, fresh_cache):
    real = next(p for p in ("/usr/bin/cc", "/usr/bin/gcc", "/usr/local/bin/cc") if os.path.exists(p))
    fake(f'for a in "$@"; do case "$a" in -DSG_SIMD|-l:*) echo no libmvec >&2; exit 1;; esac; done\nexec {real} "$@"')
    f = compiled(scaled())
    np.testing.assert_array_equal(f.call([np.arange(3.0)])[0], [0, 2, 4])


@needs_compiler
def test_words_after_the_compiler_are_kept(monkeypatch, fresh_cache):
    monkeypatch.setenv("CC", "cc -DUSELESS=1")
    assert find_compiler().command[1:] == ("-DUSELESS=1",)
    assert "-DUSELESS=1" in find_compiler().identity
    np.testing.assert_array_equal(compiled(scaled()).call([np.ones(2)])[0], [2, 2])


def test_flags_follow_the_options():
    assert "-ffp-contract=off" in flags_for(Options()) and "-ffast-math" not in flags_for(Options(fast_math=True))
    assert "-ffp-contract=fast" in flags_for(Options(fast_math=True))
    assert "-DSG_SIMD" not in flags_for(Options(precise=True))
    assert not any(f.startswith(("-march", "-mcpu")) for f in flags_for(Options(march="baseline")))
    assert "-O1" in flags_for(Options(), 100_000) and "-O2" in flags_for(Options(), 100)
    assert not any(f.startswith("-g") and f != "-g0" for f in flags_for(Options()))


class _Vanishing(dict):
    """Variables of which one is gone when it is read, as when another thread removes it."""

    def __getitem__(self, name):
        raise KeyError(name)

    def get(self, name, default=None):
        return default if name == "GOES" else dict.get(self, name, default)


def test_variables_that_another_thread_removes_do_not_stop_the_compiler(monkeypatch):
    monkeypatch.setattr(building.os, "environ", _Vanishing(PATH="/bin", GOES="1", LC_ALL="de_DE"))
    assert building._environment() == {"PATH": "/bin", "LC_ALL": "C"}
