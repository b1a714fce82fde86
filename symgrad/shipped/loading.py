"""Loads a package's shared object; builds it from the package's own C where the one that came along does not fit."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import shutil
import sys
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["load"]

Manifest = Mapping[str, Any]

_SECONDS = 300.0  # for the compiler, unless SYMGRAD_COMPILE_BUDGET says otherwise
_ADVICE = (
    "install a C compiler (apt install gcc python3-dev, xcode-select --install, or pip install ziglang), or export the "
    "module for this machine"
)


def load(package: str, file: str, key: str) -> tuple[Manifest, Any]:
    """Return a package's manifest and its native module, whose ``lib`` has the C functions.

    Parameters
    ----------
    package, file : str
        Name and ``__init__.py`` of the package.
    key : str
        What the package's Python files were written for.

    Raises
    ------
    ImportError
        When the package is damaged, or its shared object fits neither this machine nor can be built here.
    """
    folder = Path(file).parent
    manifest = _manifest(package, folder)
    if manifest["key"] != key:
        raise ImportError(f"{package}: it was replaced by another one while it was imported; import it again")
    name = f"{package}.{manifest['build']['module']}"
    beside = folder / manifest["build"]["object"]
    problem = _unfit(manifest, beside)
    if problem is None:
        try:
            return manifest, _import(name, beside)
        except ImportError as error:
            problem = str(error)
    return manifest, _rebuilt(package, name, folder, manifest, problem)


def _manifest(package: str, folder: Path) -> Manifest:
    try:
        manifest: Manifest = json.loads((folder / "manifest.json").read_bytes())
        manifest["key"], manifest["build"]["object"], manifest["build"]["module"]  # they are there
    except (OSError, ValueError, KeyError, TypeError) as error:
        place = folder / "manifest.json"
        raise ImportError(f"{package}: {place} is missing or damaged ({error}); export the module again") from None
    return manifest


def _unfit(manifest: Manifest, beside: Path) -> str | None:
    """Return why the shared object beside the code cannot be loaded here; None where it seems that it can."""
    build = manifest["build"]
    if build["platform"] != sysconfig.get_platform():
        return f"it was built for {build['platform']}, this is {sysconfig.get_platform()}"
    stable = build["python"] == "abi3" and not sysconfig.get_config_var("Py_GIL_DISABLED")
    if not stable and build["python"] != sys.implementation.cache_tag:
        return f"it was built for Python {build['python']}, this is {sys.implementation.cache_tag}"
    if build["cpu"]:
        from symgrad.shipped.building import cpu_features  # not needed for what runs on every CPU

        if build["cpu"] != cpu_features():
            return "it was built for another CPU (march=native)"
    try:
        content = beside.read_bytes()
    except OSError as error:
        return f"{beside.name} cannot be read ({error.strerror})"
    if hashlib.sha256(content).hexdigest() != manifest["files"][beside.name]:
        return f"{beside.name} is damaged"
    return None


def _import(name: str, path: Path) -> Any:
    loader = importlib.machinery.ExtensionFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


# Building


def _rebuilt(package: str, name: str, folder: Path, manifest: Manifest, problem: str) -> Any:
    """Return the native module built here, now or earlier, kept in the user's cache."""
    from symgrad.native import cache  # these are only for building
    from symgrad.shipped import building

    why = f"{package}: its shared object does not fit: {problem}"
    place = cache.cache_folder()
    sources = {s: manifest["files"][s] for s in manifest["build"]["sources"]}
    tags = [manifest["key"], sysconfig.get_platform(), str(sys.implementation.cache_tag), json.dumps(sources)]
    key = cache.digest("exported", *tags)
    found = cache.find(place, key)
    if found is None:
        try:
            command = building.find_command(os.environ.get("CC", "").strip(), os.environ.get("PATH", ""))
        except ValueError as error:
            raise ImportError(f"{why}; and CC cannot be read: {error}") from None
        if command is None:
            raise ImportError(f"{why}; and there is no C compiler to build another one with: {_ADVICE}")
        found = _build(why, command, place, key, folder, manifest)
    try:
        return _import(name, found.library)
    except ImportError as error:
        raise ImportError(f"{why}; the one built here cannot be loaded either: {error}") from None


def _build(why: str, command: tuple[str, ...], place: Path, key: str, folder: Path, manifest: Manifest) -> Any:
    from symgrad.native import cache
    from symgrad.shipped import building

    build = manifest["build"]
    seconds = _SECONDS
    with contextlib.suppress(ValueError):
        seconds = float(os.environ.get("SYMGRAD_COMPILE_BUDGET", ""))
    try:
        scratch = cache.scratch(place)
    except OSError as error:
        raise ImportError(f"{why}; and {place} cannot be written to build another one ({error})") from None
    try:
        for file in build["sources"]:
            content = (folder / file).read_bytes()
            if hashlib.sha256(content).hexdigest() != manifest["files"][file]:
                raise ImportError(f"{why}; and {folder / file}, to build another one from, is damaged: export the module again")
            (scratch / ("module.c" if file == build["wrapper"] else file)).write_bytes(content)
        files = ["module.c", *(f for f in build["sources"] if f.endswith(".c") and f != build["wrapper"])]
        whole = [*command, *build["flags"], *building.link_flags(), "-o", "module.so", *files, "-lm"]
        status, said = building.run_limited(whole, scratch, time.monotonic() + seconds)
        if status:
            lines = "\n  ".join(said.splitlines()[:20])
            raise ImportError(f"{why}; and building another one failed (status {status}; {_ADVICE}):\n  {lines}")
        return cache.publish(place, key, scratch, {"package": manifest["name"]})
    except TimeoutError:
        raise ImportError(
            f"{why}; and building another one was stopped after {seconds:g} s (SYMGRAD_COMPILE_BUDGET allows more)"
        ) from None
    except OSError as error:
        raise ImportError(f"{why}; and building another one failed: {error}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
