"""What ``symgrad doctor`` finds: the compiler and whether it works, flags, CPU, libraries, the cache."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from symgrad.cli.output import amount, duration
from symgrad.codegen.folder import template_folder
from symgrad.compilation import compile
from symgrad.eager.functions import elementwise
from symgrad.errors import CompileError
from symgrad.native import cache
from symgrad.native.inventory import inventory
from symgrad.native.toolchain import find_compiler, flags_for, has_vector_library
from symgrad.options import Options
from symgrad.shipped.building import link_flags, run_limited
from symgrad.tracing import TensorSpec

__all__ = ["BROKEN", "LIMITED", "OK", "OPTIONAL", "Finding", "findings"]

OK, LIMITED, BROKEN, OPTIONAL = "ok", "limited", "broken", "optional"
_SECONDS = 20.0
_FEATURES = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512dq", "asimd", "sve")
_PACKAGES = {  # what each is for
    "scipy": (OPTIONAL, "special functions in the interpreter, examples", "pip install 'symgrad[scipy]'"),
    "scipy_openblas32": (OPTIONAL, "BLAS", "pip install 'symgrad[blas]'"),
    "ziglang": (OPTIONAL, "a C compiler from the registry, and cross-compiling", "pip install 'symgrad[zig]'"),
    "casadi": (OPTIONAL, "a row of symgrad bench", "pip install casadi"),
    "jax": (OPTIONAL, "a row of symgrad bench", "pip install jax"),
    "torch": (OPTIONAL, "a row of symgrad bench", "pip install torch"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for.

    Attributes
    ----------
    name : str
    state : str
        ``ok``, ``limited``, ``broken`` or ``optional``: not there, and not needed.
    found : str
        What is there.
    advice : str
        What to do; empty where nothing needs to be done.
    """

    name: str
    state: str
    found: str
    advice: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


def findings() -> list[Finding]:
    """Return everything there is to say."""
    looks: list[Callable[[], Finding | list[Finding]]] = [
        _python, _libraries, _compiler, _flags, _works, _headers, _cpu, _vector, _blas, _cache, _templates, _dot,
        _optional, _environment,
    ]  # fmt: skip
    found: list[Finding] = []
    for look in looks:
        one = look()
        found += one if isinstance(one, list) else [one]
    return found


def _python() -> Finding:
    return Finding("python", OK, f"{platform.python_implementation()} {platform.python_version()} at {sys.executable}")


def _libraries() -> list[Finding]:
    versions = {name: metadata.version(name) for name in ("numpy", "cffi", "sympy", "jinja2")}
    return [Finding(name, OK, version) for name, version in versions.items()]


def _compiler() -> Finding:
    try:
        command = find_compiler().command
    except CompileError as error:
        return Finding("compiler", BROKEN, "none", str(error).removeprefix("compiler: "))
    try:
        status, said = run_limited([*command, "--version"], os.getcwd(), time.monotonic() + _SECONDS)
    except (OSError, TimeoutError) as error:
        return Finding("compiler", BROKEN, " ".join(command), f"it cannot be started: {error}; set CC to one that works")
    first = said.splitlines()[0] if said else "(it says nothing)"
    if status:
        return Finding("compiler", LIMITED, " ".join(command), f"`--version` fails: {first[:100]}; is it a C compiler?")
    return Finding("compiler", OK, f"{' '.join(command)}: {first}")


def _flags() -> Finding:
    return Finding("flags", OK, " ".join(flags_for(Options.from_environment())))


def _works() -> Finding:
    """Compile a function and call it."""
    started = time.perf_counter()
    try:
        with warnings.catch_warnings(), _own_cache():
            warnings.simplefilter("ignore", RuntimeWarning)
            options = replace(Options.from_environment(), tier="native", compile_budget=_SECONDS)
            f = compile(lambda x: elementwise("sin")(x) * 2.0, specs=[TensorSpec("n")], options=options)
            f.c_source()
            seconds = time.perf_counter() - started
            x = np.linspace(0.0, 1.0, 100)
            right = bool(np.allclose(f(x), np.sin(x) * 2.0, rtol=1e-14))
    except CompileError as error:
        lines = str(error).splitlines()
        return Finding("compiling", BROKEN, "fails", " ".join(line.strip() for line in lines[:4])[:400])
    if not right:
        return Finding("compiling", BROKEN, "wrong numbers", "SYMGRAD_PRECISE=1 may help; please report it, with this output")
    return Finding("compiling", OK, f"a function of arrays in {duration(seconds)}, called, right")


@contextmanager
def _own_cache() -> Iterator[None]:
    """Keep the trial out of the user's cache."""
    before = os.environ.get("SYMGRAD_CACHE_DIR")
    with tempfile.TemporaryDirectory(prefix="symgrad-") as folder:
        os.environ["SYMGRAD_CACHE_DIR"] = folder
        try:
            yield
        finally:
            del os.environ["SYMGRAD_CACHE_DIR"]
            if before is not None:
                os.environ["SYMGRAD_CACHE_DIR"] = before


def _headers() -> Finding:
    """Say whether modules can be exported: they are compiled against Python's headers."""
    folder = next((f[2:] for f in link_flags() if f.startswith("-I")), "")
    if (Path(folder) / "Python.h").is_file():
        return Finding("Python.h", OK, f"{folder} (for symgrad export)")
    return Finding("Python.h", LIMITED, "none", f"symgrad export needs Python's headers in {folder}: apt install python3-dev")


def _cpu() -> Finding:
    name, features = platform.processor() or platform.machine(), [""]
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            lines = dict(line.split(":", 1) for line in file.read(16384).split("\n\n")[0].splitlines() if ":" in line)
    except OSError:
        lines = {}
    known = {k.strip(): v.strip() for k, v in lines.items()}
    name = known.get("model name", name)
    features = (known.get("flags") or known.get("Features") or "").split()
    has = [f for f in _FEATURES if f in features]
    return Finding("cpu", OK, f"{name}, {os.cpu_count()} cores" + (f": {' '.join(has)}" if has else ""))


def _vector() -> Finding:
    if has_vector_library():
        return Finding("vector math", OK, "libmvec: sin, exp, ... of arrays in SIMD, up to 4 ulp")
    why = "it comes with glibc 2.35 or later on x86-64 Linux; elsewhere functions of arrays use the scalar library"
    return Finding("vector math", OPTIONAL, "none", why)


def _blas() -> Finding:
    if importlib.util.find_spec("scipy_openblas32") is not None:
        return Finding("blas", OK, f"scipy-openblas32 {_version('scipy-openblas32')}; symgrad's own loops do not use it yet")
    config: Any = np.show_config(mode="dicts")
    name = config.get("Build Dependencies", {}).get("blas", {}).get("name", "unknown") if isinstance(config, dict) else "unknown"
    return Finding("blas", OK, f"NumPy's own ({name}); compiled products are symgrad's own loops")


def _cache() -> Finding:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        folder = cache.cache_folder()
    kept = inventory(folder)
    total = f"{len(kept)} {'entry' if len(kept) == 1 else 'entries'}, {amount(sum(k.bytes for k in kept))} in {folder}"
    if said:
        return Finding("cache", LIMITED, f"temporary: {folder}", str(said[0].message).removeprefix("cache: "))
    damaged = sum(not k.is_whole for k in kept)
    if damaged:
        return Finding("cache", LIMITED, total, f"{damaged} entries are damaged: `symgrad cache prune` removes them")
    return Finding("cache", OK, total)


def _templates() -> Finding:
    folder = Path(template_folder())
    count = len(list(folder.rglob("*.jinja")))
    if count:
        return Finding("templates", OK, f"{count} in {folder}")
    return Finding("templates", BROKEN, f"none in {folder}", "files are missing: pip install --force-reinstall symgrad")


def _dot() -> Finding:
    program = shutil.which("dot")
    if program:
        return Finding("graphviz", OK, program)
    return Finding("graphviz", OPTIONAL, "pictures of graphs are drawn by symgrad, as SVG", "apt install graphviz")


def _optional() -> list[Finding]:
    found = []
    for module, (state, purpose, advice) in _PACKAGES.items():
        if importlib.util.find_spec(module) is not None:
            found.append(Finding(module, OK, f"{_version(module)} ({purpose})"))
        else:
            found.append(Finding(module, state, purpose, advice))
    return found


def _version(module: str) -> str:
    for name in (module, module.replace("_", "-")):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "here"


def _environment() -> list[Finding]:
    names = sorted(n for n in os.environ if n.startswith("SYMGRAD_") or n == "CC")
    said = ", ".join(f"{n}={os.environ[n]}" for n in names)
    found = [Finding("variables", OK, said or "none set (SYMGRAD_..., CC)")]
    if os.environ.get("SYMGRAD_TIER") == "interpret":
        advice = "SYMGRAD_TIER=interpret is set: nothing is compiled in your programs; unset it"
        found[0] = Finding("variables", LIMITED, said, advice)
    return found
