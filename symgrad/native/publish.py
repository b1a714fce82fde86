"""Puts a finished folder or file in its place in one step: others see the old one whole, or the new one whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import _cffi_backend as backend

from symgrad.errors import ExportError

__all__ = ["digests", "is_whole", "manifest_of", "publish_file", "publish_folder", "staging"]

_BUILD = ".export-"
_DAY = 86400.0
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def staging(directory: Path, name: str) -> Path:
    """Return a new private folder beside the place of ``name``, for what is being written.

    Folders that a killed export left behind are removed after a day.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob(f"{_BUILD}*"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > _DAY:
                shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_BUILD}{name}-", dir=directory))


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a folder, by name."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir()) if p.is_file()}


def manifest_of(folder: Path) -> Mapping[str, Any] | None:
    """Return the manifest of an exported module; None where ``folder`` holds none."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return None
    is_ours = isinstance(manifest, dict) and manifest.get("writer") == "symgrad" and isinstance(manifest.get("files"), dict)
    return manifest if is_ours else None


def is_whole(folder: Path, manifest: Mapping[str, Any]) -> bool:
    """Whether every file of a manifest is there, unchanged."""
    try:
        return all(
            hashlib.sha256((folder / file).read_bytes()).hexdigest() == digest for file, digest in manifest["files"].items()
        )
    except OSError:
        return False


def publish_folder(built: Path, place: Path, key: str, force: bool) -> None:
    """Put ``built`` in ``place``; where an equal module stands there already, that one stays.

    Raises
    ------
    ExportError
        When something else stands there and ``force`` is false.
    """
    for _ in range(8):
        try:
            if not place.exists():
                built.rename(place)
                return
        except OSError:
            if not place.exists():
                raise
            continue  # somebody else was first
        check_place(place, key, force)
        manifest = manifest_of(place)
        if manifest is not None and manifest["key"] == key and is_whole(place, manifest):
            return
        if _exchange(built, place):
            _put_away(built, place, manifest is not None)
            return
        with contextlib.suppress(OSError):
            aside = Path(tempfile.mkdtemp(prefix=_BUILD, dir=place.parent)) / "old"
            place.rename(aside)
            built.rename(place)
            _put_away(aside, place, manifest is not None)
            aside.parent.rmdir()
            return
    raise ExportError(f"export: {place} can be neither read nor replaced; somebody else keeps writing it")


def check_place(place: Path, key: str | None, force: bool) -> None:
    """Raise unless a module may be put in ``place``: nothing is there, the same module is, or ``force`` is given."""
    if not place.exists() or force:
        return
    manifest = manifest_of(place)
    if manifest is None:
        raise ExportError(
            f"export: {place} exists and is no module written by symgrad; choose another name or directory, or pass force=True "
            "(what is there is then kept beside it)"
        )
    if key is not None and manifest["key"] != key:
        raise ExportError(f"export: {place} holds another module; pass force=True to replace it, or choose another name")


def _put_away(old: Path, place: Path, ours: bool) -> None:
    """Remove what stood in a place if symgrad wrote it; keep anything else beside it."""
    if ours:
        shutil.rmtree(old, ignore_errors=True)
        return
    for k in range(1000):
        kept = place.with_name(f"{place.name}.before{k or ''}")
        if not kept.exists():
            old.rename(kept)
            return


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; return whether this system could."""
    ffi = backend.FFI()
    words = {"linux": ("int(*)(int, const char *, int, const char *, unsigned)", "renameat2"),
             "darwin": ("int(*)(const char *, const char *, unsigned)", "renamex_np")}.get(sys.platform)  # fmt: skip
    if words is None:
        return False
    try:
        function = backend.load_library(None, 0).load_function(ffi.typeof(words[0]), words[1])
    except (AttributeError, OSError):
        return False
    first, second = (ffi.new("char[]", os.fsencode(p.absolute())) for p in (one, other))
    arguments = (-100, first, -100, second, _EXCHANGE) if sys.platform == "linux" else (first, second, _EXCHANGE)
    return bool(function(*arguments) == 0)


def publish_file(content: bytes, place: Path) -> None:
    """Write a file whole, or not at all."""
    handle, temporary = tempfile.mkstemp(prefix=_BUILD, dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, place)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
