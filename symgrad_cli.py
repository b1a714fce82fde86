"""The ``symgrad`` command: its list of commands, and nothing else.

This module stands beside the package because importing any part of the package imports NumPy: help, completion and
usage errors do without, and take a third of the time. A command's own module, ``symgrad.cli.<command>``, is imported
when the command is named.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NoReturn

import click

__all__ = ["main"]

INTERRUPTED = 128 + signal.SIGINT
UNREAD = 141  # 128 + SIGPIPE, which not every system has: what shells see of a program whose reader went away
COMMANDS = {
    "export": "Write functions and derivatives as an importable package of plain C.",
    "show": "Show a function's graph, loops, C or LaTeX, or draw its graph.",
    "check": "Check derivatives against differences, and native code against the interpreter.",
    "bench": "Time native code against the interpreter, NumPy and what else is installed.",
    "cache": "List, explain, prune and clear the cache of compiled code.",
    "doctor": "Say what is there, what is missing, and what to install.",
    "demo": "Compile a function, show its gradient's C, call it, check it.",
    "completion": "Print the script that completes symgrad's commands in your shell.",
}


@contextmanager
def _while_read() -> Iterator[None]:
    """End quietly where whoever reads the output has gone, as ``head`` does: that is no failed check."""
    try:
        yield
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):  # what is left to be written would fail once more
            os.dup2(nowhere, stream.fileno())
        sys.exit(UNREAD)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used, and whose errors are JSON where that is asked for."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **settings: Any) -> Any:
        """Run the command; with ``--json`` an error is an object on the standard output, besides the message for people."""
        given = list(sys.argv[1:] if args is None else args)
        before = given[: given.index("--")] if "--" in given else given
        if "--json" not in before or not settings.get("standalone_mode", True):
            return super().main(given, *rest, **settings)
        try:
            with _while_read():
                code = super().main(given, *rest, **{**settings, "standalone_mode": False})
        except click.ClickException as error:
            error.show()
            kind, hint = getattr(error, "kind", type(error).__name__), getattr(error, "hint", "")
            _end_with_json(error.exit_code, kind, error.format_message(), hint)
        except click.Abort:
            _end_with_json(INTERRUPTED, "Interrupted", "interrupted")
        if code == INTERRUPTED:
            _end_with_json(INTERRUPTED, "Interrupted", "interrupted")
        sys.exit(code if isinstance(code, int) else 0)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the command line, which prints help."""
        with _while_read():
            return super().make_context(*args, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command, imported now; None where there is none."""
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"symgrad.cli.{name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant; the error for an unknown one names those that look like it."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"the commands are {', '.join(COMMANDS)}."
            raise click.UsageError(f"there is no command '{args[0]}'; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return the commands that begin with ``incomplete``, without importing them."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(n, help=h) for n, h in COMMANDS.items() if n.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C ends it quietly, with the exit code shells give to that."""
        try:
            with _while_read():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\nsymgrad: interrupted", err=True)
            ctx.exit(INTERRUPTED)


def _end_with_json(code: int, kind: str, message: str, hint: str = "") -> NoReturn:
    import json

    said = {"type": kind, "message": message, "hint": hint or None, "exit_code": code}
    click.echo(json.dumps({"ok": False, "error": said}, indent=2))
    sys.exit(code)


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"symgrad {import_module('symgrad').__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`symgrad COMMAND --help` says more, with examples. Exit codes: 0 done, 1 a check failed, 2 usage, 3 toolchain, "
    "130 interrupted, 141 nobody reads the output, 70 a defect of symgrad. With --json an error is an object on the standard "
    "output as well.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version.")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Compile mathematical functions and their exact derivatives to native code.

    A function is FILE.py:NAME, your own Python file, which is run; or --expr 'sin(x*y) + x**2'.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


if __name__ == "__main__":
    main(prog_name="symgrad")
