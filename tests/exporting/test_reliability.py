"""Building that is disturbed: by others, by signals, by compilers, by full and read-only disks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg
from symgrad.native import publish

pytestmark = pytest.mark.skipif(sys.platform == "win32" or shutil.which("cc") is None, reason="needs a C compiler and signals")
S = sg.TensorSpec
PROGRAM = """
import sys, numpy as np
import symgrad as sg
def f(x): return np.sum(x * x) * {factor}
place = sg.export(f, specs=[sg.TensorSpec(("n",))], name="m", directory=sys.argv[1], derivatives=["grad"], force={force})
assert sg.load(place).f(np.ones(3)) in (3.0, 6.0)
"""


def f(x):
    return np.sum(x * x)


def start(folder, factor=1, force=False, **environment):
    program = PROGRAM.format(factor=factor, force=force)
    settings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    return subprocess.Popen([sys.executable, "-c", program, folder], env=settings, stderr=subprocess.PIPE, text=True)


def whole(folder):
    """Assert that a module stands there whole, with nothing left beside it; return it."""
    manifest = publish.manifest_of(folder / "m")
    assert manifest is not None and publish.is_whole(folder / "m", manifest)
    assert [p.name for p in folder.iterdir()] == ["m"]
    return sg.load(folder / "m")


def fake(folder, text):
    path = folder / "fake-cc"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_many_processes_write_the_same_module(tmp_path):
    running = [start(tmp_path) for _ in range(4)]
    assert [(p.communicate()[1], p.returncode) for p in running] == [("", 0)] * 4
    assert whole(tmp_path).f(np.ones(3)) == 3.0


def test_processes_replace_each_other_while_others_import(tmp_path):
    start(tmp_path).communicate()
    stop = threading.Event()
    wrong, count = [], 0

    def watch():
        nonlocal count
        while not stop.is_set():
            manifest = publish.manifest_of(tmp_path / "m")
            if manifest is None:
                wrong.append("no manifest")
            count += 1

    watcher = threading.Thread(target=watch)
    watcher.start()
    running = [start(tmp_path, factor=k % 2 + 1, force=True) for k in range(4)]
    results = [(p.communicate()[1], p.returncode) for p in running]
    stop.set()
    watcher.join()
    for said, status in results:  # whoever loads while another replaces may be told so
        assert status == 0 or "it was replaced by another one while it was imported" in said or "is damaged" in said, said
    assert not wrong and count > 10
    assert whole(tmp_path).f(np.ones(3)) in (3.0, 6.0)


def at_once(work, count):
    """Run a function in threads, each with its number; return what they returned."""
    results = [None] * count

    def one(k):
        results[k] = work(k)

    threads = [threading.Thread(target=one, args=(k,)) for k in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def test_threads_write_different_modules(tmp_path):
    def work(k):
        place = sg.export({"f": lambda x: x * float(k)}, specs=[S(())], name=f"m{k}", directory=tmp_path)
        return sg.load(place).f(1.0)

    assert at_once(work, 4) == [0.0, 1.0, 2.0, 3.0]


def test_threads_write_and_load_the_same_module(tmp_path):
    def work(k):
        return sg.load(sg.export(f, specs=[S(("n",))], name="m", directory=tmp_path)).f(np.ones(3))

    assert at_once(work, 5) == [3.0] * 5
    whole(tmp_path)


@pytest.mark.parametrize("when", [0.0, 0.3])
def test_kill_in_the_middle(tmp_path, when):
    folder, mark, done = (tmp_path / n for n in ("build", "compiling", "compiled"))
    slow = fake(tmp_path, f'touch {mark}\n[ "$CALM" ] || sleep {0.2 + when}\ncc "$@"; s=$?\ntouch {done}\nexit $s')
    sg.export(f, specs=[S((3,))], name="m", directory=folder)
    before = {p.name: p.read_bytes() for p in (folder / "m").iterdir() if p.is_file()}
    victim = start(folder, force=True, CC=slow)
    while not mark.exists():
        time.sleep(0.01)
    time.sleep(when)
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()
    assert {p.name: p.read_bytes() for p in (folder / "m").iterdir() if p.is_file()} == before
    left = [p for p in folder.iterdir() if p.name != "m"]
    assert all(p.name.startswith(".export-") for p in left)
    while not done.exists():  # its compiler writes on
        time.sleep(0.01)
    for p in left:
        os.utime(p, (0, 0))
    last = start(folder, force=True, CC=slow, CALM="1")  # takes away what is old
    assert (last.communicate()[1], last.returncode) == ("", 0)
    assert whole(folder).f(np.ones(3)) == 3.0


COMPILERS = {
    "missing": ("", sg.CompileError, "was not found"),
    "failing": ("echo 'internal error: segmentation fault'; exit 4", sg.CompileError, "failed with status 4"),
    "hanging": ("sleep 100 & sleep 100", sg.CompileError, "was stopped after 0.5 s"),
    "silent": ("exit 0", sg.CompileError, "reported success and wrote nothing"),
    "lying": ('while [ "$1" != -o ]; do shift; done; echo nonsense > "$2"', sg.CompileError, "cannot be imported"),
    "without headers": (
        "echo 'fatal error: Python.h: No such file or directory'; exit 1",
        sg.CompileError,
        "apt install python3-dev",
    ),
}


@pytest.mark.parametrize("kind", COMPILERS)
def test_compilers_that_do_not_work(tmp_path, monkeypatch, kind):
    text, error, message = COMPILERS[kind]
    monkeypatch.setenv("CC", fake(tmp_path, text) if text else "no-such-compiler")
    started = time.monotonic()
    with pytest.raises(error, match=message):
        sg.export(f, specs=[S(("n",))], name="m", directory=tmp_path / "build", options=sg.Options(compile_budget=0.5))
    assert time.monotonic() - started < 20
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize("limit", [4096, 12_000, 30_000])  # in a temporary file, in the package, in its shared object
def test_a_full_disk(tmp_path, limit):
    """A limit on the size of files stands in for it: writing fails in the middle."""
    program = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + PROGRAM.format(
        factor=1, force=False
    ).replace("place =", "resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\nplace =")
    program = program.replace("{limit}", str(limit))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", program, tmp_path], env=environment, capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and ("cannot be written" in last or "CompileError" in done.stderr), done.stderr
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_written(tmp_path):
    with pytest.raises(sg.ExportError, match="cannot be written"):
        sg.export(f, specs=[S(("n",))], name="m", directory="/proc/nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(sg.ExportError, match="cannot be written"):
        sg.export(f, specs=[S(("n",))], name="m", directory=tmp_path / "file")
    assert Path(tmp_path / "file").read_text() == ""
