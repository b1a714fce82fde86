"""Finds a C compiler and runs it under a time limit; the one place that does, here and in exported packages."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache

__all__ = ["candidates", "cpu_features", "find_command", "link_flags", "object_suffix", "run_limited"]


def candidates(chosen: str) -> Iterator[tuple[str, ...]]:
    """Yield the commands that may be compilers, best first: ``chosen``, or cc, gcc, clang and the ziglang package.

    Raises
    ------
    ValueError
        When ``chosen`` cannot be read as a command.
    """
    if chosen:
        yield tuple(shlex.split(chosen))
        return
    yield from (("cc",), ("gcc",), ("clang",))
    if importlib.util.find_spec("ziglang") is not None:
        yield (sys.executable, "-m", "ziglang", "cc")


def find_command(chosen: str, path: str) -> tuple[str, ...] | None:
    """Return the first candidate that exists, with its full name; None where there is none."""
    for command in candidates(chosen):
        program = shutil.which(command[0], path=path)
        if program is not None:
            return (program, *command[1:])
    return None


@lru_cache(maxsize=1)
def cpu_features() -> str:
    """Return a digest of what this CPU can do, as far as ``-march=native`` depends on it."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            first = file.read(8192).split("\n\n")[0]
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    kept = [
        line for line in first.splitlines() if line.startswith(("flags", "Features", "model", "cpu family", "vendor_id", "CPU "))
    ]
    return hashlib.sha256("\n".join([platform.machine(), *kept]).encode()).hexdigest()[:16]


def object_suffix() -> str:
    """Return how a shared object is named that this Python, and later ones where it can be, will import."""
    stable = os.name == "posix" and not sysconfig.get_config_var("Py_DEBUG") and not sysconfig.get_config_var("Py_GIL_DISABLED")
    return ".abi3.so" if stable else str(sysconfig.get_config_var("EXT_SUFFIX"))


def link_flags() -> tuple[str, ...]:
    """Return what a compiler needs to know to make a module for this Python."""
    flags = ["-shared", "-Werror=implicit-function-declaration", f"-I{sysconfig.get_paths()['include']}"]
    if ".abi3." in object_suffix():
        flags.append("-DPy_LIMITED_API=0x030b0000")  # of Python 3.11
    if sys.platform == "win32":
        return (*flags, f"-L{os.path.join(sys.base_prefix, 'libs')}", "-lpython3")
    return (*flags, "-fPIC", *(("-undefined", "dynamic_lookup") if sys.platform == "darwin" else ()))


def run_limited(command: Sequence[str], folder: str | os.PathLike[str], deadline: float) -> tuple[int, str]:
    """Run a command in ``folder``; return its status and what it said.

    At ``deadline``, by ``time.monotonic()``, it and all it started are ended.

    Raises
    ------
    TimeoutError
        When it takes too long.
    OSError
        When it cannot be started.
    """
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=_environment(),
    )
    _running.add(process)
    try:
        said, _ = process.communicate(timeout=max(deadline - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        _kill(process)
        raise TimeoutError(f"{shlex.join(command[:3])} took too long") from None
    finally:
        if process.poll() is None:
            _kill(process)
            process.wait()
        _running.discard(process)
        if process.stdout is not None:
            process.stdout.close()
    return process.returncode, said.decode(errors="replace").strip()


def _environment() -> dict[str, str]:
    """Return the variables of a compiler whose messages are in English; another thread may change ours meanwhile."""
    ours = {name: os.environ.get(name) for name in list(os.environ)}
    return {name: value for name, value in ours.items() if value is not None} | {"LC_ALL": "C"}


_running: set[subprocess.Popen[bytes]] = set()  # of threads that nobody waits for, too


@atexit.register
def _end_all() -> None:
    """End the compilers that still run when Python ends."""
    for process in list(_running):
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a compiler's group: after a time-out its children may still run when it does not."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError, PermissionError):
        with contextlib.suppress(OSError):
            process.kill()
