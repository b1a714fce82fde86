"""``symgrad cache``: what is there, why something is not, and taking it away."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

SINE = ["--expr", "sin(x*y)"]


@pytest.fixture
def filled(run):
    """The cache's folder, with the entries of a value, a gradient and a Hessian."""
    run("check", *SINE)
    return Path(os.environ["SYMGRAD_CACHE_DIR"]) / "symgrad-code"


def entries(filled):
    return sorted(p.parent for p in filled.glob("[0-9a-f][0-9a-f]/*/record.json"))


def test_list_and_size(filled, run, run_json):
    listed = run_json("cache", "list")
    assert set(listed) == {"folder", "entries"} and listed["folder"] == str(filled)
    assert {e["function"] for e in listed["entries"]} == {"formula", "formula_grad", "formula_hessian"}
    assert set(listed["entries"][0]) == {"key", "function", "bytes", "last_used", "damaged"}
    size = run_json("cache", "size")
    total = sum(f.stat().st_size for e in entries(filled) for f in e.iterdir())
    assert size == {"folder": str(filled), "entries": 3, "bytes": total, "damaged": 0}
    assert "3 entries" in run("cache", "list").output and "formula_grad" in run("cache", "list").output
    assert "2 more" in run("cache", "list", "--limit", "1").output


def test_looking_is_not_using(filled, run):
    old = time.time() - 1e6
    for entry in entries(filled):
        os.utime(entry / "record.json", (old, old))
    run("cache", "list")
    assert all(abs((e / "record.json").stat().st_mtime - old) < 1 for e in entries(filled))


def test_an_empty_cache(run, run_json):
    assert run_json("cache", "list")["entries"] == []
    assert "0 entries" in run("cache", "size").output
    assert "0 entries left" in run("cache", "clear").output


def test_a_hit_is_explained(filled, run, run_json):
    assert "hit: formula is entry" in run("cache", "explain", *SINE).output
    assert run_json("cache", "explain", *SINE, "--derivative", "grad")["hit"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--expr", "sin(x*y)", "--precise"], {"options", "flags"}),
        (["--expr", "sin(x*y)", "--march", "baseline"], {"flags", "cpu"}),
        (["--expr", "cos(x*y)"], {"graph"}),
        (["--expr", "other = sin(x*y)"], {"name"}),
        (["--expr", "sin(u*v)"], {"inputs"}),
    ],
)
def test_a_miss_is_explained_by_the_entry_that_is_nearest(filled, arguments, parts, run, run_json):
    told = run_json("cache", "explain", *arguments)
    assert not told["hit"] and {d["part"] for d in told["differs"]} == parts
    assert {e["key"]: e["function"] for e in run_json("cache", "list")["entries"]}[told["nearest"]] == "formula"
    output = run("cache", "explain", *arguments).output
    assert all(any(line.startswith(part) for line in output.splitlines()) for part in parts)


def test_a_miss_by_the_compiler_is_explained(filled, run_json, folder, monkeypatch):
    wrapper = folder / "mycc"
    wrapper.write_text("#!/bin/sh\nexec cc \"$@\"\n")
    wrapper.chmod(0o755)
    monkeypatch.setenv("CC", str(wrapper))
    told = run_json("cache", "explain", *SINE)
    assert [d["part"] for d in told["differs"]] == ["compiler"] and "mycc" in told["differs"][0]["now"]


def test_what_was_never_compiled(filled, run):
    assert "has been compiled yet" in run("cache", "explain", "--expr", "new = tanh(x)").output


def test_explaining_compiles_nothing(filled, run):
    before = entries(filled)
    run("cache", "explain", "--expr", "cos(x*y)")
    assert entries(filled) == before


def test_damaged_entries_are_pruned(filled, run, run_json):
    victim = next(e for e in entries(filled))
    (victim / "module.so").write_bytes(b"broken")
    assert "1 damaged" in run("cache", "size").output
    removed = run_json("cache", "prune")
    assert removed["removed"] == [victim.parent.name + victim.name] and removed["left"]["entries"] == 2
    assert victim not in entries(filled)
    run("check", *SINE)
    assert victim in entries(filled)


def test_prune_by_age_and_size(filled, run_json):
    first, *rest = entries(filled)
    old = time.time() - 10 * 86400
    os.utime(first / "record.json", (old, old))
    assert run_json("cache", "prune", "--older-than", "30d")["removed"] == []
    told = run_json("cache", "prune", "--older-than", "7d", "--dry-run")
    assert len(told["removed"]) == 1 and not told["done"] and first in entries(filled)
    assert len(run_json("cache", "prune", "--older-than", "7d")["removed"]) == 1
    assert entries(filled) == sorted(rest)
    recent = time.time() - 100
    os.utime(rest[1] / "record.json", (recent, recent))
    size = sum(f.stat().st_size for f in rest[0].iterdir())
    assert run_json("cache", "prune", "--max-size", str(size))["left"]["entries"] == 1
    assert entries(filled) == [rest[0]]


def test_clear_asks_or_is_told(filled, run, run_json):
    assert "add --yes" in run("cache", "clear", code=2).output
    assert len(entries(filled)) == 3
    assert len(run_json("cache", "clear", "--yes")["removed"]) == 3
    assert entries(filled) == []


def test_builds_that_were_killed_are_pruned(filled, run):
    left = filled / ".build-abc"
    left.mkdir()
    old = time.time() - 3 * 86400
    os.utime(left, (old, old))
    assert "1 unfinished build" in run("cache", "prune").output
    assert not left.exists()


@pytest.mark.parametrize("arguments", [["--older-than", "soon"], ["--older-than", "5"], ["--max-size", "-1"], ["--max-size", "big"]])
def test_mistakes(arguments, run):
    assert "write a number and a unit" in run("cache", "prune", *arguments, code=2).output
