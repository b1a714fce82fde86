"""``symgrad doctor``."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.text import Text

from symgrad.cli.findings import BROKEN, LIMITED, OK, OPTIONAL, Finding, findings
from symgrad.cli.output import console, print_json, print_table, working
from symgrad.cli.running import TOOLCHAIN, Command

__all__ = ["command"]

_MARKS = {OK: ("ok", "green"), LIMITED: ("limited", "yellow"), BROKEN: ("missing", "bold red"), OPTIONAL: ("not here", "dim")}


@click.command("doctor", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(as_json: bool) -> None:
    """Say what is there, what is missing, and what to install.

    A small function is compiled and called to find out. The exit code is 3 where that does not work.
    """
    with working("Looking around", quiet=as_json):
        found = findings()
    broken = [f for f in found if f.state == BROKEN]
    if as_json:
        print_json({"ok": not broken, "findings": [f.data for f in found]})
    else:
        _show(found)
    if broken:
        raise click.exceptions.Exit(TOOLCHAIN)


def _show(found: Sequence[Finding]) -> None:
    print_table(["", "what", "found"], [(Text(*_MARKS[f.state]), f.name, f.found) for f in found])
    todo = [f for f in found if f.advice]
    out = console()
    if todo:
        click.echo("\nTo do:" if any(f.state in (BROKEN, LIMITED) for f in todo) else "\nCould be added:")
        for f in sorted(todo, key=lambda f: (BROKEN, LIMITED, OPTIONAL, OK).index(f.state)):
            out.print(Text(f"  {f.name}: {f.advice}"), soft_wrap=not out.is_terminal)
    if not any(f.state == BROKEN for f in found):
        click.echo("\nFunctions are compiled and called here.")
