"""The cache of shared objects: entries named by the digest of all that affects them.

An entry is a folder with the shared object, its C source and a record of both, published whole by renaming.
Several processes and threads may build the same entry; the first to publish wins, and all entries are equal.

The cache is bounded, and looked after only when an entry is published. Entries are spread evenly over 256 shards by
the first two digits of their names, and only the new entry's shard is read: beyond ``ENTRIES`` entries or ``BYTES``
bytes there, those unused for longest go, but none that was used in the last hour, since somebody may be about to load
it. So there are at most 4096 entries, or 1 GiB, but for what was used in the last hour. Folders that a killed build
left behind go after a day.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["Entry", "cache_folder", "digest", "find", "publish", "read", "remove", "remove_builds", "scratch", "usage"]

ENTRIES = 16  # in each of 256 shards
BYTES = 1 << 22

_OBJECT, _SOURCE, _RECORD = "module.so", "module.c", "record.json"
_FOLDER = "symgrad-code"
_BUILD = ".build-"
_HOUR = 3600.0

_lock = threading.Lock()
_fallback: str | None = None


def _renew_lock() -> None:
    """Forget a lock that a thread held which does not exist in the child of a fork."""
    global _lock  # noqa: PLW0603  # one lock for the process
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@dataclass(frozen=True, slots=True)
class Entry:
    """A complete entry: the folder, its record and the C text."""

    folder: Path
    record: Mapping[str, Any]
    text: str = field(repr=False)

    @property
    def library(self) -> Path:
        """The shared object."""
        return self.folder / _OBJECT


def digest(*parts: str) -> str:
    """Return the name of the entry that depends on ``parts``, any strings."""
    content = [part.encode(errors="surrogatepass") for part in parts]
    return hashlib.sha256(b"".join(b"%d:%b" % (len(c), c) for c in content)).hexdigest()


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


@lru_cache(maxsize=16)
def _absolute(wanted: Path) -> Path:
    """Return a folder's place, the same for as long as the process runs, wherever it goes."""
    return Path(os.path.abspath(wanted))


def cache_folder() -> Path:
    """Return the folder of all entries, ``symgrad-code`` in the wanted one: private, made when missing.

    Where it cannot be used, a private temporary one for this process, after one warning. The mode of a folder that
    is there is never changed.
    """
    try:
        wanted = _absolute(_wanted())
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = wanted / _FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        _check_private(folder)
    except (OSError, RuntimeError) as error:
        return _temporary(error)
    return folder


def _check_private(folder: Path) -> None:
    """Raise unless nobody else can put code into a folder, or another one into its place."""
    if hasattr(os, "getuid"):
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise PermissionError(f"{folder} is a link, not a folder")
        if status.st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to somebody else")
        if status.st_mode & 0o022:
            raise PermissionError(f"{folder} can be written by others (chmod go-w would make it usable)")
        above = folder.parent.stat().st_mode
        if above & 0o002 and not above & stat.S_ISVTX:
            raise PermissionError(f"{folder.parent} can be written by everybody (chmod o-w would make it usable)")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} cannot be written")


def _temporary(error: Exception) -> Path:
    global _fallback  # noqa: PLW0603  # one folder for the process
    with _lock:
        if _fallback is None or not os.path.isdir(_fallback):
            _fallback = tempfile.mkdtemp(prefix="symgrad-")
            atexit.register(_remove, _fallback, os.getpid())
            warnings.warn(
                f"cache: {error}; compiled code is kept in {_fallback} for this process only; set SYMGRAD_CACHE_DIR",
                RuntimeWarning,
                stacklevel=3,
            )
        return Path(_fallback)


def _remove(folder: str, process: int) -> None:
    if os.getpid() == process:  # not the child of a fork
        shutil.rmtree(folder, ignore_errors=True)


def _place(folder: Path, key: str) -> Path:
    return folder / key[:2] / key[2:]


def find(folder: Path, key: str) -> Entry | None:
    """Return the entry named ``key``, which counts as using it, or None where it is missing or damaged."""
    try:
        os.utime(_place(folder, key) / _RECORD)  # used now
    except OSError:
        return None
    return read(folder, key)


def read(folder: Path, key: str) -> Entry | None:
    """Return the entry named ``key``, or None where it is missing or damaged."""
    place = _place(folder, key)
    try:
        record = json.loads((place / _RECORD).read_bytes())
        code = (place / _OBJECT).read_bytes()
        text = (place / _SOURCE).read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or record.get("key") != key:
        return None
    return Entry(place, record, text) if record.get("seal") == _seal(record, code, text) else None


def _seal(record: Mapping[str, Any], code: bytes, text: str) -> str:
    """Return the checksum of a shared object, its source, and its record but for the checksum itself."""
    rest = {k: v for k, v in record.items() if k != "seal"}
    made = hashlib.sha256(json.dumps(rest, sort_keys=True).encode())
    made.update(text.encode())
    made.update(code)
    return made.hexdigest()


def scratch(folder: Path) -> Path:
    """Return a new private folder on the same file system, for a build."""
    return Path(tempfile.mkdtemp(prefix=_BUILD, dir=folder))


def publish(folder: Path, key: str, built: Path, record: Mapping[str, Any]) -> Entry:
    """Publish a build folder that holds the shared object and the source; return the entry that now stands there."""
    code, text = (built / _OBJECT).read_bytes(), (built / _SOURCE).read_text(encoding="ascii")
    whole = {**record, "key": key}
    whole["seal"] = _seal(whole, code, text)
    (built / _RECORD).write_text(json.dumps(whole, indent=1, sort_keys=True), encoding="ascii")
    place = _place(folder, key)
    place.parent.mkdir(mode=0o700, exist_ok=True)
    for _ in range(8):
        try:
            built.rename(place)
            _tidy(folder, place.parent)
            return Entry(place, whole, text)
        except OSError:
            standing = find(folder, key)
            if standing is not None:
                shutil.rmtree(built, ignore_errors=True)
                return standing
            _set_aside(folder, place)
    raise OSError(f"cache: entry {place} can be neither read nor replaced")


def remove(folder: Path, key: str) -> None:
    """Take an entry away in one step."""
    _set_aside(folder, _place(folder, key))


def _set_aside(folder: Path, place: Path) -> None:
    """Take an entry away in one step, so that nobody sees half of it."""
    aside = scratch(folder)
    with contextlib.suppress(OSError):  # somebody else was first
        place.rename(aside / "entry")
    shutil.rmtree(aside, ignore_errors=True)


def _tidy(folder: Path, shard: Path) -> None:
    """Keep a shard bounded, and remove builds that nobody will finish; what others do meanwhile does no harm."""
    now = time.time()
    with contextlib.suppress(OSError):
        entries = sorted(filter(None, map(usage, shard.iterdir())), key=lambda e: e[0], reverse=True)
        total = 0
        for count, (used, size, place) in enumerate(entries, start=1):
            total += size
            if (count > ENTRIES or total > BYTES) and now - used > _HOUR:
                _set_aside(folder, place)
                total -= size
    remove_builds(folder, 24 * _HOUR)


def remove_builds(folder: Path, older_than: float) -> int:
    """Remove folders of builds that were begun so many seconds ago; return how many there were."""
    count = 0
    with contextlib.suppress(OSError):
        for build in folder.glob(f"{_BUILD}*"):
            if time.time() - build.stat().st_mtime > older_than:
                shutil.rmtree(build, ignore_errors=True)
                count += 1
    return count


def usage(place: Path) -> tuple[float, int, Path] | None:
    """Return when an entry was last used, its bytes and its place; None where it is gone."""
    try:
        record = place / _RECORD
        used = (record if record.exists() else place).stat().st_mtime
        return used, sum(file.stat().st_size for file in place.iterdir()), place
    except OSError:
        return None
