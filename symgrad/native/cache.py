"""The cache of shared objects: entries named by the digest of all that affects them.

An entry is a folder with the shared object, its C source and a record of both, published whole by renaming.
Several processes and threads may build the same entry; the first to publish wins, and all entries are equal.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Entry", "cache_folder", "digest", "find", "publish", "scratch"]

_OBJECT, _SOURCE, _RECORD = "module.so", "module.c", "record.json"

_lock = threading.Lock()
_fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A complete entry: the folder and its record."""

    folder: Path
    record: Mapping[str, Any]

    @property
    def library(self) -> Path:
        """The shared object."""
        return self.folder / _OBJECT

    @property
    def source(self) -> Path:
        """The C text."""
        return self.folder / _SOURCE


def digest(*parts: str) -> str:
    """Return the name of the entry that depends on ``parts``."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _wanted() -> Path:
    given = os.environ.get("SYMGRAD_CACHE_DIR")
    if given:
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "symgrad"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "symgrad"
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "symgrad"


def cache_folder() -> Path:
    """Return the folder of all entries: private, made when missing.

    Where the wanted one cannot be written, a private temporary one for this process, after one warning.
    """
    try:
        folder = _wanted()
        _make_private(folder)
    except (OSError, RuntimeError) as error:
        return _temporary(error)
    return folder


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid"):
        status = folder.stat()
        if status.st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to somebody else")
        if stat.S_IMODE(status.st_mode) & 0o077:
            folder.chmod(0o700)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} cannot be written")


def _temporary(error: Exception) -> Path:
    global _fallback  # noqa: PLW0603  # one folder for the process
    with _lock:
        if _fallback is None or not os.path.isdir(_fallback):
            _fallback = tempfile.mkdtemp(prefix="symgrad-")
            warnings.warn(
                f"cache: {error}; compiled code is kept in {_fallback} for this process only; set SYMGRAD_CACHE_DIR",
                RuntimeWarning,
                stacklevel=3,
            )
        return Path(_fallback)


def _place(folder: Path, key: str) -> Path:
    return folder / key[:2] / key[2:]


def find(folder: Path, key: str) -> Entry | None:
    """Return the entry named ``key``, or None where it is missing or damaged."""
    place = _place(folder, key)
    try:
        record = json.loads((place / _RECORD).read_bytes())
        content = (place / _OBJECT).read_bytes()
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or record.get("key") != key or not (place / _SOURCE).is_file():
        return None
    return Entry(place, record) if record.get("seal") == _seal(record, content) else None


def _seal(record: Mapping[str, Any], content: bytes) -> str:
    """Return the checksum of a shared object and of its record but for the checksum itself."""
    rest = {k: v for k, v in record.items() if k != "seal"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode() + content).hexdigest()


def scratch(folder: Path) -> Path:
    """Return a new private folder on the same file system, for a build."""
    return Path(tempfile.mkdtemp(prefix=".build-", dir=folder))


def publish(folder: Path, key: str, built: Path, record: Mapping[str, Any]) -> Entry:
    """Publish a build folder that holds the shared object and the source; return the entry that now stands there."""
    content = (built / _OBJECT).read_bytes()
    whole = {**record, "key": key}
    whole["seal"] = _seal(whole, content)
    (built / _RECORD).write_text(json.dumps(whole, indent=1, sort_keys=True), encoding="ascii")
    place = _place(folder, key)
    place.parent.mkdir(mode=0o700, exist_ok=True)
    for _ in range(8):
        try:
            built.rename(place)
            return Entry(place, whole)
        except OSError:
            standing = find(folder, key)
            if standing is not None:
                shutil.rmtree(built, ignore_errors=True)
                return standing
            _set_aside(folder, place)
    raise OSError(f"cache: entry {place} can be neither read nor replaced")


def _set_aside(folder: Path, place: Path) -> None:
    """Take a damaged entry away in one step, so that nobody sees half of it."""
    aside = scratch(folder)
    with contextlib.suppress(OSError):  # somebody else was first
        place.rename(aside / "damaged")
    shutil.rmtree(aside, ignore_errors=True)
