"""How commands run: which error ends with which exit code, and how warnings look."""

from __future__ import annotations

import re
import sys
import traceback
import warnings
from typing import Any, NoReturn

import click

from symgrad.cli.loading import UserCodeError, is_user_file, user_frame
from symgrad.cli.output import console
from symgrad.errors import CompileError, SymgradError

__all__ = ["CHECK_FAILED", "TOOLCHAIN", "USAGE", "Command", "Failure"]

CHECK_FAILED, USAGE, TOOLCHAIN, DEFECT = 1, 2, 3, 70

_LINE = re.compile(r" \(([^()\s]+):\d+\)\Z")
_PYTHON_WORDS = {"pass force=True": "give --force", "ranges has": "--range gives"}


class Failure(click.ClickException):
    """A command that ends with a message, what to do next, and an exit code.

    Attributes
    ----------
    kind : str
        The type of the error, for programs.
    hint : str
    """

    def __init__(self, code: int, kind: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind, self.hint = kind, hint
        vars(self)["exit_code"] = code  # click has one for a class

    def show(self, file: Any = None) -> None:
        """Print it for people, on the standard error output."""
        coloured = console(err=True).color_system is not None
        click.echo(f"{click.style('symgrad:', fg='red', bold=True) if coloured else 'symgrad:'} {self.message}", err=True)
        if self.hint:
            click.echo(f"  {self.hint}", err=True)


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
                hint = "`symgrad doctor` says what is there and what to install"
                raise Failure(TOOLCHAIN, "CompileError", _words(error), hint) from error
            except UserCodeError as error:
                raise Failure(USAGE, "UserCodeError", str(error)) from error
            except SymgradError as error:
                raise Failure(USAGE, type(error).__name__, _words(error)) from error
            except Exception as error:
                self.unexpected(error)

    def unexpected(self, error: Exception) -> NoReturn:
        """Show an error that the user's code raised while it was called, or a defect of symgrad with its traceback."""
        if isinstance(error, BrokenPipeError):
            raise error
        place, kind = user_frame(error), type(error).__name__
        if place:
            raise Failure(USAGE, kind, f"{place}: {kind}: {error}") from error
        if isinstance(error, OSError):
            file = f": {error.filename}" if error.filename else ""
            raise Failure(USAGE, kind, f"{error.strerror or error}{file}") from error
        if str(error).startswith(("SYMGRAD_", "Options.")):
            raise Failure(USAGE, kind, str(error)) from error
        traceback.print_exception(error)
        what = "this is a defect of symgrad, not of your code; please report it with the lines above"
        raise Failure(DEFECT, kind, what, f"{kind}: {error}") from error


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


def _show_warning(message: Any, category: Any, filename: str, lineno: int, file: Any = None, line: Any = None) -> None:
    click.echo(f"symgrad: warning: {_words(message)}", err=True)
