"""Modules exported once for many tests, and a Python that has NumPy and cffi and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import cffi
import numpy as np
import pytest

import symgrad as sg

from .models import DERIVATIVES, FUNCTIONS, SPECS


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """The folder of a module with functions of all kinds."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    folder = tmp_path_factory.mktemp("exported")
    return sg.export(FUNCTIONS, specs=SPECS, name="kinds", directory=folder, derivatives=DERIVATIVES, wheel=True)


@pytest.fixture(scope="session")
def module(exported):
    return sg.load(exported)


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """The folder of a module that is built in no time."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    few = {n: FUNCTIONS[n] for n in ("loss", "nest")}
    specs = {n: SPECS[n] for n in few}
    derivatives = {"loss": ("grad",)}
    return sg.export(
        few, specs=specs, name="kinds", directory=tmp_path_factory.mktemp("small"), derivatives=derivatives, wheel=True
    )


@pytest.fixture
def copied(small, tmp_path):
    """A copy of it that a test may damage."""
    return Path(shutil.copytree(small, tmp_path / "copied" / small.name))


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """Python in an environment of its own, in which only NumPy and cffi are installed."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    installed = Path(np.__file__).parent.parent
    names = [
        p.name
        for p in installed.iterdir()
        if p.name.split("-")[0].split(".")[0] in ("numpy", "cffi", "_cffi_backend", "pycparser")
    ]
    assert {"numpy", "cffi"} <= set(names)
    assert Path(cffi.__file__).parent.parent == installed
    for name in names:
        os.symlink(installed / name, Path(paths["purelib"]) / name)
    return folder / "bin" / "python"


@pytest.fixture
def run_bare(bare, tmp_path):
    """Return a function that runs a program there and returns what it printed; errors are the test's."""

    def run(program, *path, check=True, timeout=120, **environment):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SYMGRAD", "CC", "COV"))}
        settings = {"PYTHONPATH": os.pathsep.join(map(str, path)), "SYMGRAD_CACHE_DIR": str(tmp_path / "cache"), **environment}
        done = subprocess.run(
            [bare, "-c", program], capture_output=True, text=True, env={**clean, **settings}, cwd=tmp_path, timeout=timeout
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run
