"""The ``symgrad`` command."""

from __future__ import annotations

import sys
import warnings

import click

import symgrad
from symgrad.cli.demonstration import demonstrate
from symgrad.errors import CompileError

__all__ = ["main"]

TOOLCHAIN = 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(symgrad.__version__, prog_name="symgrad")
def main() -> None:
    """Compile mathematical functions and their exact derivatives to native code.

    Exit codes: 0 done, 1 a check failed, 2 usage, 3 toolchain.
    """


@main.command()
def demo() -> None:
    """Compile a function, show its gradient's C, call it, and check it against finite differences."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the error says the same
            agreed = demonstrate()
    except CompileError as error:
        click.echo(f"symgrad: {error}", err=True)
        sys.exit(TOOLCHAIN)
    sys.exit(0 if agreed else 1)
