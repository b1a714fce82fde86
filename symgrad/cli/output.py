"""What commands print: tables for people, plain text for pipes, JSON for programs, progress for those who wait."""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

__all__ = ["Steps", "amount", "console", "duration", "print_code", "print_json", "print_table", "working"]

_PIPE_WIDTH = 100_000  # lines of a pipe are not folded
_PATIENCE = 1.0  # seconds before progress is shown


def console(err: bool = False) -> Console:
    """Return the console of the standard output, or error output, as it is now; plain and unfolded in a pipe."""
    stream = sys.stderr if err else sys.stdout
    found = Console(file=stream, highlight=False, emoji=False)
    if not found.is_terminal:
        return Console(file=stream, highlight=False, emoji=False, width=_PIPE_WIDTH)
    return found


def print_json(data: Any) -> None:
    """Print data as JSON; numbers JSON does not have become the strings ``"nan"``, ``"inf"`` and ``"-inf"``."""
    click.echo(json.dumps(_strict(data), indent=2, allow_nan=False))


def _strict(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(k): _strict(v) for k, v in data.items()}
    if isinstance(data, (list, tuple)):
        return [_strict(v) for v in data]
    if isinstance(data, float) and not math.isfinite(data):
        return repr(data)
    return data


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "", right: Sequence[str] = ()) -> None:
    """Print a table; columns named in ``right`` are aligned to the right. In a pipe there are no rules and no colours."""
    out = console()
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*[cell if isinstance(cell, Text) else Text(str(cell)) for cell in row])
    if title:
        out.print(Text(title, style="bold" if out.is_terminal else ""))
    with out.capture() as captured:
        out.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()), color=True)


def print_code(text: str, language: str) -> None:
    """Print source text, coloured in a terminal, to the letter in a pipe."""
    out = console()
    if out.is_terminal and out.color_system and language != "text":
        shown = Syntax("", language, theme="ansi_dark", background_color="default").highlight(text.rstrip("\n"))
        out.print(shown, soft_wrap=True)  # the terminal folds long lines, so that they are copied whole
    else:
        click.echo(text.rstrip("\n"))


def duration(seconds: float) -> str:
    """Return a time with three digits and its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{_three(seconds / size)} {unit}"
    return f"{_three(seconds * 1e9)} ns"


def amount(count: float) -> str:
    """Return a number of bytes with its unit."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{_three(count)} {unit}" if unit != "B" else f"{count:.0f} B"
        count /= 1024
    return f"{_three(count)} GiB"


def _three(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


class Steps:
    """Progress of some steps: shown on the error output, in a terminal, once a second has passed."""

    def __init__(self, progress: Progress | None, task: Any) -> None:
        self._progress, self._task = progress, task

    def next(self, what: str) -> None:
        """Say what the step is that begins now."""
        if self._progress is not None:
            self._progress.update(self._task, description=what)

    def done(self) -> None:
        """Count a step."""
        if self._progress is not None:
            self._progress.advance(self._task)


@contextmanager
def working(what: str, total: int | None = None, quiet: bool = False) -> Iterator[Steps]:
    """Show progress while the block runs; nothing is shown within the first second, nor where no terminal is."""
    out = console(err=True)
    if quiet or not out.is_terminal:
        yield Steps(None, None)
        return
    bar = [] if total is None else [BarColumn(24)]
    columns = [SpinnerColumn(), TextColumn("{task.description}"), *bar, TimeElapsedColumn()]
    progress = Progress(*columns, console=out, transient=True)
    task = progress.add_task(what, total=total)
    waiting = threading.Timer(_PATIENCE, progress.start)
    waiting.daemon = True
    waiting.start()
    try:
        yield Steps(progress, task)
    finally:
        waiting.cancel()
        waiting.join()
        progress.stop()
