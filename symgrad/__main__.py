"""``python -m symgrad``: the command line."""

from symgrad_cli import main

main(prog_name="symgrad")
