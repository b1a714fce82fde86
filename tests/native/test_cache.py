"""The cache: hits, damage, unwritable folders, many processes and threads."""

import json
import os
import stat
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

from symgrad.native import build as build_module
from symgrad.native import cache
from symgrad.native.build import library_key
from symgrad.options import Options

from .graphs import compiled, needs_compiler, scaled

pytestmark = needs_compiler

ROOT = Path(__file__).parents[2]
X = np.arange(3.0)


def entry_of(folder):
    (record,) = folder.glob("*/*/record.json")
    return record.parent


def leftovers(folder):
    return [p for p in folder.iterdir() if p.name.startswith(".build")]


def test_second_compilation_is_a_hit_and_starts_no_compiler(fresh_cache, monkeypatch):
    first = compiled(scaled())
    assert not first.library.hit and first.library.seconds > 0
    monkeypatch.setattr(build_module, "run", lambda *_: pytest.fail("the compiler was started"))
    second = compiled(scaled())
    assert second.library.hit and second.library.seconds == 0.0
    np.testing.assert_array_equal(second.call([X])[0], X * 2)
    assert (second.library.flops, second.library.kernels) == (first.library.flops, first.library.kernels)
    assert not leftovers(fresh_cache)


def test_folders_are_private(fresh_cache):
    compiled(scaled())
    assert stat.S_IMODE(fresh_cache.stat().st_mode) == 0o700
    fresh_cache.chmod(0o755)
    compiled(scaled())
    assert stat.S_IMODE(fresh_cache.stat().st_mode) == 0o700


def test_everything_that_affects_code_is_in_the_key(monkeypatch):
    base = ("f", ["x"], ["y"])
    graph, plain = scaled(), Options()
    keys = {
        library_key(graph, *base, plain),
        library_key(scaled(3.0), *base, plain),
        library_key(graph, "g", ["x"], ["y"], plain),
        library_key(graph, "f", ["z"], ["y"], plain),
        library_key(graph, "f", ["x"], ["z"], plain),
        library_key(graph, *base, plain, "doc"),
        *(library_key(graph, *base, Options(**o)) for o in ({"precise": True}, {"fast_math": True}, {"march": "baseline"})),
        library_key(scaled(2.0, "m"), *base, plain),
    }
    assert len(keys) == 10
    assert library_key(scaled(), *base, plain) in keys
    monkeypatch.setattr(build_module, "FORMAT", "another version")
    assert library_key(graph, *base, plain) not in keys


def truncate(path):
    path.write_bytes(path.read_bytes()[:100])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def change_work(path):
    record = json.loads(path.read_text())
    record["work"] = -5
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("module.so", truncate),
        ("module.so", flip),
        ("module.so", lambda p: p.unlink()),
        ("module.so", lambda p: p.write_bytes(b"")),
        ("record.json", lambda p: p.write_text("{")),
        ("record.json", lambda p: p.write_text("[]")),
        ("record.json", lambda p: p.write_bytes(b"\xff\xfe")),
        ("record.json", lambda p: p.unlink()),
        ("record.json", change_work),
        ("module.c", lambda p: p.unlink()),
    ],
)
def test_damaged_entries_are_built_again(fresh_cache, file, damage):
    compiled(scaled())
    damage(entry_of(fresh_cache) / file)
    again = compiled(scaled())
    assert not again.library.hit
    np.testing.assert_array_equal(again.call([X])[0], X * 2)
    assert compiled(scaled()).library.hit and not leftovers(fresh_cache)


def test_an_entry_that_is_a_file_is_replaced(fresh_cache):
    compiled(scaled())
    place = entry_of(fresh_cache)
    place.rename(fresh_cache / "elsewhere")
    place.write_text("not a folder")
    np.testing.assert_array_equal(compiled(scaled()).call([X])[0], X * 2)
    assert compiled(scaled()).library.hit


@pytest.mark.parametrize("kind", ["file in the way", "no folder can be made"])
def test_an_unusable_folder_gives_one_warning_and_works(fresh_cache, monkeypatch, tmp_path, kind):
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", str(blocked if kind == "file in the way" else blocked / "below"))
    with pytest.warns(RuntimeWarning, match="SYMGRAD_CACHE_DIR") as caught:
        np.testing.assert_array_equal(compiled(scaled()).call([X])[0], X * 2)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compiled(scaled()).library.hit


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs owners of files")
def test_a_folder_of_somebody_else_is_not_used(fresh_cache, monkeypatch):
    compiled(scaled())
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.warns(RuntimeWarning, match="somebody else"):
        assert cache.cache_folder() != fresh_cache


PROGRAM = """
import sys, numpy as np
sys.path.insert(0, {here!r})
from graphs import compiled, scaled
f = compiled(scaled(7.0))
assert (f.call([np.arange(3.0)])[0] == np.arange(3.0) * 7.0).all()
"""


def test_many_processes_build_the_same_entry(fresh_cache):
    program = PROGRAM.format(here=str(Path(__file__).parent))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen([sys.executable, "-c", program], env=environment) for _ in range(5)]
    assert [p.wait(timeout=60) for p in running] == [0] * 5
    entry_of(fresh_cache)
    assert not leftovers(fresh_cache)


def test_many_threads_build_the_same_entry(fresh_cache):
    results = []
    graph = scaled(11.0)
    threads = [threading.Thread(target=lambda: results.append(compiled(graph).call([X])[0])) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 6 and all((r == X * 11).all() for r in results)
    assert not leftovers(fresh_cache)


def test_a_hit_imports_neither_jinja2_nor_sympy(fresh_cache):
    compiled(scaled(7.0))
    program = PROGRAM.format(here=str(Path(__file__).parent))
    program += "assert f.library.hit\nassert not {'jinja2', 'sympy', 'pycparser'} & sys.modules.keys()\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
