"""Benchmarks: ``python -m pytest tests/benchmarks`` measures, and prints one table of ratios with its targets.

In each group one entry is called ``symgrad``; the others are what it is held to. Medians, all in one run.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import sysconfig
from collections import defaultdict
from pathlib import Path

import cffi
import numpy as np
import pytest

TARGETS: dict[str, str] = {}

FLAGS = ["-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd"]


def target(group: str, limit: str) -> pytest.MarkDecorator:
    """Name a benchmark's group and the ratio it is to reach."""
    TARGETS[group] = limit
    return pytest.mark.benchmark(group=group, warmup=True, min_rounds=30, disable_gc=True)


@pytest.fixture(scope="session")
def by_hand(tmp_path_factory):
    """Return a function that compiles hand-written C and returns cffi's module for it, in API mode (its fastest)."""
    folder = tmp_path_factory.mktemp("hand")

    def build(name: str, declarations: str, source: str, *flags: str):
        ffi = cffi.FFI()
        ffi.cdef(declarations)
        ffi.set_source(name, source)
        ffi.emit_c_code(str(folder / f"{name}.c"))
        target = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
        include = f"-I{sysconfig.get_paths()['include']}"
        command = ["cc", "-shared", "-fPIC", *FLAGS, include, "-o", str(target), str(folder / f"{name}.c"), *flags, "-lm"]
        subprocess.run(command, check=True)
        sys.path.insert(0, str(folder))
        return __import__(name)

    return build


MEASURED: list[tuple[str, str, str]] = []


@pytest.fixture(scope="session")
def measured():
    """Return a function that adds a line to the table: what was measured, the figure, the target."""
    return lambda what, figure, limit: MEASURED.append((what, figure, limit))


def pytest_terminal_summary(terminalreporter, config):
    session = getattr(config, "_benchmarksession", None)
    groups = defaultdict(dict)
    for entry in session.benchmarks if session else ():
        groups[entry.group][entry.params["who"]] = entry.stats.median
    compiler = subprocess.run(["cc", "--version"], capture_output=True, text=True, check=False).stdout.splitlines()[0]
    write = terminalreporter.write_line
    terminalreporter.section("medians, one run")
    information = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    cpu = next((line.split(":")[1].strip() for line in information.splitlines() if "model name" in line), platform.processor())
    write(f"{cpu}; Python {platform.python_version()}, NumPy {np.__version__}, cffi {cffi.__version__}, {compiler}")
    for group, medians in groups.items():
        ours = medians.get("symgrad")
        for who, seconds in medians.items():
            line = f"{group:<52} {who:<28} {seconds * 1e6:12.3f} us"
            if not who.startswith("symgrad") and ours is not None:
                line += f"   symgrad takes {ours / seconds:5.2f}x   (target {TARGETS.get(group, '')})"
            write(line)
    for what, figure, limit in MEASURED:
        write(f"{what:<52} {figure:<44} (target {limit})")
