"""How commands run: which error ends with which exit code, and how warnings look."""

from __future__ import annotations

import re
import sys
import traceback
import warnings
from typing import Any

import click

from symgrad.cli.loading import UserCodeError, is_user_file, user_frame
from symgrad.cli.output import console
from symgrad.errors import CompileError, SymgradError

__all__ = ["CHECK_FAILED", "TOOLCHAIN", "USAGE", "Command", "fail"]

CHECK_FAILED, USAGE, TOOLCHAIN, DEFECT = 1, 2, 3, 70

_LINE = re.compile(r" \(([^()\s]+):\d+\)\Z")
_PYTHON_WORDS = {"pass force=True": "give --force", "ranges has": "--range gives"}


class Command(click.Command):
    """A command whose errors are one message that says what to do next, and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("default")
            if not _is_strict():
                warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except (click.exceptions.ClickException, click.exceptions.Exit, click.exceptions.Abort):
                raise
            except CompileError as error:
                fail(TOOLCHAIN, _words(error), "`symgrad doctor` says what is there and what to install")
            except UserCodeError as error:
                fail(USAGE, str(error))
            except SymgradError as error:
                fail(USAGE, _words(error))
            except Exception as error:
                self.unexpected(error)

    def unexpected(self, error: Exception) -> None:
        """Show an error that the user's code raised while it was called, or a defect of symgrad with its traceback."""
        if isinstance(error, BrokenPipeError):
            raise error
        place = user_frame(error)
        if place:
            fail(USAGE, f"{place}: {type(error).__name__}: {error}")
        if isinstance(error, OSError):
            fail(USAGE, f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        if str(error).startswith(("SYMGRAD_", "Options.")):
            fail(USAGE, str(error))
        traceback.print_exception(error)
        fail(DEFECT, "this is a defect of symgrad, not of your code; please report it with the lines above")


def fail(code: int, message: str, hint: str = "") -> None:
    """End the command with a message on the standard error output."""
    click.echo(f"{click.style('symgrad:', fg='red', bold=True) if _in_colour() else 'symgrad:'} {message}", err=True)
    if hint:
        click.echo(f"  {hint}", err=True)
    raise click.exceptions.Exit(code)


def _words(error: Exception) -> str:
    """Return an error's message in the words of the command line."""
    text = str(error)
    for python, ours in _PYTHON_WORDS.items():
        text = text.replace(python, ours)
    line = _LINE.search(text)
    if line is not None and not is_user_file(line[1]):  # the line of this command, which helps nobody
        text = text[: line.start()]
    return text.removeprefix("export: ")


def _is_strict() -> bool:
    return any(action == "error" for action, *_ in warnings.filters[:1])


def _in_colour() -> bool:
    return console(err=True).color_system is not None


def _show_warning(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
    click.echo(f"symgrad: warning: {_words(message)}", err=True)
