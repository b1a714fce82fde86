"""Finds a C compiler, says how it is called, and runs it under a time limit."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from symgrad.errors import CompileError
from symgrad.options import Options
from symgrad.shipped.building import cpu_features, find_command, run_limited

__all__ = ["Compiler", "CompilerTimeoutError", "cpu_features", "find_compiler", "flags_for", "run"]

_ADVICE = (
    "install one (apt install gcc, dnf install gcc, xcode-select --install), or `pip install symgrad[zig]`, "
    "or name one in the variable CC; SYMGRAD_TIER=interpret works without"
)
_PLAIN = ("-std=c99", "-shared", "-g0", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-pipe")
_SIMD = ("-DSG_SIMD", "-fopenmp-simd", "-mprefer-vector-width=512")
_HUGE = 3000  # statements beyond which compile time counts more than run time


class CompilerTimeoutError(CompileError):
    """The compiler was stopped because it took too long."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C compiler: the words that start it, and what tells it from any other one."""

    command: tuple[str, ...]
    identity: str


def find_compiler() -> Compiler:
    """Return the first of ``$CC``, cc, gcc, clang and the ziglang package that exists; starts no process.

    Raises
    ------
    CompileError
        When there is none.
    """
    chosen = os.environ.get("CC", "").strip()
    return _find(chosen, os.environ.get("PATH", ""))


@lru_cache(maxsize=16)
def _find(chosen: str, path: str) -> Compiler:
    try:
        command = find_command(chosen, path)
    except ValueError as error:
        raise CompileError(f"compiler: CC={chosen!r} cannot be read: {error}") from None
    if command is not None:
        return Compiler(command, _identity(command[0], command[1:]))
    if chosen:
        raise CompileError(f"compiler: CC={chosen} was not found; unset CC, or {_ADVICE}")
    raise CompileError(f"compiler: none of cc, gcc, clang and ziglang was found; {_ADVICE}")


def _identity(program: str, rest: Sequence[str]) -> str:
    """Return the real file's path, size and time: they change when the compiler does."""
    real = os.path.realpath(program)
    status = os.stat(real)
    return " ".join([real, str(status.st_size), str(status.st_mtime_ns), *rest])


@lru_cache(maxsize=1)
def has_vector_library() -> bool:
    """Whether this machine has libmvec with the functions that glibc 2.35 added."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return False
    import _cffi_backend as backend

    try:
        library = backend.load_library("libmvec.so.1", 0)
        kind = backend.FFI().typeof("double(*)(double)")
        library.load_function(kind, "_ZGVbN2v_log1p")
        library.load_function(kind, "_ZGVbN2v_tanh")
    except (AttributeError, OSError):
        return False
    return True


def flags_for(options: Options, statements: int = 0) -> tuple[str, ...]:
    """Return the compiler's flags; ``statements`` is the size of the source, where it is known."""
    flags = [*_PLAIN, "-O1" if statements > _HUGE else "-O2"]
    if options.fast_math:
        flags[flags.index("-ffp-contract=off")] = "-ffp-contract=fast"
    if sys.platform != "win32":
        flags.append("-fPIC")
    if options.march != "baseline":
        flags.append("-mcpu=native" if platform.machine() in ("arm64", "aarch64") else "-march=native")
    if not options.precise and has_vector_library():
        flags += _SIMD
    return tuple(flags)


def libraries_for(flags: Sequence[str]) -> tuple[str, ...]:
    """Return what stands after the source."""
    return ("-l:libmvec.so.1", "-lm") if "-DSG_SIMD" in flags else ("-lm",)


def without_simd(flags: Sequence[str]) -> tuple[str, ...]:
    """Return the flags for a compiler that does not know the SIMD ones."""
    return tuple(f for f in flags if f not in _SIMD)


def run(compiler: Compiler, arguments: Sequence[str], folder: Path, budget: float, deadline: float) -> None:
    """Run the compiler in ``folder``; at ``deadline``, by ``time.monotonic()``, it and all it started are ended.

    Raises
    ------
    CompilerTimeoutError
        When it takes too long; the message says that ``budget`` seconds were allowed.
    CompileError
        With the compiler's own words when it fails.
    """
    command = [*compiler.command, *arguments]
    try:
        status, said = run_limited(command, folder, deadline)
    except TimeoutError:
        raise CompilerTimeoutError(
            f"compiler: {shlex.join(compiler.command)} was stopped after {budget:g} s; "
            "allow more with Options(compile_budget=...) or SYMGRAD_COMPILE_BUDGET"
        ) from None
    except OSError as error:
        raise CompileError(f"compiler: {command[0]} cannot be started: {error}; {_ADVICE}") from error
    if status:
        shown = "\n  ".join(said.splitlines()[:20]) or "(it said nothing)"
        raise CompileError(
            f"compiler: {shlex.join(compiler.command)} failed with status {status}:\n  {shown}\n"
            f"its flags were {' '.join(arguments)}; if this compiler does not work, set CC to one that does"
        )
