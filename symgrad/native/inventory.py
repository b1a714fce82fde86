"""What is in the cache: its entries, for people to look at."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symgrad.native import cache

__all__ = ["Kept", "difference", "inventory", "nearest"]


@dataclass(frozen=True, slots=True)
class Kept:
    """One entry.

    Attributes
    ----------
    key : str
    symbol : str
        Name of the function; empty for a damaged entry.
    bytes : int
    used : float
        When it was last used, in seconds since 1970.
    parts : mapping
        All that its key is made of; empty for entries of exported code and damaged ones.
    is_whole : bool
        Whether it would be loaded.
    """

    key: str
    symbol: str
    bytes: int
    used: float
    parts: Mapping[str, str]
    is_whole: bool

    @property
    def age(self) -> float:
        """Seconds since it was last used."""
        return max(time.time() - self.used, 0.0)


def inventory(folder: Path) -> list[Kept]:
    """Return all entries, the one used last first; looking does not count as using."""
    found = [kept for place in _places(folder) if (kept := _kept(place)) is not None]
    return sorted(found, key=lambda k: (-k.used, k.key))


def _places(folder: Path) -> Iterator[Path]:
    """Yield the folders of entries: 256 shards, in each what is called by the rest of a key."""
    for shard in sorted(folder.glob("[0-9a-f][0-9a-f]")):
        yield from sorted(shard.glob("[0-9a-f]*"))


def _kept(place: Path) -> Kept | None:
    key = place.parent.name + place.name
    usage = cache.usage(place)
    if usage is None:  # gone meanwhile
        return None
    entry = cache.read(place.parent.parent, key)
    record: Mapping[str, Any] = {} if entry is None else entry.record
    return Kept(key, str(record.get("symbol", "")), usage[1], usage[0], record.get("parts", {}), entry is not None)


def nearest(kept: list[Kept], parts: Mapping[str, str]) -> Kept | None:
    """Return the entry that differs in the fewest parts of its key: one of the same function, or None."""
    near = [k for k in kept if k.parts and (k.parts.get("graph") == parts["graph"] or k.parts.get("name") == parts["name"])]
    return min(near, key=lambda k: (len(difference(k.parts, parts)), -k.used), default=None)


def difference(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the names of the parts that differ."""
    return [name for name in now if before.get(name) != now[name]]
