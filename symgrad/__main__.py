"""``python -m symgrad``: the command line."""

from symgrad.cli.main import main

main(prog_name="symgrad")
