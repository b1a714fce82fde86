"""``symgrad completion``."""

from __future__ import annotations

import os

import click
from click.shell_completion import get_completion_class

from symgrad.cli.running import Command

__all__ = ["command"]

_SHELLS = ("bash", "zsh", "fish")
_WHERE = {
    "bash": "symgrad completion bash > ~/.local/share/bash-completion/completions/symgrad",
    "zsh": "symgrad completion zsh > ~/.zfunc/_symgrad   (a folder of $fpath)",
    "fish": "symgrad completion fish > ~/.config/fish/completions/symgrad.fish",
}
_EXAMPLES = "\b\nExamples, one for each shell:\n" + "\n".join(f"  {line}" for line in _WHERE.values())


@click.command("completion", cls=Command, epilog=_EXAMPLES)
@click.argument("shell", required=False, type=click.Choice(_SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str | None) -> None:
    """Print the script that completes symgrad's commands, options and functions in your shell ($SHELL by default)."""
    shell = shell or os.path.basename(os.environ.get("SHELL", ""))
    if shell not in _SHELLS:
        raise click.UsageError(f"which shell? Give one of {', '.join(_SHELLS)}")
    made = get_completion_class(shell)
    assert made is not None  # click has all three
    click.echo(made(ctx.find_root().command, {}, "symgrad", "_SYMGRAD_COMPLETE").source())
