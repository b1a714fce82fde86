"""A module used where there is no symgrad: another environment, a wheel, other machines, damage, no compiler."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg
from symgrad.codegen.package import shipped_files

from .models import loss

CHECK = f"""
import sys, numpy as np, kinds
x = np.array([-1.2, 1.0, 0.8, 0.3])
assert abs(kinds.loss(x) - {float(loss(np.array([-1.2, 1.0, 0.8, 0.3])))!r}) < 1e-12
assert kinds.loss_grad(x).shape == (4,)
assert kinds.nest({{"u": np.ones(3), "v": 1.0}}, (1.0, np.ones((2, 2), np.float32)), np.arange(3))["a"].sum() == 6.0
loaded = {{m.split(".")[0] for m in sys.modules}}
assert not loaded & {{"symgrad", "sympy", "jinja2", "pycparser", "setuptools"}}, loaded
print("good", kinds.native.__file__)
"""


def test_in_an_environment_with_numpy_and_cffi_alone(exported, run_bare):
    assert run_bare(CHECK, exported.parent, PATH="").stdout.startswith("good")
    assert run_bare("import symgrad", check=False).returncode == 1


def test_the_wheel(small, bare, run_bare, tmp_path):
    (wheel,) = small.parent.glob("kinds-*.whl")
    assert wheel.name.count("-") == 4 and "abi3" in wheel.name
    site = tmp_path / "site"
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        bare,
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--target",
        site,
        wheel,
    ]
    subprocess.run(command, check=True)
    run_bare(CHECK, site, PATH="")
    metadata = next(site.glob("kinds-*.dist-info")).joinpath("METADATA").read_text()
    assert "Requires-Dist: numpy" in metadata and "Requires-Dist: cffi" in metadata
    listed = "import importlib.metadata as m; print([str(r) for r in m.requires('kinds')], all(f.locate().exists() for f in m.files('kinds')))"
    assert run_bare(listed, site).stdout.strip() == "['numpy', 'cffi'] True"
    with zipfile.ZipFile(wheel) as archive:
        record = next(n for n in archive.namelist() if n.endswith("/RECORD"))
        rows = [row.split(",") for row in archive.read(record).decode().splitlines()]
        assert {row[0] for row in rows} == set(archive.namelist())
        for name, digest, size in rows:
            content = archive.read(name)
            wanted = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            assert name == record or (digest, size) == (f"sha256={wanted}", str(len(content))), name


def damage(folder, **changes):
    """Change what the manifest says of the build."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["build"] |= changes
    path.write_text(json.dumps(manifest))


MISFITS = {
    "missing": lambda f: next(f.glob("*.abi3.so")).unlink(),
    "truncated": lambda f: os.truncate(next(f.glob("*.abi3.so")), 5000),
    "damaged": lambda f: next(f.glob("*.abi3.so")).write_bytes(b"\x7fELF" + bytes(9000)),
    "other machine": lambda f: damage(f, platform="linux-riscv64"),
    "other Python": lambda f: damage(f, python="cpython-399"),
    "other CPU": lambda f: damage(f, cpu="0123456789abcdef"),
}


@pytest.mark.parametrize("how", MISFITS)
def test_it_rebuilds_itself_from_its_own_c(copied, run_bare, how, tmp_path):
    MISFITS[how](copied)
    path = os.environ["PATH"]
    for _ in range(2):  # the second time it is found built
        found = run_bare(CHECK, copied.parent, PATH=path, CC="").stdout
        assert str(tmp_path / "cache") in found
        path = ""


def test_without_a_compiler_the_error_says_so(copied, run_bare):
    MISFITS["truncated"](copied)
    done = run_bare("import kinds", copied.parent, check=False, PATH="", CC="")
    (last,) = done.stderr.strip().splitlines()[-1:]
    assert last.startswith("ImportError: kinds: its shared object does not fit:") and "is damaged" in last
    assert "there is no C compiler" in last and "apt install gcc" in last


def compiler(folder, text):
    path = folder / "fake-cc"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.skipif(sys.platform == "win32", reason="fake compilers are shell scripts")
def test_a_compiler_that_fails_or_hangs(copied, run_bare, tmp_path):
    MISFITS["missing"](copied)
    failing = run_bare("import kinds", copied.parent, check=False, CC=compiler(tmp_path, "echo no luck; exit 7"))
    assert "status 7" in failing.stderr and "no luck" in failing.stderr and "ImportError" in failing.stderr
    hanging = run_bare(
        "import kinds", copied.parent, check=False, timeout=30, CC=compiler(tmp_path, "sleep 100 & sleep 100"), SYMGRAD_COMPILE_BUDGET="0.3"
    )  # fmt: skip
    assert "was stopped after 0.3 s" in hanging.stderr
    missing = run_bare("import kinds", copied.parent, check=False, CC="no-such-compiler")
    assert "there is no C compiler" in missing.stderr
    run_bare(CHECK, copied.parent, PATH=os.environ["PATH"], CC="")  # afterwards all is well


def test_damaged_c_is_not_compiled(copied, run_bare):
    MISFITS["missing"](copied)
    source = copied / "kinds.c"
    source.write_text(source.read_text()[:2000])
    done = run_bare("import kinds", copied.parent, check=False, PATH=os.environ["PATH"])
    assert "kinds.c, to build another one from, is damaged: export the module again" in done.stderr


def test_a_damaged_manifest(copied, run_bare):
    (copied / "manifest.json").write_text("{")
    assert "manifest.json is missing or damaged" in run_bare("import kinds", copied.parent, check=False).stderr


def test_many_processes_rebuild_at_once(copied, bare, tmp_path):
    MISFITS["missing"](copied)
    environment = {"PYTHONPATH": str(copied.parent), "SYMGRAD_CACHE_DIR": str(tmp_path / "cache"), "PATH": os.environ["PATH"]}
    running = [subprocess.Popen([bare, "-c", CHECK], env=environment, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    assert [p.communicate()[0][:4] for p in running] == ["good"] * 6
    (entry,) = (p for p in (tmp_path / "cache").rglob("module.so"))
    assert not list((tmp_path / "cache" / "symgrad-code").glob(".build-*")), entry


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that nobody can write")
def test_where_no_cache_can_be_written(copied, bare, tmp_path):
    MISFITS["missing"](copied)
    environment = {"PYTHONPATH": str(copied.parent), "SYMGRAD_CACHE_DIR": "/proc/nowhere", "PATH": os.environ["PATH"]}
    program = "import warnings; warnings.simplefilter('ignore')\n" + CHECK
    done = subprocess.run([bare, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout.startswith("good") and "symgrad-" in done.stdout, done.stderr  # in a private temporary folder


def test_the_import_is_light(small, run_bare):
    program = (
        "import numpy, cffi, _cffi_backend, sys; before = set(sys.modules); import kinds; print(len(set(sys.modules) - before))"
    )
    assert int(run_bare(program, small.parent).stdout) < 60


def test_shipped_modules_import_nothing_of_symgrad():
    for name, text in shipped_files().items():
        code = [line for line in text.splitlines() if line.strip().startswith(("import ", "from "))]
        assert not [line for line in code if "symgrad" in line], name


PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
import symgrad as sg
from exporting.models import FUNCTIONS, SPECS, DERIVATIVES
sg.export(FUNCTIONS, specs=SPECS, name="kinds", directory=sys.argv[1], derivatives=DERIVATIVES, wheel=True)
"""


def test_the_same_bytes_whatever_the_hash_seed(exported, tmp_path):
    program = PROGRAM.format(tests=str(Path(__file__).parent.parent))
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, tmp_path], env=environment, check=True)
    for path in exported.iterdir():
        if path.is_file():
            assert (tmp_path / "kinds" / path.name).read_bytes() == path.read_bytes(), path.name
    (one,), (other,) = (f.glob("*.whl") for f in (exported.parent, tmp_path))
    assert one.name == other.name and one.read_bytes() == other.read_bytes()
    assert sg.load(exported).__version__ in one.name


def test_an_ordinary_load_imports_nothing_slow(run_bare, small):
    """They are for building, and take a third of the time that loading does."""
    program = (
        "import sys, numpy, cffi\nbefore = set(sys.modules)\nimport kinds\n"
        "print(sorted({'shutil', 'sysconfig', 'pathlib', 'subprocess', 'tempfile'} & (set(sys.modules) - before)))"
    )
    assert run_bare(program, small.parent).stdout == "[]\n"
