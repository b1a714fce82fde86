"""Loads a package's shared object; builds it from the package's own C where the one that came along does not fit."""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

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
    folder = os.path.dirname(file)
    manifest = _manifest(package, folder)
    if manifest["key"] != key:
        raise ImportError(f"{package}: it was replaced by another one while it was imported; import it again")
    name = f"{package}.{manifest['build']['module']}"
    beside = os.path.join(folder, manifest["build"]["object"])
    problem = _unfit(manifest, beside)
    if problem is None:
        try:
            return manifest, _import(name, beside)
        except ImportError as error:
            problem = str(error)
    return manifest, _rebuilt(package, name, folder, manifest, problem)


def _manifest(package: str, folder: str) -> Manifest:
    place = os.path.join(folder, "manifest.json")
    try:
        manifest: Manifest = json.loads(_content(place))
        manifest["key"], manifest["build"]["object"], manifest["build"]["module"]  # they are there
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImportError(f"{package}: {place} is missing or damaged ({error}); export the module again") from None
    return manifest


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _digest(content: bytes) -> str:
    import hashlib  # it and the others inside functions are no part of what Python starts with, and slow

    return hashlib.sha256(content).hexdigest()


def _platform() -> str:
    """Return what ``sysconfig.get_platform`` does."""
    if sys.platform == "linux" and "_PYTHON_HOST_PLATFORM" not in os.environ:
        return f"linux-{os.uname().machine}"
    import sysconfig

    return sysconfig.get_platform()


def _has_stable_interface() -> bool:
    """Whether this Python loads what is built for every version: it does unless it was built without a global lock."""
    free = f"{sys.version_info[0]}{sys.version_info[1]}t-"
    return not any(free in suffix for suffix in importlib.machinery.EXTENSION_SUFFIXES)


def _unfit(manifest: Manifest, beside: str) -> str | None:
    """Return why the shared object beside the code cannot be loaded here; None where it seems that it can."""
    build = manifest["build"]
    if build["platform"] != _platform():
        return f"it was built for {build['platform']}, this is {_platform()}"
    stable = build["python"] == "abi3" and _has_stable_interface()
    if not stable and build["python"] != sys.implementation.cache_tag:
        return f"it was built for Python {build['python']}, this is {sys.implementation.cache_tag}"
    if build["cpu"]:
        from symgrad.shipped.building import cpu_features  # not needed for what runs on every CPU

        if build["cpu"] != cpu_features():
            return "it was built for another CPU (march=native)"
    try:
        content = _content(beside)
    except OSError as error:
        return f"{build['object']} cannot be read ({error.strerror})"
    if _digest(content) != manifest["files"][build["object"]]:
        return f"{build['object']} is damaged"
    return None


def _import(name: str, path: str) -> Any:
    loader = importlib.machinery.ExtensionFileLoader(name, path)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


# Building


def _rebuilt(package: str, name: str, folder: str, manifest: Manifest, problem: str) -> Any:
    """Return the native module built here, now or earlier, kept in the user's cache."""
    from symgrad.native import cache  # these are only for building
    from symgrad.shipped import building

    why = f"{package}: its shared object does not fit: {problem}"
    place = cache.cache_folder()
    sources = {s: manifest["files"][s] for s in manifest["build"]["sources"]}
    tags = [manifest["key"], _platform(), str(sys.implementation.cache_tag), json.dumps(sources)]
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
        return _import(name, str(found.library))
    except ImportError as error:
        raise ImportError(f"{why}; the one built here cannot be loaded either: {error}") from None


def _build(why: str, command: tuple[str, ...], place: Path, key: str, folder: str, manifest: Manifest) -> Any:
    import shutil

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
            original = os.path.join(folder, file)
            content = _content(original)
            if _digest(content) != manifest["files"][file]:
                raise ImportError(f"{why}; and {original}, to build another one from, is damaged: export the module again")
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
