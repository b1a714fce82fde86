"""``symgrad demo``."""

from __future__ import annotations

import warnings

import click

from symgrad.cli.demonstration import demonstrate
from symgrad.cli.running import CHECK_FAILED, Command

__all__ = ["command"]


@click.command("demo", cls=Command)
def command() -> None:
    """Compile a function, show its gradient's C, call it, and check it against finite differences."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the error says the same
        agreed = demonstrate()
    if not agreed:
        raise click.exceptions.Exit(CHECK_FAILED)
