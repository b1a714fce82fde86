"""The key of compiled code: all that affects it, and what it costs."""

import os

import pytest

import symgrad
from symgrad.native import build as build_module
from symgrad.native.build import library_key
from symgrad.options import Options

from .graphs import needs_compiler, scaled

pytestmark = needs_compiler


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


# The stamp of symgrad's own files


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A package with templates inside, as it is installed."""
    source = tmp_path / "symgrad" / "native" / "build.py"
    (tmp_path / "symgrad" / "templates").mkdir(parents=True)
    source.parent.mkdir()
    source.touch()
    monkeypatch.setattr(build_module, "__file__", str(source))
    monkeypatch.setattr(build_module, "template_folder", lambda: tmp_path / "symgrad" / "templates")
    build_module._stamp.cache_clear()
    yield tmp_path
    build_module._stamp.cache_clear()


def stamp():
    build_module._stamp.cache_clear()
    return build_module._stamp()


def test_the_stamp_of_a_checkout_follows_its_files_and_costs_little(package):
    before = stamp()
    (package / "symgrad" / "native" / "build.py").write_text("changed")
    assert stamp() != before
    (package / "symgrad" / "native" / "gone.py").symlink_to(package / "nowhere")  # as if removed meanwhile
    assert stamp() != before


def test_the_stamp_of_a_release_is_its_list_of_files(package, monkeypatch):
    record = package / f"symgrad-{symgrad.__version__}.dist-info" / "RECORD"
    record.parent.mkdir()
    record.write_text("symgrad/native/build.py,sha256=1,2")
    before = stamp()
    os.utime(package / "symgrad" / "native" / "build.py", (1, 1))
    assert stamp() == before
    record.write_text("symgrad/native/build.py,sha256=2,2")
    assert stamp() != before


def test_the_key_names_this_version():
    assert symgrad.__version__ == build_module.VERSION
