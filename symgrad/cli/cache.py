"""``symgrad cache``: a group of its own."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from symgrad.cli.output import amount, print_json, print_table, working
from symgrad.cli.running import Command
from symgrad.cli.subjects import compile_options, one_subject, options_from, planned, read_kinds, subject_options
from symgrad.native import cache
from symgrad.native.build import key_parts
from symgrad.native.inventory import Kept, difference, inventory, nearest

__all__ = ["command"]

_DAY = 86400.0
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_TIMES = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": _DAY, "w": 7 * _DAY}
_MEANING = {
    "symgrad": "another version of symgrad",
    "sources": "other files of symgrad: it was updated or edited",
    "graph": "another function: its mathematics, types or sizes changed",
    "name": "another name of the function",
    "inputs": "other names of arguments",
    "outputs": "other names of results",
    "dims": "other names of sizes",
    "doc": "another description",
    "options": "other options",
    "flags": "other compiler flags",
    "compiler": "another compiler, or an updated one",
    "cpu": "another CPU",
}


@click.group("cache")
def command() -> None:
    """Look after the cache of compiled code: list, size, explain, prune, clear.

    It is in $SYMGRAD_CACHE_DIR, else in the user's cache folder, and keeps itself below about 1 GiB.
    """


@command.command("list", cls=Command)
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1), help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print all of them as JSON.")
def list_entries(limit: int, as_json: bool) -> None:
    """List the entries, the one used last first."""
    folder = cache.cache_folder()
    with working("Reading the cache", quiet=as_json):
        kept = inventory(folder)
    if as_json:
        print_json({"folder": str(folder), "entries": [_data(k) for k in kept]})
        return
    rows = [(k.key[:12], k.symbol or "damaged", amount(k.bytes), _ago(k.age)) for k in kept[:limit]]
    if rows:
        print_table(["key", "function", "size", "last used"], rows, right=["size"])
    more = f", {len(kept) - limit} more (--limit {len(kept)} shows all)" if len(kept) > limit else ""
    click.echo(f"{_entries(len(kept))}, {amount(sum(k.bytes for k in kept))} in {folder}{more}")


@command.command("size", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def size(as_json: bool) -> None:
    """Say how large the cache is, and where."""
    folder = cache.cache_folder()
    with working("Reading the cache", quiet=as_json):
        kept = inventory(folder)
    total, damaged = sum(k.bytes for k in kept), sum(not k.is_whole for k in kept)
    if as_json:
        print_json({"folder": str(folder), "entries": len(kept), "bytes": total, "damaged": damaged})
        return
    broken = f", {damaged} damaged (`symgrad cache prune` removes them)" if damaged else ""
    click.echo(f"{_entries(len(kept))}, {amount(total)} in {folder}{broken}")


@command.command("explain", cls=Command, short_help="Say why a function would be compiled again.")
@subject_options
@click.option("--derivative", default="value", metavar="NAME", help="Of value, grad, hessian, ...  [default: value]")
@compile_options
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def explain(
    models: Sequence[str], expressions: Sequence[str], args: str | None, specs: Sequence[str], derivative: str,
    precise: bool, fast_math: bool, march: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Say whether a function would be found compiled; if not, what differs from the entry that is nearest.

    Only entries that were compiled with specs for the same types are the same function: name the same --spec.
    """
    kinds = read_kinds(derivative)
    if len(kinds) != 1:
        raise click.UsageError("--derivative: one at a time")
    options = options_from(precise, fast_math, march)
    subject = one_subject(models, expressions, args, specs)
    with working("Reading the cache", quiet=as_json):
        one = planned([subject], kinds, options)[-1]
        parts = key_parts(one.graph, one.name, one.input_names, one.trace.output_names, options)
        key = cache.digest(*parts.values())
        kept = inventory(cache.cache_folder())
    hit = next((k for k in kept if k.key == key and k.is_whole), None)
    near = None if hit else nearest(kept, parts)
    if as_json:
        differs = [] if near is None else difference(near.parts, parts)
        told = [{"part": n, "there": near.parts.get(n), "now": parts[n]} for n in differs] if near else []
        print_json({"function": one.name, "key": key, "hit": hit is not None, "nearest": near and near.key, "differs": told})
    elif hit is not None:
        click.echo(f"hit: {one.name} is entry {key[:12]}, {amount(hit.bytes)}, last used {_ago(hit.age)}")
    else:
        _explain_miss(one.name, parts, near, any(k.key == key for k in kept))


def _explain_miss(name: str, parts: dict[str, str], near: Kept | None, damaged: bool) -> None:
    if damaged:
        click.echo(f"miss: the entry of {name} is damaged; it is rebuilt when it is needed")
        return
    if near is None:
        click.echo(f"miss: nothing called {name}, and no function with the same mathematics, has been compiled yet")
        return
    click.echo(f"miss: the nearest entry is {near.key[:12]} ({near.symbol}, last used {_ago(near.age)}); it differs in")
    rows = [(n, _MEANING.get(n, ""), *_apart(near.parts.get(n, ""), parts[n])) for n in difference(near.parts, parts)]
    print_table(["part", "meaning", "there", "now"], rows)


def _apart(there: str, now: str) -> tuple[str, str]:
    """Return what two texts do not have in common: words, or the beginnings of digests."""
    if re.fullmatch("[0-9a-f]{64}", now):
        return there[:12], now[:12]
    first, second = there.split(" "), now.split(" ")
    return " ".join(w for w in first if w not in second), " ".join(w for w in second if w not in first)


def _age(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    match = re.fullmatch(r"(\d{1,6})([smhdw])", value or "")
    if value is not None and match is None:
        raise click.BadParameter("write a number and a unit, such as 30d or 12h")
    return float(match[1]) * _TIMES[match[2]] if match else None


def _bytes(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    match = re.fullmatch(r"(\d{1,9})([kmg]?)(?:i?b)?", (value or "").lower())
    if value is not None and match is None:
        raise click.BadParameter("write a number and a unit, such as 100M")
    return int(match[1]) * _UNITS[match[2]] if match else None


@command.command("prune", cls=Command, short_help="Remove what is damaged, old or too much.")
@click.option("--older-than", callback=_age, metavar="30d", help="Remove what was not used for so long (s, m, h, d, w).")
@click.option("--max-size", callback=_bytes, metavar="100M", help="Then remove what was not used for longest until it fits.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def prune(older_than: float | None, max_size: int | None, dry_run: bool, as_json: bool) -> None:
    """Remove damaged entries, what killed builds left behind, and what is old or too much, where that is asked for."""
    folder = cache.cache_folder()
    with working("Reading the cache", quiet=as_json):
        kept = inventory(folder)
        chosen = [k for k in kept if not k.is_whole or (older_than is not None and k.age > older_than)]
        rest = [k for k in kept if k not in chosen]
        while max_size is not None and rest and sum(k.bytes for k in rest) > max_size:
            chosen.append(rest.pop())  # the one not used for longest
        builds = 0 if dry_run else cache.remove_builds(folder, _DAY)
        _remove(folder, [] if dry_run else chosen)
    _told("would remove" if dry_run else "removed", folder, chosen, rest, builds, as_json)


@command.command("clear", cls=Command, short_help="Remove all entries.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def clear(yes: bool, as_json: bool) -> None:
    """Remove all entries; what is needed again is compiled again."""
    folder = cache.cache_folder()
    kept = inventory(folder)
    if kept and not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("add --yes: there is nobody to ask")
        click.confirm(f"Remove {_entries(len(kept))} from {folder}?", abort=True, err=True)
    with working("Clearing the cache", quiet=as_json):
        builds = cache.remove_builds(folder, _DAY)
        _remove(folder, kept)
    _told("removed", folder, kept, [], builds, as_json)


def _remove(folder: Path, chosen: Sequence[Kept]) -> None:
    for k in chosen:
        cache.remove(folder, k.key)


def _told(what: str, folder: Path, gone: Sequence[Kept], rest: Sequence[Kept], builds: int, as_json: bool) -> None:
    freed = sum(k.bytes for k in gone)
    if as_json:
        left = {"entries": len(rest), "bytes": sum(k.bytes for k in rest)}
        done = what == "removed"
        print_json({"folder": str(folder), "removed": [k.key for k in gone], "bytes": freed, "done": done, "left": left})
        return
    also = f" and {builds} unfinished builds" if builds else ""
    click.echo(f"{what} {_entries(len(gone))}{also}, {amount(freed)}; {_entries(len(rest))} left in {folder}")


def _data(k: Kept) -> dict[str, Any]:
    return {"key": k.key, "function": k.symbol or None, "bytes": k.bytes, "last_used": k.used, "damaged": not k.is_whole}


def _entries(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"


def _ago(seconds: float) -> str:
    for unit, size in (("days", _DAY), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return "just now" if seconds < 60 else "a minute ago"
