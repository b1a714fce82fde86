"""The cache: hits, damage, unwritable folders, many processes and threads."""

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from symgrad.dtypes import float64
from symgrad.ir.dims import dim
from symgrad.ir.expr import fresh_input
from symgrad.ir.graph import Graph
from symgrad.ir.types import TensorType
from symgrad.native import build as build_module
from symgrad.native import cache
from symgrad.native.build import library_key
from symgrad.native.direct import compile_graph
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


def mode(folder):
    return stat.S_IMODE(folder.stat().st_mode)


def test_folders_are_private(fresh_cache):
    compiled(scaled())
    assert mode(fresh_cache) == 0o700 and mode(fresh_cache.parent) == 0o700


@pytest.mark.parametrize("others", [0o755, 0o1777])
def test_a_folder_of_the_user_keeps_its_mode(fresh_cache, others):
    fresh_cache.parent.mkdir()
    (fresh_cache.parent / "mine").touch()
    fresh_cache.parent.chmod(others)
    assert not compiled(scaled()).library.hit
    assert compiled(scaled()).library.hit
    assert mode(fresh_cache.parent) == others and mode(fresh_cache) == 0o700
    assert {p.name for p in fresh_cache.parent.iterdir()} == {"mine", "symgrad-code"}


@pytest.mark.parametrize("kind", ["group", "everybody", "link", "file", "no sticky bit"])
def test_a_folder_into_which_others_could_put_code_is_not_used(fresh_cache, tmp_path, kind):
    fresh_cache.parent.mkdir()
    if kind == "link":
        (tmp_path / "elsewhere").mkdir()
        fresh_cache.symlink_to(tmp_path / "elsewhere")
    elif kind == "file":
        fresh_cache.touch()
    else:
        fresh_cache.mkdir()
        changed, bits = {
            "group": (fresh_cache, 0o770),
            "everybody": (fresh_cache, 0o707),
            "no sticky bit": (fresh_cache.parent, 0o777),
        }[kind]
        changed.chmod(bits)
    with pytest.warns(RuntimeWarning, match="compiled code is kept in .* SYMGRAD_CACHE_DIR"):
        f = compiled(scaled())
    np.testing.assert_array_equal(f.call([X])[0], X * 2)
    assert not f.library.path.is_relative_to(tmp_path / "cache")
    assert not (tmp_path / "elsewhere").exists() or not list((tmp_path / "elsewhere").iterdir())
    if kind not in ("link", "file"):
        assert mode(changed) == bits


def test_a_temporary_cache_goes_with_the_process(tmp_path):
    program = PROGRAM.format(here=str(Path(__file__).parent)) + "print(f.library.path)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SYMGRAD_CACHE_DIR": "/dev/null", "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.startswith(str(tmp_path)) and not list(tmp_path.glob("symgrad-*"))


def test_the_text_outlives_the_cache_and_a_change_of_folder(monkeypatch, tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("SYMGRAD_CACHE_DIR", "relative")
    cache._absolute.cache_clear()
    built = compiled(scaled())
    monkeypatch.chdir(tmp_path / "there")
    found = compiled(scaled())
    assert found.library.hit and found.library.path.is_absolute() and not list(Path().iterdir())
    shutil.rmtree(tmp_path / "here")
    assert built.c_source == found.c_source and "sg_entry" not in built.c_source and "int f(" in built.c_source
    np.testing.assert_array_equal(found.call([X])[0], X * 2)
    cache._absolute.cache_clear()


FORK = """
import os, threading, warnings
from symgrad.native import cache
warnings.simplefilter("ignore")
held, done = threading.Event(), threading.Event()
def hold():
    with cache._lock:
        held.set()
        done.wait()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if not child:
    os._exit(0 if cache.cache_folder().is_dir() else 1)
done.set()
thread.join()
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_a_thread_holds_the_lock():
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SYMGRAD_CACHE_DIR": "/dev/null"}
    subprocess.run([sys.executable, "-c", FORK], env=environment, check=True, timeout=30)


def test_names_of_any_kind(fresh_cache):
    hostile = "\ud800", "a\0b", "*/ int x; /*", "\U0001f600", ""
    for name in hostile:
        text = f"{name}\nsum of {name}"
        made = [build_named(name, text) for _ in range(2)]
        assert made[1].library.hit and made[0].c_source.isascii()
        np.testing.assert_array_equal(made[1].call([X])[0], X * 2)
    graph = scaled()
    keys = {library_key(graph, "f", *names, Options()) for names in ([["a", "b"], ["c"]], [["a"], ["b", "c"]], [["a\0b"], ["c"]])}
    assert len(keys) == 3


def build_named(name, doc):
    x = fresh_input(name, TensorType((dim("n"),), float64))
    graph = Graph([x], [x * 2.0])
    return compile_graph(graph, name=name, options=Options(), input_names=[name], output_names=[name], doc=doc)


def fill(folder, shard, count, size, hours):
    """Put entries into a shard that were last used so many hours ago, each an hour before the next."""
    made = []
    for k in range(count):
        place = folder / shard / f"{k:062x}"
        place.mkdir(parents=True)
        (place / "module.so").write_bytes(b"x" * size)
        (place / "record.json").write_text("{}")
        used = time.time() - 3600 * (hours + count - k)
        os.utime(place / "record.json", (used, used))
        made.append(place)
    return made


@pytest.mark.parametrize(("count", "size"), [(40, 10), (20, 1 << 20)])
def test_a_shard_is_bounded_and_loses_what_was_not_used_for_longest(fresh_cache, count, size):
    folder = cache.cache_folder()
    key = library_key(scaled(), "f", ["x"], ["y0", "y1"], Options())
    old = fill(folder, key[:2], count, size, hours=2)
    other = fill(folder, "zz", 40, 10, hours=2)
    compiled(scaled())
    kept = [p.exists() for p in old]
    assert kept == sorted(kept)  # the oldest went
    assert sum(kept) + 1 == (cache.ENTRIES if size == 10 else 4)
    assert all(p.exists() for p in other) and compiled(scaled()).library.hit and not leftovers(folder)


def test_what_was_used_in_the_last_hour_is_not_removed(fresh_cache):
    folder = cache.cache_folder()
    compiled(scaled())
    place = entry_of(fresh_cache)
    used = time.time() - 3600 * 24 * 365
    os.utime(place / "record.json", (used, used))
    assert compiled(scaled()).library.hit  # used again
    fill(folder, place.parent.name, 30, 10, hours=-40)
    cache._tidy(folder, place.parent)
    assert compiled(scaled()).library.hit


def test_abandoned_builds_are_removed_after_a_day(fresh_cache):
    folder = cache.cache_folder()
    old, new = cache.scratch(folder), cache.scratch(folder)
    used = time.time() - 3600 * 25
    os.utime(old, (used, used))
    compiled(scaled())
    assert leftovers(folder) == [new]


def test_many_processes_publish_and_tidy_at_once(fresh_cache, tmp_path):
    folder = cache.cache_folder()
    fill(folder, "ab", 200, 10, hours=2)
    program = f"""
import sys, pathlib
from symgrad.native import cache
folder = pathlib.Path({str(folder)!r})
for k in range(20):
    built = cache.scratch(folder)
    for name in ("module.so", "module.c"):
        (built / name).write_text(str(k))
    key = "ab" + cache.digest(str(k))[2:]
    cache.publish(folder, key, built, {{}})
    assert cache.find(folder, key).text == str(k)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen([sys.executable, "-c", program], env=environment) for _ in range(4)]
    assert [p.wait(timeout=60) for p in running] == [0] * 4
    assert len(list((folder / "ab").iterdir())) == 20 and not leftovers(folder)  # all used in the last hour


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
        ("module.c", lambda p: p.write_text("int other;")),
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
